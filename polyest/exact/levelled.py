"""The levelled polynomial of K+2 points, and the bracket of E*(K) that it proves.

Theorem (de la Vallee Poussin).  Let 0 < x_0 < ... < x_{K+1} <= 1.  There are exactly one polynomial P
of degree K and one number E with x_i (P(x_i) - phi(x_i)) = (-1)^i E, and |E| <= E*(K), the least
sup|p (P - phi)| over [0, 1].  With w_i = 1/prod_{j != i} (x_i - x_j), the weights of the divided
difference of order K+1, which annihilates degree K,

    E = - sum_i w_i phi(x_i) / sum_i (-1)^i w_i / x_i.

The solver takes the polynomial from here, the certifier the bracket; both start from the points
alone, and everything is a ball.  Source: Cheney, Introduction to Approximation Theory, chapter 3.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
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

EXACT_BITS = 100  # relative accuracy asked of a bracket before it is rounded to doubles


def level(target: Target, points: Sequence[float]) -> "arb":
    """Signed levelled error E of the K+2 ascending points, a ball of at least 100 good bits.

    |E| is a lower bound of E*(K).  Raises NotProved when the points are not K+2 >= 2 ascending
    numbers of (0, 1].
    """
    if len(points) < 2 or points[0] <= 0 or points[-1] > 1 or not _ascends(points):
        raise NotProved(
            f"{len(points)} alternation points from {points[0] if points else None!r} to "
            f"{points[-1] if points else None!r}: expected ascending numbers in (0, 1]"
        )
    return _until_sharp(3 * len(points) + 120, lambda: _level(target, points), _sharp)


def levelled(target: Target, points: Sequence[float]) -> tuple["arb", "arb_poly"]:
    """Signed levelled error E and the polynomial P in powers of p, both to about 100 good bits."""

    def attempt() -> tuple["arb", "arb_poly"]:
        from flint import arb, arb_poly

        error = _level(target, points)
        nodes = [arb(x) for x in points[:-1]]
        values = [target.ball(x) + _signed(error, i) / x for i, x in enumerate(nodes)]
        return error, arb_poly.interpolate(nodes, values, algorithm="newton")

    def good(found: tuple["arb", "arb_poly"]) -> bool:
        from flint import arb

        # Powers of p are ill-conditioned: the value at 1 shows how many bits have survived.
        return _sharp(found[0]) and found[1](arb(1)).rad() < found[0].abs_lower() * 2.0**-EXACT_BITS

    return _until_sharp(6 * len(points) + 120, attempt, good)


def table(target: Target, points: Sequence[float]) -> Floats:
    """Bernstein coefficients (K+1,) of the levelled polynomial, each rounded to float64."""
    P = levelled(target, points)[1]
    with working(8 * len(points) + 120):
        return np.array([float(c) for c in bernstein_form(P, len(points) - 2)])


def bracket(target: Target, points: Sequence[float]) -> tuple["arb", "arb"]:
    """Lower and upper bound of E*(K) from the points alone.

    The lower one is |E|, for every target.  The upper one is sup|e| of the levelled polynomial,
    e = pP - p phi, where e'' has at most K zeros in (0, 1), which is a property of the target
    (`Target.most_bends`): then e' has at most K+1.  As e
    alternates on K+2 points it has at least K+1 interior extrema: exactly one between two sign
    changes, exactly one simple zero of e'' between two of them, and e is monotone past the last.  On
    K+1 disjoint intervals [a, b] around the x_i where e' changes sign while e'' has the sign of a
    cap at a and at b, each holds its extremum and e lies below its tangent at x_i:

        |e| <= |E| + |e'(x_i)| max(x_i - a, b - x_i).

    The last point must be p = 1, where |e| = |E|.  Raises NotProved for a target of which this is not
    known, and when a sign is not confirmed.
    """
    from flint import arb, arb_poly

    K = len(points) - 2
    bends = target.most_bends(K)
    if bends is None or bends > K:
        known = "no bound of them is known" if bends is None else f"there may be {bends}"
        raise NotProved(
            f"target {target.name}, K = {K}: K+2 points enclose the least bias only where the second "
            f"derivative of the error has at most {K} zeros, and {known}; measure a table instead"
        )
    error, P = levelled(target, points)
    if points[-1] != 1:
        raise NotProved(f"the last alternation point is {points[-1]!r}: expected 1")
    with working(6 * len(points) + 120):
        # In powers of 2p - 1 far fewer bits cancel than in powers of p.
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
            reach = (4 * abs(first / second) + 2.0**-60 * centre).upper()
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
    """Result of `attempt` at the least precision bits, 2 bits, 4 bits, ... where it is `good`."""
    for doubling in range(4):
        with working(bits << doubling):
            found = attempt()
            if good(found):
                return found
    raise NotProved(f"{bits << 3} bits do not separate the levelled error of these points from 0")


def _sharp(ball: "arb") -> bool:
    return bool(ball.rel_accuracy_bits() >= EXACT_BITS)


def _signed(value: "arb", i: int) -> "arb":
    return -value if i % 2 else value


def _ascends(points: Sequence[float]) -> bool:
    return all(a < b for a, b in pairwise(points))
