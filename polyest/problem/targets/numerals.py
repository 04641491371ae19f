"""The numbers after the colon of a target's name: read, checked and written."""

from math import isfinite

from polyest.errors import InvalidProblem
from polyest.problem.targets.target import HIGHEST
from polyest.values import shown

LARGEST = 1e100  # of the greatest number: doubles are to hold a table's squares


def numbers(text: str, tail: str, example: str) -> tuple[float, ...]:
    """The finite numbers in `tail`, what follows the colon of `text`; example: a name that is right.

    Raises InvalidProblem for anything else, for numbers above 1e100 and for more than 1025 of them.
    """
    if tail.count(",") > HIGHEST:
        raise too_high(text, tail.count(","))
    try:
        found = tuple(float(word) for word in tail.split(","))
    except ValueError:
        found = ()
    if not found or not all(map(isfinite, found)):
        raise InvalidProblem(
            f"target {shown(text)} needs finite numbers after the colon, as in {example}"
        )
    if max(map(abs, found)) > LARGEST:
        raise InvalidProblem(
            f"target {shown(text)} has a number beyond {LARGEST:g}: expected smaller ones; scale the rewards"
        )
    return found


def number(text: str, tail: str, example: str) -> float:
    """The one number that follows the colon.  Raises as `numbers`, and where there are more."""
    found = numbers(text, tail, example)
    if len(found) != 1:
        raise InvalidProblem(f"target {shown(text)} takes one number, as in {example}")
    return found[0]


def too_high(text: str, exponent: float) -> InvalidProblem:
    """The error of a target with an exponent or a degree above 1024."""
    return InvalidProblem(
        f"target {shown(text)} has powers of p up to {exponent:g}: tables are proved up to {HIGHEST}; use a "
        "smaller exponent or degree"
    )


def shortest(value: float) -> str:
    """Shortest decimal text of a double, without a trailing `.0`.

    >>> shortest(2.0), shortest(0.1)
    ('2', '0.1')
    """
    return repr(value).removesuffix(".0")
