"""slime: a reward of whole groups, which it asks for with --custom-rm-path and --group-rm, and a filter."""

from collections.abc import Awaitable, Callable
from typing import Any

from polyest.errors import BrokenBatch
from polyest.history.ids import Name
from polyest.integrations.correctness import NOT_GIVEN
from polyest.integrations.group_reward import GroupReward, check_prompt, visited
from polyest.selection import silent
from polyest.values import shown

# Values of Sample.Status with which the response is not finished.
UNFINISHED = ("truncated", "aborted", "failed", "pending")


def label(sample: object) -> object:
    """The right answer that slime's sample has, from the column of --label-key; None for none.

    >>> label(object()) is None
    True
    """
    return getattr(sample, "label", None)


def slime(
    reward: GroupReward,
    prompt: Callable[[object], Name] | None = None,
    truth: Callable[[object], object] = label,
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
    truth : callable
        A function of a sample that gives the right answer, for a reward that asks what is right; by default
        its `label`.

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
        asked = prompt(samples[0]) if prompt and samples else None
        wanted = truth(samples[0]) if reward.options.asks and samples else NOT_GIVEN
        return visited(reward, texts, asked, wanted)

    return rm


def has_signal(args: object, samples: list[object], **_: object) -> bool:
    """Say whether a group is trained on, as slime's --dynamic-sampling-filter-path asks.

    A group is dropped where all its rewards are equal, so that every advantage is 0, and no other.  slime's
    own filter, check_reward_nonzero_std, drops those too whose standard deviation is below 1e-6.

    Parameters
    ----------
    args : object
        What slime passes; it is not read.
    samples : list
        The samples of one prompt, with their rewards.
    **_ : object
        What else slime passes; it is not read.

    Returns
    -------
    bool
        Whether the group has a signal.

    Raises
    ------
    BrokenBatch
        Where a completion was split into several samples, or a sample has no reward.

    Examples
    --------
    >>> from types import SimpleNamespace as Sample
    >>> [has_signal(None, [Sample(reward=r) for r in row]) for row in ([1.0, 1.0], [1.0, 0.0])]
    [False, True]
    """
    if any(isinstance(sample, list) for sample in samples):
        raise BrokenBatch(
            "a completion in several samples, which would be counted as several: expected one for each"
        )
    paid: list[Any] = [getattr(sample, "reward", None) for sample in samples]
    if not paid or not all(isinstance(reward, int | float) for reward in paid):
        raise BrokenBatch(
            f"rewards are {shown(paid)}: expected a number for each sample; let --group-rm pay before the "
            "filter"
        )
    return not silent([paid])[0]


def _unfinished(sample: object) -> bool:
    status = getattr(sample, "status", None)
    return str(getattr(status, "value", status)).lower() in UNFINISHED
