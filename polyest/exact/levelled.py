"""This module computes the levelled polynomial of K+2 points, which proves a bracket of E*(K).

Theorem (de la Vallee Poussin).  Let 0 < x_0 < ... < x_{K+1} <= 1.  There are exactly one polynomial P
of degree K and one number E with x_i (P(x_i) - phi(x_i)) = (-1)^i E.  Moreover |E| <= E*(K), the least
sup|p (P - phi)| over [0, 1].  Let w_i = 1/prod_{j != i} (x_i - x_j) be the weights of the divided
difference of order K+1, which is 0 for polynomials of degree K.  Then

    E = - sum_i w_i phi(x_i) / sum_i (-1)^i w_i / x_i.

The solver uses the polynomial and the certifier the bracket.  Both are computed in balls from the points
alone.  Source: Cheney, Introduction to Approximation Theory, chapter 3.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import inf, nextafter
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from polyest.arrays import Floats
from polyest.errors import NotProved
from polyest.exact.balls import bernstein_form
from polyest.precision import working
from polyest.problem.targets import Target

if TYPE_CHECKING:
    from flint import arb, arb_poly

T = TypeVar("T")

EXACT_BITS = 100  # relative accuracy that a bracket must have before it is rounded to doubles


def level(target: Target, points: Sequence[float]) -> "arb":
    """Return the signed levelled error E of K+2 ascending points, a ball accurate to 100 bits or more.

    |E| is a lower bound of E*(K).  Raises NotProved if the points are not K+2 >= 2 ascending numbers in
    (0, 1].
    """
    if len(points) < 2 or points[0] <= 0 or points[-1] > 1 or not _ascends(points):
        raise NotProved(
            f"{len(points)} alternation points from {points[0] if points else None!r} to "
            f"{points[-1] if points else None!r}: expected ascending numbers in (0, 1]"
        )
    return _until_sharp(3 * len(points) + 120, lambda: _level(target, points), _sharp)


def levelled(target: Target, points: Sequence[float]) -> tuple["arb", "arb_poly"]:
    """Return the signed levelled error E and the polynomial P in powers of p, accurate to about 100 bits."""

    def attempt() -> tuple["arb", "arb_poly"]:
        from flint import arb, arb_poly

        error = _level(target, points)
        nodes = [arb(x) for x in points[:-1]]
        values = [target.ball(x) + _signed(error, i) / x for i, x in enumerate(nodes)]
        return error, arb_poly.interpolate(nodes, values, algorithm="newton")

    def good(result: tuple["arb", "arb_poly"]) -> bool:
        from flint import arb

        # Powers of p are ill-conditioned; the radius of P(1) shows how many bits are accurate.
        error, P = result
        return _sharp(error) and P(arb(1)).rad() < error.abs_lower() * 2.0**-EXACT_BITS

    return _until_sharp(6 * len(points) + 120, attempt, good)


def table(target: Target, points: Sequence[float]) -> Floats:
    """Return the Bernstein coefficients (K+1,) of the levelled polynomial, each rounded to float64."""
    P = levelled(target, points)[1]
    with working(8 * len(points) + 120):
        return np.array([float(c) for c in bernstein_form(P, len(points) - 2)])


def bracket(target: Target, points: Sequence[float]) -> tuple["arb", "arb"]:
    """Return a lower and an upper bound of E*(K) from the points alone.

    The lower bound is |E|, for every target.  The upper bound is sup|e| of the levelled polynomial,
    e = pP - p phi, if e'' has at most K zeros in (0, 1).  That is a property of the target
    (`Target.most_bends`), and then e' has at most K+1 zeros.  Because e alternates on K+2 points, it has at
    least K+1 interior extrema.  So there is exactly one extremum between two sign changes, exactly one
    simple zero of e'' between two extrema, and e is monotone after the last one.  Let [a, b] be K+1 disjoint
    intervals around the x_i, such that e' changes its sign on each and that e'' has the sign of a maximum
    of |e| at a and at b.  Then each interval contains its extremum, and e lies below its tangent at x_i:

        |e| <= |E| + |e'(x_i)| max(x_i - a, b - x_i).

    The last point must be p = 1, where |e| = |E|.  Raises NotProved if the number of zeros of e'' is not
    known for the target, or if a sign is not confirmed.
    """
    from flint import arb, arb_poly

    K = len(points) - 2
    bends = target.most_bends(K)
    if bends is None or bends > K:
        known = "no bound of them is known" if bends is None else f"there may be {bends}"
        raise NotProved(
            f"target {target.name}, K = {K}: K+2 points enclose the least bias only where the second "
            f"derivative of the error has at most {K} zeros, and {known}; give a noise budget, or "
            "measure a table"
        )
    error, P = levelled(target, points)
    if points[-1] != 1:
        raise NotProved(f"the last alternation point is {points[-1]!r}: expected 1")
    with working(6 * len(points) + 120):
        # Far fewer bits cancel in powers of 2p - 1 than in powers of p.
        slope = P.left_shift(1)(arb_poly([0.5, 0.5])).derivative() * 2
        bend = slope.derivative() * 2

    with working(2 * len(points) + 160):

        def derivatives(p: "arb") -> tuple["arb", "arb"]:
            value, first, second = target.jet(p)
            t = 2 * p - 1
            return slope(t) - value - p * first, bend(t) - 2 * first - p * second

        worst, reached = arb(0), arb(0)
        for i, x in enumerate(points[:-1]):
            centre, cap = arb(x), _signed(error, i).sgn()
            first, second = derivatives(centre)
            # As a double, which makes the polynomials' values at both ends quick.
            far = 4 * abs(first / second) + 2.0**-60 * centre
            reach = arb(nextafter(float(far.upper()), inf))
            a, b = (centre - reach).lower(), (centre + reach).upper()
            (rise, bend_a), (fall, bend_b) = derivatives(a), derivatives(b)
            apart = a > reached and b < 1
            if not (apart and cap * rise > 0 > cap * fall and cap * bend_a < 0 > cap * bend_b):
                raise NotProved(
                    f"alternation point {x!r} (number {i}) is not proved to lie at an extremum of "
                    "the levelled error: the points are altered or not converged"
                )
            worst, reached = worst.max(abs(first) * 2 * reach), b
        return abs(error).lower(), (abs(error) + worst).upper()


def _level(target: Target, points: Sequence[float]) -> "arb":
    """Return E of the points at the working precision."""
    from flint import arb, arb_poly

    nodes = [arb(x) for x in points]
    slope = arb_poly.from_roots(nodes).derivative()
    weights = [1 / slope(x) for x in nodes]
    above = sum((w * target.ball(x) for w, x in zip(weights, nodes, strict=True)), arb(0))
    below = sum(
        (_signed(w, i) / x for i, (w, x) in enumerate(zip(weights, nodes, strict=True))), arb(0)
    )
    return -above / below


def _until_sharp(bits: int, attempt: Callable[[], T], good: Callable[[T], bool]) -> T:
    """Return the first good result of `attempt` at the precisions bits, 2 bits, 4 bits and 8 bits."""
    for doubling in range(4):
        with working(bits << doubling):
            result = attempt()
            if good(result):
                return result
    raise NotProved(f"{bits << 3} bits do not separate the levelled error of these points from 0")


def _sharp(ball: "arb") -> bool:
    """Return whether a ball is accurate to EXACT_BITS bits."""
    return bool(ball.rel_accuracy_bits() >= EXACT_BITS)


def _signed(value: "arb", i: int) -> "arb":
    """Return (-1)^i value."""
    return -value if i % 2 else value


def _ascends(points: Sequence[float]) -> bool:
    return all(a < b for a, b in pairwise(points))
