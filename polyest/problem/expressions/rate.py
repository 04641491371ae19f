"""This module proves whether an expression rises or falls on all of (0, 1], from bounds of its derivative.

On (0, d] the sign is that of the germ of p phi'(p), which the rules of differentiation give from the germs
of phi's parts (zero.py).  On [d, 1] it is the sign of phi' on balls, which are halved until all have one
sign.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from polyest.errors import NotProved
from polyest.precision import undisturbed
from polyest.problem.expressions.analytic import start
from polyest.problem.expressions.expression import Expression
from polyest.problem.expressions.fields import evaluate, series
from polyest.problem.expressions.grammar import read
from polyest.problem.expressions.zero import Germ, Germs

if TYPE_CHECKING:
    from flint import arb

MOST_CELLS = 4000  # balls that cover [d, 1]
HALVINGS = 20  # ends d, d/2, ... at which the germ is looked for


@lru_cache(maxsize=256)
def sign(expression: str) -> int | None:
    """Return 1 where phi is proved to rise on (0, 1], -1 where to fall, None where neither is.

    >>> sign("log(p+0.05)"), sign("1/sqrt(p+0.01)"), sign("p*exp(-3*p)")
    (1, -1, None)
    """
    proved: int | None = undisturbed(lambda: _sign(read(expression), start(expression)))
    return proved


def _sign(node: Expression, d: float) -> int | None:
    for _ in range(HALVINGS):
        near = _near_zero(node, d)
        if near is not None:
            return near if _keeps(node, d, near) else None
        d /= 2
    return None


def _near_zero(node: Expression, d: float) -> int | None:
    """Return the sign of phi' on (0, d], None where it is not seen."""
    from flint import arb

    one, zero, end = Fraction(1), Fraction(0), arb(d)
    p = Germ(one, zero, arb(1), end)
    try:
        slope = evaluate(node, Rate(p, p), Rates(end)).slope
    except NotProved:
        return None
    if slope is None or slope.c.contains(0):
        return None
    return 1 if slope.c > 0 else -1


def _keeps(node: Expression, d: float, near: int) -> bool:
    """Return whether phi' is proved to have this sign on [d, 1]."""
    from flint import arb

    waiting = [(d, 1.0)]
    for _ in range(MOST_CELLS):
        low, high = waiting.pop()
        try:
            slope = near * series(node, arb(low).union(arb(high)), arb(1), 2)[1]
        except NotProved:  # a divisor is not away from 0 on so wide a ball
            slope = arb(0)
        if slope < 0:
            return False
        if not slope > 0:
            middle = (low + high) / 2
            waiting += [(middle, high), (low, middle)]
        elif not waiting:
            return True
    return False


@dataclass(frozen=True)
class Rate:
    """The germs of v and of p v'(p) on (0, d]; None for the derivative of a constant."""

    value: Germ
    slope: Germ | None

    def __add__(self, other: "Rate") -> "Rate":
        return Rate(self.value + other.value, _sum(self.slope, other.slope))

    def __mul__(self, other: "Rate") -> "Rate":
        slope = _sum(_product(self.slope, other.value), _product(other.slope, self.value))
        return Rate(self.value * other.value, slope)


class Rates:
    """The arithmetic of germs with their derivatives on (0, d]."""

    def __init__(self, d: "arb") -> None:
        """Keep the arithmetic of the germs themselves."""
        self.germs = Germs(d)

    def number(self, value: Fraction) -> Rate:
        """Return a constant."""
        return Rate(self.germs.number(value), None)

    def inverse(self, x: Rate) -> Rate:
        """Return 1/x, of derivative -x'/x^2."""
        value = self.germs.inverse(x.value)
        return self._inner(x, value, self._times(-1, value * value))

    def whole_power(self, x: Rate, n: int) -> Rate:
        """Return x^n, of derivative n x^(n-1) x'."""
        if n == 0:
            return self.number(Fraction(1))
        outer = self._times(n, self.germs.whole_power(x.value, n - 1))
        return self._inner(x, self.germs.whole_power(x.value, n), outer)

    def real_power(self, x: Rate, n: Fraction) -> Rate:
        """Return x^n, of derivative n x^(n-1) x', for x > 0."""
        outer = self._times(n, self.germs.real_power(x.value, n - 1))
        return self._inner(x, self.germs.real_power(x.value, n), outer)

    def sqrt(self, x: Rate) -> Rate:
        """Return the square root, for x > 0."""
        return self.real_power(x, Fraction(1, 2))

    def log(self, x: Rate) -> Rate:
        """Return log x, of derivative x'/x."""
        return self._inner(x, self.germs.log(x.value), self.germs.inverse(x.value))

    def log1p(self, x: Rate) -> Rate:
        """Return log(1 + x), of derivative x'/(1 + x)."""
        above = self.germs.number(Fraction(1)) + x.value
        return self._inner(x, self.germs.log1p(x.value), self.germs.inverse(above))

    def exp(self, x: Rate) -> Rate:
        """Return e^x, of derivative e^x x'."""
        value = self.germs.exp(x.value)
        return self._inner(x, value, value)

    def expm1(self, x: Rate) -> Rate:
        """Return e^x - 1, of derivative e^x x'."""
        return self._inner(x, self.germs.expm1(x.value), self.germs.exp(x.value))

    def _inner(self, x: Rate, value: Germ, outer: Germ) -> Rate:
        """Return the rate of a function of x, of the derivative `outer` in x."""
        return Rate(value, _product(x.slope, outer))

    def _times(self, factor: int | Fraction, x: Germ) -> Germ:
        return self.germs.number(Fraction(factor)) * x


def _sum(first: Germ | None, second: Germ | None) -> Germ | None:
    if first is None or second is None:
        return second if first is None else first
    return first + second


def _product(first: Germ | None, second: Germ) -> Germ | None:
    return None if first is None else first * second
