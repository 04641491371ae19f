"""This module defines the curve of the least bias at each noise, points beside it, and comparisons.

The noise of a table is a certified bound of a criterion, such as sup_p p Var c_X, in units of the same
criterion of the plug-in table (a variance ratio).  The bias is the bracket of the worst-case weighted bias,
sup|e| with e(p) = p (E c_X - phi(p)).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from polyest.problem.claims import Bracket, Certificate
from polyest.problem.criteria import Budgeted
from polyest.tables.table import Table

STEEPEST = 2.0  # neighbours with a greater ratio of biases get a point between them
UNSEEN = 1e-3  # biases below this share of the greatest are treated as equal


@dataclass(frozen=True)
class Point:
    """A table on the axes of noise and bias.

    Attributes
    ----------
    series : str
        The curve or family that the point belongs to.
    label : str
        The name of the point.
    noise : float
        The variance ratio: a certified bound of the table's criterion, in units of that of the plug-in
        table.
    table : Table
        The table, whose bias is the other axis.
    """

    series: str
    label: str
    noise: float
    table: Table


def is_last(point: Point) -> bool:
    """Return whether the noise budget of the point's table does not bind: no noise buys less bias."""
    witness = point.table.witness
    return witness is not None and not witness.bounds_noise


@dataclass(frozen=True)
class Refused:
    """An estimator, or a budget, for which there is no point, and the reason.

    Attributes
    ----------
    label : str
        The name of the missing point.
    reason : str
        The reason why there is no table.
    """

    label: str
    reason: str


@dataclass(frozen=True)
class Frontier:
    """The curve of the least bias at each noise, for one sample size.

    Attributes
    ----------
    K : int
        Sample size.
    target : str
        The name of the target.
    criterion : str
        The criterion that measures the noise.
    plug_in : Certificate
        The certificate of the plug-in table, whose criterion is the unit of noise.
    points : tuple of Point
        The tables, by rising noise.
    noiseless : float
        A certified upper bound of the least worst-case weighted bias of the tables without noise.
    least : Bracket
        A certified bracket of E*(K), the least worst-case weighted bias of any table.
    stopped : Refused or None
        The budget at which the solver found no table, if there is one.
    shape : str or None
        The shape of all tables of the curve, if they have one.
    """

    K: int
    target: str
    criterion: Budgeted
    plug_in: Certificate
    points: tuple[Point, ...]
    noiseless: float
    least: Bracket
    stopped: Refused | None
    shape: str | None = None

    @property
    def reached(self) -> bool:
        """Whether the last point is the minimax table, so that no noise buys less bias."""
        return is_last(self.points[-1])

    @property
    def ended(self) -> str:
        """Words that say where the curve ends and why."""
        noise = self.points[-1].noise
        if self.reached:
            kind = f"minimax {self.shape}" if self.shape else "minimax"
            return f"at noise {noise:.4g}, the {kind} table: more noise gives no less bias"
        if self.stopped:
            return f"before {self.stopped.label}, which was not settled: {self.stopped.reason}"
        return f"at noise {noise:.4g}, the last one asked for"


@dataclass(frozen=True)
class Versus:
    """A comparison of a table with the best table at the same noise.

    Attributes
    ----------
    rival : Table
        The table that is compared.
    noise : float
        A certified upper bound of its noise.
    best : Table
        The table of least bias at that noise.
    ratio : Bracket
        The factor by which the best table has less bias.  The lower end is proved of the stored table
        `best`; the upper end holds for every table at that noise.
    """

    rival: Table
    noise: float
    best: Table
    ratio: Bracket


def records(curve: Frontier, points: Iterable[Point]) -> list[dict[str, str]]:
    """Return rows of text for a file or a figure: the points of a curve, then other points on its axes."""
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


def steepest(points: list[Point]) -> float | None:
    """Return a noise between the neighbours where the bias falls most; None if it falls little there."""
    seen = [max(p.table.bias.upper, UNSEEN * points[0].table.bias.upper) for p in points]
    falls = [a / b for a, b in pairwise(seen)]
    if max(falls, default=0.0) <= STEEPEST:
        return None
    place = falls.index(max(falls))
    low, high = points[place].noise, points[place + 1].noise
    middle = float(f"{(low * high) ** 0.5:.3g}")
    return middle if low < middle < high else None
