"""This module accepts old names of rewards and options until 1.0, and warns of the new names."""

import warnings
from collections.abc import Mapping
from typing import Any

from polyest.errors import InvalidReward
from polyest.rewards.notices import warn_caller
from polyest.rewards.tracing import constant
from polyest.values import among

NAMES = {"log": "log_probability", "soft": "soft_consistency"}  # of rewards, in integrations
OPTIONS = {"diversity": {"kind": "measure"}}
_WARNED: dict[Any, Any] = {}  # settings that were warned of, as Python keeps them for a module


def current_name(name: str) -> str:
    """The name of a reward as it is today; an old one warns DeprecationWarning.

    >>> current_name("tsallis")
    'tsallis'
    """
    if not among(name, NAMES):
        return name
    warn_of(f'"{name}"', f'"{NAMES[name]}"')
    return NAMES[name]


def current_options(
    reward: str, options: Mapping[str, object], setting: str | None = None
) -> dict[str, object]:
    """Options of a reward by their names of today; an old one warns DeprecationWarning.

    setting: where the options are written in a trainer's configuration, None for a call in Python.  Raises
    InvalidReward where an option is given by both names.
    """
    current = dict(options)
    for old, new in (OPTIONS[reward] if among(reward, OPTIONS) else {}).items():
        current = moved(current, old, new, setting)
    return current


def moved(
    options: Mapping[str, object], old: str, new: str, setting: str | None = None
) -> dict[str, object]:
    """Options with one of them under its new name, as `current_options` gives them.

    >>> moved({"beta": 1.0}, "kind", "measure")
    {'beta': 1.0}
    """
    if old not in options:
        return dict(options)
    if new in options:
        raise InvalidReward(f"{old} beside {new}, which is its name now: leave {old} out")
    if setting is None:
        warn_of(f"{old}=", f"{new}=")
    else:
        warn_of_setting(setting, old, new)
    return {new if name == old else name: value for name, value in options.items()}


@constant
def warn_of(old: str, new: str) -> None:
    """Warns of an old name at the line outside of polyest that used it; a compiled graph does so once."""
    warn_caller(DeprecationWarning(_said(old, new)))


def warn_of_setting(setting: str, old: str, new: str) -> None:
    """Warns of an old name in a trainer's configuration, once per process.

    Python hides a DeprecationWarning that a library causes.  Whoever wrote the configuration is no library,
    so the warning is given as if from the main program.
    """
    message = f"{setting}: {_said(old, new)}"
    warnings.warn_explicit(message, DeprecationWarning, setting, 1, "__main__", _WARNED)


def _said(old: str, new: str) -> str:
    return f"{old} is called {new} now; the old name works until polyest 1.0"
