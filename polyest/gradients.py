"""This module computes the mean and the variance of the policy gradient of one group exactly.

A group of G completions with answer probabilities nu has counts n ~ Multinomial(G, nu); a completion
whose answer occurs n times in the group has the reward u_n.  The policy has one logit per answer, so that
grad log nu_z = e_z - nu, where e_z is the unit vector of z, and the group's gradient is

    g = 1/G sum_z n_z u_z (e_z - nu)                   without a baseline
    g_z = n_z/G (u_z - 1/G sum_w n_w u_w)              under the group mean

Its mean is a sum over pairs of answers, and E|g|^2 is a sum over triples.  These sums are not formed: the
coefficient at x^G of a power series in (sigma, mu, x),
prod_z sum_n Poisson(n) (1 + mu a_n) exp(sigma n u_n) x^n,  contains every E[A S^j], where S = sum n_z u_z
and A = sum a_z.  The factors of answers of equal probability are multiplied by repeated squaring.

With W earlier completions of the same policy, m of which have the answer, the reward is u_(m+n), and the
series has a second variable, whose power W is taken.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import lgamma, log
from typing import Any, TypeVar

import numpy as np

from polyest.arrays import Floats
from polyest.counts import SPENT, Baseline
from polyest.errors import InvalidProblem
from polyest.problem.bernstein import pmf
from polyest.values import among, real, shown, whole

Complexes = np.ndarray[Any, np.dtype[np.complex128]]
Numbers = TypeVar("Numbers", Floats, Complexes)
POWERS = 3  # powers of sigma that are kept: 1, S and S^2/2
BASELINES: tuple[Baseline, ...] = ("group-mean", "none")

# Shape (1 + marks, POWERS, G + 1): the part without mu, then that of each mu; powers of sigma; of x.  With
# earlier completions one more axis, (W + 1,), of the second variable.
Series = Floats


@dataclass(frozen=True)
class Answers:
    """The probabilities of the answers to a prompt, with equal ones listed once.

    Parameters
    ----------
    p : tuple of float
        Distinct probabilities, above 0.
    times : tuple of int
        The number of answers that have each probability; the sum of the products p times is 1.
    """

    p: tuple[float, ...]
    times: tuple[int, ...]

    def __post_init__(self) -> None:
        lists = isinstance(self.p, tuple | list) and isinstance(self.times, tuple | list)
        if not lists or not len(self.p) == len(self.times) > 0:
            raise InvalidProblem(
                f"p is {shown(self.p)}, times is {shown(self.times)}: expected two lists of one length"
            )
        likely = all(0 < real(p) <= 1 for p in self.p)
        if not likely or not all(whole(n, 1) for n in self.times):
            raise InvalidProblem(
                f"p is {shown(self.p)}, times is {shown(self.times)}: expected probabilities above 0, counts "
                "from 1"
            )
        total = sum(real(p) * int(n) for p, n in zip(self.p, self.times, strict=True))
        if abs(total - 1) > 1e-12:
            raise InvalidProblem(
                f"answers {shown(self)}: probabilities add up to {total}, expected 1"
            )


@dataclass(frozen=True)
class Gradient:
    """The mean and the variance of a group's gradient with respect to the logits of the answers.

    Attributes
    ----------
    mean : float64 array
        The mean E g of the gradient: one component for each distinct probability.
    noise : float
        The total variance of the gradient, E|g|^2 - |E g|^2.
    """

    mean: Floats
    noise: float


def of_group(
    answers: Answers, rewards: Floats, baseline: str = "group-mean", *, earlier: int = 0
) -> Gradient:
    """Compute the mean and the variance of the gradient of one group, exact up to rounding.

        g = 1/G sum_z n_z u_z (e_z - nu)                   under "none"
        g_z = n_z/G (u_z - 1/G sum_w n_w u_w)              under "group-mean"

    Parameters
    ----------
    answers : Answers
        The probabilities of the answers.
    rewards : float array (G + W,)
        The rewards u_1, u_2, ... of a completion whose answer occurs 1 to G + W times in its group and
        among the W earlier completions together.
    baseline : {"group-mean", "none"}
        What is subtracted from the rewards of a group: their mean, or nothing.
    earlier : int
        The number W of earlier completions of the same policy that are counted too.

    Returns
    -------
    Gradient
        The mean and the variance.

    Raises
    ------
    InvalidProblem
        If the rewards are not a list of finite numbers, or another argument is not valid.

    Examples
    --------
    >>> even = Answers((0.5,), (2,))
    >>> round(of_group(even, np.array([0.0, 1.0]), "none").noise, 12)
    0.25
    """
    if not among(baseline, BASELINES):
        raise InvalidProblem(
            f"baseline {shown(baseline)} is unknown: use one of {', '.join(BASELINES)}"
        )
    if not isinstance(answers, Answers):
        raise InvalidProblem(f"answers are {shown(answers)}: expected Answers(p, times)")
    try:
        rewards = np.asarray(rewards, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidProblem(f"rewards are {shown(rewards)}: expected G finite numbers") from None
    if rewards.ndim != 1 or not rewards.size or not np.isfinite(rewards).all():
        raise InvalidProblem(
            f"rewards of shape {rewards.shape}: expected G finite numbers, of an answer that occurs 1 to "
            "G times in its group"
        )
    if not whole(earlier, 0, rewards.size - 1):
        raise InvalidProblem(
            f"earlier is {shown(earlier)}: expected a number of completions, with {rewards.size} rewards "
            f"at most {rewards.size - 1}"
        )
    p, times, W = np.array(answers.p), np.array(answers.times), int(earlier)
    G = rewards.size - W
    n, v = _paid(rewards, G, W)
    if W:  # the mean is that of independent counts of K draws
        Q = pmf(G + W - SPENT[baseline], p) @ rewards[: G + W + 1 - SPENT[baseline]]
        mean = (1 - (SPENT[baseline] - 1) / G) * p * (Q - float(times @ (p * Q)))
    elif baseline == "none":
        drawn = pmf(G, p) @ v
        mean = (drawn - p * float(times @ drawn)) / G
    else:
        mean = (pmf(G, p) @ v - _with_sum(answers, n, v) / G) / G
    if baseline == "none":
        (A, D), S2 = _moments(answers, v, lambda q: (v * v, q * v))
        square = A[0] - 2 * D[1] + float(times @ (p * p)) * S2
    else:
        (A, B, C), _ = _moments(answers, v, lambda q: (v * v, n * v, n * n))
        square = A[0] - 2 * B[1] / G + C[2] / G**2
    return Gradient(mean, max(0.0, float(square / G**2 - times @ (mean * mean))))


def _paid(rewards: Floats, G: int, W: int) -> tuple[Floats, Floats]:
    """How often an answer is drawn, n, and n times its reward; (G + 1,), or with W > 0 (G + 1, W + 1)."""
    n = np.arange(G + 1)
    if not W:
        return n.astype(float), n * np.append(0.0, rewards)
    both = n[:, None] + np.arange(W + 1)
    drawn = np.broadcast_to(n[:, None], both.shape).astype(float)
    return drawn, drawn * np.append(0.0, rewards)[both]


def _with_sum(answers: Answers, n: Floats, v: Floats) -> Floats:
    """Return E n_z S for each z: given n_w, another n_z is binomial among the remaining draws."""
    p, times, G = np.array(answers.p), np.array(answers.times), n.size - 1
    B = pmf(G, p)
    rest = np.divide(B @ ((G - n) * v), 1 - p, out=np.zeros_like(p), where=p < 1)
    return np.asarray(B @ (n * v) + p * (float(times @ rest) - rest))


def _moments(
    answers: Answers, v: Floats, marks: Callable[[float], Sequence[Floats]]
) -> tuple[list[Floats], float]:
    """Return E[A S^j], j = 0, 1, 2, for every sum A of marks, and E[S^2]."""
    sizes = [size - 1 for size in v.shape]  # G, and W where it is above 0

    def series(q: float) -> Series:
        weight = reduce(np.multiply.outer, (_poisson(size * q, size) for size in sizes))
        by_power = np.stack([weight, weight * v, weight * v * v / 2])
        return np.stack([by_power, *(mark * by_power for mark in marks(q))])

    whole = reduce(
        _product, (_power(series(q), t) for q, t in zip(answers.p, answers.times, strict=True))
    )
    met = reduce(lambda series, size: series / _poisson(size, size)[size], sizes, whole)
    moments = met.reshape(*met.shape[:2], -1)[:, :, -1] * [1, 1, 2]
    return list(moments[1:]), float(moments[0, 2])


def _poisson(mean: float, most: int) -> Floats:
    """The probabilities of 0..most, float64 (most + 1,)."""
    n = np.arange(most + 1)
    factorials = np.array([lgamma(k + 1) for k in n])
    return np.asarray(np.exp(n * log(mean) - mean - factorials))


def _power(x: Series, times: int) -> Series:
    """Return the power x^times, by repeated squaring."""
    if times == 1:
        return x
    half = _power(x, times // 2)
    square = _product(half, half)
    return _product(square, x) if times % 2 else square


def _product(x: Series, y: Series) -> Series:
    """Return the product, up to the first power of mu, the second of sigma and the G-th of x."""
    if x.ndim == 3:
        return _combined(x, y, lambda a, b: np.convolve(a, b)[: a.size])
    shape = [2 * length for length in x.shape[2:]]  # so that nothing wraps around
    both = _combined(np.fft.rfft2(x, shape), np.fft.rfft2(y, shape), np.multiply)
    return np.asarray(np.fft.irfft2(both, shape)[..., : x.shape[2], : x.shape[3]])


def _combined(x: Numbers, y: Numbers, times: Callable[[Numbers, Numbers], Numbers]) -> Numbers:
    """Return the product in mu and sigma, of coefficients whose product is `times`."""

    def convolved(a: Numbers, b: Numbers) -> Numbers:
        return np.stack([sum(times(a[i], b[j - i]) for i in range(j + 1)) for j in range(POWERS)])

    parts = [convolved(x[0], y[0])]
    parts += [convolved(x[i], y[0]) + convolved(x[0], y[i]) for i in range(1, len(x))]
    return np.stack(parts)
