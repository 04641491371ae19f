"""tinker-cookbook: the rewards of a group, which an EnvGroupBuilder computes."""

from collections.abc import Awaitable, Callable, Iterable

from polyest.history.ids import Name
from polyest.integrations.correctness import NOT_GIVEN
from polyest.integrations.group_reward import GroupReward, check_prompt, check_truth, visited
from polyest.integrations.messages import Text

Paid = list[tuple[float, dict[str, float]]]  # reward and metrics of each trajectory
# Values of StopReason with which a trajectory is not finished.
LIMITS = (
    "max_tokens",
    "max_sampled_tokens",
    "max_tool_calls",
    "context_overflow",
    "rollout_timeout",
)


def tinker(
    reward: GroupReward,
    text: Callable[[object], Text],
    prompt: Callable[[object], Name] | None = None,
    truth: Callable[[object], object] | None = None,
) -> Callable[..., Awaitable[Paid]]:
    """Make the method compute_group_rewards of an EnvGroupBuilder of tinker-cookbook.

    A trajectory that ended at a limit, or whose last tokens did (`stop_reason` is "length"), has no answer.
    The trainer adds the rewards of the steps, so let those be 0.

    Parameters
    ----------
    reward : GroupReward
        What pays a group.
    text : callable
        A function of a trajectory that gives the text with the answer, or None.
    prompt : callable or None
        A function of the builder that gives the id of its prompt, for a reward with a history, which records
        each group; builders of an evaluation have a reward without one.
    truth : callable or None
        A function of the builder that gives the right answer, for a reward that asks what is right.

    Returns
    -------
    callable
        The method, which is async and gives (reward, metrics) for each trajectory.

    Examples
    --------
    >>> import asyncio
    >>> class Builder:
    ...     compute_group_rewards = tinker(GroupReward("log_probability", table="harmonic"), str)
    >>> asyncio.run(Builder().compute_group_rewards(["7", "so 7", "7.0", "3"], None))
    [(0.0, {}), (0.0, {}), (0.0, {}), (-1.5, {})]
    """

    check_prompt(reward, prompt)
    check_truth(reward.options.asks, truth)

    async def compute_group_rewards(
        self: object, trajectory_group: Iterable[object], env_group: object
    ) -> Paid:
        texts = [None if _ran_out(one) else text(one) for one in trajectory_group]
        asked = None if prompt is None else prompt(self)
        paid = visited(reward, texts, asked, NOT_GIVEN if truth is None else truth(self))
        return [(value, {}) for value in paid]

    return compute_group_rewards


def _ran_out(trajectory: object) -> bool:
    """Whether a trajectory ended at a limit."""
    turns = getattr(trajectory, "transitions", None)
    cut = turns and getattr(turns[-1].ac, "stop_reason", None) == "length"
    return bool(cut) or getattr(trajectory, "stop_reason", None) in LIMITS
