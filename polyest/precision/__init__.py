"""The precision that balls are computed with: ours while something is proved, the caller's otherwise.

python-flint keeps one precision for the whole process, `flint.ctx.prec`, and any thread may set it at
any moment.  `working` sets it for a step, looks at it before and after the step and its own steps, and
raises PrecisionChanged where somebody else has set another: what was computed then is thrown away.

flint is imported when something is to be proved, not when a table is loaded.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock, get_ident
from types import TracebackType
from typing import Any, TypeVar

from polyest.errors import PrecisionChanged

USUAL = 53  # bits, flint's own default: what the released tables were proved with
TRIES = 5  # of work that another thread disturbs
LOCK = RLock()  # held by whoever sets the precision

Result = TypeVar("Result")

_steps: list[int] = []  # bits of the steps under way
_thread = 0  # that is at work
_trusted = 0  # how often `trust` was said


class working:  # noqa: N801 (it reads as flint's own ctx.workprec does)
    """A step of so many bits: `with working(160): ...`; PrecisionChanged where somebody else set others."""

    def __init__(self, bits: int) -> None:
        """A step that is not begun yet."""
        self.bits = bits

    def __enter__(self) -> None:
        """Set the precision."""
        from flint import ctx

        self.depth, self.before = len(_steps), ctx.prec
        if _steps and self.before != _steps[-1]:
            raise _changed(_steps[-1], self.before)
        _steps.append(self.bits)
        ctx.prec = self.bits

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Set it back; what was found at another precision is not handed on, be it an error."""
        from flint import ctx

        seen = ctx.prec
        del _steps[self.depth :]
        ctx.prec = _steps[-1] if _steps else self.before
        known = kind is not None and (kind is PrecisionChanged or not issubclass(kind, Exception))
        if seen != self.bits and not known:
            raise _changed(self.bits, seen) from error


def undisturbed(work: Callable[[], Result]) -> Result:
    """What `work` returns at the usual precision, begun again where another thread disturbs it.

    The precision is the caller's again on return, error and Ctrl-C.  Raises PrecisionChanged where it
    was disturbed five times.
    """
    global _thread
    from flint import ctx

    with LOCK:
        if _steps:  # of this thread, which has the lock
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
    """Whether this thread is in the middle of `undisturbed` work."""
    return _thread == get_ident()


def trust() -> None:
    """Take it that no other thread of this process sets the precision, as in one that is all ours."""
    global _trusted
    _trusted += 1


@contextmanager
def trusted() -> Iterator[None]:
    """A block in which `trust` holds."""
    global _trusted
    trust()
    try:
        yield
    finally:
        _trusted -= 1


def is_trusted() -> bool:
    """Whether `trust` holds."""
    return _trusted > 0


def _changed(ours: int, seen: Any) -> PrecisionChanged:
    return PrecisionChanged(
        f"flint.ctx.prec is {seen}, and was set to {ours} here: another thread of this process uses "
        "python-flint, whose precision belongs to the process; let it wait meanwhile, or prove in another "
        "process"
    )
