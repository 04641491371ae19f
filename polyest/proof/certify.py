"""This module has `certify`, which proves claims about the float64 entries of a table in ball arithmetic.

The claims are a bracket of sup|e| (supremum.py), upper bounds of the four criteria, and a bracket of the
optimum, from an alternation (exact/levelled.py) or from Lagrange multipliers (dual_bound.py).  All of them
are about the stored doubles.  This module imports no solver and trusts none: it evaluates the coefficients
and the witness that it is given.

python-flint is imported when something is proved, not when a table is loaded.
"""

from math import nextafter
from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import Floats
from polyest.errors import NotProved
from polyest.precision import working
from polyest.precision.entrance import alone
from polyest.problem.claims import Bracket, Certificate, claimed, stated
from polyest.problem.criteria import MINIMAX
from polyest.problem.problem import Alternation, Budget, Dual, Problem
from polyest.problem.shapes import direction, has_shape
from polyest.problem.targets import Target

if TYPE_CHECKING:
    from flint import arb

    from polyest.proof.supremum import Curve

SELECTION_TOLERANCE = 1e-13  # relative difference allowed between the stored and the true selection


@alone
def certify(
    problem: Problem,
    coefficients: Floats,
    witness: Alternation | Dual | None,
    grid: str | None = None,
) -> Certificate:
    """Return the certificate of a table for `problem`; its optimum is None without a witness.

    Raises NotProved if the table misses the budget or has not its shape, or if the witness does not prove a
    bound.  On a grid a concave table is claimed to be monotone only.
    """
    _check_shape(problem, coefficients, grid)
    measured = measure(problem.target, coefficients, problem.criterion)
    if witness is None:
        return measured
    _check_budget(problem, measured)
    if isinstance(witness, Dual):
        _check_selection(problem, coefficients, witness)
    optimum = _optimum(problem, witness, reached(problem, measured))
    if optimum.lower > reached(problem, measured):
        raise NotProved(
            f"K = {problem.K}: the witness proves that the optimum is at least {optimum.lower!r}, but the "
            f"table reaches {reached(problem, measured)!r}: one of the two is altered"
        )
    return measured.__replace__(optimum=optimum)


@alone
def measure(target: Target, coefficients: Floats, criterion: str = MINIMAX) -> Certificate:
    """Return a certificate with the bracket of sup|e| and upper bounds of the criteria of any table.

    Its optimum is None, because no problem and no witness are given.  criterion: one that the certificate is
    to state beside those of every table.
    """
    from polyest.exact.balls import at_least, at_most
    from polyest.proof.supremum import BIAS, supremum

    curve = _curve(coefficients)
    lower, upper = supremum(curve, target, BIAS)
    tops = {name: at_most(supremum(curve, target, name)[1]) for name in stated(criterion)}
    return claimed(Bracket(max(0.0, at_least(lower)), at_most(upper)), None, tops)


def stating(
    claims: Certificate, target: Target, coefficients: Floats, criterion: str
) -> Certificate:
    """What is claimed of a table, if that states this criterion, else what is measured with it."""
    if all(map(claims.states, stated(criterion))):
        return claims
    return measure(target, coefficients, criterion)


def reached(problem: Problem, measured: Certificate) -> float:
    """Return the table's upper bound of the quantity that the problem minimises."""
    return measured.bias.upper if problem.minimises_bias else measured.criterion(problem.criterion)


def spent(problem: Problem, measured: Certificate) -> float:
    """Return the table's upper bound of the quantity that the budget limits."""
    by_bias = problem.direction == "bias"
    return measured.bias.upper if by_bias else measured.criterion(problem.criterion)


def limited(problem: Problem) -> str:
    """Return the name of the quantity that the budget limits, for a message."""
    return "bias" if problem.direction == "bias" else problem.criterion


@alone
def noise_floor(target: Target, coefficients: Floats, criterion: str) -> float:
    """Return a proved lower bound of a criterion of a table."""
    from polyest.exact.balls import at_least
    from polyest.proof.supremum import supremum

    return at_least(supremum(_curve(coefficients), target, criterion)[0])


@alone
def noise_unit(problem: Problem) -> float:
    """Return a proved lower bound of the plug-in table's criterion, which is the unit of noise budgets."""
    return noise_floor(problem.target, plug_in(problem.target, problem.K), problem.criterion)


@alone
def plug_in(target: Target, K: int) -> Floats:
    """Return the entries phi((X+1)/(K+1)) of the plug-in table, float64 (K+1,).

    For the target log, an entry is the log of the share that an answer has in its group.
    """
    from flint import arb

    with working(160):  # each entry is rounded once, so that it is the same on every machine
        return np.array([float(target.ball(arb(j) / (K + 1))) for j in range(1, K + 2)])


def in_units(budget: Budget, unit: float) -> float:
    """Return a double that is no greater than the budget times its unit, a proved lower bound."""
    return nextafter(budget.value * unit, 0.0)


@alone
def least_bias(target: Target, K: int, witness: Alternation) -> Bracket:
    """Return a bracket of E*(K), the least sup|e| of any table of sample size K, from alternation points.

    Their levelled error bounds it below, whatever the target (weak duality).  Above, it is at most sup|e| of
    their levelled polynomial, which is enclosed point by point where the target has the theorem of
    `levelled.bracket`, and else cell by cell.  An empty alternation claims E*(K) = 0, which is true if phi is
    a polynomial of degree <= K.  Raises NotProved otherwise, and if the number of points is not K + 2.
    """
    from polyest.exact.balls import at_least, at_most
    from polyest.exact.levelled import bracket, level

    if not witness.points:
        if target.degree is None or target.degree > K:
            raise NotProved(
                f"target {target.name}, K = {K}: no alternation points, expected K + 2 = {K + 2} of them"
            )
        return Bracket(0.0, 0.0)
    if len(witness.points) != K + 2:
        raise NotProved(
            f"{len(witness.points)} alternation points: expected K + 2 = {K + 2} of them"
        )
    if target.alternates(K):
        lower, upper = bracket(target, witness.points)
    else:
        lower, upper = abs(level(target, witness.points)).lower(), _reached(target, witness.points)
    return Bracket(at_least(lower), at_most(upper))


def _reached(target: Target, points: tuple[float, ...]) -> "arb":
    """Return an upper bound of sup|e| of the levelled polynomial of these points."""
    from polyest.exact.balls import bernstein_form
    from polyest.exact.levelled import levelled
    from polyest.proof.supremum import BIAS, Curve, supremum

    P = levelled(target, points)[1]
    with working(8 * len(points) + 120):
        entries = bernstein_form(P, len(points) - 2)
    return supremum(Curve(entries), target, BIAS)[1]


def _curve(coefficients: Floats) -> "Curve":
    """Return the curve of these entries, as balls of radius 0."""
    from flint import arb

    from polyest.proof.supremum import Curve

    return Curve([arb(float(c)) for c in coefficients])


def _check_budget(problem: Problem, measured: Certificate) -> None:
    """Raise NotProved if the table misses the budget of the problem."""
    if problem.direction == "none":
        return
    if problem.limit is None:
        raise NotProved(
            f"K = {problem.K}: the budget has no absolute limit: certify the problem that "
            "make.pipeline.resolve returns"
        )
    if spent(problem, measured) > problem.limit:
        raise NotProved(
            f"K = {problem.K}: the {limited(problem)} of the stored table is "
            f"{spent(problem, measured)!r}, above its budget of {problem.limit!r}: an entry or the budget is "
            "altered"
        )


def _check_shape(problem: Problem, coefficients: Floats, grid: str | None) -> None:
    """Raise NotProved unless the doubles have the shape of the problem, exactly."""
    if problem.shape is None:
        return
    shape = "monotone" if grid is not None else problem.shape
    if not has_shape(coefficients, shape, direction(problem.target)):
        raise NotProved(
            f"K = {problem.K}: the entries are not {shape} in the direction of the target: an entry or the "
            "shape is altered"
        )


def _check_selection(problem: Problem, coefficients: Floats, witness: Dual) -> None:
    """Raise NotProved if the tie-break value of the coefficients is not the one that is stored."""
    from polyest.exact.tie_break import value

    selection = value(problem.target, coefficients)
    if not abs(selection - witness.selection) <= SELECTION_TOLERANCE * abs(selection):
        raise NotProved(
            f"K = {problem.K}: the coefficients give the tie-break value {float(selection)!r}, but the "
            f"witness stores {witness.selection!r}: a coefficient or the witness is altered"
        )


def _optimum(problem: Problem, witness: Alternation | Dual, reached: float) -> Bracket:
    """Return the bracket of the optimum that the witness proves; reached: the value of the table."""
    if isinstance(witness, Dual):
        from polyest.exact.balls import at_least
        from polyest.proof import dual_bound, shape_bound

        if problem.shape is None or witness.bounds_noise:
            bound = dual_bound.lower_bound(problem, witness)
        else:
            bound = shape_bound.lower_bound(problem.target, problem.K, problem.shape, witness)
        return Bracket(max(0.0, at_least(bound)), reached)
    if problem.shape is not None:
        if witness.points:
            raise NotProved(
                f"K = {problem.K}: alternation points prove nothing about tables with a shape: expected dual "
                "weights as the witness"
            )
        return Bracket(0.0, reached)
    if not problem.minimises_bias:
        raise NotProved(
            f"K = {problem.K}: alternation points prove nothing about {problem.criterion}: expected dual "
            "weights as the witness"
        )
    least = least_bias(problem.target, problem.K, witness)
    return least if problem.is_minimax else Bracket(least.lower, reached)
