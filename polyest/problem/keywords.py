"""This module has the types of the keywords that pose a problem, for type checkers only."""

from typing import TypedDict

from polyest.problem.criteria import Name
from polyest.problem.shapes import Shape
from polyest.problem.targets import Target


class Bounded(TypedDict, total=False):
    """A criterion and its budget, as `polyest.load` takes them."""

    criterion: Name
    bias: float | None
    bias_ratio: float | None
    noise: float | None


class Posed(Bounded, total=False):
    """A target, a criterion, its budget and a shape."""

    target: str | Target
    shape: Shape | None


class Solved(Posed, total=False):
    """What is solved, how, and on which grid, as `polyest.solve` takes it."""

    method: str | None
    grid: str | None
    group: int | None
    beta: float
