"""Rewards for agreeing with the consensus of an orbit, without labels.

An orbit is a set of m prompts that ask the same thing, with G completions each.

    coherence                 1 if the completion's answer is the mode of all answers of the orbit, else 0
    soft_consistency          beta log of a mean of nu_1(z)..nu_m(z), the probabilities of the completion's
                              answer z for the m prompts of its orbit:
        mean="arithmetic"     log((nu_1 + .. + nu_m)/m), by a stratified table (stratified.py)
        mean="geometric"      (log nu_1 + .. + log nu_m)/m, with one look-up per prompt

For the completion's own prompt, an answer is counted within the group, with K = G - 2 under a group mean;
for the other prompts the count is independent.  The mean of either form is exactly P, the mean of the
table: given the counts for the other prompts, the reward is a table of the in-group count, and the theorem
of counts.py applies.  The sample size thus differs between prompts.  The arithmetic form uses the table of
the smallest one, that of the own prompt.  Layouts are those of orbits.py.  Source: Coherence-GRPO of Mohri,
Schneider and Wu (2026), which pays 0 or 1 for the mode, and log(Count/K) of the pooled counts where
a stratified table is used here.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Unpack

import numpy as np

from polyest import counts
from polyest.arrays import Array, doubles, greatest, least, library, placed, static_int, taken
from polyest.errors import InvalidReward
from polyest.rewards.estimates import (
    entries,
    extremes,
    filled,
    rewarded,
    summable,
)
from polyest.rewards.options import COUNTED, GATED, Estimator, Options, parse_options
from polyest.rewards.orbits import arranged
from polyest.rewards.stratified import Stratified, stratify
from polyest.rewards.tracing import constant
from polyest.values import among, shown

if TYPE_CHECKING:
    import torch

TIES = ("all", "least")
MEANS = ("arithmetic", "geometric")


def coherence(
    answers: Array,
    *,
    orbits: object = None,
    ties: Literal["all", "least"] = "all",
    beta: float = 1.0,
    **options: Unpack[Options],
) -> Array:
    """Reward the most frequent answer of the orbit with beta, and all other answers with 0.

        r_i = beta 1[X_{z_i} = max_w X_w],    X_w = occurrences of w in the m G completions of the orbit

    An orbit is a set of m prompts that ask the same thing.  A completion without an answer is not counted
    and earns nan, or 0 with unanswered="lowest".  The counts of an orbit may be pooled here, because they
    are only compared with each other.

    Parameters
    ----------
    answers : integer Array (orbits, m, G)
        The answer of each completion; (prompts, G) with `orbits`, (N,) with `orbits` and groups=.
    orbits : integer Array, (prompts,) or (N,), or None
        The id of the orbit of each prompt or completion.
    ties : {"all", "least"}
        What is rewarded if several answers occur most often.  "all" rewards each of them, so that the
        rewards of an orbit without agreement are equal; "least" rewards the one with the least id only.
    beta : float
        The reward of the mode, positive.
    **options : Options
        Of `Options`: groups, dyadic, no_answer and unanswered.

    Returns
    -------
    float64 Array
        The rewards r, in the shape of the answers.

    Raises
    ------
    BrokenOrbit
        If orbits differ in size, or shapes do not match.
    CountOutOfRange
        If answers or ids are not integers.
    InvalidReward
        If `ties`, beta or an option is not valid.
    UnknownOption
        If a keyword is not one of those options.

    References
    ----------
    Mohri, Schneider and Wu (2026), Coherence-GRPO.

    Examples
    --------
    >>> coherence([[[7, 7, 3], [7, 5, -1]]]).tolist()
    [[[1.0, 1.0, 0.0], [1.0, 0.0, nan]]]
    >>> coherence([[[7, 7, 3], [3, 5, 5]]], ties="least").tolist()  # 7, 3 and 5 occur twice
    [[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]]
    """
    if not among(ties, TIES):
        raise InvalidReward(f"ties is {shown(ties)}: expected one of {', '.join(TIES)}")
    how = parse_options("log", beta, 1, options, but=(*COUNTED, *GATED))
    batch = arranged(answers, groups=options.get("groups"), orbits=orbits)
    xp = library(batch.values)
    pooled = xp.reshape(batch.values, (batch.values.shape[0], -1))
    times, answered = counts.occurrences(
        pooled, no_answer=options.get("no_answer", counts.NO_ANSWER)
    )
    best = answered & (times == greatest(times, 1)[:, None])
    if ties == "least":
        largest = xp.iinfo(pooled.dtype).max
        best = best & (pooled == least(xp.where(best, pooled, largest), 1)[:, None])
    paid = summable(how.beta * doubles(best), how.beta, static_int(pooled.shape[1]), options)
    return batch.restored(filled(paid, answered, 0.0, options))


def soft_consistency(
    answers: Array,
    *,
    mean: Literal["arithmetic", "geometric"] = "arithmetic",
    orbits: object = None,
    beta: float = 1.0,
    **options: Unpack[Options],
) -> Array:
    """Estimate beta times the log of an answer's mean probability over the prompts of its orbit.

        "arithmetic"    E r = beta P((nu_1 + .. + nu_m)/m)
        "geometric"     E r = beta (P_1(nu_1) + .. + P_m(nu_m))/m

    An orbit is a set of m prompts that ask the same thing.  Here nu_k is the probability of the
    completion's answer for prompt k, and P is the mean of the table, which is close to the logarithm.  The
    geometric form uses a table of K = G - 2 (or G - 1) draws for the completion's own prompt and one of K =
    G draws for the others, so table= has to be a name.  The arithmetic form takes a Table too.

    Parameters
    ----------
    answers : integer Array (orbits, m, G)
        The answer of each completion; (prompts, G) with `orbits`, (N,) with `orbits` and groups=.  G is at
        least 3 under a group mean.
    mean : {"arithmetic", "geometric"}
        The mean that is taken over the prompts of the orbit.
    orbits : integer Array, (prompts,) or (N,), or None
        The id of the orbit of each prompt or completion.
    beta : float
        The factor of the rewards, a positive number.
    **options : Options
        All of `Options` except sizes, reference, where and bonus.  counting has to be "in-group", and
        baseline "group-mean" or "none".

    Returns
    -------
    float64 Array
        The rewards r, in the shape of the answers.  A completion without an answer earns nan, or the least
        possible reward with unanswered="lowest".

    Raises
    ------
    BrokenOrbit
        If orbits differ in size, or shapes do not match.
    CountOutOfRange
        If answers or ids are not integers, or a group is too small for its baseline.
    InvalidProblem
        If `baseline` is unknown, or criterion and budget do not go together.
    InvalidReward
        If an argument is not valid, table= is given beside the keywords of a released table, or the orbit
        is too large for the arithmetic form.
    UnknownOption
        If a keyword is not one of those options.
    Mismatch
        If the Table given as table= has another target or another sample size.
    TableNotFound
        If no such table was released.
    CorruptTable
        If the table's file differs from the released one.

    References
    ----------
    Mohri, Schneider and Wu (2026), Coherence-GRPO, who use log(Count/K) of the pooled counts.

    Examples
    --------
    >>> answers = [[[7, 7, 7, 3], [7, 3, 3, 7]]]
    >>> soft_consistency(answers, mean="geometric", table="log_count").round(3).tolist()
    [[[-0.255, -0.255, -0.255, -0.805], [-0.314, -0.661, -0.661, -0.314]]]
    """
    if not among(mean, MEANS):
        raise InvalidReward(f"mean is {shown(mean)}: expected one of {', '.join(MEANS)}")
    baseline, counting = options.get("baseline", "group-mean"), options.get("counting", "in-group")
    if not among(counting, ("in-group",)) or among(baseline, ("exact",)):
        raise InvalidReward(
            f"counting {shown(counting)} and baseline {shown(baseline)}: a "
            'reward over an orbit is counted "in-group" on its own prompt, under "group-mean" or "none"'
        )
    batch = arranged(answers, groups=options.get("groups"), orbits=orbits)
    m, G = map(static_int, batch.values.shape[1:])
    but = ("sizes", "reference", "history", "prompts", *GATED)
    how = parse_options("log", beta, 1, options, but=but)
    no_answer = options.get("no_answer", counts.NO_ANSWER)
    seen = counts.across(batch.values, baseline=baseline, no_answer=no_answer)
    lowest, most = extremes(how, seen.draws)
    if mean == "arithmetic":
        draws = (seen.draws,) + (G,) * (m - 1)
        paid = Stratified(draws, _factors(how, draws, seen.index))[seen.index]
    else:
        paid = taken(entries(how, (seen.draws,), (0,), seen.index)[0, :], seen.index[..., 0])
        if m > 1:
            others = extremes(how, G)
            each = taken(entries(how, (G,), (0,), seen.index)[0, :], seen.index[..., 1:])
            paid = paid + library(each).sum(each, axis=-1)
            lowest, most = lowest + (m - 1) * others[0], most + (m - 1) * others[1]
        paid, lowest, most = paid / m, lowest / m, most / m
    paid = summable(paid, most, m * G, options)
    lowest = float(summable(np.float64(lowest), most, m * G, options))
    return batch.restored(filled(paid, seen.answered, lowest, options))


def _factors(how: Estimator, draws: tuple[int, ...], like: Array) -> tuple[Array, ...]:
    """Factors of the stratified table for prompts of these draws, on the device of `like`."""
    torch = library(like).__name__ == "torch"
    factors = _constant(tuple(how), draws, like.device if torch else None)
    return factors if torch else tuple(placed(factor, like) for factor in factors)


@constant
def _constant(
    how: tuple[Any, ...], draws: tuple[int, ...], device: "torch.device | None"
) -> tuple[Array, ...]:
    return _spread(Estimator(*how), draws, device).factors


@lru_cache(maxsize=64)
def _spread(how: Estimator, draws: tuple[int, ...], device: "torch.device | None") -> Stratified:
    entries = stratify(rewarded(how, draws[0]), draws)
    return entries if device is None else entries.moved(device)
