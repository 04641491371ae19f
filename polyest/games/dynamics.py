"""This module plays the exact game step by step, by alternating best response or with a no-regret target.

In `alternating` the target answers the policy, and then the policy answers the target.  This converges in
one step for standard RL, but not for every goal: for diversity it is  nu <- nu_0 nu^(-1/beta),  which
converges for beta > 1 and oscillates for beta < 1 where every completion has its own answer.

In `no_regret` the target adds up the differences that it observes,
u_t = rate/sqrt(t) sum_{s<t} (nu_s - nu*(u_s)),  where nu*(u) is the maximiser in R*(u), and the policy
answers at once.  G is convex in pi and concave in u, so the pair of the averages has a gap of at most
(|u|^2/(2 rate) + 2 rate)/sqrt(T),  where u = grad R at the averaged policy and |u|^2 = sum_x w_x |u_x|^2.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf, nan, sqrt
from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import Floats
from polyest.errors import InvalidGame
from polyest.games.game import Game
from polyest.games.goal import of_kind
from polyest.values import real, shown, whole

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, eq=False)
class Step:
    """The record of one step of play.

    Attributes
    ----------
    iteration : int
        The number of the step, from 1.
    J : float
        The objective at the policy.
    gap : float
        The duality gap of policy and dual variable.
    distance : float
        The distance of the policy from the optimum, sum_x w_x |pi_x - pi*_x|_1; nan if no optimum was
        given.
    policy : float64 array (prompts, completions)
        The policy.
    dual : float64 array (prompts, answers)
        The dual variable.
    """

    iteration: int
    J: float
    gap: float
    distance: float
    policy: Floats
    dual: Floats


def alternating(
    game: Game,
    steps: int,
    *,
    policy: "ArrayLike | None" = None,
    damping: float = 1.0,
    listed: bool = False,
    optimum: "ArrayLike | None" = None,
) -> Iterator[Step]:
    """Play the game by alternating best responses of the target and of the policy.

        u <- u + damping (grad R(nu) - u),    pi <- the best response to u

    Parameters
    ----------
    game : Game
        The game.
    steps : int
        The number of steps.
    policy : float array (prompts, completions) or None
        The initial policy; by default the reference.
    damping : float
        The fraction of the step towards the best response that the dual variable takes, in (0, 1]; 1 is the
        best response itself.
    listed : bool
        Whether the target plays the distribution that the paper lists for the goal, in place of its best
        response.
    optimum : float array (prompts, completions) or None
        The policy from which distances are measured.

    Yields
    ------
    Step
        The record of each step.

    Raises
    ------
    InvalidGame
        If an argument is not valid.

    Examples
    --------
    >>> from polyest.games import alft, geometry, goals
    >>> goal = goals.Diversity(geometry.negative_entropy())
    >>> game = Game(alft.pose([[0.9, 0.1]], [0, 1], goal, beta=2.0))
    >>> [round(step.gap, 4) for step in alternating(game, 4)]
    [0.0923, 0.023, 0.0058, 0.0014]
    """
    of_kind("game", game, Game, "a Game")
    if not 0 < real(damping) <= 1:
        raise InvalidGame(
            f"damping is {shown(damping)}: expected a number in (0, 1], the share of each step to take"
        )
    _check_whole("steps", steps)
    damping = real(damping)
    pi = game.problem.checked(game.problem.reference if policy is None else policy)
    u: Floats | None = None
    for iteration in range(1, steps + 1):
        aim = game.dual(game.listed_target(pi)) if listed else game.response(pi)
        u = aim.copy() if u is None or damping == 1 else (1 - damping) * u + damping * aim
        pi = game.policy(u)
        yield _step(game, iteration, pi, u, optimum)


def no_regret(
    game: Game, steps: int, *, rate: float = 1.0, every: int = 1, optimum: "ArrayLike | None" = None
) -> Iterator[Step]:
    """Play the game with a target that has no regret, and average the play.

        u_t = rate/sqrt(t) sum_{s<t} (nu_s - nu*(u_s))

    Parameters
    ----------
    game : Game
        The game.
    steps : int
        The number of steps.
    rate : float
        The rate of the target's steps, positive.
    every : int
        A record is yielded every so many steps.
    optimum : float array (prompts, completions) or None
        The policy from which distances are measured.

    Yields
    ------
    Step
        The record of the averages so far.

    Raises
    ------
    InvalidGame
        If an argument is not valid.

    Examples
    --------
    >>> from polyest.games import alft, geometry, goals
    >>> goal = goals.Diversity(geometry.negative_entropy())
    >>> game = Game(alft.pose([[0.9, 0.1]], [0, 1], goal))
    >>> [(step.iteration, step.gap < 0.02) for step in no_regret(game, 100, every=50)]
    [(50, True), (100, True)]
    """
    of_kind("game", game, Game, "a Game")
    if not 0 < real(rate) < inf:
        raise InvalidGame(f"rate is {shown(rate)}: expected a positive number")
    _check_whole("steps", steps)
    _check_whole("every", every)
    problem = game.problem
    total = np.zeros((len(problem.reference), problem.number))
    mean_policy, mean_dual = np.zeros(problem.reference.shape), np.zeros(total.shape)
    for t in range(1, steps + 1):
        u = real(rate) / sqrt(t) * total
        pi = game.policy(u)
        _, wanted = problem.goal.conjugate(u, problem.prompts)
        total = total + problem.distributions(pi) - wanted
        mean_policy += (pi - mean_policy) / t
        mean_dual += (u - mean_dual) / t
        if t % every == 0:
            yield _step(game, t, mean_policy.copy(), mean_dual.copy(), optimum)


def recorded(
    game: Game, policies: Iterable[Floats], *, every: int = 1, optimum: "ArrayLike | None" = None
) -> Iterator[Step]:
    """Record the policies of any play, each with the best response of the target.

    Parameters
    ----------
    game : Game
        The game.
    policies : iterable of float array (prompts, completions)
        The policies of the play.
    every : int
        A record is yielded every so many policies.
    optimum : float array (prompts, completions) or None
        The policy from which distances are measured.

    Yields
    ------
    Step
        The record.

    Raises
    ------
    InvalidGame
        If an argument is not valid, or a policy does not belong to the game.

    Examples
    --------
    >>> from polyest.games import alft, goals
    >>> game = Game(alft.pose([[0.5, 0.5]], [0, 1], goals.StandardRL((1.0, 0.0))))
    >>> [step.J for step in recorded(game, [[[0.5, 0.5]]])]
    [-0.5]
    """
    of_kind("game", game, Game, "a Game")
    _check_whole("every", every)
    try:
        following = iter(policies)
    except TypeError:
        raise InvalidGame(
            f"policies is {shown(policies)}: expected a sequence of policies"
        ) from None
    for iteration, policy in enumerate(following, 1):
        if iteration % every == 0:
            pi = game.problem.checked(policy)
            yield _step(game, iteration, pi, game.response(pi), optimum)


def _check_whole(name: str, value: object) -> None:
    if not whole(value, 1):
        raise InvalidGame(f"{name} is {shown(value)}: expected an integer of at least 1")


def _step(game: Game, iteration: int, pi: Floats, u: Floats, optimum: "ArrayLike | None") -> Step:
    problem = game.problem
    away = nan
    if optimum is not None:
        away = problem.prompts.mean(np.abs(pi - problem.checked(optimum)).sum(-1))
    pi.flags.writeable = u.flags.writeable = False
    return Step(iteration, problem.J(pi), game.gap(pi, u), away, pi, u)
