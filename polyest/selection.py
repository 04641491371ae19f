"""Which groups and which completions are trained on: what may be left out, and what that does to the mean.

    silent(rewards)                 groups whose advantage is 0 for all, which dynamic sampling drops
    kept_rate(kept, drawn)          the factor by which a batch of kept groups is too large
    blind(groups, number)           some completions of each group, chosen without a look at them

Dropping silent groups.  Such a group has gradient 0, so that the kept ones have the mean E g/P(kept).  Where
dropped groups stay in the denominator nothing changes.  Where groups are drawn from the data until n are
kept, and d were drawn, d says nothing of what is in the kept ones, and d - n is negative binomial.  So
E (n-1)/(d-1) = P(kept) and

    E[(n-1)/(d-1) mean of the kept gradients] = E g    exactly, for n of at least 2.

n/d in its place is too large in the mean.  Where the same prompt is drawn again until it is kept, each
prompt has a factor 1/P(kept) of its own, which no factor of the batch takes back.

Training on a blind part.  Rewards are counted among all N completions of a group and centred by the mean of
all N, so that the table is that of K = N - 2.  The gradient over n of them that were chosen blindly has the
same mean.  Chosen by answers, rewards, lengths or the time they took they have another one.
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

        all rewards of the group that are given are equal

    Parameters
    ----------
    rewards : Array, (prompts, G) or (N,)
        The reward of each completion, nan for one that is left out: (N,) with `groups`.
    groups : integer Array (N,) or None
        The id of each completion's group, of flat rewards.

    Returns
    -------
    bool array, (prompts,) or (N,)
        Whether a group is silent; with `groups`, whether that of each completion is.

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
    """Return the factor of a batch of kept groups that were drawn until there were enough.

        (n - 1)/(d - 1),    of mean P(kept)

    Parameters
    ----------
    kept : int
        The number n of groups that are trained on, at least 2 where groups were dropped.
    drawn : int
        The number d of groups that were drawn for them, the last of which was kept.

    Returns
    -------
    float
        The factor for the loss of the batch, from 0 to 1.

    Raises
    ------
    BrokenBatch
        If the numbers are not such integers.

    Examples
    --------
    >>> kept_rate(5, 9), kept_rate(1, 1)
    (0.5, 1.0)
    """
    if not whole(drawn, 1) or not whole(kept, min(int(drawn), 2), int(drawn)):
        raise BrokenBatch(
            f"{shown(kept)} groups kept of {shown(drawn)}: expected integers, at most as many kept as "
            "drawn, and at least 2 where some were dropped; one kept group says nothing of the share"
        )
    return 1.0 if int(kept) == int(drawn) else float(Fraction(int(kept) - 1, int(drawn) - 1))


def blind(groups: Iterable[object], number: SupportsIndex, *, seed: SupportsIndex = 0) -> Bools:
    """Choose some completions of each group to be trained on, without a look at them.

    The choice depends on the name of the group, on the places of its completions in the batch and on the
    seed.  Names must not be made of what the completions say; the order may be, such as one by length.

    Parameters
    ----------
    groups : iterable (N,)
        What the group of each completion is called, integers or texts.
    number : int
        How many completions of each group are chosen, at least 1.
    seed : int
        The seed, at least 0; another one for each step where names of groups come again.

    Returns
    -------
    bool array (N,)
        Whether each completion is chosen: in a group of `number` or fewer all are.

    Raises
    ------
    BrokenBatch
        If `number` or `seed` is not such an integer, or groups are not names.

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
            f"groups are {shown(groups)}: expected what the group of each completion is called, texts or "
            "integers"
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
