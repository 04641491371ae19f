"""This module derives the divergence and the projection of a Bregman geometry from its generator phi.

The projection of v is p_i = (phi')^-1(v_i - lambda), or 0 where that would be negative.  The shift lambda
is such that the p_i add up to 1.  It solves one increasing equation, and is bracketed by two cases: the
largest v_i is alone, or all entries are equal to it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.polynomial import polyder, polyval
from numpy.typing import ArrayLike

from polyest.arrays import Floats
from polyest.errors import InvalidGame
from polyest.problem.targets import Target, parse

Function = Callable[[Floats], Floats]
STEPS = 200  # Newton's steps come first; 64 bisections alone determine a double
STOP, ROUGH = 4e-16, 1e-13
LEAST = 1e-300  # a positive number whose logarithm and reciprocal are finite


@dataclass(frozen=True)
class Geometry:
    """A Bregman geometry of distributions, given by a convex generator phi.

        Phi(p) = sum_i phi(p_i),        D(p, q) = Phi(p) - Phi(q) - <phi'(q), p - q>

    Make one with `games.negative_entropy`, `games.euclidean`, `games.tsallis` or `games.polynomial`.

    Parameters
    ----------
    kind : {"tsallis", "polynomial"}
        The family of the generator.
    parameters : tuple of float
        The order of a Tsallis generator, or the coefficients a_0, a_1, ... of a polynomial.
    """

    kind: str
    parameters: tuple[float, ...]

    @property
    def name(self) -> str:
        """Name of the geometry, such as `tsallis:0.5`."""
        return f"{self.kind}:{','.join(map(repr, self.parameters))}"

    @property
    def order(self) -> float:
        """Order of a Tsallis generator; nan for a polynomial."""
        return self.parameters[0] if self.kind == "tsallis" else float("nan")

    @property
    def steep(self) -> bool:
        """Whether phi' is -infinite at 0, so that no projection has a zero."""
        return self.order <= 1

    @property
    def degree(self) -> int | None:
        """Degree of phi' and hence of the reward; None if phi' is not a polynomial."""
        return self.target[0].degree

    def slope(self, order: int) -> Floats:
        """Return the coefficients of a derivative of a polynomial phi.

        Parameters
        ----------
        order : int
            The order of the derivative; 0 is phi itself.

        Returns
        -------
        float64 array
            The coefficients in ascending order of powers.
        """
        return np.asarray(polyder(np.array(self.parameters), order))

    @property
    def target(self) -> tuple[Target, float, float]:
        """Target that a table estimates, with the scale and the shift that turn it into phi'.

        phi' = scale target + shift
        """
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
        """Evaluate the generator phi.

        Parameters
        ----------
        p : float array
            Probabilities, of any shape.

        Returns
        -------
        float64 array
            The values phi(p), in the shape of `p`.
        """
        t = np.asarray(p, dtype=np.float64)
        if self.kind == "polynomial":
            return np.asarray(polyval(t, np.array(self.parameters)))
        if self.order == 1:
            return np.asarray(t * np.log(np.where(t > 0, t, 1.0)))
        power = (self.order - 1) * np.log(np.maximum(t, LEAST))
        return np.asarray(t * np.expm1(power) / (self.order - 1))

    def gradient(self, p: ArrayLike) -> Floats:
        """Evaluate the derivative phi' of the generator.

        Parameters
        ----------
        p : float array
            Probabilities, of any shape.

        Returns
        -------
        float64 array
            The values phi'(p), in the shape of `p`; -inf at 0 if the generator is steep.
        """
        t = np.asarray(p, dtype=np.float64)
        if self.kind == "polynomial":
            return np.asarray(polyval(t, self.slope(1)))
        with np.errstate(divide="ignore"):
            if self.order == 1:
                return np.asarray(np.log(t) + 1)
            power = np.expm1((self.order - 1) * np.log(t))
            return np.asarray(1 + self.order * power / (self.order - 1))

    def curvature(self, p: ArrayLike) -> Floats:
        """Evaluate the second derivative phi'' of the generator.

        Parameters
        ----------
        p : float array
            Probabilities, of any shape.

        Returns
        -------
        float64 array
            The values phi''(p), in the shape of `p`; infinite at 0 if phi' is.
        """
        t = np.asarray(p, dtype=np.float64)
        if self.kind == "polynomial":
            return np.asarray(polyval(t, self.slope(2)))
        with np.errstate(divide="ignore"):
            return np.asarray(self.order * t ** (self.order - 2))

    def inverse(self, v: ArrayLike) -> Floats:
        """Evaluate the inverse of phi' on [0, 1].

        Parameters
        ----------
        v : float array
            Values of phi', of any shape.

        Returns
        -------
        float64 array
            Probabilities, in the shape of `v`; 0 and 1 for values below and above the range of phi'.

        Examples
        --------
        >>> entropy = Geometry("tsallis", (1.0,))
        >>> entropy.inverse(entropy.gradient([0.25, 1.0])).tolist()
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
            root = np.exp(np.log1p(power) / (self.order - 1))
        return np.asarray(np.minimum(root, 1.0))

    def divergence(self, p: ArrayLike, q: ArrayLike) -> Floats:
        """Evaluate the Bregman divergence of two distributions.

            D(p, q) = Phi(p) - Phi(q) - <phi'(q), p - q>

        Parameters
        ----------
        p, q : float array (..., n)
            Distributions over the last axis.

        Returns
        -------
        float64 array (...)
            The divergences; infinite if p is positive where q is 0 and phi is steep.

        Examples
        --------
        >>> from polyest import games
        >>> float(games.euclidean().divergence([1.0, 0.0], [0.5, 0.5]))
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
        """Find the distribution that maximises potentials minus Phi (the Bregman projection).

            argmin over distributions p of Phi(p) - <v, p>

        Parameters
        ----------
        v : float array (..., n)
            Potentials; an entry with the potential -inf gets the probability 0.

        Returns
        -------
        float64 array (..., n)
            A distribution for each row.

        Raises
        ------
        InvalidGame
            If there are no potentials, or the greatest one of a row is not finite.

        Examples
        --------
        >>> from polyest import games
        >>> games.euclidean().project([0.9, 0.5, -2.0]).round(3).tolist()
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
                "where a gradient of the goal is infinite, give the answer a positive probability"
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
        # Where phi is flat at 0, a change in the shift's last digit changes p by far more: correct p itself.
        p = self.inverse(relative + shift + 4 * np.spacing(np.abs(shift) + 1))
        share = give(p)
        extra = (p.sum(-1, keepdims=True) - 1) / np.maximum(share.sum(-1, keepdims=True), LEAST)
        p = np.maximum(p - extra * share, 0.0)
        return np.asarray(p / p.sum(-1, keepdims=True))

    def conjugate(self, v: ArrayLike) -> Floats:
        """Evaluate the convex conjugate of Phi on the distributions.

            max over distributions p of <v, p> - Phi(p)

        Parameters
        ----------
        v : float array (..., n)
            Potentials.

        Returns
        -------
        float64 array (...)
            The maximum of each row.

        Examples
        --------
        >>> from polyest import games
        >>> float(games.negative_entropy().conjugate([0.0, 0.0]).round(6))  # log 2
        0.693147
        """
        p = self.project(v)
        paired = np.where(p > 0, p * np.where(p > 0, v, 0.0), 0.0).sum(-1)
        return np.asarray(paired - self.generator(p).sum(-1))


def _root(
    f: Function, slope: Function, value: Floats, low: Floats, high: Floats, within: float = STOP
) -> Floats:
    """Return the point of [low, high] where the increasing f takes a value.

    Newton's steps are taken, and bisections where they make no progress.
    """
    low, high = np.array(low, dtype=float), np.array(high, dtype=float)
    x, before = (low + high) / 2, high - low
    for _ in range(STEPS):
        missing = f(x) - value
        low, high = np.where(missing <= 0, x, low), np.where(missing >= 0, x, high)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            step = -missing / slope(x)
        size, close = np.abs(step), STOP * (1 + np.abs(x))
        settled = (np.abs(missing) <= within * (1 + np.abs(value))) | (high - low <= close)
        settled |= (size > 0) & (size <= close)  # a step of 0 means an infinite slope
        if settled.all():
            break
        quick = (x + step >= low) & (x + step <= high) & (size > 0) & (2 * size < np.abs(before))
        step = np.where(settled, 0.0, np.where(quick, step, (low + high) / 2 - x))
        x, before = x + step, step
    return np.asarray(x)
