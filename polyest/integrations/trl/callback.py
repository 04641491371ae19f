"""The base of callbacks for TRL's trainers, whose own base is in transformers."""

from typing import Any

from polyest.errors import NotInstalled

try:
    from transformers import TrainerCallback

    MISSING = False
except ModuleNotFoundError:
    MISSING, TrainerCallback = True, object


class Callback(TrainerCallback):  # type: ignore[misc]
    """A TrainerCallback.  Raises NotInstalled, where it is made, without transformers."""

    def __init__(self, **_: Any) -> None:
        """A callback, if there can be one."""
        if MISSING:
            raise NotInstalled(
                f"{type(self).__name__} needs transformers, which is not installed: pip install "
                "'polyest[trl]'"
            )
