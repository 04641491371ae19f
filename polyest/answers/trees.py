r"""Trees: what an answer says, made of its parts.

A tree is a tuple.  Numbers and their arithmetic:

    ("n", p, q)  ("x", name)  ("c", "pi" | "e" | "i")  ("+", ...)  ("*", ...)  ("/", a, b)  ("^", a, b)
    ("f", name, a)  ("pm", 1 | -1), the sign of \pm and \mp

and what they are put together to, which is of another kind than its parts:

    ("list", ...) in any order  ("either", ...) one of several inequalities  ("set", ...)
    ("seq", brackets, ...) in its order, also an interval  ("matrix", delimiter, row, ...)
    ("rel", "=" | "<" | "\le" | "\ne" | "\in" | "\notin", a, b)  ("\cup" | "\cap" | "\setminus" | ":", ...)
    ("space", "R")
"""

from collections.abc import Iterator
from typing import Any

Tree = tuple[Any, ...]

ONE: Tree = ("n", 1, 1)
_TURNED = {">": "<", r"\ge": r"\le"}


class UnreadableError(Exception):
    """A key that is text, or mathematics that is not read."""


def numeric(tree: Tree) -> bool:
    """Whether a tree is a number or an expression, and no set, relation, ..."""
    return tree[0] in ("n", "x", "c", "+", "*", "/", "^", "f", "pm")


def expression(tree: Tree) -> Tree:
    """The tree, which has to be numeric."""
    if not numeric(tree):
        raise UnreadableError
    return tree


def plain(tree: Tree) -> bool:
    """Whether it is a fraction of two whole numbers."""
    return tree[0] == "/" and all(part[0] == "n" and part[2] == 1 for part in tree[1:])


def product(left: Tree, right: Tree) -> Tree:
    """left right, in one row of factors."""
    if left == ONE and not numeric(right):
        return right  # the sign of +\{1\}
    return (*(left if left[0] == "*" else ("*", expression(left))), expression(right))


def joined(token: str, run: list[Tree]) -> Tree:
    """What a union, ... or a colon joins; one alone is itself."""
    if not token:
        return run[0]
    if any(numeric(part) != (token == ":") for part in run):
        raise UnreadableError
    return (token, *run)


def related(token: str, left: Tree, right: Tree) -> Tree:
    """A relation, with the smaller side on the left."""
    if token in (r"\in", r"\notin") and numeric(right):
        raise UnreadableError
    return ("rel", _TURNED[token], right, left) if token in _TURNED else ("rel", token, left, right)


def several(parts: list[Tree], either: bool = False) -> Tree:
    r"""A list of parts, each \pm as two of them; one part is itself."""
    found = scattered(parts)
    if len(found) == 1:
        return found[0]
    if all(part[0] == "x" for part in found):
        return ("seq", "", *found)  # letters alone stand for something, in an order
    ordered = any(part[0] == "rel" and part[1] != "=" for part in found)
    return ("either" if either and ordered else "list", *found)


def scattered(parts: list[Tree]) -> list[Tree]:
    r"""The parts, those with a \pm as two."""
    signs = [(1, -1) if _has_sign(part) else (0,) for part in parts]
    return [_signed(part, s) for part, both in zip(parts, signs, strict=True) for s in both]


def _has_sign(tree: Tree) -> bool:
    return any(part[0] == "pm" for part in subtrees(tree))


def _signed(tree: Tree, sign: int) -> Tree:
    if tree[0] == "pm":
        return ("n", sign * tree[1], 1)
    return tuple(_signed(part, sign) if isinstance(part, tuple) else part for part in tree)


def subtrees(tree: Tree) -> Iterator[Tree]:
    """The tree and all that is in it."""
    yield tree
    for part in tree[1:]:
        if isinstance(part, tuple):
            yield from subtrees(part)
