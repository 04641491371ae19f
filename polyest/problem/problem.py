"""This module defines a problem, its solution and the witness that proves it optimal, as frozen data.

A problem asks for the K+1 entries c_0..c_K of a table.  Let e(p) = p (P(p) - phi(p)) be the weighted bias
and V(c) a criterion of noise (criteria.py).  The problem is one of

    min sup|e|                        minimax
    min V  under  sup|e| <= limit     a criterion with a budget, direction "bias"
    min sup|e|  under  V <= limit     the same, direction "noise"
    min V                             a criterion without a budget

over all tables, or over those of a shape (shapes.py), for the first and the third.
"""

from math import fsum, inf
from operator import mul
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

from polyest.errors import InvalidProblem
from polyest.problem import shapes
from polyest.problem.criteria import BUDGETED, CRITERIA, DEFAULT, MINIMAX, Criterion
from polyest.problem.targets import Target, parse
from polyest.record import Record
from polyest.values import among, clipped, real, shown, whole

if TYPE_CHECKING:
    from polyest.arrays import Floats

BUDGET_KINDS = ("bias", "bias-ratio", "noise")
DEFAULT_NOISE = 8.0
LEAST_BUDGET = 1e-100
LARGEST_LISTED = (
    1024  # greatest K of a table that lists its entries; above, every table is universal
)
LARGEST_MINIMAX = 40  # greatest K of a minimax table that is stored


class Budget(Record):
    """A budget: a bound of the bias or of the noise.

    `kind` is bias (absolute), bias-ratio (in units of the least attainable bias) or noise (in units of the
    criterion of the plug-in log, which makes it a variance ratio).
    """

    kind: str
    value: float


class Problem(Record):
    """The question: the sample size K, a target, a criterion, a budget, and the shape of the table.

    `limit` is the budget in absolute numbers, a bound on sup|e| or on the criterion.  The caller that poses
    the problem computes it, so that solvers and certifier need not know one another.
    """

    K: int
    target: Target
    criterion: str
    budget: Budget | None = None
    limit: float | None = None
    shape: str | None = None

    @property
    def direction(self) -> str:
        """The quantity that the budget bounds: "bias", "noise" or "none"."""
        if self.budget is None:
            return "none"
        return "noise" if self.budget.kind == "noise" else "bias"

    @property
    def minimises_bias(self) -> bool:
        """True where sup|e| is minimised, false where the criterion is."""
        return self.is_minimax or self.direction == "noise"

    @property
    def is_minimax(self) -> bool:
        """True where sup|e| alone is minimised, without regard to noise."""
        return self.criterion == MINIMAX


class Alternation(Record):
    """K+2 ascending points of (0, 1] on which the error of the minimax polynomial alternates."""

    points: tuple[float, ...]

    @property
    def bounds_noise(self) -> bool:
        """False: it bounds the bias of every table, whatever its noise."""
        return False


class Dual(Record):
    """Lagrange multipliers, which have a sign at bias points and are positive at noise points.

    `selection` is the value of the tie-break that selected this table among those of nearly equal merit.
    `step_weights` are the K multipliers of the steps of a shape under a noise budget, none below 0.  Those of
    a minimax table with a shape follow from the bias weights, and are not stored.
    """

    bias_points: tuple[float, ...]
    bias_weights: tuple[float, ...]
    noise_points: tuple[float, ...]
    noise_weights: tuple[float, ...]
    selection: float
    step_weights: tuple[float, ...] = ()

    @property
    def bounds_noise(self) -> bool:
        """False where it bounds the bias of every table of the shape, whatever its noise."""
        return bool(self.noise_points)


class Solution(Record):
    """A solver's answer: float64 coefficients (K+1,), a witness of optimality, and the method's name."""

    coefficients: "Floats"
    witness: Alternation | Dual
    method: str


def unbiased(problem: Problem, method: str) -> Solution | None:
    """Return the solution without bias where phi is a polynomial of degree <= K, else None.

    Its alternation is empty: there is no error to alternate.
    """
    exact = problem.target.entries(problem.K)
    if exact is None:
        return None
    return Solution(np.array([float(c) for c in exact]), Alternation(()), method)


def settled(dual: Dual) -> Dual:
    """Return the multipliers with the heaviest one changed so that sum lambda_i p_i is 0 to rounding.

    A variance does not depend on a constant that is added to the entries, so multipliers bound it only where
    that sum vanishes.
    """
    points, weights = dual.bias_points, list(dual.bias_weights)
    heaviest = max(range(len(points)), key=lambda i: abs(points[i] * weights[i]))
    weights[heaviest] -= fsum(map(mul, points, weights)) / points[heaviest]
    return dual.__replace__(bias_weights=tuple(weights))


def check_draws(K: SupportsIndex) -> int:
    """Return K as an int; raise InvalidProblem unless it is an integer in 1..2^53."""
    if not whole(K, 1):
        raise InvalidProblem(
            f"K is {shown(K)}: expected the sample size, an integer of at least 1, up to 2^53"
        )
    return int(K)


def pose(
    K: SupportsIndex,
    target: str | Target = "log",
    criterion: str = "gradient-variance",
    bias: float | None = None,
    bias_ratio: float | None = None,
    noise: float | None = None,
    shape: str | None = None,
) -> Problem:
    """Return the problem that these keywords state; its `limit` is None unless the bias is absolute.

    A budgeted criterion takes exactly one of bias, bias_ratio and noise (noise = 8 where none is given);
    minimax and squared-error take none.  A shape stands with minimax or a noise.  Raise InvalidProblem
    otherwise, for a bad K, target or number, and for a shape whose target rises and falls.
    """
    draws, phi = check_draws(K), parse(target)
    if not among(criterion, CRITERIA):
        raise InvalidProblem(
            f"criterion {shown(criterion)} is unknown: use one of {', '.join(CRITERIA)}"
        )
    phi.check()
    row = CRITERIA[criterion]
    if phi.least_draws > draws:
        raise InvalidProblem(
            f"target {clipped(phi.name)} has degree {phi.least_draws}, above K = {draws}: no table of a "
            f"smaller sample size is unbiased for it; use K >= {phi.least_draws}"
        )
    if row.fitted and phi.exponent <= -0.5:
        raise InvalidProblem(
            f"target {clipped(phi.name)}: p phi(p)^2 does not vanish at p = 0, where no table can reduce "
            "the squared error; use another criterion, or an exponent of phi above -1/2"
        )
    if row.fitted and phi.degree == 0:
        raise InvalidProblem(
            f"target {phi.name} is a constant, which a constant table estimates without error: nothing is "
            "left to solve; use criterion minimax"
        )
    if shape is not None:
        _check_shape(shape, phi, row)
    given = dict(zip(BUDGET_KINDS, (bias, bias_ratio, noise), strict=True))
    budgets = [Budget(kind, _positive(kind, v)) for kind, v in given.items() if v is not None]
    if len(budgets) > 1:
        named = " and ".join(f"{b.kind} {b.value:g}" for b in budgets)
        raise InvalidProblem(f"two budgets, {named}: give exactly one of bias, bias-ratio, noise")
    if not row.budgeted:
        if budgets:
            raise InvalidProblem(
                f"criterion {criterion} takes no budget but got {budgets[0].kind} "
                f"{budgets[0].value:g}: leave it out, or choose one of {', '.join(BUDGETED)}"
            )
        return Problem(draws, phi, criterion, shape=shape)
    budget = budgets[0] if budgets else Budget("noise", DEFAULT_NOISE)
    if shape is not None and budget.kind != "noise":
        raise InvalidProblem(
            f"shape {shape} takes a noise budget but got {budget.kind} {budget.value:g}: give noise, or use "
            "criterion minimax, whose table has the least bias of the shape"
        )
    limit = budget.value if budget.kind == "bias" else None
    return Problem(draws, phi, criterion, budget, limit, shape)


def too_large(problem: Problem) -> str | None:
    """Return the reason why a table of `problem` is not stored, with an alternative; None where it may be."""
    if not problem.is_minimax or problem.shape is not None or problem.K <= LARGEST_MINIMAX:
        return None
    return (
        f"K = {problem.K} is too large for a stored minimax table: its coefficients grow like 2^K and "
        f"float64 no longer holds the optimum above K = {LARGEST_MINIMAX}; use criterion "
        f"{DEFAULT}, or shape monotone"
    )


def _check_shape(shape: object, target: Target, row: Criterion) -> None:
    """Raise InvalidProblem unless tables for the target and the criterion can have the shape."""
    shapes.check_shape(shape)
    shapes.direction(target)
    if row.fitted:
        raise InvalidProblem(
            f"criterion {row.name} takes no shape but got {shape}: leave it out, or choose one of "
            f"{', '.join((MINIMAX, *BUDGETED))}"
        )


def _positive(kind: str, value: float) -> float:
    if not 0 < real(value) < inf:
        raise InvalidProblem(
            f"{kind} is {shown(value)}: expected a budget, a finite number above 0"
        )
    if real(value) < LEAST_BUDGET:
        raise InvalidProblem(
            f"{kind} is {shown(value)}: expected a budget of at least {LEAST_BUDGET:g}, as float64 resolves "
            "no smaller one; allow more"
        )
    return real(value)
