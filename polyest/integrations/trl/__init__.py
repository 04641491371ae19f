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
from polyest.integrations.trl.part import train_on
from polyest.integrations.trl.reward import Keywords, OrbitKeywords, Reward, build
from polyest.integrations.trl.safety_reward import SafetyReward
from polyest.integrations.trl.setup import check, order_by_orbit
from polyest.values import shown

if TYPE_CHECKING:
    from polyest.integrations.trl.callbacks import Check, MultiplierCallback
    from polyest.integrations.trl.history_callback import HistoryCallback

# No file of this folder has one of these names: its import would replace the function by the module.
__all__ = [
    "Check",
    "HistoryCallback",
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
    "train_on",
]


def log_probability(*, beta: float = 1.0, **keywords: Unpack[Keywords]) -> Reward:
    """Pay the logarithm of the probability of a completion's answer, estimated.

        beta log nu(z),  nu(z) the probability of the answer z, as in `rewards.log_probability`

    Parameters
    ----------
    beta : float
        The factor of all rewards, positive.
    **keywords : Keywords
        How the answers are read and grouped, and which table is looked up, as in `Keywords`; a name that is
        not known there is a TypeError.

    Returns
    -------
    Reward
        The function for `reward_funcs`; `Reward` says what else it refuses.

    Raises
    ------
    InvalidReward
        If a value is not one that the reward takes.

    Examples
    --------
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
    """Pay a polynomial of the probability of a completion's answer, without bias.

        beta sum_m a_m nu(z)^m,  of degree at most G - 2, as in `rewards.polynomial`

    Parameters
    ----------
    coefficients : iterable of float
        The coefficients a_0, a_1, ..., finite.
    beta : float
        The factor of all rewards, positive.
    **keywords : Keywords
        How the answers are read and grouped, as in `Keywords`; a name that is not known there is a TypeError.
        Those that say which table are refused.

    Returns
    -------
    Reward
        The function for `reward_funcs`; `Reward` says what else it refuses.

    Raises
    ------
    InvalidReward
        If a coefficient is not finite, or a value is not one that the reward takes.
    InvalidProblem
        If the degree is above `num_generations` less 2.

    Examples
    --------
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
    """Pay more for a completion whose answer is rare.

        -beta log nu(z)        under measure="entropy"
        beta (1 - nu(z))       under measure="gini", as in `rewards.diversity`

    Parameters
    ----------
    measure : {"entropy", "gini"}
        What diversity is measured by.
    beta : float
        The factor of all rewards, positive.
    **keywords : Keywords
        How the answers are read and grouped, and which table is looked up, as in `Keywords`; a name that is
        not known there is a TypeError.

    Returns
    -------
    Reward
        The function for `reward_funcs`; `Reward` says what else it refuses.

    Raises
    ------
    InvalidReward
        If `measure` is unknown, or a value is not one that the reward takes.

    Examples
    --------
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
    """Pay for the right answer, which a column of the dataset has; others earn 0.

        beta J'(nu),  J the objective and nu the probability of the right answer, as in `rewards.ground_truth`

    All rows of a prompt whose right answer cannot be read earn 0.  They are counted (`Reward.unread`, logged
    as a share) and warned of once (UnreadableLabel); where no right answer can be read at all, the reward
    raises InvalidAnswer.

    Parameters
    ----------
    truth : str
        The name of the column.  It is read by `kind` as the answers are, and needs no box.
    objective : {"accuracy", "log", "pass@k"}
        The goal J.
    k : int or None
        The number of completions that may try, for "pass@k" only.
    beta : float
        The factor of all rewards, positive.
    **keywords : Keywords
        How the answers are read and grouped, as in `Keywords`; a name that is not known there is a TypeError.
        Those that say which table are an UnknownOption.

    Returns
    -------
    Reward
        The function for `reward_funcs`; `Reward` says what else it refuses.

    Raises
    ------
    InvalidReward
        If a value is not one that the reward takes.

    Examples
    --------
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
    """Pay the answer that occurs most often in an orbit; others earn 0.

        beta 1[z is the mode],  as in `rewards.coherence`

    Parameters
    ----------
    orbit_size : int
        The number of prompts of an orbit; 1 is the majority vote of a group.
    ties : {"all", "least"}
        Whether all answers that occur most often are paid, or only the one with the least id.
    beta : float
        The factor of all rewards, positive.
    **keywords : OrbitKeywords
        How the answers are read and grouped, as in `OrbitKeywords`; a name that is not known there is a
        TypeError.  Those that say which table are an UnknownOption.

    Returns
    -------
    Reward
        The function for `reward_funcs`; `Reward` says what else it refuses.

    Raises
    ------
    InvalidReward
        If a value is not one that the reward takes.

    Examples
    --------
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
    """Pay the logarithm of the mean probability of an answer over the prompts of an orbit.

        beta log of the mean of nu_1(z), .., nu_m(z),  as in `rewards.soft_consistency`

    Parameters
    ----------
    orbit_size : int
        The number of prompts of an orbit.
    mean : {"arithmetic", "geometric"}
        Which mean is taken.
    beta : float
        The factor of all rewards, positive.
    **keywords : OrbitKeywords
        How the answers are read and grouped, and which table is looked up, as in `OrbitKeywords`; a name that
        is not known there is a TypeError.

    Returns
    -------
    Reward
        The function for `reward_funcs`; `Reward` says what else it refuses.

    Raises
    ------
    InvalidReward
        If a value is not one that the reward takes.

    Examples
    --------
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
    encode: Callable[[list[str]], object] | None = None,
    distance: Callable[[list[str]], object] | None = None,
    include_self: bool = True,
    beta: float = 1.0,
    **keywords: Unpack[OrbitKeywords],
) -> Reward:
    """Pay a completion for its mean agreement with the completions of its orbit.

        beta times the mean agreement,  as in `rewards.pairwise`

    Without `fuzzy`, `encode` and `distance` answers agree where they are equal.  With one of them whole
    completions are compared, `kind` is not used, and every process compares all of them.

    Parameters
    ----------
    orbit_size : int
        The number of prompts of an orbit.
    fuzzy : bool
        Whether completions are compared by rapidfuzz.
    encode : callable or None
        A function of n completions that gives their embeddings (n, d), finite and not 0.
    distance : callable or None
        A function of n completions that gives a matrix (n, n) of numbers in [0, 1].
    include_self : bool
        Whether a completion agrees with itself; without, the mean is over the others.
    beta : float
        The factor of all rewards, positive.
    **keywords : OrbitKeywords
        How the answers are read and grouped, as in `OrbitKeywords`; a name that is not known there is a
        TypeError.  Those that say which table are an UnknownOption.

    Returns
    -------
    Reward
        The function for `reward_funcs`; `Reward` says what else it refuses.

    Raises
    ------
    InvalidReward
        If several ways to compare are given, or a value is not one that the reward takes.
    NotInstalled
        If `fuzzy` is asked for without rapidfuzz.

    Examples
    --------
    >>> pairwise(orbit_size=1)(["?"] * 4, ["7", "7", "3", None], group_id=[0] * 4)
    [0.5, 0.5, 0.25, 0.0]
    """
    ways = {"fuzzy": fuzzy, "encode": encode, "distance": distance}
    arguments = {**ways, "include_self": include_self, "beta": beta}
    return build("pairwise", arguments, keywords, orbit_size, texts=any(ways.values()))


def safety(
    cost: Callable[[str], object], multiplier: rewards.Multiplier, *, name: str | None = None
) -> SafetyReward:
    """Pay minus the price of a completion's cost, which a multiplier moves.

        -lambda cost(completion),  as in `SafetyReward`

    Parameters
    ----------
    cost : callable
        A function of a text that gives a finite number, or one for each budget.
    multiplier : Multiplier
        What holds lambda; `MultiplierCallback` moves it.
    name : str or None
        The reward's `__name__`, under which TRL logs it; None makes it from that of the cost.

    Returns
    -------
    SafetyReward
        The function for `reward_funcs`.

    Raises
    ------
    InvalidReward
        If `cost` is no callable or `multiplier` no Multiplier.

    Examples
    --------
    >>> reward = safety(len, rewards.Multiplier(1.0, rate=0.1, start=0.5))
    >>> reward(prompts=["?"] * 3, completions=["a", "abc", None])
    [-0.5, -1.5, None]
    """
    return SafetyReward(cost, multiplier, name)


def __getattr__(name: str) -> Any:
    home = {"HistoryCallback": "history_callback"}.get(name, "callbacks")
    if name in ("Check", "HistoryCallback", "MultiplierCallback"):  # their base is in transformers
        return getattr(import_module(f"polyest.integrations.trl.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
