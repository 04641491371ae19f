"""This module has the bias and noise of a table as curves over [0, 1], and finds their peaks.

    e(p) = p (P(p) - phi(p)) / (unit of bias)
    q(p) = w sum_k B_k(p) (c_k - t)^2 / (unit of noise)

where the table of criteria gives w and t (problem/criteria.py).  A table is c = U b.  For K <= 128, U is the
basis of spectral.py.  Above, U is the identity: there no table near the least bias fits into float64, and
the rows B(p) are nearly 0 far from k = Kp, which saves work.  A place is an angle theta, p = sin^2 theta.
In theta, binomials are equally wide everywhere, and curves are even about both ends.

The height h(b) of a peak, the maximum of |e| or q near a place, is a smooth function of b.  With g the
gradient of the curve at a fixed place, ' its derivative in theta and kappa = -d^2/dtheta^2 of the curve,

    grad h = g,    hess h = (hess at a fixed place) + g' g'^T / kappa,

taken where the peak is.  The last term is the curvature that the peak gains by moving.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from polyest.arrays import Floats
from polyest.problem.bernstein import quick_pmf
from polyest.problem.criteria import CRITERIA
from polyest.problem.problem import Problem
from polyest.problem.shapes import direction, steps_of
from polyest.solvers.socp import spectral

SPECTRAL = 128  # greatest K with the basis of spectral.py
LOOK = 12  # places per draw at which peaks are searched
BIAS, NOISE = 3, 2  # guards per draw, of e and of q
DENSE = 4  # how many times as many guards a second attempt has
# Above K = 256 the places are those of WIDE sqrt(K+2) draws: curves are no narrower than 1/sqrt(K).
WIDE = 16
# The most Newton steps to a top, and the step that ends them, in units of the distance of places.
NEWTON, CLOSE = 6, 0.02
FAR = 1e9  # a move up a slope without a top, in the same units; longer than the search allows
FLAT = 1e-2  # least kappa of a peak, divided by its height times K
RIGHT = 0.5 * np.pi

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Lines:
    """The curve e = A b - f at some places, with A (M, n) and f (M,)."""

    A: Floats
    f: Floats

    def values(self, b: Floats) -> Floats:
        """Return e, (M,)."""
        return np.asarray(self.A @ b - self.f)


@dataclass(frozen=True)
class Quadratics:
    """The curve q at some places.

    B (M, n): probabilities; L (M, n): means of the basis; w (M,): weights; d (M,): offsets.
    """

    B: Floats
    L: Floats
    w: Floats
    d: Floats
    centred: bool

    def values(self, b: Floats, c: Floats) -> Floats:
        """Return q at b, with c = U b, (M,); it is a sum of squares, since a difference loses digits."""
        apart = self._apart(b, c)
        np.multiply(apart, apart, out=apart)
        return np.asarray(self.w * np.einsum("mk,mk->m", self.B, apart))

    def second_order(self, db: Floats, dc: Floats) -> Floats:
        """Return the second-order part of the change of q for a change db, (M,)."""
        square = self.B @ (dc * dc)
        if self.centred:
            square = square - (self.L @ db) ** 2
        return np.asarray(self.w * np.maximum(square, 0.0))

    def gradients(self, b: Floats, c: Floats) -> Floats:
        """Return the gradients of q in c, (M, n)."""
        rows = self._apart(b, c)
        rows *= self.B
        rows *= (2 * self.w)[:, None]
        return rows

    def part(self, places: slice) -> "Quadratics":
        """Return the curve q at some of the places."""
        return Quadratics(
            self.B[places], self.L[places], self.w[places], self.d[places], self.centred
        )

    def _apart(self, b: Floats, c: Floats) -> Floats:
        middle = self.L @ b if self.centred else self.d
        return np.asarray(c - middle[:, None])


@dataclass(frozen=True)
class Peaks:
    """Every local maximum of |e|, then of q, of one table, N in all."""

    theta: Floats  # (N,)
    turn: Floats  # (N, n) g' in b
    kappa: Floats  # (N,)
    lines: Lines  # at the peaks of |e|, with the sign of e taken into A and f
    sign: Floats  # the sign of e at its peaks
    quadratics: Quadratics  # at the peaks of q


class Curves:
    """The curves e and q of one problem."""

    def __init__(self, problem: Problem, bias_unit: float, noise_unit: float) -> None:
        """Set up the curves of `problem` in these units, and the places at which peaks are searched."""
        K = problem.K
        self.K, self.target = K, problem.target
        self.bias_unit, self.noise_unit = bias_unit, noise_unit
        self.criterion, self.shape = CRITERIA[problem.criterion], problem.shape
        self._U = spectral.basis(K)[0] if K <= SPECTRAL else None
        theta = np.linspace(0, RIGHT, LOOK * draws_wide(K))
        self.step = float(theta[1])
        self.look = self.lines(theta), self.quadratics(theta)

    def table(self, b: Floats) -> Floats:
        """Return c = U b."""
        return b if self._U is None else np.asarray(self._U @ b)

    def rounded(self, b: Floats) -> Floats:
        """Return c = U b, with every entry the nearest double."""
        return b if self._U is None else spectral.table(self.K, b)

    def written(self, c: Floats) -> Floats:
        """Return U'c: b for a table c, and rows in b for rows in c, (..., n)."""
        return c if self._U is None else np.asarray(c @ self._U)

    def congruent(self, S: Floats) -> Floats:
        """Return the lower triangle of U'S U, the form in b for a form in c with the lower triangle S."""
        return S if self._U is None else np.asarray(self._U.T @ symmetric(S) @ self._U)

    def lines(self, theta: Floats) -> Lines:
        """Return the curve e at these angles."""
        p = np.sin(theta) ** 2
        rows = self._means(p) * (p / self.bias_unit)[:, None]
        return Lines(rows, self.target.weighted(p) / self.bias_unit)

    def quadratics(self, theta: Floats) -> Quadratics:
        """Return the curve q at these angles."""
        p = np.sin(theta) ** 2
        weights = (p if self.criterion.by_p else np.ones_like(p)) / self.noise_unit
        offsets = np.zeros_like(p)
        if self.criterion.fitted:  # phi, whose value at p = 0 has no weight
            np.divide(self.target.weighted(p), p, out=offsets, where=p > 0)
        B = quick_pmf(self.K, p)
        means = B if self._U is None else self._means(p)
        return Quadratics(B, means, weights, offsets, self.criterion.centred)

    def guards(self, times: int = 1) -> tuple[Floats, Floats]:
        """Return the angles of a coarse grid for e and for q; that for e is empty where e is not bounded.

        times: how many times as many as usual.
        """
        wide = times * draws_wide(self.K)
        counts = BIAS * wide if self.criterion.budgeted else 0, NOISE * wide
        e, q = (np.asarray((np.arange(n) + 0.5) * (RIGHT / max(n, 1))) for n in counts)
        return e, q

    def steps(self) -> Floats:
        """Return the rows in b of what the shape bounds by 0 from below, (K, n); none without a shape."""
        if self.shape is None:
            return np.zeros((0, self.K + 1))
        return self.written(direction(self.target) * steps_of(np.eye(self.K + 1), self.shape))

    def peaks(self, b: Floats) -> Peaks:
        """Return every local maximum of |e| and of q; of |e| none where the problem does not bound it."""
        c, n = self.table(b), b.size
        e, q = self.look[0].values(b), self.look[1].values(b, c)
        above = self._tops(np.abs(e)) if self.criterion.budgeted else np.zeros(0)
        above = self._moved(above, lambda theta: np.abs(self.lines(theta).values(b)))
        noisy = self._moved(self._tops(q), lambda theta: self.quadratics(theta).values(b, c))

        h = 0.05 * self.step
        lines, quadratics = self.lines(_around(above, h)), self.quadratics(_around(noisy, h))
        e, q = lines.values(b).reshape(3, -1), quadratics.values(b, c).reshape(3, -1)
        sign = np.sign(e[1])
        A = lines.A.reshape(3, -1, n) * sign[:, None]
        G = quadratics.gradients(b, c).reshape(3, -1, n)
        heights = np.concatenate([e * sign, q], axis=1)
        kappa = (2 * heights[1] - heights[0] - heights[2]) / h**2
        return Peaks(
            np.append(above, noisy),
            np.concatenate([A[2] - A[0], self.written(G[2] - G[0])]) / (2 * h),
            np.maximum(kappa, FLAT * self.K * heights[1]),
            Lines(A[1], lines.f.reshape(3, -1)[1] * sign),
            sign,
            quadratics.part(slice(noisy.size, 2 * noisy.size)),
        )

    def _means(self, p: Floats) -> Floats:
        return quick_pmf(self.K, p) if self._U is None else spectral.means(self.K, p)

    def _tops(self, values: Floats) -> Floats:
        """Return the angles of the local maxima of values at the places of the search, by parabolas."""
        padded = np.concatenate([values[1:2], values, values[-2:-1]])
        top = np.flatnonzero((values >= padded[:-2]) & (values > padded[2:]))
        move = np.clip(_newton(padded[top], padded[top + 1], padded[top + 2]), -0.5, 0.5)
        # An even curve is level at an end, which is a top or the minimum between two tops.
        move[top == 0], move[top == values.size - 1] = 0.5, -0.5
        return np.asarray(self.step * (top + move))

    def _moved(self, theta: Floats, curve: Callable[[Floats], Floats]) -> Floats:
        """Return the angles after Newton steps to the tops of the curve, more steps where it is flat."""
        h = 0.1 * self.step
        for _ in range(NEWTON):
            move = h * _newton(*curve(_around(theta, h)).reshape(3, -1))
            move = np.clip(move, -0.5 * self.step, 0.5 * self.step)
            theta = theta + move
            if np.abs(move).max(initial=0.0) < CLOSE * self.step:
                break
        return theta


def symmetric(lower: Floats) -> Floats:
    """Return the symmetric matrix that has this lower triangle."""
    return np.asarray(np.tril(lower) + np.tril(lower, -1).T)


def draws_wide(K: int) -> int:
    """Return the number of draws by which the number of places for the curves of K draws is set."""
    return min(K + 2, round(WIDE * sqrt(K + 2)))


def _around(theta: Floats, h: float) -> Floats:
    return np.concatenate([theta - h, theta, theta + h])


def _newton(low: Floats, middle: Floats, high: Floats) -> Floats:
    """Return the place of the top of the parabola through values at -1, 0, 1.

    Where the parabola has none, the place is far up the slope.  Two tops that are about to merge have such a
    place between them, and a search that stayed there would take it for a peak.
    """
    bend = low - 2 * middle + high
    return np.divide(low - high, 2 * bend, out=FAR * np.sign(high - low), where=bend < 0)
