"""Goals R(nu) of answer-level fine-tuning, each with its conjugate and the two targets that go with it.

R is convex in the answer distributions nu of the prompts, a float64 array (prompts, answers).  Prompts
x have weights w_x, and gradients are taken in the pairing <a, b> = sum_x w_x sum_z a_xz b_xz:

    value      R(nu)
    gradient   g with  dR = <g, dnu>
    conjugate  R*(u) = max over nu of <nu, u> - R(nu), and a nu that attains it
    listed     the target distribution that the paper lists; not always a best response in the game

    goal            R of one prompt              gradient             conjugate of one prompt
    StandardRL      -sum_z nu_z r_z              -r                   max (u + r)
    GroundTruth     -log nu_g                    -1[g]/nu_g           M - 1 - log(M - u_g), M the greatest u
                                                                      of the others; u_g where M - u_g < 1
    Diversity       s sum_z phi(nu_z)            s phi'(nu)           s max (<nu, u/s> - Phi(nu))
    Custom          a function                   a function           by convex programming

`safety.Safety` and `coherence.Coherence` are the others.  The paper: Mohri, Schneider, Wu and Zhong,
Distributional Alignment Games for Answer-Level Fine-Tuning (2026), and the slides on its generalisation.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from polyest.arrays import Floats
from polyest.errors import InvalidGame, NotConverged
from polyest.games.geometry import LEAST, Geometry
from polyest.values import real, shown

LARGEST = 1e100  # reward, cost, budget, strength: what is made of them are to be doubles
CERTIFIED = 1e-7  # largest gap of a conjugate found by descent
RESTARTS = 10


@dataclass(frozen=True)
class Prompts:
    """What a goal knows of the prompts: positive weights that add up to 1, and the orbits they fall into."""

    weights: tuple[float, ...]
    orbits: tuple[tuple[int, ...], ...]

    def mean(self, values: Floats) -> float:
        """Weighted mean over the prompts of values (prompts,)."""
        return float(np.array(self.weights) @ values)


@dataclass(frozen=True, eq=False)
class Goal(ABC):
    """A convex functional of the answer distributions."""

    def needed(self, prompts: int, answers: int) -> Any:
        """Which answers need a positive probability, for R or its gradient: bool (prompts, answers)."""
        return np.zeros((prompts, answers), dtype=bool)

    @abstractmethod
    def value(self, nu: Floats, prompts: Prompts) -> float:
        """R(nu), infinite where nu is not allowed."""

    @abstractmethod
    def gradient(self, nu: Floats, prompts: Prompts) -> Floats:
        """A subgradient at nu, float64 (prompts, answers); the u that G(pi, u) is greatest for."""

    @abstractmethod
    def conjugate(self, u: Floats, prompts: Prompts) -> tuple[float, Floats]:
        """R*(u), and the answer distributions that attain it."""

    @abstractmethod
    def listed(self, nu: Floats, prompts: Prompts, beta: float) -> Floats:
        """The target that the paper lists for this goal, float64 (prompts, answers)."""

    def check(self, prompts: int, answers: int) -> None:  # noqa: B027 (most goals fit any number)
        """Raises InvalidGame where the goal is of another number of prompts or answers."""


@dataclass(frozen=True, eq=False)
class StandardRL(Goal):
    """R = -E_nu r: rewards r of the answers, (answers,) or (prompts, answers)."""

    r: tuple[Any, ...]

    def value(self, nu: Floats, prompts: Prompts) -> float:
        """-sum nu r."""
        return prompts.mean(-(nu * np.array(self.r)).sum(-1))

    def gradient(self, nu: Floats, prompts: Prompts) -> Floats:
        """-r."""
        return np.array(np.broadcast_to(-np.array(self.r, dtype=float), nu.shape))

    def conjugate(self, u: Floats, prompts: Prompts) -> tuple[float, Floats]:
        """The greatest u + r, at a certain answer."""
        total = u + np.array(self.r)
        return prompts.mean(total.max(-1)), certain(total.argmax(-1), u.shape[-1])

    def listed(self, nu: Floats, prompts: Prompts, beta: float) -> Floats:
        """exp(r/beta)."""
        return normalised(np.broadcast_to(np.array(self.r) / beta, nu.shape))

    def check(self, prompts: int, answers: int) -> None:
        """Rewards are finite, one an answer or one a prompt and answer."""
        r = numbers("rewards", self.r)
        if r.shape not in ((answers,), (prompts, answers)) or not (np.abs(r) <= LARGEST).all():
            raise InvalidGame(
                f"rewards of shape {r.shape}: expected finite numbers of shape ({answers},) or "
                f"({prompts}, {answers})"
            )


@dataclass(frozen=True, eq=False)
class GroundTruth(Goal):
    """R = KL(delta_g, nu) = -log nu_g, g the right answer of each prompt: SFT and RLVR."""

    answers: tuple[int, ...]

    def needed(self, prompts: int, answers: int) -> Any:
        """The right answers."""
        return certain(np.array(self.answers), answers) > 0

    def value(self, nu: Floats, prompts: Prompts) -> float:
        """-log nu_g."""
        with np.errstate(divide="ignore"):
            return prompts.mean(-np.log(self._right(nu)))

    def gradient(self, nu: Floats, prompts: Prompts) -> Floats:
        """-1/nu_g at g."""
        with np.errstate(divide="ignore"):
            slope = -1 / self._right(nu)[:, None]
        return np.asarray(np.where(certain(np.array(self.answers), nu.shape[-1]) > 0, slope, 0.0))

    def conjugate(self, u: Floats, prompts: Prompts) -> tuple[float, Floats]:
        """Mass 1/(M - u_g) on g, the rest on the best of the others."""
        right = certain(np.array(self.answers), u.shape[-1])
        others = np.where(right > 0, -np.inf, u)
        best, own = others.max(-1), self._right(u)
        share = 1 / np.maximum(best - own, 1.0)
        nu = right * share[:, None]
        nu[np.arange(len(u)), others.argmax(-1)] += 1 - share
        each = np.where(share < 1, best - (best - own) * share, own) + np.log(share)
        return prompts.mean(each), nu

    def listed(self, nu: Floats, prompts: Prompts, beta: float) -> Floats:
        """The right answer for certain."""
        return certain(np.array(self.answers), nu.shape[-1])

    def check(self, prompts: int, answers: int) -> None:
        """One right answer a prompt."""
        right = numbers("right answers", self.answers)
        whole = right.shape == (prompts,) and np.asarray(self.answers).dtype.kind in "iu"
        if not whole or not ((right >= 0) & (right < answers)).all():
            raise InvalidGame(
                f"right answers {shown(self.answers)}: expected {prompts} integers in 0.."
                f"{answers - 1}, one a prompt"
            )
        if answers < 2:
            raise InvalidGame(
                "1 answer: expected at least 2, else there is nothing to be right about"
            )

    def _right(self, values: Floats) -> Floats:
        return np.asarray(values[np.arange(len(values)), np.array(self.answers)])


@dataclass(frozen=True, eq=False)
class Diversity(Goal):
    """R = scale sum_z phi(nu_z): minus the entropy, minus the Gini index (Tsallis order 2), any geometry."""

    geometry: Geometry
    scale: float = 1.0

    def needed(self, prompts: int, answers: int) -> Any:
        """All, where phi' is infinite at 0."""
        return np.full((prompts, answers), self.geometry.steep)

    def value(self, nu: Floats, prompts: Prompts) -> float:
        """Scale times Phi(nu)."""
        return self.scale * prompts.mean(self.geometry.generator(nu).sum(-1))

    def gradient(self, nu: Floats, prompts: Prompts) -> Floats:
        """Scale times phi'(nu)."""
        return np.asarray(self.scale * self.geometry.gradient(nu))

    def conjugate(self, u: Floats, prompts: Prompts) -> tuple[float, Floats]:
        """That of the geometry."""
        scaled = u / self.scale
        value = self.scale * self.geometry.conjugate(scaled)
        return prompts.mean(value), self.geometry.project(scaled)

    def listed(self, nu: Floats, prompts: Prompts, beta: float) -> Floats:
        """1/nu, the inverse frequency."""
        return normalised(-np.log(np.maximum(nu, LEAST)))

    def check(self, prompts: int, answers: int) -> None:
        """The scale is positive: without it R is not convex."""
        if not isinstance(self.geometry, Geometry):
            raise InvalidGame(
                f"geometry is {shown(self.geometry)}: expected one of polyest.games.geometry"
            )
        if not 0 < real(self.scale) <= LARGEST:
            raise InvalidGame(
                f"scale is {shown(self.scale)}: expected a positive number; minus an entropy is convex, an "
                "entropy is not"
            )


@dataclass(frozen=True, eq=False)
class Custom(Goal):
    """A convex R of the user's own: functions of nu (prompts, answers), the gradient in the pairing.

    The conjugate is found by sequential quadratic programming and certified: at nu it is at most
    max_z (u - grad R)_z - <nu, u - grad R> off, as long as R is convex.
    """

    function: Callable[[Floats], float]
    slope: Callable[[Floats], Floats]

    def value(self, nu: Floats, prompts: Prompts) -> float:
        """The user's value."""
        return float(self.function(nu))

    def gradient(self, nu: Floats, prompts: Prompts) -> Floats:
        """The user's gradient."""
        return np.asarray(self.slope(nu), dtype=np.float64)

    def conjugate(self, u: Floats, prompts: Prompts) -> tuple[float, Floats]:
        """By scipy's SLSQP from the uniform distributions; raises NotConverged without a certificate."""
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
        for _ in range(RESTARTS):  # from where rounding stopped it, with a new Hessian
            found = minimize(
                loss,
                nu.ravel(),
                jac=slope,
                method="SLSQP",
                bounds=[(1e-12, 1.0)] * u.size,
                constraints=LinearConstraint(sums, 1.0, 1.0),
                options={"ftol": 1e-16, "maxiter": 1000},
            )
            nu = np.maximum(found.x.reshape(shape), 1e-12)
            nu /= nu.sum(-1, keepdims=True)
            excess = u - self.gradient(nu, prompts)
            gap = prompts.mean(excess.max(-1) - (nu * excess).sum(-1))
            if gap <= CERTIFIED:
                break
        else:
            raise NotConverged(
                f"the conjugate of the custom goal is known to {gap:.3g} only, expected {CERTIFIED:g}; is "
                "its gradient that of its value, in the pairing weighted by the prompts?"
            )
        return -loss(nu.ravel()), nu

    def listed(self, nu: Floats, prompts: Prompts, beta: float) -> Floats:
        """The best response: the paper lists no other target for a goal of one's own."""
        return normalised(-self.gradient(nu, prompts) / beta)


def numbers(name: str, values: Any) -> Floats:
    """Values as an array float64; raises InvalidGame for what is ragged or no number."""
    try:
        given = np.asarray(values)
    except (TypeError, ValueError, RuntimeError):
        raise InvalidGame(
            f"{name} is ragged, {shown(values)}: expected a rectangle of numbers"
        ) from None
    if given.dtype.kind not in "iuf":
        raise InvalidGame(f"{name} of type {given.dtype}: expected numbers")
    return np.array(given, dtype=np.float64)


def of_kind(name: str, value: Any, kind: Any, expected: str) -> None:
    """Raises InvalidGame for what is not of this kind, saying what is expected."""
    if not isinstance(value, kind):
        raise InvalidGame(f"{name} is {shown(value)}: expected {expected}")


def certain(answers: Any, number: int) -> Floats:
    """Distributions (prompts, number) with all mass on one answer each."""
    return np.asarray(np.eye(number)[answers])


def normalised(logs: Floats) -> Floats:
    """Distributions proportional to exp(logs), over the last axis."""
    weights = np.exp(logs - logs.max(-1, keepdims=True))
    return np.asarray(weights / weights.sum(-1, keepdims=True))
