"""The basis in which sampling is diagonal, against discrete Chebyshev polynomials in integers."""

from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import comb, factorial

import mpmath
import numpy as np
import pytest
from cases import points
from programs import exact_pmf

from polyest.problem.bernstein import pmf
from polyest.solvers.socp import spectral

DRAWS = (1, 2, 7, 24, 64)
SPREAD = [Fraction(i, 64) for i in (0, 1, 5, 17, 32, 47, 60, 64)]  # doubles, p = 0 and 1 among them


@cache
def chebyshev(K):
    """Columns t_j(k), integers: not by a recurrence but by their expansion in binomials of k."""
    return [
        [
            sum(
                (-1) ** (j - i) * comb(K - i, j - i) * comb(j + i, j) * comb(k, i)
                for i in range(j + 1)
            )
            for k in range(K + 1)
        ]
        for j in range(K + 1)
    ]


def size(column):
    return mpmath.sqrt(sum(t * t for t in column))


def legendre(j, p):
    """Legendre's polynomial of degree j at 2p - 1, shifted to [0, 1]."""
    return sum((-1) ** (j - i) * comb(j, i) * comb(j + i, i) * p**i for i in range(j + 1))


def unlike_diagonal(columns, K):
    """Degrees whose sampled mean is no multiple of Legendre's polynomial, exactly."""
    degrees = []
    for j, column in enumerate(columns):
        for p in points(K):
            mean = sum(t * B for t, B in zip(column, exact_pmf(K, p), strict=True))
            if mean != column[-1] * legendre(j, p):
                degrees.append(j)
                break
    return degrees


@pytest.mark.parametrize("K", [1, 2, 5, 12])
def test_sampling_is_diagonal(K):
    """sum_k t_j(k) B_k(p) = t_j(K) P_j(2p - 1) at K+2 points, so everywhere; and what sigma_j is."""
    assert unlike_diagonal(chebyshev(K), K) == []
    for j, column in enumerate(chebyshev(K)):
        sigma = Fraction(column[-1] ** 2, sum(t * t for t in column) * (2 * j + 1))
        assert sigma == Fraction(factorial(K) ** 2, factorial(K - j) * factorial(K + j + 1))


@pytest.mark.parametrize("K", [2, 5, 12])
def test_polynomials_of_more_draws_do_not_make_it_so(K):
    shorter = [column[:-1] for column in chebyshev(K + 1)[:-1]]
    assert unlike_diagonal(shorter, K) == list(range(1, K + 1))


@pytest.mark.parametrize("K", DRAWS)
def test_basis_is_the_normalised_polynomials(K):
    U, low = spectral.basis(K)
    with mpmath.workdps(60):
        for j, column in enumerate(chebyshev(K)):
            for k, t in enumerate(column):
                exact = t / size(column)
                assert abs(U[k, j] - exact) <= np.spacing(abs(U[k, j])) / 2
                assert abs(mpmath.mpf(U[k, j]) + mpmath.mpf(low[k, j]) - exact) < 2.0**-107


@pytest.mark.parametrize("K", [1, 2, 7, 24, 64, 128])
def test_basis_is_orthogonal_and_no_longer_so_for_a_draw_less(K):
    U = spectral.basis(K)[0]
    assert np.abs(U.T @ U - np.eye(K + 1)).max() < 4e-15
    assert np.abs(U[:-1].T @ U[:-1] - np.eye(K + 1)).max() > 0.5 / (K + 1)


@pytest.mark.parametrize("K", [1, 2, 7, 24])
def test_leading_coefficients_are_positive(K):
    """The difference of order j is j! times it, exactly in the digits of both parts."""
    U, low = spectral.basis(K)
    for j in range(K + 1):
        entries = [Fraction(U[k, j]) + Fraction(low[k, j]) for k in range(K + 1)]
        for _ in range(j):
            entries = [b - a for a, b in pairwise(entries)]
        assert min(entries) > 0
        assert max(entries) / min(entries) - 1 < 1e-12


@pytest.mark.parametrize("K", DRAWS)
def test_means_are_good_in_every_column(K):
    """Relative to the size of the column: at K = 64 the last one is 1e-19 of the first."""
    assert worst_column(K, spectral.means(K, doubles())) < 1e-13


def test_means_from_the_entries_are_lost_in_the_last_columns():
    """What the formula is for: a sum over the entries leaves rounding of the size of column 0."""
    rows = pmf(64, doubles()) @ spectral.basis(64)[0]
    assert np.abs(rows - spectral.means(64, doubles())).max() < 2e-14
    assert worst_column(64, rows) > 1


def test_means_at_no_point_and_at_one_draw():
    assert spectral.means(3, np.zeros(0)).shape == (0, 4)
    assert spectral.means(1, 0.25)[0].tolist() == pytest.approx([0.5**0.5, -0.5 * 0.5**0.5])


def doubles():
    return np.array([float(p) for p in SPREAD])


def worst_column(K, means):
    """Greatest error of a column over its greatest entry, by sums of 60 digits."""
    rows = [exact_pmf(K, p) for p in SPREAD]
    worst = 0.0
    with mpmath.workdps(60):
        for j, column in enumerate(chebyshev(K)):
            exact = []
            for row in rows:
                mean = sum(t * B for t, B in zip(column, row, strict=True))
                exact.append(mpmath.mpf(mean.numerator) / mean.denominator / size(column))
            error = max(abs(x - y) for x, y in zip(means[:, j].tolist(), exact, strict=True))
            worst = max(worst, float(error / max(map(abs, exact))))
    return worst


@pytest.mark.parametrize("K", [7, 24, 64])
def test_a_table_is_rounded_once(K):
    """b that grows as the columns fall, as near the least bias: a float64 sum loses what matters."""
    rng = np.random.default_rng(K)
    b = rng.normal(size=K + 1) * np.exp2(np.arange(K + 1) * 0.4)
    with mpmath.workdps(60):
        units = [size(column) for column in chebyshev(K)]
        exact = [
            mpmath.fsum(
                column[k] / unit * x for column, unit, x in zip(chebyshev(K), units, b, strict=True)
            )
            for k in range(K + 1)
        ]

        def misses(c):
            return sum(
                abs(x - y) > np.spacing(abs(x)) / 2 for x, y in zip(c.tolist(), exact, strict=True)
            )

        assert misses(spectral.table(K, b)) == 0
        assert misses(spectral.basis(K)[0] @ b) > K // 4
