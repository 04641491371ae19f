"""This module makes a table of the counts for several prompts, which estimates their average probability.

Let X_1..X_m be the counts of one answer in K_1..K_m draws of m prompts, for which it has the probabilities
nu_1..nu_m.  Their sum is not binomial.  But draw n labels l_1..l_n uniformly from the m prompts, and take
as many draws of each prompt as it has labels, without replacement.  These n draws are i.i.d. from the
mixture, in which the answer has probability mean(nu) = (nu_1 + .. + nu_m)/m.  So for a table c of n draws,
with L ~ Multinomial(n; 1/m, .., 1/m) and Y_k ~ Hypergeometric(K_k, X_k, L_k),

    f(X_1..X_m) = E[c_{Y_1 + .. + Y_m} | X],    E f = sum_j c_j B_{j,n}(mean(nu)) = P(mean(nu))

averages over all such choices of n draws (Rao-Blackwell).  It needs n <= min K_k: all draws of a mixture may
fall on one prompt, and P of degree n contains nu_k^n.

How f is computed.  With Poisson labels of mean n/m in place of multinomial ones the prompts are independent,
and f is a sum over products.  A discrete Fourier transform picks the case of n labels in all,

    f(X) = sum_r w_r prod_k F_r[X_k],    r over frequencies of the labels and of the answer

with F_r[x] the transform of Poisson(l; n/m) Hypergeometric(y; K_k, x, l).  The products have absolute value
at most 1 and the weights w are of size sqrt(2 pi n) max|c|; the rounding error of f is some 1e-14 of that.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import exp, lgamma, log, prod
from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import Array, Floats, Ints, concat, library, taken
from polyest.errors import CountOutOfRange, InvalidReward

if TYPE_CHECKING:
    import torch

WRITTEN_OUT = 2**13  # values of f up to which all of them are stored
LARGEST = 2**25  # complex numbers of the transform of one prompt
BLOCK = 2**22  # complex numbers that a look-up holds at once


@dataclass(frozen=True, eq=False)
class Stratified:
    """The function f, made by `stratify`; `f[counts]` looks counts (..., m) up.

    draws: K_1..K_m; factors: w (R,) and F_1..F_m (K_k + 1, R), complex; or, where it is small enough, f
    itself, float64 (K_1 + 1, .., K_m + 1).  They are numpy arrays, or tensors after `moved`.
    """

    draws: tuple[int, ...]
    factors: tuple[Array, ...]

    def __getitem__(self, index: Array) -> Array:
        """Values of f, float64 (...), at counts, integers (..., m) in 0..K_k beside the factors.

        Counts are taken to be in range, as those of `counts.across` are.  Raises CountOutOfRange where the
        last dimension is not m.
        """
        if index.shape[-1] != len(self.draws):
            raise CountOutOfRange(
                f"counts of shape {tuple(index.shape)}: expected (..., {len(self.draws)}), one for each "
                "prompt of the orbit"
            )
        columns = [index[..., k] for k in range(len(self.draws))]
        weights, *transforms = self.factors
        if not transforms:
            return weights[tuple(columns)]
        xp = library(index)
        flat = [xp.reshape(column, (-1,)) for column in columns]
        step = max(1, BLOCK // weights.shape[0])
        blocks = []
        for start in range(0, (size := flat[0].shape[0]), step):
            block = slice(start, min(start + step, size))
            term = taken(transforms[0], flat[0][block])
            for transform, column in zip(transforms[1:], flat[1:], strict=True):
                term = term * taken(transform, column[block])
            blocks.append(xp.real(term @ weights))
        return xp.reshape(concat(blocks), index.shape[:-1])

    def moved(self, device: "torch.device") -> "Stratified":
        """The same function, with factors that are tensors on the device."""
        import torch

        return Stratified(self.draws, tuple(torch.tensor(x, device=device) for x in self.factors))


def stratify(coefficients: object, draws: tuple[int, ...]) -> Stratified:
    """The stratified table of c_0..c_n for prompts of K_1..K_m draws, n <= min K_k.

    coefficients: numbers (n+1,).

    Raises InvalidReward for a prompt of fewer than n draws, and where the transforms would be too large.

    >>> share = stratify([0.0, 1.0], (1, 3))  # c_X = X: the mean of the shares
    >>> share[np.array([[1, 0], [0, 3], [1, 1]])].round(12).tolist()
    [0.5, 0.5, 0.666666666667]
    """
    entries = np.asarray(coefficients, dtype=np.float64)
    n = entries.size - 1
    if not draws or n < 1 or min(draws) < n:
        raise InvalidReward(
            f"draws are {draws} for a table of K = {n}: expected at least {n} of every prompt, because all "
            "draws of a mixture may come from one prompt"
        )
    return _stratified(tuple(entries.tolist()), tuple(map(int, draws)))


@lru_cache(maxsize=64)
def _stratified(entries: tuple[float, ...], draws: tuple[int, ...]) -> Stratified:
    n, m = len(entries) - 1, len(draws)
    labels = n * max(m - 1, 1) + 1  # frequencies that tell n labels from any other number up to m n
    rank = labels * (n + 1)
    if rank * (max(draws) + 1) > LARGEST:
        raise InvalidReward(
            f"an orbit of {m} prompts with a table of K = {n} needs {rank} products for each of "
            f"{max(draws) + 1} counts, more than {LARGEST}: use smaller groups or orbits, or the geometric "
            "mean, which looks each prompt up by itself"
        )
    which = np.exp(2j * np.pi * n * np.arange(labels) / labels) / labels
    weights = np.outer(which, np.fft.ifft(entries)).reshape(-1) / _poisson(n, float(n))
    transforms = {
        K: np.fft.fft2(_thinned(K, n, m), (labels, n + 1)).reshape(K + 1, rank) for K in {*draws}
    }
    for factor in (weights, *transforms.values()):
        factor.setflags(write=False)  # kept for other callers
    spread = Stratified(draws, (weights, *(transforms[K] for K in draws)))
    if prod(K + 1 for K in draws) > WRITTEN_OUT:
        return spread
    grid = np.stack(np.meshgrid(*(np.arange(K + 1) for K in draws), indexing="ij"), -1)
    written = spread[grid]
    written.setflags(write=False)
    return Stratified(draws, (written,))


def _thinned(K: int, n: int, m: int) -> Floats:
    """Poisson(l; n/m) Hypergeometric(y; K, x, l), float64 (K+1, n+1, n+1) over x, l, y."""
    logs = np.append(0.0, np.cumsum(np.log(np.arange(1.0, K + 1))))  # of factorials
    x, taken, y = np.ogrid[: K + 1, : n + 1, : n + 1]

    def chosen(total: Ints | int, part: Ints) -> Floats:
        """log of a binomial coefficient, -inf where it is 0."""
        inside = (part >= 0) & (part <= total)
        total, part = np.where(inside, total, 0), np.where(inside, part, 0)
        return np.where(inside, logs[total] - logs[part] - logs[total - part], -np.inf)

    chance = np.exp(chosen(x, y) + chosen(K - x, taken - y) - chosen(K, taken))
    return np.asarray(chance * np.array([_poisson(k, n / m) for k in range(n + 1)])[:, None])


def _poisson(k: int, mean: float) -> float:
    return exp(k * log(mean) - mean - lgamma(k + 1))
