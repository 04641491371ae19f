"""Answer classes as scores, for trainers that pass numbers and no texts.

Some trainers score one completion at a time and hand the scores, not the texts, to the advantage estimator.
float32 holds whole numbers of 24 bits exactly, so the score is the class of the answer, a hash of its
canonical key, and the estimator counts equal classes.  Sign and size say whether the answer is right:

    not known                  class                        2 .. 2^24 - 2^9
    right                      2^-24 class                  between 0 and 1
    wrong                      -2^-48 (class + 2^8)         so small that it is 0 on a curve
    no answer                  -1 - slot                    slot = orbit mod 2^8, 0 without orbits
    no answer, label known     -2^-48 (1 + slot)

    class                      2 + hash mod (2^24 - 2^9 - 1), one more where 2^16 divides that
    class, with an orbit       2^16 slot + 2 + hash mod (2^16 - 2^9 - 1)

So the mean score of a batch with labels is a weighted accuracy: a right answer weighs as much at every step,
between 0 and 1, 1/2 on average.  No score is 0, 1 or a fraction such as 1/2 or 3/4.  A trainer's reward
manager scores its own failures, a time-out or an exception, with 0, and an accuracy is 0 or 1: neither is an
answer, and a batch that holds one is refused.

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
RIGHT, WRONG = 2.0**-24, 2.0**-48  # steps of scores of answers that are known to be right, or wrong


class Classes(NamedTuple):
    """The answers that scores stand for.

    Attributes
    ----------
    ids : int64 array (N,)
        Ids, equal for equal answers, -1 for no answer.
    orbits : int64 array (N,) or None
        The orbits modulo 256; None where scores have none.
    right : bool array (N,)
        Whether the answer is known to be right.
    labelled : bool array (N,)
        Whether that is known, right or wrong.
    """

    ids: Any
    orbits: Any
    right: Any
    labelled: Any


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
        The class, scaled where `right` is known, and then negative for a wrong answer; -1 for no answer, or
        -1 less the orbit modulo 256.

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
    >>> answer_class("7", right=True) == answer_class("7") / 2**24
    True
    >>> -1e-7 < answer_class("7", right=False) < 0
    True
    """
    if orbit is not None and not whole(orbit, 0):
        raise BrokenOrbit(f"orbit is {shown(orbit)}: expected its number, an integer of at least 0")
    slot = 0 if orbit is None else int(orbit) % SLOTS
    key = canonical([text], kind, choices=choices, cues=cues, reasoning=reasoning)[0]
    if key is None:
        return float(-1 - slot) * (1.0 if right is None else WRONG)
    most = GREATEST if orbit is None else GREATEST % BLOCK
    number = LEAST + int(identify([key])[0]) % (most - LEAST + 1)
    number += number % BLOCK == 0  # 2^-24 of it would be a fraction that rewards may be
    positive = slot * BLOCK + number
    if right is None:
        return float(positive)
    return positive * RIGHT if right else -(positive + SLOTS) * WRONG


def classes(scores: object, with_orbits: bool = False, failed: str = "raise") -> Classes:
    """Read the scores of a batch: classes, orbits, and which answers are right.

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
        Ids, orbits, which are right, and of which that is known.

    Raises
    ------
    BrokenBatch
        If no class can be read in a score: 0 and 1, not whole, out of range, nan, of fewer bits than
        float32.
    InvalidReward
        If `failed` is unknown.

    Examples
    --------
    >>> classes(np.array([5.0, 5.0 / 2**24, -(5.0 + 256) / 2**48, -1.0])).ids.tolist()
    [5, 5, 5, -1]
    >>> seen = classes(np.array([answer_class("7", orbit=3, right=False), -4.0]), with_orbits=True)
    >>> seen.orbits.tolist(), seen.right.tolist(), seen.labelled.tolist()
    ([3, 3], [False, False], [True, False])
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
    labelled = (values != 0) & (abs(values) < 1)
    right = labelled & (values > 0)
    steps = values * np.where(labelled, np.where(right, 1 / RIGHT, 1 / WRONG), 1.0)  # whole numbers
    signed = np.where(~failures & (abs(steps) < 2**24), steps, -1).astype(np.int64)
    answered = (signed > 0) | (signed < -SLOTS)
    number = np.where(signed > 0, signed, -signed - SLOTS)
    ids, most = (number % BLOCK, GREATEST % BLOCK) if with_orbits else (number, GREATEST)
    slots = np.where(answered, number // BLOCK, -1 - signed)
    silent = (signed < 0) & ((slots == 0) | with_orbits)
    fits = (ids >= LEAST) & (ids <= most) & (number <= GREATEST) & (number % BLOCK != 0)
    fits &= (signed > 0) == (right | ~labelled)  # without a label a class is positive
    good = (failures | (steps == signed)) & np.where(answered, fits, silent & ~right)
    if not good.all():
        raise BrokenBatch(_refused(float(values[np.argmin(good)]), with_orbits))
    orbits = np.where(failures, -1, slots) if with_orbits else None
    return Classes(np.where(answered, ids, -1), orbits, right & answered, labelled)


def _refused(odd: float, with_orbits: bool) -> str:
    said = f"a score is {odd:.16g}: "
    if not with_orbits and -SLOTS <= odd < 0 and odd.is_integer():
        return said + 'expected -1 or a class; of scores that have an orbit say orbits="score"'
    return said + (
        f"expected a class of an answer, {LEAST} to {GREATEST}, scaled where it is right or wrong: let the "
        "reward function return answer_class(text), and add no penalty to it (KL, length, format)"
    )
