"""Functions of the caller's that say which completions are right, and what their numbers mean.

A number above 1/2 says that a completion is right, in every interface; None, and nan, say that it is not.  A
gate has two values, so partial credit is rounded to one of them, and warned of once.
"""

from collections.abc import Callable, Sequence
from inspect import iscoroutinefunction
from typing import Any, TypeGuard

import numpy as np

from polyest.arrays import Bools, Floats
from polyest.errors import BrokenBatch, InvalidReward, PartialCredit, PolyestError
from polyest.reals import on_host
from polyest.rewards.notices import warn_once
from polyest.values import shown

Judge = Callable[..., Any]
LEAST = 0.5  # above this a number says that a completion is right
NUMBERS = "a number or None for each completion"


def called(what: str, function: Judge, *given: object, **named: object) -> Any:
    """What a function of the caller's gives.

    Raises InvalidReward where it raises an error; one of polyest is raised as it is.

    >>> called("where", max, 1, 2)
    2
    """
    try:
        return function(*given, **named)
    except PolyestError:  # of a reward of polyest, which says what is wrong itself
        raise
    except Exception as error:  # a function of the caller's may raise anything
        name = getattr(function, "__name__", type(function).__name__)
        raise InvalidReward(
            f"{what} {name} raised {type(error).__name__}: {shown(str(error))}; let it give 0 for a "
            "completion that it cannot judge"
        ) from error


def each_number(what: str, given: object, size: int) -> Floats:
    """What a function of the caller's gave for completions, float64 (size,), nan for None.

    Raises BrokenBatch for another number of values, InvalidReward for what are no numbers.

    >>> each_number("where", [1, None], 2).tolist()
    [1.0, nan]
    """
    numbers = on_host(f"what {what} gave", given, NUMBERS)
    if numbers.shape != (size,):
        raise BrokenBatch(
            f"{what} gave values of shape {numbers.shape} for {size} completions: expected a number or None "
            "for each"
        )
    return numbers


def above_half(what: str, numbers: Floats) -> Bools:
    """Which numbers say that a completion is right, in their shape.

    Warns PartialCredit once where one lies between 0 and 1.

    >>> above_half("where", np.array([1.0, 0.0, -1.0, np.nan])).tolist()
    [True, False, False, False]
    """
    partial = numbers[(numbers > 0) & (numbers < 1)]
    if partial.size:
        message = (
            f"{what} gave {partial.flat[0]:g}, which is neither 0 nor 1: above 1/2 is taken for right, the "
            "rest for wrong, and no partial credit is paid; give 0 or 1 by a threshold of your own, or pay "
            "credit as another reward, where the trainer adds several (this warning is given once)"
        )
        warn_once(PartialCredit(message), ("partial credit", what))
    return np.asarray(numbers > LEAST)


def right_texts(judge: Judge, texts: Sequence[str | None]) -> Bools:
    """Which texts of a group are right, bool (N,), by a function of those that there are.

    A completion without text is wrong.

    >>> right_texts(lambda texts: ["7" in text for text in texts], ["so 7", None, "8"]).tolist()
    [True, False, False]
    """
    right = np.array([text is not None for text in texts], bool)
    said = [text for text in texts if text is not None]
    if said:
        right[right] = above_half(
            "where", each_number("where", called("where", judge, said), len(said))
        )
    return right


def plain_function(value: object) -> TypeGuard[Judge]:
    """Whether this is a function whose result need not be awaited.

    >>> plain_function(len), plain_function("len")
    (True, False)
    """
    return callable(value) and not iscoroutinefunction(value)
