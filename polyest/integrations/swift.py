"""ms-swift: rewards from counts as a class for its registry of reward functions, `orms`.

    orms["counted"] = swift("log_probability", beta=0.1)      # in a file for --external_plugins

ms-swift calls a reward with the rows of one process, in the shape of TRL's, and has no place for a missing
reward: it adds None as 0.  It subtracts the mean of every `num_generations` rows of the whole batch, which is
what a group is, also where a prompt is drawn twice.  It needs a TRL below 1.0, of which nothing is imported
here.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from warnings import warn

import numpy as np

from polyest import gathering
from polyest.errors import BrokenBatch, InvalidReward, PolyestError, ScaleLost
from polyest.integrations import trl
from polyest.integrations.trl.reward import Reward
from polyest.integrations.trl.rows import column, numbers
from polyest.rewards.options import EXCLUDE
from polyest.values import shown

__all__ = ["swift"]
GROUP = "prompt_id"  # ms-swift's own column, equal for equal prompts of all processes
OFFERED = tuple(
    name
    for name in trl.__all__
    if name.islower() and name not in ("check", "order_by_orbit", "safety", "train_on")
)


def swift(name: str, *positional: object, **keywords: object) -> type:
    """Make the class that ms-swift's `orms` takes: one reward of `polyest.integrations.trl`.

    A group is `num_generations` rows of the whole batch that follow each other, all of one `prompt_id`, as
    ms-swift's configuration says to an instance; in evaluation `num_generations_eval`.  An instance that is
    made without a configuration counts all rows of a prompt together.  A completion that was cut
    (`is_truncated`) has no answer.

    Parameters
    ----------
    name : str
        The name of the reward, such as "log_probability".
    *positional : object
        What the function of this name takes by position, such as coefficients.
    **keywords : object
        The keywords of the function of this name, all but `history`, which nothing would record.

    Returns
    -------
    type
        A class whose instances are called with completions and columns, and give a list of float.

    Raises
    ------
    InvalidReward
        If there is no such reward, a keyword is not valid, or a reward might be None; when ms-swift makes an
        instance, if `num_generations` is given and is another number than its own.
    BrokenBatch
        When the instance is called, if a request has several rows, or rows are not the groups expected.

    Warns
    -----
    ScaleLost
        When ms-swift makes an instance, if its `scale_rewards` is not "none".

    Examples
    --------
    >>> counted = swift("log_probability", table="harmonic", dyadic=False)()
    >>> counted(["4", "so 4", "5", "?"], prompt_id=["prompt_0"] * 4)
    [-0.5, -0.5, -1.5, -1.5]
    """
    if name not in OFFERED:
        raise InvalidReward(
            f"reward {shown(name)} is unknown: expected one of {', '.join(OFFERED)}"
        )
    if EXCLUDE in (keywords.get("unanswered"), keywords.get("broken")):
        raise InvalidReward(
            'unanswered or broken is "exclude": ms-swift adds None as 0, which is what certainty earns; '
            'expected "lowest" and "raise"'
        )

    if "history" in keywords:
        raise InvalidReward(
            "history= is given: ms-swift calls nothing after a step that could record what was drawn; "
            "expected no history, or TRL itself, whose callback records"
        )

    def made(**more: int) -> Reward:
        paid: Reward = getattr(trl, name)(*positional, **{"group": GROUP, **keywords, **more})
        return paid

    reward = made()

    class Counted:
        """The reward as one of ms-swift's."""

        def __init__(self, args: object = None, **_: object) -> None:
            scale = getattr(args, "scale_rewards", "none")
            if scale != "none":
                warn(
                    ScaleLost(
                        f"scale_rewards={scale!r} divides by a standard deviation, which cancels beta and "
                        "destroys the guarantee on the bias: set --scale_rewards none"
                    ),
                    stacklevel=2,
                )
            sizes = _sizes(args, keywords.get("num_generations"))
            self.rewards = {size: made(num_generations=size) for size in sizes}

        def __call__(self, completions: Sequence[object], **columns: object) -> list[float | None]:
            pays = next(iter(self.rewards.values()), reward)
            if len(self.rewards) > 1:
                pays = self.rewards[_size(tuple(self.rewards), columns, len(completions), pays)]
            prompts: Any = columns.get(GROUP, completions)
            return pays(prompts, _texts(completions, columns), **columns)

    Counted.__name__ = Counted.__qualname__ = str(reward.__name__)
    return Counted


def _sizes(args: object, given: object) -> tuple[int, ...]:
    """The completions of a group in training, and in evaluation if they are others; none if nothing says it.

    Raises InvalidReward where the keyword `num_generations` is another number than ms-swift's.
    """
    own = getattr(args, "num_generations", None)
    if own is None:
        return ()
    if given not in (None, own):
        raise InvalidReward(
            f"num_generations is {shown(given)}, and that of ms-swift {own}: leave it out"
        )
    return tuple(dict.fromkeys((own, getattr(args, "num_generations_eval", None) or own)))


def _size(sizes: tuple[int, ...], columns: Mapping[str, object], rows: int, reward: Reward) -> int:
    """The completions of a group of this batch, which is of training or of evaluation: nothing says which.

    It is the greatest size of which every prompt has a multiple; a collective call, as rewards are.
    """
    gather = reward.reading.gather is not False
    try:
        ids = numbers(GROUP, column(GROUP, columns, rows))
    except PolyestError:
        if gather:  # the other processes wait
            gathering.refuse(BrokenBatch("another process could not read its prompt_id"))
        raise
    if gather:
        (ids,), _ = gathering.whole(ids)
    times = np.unique(ids, return_counts=True)[1]
    return max((size for size in sizes if not (times % size).any()), default=sizes[0])


def _texts(completions: Sequence[object], columns: Mapping[str, Any]) -> Iterator[object]:
    """The completions, None where they were cut.

    What is wrong is said when they are read, as the other processes of a trainer are told of it then.  Raises
    BrokenBatch where a request has several rows, as a scheduler of several turns may make them.
    """
    requests = columns.get("request_id", ())
    if len({*requests}) < len(requests):
        raise BrokenBatch(
            f"{len(requests)} rows of {len({*requests})} requests: expected one row for each, as the answer "
            "of a request with several rows would be counted several times; let the scheduler return one "
            "sample a request"
        )
    cut = columns.get("is_truncated", [False] * len(completions))
    for short, text in zip(cut, completions, strict=True):
        yield None if short else text
