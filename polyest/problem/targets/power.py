"""A power of the probability, phi = p^a, a > -1."""

from math import factorial
from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import Floats
from polyest.errors import InvalidProblem
from polyest.problem.targets.numerals import number, shortest, too_high
from polyest.problem.targets.target import HIGHEST, NEAR, Target, descartes
from polyest.values import shown

if TYPE_CHECKING:
    from fractions import Fraction

    from flint import arb
    from numpy.typing import ArrayLike


class Power(Target):
    """The target phi = p^a; `parameters` is (a,)."""

    @property
    def name(self) -> str:
        """The name `power:` with a."""
        return f"power:{shortest(self.exponent)}"

    @property
    def exponent(self) -> float:
        """The exponent a."""
        return self.parameters[0]

    def phi(self, p: "ArrayLike") -> Floats:
        """Return the values p^a; at 0 the value is the limit."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.power(np.asarray(p, dtype=np.float64), self.exponent))

    def slopes(self, p: "ArrayLike") -> tuple[Floats, Floats]:
        """Return a p^(a-1) and a (a-1) p^(a-2)."""
        x, a = np.asarray(p, dtype=np.float64), self.exponent
        first = np.power(x, a - 1) * a
        return first, first * (a - 1) / x

    def ball(self, p: "arb") -> "arb":
        """Return an enclosure of p^a."""
        from flint import arb

        return p ** arb(self.exponent)

    def jet(self, p: "arb") -> tuple["arb", "arb", "arb"]:
        """Return enclosures of p^a, a p^(a-1) and a (a-1) p^(a-2)."""
        from flint import arb

        a = arb(self.exponent)
        first = p ** (a - 1) * a
        return self.ball(p), first, first * (a - 1) / p

    def taylor(self, m: "arb", step: "arb", terms: int) -> tuple[list["arb"], "arb"]:
        """Return a_j = m^a C(a,j) rho^j and a bound of |R|, from `binomial_series`."""
        from flint import arb

        a = arb(self.exponent)
        return binomial_series(a, m**a, step / m, terms)

    def near_zero(self, d: "arb") -> tuple["arb", "arb"]:
        """Return d^(a+1) and d^(2a+1); the second is infinite for a < -1/2."""
        from flint import arb

        if not d <= NEAR:
            return arb("+inf"), arb("+inf")
        a = arb(self.exponent)
        return d ** (a + 1), arb("+inf") if self.exponent < -0.5 else d ** (2 * a + 1)

    def moments(self, K: int) -> list["arb"]:
        """Return C(K,k) Gamma(k+2+a) (K-k)! / Gamma(K+3+a)."""
        from flint import arb

        return power_moments(arb(self.exponent), K)

    @property
    def degree(self) -> int | None:
        """The exponent a where it is a whole number of at least 0, else None."""
        return whole_exponent(self.exponent)

    def powers(self) -> "list[Fraction]":
        """Return 0, ..., 0, 1."""
        return power_alone(self.degree)

    def most_bends(self, K: int) -> int:
        """Return K, or K-1 where p^a is one of the powers of P."""
        return descartes(K, int(self.degree is None or self.degree > K))

    @property
    def direction(self) -> int:
        """The sign of a."""
        return int(np.sign(self.exponent))


def read(text: str, tail: str) -> Power:
    """Return the power of this exponent; raise InvalidProblem for an exponent outside (-1, 1024]."""
    a = number(text, tail, "power:0.5")
    if not a > -1:
        raise InvalidProblem(
            f"target {shown(text)} needs an exponent above -1: p p^a diverges at 0"
        )
    if a > HIGHEST:
        raise too_high(text, a)
    return Power((a,))


def binomial_series(a: "arb", scale: "arb", rho: "arb", terms: int) -> tuple[list["arb"], "arb"]:
    """Return the a_j of scale (1 + rho t)^a = sum_j a_j t^j + R, and a bound of |R| on |t| <= 1.

    |R| <= scale |C(a,n)| rho^n/(1-rho) for n terms, because |C(a,j)| falls from j = a on when a > -1 (for
    a in (-1, 0) from j = 0).  Raise ValueError for terms that do not reach beyond a.
    """
    from flint import arb

    if terms < a:
        raise ValueError(f"{terms} terms do not reach beyond the exponent {float(a)}")
    binomial, coefficients = arb(1), []
    for j in range(terms):
        coefficients.append(scale * binomial)
        binomial = binomial * (a - j) / (j + 1) * rho
    return coefficients, abs(scale * binomial) / (1 - rho)


def power_moments(a: "arb", K: int) -> list["arb"]:
    """Return enclosures of int_0^1 p p^a B_{k,K}(p) dp, k = 0..K.

    The integral is C(K,k) Gamma(k+2+a) (K-k)! / Gamma(K+3+a).
    """
    below = (a + K + 3).gamma()
    return [(a + k + 2).gamma() / below * (factorial(K) // factorial(k)) for k in range(K + 1)]


def whole_exponent(a: float) -> int | None:
    """Return the exponent a where p^a is a polynomial, else None."""
    return int(a) if a >= 0 and a.is_integer() else None


def power_alone(degree: int | None) -> "list[Fraction]":
    """Return the coefficients of p^degree, or an empty list where the degree is None."""
    from fractions import Fraction

    return [] if degree is None else [Fraction(0)] * degree + [Fraction(1)]
