"""The limits of K sup|e| for tables with a shape, proved from both sides in the Poisson limit.

With p = lambda/K and K large, counts are Poisson.  Let

    L = inf over g with the shape of sup over lambda > 0 of |lambda (E g(X) - log lambda)|.

The least K sup|e| of K draws tends to L, and L is enclosed:

below   For lambda up to a bound only, the optimum is a vertex, of m steps and m + 2 places, which the solver
        of polyest/solvers/shaped finds here with Poisson weights.  By weak duality its level error is below
        L, and below the limit of any K: where weights w_i at the places have sum w_i lambda_i = 0 and
        multipliers
        mu_j = sum_i w_i lambda_i F_j(lambda_i) >= 0, those of Binomial(K, lambda/K) differ by O(1/K), which
        costs O(log K/K) of the bound (shape_bound.py).  Beyond the last count that is looked at, mu_j > 0
        because the Poisson law of the greatest place has the heavier tail, by ever more.
above   N levels g_X with the harmonic numbers behind them, found by a linear program, are a table of the
        shape for every K, c_X = g_X - H_K, whose K sup|e| tends to sup |lambda (E_1(lambda) + E u)|,
        u_X = g_X - H_X.  It is bounded cell by cell in balls.

The bound below gains a digit and a half with every pair of steps, so that it is also the extrapolated value.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

import numpy as np
from flint import arb, arb_mat, arb_poly, ctx
from scipy.optimize import linprog
from scipy.special import exp1
from scipy.stats import poisson
from threadpoolctl import threadpool_limits

import polyest
from polyest.arrays import Floats
from polyest.problem.shapes import Shape, steps_of
from polyest.problem.targets import LOG
from polyest.proof.poisson import decay, exponential_integral
from polyest.proof.supremum import Place, highest, trimmed
from polyest.solvers.shaped import _pivoted, _settled
from polyest.solvers.shaped.level import Level, level
from polyest.solvers.shaped.places import HALVINGS, Places

BITS = 1024
# Steps of the vertices, the last two of which give the error; the share of the way to the next place of
# K = 1024 at which lambda ends; and levels of the table.
STEPS = {"monotone": (37, 41), "concave": (13, 15)}
SHARE = {"monotone": 0.5, "concave": 0.6}
LEVELS = {"monotone": 128, "concave": 128}
NO_STEP = 1e-12  # a difference of stored entries of K = 1024 below this is none
SEARCHED = 16  # places for each extremum that is expected
SMALL, NARROW = 2.0**-70, 1e-13  # errors that are allowed on a cell, and beside the supremum
POINTS, FINE, BETWEEN, ROUNDS = (
    0.04,
    0.002,
    1e-10,
    12,
)  # of the linear program, in the root of lambda
SCALES = (1.0, 1e4)  # by which the program is refined
TOLERANCES = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


@dataclass(frozen=True)
class Limit:
    """A proved bracket of a limit, what it is proved from, and what the last steps changed below."""

    shape: Shape
    steps: int
    levels: int
    lower: arb
    upper: arb
    error: arb


def limit(shape: Shape) -> Limit:
    """The limit of a shape."""
    with threadpool_limits(1):
        before, last = (lower(vertex(shape, steps)) for steps in STEPS[shape])
        top = upper(levels(shape, LEVELS[shape]))
    with ctx.workprec(BITS):
        return Limit(shape, STEPS[shape][-1], LEVELS[shape], last, top, abs(last - before).upper())


class PoissonPlaces(Places):
    """Places lambda up to `end`, as theta = pi/2 sqrt(lambda/end), in place of p."""

    def __init__(self, shape: Shape, K: int, end: float) -> None:
        self.target, self.sign, self.shape, self.K, self.end = LOG, 1, shape, K, end
        count = int(SEARCHED * (2 * np.sqrt(end) + 4))
        theta = 0.5 * np.pi * np.arange(1, count + 1) / count
        self.theta = np.concatenate([theta[0] * 2.0 ** -np.arange(HALVINGS, 0, -1.0), theta])
        self.p, self.wanted, self.columns = self._at(self.theta)

    def _at(self, theta: Floats) -> tuple[Floats, Floats, Floats]:
        at = self.end * (2 * theta / np.pi) ** 2
        means = poisson.sf(np.arange(self.K), at[:, None])
        if self.shape == "concave":
            means = np.cumsum(means, axis=1)
        return at, at * np.log(at), at[:, None] * means

    def slopes(self, c: Floats, theta: Floats) -> tuple[Floats, Floats]:
        unit = self.end * (2 / np.pi) ** 2
        at, turn = unit * theta**2, 2 * unit * theta
        weights = poisson.pmf(np.arange(c.size), at[:, None])
        first = np.append(np.diff(c), 0.0)
        second = np.append(np.diff(first), 0.0)
        P = weights @ c + poisson.sf(c.size - 1, at) * c[-1]
        slope = P + at * (weights @ first) - np.log(at) - 1
        bend = 2 * (weights @ first) + at * (weights @ second) - 1 / at
        return slope * turn, bend * turn**2 + 2 * unit * slope


def vertex(shape: Shape, steps: int) -> Level:
    """The vertex of so many steps, from those of K = 1024."""
    table = polyest.load(1024, criterion="minimax", shape=shape)
    of_table = np.flatnonzero(steps_of(table.coefficients, shape) > NO_STEP)[:steps]
    spots = table.K * np.array(table.witness.bias_points)
    end = float(spots[steps] + SHARE[shape] * (spots[steps + 1] - spots[steps]))
    places = PoissonPlaces(shape, int(end + 12 * np.sqrt(end) + 40), end)
    theta = 0.5 * np.pi * np.sqrt(np.append(spots[: steps + 1], end) / end)
    begun = level(places, tuple(of_table.tolist()), places.nearest(theta - 1e-12))
    with np.errstate(divide="ignore", invalid="ignore"):
        return _settled(places, _pivoted(begun))


def lower(optimum: Level) -> arb:
    """The level error of a vertex after a check of all its multipliers, in balls."""
    at = [arb(float(x)) for x in optimum.places.p[optimum.at]]
    with ctx.workprec(BITS):
        F = [_means(optimum.places.shape, optimum.places.K + 1, x) for x in at]
        rows = [
            [x * row[j] for j in optimum.steps] + [x, arb(-1 if i % 2 == 0 else 1)]
            for i, (x, row) in enumerate(zip(at, F, strict=True))
        ]
        system, n = arb_mat(rows), len(at)
        error = system.solve(arb_mat(n, 1, [x * x.log() for x in at])).entries()[-1]
        dual = system.transpose().solve(arb_mat(n, 1, [arb(0)] * (n - 1) + [arb(-1)])).entries()
        weighted = [w * x for w, x in zip(dual, at, strict=True)]
        tails = [[a - b for a, b in zip(row, [arb(0), *row], strict=False)] for row in F]
        sums = (arb_mat([weighted]) * arb_mat(F)).entries()
        if optimum.places.shape == "monotone":
            tails = F
        last = weighted[-1] * tails[-1][-1]
        others = sum(
            (abs(w) * row[-1] for w, row in zip(weighted[:-1], tails, strict=False)), arb(0)
        )
        steps = {*optimum.steps}
        if not (all(mu > 0 for j, mu in enumerate(sums) if j not in steps) and last > others):
            raise SystemExit("a multiplier of the vertex is not proved to be positive")
        alternate = all((w > 0) == (i % 2 == 0) and not w.contains(0) for i, w in enumerate(dual))
        if not (alternate and error > 0):
            raise SystemExit("the weights of the vertex do not alternate")
        return error


def _means(shape: str, count: int, at: arb) -> list[arb]:
    """F_j of the Poisson law, j < count: Pr(X > j), or E min(X, j + 1)."""
    term, terms = (-at).exp(), []
    for X in range(count):
        terms.append(term)
        term = term * at / (X + 1)
    above = [1 - below for below in accumulate(terms)]
    return list(accumulate(above)) if shape == "concave" else above


def levels(shape: Shape, N: int) -> list[Fraction]:
    """Levels g_0..g_(N-1) of the shape, with the harmonic numbers behind them, of least bias in the limit."""
    roots, fine = np.arange(POINTS / 2, _end(N), POINTS), np.arange(FINE, _end(N), FINE)
    A, f = _bias(fine, N)
    for _ in range(ROUNDS):
        u, least = _program(*_bias(roots, N), *_shape(shape, N))
        error = np.abs(A @ u - f)
        tops = 1 + np.flatnonzero((error[1:-1] >= error[:-2]) & (error[1:-1] > error[2:]))
        tops = tops[error[tops] > least * (1 - 1e-3)]
        a, b, c = error[tops - 1], error[tops], error[tops + 1]
        if (b - (a - c) ** 2 / (8 * (a - 2 * b + c))).max() < least * (1 + BETWEEN):
            break
        roots = np.append(roots, fine[tops] + FINE * (a - c) / (2 * (a - 2 * b + c)))
    S, room = _shape(shape, N)
    left = [max(Fraction(0), Fraction(float(x))) for x in room - S @ u]
    if shape == "concave":  # what a step loses to the next one; the last is beside that of 1/(N+1)
        left[-1] += Fraction(1, N + 1)
        left = list(accumulate(reversed(left)))[::-1]
    beyond = sum((Fraction(1, X) for X in range(1, N + 1)), Fraction(0))
    return list(accumulate(reversed(left), lambda g, step: g - step, initial=beyond))[:0:-1]


def _end(N: int) -> float:
    return float(np.sqrt(N + 14 * np.sqrt(N) + 60))


def _bias(roots: Floats, N: int) -> tuple[Floats, Floats]:
    """A and f of the bias A u - f at lambda = root^2."""
    at = roots**2
    return at[:, None] * poisson.pmf(np.arange(N), at[:, None]), -at * exp1(at)


def _shape(shape: Shape, N: int) -> tuple[Floats, Floats]:
    """S and r such that the levels have the shape where S u <= r, whose rest is that of each step."""
    S = np.eye(N) - np.eye(N, k=1)
    r = 1 / np.arange(1.0, N + 2)
    if shape == "monotone":
        return S, r[:-1]
    return np.vstack([S[:-1] - S[1:], S[-1:]]), r[:-1] - r[1:]


def _program(A: Floats, f: Floats, S: Floats, r: Floats) -> tuple[Floats, float]:
    """u and the least bias t at points, refined: what is left of a solution is a program of its own."""
    u, t = np.zeros(A.shape[1]), 0.0
    more = np.ones((f.size, 1))
    G = np.vstack([np.hstack([A, -more]), np.hstack([-A, -more])])
    G = np.vstack([G, np.hstack([S, np.zeros((len(S), 1))])])
    cost = np.append(np.zeros(u.size), 1.0)
    for scale in SCALES:
        rest = f - A @ u
        h = np.concatenate([rest + t, t - rest, r - S @ u]) * scale
        free = (None, None)
        solved = linprog(cost, G, h, bounds=free, method="highs-ipm", options=TOLERANCES)
        if solved.status:
            raise SystemExit(f"HiGHS: {solved.message}")
        u, t = u + solved.x[:-1] / scale, t + solved.x[-1] / scale
    return u, float(t)


def upper(g: list[Fraction]) -> arb:
    """A proved bound of sup |lambda (E_1(lambda) + sum_X u_X pi_X)|, u_X = g_X - H_X."""
    half = 4.0 * len(g)
    with ctx.workprec(BITS):
        harmonic = accumulate((Fraction(1, X) for X in range(1, len(g))), initial=Fraction(0))
        u = [_ball(a - b) for a, b in zip(g, harmonic, strict=True)]
        poly = arb_poly([a / arb(X).fac() for X, a in enumerate(u)])
        size = max((abs(a) for a in u), key=float).upper()
        # lambda E_1 and lambda pi_X fall from lambda = X + 1 on.
        end = arb(2 * half)
        weights = (abs(a) * (-end).exp() * end**X / arb(X).fac() for X, a in enumerate(u))
        beyond = end * (end.expint(arb(1)) + sum(weights, arb(0)))

    def on(place: Place, _: float) -> arb_poly | arb:
        m, r = place
        if m == r:
            return 2 * r * (arb(1 + 1 / (2 * r)).log() + size)
        if r > 0.5:
            return arb("+inf")
        with ctx.workprec(BITS):
            at = arb_poly([m, r])
            mean = trimmed(poly(at) * decay(m, r, SMALL**8), SMALL)
            return trimmed((mean + exponential_integral(m, r, SMALL)) * at, SMALL)

    top = highest(on, (half, half), SMALL, NARROW, "the bias in the limit")[1]
    return top.max(beyond.upper())


def _ball(value: Fraction) -> arb:
    return arb(value.numerator) / value.denominator
