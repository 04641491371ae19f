"""This module makes a target of a formula that a user supplies, and derives all that a proof needs.

The expression has to be finite and analytic on (0, 1], and p phi(p) has to vanish at 0.  `check` proves it
(expressions/analytic.py).  Taylor remainders are Cauchy's: with |phi| <= M on |z - m| <= rho,

    |R| <= sum_{j >= n} M (step/rho)^j = M q^n / (1 - q),   q = step/rho.

No theorem is claimed, except for an expression that is a polynomial, and whether phi rises or falls, where
enclosures of its derivative prove it.
"""

from collections.abc import Callable, Iterator
from functools import cached_property
from importlib import import_module
from math import ceil, log2
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.arrays import Floats
from polyest.errors import InvalidProblem, NotProved
from polyest.precision import working
from polyest.problem.expressions import fields, grammar, rate, zero
from polyest.problem.expressions.analytic import ROOM, SMALLEST, expanded, size_on, sizes, start
from polyest.problem.expressions.expression import Expression, variables
from polyest.problem.expressions.symbol import answered, traced
from polyest.problem.targets.target import NEAR, Target, descartes
from polyest.problem.targets.turning import direction
from polyest.values import LONGEST, clipped, plain, real, shown

if TYPE_CHECKING:
    from fractions import Fraction

    from flint import arb
    from numpy.typing import ArrayLike

# A cell that needs more than MORE times the Taylor terms that are asked for, and FEW, is halved; so is one
# on which rounding costs more than SPARE_BITS.
MORE, FEW, SPARE_BITS = 4, 32, 30
LEAST_ROOM = 1.25  # the least rho/step of a Taylor remainder
SHARES = (0.9375, 0.75, 0.5, 2.0, 4.0)  # radii rho that are tried, relative to the centre m
TIMES = (ROOM, 2.0, 3.0, 4.0, 8.0)  # and relative to the step, besides 4, 16, ... times the last
HUGE = 1e250  # a bound of |phi| on a disc from which no remainder is made
BITS = 160  # precision of what becomes a double, and of the integrals at least
MOMENT_TERMS = 64  # a_j of phi on each interval of the integrals: their rest is 3^-64
MOMENT_REST = 2.0**-90  # what the integrals may leave out near 0
MOST_INTERVALS = 4000
SAMPLES = (0.8125, 0.3125, 0.0625)  # p at which a function and its formula are compared
USES_FLOATS = "one that works on floats; use polyest.functions"
AGREEMENT = 1e-9  # greatest relative difference there


class Custom(Target):
    """The target phi = an expression, in canonical form; label: its name where it comes from a function."""

    expression: str = ""
    label: str = ""

    def __post_init__(self) -> None:
        """Raise InvalidProblem unless the text is a canonical expression that depends on p."""
        if self._node.text != self.expression:
            raise InvalidProblem(
                f"expression {shown(self.expression)} is written {shown(self._node.text)}: expected that form"
            )
        if not variables(self._node):
            raise InvalidProblem(
                f"expression {shown(self.expression)} does not depend on p: expected p in it; a "
                "constant is the target polynomial:A0"
            )

    @property
    def name(self) -> str:
        """The name `custom:` with the expression, or the name that its function was given."""
        return self.label or f"custom:{self.expression}"

    def written(self, argument: str) -> str:
        """Return the expression for the argument p, and `phi(...)` for any other."""
        return self.expression if argument == "p" else f"phi({argument})"

    def check(self) -> None:
        """Raise InvalidProblem or NotProved unless phi is proved finite and analytic on (0, 1]."""
        start(self.expression)

    def phi(self, p: "ArrayLike") -> Floats:
        """Return the values phi(p); where a step of the formula is beyond the doubles, those of balls."""
        x = np.asarray(p, dtype=np.float64)
        with np.errstate(all="ignore"):
            values = np.array(fields.evaluate(self._node, x, fields.Floats()), dtype=np.float64)
        lost = np.argwhere(~np.isfinite(values) & (x > 0))
        if lost.size:
            from flint import arb

            with working(BITS):
                for i in map(tuple, lost):
                    values[i] = float(self.ball(arb(float(x[i]))))
        return values

    def slopes(self, p: "ArrayLike") -> tuple[Floats, Floats]:
        """Return phi'(p) and phi''(p), from the Taylor series at each p."""
        from flint import arb

        x = np.asarray(p, dtype=np.float64)
        with working(BITS):
            jets = [self.jet(arb(float(place)))[1:] for place in x.ravel()]
        first, second = (np.array([float(jet[i]) for jet in jets]) for i in (0, 1))
        return first.reshape(x.shape), second.reshape(x.shape)

    @property
    def exponent(self) -> float:
        """The power of p that bounds phi at 0, or 0 where that is not negative."""
        from flint import arb

        germ = zero.germ(self._node, arb(start(self.expression)))
        return min(0.0, float(germ.a)) if self._powers is None else 0.0

    def ball(self, p: "arb") -> "arb":
        """Return an enclosure of phi(p)."""
        value: arb = fields.evaluate(self._node, p, fields.Balls())
        return value

    def jet(self, p: "arb") -> tuple["arb", "arb", "arb"]:
        """Return enclosures of phi, phi' and phi'', from the Taylor series at the points of the ball."""
        from flint import arb

        value, first, second = fields.series(self._node, p, arb(1), 3)
        return value, first, 2 * second

    def taylor(self, m: "arb", step: "arb", terms: int) -> tuple[list["arb"], "arb"]:
        """Return as many a_j as leave a rest of (step/m)^terms, relative to phi; it may be more than terms.

        The rest is infinite where phi is not seen to be analytic well beyond the cell.
        """
        from flint import arb, ctx

        if self._powers is not None and len(self._powers) <= MORE * terms:
            return fields.series(self._node, m, step, len(self._powers)), arb(0)
        within = abs(self.ball(m + step * arb(0, 1)))
        if within <= (step / m) ** terms:
            return [arb(0)], within.upper()
        value = self.ball(m)
        scale = max(1.0, float(abs(value).upper()))
        digits = terms * log2(float(m) / float(step)) - log2(scale)
        best, rest = MORE * terms + FEW, arb("+inf")
        for radius in _radii(float(m), float(step)):
            size = size_on(self._node, m, radius)
            if not size < HUGE:
                break  # nor is a greater disc better
            share = step / radius
            spare = log2(float((size / (1 - share)).upper()) + 1 / HUGE)
            count = max(1, ceil((digits + spare) / -log2(float(share))))
            if count < best:
                best, rest = count, (size * share**count / (1 - share)).upper()
        if not rest.is_finite():
            return [value], rest
        coefficients = fields.series(self._node, m, step, best)
        spread = sum(float(a.rad()) for a in coefficients[1:])  # which a smaller cell makes smaller
        lost = spread > scale * max(2.0 ** (SPARE_BITS - ctx.prec), 2.0 ** (SPARE_BITS - digits))
        return ([value], arb("+inf")) if lost else (coefficients, rest)

    def near_zero(self, d: "arb") -> tuple["arb", "arb"]:
        """Return the bounds of the germ of phi, and beyond its reach also those of balls."""
        from flint import arb

        if not d <= NEAR:
            return arb("+inf"), arb("+inf")
        if self._powers is not None:
            size = sum((abs(fields.Balls().number(a)) for a in self._powers), arb(0))
            return d * size, d * size * size
        far = arb(start(self.expression))
        germ = zero.germ(self._node, d if d <= far else far)
        first, second = germ.bound(1, 1), germ.bound(1, 2)
        if not d <= far:
            for p, size in sizes(self._node, float(far), float(d.upper())):
                first, second = first.max(p * size), second.max(p * size * size)
        return first, second

    def moments(self, K: int) -> list["arb"]:
        """Return the integrals over intervals on which phi is a polynomial and a rest, by Gauss' rule.

        The rule is exact for the degree of the polynomial and of B_k together.
        """
        from flint import ctx

        with working(max(BITS, ctx.prec)):
            return self._moments(K)

    def _moments(self, K: int) -> list["arb"]:
        from flint import arb, arb_mat, arb_poly

        pieces, last = _intervals(self)
        degree = max(len(a) for *_, a, _ in pieces) + K
        count = degree // 2 + 1  # nodes: exact up to degree 2 count - 1
        rule = [arb.legendre_p_root(count, i, weight=True) for i in range(count)]
        moments = arb_mat(1, K + 1)
        for m, r, coefficients, rest in pieces:
            phi, half = arb_poly(coefficients), arb(r)
            places = [(m + half * t, w * half, phi(t)) for t, w in rule]
            rows = arb_mat([_pmf(K, p) for p, *_ in places])
            within = arb_mat([[p * w * f for p, w, f in places]]) * rows
            around = arb_mat([[p * w for p, w, _ in places]]) * rows
            moments += arb_mat(
                [
                    [x + arb(0, (abs(y) * rest).upper())]
                    for x, y in zip(within.entries(), around.entries(), strict=True)
                ]
            ).transpose()
        return [x + arb(0, last.upper()) for x in moments.entries()]

    @property
    def degree(self) -> int | None:
        """The degree of an expression that is a polynomial, else None."""
        return None if self._powers is None else len(self._powers) - 1

    def powers(self) -> "list[Fraction]":
        """Return the coefficients of an expression that is a polynomial, which are exact."""
        if self._powers is None:
            return super().powers()
        return list(self._powers)

    def most_bends(self, K: int) -> int | None:
        """Return the bound for a polynomial, each power of which beyond those of P adds 1, else None."""
        if self._powers is None:
            return None
        return descartes(K, sum(a != 0 for a in self._powers[K + 1 :]))

    @property
    def direction(self) -> int | None:
        """The sign of phi' where it is proved to be one on all of (0, 1] (expressions/rate.py), else None."""
        return rate.sign(self.expression) if self._powers is None else direction(list(self._powers))

    @cached_property
    def _node(self) -> Expression:
        return grammar.read(self.expression)

    @property
    def _powers(self) -> "tuple[Fraction, ...] | None":
        return expanded(self.expression)


def read(text: str, tail: str) -> Custom:
    """Return the target of an expression; raise InvalidProblem for a text that is none of p."""
    return Custom(expression=grammar.read(tail).text)


def custom(phi: Callable[[Any], Any] | str, name: str | None = None) -> Custom:
    """Return the target of an expression, or of a function that is a formula, under a name of its own.

    Raise InvalidProblem and NotProved as `Target.custom` says.
    """
    if isinstance(phi, str):
        if name is not None:
            raise InvalidProblem(
                f"name {shown(name)} beside an expression, which is its own name: leave the name out"
            )
        target = read(phi, phi)
    elif not callable(phi):
        raise InvalidProblem(
            f"phi is {shown(phi)}: expected a function of p, or an expression such as '1/sqrt(p+0.01)'"
        )
    else:
        expression = traced(phi).text
        label = _label(getattr(phi, "__name__", "function") if name is None else name)
        target = Custom(expression=expression, label=label)
        _compare(phi, target)
    target.check()
    return target


def _label(name: object) -> str:
    """Return the name of a function's target; raise InvalidProblem for one that means another target."""
    words = import_module("polyest.problem.targets").WRITTEN
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST:
        raise InvalidProblem(f"name is {shown(name)}: expected a text of 1 to {LONGEST} characters")
    if name.partition(":")[0] in words:
        raise InvalidProblem(f"name {shown(name)} is that of another target: expected a new name")
    return name


def _compare(phi: Callable[[Any], Any], target: Custom) -> None:
    """Raise InvalidProblem where a function has another value on floats than its formula has."""
    for p in SAMPLES:
        seen = real(plain(answered(phi, p, f"p = {p}", USES_FLOATS)))
        right = float(target.phi(p))
        if right - right == 0 and not abs(seen - right) <= AGREEMENT * max(abs(right), 1e-100):
            raise InvalidProblem(
                f"the function {shown(phi)} is {seen!r} at p = {p}, where its formula "
                f"{clipped(target.expression)} is {right!r}: expected one formula for floats and symbols"
            )


def _radii(m: float, step: float) -> Iterator[float]:
    """Yield the radii of discs around m that are tried, all greater than the step, ascending."""
    radii, radius = {m * share for share in SHARES}, max(TIMES) * step
    while radius < m / 4:
        radius *= 4
        radii.add(radius)
    radii |= {step * times for times in TIMES}
    yield from sorted(radius for radius in radii if radius >= LEAST_ROOM * step)


Piece = tuple["arb", float, list["arb"], "arb"]  # centre, radius, coefficients and rest of phi


def _intervals(target: Custom) -> tuple[list[Piece], "arb"]:
    """Return intervals from 1 down towards 0 with phi on them, and a bound of |int p phi B_k| below them."""
    from flint import arb

    pieces, end = list[Piece](), 1.0
    while True:
        waiting = [(0.75 * end, 0.25 * end)]
        while waiting:
            m, r = waiting.pop()
            coefficients, rest = target.taylor(arb(m), arb(r), MOMENT_TERMS)
            if rest.is_finite():
                pieces.append((arb(m), r, coefficients, rest))
            elif r > SMALLEST * m:
                waiting += [(m - r / 2, r / 2), (m + r / 2, r / 2)]
            if not rest.is_finite() and (r <= SMALLEST * m or len(pieces) > MOST_INTERVALS):
                raise NotProved(
                    f"target {clipped(target.name)} is not integrated over {MOST_INTERVALS} intervals: "
                    "expected a smoother function"
                )
        end /= 2
        left = target.near_zero(arb(end))[0] * end
        if left < MOMENT_REST or end < 2.0**-200:
            return pieces, left


def _pmf(K: int, p: "arb") -> list["arb"]:
    """Return the binomial probabilities of 0..K at a ball p inside (0, 1)."""
    odds, row = p / (1 - p), [(1 - p) ** K]
    for k in range(K):
        row.append(row[-1] * (odds * (K - k) / (k + 1)))
    return row
