"""Interior-point method for semi-infinite quadratic programs, on the peaks themselves.

    minimise  tau + rho T(c)  over c and tau, subject to
    |e| <= tau or 1    at every p
    q   <= 1 or tau    at every p

The constraints of an iterate are the peaks of |e| and q wherever they are at its c (curves.py) and
guards, a coarse grid of fixed places that keeps a step from going where no peak is yet.  Each is a
smooth convex function of c, its slack is the exact one: an iterate is feasible at every p, nothing is
exchanged, and the curvature that a peak has by moving makes convergence quadratic.  T is the tie-break
of selection.py.  Its weight rho falls with the gap to what is asked for: until then it keeps c from
wandering along the directions in which the optimum is flat.

Primal-dual steps with Mehrotra's predictor and corrector (Wright, Primal-dual interior-point
methods, 1997); the second-order part of a constraint enters the corrector and the step length.  Where
curvature leaves only a short step, the quadratic form is stiffened for once: the iterate goes back
towards the central path without running along the directions in which the optimum is flat.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpotrf, dpotrs

from polyest.bernstein import Floats
from polyest.errors import NotConverged
from polyest.solvers.curves import Curves, Lines, Peaks, Quadratics

STEPS = 150
GAP = 1e-8  # relative; short of it, the iterate of the least gap is taken
ENOUGH = 1e-6  # and refused where that is not below this
STALLED = 4  # steps that did not halve the gap, past ENOUGH
ABOVE = 2.0  # tau to begin with, over what it bounds
FADING = 3e-2  # share of tau that the tie-break has at first, then times the gap
DECIDED = 0.1  # gap from which on tau less its share bounds the optimum
TO_BOUNDARY = 0.995
SHORT = 0.2  # a shorter step asks for another direction
STIFFER = (0.0, 3.0, 30.0, 300.0)
HALVINGS = 12
BLOCK = 64  # guards whose rows are multiplied together
NOTHING = 1e-25  # a probability that is left out of a product
RIDGES = (0.0, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10)

Block = tuple[slice, slice]


@dataclass(frozen=True)
class TieBreak:
    """T = sum W c^2 - 2 t c, its weight rho by table, tau and share of tau, and the share at the end."""

    W: Floats
    t: Floats
    weight: Callable[[Floats, float, float], float]
    share: float


@dataclass(frozen=True)
class Program:
    """Curves, what tau bounds (the bias where `frees_bias`, else the noise), and the guards."""

    curves: Curves
    frees_bias: bool
    theta: tuple[Floats, Floats]  # of the guards of e and of q
    lines: Lines
    quadratics: Quadratics
    blocks: tuple[list[Block], list[Block]]  # rows and columns that matter, of A and of B


@dataclass(frozen=True)
class Frame:
    """All constraints at one b and tau: e and -e at the guards, |e| at its peaks, then q likewise."""

    b: Floats
    tau: float
    peaks: Peaks
    slack: Floats  # (N,)
    free: Floats  # (N,) whether tau is the bound


@dataclass(frozen=True)
class State:
    """A frame with the multipliers of its constraints, the weight of the tie-break, the relative gap."""

    frame: Frame
    z: Floats
    rho: float
    merit: float


def program(curves: Curves, frees_bias: bool) -> Program:
    """The program of these curves with its guards."""
    theta = curves.guards()
    lines, quadratics = curves.lines(theta[0]), curves.quadratics(theta[1])
    blocks = _blocks(lines.A), _blocks(quadratics.B)
    return Program(curves, frees_bias, theta, lines, quadratics, blocks)


def minimise(
    program: Program,
    start: Floats,
    tie_break: TieBreak,
    gap: float = GAP,
    below: float | None = None,
) -> State:
    """State of relative gap `gap` from a start b (n,) whose q is below 1 where tau bounds the bias.

    With `below`, any state of tau < below will do, and the first that shows that there is none.
    Raises NotConverged with the gap reached where that is above 1e-7.
    """
    frame = _framed(program, start, None)
    if frame.slack.min() <= 0:
        raise NotConverged("the interior-point method was given an infeasible start")
    z = 1 / frame.slack
    z /= z[frame.free].sum()
    # Near the least bias entries grow as they must: a search for any table has no tie to break.
    share, rho, since = FADING if below is None else 0.0, 0.0, 0
    best: State | None = None
    for _ in range(STEPS):
        if share > tie_break.share:
            rho = tie_break.weight(program.curves.table(frame.b), frame.tau, share)
        view = _View(program, frame, tie_break, rho)
        newton = view.factored(z, 0.0)
        if newton is None:
            break
        flat = float(np.abs(view.pull(z) * newton.scale).max())
        merit = max(float(frame.slack @ z) / abs(frame.tau), flat)
        now = State(frame, z, rho, merit)
        if below is not None and _decided(now, below):
            return now
        if share > tie_break.share:
            share = max(tie_break.share, min(share, FADING * merit))
            if share == tie_break.share:
                rho = tie_break.weight(program.curves.table(frame.b), frame.tau, share)
        elif best is None or merit < best.merit:
            since = since + 1 if best is not None and merit > 0.5 * best.merit else 0
            best = now
        else:
            since += 1
        if best is not None and (best.merit < gap or (best.merit < ENOUGH and since > STALLED)):
            break
        following = _stepped(view, z, newton)
        if following is None:
            break
        frame, z = following
    if best is None or best.merit > max(gap, ENOUGH):
        reached = "none" if best is None else f"{best.merit:.1e}"
        raise NotConverged(
            f"the interior-point method stopped at a relative gap of {reached}, wanted {ENOUGH:g}"
        )
    return best


def _decided(state: State, below: float) -> bool:
    """Whether tau is below, or cannot come below 1: the gap takes no more off it."""
    tau, merit = state.frame.tau, state.merit
    return tau < below or (merit < DECIDED and tau * (1 - merit) > 1)


@dataclass(frozen=True)
class _Move:
    """Changes of b and tau, of slack and multipliers, and what the slack loses besides, to second order."""

    x: Floats
    s: Floats
    z: Floats
    bend: Floats


@dataclass(frozen=True)
class _Newton:
    """Factored matrix of the Newton equations, scaled to a unit diagonal."""

    scale: Floats
    scaled: Floats
    factor: Floats

    def solve(self, right: Floats) -> Floats:
        """S^{-1} right, refined."""
        right = right * self.scale
        v = dpotrs(self.factor, right, lower=1)[0]
        for _ in range(2):
            v = v + dpotrs(self.factor, right - self.scaled @ v, lower=1)[0]
        return np.asarray(v * self.scale)


class _View:
    """A frame's constraints to second order."""

    def __init__(self, program: Program, frame: Frame, tie_break: TieBreak, rho: float) -> None:
        self.program, self.frame = program, frame
        curves, peaks = program.curves, frame.peaks
        self.curves = curves
        self.c = curves.table(frame.b)
        self.guards_e, self.guards_q = program.lines.f.size, program.quadratics.w.size
        self.peaks_e = peaks.lines.f.size
        self.N_e = 2 * self.guards_e + self.peaks_e  # constraints of e
        N = frame.slack.size
        self.at_peak = np.r_[2 * self.guards_e : self.N_e, self.N_e + self.guards_q : N]
        self.G = program.quadratics.gradients(frame.b, self.c)
        self.G_peaks = peaks.quadratics.gradients(frame.b, self.c)
        self.H, self.g = 2 * rho * tie_break.W, -2 * rho * tie_break.t

    def back(self, u: Floats) -> Floats:
        """Sum of u times the gradients of (constraint - bound), in (b, tau)."""
        of_e, of_q = u[: self.N_e], u[self.N_e :]
        n, M = self.guards_e, self.guards_q
        inner = self.program.lines.A.T @ (of_e[:n] - of_e[n : 2 * n])
        inner += self.frame.peaks.lines.A.T @ of_e[2 * n :]
        inner += self.curves.written(of_q[:M] @ self.G + of_q[M:] @ self.G_peaks)
        return np.append(inner, -u[self.frame.free].sum())

    def along(self, dx: Floats) -> Floats:
        """Change of (constraint - bound) along a change of (b, tau), to first order."""
        db, dc = dx[:-1], self.curves.table(dx[:-1])
        guards = self.program.lines.A @ db
        peaks = self.frame.peaks.lines.A @ db
        change = np.concatenate([guards, -guards, peaks, self.G @ dc, self.G_peaks @ dc])
        change[self.frame.free] -= dx[-1]
        return change

    def bend(self, db: Floats) -> Floats:
        """Second-order part of the constraints along db."""
        dc, peaks = self.curves.table(db), self.frame.peaks
        bend = np.zeros(self.frame.slack.size)
        bend[self.N_e :] = np.append(
            self.program.quadratics.bend(db, dc), peaks.quadratics.bend(db, dc)
        )
        bend[self.at_peak] += 0.5 * (peaks.turn @ db) ** 2 / peaks.kappa
        return bend

    def pull(self, z: Floats) -> Floats:
        """Gradient of the Lagrangian in (b, tau)."""
        pull = self.back(z)
        pull[:-1] += self.curves.written(self.H * self.c + self.g)
        pull[-1] += 1.0
        return pull

    def factored(self, z: Floats, stiffer: float) -> _Newton | None:
        """The Newton equations' matrix, its curvature from q multiplied by 1 + stiffer.

        None where it is not positive definite to rounding.
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
                return _Newton(scale, scaled, factor)
        return None

    def _matrix(self, z: Floats, stiffer: float) -> Floats:
        frame, program, curves = self.frame, self.program, self.curves
        peaks, at_e, at_q, n = frame.peaks, self.guards_e, self.guards_q, self.c.size
        ratio = z / frame.slack
        of_e, of_q = ratio[: self.N_e], ratio[self.N_e :]
        y = 2 * z[self.N_e : self.N_e + at_q] * program.quadratics.w
        y_peaks = 2 * z[self.N_e + at_q :] * peaks.quadratics.w

        core = _gram(self.G, of_q[:at_q], program.blocks[1])
        core += _gram(self.G_peaks, of_q[at_q:])
        if curves.centred:
            core -= _gram(program.quadratics.B, y, program.blocks[1])
            core -= _gram(peaks.quadratics.B, y_peaks)
        steady = y @ program.quadratics.B + y_peaks @ peaks.quadratics.B + self.H
        core[np.diag_indices(n)] += (1 + stiffer) * steady
        S = np.zeros((n + 1, n + 1))
        S[:n, :n] = curves.congruent(_symmetric(core))
        rest = _gram(program.lines.A, of_e[:at_e] + of_e[at_e : 2 * at_e], program.blocks[0])
        rest += _gram(peaks.lines.A, of_e[2 * at_e :])
        rest += _gram(peaks.turn, z[self.at_peak] / peaks.kappa)
        S[:n, :n] += _symmetric(rest)
        edge = self.back(np.where(frame.free, ratio, 0.0))
        S[:n, n] = S[n, :n] = -edge[:-1]
        S[n, n] = -edge[-1]
        return S


def _framed(program: Program, b: Floats, tau: float | None) -> Frame:
    """The frame at b and tau; without tau at one that leaves room."""
    curves = program.curves
    c, peaks, e = curves.table(b), curves.peaks(b), program.lines.values(b)
    of_e = np.concatenate([e, -e, peaks.lines.values(b)])
    of_q = np.append(program.quadratics.values(b, c), peaks.quadratics.values(b, c))
    free = np.repeat([program.frees_bias, not program.frees_bias], [of_e.size, of_q.size])
    height = np.append(of_e, of_q)
    if tau is None:
        tau = ABOVE * float(height[free].max())
    return Frame(b, tau, peaks, np.where(free, tau, 1.0) - height, free)


def _stepped(view: _View, z: Floats, newton: _Newton) -> tuple[Frame, Floats] | None:
    """Frame and multipliers one predictor-corrector step on; None where rounding leaves no step."""
    frame, s = view.frame, view.frame.slack
    gap = float(s @ z)
    mu, pull = gap / s.size, view.pull(z)

    def move(target: Floats) -> _Move:
        """Solution of the Newton equations z ds + s dz = target."""
        dx = newton.solve(-pull - view.back(target / s))
        ds = -view.along(dx)
        return _Move(dx, ds, (target - z * ds) / s, view.bend(dx[:-1]))

    guess = move(-z * s)
    primal, dual = _lengths(s, z, guess)
    left = float((s + primal * guess.s - primal**2 * guess.bend) @ (z + dual * guess.z))
    centre = min(1.0, max(left / gap, 0.0)) ** 3 * mu
    chosen = move(centre - z * s - (guess.s - guess.bend) * guess.z + z * guess.bend)
    length = min(_lengths(s, z, chosen))
    for stiffer in STIFFER if length < SHORT else ():
        stiff = view.factored(z, stiffer) if stiffer else newton
        if stiff is None:
            break
        newton = stiff
        chosen = move(mu - z * s)
        length = min(_lengths(s, z, chosen))
        if length >= SHORT:
            break
    length = min(1.0, TO_BOUNDARY * length)
    for _ in range(HALVINGS):
        x = np.append(frame.b, frame.tau) + length * chosen.x
        following = _framed(view.program, x[:-1], float(x[-1]))
        if following.slack.min() > 0:
            return following, _carried(view, following, z + length * chosen.z, mu)
        length *= 0.5
    return None


def _lengths(s: Floats, z: Floats, move: _Move) -> tuple[float, float]:
    """Greatest steps, at most a little over 1, that keep slacks and multipliers positive."""
    ahead = float(((np.sqrt(move.s**2 + 4 * move.bend * s) - move.s) / (2 * s)).max())
    return 1 / max(TO_BOUNDARY, ahead), 1 / max(TO_BOUNDARY, float((-move.z / z).max()))


def _carried(view: _View, new: Frame, z: Floats, mu: float) -> Floats:
    """Multipliers of a new frame: a peak's go to the nearest one, a peak without any gets mu / slack."""
    old, fresh = view.frame.peaks.theta, mu / new.slack
    was, now, now_e = (
        view.peaks_e,
        new.peaks.lines.f.size,
        2 * view.guards_e + new.peaks.lines.f.size,
    )
    e, q = z[: view.N_e], z[view.N_e :]
    return np.concatenate(
        [
            e[: 2 * view.guards_e],
            _passed(
                old[:was],
                new.peaks.theta[:now],
                e[2 * view.guards_e :],
                fresh[2 * view.guards_e : now_e],
            ),
            q[: view.guards_q],
            _passed(
                old[was:], new.peaks.theta[now:], q[view.guards_q :], fresh[now_e + view.guards_q :]
            ),
        ]
    )


def _passed(old: Floats, new: Floats, z: Floats, fresh: Floats) -> Floats:
    if not old.size or not new.size:
        return fresh
    nearest = np.abs(old[:, None] - new).argmin(axis=1)
    known = np.bincount(nearest, minlength=new.size) > 0
    return np.where(known, np.bincount(nearest, z, new.size), fresh)


def _blocks(rows: Floats) -> list[Block]:
    """Blocks of consecutive rows with the columns outside of which they are nothing."""
    edges = [*range(0, rows.shape[0], BLOCK), rows.shape[0]]
    blocks = []
    for first, last in pairwise(edges):
        part = np.abs(rows[first:last])
        matter = np.flatnonzero((part > NOTHING * part.max(axis=1, keepdims=True)).any(axis=0))
        blocks.append((slice(first, last), slice(int(matter[0]), int(matter[-1]) + 1)))
    return blocks


def _gram(rows: Floats, weights: Floats, blocks: list[Block] | None = None) -> Floats:
    """Lower triangle of rows' diag(weights) rows."""
    scaled, n = np.sqrt(weights)[:, None] * rows, rows.shape[1]
    product = np.zeros((n, n), order="F")
    for part, columns in [(slice(None), slice(None))] if blocks is None else blocks:
        if scaled[part].size:
            product[columns, columns] += dsyrk(1.0, scaled[part, columns].T, lower=1)
    return product


def _symmetric(lower: Floats) -> Floats:
    """The matrix of this lower triangle."""
    return np.asarray(np.tril(lower) + np.tril(lower, -1).T)
