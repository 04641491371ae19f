"""Rewards for GRPOTrainer and RLOOTrainer of TRL: from completions to counts to rewards.

    from polyest.integrations import trl
    reward = trl.log_probability(beta=0.1)
    GRPOTrainer(..., reward_funcs=reward, callbacks=[trl.Check(reward)])

Both trainers subtract the mean of a group (RLOO that of the others, which is G/(G-1) times the same), so
the table is always that of K = G - 2 draws.  A reward is a plain object that can be pickled.  A completion
without answer earns the least that a count can earn.  What a reward pays depends on the batch alone, in
evaluation too.  Groups are those of the trainer, which the reward finds through `log_metric`; groups that
are cut between processes are counted whole.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Unpack

import numpy as np

from polyest import rewards
from polyest.errors import InvalidReward
from polyest.integrations.trl.reward import Keywords, OrbitKeywords, Reward, build
from polyest.integrations.trl.safety_reward import SafetyReward
from polyest.integrations.trl.setup import check, order_by_orbit
from polyest.values import shown

if TYPE_CHECKING:
    from polyest.integrations.trl.callbacks import Check, MultiplierCallback

# No file of this folder has one of these names: its import would replace the function by the module.
__all__ = [
    "Check",
    "MultiplierCallback",
    "Reward",
    "SafetyReward",
    "check",
    "coherence",
    "diversity",
    "ground_truth",
    "log_probability",
    "order_by_orbit",
    "pairwise",
    "polynomial",
    "safety",
    "soft_consistency",
]


def log_probability(*, beta: float = 1.0, **keywords: Unpack[Keywords]) -> Reward:
    """Rewards beta log nu(z), estimated: `rewards.log_probability`.

    >>> reward = log_probability(table="harmonic", dyadic=False)
    >>> reward(["2+2?"] * 4, ["4", "so 4", "5", "?"], group_id=[0] * 4)  # K = 2: log 2/2, log 1/2
    [-0.5, -0.5, -1.5, -1.5]
    >>> reward.__name__
    'log_probability-dyadicFalse-tableharmonic'
    """
    return build("log_probability", {"beta": beta}, keywords)


def polynomial(
    coefficients: Iterable[float], *, beta: float = 1.0, **keywords: Unpack[Keywords]
) -> Reward:
    """Rewards beta sum_m a_m nu(z)^m, without bias, of degree at most G - 2: `rewards.polynomial`.

    >>> polynomial((0, 1))(["?"] * 4, ["7", "7", "7", "3"], group_id=["a"] * 4)
    [1.0, 1.0, 1.0, 0.0]
    """
    powers = tuple(float(a) for a in coefficients)
    if not np.isfinite(powers).all():
        raise InvalidReward(f"coefficients {powers}: expected finite numbers a_0, a_1, ...")
    return build("polynomial", {"coefficients": powers, "beta": beta}, keywords)


def diversity(
    *,
    measure: Literal["entropy", "gini"] = "entropy",
    beta: float = 1.0,
    **keywords: Unpack[Keywords],
) -> Reward:
    """Rewards -beta log nu(z), or beta (1 - nu(z)) with measure="gini": `rewards.diversity`.

    >>> diversity(measure="gini")(["?"] * 4, ["7", "7", "7", "3"], group_id=[5] * 4)
    [0.0, 0.0, 0.0, 1.0]
    """
    if measure not in ("entropy", "gini"):
        raise InvalidReward(f"measure is {shown(measure)}: expected entropy or gini")
    return build("diversity", {"measure": measure, "beta": beta}, keywords)


def ground_truth(
    *,
    truth: str = "answer",
    objective: Literal["accuracy", "log", "pass@k"] = "accuracy",
    k: int | None = None,
    beta: float = 1.0,
    **keywords: Unpack[Keywords],
) -> Reward:
    """Rewards beta J'(nu) for the right answer, which a column has: `rewards.ground_truth`.

    truth: the name of the column.  It is read by kind= as the answers are, and needs no box.

    All rows of a prompt whose right answer cannot be read earn 0.  They are counted (`Reward.unread`,
    logged as a share) and warned of once; where no right answer can be read at all, InvalidAnswer is
    raised.  Of the keywords that say which table it takes none.

    >>> ground_truth()(["2+2?"] * 3, ["it is 4", "5", "none"], group_id=[0] * 3, answer=["4"] * 3)
    [1.0, 0.0, 0.0]
    """
    arguments = {"objective": objective, "k": k, "beta": beta}
    return build("ground_truth", arguments, keywords, truth=truth)


def coherence(
    *,
    orbit_size: int,
    ties: Literal["all", "least"] = "all",
    beta: float = 1.0,
    **keywords: Unpack[OrbitKeywords],
) -> Reward:
    """Rewards beta for the mode of the answers of an orbit, 0 for others: `rewards.coherence`.

    orbit_size: prompts of an orbit; 1 is the majority vote of a group.

    >>> coherence(orbit_size=1)(["?"] * 3, ["7", "7", "3"], group_id=[1, 1, 1])
    [1.0, 1.0, 0.0]
    """
    return build("coherence", {"ties": ties, "beta": beta}, keywords, orbit_size)


def soft_consistency(
    *,
    orbit_size: int,
    mean: Literal["arithmetic", "geometric"] = "arithmetic",
    beta: float = 1.0,
    **keywords: Unpack[OrbitKeywords],
) -> Reward:
    """Rewards beta log of the mean of nu(z) over the prompts of an orbit: `rewards.soft_consistency`.

    >>> reward = soft_consistency(orbit_size=2, mean="geometric", table="log_count", dyadic=False)
    >>> found = reward(
    ...     ["2+2?"] * 4 + ["two and two?"] * 4, list("77737337"),
    ...     group_id=[0] * 4 + [1] * 4, orbit_id=[0] * 8,
    ... )
    >>> [round(r, 3) for r in found]
    [-0.255, -0.255, -0.255, -0.805, -0.314, -0.661, -0.661, -0.314]
    """
    return build("soft_consistency", {"mean": mean, "beta": beta}, keywords, orbit_size)


def pairwise(
    *,
    orbit_size: int,
    fuzzy: bool = False,
    encode: Callable[[list[str]], Any] | None = None,
    distance: Callable[[list[str]], Any] | None = None,
    include_self: bool = True,
    beta: float = 1.0,
    **keywords: Unpack[OrbitKeywords],
) -> Reward:
    """Rewards beta times the mean agreement of a completion with those of its orbit: `rewards.pairwise`.

    Without fuzzy=, encode= and distance= answers agree where they are equal.  With one of them whole
    completions are compared, kind= is not used, and every process compares all of them.

    >>> pairwise(orbit_size=1)(["?"] * 4, ["7", "7", "3", None], group_id=[0] * 4)
    [0.5, 0.5, 0.25, 0.0]
    """
    ways = {"fuzzy": fuzzy, "encode": encode, "distance": distance}
    arguments = {**ways, "include_self": include_self, "beta": beta}
    return build("pairwise", arguments, keywords, orbit_size, texts=any(ways.values()))


def safety(
    cost: Callable[[str], Any], multiplier: rewards.Multiplier, *, name: str | None = None
) -> SafetyReward:
    """The reward -lambda cost(completion) of `SafetyReward`."""
    return SafetyReward(cost, multiplier, name)


def __getattr__(name: str) -> Any:
    if name in ("Check", "MultiplierCallback"):  # their base is in transformers
        return getattr(import_module("polyest.integrations.trl.callbacks"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
