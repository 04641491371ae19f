"""A scorer of the user's own, which says whether a completion is right."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from inspect import iscoroutine
from math import isfinite
from typing import Any

from polyest.errors import InvalidReward
from polyest.integrations.correctness import LEAST
from polyest.values import plain, real, shown

Scorer = Callable[..., Any]  # verl's arguments -> a number, or a mapping
OURS = ("score", "acc")


def judged(scorer: Scorer | str, *given: object) -> tuple[bool, dict[str, object]]:
    """Whether a completion is right, and what else the scorer says.

    given: data_source, solution_str, ground_truth and extra_info.

    Raises InvalidReward where there is no such scorer, it raises an error, or gives no number.
    """
    function = _imported(scorer) if isinstance(scorer, str) else scorer
    if not callable(function):
        raise InvalidReward(
            f'scorer is {shown(scorer)}: expected a callable, or "package.module.function"'
        )
    name = getattr(function, "__name__", type(function).__name__)
    try:
        said = plain(function(*given))
    except Exception as error:  # a scorer of the caller's may raise anything
        raise InvalidReward(
            f"scorer {name} raised {type(error).__name__}: {shown(str(error))}; let it give 0 for a "
            "completion that it cannot judge"
        ) from error
    if iscoroutine(said):
        said.close()
    entries = dict(said) if isinstance(said, Mapping) else {"score": said}
    value = plain(entries.get("acc", entries.get("score")))
    number = float(value) if isinstance(value, bool) else real(value)
    if not isfinite(number):
        raise InvalidReward(
            f"scorer {name} gave {shown(said)}: expected a finite number, or a mapping with one as acc or "
            "score; it is a plain function, no coroutine"
        )
    return number > LEAST, {str(k): one for k, one in entries.items() if k not in OURS}


@cache
def _imported(path: str) -> Scorer:
    """The function at "package.module.function"."""
    module, _, name = path.rpartition(".")
    try:
        scorer: Scorer = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidReward(
            f'scorer is {shown(path)}: {error}; expected "package.module.function", which can be imported'
        ) from None
    return scorer
