"""Variance-optimal tables (AQP): semi-infinite quadratic programs, solved on the peaks of their curves.

    bias   |p P(p) - p phi(p)| <= eps            q(c) = w sum_k B_k(p) (c_k - t)^2 <= v    at every p

with w and t as the table of criteria says (problem/criteria.py).  Either eps or v is minimised, the other
is the budget.  Each q is a squared norm: these are second-order cone programs.

The formulation that survives, and why.
* As cones of size K+2 each constraint carries a body whose rounding, amplified by the scaling of an
  active cone, spoils dual feasibility at a gap of 1e-7.  As convex quadratics with one scalar multiplier
  each, gaps of 1e-10 are reached.
* On fixed or exchanged points the optimum is approached linearly: c is undetermined between the few
  active points, and every exchange moves it.  Here the constraints are the peaks themselves, with the
  curvature that they have by moving (curves.py, interior.py): one run, no exchange, about 30 steps.
* Near the least bias E*(K) entries grow like 2^K and hardly show in P.  In the basis in which binomial
  sampling is diagonal (spectral.py) that is a scaling of the columns, which Cholesky's factor does not
  mind: float64 suffices at K = 24 down to 1.01 E* and at K = 64 down to 2 E*, where the noise is 1e8 times
  the log's.  It ends where float64 no longer holds the optimal entries themselves.

What is minimised is tau + rho T(c), T the tie-break of exact/tie_break.py, rho so small that tau stays within
about selection.SLACK of its optimum.  Everything starts cold: the same machine and libraries give the same
bytes.
"""

from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from polyest.arrays import Floats
from polyest.errors import InvalidProblem, NotConverged
from polyest.exact.tie_break import SLACK, quadratic, weight
from polyest.precision.entrance import alone
from polyest.problem.problem import Problem, Solution
from polyest.solvers.socp.constraints import TieBreak, program
from polyest.solvers.socp.curves import Curves
from polyest.solvers.socp.interior import minimise
from polyest.solvers.socp.multipliers import witness

MOST_DRAWS = 1024
INSIDE = 1e-2  # share of a bias budget that a first table leaves
RATHER_INSIDE = 1e-4  # and with which it is content
CLOSE = 1e-5  # gap at which the search for a first table gives up on a noise
LOUDER = 16.0
DOUBLINGS = 40


@alone
def solve(problem: Problem) -> Solution:
    """Variance-optimal table of `problem` with its multipliers; its limit is met at every p.

    Raises InvalidProblem for K above 1024 and NotConverged with the state reached.
    """
    if problem.K > MOST_DRAWS:
        raise InvalidProblem(f"K is {problem.K}: socp solves up to K = {MOST_DRAWS}")
    # One thread: sums stay in one order, and beside other work two are slower.  What is not finite on
    # the way, as for a target that float64 hardly tells from a constant, ends as NotConverged.
    with threadpool_limits(1), np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        try:
            return _solved(problem)
        except NotConverged as error:
            raise NotConverged(f"K = {problem.K}, {problem.criterion}: {error}") from None


def _solved(problem: Problem) -> Solution:
    K, limit = problem.K, problem.limit or 1.0
    usual = problem.target.phi((np.arange(K + 1) + 1) / (K + 1))
    W, t = quadratic(problem.target, K)
    tie_break = TieBreak(W, t, partial(weight, W, t), SLACK)
    frees_bias = problem.direction == "noise"
    if frees_bias:
        curves = Curves(problem, 1 / (K + 1), limit)
        start = _quieter(curves, curves.written(usual))
    else:
        curves, start = _within_bias(problem, usual, tie_break)
    posed = program(curves, frees_bias)
    found = minimise(posed, start, tie_break)
    c = curves.rounded(found.frame.b)
    return Solution(c, witness(problem, posed, found, c), "socp")


def _within_bias(problem: Problem, usual: Floats, tie_break: TieBreak) -> tuple[Curves, Floats]:
    """Curves in units of the bias budget and of a noise that it can be met with, and a table within."""
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
        found = minimise(
            program(curves, True), _quieter(curves, b), tie_break, CLOSE, 1 - INSIDE
        ).frame
        b = found.b
        if found.tau < 1 - RATHER_INSIDE:
            return curves, b
        noise *= LOUDER
    raise NotConverged(
        f"no table with bias below {bias_unit:g} was found at a criterion up to {noise / LOUDER:g}; allow "
        "more bias"
    )


def _quieter(curves: Curves, b: Floats) -> Floats:
    """The table with its spread, or where a moment is bounded its size, reduced: q at most 1/2."""
    c = curves.table(b)
    share = min(1.0, np.sqrt(0.5 / float(curves.look[1].values(b, c).max())))
    middle = c.mean() if curves.criterion.centred else 0.0
    return curves.written(middle + share * (c - middle))
