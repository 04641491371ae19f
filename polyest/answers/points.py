"""Values of a tree where letters have random values: rationals, else balls.

Letters are real numbers, powers have their principal value, odd roots of negative numbers are real.
`log` and `lg` are logarithms to a base that is not known.
"""

from functools import lru_cache
from hashlib import blake2b
from math import comb, factorial
from typing import Any

from flint import acb, arb, fmpq

from polyest.answers.trees import Tree, subtrees

POINTS = 3
EXACT = 2**16  # bits of a rational, and of the size of any number
FACTORIAL = 1000  # whose factorial is worked out


class _UndefinedError(ArithmeticError):
    """A value that there is not, or that the balls do not tell from one that there is not."""


class Point:
    """Values of letters, and hence of trees."""

    def __init__(self, index: int) -> None:
        """The point of an index; its `scale`: bits before or after the point, of functions and powers."""
        self.index, self.scale = index, 0

    def value(self, tree: Tree) -> Any:
        """A rational, a real or a complex ball; None where it is not defined."""
        try:
            return self.of(tree)
        except _UndefinedError:
            return None

    def rational(self, tree: Tree) -> fmpq | None:
        """The value if it is rational and no letter is in it."""
        found = None if _has_letter(tree) else self.value(tree)
        return found if isinstance(found, fmpq) else None

    def of(self, tree: Tree) -> Any:
        """The value, or _UndefinedError."""
        kind, *parts = tree
        if kind == "n":
            return fmpq(*parts)
        if kind == "x":
            return _letter(parts[0], self.index)
        if kind == "c":
            return {"pi": arb.pi, "e": arb.const_e, "i": lambda: acb(0, 1)}[parts[0]]()
        if kind == "f":
            found = self.function(parts[0], [self.of(part) for part in parts[1:]])
        else:
            first, *others = map(self.of, parts)
            found = first
            for other in others:
                found = _OPERATIONS[kind](found, other)
        found = _simplest(found)
        if isinstance(found, fmpq):
            if max(found.p.bit_length(), found.q.bit_length()) > EXACT:
                raise OverflowError
        elif not found.is_finite():
            raise _UndefinedError
        elif kind in ("f", "^"):
            self.scale += min(abs(size(found)), EXACT)
        return found

    def function(self, name: str, arguments: list[Any]) -> Any:
        """A function of numbers."""
        x = arguments[0]
        if name == "abs":
            return abs(x)
        if name in ("fac", "binom"):
            return _factorial(x) if name == "fac" else _binomial(x, arguments[1])
        if name in ("ln", "log", "lg"):
            if zero(x):
                raise _UndefinedError
            found = _transcendental("log", x)
            return found if name == "ln" else found * _letter("\\" + name, self.index)
        if size(x) > EXACT:
            raise OverflowError
        if name == "exp" or name.endswith("h"):
            _bounded(ball(x))
        return _transcendental(name, x)


def ball(x: Any) -> Any:
    """A number as a ball."""
    return arb(x) if isinstance(x, fmpq) else x


def minus(x: Any, y: Any) -> Any:
    """x - y, None where one of them is."""
    if x is None or y is None:
        return None
    return x - y if isinstance(x, fmpq) and isinstance(y, fmpq) else ball(x) - ball(y)


def zero(x: Any) -> bool:
    """Whether a number may be zero."""
    return bool(x == 0 if isinstance(x, fmpq) else x.contains(0))


def size(x: Any) -> int:
    """About log2 |x|, or more; no more than that of the ball's far end."""
    if isinstance(x, fmpq):
        return int(x.p.bit_length()) - int(x.q.bit_length())
    mantissa, exponent = x.abs_upper().man_exp()
    return int(mantissa.bit_length()) + int(exponent) if mantissa else -EXACT


@lru_cache(maxsize=4096)
def _letter(name: str, index: int) -> fmpq:
    """A rational of 48 bits in (1/4, 9/4), at some points negative; the same in every process."""
    digest = blake2b(f"{name} {index}".encode(), digest_size=8).digest()
    found = fmpq(2**44 + int.from_bytes(digest, "big") % 2**47, 2**46)
    sign = blake2b(name.encode(), digest_size=1).digest()[0] & 1
    return -found if index and (index + sign) % 2 else found


def _has_letter(tree: Tree) -> bool:
    return any(part[0] in ("x", "f") for part in subtrees(tree))


def _simplest(x: Any) -> Any:
    """A number without a zero imaginary part; the rational 0 for a ball that is nothing else."""
    if isinstance(x, fmpq):
        return x
    if x.is_zero():
        return fmpq(0)
    return x.real if isinstance(x, acb) and x.imag.is_zero() else x


def _plus(x: Any, y: Any) -> Any:
    return x + y if isinstance(x, fmpq) and isinstance(y, fmpq) else ball(x) + ball(y)


def _times(x: Any, y: Any) -> Any:
    if 0 in (x if isinstance(x, fmpq) else 1, y if isinstance(y, fmpq) else 1):
        return fmpq(0)
    return x * y if isinstance(x, fmpq) and isinstance(y, fmpq) else ball(x) * ball(y)


def _over(x: Any, y: Any) -> Any:
    if zero(y):
        raise _UndefinedError
    return x / y if isinstance(x, fmpq) and isinstance(y, fmpq) else ball(x) / ball(y)


def _raised(x: Any, y: Any) -> Any:
    """x to the y."""
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


def _exponential(x: Any, y: Any) -> Any:
    if zero(x):
        raise _UndefinedError
    power = ball(y) * _transcendental("log", x)
    _bounded(power)
    return power.exp()


def _bounded(power: Any) -> None:
    """Refuse e to a power that is too large or too small."""
    if size(power.real if isinstance(power, acb) else power) > EXACT.bit_length():
        raise OverflowError


def _transcendental(name: str, x: Any) -> Any:
    """A function, complex where it is not real."""
    argument = ball(x)
    found = getattr(argument, name)()
    return found if found.is_finite() else getattr(acb(argument), name)()


def _factorial(x: Any) -> Any:
    if isinstance(x, fmpq) and x.q == 1:
        if x < 0:
            raise _UndefinedError
        if x <= FACTORIAL:
            return fmpq(factorial(int(x.p)))
    if size(x) > FACTORIAL.bit_length():
        raise OverflowError
    return (ball(x) + 1).gamma()


def _binomial(n: Any, k: Any) -> Any:
    whole = [isinstance(x, fmpq) and x.q == 1 and 0 <= x <= FACTORIAL for x in (n, k)]
    if all(whole):
        return fmpq(comb(int(n.p), int(k.p)))
    if whole[1] and k <= 100:
        found: Any = fmpq(1)
        for i in range(int(k.p)):
            found = _over(_times(found, _plus(n, fmpq(-i))), fmpq(i + 1))
        return found
    return _over(_factorial(n), _times(_factorial(k), _factorial(_plus(n, _times(fmpq(-1), k)))))


_OPERATIONS = {"+": _plus, "*": _times, "/": _over, "^": _raised}
