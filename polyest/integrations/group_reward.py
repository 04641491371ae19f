"""The reward of one group of texts, for trainers that hand over whole groups; their hooks pay with it."""

from collections.abc import Sequence
from typing import SupportsIndex

import numpy as np

from polyest.advantages import group_mean
from polyest.arrays import Bools, Floats, Ints
from polyest.errors import BrokenBatch, InvalidHistory, InvalidReward
from polyest.history.ids import Name
from polyest.integrations.correctness import (
    NOT_GIVEN,
    Labels,
    known,
    read,
    rewarded,
    said_right,
)
from polyest.integrations.earlier import history_of
from polyest.integrations.estimators import finite_in_float32, parse_options, too_small
from polyest.integrations.judge import right_texts
from polyest.integrations.messages import Text
from polyest.integrations.reader import pop_reader
from polyest.rewards.registry import REWARDS
from polyest.rewards.renamed import moved
from polyest.values import shown


class GroupReward:
    """Pay the completions of one group by a reward that counts their answers.

    It is a callable with a `__name__`, which can be pickled where its callables can.  Where `fuzzy`, `encode`
    or `distance` is given, "pairwise" compares the texts as they are.

    It raises InvalidAnswer and InvalidReward for a name or an option that is unknown.

    Parameters
    ----------
    name : str
        A reward that the registry offers to groups, such as "log_probability", "diversity", "ground_truth",
        or "coherence", which is the majority of the group.
    centred : bool
        Whether the group's mean is subtracted here.  A trainer's own mean then changes nothing, and its logs
        show a mean reward of 0.
    **options : object
        `beta`, `unanswered` and the reward's own options, such as `noise`, `measure` or `fuzzy`; `group`,
        `incomplete` and `history` as in `estimators.AdvantageOptions`, where "zero" stands for rewards 0; and
        how answers are read, as in `reader.Answering`.  unanswered="exclude" needs centred=True: a completion
        without answer then has exactly 0.  where="right" pays right answers alone, and `bonus` is what each
        of them is paid beside; both ask at each call what is right.  `where` may also be a function of the
        texts of a group that says it, a number or None for each, above 1/2 where it is right.

    Examples
    --------
    >>> GroupReward("log_probability", table="harmonic", beta=0.5)(["7", "so 7", "7.0", "3"])
    [0.0, 0.0, 0.0, -0.75]
    >>> how = {"table": "harmonic", "centred": True, "unanswered": "exclude"}
    >>> centred = GroupReward("log_probability", **how)
    >>> centred(["7", "so 7", "?", "3"])
    [0.25, 0.25, 0.0, -0.5]
    >>> rare = GroupReward("diversity", table="harmonic", where="right", bonus=1)
    >>> rare(["7", "so 7", "3", "8"], right=[True, True, True, False])
    [1.5, 1.5, 2.5, 0.0]
    >>> sevens = GroupReward("ground_truth", where=lambda texts: ["7" in text for text in texts])
    >>> sevens(["7", "so 7", "3", "8"])
    [1.0, 1.0, 0.0, 0.0]
    """

    def __init__(
        self, name: str = "log_probability", *, centred: bool = False, **options: object
    ) -> None:
        """A reward by name, and how answers are read."""
        self.reader = pop_reader(options)
        if name == "diversity":
            options = moved(options, "diversity", "measure")
        if not centred and options.get("unanswered", "lowest") != "lowest":
            raise InvalidReward(
                f"unanswered is {shown(options['unanswered'])}: a trainer knows no missing reward; expected "
                '"lowest", or centred=True'
            )
        self.options = parse_options(name, options, interface="groups")
        self.history = self.options.history
        if self.history is not None:
            history_of(self.history, self.reader)
        self.centred = centred
        self.__name__ = f"polyest_{self.options.name}"

    def __call__(
        self,
        texts: Sequence[Text],
        *,
        prompt: Name | None = None,
        truth: object = NOT_GIVEN,
        right: Sequence[bool] | None = None,
    ) -> list[float]:
        """Pay the completions of one group, which changes no history.

        Parameters
        ----------
        texts : sequence of (str or None), (G,)
            The completions of one prompt; None has no answer.
        prompt : int or str, or None
            For a history the id of the prompt, the same at every visit.
        truth : str or number
            The right answer, which is read as answers are, for `where`, `bonus` and "ground_truth".  Where
            none can be read, None among them, all rewards are 0, and UnreadableLabel is warned of once.
        right : sequence of bool, (G,), or None
            Which completions are right, in place of `truth`; one without an answer is wrong anyway.

        Returns
        -------
        list of float, (G,)
            The rewards, finite, in the order of the texts.

        Raises
        ------
        BrokenBatch
            If `texts` is empty or holds something else, or the group is larger than promised or too small for
            its table.
        InvalidAnswer
            If a callable kind gives something else than a key.
        InvalidHistory
            If there is a history, and `prompt` is missing or no id.
        InvalidReward
            If a reward is infinite in float32, or texts cannot be compared, or for a prompt without history;
            if what is right is missing, given twice, given without use, or no bool for each completion; if
            `where` is a function that raises an error or gives no numbers.
        TableNotFound
            If no table is released for the size of the group.

        Examples
        --------
        >>> maxrl = GroupReward("ground_truth", objective="log")
        >>> maxrl(["7", "so 7", "3", "5"], truth="7")  # K = 2, X = 1: (K + 1)/(X + 1)
        [1.5, 1.5, 0.0, 0.0]
        """
        said = _checked(texts)
        if (self.history is None) != (prompt is None):
            raise _alone(prompt)
        _check_labels(self.options.asks, truth, right)
        given = None if right is None else said_right(right, len(said))
        if self.options.group and len(said) > self.options.group:
            raise BrokenBatch(
                f"a group of {len(said)} completions, more than the {self.options.group} sampled: expected "
                "one text for each completion of one prompt"
            )
        if len(said) < self.options.least:
            if self.options.incomplete == "zero":
                return [0.0] * len(said)
            raise BrokenBatch(f"a group has {too_small(self.options, len(said))}")
        ids, labels = self._read(said, truth, given)
        if labels is not None and not known(labels, np.zeros(len(said), np.int64)).all():
            return [0.0] * len(said)
        paid = self._paid(said, prompt, ids, None if labels is None else labels.right)
        if self.centred:
            paid = group_mean(paid)
        return [float(value) for value in paid[0]]

    def record(
        self, texts: Sequence[Text], *, prompt: Name, step: SupportsIndex | None = None
    ) -> None:
        """Keep the answers of a group in the history, once it has its rewards.

        Every group that was drawn for training is recorded, also one that is dropped, and never one of an
        evaluation.

        Parameters
        ----------
        texts : sequence of (str or None), (G,)
            The completions of one prompt; None has no answer.
        prompt : int or str
            The id of the prompt.
        step : int or None
            As in `History.record`: a prompt counts once a step.

        Raises
        ------
        BrokenBatch
            If `texts` is empty or holds something else.
        InvalidHistory
            If `prompt` is no id, has other answers at that step, or steps go back.
        InvalidReward
            If there is no history.

        Examples
        --------
        >>> from polyest import History
        >>> reward = GroupReward("log_probability", table="harmonic", history=History())
        >>> monday, friday = ["7", "so 7", "7.0", "3"], ["7", "7", "5", "3"]
        >>> reward(monday, prompt="3+4")  # a first visit: K = 2
        [0.0, 0.0, 0.0, -1.5]
        >>> reward.record(monday, prompt="3+4")
        >>> [round(paid, 3) for paid in reward(friday, prompt="3+4")]  # K = 4 + 4 - 2
        [-0.367, -0.367, -2.45, -1.45]
        """
        if self.history is None:
            raise InvalidReward("record without a history: make the reward with history=")
        answers = self.reader.ids(_checked(texts))
        self.history.record(answers[None], prompts=[prompt], step=step)

    def _read(
        self, said: list[Text], truth: object, right: Bools | None
    ) -> tuple[Ints, Labels | None]:
        """Ids of the answers (G,), and which are right, if that matters."""
        if self.options.judge is not None:
            right = right_texts(self.options.judge, said)
        if truth is not NOT_GIVEN:
            return read(self.reader, said, [truth] * len(said))
        if self._compared:  # whatever can be read in them
            ids = np.array([-1 if text is None else 0 for text in said])
        else:
            ids = self.reader.ids(said)
        if right is None:
            return ids, None
        return ids, Labels(right & (ids >= 0), np.ones(len(said), bool))

    @property
    def _compared(self) -> bool:
        """Whether the texts are compared, and not their answers."""
        ways = REWARDS[self.options.name].texts
        return any(self.options.keywords.get(way) for way in ways)

    def _paid(
        self, said: list[Text], prompt: Name | None, ids: Ints, right: Bools | None
    ) -> Floats:
        """Rewards (1, G)."""
        how, reward = self.options, REWARDS[self.options.name]
        if self._compared and all(text is None for text in said):
            return np.zeros((1, len(said)))  # nothing to compare
        row: object = [said] if self._compared else ids[None]
        given = [row] if reward.orbits else row  # a group is an orbit of one prompt
        earlier = {} if prompt is None else {"history": self.history, "prompts": [prompt]}
        judged = None if right is None else right[None]
        paid = rewarded(reward, given, {**earlier, **how.keywords}, judged, how.where, how.bonus)
        return finite_in_float32(paid).reshape(1, -1)


def visited(
    reward: GroupReward, texts: Sequence[Text], prompt: Name | None, truth: object = NOT_GIVEN
) -> list[float]:
    """The rewards of a group that is trained on, which is recorded as the next visit of its prompt.

    >>> visited(GroupReward("coherence"), ["7", "so 7", "3"], None)
    [1.0, 1.0, 0.0]
    """
    paid = reward(texts, prompt=prompt, truth=truth)
    if prompt is not None:
        reward.record(texts, prompt=prompt)
    return paid


def check_prompt(reward: GroupReward, prompt: object) -> None:
    """Raise InvalidReward where a hook has only one of a history and what gives the id of a prompt."""
    if (reward.history is None) != (prompt is None):
        raise InvalidReward(
            "one of history and prompt is given: expected a reward with history= and prompt=, a function "
            "that gives the id of the prompt"
        )


def check_truth(asks: bool, truth: object) -> None:
    """Raise InvalidReward where a hook has only one of a use for right answers and what gives them.

    asks: whether the reward asks what is right; truth: a function or a name, None for none.
    """
    if asks != (truth is not None):
        raise InvalidReward(
            "one of truth and a reward that asks what is right is given: expected both, a reward with "
            'where="right" or bonus=, or ground_truth, and truth=, which gives the right answer of a group'
        )


def _check_labels(asks: bool, truth: object, right: object) -> None:
    """Raises InvalidReward where what is right is missing, given twice or given without use."""
    given = [*(["truth"] * (truth is not NOT_GIVEN)), *(["right"] * (right is not None))]
    if asks and len(given) != 1:
        raise InvalidReward(
            f"truth and right are {'both given' if given else 'missing'}: expected one of them, as where, "
            "bonus and ground_truth ask which answers are right; truth=None is a label that cannot be read"
        )
    if given and not asks:
        raise InvalidReward(
            f"{' and '.join(given)} given to a reward that does not ask what is right: leave it out, or make "
            'the reward with where="right" or bonus='
        )


def _checked(texts: Sequence[Text]) -> list[Text]:
    said = list(texts)
    if not said or any(text is not None and not isinstance(text, str) for text in said):
        raise BrokenBatch(f"texts are {shown(said)}: expected str or None, one for each completion")
    return said


def _alone(prompt: Name | None) -> InvalidHistory | InvalidReward:
    """The error for one of history and prompt without the other."""
    if prompt is None:
        return InvalidHistory(
            "prompt is missing: expected prompt=, the id of the prompt, as a history keeps counts by prompt"
        )
    return InvalidReward("prompt given without history: expected both; leave prompt out")
