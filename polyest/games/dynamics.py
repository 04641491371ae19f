"""Play of the exact game, step by step: alternating best response, and no-regret play of the target.

`alternating`: the target answers the policy, the policy the target.  It converges in one step for standard
RL, and not always else: for diversity  nu <- nu_0 nu^(-1/beta),  which settles for beta > 1 and flips for
beta < 1 where every trace has its own answer.

`no_regret`: the target adds up what it is told,  u_t = rate/sqrt(t) sum_{s<t} (nu_s - nu*(u_s)),  nu*(u) the
maximiser in R*(u); the policy answers at once.  G is convex in pi and concave in u, so that the pair of the
averages has a gap of at most  (|u|^2/(2 rate) + 2 rate)/sqrt(T),  u = grad R at the averaged policy and
|u|^2 = sum_x w_x |u_x|^2.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf, nan, sqrt
from typing import Any

import numpy as np

from polyest.arrays import Floats
from polyest.errors import InvalidGame
from polyest.games.game import Game
from polyest.games.goals import of_kind
from polyest.values import real, shown, whole


@dataclass(frozen=True, eq=False)
class Step:
    """A step of play: J and duality gap of (policy, dual), and how far the policy is from the optimum.

    distance: sum_x w_x |pi_x - pi*_x|_1, nan where no optimum was given.
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
    policy: Any = None,
    damping: float = 1.0,
    listed: bool = False,
    optimum: Any = None,
) -> Iterator[Step]:
    """Best responses in turn, from `policy` (by default the reference).

    damping: the part of the way that the dual variable goes, in (0, 1]; 1 is the pure best response.
    listed: play the target that the paper lists instead of the best response.  Raises InvalidGame.

    >>> from polyest.games import alft, geometry, goals
    >>> goal = goals.Diversity(geometry.negative_entropy())
    >>> game = Game(alft.pose([[0.9, 0.1]], [0, 1], goal, beta=2.0))
    >>> [round(step.gap, 4) for step in alternating(game, 4)]
    [0.0923, 0.023, 0.0058, 0.0014]
    """
    of_kind("game", game, Game, "a Game")
    if not 0 < real(damping) <= 1:
        raise InvalidGame(f"damping is {shown(damping)}: expected the part of the way, in (0, 1]")
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
    game: Game, steps: int, *, rate: float = 1.0, every: int = 1, optimum: Any = None
) -> Iterator[Step]:
    """Averages of the play, one record in `every` steps.

    rate: of the target's steps, positive.  Raises InvalidGame.
    """
    of_kind("game", game, Game, "a Game")
    if not 0 < real(rate) < inf:
        raise InvalidGame(f"rate is {shown(rate)}: expected a positive number")
    _check_whole("steps", steps)
    _check_whole("every", every)
    problem = game.problem
    told = np.zeros((len(problem.reference), problem.number))
    mean_policy, mean_dual = np.zeros(problem.reference.shape), np.zeros(told.shape)
    for t in range(1, steps + 1):
        u = real(rate) / sqrt(t) * told
        pi = game.policy(u)
        _, wanted = problem.goal.conjugate(u, problem.prompts)
        told = told + problem.distributions(pi) - wanted
        mean_policy += (pi - mean_policy) / t
        mean_dual += (u - mean_dual) / t
        if t % every == 0:
            yield _step(game, t, mean_policy.copy(), mean_dual.copy(), optimum)


def recorded(
    game: Game, policies: Iterable[Floats], *, every: int = 1, optimum: Any = None
) -> Iterator[Step]:
    """Records of any play, one in `every` of its policies, each with the target that answers it best.

    Raises InvalidGame for what is no policy of the game.
    """
    of_kind("game", game, Game, "a Game")
    _check_whole("every", every)
    try:
        following = iter(policies)
    except TypeError:
        raise InvalidGame(
            f"policies is {shown(policies)}: expected one policy after another"
        ) from None
    for iteration, policy in enumerate(following, 1):
        if iteration % every == 0:
            pi = game.problem.checked(policy)
            yield _step(game, iteration, pi, game.response(pi), optimum)


def _check_whole(name: str, value: Any) -> None:
    if not whole(value, 1):
        raise InvalidGame(f"{name} is {shown(value)}: expected an integer of at least 1")


def _step(game: Game, iteration: int, pi: Floats, u: Floats, optimum: Any) -> Step:
    problem = game.problem
    away = nan
    if optimum is not None:
        away = problem.prompts.mean(np.abs(pi - problem.checked(optimum)).sum(-1))
    pi.flags.writeable = u.flags.writeable = False
    return Step(iteration, problem.J(pi), game.gap(pi, u), away, pi, u)
