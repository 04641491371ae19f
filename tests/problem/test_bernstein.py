"""The basis: exact sums on rationals, accuracy of the float twin, and the identities used."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyest.problem.bernstein import elevate, expectation, falling, pmf, quick_pmf

probabilities = st.fractions(0, 1, max_denominator=50)
tables = st.lists(st.fractions(-9, 9, max_denominator=9), min_size=1, max_size=9)


def exact_pmf(K, p):
    return [comb(K, k) * p**k * (1 - p) ** (K - k) for k in range(K + 1)]


@given(tables, probabilities)
def test_expectation_is_the_sum_over_the_binomial(c, p):
    rows = exact_pmf(len(c) - 1, p)
    assert expectation(c, p) == sum(b * x for b, x in zip(rows, c, strict=True))


@given(tables, probabilities, st.integers(0, 4))
def test_elevation_keeps_the_polynomial(c, p, more):
    longer = elevate(c, len(c) - 1 + more)
    assert len(longer) == len(c) + more
    assert expectation(longer, p) == expectation(c, p)


@pytest.mark.parametrize("K", [1, 2, 7, 64, 300])
def test_float_probabilities_are_good_to_a_few_roundings_each(K):
    for p in (0.0, 1e-9, 0.003, 0.25, 0.5, 0.9, 1 - 1e-7, 1.0):
        exact = [float(b) for b in exact_pmf(K, Fraction(p))]
        np.testing.assert_allclose(pmf(K, p)[0], exact, rtol=2e-15 * (K + 4), atol=1e-300)


@pytest.mark.parametrize("K", [1, 2, 7, 64, 300, 1024])
def test_the_quick_probabilities_are_the_plain_ones(K):
    p = np.array([0.0, 1e-9, 0.003, 0.25, 0.5, 0.9, 1 - 1e-7, 1.0])
    plain, quick = pmf(K, p), quick_pmf(K, p)
    seen = plain > 1e-290
    np.testing.assert_allclose(quick[seen], plain[seen], rtol=3e-15 * (K + 5))
    assert quick[~seen].max(initial=0.0) < 1e-289
    assert np.abs(quick.sum(axis=1) - 1).max() < 1e-14
    assert np.abs(quick - pmf(K, p * (1 - 1e-6))).max() > 1e-9  # and not those of another p


def test_in_group_identity_shifts_the_table():
    """p B_{j,G-1}(p) = ((j+1)/G) B_{j+1,G}(p): the in-group table of G is that of K = G-1, shifted."""
    p, G = Fraction(2, 7), 6
    inner, outer = exact_pmf(G - 1, p), exact_pmf(G, p)
    assert [p * b for b in inner] == [Fraction(j + 1, G) * outer[j + 1] for j in range(G)]


def test_falling_factorials():
    assert [falling(5, m) for m in range(7)] == [1, 5, 20, 60, 120, 120, 0]
