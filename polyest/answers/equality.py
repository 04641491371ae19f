r"""Equality by value: two trees are equal if their kinds are the same and their numbers are equal.

Numbers are enclosed in balls (Arb).  Disjoint balls prove that two numbers differ.  Two numbers are equal:

- if they are rational, by exact arithmetic, and polynomials and their quotients are compared in the same
  way at `POINTS` random rational points;
- if they are made of rationals by arithmetic and roots, by a proof: a difference that is not zero has a
  least absolute value (Burnikel, Funke, Mehlhorn, Schirra, Schmitt 2009), and the balls are smaller;
- otherwise (\pi, e, functions, roots of letters, many roots) if they agree at every point to 1024 bits and
  32 more for each bit of the numbers in them.  This is no proof, but no counterexample of this length is
  known.

The result does not depend on time, process or machine.  A comparison that needs more than `MOST` bits
raises OverflowError.
"""

from collections.abc import Callable
from functools import lru_cache, reduce
from math import log2

from flint import fmpq

from polyest.answers import notation
from polyest.answers.points import POINTS, Number, Point, ball, minus, size, zero
from polyest.answers.trees import Tree, numeric, subtrees
from polyest.precision import working
from polyest.precision.entrance import alone

FIRST, MOST = 192, 2**13  # precision of the first comparison, and greatest agreement in bits

Values = list[Number | None]  # one a point, None where it is undefined
Differences = Callable[[Values, Values], Values]


@alone
def equal(left: str, right: str) -> bool:
    """Return whether two keys can be read and are equal by value.  Raises OverflowError as `read` does.

    >>> equal("1/2", "0.5")
    True
    """
    a, b = read(left), read(right)
    return a is not None and b is not None and same(a, b)


def same(left: Tree, right: Tree) -> bool:
    r"""Return whether two trees are equal by value.

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
    """Return the tree of a key, with a rational in lowest terms, or None for text.

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
    """Return the members of a list, or the distinct members of a set."""
    members: list[Tree] = []
    for part in tree[1:]:
        if tree[0] == "list" or not any(same(part, other) for other in members):
            members.append(part)
    return members


def _matched(left: list[Tree], right: list[Tree]) -> bool:
    """Return whether the trees on the left equal those on the right in some order."""
    if len(left) != len(right):
        return False
    for a in left:
        i = next((i for i, b in enumerate(right) if same(a, b)), None)
        if i is None:
            return False
        right = right[:i] + right[i + 1 :]
    return True


def _same_relation(sign: str, left: Tree, right: Tree) -> bool:
    """Return whether two relations with the same sign are equal.

    They are equal if l0 - l1 = c (r0 - r1), with c > 0 for an inequality, or if their sides are equal.
    """
    either = sign in ("=", r"\ne")
    if all(map(numeric, left + right)):
        f, g = (("+", a, ("*", ("n", -1, 1), b)) for a, b in (left, right))
        if _scalar(f).letters and _scalar(g).letters and _agree(f, g, _spread(not either)):
            return True
    turned = either and same(left[0], right[1]) and same(left[1], right[0])
    return turned or (same(left[0], right[0]) and same(left[1], right[1]))


# Numbers.


class _Scalar:
    """An expression, and a cache of its values at each of the points for each precision."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        parts = list(subtrees(tree))
        self.letters = any(part[0] == "x" or part[:2] in _UNKNOWN for part in parts)
        self.values: dict[int, Values] = {}
        self.scale = 0  # the greatest Point.scale, found at the first precision

    def at(self, bits: int) -> Values:
        """Return a rational, a ball or None for each point; a constant is the same at all points."""
        if bits not in self.values:
            points = [Point(k) for k in range(POINTS if self.letters else 1)]
            values = [point.value(self.tree) for point in points]
            self.values[bits] = values if self.letters else values * POINTS
            if bits == FIRST:
                self.scale = max(point.scale for point in points)
        return self.values[bits]


_UNKNOWN = (("f", "log"), ("f", "lg"))


@lru_cache(maxsize=4096)
def _scalar(tree: Tree) -> _Scalar:
    """Return the scalar of a tree, which is shared so that its values are computed once."""
    return _Scalar(tree)


def _agree(left: Tree, right: Tree, differences: Differences) -> bool:
    """Return whether all differences of the values of two expressions are zero.

    Returns False if fewer than two of them are defined.
    """
    a, b = _scalar(left), _scalar(right)
    bits, needed = FIRST, 0
    while bits <= 2 * MOST:
        with working(bits):
            defined = [d for d in differences(a.at(bits), b.at(bits)) if d is not None]
            if len(defined) < 2 or not all(map(zero, defined)):
                return False
            if all(isinstance(d, fmpq) for d in defined):
                return True
            if 0 < needed <= MOST and all(size(d) < -needed for d in defined):
                return True
        needed = needed or _needed(a, b)
        bits = max(2 * bits, min(2 << (needed - 1).bit_length(), 2 * MOST))
    raise OverflowError


def _differences(a: Values, b: Values) -> Values:
    """Return a - b at each point."""
    return [minus(x, y) for x, y in zip(a, b, strict=True)]


def _spread(positive: bool) -> Differences:
    """Return a function to the differences between the ratio a : b at the first point and at the others.

    positive: whether the ratio must be positive; the function returns no differences if it is not.
    """

    def differences(a: Values, b: Values) -> Values:
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


# How close two different numbers can be.


def _needed(left: _Scalar, right: _Scalar) -> int:
    """Return the bits to which two numbers must agree to be taken as equal."""
    if not (left.letters or right.letters):
        roots: set[tuple[Tree, int]] = set()
        heights = _heights(("+", left.tree, ("*", ("n", -1, 1), right.tree)), roots)
        if heights is not None:
            degree = reduce(lambda product, root: min(product * root[1], MOST), roots, 1)
            proved = int((degree - 1) * heights[0] + heights[1]) + 64
            if proved <= MOST:
                return proved
    bits = sum(_bits(scalar.tree) for scalar in (left, right))
    return 1024 + 32 * bits + 4 * (left.scale + right.scale)


def _heights(tree: Tree, roots: set[tuple[Tree, int]]) -> tuple[float, float] | None:
    """Return log2 of two bounds u and l of an algebraic number, and collect its roots.

    The number is a quotient of algebraic integers, whose conjugates have an absolute value of at most u
    and l.  If it is not zero, it is at least 1/(u^(D-1) l), where D is the product of the degrees of its
    roots.  Returns None for an expression that is not made of rationals by arithmetic and roots.
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
    """Return the number of bits of the numbers in a tree; a power counts as so many factors."""
    if tree[0] == "n":
        return int(tree[1]).bit_length() + int(tree[2]).bit_length()
    parts = [_bits(part) for part in tree[1:] if isinstance(part, tuple)]
    if tree[0] == "^":
        power = Point(0).rational(tree[2])
        times = 1 if power is None else int(abs(power.p)) + int(power.q)
        return min(parts[0] * times + parts[1], 2 * MOST)
    return 1 + sum(parts)
