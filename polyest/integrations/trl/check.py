"""A look at the trainer's configuration when training starts, as TRL hands a reward none."""

from typing import Any

from polyest.errors import InvalidReward
from polyest.integrations.trl.callback import Callback
from polyest.integrations.trl.setup import check
from polyest.values import shown


class Check(Callback):
    """Looks at the configuration and at all rewards of the trainer at the start of training: `check`.

    rewarded: the rewards, all that the trainer is given, those of others among them.  Raises
    InvalidReward without any, NotInstalled; at the start what `check` raises.
    """

    def __init__(self, *rewarded: Any) -> None:
        """A callback for these rewards."""
        super().__init__()
        if not rewarded or not all(callable(reward) for reward in rewarded):
            raise InvalidReward(
                f"rewards {shown(rewarded)}: expected those of the trainer, one at least"
            )
        self.rewarded = rewarded

    def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Checks, before the first completion is sampled."""
        check(args, *self.rewarded)
