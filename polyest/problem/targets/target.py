"""This module defines the base class of targets: the functions of phi that solvers and proofs use.

In a policy gradient an answer has the weight p, so only p phi(p) has to be finite.  For every target it
is continuous on [0, 1] with value 0 at p = 0.  Floats serve solvers and figures; balls give the
enclosures from which certificates are made.  numpy, python-flint and Fraction are imported by the
functions that need them, so that a trainer that only looks up tables does not import them.
"""

from math import comb
from typing import TYPE_CHECKING

from polyest.errors import NotProved
from polyest.problem.targets.public import Target as Asked
from polyest.values import clipped

if TYPE_CHECKING:
    from fractions import Fraction

    from flint import arb
    from numpy.typing import ArrayLike

    from polyest.arrays import Floats

# The greatest exponent or degree.  A proof takes as many Taylor terms: at most some 2 s and 100 MB.
HIGHEST = 1024
NEAR = 0.125  # greatest d for which `near_zero` gives finite bounds
# The functions that a class defines for its phi, all for one and the same phi.
FUNCTION = (
    "phi", "weighted", "slopes", "exponent", "ball", "jet", "taylor", "near_zero", "moments",
)  # fmt: skip
WORDS = ("name", "written")  # the names of phi
# The statements that are proved for exactly one class.
THEOREMS = (
    "degree", "powers", "entries", "least_draws", "most_bends", "alternates", "direction",
)  # fmt: skip


class Target(Asked):
    """A function phi of p with its parameters, which are exact doubles.

    A class defines for its phi the functions that FUNCTION lists, and those of THEOREMS that hold for it.  A
    function that it does not define is unknown, and raises NotProved where it is needed.  A subclass of
    such a class is another target.  It inherits no theorem.  It inherits nothing of FUNCTION and WORDS
    once it redefines any of FUNCTION: a bound of one phi proves nothing about another.
    """

    parameters: "tuple[float, ...]" = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.__bases__ == (Target,):
            return  # the class inherits from no other phi
        above = cls.__mro__[: cls.__mro__.index(Target)]  # the most derived class first
        says = next((i for i, home in enumerate(above) if vars(home).keys() & {*FUNCTION}), 0)
        new, old = (
            {name for home in homes for name in vars(home)}
            for homes in (above[: says + 1], above[says + 1 :])
        )
        unsaid = (old - new) & {*FUNCTION, *WORDS} | ({*THEOREMS} - vars(cls).keys())
        for name in unsaid:
            setattr(cls, name, vars(Target)[name])

    @property
    def name(self) -> str:
        """The text that `parse` reads back, such as `tsallis:0.5`, or the name of an unregistered class."""
        return type(self).__name__

    def written(self, argument: str) -> str:
        """Return phi of an argument as pages write it: phi(p), and log p for the log."""
        return f"phi({argument})"

    def check(self) -> None:
        """Raise InvalidProblem or NotProved where phi itself cannot be used, before anything is solved."""

    def phi(self, p: "ArrayLike") -> "Floats":
        """Return the values phi(p) for p in (0, 1], float64, in the shape of p.

        At p = 0 the value is the limit, such as -inf for log.
        """
        raise self._unsaid("phi")

    def weighted(self, p: "ArrayLike") -> "Floats":
        """Return the values p phi(p) for p in [0, 1], float64, in the shape of p; the value at p = 0 is 0."""
        import numpy as np

        x = np.asarray(p, dtype=np.float64)
        positive = np.where(x > 0, x, 1.0)
        return np.asarray(np.where(x > 0, positive * self.phi(positive), 0.0))

    def slopes(self, p: "ArrayLike") -> "tuple[Floats, Floats]":
        """Return the first and second derivative of phi at p in (0, 1], float64, in the shape of p."""
        raise self._unsaid("slopes")

    @property
    def exponent(self) -> float:
        """The power of p that phi behaves like at 0, or 0 without one; Taylor terms have to exceed it."""
        return 0.0

    def ball(self, p: "arb") -> "arb":
        """Return an enclosure of phi(p) for a ball p inside (0, 1]."""
        raise self._unsaid("ball")

    def jet(self, p: "arb") -> "tuple[arb, arb, arb]":
        """Return enclosures of phi, phi' and phi'' at a ball p inside (0, 1]."""
        raise self._unsaid("jet")

    def taylor(self, m: "arb", step: "arb", terms: int) -> "tuple[list[arb], arb]":
        """Return the a_j of phi(m + step t) = sum_j a_j t^j + R, and a bound of |R| on |t| <= 1.

        m: centre, inside (0, 1]; step: positive, with step/m < 1; terms: the number of a_j, at least 1 and
        beyond the exponent.  A target that needs more a_j for a rest of about (step/m)^terms may return more,
        and an infinite bound where it needs a smaller cell.
        """
        raise self._unsaid("taylor")

    def near_zero(self, d: "arb") -> "tuple[arb, arb]":
        """Return upper bounds of |p phi(p)| and of p phi(p)^2 over 0 <= p <= d; infinite for d > 1/8.

        The second bound is also infinite where p phi^2 is unbounded.
        """
        raise self._unsaid("near_zero")

    def moments(self, K: int) -> "list[arb]":
        """Return enclosures of int_0^1 p phi(p) B_{k,K}(p) dp, k = 0..K."""
        raise self._unsaid("moments")

    @property
    def degree(self) -> int | None:
        """The degree of phi where it is a polynomial, else None."""
        return None

    def powers(self) -> "list[Fraction]":
        """Return the coefficients a_0, a_1, ... of phi where it is a polynomial."""
        raise self._unsaid("powers")

    def entries(self, K: int) -> "list[Fraction] | None":
        """Return the entries of the unbiased table where phi is a polynomial of degree <= K, else None.

        The only unbiased table of p^m is c_k = C(k,m)/C(K,m), a U-statistic.  The entries are exact.
        """
        if self.degree is None or self.degree > K:
            return None
        from fractions import Fraction

        powers = self.powers()
        return [
            sum((a * Fraction(comb(k, m), comb(K, m)) for m, a in enumerate(powers)), Fraction(0))
            for k in range(K + 1)
        ]

    @property
    def least_draws(self) -> int:
        """The least K of a table: the degree where the table has to be unbiased."""
        return 1

    def most_bends(self, K: int) -> int | None:
        """Return the most zeros in (0, 1) of e'', e = p (P(p) - phi(p)), for any P of degree K.

        Return None where that number is not known.  Proofs that count extrema use it; `descartes` gives it
        where p phi is a sum of powers.
        """
        return None

    def alternates(self, K: int) -> bool:
        """Return whether K+2 points on which an error alternates are known to enclose the least error."""
        bends = self.most_bends(K)
        return bends is not None and bends <= K

    @property
    def direction(self) -> int | None:
        """1 where phi is proved not to fall on (0, 1], -1 not to rise, 0 to be constant; else None."""
        return None

    def _unsaid(self, what: str) -> NotProved:
        return NotProved(
            f"target {clipped(self.name)} does not say its {what}: define {what} in class "
            f"{type(self).__name__} to solve and prove tables of it"
        )


def descartes(K: int, more: int) -> int:
    """Return the most zeros in (0, 1) of e'' if p phi adds `more` powers of p that (pP)'' does not have.

    (pP)'' is a sum of the K powers p^0..p^(K-1), and a sum of n+1 real powers has at most n positive
    zeros (Descartes' rule).  log adds the power 1/p.  p^a adds one power, unless (pP)'' has it.  A
    polynomial adds one power for each coefficient a_m != 0 with m > K.
    """
    return max(0, K - 1 + more)
