"""Entrances to ball arithmetic: what is proved, and its bytes, do not depend on the caller's process.

What `alone` marks sees our precision, whatever the caller has set (precision.py), and one thread at a
time.  Where another thread of the caller is alive the work is done in a process of its own
(helper_process.py), in which there is no such thread, and the precision of this one is neither set nor
read.  Where that cannot be (what is asked for cannot be sent, no process be started) it is done
here, and PrecisionChanged says so where another thread was seen to disturb it.  One that sets another
precision and sets it back between two looks is not seen: what it changes is the last digits of a
claim, which stays true.
"""

import sys
from collections.abc import Callable
from functools import partial, wraps
from typing import ParamSpec, TypeVar

from polyest.precision import at_work, is_trusted, undisturbed

Given = ParamSpec("Given")
Result = TypeVar("Result")


def alone(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """The function as an entrance."""

    @wraps(function)
    def entered(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        work = partial(function, *args, **kwargs)
        if at_work() or is_trusted() or len(sys._current_frames()) == 1:
            return undisturbed(work)
        from polyest.helper_process import CannotSend, call

        try:
            result: Result = call(function, args, kwargs)
        except CannotSend:
            return undisturbed(work)
        return result

    return entered
