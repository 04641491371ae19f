"""Interior-point method for semi-infinite quadratic programs, on the peaks themselves.

    minimise  tau + rho T(c)  over c and tau, subject to
    |e| <= tau or 1    at every p
    q   <= 1 or tau    at every p

The constraints of an iterate are the peaks of |e| and q wherever they are at its c, and guards
(constraints.py).  Their slacks are the exact ones: an iterate is feasible at every p, nothing is exchanged,
and the curvature that a peak has by moving makes convergence quadratic.  T is the tie-break of
exact/tie_break.py.  Its weight rho falls with the gap to what is asked for: until then it keeps c from
wandering along the directions in which the optimum is flat.

Primal-dual steps with Mehrotra's predictor and corrector (Wright, Primal-dual interior-point
methods, 1997); the second-order part of a constraint enters the corrector and the step length.  Where
curvature leaves only a short step, the quadratic form is stiffened for once: the iterate goes back
towards the central path without running along the directions in which the optimum is flat.
"""

from dataclasses import dataclass

import numpy as np

from polyest.arrays import Floats
from polyest.errors import NotConverged
from polyest.solvers.socp.constraints import Frame, Newton, Program, TieBreak, View, framed

STEPS = 150
GAP = 1e-8  # relative; short of it, the iterate of the least gap is taken
ENOUGH, WIDER, SHARP = 1e-6, 1e-5, 128  # and refused where that is not below this; above K = SHARP
STALLED = 4  # steps that did not halve the gap, past ENOUGH
FADING = 3e-2  # share of tau that the tie-break has at first, then times the gap
DECIDED = 0.1  # gap from which on tau less its share bounds the optimum
TO_BOUNDARY = 0.995, 0.9  # share of the way; the second where the first ends short
FINE = 0.1  # of what is enough: short of it, the second is tried
SHORT = 0.2  # a shorter step asks for another direction
STIFFER = (0.0, 3.0, 30.0, 300.0)
HALVINGS = 12


@dataclass(frozen=True)
class State:
    """A frame with the multipliers of its constraints, the weight of the tie-break, the relative gap."""

    frame: Frame
    z: Floats
    rho: float
    merit: float


def minimise(
    program: Program,
    start: Floats,
    tie_break: TieBreak,
    gap: float = GAP,
    below: float | None = None,
) -> State:
    """State of relative gap `gap` from a start b (n,) whose q is below 1 where tau bounds the bias.

    With `below`, any state of tau < below will do, and the first that shows that there is none.
    A run that ends short of the gap is followed by one of shorter steps, and the better one taken.
    Raises NotConverged with the gap reached where that is above 1e-6, for K above 128 above 1e-5.
    """
    frame = framed(program, start, None)
    if frame.slack.min() <= 0:
        raise NotConverged("the interior-point method was given an infeasible start")
    enough = max(gap, ENOUGH if program.curves.K <= SHARP else WIDER)
    best: State | None = None
    reached = np.inf
    for to_boundary in TO_BOUNDARY:
        found, merit = _descended(program, frame, tie_break, gap, below, to_boundary)
        reached = min(reached, merit)
        if found is not None and (best is None or found.merit < best.merit):
            best = found
        if best is not None and (best.merit < enough * FINE or _decided(best, below)):
            break
    if best is None or not (best.merit <= enough or _decided(best, below)):
        raise NotConverged(
            f"the interior-point method stopped at a relative gap of {reached:.1e}, wanted {enough:g}"
        )
    return best


def _descended(
    program: Program,
    frame: Frame,
    tie_break: TieBreak,
    gap: float,
    below: float | None,
    to_boundary: float,
) -> tuple[State | None, float]:
    """The best state of a run in which the tie-break has its final share, and the gap at the end."""
    z = 1 / frame.slack
    z /= z[frame.free].sum()
    # Near the least bias entries grow as they must: a search for any table has no tie to break.
    share, rho = FADING if below is None else 0.0, 0.0
    best: State | None = None
    merit, least, since = np.inf, np.inf, 0
    for _ in range(STEPS):
        if share > tie_break.share:
            rho = tie_break.weight(program.curves.table(frame.b), frame.tau, share)
        view = View(program, frame, tie_break, rho)
        newton = view.factored(z, 0.0)
        if newton is None:
            break
        flat = float(np.abs(view.pull(z) * newton.scale).max())
        left = float(frame.slack @ z) / abs(frame.tau)
        merit = max(left, flat)
        since = since + 1 if merit > 0.5 * least else 0
        least = min(least, merit)
        now = State(frame, z, rho, merit)
        if _decided(now, below):
            return now, merit
        if share > tie_break.share:
            # Where only rounding keeps the gradient from 0 there is nothing to wait for.
            share = max(tie_break.share, min(share, FADING * merit))
            if left < ENOUGH and since > STALLED:
                share = tie_break.share
            if share == tie_break.share:
                rho = tie_break.weight(program.curves.table(frame.b), frame.tau, share)
                least, since = np.inf, 0
        elif best is None or merit < best.merit:
            best = now
        if best is not None and (best.merit < gap or (best.merit < ENOUGH and since > STALLED)):
            break
        following = _stepped(view, z, newton, to_boundary)
        if following is None:
            break
        frame, z = following
    return best, merit


def _decided(state: State, below: float | None) -> bool:
    """Whether tau is below, or cannot come below 1: the gap takes no more off it."""
    if below is None:
        return False
    tau, merit = state.frame.tau, state.merit
    return tau < below or (merit < DECIDED and tau * (1 - merit) > 1)


@dataclass(frozen=True)
class _Move:
    """Changes of b and tau, of slack and multipliers, and what the slack loses besides, to second order."""

    x: Floats
    s: Floats
    z: Floats
    bend: Floats


def _stepped(
    view: View, z: Floats, newton: Newton, to_boundary: float
) -> tuple[Frame, Floats] | None:
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
    primal, dual = _lengths(s, z, guess, to_boundary)
    left = float((s + primal * guess.s - primal**2 * guess.bend) @ (z + dual * guess.z))
    centre = min(1.0, max(left / gap, 0.0)) ** 3 * mu
    chosen = move(centre - z * s - (guess.s - guess.bend) * guess.z + z * guess.bend)
    length = min(_lengths(s, z, chosen, to_boundary))
    for stiffer in STIFFER if length < SHORT else ():
        stiff = view.factored(z, stiffer) if stiffer else newton
        if stiff is None:
            break
        newton = stiff
        chosen = move(mu - z * s)
        length = min(_lengths(s, z, chosen, to_boundary))
        if length >= SHORT:
            break
    length = min(1.0, to_boundary * length)
    for _ in range(HALVINGS):
        x = np.append(frame.b, frame.tau) + length * chosen.x
        following = framed(view.program, x[:-1], float(x[-1]))
        if following.slack.min() > 0:
            return following, _carried(view, following, z + length * chosen.z, mu)
        length *= 0.5
    return None


def _lengths(s: Floats, z: Floats, move: _Move, to_boundary: float) -> tuple[float, float]:
    """Greatest steps, at most a little over 1, that keep slacks and multipliers positive."""
    ahead = float(((np.sqrt(move.s**2 + 4 * move.bend * s) - move.s) / (2 * s)).max())
    return 1 / max(to_boundary, ahead), 1 / max(to_boundary, float((-move.z / z).max()))


def _carried(view: View, new: Frame, z: Floats, mu: float) -> Floats:
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
