"""The curve of the least bias that a noise allows, points on its axes, and two tables at one noise.

The axes are noise, a bound of a criterion in units of the plug-in table's, and bias, the bracket of sup|e|.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from polyest.problem.claims import Bracket, Certificate
from polyest.problem.problem import Alternation
from polyest.tables.table import Table


@dataclass(frozen=True)
class Point:
    """A table on the axes: `noise` is a proved bound of V(c) in units of the plug-in table's."""

    series: str
    label: str
    noise: float
    table: Table


@dataclass(frozen=True)
class Refused:
    """A point that is not there, and why."""

    label: str
    reason: str


@dataclass(frozen=True)
class Frontier:
    """The curve of one K: points by rising noise, and what is known beyond them.

    plug_in: what is proved of the table whose V is the unit of noise; noiseless: least bias without
    noise, bounded above; least: bracket of E*(K); stopped: the budget that was not settled, if any.
    """

    K: int
    target: str
    criterion: str
    plug_in: Certificate
    points: tuple[Point, ...]
    noiseless: float
    least: Bracket
    stopped: Refused | None

    @property
    def reached(self) -> bool:
        """Whether the last point is the minimax table, so that no noise buys less bias."""
        return isinstance(self.points[-1].table.witness, Alternation)

    @property
    def ended(self) -> str:
        """Where the curve ends and why, in words."""
        noise = self.points[-1].noise
        if self.reached:
            return f"at noise {noise:.4g}, the minimax table: no noise buys less bias"
        if self.stopped:
            return f"before {self.stopped.label}, which was not settled: {self.stopped.reason}"
        return f"at noise {noise:.4g}, the last one asked for"


@dataclass(frozen=True)
class Versus:
    """A table beside the best one at its noise; `ratio` brackets how many times less bias that has.

    The lower end is proved by the stored table `best`, the upper end holds for all at that noise.
    """

    rival: Table
    noise: float
    best: Table
    ratio: Bracket


def records(curve: Frontier, points: Iterable[Point]) -> list[dict[str, str]]:
    """Rows of text for a file or a figure: the points of a curve, then others on its axes."""
    rows = []
    for point in (*curve.points, *points):
        bias = point.table.bias
        optimum = point.table.optimum if point.series == "optimal" else None
        rows.append(
            {
                "target": curve.target,
                "criterion": curve.criterion,
                "K": str(curve.K),
                "series": point.series,
                "label": point.label,
                "noise": repr(point.noise),
                "bias_lower": repr(bias.lower),
                "bias_upper": repr(bias.upper),
                "optimum_lower": "" if optimum is None else repr(optimum.lower),
                "least_lower": repr(curve.least.lower),
                "least_upper": repr(curve.least.upper),
            }
        )
    return rows
