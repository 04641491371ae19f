"""This module, which all rewards share, looks counts up in the table of their sample size K.

Counts carry their sample size K (counts.py).  The table of K draws is read from its file once, copied to
each device on which it is used, and indexed.  The host never reads values back from a device: the indices
that `counts` returns are in 0..K and are not checked again.
"""

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest import closed_forms, counts
from polyest.arrays import (
    Array,
    Bools,
    Floats,
    Ints,
    host_reads,
    int64,
    least,
    library,
    own,
    placed,
    static_int,
    taken,
    to_numpy,
)
from polyest.errors import InvalidReward, Mismatch, TableNotFound
from polyest.history.history import History
from polyest.rewards import dyadic
from polyest.rewards.gate import right_of, warn_of_penalty
from polyest.rewards.options import (
    ALL_NEGATIVE,
    LOWEST,
    TABLES,
    Estimator,
    Options,
    Target,
    parse_options,
)
from polyest.rewards.tracing import constant
from polyest.tables.lookup import Lookup
from polyest.tables.release import load
from polyest.tables.table import Table
from polyest.values import among, shown

if TYPE_CHECKING:
    import torch


def table(how: Estimator, K: int) -> Lookup:
    """The table of K draws.

    Raises TableNotFound where none is released, Mismatch where the caller's table has another sample size.
    """
    if isinstance(how.table, Lookup):
        if how.table.K != K:
            raise Mismatch(
                f"table is {how.table!r}, but the counts have K = {K} draws: load the table of K = {K}, or "
                "give criterion and noise in place of a table, and the counts choose it"
            )
        return how.table
    closed = (how.table,) if isinstance(how.table, str) else how.target
    if not isinstance(closed, str):
        closed_form: Table = getattr(closed_forms, closed[0])(K, *closed[1:])
        return closed_form
    return load(
        K, closed, **{n: value for n in TABLES[:-1] if (value := getattr(how, n)) is not None}
    )


def rewarded(how: Estimator, K: int, group: int = 0) -> Floats:
    """Rewards sign beta c of the counts 0..K and the bonus, float64 (K+1,), finite.

    group: the size G of a group whose rewards sum exactly in float32 (dyadic), or 0 for no rounding.

    Raises InvalidReward where beta c overflows.
    """
    if (own_entries := how.own_entries) is not None:
        lookup, given = None, np.array(own_entries[K])
    else:
        lookup = table(how, K)
        given = lookup.coefficients if isinstance(lookup, Table) else lookup[np.arange(K + 1)]
    with np.errstate(over="ignore"):
        paid = how.sign * how.beta * given + how.bonus
    if not np.isfinite(paid).all():
        whose = "the function's values" if lookup is None else f"the entries of {lookup!r}"
        raise InvalidReward(
            f"beta is {how.beta:g}: its product with {whose} is beyond float64; use a smaller beta"
        )
    if group:
        paid = dyadic.of_table(lookup, paid, how.beta, group)
    return np.asarray(paid + 0.0)  # + 0.0 turns -0.0 into 0.0


def counted(answers: Array, options: Options, how: Estimator | None = None) -> counts.Counts:
    """Counts of the answers, as the options ask for them.

    how: whose tables are looked up, if any are: a history with visits="auto" looks back by what there is.

    Raises CountOutOfRange and InvalidProblem as `counts` does, InvalidHistory as `History.counted` does,
    InvalidReward where only one of reference= and counting="independent" is given, for groups beside a
    reference, and for options that do not go with a history.
    """
    earlier = _earlier(answers, options, how)
    counting, reference = options.get("counting", "in-group"), options.get("reference")
    baseline = options.get("baseline", "group-mean")
    no_answer = options.get("no_answer", counts.NO_ANSWER)
    groups, sizes = options.get("groups"), options.get("sizes")
    if reference is None and among(counting, ("in-group",)):
        return counts.in_group(
            answers,
            groups=groups,
            sizes=sizes,
            baseline=baseline,
            no_answer=no_answer,
            earlier=earlier,
        )
    counts.draws(3, baseline, counting)  # knows both words, or says which there are
    if (counting == "independent") != (reference is not None):
        raise InvalidReward(
            f"counting is {shown(counting)} and reference is "
            f"{'given' if reference is not None else 'missing'}: expected reference=, with draws of the "
            'same prompts, for "independent" counts, and none for "in-group" ones'
        )
    if groups is not None or sizes is not None:
        raise InvalidReward(
            "groups or sizes given with reference: expected answers of shape (prompts, G), without them; "
            "reshape the answers"
        )
    seen = counts.independent(answers, reference, no_answer=no_answer)
    if earlier is None:
        return seen
    index, K, distinct = counts.continued(seen.index, seen.draws, seen.distinct, earlier)
    return counts.Counts(index, K, seen.answered, distinct)


def _earlier(
    answers: Array, options: Options, how: Estimator | None
) -> tuple[Ints, int | Ints] | None:
    """M and W of earlier completions, or those themselves where one pass counts both; None without a history.

    Raises InvalidReward for a history of another type, for prompts without one, and beside sizes and the
    exact baseline, InvalidHistory as `History.counted` does.
    """
    history, prompts = options.get("history"), options.get("prompts")
    if history is None:
        if prompts is not None:
            raise InvalidReward("prompts given without history: expected both, or neither")
        return None
    if not isinstance(history, History):
        raise InvalidReward(f"history is {shown(history)}: expected a polyest.History")
    if options.get("sizes") is not None:
        raise InvalidReward(
            "sizes given with history: leave sizes out, because the history decides which K occur"
        )
    if among(options.get("baseline"), ("exact",)):
        raise InvalidReward(
            'baseline is "exact" with history: expected "group-mean" or "none", because the exact count '
            "baseline takes no earlier completions"
        )
    no_answer, groups = options.get("no_answer", counts.NO_ANSWER), options.get("groups")
    fits = None if how is None or not history.auto else partial(_fitting, how, answers, options)
    if groups is None and options.get("reference") is None and host_reads(answers):
        return history.earlier(answers, prompts, no_answer=no_answer, fits=fits)
    return history.counted(answers, prompts, groups=groups, no_answer=no_answer, fits=fits)


def _fitting(how: Estimator, answers: Array, options: Options, earlier: Ints) -> Bools:
    """Whether there is a table for each W of earlier completions, (rows, windows)."""
    reference, groups = options.get("reference"), options.get("groups")
    others: Any = np.shape(reference if reference is not None else answers)[-1]
    if groups is not None:
        _, which, each = np.unique(to_numpy(groups), return_inverse=True, return_counts=True)
        others = each[which.reshape(-1)][:, None]
    if reference is None:
        others = others - counts.SPENT[options.get("baseline", "group-mean")]
    K = earlier + others
    every = np.unique(K)
    return np.isin(K, every[[_found(how, int(n)) for n in every]])


@lru_cache(maxsize=4096)
def _found(how: Estimator, K: int) -> bool:
    """Whether there is a table of K draws, or the caller's entries are of that size."""
    if (own_entries := how.own_entries) is not None:
        return not own_entries or K in own_entries
    try:
        table(how, K)
    except (TableNotFound, Mismatch):
        return False
    return True


def estimated(
    answers: Array, target: Target, beta: object, options: Options, sign: int = 1
) -> tuple[Array, counts.Counts]:
    """Rewards sign beta c[index], and the counts that they were looked up by.

    Returns float64 in the shape of the answers; a completion without answer has nan, or the least of all
    sign beta c of its table.  Behind a gate right ones earn the bonus too, and all others 0.  Raises what
    `parse_options`, `counted`, `table` and `right_of` do.
    """
    how = parse_options(target, beta, sign, options)
    seen = counted(answers, options, how)
    return looked_up(how, seen, answers, options), seen


def looked_up(how: Estimator, seen: counts.Counts, answers: Array, options: Options) -> Array:
    """The rewards of `estimated`, of answers that were counted."""
    right = right_of(answers, seen.answered, options, how.named())
    rounded = options.get("dyadic", False)
    groups = group_sizes(seen, options) if rounded else (0,) * len(seen.distinct)
    try:
        paying = entries(how, seen.distinct, groups, seen.index)
    except TableNotFound as error:
        if options.get("history") is None:
            raise
        raise TableNotFound(f"{_earlier_of(how, seen, options)}: {error}") from None
    if len(seen.distinct) == 1:
        paid, lowest = taken(paying[0, :], seen.index), library(paying).min(paying)
    else:
        row = _rows(seen)
        paid = taken(library(paying).reshape(paying, (-1,)), row * paying.shape[1] + seen.index)
        lowest = taken(least(paying, 1), row)
    if right is None:
        return filled(paid, seen.answered, lowest, options)
    _judge(tuple(how), seen.distinct, groups)
    return library(paid).where(right, paid, 0.0)


def _earlier_of(how: Estimator, seen: counts.Counts, options: Options) -> str:
    """Which number of earlier completions has no table, and what can be done, for a message."""
    for K in seen.distinct:
        try:
            table(how, K)
        except TableNotFound:
            break
    G = group_sizes(seen, options)[-1]
    reference, baseline = options.get("reference"), options.get("baseline", "group-mean")
    others = G - counts.SPENT[baseline] if reference is None else np.shape(reference)[1]
    return (
        f"W = {K - others} earlier completions beside a group of {G} need K = {K}; keep another number of "
        "each visit, History(answers=), such as G, or name a closed form, table="
    )


def group_sizes(seen: counts.Counts, options: Options) -> tuple[int, ...]:
    """The group size G = K + spent for each distinct K; with a reference or a history the greatest G."""
    if seen.index.ndim == 2:
        return (static_int(seen.index.shape[1]),) * len(seen.distinct)
    if options.get("history") is not None:
        _, G = np.unique(to_numpy(options["groups"]), return_counts=True)
        return (int(G.max()),) * len(seen.distinct)
    spent = counts.SPENT[options.get("baseline", "group-mean")]
    return tuple(K + spent for K in seen.distinct)


def filled(paid: Array, answered: Array, lowest: object, options: Options) -> Array:
    """Rewards where there is an answer; elsewhere nan, or `lowest` if the options say so."""
    xp = library(paid)
    return xp.where(answered, paid, xp.nan if options.get("unanswered") != LOWEST else lowest)


def summable(paid: Array, most: float, group: int, options: Options) -> Array:
    """Rewards of absolute value `most` at most, on the dyadic grid of a group if the options say so."""
    return dyadic.on_grid(paid, most, group) if options.get("dyadic", False) else paid


def extremes(how: Estimator, K: int) -> tuple[float, float]:
    """The least of the rewards of the counts 0..K, and their greatest absolute value."""
    return _extremes(tuple(how), K)


def entries(
    how: Estimator, distinct: tuple[int, ...], groups: tuple[int, ...], like: Array
) -> Array:
    """Rewards of all counts, on the device of `like`.

    distinct: sample sizes K; groups: for each the size of a group, or 0, as in `rewarded`.

    Returns float64 (len(distinct), max K + 1); a row of fewer counts is filled up with its least reward.
    """
    torch = library(like).__name__ == "torch"
    rewards = _constant(tuple(how), distinct, groups, like.device if torch else None)
    return rewards if torch else placed(rewards, like)


def _rows(seen: counts.Counts) -> Array:
    """For each completion, the place of its K among the distinct ones."""
    xp = library(seen.draws)
    if xp is np:
        return np.searchsorted(seen.distinct, seen.draws)
    if not own(xp):  # few K, of the rows of a batch with a history
        return sum(int64(seen.draws > K) for K in seen.distinct[:-1])
    distinct = xp.tensor(seen.distinct, device=seen.draws.device)
    return xp.searchsorted(distinct, seen.draws.contiguous())


@constant
def _judge(how: tuple[Any, ...], distinct: tuple[int, ...], groups: tuple[int, ...]) -> None:
    """Warns RightPaidLess where a right answer is paid less than 0; InvalidReward where none is paid more."""
    paying = Estimator(*how)
    rewards = _tabulated(paying, distinct, groups, None)
    if rewards.min() >= 0:
        return
    if not paying.bonus and rewards.max() <= 0:
        raise InvalidReward(ALL_NEGATIVE)
    exact = _tabulated(paying._replace(bonus=0.0), distinct, (0,) * len(distinct), None)
    warn_of_penalty(paying.named(), -float(exact.min()))


@constant
def _constant(
    how: tuple[Any, ...],
    distinct: tuple[int, ...],
    groups: tuple[int, ...],
    device: "torch.device | None",
) -> Array:
    return _tabulated(Estimator(*how), distinct, groups, device)


@constant
def _extremes(how: tuple[Any, ...], K: int) -> tuple[float, float]:
    rewards = _tabulated(Estimator(*how), (K,), (0,), None)
    return float(rewards.min()), float(np.abs(rewards).max())


@lru_cache(maxsize=256)
def _tabulated(
    how: Estimator,
    distinct: tuple[int, ...],
    groups: tuple[int, ...],
    device: "torch.device | None",
) -> Array:
    """`entries`, made once for each device; numpy's cannot be written to, as all callers share them."""
    rows = [rewarded(how, K, G) for K, G in zip(distinct, groups, strict=True)]
    most = max(distinct) + 1
    padded = np.array([np.append(row, np.full(most - row.size, row.min())) for row in rows])
    if device is None:
        padded.setflags(write=False)
        return padded
    import torch

    return torch.tensor(padded, device=device)
