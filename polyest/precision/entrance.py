"""Entrances to ball arithmetic: what is proved, and its bytes, do not depend on the caller's process.

What `alone` marks sees our precision, whatever the caller has set (precision.py), and one thread at a
time.  Where another thread of the caller is alive the work is done in a process of its own
(helper_process.py), in which there is no such thread, and the precision of this one is neither set nor
read.  Where that cannot be (what is asked for cannot be sent, no process be started) it is done
here, and PrecisionChanged says so where another thread was seen to disturb it.  One that sets another
precision and sets it back between two looks is not seen: what it changes is the last digits of a
claim, which stays true.  So everything is done twice there, and believed when it comes out alike; only
what cannot be pickled (a table for a target of a local class) cannot be compared, and is done once.
"""

import pickle
import sys
from collections.abc import Callable
from functools import partial, wraps
from typing import ParamSpec, TypeVar

from polyest.errors import NotProved, PrecisionChanged
from polyest.precision import TRIES, at_work, is_trusted, undisturbed

Given = ParamSpec("Given")
Result = TypeVar("Result")


def alone(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """The function as an entrance."""

    @wraps(function)
    def entered(*args: Given.args, **kwargs: Given.kwargs) -> Result:
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
    """What `work` returns, or raises, here, where a thread may spoil it unseen, but not twice alike."""
    seen = None
    for _ in range(TRIES):
        try:
            result = undisturbed(work)
        except NotProved as error:
            found: object = str(error)
            if found == seen:
                raise
        else:
            found = _bytes_of(result)
            if found is None or found == seen:
                return result
        seen = found
    raise PrecisionChanged(
        f"of {TRIES} tries no two gave the same: a thread of this process sets flint.ctx.prec, which belongs "
        "to the process; let it wait meanwhile, or prove in another process"
    )


def _bytes_of(result: object) -> bytes | None:
    """A pickle to compare, None of what cannot be pickled: a local class of the caller's in it."""
    try:
        return pickle.dumps(result)
    except Exception:  # of as many kinds as there are objects
        return None
