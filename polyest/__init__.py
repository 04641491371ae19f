"""polyest: tables that turn the counts of sampled answers into rewards, with proved bias and variance.

t = polyest.load(14)       # for groups of 16 whose mean reward is subtracted: K = 14
rewards = t[polyest.counts.in_group(answers).index]  # answers (prompts, 16): ids of numpy, torch, jax, ...

Always look up by this index.  An answer that occurs X times in its group has the index X - 1, because the
completion itself is one of the X.  A raw count X reads the entry of a more frequent answer, and no error is
raised.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from polyest.version import __version__

if TYPE_CHECKING:
    from polyest import (
        advantages,
        answers,
        closed_forms,
        counts,
        frontier,
        functions,
        games,
        gathering,
        history,
        metrics,
        pairing,
        rewards,
        selection,
    )
    from polyest import compiled as compiled
    from polyest import errors as errors
    from polyest import grpo as grpo
    from polyest.history.history import History
    from polyest.make.explanation import explain
    from polyest.make.pipeline import solve
    from polyest.make.verify import verify
    from polyest.problem.targets.public import Target
    from polyest.tables.format import dumps, loads
    from polyest.tables.release import load
    from polyest.tables.table import Table
    from polyest.tables.universal import UniversalTable

_HOMES = {
    "explain": "make.explanation",
    "solve": "make.pipeline",
    "verify": "make.verify",
    "load": "tables.release",
    "History": "history.history",
    "Table": "tables.table",
    "Target": "problem.targets.public",
    "UniversalTable": "tables.universal",
    "dumps": "tables.format",
    "loads": "tables.format",
}
_MODULES = (
    "advantages", "answers", "closed_forms", "compiled", "counts", "errors", "frontier", "functions",
    "games", "gathering", "grpo", "history", "metrics", "pairing", "rewards", "selection",
)  # fmt: skip

__all__ = [
    "History",
    "Table",
    "Target",
    "UniversalTable",
    "__version__",
    "advantages",
    "answers",
    "closed_forms",
    "counts",
    "dumps",
    "explain",
    "frontier",
    "functions",
    "games",
    "gathering",
    "history",
    "load",
    "loads",
    "metrics",
    "pairing",
    "rewards",
    "selection",
    "solve",
    "verify",
]


if not TYPE_CHECKING:  # a checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        """What is imported when it is first asked for.

        Where a dependency is missing, a function is one that raises NotInstalled, and a module an
        AttributeError, so that `dir`, `help` and `hasattr` work.
        """
        home = _HOMES.get(name, name)
        if name not in _HOMES and name not in _MODULES:
            raise AttributeError(f"module 'polyest' has no attribute {name!r}")
        try:
            module = import_module(f"polyest.{home}")
        except ImportError as error:
            from polyest.errors import MissingModule, NotInstalled

            if not isinstance(error, NotInstalled):
                raise
            message = str(error)
            if name in _MODULES:
                raise MissingModule(message) from None

            def not_installed(*_: object, **__: object) -> NoReturn:
                raise NotInstalled(message)

            return not_installed
        return getattr(module, name) if name in _HOMES else module


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_MODULES})
