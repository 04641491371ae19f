"""Whether answers are right, beside how often they occur: what is paid for both.

where="all"      bonus [right] + beta u
where="right"    [right] (bonus + beta u)      u the reward that counts

What is right is said by a label, which the reader of answers reads too, by scores (scores.py), by a function
of the texts (judge.py), or by the caller.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from polyest.arrays import Bools, Floats, Ints
from polyest.errors import InvalidReward, UnreadableLabel
from polyest.integrations.judge import Judge, plain_function
from polyest.integrations.reader import Reader, identified
from polyest.rewards.gate import right_of
from polyest.rewards.notices import warn_once
from polyest.rewards.options import Options
from polyest.rewards.registry import Reward
from polyest.values import among, real, shown

WHERE = ("all", "right")
NEGATIVE = ("log_probability", "tsallis", "soft_consistency")  # rewards of which none is above 0
LARGEST = 2**20


class NotGiven:
    """What stands for a label that is not passed; None is one that cannot be read."""

    def __repr__(self) -> str:
        """The name, for signatures."""
        return "NOT_GIVEN"


NOT_GIVEN: Final = NotGiven()


class Labels(NamedTuple):
    """What is known of the answers of a batch, bool (N,): which are right, and of which that is known."""

    right: Bools
    labelled: Bools


def gate_of(where: object, scored: bool) -> tuple[str, Judge | None]:
    """One of `WHERE`, and the function of the texts of a group that says which are right, if there is one.

    where: what the caller gave; None for no gate.
    scored: whether the trainer passes scores, which say what is right, and no texts.

    Raises InvalidReward for anything else.

    >>> gate_of("right", scored=True), gate_of(None, scored=False), gate_of(len, scored=False)
    (('right', None), ('all', None), ('right', <built-in function len>))
    """
    if where is None:
        return WHERE[0], None
    if among(where, WHERE):
        return str(where), None
    if not scored and plain_function(where):
        return WHERE[1], where
    also = (
        "; which answers are right is said by the scores, answer_class(text, right=...)"
        if scored
        else ", or a function of the texts of a group, no coroutine; a label is given as truth="
    )
    raise InvalidReward(f"where is {shown(where)}: expected one of {', '.join(WHERE)}{also}")


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


def rewarded(
    reward: Reward,
    answers: object,
    keywords: Mapping[str, Any],
    right: Bools | None,
    where: str,
    bonus: float,
) -> Floats:
    """What completions earn by a reward of the registry and for being right, in the shape of the answers.

    answers, keywords: what the function of the reward is called with, without what is right.
    right: in the shape of the answers; None where that does not matter.

    >>> from polyest.rewards.registry import REWARDS
    >>> ids, right = np.array([[7, 7, 3, 5]]), np.array([[True, True, False, False]])
    >>> rewarded(REWARDS["ground_truth"], ids, {"objective": "log"}, right, "all", 0.0).tolist()
    [[1.5, 1.5, 0.0, 0.0]]
    """
    given: dict[str, Any] = {"dyadic": True, **keywords}
    gated = reward.gated and where == WHERE[1]
    if right is None:
        paid: Floats = reward.function(answers, **given)
        return paid
    if reward.labelled:
        given["truth"] = _right_answers(reward.name, np.asarray(answers), right, given)
    elif gated:
        given |= {"where": right, "bonus": bonus}
    paid = np.asarray(reward.function(answers, **given)).reshape(right.shape)
    return paid if gated else credited(paid, right, where, bonus)


def read(
    reader: Reader, texts: Sequence[str | None], truths: Iterable[object]
) -> tuple[Ints, Labels]:
    """Ids of the answers (N,) of one group or orbit, and which of them are right.

    truths: the right answer of each completion (N,), a text or a number; no other can be read.

    >>> ids, labels = read(Reader(), ["7", "so 7", "3", None], [7.0] * 4)
    >>> labels.right.tolist(), labels.labelled.all()
    ([True, True, False, False], np.True_)
    """
    keys = reader.joined([*reader.keys(texts), *reader.labels(truths)])
    ids, wanted = identified(keys).reshape(2, -1)
    return ids, Labels((ids == wanted) & (ids >= 0), wanted >= 0)


def said_right(right: object, size: int) -> Bools:
    """What a caller says is right, bool (size,).

    Raises InvalidReward for another number of them, or something else than yes and no.

    >>> said_right([True, 0], 2).tolist()
    [True, False]
    """
    try:
        values = np.asarray(right)
    except (TypeError, ValueError, RuntimeError):
        values = np.empty(0)
    if (
        values.shape != (size,)
        or values.dtype.kind not in "biuf"
        or not np.isin(values, (0, 1)).all()
    ):
        raise InvalidReward(
            f"right is {shown(right)}: expected True or False for each of {size} completions"
        )
    return np.asarray(values == 1)


def known(labels: Labels, group: Ints) -> Bools:
    """Whether each completion is in a group with a label; what others are paid for is not known.

    group: int64 (N,), from 0.  Warns UnreadableLabel once where one is not.
    """
    met = np.bincount(group, labels.labelled) > 0
    if not met.all():
        message = (
            "a prompt has no label that can be read, and where, bonus or ground_truth asks which answers are "
            "right: its advantages are 0; correct the label, or drop the row of the dataset (this warning is "
            "given once)"
        )
        warn_once(UnreadableLabel(message), "label")
    return np.asarray(met[group])


def _right_answers(name: str, ids: Ints, right: Bools, keywords: Mapping[str, Any]) -> Ints:
    """The right answer of each completion, in the shape of the ids: its own, or none.

    Warns UnevenGate where equal answers are both right and wrong, and the reward counts them.
    """
    if keywords.get("objective", "accuracy") != "accuracy":
        gate: Options = {"where": right, "groups": keywords.get("groups")}
        right_of(ids, ids >= 0, gate, name)
    return np.where(right, ids, -1)
