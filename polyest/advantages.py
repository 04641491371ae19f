"""Rewards -> advantages: what a trainer subtracts, and what that does to rewards that are counts.

    group_mean       A_i = R_i - mean of the group                table of K = G - 2 draws
    leave_one_out    A_i = R_i - mean of the others               the same, times G/(G-1)
    orbit_mean       A_i = R_i - mean of the orbit                for rewards without a table
    standardised     A_i = (R_i - mean)/(std + epsilon)           K = G - 2, no longer unbiased
    exact            A_i = R_i - mean of the group without i      K = G - 1

A reward that is looked up in a count is no function of its own trace alone: the other traces' counts
contain it, and a mean of theirs is no free baseline (theorem in counts.py).  `exact` recounts the group
without the trace,

    b_i = (S - X_i d[X_i] + (X_i - 1) d[X_i - 1])/(G - 1),    S = sum over traces j of d[X_j],

d the in-group table of a group of G - 1: independent of trace i, and hence without bias for K = G - 1.
d[0] and d[G] are read with weights that cancel, and are 0.  `pairing` gives a table with the baseline
it belongs to.

A trace whose reward is nan is left out: its advantage is 0.  With n of G rewards given, the mean is
theirs and A_i = (n/G)(R_i - mean): the sum over pairs of R_i - R_j, divided by G whatever n is.  Each
pair has G - 2 others, so the gradient is exactly that of the table Q of K = G - 2 with the traces left
out rewarded by the mean of Q over the rest, times the probability of an answer: prompts that are answered
rarely weigh less.  With a weight of 1 it is neither.  `exact`, and a reward for no answer
(unanswered="lowest"), have no such factor.
"""

import sys
from math import inf
from typing import Any

import numpy as np

from polyest.errors import InvalidReward
from polyest.values import real, shown

Array = Any  # numpy array or torch tensor; recognised, not imported
LARGEST = 1e150  # of a reward: the sums of squares of smaller ones are doubles


def group_mean(rewards: Array, *, groups: Array | None = None) -> Array:
    """Rewards minus their group's mean, A_i = (n/G)(R_i - mean of the n that are given), 0 where none is.

    rewards: (prompts, G), or (N,) with integer ids groups (N,); nan for a trace that is left out.
    Returns the same shape and kind.  Raises InvalidReward for shapes that do not fit.

    >>> group_mean(np.array([[1.0, 0.0, 2.0, np.nan]])).tolist()
    [[0.0, -0.75, 0.75, 0.0]]
    """
    given, filled, n, G, mean = _moments(rewards, groups)
    return _library(filled).where(given, (filled - mean) * (n / G), 0.0)


def leave_one_out(rewards: Array, *, groups: Array | None = None) -> Array:
    """Rewards minus the mean of the others (RLOO): G/(G-1) times `group_mean`; 0 for a group of one.

    >>> leave_one_out(np.array([[1.0, 0.0, 2.0]])).tolist()
    [[0.0, -1.5, 1.5]]
    """
    given, filled, n, G, mean = _moments(rewards, groups)
    return _library(filled).where(given, (filled - mean) * (n / (G - 1).clip(min=1)), 0.0)


def orbit_mean(rewards: Array) -> Array:
    """Rewards (orbits, m, G) minus the mean over all m G traces of the orbit.

    For rewards that no table gives, such as those of a mode or of pairwise agreement: in an orbit's
    mean the own group weighs 1/m, so that neither K = G - 2 nor K = G - 1 is right.  A flat batch takes
    the ids of its orbits: group_mean(rewards, groups=orbits).

    >>> orbit_mean(np.array([[[1.0, 1.0], [0.0, 0.0]]])).tolist()
    [[[0.5, 0.5], [-0.5, -0.5]]]
    """
    rewards = _numbers("rewards", rewards)
    if rewards.ndim != 3:
        raise InvalidReward(f"rewards of shape {tuple(rewards.shape)}: expected (orbits, m, G)")
    return group_mean(rewards.reshape(len(rewards), -1)).reshape(rewards.shape)


def standardised(rewards: Array, *, groups: Array | None = None, epsilon: float = 1e-6) -> Array:
    """GRPO's (R_i - mean)/(std + epsilon), std with n - 1, over the rewards given; 0 where all are equal.

    Whatever the factor beta of the rewards, it cancels, and so does the lack of bias of any table: prefer
    `group_mean`.  Equal rewards give 0 exactly only where their mean is exact (dyadic rewards).

    >>> standardised(np.array([[1.0, 0.0, 2.0]])).round(3).tolist()
    [[0.0, -1.0, 1.0]]
    """
    if not 0 < real(epsilon) < inf:
        raise InvalidReward(
            f"epsilon is {shown(epsilon)}: expected a small positive number, such as 1e-6"
        )
    given, filled, n, _, mean = _moments(rewards, groups)
    off = _library(filled).where(given, filled - mean, 0.0)
    variance = _summed(off * off, groups) / (n - 1).clip(min=1)
    return off / (variance**0.5 + real(epsilon))


def exact(rewards: Array, others: Array, counts: Array, answered: Array) -> Array:
    """Rewards minus the mean reward of the group without the trace, its answers recounted without it.

    A_i = R_i - (S - X_i d[X_i] + (X_i - 1) d[X_i - 1])/(n - 1),    S = sum over answered j of d[X_j]

    rewards: (prompts, G), of the table of K = G - 1 draws; others: d, float (G+1,), of a group of G - 1, with
    d[0] = d[G] = 0; counts: X, integers (prompts, G), how often each answer occurs; answered: bool, n of them
    in a group.  A trace without answer has advantage 0.  Raises InvalidReward for shapes that do not fit.

    >>> d = np.array([0.0, 0.0, 1.0, 0.0])  # a pair among two others earns 1
    >>> exact(np.zeros((1, 3)), d, np.array([[2, 2, 1]]), np.ones((1, 3), bool)).tolist()
    [[0.0, 0.0, -1.0]]
    """
    rewards = _numbers("rewards", rewards)
    others = _numbers("others", others, like=rewards)
    counts = _numbers("counts", counts, "iu", rewards)
    answered = _numbers("answered", answered, "b", rewards)
    G = rewards.shape[-1] if rewards.ndim == 2 else -1
    shapes = [tuple(x.shape) for x in (rewards, others, counts, answered)]
    if G < 1 or shapes[1] != (G + 1,) or not shapes[0] == shapes[2] == shapes[3]:
        raise InvalidReward(
            f"rewards {shapes[0]}, others {shapes[1]}, counts {shapes[2]}, answered {shapes[3]}: expected "
            "(prompts, G), (G+1,), (prompts, G), (prompts, G)"
        )
    if _library(rewards) is np and not ((counts >= 0) & (counts <= G)).all():
        raise InvalidReward(f"counts from {counts.min()} to {counts.max()}: expected 0 to G = {G}")
    paid = others[counts] * answered
    total = paid.sum(1)[:, None]
    left = total - counts * paid + (counts - 1) * others[(counts - 1).clip(min=0)]
    n = (answered.sum(1)[:, None] - 1).clip(min=1)
    return _library(rewards).where(answered, rewards - left / n, 0.0)


def _moments(rewards: Array, groups: Array | None) -> tuple[Array, Array, Array, Array, Array]:
    """Which rewards are given, rewards with 0 elsewhere, how many of how many are, their mean."""
    xp, rewards = _library(rewards), _numbers("rewards", rewards)
    if xp is np and (np.abs(rewards) > LARGEST).any():
        raise InvalidReward(
            f"rewards hold an infinity, or a number beyond {LARGEST:g}: expected finite numbers, nan for none"
        )
    if rewards.ndim != (2 if groups is None else 1):
        raise InvalidReward(
            f"rewards of shape {tuple(rewards.shape)}: expected (prompts, G), or (N,) with groups="
        )
    given = ~xp.isnan(rewards)
    filled = xp.where(given, rewards, 0.0)
    n = _summed(given * xp.ones_like(rewards), groups)
    G = _summed(xp.ones_like(rewards), groups)
    return given, filled, n, G, _summed(filled, groups) / n.clip(min=1)


def _summed(values: Array, groups: Array | None) -> Array:
    """Sum over the group of each trace, broadcast to it."""
    if groups is None:
        return values.sum(1)[:, None]
    xp = _library(values)
    ids = _numbers("groups", groups, "iu", values)
    if ids.shape != values.shape:
        raise InvalidReward(
            f"groups of shape {tuple(ids.shape)}: expected one id a trace, {tuple(values.shape)}"
        )
    ordered = np.sort(ids) if xp is np else ids.sort().values
    place = xp.searchsorted(ordered, ids)  # of the group's first trace among the sorted
    total = xp.zeros_like(values)
    if xp is np:
        np.add.at(total, place, values)
    else:
        total = total.index_add(0, place, values)
    return total[place]


def _numbers(name: str, values: Any, kinds: str = "biuf", like: Any = None) -> Array:
    """Values as an array, of the library of `like`: float64 of numpy where they may be reals.

    kinds: numpy's letters of what they may be.  Nothing is read from a device.
    """
    xp, found = _library(values if like is None else like), values
    try:
        if xp is np:
            found = np.asarray(values)
        elif like is not None:
            found = xp.as_tensor(values, device=like.device)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        found = None
    if found is None or _kind(found) not in kinds:
        raise InvalidReward(
            f"{name} are {shown(values)}: expected "
            + {"b": "truth values", "iu": "integers"}.get(kinds, "numbers, nan for none")
        )
    return found.astype(np.float64) if xp is np and "f" in kinds else found


def _kind(array: Array) -> str:
    """numpy's letter of what an array or a tensor holds."""
    if isinstance(array, np.ndarray):
        return str(array.dtype.kind)
    if array.is_complex():
        return "c"
    return "f" if array.is_floating_point() else "b" if str(array.dtype) == "torch.bool" else "i"


def _library(values: Any) -> Any:
    torch: Any = sys.modules.get("torch")
    return torch if torch is not None and isinstance(values, torch.Tensor) else np
