"""Trinity-RFT: advantages of a group of experiences, chosen by the path of the class.

    algorithm:
      advantage_fn: polyest.integrations.trinity.CountedAdvantage
      advantage_fn_args: {reward: log_probability, kind: boxed, beta: 0.1, noise: 8}

Nothing is divided by a standard deviation.  Where Trinity-RFT is not installed the class cannot be made.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from polyest import metrics
from polyest.errors import BrokenBatch, NotInstalled
from polyest.integrations.group_reward import GroupReward, check_truth
from polyest.integrations.judge import above_half
from polyest.integrations.messages import Text, said
from polyest.selection import silent

try:
    from trinity.algorithm.advantage_fn import GroupAdvantage

    MISSING = False
except ImportError:
    MISSING, GroupAdvantage = True, object

__all__ = ["CountedAdvantage"]


class Experience(Protocol):
    """What is read of one of Trinity-RFT's experiences, and its advantages, which are set."""

    eid: Any
    response_text: str | None
    messages: Any
    truncate_status: str | None
    reward: float | None
    info: dict[str, Any]
    action_mask: Any
    advantages: Any
    returns: Any


class CountedAdvantage(GroupAdvantage):  # type: ignore[misc]
    """Give each experience of a task the centred reward of its answer, on the tokens of its actions.

    A response that was cut has no answer.  It raises NotInstalled without Trinity-RFT, and InvalidAnswer and
    InvalidReward as `GroupReward` does.

    Parameters
    ----------
    reward : str
        A reward that the registry offers to groups, such as "log_probability".
    truth : str or None
        The entry of an experience's `info` that holds the right answer, where the reward asks what is right;
        None to take for right what the workflow rewards with more than 1/2.
    **options : object
        As for `GroupReward`.
    """

    def __init__(
        self, reward: str = "log_probability", *, truth: str | None = None, **options: object
    ) -> None:
        """The advantage of a reward by name."""
        if MISSING:
            raise NotInstalled("Trinity-RFT is not installed: pip install trinity-rft")
        super().__init__()
        self.reward = GroupReward(reward, centred=True, **options)
        self.truth = truth
        if truth is not None:
            check_truth(self.reward.options.asks, truth)

    def group_experiences(self, exps: Sequence[Experience]) -> dict[str, list[Experience]]:
        """Put experiences of one task into a group.

        Parameters
        ----------
        exps : sequence of Experience
            The experiences of a batch.

        Returns
        -------
        dict of str to list of Experience
            The groups by the id of their task, which the batch is a part of.
        """
        groups: dict[str, list[Experience]] = {}
        for one in exps:
            groups.setdefault(one.eid.tid, []).append(one)
        return groups

    def calculate_group_advantage(
        self, group_id: str, exps: list[Experience]
    ) -> tuple[list[Experience], dict[str, float]]:
        """Set the advantages of a group, and give its metrics.

        Parameters
        ----------
        group_id : str
            The id of the task, for messages.
        exps : list of Experience
            The experiences of the task, one for each run.

        Returns
        -------
        tuple of (list of Experience, dict of str to float)
            The experiences, and `metrics.of_batch` of the group, of which Trinity-RFT takes means.

        Raises
        ------
        BrokenBatch
            If a run has several experiences, or the group is larger than promised or too small.
        InvalidReward
            If a reward is infinite in float32.
        TableNotFound
            If no table is released for the size of the group.
        """
        if len({one.eid.rid for one in exps}) < len(exps):
            raise BrokenBatch(
                f"task {group_id!r} has several experiences of one run, whose answer would be counted "
                "several times: expected one for each run"
            )
        texts = [_text(one) for one in exps]
        paid = self.reward(texts, **self._right(exps))
        for one, value in zip(exps, paid, strict=True):
            one.advantages = value * one.action_mask
            one.returns = one.advantages.clone()
        told = {"no_signal": float(silent([paid])[0])}
        if not any(
            self.reward.options.keywords.get(way) for way in ("fuzzy", "encode", "distance")
        ):
            told |= metrics.of_batch(self.reward.reader.ids(texts)[None])
        return exps, told

    def _right(self, exps: list[Experience]) -> dict[str, Any]:
        """What is right, in the keywords of `GroupReward`; none where it does not matter."""
        if not self.reward.options.asks:
            return {}
        if self.truth is not None:
            return {"truth": exps[0].info.get(self.truth)}
        scores = [one.reward for one in exps if one.reward is not None]
        if len(scores) < len(exps):
            return {"truth": None}
        return {"right": above_half("the workflow", np.array(scores, float))}

    @classmethod
    def default_args(cls) -> dict[str, object]:
        """Give the arguments where a configuration has none.

        Returns
        -------
        dict of str to object
            The arguments.
        """
        return {"reward": "log_probability"}


def _text(experience: Experience) -> Text:
    """The text with the answer; None where it was cut."""
    if experience.truncate_status == "response_truncated":
        return None
    if experience.response_text is not None or not experience.messages:
        return experience.response_text
    return said(experience.messages)
