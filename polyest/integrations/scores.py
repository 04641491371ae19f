"""Answer classes as scores: what a trainer carries that passes numbers and no texts.

Some trainers score one trace at a time and hand the scores, not the texts, to the advantage estimator.
float32 holds whole numbers below 2^24 exactly, so the score is the class of the answer, and the
estimator counts equal scores:

    score = class, 24 bits of BLAKE2b(key)               -1 where there is no answer
    score = 2^16 (orbit mod 2^8) + class, 16 bits        -1 - (orbit mod 2^8) where there is none

Two different answers of a prompt share a class with probability 2^-24 (2^-16 with an orbit): n distinct
ones of a group with n(n-1)/2 times that at most, 1.7e-6 for n = 8 and 1.2e-4 for n = 64 (4e-4 and .03).
Orbits of one batch must differ modulo 256: number them one after the other and do not shuffle.
"""

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np

from polyest.answers import CHOICES, REASONING, Tag, canonical, identify
from polyest.errors import BrokenBatch, BrokenOrbit

BITS = 24  # whole numbers below 2^24 are exact in float32
ORBIT_BITS = 8
CLASS_BITS = BITS - ORBIT_BITS


def answer_class(
    text: str | None,
    kind: str = "auto",
    *,
    choices: str = CHOICES,
    cues: Iterable[str] = (),
    reasoning: Iterable[Tag] = REASONING,
    orbit: int | None = None,
) -> float:
    """The class of the answer in a text, a whole number that float32 holds; -1 for no answer.

    kind, choices, cues, reasoning: as in `answers.canonical`.  orbit: number of the trace's orbit, where the
    estimator is told that scores have one.  Raises InvalidAnswer for a text or kind that is none, BrokenOrbit
    for an orbit that is no integer of at least 0.

    >>> answer_class("so 0.50", "fraction") == answer_class("it is 1/2", "fraction")
    True
    >>> answer_class("no idea"), answer_class("no idea", orbit=3)
    (-1.0, -4.0)
    """
    key = canonical([text], kind, choices=choices, cues=cues, reasoning=reasoning)[0]
    number = -1 if key is None else int(identify([key])[0])
    if orbit is None:
        return float(number if key is None else number % 2**BITS)
    if isinstance(orbit, bool) or not isinstance(orbit, Integral) or orbit < 0:
        raise BrokenOrbit(f"orbit is {orbit!r}: expected its number, an integer of at least 0")
    slot = int(orbit) % 2**ORBIT_BITS
    return float(-1 - slot if key is None else (slot << CLASS_BITS) + number % 2**CLASS_BITS)


def classes(scores: Any, with_orbits: bool = False) -> tuple[Any, Any]:
    """Classes, int64 with -1 for no answer, and orbits, or None where scores have none.

    scores: float32 or float64 (N,) of `answer_class`, on the host.  Raises BrokenBatch for scores in which
    no class can be read: not whole, out of range, nan, of fewer bits than float32.

    >>> classes(np.array([5.0, -1.0]))[0].tolist()
    [5, -1]
    >>> found = classes(np.array([answer_class("7", orbit=3), -4.0]), with_orbits=True)
    >>> found[1].tolist()
    [3, 3]
    """
    found = np.asarray(scores)
    if found.ndim != 1 or found.dtype not in (np.float32, np.float64):
        raise BrokenBatch(
            f"scores of type {found.dtype} and shape {found.shape}: expected float32 (N,), the classes of "
            "answers; fewer bits hold no class"
        )
    least = -(2**ORBIT_BITS) if with_orbits else -1
    right = (found == np.floor(found)) & (found >= least) & (found < 2**BITS)
    if not right.all():
        odd = float(found[np.argmin(right)])
        raise BrokenBatch(f"a score is {_number(odd)}: {_repair(odd, least)}")
    whole = found.astype(np.int64)
    if not with_orbits:
        return whole, None
    answered = whole >= 0
    return (
        np.where(answered, whole % 2**CLASS_BITS, -1),
        np.where(answered, whole >> CLASS_BITS, -1 - whole),
    )


def _repair(odd: Real | float, least: int) -> str:
    if -(2**ORBIT_BITS) <= float(odd) < least and float(odd).is_integer():
        return 'expected -1 or a class; of scores that have an orbit say orbits="score"'
    return (
        f"expected a whole number from {least} to {2**BITS - 1}, the class of an answer: let the reward "
        "function return answer_class(text), and add no penalty to it (KL in the reward, length, format)"
    )


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)
