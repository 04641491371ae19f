"""This module checks the values of callers and shows them in messages; no value makes it raise an error.

Difficult values are an integer of 5000 digits, which Python refuses to print, 10^400, which no double can
hold, and an array, whose comparison with a text is not a bool.
"""

from collections.abc import Container, Iterable
from math import inf, nan
from numbers import Integral, Real
from typing import Any

LONGEST = 60  # greatest number of characters of a value in a message
MOST = 2**53  # greatest count: doubles cannot hold every integer above it


def clipped(text: str) -> str:
    """Return the text in one line, cut off after 60 characters.

    >>> clipped("polynomial:" + "1," * 1000)
    'polynomial:1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,...'
    """
    text = " ".join(text[: 20 * LONGEST].split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def shown(value: object) -> str:
    """Return the repr of a value in one line of at most 60 characters, or its type or size instead.

    >>> shown("x" * 1000)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..."
    >>> shown(10**5000)
    'an integer of 16610 bits'
    """
    if isinstance(value, int) and value.bit_length() > 3 * LONGEST:
        return f"an integer of {value.bit_length()} bits"
    try:
        return clipped(repr(value[: 2 * LONGEST] if isinstance(value, str | bytes) else value))
    except Exception:  # the caller's __repr__ fails, or a list holds an integer too long to print
        return f"an object of type {type(value).__name__}"


def real(value: object) -> float:
    """Return the double nearest to a real number, infinite if no double is large enough.

    Returns nan for anything that is not a number; booleans and texts are not numbers.

    >>> from fractions import Fraction
    >>> real(Fraction(1, 2)), real(-(10**400)), real("1"), real(True)
    (0.5, -inf, nan, nan)
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        return nan
    try:
        return float(value)
    except OverflowError:
        return -inf if value < 0 else inf


def whole(value: object, least: int, most: int = MOST) -> bool:
    """Return whether the value is an integer from `least` to `most`; a boolean is not an integer.

    >>> whole(3, 1), whole(True, 1), whole(10**400, 1), whole(3.0, 1)
    (True, False, False, False)
    """
    if type(value) is int:
        return least <= value <= most
    return (
        isinstance(value, Integral)
        and not isinstance(value, bool)
        and bool(least <= int(value) <= most)
    )


def either(words: Iterable[str]) -> str:
    """Return the words as a choice.

    >>> either(["a", "b", "c"]), either(["a"])
    ('a, b or c', 'a')
    """
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def among(value: object, words: Container[str]) -> bool:
    """Return whether the value is a text and one of these words.

    >>> among("log", ("log", "power")), among(["log"], {"log": 1})
    (True, False)
    """
    return isinstance(value, str) and value in words


def plain(value: object) -> object:
    """Return the one value in an array or a tensor without dimensions, and any other value as it is.

    >>> import numpy as np
    >>> plain(np.array(3)), plain("log")
    (3, 'log')
    """
    given: Any = value
    return given.item() if getattr(given, "ndim", None) == 0 else given


def reason_of(error: OSError) -> str:
    """Return the reason that the system gives for an error, in lower case.

    >>> reason_of(OSError(28, "No space left on device"))
    'no space left on device'
    """
    return (error.strerror or str(error)).lower()
