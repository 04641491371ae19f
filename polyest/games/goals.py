"""This module has the goals R(nu) of answer-level fine-tuning, each with its conjugate and listed target.

R is convex in the answer distributions nu of the prompts, a float64 array (prompts, answers).  The prompts
x have weights w_x, and gradients are taken in the pairing <a, b> = sum_x w_x sum_z a_xz b_xz:

    value      R(nu)
    gradient   g with  dR = <g, dnu>
    conjugate  R*(u) = max over nu of <nu, u> - R(nu), and a nu that attains it
    listed     the target distribution that the paper lists; it is not always a best response in the game

    goal            R of one prompt              gradient             conjugate of one prompt
    StandardRL      -sum_z nu_z r_z              -r                   max (u + r)
    GroundTruth     -log nu_g                    -1[g]/nu_g           M - 1 - log(M - u_g), M the greatest u
                                                                      of the others; u_g where M - u_g < 1
    Diversity       s sum_z phi(nu_z)            s phi'(nu)           s max (<nu, u/s> - Phi(nu))
    Custom          a function                   a function           by convex programming

The other goals are `safety.Safety` and `coherence.Coherence`.  The paper is Mohri, Schneider and Wu,
Distributional Alignment Games for Answer-Level Fine-Tuning (2026), with the slides on its generalisation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from polyest.arrays import Bools, Floats
from polyest.dependencies import require
from polyest.errors import InvalidGame, NotConverged
from polyest.games.bregman import LEAST, Geometry
from polyest.games.goal import LARGEST, Goal, Prompts, certain, normalised, numbers
from polyest.values import real, shown

CERTIFIED = 1e-7  # largest gap of a conjugate found by descent
RESTARTS = 10


@dataclass(frozen=True, eq=False)
class StandardRL(Goal):
    """Standard reinforcement learning: minus the expected reward.

        R = -E_nu r

    Parameters
    ----------
    r : tuple (answers,) or (prompts, answers)
        The rewards r of the answers.
    """

    r: tuple[Any, ...]

    def value(self, nu: Floats, prompts: Prompts) -> float:
        """Return -sum_z nu_z r_z, averaged over the prompts."""
        return prompts.mean(-(nu * np.array(self.r)).sum(-1))

    def gradient(self, nu: Floats, prompts: Prompts) -> Floats:
        """Return -r."""
        return np.array(np.broadcast_to(-np.array(self.r, dtype=float), nu.shape))

    def conjugate(self, u: Floats, prompts: Prompts) -> tuple[float, Floats]:
        """Return the greatest u + r, and the distribution with all mass on that answer."""
        total = u + np.array(self.r)
        return prompts.mean(total.max(-1)), certain(total.argmax(-1), u.shape[-1])

    def listed(self, nu: Floats, prompts: Prompts, beta: float) -> Floats:
        """Return the distribution proportional to exp(r/beta)."""
        return normalised(np.broadcast_to(np.array(self.r) / beta, nu.shape))

    def check(self, prompts: int, answers: int) -> None:
        """Check that rewards are finite, one per answer or one per prompt and answer."""
        r = numbers("rewards", self.r)
        if r.shape not in ((answers,), (prompts, answers)) or not (np.abs(r) <= LARGEST).all():
            raise InvalidGame(
                f"rewards of shape {r.shape}: expected finite numbers of shape ({answers},) or "
                f"({prompts}, {answers})"
            )


@dataclass(frozen=True, eq=False)
class GroundTruth(Goal):
    """Ground truth: minus the log-probability of the right answer of each prompt, as in SFT and RLVR.

        R = KL(delta_g, nu) = -log nu_g,        g the right answer

    Parameters
    ----------
    answers : tuple of int (prompts,)
        The right answer g of each prompt.
    """

    answers: tuple[int, ...]

    def needed(self, prompts: int, answers: int) -> Bools:
        """Mark the right answers, because their logarithm is taken."""
        return np.asarray(certain(np.array(self.answers), answers) > 0)

    def value(self, nu: Floats, prompts: Prompts) -> float:
        """Return -log nu_g, averaged over the prompts."""
        with np.errstate(divide="ignore"):
            return prompts.mean(-np.log(self._right(nu)))

    def gradient(self, nu: Floats, prompts: Prompts) -> Floats:
        """Return -1/nu_g at the right answer g, and 0 elsewhere."""
        with np.errstate(divide="ignore"):
            slope = -1 / self._right(nu)[:, None]
        return np.asarray(np.where(certain(np.array(self.answers), nu.shape[-1]) > 0, slope, 0.0))

    def conjugate(self, u: Floats, prompts: Prompts) -> tuple[float, Floats]:
        """Put the mass 1/(M - u_g) on g and the rest on the best other answer, whose u is M."""
        right = certain(np.array(self.answers), u.shape[-1])
        others = np.where(right > 0, -np.inf, u)
        best, own = others.max(-1), self._right(u)
        share = 1 / np.maximum(best - own, 1.0)
        nu = right * share[:, None]
        nu[np.arange(len(u)), others.argmax(-1)] += 1 - share
        each = np.where(share < 1, best - (best - own) * share, own) + np.log(share)
        return prompts.mean(each), nu

    def listed(self, nu: Floats, prompts: Prompts, beta: float) -> Floats:
        """Return the distribution with all mass on the right answer."""
        return certain(np.array(self.answers), nu.shape[-1])

    def check(self, prompts: int, answers: int) -> None:
        """Check that there is one right answer per prompt."""
        right = numbers("right answers", self.answers)
        whole = right.shape == (prompts,) and np.asarray(self.answers).dtype.kind in "iu"
        if not whole or not ((right >= 0) & (right < answers)).all():
            raise InvalidGame(
                f"right answers {shown(self.answers)}: expected {prompts} integers in 0.."
                f"{answers - 1}, one per prompt"
            )
        if answers < 2:
            raise InvalidGame(
                "1 answer: expected at least 2, because a single answer is always right"
            )

    def _right(self, values: Floats) -> Floats:
        return np.asarray(values[np.arange(len(values)), np.array(self.answers)])


@dataclass(frozen=True, eq=False)
class Diversity(Goal):
    """Diversity: minus an entropy, such as Shannon's or the Gini index (Tsallis order 2).

        R = scale sum_z phi(nu_z)

    Parameters
    ----------
    geometry : Geometry
        The geometry of the generator phi.
    scale : float
        A positive factor.
    """

    geometry: Geometry
    scale: float = 1.0

    def needed(self, prompts: int, answers: int) -> Bools:
        """Mark every answer if phi' is infinite at 0."""
        return np.full((prompts, answers), self.geometry.steep)

    def value(self, nu: Floats, prompts: Prompts) -> float:
        """Return the scale times Phi(nu), averaged over the prompts."""
        return self.scale * prompts.mean(self.geometry.generator(nu).sum(-1))

    def gradient(self, nu: Floats, prompts: Prompts) -> Floats:
        """Return the scale times phi'(nu)."""
        return np.asarray(self.scale * self.geometry.gradient(nu))

    def conjugate(self, u: Floats, prompts: Prompts) -> tuple[float, Floats]:
        """Return the scaled conjugate of the geometry."""
        scaled = u / self.scale
        value = self.scale * self.geometry.conjugate(scaled)
        return prompts.mean(value), self.geometry.project(scaled)

    def listed(self, nu: Floats, prompts: Prompts, beta: float) -> Floats:
        """Return the distribution proportional to 1/nu, the inverse frequency."""
        return normalised(-np.log(np.maximum(nu, LEAST)))

    def check(self, prompts: int, answers: int) -> None:
        """Check that the scale is positive, because R would not be convex otherwise."""
        if not isinstance(self.geometry, Geometry):
            raise InvalidGame(
                f"geometry is {shown(self.geometry)}: expected one of polyest.games.geometry"
            )
        if not 0 < real(self.scale) <= LARGEST:
            raise InvalidGame(
                f"scale is {shown(self.scale)}: expected a positive number, with which the goal is convex"
            )


@dataclass(frozen=True, eq=False)
class Custom(Goal):
    """A convex goal that you define by its value and its gradient.

    The conjugate is found by sequential quadratic programming.  If R is convex, its error at nu is at most
    max_z (u - grad R)_z - <nu, u - grad R>, which is checked.

    Parameters
    ----------
    function : callable
        A function from nu (prompts, answers) to the value R(nu), a float.
    slope : callable
        A function from nu to the gradient (prompts, answers), in the pairing that is weighted by the prompts.
    """

    function: Callable[[Floats], float]
    slope: Callable[[Floats], Floats]

    def value(self, nu: Floats, prompts: Prompts) -> float:
        """Call the function."""
        return float(self.function(nu))

    def gradient(self, nu: Floats, prompts: Prompts) -> Floats:
        """Call the gradient."""
        return np.asarray(self.slope(nu), dtype=np.float64)

    def conjugate(self, u: Floats, prompts: Prompts) -> tuple[float, Floats]:
        """Find the conjugate by scipy's SLSQP from the uniform distributions, or raise NotConverged."""
        require("scipy")
        from scipy.optimize import LinearConstraint, minimize

        weights, shape = np.array(prompts.weights)[:, None], u.shape
        even = np.full(shape, 1 / shape[1])
        sums = np.kron(np.eye(shape[0]), np.ones(shape[1]))

        def loss(x: Floats) -> float:
            nu = x.reshape(shape)
            return self.value(nu, prompts) - float((weights * nu * u).sum())

        def slope(x: Floats) -> Floats:
            nu = x.reshape(shape)
            return np.asarray((weights * (self.gradient(nu, prompts) - u)).ravel())

        nu, gap = even, np.inf
        for _ in range(RESTARTS):  # restart with a new Hessian where rounding stopped the solver
            solved = minimize(
                loss,
                nu.ravel(),
                jac=slope,
                method="SLSQP",
                bounds=[(1e-12, 1.0)] * u.size,
                constraints=LinearConstraint(sums, 1.0, 1.0),
                options={"ftol": 1e-16, "maxiter": 1000},
            )
            nu = np.maximum(solved.x.reshape(shape), 1e-12)
            nu /= nu.sum(-1, keepdims=True)
            excess = u - self.gradient(nu, prompts)
            gap = prompts.mean(excess.max(-1) - (nu * excess).sum(-1))
            if gap <= CERTIFIED:
                break
        else:
            raise NotConverged(
                f"the conjugate of the custom goal is known to within {gap:.3g} only, expected "
                f"{CERTIFIED:g}; check that its gradient is that of its value, in the pairing weighted by "
                "the prompts"
            )
        return -loss(nu.ravel()), nu

    def listed(self, nu: Floats, prompts: Prompts, beta: float) -> Floats:
        """Return the best response, because the paper lists no other target for such a goal."""
        return normalised(-self.gradient(nu, prompts) / beta)
