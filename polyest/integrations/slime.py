"""slime: a reward of whole groups, which it asks for with --custom-rm-path and --group-rm."""

from collections.abc import Awaitable, Callable

from polyest.errors import BrokenBatch
from polyest.history.ids import Name
from polyest.integrations.group_reward import GroupReward, check_prompt, visited

# Values of Sample.Status with which the response is not finished.
UNFINISHED = ("truncated", "aborted", "failed", "pending")


def slime(
    reward: GroupReward, prompt: Callable[[object], Name] | None = None
) -> Callable[..., Awaitable[list[float]]]:
    """Make the function that slime's --custom-rm-path takes, with --group-rm.

    The function is async rm(args, samples) -> rewards and reads `sample.response`.  A sample whose status is
    one of `UNFINISHED` has no answer, and stays among the draws.

    Parameters
    ----------
    reward : GroupReward
        What pays a group.
    prompt : callable or None
        A function of a sample that gives the id of its prompt, for a reward with a history, which records
        each group.

    Returns
    -------
    callable
        The function, whose result is a list of float, one for each sample.

    Raises
    ------
    BrokenBatch
        When the function is called with a single sample (--group-rm is missing), or where a completion was
        split into several samples.

    Examples
    --------
    >>> import asyncio
    >>> from types import SimpleNamespace as Sample
    >>> rm = slime(GroupReward("log_probability", table="harmonic"))
    >>> samples = [Sample(response=text, status="completed") for text in ("7", "so 7", "7.0", "3")]
    >>> asyncio.run(rm(None, samples))
    [0.0, 0.0, 0.0, -1.5]
    """

    check_prompt(reward, prompt)

    async def rm(args: object, samples: object, **_: object) -> list[float]:
        if not isinstance(samples, list):
            raise BrokenBatch("one sample in place of its group: start slime with --group-rm")
        if any(isinstance(sample, list) for sample in samples):
            raise BrokenBatch(
                "a completion in several samples, which would be counted as several: expected one for each"
            )
        texts = [None if _unfinished(sample) else sample.response for sample in samples]
        return visited(reward, texts, prompt(samples[0]) if prompt and samples else None)

    return rm


def _unfinished(sample: object) -> bool:
    status = getattr(sample, "status", None)
    return str(getattr(status, "value", status)).lower() in UNFINISHED
