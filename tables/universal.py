"""Solve the universal table: the best departures from the harmonic table where counts are Poisson.

    minimise  sup_lambda |lambda (E g(X) - log lambda)|   under  lambda Var g(X) <= v,

over g[X] = psi(X+1) + u_X, X ~ Poisson(lambda).  psi(X+1) is exact but for E_1(lambda), and u_X = 0 from
X = N on: N = 48 costs 3e-6 of the bias against N = 96, 32 costs 3e-5, 16 costs 8e-4 (measured at v = 7.64).
Bias and noise are bounded at points, and maxima between them join the points, as in polyest/solvers/socp.py.

Among tables of nearly equal merit the one nearest to the harmonic table is taken, by the least
sum (X+1) u_X^2 = int_0^inf lambda E (g(X) - psi(X+1))^2 dlambda.  It makes u fade out towards N; without it
the second term of the table is rough, and costs noise at finite K.  v is what the proof of polyest/uniform.py
leaves of the noise budget, which is least at K = 1024.  Takes about half a minute.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, exp1, gammaln
from threadpoolctl import threadpool_limits

from polyest.bernstein import Floats
from polyest.problem import pose
from polyest.solvers.interior import Program, minimise
from polyest.uniform import UNIT_SLACK, prove, verify
from polyest.universal import LARGEST_LISTED, UniversalTable

HEAD = 48  # counts with a departure
SLACK = 2e-4  # of the bias: the tie-break may cost as much, and costs a tenth of it
STEP, FINE = 0.06, 0.002  # in the root of lambda: points to begin with, places looked at
FARTHEST = 12.0  # root of lambda up to where points are placed
NEAR, BETWEEN, ROUNDS = 1e-3, 1e-8, 12  # as in socp.py
FIRST_SHARE = 0.95  # of the noise: the first solve's budget in units of lambda Var log(X+1)
MARGIN = 1e-7  # of the noise budget: left over


@dataclass(frozen=True)
class Tailed(Program):
    """A program in u whose criterion is the variance of base + u, with counts beyond the head."""

    base: Floats  # (N,) psi(X+1)
    first: Floats  # (M,) sum of pi_X psi(X+1) over the counts beyond
    second: Floats  # (M,) and of its squares

    def q(self, c: Floats) -> Floats:
        g = self.base + c
        mean = self.B @ g + self.first
        return np.asarray(self.w * (self.B @ (g * g) + self.second - mean * mean))

    def gradients(self, c: Floats) -> Floats:
        g = self.base + c
        mean = self.B @ g + self.first
        return np.asarray((2 * self.w)[:, None] * self.B * (g - mean[:, None]))


def make(noise: float, release: str | None = None) -> UniversalTable:
    """The universal table of a noise budget, proved to meet it."""
    v, problem = noise * FIRST_SHARE, pose(LARGEST_LISTED + 1, noise=noise)
    for _ in range(3):
        with threadpool_limits(1):
            departures, peak = solve(v)
        limits = prove(departures, peak)
        allowed = noise * limits.log_count * (1 - float(UNIT_SLACK) - MARGIN)
        v *= allowed / limits.gradient_variance
    table = UniversalTable(problem, departures, limits, peak, release=release)
    verify(table)
    return table


def solve(v: float) -> tuple[Floats, float]:
    """Departures (N,) of the limit problem, and lambda of the greatest bias below 1."""
    roots = np.arange(STEP / 2, FARTHEST, STEP)
    fine = np.arange(FINE, FARTHEST, FINE)
    look = posed(fine, v, 0.0)
    roots, plain = exchanged(roots, fine, look, v, 0.0)
    rho = SLACK * plain[1] / float(np.arange(1, HEAD + 1) @ plain[0] ** 2)
    _, (u, _) = exchanged(roots, fine, look, v, rho)
    bias = np.abs(look.A @ u - look.f)[fine < 1]
    i = int(bias.argmax())
    return u, float((fine[i] + FINE * turn(bias[i - 1], bias[i], bias[i + 1])) ** 2)


def exchanged(
    roots: Floats, fine: Floats, look: Program, v: float, rho: float
) -> tuple[Floats, tuple[Floats, float]]:
    """Points, and u and bias such that nothing between the points exceeds its bound."""
    for _ in range(ROUNDS):
        found = minimise(posed(roots, v, rho), np.zeros(HEAD))
        curves = np.abs(look.A @ found.c - look.f) / found.tau, look.q(found.c)
        if max(curve.max() for curve in curves) < 1 + BETWEEN:
            return roots, (found.c, found.tau)
        for y in curves:
            tops = 1 + np.flatnonzero((y[1:-1] >= y[:-2]) & (y[1:-1] > y[2:]))
            tops = tops[y[tops] > 1 - NEAR]
            more = fine[tops] + FINE * turn(y[tops - 1], y[tops], y[tops + 1])
            roots = np.append(roots, more)
    raise SystemExit(f"after {ROUNDS} exchanges a bound is still exceeded")


def posed(roots: Floats, v: float, rho: float) -> Tailed:
    """The program on points lambda = root^2, with the tie-break of weight rho."""
    lam = roots**2
    X = np.arange(int(lam.max() + 14 * roots.max() + 60))
    weights = np.exp(X * np.log(lam)[:, None] - lam[:, None] - gammaln(X + 1))
    psi = digamma(X + 1.0)
    return Tailed(
        A=weights[:, :HEAD] * lam[:, None],
        f=-lam * exp1(lam),
        reach=1.0,
        B=weights[:, :HEAD],
        w=lam / v,
        d=np.zeros_like(lam),
        centred=True,
        frees_bias=True,
        H=2 * rho * np.arange(1.0, HEAD + 1),
        g=np.zeros(HEAD),
        base=psi[:HEAD],
        first=weights[:, HEAD:] @ psi[HEAD:],
        second=weights[:, HEAD:] @ psi[HEAD:] ** 2,
    )


def turn(low: Floats, mid: Floats, high: Floats) -> Floats:
    """Where the parabola through three values turns, in steps from the middle one."""
    return np.asarray((low - high) / (2 * (low - 2 * mid + high)))
