"""This module reads, checks and writes the numbers after the colon of a target's name."""

from math import isfinite

from polyest.errors import InvalidProblem
from polyest.problem.targets.target import HIGHEST
from polyest.values import shown

LARGEST = 1e100  # greatest absolute value of a number: doubles have to hold the squares of entries


def numbers(text: str, tail: str, example: str) -> tuple[float, ...]:
    """Return the finite numbers in `tail`, the part of `text` after the colon.

    example: a correct name, for the message.  Raise InvalidProblem for any other text, for numbers above
    1e100 and for more than 1025 numbers.
    """
    if tail.count(",") > HIGHEST:
        raise too_high(text, tail.count(","))
    try:
        parsed = tuple(float(word) for word in tail.split(","))
    except ValueError:
        parsed = ()
    if not parsed or not all(map(isfinite, parsed)):
        raise InvalidProblem(
            f"target {shown(text)} needs finite numbers after the colon, as in {example}"
        )
    if max(map(abs, parsed)) > LARGEST:
        raise InvalidProblem(
            f"target {shown(text)} has a number beyond {LARGEST:g}: expected smaller ones; scale the rewards"
        )
    return parsed


def number(text: str, tail: str, example: str) -> float:
    """Return the one number after the colon; raise as `numbers` does, and for more than one number."""
    parsed = numbers(text, tail, example)
    if len(parsed) != 1:
        raise InvalidProblem(f"target {shown(text)} takes one number, as in {example}")
    return parsed[0]


def too_high(text: str, exponent: float) -> InvalidProblem:
    """Return the error for a target with an exponent or a degree above 1024."""
    return InvalidProblem(
        f"target {shown(text)} has powers of p up to {exponent:g}: tables are proved up to {HIGHEST}; use a "
        "smaller exponent or degree"
    )


def shortest(value: float) -> str:
    """Return the shortest decimal text of a double, without a trailing `.0`.

    >>> shortest(2.0), shortest(0.1)
    ('2', '0.1')
    """
    return repr(value).removesuffix(".0")
