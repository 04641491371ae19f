"""This module finds the equilibrium of a game to the accuracy of float64.

Alternating best response need not converge.  It converges if the target moves only a part eta of the way,

    u <- (1 - eta) u + eta grad R(nu),        pi the best response to u,

which is the Frank-Wolfe method on the concave function min over pi of G(pi, u).  The method needs the value
R*(u); convexity bounds it along the way from R*(grad R(nu)) = <nu, grad R(nu)> - R(nu), so a goal that is
given by value and gradient needs no conjugate.  The part eta is halved until the bound rises enough, and
Newton's method completes the solution once it is near.  A safe set has no best response along the way; its
multipliers are computed instead, prompt by prompt.
"""

from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np

from polyest.arrays import Floats
from polyest.dependencies import require
from polyest.errors import InvalidGame, NotConverged
from polyest.games.alft import Alft
from polyest.games.game import Game
from polyest.games.goal import of_kind
from polyest.games.safety import Safety
from polyest.values import real, shown

STEPS = 20_000
RISE = 0.3  # least share of the predicted rise that a step must attain
POLISHED = tuple(20 * 3**k for k in range(7))  # steps after which Newton's method is tried
LARGEST = 500  # most dual variables for which Newton's method is tried
SOLVED = 1e-9  # greatest gap that multipliers may leave, relative to their prices
# Shares by which the policy is moved inward, in turn, each with the least eta that is accepted.
INWARD = ((0.0, 1e-4), (0.5, 1e-4), *((0.5**k, 1e-30) for k in range(50, 0, -7)), (0.0, 1e-30))


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """The equilibrium of a game, to the accuracy of float64.

    Attributes
    ----------
    policy : float64 array (prompts, completions)
        The policy that minimises J.
    dual : float64 array (prompts, answers)
        The dual variable of the target.
    gap : float
        An upper bound of the duality gap of the two.
    """

    policy: Floats
    dual: Floats
    gap: float


def equilibrium(game: Game, within: float = 1e-13) -> Equilibrium:
    """Find the policy that minimises J, and the dual variable of its target.

        argmin over pi of J(pi) = max over u of G(pi, u)

    Most geometries take milliseconds.  Those that are flat at 0, such as polynomial([0, 0, 0, 0, 1]), take
    minutes.

    Parameters
    ----------
    game : Game
        The game.
    within : float
        The greatest duality gap that is accepted.

    Returns
    -------
    Equilibrium
        The policy, the dual variable and their gap.

    Raises
    ------
    NotConverged
        If the gap stays above `within`.
    InvalidGame
        If `game` is not a game, or `within` is not a number.

    References
    ----------
    Frank and Wolfe (1956).  Mohri, Schneider and Wu (2026), for the game.

    Examples
    --------
    >>> from polyest.games import alft, goals
    >>> goal = goals.StandardRL((1.0, 0.0))
    >>> solved = equilibrium(Game(alft.pose([[0.5, 0.5]], [0, 1], goal)))
    >>> solved.policy.round(6).tolist()  # ~ (e, 1)
    [[0.731059, 0.268941]]
    """
    of_kind("game", game, Game, "a Game")
    if not isfinite(real(within)):
        raise InvalidGame(f"within is {shown(within)}: expected the gap that is allowed, a number")
    if isinstance(game.problem.goal, Safety):
        return _safe(game, game.problem.goal, within)
    problem = game.problem
    inner = problem.reference
    if not problem.distributions(inner).all():
        inner = (inner + 1 / inner.shape[1]) / 2
    u = game.response(inner)
    bound, eta, gap = _fenchel(problem, inner, u), 1.0, inf  # the bound is one of R*(u)
    pi = game.policy(u)
    for step in range(STEPS):
        least = _lower(problem, pi, u, bound)
        gap = problem.J(pi) - least
        if gap <= within:
            return Equilibrium(pi, u, max(gap, 0.0))
        if step in POLISHED and u.size <= LARGEST:
            polished = _polished(game, u)
            if polished.gap <= within:
                return polished
        # No step may be short enough for the price of an answer of tiny probability: the target then
        # answers a policy that is moved a little inward.
        for part, shortest in INWARD:
            seen = (1 - part) * pi + part * inner
            if not problem.distributions(seen).all():
                continue
            aim = game.response(seen)
            aimed = _fenchel(problem, seen, aim)
            paired = problem.prompts.mean((problem.distributions(pi) * (aim - u)).sum(-1))
            slope = paired - aimed + bound
            eta = min(1.0, 2 * eta) if slope > 0 else 0.0
            while eta > shortest:
                tried, share = (1 - eta) * u + eta * aim, (1 - eta) * bound + eta * aimed
                best = game.policy(tried)
                if _lower(problem, best, tried, share) >= least + RISE * eta * slope:
                    break
                eta /= 2
            if eta > shortest:
                u, bound, pi, inner = tried, share, best, seen
                break
            eta = 1.0
        else:
            break
    raise NotConverged(
        f"the equilibrium is known to a duality gap of {gap:.3g}, expected {within:g}"
    )


def _polished(game: Game, u: Floats) -> Equilibrium:
    """Return the equilibrium that Newton's method for u = grad R(nu) reaches from u, with its gap."""
    require("scipy")
    from scipy.optimize import root

    shape = u.shape

    def moved(flat: Floats) -> Floats:
        if not np.isfinite(flat).all():
            return np.full(flat.shape, inf)
        answered = game.response(game.policy(flat.reshape(shape)))
        return np.asarray(answered.ravel() - flat)

    with np.errstate(all="ignore"):
        end = root(moved, u.ravel(), tol=1e-14).x.reshape(shape)
    seen = game.policy(end) if np.isfinite(end).all() else game.policy(u)
    answer = game.response(seen)
    pi = game.policy(answer)
    bound = _fenchel(game.problem, seen, answer)
    gap = game.problem.J(pi) - _lower(game.problem, pi, answer, bound)
    return Equilibrium(pi, answer, max(gap, 0.0) if np.isfinite(gap) else inf)


def _fenchel(problem: Alft, pi: Floats, u: Floats) -> float:
    """Return R*(u) = <nu, u> - R(nu) for u = grad R(nu)."""
    nu = problem.distributions(pi)
    return problem.prompts.mean((nu * u).sum(-1)) - problem.goal.value(nu, problem.prompts)


def _lower(problem: Alft, pi: Floats, u: Floats, bound: float) -> float:
    """Return a lower bound of min over pi of G(pi, u), attained at pi, from an upper bound of R*(u)."""
    paired = problem.prompts.mean((problem.distributions(pi) * u).sum(-1))
    return problem.beta * problem.divergence(pi) + paired - bound


def _safe(game: Game, goal: Safety, within: float) -> Equilibrium:
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
    gap = game.gap(pi, u)
    if not gap <= max(within, SOLVED * (1 + np.abs(u).max())):
        raise NotConverged(f"the multipliers leave a duality gap of {gap:.3g}, expected {within:g}")
    return Equilibrium(pi, u, max(gap, 0.0))
