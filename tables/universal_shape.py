"""Solve the universal tables of a shape: two lists of levels, one for K = 1024 and one for its limit.

    minimise  sup |K e|  over the lists g and h of problem/departures.py that both have the shape

at K = 1024, where the table is h, in the limit, where it is g, and at K = 2048 half way between.  Steps down
from the harmonic numbers behind the lists are the variables, so that the program is linear: bias is bounded
at points, and maxima between them join the points until none exceeds its bound.  N = 48 levels cost 8e-7 of
the bias against 56, 32 cost 2e-5 (measured, monotone).

Among tables of nearly equal merit the one nearest to the harmonic table is taken, by the least
sum (X+1) |u_X| of both lists, which makes them fade into it before N.  Takes half a minute for each shape.
"""

from fractions import Fraction
from itertools import accumulate

import numpy as np
from scipy.optimize import linprog
from scipy.special import digamma, exp1
from scipy.stats import binom, poisson
from threadpoolctl import threadpool_limits
from universal import turn

from polyest.arrays import Floats
from polyest.make.verify import verify
from polyest.problem.departures import harmonic_numbers
from polyest.problem.problem import LARGEST_LISTED, pose
from polyest.problem.shapes import Shape, rounded
from polyest.proof.universal import prove
from polyest.tables.universal import UniversalTable

LEVELS = 48  # counts with a level
SLACK = 2e-5  # of the bias: the tie-break may cost as much
STEP, FINE = 0.05, 0.002  # in the root of lambda: points to begin with, places looked at
FARTHEST = 12.0  # root of lambda up to where points are placed
NEAR, BETWEEN, ROUNDS = 1e-3, 1e-6, 20  # near the bound, excess that is left, exchanges
SHARES = (0.0, 0.5, 1.0)  # 1024/K
ROOM = 1e-9  # of the last step of a concave list above the harmonic one behind it
COUNTED = 600  # counts whose harmonic numbers are needed at all points
TOLERANCES = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}

HARMONIC = digamma(np.arange(COUNTED) + 1.0) + np.euler_gamma
DOWN = np.triu(np.ones((LEVELS, LEVELS)))  # from steps to H_N - g


def make(shape: Shape, release: str | None = None) -> UniversalTable:
    """The universal table of a shape, proved to have it."""
    problem = pose(LARGEST_LISTED + 1, criterion="minimax", shape=shape)
    with threadpool_limits(1):
        steps, peak = solve(shape)
    levels = np.array([_stored(row, shape) for row in steps.reshape(2, -1)])
    table = UniversalTable(problem, levels, prove(levels, peak), peak, release=release)
    verify(table)
    return table


def solve(shape: Shape) -> tuple[Floats, float]:
    """Steps of both lists (2 N,), and lambda of the greatest bias below 1."""
    roots, fine = np.arange(STEP / 2, FARTHEST, STEP), np.arange(FINE, FARTHEST, FINE)
    A, f = posed(fine)
    for _ in range(ROUNDS):
        least = minimised(*posed(roots), shape)
        steps = nearest(*posed(roots), shape, least * (1 + SLACK))
        error = np.abs(A @ steps - f).reshape(len(SHARES), -1)
        top = error[:, fine < 1].max(axis=0)
        if error.max() < least * (1 + SLACK) * (1 + BETWEEN):
            i = int(top.argmax())
            return steps, float((fine[i] + FINE * turn(*top[i - 1 : i + 2])) ** 2)
        for y in error:
            tops = 1 + np.flatnonzero((y[1:-1] >= y[:-2]) & (y[1:-1] > y[2:]))
            tops = tops[y[tops] > least * (1 - NEAR)]
            more = fine[tops] + FINE * turn(y[tops - 1], y[tops], y[tops + 1])
            roots = np.append(roots, more)
    raise SystemExit(f"after {ROUNDS} exchanges a bound is still exceeded")


def posed(roots: Floats) -> tuple[Floats, Floats]:
    """Matrix (3 M, 2 N) and vector of the bias K e = A d - f at points lambda = root^2, for each share."""
    lam, X = roots**2, np.arange(int(FARTHEST**2 + 14 * FARTHEST + 80))
    rows, wanted = [], []
    for share in SHARES:
        if share:
            K = round(LARGEST_LISTED / share)
            weights = binom.pmf(X, K, lam[:, None] / K)
            rest = weights @ HARMONIC[X] - digamma(K + 1.0) - np.euler_gamma - np.log(lam / K)
        else:
            weights, rest = poisson.pmf(X, lam[:, None]), exp1(lam)
        head = lam[:, None] * weights[:, :LEVELS]
        steps = -head @ DOWN
        rows.append(np.hstack([(1 - share) * steps, share * steps]))
        wanted.append(-lam * rest - head @ (HARMONIC[LEVELS] - HARMONIC[:LEVELS]))
    return np.vstack(rows), np.concatenate(wanted)


def minimised(A: Floats, f: Floats, shape: Shape) -> float:
    """The least bias at the points."""
    more = np.ones((f.size, 1))
    G = np.vstack([np.hstack([A, -more]), np.hstack([-A, -more])])
    shrink = _shrinking(shape)
    G = np.vstack([G, np.hstack([shrink, np.zeros((len(shrink), 1))])])
    cost = np.append(np.zeros(A.shape[1]), 1.0)
    return float(_solution(cost, G, np.concatenate([f, -f, np.zeros(len(shrink))]), shape)[-1])


def nearest(A: Floats, f: Floats, shape: Shape, bias: float) -> Floats:
    """The steps of the lists nearest to the harmonic numbers of those with at most this bias."""
    n = A.shape[1]
    down, none = np.kron(np.eye(2), DOWN), np.zeros
    apart = np.tile(HARMONIC[LEVELS] - HARMONIC[:LEVELS], 2)
    shrink = _shrinking(shape)
    bounds = np.vstack([A, -A, shrink])
    G = np.vstack(
        [
            np.hstack([bounds, none((len(bounds), n))]),
            np.hstack([-down, -np.eye(n)]),
            np.hstack([down, -np.eye(n)]),
        ]
    )
    h = np.concatenate([f + bias, bias - f, none(len(shrink)), -apart, apart])
    cost = np.concatenate([none(n), np.tile(np.arange(1.0, LEVELS + 1), 2)])
    return np.asarray(_solution(cost, G, h, shape)[:n])


def _solution(cost: Floats, G: Floats, h: Floats, shape: Shape) -> Floats:
    """The least cost x under G x <= h with x >= 0."""
    least = np.zeros(cost.size)
    if shape == "concave":  # the last steps are no less than those of the harmonic numbers behind
        least[[LEVELS - 1, 2 * LEVELS - 1]] = 1 / (LEVELS + 1) + ROOM
    bounds = np.column_stack([least, np.full(cost.size, np.inf)])
    solved = linprog(cost, A_ub=G, b_ub=h, bounds=bounds, method="highs-ipm", options=TOLERANCES)
    if solved.status:
        raise SystemExit(f"HiGHS: {solved.message}")
    return np.asarray(solved.x)


def _shrinking(shape: Shape) -> Floats:
    """Rows of d_(j+1) - d_j in both lists, where they are bounded by 0."""
    if shape == "monotone":
        return np.zeros((0, 2 * LEVELS))
    return np.kron(np.eye(2), np.diff(np.eye(LEVELS), axis=0))


def _stored(steps: Floats, shape: Shape) -> Floats:
    """The doubles of a list; what is left of a step by rounding alone is none."""
    kept = [0.0 if shape == "monotone" and step < ROOM else step for step in steps.tolist()]
    if shape == "concave":
        kept = np.maximum.accumulate(kept[::-1])[::-1].tolist()
    beyond = harmonic_numbers(LEVELS + 1)[-1]
    down = accumulate(map(Fraction, kept[::-1]), lambda c, step: c - step, initial=beyond)
    return rounded(list(down)[:0:-1], shape, 1)
