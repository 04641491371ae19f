"""This package solves for tables of least bias within a budget, as semi-infinite quadratic programs.

    bias   |p P(p) - p phi(p)| <= eps            q(c) = w sum_k B_k(p) (c_k - t)^2 <= v    at every p

where the table of criteria gives w and t (problem/criteria.py).  Either eps or v is minimised, and the
other is the budget.  The steps of a shape (problem/shapes.py) are further linear constraints.  Each q is a
squared norm, so these are second-order cone programs.

The formulation has three properties that others lack.
* The constraints are convex quadratics with one scalar multiplier each, which reach gaps of 1e-10.  As
  cones of size K+2 each of them would have a vector part whose rounding, amplified by the scaling of an
  active cone, spoils dual feasibility at a gap of 1e-7.
* The constraints are the peaks themselves, with the curvature that they gain by moving (curves.py,
  interior.py).  One run of about 30 steps suffices, without an exchange.  On fixed or exchanged points
  the optimum is approached linearly: c is undetermined between the few active points, and every
  exchange moves it.
* The basis is the one in which binomial sampling is diagonal (spectral.py).  Near the least bias E*(K)
  entries grow like 2^K and hardly change P.  In this basis that growth is a scaling of the columns, to
  which Cholesky's factor is insensitive.  Float64 suffices at K = 24 down to 1.01 E* and at K = 64 down to
  2 E*, where the noise is 1e8 times that of the log.  The limit is reached where float64 no longer holds
  the optimal entries themselves.

The objective is tau + rho T(c), where T is the tie-break of exact/tie_break.py and rho is so small that tau
stays within about exact/tie_break.SLACK of its optimum.  No run starts from an earlier result: the same
machine and libraries give the same bytes.
"""

from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from polyest.arrays import Floats
from polyest.errors import InvalidProblem, NotConverged
from polyest.exact.tie_break import SLACK, quadratic, weight
from polyest.precision.entrance import alone
from polyest.problem.problem import Problem, Solution
from polyest.problem.shapes import direction, mended
from polyest.solvers.socp.constraints import TieBreak, program
from polyest.solvers.socp.curves import DENSE, Curves
from polyest.solvers.socp.interior import minimise
from polyest.solvers.socp.multipliers import witness

MOST_DRAWS = 1024
INSIDE = 1e-2  # share of a bias budget that the search for a first table leaves unused
RATHER_INSIDE = 1e-4  # the share that suffices for a first table
CLOSE = 1e-5  # gap at which the search for a first table gives up on a bound of the noise
LOUDER = 16.0  # factor from one bound of the noise to the next
DOUBLINGS = 40


@alone
def solve(problem: Problem) -> Solution:
    """Return the variance-optimal table of `problem` with its multipliers; its limit is met at every p.

    Raise InvalidProblem for K above 1024, and NotConverged with the state that was reached.
    """
    if problem.K > MOST_DRAWS:
        raise InvalidProblem(
            f"K is {problem.K}: socp solves up to K = {MOST_DRAWS}; use a smaller K"
        )
    # One thread keeps sums in one order, and two threads are slower beside other work.  Intermediate
    # numbers are not finite for a target that float64 hardly tells from a constant, for example; such
    # a run ends with NotConverged.
    with threadpool_limits(1), np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        try:
            return _solved(problem)
        except NotConverged as error:
            raise NotConverged(f"K = {problem.K}, {problem.criterion}: {error}") from None


def _solved(problem: Problem) -> Solution:
    K, limit = problem.K, problem.limit or 1.0
    usual = _usual(problem)
    W, t = quadratic(problem.target, K)
    tie_break = TieBreak(W, t, partial(weight, W, t), SLACK)
    frees_bias = problem.direction == "noise"
    if frees_bias:
        curves = Curves(problem, 1 / (K + 1), limit)
        start = _quieter(curves, curves.written(usual))
    else:
        curves, start = _within_bias(problem, usual, tie_break)
    posed = program(curves, frees_bias)
    try:
        state = minimise(posed, start, tie_break)
    except NotConverged:
        # At single budgets two tops of e are about to merge.  The peak that is found changes sides between
        # them from step to step, unless guards hold the curve on both.
        posed = program(curves, frees_bias, DENSE)
        state = minimise(posed, start, tie_break)
    c = curves.rounded(state.iterate.b)
    if problem.shape is not None:
        c = mended(c, problem.shape, direction(problem.target))
    return Solution(c, witness(problem, posed, state, c), "socp")


def _usual(problem: Problem) -> Floats:
    """Return a table to begin with: phi((X+1)/(K+1)), or log((X+1)/(K+1)), which has every shape."""
    share = (np.arange(problem.K + 1) + 1) / (problem.K + 1)
    if problem.shape is None:
        return problem.target.phi(share)
    return np.asarray(direction(problem.target) * np.log(share))


def _within_bias(problem: Problem, usual: Floats, tie_break: TieBreak) -> tuple[Curves, Floats]:
    """Return the curves, in units of the bias budget and of a noise that suffices for it, and a table.

    The table is within the bias budget.
    """
    bias_unit = problem.limit or 1.0
    curves = Curves(problem, bias_unit, 1.0)
    b = curves.written(usual)
    noise = float(curves.look[1].values(b, usual).max())
    if not noise > 0:
        raise NotConverged(
            f"in float64 target {problem.target.name} is a constant, and leaves nothing to solve; use "
            "criterion minimax"
        )
    if problem.direction == "none":
        return Curves(problem, bias_unit, noise), b
    for _ in range(DOUBLINGS):
        curves = Curves(problem, bias_unit, noise)
        iterate = minimise(
            program(curves, True), _quieter(curves, b), tie_break, CLOSE, 1 - INSIDE
        ).iterate
        b = iterate.b
        if iterate.tau < 1 - RATHER_INSIDE:
            return curves, b
        noise *= LOUDER
    raise NotConverged(
        f"no table with bias below {bias_unit:g} was found at a criterion up to {noise / LOUDER:g}; allow "
        "more bias"
    )


def _quieter(curves: Curves, b: Floats) -> Floats:
    """Return the table with its spread reduced so that q is at most 1/2.

    Where a moment is bounded, the entries are reduced instead of their spread.
    """
    c = curves.table(b)
    share = min(1.0, np.sqrt(0.5 / float(curves.look[1].values(b, c).max())))
    middle = c.mean() if curves.criterion.centred else 0.0
    return curves.written(middle + share * (c - middle))
