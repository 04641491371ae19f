"""A polynomial phi = a_0 + a_1 p + ..., for which a table with K of at least its degree is unbiased."""

from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import Floats
from polyest.errors import InvalidProblem
from polyest.problem.targets.numerals import numbers, shortest
from polyest.problem.targets.power import power_moments
from polyest.problem.targets.target import NEAR, Target, descartes
from polyest.values import shown

if TYPE_CHECKING:
    from fractions import Fraction

    from flint import arb
    from numpy.typing import ArrayLike

LEAST = (
    1e-100  # least size of the greatest coefficient: doubles have to hold the squares of entries
)


class Polynomial(Target):
    """The target phi = sum_m a_m p^m; `parameters` are a_0, a_1, ..., of which the last is not 0."""

    @property
    def name(self) -> str:
        """The name `polynomial:` with the coefficients."""
        return f"polynomial:{','.join(map(shortest, self.parameters))}"

    def phi(self, p: "ArrayLike") -> Floats:
        """Return the values phi(p)."""
        x = np.asarray(p, dtype=np.float64)
        return np.asarray(np.polynomial.polynomial.polyval(x, np.asarray(self.parameters)))

    def slopes(self, p: "ArrayLike") -> tuple[Floats, Floats]:
        """Return phi'(p) and phi''(p)."""
        x, f = np.asarray(p, dtype=np.float64), np.polynomial.Polynomial(self.parameters)
        return f.deriv()(x), f.deriv(2)(x)

    def ball(self, p: "arb") -> "arb":
        """Return an enclosure of phi(p)."""
        from flint import arb

        total = arb(0)
        for a in reversed(self.parameters):
            total = total * p + arb(a)
        return total

    def jet(self, p: "arb") -> tuple["arb", "arb", "arb"]:
        """Return enclosures of phi, phi' and phi''."""
        from flint import arb, arb_poly

        f = arb_poly([arb(a) for a in self.parameters])
        return f(p), f.derivative()(p), f.derivative().derivative()(p)

    def taylor(self, m: "arb", step: "arb", terms: int) -> tuple[list["arb"], "arb"]:
        """Return the exact coefficients, and the sum of the sizes of those beyond `terms`."""
        from flint import arb, arb_poly

        exact = arb_poly([arb(a) for a in self.parameters])(arb_poly([m, step])).coeffs()
        rest = sum((abs(a) for a in exact[terms:]), arb(0))
        return exact[:terms] or [arb(0)], rest

    def near_zero(self, d: "arb") -> tuple["arb", "arb"]:
        """Return d s and d s^2, where s is the sum of the sizes of the coefficients."""
        from flint import arb

        if not d <= NEAR:
            return arb("+inf"), arb("+inf")
        size = sum((abs(arb(a)) for a in self.parameters), arb(0))
        return d * size, d * size * size

    def moments(self, K: int) -> list["arb"]:
        """Return the moments of its powers, with its coefficients as weights."""
        from flint import arb

        rows = [
            [arb(a) * x for x in power_moments(arb(j), K)] for j, a in enumerate(self.parameters)
        ]
        return [sum(column, arb(0)) for column in zip(*rows, strict=True)]

    @property
    def degree(self) -> int:
        """The index of the last coefficient."""
        return len(self.parameters) - 1

    def powers(self) -> "list[Fraction]":
        """Return the coefficients."""
        from fractions import Fraction

        return [Fraction(a) for a in self.parameters]

    @property
    def least_draws(self) -> int:
        """The degree, because a table for a polynomial has to be unbiased."""
        return max(1, self.degree)

    def most_bends(self, K: int) -> int:
        """Return a bound to which each power beyond those of P adds 1; two of them make it exceed K."""
        return descartes(K, sum(a != 0 for a in self.parameters[K + 1 :]))

    @property
    def direction(self) -> int | None:
        """The direction, decided exactly; None where the polynomial rises and falls."""
        from polyest.problem.targets.turning import direction

        return direction(self.powers())


def read(text: str, tail: str) -> Polynomial:
    """Return the polynomial of these coefficients, without zeros at the end, except for the polynomial 0.

    Raise InvalidProblem where all coefficients are below 1e-100, and as `numbers` does.
    """
    coefficients = numbers(text, tail, "polynomial:1,-1")
    if 0 < max(map(abs, coefficients)) < LEAST:
        raise InvalidProblem(
            f"target {shown(text)} has no number of at least {LEAST:g}: expected a greater one; "
            "scale the rewards"
        )
    while len(coefficients) > 1 and coefficients[-1] == 0:
        coefficients = coefficients[:-1]
    return Polynomial(coefficients)
