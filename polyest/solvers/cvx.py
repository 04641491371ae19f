"""Variance-optimal table as the seeds write it, in cvxpy: the readable twin that tests compare with.

    minimise V  subject to  |p_i (P(p_i) - phi(p_i))| <= eps      direction "bias", eps = limit
    minimise E  subject to  |e(p_i)| <= E and V <= limit          direction "noise"
    minimise V                                                    squared-error

where sqrt V is at least the norm of sqrt(w_m B_k(p_m)) (c_k - t_m), k = 0..K, at every noise point p_m:
w = p for gradient-variance and squared-error, else 1; t_m = 0 for the second moment, phi(p_m) for the
squared error, and free for the variances, of which it is the mean at the optimum.

Points lie on a grid in theta, p = sin^2 theta, and the local maxima of |e| and of the criterion are
added until nothing between the points is violated.  A second program, on the tables that are within
SLACK of the optimum, picks the smoothest (selection.py).

A multiplier nu_m of the norm is nu_m / (2 sqrt V) for its square, the criterion, which is what
duality.py takes.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from polyest.bernstein import Floats, pmf
from polyest.errors import InvalidProblem, NotConverged
from polyest.problem import Dual, Problem, Solution
from polyest.selection import SLACK, quadratic, value

try:
    import cvxpy as cp
except ImportError:  # an extra; `solve` says so
    cp = None

MOST_DRAWS = 24
MOST_ROUNDS = 12
VIOLATION = 5e-9  # relative, between the points; making.py tightens a budget by more
PER_DRAW = 8  # points of the first program
SEARCHED = 32  # places per draw where a maximum may lie
NEAR = 1e-2  # a local maximum this close to its bound joins the points
GOLDEN = 0.5 * (np.sqrt(5.0) - 1)
GOLDEN_STEPS = 30
ACCURACY = 1e-9
CLARABEL = {
    "tol_gap_abs": ACCURACY,
    "tol_gap_rel": ACCURACY,
    "tol_feas": ACCURACY,
    "reduced_tol_gap_abs": 1e-7,
    "reduced_tol_gap_rel": 1e-7,
    "reduced_tol_feas": 1e-7,
}

BY_P = ("gradient-variance", "squared-error")
CENTRED = ("gradient-variance", "variance")


@dataclass(frozen=True)
class _Points:
    """Places theta at which the bias and the noise are bounded."""

    bias: Floats
    noise: Floats


@dataclass(frozen=True)
class _Answer:
    """Table, bounds of |e| and of sqrt V, and their multipliers: signed at bias points, else >= 0."""

    c: Floats
    bias: float
    root: float
    bias_weights: Floats
    noise_weights: Floats


def solve(problem: Problem) -> Solution:
    """Variance-optimal table of `problem` (K <= 24, the budget in `limit`), with its multipliers.

    Raises InvalidProblem outside that range or without cvxpy, NotConverged with the state reached.
    """
    _check(problem)
    points, best = _exchanged(problem, _first_points(problem), None)
    _, smooth = _exchanged(problem, points, best)
    dual = Dual(
        tuple((np.sin(points.bias) ** 2).tolist()),
        tuple(best.bias_weights.tolist()),
        tuple((np.sin(points.noise) ** 2).tolist()),
        tuple((best.noise_weights / (2 * best.root)).tolist()),
        float(value(problem.target, smooth.c)),
    )
    return Solution(smooth.c, dual, "cvx")


def _check(problem: Problem) -> None:
    if cp is None:
        raise InvalidProblem("method cvx needs cvxpy: install polyest[cvx], or use method socp")
    if problem.criterion == "minimax":
        raise InvalidProblem("cvx solves variance-optimal tables, not minimax: use method remez")
    if problem.K > MOST_DRAWS:
        raise InvalidProblem(
            f"K is {problem.K}: the cvxpy program is solved for K <= {MOST_DRAWS} only; "
            "use method socp"
        )
    if problem.criterion == "squared-error" and problem.target.exponent < -0.5:
        raise InvalidProblem(
            f"target {problem.target.name} has an infinite squared error near p = 0 whatever the "
            "table: use another criterion"
        )


def _first_points(problem: Problem) -> _Points:
    count = PER_DRAW * (problem.K + 2)
    grid = 0.5 * np.pi * np.arange(count + 1) / count
    # At p = 0 nothing but the second moment can bind; for the squared error nothing is biased.
    return _Points(
        grid[:0] if problem.criterion == "squared-error" else grid[1:],
        grid if problem.criterion == "second-moment" else grid[1:],
    )


def _exchanged(
    problem: Problem, points: _Points, best: _Answer | None
) -> tuple[_Points, _Answer]:
    """Points and answer of the program, or of the tie-break near `best`, violated nowhere."""
    for _ in range(MOST_ROUNDS):
        answer = _program(problem, points, best)
        bias, most, excess = points.bias, 0.0, 0.0
        if bias.size:
            bias, most = _peaks(lambda theta: np.abs(_error(problem, answer.c, theta)), problem.K, answer.bias)
            excess = most / answer.bias - 1
        noise, most = _peaks(lambda theta: _noise(problem, answer.c, theta), problem.K, answer.root**2)
        excess = max(excess, most / answer.root**2 - 1)
        if excess < VIOLATION:
            return points, answer
        points = _Points(np.union1d(points.bias, bias), np.union1d(points.noise, noise))
    raise NotConverged(
        f"cvx at K = {problem.K}, {problem.criterion}: after {MOST_ROUNDS} rounds of points a bound "
        f"is exceeded by {excess:.1e}, wanted {VIOLATION:g}; use method socp"
    )


def _program(problem: Problem, points: _Points, best: _Answer | None) -> _Answer:
    """Answer of the program on these points, or of the tie-break among the tables near `best`."""
    K, target = problem.K, problem.target
    p, q = np.sin(points.bias) ** 2, np.sin(points.noise) ** 2
    most_bias, most_root = _bounds(problem, best)
    # All in units of the bound, or of about the size where the bound is what is made least.
    unit = most_bias or 1 / (K + 1)
    root_unit = most_root or _usual_root(problem, points.noise)

    c = cp.Variable(K + 1)
    bias = 1.0 if most_bias else cp.Variable()
    root = 1.0 if most_root else cp.Variable()

    weights = q if problem.criterion in BY_P else np.ones_like(q)
    scales = np.sqrt(weights[:, None] * pmf(K, q)) / root_unit
    spread = cp.outer(np.ones(q.size), c) - cp.outer(_centres(problem, q), np.ones(K + 1))
    cone = cp.norm(cp.multiply(scales, spread), 2, axis=1) <= root
    constraints = [cone]
    if p.size:
        error = (cp.multiply(p, pmf(K, p) @ c) - target.weighted(p)) / unit
        constraints += [error <= bias, -error <= bias]

    if best is None:
        objective = bias if problem.minimises_bias else root
    else:
        W, b = quadratic(target, K)
        objective = cp.sum_squares(cp.multiply(np.sqrt(W), c)) - 2 * b @ c
    _run(cp.Problem(cp.Minimize(objective), constraints), problem)

    cones, *lines = (np.atleast_1d(constraint.dual_value) for constraint in constraints)
    return _Answer(
        np.asarray(c.value, dtype=np.float64),
        unit * float(bias if most_bias else bias.value or 0.0),
        root_unit * float(root if most_root else root.value),
        (lines[0] - lines[1]) / unit if lines else np.zeros(0),
        np.maximum(cones, 0.0) / root_unit,
    )


def _run(program: Any, problem: Problem) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of inaccuracy: the certificate judges that
            program.solve(solver=cp.CLARABEL, **CLARABEL)
        status = program.status
    except cp.SolverError as error:
        status = str(error)
    if status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
        raise NotConverged(
            f"cvx at K = {problem.K}, {problem.criterion}: Clarabel ends with {status!r}; "
            "relax the budget, or use method socp"
        )


def _bounds(problem: Problem, best: _Answer | None) -> tuple[float, float]:
    """Bounds of |e| and of sqrt V that are given; 0 for the one that is made least, or is absent."""
    limit = problem.limit or 0.0
    if problem.direction == "noise":
        return (best.bias * (1 + SLACK) if best else 0.0), float(np.sqrt(limit))
    return limit, (best.root * float(np.sqrt(1 + SLACK)) if best else 0.0)


def _centres(problem: Problem, q: Floats) -> Any:
    """What is subtracted from c at the noise points: free numbers where that is the mean."""
    if problem.criterion == "squared-error":
        return problem.target.phi(q)
    return np.zeros(q.size) if problem.criterion == "second-moment" else cp.Variable(q.size)


def _usual_root(problem: Problem, theta: Floats) -> float:
    """sqrt V of the table phi((X+1)/(K+1)), or 1 where that is 0."""
    plug_in = problem.target.phi((np.arange(problem.K + 1) + 1) / (problem.K + 1))
    return float(np.sqrt(_noise(problem, plug_in, theta).max())) or 1.0


def _error(problem: Problem, c: Floats, theta: Floats) -> Floats:
    """Weighted bias e(p) at p = sin^2 theta."""
    p = np.sin(theta) ** 2
    return np.asarray(p * (pmf(problem.K, p) @ c) - problem.target.weighted(p))


def _noise(problem: Problem, c: Floats, theta: Floats) -> Floats:
    """What the criterion is the supremum of, at p = sin^2 theta."""
    p = np.sin(theta) ** 2
    rows = pmf(problem.K, p)
    if problem.criterion == "squared-error":
        centres = problem.target.phi(np.where(p > 0, p, 1.0))
    else:
        centres = rows @ c if problem.criterion in CENTRED else np.zeros(p.size)
    spread = (rows * (c - centres[:, None]) ** 2).sum(axis=1)
    return np.asarray(spread * (p if problem.criterion in BY_P else 1.0))


def _peaks(f: Callable[[Floats], Floats], K: int, bound: float) -> tuple[Floats, float]:
    """Places of the local maxima of f that come near its bound, and its greatest value."""
    count = SEARCHED * (K + 2)
    grid = 0.5 * np.pi * np.arange(count + 1) / count
    values = np.pad(f(grid), 1, constant_values=-np.inf)
    tops = np.flatnonzero((values[1:-1] >= values[:-2]) & (values[1:-1] > values[2:]))
    left, right = grid[np.maximum(tops - 1, 0)], grid[np.minimum(tops + 1, count)]
    for _ in range(GOLDEN_STEPS):
        step = GOLDEN * (right - left)
        rises = f(right - step) < f(left + step)
        left, right = np.where(rises, right - step, left), np.where(rises, right, left + step)
    places = np.concatenate([0.5 * (left + right), grid[[0, -1]]])
    heights = f(places)
    return places[heights > (1 - NEAR) * bound], float(heights.max())
