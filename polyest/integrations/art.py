"""ART: rewards of a group of trajectories, set after each group was gathered."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol, TypeVar

from polyest.history.ids import Name
from polyest.integrations.correctness import NOT_GIVEN
from polyest.integrations.group_reward import GroupReward, check_prompt, check_truth, visited
from polyest.integrations.messages import Text
from polyest.integrations.messages import said as said_in


class Trajectory(Protocol):
    """What is read of one of ART's trajectories, and its reward, which is set."""

    reward: float

    @property
    def messages_and_choices(self) -> Iterable[object]:
        """Messages, and choices of the model."""

    def messages(self) -> object:
        """Give the messages of the chat."""


class Trajectories(Protocol):
    """What is read of a group of them."""

    @property
    def trajectories(self) -> Iterable[Trajectory]:
        """The trajectories of one prompt."""


Group = TypeVar("Group", bound=Trajectories)


def final(trajectory: Trajectory) -> Text:
    """Take the text of the last message of the model in one of ART's trajectories.

    A choice that was cut (its `finish_reason` is "length" or "content_filter") and a message that calls tools
    are no answer.

    Parameters
    ----------
    trajectory : Trajectory
        One of ART's trajectories.

    Returns
    -------
    str or None
        The text, None for no answer.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> def ended(reason):
    ...     said = [{"role": "user", "content": "3+4?"}, {"role": "assistant", "content": "so 7"}]
    ...     choices = [said[0], SimpleNamespace(finish_reason=reason)]
    ...     return SimpleNamespace(messages_and_choices=choices, messages=lambda: said)
    >>> final(ended("stop")), final(ended("length"))
    ('so 7', None)
    """
    choices: list[Any] = [
        one for one in trajectory.messages_and_choices if hasattr(one, "finish_reason")
    ]
    if choices and choices[-1].finish_reason in ("length", "content_filter"):
        return None
    return said_in(trajectory.messages())


def art(
    reward: GroupReward,
    text: Callable[[Trajectory], Text] = final,
    prompt: Callable[[Group], Name] | None = None,
    truth: Callable[[Group], object] | None = None,
) -> Callable[[Group], Awaitable[Group | None]]:
    """Make the function that ART's gather_trajectory_groups(after_each=) takes.

    The function is async f(group) -> the group, with the rewards of its trajectories set.  A history
    records each group; evaluation is for a reward without one.  ART leaves
    trajectories that failed out of the group, and the others are counted.  An empty group is dropped (None),
    and so is one that is too small where the reward says incomplete="zero".

    Parameters
    ----------
    reward : GroupReward
        What pays a group.
    text : callable
        A function of a trajectory that gives the text with the answer, or None.
    prompt : callable or None
        A function of a group that gives the id of its prompt, for a reward with a history.
    truth : callable or None
        A function of a group that gives its right answer, for a reward that asks what is right.

    Returns
    -------
    callable
        The function, whose result is the group, or None for one that is dropped.

    Examples
    --------
    >>> import asyncio
    >>> from types import SimpleNamespace
    >>> spoken = [SimpleNamespace(said=text) for text in ("7", "so 7", "7.0", "3")]
    >>> pay = art(GroupReward("log_probability", table="harmonic"), lambda trajectory: trajectory.said)
    >>> group = asyncio.run(pay(SimpleNamespace(trajectories=spoken)))
    >>> [trajectory.reward for trajectory in group.trajectories]
    [0.0, 0.0, 0.0, -1.5]
    """

    check_prompt(reward, prompt)
    check_truth(reward.options.asks, truth)

    async def after_each(group: Group) -> Group | None:
        texts = [text(trajectory) for trajectory in group.trajectories]
        small = len(texts) < reward.options.least
        if not texts or (small and reward.options.incomplete == "zero"):
            return None
        asked = None if prompt is None else prompt(group)
        paying = visited(reward, texts, asked, NOT_GIVEN if truth is None else truth(group))
        for trajectory, paid in zip(group.trajectories, paying, strict=True):
            trajectory.reward = paid
        return group

    return after_each
