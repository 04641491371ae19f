"""What may be claimed of a table: facts about its stored numbers that a proof has established."""

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
    was minimised, None where nothing was; the four criteria: upper bounds.
    """

    bias: Bracket
    optimum: Bracket | None
    second_moment: float
    variance: float
    gradient_variance: float
    squared_error: float

    def criterion(self, name: str) -> float:
        """Upper bound of the criterion called `name`, such as "gradient-variance"."""
        value: float = getattr(self, name.replace("-", "_"))
        return value


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
