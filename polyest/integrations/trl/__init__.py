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

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Unpack

from polyest import rewards
from polyest.integrations.trl.keywords import Keywords
from polyest.integrations.trl.over_orbits import coherence, pairwise, soft_consistency
from polyest.integrations.trl.own_counts import (
    diversity,
    log_probability,
    of_counts,
    of_group,
    pass_at,
    polynomial,
    tsallis,
)
from polyest.integrations.trl.part import train_on
from polyest.integrations.trl.reward import Reward, build
from polyest.integrations.trl.safety_reward import SafetyReward
from polyest.integrations.trl.setup import check, order_by_orbit

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
    "of_counts",
    "of_group",
    "order_by_orbit",
    "pairwise",
    "pass_at",
    "polynomial",
    "safety",
    "soft_consistency",
    "train_on",
    "tsallis",
]


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


def safety(
    cost: Callable[[str], object], multiplier: rewards.Multiplier, *, name: str | None = None
) -> SafetyReward:
    """Pay minus a completion's cost times its Lagrange multiplier.

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
