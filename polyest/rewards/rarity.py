"""Rewards for rare answers: decreasing functions of nu, the probability of a completion's own answer.

    "entropy"        -beta log nu
    "gini"           beta (1 - nu)                    exactly unbiased
    "exploration"    beta (log prior - log nu)
    "conditional"    -beta log(nu/nu(right))          by c[C-1] - c[X-1], if C completions are right

Source: Mohri, Schneider and Wu (2026), Diversity-GRPO, who use the share X/K in place of nu.
"""

from typing import Any, Literal, Unpack, cast, get_args

import numpy as np

from polyest.arrays import Array, int64, library, own, traced
from polyest.errors import InvalidReward
from polyest.reals import finite, looked_at, reals
from polyest.rewards.estimates import (
    estimated,
    extremes,
    group_sizes,
    rewarded,
    summable,
)
from polyest.rewards.gate import right_of, warn_of_penalty
from polyest.rewards.options import GATED, Estimator, Options, parse_options
from polyest.rewards.probability import of_powers
from polyest.rewards.renamed import current_options
from polyest.rewards.tracing import constant
from polyest.values import among, shown

Measure = Literal["entropy", "gini", "exploration", "conditional"]
MEASURES: tuple[Measure, ...] = get_args(Measure)


def diversity(
    answers: Array,
    *,
    measure: Measure = "entropy",
    prior: Array | None = None,
    beta: float = 1.0,
    **options: Unpack[Options],
) -> Array:
    """Reward rare answers with an estimate of a decreasing function of the answer's probability.

        "entropy"        E[r_i | z_i = z] close to -beta log nu(z)
        "gini"           E[r_i | z_i = z] = beta (1 - nu(z)), without bias
        "exploration"    E[r_i | z_i = z] close to beta (log Q(z) - log nu(z))
        "conditional"    E[r_i | z_i = z] close to -beta log(nu(z)/nu(right)), for right z, by two look-ups

    With where= a right answer earns bonus + r_i, and every other completion 0.  Do not use the product
    right * diversity(answers) instead: 0 times nan is nan, so that a completion without an answer would be
    left out, and giving no answer would be better than giving a wrong one.

    Parameters
    ----------
    answers : integer Array, (prompts, G) or (N,)
        The id of each completion's answer: (N,) with groups=.
    measure : {"entropy", "gini", "exploration", "conditional"}
        The measure of diversity that is estimated; "conditional" is the entropy of the answers among the
        right ones, and needs where=.
    prior : Array or None
        The finite log Q(z) of each completion's answer, in the shape of the answers; for "exploration"
        only.
    beta : float
        The factor of the rewards, a positive number.
    **options : Options
        The options of `Options`.  "gini" takes none that choose a table.  "conditional" takes neither
        reference draws nor a history, because it is not known how many of those completions are right.

    Returns
    -------
    float64 Array
        The rewards r, in the shape of the answers; nan for a completion without an answer, unless
        unanswered="lowest".  With "exploration" such a completion then earns the least reward of any count
        plus beta times the least prior.

    Raises
    ------
    CountOutOfRange
        If answers are not integers, shapes do not match, or a group is too small for its baseline.
    InvalidProblem
        If baseline or counting is unknown, or criterion and budget do not go together.
    InvalidReward
        If `measure`, `prior`, beta or an option is not valid, or table= is given beside the keywords of a
        released table.
    UnknownOption
        If a keyword is not one of the options.
    Mismatch
        If the Table given as table= has another target or another sample size.
    TableNotFound
        If no such table was released.
    CorruptTable
        If the table's file differs from the released one.

    References
    ----------
    Mohri, Schneider and Wu (2026), Diversity-GRPO.

    Examples
    --------
    >>> answers = np.array([[7, 7, 3, 5, -1]])
    >>> diversity(answers, measure="gini").round(3).tolist()
    [[0.667, 0.667, 1.0, 1.0, nan]]
    >>> right = np.isin(answers, [7, 3])
    >>> diversity(answers, measure="gini", where=right, bonus=1).round(3).tolist()
    [[1.667, 1.667, 2.0, 0.0, 0.0]]
    >>> among = {"measure": "conditional", "table": "harmonic"}  # of three right answers 3 is one
    >>> diversity(answers, where=right, **among).round(3).tolist()
    [[0.5, 0.5, 1.5, 0.0, 0.0]]
    """
    if "kind" in options:  # the name of measure= until 1.0
        both = {} if measure == "entropy" else {"measure": measure}
        given: dict[str, Any] = current_options("diversity", {**options, **both})
        measure = given.pop("measure")
        options = cast(Options, given)
    if not among(measure, MEASURES):
        raise InvalidReward(f"measure is {shown(measure)}: expected one of {', '.join(MEASURES)}")
    if (measure == "exploration") != (prior is not None):
        raise InvalidReward(
            f"measure {shown(measure)} {'needs' if prior is None else 'takes no'} prior=, log Q of each "
            "answer"
        )
    if measure == "gini":
        return estimated(answers, of_powers((1, -1)), beta, options)[0]
    if measure == "conditional":
        return _among_right(answers, beta, options)
    if prior is None:
        return estimated(answers, "log", beta, options, sign=-1)[0]
    return _explored(answers, prior, beta, options)


def _explored(answers: Array, prior: object, beta: object, options: Options) -> Array:
    """Rewards of -log nu with beta log Q added, which is checked."""
    how = parse_options("log", beta, -1, options)
    paid, seen = estimated(answers, "log", beta, _ungated(options), sign=-1)
    xp, answered = library(paid), seen.answered
    believed = reals("prior", prior, paid, "log Q of each answer")
    said = (
        f"prior of shape {tuple(believed.shape)}: expected finite log Q in the shape {tuple(paid.shape)} of "
        "the answers; give what Q does not know a small probability"
    )
    if believed.shape != paid.shape:
        raise InvalidReward(said)
    lowest = xp.min(xp.where(answered, believed, xp.inf))
    lowest = xp.where(xp.isfinite(lowest), lowest, 0.0)  # where nothing is answered
    paid = paid + how.beta * finite(xp.where(answered, believed, lowest), said)
    right = right_of(answers, answered, options, how.named())
    if right is not None:
        if looked_at(lowest):
            least = float(how.beta * lowest) + min(
                extremes(how._replace(bonus=0.0), K)[0] for K in seen.distinct
            )
            if least + how.bonus < 0:
                warn_of_penalty(("exploration", *how.named()), -least)
        paid = xp.where(right, paid + how.bonus, 0.0)
    if not options.get("dyadic", False):
        return paid
    most = xp.max(xp.abs(xp.where(xp.isnan(paid), 0.0, paid)))
    if not own(xp) and traced(most):
        raise InvalidReward(
            'dyadic=True with "exploration" in a graph: its step depends on the prior; leave one of them out'
        )
    return summable(paid, float(most), group_sizes(seen, options)[-1], options)


def _among_right(answers: Array, beta: object, options: Options) -> Array:
    """Rewards bonus + beta (c[C-1] - c[X-1]) of right answers, where C of the group are right."""
    how = parse_options("log", beta, -1, options)
    if options.get("where") is None:
        raise InvalidReward(
            "measure 'conditional' needs where=, which says which answers are right: give it, or use the "
            "measure 'entropy'"
        )
    if options.get("reference") is not None or options.get("history") is not None:
        raise InvalidReward(
            "measure 'conditional' with reference= or history=: expected neither, as nothing says how many "
            "of those completions are right; use the measure 'entropy'"
        )
    bare = _ungated(options)
    bare.pop("dyadic", None)
    own_log, seen = estimated(answers, "log", beta, bare)
    right = right_of(answers, seen.answered, options, how.named())
    bare.pop("no_answer", None)  # here an answer is whether it is right: 0 or 1
    all_right, _ = estimated(int64(right), "log", beta, bare)
    falls = [_differences(tuple(how), K) for K in seen.distinct]
    if (least := min(fall[0] for fall in falls)) + how.bonus < 0:
        warn_of_penalty(("conditional", *how.named()), -least)
    xp = library(own_log)
    paid = xp.where(right, all_right - own_log + how.bonus, 0.0)
    most = max(abs(end + how.bonus) for fall in falls for end in fall)
    return summable(paid, most, group_sizes(seen, options)[-1], options)


@constant
def _differences(how: tuple[Any, ...], K: int) -> tuple[float, float]:
    """The least and the greatest beta (c_j - c_i) of counts i <= j <= K."""
    rewards = rewarded(Estimator(*how)._replace(sign=1, bonus=0.0), K)
    least = rewards - np.maximum.accumulate(rewards)
    return float(least.min()), float((rewards - np.minimum.accumulate(rewards)).max())


def _ungated(options: Options) -> Options:
    """The options without the gate."""
    bare = options.copy()
    for name in GATED:
        bare.pop(name, None)  # type: ignore[misc]
    return bare
