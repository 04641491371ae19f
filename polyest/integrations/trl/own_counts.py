"""TRL's rewards from the count of a completion's own answer in its group, or from all counts of the group."""

from collections.abc import Iterable, Sequence
from typing import Unpack

import numpy as np

from polyest.errors import InvalidReward
from polyest.integrations.trl.keywords import GatedKeywords, RewardFunction
from polyest.integrations.trl.reward import Reward, build
from polyest.rewards.custom import OfCount, OfGroup
from polyest.rewards.probability import parsed_attempts
from polyest.rewards.rarity import MEASURES, Measure
from polyest.values import among, either, shown


def log_probability(*, beta: float = 1.0, **keywords: Unpack[GatedKeywords]) -> Reward:
    """Pay the logarithm of the probability of a completion's answer, estimated.

        beta log nu(z),  nu(z) the probability of the answer z, as in `rewards.log_probability`

    Parameters
    ----------
    beta : float
        The factor of all rewards, positive.
    **keywords : GatedKeywords
        How the answers are read and grouped, what is right, and which table is looked up, as in
        `GatedKeywords`; a name that is not known there is a TypeError.

    Returns
    -------
    Reward
        The function for `reward_funcs`; `Reward` says what else it refuses.

    Raises
    ------
    InvalidReward
        If a value is not one that the reward takes, or there is a gate without a bonus, as all of these
        rewards are negative.

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
    coefficients: Iterable[float], *, beta: float = 1.0, **keywords: Unpack[GatedKeywords]
) -> Reward:
    """Pay a polynomial of the probability of a completion's answer, without bias.

        beta sum_m a_m nu(z)^m,  of degree at most G - 2, as in `rewards.polynomial`

    Parameters
    ----------
    coefficients : iterable of float
        The coefficients a_0, a_1, ..., finite.
    beta : float
        The factor of all rewards, positive.
    **keywords : GatedKeywords
        How the answers are read and grouped, and what is right, as in `GatedKeywords`; a name that is not
        known there is a TypeError.  Those that say which table are refused.

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


def tsallis(q: float, *, beta: float = 1.0, **keywords: Unpack[GatedKeywords]) -> Reward:
    """Pay the Tsallis logarithm of the probability of a completion's answer, estimated.

        beta (nu(z)^(q-1) - 1)/(q-1),  as in `rewards.tsallis`

    Parameters
    ----------
    q : float
        The order, positive and below 1024.
    beta : float
        The factor of all rewards, positive.
    **keywords : GatedKeywords
        How the answers are read and grouped, what is right, and which table is looked up, as in
        `GatedKeywords`; a name that is not known there is a TypeError.

    Returns
    -------
    Reward
        The function for `reward_funcs`; `Reward` says what else it refuses.

    Raises
    ------
    InvalidReward
        If a value is not one that the reward takes, or there is a gate without a bonus, as all of these
        rewards are negative.
    InvalidProblem
        If q - 1 is an integer above `num_generations` less 2.

    Examples
    --------
    >>> tsallis(2)(["?"] * 4, ["7", "7", "7", "3"], group_id=["a"] * 4)  # nu - 1
    [0.0, 0.0, 0.0, -1.0]
    """
    return build("tsallis", {"q": q, "beta": beta}, keywords)


def pass_at(k: int, *, beta: float = 1.0, **keywords: Unpack[GatedKeywords]) -> Reward:
    """Pay the chance that one of k completions has the answer, without bias.

        beta (1 - (1 - nu(z))^k),  as in `rewards.pass_at`

    It looks at no right answer; `ground_truth(objective="pass@k")` does.

    Parameters
    ----------
    k : int
        How many completions may try, from 1 to `num_generations` less 2.
    beta : float
        The factor of all rewards, positive.
    **keywords : GatedKeywords
        How the answers are read and grouped, and what is right, as in `GatedKeywords`; a name that is not
        known there is a TypeError.  Those that say which table are refused.

    Returns
    -------
    Reward
        The function for `reward_funcs`; `Reward` says what else it refuses.

    Raises
    ------
    InvalidReward
        If a value is not one that the reward takes.
    InvalidProblem
        If k is no integer of at least 1, or above `num_generations` less 2.

    Examples
    --------
    >>> pass_at(2)(["?"] * 4, ["7", "7", "3", "5"], group_id=["a"] * 4)
    [1.0, 1.0, 0.0, 0.0]
    """
    return build("pass_at", {"k": parsed_attempts(k), "beta": beta}, keywords)


def diversity(
    *,
    measure: Measure = "entropy",
    prior: RewardFunction | None = None,
    beta: float = 1.0,
    **keywords: Unpack[GatedKeywords],
) -> Reward:
    """Pay more for a completion whose answer is rare.

        -beta log nu(z)                under measure="entropy"
        beta (1 - nu(z))               under measure="gini"
        beta (log Q(z) - log nu(z))    under measure="exploration"
        -beta log nu(z | right)        under measure="conditional", all as in `rewards.diversity`

    Parameters
    ----------
    measure : {"entropy", "gini", "exploration", "conditional"}
        What diversity is measured by; "conditional" needs `where`.
    prior : callable or None
        For "exploration" a reward function, as TRL calls it, that gives log Q of each completion's answer.
    beta : float
        The factor of all rewards, positive.
    **keywords : GatedKeywords
        How the answers are read and grouped, what is right, and which table is looked up, as in
        `GatedKeywords`; a name that is not known there is a TypeError.

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
    >>> correct = diversity(measure="gini", where="answer", bonus=1)  # and rare, if it can be
    >>> correct(["?"] * 4, ["7", "7", "3", "5"], group_id=[5] * 4, answer=["7"] * 4)
    [1.5, 1.5, 0.0, 0.0]
    """
    if not among(measure, MEASURES):
        raise InvalidReward(f"measure is {shown(measure)}: expected {either(MEASURES)}")
    if (measure == "exploration") != (prior is not None):
        raise InvalidReward(
            f"measure {shown(measure)} {'needs' if prior is None else 'takes no'} prior=, a reward function "
            "that gives log Q of each answer"
        )
    if measure == "conditional" and keywords.get("where") is None:
        raise InvalidReward(
            'measure "conditional" needs where=, the column with right answers or a reward function'
        )
    return build("diversity", {"measure": measure, "beta": beta}, keywords, prior=prior)


def of_counts(
    entries: Sequence[float] | OfCount, *, beta: float = 1.0, **keywords: Unpack[GatedKeywords]
) -> Reward:
    """Pay the caller's own function of the count of a completion's answer.

        beta c[X],  X of the other completions have the answer, as in `rewards.of_counts`

    Parameters
    ----------
    entries : sequence of float (K+1,), or callable
        The entries c_0..c_K, K = `num_generations` less 2, or a function f(X, K) of two integers.
    beta : float
        The factor of all rewards, positive.
    **keywords : GatedKeywords
        How the answers are read and grouped, and what is right, as in `GatedKeywords`; a name that is not
        known there is a TypeError.  Those that say which table are refused.

    Returns
    -------
    Reward
        The function for `reward_funcs`; `Reward` says what else it refuses.

    Raises
    ------
    InvalidReward
        If a value is not one that the reward takes, or the function raises or gives no finite number.
    Mismatch
        If there are not K + 1 entries.

    Examples
    --------
    >>> of_counts(lambda X, K: X >= 2)(["?"] * 4, ["7", "7", "7", "3"], group_id=["a"] * 4)
    [1.0, 1.0, 1.0, 0.0]
    """
    return build("of_counts", {"entries": entries, "beta": beta}, keywords)


def of_group(f: OfGroup, *, beta: float = 1.0, **keywords: Unpack[GatedKeywords]) -> Reward:
    """Pay the caller's own function of all counts of a group, for which no theorem holds.

        beta f(X_1, .., X_G),  X_i = how often answer i occurs in its group, as in `rewards.of_group`

    Every process asks f for the groups of all.

    Parameters
    ----------
    f : callable
        A function of the counts, integers (G,), and with `where` of which are right, bool (G,), that gives G
        finite numbers.
    beta : float
        The factor of all rewards, positive.
    **keywords : GatedKeywords
        How the answers are read and grouped, and what is right, as in `GatedKeywords`; a name that is not
        known there is a TypeError.  Those that say which table are refused.

    Returns
    -------
    Reward
        The function for `reward_funcs`; `Reward` says what else it refuses.

    Raises
    ------
    InvalidReward
        If a value is not one that the reward takes, or f raises or gives no finite numbers.

    Examples
    --------
    >>> of_group(lambda X: X == X.max())(["?"] * 4, ["7", "7", "7", "3"], group_id=["a"] * 4)
    [1.0, 1.0, 1.0, 0.0]
    """
    return build("of_group", {"f": f, "beta": beta}, keywords)
