"""This module solves for a minimax table by linear programs with exchanged points (HiGHS).

    minimise E  subject to  |p_i P(p_i) - p_i phi(p_i)| <= E  at points p_i of (0, 1].

On a fixed grid in the Bernstein basis, double precision gives an optimum that is wrong by a
quarter at K = 32.  Here p = sin^2 theta and

    p P(p) = sum_{j=1..K+1} a_j sin^2(j theta),

which is the Chebyshev basis of the polynomials that vanish at 0, since T_j(1 - 2p) = 1 - 2 sin^2(j theta).
Its entries lie in [0, 1].  No column is small, and no row is, since the first extremum is near .65/(K+1).
Each round solves for a *correction* of a in units of the error that was reached, so that HiGHS' absolute
tolerances are relative to E.  It then adds the local extrema of the error between the points.  These
converge to the K+2 points of the alternation, on which E and P depend to second order; the coefficients
are computed in balls (exact/levelled.py).  The program is that of Mohri, Schneider and Zhong (2026), the
exchange that of Remez (1934).
"""

import highspy
import numpy as np

from polyest.arrays import Floats
from polyest.errors import InvalidProblem, NotConverged
from polyest.exact.levelled import table
from polyest.precision.entrance import alone
from polyest.problem.problem import Alternation, Problem, Solution, unbiased
from polyest.problem.targets import Target

MOST_DRAWS = 256  # a dense simplex takes 7 s there, and two minutes at 512, where it is still right
MOST_ROUNDS = 30
VIOLATION = 1e-9  # accepted violation between the points, relative to E
ROUNDING = 2.0**-50  # absolute rounding error of p P(p) - p phi(p), which is added to VIOLATION
LEAST_DIGITS = 1e-3  # share of E above which that rounding error makes an exchange impossible
TOLERANCE = 1e-10  # the least tolerance that HiGHS accepts
SIMPLEXES = (1, 4)  # HiGHS' dual simplex, then its primal one
PER_DRAW = 2  # points of the first program
SEARCHED = 16  # places per draw at which extrema are searched
HALVINGS = 12  # further places towards 0, for targets that are steep there
NEWTON_STEPS = 6


@alone
def solve(problem: Problem) -> Solution:
    """Return the minimax table of `problem` (criterion minimax, K <= 256), rounded to float64.

    A target that is a polynomial of degree <= K is met exactly, and its alternation is empty.
    Raise InvalidProblem outside that range, and NotConverged with the state that was reached.
    """
    if not problem.is_minimax:
        raise InvalidProblem(f"lp solves minimax, not {problem.criterion}: use method socp")
    if problem.K > MOST_DRAWS:
        raise InvalidProblem(
            f"K is {problem.K}: the linear program is solved for K <= {MOST_DRAWS} only; "
            "use method remez"
        )
    exact = unbiased(problem, "lp")
    if exact is not None:
        return exact
    points = exchange(problem.target, problem.K)
    return Solution(table(problem.target, points), Alternation(points), "lp")


def exchange(target: Target, K: int) -> tuple[float, ...]:
    """Return the K+2 ascending alternation points of the minimax polynomial, of which the last is 1."""
    count = PER_DRAW * (K + 2)
    theta = 0.5 * np.pi * np.arange(1, count + 1) / count
    a, unit = np.zeros(K + 1), 1.0
    for done in range(1, MOST_ROUNDS + 1):
        step, level = _correction(_basis(K, theta), _error(target, a, theta) / unit)
        a += unit * step
        low = unit * level
        places, errors = _extrema(target, a)
        unit = float(np.max(np.abs(errors)))
        reached = (
            f"lp at K = {K}, target {target.name}: after {done} rounds the least sup|e| is between "
            f"{low:.12g} and {unit:.12g}"
        )
        if LEAST_DIGITS * unit < ROUNDING:
            raise NotConverged(
                f"{reached}, which double precision does not resolve; use method remez"
            )
        if unit - low <= VIOLATION * unit + ROUNDING:
            if not _alternate(errors, K):
                raise NotConverged(f"{reached}, but its error does not alternate on {K + 2} points")
            return (*(np.sin(places[:-1]) ** 2).tolist(), 1.0)
        theta = np.union1d(theta, places[np.abs(errors) > low])
    raise NotConverged(f"{reached}, wanted {VIOLATION:g} relative; use method remez")


def _basis(K: int, theta: Floats) -> Floats:
    """Return the rows (sin^2 j theta), j = 1..K+1."""
    return np.asarray(np.sin(np.outer(theta, np.arange(1, K + 2))) ** 2)


def _error(target: Target, a: Floats, theta: Floats) -> Floats:
    """Return the weighted error e = p P - p phi at p = sin^2 theta."""
    return np.asarray(_basis(a.size - 1, theta) @ a - target.weighted(np.sin(theta) ** 2))


def _correction(rows: Floats, error: Floats) -> tuple[Floats, float]:
    """Return the d and E that solve  min E  subject to  |rows d + error| <= E."""
    M, n = rows.shape
    bound = np.ones((M, 1))
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = n + 1, 2 * M
    program.col_cost_ = np.append(np.zeros(n), 1.0)
    program.col_lower_ = np.append(np.full(n, -highspy.kHighsInf), 0.0)
    program.col_upper_ = np.full(n + 1, highspy.kHighsInf)
    program.row_lower_ = np.full(2 * M, -highspy.kHighsInf)
    program.row_upper_ = np.concatenate([-error, error])
    matrix = program.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kRowwise
    matrix.start_ = np.arange(2 * M + 1) * (n + 1)
    matrix.index_ = np.tile(np.arange(n + 1), 2 * M)
    matrix.value_ = np.block([[rows, -bound], [-rows, -bound]]).ravel()

    solver = highspy.Highs()
    options = {
        "output_flag": False,
        "presolve": "off",  # presolve does not reduce dense rows
        "simplex_scale_strategy": 0,  # rows are scaled; with a second scaling the dual simplex fails
        "primal_feasibility_tolerance": TOLERANCE,
        "dual_feasibility_tolerance": TOLERANCE,
    }
    for name, value in options.items():
        solver.setOptionValue(name, value)
    for simplex in SIMPLEXES:
        solver.setOptionValue("simplex_strategy", simplex)
        solver.passModel(program)
        solver.run()
        status = solver.getModelStatus()
        if status == highspy.HighsModelStatus.kOptimal:
            x = np.asarray(solver.getSolution().col_value, dtype=np.float64)
            return x[:-1], float(x[-1])
    raise NotConverged(
        f"HiGHS ends a program of {M} points at K = {n - 1} with status "
        f"{solver.modelStatusToString(status)}; use method remez"
    )


def _extrema(target: Target, a: Floats) -> tuple[Floats, Floats]:
    """Return the ascending places theta of the local extrema of the error, the last pi/2, and its values."""
    count = SEARCHED * (a.size + 1)
    theta = 0.5 * np.pi * np.arange(1, count + 1) / count
    theta = np.concatenate([theta[0] * 2.0 ** -np.arange(HALVINGS, 0, -1.0), theta])
    error = _error(target, a, theta)
    size = np.abs(error)
    i = 1 + np.flatnonzero((size[1:-1] > size[:-2]) & (size[1:-1] >= size[2:]))
    places, cap = theta[i], np.sign(error[i])
    for _ in range(NEWTON_STEPS):
        slope, bend = _slopes(target, a, places)
        bent = cap * bend < 0
        step = np.where(bent, -slope / np.where(bent, bend, 1.0), 0.0)
        places = np.clip(places + step, theta[i - 1], theta[i + 1])
    places = np.append(places, 0.5 * np.pi)
    return places, _error(target, a, places)


def _slopes(target: Target, a: Floats, theta: Floats) -> tuple[Floats, Floats]:
    """Return the first and second derivative of the error in theta."""
    j = np.arange(1, a.size + 1)
    p, turn = np.sin(theta) ** 2, np.sin(2 * theta)
    first, second = target.slopes(p)
    down = target.phi(p) + p * first  # (p phi)'
    bow = 2 * first + p * second  # (p phi)''
    angles = 2 * np.outer(theta, j)
    slope = np.sin(angles) @ (j * a) - down * turn
    bend = 2 * np.cos(angles) @ (j * j * a) - bow * turn**2 - 2 * down * np.cos(2 * theta)
    return slope, bend


def _alternate(errors: Floats, K: int) -> bool:
    """Return whether there are K+2 extrema of alternating sign."""
    return errors.size == K + 2 and bool(np.all(errors[1:] * errors[:-1] < 0))
