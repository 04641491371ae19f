"""Bregman geometries of distributions: a convex generator, and what follows from it.

    Phi(p) = sum_i phi(p_i)                                       phi strictly convex on [0, 1]
    D(p, q) = Phi(p) - Phi(q) - <phi'(q), p - q>                  the divergence
    project(v) = argmin over the simplex of Phi(p) - <v, p>       of phi'(x): the Bregman projection of x

    negative entropy     phi = t log t                   D is KL(p, q) for distributions
    squared Euclidean    phi = t^2/2                     D = |p - q|^2/2
    Tsallis, order s     phi = (t^s - t)/(s - 1), s > 0  s -> 1 is the negative entropy
    polynomial           phi = a_0 + a_1 t + ...         its phi' has an exactly unbiased table

The projection is p_i = (phi')^-1(v_i - lambda), 0 where that would be negative, lambda such that they
add up to 1: one increasing equation, bracketed by the largest v_i being alone and by all being like it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Any

import numpy as np
from numpy.polynomial.polynomial import polyder, polyval
from numpy.typing import ArrayLike

from polyest.arrays import Floats
from polyest.errors import InvalidGame, NotConvex
from polyest.problem.targets import Target, parse
from polyest.values import real, shown

Function = Callable[[Floats], Floats]
STEPS = 200  # Newton's steps come first; bisections alone settle a double in 64
STOP, ROUGH = 4e-16, 1e-13
LEAST = 1e-300  # a positive number whose logarithm and reciprocal are finite
HIGHEST = 20.0  # order: beyond it t^s is too flat at 0 for doubles
HIGHEST_DEGREE = 256  # of a polynomial: its roots are found within a second, of 5000 never
CLOSEST = 1e-6  # of an order to 1: closer, differences of powers lose their digits


@dataclass(frozen=True)
class Geometry:
    """A generator phi: kind "tsallis" with its order, or "polynomial" with its coefficients."""

    kind: str
    parameters: tuple[float, ...]

    @property
    def name(self) -> str:
        """Its name, such as `tsallis:0.5`."""
        return f"{self.kind}:{','.join(map(repr, self.parameters))}"

    @property
    def order(self) -> float:
        """Order of a Tsallis generator; nan of a polynomial."""
        return self.parameters[0] if self.kind == "tsallis" else float("nan")

    @property
    def steep(self) -> bool:
        """Whether phi' is -infinite at 0, so that no projection has a zero."""
        return self.order <= 1

    @property
    def degree(self) -> int | None:
        """Degree of the polynomial phi', the reward; None where it is none."""
        return self.target[0].degree

    def slope(self, order: int) -> Floats:
        """Coefficients of a derivative of a polynomial phi, float64."""
        return np.asarray(polyder(np.array(self.parameters), order))

    @property
    def target(self) -> tuple[Target, float, float]:
        """What a table estimates, and scale and shift: phi' = scale target + shift."""
        s = self.order
        if self.kind == "polynomial" or (s >= 2 and s.is_integer()):
            whole = self.slope(1) if self.kind == "polynomial" else [0.0] * int(s)
            if self.kind == "tsallis":  # (s t^(s-1) - 1)/(s - 1)
                whole[0], whole[-1] = -1 / (s - 1), s / (s - 1)
            return parse("polynomial:" + ",".join(repr(float(a)) for a in whole)), 1.0, 0.0
        if self.order == 1:
            return parse("log"), 1.0, 1.0
        return parse(f"tsallis:{self.order!r}"), self.order, 1.0

    def generator(self, p: ArrayLike) -> Floats:
        """Values phi(p), float64, shape of p."""
        t = np.asarray(p, dtype=np.float64)
        if self.kind == "polynomial":
            return np.asarray(polyval(t, np.array(self.parameters)))
        if self.order == 1:
            return np.asarray(t * np.log(np.where(t > 0, t, 1.0)))
        power = (self.order - 1) * np.log(np.maximum(t, LEAST))
        return np.asarray(t * np.expm1(power) / (self.order - 1))

    def gradient(self, p: ArrayLike) -> Floats:
        """Values phi'(p), float64, shape of p; -inf at 0 of a steep generator."""
        t = np.asarray(p, dtype=np.float64)
        if self.kind == "polynomial":
            return np.asarray(polyval(t, self.slope(1)))
        with np.errstate(divide="ignore"):
            if self.order == 1:
                return np.asarray(np.log(t) + 1)
            power = np.expm1((self.order - 1) * np.log(t))
            return np.asarray(1 + self.order * power / (self.order - 1))

    def curvature(self, p: ArrayLike) -> Floats:
        """Values phi''(p), float64, shape of p; infinite where phi' is steep."""
        t = np.asarray(p, dtype=np.float64)
        if self.kind == "polynomial":
            return np.asarray(polyval(t, self.slope(2)))
        with np.errstate(divide="ignore"):
            return np.asarray(self.order * t ** (self.order - 2))

    def inverse(self, v: ArrayLike) -> Floats:
        """Inverse of phi' on [0, 1], float64, shape of v; 0 and 1 for v below and above its range.

        >>> negative_entropy().inverse(negative_entropy().gradient([0.25, 1.0])).tolist()
        [0.25, 1.0]
        """
        v = np.asarray(v, dtype=np.float64)
        if self.kind == "polynomial":
            low, high = self.gradient([0.0, 1.0])
            if len(self.parameters) == 3:
                return np.asarray(np.clip((v - low) / (high - low), 0.0, 1.0))
            zero, one = np.where(v >= high, 1.0, 0.0), np.where(v <= low, 0.0, 1.0)
            return _root(self.gradient, self.curvature, np.clip(v, low, high), zero, one)
        if self.order == 1:
            return np.asarray(np.exp(np.minimum(v - 1, 0.0)))
        power = np.maximum((v - 1) * (self.order - 1) / self.order, -1.0)
        with np.errstate(divide="ignore", over="ignore"):
            found = np.exp(np.log1p(power) / (self.order - 1))
        return np.asarray(np.minimum(found, 1.0))

    def divergence(self, p: ArrayLike, q: ArrayLike) -> Floats:
        """D(p, q) over the last axis; infinite where p has mass at a zero of q and phi is steep.

        >>> float(euclidean().divergence([1.0, 0.0], [0.5, 0.5]))
        0.25
        """
        p, q = np.broadcast_arrays(np.asarray(p, dtype=float), np.asarray(q, dtype=float))
        known = q > 0 if self.steep else np.ones(q.shape, dtype=bool)
        safe = np.where(known, q, 1.0)
        if self.kind == "tsallis" and self.order == 1:
            each = p * (np.log(np.where(p > 0, p, 1.0)) - np.log(safe)) - p + q
        else:
            each = self.generator(p) - self.generator(q) - self.gradient(safe) * (p - q)
        return np.asarray(np.where(known, each, np.where(p > 0, np.inf, 0.0)).sum(-1))

    def project(self, v: ArrayLike) -> Floats:
        """argmin over distributions of Phi(p) - <v, p>, each row of v; -inf entries of v get 0.

        >>> euclidean().project([0.9, 0.5, -2.0]).round(3).tolist()
        [0.7, 0.3, 0.0]
        """
        v = np.asarray(v, dtype=np.float64)
        if not v.size:
            raise InvalidGame(f"potentials of shape {v.shape}: expected at least one")
        top = v.max(-1, keepdims=True)
        if not np.isfinite(top).all():
            row = int(np.isfinite(top).all(-1).argmin())
            raise InvalidGame(
                f"the greatest potential of row {row} is {top.reshape(-1)[row]}: expected a finite one; "
                "where a price is infinite give the answer a positive probability"
            )
        if self.order == 1:
            weights = np.exp(v - top)
            return np.asarray(weights / weights.sum(-1, keepdims=True))
        possible = np.isfinite(v).sum(-1, keepdims=True)
        relative = np.where(np.isfinite(v), v - top, -1e300)

        def missing(shift: Floats) -> Floats:
            return np.asarray(self.inverse(relative + shift).sum(-1, keepdims=True))

        def give(p: Floats) -> Floats:
            return np.where((p > 0) & (p < 1), 1 / np.maximum(self.curvature(p), LEAST), 0.0)

        def slope(shift: Floats) -> Floats:
            return np.asarray(give(self.inverse(relative + shift)).sum(-1, keepdims=True))

        low, high = self.gradient(1 / possible), np.full(top.shape, self.gradient(1.0))
        shift = _root(missing, slope, np.ones(top.shape), low, high, ROUGH)
        # Where phi is flat at 0 the last digit of the shift moves p by far more: p itself is mended.
        p = self.inverse(relative + shift + 4 * np.spacing(np.abs(shift) + 1))
        share = give(p)
        extra = (p.sum(-1, keepdims=True) - 1) / np.maximum(share.sum(-1, keepdims=True), LEAST)
        p = np.maximum(p - extra * share, 0.0)
        return np.asarray(p / p.sum(-1, keepdims=True))

    def conjugate(self, v: ArrayLike) -> Floats:
        """max over distributions of <v, p> - Phi(p), each row of v.

        >>> float(negative_entropy().conjugate([0.0, 0.0]).round(6))  # log 2
        0.693147
        """
        p = self.project(v)
        paired = np.where(p > 0, p * np.where(p > 0, v, 0.0), 0.0).sum(-1)
        return np.asarray(paired - self.generator(p).sum(-1))


def negative_entropy() -> Geometry:
    """phi = t log t: the divergence is KL, the reward a logarithm."""
    return Geometry("tsallis", (1.0,))


def euclidean() -> Geometry:
    """phi = t^2/2: the reward is linear in the probability."""
    return Geometry("polynomial", (0.0, 0.0, 0.5))


def tsallis(order: Any) -> Geometry:
    """phi = (t^s - t)/(s - 1), the negative Tsallis entropy of order s > 0; order 1 is t log t.

    Raises InvalidGame for an order that is no positive number: at s <= 0 it is not convex.

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
            f"order is {shown(order)}: closer to 1 than {CLOSEST:g}, doubles do not tell it from the "
            "negative entropy; use order 1"
        )
    return Geometry("tsallis", (float(order),))


def polynomial(coefficients: Any) -> Geometry:
    """phi = a_0 + a_1 t + ... + a_{d+1} t^{d+1}, strictly convex on [0, 1].

    The reward has degree d and an exactly unbiased table of K >= d draws.  Convexity is decided at points
    between the roots of phi'', in rationals.  Raises NotConvex naming a place where phi'' < 0, or where
    phi is linear; InvalidGame for what are no finite numbers.

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
    """A point of [0, 1] where phi'' < 0, and phi'' there, between its roots; None where there is none."""
    from fractions import Fraction

    from flint import fmpq_poly

    exact = [Fraction(a) for a in coefficients]
    second = fmpq_poly([_rational(j * (j - 1) * a) for j, a in enumerate(exact)][2:])
    # The roots cut [0, 1] into intervals of one sign each.
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


def _rational(value: Any) -> Any:
    from flint import fmpq

    return fmpq(value.numerator, value.denominator)


def _root(
    f: Function, slope: Function, value: Floats, low: Floats, high: Floats, within: float = STOP
) -> Floats:
    """Where the increasing f takes a value, in [low, high]: Newton's steps, bisections where they stall."""
    low, high = np.array(low, dtype=float), np.array(high, dtype=float)
    x, before = (low + high) / 2, high - low
    for _ in range(STEPS):
        missing = f(x) - value
        low, high = np.where(missing <= 0, x, low), np.where(missing >= 0, x, high)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            step = -missing / slope(x)
        size, close = np.abs(step), STOP * (1 + np.abs(x))
        settled = (np.abs(missing) <= within * (1 + np.abs(value))) | (high - low <= close)
        settled |= (size > 0) & (size <= close)  # a step of 0 is an infinite slope
        if settled.all():
            break
        quick = (x + step >= low) & (x + step <= high) & (size > 0) & (2 * size < np.abs(before))
        step = np.where(settled, 0.0, np.where(quick, step, (low + high) / 2 - x))
        x, before = x + step, step
    return np.asarray(x)
