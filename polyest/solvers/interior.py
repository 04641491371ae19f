"""Dense interior-point method for the quadratic programs of variance-optimal tables.

    minimise  tau + c'diag(H)c/2 + g'c  over c and tau, subject to
    |A_i c - f_i| <= tau or reach                                             bias points i
    q_m(c) = w_m (sum_k B_mk (c_k - d_m)^2 - [centred] (B_m'c)^2) <= tau or 1  noise points m

Primal-dual with Mehrotra's predictor and corrector (Wright, Primal-dual interior-point methods, 1997).
The criteria are kept as what they are, convex quadratics with one scalar multiplier each.  Written as
second-order cones of size K+2 each would carry a body whose rounding, amplified by the scaling of an
active cone, spoils dual feasibility at a gap of 1e-7.  The slack of q is an exact function of c, its
quadratic term enters the corrector and the step length, and gaps of 1e-11 to 1e-14 are reached.  A
sparse solver factors one KKT matrix with every cone in it and fills in; here all points are summed
by matrix products into one matrix of size K+2, which is factored densely.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from polyest.bernstein import Floats
from polyest.errors import NotConverged

STEPS = 150
GAP = 1e-13  # relative; short of it, the iterate of the least gap is taken
ENOUGH = 1e-6  # and refused where that is not below this
TO_BOUNDARY = 0.995
SHORT = 0.1  # a shorter step asks for another direction


@dataclass(frozen=True)
class Program:
    """One quadratic program; tau bounds the bias where `frees_bias`, else the noise."""

    A: Floats  # (I, n) rows p_i B(p_i)
    f: Floats  # (I,) p_i phi(p_i)
    reach: float  # bound of the bias where tau is not
    B: Floats  # (M, n) rows B(p_m)
    w: Floats  # (M,)
    d: Floats  # (M,) phi(p_m) for squared-error, else 0
    centred: bool
    frees_bias: bool
    H: Floats  # (n,)
    g: Floats  # (n,)

    def q(self, c: Floats) -> Floats:
        """Criterion at every noise point, (M,)."""
        mean = self.B @ c
        square = self.B @ (c * c) - mean * mean if self.centred else self._about_d(c, mean)
        return np.asarray(self.w * square)

    def bend(self, dc: Floats) -> Floats:
        """Quadratic part of q along dc, (M,)."""
        mean = self.B @ dc
        square = self.B @ (dc * dc) - (mean * mean if self.centred else 0.0)
        return np.asarray(self.w * np.maximum(square, 0.0))

    def gradients(self, c: Floats) -> Floats:
        """Gradients of q, (M, n)."""
        middle = self.B @ c if self.centred else self.d
        return np.asarray((2 * self.w)[:, None] * self.B * (c - middle[:, None]))

    def lines(self, x: Floats) -> Floats:
        """Room that the bias leaves below and above, (2, I)."""
        error = self.A @ x[:-1] - self.f
        bound = x[-1] if self.frees_bias else self.reach
        return np.stack([bound - error, bound + error])

    def room(self, x: Floats) -> Floats:
        """Room that the criterion leaves, (M,)."""
        return np.asarray((1.0 if self.frees_bias else x[-1]) - self.q(x[:-1]))

    def cost(self, x: Floats) -> float:
        """tau + c'Hc/2 + g'c."""
        c = x[:-1]
        return float(x[-1] + 0.5 * c @ (self.H * c) + self.g @ c)

    def _about_d(self, c: Floats, mean: Floats) -> Floats:
        return np.asarray(self.B @ (c * c) - 2 * self.d * mean + self.d * self.d)


@dataclass(frozen=True)
class Optimum:
    """Coefficients (n,), tau, multipliers of the lines (2, I) and of q (M,), relative gap."""

    c: Floats
    tau: float
    lines: Floats
    noise: Floats
    gap: float


@dataclass
class _State:
    """x = (c, tau); slack and multiplier of the lines (s, z) and of the criterion (r, y)."""

    x: Floats
    s: Floats
    z: Floats
    r: Floats
    y: Floats

    def gap(self) -> float:
        return float((self.s * self.z).sum() + self.r @ self.y)


@dataclass(frozen=True)
class _Move:
    """Changes of a state."""

    x: Floats
    s: Floats
    z: Floats
    r: Floats
    y: Floats
    bend: Floats  # what r loses besides, times the square of the length


def minimise(program: Program, start: Floats, gap: float = GAP) -> Optimum:
    """Optimum of a program from a start c (n,), with q(start) < 1 where tau bounds the bias.

    Stops at the relative gap asked for, or where rounding ends progress.  Raises NotConverged with
    the gap reached where that is above 1e-6, as in an infeasible program.
    """
    state = _begun(program, start)
    best, merit = None, np.inf
    for _ in range(STEPS):
        missing = program.lines(state.x) - state.s
        gradients = program.gradients(state.x[:-1])
        pull = _lagrangian_gradient(program, state, gradients)
        now = max(
            state.gap() / max(abs(program.cost(state.x)), 1e-300),
            float(np.abs(missing).max(initial=0.0)),
            float(np.abs(pull).max()),
        )
        if now < merit:
            merit, best = now, state
        if merit < gap or not now < max(1.0, 1e3 * merit):
            break
        following = _stepped(program, state, missing, gradients, pull)
        if following is None:
            break
        state = following
    if best is None or merit > max(ENOUGH, gap):
        raise NotConverged(
            f"the interior-point method stopped at a relative gap of {merit:.1e}, wanted {ENOUGH:g}"
        )
    return Optimum(best.x[:-1], float(best.x[-1]), best.z, best.y, merit)


def balanced(program: Program, found: Optimum) -> Optimum:
    """The optimum with its multipliers moved so that the Lagrangian is flatter at c.

    Least squares in relative changes, so that small multipliers stay small and positive ones positive;
    directions that only vanishing multipliers could flatten (below 1e-7) are left as they are.
    """
    z, y = found.lines, found.noise
    gradients = program.gradients(found.c)
    state = _State(np.append(found.c, found.tau), np.ones_like(z), z, np.ones_like(y), y)
    tau = np.concatenate([z.ravel(), y])
    tau[(slice(z.size, None) if program.frees_bias else slice(0, z.size))] = 0.0
    columns = np.vstack([program.A * z[0][:, None], -program.A * z[1][:, None]])
    columns = np.vstack([columns, gradients * y[:, None]])
    system = np.column_stack([columns, -tau]).T
    for _ in range(2):
        pull = _lagrangian_gradient(program, state, gradients)
        change = np.linalg.lstsq(system, -pull, rcond=1e-7)[0]
        change = 1 + np.clip(change, -0.01, 0.01)
        state.z = state.z * change[: z.size].reshape(z.shape)
        state.y = state.y * change[z.size :]
    return Optimum(found.c, found.tau, state.z, state.y, found.gap)


def _begun(program: Program, start: Floats) -> _State:
    x = np.append(start, 0.0)
    if program.frees_bias:
        x[-1] = 1.2 * float(np.abs(program.A @ start - program.f).max()) + 1e-3
        floor = 0.1 * x[-1]
    else:
        x[-1] = 1.2 * float(program.q(start).max()) + 1e-3
        floor = 0.1 * program.reach
    room = program.lines(x)
    s = np.maximum(room, max(floor, -float(room.min(initial=0.0))))
    r = program.room(x)
    share = max(1e-3, abs(program.cost(x))) / (s.size + r.size)
    return _State(x, s, share / s, r, share / r)


def _stepped(
    program: Program, at: _State, missing: Floats, gradients: Floats, pull: Floats
) -> _State | None:
    """The state one predictor-corrector step on; None where rounding leaves no step."""
    solve = _factored(_newton_matrix(program, at, gradients))
    if solve is None:
        return None
    mu = at.gap() / (at.s.size + at.r.size)

    def move(line_target: Floats, noise_target: Floats) -> _Move:
        """Solution of the Newton equations z ds + s dz = line_target, y dr + r dy = noise_target."""
        t = (line_target - at.z * missing) / at.s
        u = noise_target / at.r
        right = -pull
        right[:-1] -= program.A.T @ (t[0] - t[1]) + gradients.T @ u
        right[-1] += t.sum() if program.frees_bias else u.sum()
        dx = solve(right)
        along = program.A @ dx[:-1]
        lift = dx[-1] if program.frees_bias else 0.0
        ds = np.stack([lift - along, lift + along]) + missing
        dr = (0.0 if program.frees_bias else dx[-1]) - gradients @ dx[:-1]
        dz, dy = (line_target - at.z * ds) / at.s, (noise_target - at.y * dr) / at.r
        return _Move(dx, ds, dz, dr, dy, program.bend(dx[:-1]))

    guess = move(-at.z * at.s, -at.y * at.r)
    primal, dual = _lengths(at, guess)
    left = float(((at.s + primal * guess.s) * (at.z + dual * guess.z)).sum())
    slack = at.r + primal * guess.r - primal**2 * guess.bend
    left += float(slack @ (at.y + dual * guess.y))
    centre = (left / at.gap()) ** 3 * mu
    chosen = move(
        centre - at.z * at.s - guess.s * guess.z,
        centre - at.y * at.r - (guess.r - guess.bend) * guess.y + at.y * guess.bend,
    )
    length = min(_lengths(at, chosen))
    if length < SHORT:  # the corrector misled: go back towards the central path
        chosen = move(mu - at.z * at.s, mu - at.y * at.r)
        length = min(_lengths(at, chosen))
    length = min(1.0, TO_BOUNDARY * length)
    if length < 1e-8:
        return None
    x = at.x + length * chosen.x
    s, exact, r = at.s + length * chosen.s, program.lines(x), program.room(x)
    # A feasible room is known without the rounding that steps add up.
    s = np.where((exact > 0) & (np.abs(exact - s) <= 0.5 * s), exact, s)
    if r.min() <= 0 or s.min(initial=1.0) <= 0:
        return None
    return _State(x, s, at.z + length * chosen.z, r, at.y + length * chosen.y)


def _lengths(at: _State, move: _Move) -> tuple[float, float]:
    """Greatest steps, at most a little over 1, that keep slacks and multipliers positive."""
    backward = float((-move.s / at.s).max(initial=0.0))
    root = np.sqrt(move.r**2 + 4 * move.bend * at.r) - move.r
    ahead = float((root / (2 * at.r)).max(initial=0.0))
    down = max(float((-move.z / at.z).max(initial=0.0)), float((-move.y / at.y).max()))
    return 1 / max(TO_BOUNDARY, backward, ahead), 1 / max(TO_BOUNDARY, down)


def _lagrangian_gradient(program: Program, at: _State, gradients: Floats) -> Floats:
    c = at.x[:-1]
    inner = program.H * c + program.g + program.A.T @ (at.z[0] - at.z[1]) + gradients.T @ at.y
    return np.append(inner, 1.0 - float(at.z.sum() if program.frees_bias else at.y.sum()))


def _newton_matrix(program: Program, at: _State, gradients: Floats) -> Floats:
    n = at.x.size - 1
    lines, noise, curved = at.z / at.s, at.y / at.r, 2 * at.y * program.w
    S = np.zeros((n + 1, n + 1))
    S[:n, :n] = program.A.T @ (lines.sum(axis=0)[:, None] * program.A)
    S[:n, :n] += gradients.T @ (noise[:, None] * gradients)
    if program.centred:
        S[:n, :n] -= program.B.T @ (curved[:, None] * program.B)
    S[np.arange(n), np.arange(n)] += curved @ program.B + program.H
    if program.frees_bias:
        S[:n, n] = S[n, :n] = program.A.T @ (lines[1] - lines[0])
        S[n, n] = lines.sum()
    else:
        S[:n, n] = S[n, :n] = -gradients.T @ noise
        S[n, n] = noise.sum()
    return S


def _factored(S: Floats) -> Callable[[Floats], Floats] | None:
    """Solver of S v = b by Cholesky after diagonal scaling, refined; None where S is not positive."""
    if not np.isfinite(S).all():
        return None
    scale = 1 / np.sqrt(np.maximum(np.diag(S), 1e-300))
    scaled = S * scale[:, None] * scale
    for ridge in (0.0, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10):
        try:
            factor = cho_factor(scaled + ridge * np.eye(scale.size), lower=True, check_finite=False)
            break
        except LinAlgError:
            continue
    else:
        return None

    def solve(b: Floats) -> Floats:
        right = b * scale
        v = cho_solve(factor, right, check_finite=False)
        for _ in range(2):
            v += cho_solve(factor, right - scaled @ v, check_finite=False)
        return np.asarray(v * scale)

    return solve
