"""The callback of TRL's trainers that records the answers of rewards with a history.

TRL calls the rewards once for every generation batch, and in evaluation too.  What a reward saw in training
is recorded at the end of the optimizer step, when all rewards have paid for it, as the visit of that step:
every completion that was drawn, of all processes.  Two groups of a prompt in one step are one visit.

The history is put into the state of the trainer in the steps whose end writes a checkpoint.
"""

from typing import TYPE_CHECKING, Any
from warnings import warn

import numpy as np

from polyest.arrays import Ints
from polyest.errors import InvalidReward, StartedAgain
from polyest.history.history import History
from polyest.integrations.trl.batch import Batch
from polyest.integrations.trl.callbacks import Callback
from polyest.integrations.trl.reward import Reward
from polyest.values import shown

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

KEY = "polyest.history"  # in TrainerState.stateful_callbacks


class HistoryCallback(Callback):
    """Record the answers of every step in the histories of rewards, and restore them on resumption.

    Evaluation is not recorded, nor what a reward saw that was pickled into another process.

    It raises InvalidReward for rewards without a history or of another type, and where two of them share one,
    and NotInstalled without transformers.

    Parameters
    ----------
    *rewarded : Reward
        Rewards made with history=, each with its own; they belong into `reward_funcs` too.
    """

    def __init__(self, *rewarded: Reward) -> None:
        """A callback for these rewards, whose answers nobody records yet."""
        super().__init__()
        pasts = [reward.history for reward in rewarded if isinstance(reward, Reward)]
        if not rewarded or len(pasts) != len(rewarded) or None in pasts:
            raise InvalidReward(
                f"rewards are {shown(rewarded)}: expected rewards made with history=, at least one"
            )
        if len({id(past) for past in pasts}) != len(pasts):
            raise InvalidReward(
                "two rewards share a history, which would be recorded by both: give each its own"
            )
        self.rewarded = rewarded
        self.pasts: list[History] = [past for past in pasts if past is not None]
        self.heard: list[list[tuple[Ints, Ints]]] = [[] for _ in rewarded]
        self.silent = True  # until a step has ended; completions are sampled in the first step
        self.before = 0  # steps that the histories saw in other runs

    def on_train_begin(
        self, args: object, state: "TrainerState", control: object, **others: object
    ) -> None:
        """Start to record, with the histories of the checkpoint if there is one.

        Parameters
        ----------
        args : GRPOConfig or RLOOConfig
            What the trainer passes; it is not read.
        state : TrainerState
            The state of the trainer, which keeps the histories.
        control : TrainerControl
            What the trainer passes; it is not read.
        **others : object
            What else the trainer passes; it is not read.

        Raises
        ------
        InvalidHistory
            If the checkpoint has a history of answers that were read in another way, or not all of one.

        Warns
        -----
        StartedAgain
            If the checkpoint has no history.
        """
        self.silent = True
        kept = state.stateful_callbacks.pop(KEY, {})
        for at, (reward, past) in enumerate(zip(self.rewarded, self.pasts, strict=True)):
            self.heard[at].clear()
            reward.listener = self._hear
            if str(at) in kept:
                past.load_state_dict(kept[str(at)])
            elif state.global_step:
                warn(
                    StartedAgain(
                        f"{reward.__name__}: the checkpoint of step {state.global_step} has no history, and "
                        "the one here is looked at: load its state, or train on with prompts seen anew"
                    ),
                    stacklevel=2,
                )
        self.before = max(0, max(past.step for past in self.pasts) - state.global_step)

    def on_step_end(
        self,
        args: "TrainingArguments",
        state: "TrainerState",
        control: "TrainerControl",
        **others: object,
    ) -> None:
        """Record what was sampled in this step.

        Parameters
        ----------
        args : GRPOConfig or RLOOConfig
            The configuration.
        state : TrainerState
            The state of the trainer, which keeps the histories.
        control : TrainerControl
            Whether a checkpoint is written.
        **others : object
            What else the trainer passes; it is not read.

        Raises
        ------
        InvalidReward
            If the first step did not call one of the rewards.
        """
        for reward, past, batches in zip(self.rewarded, self.pasts, self.heard, strict=True):
            if not batches and self.silent:
                raise InvalidReward(
                    f"{reward.__name__} was not called in the first step: give the trainer's reward_funcs "
                    "the same object as the callback"
                )
            if batches:
                answers, prompts = (np.concatenate(column) for column in zip(*batches, strict=True))
                past.record(answers, prompts=prompts, step=self.before + state.global_step)
                batches.clear()
        self.silent = False
        self._keep(args, state, control)

    def on_epoch_end(
        self,
        args: "TrainingArguments",
        state: "TrainerState",
        control: "TrainerControl",
        **others: object,
    ) -> None:
        """Keep the histories where a checkpoint is written at the end of an epoch.

        Parameters
        ----------
        args : GRPOConfig or RLOOConfig
            The configuration.
        state : TrainerState
            The state of the trainer, which keeps the histories.
        control : TrainerControl
            Whether a checkpoint is written.
        **others : object
            What else the trainer passes; it is not read.
        """
        self._keep(args, state, control)

    def on_train_end(self, args: object, state: object, control: object, **others: object) -> None:
        """Stop recording.

        Parameters
        ----------
        args : GRPOConfig or RLOOConfig
            What the trainer passes; it is not read.
        state : TrainerState
            What the trainer passes; it is not read.
        control : TrainerControl
            What the trainer passes; it is not read.
        **others : object
            What else the trainer passes; it is not read.
        """
        for reward in self.rewarded:
            reward.listener = None

    def _hear(self, reward: Reward, batch: Batch) -> None:
        """Remember the batch of a call of the reward in training."""
        at = next(i for i, known in enumerate(self.rewarded) if known is reward)
        if len(batch.answers):
            self.heard[at].append((batch.answers, batch.prompts))

    def _keep(self, args: Any, state: "TrainerState", control: "TrainerControl") -> None:
        """Put the histories into the state that is about to be written, and into no later one."""
        state.stateful_callbacks.pop(KEY, None)
        best = str(getattr(args.save_strategy, "value", args.save_strategy)) == "best"
        if args.should_save and (control.should_save or best):
            state.stateful_callbacks[KEY] = {
                str(at): past.state_dict() for at, past in enumerate(self.pasts)
            }
