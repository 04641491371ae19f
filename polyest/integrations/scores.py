"""Answer classes as scores, for trainers that pass numbers and no texts.

Some trainers score one completion at a time and hand the scores, not the texts, to the advantage estimator.
float32 holds whole numbers of 24 bits exactly, so the score is the class of the answer, a hash of its
canonical key, and the estimator counts equal classes.  The sign says whether the answer is right:

    right, or not known        class               2 .. 2^24 - 2^9
    wrong                      -(class + 2^8)
    no answer                  -1 - slot           slot = orbit mod 2^8, 0 without orbits

    class                      2 + hash mod (2^24 - 2^9 - 1)
    class, with an orbit       2^16 slot + 2 + hash mod (2^16 - 2^9 - 1)

No score is 0 or 1.  A trainer's reward manager scores its own failures, a time-out or an exception, with
0, and an accuracy is 0 or 1: neither is an answer, and a batch that holds one is refused.

Two different answers of a prompt share a class with probability 5.96e-8 (1.54e-5 with an orbit), n distinct
ones of a group with n(n-1)/2 times that at most: 1.7e-6 for n = 8 and 1.2e-4 for n = 64 (4.3e-4 and .031).
Orbits of one batch must differ modulo 256: number them one after the other and do not shuffle.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from polyest.answers import CHOICES, REASONING, Kind, Tag, canonical, identify
from polyest.errors import BrokenBatch, BrokenOrbit, InvalidReward
from polyest.values import among, shown, whole

SLOTS = 2**8  # of orbits
LEAST = 2  # 0 and 1 are what a failure and an accuracy look like
GREATEST = 2**24 - 2**9  # and GREATEST + SLOTS is exact in float32 too
BLOCK = 2**16  # classes of one slot, of which the first are LEAST .. GREATEST mod BLOCK
FAILED = ("raise", "no-answer")


class Classes(NamedTuple):
    """The answers that scores stand for.

    Attributes
    ----------
    ids : int64 array (N,)
        Ids, equal for equal answers, -1 for no answer.
    orbits : int64 array (N,) or None
        The orbits modulo 256; None where scores have none.
    right : bool array (N,)
        False for an answer known to be wrong, and for no answer.
    """

    ids: Any
    orbits: Any
    right: Any


def answer_class(
    text: str | None,
    kind: Kind = "auto",
    *,
    choices: str = CHOICES,
    cues: Iterable[str] = (),
    reasoning: Iterable[Tag] = REASONING,
    orbit: int | None = None,
    right: bool | None = None,
) -> float:
    """Give the class of the answer in a text, a whole number that float32 holds.

    Parameters
    ----------
    text : str or None
        The text.
    kind : {"auto", "number", "fraction", "choice", "boxed", "string"}
        The way to read an answer, as in `answers.canonical`.
    choices : str
        As in `answers.canonical`.
    cues : iterable of str
        As in `answers.canonical`.
    reasoning : iterable of Tag
        As in `answers.canonical`.
    orbit : int or None
        The number of the completion's orbit, where the estimator is told that scores have one.
    right : bool or None
        Whether the answer is the right one; None where that is not known.  The counts are the same.

    Returns
    -------
    float
        The class, negative for a wrong answer; -1 for no answer, or -1 less the orbit modulo 256.

    Raises
    ------
    InvalidAnswer
        If the text or the kind is none.
    BrokenOrbit
        If `orbit` is no integer of at least 0.

    Examples
    --------
    >>> answer_class("so 0.50", "fraction") == answer_class("it is 1/2", "fraction")
    True
    >>> answer_class("no idea"), answer_class("no idea", orbit=3)
    (-1.0, -4.0)
    >>> answer_class("7") + answer_class("7", right=False)
    -256.0
    """
    if orbit is not None and not whole(orbit, 0):
        raise BrokenOrbit(f"orbit is {shown(orbit)}: expected its number, an integer of at least 0")
    slot = 0 if orbit is None else int(orbit) % SLOTS
    key = canonical([text], kind, choices=choices, cues=cues, reasoning=reasoning)[0]
    if key is None:
        return float(-1 - slot)
    most = GREATEST if orbit is None else GREATEST % BLOCK
    number = LEAST + int(identify([key])[0]) % (most - LEAST + 1)
    positive = slot * BLOCK + number
    return float(positive if right is None or right else -(positive + SLOTS))


def classes(scores: object, with_orbits: bool = False, failed: str = "raise") -> Classes:
    """Read the scores of a batch: classes, orbits, and which answers are not known to be wrong.

    Parameters
    ----------
    scores : float32 or float64 array (N,)
        The scores, each of `answer_class`, on the host.
    with_orbits : bool
        Whether scores have an orbit.
    failed : {"raise", "no-answer"}
        What is done with a score of 0 or 1, which `answer_class` never gives: it is an error, or a
        completion without answer, of orbit -1.

    Returns
    -------
    Classes
        Ids, orbits and which are right.

    Raises
    ------
    BrokenBatch
        If no class can be read in a score: 0 and 1, not whole, out of range, nan, of fewer bits than
        float32.
    InvalidReward
        If `failed` is unknown.

    Examples
    --------
    >>> classes(np.array([5.0, -(5.0 + 256), -1.0])).ids.tolist()
    [5, 5, -1]
    >>> found = classes(np.array([answer_class("7", orbit=3, right=False), -4.0]), with_orbits=True)
    >>> found.orbits.tolist(), found.right.tolist()
    ([3, 3], [False, False])
    """
    if not among(failed, FAILED):
        raise InvalidReward(f"failed is {shown(failed)}: expected one of {', '.join(FAILED)}")
    values = np.asarray(scores)
    if values.ndim != 1 or values.dtype not in (np.float32, np.float64):
        raise BrokenBatch(
            f"scores of type {values.dtype} and shape {values.shape}: expected float32 (N,), the classes of "
            "answers; fewer bits hold no class"
        )
    failures = (values == 0) | (values == 1)
    if failed == "raise" and failures.any():
        raise BrokenBatch(
            f"{int(failures.sum())} of {len(values)} scores are 0 or 1, which is no class of an answer but a "
            "failure of the reward manager (a time-out, an exception) or an accuracy: return "
            'answer_class(text) as the score; failures count as no answer with failed="no-answer"'
        )
    signed = np.where(~failures & (abs(values) < 2**24), values, -1).astype(np.int64)
    right = signed > 0
    answered = right | (signed < -SLOTS)
    number = np.where(right, signed, -signed - SLOTS)
    ids, most = (number % BLOCK, GREATEST % BLOCK) if with_orbits else (number, GREATEST)
    slots = np.where(answered, number // BLOCK, -1 - signed)
    silent = (signed < 0) & ((slots == 0) | with_orbits)
    good = (failures | (values == signed)) & np.where(
        answered, (ids >= LEAST) & (ids <= most) & (number <= GREATEST), silent
    )
    if not good.all():
        raise BrokenBatch(_refused(float(values[np.argmin(good)]), with_orbits))
    orbits = np.where(failures, -1, slots) if with_orbits else None
    return Classes(np.where(answered, ids, -1), orbits, right)


def _refused(odd: float, with_orbits: bool) -> str:
    said = f"a score is {odd:.16g}: "
    if not with_orbits and -SLOTS <= odd < 0 and odd.is_integer():
        return said + 'expected -1 or a class; of scores that have an orbit say orbits="score"'
    return said + (
        f"expected a class of an answer, {LEAST} to {GREATEST}, or minus one: let the reward function return "
        "answer_class(text), and add no penalty to it (KL in the reward, length, format)"
    )
