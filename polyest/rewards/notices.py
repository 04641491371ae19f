"""This module gives warnings at the line outside of polyest that caused them, each of them once."""

import sys
import warnings
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

MOST = 1024  # warnings that are remembered
_GIVEN: dict[Hashable, float] = {}  # what was warned of, and how much of it


def warn_caller(warning: Warning) -> None:
    """Warns at the line outside of polyest that is being run."""
    level, frame = 1, sys._getframe()
    while frame.f_back and str(frame.f_globals.get("__name__")).partition(".")[0] == "polyest":
        level, frame = level + 1, frame.f_back
    warnings.warn(warning, stacklevel=level)


def given_before(what: Hashable, size: float = 0.0) -> bool:
    """Whether this was warned of before, of this size or greater."""
    return _GIVEN.get(what, -1.0) >= size


def warn_once(warning: Warning, what: Hashable, size: float = 0.0) -> None:
    """Warns, unless that was done before for what has this size, or a greater one."""
    if given_before(what, size):
        return
    if len(_GIVEN) >= MOST:
        _GIVEN.clear()
    _GIVEN[what] = size
    warn_caller(warning)


@contextmanager
def forgotten() -> Iterator[None]:
    """Makes what is warned of inside not count as given: in a trial, whose warnings nobody sees.

    >>> with forgotten(), warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     warn_once(UserWarning("a"), "a")
    >>> given_before("a")
    False
    """
    before = dict(_GIVEN)
    try:
        yield
    finally:
        _GIVEN.clear()
        _GIVEN.update(before)
