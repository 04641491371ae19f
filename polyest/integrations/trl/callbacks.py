"""Callbacks of TRL's trainers: a look at the configuration, and the multiplier of Safety-GRPO.

How `MultiplierCallback` works.  TRL calls a reward function once for every generation batch, and in
evaluation too, without saying so.  Costs are recorded while the model is in training mode, which is how TRL
itself tells the two apart.  lambda moves at the end of an optimizer step in which completions were sampled,
so once for each generation batch.  Steps that reuse completions (steps_per_generation, num_iterations) have
no new costs and leave lambda alone; otherwise the rate would be several times what it says.  The mean is
over all processes, so lambda is the same on all of them.

lambda is kept in the state of the trainer, which writes it into `trainer_state.json` of every checkpoint,
together with the step that it belongs to.
"""

from typing import TYPE_CHECKING, Any
from warnings import warn

import numpy as np

from polyest.errors import InvalidReward, NotInstalled, StartedAgain
from polyest.integrations.trl.safety_reward import SafetyReward
from polyest.integrations.trl.setup import check
from polyest.values import shown

if TYPE_CHECKING:
    from torch.nn import Module
    from transformers import TrainerState

try:
    from transformers import TrainerCallback

    MISSING = False
except ModuleNotFoundError:
    MISSING, TrainerCallback = True, object

KEY = "polyest"  # in TrainerState.stateful_callbacks


class Callback(TrainerCallback):  # type: ignore[misc]
    """A TrainerCallback; making one without transformers raises NotInstalled."""

    def __init__(self, **_: object) -> None:
        """A callback, if transformers is installed."""
        if MISSING:
            raise NotInstalled(
                f"{type(self).__name__} needs transformers, which is not installed: pip install "
                "'polyest[trl]'"
            )


class Check(Callback):
    """Call `check` on the configuration and on all rewards of the trainer when training starts.

    It raises InvalidReward without any reward, and NotInstalled without transformers.

    Parameters
    ----------
    *rewarded : callable
        All rewards that the trainer has, also those that are not from here.
    """

    def __init__(self, *rewarded: object) -> None:
        """A callback for these rewards."""
        super().__init__()
        if not rewarded or not all(callable(reward) for reward in rewarded):
            raise InvalidReward(
                f"rewards are {shown(rewarded)}: expected the trainer's reward functions, at least one"
            )
        self.rewarded = rewarded

    def on_train_begin(
        self, args: object, state: object, control: object, **others: object
    ) -> None:
        """Check, before the first completion is sampled.

        It raises and warns what `check` does.

        Parameters
        ----------
        args : GRPOConfig or RLOOConfig
            The configuration.
        state : TrainerState
            What the trainer passes; it is not read.
        control : TrainerControl
            What the trainer passes; it is not read.
        **others : object
            What else the trainer passes; it is not read.
        """
        check(args, *self.rewarded)


class MultiplierCallback(Callback):
    """Move the multipliers of safety rewards once a generation batch, and restore them on resumption.

    Costs in evaluation are not recorded, nor those of a reward that was pickled into another process
    (AsyncGRPOTrainer).

    It raises InvalidReward for rewards of another type or without names that differ, and NotInstalled without
    transformers.

    Parameters
    ----------
    *rewarded : SafetyReward
        Rewards made by `trl.safety`, with different names; they belong into `reward_funcs` too.
    """

    def __init__(self, *rewarded: SafetyReward) -> None:
        """A callback for these rewards, whose costs nobody records yet."""
        super().__init__()
        odd = [reward for reward in rewarded if not isinstance(reward, SafetyReward)]
        names = [reward.__name__ for reward in rewarded if isinstance(reward, SafetyReward)]
        if odd or not names or len(set(names)) != len(names):
            raise InvalidReward(
                f"rewards {odd or names}: expected safety rewards, at least one, with names that differ"
            )
        self.rewarded = rewarded
        self.model: Any = None
        self.silent = True  # until a step has ended; completions are sampled in the first step
        self.heard: list[list[Any]] = [[] for _ in rewarded]

    def on_train_begin(
        self,
        args: object,
        state: "TrainerState",
        control: object,
        model: "Module | None" = None,
        **others: object,
    ) -> None:
        """Start to record costs, with the multipliers of the checkpoint if there is one.

        Parameters
        ----------
        args : GRPOConfig or RLOOConfig
            What the trainer passes; it is not read.
        state : TrainerState
            The state of the trainer, which keeps the multipliers.
        control : TrainerControl
            What the trainer passes; it is not read.
        model : Module or None
            The model, whose mode tells training from evaluation.
        **others : object
            What else the trainer passes; it is not read.

        Raises
        ------
        InvalidReward
            If the checkpoint has other budgets.

        Warns
        -----
        StartedAgain
            If the checkpoint has no multiplier.
        """
        self.model, self.silent = model, True
        kept = state.stateful_callbacks.get(KEY, {})
        for reward, costs in zip(self.rewarded, self.heard, strict=True):
            costs.clear()
            reward.listener = self._hear
            if reward.__name__ in kept:
                reward.multiplier.load_state_dict(kept[reward.__name__])
            elif state.global_step:
                warn(
                    StartedAgain(
                        f"{reward.__name__}: the checkpoint of step {state.global_step} has no multiplier "
                        f"of this name, and it begins again at {reward.multiplier.value.tolist()}: set it "
                        "to its last value, or give the reward its former name"
                    ),
                    stacklevel=2,
                )
        self._keep(state)

    def on_step_end(
        self, args: object, state: "TrainerState", control: object, **others: object
    ) -> None:
        """Move the multipliers if completions were sampled in this step, which is a collective call.

        Parameters
        ----------
        args : GRPOConfig or RLOOConfig
            What the trainer passes; it is not read.
        state : TrainerState
            The state of the trainer, which keeps the multipliers.
        control : TrainerControl
            What the trainer passes; it is not read.
        **others : object
            What else the trainer passes; it is not read.

        Raises
        ------
        InvalidReward
            If the first step did not call one of the rewards.
        """
        for reward, costs in zip(self.rewarded, self.heard, strict=True):
            if not costs and self.silent:
                raise InvalidReward(
                    f"{reward.__name__} was not called in the first step: give the trainer's reward_funcs "
                    "the same object as the callback"
                )
            if costs:
                reward.multiplier.update(np.concatenate(costs))
                costs.clear()
        self.silent = False
        self._keep(state)

    def on_train_end(self, args: object, state: object, control: object, **others: object) -> None:
        """Stop recording costs.

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
        self.model = None
        for reward in self.rewarded:
            reward.listener = None

    def _hear(self, reward: SafetyReward, costs: object) -> None:
        """Records the costs of a call of the reward, unless it is in evaluation."""
        if self.model.training:
            at = next(i for i, known in enumerate(self.rewarded) if known is reward)
            self.heard[at].append(costs)

    def _keep(self, state: "TrainerState") -> None:
        """Puts the multipliers into the state that the trainer writes."""
        state.stateful_callbacks[KEY] = {
            reward.__name__: reward.multiplier.state_dict() for reward in self.rewarded
        }
