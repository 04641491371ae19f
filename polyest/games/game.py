"""This module defines the game between a policy and a target distribution, whose value is the optimum of J.

    G(pi, u) = beta sum_x w_x D_F(pi_x, pi_0x) + <nu, u> - R*(u)        min over pi, max over u

The dual variable u has one number for each prompt and answer; max_u G(pi, u) = J(pi) because R is convex.
A target q stands for  u = s beta phi'(q),  where phi is the generator of a second geometry Phi and s is a
sign.  The reward of a completion is then -u(E(y)) = -s beta phi'(q(E(y))).  If Phi is the negative entropy
and s = -1, the reward is beta log q(E(y)), up to a constant, and

    G(pi, q) = beta KL(pi, pi_0) - beta E log q(E(y)) - R*(-beta log q)           (a constant in u cancels)
    policy   pi ~ pi_0 q(E(y)),  in general the projection of  F'(pi_0) - u(E)/beta
    target   q ~ exp(-grad R(nu)/beta),  in general  s beta phi'(q) = grad R(nu) + a constant

If the range of phi' is all real numbers, every u corresponds to a q.  Otherwise, as for the Euclidean Phi,
some u do not.  `target` refuses these, and the game over targets can then have a smaller value than the
optimum of J.
"""

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import Floats
from polyest.errors import InvalidGame
from polyest.games.alft import Alft, stochastic
from polyest.games.bregman import Geometry
from polyest.games.geometry import negative_entropy
from polyest.games.goal import numbers
from polyest.values import real, shown

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

FITS = 1e-9  # tolerance of phi'(q) = u/(s beta), up to a constant, where q stands for u


@dataclass(frozen=True, eq=False)
class Game:
    """The game between a policy and a target distribution, whose value is the optimum of a problem.

        G(pi, u) = beta sum_x w_x D_F(pi_x, pi_0x) + <nu, u> - R*(u)

    The policy pi minimises G, and the dual variable u maximises it.  A target distribution q corresponds to
    u = s beta phi'(q).

    Parameters
    ----------
    problem : Alft
        The problem.
    geometry : Geometry
        The geometry Phi of the targets, by default the negative entropy.
    sign : int
        The sign s, -1 or 1.
    """

    problem: Alft
    geometry: Geometry = field(default_factory=negative_entropy)
    sign: int = -1

    def __post_init__(self) -> None:
        """Raise InvalidGame unless the problem, the geometry and the sign are valid."""
        if not isinstance(self.problem, Alft) or not isinstance(self.geometry, Geometry):
            raise InvalidGame(
                f"problem is {shown(self.problem)}, geometry is {shown(self.geometry)}: expected those "
                "of alft.pose and of polyest.games.geometry"
            )
        if real(self.sign) not in (-1, 1):
            raise InvalidGame(f"sign is {shown(self.sign)}: expected -1 or 1")

    def checked(self, u: "ArrayLike") -> Floats:
        """Check the shape of dual variables, and that none is nan.

        Parameters
        ----------
        u : float array (prompts, answers)
            Dual variables.

        Returns
        -------
        float64 array (prompts, answers)
            The dual variables.

        Raises
        ------
        InvalidGame
            If they have another shape, or one of them is nan.
        """
        given = numbers("dual variables", u)
        shape = len(self.problem.reference), self.problem.number
        if given.shape != shape or np.isnan(given).any():
            raise InvalidGame(
                f"dual variables of shape {given.shape}, {np.isnan(given).sum()} of them nan: expected "
                f"numbers of shape {shape}, one per prompt and answer"
            )
        return given

    def dual(self, target: "ArrayLike") -> Floats:
        """Return the dual variable that corresponds to a target.

            u = s beta phi'(q)

        Parameters
        ----------
        target : float array (prompts, answers)
            The target q, one distribution per prompt.

        Returns
        -------
        float64 array (prompts, answers)
            The dual variable u; infinite for the logarithm of 0.

        Raises
        ------
        InvalidGame
            If the target is not a distribution.
        """
        shape = len(self.problem.reference), self.problem.number
        q = stochastic("target", target, shape)
        return np.asarray(self.sign * self.problem.beta * self.geometry.gradient(q))

    def target(self, u: "ArrayLike") -> Floats:
        """Find the target that corresponds to a dual variable, up to one constant per prompt.

        Parameters
        ----------
        u : float array (prompts, answers)
            The dual variable.

        Returns
        -------
        float64 array (prompts, answers)
            The target q, one distribution per prompt.

        Raises
        ------
        InvalidGame
            If no target corresponds to u, because u differs by more than the range of s beta phi'.
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
                f"dual variables of prompt {x} differ by {spread[x]:.6g} beta: expected no more than "
                f"{high - low:.6g}, the range of phi' in {self.geometry.name}, because otherwise "
                "no target corresponds to them; use the negative entropy, whose phi' has every range, or a "
                "larger beta"
            )
        return q

    def reward(self, target: "ArrayLike") -> Floats:
        """Return the reward of each completion for a target.

            -s beta phi'(q(E(y)))

        Parameters
        ----------
        target : float array (prompts, answers)
            The target q, one distribution per prompt.

        Returns
        -------
        float64 array (prompts, completions)
            The rewards.

        Raises
        ------
        InvalidGame
            If the target is not a distribution.
        """
        return -self.problem.at_traces(self.dual(target))

    def value(self, policy: "ArrayLike", u: "ArrayLike") -> float:
        """Evaluate the value of the game for a policy and a dual variable.

            G(pi, u) = beta sum_x w_x D_F(pi_x, pi_0x) + <nu, u> - R*(u)

        The accuracy is that of the conjugate R*: 1e-7 for Custom goals, and 1e-10 for Coherence.

        Parameters
        ----------
        policy : float array (prompts, completions)
            The policy pi.
        u : float array (prompts, answers)
            The dual variable, such as `dual` of a target.

        Returns
        -------
        float
            G(pi, u); -inf if u is infinite.

        Raises
        ------
        InvalidGame
            If the policy or the dual variable does not belong to the game.
        """
        pi, prices = self.problem.checked(policy), self.checked(u)
        if not np.isfinite(prices).all():
            return -inf
        nu, prompts = self.problem.distributions(pi), self.problem.prompts
        conjugate, _ = self.problem.goal.conjugate(prices, prompts)
        paired = prompts.mean((nu * prices).sum(-1))
        return self.problem.beta * self.problem.divergence(pi) + paired - conjugate

    def policy(self, u: "ArrayLike") -> Floats:
        """Find the best response of the policy to a dual variable.

            argmin over pi of G(pi, u)

        Parameters
        ----------
        u : float array (prompts, answers)
            The dual variable.

        Returns
        -------
        float64 array (prompts, completions)
            The policy.

        Raises
        ------
        InvalidGame
            If the dual variable does not belong to the game.
        """
        problem = self.problem
        pull = problem.at_traces(self.checked(u)) / problem.beta
        return problem.geometry.project(problem.geometry.gradient(problem.reference) - pull)

    def response(self, policy: "ArrayLike") -> Floats:
        """Find the best response of the target to a policy, as a dual variable.

            u = grad R(nu)

        Parameters
        ----------
        policy : float array (prompts, completions)
            The policy.

        Returns
        -------
        float64 array (prompts, answers)
            The dual variable.

        Raises
        ------
        InvalidGame
            If `policy` is not a policy of the problem.
        """
        return self.problem.prices(policy)

    def best_target(self, policy: "ArrayLike") -> Floats:
        """Find the best response of the target to a policy, as a distribution.

            q ~ exp(-grad R(nu)/beta)        for the negative entropy

        Parameters
        ----------
        policy : float array (prompts, completions)
            The policy.

        Returns
        -------
        float64 array (prompts, answers)
            The target.

        Raises
        ------
        InvalidGame
            If `policy` is not a policy of the problem, or no distribution corresponds to the response.
        """
        return self.target(self.response(policy))

    def listed_target(self, policy: "ArrayLike") -> Floats:
        """Return the target that the paper lists for the goal, which is not always a best response.

        Parameters
        ----------
        policy : float array (prompts, completions)
            The policy.

        Returns
        -------
        float64 array (prompts, answers)
            The target.

        Raises
        ------
        InvalidGame
            If `policy` is not a policy of the problem.
        """
        nu = self.problem.distributions(self.problem.checked(policy))
        return self.problem.goal.listed(nu, self.problem.prompts, self.problem.beta)

    def least(self, u: "ArrayLike") -> float:
        """Evaluate the least value of the game for a dual variable, which is a lower bound of the optimum.

            min over pi of G(pi, u)

        Parameters
        ----------
        u : float array (prompts, answers)
            The dual variable.

        Returns
        -------
        float
            The minimum, as accurate as `value`; -inf if u is infinite.

        Raises
        ------
        InvalidGame
            If the dual variable does not belong to the game.
        """
        return self.value(self.policy(u), u)

    def gap(self, policy: "ArrayLike", u: "ArrayLike") -> float:
        """Evaluate the duality gap of a policy and a dual variable, which is never negative.

            max over u of G(pi, .) - min over pi of G(., u) = J(pi) - least(u)

        J(pi) exceeds the optimum by at most the gap.

        Parameters
        ----------
        policy : float array (prompts, completions)
            The policy.
        u : float array (prompts, answers)
            The dual variable.

        Returns
        -------
        float
            The gap, as accurate as `value`.

        Raises
        ------
        InvalidGame
            If the policy or the dual variable does not belong to the game.
        """
        return self.problem.J(policy) - self.least(u)
