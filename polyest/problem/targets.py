"""Functions phi(p) of an answer's probability that a table estimates.

    log             phi = log p
    power:a         phi = p^a, a > -1
    tsallis:q       phi = (p^(q-1) - 1)/(q-1), q > 0, q != 1 (q -> 1 is log)
    polynomial:a0,a1,...   phi = a0 + a1 p + ...

In a policy gradient the answer enters with weight p, so p phi(p) is what has to be finite: it is
continuous on [0, 1] with value 0 at p = 0 for every target here.  `taylor` and `near_zero` give
the rigorous enclosures from which certificates are made; they need python-flint and import it
when called, so that a trainer that only looks tables up never does; Fraction likewise.
"""

from math import comb, factorial, isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.arrays import Floats
from polyest.errors import InvalidProblem
from polyest.record import Record
from polyest.values import shown

if TYPE_CHECKING:
    from fractions import Fraction

    from flint import arb
    from numpy.typing import ArrayLike

LARGEST, LEAST = 1e100, 1e-100  # of the greatest coefficient: doubles are to hold a table's squares
HIGHEST = (
    1024  # exponent or degree: a proof takes as many Taylor terms, at most some 2 s and 100 MB
)
KINDS = ("log", "power", "tsallis", "polynomial")


class Target(Record):
    """A function phi of p: its kind and its parameters, which are exact doubles."""

    kind: str
    parameters: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """The text that `parse` reads back, such as `tsallis:0.5`."""
        return ":".join([self.kind, *filter(None, [",".join(map(_shortest, self.parameters))])])

    @property
    def exponent(self) -> float:
        """The power of p that phi is made of: a for `power:a`, q - 1 for `tsallis:q`, else 0."""
        if self.kind in ("log", "polynomial"):
            return 0.0
        return self.parameters[0] - (self.kind == "tsallis")

    @property
    def degree(self) -> int | None:
        """Degree of phi where it is a polynomial, None where it is not."""
        if self.kind == "log":
            return None
        if self.kind == "polynomial":
            return len(self.parameters) - 1
        return int(self.exponent) if self.exponent >= 0 and self.exponent.is_integer() else None

    def most_bends(self, K: int) -> int | None:
        """Most zeros in (0, 1) of e'', e = p (P(p) - phi(p)), for any P of degree K; None: not known.

        (pP)'' is a sum of the K powers p^0..p^(K-1), and p phi adds as many to e'' as it has parts that
        are no such power: one for log (1/p) and for p^a, one for each coefficient a_m with m > K of a
        polynomial.  A sum of n+1 real powers has at most n positive zeros (Descartes' rule).  Proofs
        that count extrema ask here.  A subclass has another phi, of which this says nothing: there it
        is None until the subclass says otherwise.
        """
        if type(self) is not Target:
            return None
        if self.kind == "polynomial":
            more = sum(a != 0 for a in self.parameters[K + 1 :])
        else:
            more = int(self.degree is None or self.degree > K)
        return max(0, K - 1 + more)

    def entries(self, K: int) -> "list[Fraction] | None":
        """Entries of the unbiased table where phi is a polynomial of degree <= K, else None.

        p^m has the one unbiased table c_k = C(k,m)/C(K,m), a U-statistic; entries are exact.
        """
        if self.degree is None or self.degree > K:
            return None
        from fractions import Fraction

        if self.kind == "polynomial":
            powers = [Fraction(a) for a in self.parameters]
        else:
            powers = [Fraction(0)] * self.degree + [Fraction(1)]
            if self.kind == "tsallis":
                powers[0] -= 1
                powers = [a / self.degree for a in powers]
        return [
            sum((a * Fraction(comb(k, m), comb(K, m)) for m, a in enumerate(powers)), Fraction(0))
            for k in range(K + 1)
        ]

    def phi(self, p: "ArrayLike") -> Floats:
        """Values phi(p) for p in (0, 1], float64, shape of p; at p = 0 the limit, -inf for log."""
        x = np.asarray(p, dtype=np.float64)
        with np.errstate(divide="ignore"):
            if self.kind == "log":
                values = np.log(x)
            elif self.kind == "polynomial":
                values = np.polynomial.polynomial.polyval(x, np.asarray(self.parameters))
            else:
                values = np.power(x, self.exponent)
                if self.kind == "tsallis":
                    values = (values - 1) / self.exponent
        return np.asarray(values, dtype=np.float64)

    def weighted(self, p: "ArrayLike") -> Floats:
        """Values p phi(p) for p in [0, 1], float64, shape of p; 0 at p = 0."""
        x = np.asarray(p, dtype=np.float64)
        positive = np.where(x > 0, x, 1.0)
        return np.asarray(np.where(x > 0, positive * self.phi(positive), 0.0))

    def slopes(self, p: "ArrayLike") -> tuple[Floats, Floats]:
        """First and second derivative of phi at p in (0, 1], float64, shape of p."""
        x = np.asarray(p, dtype=np.float64)
        if self.kind == "log":
            return 1 / x, -1 / (x * x)
        if self.kind == "polynomial":
            f = np.polynomial.Polynomial(self.parameters)
            return f.deriv()(x), f.deriv(2)(x)
        a = self.exponent
        first = np.power(x, a - 1) * (1 if self.kind == "tsallis" else a)
        return first, first * (a - 1) / x

    def ball(self, p: "arb") -> "arb":
        """Enclosure of phi(p) for a ball p inside (0, 1]."""
        from flint import arb

        if self.kind == "log":
            return p.log()
        if self.kind == "polynomial":
            total = arb(0)
            for a in reversed(self.parameters):
                total = total * p + arb(a)
            return total
        a = self._exponent_ball()
        return (p**a - 1) / a if self.kind == "tsallis" else p**a

    def moments(self, K: int) -> list["arb"]:
        """Enclosures of int_0^1 p phi(p) B_{k,K}(p) dp, k = 0..K.

        For p^a: C(K,k) Gamma(k+2+a) (K-k)! / Gamma(K+3+a); for log the derivative of that in a at 0,
        (k+1)/((K+1)(K+2)) (H_{k+1} - H_{K+2}).
        """
        from flint import arb

        def power(a: arb) -> list[arb]:
            below = (a + K + 3).gamma()
            return [
                (a + k + 2).gamma() / below * (factorial(K) // factorial(k)) for k in range(K + 1)
            ]

        if self.kind == "polynomial":
            rows = [[arb(a) * x for x in power(arb(j))] for j, a in enumerate(self.parameters)]
            return [sum(column, arb(0)) for column in zip(*rows, strict=True)]
        if self.kind == "log":
            from fractions import Fraction

            whole = Fraction((K + 1) * (K + 2))
            gap, found = Fraction(0), []
            for k in range(K, -1, -1):
                gap -= Fraction(1, k + 2)
                ratio = gap * (k + 1) / whole
                found.append(arb(ratio.numerator) / ratio.denominator)
            return found[::-1]
        a = self._exponent_ball()
        if self.kind == "power":
            return power(a)
        return [(x - y) / a for x, y in zip(power(a), power(arb(0)), strict=True)]

    def jet(self, p: "arb") -> tuple["arb", "arb", "arb"]:
        """Enclosures of phi, phi' and phi'' at a ball p inside (0, 1]."""
        if self.kind == "log":
            return p.log(), 1 / p, -1 / (p * p)
        if self.kind == "polynomial":
            from flint import arb, arb_poly

            f = arb_poly([arb(a) for a in self.parameters])
            return f(p), f.derivative()(p), f.derivative().derivative()(p)
        a = self._exponent_ball()
        first = p ** (a - 1) * (1 if self.kind == "tsallis" else a)
        return self.ball(p), first, first * (a - 1) / p

    def _exponent_ball(self) -> "arb":
        from flint import arb

        return arb(self.parameters[0]) - (self.kind == "tsallis")

    def taylor(self, m: "arb", step: "arb", terms: int) -> tuple[list["arb"], "arb"]:
        """Coefficients a_j of phi(m + step t) = sum_j a_j t^j + R, and a bound of |R| on |t| <= 1.

        m: centre, inside (0, 1]; step: positive, with rho = step/m < 1; terms: how many a_j, at
        least 1 and beyond the exponent.  log: a_j = (-1)^(j-1) rho^j / j and |R| <= rho^n/(n(1-rho));
        powers: a_j = m^a C(a,j) rho^j and |R| <= m^a |C(a,n)| rho^n/(1-rho), because |C(a,j)| falls
        from j = a on when a > -1 (for a in (-1, 0) from j = 0).
        """
        from flint import arb

        rho = step / m
        if self.kind == "polynomial":
            return self._taylor_polynomial(m, step, terms)
        if self.kind == "log":
            coefficients, power = [m.log()], arb(1)
            for j in range(1, terms):
                power = -power * rho
                coefficients.append(-power / j)
            return coefficients, abs(power * rho) / (terms * (1 - rho))
        if terms < self.exponent:
            raise ValueError(f"{terms} terms do not reach beyond the exponent {self.exponent}")
        a = self._exponent_ball()
        scale = m**a / a if self.kind == "tsallis" else m**a
        binomial, coefficients = arb(1), []
        for j in range(terms):
            coefficients.append(scale * binomial)
            binomial = binomial * (a - j) / (j + 1) * rho
        if self.kind == "tsallis":
            coefficients[0] -= 1 / a
        return coefficients, abs(scale * binomial) / (1 - rho)

    def _taylor_polynomial(self, m: "arb", step: "arb", terms: int) -> tuple[list["arb"], "arb"]:
        from flint import arb, arb_poly

        exact = arb_poly([arb(a) for a in self.parameters])(arb_poly([m, step])).coeffs()
        rest = sum((abs(a) for a in exact[terms:]), arb(0))
        return exact[:terms] or [arb(0)], rest

    def near_zero(self, d: "arb") -> tuple["arb", "arb"]:
        """Upper bounds of |p phi(p)| and of p phi(p)^2 over 0 <= p <= d; infinite for d > 1/8.

        The second is infinite too where p phi^2 is unbounded (power:a with a < -1/2, tsallis:q with
        q < 1/2).
        """
        from flint import arb

        if not d <= 0.125:
            return arb("+inf"), arb("+inf")
        if self.kind == "log":  # p|log p| rises up to 1/e, p log^2 p up to 1/e^2 > 1/8
            size = abs(d.log())
            return d * size, d * size * size
        if self.kind == "polynomial":
            size = sum((abs(arb(a)) for a in self.parameters), arb(0))
            return d * size, d * size * size
        a = self._exponent_ball()
        unbounded = self.exponent < -0.5
        if self.kind == "power":
            return d ** (a + 1), arb("+inf") if unbounded else d ** (2 * a + 1)
        first = (d ** (a + 1) + d) / abs(a)
        second = (d ** (2 * a + 1) + 2 * d ** (a + 1) + d) / (a * a)
        return first, arb("+inf") if unbounded else second


def parse(text: Any) -> Target:
    """Target named by `text`, such as "log", "power:0.5", "tsallis:0.5", "polynomial:1,-1".

    Raises InvalidProblem for an unknown kind, a parameter out of range or not a finite number, and an
    exponent or a degree above 1024.

    >>> parse("tsallis:0.5").name
    'tsallis:0.5'
    """
    if isinstance(text, Target):
        return text
    kind, _, tail = text.partition(":") if isinstance(text, str) else ("", "", "")
    if kind not in KINDS or (kind == "log" and tail):
        raise InvalidProblem(
            f"target {shown(text)} is unknown: use log, power:A, tsallis:Q or polynomial:A0,A1,..."
        )
    if kind == "log":
        return Target("log")
    if tail.count(",") > HIGHEST:
        raise InvalidProblem(_too_high(text, tail.count(",")))
    try:
        parameters = tuple(float(word) for word in tail.split(","))
    except ValueError:
        parameters = ()
    if not parameters or not all(map(isfinite, parameters)):
        raise InvalidProblem(
            f"target {shown(text)} needs finite numbers after the colon, as in {kind}:"
            + ("1,-1" if kind == "polynomial" else "0.5")
        )
    greatest = max(map(abs, parameters))
    if greatest > LARGEST:
        raise InvalidProblem(
            f"target {shown(text)} has a number beyond {LARGEST:g}: expected smaller ones; scale the rewards"
        )
    if kind == "polynomial":
        if 0 < greatest < LEAST:
            raise InvalidProblem(
                f"target {shown(text)} has no number of at least {LEAST:g}: expected a greater one; "
                "scale the rewards"
            )
        while len(parameters) > 1 and parameters[-1] == 0:
            parameters = parameters[:-1]
        return Target(kind, parameters)
    if len(parameters) != 1:
        raise InvalidProblem(f"target {shown(text)} takes one number, as in {kind}:0.5")
    value = parameters[0]
    if kind == "power" and not value > -1:
        raise InvalidProblem(
            f"target {shown(text)} needs an exponent above -1: p p^a diverges at 0"
        )
    if kind == "tsallis" and not (value > 0 and value != 1):
        raise InvalidProblem(
            f"target {shown(text)} needs q above 0 and not 1: for q = 1 use the target log"
        )
    target = Target(kind, parameters)
    if target.exponent > HIGHEST:
        raise InvalidProblem(_too_high(text, target.exponent))
    return target


def _too_high(text: str, exponent: float) -> str:
    return (
        f"target {shown(text)} has powers of p up to {exponent:g}: tables are proved up to {HIGHEST}; use a "
        "smaller exponent or degree"
    )


def _shortest(value: float) -> str:
    """Shortest decimal text of a double, without a trailing `.0`."""
    return repr(value).removesuffix(".0")


LOG = Target("log")
