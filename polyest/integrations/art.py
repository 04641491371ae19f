"""ART: rewards of a group of trajectories, set after each group was gathered."""

from collections.abc import Awaitable, Callable
from typing import Any

from polyest.integrations.group_reward import GroupReward
from polyest.integrations.messages import Text
from polyest.integrations.messages import said as said_in


def final(trajectory: Any) -> Text:
    """The text of the last message of the model in one of ART's trajectories, or None.

    A choice that was cut (its finish_reason is "length" or "content_filter") and a message that calls tools
    are no answer.
    """
    choices = [one for one in trajectory.messages_and_choices if hasattr(one, "finish_reason")]
    if choices and choices[-1].finish_reason in ("length", "content_filter"):
        return None
    return said_in(trajectory.messages())


def art(
    reward: GroupReward, text: Callable[[Any], Text] = final
) -> Callable[[Any], Awaitable[Any]]:
    """For ART's gather_trajectory_groups(after_each=): async f(group) -> the group, with its rewards set.

    text: a function of a trajectory that gives the text with the answer, or None.

    ART leaves trajectories that failed out of the group, and the others are counted.  An empty group is
    dropped (None), and so is one that is too small where the reward says incomplete="zero".
    """

    async def after_each(group: Any) -> Any:
        found = [text(trajectory) for trajectory in group.trajectories]
        small = len(found) < reward.options.least
        if not found or (small and reward.options.incomplete == "zero"):
            return None
        for trajectory, paid in zip(group.trajectories, reward(found), strict=True):
            trajectory.reward = paid
        return group

    return after_each
