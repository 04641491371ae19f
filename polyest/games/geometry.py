"""This module makes Bregman geometries of distributions, each from its convex generator phi.

A geometry with Phi(p) = sum_i phi(p_i), where phi is strictly convex on [0, 1], has

    D(p, q)     the divergence Phi(p) - Phi(q) - <phi'(q), p - q>
    project(v)  argmin over the simplex of Phi(p) - <v, p>; for v = phi'(x) it is the
                Bregman projection of x

    negative entropy     phi = t log t                   D is KL(p, q) for distributions
    squared Euclidean    phi = t^2/2                     D = |p - q|^2/2
    Tsallis, order s     phi = (t^s - t)/(s - 1), s > 0  s -> 1: the negative entropy
    polynomial           phi = a_0 + a_1 t + ...         phi' has an unbiased table

The module bregman.py derives both from the generator.
"""

from collections.abc import Iterable
from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING

from polyest.dependencies import require
from polyest.errors import InvalidGame, NotConvex
from polyest.games.bregman import LEAST as LEAST
from polyest.games.bregman import Geometry as Geometry
from polyest.values import real, shown

if TYPE_CHECKING:
    from fractions import Fraction

    from flint import fmpq

HIGHEST = 20.0  # greatest order; above it t^s is too flat at 0 for doubles
HIGHEST_DEGREE = 256  # degree; its roots are found within a second, those of 5000 never
CLOSEST = 1e-6  # least |order - 1|; below it differences of powers lose their digits


def negative_entropy() -> Geometry:
    """Make the geometry of the negative entropy, whose divergence is KL and whose reward is a logarithm.

        phi = t log t

    Returns
    -------
    Geometry
        The geometry.

    Examples
    --------
    >>> negative_entropy().gradient(1.0).tolist()  # log 1 + 1
    1.0
    """
    return Geometry("tsallis", (1.0,))


def euclidean() -> Geometry:
    """Make the squared Euclidean geometry, whose reward is linear in the probability.

        phi = t^2/2

    Returns
    -------
    Geometry
        The geometry.

    Examples
    --------
    >>> euclidean().gradient([0.0, 0.5]).tolist()
    [0.0, 0.5]
    """
    return Geometry("polynomial", (0.0, 0.0, 0.5))


def tsallis(order: float) -> Geometry:
    """Make the geometry of the negative Tsallis entropy of an order.

        phi = (t^s - t)/(s - 1),        t log t for s = 1

    Parameters
    ----------
    order : float
        The order s, in (0, 20]: at s <= 0 phi is not convex.

    Returns
    -------
    Geometry
        The geometry.

    Raises
    ------
    InvalidGame
        If `order` is not a number in (0, 20], or is so close to 1 that doubles cannot distinguish the two.

    References
    ----------
    Tsallis, Journal of Statistical Physics 52 (1988).

    Examples
    --------
    >>> tsallis(2).gradient([0.0, 0.5]).tolist()  # 2 t - 1
    [-1.0, 0.0]
    """
    if not 0 < real(order) <= HIGHEST:
        raise InvalidGame(
            f"order is {shown(order)}: expected a number in (0, {HIGHEST:g}]; the Tsallis entropy of "
            "an order of 0 or less is not concave"
        )
    if 0 < abs(float(order) - 1) < CLOSEST:
        raise InvalidGame(
            f"order is {shown(order)}: closer to 1 than {CLOSEST:g}, doubles cannot distinguish "
            "it from the negative entropy; use order 1"
        )
    return Geometry("tsallis", (float(order),))


def polynomial(coefficients: Iterable[float]) -> Geometry:
    """Make the geometry of a polynomial generator that is strictly convex on [0, 1].

        phi = a_0 + a_1 t + ... + a_{d+1} t^{d+1}

    The reward has degree d and an exactly unbiased table for K >= d draws.  Convexity is decided exactly,
    in rational numbers, at points between the roots of phi''.

    Parameters
    ----------
    coefficients : iterable of float
        The numbers a_0, a_1, ..., of a degree from 2 to 256.

    Returns
    -------
    Geometry
        The geometry.

    Raises
    ------
    NotConvex
        If phi is linear, or phi'' is negative at some p; the message names it.
    InvalidGame
        If the coefficients are not finite numbers, or too many.

    Examples
    --------
    >>> polynomial([0, 0, 1, -1 / 4]).curvature([0.0, 1.0]).tolist()
    [2.0, 0.5]
    """
    try:
        given = tuple(float(a) for a in coefficients if not isinstance(coefficients, (str, bytes)))
    except (TypeError, ValueError, OverflowError):
        given = ()
    if not given or not all(map(isfinite, given)) or max(map(abs, given)) > 1e50:
        raise InvalidGame(
            f"coefficients are {shown(coefficients)}: expected the numbers a_0, a_1, ... of phi, as in "
            "[0, 0, 0.5]"
        )
    while len(given) > 1 and given[-1] == 0:
        given = given[:-1]
    if len(given) > HIGHEST_DEGREE + 1:
        raise InvalidGame(
            f"coefficients of degree {len(given) - 1}: expected at most {HIGHEST_DEGREE}, up to which "
            "convexity is decided"
        )
    if len(given) < 3:
        raise NotConvex(
            f"the polynomial {shown(list(given))} is linear: expected a strictly convex generator, of "
            "degree 2 or more; its rewards would be constant"
        )
    place = _where_concave(given)
    if place is not None:
        raise NotConvex(
            f"the polynomial {shown(list(given))} is not convex on [0, 1]: phi'' = {place[1]:.6g} at "
            f"p = {place[0]:.6g}; expected phi'' >= 0; add a multiple of p^2"
        )
    return Geometry("polynomial", given)


def _where_concave(coefficients: tuple[float, ...]) -> tuple[float, float] | None:
    """Return a point of [0, 1] where phi'' < 0, with phi'' there; None where there is none.

    The candidates lie between the roots of phi''.
    """
    from fractions import Fraction

    require("flint")
    from flint import fmpq_poly

    exact = [Fraction(a) for a in coefficients]
    second = fmpq_poly([_rational(j * (j - 1) * a) for j, a in enumerate(exact)][2:])
    # Between neighbouring roots the sign does not change.
    cuts = sorted(
        {0.0, 1.0}
        | {
            float(root.real.mid())
            for root, _ in second.numer().complex_roots()
            if root.imag == 0 and 0 < root.real < 1
        }
    )
    tried = [0.0, 1.0] + [(a + b) / 2 for a, b in pairwise(cuts)]
    values = [(t, second(_rational(Fraction(t)))) for t in tried]
    place, least = min(values, key=lambda pair: pair[1])
    return (place, int(least.p) / int(least.q)) if least < 0 else None


def _rational(value: "Fraction") -> "fmpq":
    from flint import fmpq

    return fmpq(value.numerator, value.denominator)
