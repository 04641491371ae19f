"""This module applies a gate, the argument where=: only right completions are paid.

    r_i = bonus + beta u_i    where completion i is right and has an answer
    r_i = 0                   elsewhere

Under a group mean this is exact with the table of K = G - 2 if the gate is a function of the answer,
because completions with the same answer then still earn the same.  If it is not, for example if a judge
accepts one completion of an answer and rejects another, UnevenGate is warned; this is only checked where
the host can read the arrays without waiting for a device.

If some u_i is negative, a right answer can be paid less than a wrong one, and training would unlearn it.
The warning RightPaidLess then names the least bonus with which no entry of the table pays less than 0.

Each warning is given once per reward, and again only if a greater bonus is needed.
"""

from collections.abc import Hashable
from decimal import ROUND_CEILING, Context, Decimal

import numpy as np

from polyest.arrays import (
    Array,
    converted,
    holds,
    host_reads,
    kind_of,
    library,
    mixture,
    to_numpy,
)
from polyest.errors import InvalidReward, RightPaidLess, UnevenGate
from polyest.reals import looked_at
from polyest.rewards.notices import given_before, warn_once
from polyest.rewards.options import Options
from polyest.rewards.tracing import constant
from polyest.values import shown

DIGITS = 4  # of the bonus that is named, which is rounded up


def right_of(
    answers: Array, answered: Array, options: Options, reward: Hashable = None
) -> Array | None:
    """Which completions are right and have an answer, bool in the shape of the answers; None without a gate.

    answered: bool, of the counts; reward: what a warning is remembered by.

    Raises InvalidReward for a gate of another shape or library, or that holds something else than yes and no.
    Warns UnevenGate where completions of one answer are both right and wrong.

    >>> right_of(np.array([[7, 3, -1]]), np.array([[True, True, False]]), {"where": [[1, 0, 1]]})
    array([[ True, False, False]])
    """
    given = options.get("where")
    if given is None:
        return None
    if mixed := mixture(given, answered):
        raise InvalidReward(f"where: {mixed}")
    if isinstance(given, np.ma.MaskedArray):
        raise InvalidReward(
            "where is a masked array: expected a plain one, with False where it is masked"
        )
    try:
        gate = converted(given, answered)
        shape, kind = tuple(gate.shape), kind_of(gate)
    except (TypeError, ValueError, OverflowError, RuntimeError, AttributeError):
        gate, shape, kind = None, (), ""
    if gate is None or kind not in ("b", "i", "u", "f"):
        raise InvalidReward(
            f"where is {shown(given)}: expected True or False for each completion, in the shape of the "
            "answers"
        )
    if shape != tuple(answered.shape):
        raise InvalidReward(
            f"where of shape {shape} for answers of shape {tuple(answered.shape)}: expected True or False "
            "for each completion"
        )
    right = answered & (gate if kind == "b" else _yes(gate))
    if host_reads(right):
        _look_at(answers, right, answered, options.get("groups"), reward)
    return right


@constant
def warn_of_penalty(reward: Hashable, bonus: float) -> None:
    """Warns RightPaidLess that right answers need this bonus, unless as much was named for the reward.

    bonus: the least that leaves no right answer below 0; it is named in a few digits, rounded up.
    """
    least = rounded_up(bonus)
    message = (
        "where: at some count a right answer earns less than 0, the reward of a wrong answer: give "
        f"bonus={least!r}, the least with which none does, or more; monotone tables need almost none: "
        'table=polyest.load(K, noise=2, shape="monotone")'
    )
    warn_once(RightPaidLess(message), ("bonus", reward), least)


def rounded_up(bonus: float) -> float:
    """The bonus in a few digits, and not less.

    >>> rounded_up(0.241234), rounded_up(0.25)
    (0.2413, 0.25)
    """
    context = Context(prec=DIGITS, rounding=ROUND_CEILING)
    return float(context.create_decimal(Decimal(bonus)))


def _yes(gate: Array) -> Array:
    """A gate of numbers 0 and 1 as bool."""
    xp = library(gate)
    if not looked_at(gate):
        raise InvalidReward(
            f"where of type {gate.dtype}: expected bool in a graph, where values cannot be read"
        )
    if holds(xp.all((gate == 0) | (gate == 1))) is False:
        raise InvalidReward(
            "where holds a number other than 0 and 1, or nan: expected True or False for each completion; "
            "compare a score with a threshold, such as score > 0.5"
        )
    return gate == 1


def _look_at(
    answers: Array, right: Array, answered: Array, groups: object, reward: Hashable
) -> None:
    """Warns UnevenGate once where completions of one answer in a group are both right and wrong."""
    ids = None if groups is None else converted(groups, groups)
    what = ("gate", reward)
    if given_before(what) or not (ids is None or host_reads(ids)):
        return
    said, good, have = (to_numpy(x) for x in (converted(answers, right), right, answered))
    rows = np.arange(said.shape[0])[:, None] if ids is None else to_numpy(ids)
    _, group = np.unique(np.broadcast_to(rows, said.shape), return_inverse=True)
    each, answer = np.unique(said, return_inverse=True)
    pair = group.reshape(said.shape) * len(each) + answer.reshape(said.shape)
    _, of_class = np.unique(pair[have], return_inverse=True)
    times, times_right = np.bincount(of_class), np.bincount(of_class, good[have])
    if ((times_right > 0) & (times_right < times)).any():
        message = (
            "where is not a function of the answer: two completions of one group have the same answer, and "
            "one is right, the other wrong.  Such a gate is not exact with the table of K = G - "
            "2: let it depend on the answer alone, or add its verdict to the reward (this warning "
            "is given once)"
        )
        warn_once(UnevenGate(message), what)
