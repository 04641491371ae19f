"""This module solves for a minimax table by a weighted Remez exchange with Newton steps.

The error e(p) = p (P(p) - phi(p)) of the best P alternates at K+2 points of (0, 1], p = 1 among them
(p, ..., p^(K+1) is a Haar system there).  With p = sin^2 theta the differences x_i - x_j =
sin(theta_i - theta_j) sin(theta_i + theta_j) lose no digit, and the weights w_i with the values at
the points give P, P' and P'' without a linear solve (Schneider and Werner 1986),

    P'(x_i) = -sum_{j != i} (w_j/w_i) P[x_i, x_j],   P''(x_i) = -2 sum_{j != i} (w_j/w_i) P[x_i, x_i, x_j].

All points move at once by a damped Newton step of de/dtheta = 0.  Float64 suffices for the points,
because E depends on them to second order; the coefficients are computed in balls (exact/levelled.py).
Where a target is so smooth that its error is no greater than the rounding of float64, the steps are taken
in balls too: such errors are nearly those of a Chebyshev polynomial, from whose points the exchange starts.
"""

import numpy as np
from flint import arb

from polyest.arrays import Floats
from polyest.errors import InvalidProblem, NotConverged
from polyest.exact.levelled import levelled, table
from polyest.precision import working
from polyest.precision.entrance import alone
from polyest.problem.problem import Alternation, Problem, Solution, unbiased
from polyest.problem.targets import Target

MOST_DRAWS = 1024
MOST_STEPS = 100
STEP = 1e-9  # step, relative to the room of a point, that ends the exchange; E is good to about its square
NOISE = 1e-6  # a step below this that no longer shrinks is rounding
MOST_IN_BALLS, STEPS_IN_BALLS = 64, 20  # greatest K of steps in balls, and their number


@alone
def solve(problem: Problem) -> Solution:
    """Return the minimax table of `problem` (criterion minimax, K <= 1024), rounded to float64.

    A target that is a polynomial of degree <= K is met exactly, and its alternation is empty.
    Raise InvalidProblem outside that range, and NotConverged with the state that was reached.
    """
    if not problem.is_minimax:
        raise InvalidProblem(f"remez solves minimax, not {problem.criterion}: use method socp")
    if problem.K > MOST_DRAWS:
        raise InvalidProblem(
            f"K is {problem.K}: remez is tested for K <= {MOST_DRAWS} only; use a smaller K"
        )
    exact = unbiased(problem, "remez")
    if exact is not None:
        return exact
    points = exchange(problem.target, problem.K)
    return Solution(table(problem.target, points), Alternation(points), "remez")


def exchange(target: Target, K: int) -> tuple[float, ...]:
    """Return the K+2 ascending alternation points of the minimax polynomial, of which the last is 1."""
    theta = _start(K)
    worst = np.inf
    for _ in range(MOST_STEPS):
        gap = np.diff(theta, prepend=0.0)
        room = 0.4 * np.minimum(gap[:-1], gap[1:])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            step = _newton(target, theta)
            worst, previous = float(np.max(np.abs(step) / room)), worst
        if not np.isfinite(worst):
            break  # the error is no greater than rounding
        theta[:-1] += np.clip(step, -room, room)
        if worst < STEP or previous < worst < NOISE:
            return _places(theta)
    if K <= MOST_IN_BALLS:
        theta = _start(K)
        for _ in range(STEPS_IN_BALLS):
            gap = np.diff(theta, prepend=0.0)
            room = 0.4 * np.minimum(gap[:-1], gap[1:])
            step = _newton_in_balls(target, theta)
            theta[:-1] += np.clip(step, -room, room)
            if float(np.max(np.abs(step) / room)) < STEP:
                return _places(theta)
    raise NotConverged(
        f"remez at K = {K}, target {target.name}: after up to {MOST_STEPS} exchanges a point still "
        f"moves by {worst:.1e} of its room, wanted {STEP:g}; float64 may not hold so small an error"
    )


def _start(K: int) -> Floats:
    """Return theta of K+2 points like those of a Chebyshev polynomial."""
    return np.asarray(0.5 * np.pi * (np.arange(K + 2) + 0.41) / (K + 1.41), dtype=np.float64)


def _places(theta: Floats) -> tuple[float, ...]:
    """Return the points, the last of which is 1."""
    return (*(np.sin(theta[:-1]) ** 2).tolist(), 1.0)


def _newton_in_balls(target: Target, theta: Floats) -> Floats:
    """Return the Newton steps in theta, (K+1,), as `_newton` does, from the levelled polynomial in balls."""
    points = _places(theta)
    error, P = levelled(target, points)
    steps = []
    with working(8 * len(points) + 200):
        slope = P.derivative()
        bend = slope.derivative()
        natural = 4 * len(theta[1:]) ** 2 * abs(error)
        for i, (x, angle) in enumerate(zip(points[:-1], theta[:-1].tolist(), strict=True)):
            p, cap = arb(x), error.sgn() * (-1) ** i
            value, first, second = target.jet(p)
            down = P(p) + p * slope(p) - value - p * first
            curve = 2 * slope(p) + p * bend(p) - 2 * first - p * second
            turn = arb(2 * angle).sin()
            curvature = curve * turn * turn + 2 * down * arb(2 * angle).cos()
            bent = abs(curvature) if curvature * cap < 0 else natural
            steps.append(float((cap * down * turn / bent).mid()))
    return np.array(steps)


def _newton(target: Target, theta: Floats) -> Floats:
    """Return the Newton steps in theta, (K+1,), of all points but the last towards their extrema."""
    n = theta.size
    x = np.sin(theta) ** 2
    difference = np.sin(theta[:, None] - theta) * np.sin(theta[:, None] + theta)
    np.fill_diagonal(difference, 1.0)
    log_size = -np.log(np.abs(difference)).sum(axis=1)
    alternating = np.where(np.arange(n) % 2, -1.0, 1.0)
    # w_i has the sign (-1)^(n-1-i); a common factor of the weights drops out everywhere.
    weight = alternating * np.exp(log_size - log_size.max())
    phi = target.phi(x)
    first, second = target.slopes(x)
    level = -(weight @ phi) / (weight @ (alternating / x))
    value = phi + alternating * level / x

    ratio = weight / weight[:, None]
    np.fill_diagonal(ratio, 0.0)
    slopes = (value[:, None] - value) / difference
    P1 = -(ratio * slopes).sum(axis=1)
    P2 = -2 * (ratio * ((P1[:, None] - slopes) / difference)).sum(axis=1)

    slope = value + x * P1 - phi - x * first
    bend = 2 * P1 + x * P2 - 2 * first - x * second
    turn = np.sin(2 * theta)
    gradient = slope * turn
    curvature = bend * turn**2 + 2 * slope * np.cos(2 * theta)
    # At an extremum the error curves towards 0.  Where rounding or a bad start gives another sign, the
    # curvature of E cos(2 (K+1) theta) is taken.
    cap = np.sign(level) * alternating
    natural = 4 * (n - 1) ** 2 * abs(level)
    bent = np.where(curvature * cap < 0, np.abs(curvature), natural)
    return np.asarray((cap * gradient / bent)[:-1])
