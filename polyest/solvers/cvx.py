"""This module solves for a variance-optimal table with cvxpy; it is a readable reference for tests.

    minimise V  subject to  |p_i (P(p_i) - phi(p_i))| <= eps      direction "bias", eps = limit
    minimise E  subject to  |e(p_i)| <= E and V <= limit          direction "noise"
    minimise V                                                    squared-error

where sqrt V is no less than the norm of sqrt(w_m B_k(p_m)) (c_k - t_m), k = 0..K, at every noise
point p_m.  The table of criteria gives w and t_m (problem/criteria.py), except that a t_m that is a mean is
a free variable: at the optimum it equals the mean.  The steps of a shape (problem/shapes.py) are at least 0.

Points lie on a grid in theta, p = sin^2 theta, and the local maxima of |e| and of the criterion
join them until no bound is violated between the points.  The first program gives the size of the
optimum.  The following programs also have the tie-break of exact/tie_break.py, without which the table,
and with it the maxima, change from round to round.

A multiplier nu_m of the norm becomes nu_m / (2 sqrt V) for its square, the criterion, as
proof/dual_bound.py needs it.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from polyest.arrays import Floats
from polyest.errors import InvalidProblem, NotConverged
from polyest.exact.tie_break import quadratic, value, weight
from polyest.precision.entrance import alone
from polyest.problem.bernstein import pmf
from polyest.problem.criteria import CRITERIA
from polyest.problem.problem import Dual, Problem, Solution, settled
from polyest.problem.shapes import direction, mended, steps_of

try:
    import cvxpy as cp
except ModuleNotFoundError:  # cvxpy is an extra; `solve` raises an error that says so
    cp = None

MOST_DRAWS = 24
MOST_ROUNDS = 8
# The relative violation between the points that is aimed at, and the one that is accepted where Clarabel's
# own accuracy gives no less.  make/pipeline.py tightens budgets by more than either.
VIOLATION = 2e-8
ENOUGH = 2e-7
PER_DRAW = 8  # points of the first program
SEARCHED = 32  # places per draw at which maxima are searched
CLOSER = 0.1  # factor from round to round of the distance of the points around a peak
NEAR = 1e-2  # relative distance to its bound within which a local maximum joins the points
GOLDEN = 0.5 * (np.sqrt(5.0) - 1)
GOLDEN_STEPS = 30
FLOOR = 1e-6  # share of the mean multiplier that every noise point gets
# On these cones Clarabel's equilibration loses digits of the multipliers, and Clarabel stalls at an accuracy
# of some 1e-8, which differs from program to program.  The first accuracy that it reaches, to within a
# factor LOOSER, is taken.
ACCURACIES = (1e-9, 1e-7, 1e-6)
LOOSER = 10
TOLERANCES = ("tol_gap_abs", "tol_gap_rel", "tol_feas")

Curve = Callable[
    [Problem, Floats, Floats], Floats
]  # its values for a problem, a table and places theta


@dataclass(frozen=True)
class _Points:
    """Places theta at which the bias and the noise are bounded."""

    bias: Floats
    noise: Floats


@dataclass(frozen=True)
class _Answer:
    """A table, the bounds of |e| and of sqrt V, and their multipliers, which have a sign at bias points.

    The multipliers of steps are there only with a shape.
    """

    c: Floats
    bias: float
    root: float
    bias_weights: Floats
    noise_weights: Floats
    step_weights: Floats


@alone
def solve(problem: Problem) -> Solution:
    """Return the variance-optimal table of `problem` with its multipliers.

    The problem has K <= 24 and its budget in `limit`.  Raise InvalidProblem outside that range or without
    cvxpy, and NotConverged with the state that was reached.
    """
    _check(problem)
    points = _first_points(problem)
    rough = _program(problem, points, 0.0)
    points, best = _exchanged(problem, points, _weight(problem, rough))
    c = best.c
    if problem.shape is not None:
        c = mended(c, problem.shape, direction(problem.target))
    return Solution(c, _dual(problem, points, best, c), "cvx")


def _check(problem: Problem) -> None:
    if cp is None:
        raise InvalidProblem("method cvx needs cvxpy: install polyest[cvx], or use method socp")
    if problem.is_minimax:
        raise InvalidProblem("cvx solves variance-optimal tables, not minimax: use method remez")
    if problem.K > MOST_DRAWS:
        raise InvalidProblem(
            f"K is {problem.K}: the cvxpy program is solved for K <= {MOST_DRAWS} only; "
            "use method socp"
        )


def _first_points(problem: Problem) -> _Points:
    count = PER_DRAW * (problem.K + 2)
    grid = 0.5 * np.pi * np.arange(count + 1) / count
    row = CRITERIA[problem.criterion]
    # At p = 0 only a moment without the weight p can be active.
    return _Points(
        grid[1:] if row.budgeted else grid[:0],
        grid[1:] if row.by_p or row.centred else grid,
    )


def _weight(problem: Problem, rough: _Answer) -> float:
    """Return the weight of the tie-break T by the rule of exact/tie_break.py."""
    # A relative change of the criterion is half as large in its root.
    least = rough.bias if problem.minimises_bias else rough.root / 2
    return weight(*quadratic(problem.target, problem.K), rough.c, least)


def _dual(problem: Problem, points: _Points, best: _Answer, c: Floats) -> Dual:
    heights = best.noise_weights / (2 * best.root)
    # The floor gives the Lagrangian curvature everywhere, so that the remaining dual infeasibility costs
    # little; it costs the bound FLOOR, relative.
    heights = heights + FLOOR * heights.mean()
    dual = Dual(
        tuple((np.sin(points.bias) ** 2).tolist()),
        tuple(best.bias_weights.tolist()),
        tuple((np.sin(points.noise) ** 2).tolist()),
        tuple(heights.tolist()),
        float(value(problem.target, c)),
        tuple(best.step_weights.tolist()),
    )
    return settled(dual) if CRITERIA[problem.criterion].centred else dual


def _exchanged(problem: Problem, points: _Points, weight: float) -> tuple[_Points, _Answer]:
    """Return points and an answer such that no bound is exceeded between the points."""
    room = 0.5 * np.pi / (PER_DRAW * (problem.K + 2))
    excess = np.inf
    for done in range(1, MOST_ROUNDS + 1):
        answer = _program(problem, points, weight)
        bias, most_bias = points.bias, 0.0
        if bias.size:
            bias, most_bias = _peaks(problem, _size_of_error, answer.c, answer.bias)
        noise, most_noise = _peaks(problem, _noise, answer.c, answer.root**2)
        previous = excess
        excess = max(most_bias / (answer.bias or 1.0), most_noise / answer.root**2) - 1
        last = excess > previous / 2 or done == MOST_ROUNDS
        if excess < (ENOUGH if last else VIOLATION):
            return points, answer
        room *= CLOSER
        points = _Points(_joined(points.bias, bias, room), _joined(points.noise, noise, room))
    raise NotConverged(
        f"cvx at K = {problem.K}, {problem.criterion}: after {MOST_ROUNDS} rounds of points a "
        f"bound is exceeded by {excess:.1e}, wanted {ENOUGH:g}; use method socp"
    )


def _joined(theta: Floats, peaks: Floats, room: float) -> Floats:
    """Return the places together with the peaks and their neighbours that are far enough from all others.

    Where few points are active, a peak moves when it is bounded; between neighbours it cannot move far.
    """
    for place in (peaks + np.array([[0.0], [-room], [room]])).ravel():
        if 0 < place < 0.5 * np.pi and np.min(np.abs(theta - place)) > 0.5 * room:
            theta = np.append(theta, place)
    return np.sort(theta)


def _program(problem: Problem, points: _Points, weight: float) -> _Answer:
    """Return the answer of the program on these points, with a tie-break of this weight."""
    K, target = problem.K, problem.target
    p, q = np.sin(points.bias) ** 2, np.sin(points.noise) ** 2
    limit = problem.limit or 1.0
    # Everything is in units of the bound, or of about its size where the bound is minimised.
    unit = limit if problem.direction == "bias" else 1 / (K + 1)
    root_unit = np.sqrt(limit) if problem.direction == "noise" else _usual_root(problem)

    c, least = cp.Variable(K + 1), cp.Variable()
    bias, root = (least, 1.0) if problem.minimises_bias else (1.0, least)

    weights = q if CRITERIA[problem.criterion].by_p else np.ones_like(q)
    scales = np.sqrt(weights[:, None] * pmf(K, q)) / root_unit
    spread = cp.outer(np.ones(q.size), c) - cp.outer(_centres(problem, q), np.ones(K + 1))
    cone = cp.norm(cp.multiply(scales, spread), 2, axis=1) <= root
    constraints = [cone]
    if p.size:
        error = (cp.multiply(p, pmf(K, p) @ c) - target.weighted(p)) / unit
        constraints += [error <= bias, -error <= bias]

    W, b = quadratic(target, K)
    if problem.shape is not None:
        steps = steps_of(np.eye(K + 1), problem.shape)
        constraints.append(direction(target) * steps @ c / _usual_root(problem) >= 0)
    tie = cp.sum_squares(cp.multiply(np.sqrt(W), c)) - 2 * b @ c
    share = weight / (unit if problem.minimises_bias else root_unit)
    _run(cp.Problem(cp.Minimize(least + share * tie), constraints), problem)

    reached = float(least.value)
    cones, *lines = (np.atleast_1d(constraint.dual_value) for constraint in constraints)
    ordered = np.maximum(lines.pop(), 0.0) if problem.shape is not None else np.zeros(0)
    return _Answer(
        np.asarray(c.value, dtype=np.float64),
        unit * (reached if problem.minimises_bias else 1.0) if lines else 0.0,
        root_unit * (1.0 if problem.minimises_bias else reached),
        (lines[0] - lines[1]) / unit if lines else np.zeros(0),
        np.maximum(cones, 0.0) / root_unit,
        ordered / _usual_root(problem),
    )


def _run(program: cp.Problem, problem: Problem) -> None:
    for accuracy in ACCURACIES:
        options = dict.fromkeys(TOLERANCES, accuracy)
        options |= {f"reduced_{name}": LOOSER * accuracy for name in TOLERANCES}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # warnings of inaccuracy
                program.solve(solver=cp.CLARABEL, equilibrate_enable=False, **options)
            status = program.status
        except cp.SolverError:
            status = "no progress"
        if status in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
            return
    raise NotConverged(
        f"cvx at K = {problem.K}, {problem.criterion}: Clarabel ends with {status!r} short of "
        f"{accuracy:g}; relax the budget, or use method socp"
    )


def _centres(problem: Problem, q: Floats) -> cp.Variable | Floats:
    """Return the numbers that are subtracted from c at the noise points: variables where that is the mean."""
    row = CRITERIA[problem.criterion]
    if row.centred:
        return cp.Variable(q.size)
    return problem.target.phi(q) if row.fitted else np.zeros(q.size)


def _usual_root(problem: Problem) -> float:
    """Return sqrt V of the table phi((X+1)/(K+1)), or 1 where that is 0."""
    theta = 0.5 * np.pi * np.arange(1, problem.K + 2) / (problem.K + 1)
    plug_in = problem.target.phi((np.arange(problem.K + 1) + 1) / (problem.K + 1))
    return float(np.sqrt(_noise(problem, plug_in, theta).max())) or 1.0


def _size_of_error(problem: Problem, c: Floats, theta: Floats) -> Floats:
    """Return |e(p)| at p = sin^2 theta."""
    p = np.sin(theta) ** 2
    return np.abs(p * (pmf(problem.K, p) @ c) - problem.target.weighted(p))


def _noise(problem: Problem, c: Floats, theta: Floats) -> Floats:
    """Return the function whose supremum is the criterion, at p = sin^2 theta."""
    p = np.sin(theta) ** 2
    row, rows = CRITERIA[problem.criterion], pmf(problem.K, p)
    if row.fitted:
        centres = problem.target.phi(np.where(p > 0, p, 1.0))
    else:
        centres = rows @ c if row.centred else np.zeros(p.size)
    spread = (rows * (c - centres[:, None]) ** 2).sum(axis=1)
    return np.asarray(spread * (p if row.by_p else 1.0))


def _peaks(problem: Problem, f: Curve, c: Floats, bound: float) -> tuple[Floats, float]:
    """Return the places of the local maxima of f that come near its bound, and the greatest value of f."""
    count = SEARCHED * (problem.K + 2)
    grid = 0.5 * np.pi * np.arange(count + 1) / count
    values = np.pad(f(problem, c, grid), 1, constant_values=-np.inf)
    tops = np.flatnonzero((values[1:-1] >= values[:-2]) & (values[1:-1] > values[2:]))
    left, right = grid[np.maximum(tops - 1, 0)], grid[np.minimum(tops + 1, count)]
    for _ in range(GOLDEN_STEPS):
        step = GOLDEN * (right - left)
        rises = f(problem, c, right - step) < f(problem, c, left + step)
        left, right = np.where(rises, right - step, left), np.where(rises, right, left + step)
    places = np.concatenate([0.5 * (left + right), grid[[0, -1]]])
    heights = f(problem, c, places)
    return places[heights > (1 - NEAR) * bound], float(heights.max())
