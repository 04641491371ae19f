"""This package sets the precision of ball arithmetic during a proof and restores the caller's after it.

python-flint has one precision for the whole process, `flint.ctx.prec`, and any thread may change it at any
moment.  `working` sets it for a step of a computation, and reads it before and after the step and the steps
within it.  If another thread has changed it, `working` raises PrecisionChanged, and the result is discarded.

flint is imported when something is proved, not when a table is loaded.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock, get_ident
from types import TracebackType
from typing import TypeVar

from polyest.errors import PrecisionChanged

USUAL = 53  # bits, the default of flint; the released tables were proved with it
TRIES = 5  # attempts at work that another thread disturbs
LOCK = RLock()  # a thread holds it while it sets the precision

Result = TypeVar("Result")

_steps: list[int] = []  # the precisions of the steps that have begun and not ended, outermost first
_thread = 0  # the thread that is in `undisturbed`
_trusted = 0  # number of calls of `trust` that are in force


class working:  # noqa: N801 (named like flint's own ctx.workprec)
    """A context manager that sets the precision of a step: `with working(160): ...`.

    Raises PrecisionChanged if another thread changes the precision during the step.
    """

    def __init__(self, bits: int) -> None:
        """Keep the precision; the step begins with the `with` block."""
        self.bits = bits

    def __enter__(self) -> None:
        """Set the precision, if it still is that of the step around this one."""
        from flint import ctx

        self.depth, self.before = len(_steps), ctx.prec
        if _steps and self.before != _steps[-1]:
            raise _changed(_steps[-1], self.before)
        _steps.append(self.bits)
        ctx.prec = self.bits

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Restore the precision; raise PrecisionChanged if it was changed during the step.

        That error also replaces an error of the step, which another precision may have caused.
        """
        from flint import ctx

        seen = ctx.prec
        del _steps[self.depth :]
        ctx.prec = _steps[-1] if _steps else self.before
        passed = kind is not None and (kind is PrecisionChanged or not issubclass(kind, Exception))
        if seen != self.bits and not passed:
            raise _changed(self.bits, seen) from error


def undisturbed(work: Callable[[], Result]) -> Result:
    """Return the result of `work` at the usual precision; start again if another thread disturbs it.

    The caller's precision is restored after a return, an error and Ctrl-C.  Raises PrecisionChanged if the
    work was disturbed five times.
    """
    global _thread
    from flint import ctx

    with LOCK:
        if _steps:  # this thread is already at work, because it has the lock
            with working(USUAL):
                return work()
        before, _thread = ctx.prec, get_ident()
        try:
            for left in reversed(range(TRIES)):
                try:
                    with working(USUAL):
                        return work()
                except PrecisionChanged:
                    if not left:
                        raise
        finally:
            ctx.prec = before
            _thread = 0
            _steps.clear()
    raise AssertionError("the last try returns or raises")


def at_work() -> bool:
    """Return whether this thread is inside `undisturbed`."""
    return _thread == get_ident()


def trust() -> None:
    """Assume that no other thread of this process sets the precision.

    This is true in processes that polyest starts and in its commands.
    """
    global _trusted
    _trusted += 1


@contextmanager
def trusted() -> Iterator[None]:
    """Make the assumption of `trust` during a block."""
    global _trusted
    trust()
    try:
        yield
    finally:
        _trusted -= 1


def is_trusted() -> bool:
    """Return whether the assumption of `trust` is in force."""
    return _trusted > 0


def _changed(ours: int, seen: object) -> PrecisionChanged:
    """Return the error for a precision that is not the one that was set."""
    return PrecisionChanged(
        f"flint.ctx.prec is {seen}, expected {ours}, which was set here: another thread uses python-flint, "
        "whose precision all threads of a process share; let that thread wait, or prove in another process"
    )
