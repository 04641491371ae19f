"""The derivative of Tsallis' entropy, phi = (p^(q-1) - 1)/(q-1), q > 0, q != 1 (q -> 1 is log)."""

from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import Floats
from polyest.errors import InvalidProblem
from polyest.problem.targets.numerals import number, shortest, too_high
from polyest.problem.targets.power import (
    binomial_series,
    power_alone,
    power_moments,
    whole_exponent,
)
from polyest.problem.targets.target import HIGHEST, NEAR, Target, descartes
from polyest.values import shown

if TYPE_CHECKING:
    from fractions import Fraction

    from flint import arb
    from numpy.typing import ArrayLike


class Tsallis(Target):
    """The target phi = (p^a - 1)/a, a = q - 1; `parameters` is (q,)."""

    @property
    def name(self) -> str:
        """The name `tsallis:` with q."""
        return f"tsallis:{shortest(self.parameters[0])}"

    @property
    def exponent(self) -> float:
        """The exponent a = q - 1, rounded."""
        return self.parameters[0] - 1

    def phi(self, p: "ArrayLike") -> Floats:
        """Return the values (p^a - 1)/a; at 0 the value is the limit."""
        a = self.exponent
        with np.errstate(divide="ignore"):
            return np.asarray((np.power(np.asarray(p, dtype=np.float64), a) - 1) / a)

    def slopes(self, p: "ArrayLike") -> tuple[Floats, Floats]:
        """Return p^(a-1) and (a-1) p^(a-2)."""
        x, a = np.asarray(p, dtype=np.float64), self.exponent
        first = np.power(x, a - 1)
        return first, first * (a - 1) / x

    def ball(self, p: "arb") -> "arb":
        """Return an enclosure of (p^a - 1)/a."""
        a = self._exact()
        return (p**a - 1) / a

    def jet(self, p: "arb") -> tuple["arb", "arb", "arb"]:
        """Return enclosures of (p^a - 1)/a, p^(a-1) and (a-1) p^(a-2)."""
        a = self._exact()
        first = p ** (a - 1)
        return self.ball(p), first, first * (a - 1) / p

    def taylor(self, m: "arb", step: "arb", terms: int) -> tuple[list["arb"], "arb"]:
        """Return coefficients and bound of p^a, divided by a, with 1/a subtracted from the constant."""
        a = self._exact()
        coefficients, rest = binomial_series(a, m**a / a, step / m, terms)
        coefficients[0] -= 1 / a
        return coefficients, rest

    def near_zero(self, d: "arb") -> tuple["arb", "arb"]:
        """Return (d^(a+1) + d)/|a| and (d^(2a+1) + 2 d^(a+1) + d)/a^2; the second is inf for a < -1/2."""
        from flint import arb

        if not d <= NEAR:
            return arb("+inf"), arb("+inf")
        a = self._exact()
        first = (d ** (a + 1) + d) / abs(a)
        second = (d ** (2 * a + 1) + 2 * d ** (a + 1) + d) / (a * a)
        return first, arb("+inf") if self.exponent < -0.5 else second

    def moments(self, K: int) -> list["arb"]:
        """Return the moments of p^a minus those of 1, divided by a."""
        from flint import arb

        a = self._exact()
        pairs = zip(power_moments(a, K), power_moments(arb(0), K), strict=True)
        return [(x - y) / a for x, y in pairs]

    @property
    def degree(self) -> int | None:
        """The exponent q - 1 where it is a whole number of at least 1, else None."""
        return whole_exponent(self.exponent)

    def powers(self) -> "list[Fraction]":
        """Return -1/a, 0, ..., 0, 1/a."""
        coefficients = power_alone(self.degree)
        coefficients[0] -= 1
        return [x / (len(coefficients) - 1) for x in coefficients]

    def most_bends(self, K: int) -> int:
        """Return K, or K-1 where p^a is one of the powers of P."""
        return descartes(K, int(self.degree is None or self.degree > K))

    @property
    def direction(self) -> int:
        """1, because phi' = p^(q-2) > 0."""
        return 1

    def _exact(self) -> "arb":
        from flint import arb

        return arb(self.parameters[0]) - 1


def read(text: str, tail: str) -> Tsallis:
    """Return the target of this order; raise InvalidProblem for an order of 1 or outside (0, 1025]."""
    q = number(text, tail, "tsallis:0.5")
    if not (q > 0 and q != 1):
        raise InvalidProblem(
            f"target {shown(text)} needs q above 0 and not 1: for q = 1 use the target log"
        )
    if q - 1 > HIGHEST:
        raise too_high(text, q - 1)
    return Tsallis((q,))
