"""This module computes the numbers of a batch of answers that are worth monitoring during training.

    numbers = metrics.of_batch(answers, rewards=paid, truth=right, history=past)
    numbers["answer_entropy"], numbers["no_signal"]

    no_answer                 share of completions without an answer
    distinct_answers          different answers of a group, mean over groups
    majority_share            share of its most frequent answer in a group, mean over groups
    answer_entropy            estimate of the entropy of the answers in nats, mean over groups
    answer_entropy_error      its standard error over groups
    answer_entropy_bias       certified bound of its bias per possible answer
    no_signal                 share of completions in groups whose advantages are all 0
    accuracy                  share of right completions among those that have a right answer
    drift                     how far the policy moves between two visits of a prompt (`History.drift`)

A number that cannot be computed is left out: no_signal without rewards, accuracy without right answers,
drift without a history that has visited a prompt twice, the standard error of a single group, the entropy
of groups of fewer than 3 completions or of a size for which no table is released, and the bias bound of a
closed form, whose certificate is only proved on request.

How the entropy is estimated.  The table c of the rewards, of sample size K = G - 2, has the mean P(p) at an
answer of probability p.  Each completion's answer is counted among the G - 1 others.  Averaging c over all
choices of K of these G - 1 draws gives a table c' of G - 1 draws, which has the same mean P(p)
(Rao-Blackwell).  Hence

    H = -(1/G) sum_i c'[X_i - 1],    E H = -sum_z p_z P(p_z),
    |E H - entropy| <= sum_z |p_z (P(p_z) - log p_z)|

and each of these terms is at most the certified bias of the table.  A missing answer is one of the outcomes
z.  The bias of H is therefore at most answer_entropy_bias times the number of possible outcomes.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Unpack, cast

import numpy as np

from polyest import tallies
from polyest.arrays import Array, Bools, Floats, Ints, to_numpy
from polyest.counts import SPENT
from polyest.errors import CountOutOfRange, InvalidReward, TableNotFound
from polyest.history.history import History
from polyest.problem.bernstein import elevate
from polyest.reals import on_host
from polyest.rewards.estimates import rewarded, table
from polyest.rewards.options import TABLES, Estimator, Options, parse_options
from polyest.selection import silent
from polyest.tables.table import Table
from polyest.tallies import NO_ANSWER, integers
from polyest.values import shown

if TYPE_CHECKING:
    from polyest.rewards.options import Which

__all__ = ["of_batch"]
LEAST = SPENT["group-mean"] + 1  # completions of a group in which an entropy is estimated
OTHERS = tuple(name for name in Options.__annotations__ if name not in TABLES)


def of_batch(
    answers: Array,
    *,
    groups: Array | None = None,
    rewards: Array | None = None,
    truth: Array | None = None,
    history: History | None = None,
    no_answer: int = NO_ANSWER,
    **options: "Unpack[Which]",
) -> dict[str, float]:
    """Compute the numbers of a batch of answers that are worth monitoring during training.

        answer_entropy = -(1/G) sum_i c'[X_i - 1],  mean over groups

    The module lists the names and says when a number is left out.

    Parameters
    ----------
    answers : integer Array, (prompts, G) or (N,)
        The answer of each completion: (N,) with `groups`.
    groups : integer Array (N,) or None
        The id of each completion's group, if the answers are a flat array.
    rewards : Array or None
        The rewards, in the shape of the answers; nan for a completion that is left out.
    truth : integer Array or None
        The right answers, (prompts,) or in the shape of the answers; `no_answer` where none is known.
    history : History or None
        The history that the rewards use.
    no_answer : int
        The integer that marks a completion without an answer.
    **options : Which
        The keywords that choose the table of the log which estimates the entropy, as for rewards.

    Returns
    -------
    dict of str to float
        The numbers by name, each finite.

    Raises
    ------
    CountOutOfRange
        If answers, ids or right answers are not integers, or shapes do not match.
    InvalidReward
        If rewards do not have the shape of the answers, or the history or an option is not valid.
    Mismatch
        If a Table of another target or another sample size is given.
    UnknownOption
        If a keyword is not one that chooses a table.

    Examples
    --------
    >>> numbers = of_batch([[7, 7, 3, -1], [5, 5, 5, 5]], truth=[7, 5], table="harmonic")
    >>> [numbers[name] for name in ("no_answer", "distinct_answers", "majority_share", "accuracy")]
    [0.125, 1.5, 0.75, 0.75]
    >>> round(numbers["answer_entropy"], 3)  # c' is -3/2, -5/6, -1/3, 0: the mean of 7/6 and 0
    0.583
    """
    how = parse_options("log", 1.0, 1, cast(Options, options), but=OTHERS)
    said, which = _flat(answers, groups)
    answered = said != tallies.marker(no_answer)
    sizes = np.bincount(which)
    times = tallies.in_pairs(np, which, said)
    numbers = {
        "no_answer": float(1 - answered.mean()),
        "distinct_answers": float((answered / times).sum() / len(sizes)),
        "majority_share": float((_greatest(times * answered, which) / sizes).mean()),
    }
    numbers |= _entropy(how, times, which, sizes)
    if rewards is not None:
        paid = on_host("rewards", rewards)
        if paid.size != said.size:
            raise InvalidReward(
                f"rewards of shape {paid.shape}: expected one for each of {said.size} answers"
            )
        numbers["no_signal"] = float(silent(paid.reshape(-1), groups=which).mean())
    if truth is not None:
        numbers |= _accuracy(said, answered, _labels(truth, answers, said), no_answer)
    if history is not None:
        if not isinstance(history, History):
            raise InvalidReward(f"history is {shown(history)}: expected a polyest.History")
        if (moved := history.drift()) is not None:
            numbers["drift"] = moved
    return numbers


def _flat(answers: Array, groups: Array | None) -> tuple[Ints, Ints]:
    """Answers (N,) and numbers 0, 1, ... (N,) of their groups, on the host."""
    said = to_numpy(integers("answers", answers, answers))
    if said.ndim != (2 if groups is None else 1):
        raise CountOutOfRange(
            f"answers of shape {said.shape}: expected (prompts, G), or (N,) with groups="
        )
    if groups is None:
        return said.reshape(-1), np.repeat(np.arange(len(said)), said.shape[1])
    ids = to_numpy(integers("groups", groups, groups))
    if ids.shape != said.shape:
        raise CountOutOfRange(
            f"groups of shape {ids.shape} for answers of shape {said.shape}: expected one id for each"
        )
    return said, np.unique(ids, return_inverse=True)[1]


def _greatest(values: Ints, which: Ints) -> Ints:
    """The greatest value of each group; values are not negative."""
    most = np.zeros(which.max() + 1, np.int64)
    np.maximum.at(most, which, values)
    return most


def _entropy(how: Estimator, times: Ints, which: Ints, sizes: Ints) -> Mapping[str, float]:
    """The estimate over all groups whose size has a table, its standard error and its bound."""
    by_size = {G: _elevated(how, G) for G in np.unique(sizes).tolist() if G >= LEAST}
    tabled = {G: pair for G, pair in by_size.items() if pair is not None}
    if not tabled:
        return {}
    enough = np.isin(sizes, [*tabled])
    each = np.zeros(len(sizes))
    bounds = []
    for G, (entries, bound) in tabled.items():
        rows = sizes[which] == G
        np.add.at(each, which[rows], -entries[times[rows] - 1] / G)
        bounds.append(bound)
    estimates = each[enough]
    numbers = {"answer_entropy": float(estimates.mean())}
    if len(estimates) > 1:
        numbers["answer_entropy_error"] = float(estimates.std(ddof=1) / len(estimates) ** 0.5)
    known = [bound for bound in bounds if bound is not None]
    if len(known) == len(bounds):
        numbers["answer_entropy_bias"] = max(known)
    return numbers


@lru_cache(maxsize=256)
def _elevated(how: Estimator, G: int) -> tuple[Floats, float | None] | None:
    """Entries of G - 1 draws with the mean of the table of G - 2, and its certified bias, if there is one."""
    K = G - SPENT["group-mean"]
    try:
        lookup = table(how, K)
    except TableNotFound:
        return None
    proved = lookup.claims if isinstance(lookup, Table) else lookup.certificate
    entries = np.array(elevate(rewarded(how, K).tolist(), K + 1))
    return entries, None if proved is None else proved.bias.upper


def _labels(truth: Array, answers: Array, said: Ints) -> Ints:
    """The right answer of each completion (N,)."""
    labels: Ints = to_numpy(integers("truth", truth, truth))
    shape = np.shape(to_numpy(integers("answers", answers, answers)))
    if len(shape) == 2 and labels.shape == shape[:1]:
        return np.repeat(labels, shape[1])
    if labels.shape != shape:
        raise CountOutOfRange(
            f"truth is {shown(truth)} for answers of shape {shape}: expected one for each prompt or for "
            "each completion"
        )
    return labels.reshape(said.shape)


def _accuracy(said: Ints, answered: Bools, labels: Ints, no_answer: int) -> Mapping[str, float]:
    """The share of right completions among those that have a right answer, if there are any."""
    known = labels != tallies.marker(no_answer)
    return {"accuracy": float((answered & (said == labels))[known].mean())} if known.any() else {}
