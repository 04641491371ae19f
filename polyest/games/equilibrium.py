"""The equilibrium of a game, to the digits of a double.

Alternating best response need not converge.  It does where the target goes only a part eta of the way,

    u <- (1 - eta) u + eta grad R(nu),        pi the best response to u,

the Frank-Wolfe method on the concave function min over pi of G(pi, u).  The value R*(u) it needs is
bounded along the way by convexity from R*(grad R(nu)) = <nu, grad R(nu)> - R(nu), so that a goal given
by value and gradient needs no conjugate; eta is halved until the bound rises enough.  A safe set has
no best response on the way; there the multipliers are found instead, prompt by prompt.
"""

from math import inf
from typing import Any

import numpy as np

from polyest.bernstein import Floats
from polyest.errors import NotConverged
from polyest.games.alft import Alft
from polyest.games.constraints import Safety
from polyest.games.game import Game
from polyest.record import Record

STEPS = 100_000
RISE = 0.3  # share of the slope that a step has to keep


class Equilibrium(Record):
    """A policy (prompts, traces), the dual variable (prompts, answers) and a bound of their duality gap."""

    policy: Floats
    dual: Floats
    gap: float


def equilibrium(game: Game, within: float = 1e-13) -> Equilibrium:
    """The policy that minimises J and the dual variable of its target.

    Raises NotConverged where the gap stays above `within`.

    >>> from polyest.games import alft, goals
    >>> goal = goals.StandardRL((1.0, 0.0))
    >>> found = equilibrium(Game(alft.pose([[0.5, 0.5]], [0, 1], goal)))
    >>> found.policy.round(6).tolist()  # ~ (e, 1)
    [[0.731059, 0.268941]]
    """
    if isinstance(game.problem.goal, Safety):
        return _safe(game, game.problem.goal)
    problem = game.problem
    seen = problem.reference  # whom the target answers
    u = game.response(seen)
    bound, eta, gap = _fenchel(problem, seen, u), 1.0, inf  # of R*(u)
    pi = game.policy(u)
    for _ in range(STEPS):
        least = _lower(problem, pi, u, bound)
        gap = problem.J(pi) - least
        if gap <= within:
            return Equilibrium(pi, u, max(gap, 0.0))
        # An answer of probability 0 may have an infinite price: the target answers a policy on the way there.
        seen = pi if problem.distributions(pi).all() else (pi + seen) / 2
        aim = game.response(seen)
        aimed, eta = _fenchel(problem, seen, aim), min(1.0, 2 * eta)
        slope = problem.prompts.mean((problem.distributions(pi) * (aim - u)).sum(-1)) - aimed + bound
        while eta > 1e-9:
            tried, share = (1 - eta) * u + eta * aim, (1 - eta) * bound + eta * aimed
            best = game.policy(tried)
            if _lower(problem, best, tried, share) >= least + RISE * eta * slope:
                break
            eta /= 2
        else:
            if seen is pi:
                break
            continue
        u, bound, pi = tried, share, best
    raise NotConverged(
        f"the equilibrium is known to a duality gap of {gap:.3g}, expected {within:g}"
    )


def _fenchel(problem: Alft, pi: Floats, u: Floats) -> float:
    """R*(u) = <nu, u> - R(nu) for u = grad R(nu)."""
    nu = problem.distributions(pi)
    return problem.prompts.mean((nu * u).sum(-1)) - problem.goal.value(nu, problem.prompts)


def _lower(problem: Alft, pi: Floats, u: Floats, bound: float) -> float:
    """A lower bound of min over pi of G(pi, u), attained at pi, from an upper bound of R*(u)."""
    paired = problem.prompts.mean((problem.distributions(pi) * u).sum(-1))
    return problem.beta * problem.divergence(pi) + paired - bound


def _safe(game: Game, goal: Safety) -> Equilibrium:
    problem = game.problem
    u = np.zeros((len(problem.reference), problem.number))
    cost: Any = goal.costs
    for x in range(len(u)):

        def respond(multiplier: Floats, x: int = x) -> Floats:
            tried = u.copy()
            tried[x] = multiplier @ cost
            return np.asarray(problem.distributions(game.policy(tried))[x])

        u[x] = goal.multipliers(respond) @ cost
    pi = game.policy(u)
    return Equilibrium(pi, u, max(game.gap(pi, u), 0.0))
