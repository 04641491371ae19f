"""U-statistics: polynomials of degree <= K without any bias, exactly; above K refused."""

from fractions import Fraction
from itertools import combinations
from math import comb

import pytest
from cases import doubles, points
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest import closed_forms as forms
from polyest.closed_forms import u_statistics
from polyest.errors import CountOutOfRange, InvalidProblem
from polyest.problem.bernstein import expectation
from polyest.tables.table import Table


def unbiased_entries(table: Table) -> list[Fraction]:
    """Exact entries of a U-statistic, of which the stored ones are the nearest doubles."""
    entries = table.problem.target.entries(table.K)
    assert entries is not None
    assert table.coefficients.tolist() == doubles(entries)
    return entries


@pytest.mark.parametrize("K", range(1, 8))
def test_monomials_are_unbiased_up_to_degree_k_and_refused_above(K: int) -> None:
    for m in range(K + 1):
        table = forms.polynomial(K, [0] * m + [1])
        entries = unbiased_entries(table)
        assert all(expectation(entries, p) == p**m for p in points(K))
        assert table.bias.upper < 1e-15
    with pytest.raises(InvalidProblem, match=rf"degree {K + 1}, above K = {K}.*use K >= {K + 1}"):
        forms.polynomial(K, [0] * (K + 1) + [1])


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 6), st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=10))
def test_random_polynomials_are_unbiased(extra: int, numerators: list[int]) -> None:
    coefficients = [*(n / 1024 for n in numerators), 1.0]
    degree = len(numerators)
    with pytest.raises(InvalidProblem, match=f"use K >= {degree}"):
        forms.polynomial(degree - 1, coefficients)
    K = degree + extra
    entries = unbiased_entries(forms.polynomial(K, coefficients))
    for p in points(K):
        value = sum(Fraction(a) * p**m for m, a in enumerate(coefficients))
        assert expectation(entries, p) == value
        assert (expectation([entries[0] + 1, *entries[1:]], p) == value) == (p == 1)


@pytest.mark.parametrize(("degree", "K"), [(1, 3), (2, 4), (4, 4)])
def test_a_table_serves_its_own_number_of_draws_only(degree: int, K: int) -> None:
    table = forms.polynomial(K, [0] * degree + [1])
    entries = unbiased_entries(table)
    fewer = [expectation(entries[:K], p) - p**degree for p in points(K)]
    assert max(map(abs, fewer)) > Fraction(1, 10)
    more = [*entries, entries[-1]]  # a draw too many, its count clipped to K
    assert any(expectation(more, p) != p**degree for p in points(K + 1))
    with pytest.raises(CountOutOfRange, match=f"count {K + 1} is outside 0..{K}"):
        table[K + 1]


@pytest.mark.parametrize(("K", "k"), [(1, 1), (5, 1), (5, 2), (6, 6), (7, 3), (60, 56)])
def test_pass_at_k(K: int, k: int) -> None:
    table = forms.pass_at(K, k)
    entries = unbiased_entries(table)
    assert entries == [1 - Fraction(comb(K - X, k), comb(K, k)) for X in range(K + 1)]
    assert all(expectation(entries, p) == 1 - (1 - p) ** k for p in points(K)[:9])
    assert table.bias.upper < 1e-15
    for X in range(K + 1 if K < 8 else 0):  # the share of k draws among which is a success
        tries = [any(i < X for i in subset) for subset in combinations(range(K), k)]
        assert entries[X] == Fraction(sum(tries), len(tries))


def test_pass_at_k_stops_where_its_coefficients_stop_being_doubles() -> None:
    last = u_statistics.LARGEST_PASS
    inexact = [k for k in range(1, 80) if any(float(comb(k, m)) != comb(k, m) for m in range(k))]
    assert inexact == list(range(last + 1, 80))


@pytest.mark.parametrize(("k", "K"), [(1, 4), (2, 5), (3, 5), (4, 4)])
def test_subsets_are_the_mean_of_a_table_over_all_subsets_of_the_draws(k: int, K: int) -> None:
    kernel = forms.log_count(k)
    c = [Fraction(float(x)) for x in kernel.coefficients]
    entries = []
    for X in range(K + 1):
        counts = [sum(i < X for i in subset) for subset in combinations(range(K), k)]
        entries.append(sum((c[j] for j in counts), Fraction(0)) / len(counts))
    table = forms.subsets(kernel, K)
    assert table.coefficients.tolist() == doubles(entries)
    assert all(expectation(entries, p) == expectation(c, p) for p in points(K))
    assert (table.gradient_variance < 0.95 * kernel.gradient_variance) == (k < K)
    if K % k == 0:
        blocks = forms.split(kernel, K // k)
        assert blocks.coefficients.tolist() == table.coefficients.tolist()


def test_there_are_no_subsets_larger_than_the_draws() -> None:
    with pytest.raises(InvalidProblem, match=r"K is 3: expected at least 4"):
        forms.subsets(forms.harmonic(4), 3)
    with pytest.raises(InvalidProblem, match=r"K is 2\.5: .*an integer of at least 1"):
        forms.subsets(forms.harmonic(1), 2.5)
    with pytest.raises(InvalidProblem, match=r"table is \[1, 2\]: expected the table of a subset"):
        forms.subsets([1, 2], 3)
