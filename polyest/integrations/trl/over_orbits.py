"""TRL's rewards from the answers of an orbit, the prompts that ask the same."""

from collections.abc import Callable
from typing import Literal, Unpack

from polyest.integrations.trl.keywords import OrbitKeywords
from polyest.integrations.trl.reward import Reward, build


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
    >>> paid = reward(
    ...     ["2+2?"] * 4 + ["two and two?"] * 4, list("77737337"),
    ...     group_id=[0] * 4 + [1] * 4, orbit_id=[0] * 8,
    ... )
    >>> [round(r, 3) for r in paid]
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
