"""This module describes an expression near p = 0 by a power of p, a power of |log p| and a ball.

A germ on (0, d], d <= 1/8, says of a function v that

    v(p) = p^a L^b c(p),   L = -log p >= l = -log d > 2,   c(p) in the ball c, for every p in (0, d].

Sums, products and the functions of expressions have germs where those of their arguments do: of two terms
the one with the smaller power of p (with the same one, the greater power of L) is kept, and the other is at
most a bounded multiple of it.  A germ of phi bounds |p phi(p)| and p phi(p)^2 on [0, d], and exists only
where no root, logarithm or divisor in phi leaves its domain on (0, d].
"""

from fractions import Fraction
from typing import TYPE_CHECKING

from polyest.errors import NotProved
from polyest.problem.expressions.expression import Expression
from polyest.problem.expressions.fields import Balls, evaluate

if TYPE_CHECKING:
    from flint import arb


def germ(node: Expression, d: "arb") -> "Germ":
    """Return the germ of an expression on (0, d]; raise NotProved where none is found."""
    from flint import arb

    zero, one = Fraction(0), Fraction(1)
    return evaluate(node, Germ(one, zero, arb(1), d), Germs(d))  # type: ignore[no-any-return]


class Germ:
    """p^a L^b c on (0, d]."""

    def __init__(self, a: Fraction, b: Fraction, c: "arb", d: "arb") -> None:
        """Keep the exponents, the ball and the end of the interval; raise NotProved for an infinite ball."""
        if not c.is_finite():
            raise NotProved("not bounded near p = 0")
        self.a, self.b, self.c, self.d = a, b, c, d

    def __add__(self, other: "Germ") -> "Germ":
        first, second = sorted((self, other), key=lambda germ: (germ.a, -germ.b))
        small = _between(0, ceiling(second.a - first.a, second.b - first.b, self.d))
        if (first.a, first.b) == (second.a, second.b):
            small = small * 0 + 1
        return Germ(first.a, first.b, first.c + small * second.c, self.d)

    def __mul__(self, other: "Germ") -> "Germ":
        return Germ(self.a + other.a, self.b + other.b, self.c * other.c, self.d)

    @property
    def is_constant(self) -> bool:
        """Whether p and L do not occur, so that the function itself lies in the ball."""
        return self.a == self.b == 0

    @property
    def vanishes(self) -> bool:
        """Whether the function tends to 0."""
        return self.a > 0 or (self.a == 0 and self.b < 0)

    def range(self) -> "arb":
        """Return a ball that holds the function on (0, d]; raise NotProved where it is unbounded."""
        if self.is_constant:
            return self.c
        if not self.vanishes:
            raise NotProved("not bounded near p = 0")
        return _between(0, ceiling(self.a, self.b, self.d)) * self.c

    def bound(self, weight: int, times: int) -> "arb":
        """Return an upper bound of p^weight |v|^times on [0, d], times 1 or 2; infinite without one."""
        from flint import arb

        a, b = weight + times * self.a, times * self.b
        if a < 0 or (a == 0 and b > 0):
            return arb("+inf")
        size = abs(self.c).upper()  # no power of a ball around 0, which flint does not take
        return ((size if times == 1 else size * size) * ceiling(a, b, self.d)).upper()


class Germs:
    """The arithmetic of germs on (0, d]."""

    def __init__(self, d: "arb") -> None:
        """Keep the end of the interval."""
        self.d = d

    def number(self, value: Fraction) -> Germ:
        """Return a constant."""
        return self._plain(Balls().number(value))

    def inverse(self, x: Germ) -> Germ:
        """Return 1/x."""
        return Germ(-x.a, -x.b, 1 / x.c, self.d)

    def whole_power(self, x: Germ, n: int) -> Germ:
        """Return x^n."""
        c = Balls().whole_power(x.c, n)
        if x.c > 0:  # a product of balls would hold too much
            ends = (Balls().whole_power(end, n) for end in (x.c.lower(), x.c.upper()))
            c = _between(*ends)
        return Germ(x.a * n, x.b * n, c, self.d)

    def real_power(self, x: Germ, n: Fraction) -> Germ:
        """Return x^n, for x > 0."""
        return Germ(x.a * n, x.b * n, Balls().real_power(x.c, n), self.d)

    def sqrt(self, x: Germ) -> Germ:
        """Return the square root, for x > 0."""
        return self.real_power(x, Fraction(1, 2))

    def log(self, x: Germ) -> Germ:
        """Return log v = -a L + b log L + log c, a multiple of L unless v lies in a ball."""
        if x.is_constant:
            return self._plain(x.c.log())
        small = _between(0, -1 / self.d.log())  # 1/L
        slow = _between(0, 0.5)  # log(L)/L is at most 1/e
        c = Balls().number(-x.a) + Balls().number(x.b) * slow + small * x.c.log()
        return Germ(Fraction(0), Fraction(1), c, self.d)

    def log1p(self, x: Germ) -> Germ:
        """Return log(1 + v), which is v times a number between 1 and 1/(1 + v)."""
        if not x.vanishes:
            return self.log(self._plain(Balls().number(Fraction(1))) + x)
        inside = 1 + x.range()
        if not inside > 0:
            raise NotProved("a logarithm is not defined near p = 0")
        return Germ(x.a, x.b, x.c * (1 / inside).union(1 + 0 * inside), self.d)

    def exp(self, x: Germ) -> Germ:
        """Return e^v: a power of p where v is an exact multiple of L, and a ball where v is bounded above."""
        if x.a == 0 and x.b == 1 and x.c.is_exact():  # e^(c L) = p^(-c)
            mantissa, exponent = (int(part) for part in x.c.man_exp())
            return Germ(-mantissa * Fraction(2) ** exponent, Fraction(0), 1 + 0 * x.c, self.d)
        if not (x.is_constant or x.vanishes) and x.c < 0:
            return self._plain(_between(0, 1))
        return self._plain(x.range().exp())

    def expm1(self, x: Germ) -> Germ:
        """Return e^v - 1, which is v times a number between 1 and e^v."""
        if not x.vanishes:
            return self.exp(x) + self.number(Fraction(-1))
        grown = x.range().exp()
        return Germ(x.a, x.b, x.c * grown.union(1 + 0 * grown), self.d)

    def _plain(self, ball: "arb") -> Germ:
        return Germ(Fraction(0), Fraction(0), ball, self.d)


def ceiling(a: Fraction, b: Fraction, d: "arb") -> "arb":
    """Return an upper bound of p^a L^b on (0, d], for a > 0, or a = 0 and b <= 0.

    In L, e^(-a L) L^b rises up to L = b/a and falls from there on.
    """
    least, x, y = -d.log(), Balls().number(a), Balls().number(b)
    if a == 0:
        return (least.log() * y).exp()
    top = least.max(y / x) if b > 0 else least
    return (top.log() * y - top * x).exp()


def _between(low: "arb | int", high: "arb | float") -> "arb":
    """Return a ball that holds the numbers between two numbers."""
    from flint import arb

    return arb(low).union(arb(high))
