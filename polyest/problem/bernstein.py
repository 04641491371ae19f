"""This module evaluates the Bernstein basis B_{k,K}(p) = C(K,k) p^k (1-p)^(K-k) in any kind of number.

A table c has the mean P(p) = sum_k c_k B_{k,K}(p) = E[c_X], X ~ Binomial(K, p), a polynomial.  The float
functions serve solvers and figures.  The generic ones take Fraction, ball or float alike.  They only add,
multiply and divide by integers, so that they are exact on rationals.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import comb, log
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from polyest.arrays import Floats as Floats

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import ArrayLike

Number = TypeVar("Number", float, "Fraction")  # or a ball of python-flint, which has no types


def pmf(K: int, p: "ArrayLike") -> Floats:
    """Return the binomial probabilities B_{k,K}(p), k = 0..K, one row per p.

    The recurrence B_{k+1}/B_k = (K-k)/(k+1) p/(1-p) runs outward from the mode, and rows are divided by
    their sum.  An entry is accurate to a few times |k - Kp| roundings, and nothing overflows.

    p: M numbers in [0, 1].  The result is float64 (M, K+1).

    >>> pmf(2, [0.5]).tolist()
    [[0.25, 0.5, 0.25]]
    """
    points = np.atleast_1d(np.asarray(p, dtype=np.float64))
    columns = np.zeros((K + 1, points.size))
    mode = np.minimum((points * (K + 1)).astype(np.int64), K)
    columns[mode, np.arange(points.size)] = 1.0
    # The ratios are needed only where there are entries above or below the mode; elsewhere 1/p may be
    # infinite.
    up = np.divide(points, 1 - points, out=np.zeros_like(points), where=mode < K)
    down = np.divide(1 - points, points, out=np.zeros_like(points), where=mode > 0)
    for k in range(1, K + 1):
        columns[k] += columns[k - 1] * (up * ((K - k + 1) / k)) * (k > mode)
    for k in range(K - 1, -1, -1):
        columns[k] += columns[k + 1] * (down * ((k + 1) / (K - k))) * (k < mode)
    return np.ascontiguousarray((columns / columns.sum(axis=0)).T)


def quick_pmf(K: int, p: Floats) -> Floats:
    """Return the same probabilities as `pmf`, from logarithms.

    It is ten times as fast, and an entry is accurate to about 1e-15 (5 + K).

    p: M numbers in [0, 1].  The result is float64 (M, K+1), and its rows add up to 1.

    >>> quick_pmf(2, np.array([0.0, 0.5])).round(12).tolist()
    [[1.0, 0.0, 0.0], [0.25, 0.5, 0.25]]
    """
    k = np.arange(K + 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):  # 0 log 0 at an end, which is set below
        rows = np.multiply.outer(np.log(p), k)
        rows += np.multiply.outer(np.log1p(-p), K - k)
    rows += _log_choose(K)
    np.exp(rows, out=rows)
    for end, certain in ((0.0, 0), (1.0, K)):
        at_end = p == end
        rows[at_end] = 0.0
        rows[at_end, certain] = 1.0
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))


@lru_cache(maxsize=4)
def _log_choose(K: int) -> Floats:
    return np.array([log(comb(K, k)) for k in range(K + 1)])


def expectation(coefficients: Sequence[Number], p: Number) -> Number:
    """Return the mean P(p) = sum_k c_k C(K,k) p^k (1-p)^(K-k) of a table, in the arithmetic of its entries.

    The mean is exact for Fraction and an enclosure for balls.

    >>> from fractions import Fraction
    >>> expectation([Fraction(0), Fraction(1, 2), Fraction(1)], Fraction(1, 3))
    Fraction(1, 3)
    """
    K = len(coefficients) - 1
    q = 1 - p
    powers = [p * 0 + 1]
    for _ in range(K):
        powers.append(powers[-1] * q)
    total = coefficients[K] * powers[0]
    for k in range(K - 1, -1, -1):
        # sum_{j>=k} c_j C(K,j) p^(j-k) q^(K-j), one step of Horner in p
        total = total * p + coefficients[k] * comb(K, k) * powers[K - k]
    return total


def elevate(coefficients: Sequence[Any], degree: int) -> list[Any]:
    """Return the entries that represent the same polynomial as a table of `degree` >= K draws.

    One step is d_k = (k c_{k-1} + (n-k) c_k) / n with n = K+1.  In statistical terms an entry is the mean of
    c over all sub-samples of K of the `degree` draws, given their count (Rao-Blackwell).

    >>> from fractions import Fraction
    >>> elevate([Fraction(0), Fraction(1)], 2)
    [Fraction(0, 1), Fraction(1, 2), Fraction(1, 1)]
    """
    entries = list(coefficients)
    for n in range(len(entries), degree + 1):
        inner = [(entries[k - 1] * k + entries[k] * (n - k)) / n for k in range(1, n)]
        entries = [entries[0], *inner, entries[-1]]
    return entries


def falling(x: int, m: int) -> int:
    """Return the falling factorial x (x-1) ... (x-m+1), which is 1 for m = 0.

    >>> falling(5, 3)
    60
    """
    product = 1
    for i in range(m):
        product *= x - i
    return product
