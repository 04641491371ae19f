"""Whether answers are right, beside how often they occur: what is paid for both.

where="all"      bonus [right] + beta u
where="right"    [right] (bonus + beta u)      u the reward that counts
"""

from typing import NamedTuple
from warnings import warn

import numpy as np

from polyest.arrays import Bools, Floats, Ints
from polyest.errors import InvalidReward, UnreadableLabel
from polyest.values import real, shown

WHERE = ("all", "right")
NEGATIVE = ("log_probability", "tsallis")  # rewards of which none is above 0
LARGEST = 2**20


class Labels(NamedTuple):
    """What is known of the answers of a batch, bool (N,): which are right, and of which that is known."""

    right: Bools
    labelled: Bools


def bonus_of(name: str, where: str, value: object) -> float:
    """The bonus of a reward, on a grid of 2^-16, so that equal rewards have advantages of exactly 0.

    Raises InvalidReward for what is no number from 0 to 2^20, and where right answers would be paid less than
    wrong ones.

    >>> bonus_of("diversity", "right", 0.1)
    0.100006103515625
    """
    bonus = real(value)
    if not 0 <= bonus <= LARGEST:
        raise InvalidReward(
            f"bonus is {shown(value)}: expected a number from 0 to 2^20, what a right answer is paid beside "
            "the reward that counts"
        )
    if where == "right" and name in NEGATIVE and not bonus:
        raise InvalidReward(
            f"{name} where the answer is right and 0 elsewhere: its rewards are negative, so that a right "
            "answer is paid less than a wrong one; use diversity, or bonus=1"
        )
    return round(bonus * 2**16) / 2**16


def credited(paid: Floats, right: Bools, where: str, bonus: float) -> Floats:
    """Rewards that count, and a bonus where the answer is right.

    A completion without answer is wrong, and with where="right" it has 0, whatever it would have had.

    >>> paid, right = np.array([0.5, 0.25, np.nan]), np.array([True, False, False])
    >>> credited(paid, right, "right", 1.0).tolist(), credited(paid, right, "all", 1.0).tolist()
    ([1.5, 0.0, 0.0], [1.5, 0.25, nan])
    """
    kept = np.where(right, paid, 0.0) if where == "right" else paid
    return np.asarray(kept + bonus * right)


def known(labels: Labels, group: Ints) -> Bools:
    """Whether each completion is in a group with a label; the advantages of others are 0.

    group: int64 (N,), from 0.  Warns UnreadableLabel where one is not.
    """
    met = np.bincount(group, labels.labelled) > 0
    if not met.all():
        warn(
            "a prompt has no label that can be read, and where or bonus asks which answers are right: its "
            "advantages are 0; correct the label, or drop the row of the dataset",
            UnreadableLabel,
            stacklevel=2,
        )
    return np.asarray(met[group])
