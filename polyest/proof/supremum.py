"""This module brackets the suprema over [0, 1] of a table's bias and noise in ball arithmetic.

With P = sum_k c_k B_k(p) and S = sum_k c_k^2 B_k(p), F(p) is |p P - p phi| for the bias, and for a criterion
of noise w E (c_X - t)^2 = w (S - 2 t P + t^2), with w and t from the table of criteria.

[0, 1] is halved into dyadic cells m + r t, |t| <= 1.  P and S on the halves of a cell follow from P and S
on the cell by an exact shift.  Each halving multiplies the coefficient of t^j by 2^-j.  The highest powers
are moved into the radius of the constant as soon as they are negligible.  Thus F on a cell is a short
polynomial with ball coefficients a_j; phi contributes its Taylor polynomial and remainder.  A cell is
settled by one of four arguments:

    bounded   sum|a_j| is no more than a value that F is known to reach;
    monotone  |a_1| > sum_{j>=2} j |a_j|, and the supremum is at an end;
    bent      2|a_2| > sum_{j>=3} j (j-1) |a_j|, F is convex or concave, and the supremum is at an end or
              below the tangent at the point where Newton steps find a slope of nearly 0;
    at zero   |F| <= a bound from |P|, S and the target's behaviour on [0, d].

Any other cell is halved again, and the cell with the greatest bound comes first.  The computation uses
balls and Python floats in a fixed order, so that the result is the same on every machine.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappop, heappush
from math import ceil, log2

from flint import arb, arb_poly

from polyest.errors import NotProved
from polyest.exact.balls import power_form
from polyest.precision import working
from polyest.problem.criteria import CRITERIA, Criterion
from polyest.problem.targets import Target

BIAS = "bias"
KEPT_BITS = 110  # relative accuracy of the polynomials on a cell
# Coefficients of a polynomial of many terms have thousands of bits, and are rounded before products.
MANY_TERMS, SHORT_BITS = 100, 256
FLOOR = 2.0**-90  # times the scale of F: a bound this close to the supremum is not improved
NARROW = 2.0**-43  # times the supremum: a bound this close to the supremum is not improved
FINE = 2.0**-56  # times the supremum: what may be moved into the radius on a cell
UP = 1 + 2.0**-44  # factor that covers the rounding errors of a float sum of bounds
MOST_CELLS = 200_000  # cells after which the proof is given up
FINEST = 2.0**-50  # radius of a cell, relative to p, whose halves doubles do not hold
UNKNOWN = arb("+inf")  # the bound of |F| on a cell that has to be halved

Place = tuple[float, float]  # m, r
Function = Callable[[Place, float], arb_poly | arb]


@dataclass
class Curve:
    """The entries of a table, and a cache of P and S on dyadic cells."""

    entries: list[arb]
    cells: dict[tuple[str, Place], arb_poly] = field(default_factory=dict)

    def on(self, name: str, place: Place) -> arb_poly:
        """Return P or S, as `name` says, as a polynomial in the variable t of a cell."""
        poly = self.cells.get((name, place))
        if poly is None:
            poly = self._whole(name) if place == (0.5, 0.5) else self._half(name, place)
            self.cells[name, place] = poly
        return poly

    @cached_property
    def scale(self) -> float:
        """The greatest |c_k|, or 1 if that is greater."""
        return max(1.0, *(float(abs(c)) for c in self.entries))

    def short(self, name: str, place: Place) -> arb_poly:
        """Return P or S on a cell, with rounded coefficients if it has many terms."""
        poly = self.on(name, place)
        if poly.length() <= MANY_TERMS:
            return poly
        with working(SHORT_BITS):
            return arb_poly([+a for a in poly.coeffs()])

    def _whole(self, name: str) -> arb_poly:
        """Return P or S on the cell [0, 1]."""
        bits = KEPT_BITS + 40 + 6 * len(self.entries) + 2 * _bits(self.scale)
        with working(bits):
            entries = self.entries if name == "P" else [c * c for c in self.entries]
            return trimmed(power_form(entries)(arb_poly([0.5, 0.5])), self._least(name))

    def _half(self, name: str, place: Place) -> arb_poly:
        """Return P or S on a cell from the cell of which it is a half."""
        m, r = place
        right = (m / r) % 4 == 3  # cells of radius r have the centres r, 3r, 5r, ...
        whole = self.on(name, (m - r if right else m + r, 2 * r))
        with working(KEPT_BITS + 60 + 2 * whole.length() + _bits(self.scale)):
            return trimmed(whole(arb_poly([0.5 if right else -0.5, 0.5])), self._least(name))

    def _least(self, name: str) -> float:
        """Return the error that is allowed in P or S, relative to the entries.

        It is not relative to the coefficients of the powers of t, which on a wide cell are about 2^(K/2)
        times as large as the entries.
        """
        return float(2.0**-KEPT_BITS * self.scale ** (1 if name == "P" else 2))


def supremum(curve: Curve, target: Target, what: str) -> tuple[arb, arb]:
    """Return an exact lower and upper bound of the supremum over [0, 1]; what: BIAS, or a criterion.

    Both are infinite if the supremum is (distances to a phi with unbounded p phi^2) or if it is too large
    for doubles.  Raises NotProved if 200000 cells do not settle it.
    """
    row = None if what == BIAS else CRITERIA[what]
    infinite = (arb("+inf"), arb("+inf"))
    if row is not None and row.fitted and not target.near_zero(arb(0.125))[1].is_finite():
        return infinite
    if row is not None and curve.scale > 1e150:
        return infinite
    floor = FLOOR * curve.scale ** (1 if row is None else 2)

    def on(place: Place, low: float) -> arb_poly | arb:
        return _function(curve, target, row, place, max(floor, low * FINE))

    K = len(curve.entries) - 1
    return highest(on, (0.5, 0.5), floor, NARROW, f"sup {what} of a table of K = {K}")


def highest(on: Function, place: Place, floor: float, narrow: float, what: str) -> tuple[arb, arb]:
    """Return an exact lower and upper bound of the supremum of |F| over a cell.

    on: a function that takes a cell and a value that |F| reaches, and returns F on the cell as a
    polynomial in t, or a bound of |F| there; floor, narrow: how far the upper bound may stay above the
    supremum, absolutely and relative to it; what: the name of F in a message.  Raises NotProved if 200000
    cells do not settle it.
    """
    low = high = arb(0)
    waiting: list[tuple[float, Place, arb_poly | None]] = []

    def look(place: Place) -> None:
        nonlocal low, high
        F = on(place, float(low))
        if isinstance(F, arb):  # a bound of |F|
            bound, poly = float(F.upper()) * UP, None
        else:
            low = low.max(abs(F[0]).lower())
            bound, poly = sum(float(abs(a).upper()) for a in F.coeffs()) * UP, F
        heappush(waiting, (-bound, place, poly))

    with working(KEPT_BITS + 40):
        look(place)
        for _ in range(MOST_CELLS):
            if not waiting:
                break
            negative, place, poly = heappop(waiting)
            if -negative <= float(low) + max(floor, float(low) * narrow):
                high = high.max(arb(-negative))
                break  # the bounds of all other waiting cells are no greater
            ends = None if poly is None else _settled(poly)
            if ends is None:
                m, r = place
                if r < FINEST * m:
                    raise NotProved(
                        f"{what} is not enclosed closely enough around p = {m:.6g}: no remainder of phi is "
                        "known there"
                    )
                look((m - r / 2, r / 2))
                look((m + r / 2, r / 2))
            else:
                low, high = low.max(ends[0].lower()), high.max(ends[1].upper())
        else:
            raise NotProved(
                f"{what} is not enclosed closely enough by {MOST_CELLS} cells: it is between "
                f"{float(low):g} and {-waiting[0][0]:g}"
            )
        return low.lower(), high.max(low).upper()


def _function(
    curve: Curve, target: Target, row: Criterion | None, place: Place, tiny: float
) -> arb_poly | arb:
    """Return F on a cell, or a bound of |F| on a cell at 0, where phi has no Taylor polynomial."""
    m, r = place
    P = curve.short("P", place)
    p = arb_poly([m, r])
    if row is None:
        if m == r:
            return 2 * r * _size(P) + target.near_zero(arb(2 * r))[0]
        phi = _phi(target, place, tiny)
        return UNKNOWN if phi is None else trimmed((P - phi) * p, tiny)
    S = curve.short("S", place)
    if not row.fitted:
        F = row.part(p, S, P, None)
        return F if F is S else trimmed(F, tiny)  # S is trimmed already
    if m == r:
        first, second = target.near_zero(arb(2 * r))
        return 2 * r * _size(S) + 2 * first * _size(P) + second
    phi = _phi(target, place, tiny / max(1.0, float(_size(P))))
    if phi is None:
        return UNKNOWN
    return trimmed(row.part(p, S, P, phi), tiny)


def _phi(target: Target, place: Place, tiny: float) -> arb_poly | None:
    """Return the Taylor polynomial of phi on a cell, with its remainder in the radius of the constant.

    It is None where the target has no bound of the remainder and needs a smaller cell.
    """
    m, r = place
    terms = max(4, ceil(log2(tiny) / log2(r / m)), ceil(target.exponent) + 2)
    coefficients, rest = target.taylor(arb(m), arb(r), terms)
    if not rest.is_finite():
        return None
    coefficients[0] += arb(0, rest.upper())
    return arb_poly(coefficients)


def _settled(F: arb_poly) -> tuple[arb, arb] | None:
    """Return a bracket of max|F| over |t| <= 1 if F is monotone, convex or concave there, else None."""
    a = F.coeffs()
    sizes = [float(abs(x).upper()) for x in a]
    ends = abs(F(arb(-1))).max(abs(F(arb(1))))
    if len(a) < 2:
        return ends, ends
    if float(abs(a[1]).lower()) > UP * sum(j * u for j, u in enumerate(sizes[2:], 2)):
        return ends, ends
    bend = 2 * float(abs(a[2]).lower()) if len(a) > 2 else 0.0
    if bend <= UP * sum(j * (j - 1) * u for j, u in enumerate(sizes[3:], 3)):
        return None
    slope = F.derivative()
    if slope(arb(-1)) * slope(arb(1)) > 0:
        return ends, ends
    t = arb(_flat([float(x) for x in a]))
    top = abs(F(t))
    return ends.max(top), ends.max(top + 2 * abs(slope(t)))


def _flat(a: list[float]) -> float:
    """Return a point of [-1, 1] where a convex or concave polynomial has a slope of nearly 0."""
    t = 0.0
    for _ in range(8):
        slope = bend = 0.0
        for j in range(len(a) - 1, 0, -1):
            bend = bend * t + slope
            slope = slope * t + j * a[j]
        if bend == 0:
            break
        t = min(1.0, max(-1.0, t - slope / bend))
    return t


def _bits(size: float) -> int:
    """Return the number of bits before the binary point of a number of at least 1."""
    return ceil(log2(size))


def _size(F: arb_poly) -> arb:
    """Return a bound of |F| over |t| <= 1."""
    return sum((abs(a) for a in F.coeffs()), arb(0))


def trimmed(F: arb_poly, allowed: float) -> arb_poly:
    """Return F with its last coefficients moved into the radius of the constant.

    As many are moved as have absolute values with a sum of at most `allowed`.
    """
    a = F.coeffs()
    if not a:
        return arb_poly([arb(0)])
    dropped, kept = arb(0), len(a)
    while kept > 1:
        more = dropped + abs(a[kept - 1])
        if float(more.upper()) > allowed:
            break
        dropped, kept = more, kept - 1
    return arb_poly([a[0] + arb(0, dropped.upper()), *a[1:kept]])
