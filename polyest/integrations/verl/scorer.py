"""A scorer of the user's own, which says whether a completion is right."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from inspect import iscoroutine
from math import isfinite

import numpy as np

from polyest.errors import InvalidReward
from polyest.integrations.judge import Judge, above_half, called
from polyest.values import plain, real, shown

OURS = ("score", "acc")


def judged(scorer: Judge | str, *given: object) -> tuple[bool, dict[str, object]]:
    """Whether a completion is right, and what else the scorer says.

    given: data_source, solution_str, ground_truth and extra_info.

    Raises InvalidReward where there is no such scorer, it raises an error, or gives no number.  Warns
    PartialCredit once where it gives a number between 0 and 1.
    """
    function = _imported(scorer) if isinstance(scorer, str) else scorer
    if not callable(function):
        raise InvalidReward(
            f'scorer is {shown(scorer)}: expected a callable, or "package.module.function"'
        )
    said = plain(called("scorer", function, *given))
    if iscoroutine(said):
        said.close()
    entries = dict(said) if isinstance(said, Mapping) else {"score": said}
    value = plain(entries.get("acc", entries.get("score")))
    number = float(value) if isinstance(value, bool) else real(value)
    if not isfinite(number):
        name = getattr(function, "__name__", type(function).__name__)
        raise InvalidReward(
            f"scorer {name} gave {shown(said)}: expected a finite number, or a mapping with one as acc or "
            "score; it is a plain function, no coroutine"
        )
    right = bool(above_half("scorer", np.array([number]))[0])
    return right, {str(k): one for k, one in entries.items() if k not in OURS}


@cache
def _imported(path: str) -> Judge:
    """The function at "package.module.function"."""
    module, _, name = path.rpartition(".")
    try:
        scorer: Judge = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidReward(
            f'scorer is {shown(path)}: {error}; expected "package.module.function", which can be imported'
        ) from None
    return scorer
