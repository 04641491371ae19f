"""This module has basic operations on balls: changes of polynomial basis, and outward rounding to doubles.

A ball (Arb, through python-flint) is a number with a proved error bound.  A bound of a ball is rounded
outward to a decimal of `DIGITS` digits, and then to a double.  A claim is thus the same on every machine,
even if the last bits of an intermediate ball depend on a starting guess.
"""

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from math import comb, inf

from flint import arb, arb_poly

from polyest.decimals import context

DIGITS = 15  # decimal digits of a bound


def power_form(entries: Iterable[arb]) -> arb_poly:
    """Return the polynomial in powers of p with the Bernstein coefficients c_0..c_K.

    P(p) = p^K R(1/p - 1) with R(v) = sum_k c_k C(K,k) v^(K-k): reverse, shift and reverse the coefficients.
    """
    given = list(entries)
    K = len(given) - 1
    weighted = [c * comb(K, k) for k, c in enumerate(given)]
    return _reversed(arb_poly(weighted[::-1])(arb_poly([-1, 1])), K)


def bernstein_form(poly: arb_poly, K: int) -> list[arb]:
    """Return the Bernstein coefficients c_0..c_K of a polynomial of degree <= K in powers of p.

    sum_k c_k C(K,k) s^k = (1+s)^K P(s/(1+s)): reverse, shift and reverse, then divide by C(K,k).
    """
    shifted = _reversed(_reversed(poly, K)(arb_poly([1, 1])), K).coeffs()
    shifted += [arb(0)] * (K + 1 - len(shifted))
    return [a / comb(K, k) for k, a in enumerate(shifted)]


def at_most(ball: arb) -> float:
    """Return a double of 15 decimal digits that is no less than the ball; inf beyond the doubles."""
    return _outward(ball.upper(), ROUND_CEILING)


def decimals(lower: arb, upper: arb, digits: int) -> tuple[str, str]:
    """Return decimals of `digits` digits that are at most `lower` and at least `upper`."""
    ends = ((lower.lower(), ROUND_FLOOR), (upper.upper(), ROUND_CEILING))
    floor, ceiling = (
        context(digits, rounding).to_sci_string(_decimal(_exact(end), rounding, digits))
        for end, rounding in ends
    )
    return floor, ceiling


def at_least(ball: arb) -> float:
    """Return a double of 15 decimal digits that is no more than the ball; -inf below the doubles."""
    return _outward(ball.lower(), ROUND_FLOOR)


def _outward(end: arb, rounding: str) -> float:
    """Round an end of a ball up or down to the double of a decimal of `DIGITS` digits."""
    up = rounding == ROUND_CEILING
    if not end.is_finite():
        return inf if up or end > 0 else -inf
    exact = _exact(end)
    decimal = _decimal(exact, rounding, DIGITS)
    value = float(decimal)
    if value == 0 and exact and (exact > 0) == up:
        return 5e-324 if up else -5e-324  # the double that is nearest to 0
    while abs(value) < inf and (value < exact if up else value > exact):
        step = context(DIGITS, rounding)
        decimal = step.next_plus(decimal) if up else step.next_minus(decimal)
        value = float(decimal)
    return value


def _exact(end: arb) -> Fraction:
    """Return the midpoint of a ball as a fraction; its radius is 0."""
    mantissa, exponent = (int(part) for part in end.man_exp())
    return mantissa * Fraction(2) ** exponent


def _decimal(exact: Fraction, rounding: str, digits: int) -> Decimal:
    """Round a fraction to a decimal of `digits` digits."""
    return context(digits, rounding).divide(Decimal(exact.numerator), Decimal(exact.denominator))


def _reversed(poly: arb_poly, degree: int) -> arb_poly:
    """Return p^degree poly(1/p)."""
    coefficients = poly.coeffs()
    return arb_poly(([arb(0)] * (degree + 1 - len(coefficients))) + coefficients[::-1])
