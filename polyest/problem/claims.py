"""This module defines the claims of a table: facts about its stored numbers that were proved."""

from collections.abc import Mapping
from typing import Any

from polyest.problem.criteria import CRITERIA
from polyest.record import Record


class Bracket(Record):
    """Two doubles that are proved to enclose a real number."""

    lower: float
    upper: float

    @property
    def width(self) -> float:
        """The relative width (upper - lower) / upper, or 0 where both ends are 0."""
        return (self.upper - self.lower) / self.upper if self.upper else 0.0


class Certificate(Record):
    """The facts that are proved about one table.

    bias: a bracket of sup |p (P(p) - phi(p))|; optimum: a bracket of the least attainable value of the
    quantity that was minimised, or None where nothing was minimised; second_moment, variance,
    gradient_variance and squared_error: upper bounds of these criteria; further: the upper bounds of other
    criteria, by name.
    """

    bias: Bracket
    optimum: Bracket | None
    second_moment: float
    variance: float
    gradient_variance: float
    squared_error: float
    further: tuple[tuple[str, float], ...] = ()

    def states(self, name: str) -> bool:
        """Return whether there is a bound of the criterion called `name`."""
        return name in STATED or name in dict(self.further)

    def criterion(self, name: str) -> float:
        """Return the upper bound of the criterion called `name`, such as "gradient-variance"."""
        if name not in STATED:
            return dict(self.further)[name]
        bound: float = getattr(self, CRITERIA[name].attribute)
        return bound


_NAMES = {row.attribute: name for name, row in CRITERIA.items()}
# The names of the criteria whose bounds every table states, in the order of files.
STATED = tuple(_NAMES[field] for field in Certificate._fields if field in _NAMES)


def stated(criterion: str) -> tuple[str, ...]:
    """Return the names of the criteria whose bounds a table states: those of every table, and its own.

    >>> stated("minimax")
    ('second-moment', 'variance', 'gradient-variance', 'squared-error')
    """
    own = CRITERIA.get(criterion)
    return (
        STATED if own is None or own.centre is None else tuple(dict.fromkeys((*STATED, criterion)))
    )


def claimed(bias: Bracket, optimum: Bracket | None, bounds: Mapping[str, float]) -> Certificate:
    """Return the certificate of these bounds by name of a criterion; those of STATED are among them."""
    fields: dict[str, Any] = {CRITERIA[name].attribute: bounds[name] for name in STATED}
    fields["further"] = tuple((name, bounds[name]) for name in bounds if name not in STATED)
    return Certificate(bias, optimum, **fields)


class Limits(Record):
    """The facts that are proved of the exact c_X for every K >= 1024 at once.

    bias: a bracket of K sup|e|; gradient_variance, squared_error: upper bounds of K times the criterion;
    variance: an upper bound of the criterion itself; log_count: a lower bound of
    K sup p Var log((X+1)/(K+1)), the unit of noise; selection: a number that changes with every departure or
    level (departures.selection).
    """

    bias: Bracket
    variance: float
    gradient_variance: float
    squared_error: float
    log_count: float
    selection: float
