"""This module evaluates expressions over floats, balls, power series, complex boxes and polynomials.

A field has the numbers and the functions of one arithmetic; `evaluate` goes through an expression with it.
Balls, series and boxes enclose the value for every point of their argument, whatever the precision.  On a
complex box the functions must be analytic: one that meets a branch cut or a pole there is not finite.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import reduce
from operator import add, mul
from typing import TYPE_CHECKING, Any

from polyest.errors import NotProved, PrecisionChanged
from polyest.problem.expressions.expression import Expression, value_of
from polyest.values import clipped

if TYPE_CHECKING:
    from typing import TypeAlias

    from flint import acb, arb, arb_series, fmpq_poly
    from numpy.typing import ArrayLike

    from polyest.arrays import Floats as Doubles

    Ball: TypeAlias = arb | arb_series | acb

HIGHEST_POWER = 1024  # greatest degree of a polynomial that is expanded
MOST_BITS = 8  # bits of a coefficient for each power up to twice that degree
HALF = Fraction(1, 2)


def evaluate(node: Expression, point: Any, field: Any) -> Any:
    """Return the value of an expression at a point, in the arithmetic of a field.

    point: the value of the one variable, or a dictionary with that of each.
    """
    if node.kind == "number":
        return field.number(value_of(node))
    if node.kind == "variable":
        return point[node.value] if isinstance(point, dict) else point
    if node.kind == "power" and node.parts[1].kind == "number":
        base, n = evaluate(node.parts[0], point, field), value_of(node.parts[1])
        if abs(n) == HALF:
            root = field.sqrt(base)
            return root if n > 0 else field.inverse(root)
        if n.denominator > 1:
            return field.real_power(base, n)
        power = field.whole_power(base, abs(int(n)))
        return power if n >= 0 else field.inverse(power)
    values = [evaluate(part, point, field) for part in node.parts]
    if node.kind == "sum":
        return reduce(add, values)
    if node.kind == "product":
        return reduce(mul, values)
    if node.kind == "power":
        return field.exp(values[1] * field.log(values[0]))
    return getattr(field, str(node.value))(values[0])


class Floats:
    """Arrays of float64."""

    def __init__(self) -> None:
        """Take the functions of numpy."""
        import numpy as np

        self.sqrt, self.log, self.log1p, self.exp, self.expm1 = (
            np.sqrt, np.log, np.log1p, np.exp, np.expm1,
        )  # fmt: skip

    def number(self, value: Fraction) -> float:
        """Return the nearest double."""
        return float(value)

    def inverse(self, x: "ArrayLike") -> "Doubles":
        """Return 1/x."""
        import numpy as np

        return np.asarray(1 / np.asarray(x, dtype=np.float64))

    def whole_power(self, x: "Doubles", n: int) -> "Doubles":
        """Return x^n."""
        return x ** float(n)

    def real_power(self, x: "Doubles", n: Fraction) -> "Doubles":
        """Return x^n."""
        return x ** float(n)


class Balls:
    """Balls, and power series with balls as coefficients."""

    def number(self, value: Fraction) -> "arb":
        """Return a ball around the exact value."""
        from flint import arb, fmpq

        return arb(fmpq(value.numerator, value.denominator))

    def inverse(self, x: "Ball") -> "Ball":
        """Return 1/x."""
        return 1 / x

    def whole_power(self, x: "Ball", n: int) -> "Ball":
        """Return x^n by squaring, which holds for x of any sign."""
        return _powered(x, n, self.number(Fraction(1)))

    def real_power(self, x: "Ball", n: Fraction) -> "Ball":
        """Return x^n, for x > 0."""
        return (x.log() * self.number(n)).exp()

    def sqrt(self, x: "Ball") -> "Ball":
        """Return the square root."""
        return x.sqrt()

    def log(self, x: "Ball") -> "Ball":
        """Return the logarithm."""
        return x.log()

    def log1p(self, x: "Ball") -> "Ball":
        """Return log(1 + x)."""
        return x.log1p() if hasattr(x, "log1p") else _begun((x + 1).log(), x[0].log1p())

    def exp(self, x: "Ball") -> "Ball":
        """Return e^x."""
        return x.exp()

    def expm1(self, x: "Ball") -> "Ball":
        """Return e^x - 1."""
        return x.expm1() if hasattr(x, "expm1") else _begun(x.exp(), x[0].expm1())


class Boxes(Balls):
    """Complex boxes, on which every function must be analytic."""

    def number(self, value: Fraction) -> "Ball":
        """Return a box around the exact value."""
        from flint import acb

        return acb(super().number(value))

    def real_power(self, x: "Ball", n: Fraction) -> "Ball":
        """Return x^n, for x away from the negative axis."""
        return (self.log(x) * self.number(n)).exp()

    def sqrt(self, x: "Ball") -> "Ball":
        """Return the square root."""
        return x.sqrt(analytic=True)

    def log(self, x: "Ball") -> "Ball":
        """Return the logarithm."""
        return x.log(analytic=True)

    def log1p(self, x: "Ball") -> "Ball":
        """Return log(1 + x)."""
        return (x + 1).log(analytic=True)

    def expm1(self, x: "Ball") -> "Ball":
        """Return e^x - 1."""
        return x.exp() - 1


class Quotients:
    """Quotients of polynomials with rational coefficients; any other function raises NotRational."""

    def number(self, value: Fraction) -> "Quotient":
        """Return a constant."""
        from flint import fmpq, fmpq_poly

        return Quotient(fmpq_poly([fmpq(value.numerator, value.denominator)]), fmpq_poly([1]))

    def inverse(self, x: "Quotient") -> "Quotient":
        """Return 1/x."""
        if not x.over:
            raise NotRational
        return Quotient(x.under, x.over)

    def whole_power(self, x: "Quotient", n: int) -> "Quotient":
        """Return x^n."""
        if max(x.over.degree(), x.under.degree(), x.bits / MOST_BITS) * n > 2 * HIGHEST_POWER:
            raise NotRational
        return Quotient(x.over**n, x.under**n)

    def __getattr__(self, name: str) -> Any:
        """Refuse every other function."""
        raise NotRational


class Quotient:
    """A quotient of two polynomials."""

    def __init__(self, over: "fmpq_poly", under: "fmpq_poly") -> None:
        """Keep both; raise NotRational where their degrees or coefficients are too large."""
        self.over, self.under = over, under
        large = max(over.degree(), under.degree(), self.bits / MOST_BITS)
        if large > 2 * HIGHEST_POWER:
            raise NotRational

    @property
    def bits(self) -> int:
        """The number of bits of the largest integer of the coefficients."""
        return max(
            int(number)
            for poly in (self.over, self.under)
            for number in (poly.numer().height_bits(), int(poly.denom()).bit_length())
        )

    def __add__(self, other: "Quotient") -> "Quotient":
        if self.under == other.under:
            return Quotient(self.over + other.over, self.under)
        over = self.over * other.under + other.over * self.under
        return Quotient(over, self.under * other.under)

    def __mul__(self, other: "Quotient") -> "Quotient":
        return Quotient(self.over * other.over, self.under * other.under)


class NotRational(Exception):
    """Says that an expression is no quotient of polynomials of moderate degree."""


def polynomial(node: Expression) -> list[Fraction] | None:
    """Return the coefficients of an expression that is a polynomial of degree <= 1024, else None.

    A quotient counts where the division leaves no rest, as in (1 - (1-p)**8)/p.
    """
    from flint import fmpq_poly

    try:
        quotient = evaluate(node, Quotient(fmpq_poly([0, 1]), fmpq_poly([1])), Quotients())
    except NotRational:
        return None
    whole, rest = divmod(quotient.over, quotient.under)
    if rest or whole.degree() > HIGHEST_POWER:
        return None
    return [Fraction(int(a.p), int(a.q)) for a in whole.coeffs()] or [Fraction(0)]


def series(node: Expression, m: "arb", step: "arb", terms: int) -> "list[arb]":
    """Return enclosures of the first coefficients a_j of phi(m + step t) = sum_j a_j t^j, `terms` of them.

    The coefficients are those of the series at every point of the ball m.  Raise NotProved where phi has
    none there.
    """
    from flint import arb, arb_series

    with _terms(terms):
        try:
            expansion = evaluate(node, arb_series([m, step], prec=terms), Balls())
        except ValueError:  # flint divides by no series that begins with a ball around 0
            expansion = arb("nan")
        if not isinstance(expansion, arb_series):  # a constant
            expansion = arb_series([expansion], prec=terms)
        coefficients = _checked(expansion, terms)
    coefficients += [arb(0)] * (terms - len(coefficients))
    if not all(a.is_finite() for a in coefficients):
        raise NotProved(
            f"{clipped(node.text)} has no proved Taylor series at p = {float(m)!r}: expected a formula whose "
            "divisors are away from 0 there"
        )
    return coefficients


def _checked(expansion: "arb_series", terms: int) -> "list[arb]":
    """Return the coefficients; raise PrecisionChanged if they are fewer than were asked for."""
    if expansion.prec < terms:
        raise PrecisionChanged(
            f"flint.ctx.cap was lowered below {terms} in another thread during a proof; let that thread wait"
        )
    return list(expansion.coeffs())


@contextmanager
def _terms(terms: int) -> Iterator[None]:
    """Let python-flint's series have this many terms, which is one number for the whole process."""
    from flint import ctx

    before = ctx.cap
    ctx.cap = terms
    try:
        yield
    finally:
        ctx.cap = before


def _begun(expansion: "arb_series", first: "arb") -> "arb_series":
    """Return a series with another first coefficient, one that is not a difference."""
    from flint import arb_series

    return arb_series([first, *expansion.coeffs()[1:]], prec=expansion.prec)


def _powered(x: "Ball", n: int, one: "Ball") -> "Ball":
    """Return x^n, n >= 0, by squaring."""
    result = None
    while n:
        if n & 1:
            result = x if result is None else result * x
        n >>= 1
        if n:
            x = x * x
    return one if result is None else result
