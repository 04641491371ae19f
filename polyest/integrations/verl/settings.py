"""What the configuration of an algorithm asks for: options of an estimator, and a history of this process."""

from collections.abc import Mapping
from typing import Any

from polyest.errors import BrokenBatch, InvalidReward
from polyest.history.history import History
from polyest.integrations.earlier import history_of
from polyest.values import shown

HISTORY = ("visits", "prompts", "answers")  # what can be said of one in a configuration
PASTS: dict[str, History] = {}  # of this process, by what was said of it


def entry(config: object, name: str) -> Any:
    """An entry of a configuration, a mapping or an object with attributes; None where it has none."""
    return config.get(name) if hasattr(config, "get") else getattr(config, name, None)


def options_in(config: object) -> dict[str, object]:
    """The options below `polyest` in the configuration of an algorithm, none where it has none."""
    options = entry(config, "polyest")
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise BrokenBatch(f"polyest is {options!r} in the configuration: expected options by name")
    return {str(option): value for option, value in options.items() if value is not None}


def past_of(setting: object) -> History:
    """The history that an option asks for; in one process it is the same one each time.

    setting: a number of visits or "auto", or visits, prompts and answers by name; or a history.

    Raises InvalidReward for another name, InvalidHistory for another value.

    >>> past_of({"visits": 1, "answers": 64}) is past_of({"answers": 64, "visits": 1})
    True
    """
    if isinstance(setting, History):
        return history_of(setting)
    asked: Mapping[Any, Any] = setting if isinstance(setting, Mapping) else {"visits": setting}
    if unknown := [str(name) for name in asked if name not in HISTORY]:
        raise InvalidReward(
            f"unknown entry {', '.join(unknown)} of history: expected some of {', '.join(HISTORY)}"
        )
    known = repr(sorted(asked.items()))
    if (
        known not in PASTS
    ):  # a class means the same in every batch, as each completion is scored alone
        PASTS[known] = history_of(History(**asked, stable_ids=True))
    return PASTS[known]


def check_filter(config: object) -> None:
    """Raise InvalidReward where verl drops groups by what is in them, which a history must not depend on."""
    groups = entry(config, "filter_groups")
    if groups is not None and entry(groups, "enable"):
        raise InvalidReward(
            "algorithm.filter_groups is on beside a history: groups that verl drops cannot be recorded, "
            f"and a history of {shown('what was kept')} is biased; switch one of the two off"
        )
