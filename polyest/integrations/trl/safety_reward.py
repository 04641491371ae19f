"""The reward of Safety-GRPO for TRL: minus lambda times the cost of a completion.

A call moves nothing: `MultiplierCallback` records the costs, and moves lambda between the steps.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from polyest import rewards
from polyest.errors import InvalidReward
from polyest.integrations.messages import texts_of
from polyest.integrations.reader import word
from polyest.values import shown


class SafetyReward:
    """Pay minus a completion's cost times its Lagrange multiplier, as a reward function of TRL.

        -lambda cost(completion)

    Only `MultiplierCallback` moves lambda.  A completion without text has None and no cost.  Rewards are
    rounded to multiples of 2^-16, so that those of a group with equal costs cancel.

    It raises InvalidReward for a cost that is no callable and a multiplier that is none.

    Parameters
    ----------
    cost : callable
        A function of a text that gives a finite number, or one for each budget.
    multiplier : Multiplier
        What holds lambda; the callback moves it.
    name : str or None
        The reward's `__name__`, under which TRL logs it; None makes it from that of the cost.

    Examples
    --------
    >>> reward = SafetyReward(len, rewards.Multiplier(1.0, rate=0.1, start=0.5))
    >>> reward(prompts=["?"] * 3, completions=["a", "abc", None])
    [-0.5, -1.5, None]
    """

    def __init__(
        self, cost: Callable[[str], object], multiplier: rewards.Multiplier, name: str | None = None
    ) -> None:
        """The reward, whose costs nobody records yet."""
        if not callable(cost) or not isinstance(multiplier, rewards.Multiplier):
            raise InvalidReward(
                f"cost {shown(cost)}, multiplier {shown(multiplier)}: expected a callable text -> cost and a "
                "rewards.Multiplier, whose lambda can move"
            )
        self.cost, self.multiplier = cost, multiplier
        self.listener: Callable[[SafetyReward, Any], None] | None = None
        self.__name__ = name or f"safety-{word(cost)}"

    def __call__(
        self, prompts: Sequence[object], completions: Iterable[object], **columns: object
    ) -> list[float | None]:
        """Pay the rows of this process; lambda does not move.

        Parameters
        ----------
        prompts : sequence (N,)
            The prompts, which are not read.
        completions : sequence (N,)
            The completions, each a text, messages or None.
        **columns : object
            What else TRL passes, of which `log_metric` is called with lambda.

        Returns
        -------
        list of (float or None), (N,)
            The rewards; None for a completion without text.

        Raises
        ------
        InvalidAnswer
            If a completion cannot be read.
        InvalidReward
            If a cost is not one finite number for each budget.
        """
        texts = texts_of(completions)
        size = self.multiplier.budget.shape
        spoken = [text for text in texts if text is not None]
        try:
            costs = np.array([self.cost(text) for text in spoken], np.float64)
            costs = costs.reshape(len(spoken), *size)
        except (TypeError, ValueError) as error:
            raise InvalidReward(
                f"{word(self.cost)} gave no {self.multiplier.budget.size} number(s) a text: {error}"
            ) from None
        paid = np.round(rewards.safety(costs, self.multiplier) * 2.0**16) / 2.0**16 + 0.0
        if self.listener is not None:
            self.listener(self, costs)
        log: Any = columns.get("log_metric")
        if log is not None:
            for i, value in enumerate(np.ravel(self.multiplier.value)):
                log(f"{self.__name__}/multiplier{i if size else ''}", float(value))
        left = iter(paid.tolist())
        return [None if text is None else next(left) for text in texts]

    def __repr__(self) -> str:
        return f"<polyest reward {self.__name__}>"

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "listener": None}
