"""This module expands the constraints of an iterate to second order: peaks of |e| and q, guards and steps.

    |e| <= tau or 1,   q <= 1 or tau    at the peaks of this b (curves.py) and at the guards
    D c >= 0                            the steps of the shape, if the problem has one (problem/shapes.py)

The guards are a coarse grid of fixed places; they keep a step from violating a bound where there is no
peak yet.  Each constraint is a smooth convex function of b.  An `Iterate` has the values of the
constraints.  A `View` has their gradients and curvatures, from which the Newton equations of the
interior-point method are formed and factored.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpotrf, dpotrs

from polyest.arrays import Floats
from polyest.solvers.socp.curves import Curves, Flags, Lines, Peaks, Quadratics, symmetric

ABOVE = 2.0  # the first tau, divided by the greatest value that it bounds
BLOCK = 64  # guards whose rows are multiplied together
NOTHING = 1e-25  # a probability, relative to the greatest of its row, that products leave out
RIDGES = (0.0, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10)  # added to the diagonal, in turn

Block = tuple[slice, slice]


@dataclass(frozen=True)
class TieBreak:
    """The tie-break T = sum W c^2 - 2 t c, with the rule for its weight rho.

    weight: a function that gives rho for a table, tau and a share of tau; share: the share at the end.
    """

    W: Floats
    t: Floats
    weight: Callable[[Floats, float, float], float]
    share: float


@dataclass(frozen=True)
class Program:
    """The curves and the guards; tau bounds the bias where `frees_bias` is true, else the noise."""

    curves: Curves
    frees_bias: bool
    theta: tuple[Floats, Floats]  # angles of the guards of e and of q
    lines: Lines
    quadratics: Quadratics
    steps: Floats  # (K, n) D in b, without rows where there is no shape
    blocks: tuple[
        list[Block], list[Block]
    ]  # rows and columns of A and of B that are not negligible


@dataclass(frozen=True)
class Iterate:
    """All constraints at one b and tau.

    They are e and -e at the guards and |e| at its peaks, then q at its guards and its peaks, then steps.
    """

    b: Floats
    tau: float
    peaks: Peaks
    slack: Floats  # (N,)
    free: Flags  # (N,) true where tau is the bound


def program(curves: Curves, frees_bias: bool, guards: int = 1) -> Program:
    """Return the program of these curves with its guards, so many times as usual, and steps."""
    theta = curves.guards(guards)
    lines, quadratics = curves.lines(theta[0]), curves.quadratics(theta[1])
    blocks = _blocks(lines.A), _blocks(quadratics.B)
    return Program(curves, frees_bias, theta, lines, quadratics, curves.steps(), blocks)


def evaluate(program: Program, b: Floats, tau: float | None) -> Iterate:
    """Return the constraints at b and tau; without tau, a tau that leaves room is taken."""
    curves = program.curves
    c, peaks, e = curves.table(b), curves.peaks(b), program.lines.values(b)
    of_e = np.concatenate([e, -e, peaks.lines.values(b)])
    of_q = np.append(program.quadratics.values(b, c), peaks.quadratics.values(b, c))
    free = np.repeat([program.frees_bias, not program.frees_bias], [of_e.size, of_q.size])
    height = np.append(of_e, of_q)
    if tau is None:
        tau = ABOVE * float(height[free].max())
    steps = program.steps @ b
    slack = np.append(np.where(free, tau, 1.0) - height, steps)
    return Iterate(b, tau, peaks, slack, np.append(free, np.zeros(steps.size, dtype=np.bool_)))


@dataclass(frozen=True)
class Newton:
    """The factored matrix S of the Newton equations, scaled to a unit diagonal."""

    scale: Floats
    scaled: Floats
    factor: Floats

    def solve(self, right: Floats) -> Floats:
        """Return S^{-1} right, after two steps of iterative refinement."""
        right = right * self.scale
        v = dpotrs(self.factor, right, lower=1)[0]
        for _ in range(2):
            v = v + dpotrs(self.factor, right - self.scaled @ v, lower=1)[0]
        return np.asarray(v * self.scale)


class View:
    """The constraints of an iterate to second order."""

    def __init__(self, program: Program, iterate: Iterate, tie_break: TieBreak, rho: float) -> None:
        """Compute the gradients at an iterate of `program`, with the tie-break of weight rho."""
        self.program, self.iterate = program, iterate
        curves, peaks = program.curves, iterate.peaks
        self.curves = curves
        self.c = curves.table(iterate.b)
        self.guards_e, self.guards_q = program.lines.f.size, program.quadratics.w.size
        self.peaks_e = peaks.lines.f.size
        self.N_e = 2 * self.guards_e + self.peaks_e  # number of constraints of e
        self.N = iterate.slack.size - len(program.steps)  # number of those of e and of q
        self.at_peak = np.r_[2 * self.guards_e : self.N_e, self.N_e + self.guards_q : self.N]
        self.G = program.quadratics.gradients(iterate.b, self.c)
        self.G_peaks = peaks.quadratics.gradients(iterate.b, self.c)
        self.H, self.g = 2 * rho * tie_break.W, -2 * rho * tie_break.t

    def jacobian_t(self, u: Floats) -> Floats:
        """Return the sum of u times the gradients of (constraint - bound) in (b, tau)."""
        of_e, of_q = u[: self.N_e], u[self.N_e : self.N]
        n, M = self.guards_e, self.guards_q
        inner = self.program.lines.A.T @ (of_e[:n] - of_e[n : 2 * n])
        inner += self.iterate.peaks.lines.A.T @ of_e[2 * n :]
        inner += self.curves.written(of_q[:M] @ self.G + of_q[M:] @ self.G_peaks)
        inner -= self.program.steps.T @ u[self.N :]
        return np.append(inner, -u[self.iterate.free].sum())

    def jacobian(self, dx: Floats) -> Floats:
        """Return the change of (constraint - bound) for a change dx of (b, tau), to first order."""
        db, dc = dx[:-1], self.curves.table(dx[:-1])
        guards = self.program.lines.A @ db
        peaks = self.iterate.peaks.lines.A @ db
        of_q = self.G @ dc, self.G_peaks @ dc
        change = np.concatenate([guards, -guards, peaks, *of_q, -(self.program.steps @ db)])
        change[self.iterate.free] -= dx[-1]
        return change

    def second_order(self, db: Floats) -> Floats:
        """Return the second-order part of the change of the constraints for a change db."""
        dc, peaks = self.curves.table(db), self.iterate.peaks
        change = np.zeros(self.iterate.slack.size)
        change[self.N_e : self.N] = np.append(
            self.program.quadratics.second_order(db, dc), peaks.quadratics.second_order(db, dc)
        )
        change[self.at_peak] += 0.5 * (peaks.turn @ db) ** 2 / peaks.kappa
        return change

    def lagrangian_gradient(self, z: Floats) -> Floats:
        """Return the gradient of the Lagrangian in (b, tau)."""
        gradient = self.jacobian_t(z)
        gradient[:-1] += self.curves.written(self.H * self.c + self.g)
        gradient[-1] += 1.0
        return gradient

    def factored(self, z: Floats, stiffer: float) -> Newton | None:
        """Return the matrix of the Newton equations, with the curvature of q multiplied by 1 + stiffer.

        Return None where it is not positive definite to rounding.
        """
        S = self._matrix(z, stiffer)
        if not np.isfinite(S).all():
            return None
        scale = 1 / np.sqrt(np.maximum(np.diag(S), 1e-300))
        scaled = S * scale[:, None] * scale
        for ridge in RIDGES:
            shifted = scaled.copy(order="F")
            shifted[np.diag_indices(scale.size)] += ridge
            factor, failed = dpotrf(shifted, lower=1, overwrite_a=1)
            if not failed:
                return Newton(scale, scaled, factor)
        return None

    def _matrix(self, z: Floats, stiffer: float) -> Floats:
        iterate, program, curves = self.iterate, self.program, self.curves
        peaks, at_e, at_q, n = iterate.peaks, self.guards_e, self.guards_q, self.c.size
        ratio = z / iterate.slack
        of_e, of_q = ratio[: self.N_e], ratio[self.N_e : self.N]
        y = 2 * z[self.N_e : self.N_e + at_q] * program.quadratics.w
        y_peaks = 2 * z[self.N_e + at_q : self.N] * peaks.quadratics.w

        core = _gram(self.G, of_q[:at_q], program.blocks[1])
        core += _gram(self.G_peaks, of_q[at_q:])
        if curves.criterion.centred:
            core -= _gram(program.quadratics.B, y, program.blocks[1])
            core -= _gram(peaks.quadratics.B, y_peaks)
        steady = y @ program.quadratics.B + y_peaks @ peaks.quadratics.B + self.H
        core[np.diag_indices(n)] += (1 + stiffer) * steady
        lower = curves.congruent(core)
        lower += _gram(program.lines.A, of_e[:at_e] + of_e[at_e : 2 * at_e], program.blocks[0])
        lower += _gram(peaks.lines.A, of_e[2 * at_e :])
        lower += _gram(peaks.turn, z[self.at_peak] / peaks.kappa)
        lower += _gram(program.steps, ratio[self.N :])
        S = np.empty((n + 1, n + 1))
        S[:n, :n] = symmetric(lower)
        edge = self.jacobian_t(np.where(iterate.free, ratio, 0.0))
        S[:n, n] = S[n, :n] = -edge[:-1]
        S[n, n] = -edge[-1]
        return S


def _blocks(rows: Floats) -> list[Block]:
    """Return blocks of consecutive rows, each with the columns outside of which it is negligible."""
    edges = [*range(0, rows.shape[0], BLOCK), rows.shape[0]]
    blocks = []
    for first, last in pairwise(edges):
        part = np.abs(rows[first:last])
        matter = np.flatnonzero((part > NOTHING * part.max(axis=1, keepdims=True)).any(axis=0))
        blocks.append((slice(first, last), slice(int(matter[0]), int(matter[-1]) + 1)))
    return blocks


def _gram(rows: Floats, weights: Floats, blocks: list[Block] | None = None) -> Floats:
    """Return the lower triangle of rows' diag(weights) rows."""
    scaled, n = np.sqrt(weights)[:, None] * rows, rows.shape[1]
    product = np.zeros((n, n), order="F")
    for part, columns in [(slice(None), slice(None))] if blocks is None else blocks:
        if scaled[part].size:
            product[columns, columns] += dsyrk(1.0, scaled[part, columns].T, lower=1)
    return product
