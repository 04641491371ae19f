"""The game between a policy and a target distribution whose value is the optimum of J.

    G(pi, u) = beta sum_x w_x D_F(pi_x, pi_0x) + <nu, u> - R*(u)        min over pi, max over u

u, one number a prompt and answer, is the dual variable; max_u G(pi, u) = J(pi) because R is convex.  A
target q stands for  u = s beta phi'(q),  phi the generator of a second geometry Phi and s a sign; the
reward of a trace is -u(E(y)) = -s beta phi'(q(E(y))).  With Phi the negative entropy and s = -1 it is
beta log q(E(y)), up to a constant, and

    G(pi, q) = beta KL(pi, pi_0) - beta E log q(E(y)) - R*(-beta log q)           (a constant in u cancels)
    policy   pi ~ pi_0 q(E(y)),  in general the projection of  F'(pi_0) - u(E)/beta
    target   q ~ exp(-grad R(nu)/beta),  in general  s beta phi'(q) = grad R(nu) + a constant

Every u stands for a q if phi' is onto the reals.  Otherwise, as for Euclidean Phi, u must fit:
`target` refuses one that does not, and the game over targets can then have a smaller value than J.
"""

from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np

from polyest.arrays import Floats
from polyest.errors import InvalidGame
from polyest.games.alft import Alft, stochastic
from polyest.games.geometry import Geometry, negative_entropy
from polyest.games.goals import numbers
from polyest.values import real, shown

FITS = 1e-9  # how far phi'(q) may be from the u it stands for, relative to beta


@dataclass(frozen=True, eq=False)
class Game:
    """The game of a problem, with targets in the geometry Phi, of sign s = -1 or 1."""

    problem: Alft
    geometry: Geometry = field(default_factory=negative_entropy)
    sign: int = -1

    def __post_init__(self) -> None:
        """Raises InvalidGame for what is no problem, geometry or sign."""
        if not isinstance(self.problem, Alft) or not isinstance(self.geometry, Geometry):
            raise InvalidGame(
                f"problem is {shown(self.problem)}, geometry is {shown(self.geometry)}: expected those "
                "of alft.pose and of polyest.games.geometry"
            )
        if real(self.sign) not in (-1, 1):
            raise InvalidGame(f"sign is {shown(self.sign)}: expected -1 or 1")

    def checked(self, u: Any) -> Floats:
        """Dual variables as float64 (prompts, answers); raises InvalidGame for what are none."""
        given = numbers("dual variables", u)
        shape = len(self.problem.reference), self.problem.number
        if given.shape != shape or np.isnan(given).any():
            raise InvalidGame(
                f"dual variables of shape {given.shape}, {np.isnan(given).sum()} of them nan: expected "
                f"numbers of shape {shape}, one a prompt and answer"
            )
        return given

    def dual(self, target: Any) -> Floats:
        """u = s beta phi'(q) of a target (prompts, answers); infinite where a log of 0 is taken.

        Raises InvalidGame for what is no distribution.
        """
        shape = len(self.problem.reference), self.problem.number
        q = stochastic("target", target, shape)
        return np.asarray(self.sign * self.problem.beta * self.geometry.gradient(q))

    def target(self, u: Any) -> Floats:
        """The distribution q that stands for u, up to a constant a prompt.

        Raises InvalidGame where there is none: the spread of u is beyond that of s beta phi'.
        """
        wanted = self.checked(u) / (self.sign * self.problem.beta)
        q = self.geometry.project(wanted)
        if self.geometry.order == 1:
            return q
        with np.errstate(invalid="ignore"):
            off = np.ptp(wanted - self.geometry.gradient(q), axis=-1)
        spread = np.ptp(wanted, axis=-1)
        odd = ~(off <= FITS * (1 + spread)) | ~np.isfinite(spread)
        if odd.any():
            x, (low, high) = int(odd.argmax()), self.geometry.gradient([0.0, 1.0])
            raise InvalidGame(
                f"dual variables of prompt {x} spread by {spread[x]:.6g} beta, and no target in "
                f"{self.geometry.name} stands for them, whose phi' spreads by {high - low:.6g}; use the "
                "negative entropy, whose logarithm has every spread, or a larger beta"
            )
        return q

    def reward(self, target: Any) -> Floats:
        """Reward of each trace, -s beta phi'(q(E(y))), float64 (prompts, traces)."""
        return -self.problem.at_traces(self.dual(target))

    def value(self, policy: Any, u: Any) -> float:
        """G(pi, u); u (prompts, answers), or `dual` of a target.  -inf for a u that is infinite.

        As exact as the conjugate: for Custom goals to 1e-7, for Coherence to 1e-10.
        """
        pi, prices = self.problem.checked(policy), self.checked(u)
        if not np.isfinite(prices).all():
            return -inf
        nu, prompts = self.problem.distributions(pi), self.problem.prompts
        conjugate, _ = self.problem.goal.conjugate(prices, prompts)
        paired = prompts.mean((nu * prices).sum(-1))
        return self.problem.beta * self.problem.divergence(pi) + paired - conjugate

    def policy(self, u: Any) -> Floats:
        """The best response of the policy, argmin over pi of G(pi, u), float64 (prompts, traces)."""
        problem = self.problem
        pull = problem.at_traces(self.checked(u)) / problem.beta
        return problem.geometry.project(problem.geometry.gradient(problem.reference) - pull)

    def response(self, policy: Any) -> Floats:
        """The best response of the target as a dual variable, grad R(nu), float64 (prompts, answers)."""
        return self.problem.prices(policy)

    def best_target(self, policy: Any) -> Floats:
        """The best response as a distribution, such as exp(-grad R(nu)/beta); raises as `target` does."""
        return self.target(self.response(policy))

    def listed_target(self, policy: Any) -> Floats:
        """The target that the paper lists for the goal; not always a best response."""
        nu = self.problem.distributions(self.problem.checked(policy))
        return self.problem.goal.listed(nu, self.problem.prompts, self.problem.beta)

    def least(self, u: Any) -> float:
        """min over pi of G(pi, u), a lower bound of every J; -inf for an infinite u.  As exact as `value`."""
        return self.value(self.policy(u), u)

    def gap(self, policy: Any, u: Any) -> float:
        """The duality gap max over u of G(pi, .) - min over pi of G(., u) = J(pi) - least(u), never below 0.

        J(pi) is above the optimum by the gap at most.  As exact as `value`.
        """
        return self.problem.J(policy) - self.least(u)
