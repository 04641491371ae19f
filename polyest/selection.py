"""This module selects the groups and completions that are trained on, without bias of the expected
gradient.

    silent(rewards)                 groups in which every advantage is 0, which dynamic sampling drops
    kept_rate(kept, drawn)          the factor that corrects a batch of kept groups
    blind(groups, number)           some completions of each group, chosen independently of their content

Dropping silent groups.  A silent group has gradient 0, so that the kept groups have the mean gradient E
g/P(kept).  If dropped groups are included in the denominator, nothing changes.  If groups are drawn from
the data until n are kept, and d were drawn, then d is independent of the content of the kept groups, and d
- n is negative binomial.  So
E (n-1)/(d-1) = P(kept) and

    E[(n-1)/(d-1) mean of the kept gradients] = E g    exactly, for n of at least 2.

The factor n/d would be too large on average.  If the same prompt is sampled again until its group is kept,
each prompt has its own factor 1/P(kept), which no factor of the batch can correct.

Training on part of a group.  Rewards are counted among all N completions of a group and centred by the mean
of all N, so that the table is that of K = N - 2.  The gradient over n of them has the same mean if the n
were chosen independently of their content.  It has another mean if they were chosen by answers, rewards,
lengths or the time that they took.
"""

from collections.abc import Iterable
from fractions import Fraction
from hashlib import blake2b
from typing import SupportsIndex

import numpy as np

from polyest.arrays import Array, Bools, Ints, to_numpy
from polyest.errors import BrokenBatch, InvalidReward
from polyest.reals import on_host
from polyest.tallies import integers
from polyest.values import plain, shown, whole


def silent(rewards: Array, *, groups: Array | None = None) -> Bools:
    """Find the groups without a signal, in which every advantage is 0.

        silent: all rewards of the group that are not nan are equal

    Parameters
    ----------
    rewards : Array, (prompts, G) or (N,)
        The reward of each completion, nan for one that is left out: (N,) with `groups`.
    groups : integer Array (N,) or None
        The id of each completion's group, of flat rewards.

    Returns
    -------
    bool array, (prompts,) or (N,)
        Whether each group is silent; with `groups`, whether the group of each completion is.

    Raises
    ------
    InvalidReward
        If shapes do not match, or rewards are not real numbers.
    CountOutOfRange
        If ids are not integers.

    Examples
    --------
    >>> silent([[1.0, 1.0, 1.0], [1.0, 0.0, 1.0]]).tolist()
    [True, False]
    >>> silent([0.5, 0.5, 0.5, 0.25], groups=[7, 8, 7, 8]).tolist()
    [True, False, True, False]
    """
    paid = on_host("rewards", rewards)
    if paid.ndim != (2 if groups is None else 1) or not paid.size:
        raise InvalidReward(
            f"rewards of shape {paid.shape}: expected (prompts, G), or (N,) with groups="
        )
    if groups is None:
        which = np.repeat(np.arange(len(paid)), paid.shape[1])
    else:
        ids = to_numpy(integers("groups", groups, groups))
        if ids.shape != paid.shape:
            raise InvalidReward(
                f"groups of shape {ids.shape}: expected one id per completion, {paid.shape}"
            )
        which = np.unique(ids, return_inverse=True)[1]
    values = paid.reshape(-1)
    given = ~np.isnan(values)
    least, most = (np.full(which.max() + 1, end) for end in (np.inf, -np.inf))
    np.minimum.at(least, which[given], values[given])
    np.maximum.at(most, which[given], values[given])
    equal = least >= most
    return equal if groups is None else np.asarray(equal[which])


def kept_rate(kept: SupportsIndex, drawn: SupportsIndex) -> float:
    """Return the factor that corrects a batch of kept groups which were drawn until there were enough.

        (n - 1)/(d - 1),    whose mean is P(kept)

    Multiply the loss of the batch by it; its expected gradient is then that of all groups.

    Parameters
    ----------
    kept : int
        The number n of groups that are trained on, at least 2 where groups were dropped.
    drawn : int
        The number d of groups that were drawn to obtain them, the last of which was kept.

    Returns
    -------
    float
        The factor for the loss of the batch, from 0 to 1.

    Raises
    ------
    BrokenBatch
        If the numbers are not integers in these ranges.

    Examples
    --------
    >>> kept_rate(5, 9), kept_rate(1, 1)
    (0.5, 1.0)
    """
    if not whole(drawn, 1) or not whole(kept, min(int(drawn), 2), int(drawn)):
        raise BrokenBatch(
            f"{shown(kept)} groups kept of {shown(drawn)}: expected integers, at most as many kept as "
            "drawn, and at least 2 where some were dropped; one kept group does not determine the factor"
        )
    return 1.0 if int(kept) == int(drawn) else float(Fraction(int(kept) - 1, int(drawn) - 1))


def blind(groups: Iterable[object], number: SupportsIndex, *, seed: SupportsIndex = 0) -> Bools:
    """Choose some completions of each group at random, independently of their content.

    The choice depends on the id of the group, on the positions of its completions in the batch and on the
    seed.  The id must not depend on the content of the completions; their order may, for example on length.

    Parameters
    ----------
    groups : iterable (N,)
        The id of each completion's group, integers or texts.
    number : int
        The number of completions that are chosen of each group, at least 1.
    seed : int
        The seed, at least 0.  Use another seed in each step if ids of groups repeat.

    Returns
    -------
    bool array (N,)
        Whether each completion is chosen; in a group of at most `number` completions all are.

    Raises
    ------
    BrokenBatch
        If `number` or `seed` is not an integer in its range, or the ids are neither integers nor texts.

    Examples
    --------
    >>> chosen = blind(["a"] * 4 + ["b"] * 2, 3)
    >>> int(chosen[:4].sum()), int(chosen[4:].sum())
    (3, 2)
    """
    for name, value, least in (("number", number, 1), ("seed", seed, 0)):
        if not whole(value, least):
            raise BrokenBatch(f"{name} is {shown(value)}: expected an integer of at least {least}")
    members: dict[object, list[int]] = {}
    try:
        for i, group in enumerate(groups):
            members.setdefault(plain(group), []).append(i)
    except TypeError:
        raise BrokenBatch(
            f"groups are {shown(groups)}: expected the id of each completion's group, texts or integers"
        ) from None
    chosen = np.zeros(sum(map(len, members.values())), bool)
    for group, rows in members.items():
        order = _shuffled(f"{shown(seed)} {shown(group)}", len(rows))
        chosen[np.array(rows)[order[: int(number)]]] = True
    return chosen


def _shuffled(name: str, size: int) -> Ints:
    """The places 0..size-1 in an order that the name says, the same in every process."""
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "big")).permutation(size)
