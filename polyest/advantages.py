"""Advantages are computed from rewards here: each function subtracts one kind of baseline.

The sample size K of a reward table depends on what is subtracted:

    group_mean       A_i = R_i - mean of the group                table of K = G - 2 draws
    leave_one_out    A_i = R_i - mean of the others               the same, times G/(G-1)
    orbit_mean       A_i = R_i - mean of the orbit                for rewards without a table
    standardised     A_i = (R_i - mean)/(std + epsilon)           K = G - 2, with further bias
    exact            A_i = R_i - mean of the group without i      K = G - 1

A reward that is looked up by a count depends on the other completions of the group, and their rewards
depend on this completion.  So the mean reward of the others is no baseline in the usual sense: subtracting
it changes the expected gradient (theorem in counts.py).  `exact` recounts the group without the completion,

    b_i = (S - X_i d[X_i] + (X_i - 1) d[X_i - 1])/(G - 1),    S = sum over completions j of d[X_j],

with d the in-group table of a group of G - 1.  b_i is independent of completion i, so it adds no bias to
that of the table of K = G - 1.  The terms with d[0] and d[G] cancel, so both are given as 0.  `pairing`
returns a table together with the baseline that it belongs to.

A completion whose reward is nan is left out and has the advantage 0.  If n of the G rewards are given, the
mean is taken over these n, and A_i = (n/G)(R_i - mean): the sum over pairs of R_i - R_j, divided by G
whatever n is.  Each pair has G - 2 others, so the gradient is exactly that of the table of K = G - 2 whose
mean is Q, where a completion that is left out earns the mean of Q over the others, times the probability of
an answer.  Prompts that are rarely answered therefore weigh less.  Without the factor n/G the expected
gradient would not be that of any table.  `exact` has no such factor, nor has a reward with
unanswered="lowest", which pays completions without an answer too.

Rewards are real numbers of any type and are summed in float64.  Advantages are float64 for numpy and lists.
For other libraries they are float32 if the rewards have fewer bits than float64 (float16, bfloat16,
float32), and float64 otherwise, if the library has it.  Infinities and numbers above 1e38 are refused, so
that advantages are finite.  This check reads the values on the host; it is skipped where there are no
values yet, in a graph of torch.compile or of JAX and on the meta device.

Sources: arXiv 2402.14740 (RLOO), 2402.03300 (GRPO), 2503.20783 (Dr. GRPO, which does not divide).
"""

from typing import Any, NamedTuple

import numpy as np

from polyest.arrays import (
    Array,
    converted,
    doubles,
    kind_of,
    library,
    mixture,
    own,
    real_type,
    taken,
)
from polyest.counts import integers
from polyest.errors import CountOutOfRange, InvalidReward
from polyest.reals import looked_at, reals
from polyest.values import real, shown

LARGEST = 1e38  # up to here differences are finite in float32, and sums of squares in float64


class _Given(NamedTuple):
    """Rewards, of which some may be missing.

    given: bool, whether there is a reward; filled: float64, the reward, or 0 where there is none.
    n_given, group_size, mean: float64, of the group of each completion: how many rewards are given, how
    many completions it has, and the mean of what is given.  All are of one shape, or can be broadcast to
    it.
    dtype: that of the advantages.
    """

    given: Array
    filled: Array
    n_given: Array
    group_size: Array
    mean: Array
    dtype: Any


def group_mean(rewards: Array, *, groups: Array | None = None) -> Array:
    """Subtract the group's mean reward from each reward.

        A_i = (n/G)(R_i - mean of the n rewards of the group that are not nan)

    Parameters
    ----------
    rewards : Array, (prompts, G) or (N,)
        The reward of each completion: (N,) with `groups`.  A completion whose reward is nan is left out,
        with advantage 0.
    groups : integer Array (N,) or None
        The id of each completion's group, of flat rewards.

    Returns
    -------
    Array
        The advantages, in the shape of the rewards; their type is said in the module.

    Raises
    ------
    InvalidReward
        If shapes do not match, or a reward is not a finite number.
    CountOutOfRange
        If ids are not integers.

    Examples
    --------
    >>> group_mean(np.array([[1.0, 0.0, 2.0, np.nan]])).tolist()
    [[0.0, -0.75, 0.75, 0.0]]
    """
    of = _given(rewards, groups)
    return _where_given(of, (of.filled - of.mean) * (of.n_given / of.group_size))


def leave_one_out(rewards: Array, *, groups: Array | None = None) -> Array:
    """Subtract from each reward the mean reward of the other completions of its group (RLOO).

        A_i = R_i - mean of the others

    This is G/(G-1) times `group_mean`.  The advantage in a group of one completion is 0.

    Parameters
    ----------
    rewards : Array, (prompts, G) or (N,)
        The reward of each completion: (N,) with `groups`.  A completion whose reward is nan is left out,
        with advantage 0.
    groups : integer Array (N,) or None
        The id of each completion's group, of flat rewards.

    Returns
    -------
    Array
        The advantages, in the shape of the rewards; their type is said in the module.

    Raises
    ------
    InvalidReward
        If shapes do not match, or a reward is not a finite number.
    CountOutOfRange
        If ids are not integers.

    Examples
    --------
    >>> leave_one_out(np.array([[1.0, 0.0, 2.0]])).tolist()
    [[0.0, -1.5, 1.5]]
    """
    of = _given(rewards, groups)
    return _where_given(of, (of.filled - of.mean) * (of.n_given / _at_least_1(of.group_size - 1)))


def orbit_mean(rewards: Array) -> Array:
    """Subtract from each reward the mean reward of all m G completions of its orbit.

        A_i = (n/(m G))(R_i - mean of the n rewards of the orbit that are given)

    An orbit is a set of m prompts that ask the same thing.  Use this baseline for rewards without a table,
    such as `rewards.coherence` and `rewards.pairwise`.  With a table it would add bias: a completion's own
    group has the weight 1/m in the mean, so that neither K = G - 2 nor K = G - 1 is right.  For a flat
    batch call `group_mean(rewards, groups=orbits)`.

    Parameters
    ----------
    rewards : Array (orbits, m, G)
        The reward of each completion; one whose reward is nan is left out, with advantage 0.

    Returns
    -------
    Array
        The advantages, in the shape of the rewards; their type is said in the module.

    Raises
    ------
    InvalidReward
        If rewards are not of three dimensions, or one is not a finite number.

    Examples
    --------
    >>> orbit_mean(np.array([[[1.0, 1.0], [0.0, 0.0]]])).tolist()
    [[[0.5, 0.5], [-0.5, -0.5]]]
    """
    paid = reals("rewards", rewards, rewards)
    if paid.ndim != 3:
        raise InvalidReward(f"rewards of shape {tuple(paid.shape)}: expected (orbits, m, G)")
    orbits, m, G = paid.shape
    xp = library(paid)
    centred = group_mean(xp.reshape(paid, (orbits, m * G)))
    return _as(_dtype(rewards), xp.reshape(centred, paid.shape))


def standardised(rewards: Array, *, groups: Array | None = None, epsilon: float = 1e-6) -> Array:
    """Subtract the group's mean reward and divide by the group's standard deviation, as GRPO does.

        A_i = (R_i - mean)/(std + epsilon),    std with n - 1 of the n rewards that are given

    The division cancels the factor beta of the rewards.  It also weights prompts differently, so that the
    expected gradient is no longer that of the table; prefer `group_mean`.  Equal rewards give advantages of
    exactly 0 only if their mean is computed exactly, as it is for dyadic rewards.

    Parameters
    ----------
    rewards : Array, (prompts, G) or (N,)
        The reward of each completion: (N,) with `groups`.  A completion whose reward is nan is left out,
        with advantage 0.
    groups : integer Array (N,) or None
        The id of each completion's group, of flat rewards.
    epsilon : float
        A positive number that is added to the standard deviation.

    Returns
    -------
    Array
        The advantages, in the shape of the rewards; their type is said in the module.

    Raises
    ------
    InvalidReward
        If `epsilon` is not positive and finite, shapes do not match, or a reward is not a finite number.
    CountOutOfRange
        If ids are not integers.

    Examples
    --------
    >>> standardised(np.array([[1.0, 0.0, 2.0]])).round(3).tolist()
    [[0.0, -1.0, 1.0]]
    """
    small = real(epsilon)
    if not 0 < small <= LARGEST:
        raise InvalidReward(f"epsilon is {shown(epsilon)}: expected a positive number")
    of = _given(rewards, groups)
    off = library(of.filled).where(of.given, of.filled - of.mean, 0.0)
    variance = _summed(off * off, groups) / _at_least_1(of.n_given - 1)
    return _where_given(of, off / (variance**0.5 + small))


def exact(rewards: Array, others: Array, counts: Array, answered: Array) -> Array:
    """Subtract from each reward the mean reward of its group recounted without the completion.

        A_i = R_i - (S - X_i d[X_i] + (X_i - 1) d[X_i - 1])/(n - 1),    S = sum over answered j of d[X_j]

    This allows K = G - 1 in place of K = G - 2, but has more variance.  A_i is the advantage under the
    group mean with the table d of K = G - 2, which is G/(G-1) times `group_mean`, plus the term (c - e)[X_i
    - 1], which is not centred.  Here c is the table of K = G - 1, and e is d written as a table of K = G -
    1.  With tables of variance ratio 8 (noise=8), the mean square of A is 1.03 to 1.41 times that of the
    group mean over the answers of `recommendation.ANSWERS` in groups of 8 to 32, and 2.1 times for two
    equally likely answers in groups of 8.  The worst-case weighted bias is 3 to 17 % less.

    Parameters
    ----------
    rewards : Array (prompts, G)
        The rewards R, of the table of K = G - 1 draws.
    others : Array (G+1,)
        The rewards d[X] of an answer that occurs X times in a group of G - 1, with d[0] = d[G] = 0.
    counts : integer Array (prompts, G)
        The counts X, how often each answer occurs in its group.
    answered : bool Array (prompts, G)
        Whether each completion has an answer; n of a group have one.

    Returns
    -------
    Array (prompts, G)
        The advantages; a completion without an answer has 0, whatever its reward.  Their type is said in
        the module.

    Raises
    ------
    InvalidReward
        If shapes do not match, a number is not finite, or `answered` is not bool.
    CountOutOfRange
        If counts are not integers, or outside of 0..G.

    Examples
    --------
    >>> d = np.array([0.0, 0.0, 1.0, 0.0])  # a pair among two others earns 1
    >>> exact(np.zeros((1, 3)), d, np.array([[2, 2, 1]]), np.ones((1, 3), bool)).tolist()
    [[0.0, 0.0, -1.0]]
    """
    xp, dtype = library(rewards), _dtype(rewards)
    paid, d = (reals(name, x, rewards) for name, x in (("rewards", rewards), ("others", others)))
    times = integers("counts", counts, paid)
    said = _flags("answered", answered, paid)
    G = paid.shape[-1] if paid.ndim else 0
    if paid.ndim != 2 or d.shape != (G + 1,) or not times.shape == said.shape == paid.shape:
        raise InvalidReward(
            f"rewards of shape {tuple(paid.shape)}, others {tuple(d.shape)}, counts {tuple(times.shape)}, "
            f"answered {tuple(said.shape)}: expected others (G+1,), and (prompts, G) for the rest"
        )
    inside = (times >= 0) & (times <= G)
    if looked_at(paid) and not bool(xp.all(inside)):
        raise CountOutOfRange(
            f"counts from {int(xp.min(times))} to {int(xp.max(times))} in groups of {G}: expected 0 to {G}"
        )
    paid = xp.where(said, paid, 0.0)
    _refuse_infinite("rewards", paid)
    _refuse_infinite("others", d)
    said_n, X = doubles(said), doubles(times)
    each = taken(d, xp.clip(times, 0, G)) * said_n
    total = xp.sum(each, axis=1)[:, None]
    left = total - X * each + (X - 1) * taken(d, xp.clip(times - 1, 0, G))
    n = _at_least_1(xp.sum(said_n, axis=1)[:, None] - 1)
    advantage = xp.where(said, paid - left / n, 0.0)
    # A graph of JAX has no counts to look at yet: nan stands for what is out of range.
    return _as(dtype, advantage if own(xp) else xp.where(inside, advantage, xp.nan))


def _at_least_1(numbers: Array) -> Array:
    return library(numbers).clip(numbers, 1, None)


def _given(rewards: Array, groups: Array | None) -> _Given:
    """Rewards with what is known of their groups.

    Returns (given, filled, n_given, group_size, mean, dtype), as in `_Given`.  Raises InvalidReward for
    shapes that do not fit and numbers that are not finite.
    """
    dtype = _dtype(rewards)
    paid = reals("rewards", rewards, rewards)
    xp = library(paid)
    if paid.ndim != (2 if groups is None else 1):
        raise InvalidReward(
            f"rewards of shape {tuple(paid.shape)}: expected (prompts, G), or (N,) with groups="
        )
    given = ~xp.isnan(paid)
    filled = xp.where(given, paid, 0.0)
    _refuse_infinite("rewards", filled)
    n_given = _summed(doubles(given), groups)
    group_size = _summed(xp.ones_like(paid), groups)
    mean = _summed(filled, groups) / _at_least_1(n_given)
    return _Given(given, filled, n_given, group_size, mean, dtype)


def _where_given(of: _Given, advantages: Array) -> Array:
    """Advantages where a reward is given, else 0."""
    return _as(of.dtype, library(advantages).where(of.given, advantages, 0.0))


def _summed(values: Array, groups: Array | None) -> Array:
    """For each completion the sum over its group: (prompts, 1), or (N,) with ids of groups."""
    if groups is None:
        return library(values).sum(values, axis=1)[:, None]
    if not values.shape[0]:
        return values
    xp = library(values)
    if not own(xp):
        raise InvalidReward(
            f"groups= with rewards of {xp.__name__}: a flat batch is taken in numpy and torch only; give "
            "(prompts, G)"
        )
    ids = integers("groups", groups, values)
    if ids.shape != values.shape:
        raise InvalidReward(
            f"groups of shape {tuple(ids.shape)}: expected one id per completion, {tuple(values.shape)}"
        )
    ordered = np.sort(ids) if xp is np else ids.sort().values
    place = xp.searchsorted(ordered, ids)  # of the group's first completion among the sorted
    total = xp.zeros_like(values)
    if xp is np:
        np.add.at(total, place, values)
    else:
        total = total.index_add(0, place, values)
    return total[place]


def _flags(name: str, values: object, like: Array) -> Array:
    """Values as bool, of the library and on the device of `like`."""
    if mixed := mixture(values, like):
        raise InvalidReward(f"{name}: {mixed}")
    try:
        given = converted(values, like)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidReward(f"{name} cannot be read ({error!s:.80}): expected bool") from None
    if kind_of(given) != "b":
        raise InvalidReward(f"{name} of type {given.dtype}: expected bool")
    return given


def _dtype(rewards: Array) -> object:
    """The type of advantages: float32 of a tensor of floats with fewer bits than float64, else float64."""
    xp = library(rewards)
    few = xp is not np and kind_of(rewards) == "f" and rewards.dtype != xp.float64
    return xp.float32 if few else real_type(xp)


def _as(dtype: Any, values: Array) -> Array:
    """Values in this type; numpy's are float64 already."""
    xp = library(values)
    if xp is np:
        return values
    return values.to(dtype) if own(xp) else xp.astype(values, dtype)


def _refuse_infinite(name: str, values: Array) -> None:
    """Raises InvalidReward for values that are infinite, nan or too large, if they can be read."""
    xp = library(values)
    if not looked_at(values) or bool(xp.all(abs(values) <= LARGEST)):
        return
    most = float(xp.max(abs(values)))
    if most == float("inf"):
        raise InvalidReward(
            f"{name} hold an infinity: expected finite numbers, or nan to leave a completion out"
        )
    raise InvalidReward(f"{name} hold {most:g}: expected finite numbers up to {LARGEST:g}")
