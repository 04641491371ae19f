"""The history in verl's checkpoints: a file beside the state of its data loader."""

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any
from warnings import warn

from polyest.errors import InvalidHistory, InvalidReward, StartedAgain
from polyest.integrations.verl.settings import entry, options_in, past_of

FILE = "polyest_history.json"


class HistoryCallback:
    """Keep the history of an estimator in verl's checkpoints, and take it up where training resumes.

        trainer.checkpoint_callback_class=polyest.integrations.verl.HistoryCallback

    verl makes it, in the process of its trainer, where the estimators run too.  It needs verl 0.9.1.

    It raises InvalidReward where `algorithm.polyest.history` is not set, and InvalidHistory where the
    checkpoint that verl resumes from has a file that was cut short or changed.  It warns StartedAgain where
    that has none.

    Parameters
    ----------
    config : DictConfig
        The whole configuration of the trainer.
    """

    def __init__(self, config: object) -> None:
        """A callback, which loads the history of the checkpoint that verl resumes from, if there is one."""
        setting = options_in(entry(config, "algorithm")).get("history")
        if setting is None:
            raise InvalidReward(
                "HistoryCallback without algorithm.polyest.history: set it, or leave the callback out"
            )
        self.config, self.past = config, past_of(setting)
        folder = resumed(entry(config, "trainer"))
        if folder is not None:
            self._load(folder / FILE)

    def on_save(
        self, trainer: object, global_step: int, checkpoint_dir: str, **others: object
    ) -> None:
        """Write the history into the folder of a checkpoint, whole or not at all.

        Parameters
        ----------
        trainer : PPOTrainer
            What verl passes; it is not read.
        global_step : int
            What verl passes; it is not read.
        checkpoint_dir : str
            The folder of the checkpoint.
        **others : object
            What else verl passes; it is not read.
        """
        path = Path(checkpoint_dir) / FILE
        part = path.with_suffix(".part")
        part.write_text(json.dumps(self.past.state_dict()))
        os.replace(part, path)

    def _load(self, path: Path) -> None:
        """Take up the history in a file."""
        if not path.is_file():
            warn(
                StartedAgain(
                    f"no {FILE} in {path.parent}, from which verl resumes: the history starts empty, and "
                    "prompts are counted as if seen anew"
                ),
                stacklevel=3,
            )
            return
        try:
            state: Any = json.loads(path.read_text())
        except ValueError as error:
            raise InvalidHistory(
                f"{path} is no JSON ({error}): it was cut short or changed; resume from another checkpoint, "
                "or remove it and start with an empty history"
            ) from None
        self.past.load_state_dict(state)


def resumed(trainer: object) -> Path | None:
    """The folder of the checkpoint that verl resumes from, found as it finds it; None for none."""
    mode = entry(trainer, "resume_mode")
    if mode == "resume_path":
        return Path(entry(trainer, "resume_from_path")).absolute()
    if mode != "auto":
        return None
    manager = import_module("verl.utils.checkpoint.checkpoint_manager")
    latest = manager.find_latest_ckpt_path(os.path.abspath(entry(trainer, "default_local_dir")))
    return None if latest is None else Path(latest)
