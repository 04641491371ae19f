"""The reward of one group of texts, for trainers that hand over whole groups; their hooks pay with it."""

from collections.abc import Sequence

import numpy as np

from polyest.advantages import group_mean
from polyest.arrays import Floats
from polyest.errors import BrokenBatch, InvalidReward
from polyest.integrations.estimators import finite_in_float32, parse_options, too_small
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
        A reward that the registry offers to groups, such as "log_probability", "diversity" or "coherence",
        which is the majority of the group.
    centred : bool
        Whether the group's mean is subtracted here.  A trainer's own mean then changes nothing, and its logs
        show a mean reward of 0.
    **options : object
        `beta`, `unanswered` and the reward's own options, such as `noise`, `measure` or `fuzzy`; `group` and
        `incomplete` as in `estimators.AdvantageOptions`, where "zero" stands for rewards 0; and how answers
        are read, as in `reader.Answering`.  unanswered="exclude" needs centred=True: a completion without
        answer then has exactly 0.

    Examples
    --------
    >>> GroupReward("log_probability", table="harmonic", beta=0.5)(["7", "so 7", "7.0", "3"])
    [0.0, 0.0, 0.0, -0.75]
    >>> how = {"table": "harmonic", "centred": True, "unanswered": "exclude"}
    >>> centred = GroupReward("log_probability", **how)
    >>> centred(["7", "so 7", "?", "3"])
    [0.25, 0.25, 0.0, -0.5]
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
        self.centred = centred
        self.__name__ = f"polyest_{self.options.name}"

    def __call__(self, texts: Sequence[Text]) -> list[float]:
        """Pay the completions of one group.

        Parameters
        ----------
        texts : sequence of (str or None), (G,)
            The completions of one prompt; None has no answer.

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
        InvalidReward
            If a reward is infinite in float32, or texts cannot be compared.
        TableNotFound
            If no table is released for the size of the group.
        """
        said = list(texts)
        if not said or any(text is not None and not isinstance(text, str) for text in said):
            raise BrokenBatch(
                f"texts are {shown(said)}: expected str or None, one for each completion"
            )
        if self.options.group and len(said) > self.options.group:
            raise BrokenBatch(
                f"a group of {len(said)} completions, more than the {self.options.group} sampled: expected "
                "one text for each completion of one prompt"
            )
        if len(said) < self.options.least:
            if self.options.incomplete == "zero":
                return [0.0] * len(said)
            raise BrokenBatch(f"a group has {too_small(self.options, len(said))}")
        paid = self._paid(said)
        if self.centred:
            paid = group_mean(paid)
        return [float(value) for value in paid[0]]

    def _paid(self, said: list[Text]) -> Floats:
        """Rewards (1, G)."""
        reward, keywords = REWARDS[self.options.name], self.options.keywords
        compared = any(keywords.get(way) for way in reward.texts)
        if compared and all(text is None for text in said):
            return np.zeros((1, len(said)))  # nothing to compare
        row: object = [said] if compared else self.reader.ids(said)[None]
        given = [row] if reward.orbits else row  # a group is an orbit of one prompt
        paid: Floats = reward.function(given, dyadic=True, **keywords)
        return finite_in_float32(paid).reshape(1, -1)
