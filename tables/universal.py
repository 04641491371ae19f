"""Solve the universal table: the best departures from the harmonic table where counts are Poisson.

    minimise  sup_lambda |lambda (E g(X) - log lambda)|   under  lambda Var g(X) <= v,

over g[X] = psi(X+1) + u_X, X ~ Poisson(lambda).  psi(X+1) is exact but for E_1(lambda), and u_X = 0 from
X = N on: N = 48 costs 3e-6 of the bias against N = 96, 32 costs 3e-5, 16 costs 8e-4 (measured at v = 7.64).
Bias and noise are bounded at points; maxima between them join the points until none exceeds its bound.

Among tables of nearly equal merit the one nearest to the harmonic table is taken, by the least
sum (X+1) u_X^2 = int_0^inf lambda E (g(X) - psi(X+1))^2 dlambda.  It makes u fade out towards N; without it
the second term of the table is rough, and costs noise at finite K.  v is what the proof,
polyest/proof/universal.py, leaves of the noise budget, which is least at K = 1024.  Takes half a minute.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import digamma, exp1, gammaln
from threadpoolctl import threadpool_limits

from polyest.arrays import Floats
from polyest.make.verify import verify
from polyest.problem.problem import LARGEST_LISTED, pose
from polyest.proof.universal import UNIT_SLACK, prove
from polyest.tables.universal import UniversalTable

HEAD = 48  # counts with a departure
SLACK = 2e-4  # of the bias: the tie-break may cost as much, and costs a tenth of it
STEP, FINE = 0.06, 0.002  # in the root of lambda: points to begin with, places looked at
FARTHEST = 12.0  # root of lambda up to where points are placed
NEAR, BETWEEN, ROUNDS = 1e-3, 1e-8, 12  # near a bound, excess that is left, exchanges
FIRST_SHARE = 0.95  # of the noise: the first solve's budget in units of lambda Var log(X+1)
MARGIN = 1e-7  # of the noise budget: left over
GAP = 1e-9  # relative duality gap
SHRINK, STEPS, HALVINGS = 0.3, 50, 40  # of the barrier; Newton steps for each, halvings of a step


@dataclass(frozen=True)
class Program:
    """Bias |A u - f| and noise w (Var g(X)), at most 1, at points lambda; g = base + u, then psi."""

    A: Floats  # (M, N) lambda pi_X
    f: Floats  # (M,) -lambda E_1(lambda)
    B: Floats  # (M, N) pi_X
    w: Floats  # (M,) lambda/v
    base: Floats  # (N,) psi(X+1)
    first: Floats  # (M,) sum of pi_X psi(X+1) over the counts beyond
    second: Floats  # (M,) and of its squares

    def noise(self, u: Floats) -> tuple[Floats, Floats]:
        """Values (M,) and gradients (M, N)."""
        g = self.base + u
        mean = self.B @ g + self.first
        gradients = (2 * self.w)[:, None] * self.B * (g - mean[:, None])
        return self.w * (self.B @ (g * g) + self.second - mean * mean), gradients


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
    look = posed(fine, v)
    roots, plain, least = exchanged(roots, fine, look, v, 0.0)
    rho = SLACK * least / float(np.arange(1, HEAD + 1) @ plain**2)
    _, u, _ = exchanged(roots, fine, look, v, rho)
    bias = np.abs(look.A @ u - look.f)[fine < 1]
    i = int(bias.argmax())
    return u, float((fine[i] + FINE * turn(bias[i - 1], bias[i], bias[i + 1])) ** 2)


def exchanged(
    roots: Floats, fine: Floats, look: Program, v: float, rho: float
) -> tuple[Floats, Floats, float]:
    """Points, and u and bias such that nothing between the points exceeds its bound."""
    for _ in range(ROUNDS):
        u, tau = minimised(posed(roots, v), rho)
        curves = np.abs(look.A @ u - look.f) / tau, look.noise(u)[0]
        if max(curve.max() for curve in curves) < 1 + BETWEEN:
            return roots, u, tau
        for y in curves:
            tops = 1 + np.flatnonzero((y[1:-1] >= y[:-2]) & (y[1:-1] > y[2:]))
            tops = tops[y[tops] > 1 - NEAR]
            more = fine[tops] + FINE * turn(y[tops - 1], y[tops], y[tops + 1])
            roots = np.append(roots, more)
    raise SystemExit(f"after {ROUNDS} exchanges a bound is still exceeded")


def minimised(program: Program, rho: float) -> tuple[Floats, float]:
    """u and tau that minimise tau + rho sum (X+1) u_X^2, by Newton steps along the central path.

    Where the barrier has weight mu and its gradient vanishes the duality gap is 3 M mu (Boyd and
    Vandenberghe, Convex optimization, 11.2).
    """
    weights = np.arange(1.0, HEAD + 1)
    x = np.append(np.zeros(HEAD), 2 * np.abs(program.f).max())
    mu = x[-1] / program.f.size

    def slacks(x: Floats) -> Floats:
        error = program.A @ x[:-1] - program.f
        return np.concatenate([x[-1] - error, x[-1] + error, 1 - program.noise(x[:-1])[0]])

    def height(x: Floats) -> float:
        s = slacks(x)
        if s.min() <= 0:
            return np.inf
        return float((x[-1] + rho * weights @ x[:-1] ** 2) / mu - np.log(s).sum())

    while 3 * program.f.size * mu > GAP * x[-1]:
        mu *= SHRINK
        for _ in range(STEPS):
            gradient, hessian = derivatives(program, x, slacks(x), rho * weights, mu)
            scale = 1 / np.sqrt(np.diag(hessian))
            factor = cho_factor(hessian * scale[:, None] * scale, lower=True)
            step = -scale * cho_solve(factor, scale * gradient)
            length, now, slope = 1.0, height(x), float(gradient @ step)
            for _ in range(HALVINGS):
                if height(x + length * step) <= now + 0.1 * length * slope:
                    break
                length *= 0.5
            else:
                break
            x = x + length * step
            if -slope < 1e-3:
                break
    return x[:-1], float(x[-1])


def derivatives(
    program: Program, x: Floats, s: Floats, ties: Floats, mu: float
) -> tuple[Floats, Floats]:
    """Gradient (N+1,) and Hessian of the objective over mu plus the barrier."""
    M, n = program.f.size, HEAD
    _, slopes = program.noise(x[:-1])
    unit = np.ones((M, 1))
    rows = np.vstack(
        [
            np.hstack([program.A, -unit]),
            np.hstack([-program.A, -unit]),
            np.hstack([slopes, 0 * unit]),
        ]
    )
    gradient = (1 / s) @ rows
    gradient[:n] += 2 * ties * x[:-1] / mu
    gradient[n] += 1 / mu
    hessian = rows.T @ (rows / (s * s)[:, None])
    curved = 2 * program.w / s[2 * M :]
    hessian[:n, :n] -= program.B.T @ (curved[:, None] * program.B)
    hessian[np.arange(n), np.arange(n)] += curved @ program.B + 2 * ties / mu
    return gradient, hessian


def posed(roots: Floats, v: float) -> Program:
    """The program on points lambda = root^2."""
    lam = roots**2
    X = np.arange(int(lam.max() + 14 * roots.max() + 60))
    weights = np.exp(X * np.log(lam)[:, None] - lam[:, None] - gammaln(X + 1))
    psi = digamma(X + 1.0)
    return Program(
        A=weights[:, :HEAD] * lam[:, None],
        f=-lam * exp1(lam),
        B=weights[:, :HEAD],
        w=lam / v,
        base=psi[:HEAD],
        first=weights[:, HEAD:] @ psi[HEAD:],
        second=weights[:, HEAD:] @ psi[HEAD:] ** 2,
    )


def turn(low: Floats, mid: Floats, high: Floats) -> Floats:
    """Where the parabola through three values turns, in steps from the middle one."""
    return np.asarray((low - high) / (2 * (low - 2 * mid + high)))
