"""This module has the goal of coherence: prompts of an orbit ask the same, so their answers should agree.

For an orbit of prompts with weights w_k that add up to 1 and answer distributions nu_k, the generalised
Jensen-Shannon divergence is jointly convex, and it is 0 where the distributions agree:

    JS = sum_k w_k KL(nu_k, AM) = min over q of sum_k w_k KL(nu_k, q),      AM = sum_k w_k nu_k
    gradient in nu_k   log(nu_k/AM)
    conjugate          JS*(u) = max over q of sum_k w_k log sum_z q_z exp(u_kz)

An orbit has three kinds of consensus: the arithmetic mean AM, the geometric mean GM ~ prod_k nu_k^(w_k),
which minimises sum_k w_k KL(q, nu_k), and the mode of AM (a tie goes to the answer of lowest index).  The
squared Hellinger distance H^2 = 1 - sum_z prod_k nu_k^(w_k) bounds the distance of the two means:
|AM - GM|_1 <= 2 H^2.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from polyest.arrays import Bools, Floats
from polyest.errors import InvalidGame, NotConverged
from polyest.games.goal import Goal, Prompts, certain, normalised, numbers
from polyest.values import among, shown

SUMS = 1e-9  # greatest excess of a probability over 1 that rounding may cause
TIE = 1e-12  # greatest difference of probabilities that counts as a tie
CLOSED = 1e-10  # greatest gap of the bound of a conjugate
STEPS, CENTRED = 100, 0.2  # number of Newton's steps; each leaves this part of the complementarity
CONSENSUS = ("geometric", "arithmetic", "mode")

Consensus = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, eq=False)
class Coherence(Goal):
    """Coherence: the answers to the prompts of an orbit, which ask the same thing, should agree.

        R = sum over orbits of their weight times their Jensen-Shannon divergence

    Parameters
    ----------
    consensus : {"geometric", "arithmetic", "mode"}
        The kind of mean of an orbit's answer distributions that `listed` returns as the target.
    """

    consensus: str = "geometric"

    def needed(self, prompts: int, answers: int) -> Bools:
        """Mark every answer, because the gradient takes the logarithm of its probability."""
        return np.ones((prompts, answers), dtype=bool)

    def value(self, nu: Floats, prompts: Prompts) -> float:
        """Average the divergence of each prompt from the mean of its orbit."""
        mean = _of_orbits(arithmetic_mean, nu, prompts)
        ratio = np.where(nu > 0, nu, 1.0) / np.where(nu > 0, mean, 1.0)
        return prompts.mean((nu * np.log(ratio)).sum(-1))

    def gradient(self, nu: Floats, prompts: Prompts) -> Floats:
        """Return log(nu/AM), where AM is the arithmetic mean of the orbit."""
        return np.asarray(np.log(nu / _of_orbits(arithmetic_mean, nu, prompts)))

    def conjugate(self, u: Floats, prompts: Prompts) -> tuple[float, Floats]:
        """Maximise over one distribution per orbit, by an interior-point method with a proved gap."""
        total, nu = 0.0, np.empty_like(u)
        for members in map(list, prompts.orbits):
            weights = np.array(prompts.weights)[members]
            share = weights.sum()
            value, q = _log_optimal(u[members], weights / share)
            total += share * value
            nu[members] = normalised(u[members] + np.log(q))
        return total, nu

    def listed(self, nu: Floats, prompts: Prompts, beta: float) -> Floats:
        """Return the consensus of each prompt's orbit."""
        kinds = {"geometric": geometric_mean, "arithmetic": arithmetic_mean, "mode": mode}
        return _of_orbits(kinds[self.consensus], nu, prompts)

    def check(self, prompts: int, answers: int) -> None:
        """Check that the name of the consensus is known."""
        if not among(self.consensus, CONSENSUS):
            raise InvalidGame(
                f"consensus {shown(self.consensus)} is unknown: use one of {', '.join(CONSENSUS)}"
            )


def arithmetic_mean(nu: Floats, weights: Floats) -> Floats:
    """Compute the weighted mean of the answer distributions of an orbit.

        AM = sum_k w_k nu_k

    Parameters
    ----------
    nu : float array (members, answers)
        The answer distributions of the orbit's prompts.
    weights : float array (members,)
        Their weights, which add up to 1.

    Returns
    -------
    float64 array (answers,)
        The arithmetic mean.

    Raises
    ------
    InvalidGame
        If shapes do not match, or a number is not a probability.

    Examples
    --------
    >>> arithmetic_mean(np.array([[0.9, 0.1], [0.5, 0.5]]), np.array([0.5, 0.5])).tolist()
    [0.7, 0.3]
    """
    p, w = _checked(nu, weights)
    return np.asarray(w @ p)


def geometric_mean(nu: Floats, weights: Floats) -> Floats:
    """Compute the normalised geometric mean of the answer distributions of an orbit.

        GM ~ prod_k nu_k^(w_k)

    Parameters
    ----------
    nu : float array (members, answers)
        The answer distributions of the orbit's prompts.
    weights : float array (members,)
        Their weights, which add up to 1.

    Returns
    -------
    float64 array (answers,)
        The geometric mean; 0 for an answer that has probability 0 under a prompt.

    Raises
    ------
    InvalidGame
        If the prompts have no answer in common, shapes do not match, or a number is not a probability.

    Examples
    --------
    >>> geometric_mean(np.array([[0.9, 0.1], [0.5, 0.5]]), np.array([0.5, 0.5])).round(9).tolist()
    [0.75, 0.25]
    """
    whole = _products(nu, weights)
    if not whole.sum() > 0:
        raise InvalidGame(
            f"answer distributions {shown(np.asarray(nu).tolist())} of an orbit have no answer in "
            "common: their geometric mean is 0 everywhere; use the arithmetic mean or the mode"
        )
    return np.asarray(whole / whole.sum())


def mode(nu: Floats, weights: Floats) -> Floats:
    """Return the distribution that puts all mass on the most probable answer of an orbit.

    Parameters
    ----------
    nu : float array (members, answers)
        The answer distributions of the orbit's prompts.
    weights : float array (members,)
        The weights of the prompts, which add up to 1.

    Returns
    -------
    float64 array (answers,)
        The distribution with all mass on the most probable answer, or on the one of lowest index in a tie.

    Raises
    ------
    InvalidGame
        If shapes do not match, or a number is not a probability.

    Examples
    --------
    >>> mode(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0.5, 0.5])).tolist()
    [1.0, 0.0]
    """
    mean = arithmetic_mean(nu, weights)
    return certain(np.argmax(mean >= mean.max() - TIE), mean.size)


def squared_hellinger(nu: Floats, weights: Floats) -> float:
    """Compute the squared Hellinger distance of the answer distributions of an orbit.

        H^2 = 1 - sum_z prod_k nu_k^(w_k)

    Parameters
    ----------
    nu : float array (members, answers)
        The answer distributions of the orbit's prompts.
    weights : float array (members,)
        Their weights, which add up to 1.

    Returns
    -------
    float
        H^2: 0 if the distributions agree, and 1 if they have no answer in common.

    Raises
    ------
    InvalidGame
        If shapes do not match, or a number is not a probability.

    Examples
    --------
    >>> round(squared_hellinger(np.array([[0.9, 0.1], [0.5, 0.5]]), np.array([0.5, 0.5])), 6)
    0.105573
    """
    return float(1 - _products(nu, weights).sum())


def _checked(nu: object, weights: object) -> tuple[Floats, Floats]:
    """Return the distributions of an orbit and their weights as float64; raise InvalidGame for others."""
    p, w = numbers("nu", nu), numbers("weights", weights)
    if p.ndim != 2 or not p.size or w.shape != p.shape[:1]:
        raise InvalidGame(
            f"nu of shape {p.shape}, weights of shape {w.shape}: expected (members, answers), (members,)"
        )
    for name, values in (("nu", p), ("weights", w)):
        if not ((values >= 0) & (values <= 1 + SUMS)).all():
            raise InvalidGame(
                f"{name} from {values.min()} to {values.max()}: expected probabilities"
            )
    return p, w


def _products(nu: Floats, weights: Floats) -> Floats:
    p, w = _checked(nu, weights)
    return np.asarray(np.prod(p ** w[:, None], axis=0))


def _of_orbits(consensus: Consensus, nu: Floats, prompts: Prompts) -> Floats:
    """Return the consensus of each prompt's orbit, (prompts, answers)."""
    agreed = np.empty_like(nu)
    for members in map(list, prompts.orbits):
        weights = np.array(prompts.weights)[members]
        agreed[members] = consensus(nu[members], weights / weights.sum())
    return agreed


def _log_optimal(u: Floats, weights: Floats) -> tuple[float, Floats]:
    """Return the maximum over distributions q of sum_k w_k log sum_z q_z exp(u_kz), and the best q.

    A primal-dual interior-point method subtracts the sum of q instead of fixing it; s is the slack of
    sum_k w_k exp(u_kz)/(A q)_k <= 1.  Cover's bound, from the greatest of these sums, proves the gap.
    """
    top = u.max(-1, keepdims=True)
    odds = np.exp(u - top)
    q, s = np.full(u.shape[1], 1 / u.shape[1]), np.ones(u.shape[1])
    bound = np.inf
    for _ in range(STEPS):
        share = odds * (weights / (odds @ q))[:, None]
        bound = float(np.log(share.sum(0).max() * q.sum()))
        if bound <= CLOSED:
            q = q / q.sum()
            return float(weights @ (np.log(odds @ q) + top[:, 0])), q
        root, barrier = share / np.sqrt(weights)[:, None], CENTRED * float(q @ s) / q.size
        step = np.linalg.solve(root.T @ root + np.diag(s / q), share.sum(0) - 1 + barrier / q)
        other = barrier / q - s - s / q * step
        longest = min(_longest(q, step), _longest(s, other))
        q, s = q + longest * step, s + longest * other
    raise NotConverged(
        f"the conjugate of the Jensen-Shannon divergence is known to within {bound:.3g} only, expected "
        f"{CLOSED:g}"
    )


def _longest(x: Floats, step: Floats) -> float:
    """Return the longest part of a step, at most the whole, that keeps x positive."""
    falling = step < 0
    return min(1.0, 0.95 * float(np.min(x[falling] / -step[falling], initial=np.inf)))
