"""ms-swift: rewards from counts as a class for its registry of reward functions, `orms`.

    orms["counted"] = swift("log_probability", beta=0.1)      # in a file for --external_plugins

ms-swift calls a reward with the rows of one process, in the shape of TRL's, and has no place for a missing
reward: it adds None as 0.  It needs a TRL below 1.0, of which nothing is imported here.
"""

from collections.abc import Sequence
from typing import Any
from warnings import warn

from polyest.errors import InvalidReward, ScaleLost
from polyest.integrations import trl
from polyest.integrations.trl.reward import Reward
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

    Groups are those of `prompt_id`, over all processes: all rows of one batch with one prompt are a group.  A
    completion that was cut (`is_truncated`) has no answer.

    Parameters
    ----------
    name : str
        The name of the reward, such as "log_probability".
    *positional : object
        What the function of this name takes by position, such as coefficients.
    **keywords : object
        The keywords of the function of this name.

    Returns
    -------
    type
        A class whose instances are called with completions and columns, and give a list of float.

    Raises
    ------
    InvalidReward
        If there is no such reward, a keyword is not valid, or a reward might be None.

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
    reward: Reward = getattr(trl, name)(*positional, **{"group": GROUP, **keywords})

    class Counted:
        """The reward as one of ms-swift's."""

        def __init__(self, args: object = None, **_: object) -> None:
            scale = getattr(args, "scale_rewards", "none")
            if scale != "none":
                warn(
                    ScaleLost(
                        f"scale_rewards={scale!r} divides by a standard deviation, which cancels beta and "
                        "undoes the lack of bias: set --scale_rewards none"
                    ),
                    stacklevel=2,
                )

        def __call__(self, completions: Sequence[object], **columns: object) -> list[float | None]:
            cut: Any = columns.get("is_truncated", [False] * len(completions))
            texts = [None if short else text for short, text in zip(cut, completions, strict=True)]
            prompts: Any = columns.get(GROUP, texts)
            return reward(prompts, texts, **columns)

    Counted.__name__ = Counted.__qualname__ = str(reward.__name__)
    return Counted
