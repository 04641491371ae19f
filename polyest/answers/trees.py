r"""Trees: an answer is represented by a tree of its parts.

A tree is a tuple.  These trees are numbers and arithmetic:

    ("n", p, q)  ("x", name)  ("c", "pi" | "e" | "i")  ("+", ...)  ("*", ...)  ("/", a, b)  ("^", a, b)
    ("f", name, a)  ("pm", 1 | -1), the sign of \pm and \mp

These trees are composed of others, and are not numbers:

    ("list", ...) in any order  ("either", ...) one of several inequalities  ("set", ...)
    ("seq", brackets, ...) in this order, also an interval  ("matrix", delimiter, row, ...)
    ("rel", "=" | "<" | "\le" | "\ne" | "\in" | "\notin", a, b)  ("\cup" | "\cap" | "\setminus" | ":", ...)
    ("space", "R")
"""

from collections.abc import Iterator
from typing import Any

Tree = tuple[Any, ...]

ONE: Tree = ("n", 1, 1)
_TURNED = {">": "<", r"\ge": r"\le"}


class UnreadableError(Exception):
    """Raised when a key is text, or mathematics that cannot be read with certainty."""


def numeric(tree: Tree) -> bool:
    """Return whether a tree is a number or an expression, and not a set, a relation and so on."""
    return tree[0] in ("n", "x", "c", "+", "*", "/", "^", "f", "pm")


def expression(tree: Tree) -> Tree:
    """Return the tree; raise UnreadableError unless it is numeric."""
    if not numeric(tree):
        raise UnreadableError
    return tree


def plain(tree: Tree) -> bool:
    """Return whether the tree is a fraction of two whole numbers."""
    return tree[0] == "/" and all(part[0] == "n" and part[2] == 1 for part in tree[1:])


def product(left: Tree, right: Tree) -> Tree:
    """Return the product of two trees, in one list of factors."""
    if left == ONE and not numeric(right):
        return right  # a plus sign before a set, as in +\{1\}, changes nothing
    return (*(left if left[0] == "*" else ("*", expression(left))), expression(right))


def joined(token: str, run: list[Tree]) -> Tree:
    """Return the union, intersection, difference or ratio of the trees; without a token, the first one."""
    if not token:
        return run[0]
    if any(numeric(part) != (token == ":") for part in run):
        raise UnreadableError
    return (token, *run)


def related(token: str, left: Tree, right: Tree) -> Tree:
    """Return a relation, with the smaller side on the left."""
    if token in (r"\in", r"\notin") and numeric(right):
        raise UnreadableError
    return ("rel", _TURNED[token], right, left) if token in _TURNED else ("rel", token, left, right)


def several(parts: list[Tree], either: bool = False) -> Tree:
    r"""Return the list of the parts, or the part itself if there is one; a part with \pm counts as two.

    either: whether the parts are separated by "or".
    """
    members = scattered(parts)
    if len(members) == 1:
        return members[0]
    if all(part[0] == "x" for part in members):
        return ("seq", "", *members)  # letters alone are names, so that their order matters
    ordered = any(part[0] == "rel" and part[1] != "=" for part in members)
    return ("either" if either and ordered else "list", *members)


def scattered(parts: list[Tree]) -> list[Tree]:
    r"""Return the parts, in which each part with a \pm is replaced by two."""
    signs = [(1, -1) if _has_sign(part) else (0,) for part in parts]
    return [_signed(part, s) for part, both in zip(parts, signs, strict=True) for s in both]


def _has_sign(tree: Tree) -> bool:
    r"""Return whether a \pm or \mp is in the tree."""
    return any(part[0] == "pm" for part in subtrees(tree))


def _signed(tree: Tree, sign: int) -> Tree:
    r"""Replace each \pm in the tree by the sign 1 or -1, and each \mp by its opposite."""
    if tree[0] == "pm":
        return ("n", sign * tree[1], 1)
    return tuple(_signed(part, sign) if isinstance(part, tuple) else part for part in tree)


def subtrees(tree: Tree) -> Iterator[Tree]:
    """Yield the tree and all trees in it."""
    yield tree
    for part in tree[1:]:
        if isinstance(part, tuple):
            yield from subtrees(part)
