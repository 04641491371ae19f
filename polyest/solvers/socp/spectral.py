"""This module has the basis in which binomial sampling is diagonal: Hahn polynomials become Legendre's.

The map from a table c to its mean P is contracting: changes of c by a factor of 2^K hardly change P.  Let
u_j be the polynomials orthonormal on 0..K (Hahn's with both parameters 0, also called discrete Chebyshev
or Gram polynomials) and l_j those orthonormal on [0, 1] (Legendre's).  Then

    sum_k u_j(k) B_{k,K}(p) = sigma_j l_j(p),    sigma_j^2 = K!^2 / ((K-j)! (K+j+1)!),

is the singular value decomposition of that map.  With c = U b, b_j enters P through a column of size
sigma_j, which falls from 1/sqrt(K+1) to about 2^-K.  A matrix of such columns is ill-conditioned by its
scale alone.  Cholesky's factor of it, scaled by its diagonal, is accurate where the same matrix in the
basis of c has lost all digits.
"""

from functools import lru_cache
from math import comb, factorial, fsum, isqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from polyest.arrays import Floats

BITS = 128  # bits of the integers from which the basis is rounded
# The factor that splits a double into its leading 26 bits and the rest.
SPLIT = 2.0**27 + 1


@lru_cache(maxsize=4)
def basis(K: int) -> tuple[Floats, Floats]:
    """Return the orthogonal matrix U and its rounding error, float64 (K+1, K+1) each.

    U[k, j] = u_j(k), where u_j has a positive leading coefficient.

    u_j = t_j / |t_j| with the integers (j+1) t_{j+1}(k) = (2j+1) (2k-K) t_j(k) - j (N^2-j^2) t_{j-1}(k),
    |t_j|^2 = (2j)! C(N+j, 2j+1), N = K+1.

    >>> basis(1)[0].round(6).tolist()
    [[0.707107, -0.707107], [0.707107, 0.707107]]
    """
    N = K + 1
    rounded, rest = np.empty((N, N)), np.empty((N, N))
    before, now = [0] * N, [1] * N
    for j in range(N):
        size = isqrt(factorial(2 * j) * comb(N + j, 2 * j + 1) << 2 * BITS)
        for k, t in enumerate(now):
            scaled = (t << 2 * BITS) // size  # u_j(k) 2^BITS
            rounded[k, j] = whole = float(scaled)
            rest[k, j] = float(scaled - int(whole))
        square = j * (N * N - j * j)
        following = [
            ((2 * j + 1) * (2 * k - K) * t - square * b) // (j + 1)
            for k, (t, b) in enumerate(zip(now, before, strict=True))
        ]
        before, now = now, following
    U, low = rounded * 2.0**-BITS, rest * 2.0**-BITS
    U.setflags(write=False)
    low.setflags(write=False)
    return U, low


def table(K: int, b: Floats) -> Floats:
    """Return c = U b, with every entry rounded once.

    Near the least bias, b is so large that sums in float64 cost more of a budget than rounding c does.
    Each product is split into its double and its rounding error (Dekker 1971), and these are summed
    exactly.
    """
    U, low = basis(K)
    product = U * b
    (a, a_rest), (d, d_rest) = _halves(U), _halves(b)
    rounding = a_rest * d_rest - (((product - a * d) - a_rest * d) - a * d_rest)
    return np.array([fsum(terms) for terms in np.hstack([product, rounding, low * b])])


def _halves(x: Floats) -> tuple[Floats, Floats]:
    """Return the leading 26 bits of x, and the rest."""
    scaled = x * SPLIT
    lead = scaled - (scaled - x)
    return lead, x - lead


def means(K: int, p: ArrayLike) -> Floats:
    """Return the means sigma_j l_j(p) of u_0..u_K at each p: float64 (M, K+1), accurate in every column.

    >>> means(1, [0.5, 1.0]).round(6).tolist()
    [[0.707107, 0.0], [0.707107, 0.707107]]
    """
    points = np.atleast_1d(np.asarray(p, dtype=np.float64))
    j = np.arange(K + 1)
    sigma = np.exp(gammaln(K + 1.0) - 0.5 * (gammaln(K - j + 1.0) + gammaln(K + j + 2.0)))
    columns = np.empty((K + 1, points.size))
    columns[0] = 1.0
    t = 2 * points - 1
    if K > 0:
        columns[1] = t
    for i in range(1, K):
        columns[i + 1] = ((2 * i + 1) * t * columns[i] - i * columns[i - 1]) / (i + 1)
    return np.ascontiguousarray((columns * (np.sqrt(2.0 * j + 1) * sigma)[:, None]).T)
