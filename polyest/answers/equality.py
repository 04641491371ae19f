r"""Equality by value: two trees are the same where their kinds are and their numbers are equal.

Numbers are enclosed in balls (Arb): disjoint balls are different numbers, proved.  Equal ones are

- rationals, exactly; so are polynomials and quotients of them, at `POINTS` random rational points;
- roots of rationals and what arithmetic makes of them, proved: a difference that is not zero has a least size
  (Burnikel, Funke, Mehlhorn, Schirra, Schmitt 2009), and the balls are smaller;
- others (\pi, e, functions, roots of letters, many roots) where they agree at every point to 1024 bits,
  and 32 more for each bit of the numbers in them: no proof, but nothing of this length is known to fail.

Nothing depends on time, process or machine: what would need more than `MOST` bits raises OverflowError.
"""

from collections.abc import Callable
from functools import lru_cache, reduce
from math import log2
from typing import Any

from flint import fmpq

from polyest.answers import notation
from polyest.answers.points import POINTS, Point, ball, minus, size, zero
from polyest.answers.trees import Tree, numeric, subtrees
from polyest.precision import working
from polyest.precision.entrance import alone

FIRST, MOST = 192, 2**13  # bits of the first look, and of the last

Differences = Callable[[list[Any], list[Any]], list[Any]]


@alone
def equal(left: str, right: str) -> bool:
    """Whether two keys are read, and are the same; OverflowError as `read` raises it.

    >>> equal("1/2", "0.5")
    True
    """
    a, b = read(left), read(right)
    return a is not None and b is not None and same(a, b)


def same(left: Tree, right: Tree) -> bool:
    r"""Whether two trees are equal by value.

    >>> same(read(r"\sqrt{8}"), read(r"2\sqrt2")), same(read("(1,3)"), read("(3,1)"))
    (True, False)
    """
    kinds = {left[0], right[0]}
    if left == right or kinds == {"n"}:
        return left == right
    if numeric(left) or numeric(right):
        return numeric(left) and numeric(right) and _agree(left, right, _differences)
    if kinds <= {"list", "set"}:
        return _matched(_members(left), _members(right))
    if len(kinds) > 1:
        return False
    if kinds <= {"either", r"\cup", r"\cap"}:
        return _matched(list(left[1:]), list(right[1:]))
    if kinds == {"rel"}:
        return left[1] == right[1] and _same_relation(left[1], left[2:], right[2:])
    return len(left) == len(right) and all(
        same(a, b) if isinstance(a, tuple) and isinstance(b, tuple) else a == b
        for a, b in zip(left[1:], right[1:], strict=True)
    )


@lru_cache(maxsize=4096)
def read(key: str) -> Tree | None:
    """The tree of a key, a rational in lowest terms; None for text.

    Raises OverflowError for a key that is too long, too deep or too large.

    >>> read(r"2\\frac{2}{4}"), read(r"\\frac{1}{0}")
    (('n', 5, 2), ('/', ('n', 1, 1), ('n', 0, 1)))
    """
    tree = notation.read(key)
    if tree is None or not numeric(tree):
        return tree
    value = Point(0).rational(tree)
    return tree if value is None else ("n", int(value.p), int(value.q))


def _members(tree: Tree) -> list[Tree]:
    """A set's members, each once; a list's as they are."""
    found: list[Tree] = []
    for part in tree[1:]:
        if tree[0] == "list" or not any(same(part, other) for other in found):
            found.append(part)
    return found


def _matched(left: list[Tree], right: list[Tree]) -> bool:
    """Whether they are the same in some order."""
    if len(left) != len(right):
        return False
    for a in left:
        found = next((i for i, b in enumerate(right) if same(a, b)), None)
        if found is None:
            return False
        right = right[:found] + right[found + 1 :]
    return True


def _same_relation(sign: str, left: Tree, right: Tree) -> bool:
    """Whether l0 - l1 = c (r0 - r1), c > 0 for an inequality; or side for side."""
    either = sign in ("=", r"\ne")
    if all(map(numeric, left + right)):
        f, g = (("+", a, ("*", ("n", -1, 1), b)) for a, b in (left, right))
        if _scalar(f).letters and _scalar(g).letters and _agree(f, g, _spread(not either)):
            return True
    turned = either and same(left[0], right[1]) and same(left[1], right[0])
    return turned or (same(left[0], right[0]) and same(left[1], right[1]))


# Numbers.


class _Scalar:
    """An expression and its values, at each of the points, to the bits that were asked for."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        parts = list(subtrees(tree))
        self.letters = any(part[0] == "x" or part[:2] in _UNKNOWN for part in parts)
        self.found: dict[int, list[Any]] = {}
        self.scale = 0  # bits before or after the point of what is no rational, at the first look

    def at(self, bits: int) -> list[Any]:
        """A rational, a ball or None for each point; a constant is the same at all."""
        if bits not in self.found:
            points = [Point(k) for k in range(POINTS if self.letters else 1)]
            found = [point.value(self.tree) for point in points]
            self.found[bits] = found if self.letters else found * POINTS
            if bits == FIRST:
                self.scale = max(point.scale for point in points)
        return self.found[bits]


_UNKNOWN = (("f", "log"), ("f", "lg"))


@lru_cache(maxsize=4096)
def _scalar(tree: Tree) -> _Scalar:
    return _Scalar(tree)


def _agree(left: Tree, right: Tree, differences: Differences) -> bool:
    """Whether differences, made of the values of both, are zero: not where that is not known."""
    a, b = _scalar(left), _scalar(right)
    bits, needed = FIRST, 0
    while bits <= 2 * MOST:
        with working(bits):
            found = [d for d in differences(a.at(bits), b.at(bits)) if d is not None]
            if len(found) < 2 or not all(map(zero, found)):
                return False
            if all(isinstance(d, fmpq) for d in found):
                return True
            if 0 < needed <= MOST and all(size(d) < -needed for d in found):
                return True
        needed = needed or _needed(a, b)
        bits = max(2 * bits, min(2 << (needed - 1).bit_length(), 2 * MOST))
    raise OverflowError


def _differences(a: list[Any], b: list[Any]) -> list[Any]:
    return [minus(x, y) for x, y in zip(a, b, strict=True)]


def _spread(positive: bool) -> Differences:
    """Differences of the ratios a : b at the points, which are to be `positive`."""

    def differences(a: list[Any], b: list[Any]) -> list[Any]:
        if any(x is None or y is None or zero(x) or zero(y) for x, y in zip(a, b, strict=True)):
            return []
        first, *others = (
            x / y if isinstance(x, fmpq) and isinstance(y, fmpq) else ball(x) / ball(y)
            for x, y in zip(a, b, strict=True)
        )
        if positive and not first > 0:
            return []
        return [minus(first, other) for other in others]

    return differences


# How close two numbers are that are not equal.


def _needed(left: _Scalar, right: _Scalar) -> int:
    """Bits to which equal numbers have to agree."""
    if not (left.letters or right.letters):
        roots: set[tuple[Tree, int]] = set()
        found = _heights(("+", left.tree, ("*", ("n", -1, 1), right.tree)), roots)
        if found is not None:
            degree = reduce(lambda product, root: min(product * root[1], MOST), roots, 1)
            proved = int((degree - 1) * found[0] + found[1]) + 64
            if proved <= MOST:
                return proved
    bits = sum(_bits(scalar.tree) for scalar in (left, right))
    return 1024 + 32 * bits + 4 * (left.scale + right.scale)


def _heights(tree: Tree, roots: set[tuple[Tree, int]]) -> tuple[float, float] | None:
    """log2 of u and l: an algebraic number is a quotient of integers, with conjugates of at most u and l.

    A number that is not zero is at least 1/(u^(D-1) l), where D is the product of the degrees of its roots.
    None for what is not made of rationals by arithmetic and roots.
    """
    if tree[0] == "n":
        return log2(max(abs(tree[1]), 1)), log2(tree[2])
    if tree == ("c", "i"):
        roots.add((("n", -1, 1), 2))
        return 0.0, 0.0
    if tree[0] not in ("+", "*", "/", "^"):
        return None
    power = Point(0).rational(tree[2]) if tree[0] == "^" else None
    parts = [_heights(part, roots) for part in tree[1 : 2 if tree[0] == "^" else None]]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or (tree[0] == "^" and power is None):
        return None
    top, bottom = known[0]
    if power is not None:
        index, times = int(power.q), int(power.p)
        if index > 1:
            roots.add((tree[1], index))
            if top >= bottom:
                top = (top + (index - 1) * bottom) / index
            else:
                bottom = ((index - 1) * top + bottom) / index
        top, bottom = (top, bottom) if times >= 0 else (bottom, top)
        return top * abs(times), bottom * abs(times)
    for u, v in known[1:]:
        if tree[0] == "+":
            top, bottom = max(top + v, bottom + u) + 1, bottom + v
        else:
            top, bottom = (top + u, bottom + v) if tree[0] == "*" else (top + v, bottom + u)
    return top, bottom


def _bits(tree: Tree) -> int:
    """Bits of the numbers in a tree, a power as many factors."""
    if tree[0] == "n":
        return int(tree[1]).bit_length() + int(tree[2]).bit_length()
    parts = [_bits(part) for part in tree[1:] if isinstance(part, tuple)]
    if tree[0] == "^":
        power = Point(0).rational(tree[2])
        times = 1 if power is None else int(abs(power.p)) + int(power.q)
        return min(parts[0] * times + parts[1], 2 * MOST)
    return 1 + sum(parts)
