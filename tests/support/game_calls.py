"""What a valid call is, and one of every public function of `polyest.games`, as in calls.py."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any

import numpy as np

import polyest
from polyest import games

GROUP = [[7, 7, 7, 3, 5]]
TABLE = frozenset({"criterion", "bias", "bias_ratio", "noise"})
OPTIONS = TABLE | {
    "beta", "groups", "sizes", "counting", "reference", "baseline", "history", "prompts", "table",
    "dyadic", "no_answer", "unanswered",
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    """A function with arguments by name that it takes.

    tried: keywords that are tried beside them; nan, infinite: what may come out; costly: above .1 s.
    """

    function: Callable[..., Any]
    arguments: dict[str, Any]
    tried: frozenset[str] = field(default_factory=frozenset)
    nan: bool = False
    infinite: bool = False
    costly: bool = False


@cache
def problem() -> Any:
    return games.pose([[0.6, 0.4]], [0, 1], games.Diversity(games.negative_entropy()), 2.0)


@cache
def game() -> Any:
    return games.Game(problem())


def mixture() -> Any:
    return games.Mixture(np.array([[-1.0]]), np.zeros((1, 2)))


def all_of(function: Callable[..., Any]) -> Callable[..., list[Any]]:
    """The function with the first that it yields as a list."""
    return lambda **arguments: list(islice(function(**arguments), 3))


def method(kind: str, name: str, made: Callable[[], Any]) -> Callable[..., Any]:
    """A method of what `made` makes anew in every call."""
    return lambda **arguments: getattr(made(), name)(**arguments)


def game_calls() -> dict[str, Call]:
    """The calls of games that are tried with odd values."""
    play = {"rates": [0.5], "rng": 0}
    return {
        "games.Game": Call(
            games.Game, {"problem": problem(), "geometry": games.euclidean(), "sign": 1}
        ),
        **{
            f"games.Game.{name}": Call(
                method("Game", name, game), {"u": [[0.1, 0.2]]}, infinite=True
            )
            for name in ("checked", "policy", "least", "target")
        },
        **{
            f"games.Game.{name}": Call(method("Game", name, game), {"target": [[0.5, 0.5]]})
            for name in ("dual", "reward")
        },
        **{
            f"games.Game.{name}": Call(
                method("Game", name, game),
                {"policy": [[0.5, 0.5]], "u": [[0.1, 0.2]]},
                infinite=True,
            )
            for name in ("value", "gap")
        },
        **{
            f"games.Game.{name}": Call(method("Game", name, game), {"policy": [[0.5, 0.5]]})
            for name in ("response", "best_target", "listed_target")
        },
        **{
            f"games.Alft.{name}": Call(method("Alft", name, problem), {"policy": [[0.5, 0.5]]})
            for name in ("J", "prices", "gradient", "checked")
        },
        "games.Alft.distilled": Call(method("Alft", "distilled", problem), {"nu": [[0.5, 0.5]]}),
        "games.alternating": Call(
            all_of(games.alternating),
            {"game": game(), "steps": 1, "policy": [[0.5, 0.5]], "damping": 0.5, "optimum": None},
            nan=True,
        ),
        "games.arithmetic_mean": Call(
            games.arithmetic_mean, {"nu": np.array([[0.5, 0.5]]), "weights": np.array([1.0])}
        ),
        "games.by_cones": Call(games.by_cones, {"problem": problem()}),
        "games.by_descent": Call(games.by_descent, {"problem": problem()}),
        "games.equilibrium": Call(games.equilibrium, {"game": game(), "within": 1e-9}),
        "games.euclidean": Call(games.euclidean, {}),
        "games.geometric_mean": Call(
            games.geometric_mean, {"nu": np.array([[0.5, 0.5]]), "weights": np.array([1.0])}
        ),
        "games.gradient_policies": Call(
            all_of(games.gradient_policies),
            {
                "problem": problem(),
                "reward": mixture(),
                "own": polyest.load(3),
                "others": None,
                "group": 5,
                "groups": 1,
                **play,
            },
        ),
        "games.mirror_descent": Call(
            all_of(games.mirror_descent),
            {
                "game": game(),
                "reward": mixture(),
                "table": polyest.load(3),
                "groups": 1,
                "every": 1,
                "optimum": [[0.5, 0.5]],
                **play,
            },
        ),
        "games.mirror_policies": Call(
            all_of(games.mirror_policies),
            {
                "problem": problem(),
                "reward": mixture(),
                "table": polyest.load(3),
                "groups": 1,
                **play,
            },
        ),
        "games.mode": Call(games.mode, {"nu": np.array([[0.5, 0.5]]), "weights": np.array([1.0])}),
        "games.negative_entropy": Call(games.negative_entropy, {}),
        "games.no_regret": Call(
            all_of(games.no_regret),
            {"game": game(), "steps": 1, "rate": 1.0, "every": 1, "optimum": None},
            nan=True,
        ),
        "games.policy_gradient": Call(
            all_of(games.policy_gradient),
            {
                "game": game(),
                "reward": mixture(),
                "own": polyest.load(3),
                "others": None,
                "group": 5,
                "groups": 1,
                "every": 1,
                "optimum": [[0.5, 0.5]],
                **play,
            },
        ),
        "games.polynomial": Call(games.polynomial, {"coefficients": [0, 0, 0.5]}),
        "games.pose": Call(
            games.pose,
            {
                "reference": [[0.6, 0.4]],
                "answers": [0, 1],
                "goal": games.StandardRL((1.0, 0.0)),
                "beta": 1.0,
                "weights": [1.0],
                "orbits": [[0]],
                "geometry": games.euclidean(),
            },
        ),
        "games.recorded": Call(
            all_of(games.recorded),
            {"game": game(), "policies": [[[0.5, 0.5]]], "every": 1, "optimum": None},
            nan=True,
        ),
        "games.rewards": Call(
            games.rewards,
            {"geometry": games.negative_entropy(), "answers": GROUP, "sign": 1},
            OPTIONS - {"table", "dyadic", "unanswered", "groups", "sizes"},
            nan=True,
        ),
        "games.squared_hellinger": Call(
            games.squared_hellinger, {"nu": np.array([[0.5, 0.5]]), "weights": np.array([1.0])}
        ),
        "games.table": Call(
            games.table,
            {"geometry": games.negative_entropy(), "group": 5, "counting": "in-group"},
            TABLE | {"baseline"},
        ),
        "games.tsallis": Call(games.tsallis, {"order": 0.5}),
        **{
            f"games.{goal}": Call(
                lambda goal=goal, **fields: games.pose(
                    [[0.6, 0.4]], [0, 1], getattr(games, goal)(**fields)
                ).J([[0.5, 0.5]]),
                fields,
            )
            for goal, fields in {
                "StandardRL": {"r": (1.0, 0.0)},
                "GroundTruth": {"answers": (1,)},
                "Diversity": {"geometry": games.euclidean(), "scale": 1.0},
                "Coherence": {"consensus": "mode"},
                "Safety": {"cost": [[1.0, 0.0]], "budget": [0.75], "bound": 2.0},
            }.items()
        },
    }
