"""This module poses a finite problem of answer-level fine-tuning, with its objective and exact gradient.

    J(pi) = R(nu) + beta sum_x w_x D_F(pi_x, pi_0x)
    nu_x(z) = sum of pi_x(y) over the completions y with E(x, y) = z

The symbols are prompts x with weights w_x, completions y, answers z = E(x, y), a reference policy pi_0, the
answer distribution nu_x, a goal R (goals.py) and a Bregman divergence D_F of the policies, which is KL by
default.  Gradients are taken in the pairing <a, b> = sum_x w_x sum_y a_xy b_xy.
"""

from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from polyest.arrays import Floats, Ints
from polyest.errors import InvalidGame
from polyest.games.bregman import LEAST, Geometry
from polyest.games.geometry import negative_entropy
from polyest.games.goal import LARGEST, Goal, Prompts, numbers
from polyest.games.safety import Safety
from polyest.values import real, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike

SUMS = 1e-9  # greatest distance from 1 of the sum of a distribution


@dataclass(frozen=True, eq=False)
class Alft:
    """A problem of answer-level fine-tuning; `pose` checks its arguments and makes it.

    Attributes
    ----------
    reference : float64 array (prompts, completions)
        The reference policy pi_0, read-only.
    answers : integer array (prompts, completions)
        The answer of each completion, read-only.
    number : int
        The number of answers.
    goal : Goal
        The goal R.
    beta : float
        The strength of the pull towards the reference policy.
    prompts : Prompts
        The weights and orbits of the prompts.
    geometry : Geometry
        The geometry F of the policies, whose divergence D_F is the penalty.
    """

    reference: Floats
    answers: Any
    number: int
    goal: Goal
    beta: float
    prompts: Prompts
    geometry: Geometry

    def distributions(self, policy: Floats) -> Floats:
        """Return the probabilities nu of the answers under a policy.

        Parameters
        ----------
        policy : float64 array (prompts, completions)
            The policy.

        Returns
        -------
        float64 array (prompts, number)
            The answer distributions nu.
        """
        nu = np.zeros((len(policy), self.number))
        np.add.at(nu, (np.arange(len(policy))[:, None], self.answers), policy)
        return nu

    def at_traces(self, values: Floats) -> Floats:
        """Return the value of each completion's answer, values(E(x, y)).

        Parameters
        ----------
        values : float array (prompts, number)
            One value per prompt and answer.

        Returns
        -------
        float array (prompts, completions)
            One value per prompt and completion.
        """
        return np.take_along_axis(values, self.answers, axis=1)

    def distilled(self, nu: Floats) -> Floats:
        """Find the policy with given answer distributions that has the least KL from the reference.

            pi(y) = pi_0(y) nu(E(y))/nu_0(E(y))

        Parameters
        ----------
        nu : float array (prompts, number)
            Answer distributions.

        Returns
        -------
        float64 array (prompts, completions)
            The policy.

        Raises
        ------
        InvalidGame
            If an answer has a positive probability under nu and probability 0 under the reference.
        """
        q = stochastic("nu", nu, (len(self.reference), self.number))
        had = self.distributions(self.reference)
        if (q > 0)[had == 0].any():
            x, z = np.argwhere((q > 0) & (had == 0))[0]
            raise InvalidGame(
                f"nu of answer {z} of prompt {x} is {q[x, z]:.6g}, where the reference has probability 0: "
                "expected 0, because the KL divergence is infinite"
            )
        share = self.reference / self.at_traces(np.where(had > 0, had, 1.0))  # at most 1
        return np.asarray(share * self.at_traces(q))

    def divergence(self, policy: Floats) -> float:
        """Evaluate the weighted divergence of a policy from the reference.

            sum_x w_x D_F(pi_x, pi_0x)

        Parameters
        ----------
        policy : float64 array (prompts, completions)
            The policy.

        Returns
        -------
        float
            The divergence.
        """
        return self.prompts.mean(self.geometry.divergence(policy, self.reference))

    def J(self, policy: "ArrayLike") -> float:
        """Evaluate the objective J of a policy.

            J(pi) = R(nu) + beta sum_x w_x D_F(pi_x, pi_0x)

        Parameters
        ----------
        policy : float array (prompts, completions)
            The policy.

        Returns
        -------
        float
            J(pi); infinite if the goal or the divergence is.

        Raises
        ------
        InvalidGame
            If `policy` is not a policy of the problem.
        """
        pi = self.checked(policy)
        value = self.goal.value(self.distributions(pi), self.prompts)
        return value + self.beta * self.divergence(pi)

    def prices(self, policy: "ArrayLike") -> Floats:
        """Evaluate the gradient of the goal at the answer distributions of a policy.

        Parameters
        ----------
        policy : float array (prompts, completions)
            The policy.

        Returns
        -------
        float64 array (prompts, number)
            grad R(nu); an answer of probability 0 is treated as one of probability 1e-300.

        Raises
        ------
        InvalidGame
            If `policy` is not a policy of the problem.
        """
        nu = self.distributions(self.checked(policy))
        return self.goal.gradient(np.maximum(nu, LEAST), self.prompts)

    def gradient(self, policy: "ArrayLike") -> Floats:
        """Evaluate the gradient of J with respect to the policy, in the weighted pairing.

            (grad R)(E(y)) + beta (log(pi/pi_0) + a constant)        for KL

        Parameters
        ----------
        policy : float array (prompts, completions)
            The policy.

        Returns
        -------
        float64 array (prompts, completions)
            The gradient.

        Raises
        ------
        InvalidGame
            If `policy` is not a policy of the problem.
        """
        pi = self.checked(policy)
        slope = self.prices(pi)
        away = self.geometry.gradient(pi) - self.geometry.gradient(self.reference)
        return np.asarray(self.at_traces(slope) + self.beta * away)

    def checked(self, policy: "ArrayLike") -> Floats:
        """Check that each row of a policy is a distribution over the completions.

        Parameters
        ----------
        policy : float array (prompts, completions)
            The policy.

        Returns
        -------
        float64 array (prompts, completions)
            The policy, read-only.

        Raises
        ------
        InvalidGame
            If `policy` is not a policy of the problem.
        """
        return stochastic("policy", policy, self.reference.shape)


def pose(
    reference: "ArrayLike",
    answers: "ArrayLike",
    goal: Goal,
    beta: float = 1.0,
    *,
    weights: "ArrayLike | None" = None,
    orbits: "Iterable[Iterable[SupportsIndex]] | None" = None,
    geometry: Geometry | None = None,
) -> Alft:
    """Pose a problem of answer-level fine-tuning.

        min over policies pi of R(nu) + beta sum_x w_x D_F(pi_x, pi_0x)

    Parameters
    ----------
    reference : float array (prompts, completions)
        The reference policy pi_0.  Each row adds up to 1; entries are positive if the geometry takes a
        logarithm of them.
    answers : integer array (completions,) or (prompts, completions)
        The answer of each completion, numbered from 0.  Every number up to the greatest has to occur; for a
        goal that takes logarithms it has to occur in every prompt.
    goal : Goal
        The goal R.
    beta : float
        The strength of the pull towards the reference policy, a positive number.
    weights : float array (prompts,) or None
        The positive weights of the prompts, which add up to 1; equal by default.
    orbits : list of lists of int, or None
        A partition of the prompts into sets that ask the same thing; by default each prompt is alone.
    geometry : Geometry or None
        The geometry F of the policies; by default the negative entropy, whose divergence is KL.

    Returns
    -------
    Alft
        The problem.

    Raises
    ------
    InvalidGame
        If an argument is not valid, or the arguments do not fit together.
    Infeasible
        If no policy meets the safety budgets.

    References
    ----------
    Mohri, Schneider and Wu (2026), Distributional Alignment Games for Answer-Level Fine-Tuning.

    Examples
    --------
    >>> from polyest.games.goals import Diversity
    >>> problem = pose([[0.5, 0.3, 0.2]], [0, 0, 1], Diversity(negative_entropy()), beta=0.5)
    >>> round(problem.J(problem.reference), 6)  # minus the entropy of (0.8, 0.2)
    -0.500402
    """
    given = numbers("reference", reference)
    if given.ndim != 2:
        raise InvalidGame(f"reference of shape {given.shape}: expected (prompts, completions)")
    pi0 = stochastic("reference", reference, given.shape)
    number, extracted = _answers(answers, pi0.shape)
    geometry = negative_entropy() if geometry is None else geometry
    if not isinstance(goal, Goal) or not isinstance(geometry, Geometry):
        raise InvalidGame(
            f"goal is {shown(goal)}, geometry is {shown(geometry)}: expected a goal as "
            "goals.StandardRL((1.0, 0.0)) and a geometry as geometry.euclidean()"
        )
    if not 0 < real(beta) <= LARGEST:
        raise InvalidGame(
            f"beta is {shown(beta)}: expected a positive number, the strength of the reference"
        )
    if geometry.steep and not pi0.all():
        x, y = np.argwhere(pi0 == 0)[0]
        raise InvalidGame(
            f"reference of completion {y} of prompt {x} is 0: the geometry {geometry.name} takes its "
            "logarithm or a negative power; leave the completion out, or use a geometry that is finite at "
            "0, as euclidean()"
        )
    shares, kept = _weights(weights, len(pi0)), _orbits(orbits, len(pi0))
    problem = Alft(pi0, extracted, number, goal, float(beta), Prompts(shares, kept), geometry)
    goal.check(len(pi0), number)
    reached = problem.distributions(np.ones_like(pi0)) > 0
    lacking = goal.needed(*reached.shape) & ~reached
    if lacking.any():
        x, z = np.argwhere(lacking)[0]
        raise InvalidGame(
            f"answer {z} of prompt {x} has no completion: its probability is 0 under every policy, and the "
            f"goal {type(goal).__name__} is infinite or steep there; give it a completion, or take another "
            "goal"
        )
    if isinstance(goal, Safety):
        for x, row in enumerate(reached):
            goal.check_reachable(row, x)
    return problem


def stochastic(name: str, values: object, shape: tuple[int, ...]) -> Floats:
    """Return the values as float64; raise InvalidGame unless they have this shape and are distributions.

    The entries must not be negative, and every row must add up to 1.
    """
    p = numbers(name, values)
    if p.shape != shape or not p.size:
        raise InvalidGame(f"{name} of shape {p.shape}: expected numbers of shape {shape}")
    odd = np.argwhere(~(p >= 0))
    if odd.size:
        x, y = odd[0]
        raise InvalidGame(
            f"{name} of completion {y} of prompt {x} is {p[x, y]}: expected a probability"
        )
    sums = p.sum(-1)
    x = int(np.abs(sums - 1).argmax())
    if not abs(sums[x] - 1) <= SUMS:
        raise InvalidGame(
            f"{name} of prompt {x} adds up to {sums[x]:.12g}: expected 1; divide it by its sum"
        )
    p.flags.writeable = False
    return p


def _answers(answers: "ArrayLike", shape: tuple[int, ...]) -> tuple[int, Ints]:
    numbers("answers", answers)
    given = np.asarray(answers)
    if given.shape not in (shape, shape[1:]) or given.dtype.kind not in "iu":
        raise InvalidGame(
            f"answers of shape {given.shape} and type {given.dtype}: expected integers of shape {shape} "
            f"or {shape[1:]}, the answer that each completion ends in"
        )
    present = np.unique(given)
    if present[0] != 0 or present[-1] != present.size - 1:
        raise InvalidGame(
            f"answers {shown(present.tolist())}: expected 0, 1, 2, ... without a gap; number the "
            "distinct answers"
        )
    extracted = np.array(np.broadcast_to(given, shape))
    extracted.flags.writeable = False
    return int(present.size), extracted


def _weights(weights: object, prompts: int) -> tuple[float, ...]:
    if weights is None:
        return (1 / prompts,) * prompts
    given = numbers("weights", weights)
    if given.shape != (prompts,) or not (given > 0).all() or not abs(given.sum() - 1) <= SUMS:
        raise InvalidGame(
            f"weights {shown(given.tolist())}: expected {prompts} positive numbers that add up to 1, "
            "one per prompt"
        )
    return tuple(map(float, given))


def _orbits(
    orbits: "Iterable[Iterable[SupportsIndex]] | None", prompts: int
) -> tuple[tuple[int, ...], ...]:
    if orbits is None:
        return tuple((x,) for x in range(prompts))
    try:
        kept = tuple(tuple(index(x) for x in orbit) for orbit in orbits)
    except (TypeError, ValueError, RuntimeError):
        kept = ()
    if sorted(x for orbit in kept for x in orbit) != list(range(prompts)) or not all(kept):
        raise InvalidGame(
            f"orbits {shown(orbits)}: expected a partition of the prompts 0..{prompts - 1}, each of "
            "them in one orbit, as in [[0, 1], [2]]"
        )
    return kept
