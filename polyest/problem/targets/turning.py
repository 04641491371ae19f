"""This module decides exactly whether a polynomial rises or falls throughout [0, 1].

A zero of the slope of even order changes no sign.  The zeros of odd order are those of a polynomial
without double zeros, which Descartes' rule isolates.
"""

from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flint import fmpz_poly


def direction(powers: list[Fraction]) -> int | None:
    """Return 1, -1 or 0 for a polynomial that rises, falls or is constant on [0, 1], None for any other.

    >>> direction([Fraction(a) for a in (-1, 6, -12, 8)])  # (2p - 1)^3
    1
    >>> direction([Fraction(a) for a in (0, 1, -1)]) is None
    True
    """
    from flint import fmpz_poly

    slope = [m * a for m, a in enumerate(powers)][1:]
    if not any(slope):
        return 0
    scale = lcm(*(a.denominator for a in slope))
    whole = fmpz_poly([int(a * scale) for a in slope])
    odd = fmpz_poly([1])
    for factor, order in whole.factor_squarefree()[1]:
        if order % 2:
            odd *= factor
    if _changes_sign(odd):
        return None
    return 1 if _inside(whole) > 0 else -1


def _changes_sign(q: "fmpz_poly") -> bool:
    """Return whether a polynomial without double zeros has a zero in (0, 1).

    The changes of sign of (1+x)^n q(1/(1+x)) decide it (Descartes): where there is none, there is no zero,
    and where there is one, there is one zero.  Otherwise the two halves are examined, which ends (Vincent,
    Collins and Akritas).
    """
    from flint import fmpz_poly

    waiting = [q]
    while waiting:
        q = waiting.pop()
        n = q.degree()
        changes = _changes(_reversed(q, n)(fmpz_poly([1, 1])).coeffs())
        if changes == 1:
            return True
        if changes == 0:
            continue
        left = fmpz_poly([int(a) << (n - m) for m, a in enumerate(q.coeffs())])  # 2^n q(x/2)
        right = left(fmpz_poly([1, 1]))
        if right.coeffs()[0] == 0:  # a simple zero at 1/2
            return True
        waiting += [left, right]
    return False


def _inside(q: "fmpz_poly") -> int:
    """Return a value of q in (0, 1) that is not 0, scaled; there are at most n zeros to avoid."""
    n = q.degree()
    coefficients = [int(a) for a in q.coeffs()]
    values: Iterator[int] = (
        sum(a * j**m * (n + 2) ** (n - m) for m, a in enumerate(coefficients))
        for j in range(1, n + 2)
    )
    return next(value for value in values if value)


def _reversed(q: "fmpz_poly", n: int) -> "fmpz_poly":
    from flint import fmpz_poly

    coefficients = q.coeffs()
    return fmpz_poly([0] * (n + 1 - len(coefficients)) + coefficients[::-1])


def _changes(coefficients: list[int]) -> int:
    """Return the number of changes of sign."""
    signs = [a > 0 for a in coefficients if a != 0]
    return sum(a != b for a, b in pairwise(signs))
