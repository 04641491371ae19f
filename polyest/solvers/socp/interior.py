"""This module is an interior-point method whose constraints are the peaks of bias and noise.

    minimise  tau + rho T(c)  over c and tau, subject to
    |e| <= tau or 1    at every p
    q   <= 1 or tau    at every p
    D c >= 0           the steps of a shape

The constraints of an iterate are the peaks of |e| and q wherever they are at its c, and guards
(constraints.py).  Their slacks are exact: an iterate is feasible at every p, no points are exchanged, and
the curvature that a peak gains by moving makes convergence quadratic.  T is the tie-break of
exact/tie_break.py.  Its weight rho falls with the gap to its final value.  Until then it keeps c from
wandering along the directions in which the optimum is flat.

The steps are primal-dual ones with Mehrotra's predictor and corrector (Wright, Primal-dual interior-point
methods, 1997).  The second-order part of a constraint enters the corrector and the step length.  Where
curvature leaves only a short step, the curvature of the quadratic form is increased for that step: the
iterate returns towards the central path without moving far along the directions in which the optimum is
flat.
"""

from dataclasses import dataclass

import numpy as np

from polyest.arrays import Floats
from polyest.errors import NotConverged
from polyest.solvers.socp.constraints import Iterate, Newton, Program, TieBreak, View, evaluate

STEPS = 150
GAP = 1e-8  # the relative gap that is aimed at; a run that misses it gives its iterate of least gap
# The greatest gap that is accepted: ENOUGH up to K = SHARP, WIDER above.
ENOUGH, WIDER, SHARP = 1e-6, 1e-5, 128
STALLED = 4  # steps without halving the gap after which a run ends, once the gap is below ENOUGH
FADING = 3e-2  # share of tau that the tie-break has at first; later FADING times the gap
DECIDED = 0.1  # gap below which tau (1 - gap) counts as a lower bound of the optimum
TO_BOUNDARY = 0.995, 0.9  # share of the way to the boundary; the second for a second run
FINE = 0.1  # share of the accepted gap that makes a second run unnecessary
SHORT = 0.2  # a step shorter than this is replaced by one in another direction
# How a direction that allows only a short step is replaced, in turn: the relative increase of the curvature
# of q, the share of the mean product s z that is aimed at, and the least step with which it is taken.
REPLACEMENTS = (
    (0.0, 0.3, 0.6),
    (0.0, 0.6, 0.6),
    (0.0, 0.8, 0.6),
    (0.0, 1.0, SHORT),
    (3.0, 1.0, SHORT),
    (30.0, 1.0, SHORT),
    (300.0, 1.0, SHORT),
)
HALVINGS = 12


@dataclass(frozen=True)
class State:
    """An iterate, the multipliers z of its constraints, the weight rho of the tie-break, the relative gap."""

    iterate: Iterate
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
    """Return a state of relative gap `gap`, from a start b (n,) with q below 1 where tau bounds the bias.

    With `below`, any state with tau < below is accepted, and so is the first state that shows that there
    is none.  A run that misses the gap is followed by one of shorter steps, and the better one is taken.
    Raise NotConverged where the gap that was reached is above 1e-6, or above 1e-5 for K above 128.
    """
    iterate = evaluate(program, start, None)
    if iterate.slack.min() <= 0:
        raise NotConverged("the interior-point method was given an infeasible start")
    enough = max(gap, ENOUGH if program.curves.K <= SHARP else WIDER)
    best: State | None = None
    reached = np.inf
    for to_boundary in TO_BOUNDARY:
        state, merit = _descended(program, iterate, tie_break, gap, below, to_boundary)
        reached = min(reached, merit)
        if state is not None and (best is None or state.merit < best.merit):
            best = state
        if best is not None and (best.merit < enough * FINE or _decided(best, below)):
            break
    if best is None or not (best.merit <= enough or _decided(best, below)):
        raise NotConverged(
            f"the interior-point method stopped at a relative gap of {reached:.1e}, wanted {enough:g}"
        )
    return best


def _descended(
    program: Program,
    iterate: Iterate,
    tie_break: TieBreak,
    gap: float,
    below: float | None,
    to_boundary: float,
) -> tuple[State | None, float]:
    """Return the best state of a run in which the tie-break has its final share, and the last gap."""
    z = 1 / iterate.slack
    z /= z[iterate.free].sum()
    # A search for any table within a bias budget needs no tie-break, which would hold back the large
    # entries that a table near the least bias has.
    share, rho = FADING if below is None else 0.0, 0.0
    best: State | None = None
    merit, least, since = np.inf, np.inf, 0
    for _ in range(STEPS):
        if share > tie_break.share:
            rho = tie_break.weight(program.curves.table(iterate.b), iterate.tau, share)
        view = View(program, iterate, tie_break, rho)
        newton = view.factored(z, 0.0)
        if newton is None:
            break
        flat = float(np.abs(view.lagrangian_gradient(z) * newton.scale).max())
        left = float(iterate.slack @ z) / abs(iterate.tau)
        merit = max(left, flat)
        since = since + 1 if merit > 0.5 * least else 0
        least = min(least, merit)
        now = State(iterate, z, rho, merit)
        if _decided(now, below):
            return now, merit
        if share > tie_break.share:
            # Where only rounding keeps the gradient from 0, the share drops to its final value at once.
            share = max(tie_break.share, min(share, FADING * merit))
            if left < ENOUGH and since > STALLED:
                share = tie_break.share
            if share == tie_break.share:
                rho = tie_break.weight(program.curves.table(iterate.b), iterate.tau, share)
                least, since = np.inf, 0
        elif best is None or merit < best.merit:
            best = now
        if best is not None and (best.merit < gap or (best.merit < ENOUGH and since > STALLED)):
            break
        following = _stepped(view, z, newton, to_boundary)
        if following is None:
            break
        iterate, z = following
    return best, merit


def _decided(state: State, below: float | None) -> bool:
    """Return whether tau is below `below`, or the gap shows that tau cannot fall below 1."""
    if below is None:
        return False
    tau, merit = state.iterate.tau, state.merit
    return tau < below or (merit < DECIDED and tau * (1 - merit) > 1)


@dataclass(frozen=True)
class _Move:
    """Changes x of b and tau, s of the slack and z of the multipliers; the second-order loss of the slack."""

    x: Floats
    s: Floats
    z: Floats
    second_order: Floats


def _stepped(
    view: View, z: Floats, newton: Newton, to_boundary: float
) -> tuple[Iterate, Floats] | None:
    """Return iterate and multipliers after one predictor-corrector step.

    Return None where rounding leaves no step.
    """
    iterate, s = view.iterate, view.iterate.slack
    gap = float(s @ z)
    mu, gradient = gap / s.size, view.lagrangian_gradient(z)

    def move(target: Floats) -> _Move:
        """Return the solution of the Newton equations z ds + s dz = target."""
        dx = newton.solve(-gradient - view.jacobian_t(target / s))
        ds = -view.jacobian(dx)
        return _Move(dx, ds, (target - z * ds) / s, view.second_order(dx[:-1]))

    guess = move(-z * s)
    primal, dual = _lengths(s, z, guess, to_boundary)
    left = float((s + primal * guess.s - primal**2 * guess.second_order) @ (z + dual * guess.z))
    centre = min(1.0, max(left / gap, 0.0)) ** 3 * mu
    corrected = move(
        centre - z * s - (guess.s - guess.second_order) * guess.z + z * guess.second_order
    )
    length = min(_lengths(s, z, corrected, to_boundary))
    for stiffer, share, enough in REPLACEMENTS if length < SHORT else ():
        stiff = view.factored(z, stiffer) if stiffer else newton
        if stiff is None:
            break
        newton = stiff
        corrected = move(share * mu - z * s)
        length = min(_lengths(s, z, corrected, to_boundary))
        if length >= enough:
            break
    length = min(1.0, to_boundary * length)
    for _ in range(HALVINGS):
        x = np.append(iterate.b, iterate.tau) + length * corrected.x
        following = evaluate(view.program, x[:-1], float(x[-1]))
        if following.slack.min() > 0:
            return following, _carried(view, following, z + length * corrected.z, mu)
        length *= 0.5
    return None


def _lengths(s: Floats, z: Floats, move: _Move, to_boundary: float) -> tuple[float, float]:
    """Return the greatest steps, at most 1 / to_boundary, that keep slacks and multipliers positive."""
    ahead = float(((np.sqrt(move.s**2 + 4 * move.second_order * s) - move.s) / (2 * s)).max())
    return 1 / max(to_boundary, ahead), 1 / max(to_boundary, float((-move.z / z).max()))


def _carried(view: View, new: Iterate, z: Floats, mu: float) -> Floats:
    """Return the multipliers of a new iterate.

    The multiplier of a peak goes to the nearest new peak; a peak that receives none gets mu / slack.
    """
    old, fresh = view.iterate.peaks.theta, mu / new.slack
    was, now, now_e = (
        view.peaks_e,
        new.peaks.lines.f.size,
        2 * view.guards_e + new.peaks.lines.f.size,
    )
    e, q = z[: view.N_e], z[view.N_e : view.N]
    ended = new.slack.size - (z.size - view.N)
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
                old[was:],
                new.peaks.theta[now:],
                q[view.guards_q :],
                fresh[now_e + view.guards_q : ended],
            ),
            z[view.N :],
        ]
    )


def _passed(old: Floats, new: Floats, z: Floats, fresh: Floats) -> Floats:
    if not old.size or not new.size:
        return fresh
    nearest = np.abs(old[:, None] - new).argmin(axis=1)
    known = np.bincount(nearest, minlength=new.size) > 0
    return np.where(known, np.bincount(nearest, z, new.size), fresh)
