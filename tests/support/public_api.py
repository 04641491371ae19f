"""The names that users rely on, with their signatures as the source has them: one readable line each.

python tests/support/public_api.py        # rewrites tests/data/public_api.txt
"""

import ast
import inspect
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

FILE = Path(__file__).parents[1] / "data" / "public_api.txt"
MODULES = (
    "polyest", "polyest.advantages", "polyest.answers", "polyest.closed_forms", "polyest.compiled",
    "polyest.counts", "polyest.errors", "polyest.explanation", "polyest.frontier", "polyest.functions",
    "polyest.games", "polyest.gathering", "polyest.gradients", "polyest.grpo", "polyest.history",
    "polyest.integrations.groups", "polyest.integrations.messages", "polyest.integrations.reader",
    "polyest.integrations.scores", "polyest.integrations.swift", "polyest.integrations.trinity",
    "polyest.integrations.trl", "polyest.integrations.verl", "polyest.lookup",
    "polyest.metrics", "polyest.pairing", "polyest.recommendation", "polyest.rewards", "polyest.selection",
    "polyest.sweeping",
)  # fmt: skip
# There only where the trainer is.
OF_TRAINERS = tuple(
    f"polyest.integrations.trl.{name}"
    for name in ("Check", "HistoryCallback", "MultiplierCallback")
)
# Of the names with underscores, those that users meet.
CALLED = ("__init__", "__call__", "__getitem__")


def listing() -> str:
    """The lines of every module."""
    return "".join(f"{line}\n" for module in MODULES for line in of_module(import_module(module)))


def names(module: ModuleType) -> list[str]:
    """What a module makes public: its __all__, or all without underscore that is written in it."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    )


def of_module(module: ModuleType) -> list[str]:
    """The lines of a module."""
    lines = []
    for name in names(module):
        path = f"{module.__name__}.{name}"
        if path in OF_TRAINERS:
            lines.append(f"class {path}")
            continue
        value = getattr(module, name)
        if inspect.isclass(value):
            lines += _of_class(path, value)
        elif inspect.isfunction(value):
            lines.append(f"{path}{_signature(_written(value))}")
        else:
            lines.append(f"{path}: {type(value).__name__}")
    return lines


def _of_class(path: str, kind: type) -> list[str]:
    """A class with its bases; its fields, properties and methods in their order, those of our bases first.

    That a record takes its fields (polyest/record.py) is not said of each.
    """
    bases = ", ".join(base.__name__ for base in kind.__bases__ if base is not object)
    members: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        if one.__module__.startswith("polyest.") and one.__module__ != "polyest.record":
            members |= dict(_members(one))
    return [f"class {path}({bases})", *(f"    {line}" for line in members.values())]


def _members(kind: type) -> list[tuple[str, str]]:
    lines = []
    written = _written(kind)
    assert isinstance(written, ast.ClassDef)
    for node in written.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if not node.target.id.startswith("_"):
                lines.append((node.target.id, ast.unparse(node)))
        elif isinstance(node, ast.FunctionDef) and (
            not node.name.startswith("_") or node.name in CALLED
        ):
            if {"property", "cached_property"} & {
                ast.unparse(mark) for mark in node.decorator_list
            }:
                assert node.returns is not None
                lines.append((node.name, f"{node.name}: {ast.unparse(node.returns)}"))
            else:
                lines.append((node.name, f"{node.name}{_signature(node)}"))
    return lines


def _signature(node: ast.AST) -> str:
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(node.args)}){returns}"


def _written(value: type) -> ast.AST:
    """The definition of a class or a function in its source."""
    return _definitions(str(import_module(value.__module__).__file__))[value.__name__]


@cache
def _definitions(path: str) -> dict[str, ast.AST]:
    tree = ast.parse(Path(path).read_text())
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name: node for node in tree.body if isinstance(node, kinds)}


if __name__ == "__main__":
    FILE.write_text(listing())
