"""This module has `alone`, a decorator that makes results of ball arithmetic independent of the caller.

A marked function runs at a fixed precision, whatever the caller has set (precision/__init__.py), and in one
thread at a time.  If the caller has other threads, the function runs in a separate process
(helper_process.py).  No other thread can change the precision there, and the precision of the caller's
process is neither set nor read.

If its arguments cannot be sent, or no process can be started, the function runs in the caller's process.
It raises PrecisionChanged there if another thread is seen to change the precision.  A thread that changes
it and restores it between two checks is not seen, and may alter the last digits of a claim, which remains
true.  The work is therefore done until two results in a row are equal.  Only a result that cannot be
pickled (a table for a target of a local class) cannot be compared, and is computed once.
"""

import pickle
import sys
from collections.abc import Callable
from functools import partial, wraps
from typing import ParamSpec, TypeVar

from polyest.dependencies import require
from polyest.errors import NotProved, PrecisionChanged
from polyest.precision import TRIES, at_work, is_trusted, undisturbed

Given = ParamSpec("Given")
Result = TypeVar("Result")


def alone(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Return the function made independent of the caller's precision and threads."""

    @wraps(function)
    def entered(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        require("flint")
        work = partial(function, *args, **kwargs)
        if at_work() or is_trusted() or len(sys._current_frames()) == 1:
            return undisturbed(work)
        from polyest.precision.helper_process import CannotSend, call

        try:
            result: Result = call(function, args, kwargs)
        except CannotSend:
            return _beside_threads(work)
        return result

    return entered


def _beside_threads(work: Callable[[], Result]) -> Result:
    """Return or raise the outcome of `work` in this process, once two outcomes in a row are equal.

    Another thread may spoil an outcome unseen, but hardly twice in the same way.
    """
    last = None
    for _ in range(TRIES):
        try:
            result = undisturbed(work)
        except NotProved as error:
            outcome: object = str(error)
            if outcome == last:
                raise
        else:
            outcome = _bytes_of(result)
            if outcome is None or outcome == last:
                return result
        last = outcome
    raise PrecisionChanged(
        f"{TRIES} tries gave different results: another thread sets flint.ctx.prec, which all threads of "
        "a process share; let that thread wait, or prove in another process"
    )


def _bytes_of(result: object) -> bytes | None:
    """Return a pickle to compare, or None if the result holds a local class of the caller."""
    try:
        return pickle.dumps(result)
    except Exception:  # a foreign object may raise anything here
        return None
