"""What may be claimed of a table: facts about its stored numbers that a proof has established."""

from collections.abc import Mapping
from typing import Any

from polyest.problem.criteria import CRITERIA
from polyest.record import Record


class Bracket(Record):
    """Two doubles between which a real number is proved to lie."""

    lower: float
    upper: float

    @property
    def width(self) -> float:
        """Relative width (upper - lower) / upper; 0 where both ends are 0."""
        return (self.upper - self.lower) / self.upper if self.upper else 0.0


class Certificate(Record):
    """Proved facts about one table.

    bias: bracket of sup |p (P(p) - phi(p))|; optimum: bracket of the least attainable value of what
    was minimised, None where nothing was; the four criteria: upper bounds; further: those of other
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
        """Whether there is a bound of the criterion called `name`."""
        return name in STATED or name in dict(self.further)

    def criterion(self, name: str) -> float:
        """Upper bound of the criterion called `name`, such as "gradient-variance"."""
        if name not in STATED:
            return dict(self.further)[name]
        bound: float = getattr(self, CRITERIA[name].attribute)
        return bound


_NAMES = {row.attribute: name for name, row in CRITERIA.items()}
# Names of the criteria whose bounds every table states, in the order of files.
STATED = tuple(_NAMES[field] for field in Certificate._fields if field in _NAMES)


def stated(criterion: str) -> tuple[str, ...]:
    """Names of the criteria whose bounds a table states: those of every table, and its own.

    >>> stated("minimax")
    ('second-moment', 'variance', 'gradient-variance', 'squared-error')
    """
    own = CRITERIA.get(criterion)
    return (
        STATED if own is None or own.centre is None else tuple(dict.fromkeys((*STATED, criterion)))
    )


def claimed(bias: Bracket, optimum: Bracket | None, bounds: Mapping[str, float]) -> Certificate:
    """The certificate of these bounds of criteria by name, those of every table among them."""
    fields: dict[str, Any] = {CRITERIA[name].attribute: bounds[name] for name in STATED}
    fields["further"] = tuple((name, bounds[name]) for name in bounds if name not in STATED)
    return Certificate(bias, optimum, **fields)


class Limits(Record):
    """What is proved of the exact c_X for every K >= 1024 at once.

    bias: bracket of K sup|e|; gradient_variance, squared_error: upper bounds of K times the criterion;
    variance: of the criterion itself; log_count: lower bound of K sup p Var log((X+1)/(K+1)), the unit of
    noise; selection: sum (X+1) u_X^2, which moves with every departure.
    """

    bias: Bracket
    variance: float
    gradient_variance: float
    squared_error: float
    log_count: float
    selection: float
