"""This module reads and writes the values in a line: words, decimal strings, brackets and objects."""

from collections.abc import Iterable
from contextlib import suppress
from math import isfinite
from typing import TYPE_CHECKING

from polyest.errors import CorruptTable
from polyest.problem.claims import Bracket
from polyest.values import LONGEST, shown

if TYPE_CHECKING:
    from polyest.tables.line import Enclosed


def only(what: str, record: object, keys: Iterable[str]) -> None:
    """Raise CorruptTable for a key of an object of a line that is not among those that it may have."""
    if not isinstance(record, dict):
        raise CorruptTable(f"{what} is {shown(record)}: expected an object")
    odd = next(iter(record.keys() - set(keys)), None)
    if odd is not None:
        raise CorruptTable(
            f"{what} has an unknown key {shown(odd)}: expected {', '.join(keys)}; the line is altered, or "
            "made by a later polyest"
        )


def word(name: str, value: object) -> str:
    """Return the value, a text of at most 60 characters; raise CorruptTable for any other."""
    if isinstance(value, str) and len(value) <= LONGEST:
        return value
    raise CorruptTable(f"{name} is {shown(value)}: expected a text of at most {LONGEST} characters")


def text(value: float) -> str:
    """Return the shortest decimal that reads back to the same double."""
    return repr(float(value))


def number(text: object, finite: bool = True) -> float:
    """Return the double that a decimal string denotes."""
    try:
        value = float(text) if isinstance(text, str) else None
    except ValueError:
        value = None
    if value is None:
        raise CorruptTable(f"{shown(text)} is not a decimal string")
    if value != value or (finite and not isfinite(value)):
        raise CorruptTable(f"{shown(text)} is not a finite number")
    return value


def numbers(texts: object) -> list[float]:
    """Return the finite doubles that a list of decimal strings denotes."""
    if not isinstance(texts, list):
        raise CorruptTable(f"{shown(texts)} is not a list of decimal strings")
    with suppress(TypeError, ValueError):
        if all(map(isfinite, values := [*map(float, texts)])) and set(map(type, texts)) <= {str}:
            return values
    return [number(text) for text in texts]  # raises an error that names the bad text


def bracket_out(bracket: Bracket) -> dict[str, str]:
    """Return a bracket as an object of two strings."""
    return {"lower": text(bracket.lower), "upper": text(bracket.upper)}


def bracket_in(record: "Enclosed") -> Bracket:
    """Return the bracket of an object that `bracket_out` made."""
    only("bracket", record, ("lower", "upper"))
    return Bracket(number(record["lower"]), number(record["upper"], finite=False))
