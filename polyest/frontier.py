"""This module computes the least bias at each noise, and compares the usual estimators with it.

    B(r) = min sup|e|  over tables with  V(c) <= r V(plug-in),    V a budgeted criterion

Here e(p) = p (E c_X - phi(p)) is the weighted bias of a table c, and V is a criterion such as the
gradient-variance sup_p p Var c_X.  sup|e| and V are convex in c, so B is convex.  It falls from the bias of
the best table without noise, at r = 0, to E*(K) at the noise of the minimax table; more noise does not
reduce the bias further.  Every table of K draws, whatever its origin, is feasible at its own noise.  This
proves the

    Theorem.  The point (V(c), sup|e|) of every table of K draws lies on the curve or above it.

Sample splitting averages a table over blocks of the draws.  Given the whole count (Rao-Blackwell), the
average is a table of K draws, `closed_forms.split`, and lies above the curve.  `against` proves by how much.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from math import inf, isfinite, nextafter
from sys import float_info
from typing import SupportsIndex

from polyest.counts import Baseline
from polyest.curves import Frontier, Point, Refused, Versus, is_last, steepest
from polyest.curves import records as records
from polyest.deprecation import meant_as_keywords
from polyest.errors import InvalidProblem, NotConverged, NotProved
from polyest.make.pipeline import noiseless, solve
from polyest.problem.claims import Bracket
from polyest.problem.criteria import BUDGETED, CRITERIA, Budgeted
from polyest.problem.problem import LARGEST_LISTED, Problem, pose
from polyest.problem.shapes import Shape
from polyest.problem.targets import Target
from polyest.proof.certify import noise_floor, noise_unit, stating
from polyest.rivals import others, plug_in_table, rivals
from polyest.sizes import draws_of
from polyest.tables.table import Table
from polyest.values import among, either, shown

__all__ = [
    "Frontier",
    "Point",
    "Refused",
    "Versus",
    "against",
    "comparison",
    "marks",
    "sweep",
]
# The noise grows by about sqrt 2 where the curve is steep, and by 4 where it is nearly flat.
STEEP = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0, 16.0)
BUDGETS = (*STEEP, 64.0, 250.0, 1e3, 4e3, 1.6e4, 6.4e4, 2.5e5, 1e6)
MOST_BETWEEN = 16
BELOW = 1 - 4 * float_info.epsilon  # factor that offsets the rounding of a quotient and a product

Progress = Callable[[int, int], None]  # arguments: the steps that are done, and their number


def _kept(given: tuple[object, ...]) -> int:
    """Return how many arguments keep their place: up to version 0.1 the criterion preceded the target."""
    return 2 if len(given) == 2 and not among(given[1], CRITERIA) else 1


@meant_as_keywords(_kept, "criterion", "budgets", "target", "progress")
def sweep(
    K: SupportsIndex | None = None,
    target: str | Target = "log",
    *,
    criterion: Budgeted = "gradient-variance",
    budgets: Iterable[float] | None = None,
    progress: Progress | None = None,
    shape: Shape | None = None,
    group: int | None = None,
    baseline: Baseline = "group-mean",
) -> Frontier:
    """Compute the curve of the least bias at each noise budget, with a certified table at each point.

        B(r) = min sup|e|  over tables with  V(c) <= r V(plug-in)

    The curve ends at the first budget that does not bind, whose table is the minimax table (of the shape, if
    one is given).  It also ends at a budget for which the solver finds no table, which `stopped` names.

    Parameters
    ----------
    K : int or None
        Sample size, as in `polyest.load`.
    target : str
        What is estimated, as in `polyest.load`.
    criterion : {"gradient-variance", "variance", "second-moment"}
        The criterion V that measures the noise.
    budgets : iterable of float or None
        The noise budgets r, ascending; by default from 1/4 to 1e6, and denser where the curve is steep.
    progress : callable or None
        A function that is called with the number of budgets done and the number of all.
    shape : {"monotone", "concave"} or None
        A shape of all tables, as in `polyest.solve`; the curve then ends at the minimax table of the shape.
    group : int or None
        The number of completions of a prompt, in place of K.
    baseline : {"group-mean", "none", "exact"}
        What the trainer subtracts from the rewards; only with `group`.

    Returns
    -------
    Frontier
        The curve.

    Raises
    ------
    InvalidProblem
        If a keyword is invalid, budgets do not ascend, or a table without noise has no bias for the target.
    CountOutOfRange
        If the group is too small for its baseline.
    NotConverged
        If the solver finds no table for the first budget.
    NotProved
        If a claim about the first table is not confirmed.

    Examples
    --------
    >>> [round(point.table.bias.upper, 4) for point in sweep(3, budgets=(1, 4, 16)).points]
    [0.0962, 0.0316, 0.02]
    """
    noises = _ascending(BUDGETS if budgets is None else budgets)
    posed, unit, least = _posed(draws_of(K, group, baseline), target, criterion, shape)
    tell = _told(progress)
    points, stopped = list[Point](), None

    def at(noise: float) -> Point:
        table = solve(posed.K, posed.target, criterion=criterion, noise=noise, shape=shape)
        return _point("optimal", f"noise {noise:g}", table, criterion, unit)

    for done, noise in enumerate(noises):
        tell(done, len(noises))
        try:
            points.append(at(noise))
        except (NotConverged, NotProved) as error:
            if not points:
                raise type(error)(
                    f"the frontier of K = {posed.K}, {criterion} has no point at its first budget, "
                    f"noise {noise:g}: {error}; begin with another budget"
                ) from None
            stopped = Refused(f"noise {noise:g}", str(error))
            break
        if is_last(points[-1]):
            break
    for _ in range(MOST_BETWEEN if budgets is None else 0):
        between = steepest(points)
        if between is None:
            break
        try:
            points.append(at(between))
        except (NotConverged, NotProved):
            break  # the caller did not ask for this point
        points.sort(key=lambda point: point.noise)
    tell(len(noises), len(noises))
    plain = plug_in_table(posed.target, posed.K)
    claims = stating(plain.certificate, posed.target, plain.coefficients, criterion)
    free = noiseless(posed)[1]
    name = posed.target.name
    return Frontier(posed.K, name, criterion, claims, tuple(points), free, least, stopped, shape)


@meant_as_keywords(_kept, "criterion", "target", "progress")
def marks(
    K: SupportsIndex | None = None,
    target: str | Target = "log",
    *,
    criterion: Budgeted = "gradient-variance",
    progress: Progress | None = None,
    group: int | None = None,
    baseline: Baseline = "group-mean",
) -> tuple[tuple[Point, ...], tuple[Refused, ...]]:
    """Compute noise and bias of the estimators in common use, as points on the axes of `sweep`.

        each closed form   of the log, by its name; for another target `plug_in`
        blocks             sample splitting: minimax tables of k draws averaged over K/k blocks
        subsets            the same where k does not divide K
        minimax            the minimax table
        schuermann-xi      Schuermann's estimator from xi = 1 to 1/2
        squared-error      the table of the least sup p E (c_X - phi)^2
        second-moment      the program min sup E c_X^2 at 1.25 to 20 times the least bias

    The solutions of the second-moment program are not determined by the other criteria.  Minimax tables are
    included up to K = 40, because float64 does not hold their entries above.

    Parameters
    ----------
    K : int or None
        Sample size, as in `polyest.load`.
    target : str
        What is estimated, as in `polyest.load`.
    criterion : {"gradient-variance", "variance", "second-moment"}
        The criterion that measures the noise.
    progress : callable or None
        A function that is called with the number of estimators done and the number of all.
    group : int or None
        The number of completions of a prompt, in place of K.
    baseline : {"group-mean", "none", "exact"}
        What the trainer subtracts from the rewards; only with `group`.

    Returns
    -------
    points : tuple of Point
        The estimators, by series.
    refused : tuple of Refused
        The estimators that could not be computed, with the reason of each.

    Raises
    ------
    InvalidProblem
        If a keyword is invalid, or a table without noise has no bias for this target.
    CountOutOfRange
        If the group is too small for its baseline.

    Examples
    --------
    >>> [point.label for point in marks(4)[0] if point.series in ("blocks", "subsets")]
    ['4 blocks of 1', '2 blocks of 2', 'subsets of 3']
    """
    posed, unit, least = _posed(draws_of(K, group, baseline), target, criterion)
    makers = [*rivals(posed, least), *others(posed, least)]
    points, refused = list[Point](), list[Refused]()
    tell = _told(progress)
    for done, (series, label, make) in enumerate(makers):
        tell(done, len(makers))
        try:
            points.append(_point(series, label, make(), criterion, unit))
        except (InvalidProblem, NotConverged, NotProved) as error:
            refused.append(Refused(label, str(error)))
    tell(len(makers), len(makers))
    return tuple(points), tuple(refused)


@meant_as_keywords(_kept, "criterion", "target", "progress")
def comparison(
    K: SupportsIndex | None = None,
    target: str | Target = "log",
    *,
    criterion: Budgeted = "gradient-variance",
    progress: Progress | None = None,
    group: int | None = None,
    baseline: Baseline = "group-mean",
) -> dict[str, Versus | str]:
    """Compare each closed form, and each splitting into blocks, with the best table at the same noise.

    Parameters
    ----------
    K : int or None
        Sample size, as in `polyest.load`.
    target : str
        What is estimated, as in `polyest.load`.
    criterion : {"gradient-variance", "variance", "second-moment"}
        The criterion that measures the noise.
    progress : callable or None
        A function that is called with the number of estimators done and the number of all.
    group : int or None
        The number of completions of a prompt, in place of K.
    baseline : {"group-mean", "none", "exact"}
        What the trainer subtracts from the rewards; only with `group`.

    Returns
    -------
    dict of str to (Versus or str)
        For the name of each estimator the comparison, as from `against`, or the reason why the solver
        found no table at that noise.

    Raises
    ------
    InvalidProblem
        If a keyword is invalid, or a table without noise has no bias for this target.
    CountOutOfRange
        If the group is too small for its baseline.

    Examples
    --------
    >>> list(comparison(2))[-2:]
    ['schuermann', '2 blocks of 1']
    """
    posed, _, least = _posed(draws_of(K, group, baseline), target, criterion)
    whole = [rival for rival in rivals(posed, least) if rival[0] != "subsets"]
    tell = _told(progress)
    comparisons = dict[str, Versus | str]()
    for done, (_, label, make) in enumerate(whole):
        tell(done, len(whole))
        try:
            comparisons[label] = against(make(), criterion)
        except (NotConverged, NotProved) as error:
            comparisons[label] = str(error)
    tell(len(whole), len(whole))
    return comparisons


def against(rival: Table, criterion: Budgeted = "gradient-variance") -> Versus:
    """Solve for the table of least bias at the noise of another table of the same sample size.

        ratio = sup|e| of the rival / sup|e| of the best table

    The noise budget is a certified lower bound of the rival's criterion, so the best table is never noisier
    than the rival.

    Parameters
    ----------
    rival : Table
        The other table, which has to have a list of entries.
    criterion : {"gradient-variance", "variance", "second-moment"}
        The criterion that measures the noise.

    Returns
    -------
    Versus
        Both tables and the ratio of their biases.

    Raises
    ------
    InvalidProblem
        If `rival` has no list of entries, or its noise is 0.
    NotConverged
        If the solver finds no table at that noise.
    NotProved
        If a claim is not confirmed.

    Examples
    --------
    >>> from polyest import closed_forms
    >>> against(closed_forms.schuermann(8)).ratio.lower > 1.1
    True
    """
    if not isinstance(rival, Table):
        raise InvalidProblem(
            f"rival is {shown(rival)}: expected a table with a list of entries, of K <= {LARGEST_LISTED}"
        )
    posed, unit, _ = _posed(rival.K, rival.problem.target, criterion)
    floor = noise_floor(posed.target, rival.coefficients, criterion)
    if not floor > 0:
        raise InvalidProblem(
            f"the {criterion} of {rival!r} is 0, so that it has no noise to compare it at: give a table "
            "whose entries vary"
        )
    best = solve(posed.K, posed.target, criterion=criterion, noise=floor / unit * BELOW)
    assert best.optimum is not None
    low = _quotient(rival.bias.lower, best.bias.upper)
    high = _quotient(rival.bias.upper, best.optimum.lower)
    ratio = Bracket(nextafter(low, 0.0), nextafter(high, inf))
    return Versus(rival, nextafter(floor / unit, inf), best, ratio)


def _posed(
    K: SupportsIndex, target: str | Target, criterion: str, shape: str | None = None
) -> tuple[Problem, float, Bracket]:
    """Return the problem at noise 1, the unit of noise and a bracket of E*(K)."""
    if not among(criterion, BUDGETED):
        raise InvalidProblem(
            f"criterion {shown(criterion)} has no frontier: expected one that a noise budget bounds, "
            f"{either(BUDGETED)}"
        )
    posed = pose(K, target, criterion, noise=1, shape=shape)
    # The solver refuses a K that is too large.
    least = solve(posed.K, posed.target, criterion="minimax").optimum
    assert least is not None
    unit = noise_unit(posed)
    if not unit > 0:
        raise InvalidProblem(
            f"target {posed.target.name} has no frontier: a table without noise has no bias for it "
            "already; use another target"
        )
    return posed, unit, least


def _ascending(budgets: Iterable[float]) -> tuple[float, ...]:
    try:
        noises = tuple(map(float, budgets))
    except (TypeError, ValueError, OverflowError):
        noises = ()
    positive = all(isfinite(noise) and noise > 0 for noise in noises)
    if not noises or not positive or any(a >= b for a, b in pairwise(noises)):
        raise InvalidProblem(
            f"budgets are {shown(budgets)}: expected multiples of the plug-in table's noise, at least one, "
            "finite, above 0 and ascending, such as (1, 2, 4, 8)"
        )
    return noises


def _point(series: str, label: str, table: Table, criterion: str, unit: float) -> Point:
    proved = stating(table.certificate, table.problem.target, table.coefficients, criterion)
    return Point(series, label, nextafter(proved.criterion(criterion) / unit, inf), table)


def _quotient(a: float, b: float) -> float:
    """Return a / b, or infinity if b is 0, which means that the best table has no bias."""
    return a / b if b else inf


def _told(progress: Progress | None) -> Progress:
    """Return the function that reports progress; without one, return a function that does nothing."""
    if progress is not None and not callable(progress):
        raise InvalidProblem(
            f"progress is {shown(progress)}: expected a function of the number done and the number of all, "
            "or None"
        )
    return (lambda done, total: None) if progress is None else progress
