"""This module accepts old calls until polyest 1.0, with a DeprecationWarning that says how to write
them."""

import warnings
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")

UNTIL = "works until polyest 1.0"


def meant_as_keywords(
    kept: int | Callable[[tuple[object, ...]], int], *names: str
) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Return a decorator that also accepts arguments beyond the first `kept` by position, as `names`.

    The function itself takes them as keywords only, and signatures and type checkers show that.
    kept: the number of positional arguments, or a function that computes it from all of them.

    >>> @meant_as_keywords(1, "noise")
    ... def solve(K, *, noise=8): return K, noise
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     print(solve(14, 4), caught[0].message)
    (14, 4) noise by position works until polyest 1.0: write solve(..., noise=4)
    """

    def decorated(function: Callable[Given, Result]) -> Callable[Given, Result]:
        @wraps(function)
        def called(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            early = kept if isinstance(kept, int) else kept(args)
            late = args[early:]
            if not late or len(late) > len(names):
                return function(*args, **kwargs)
            named = dict(zip(names, late, strict=False))
            if twice := [name for name in named if name in kwargs]:
                raise TypeError(
                    f"{function.__name__} got {twice[0]} by position and by name: give it once"
                )
            _say(function.__name__, named)
            kwargs.update(named)
            return function(*args[:early], **kwargs)  # type: ignore[arg-type]

        return called

    return decorated


def _say(function: str, named: dict[str, object]) -> None:
    """Warn, at the place of the call, that arguments were passed by position, and say how to write them."""
    written = ", ".join(f"{name}={value!r:.60}" for name, value in named.items())
    warnings.warn(
        f"{', '.join(named)} by position {UNTIL}: write {function}(..., {written})",
        DeprecationWarning,
        stacklevel=3,
    )
