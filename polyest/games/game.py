"""The game between a policy and a target distribution whose value is the optimum of J.

    G(pi, u) = beta sum_x w_x D_F(pi_x, pi_0x) + <nu, u> - R*(u)        min over pi, max over u

u, one number a prompt and answer, is the dual variable; max_u G(pi, u) = J(pi) because R is convex.  A
target q stands for  u = s beta phi'(q),  phi the generator of a second geometry Phi and s a sign; the reward
of a trace is -u(E(y)) = -s beta phi'(q(E(y))).  With Phi the negative entropy and s = -1 it is beta log q(E(y)), and

    G(pi, q) = beta KL(pi, pi_0) - beta E log q(E(y)) - R*(-beta log q)           (a constant in u cancels)
    policy   pi ~ pi_0 q(E(y)),  in general the projection of  F'(pi_0) - u(E)/beta
    target   q ~ exp(-grad R(nu)/beta),  in general  s beta phi'(q) = grad R(nu) + a constant

Every u stands for a q if phi' is onto the reals.  Otherwise, as for Euclidean Phi, u must fit:
`target` refuses one that does not, and the game over targets then has a smaller value than J.
"""

from math import inf
from typing import Any

import numpy as np

from polyest.bernstein import Floats
from polyest.errors import InvalidGame
from polyest.games.alft import Alft, stochastic
from polyest.games.geometry import Geometry, negative_entropy
from polyest.record import Record

FITS = 1e-9  # how far phi'(q) may be from the u it stands for, relative to beta


class Game(Record):
    """The game of a problem, with targets in the geometry Phi, of sign s = -1 or 1."""

    problem: Alft
    geometry: Geometry = negative_entropy()
    sign: int = -1

    def dual(self, target: Any) -> Floats:
        """u = s beta phi'(q) of a target (prompts, answers); infinite where a log of 0 is taken.

        Raises InvalidGame for what is no distribution.
        """
        shape = len(self.problem.reference), self.problem.number
        q = stochastic("target", target, shape)
        return np.asarray(self.sign * self.problem.beta * self.geometry.gradient(q))

    def target(self, u: Floats) -> Floats:
        """The distribution q that stands for u, up to a constant a prompt.

        Raises InvalidGame where there is none: the spread of u is beyond that of s beta phi'.
        """
        wanted = np.asarray(u) / (self.sign * self.problem.beta)
        q = self.geometry.project(wanted)
        with np.errstate(invalid="ignore"):
            off = np.ptp(wanted - self.geometry.gradient(q), axis=-1)
        worst = int(np.nan_to_num(off, nan=inf).argmax())
        if not off[worst] <= FITS * (1 + np.abs(wanted[worst]).max()):
            low, high = self.geometry.gradient([0.0, 1.0])
            raise InvalidGame(
                f"dual variables {np.asarray(u)[worst].tolist()} of prompt {worst}: no target stands for them; "
                f"they spread by {np.ptp(wanted[worst]):.6g} beta, {self.geometry.name} by at most "
                f"{high - low:.6g}; use the negative entropy, whose logarithm has every spread, or a larger beta"
            )
        return q

    def reward(self, target: Any) -> Floats:
        """Reward of each trace, -s beta phi'(q(E(y))), float64 (prompts, traces)."""
        return -self.problem.at_traces(self.dual(target))

    def value(self, policy: Any, u: Floats) -> float:
        """G(pi, u); u (prompts, answers), or `dual` of a target."""
        pi = self.problem.checked(policy)
        nu = self.problem.distributions(pi)
        return self.problem.beta * self.problem.divergence(pi) + self._against(nu, u)

    def policy(self, u: Floats) -> Floats:
        """The best response of the policy, argmin over pi of G(pi, u), float64 (prompts, traces)."""
        problem = self.problem
        pull = problem.at_traces(np.asarray(u)) / problem.beta
        if (problem.geometry.order) == 1:
            return problem.geometry.project(np.log(problem.reference) - pull)
        return problem.geometry.project(problem.geometry.gradient(problem.reference) - pull)

    def response(self, policy: Any) -> Floats:
        """The best response of the target as a dual variable, grad R(nu), float64 (prompts, answers)."""
        nu = self.problem.distributions(self.problem.checked(policy))
        return self.problem.goal.gradient(nu, self.problem.prompts)

    def best_target(self, policy: Any) -> Floats:
        """The best response as a distribution, such as exp(-grad R(nu)/beta); raises as `target` does."""
        return self.target(self.response(policy))

    def seeds_target(self, policy: Any) -> Floats:
        """The target that the seeds list for the goal; not always a best response."""
        nu = self.problem.distributions(self.problem.checked(policy))
        return self.problem.goal.seeds(nu, self.problem.prompts, self.problem.beta)

    def least(self, u: Floats) -> float:
        """min over pi of G(pi, u), a lower bound of every J; -inf for an infinite u."""
        return self.value(self.policy(u), u) if np.isfinite(u).all() else -inf

    def gap(self, policy: Any, u: Floats) -> float:
        """The duality gap max over u of G(pi, .) - min over pi of G(., u) = J(pi) - least(u), at least 0.

        J(pi) is above the optimum by the gap at most.
        """
        return self.problem.J(policy) - self.least(u)

    def _against(self, nu: Floats, u: Floats) -> float:
        prompts = self.problem.prompts
        conjugate, _ = self.problem.goal.conjugate(u, prompts)
        return prompts.mean((nu * u).sum(-1)) - conjugate
