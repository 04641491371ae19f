"""A tree is evaluated at points, in which letters have random values; values are rationals or balls.

Letters are real numbers, powers have their principal values, and odd roots of negative numbers are real.
`log` and `lg` are logarithms to an unknown base.
"""

from functools import lru_cache
from hashlib import blake2b
from math import comb, factorial
from typing import TypeAlias

from flint import acb, arb, fmpq

from polyest.answers.trees import Tree, subtrees

POINTS = 3  # number of points
EXACT = 2**16  # greatest number of bits of a rational, and of log2 of any number
FACTORIAL = 1000  # greatest number with an exact factorial, and greatest degree of a root

Ball: TypeAlias = arb | acb
Number: TypeAlias = fmpq | arb | acb


class _UndefinedError(ArithmeticError):
    """Raised when a value is undefined, or may be undefined for all that the balls show."""


class Point:
    """A point, which gives values to letters and hence to trees."""

    def __init__(self, index: int) -> None:
        """Make the point of an index.

        Its `scale` is the sum of |log2| of the values of functions and powers that it has evaluated.
        """
        self.index, self.scale = index, 0

    def value(self, tree: Tree) -> Number | None:
        """Return the value of a tree, a rational, a real or a complex ball, or None if it is undefined."""
        try:
            return self.of(tree)
        except _UndefinedError:
            return None

    def rational(self, tree: Tree) -> fmpq | None:
        """Return the value of a tree if it is rational and the tree has no letters, else None."""
        value = None if _has_letter(tree) else self.value(tree)
        return value if isinstance(value, fmpq) else None

    def of(self, tree: Tree) -> Number:
        """Return the value of a tree; raise _UndefinedError if it has none."""
        kind, *parts = tree
        if kind == "n":
            return fmpq(*parts)
        if kind == "x":
            return _letter(parts[0], self.index)
        if kind == "c":
            return {"pi": arb.pi, "e": arb.const_e, "i": lambda: acb(0, 1)}[parts[0]]()
        if kind == "f":
            value = self.function(parts[0], [self.of(part) for part in parts[1:]])
        else:
            value, *others = map(self.of, parts)
            for other in others:
                value = _OPERATIONS[kind](value, other)
        value = _simplest(value)
        if isinstance(value, fmpq):
            if max(value.p.bit_length(), value.q.bit_length()) > EXACT:
                raise OverflowError
        elif not value.is_finite():
            raise _UndefinedError
        elif kind in ("f", "^"):
            self.scale += min(abs(size(value)), EXACT)
        return value

    def function(self, name: str, arguments: list[Number]) -> Number:
        """Return the value of a function of numbers."""
        x = arguments[0]
        if name == "abs":
            return abs(x)
        if name in ("fac", "binom"):
            return _factorial(x) if name == "fac" else _binomial(x, arguments[1])
        if name in ("ln", "log", "lg"):
            if zero(x):
                raise _UndefinedError
            value = _transcendental("log", x)
            return value if name == "ln" else value * _letter("\\" + name, self.index)
        if size(x) > EXACT:
            raise OverflowError
        if name == "exp" or name.endswith("h"):
            _bounded(ball(x))
        return _transcendental(name, x)


def ball(x: Number) -> Ball:
    """Return a number as a ball."""
    return arb(x) if isinstance(x, fmpq) else x


def minus(x: Number | None, y: Number | None) -> Number | None:
    """Return x - y, or None if one of them is None."""
    if x is None or y is None:
        return None
    return x - y if isinstance(x, fmpq) and isinstance(y, fmpq) else ball(x) - ball(y)


def zero(x: Number) -> bool:
    """Return whether a number may be zero."""
    return bool(x == 0 if isinstance(x, fmpq) else x.contains(0))


def size(x: Number) -> int:
    """Return about log2 of the greatest |x| in the ball."""
    if isinstance(x, fmpq):
        return int(x.p.bit_length()) - int(x.q.bit_length())
    mantissa, exponent = x.abs_upper().man_exp()
    return int(mantissa.bit_length()) + int(exponent) if mantissa else -EXACT


@lru_cache(maxsize=4096)
def _letter(name: str, index: int) -> fmpq:
    """Return the value of a letter: a random rational of 48 bits, the same in every process.

    It is in (1/4, 9/4), or its negative at some points.
    """
    digest = blake2b(f"{name} {index}".encode(), digest_size=8).digest()
    value = fmpq(2**44 + int.from_bytes(digest, "big") % 2**47, 2**46)
    sign = blake2b(name.encode(), digest_size=1).digest()[0] & 1
    return -value if index and (index + sign) % 2 else value


def _has_letter(tree: Tree) -> bool:
    """Return whether the tree has a letter or a function in it."""
    return any(part[0] in ("x", "f") for part in subtrees(tree))


def _simplest(x: Number) -> Number:
    """Drop an imaginary part that is exactly 0, and return the rational 0 for a ball that is exactly 0."""
    if isinstance(x, fmpq):
        return x
    if x.is_zero():
        return fmpq(0)
    return x.real if isinstance(x, acb) and x.imag.is_zero() else x


def _plus(x: Number, y: Number) -> Number:
    """Return x + y."""
    return x + y if isinstance(x, fmpq) and isinstance(y, fmpq) else ball(x) + ball(y)


def _times(x: Number, y: Number) -> Number:
    """Return x y, which is the rational 0 if a factor is."""
    if any(isinstance(factor, fmpq) and factor == 0 for factor in (x, y)):
        return fmpq(0)
    return x * y if isinstance(x, fmpq) and isinstance(y, fmpq) else ball(x) * ball(y)


def _over(x: Number, y: Number) -> Number:
    """Return x / y."""
    if zero(y):
        raise _UndefinedError
    return x / y if isinstance(x, fmpq) and isinstance(y, fmpq) else ball(x) / ball(y)


def _raised(x: Number, y: Number) -> Number:
    """Return x to the power y."""
    if not isinstance(y, fmpq):
        return _exponential(x, y)
    if y < 0:
        return _over(fmpq(1), _raised(x, -y))
    times, index = int(y.p), int(y.q)
    if index > FACTORIAL:
        return _exponential(x, y)
    if isinstance(x, fmpq) and index > 1:
        x = arb(x) if x else x
    if times > EXACT or (not zero(x) and times * abs(size(x)) > EXACT):
        raise OverflowError
    if isinstance(x, fmpq):
        return x**times if x or times else fmpq(1)
    if index == 1:
        return x**times
    if zero(x):
        raise _UndefinedError
    if isinstance(x, arb) and x < 0 and index % 2:
        return (-1) ** times * (-x).root(index) ** times
    return (acb(x) if isinstance(x, arb) and x < 0 else x).root(index) ** times


def _exponential(x: Number, y: Number) -> Number:
    """Return x to the power y as e to the power y log x."""
    if zero(x):
        raise _UndefinedError
    power = ball(y) * _transcendental("log", x)
    _bounded(power)
    return power.exp()


def _bounded(power: Ball) -> None:
    """Raise OverflowError if e to this power is too large or too small."""
    if size(power.real if isinstance(power, acb) else power) > EXACT.bit_length():
        raise OverflowError


def _transcendental(name: str, x: Number) -> Number:
    """Return the value of a function, which is complex if the real value is undefined."""
    argument = ball(x)
    value = getattr(argument, name)()
    return value if value.is_finite() else getattr(acb(argument), name)()


def _factorial(x: Number) -> Number:
    """Return x!, which is Gamma(x + 1) if x is not a small whole number."""
    if isinstance(x, fmpq) and x.q == 1:
        if x < 0:
            raise _UndefinedError
        if x <= FACTORIAL:
            return fmpq(factorial(int(x.p)))
    if size(x) > FACTORIAL.bit_length():
        raise OverflowError
    return (ball(x) + 1).gamma()


def _binomial(n: Number, k: Number) -> Number:
    """Return the binomial coefficient of n over k."""
    whole = [isinstance(x, fmpq) and x.q == 1 and 0 <= x <= FACTORIAL for x in (n, k)]
    if all(whole):
        return fmpq(comb(int(n.p), int(k.p)))
    if whole[1] and k <= 100:
        value: Number = fmpq(1)
        for i in range(int(k.p)):
            value = _over(_times(value, _plus(n, fmpq(-i))), fmpq(i + 1))
        return value
    return _over(_factorial(n), _times(_factorial(k), _factorial(_plus(n, _times(fmpq(-1), k)))))


_OPERATIONS = {"+": _plus, "*": _times, "/": _over, "^": _raised}
