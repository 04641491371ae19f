"""slime: a reward of whole groups, which it asks for with --custom-rm-path and --group-rm."""

from collections.abc import Awaitable, Callable
from typing import Any

from polyest.errors import BrokenBatch
from polyest.integrations.group_reward import GroupReward

# Values of Sample.Status with which the response is not finished.
UNFINISHED = ("truncated", "aborted", "failed", "pending")


def slime(reward: GroupReward) -> Callable[..., Awaitable[list[float]]]:
    """For slime's --custom-rm-path with --group-rm: async rm(args, samples) -> rewards.

    It reads sample.response.  A sample whose status is one of `UNFINISHED` has no answer, and stays among
    the draws.  Raises BrokenBatch for a single sample (--group-rm is missing), and where a completion was
    split into several samples.
    """

    async def rm(args: Any, samples: Any, **_: Any) -> list[float]:
        if not isinstance(samples, list):
            raise BrokenBatch("one sample in place of its group: start slime with --group-rm")
        if any(isinstance(sample, list) for sample in samples):
            raise BrokenBatch(
                "a completion in several samples, which would be counted as several: expected one for each"
            )
        return reward([None if _unfinished(sample) else sample.response for sample in samples])

    return rm


def _unfinished(sample: Any) -> bool:
    status = getattr(sample, "status", None)
    return str(getattr(status, "value", status)).lower() in UNFINISHED
