"""The basis in which binomial sampling is diagonal: discrete Hahn polynomials against Legendre.

The map from a table c to its mean P is contracting: 2^K-fold changes of c hardly show in P.  With u_j
the polynomials orthonormal on 0..K (Hahn's with both parameters 0, also called discrete Chebyshev or
Gram) and l_j those orthonormal on [0, 1] (Legendre's),

    sum_k u_j(k) B_{k,K}(p) = sigma_j l_j(p),    sigma_j^2 = K!^2 / ((K-j)! (K+j+1)!),

is the singular value decomposition of that map.  Written as c = U b, b_j is seen in P through a column
of size sigma_j, which falls from 1/sqrt(K+1) to about 2^-K.  A matrix of such columns is ill-conditioned by
its scale alone: Cholesky's factor of it, scaled by its diagonal, is accurate where the same matrix in the
basis of c has lost all digits.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh_tridiagonal
from scipy.special import gammaln

from polyest.bernstein import Floats


@lru_cache(maxsize=2)
def basis(K: int) -> Floats:
    """Orthogonal matrix U (K+1, K+1), U[k, j] = u_j(k), u_j of positive leading coefficient.

    Its rows are the eigenvectors of the recurrence's Jacobi matrix, whose eigenvalues are 0..K.

    >>> basis(1).round(6).tolist()
    [[0.707107, -0.707107], [0.707107, 0.707107]]
    """
    n = K + 1
    j = np.arange(1, n)
    beside = 0.5 * j * np.sqrt((n * n - j * j) / (4.0 * j * j - 1.0))
    vectors = eigh_tridiagonal(np.full(n, K / 2), beside)[1].T
    U = np.ascontiguousarray(vectors * np.sign(vectors[:, :1]))
    U.setflags(write=False)
    return U


def means(K: int, p: ArrayLike) -> Floats:
    """Means sigma_j l_j(p) of the tables u_0..u_K at each p: float64 (M, K+1), good in every column.

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
