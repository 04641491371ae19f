"""This module has the types of the objects in a line of the file format, for type checkers only.

Nothing imports it at run time.  The types are those that the format promises; the code that reads a line
checks them, because a file may be altered.
"""

from typing import Literal, TypedDict

DualKey = Literal["bias_points", "bias_weights", "noise_points", "noise_weights", "step_weights"]


class Enclosed(TypedDict):
    """A bracket: two decimal strings."""

    lower: str
    upper: str


class Bound(TypedDict):
    """A budget: its kind, and its value as a decimal string."""

    kind: str
    value: str


class Generator(TypedDict):
    """What made a table."""

    polyest: str
    method: str


class Line(TypedDict):
    """What every line has; the criteria that its problem states are further keys, in decimal strings."""

    schema: int
    release: str | None
    target: str
    criterion: str
    K: int
    budget: Bound | None
    bias: Enclosed
    optimum: Enclosed | None
    generator: Generator


class Witness(TypedDict, total=False):
    """An alternation, or measures with a selection, in decimal strings.

    With a shape the measure of noise stands beside weights of steps, or both are absent.
    """

    alternation: list[str]
    bias_points: list[str]
    bias_weights: list[str]
    noise_points: list[str]
    noise_weights: list[str]
    step_weights: list[str]
    selection: str


class Listed(Line):
    """A line of a table that lists its coefficients."""

    grid: str | None
    coefficients: list[str]
    witness: Witness | None


class Shaped(Listed):
    """A line of a table with a shape, of schema 2."""

    shape: str


class Departing(TypedDict):
    """What a universal table follows from; its departures or levels, and limits, are further keys."""

    above: int
    bias: Enclosed


class Peak(TypedDict):
    """The witness of a universal table, a decimal string."""

    peak: str


class Universal(Line):
    """A line of a universal table."""

    universal: Departing
    witness: Peak
