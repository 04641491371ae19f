"""Closed forms: entries correctly rounded, rational properties exactly, and the biases known for them.

Expectations over a binomial are finite sums; where the entries are rational they are compared in
Fractions with ==, and a polynomial identity of degree d is settled at d + 1 points.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from itertools import product
from math import factorial, prod
from typing import Any

import mpmath
import numpy as np
import pytest
from cases import LEAST_BIAS, doubles, points
from copies import replace
from mpmath import mp

import polyest
from polyest import closed_forms as forms
from polyest.errors import InvalidProblem, NotProved
from polyest.problem.bernstein import elevate, expectation
from polyest.proof.certify import measure
from polyest.tables.table import Table

FIGURES = {  # sup|e| / E*(K) at K = 8, 16, 32, 64
    "log_count": ("14.7", "28.8", "57", "114"),
    "log_smoothed": ("11.4", "25.7", "54.8", "114"),
    "miller_madow": ("8.8", "16", "31", "62"),
    "taylor": ("17", "31.5"),
    "harmonic": ("8.1", "15", "29", "57"),
    "jackknife": ("5.1", "9.4", "18", "36"),
    "schuermann": ("4.9", "9.1", "17.5", "34"),
}
LOG_FIGURES = {  # section 4: sup|e| and sup p Var of log_count
    7: (".0655428", ".0613098"),
    15: (".0342973", ".0397193"),
    31: (".0176024", ".0232770"),
    63: (".0089277", ".0128456"),
}
LOGS = tuple(FIGURES)


@cache
def named(name: str, K: int) -> Table:
    table: Table = getattr(forms, name)(K)
    return table


def others() -> list[Table]:
    return [
        forms.polynomial(8, [1, -3, 0, 2]),
        forms.pass_at(8, 4),
        forms.split(named("harmonic", 2), 4),
        forms.schuermann(8, xi=0.4),
    ]


def nearest(value: Any) -> float:
    """The double nearest to an mpmath number, which carries 60 digits."""
    sign, mantissa, exponent, _ = mpmath.mpf(value)._mpf_
    return float((-1) ** sign * int(mantissa) * Fraction(2) ** exponent)


# What every closed form is


@pytest.mark.parametrize("name", LOGS)
def test_a_log_is_a_table_without_budget_or_witness(name: str) -> None:
    for K in (1, 2, 5, 16):
        table = named(name, K)
        assert (table.K, table.target, table.criterion) == (K, "log", name)
        assert (table.budget, table.witness, table.optimum) == (None, None, None)
        assert table.method == "closed_form"
        assert 0 < table.bias.lower <= table.bias.upper
        assert table.bias.width < 1e-13


def test_files_and_proofs_take_closed_forms_and_refuse_altered_ones() -> None:
    targets = ["polynomial:1,-3,0,2", "polynomial:0,4,-6,4,-1", "log", "log"]
    assert [t.target for t in others()] == targets
    assert [t.criterion for t in others()] == ["polynomial", "pass_at", "split", "schuermann"]
    for table in [*(named(name, 5) for name in LOGS), *others()]:
        again = polyest.loads(polyest.dumps(table))
        assert again.coefficients.tolist() == table.coefficients.tolist()
        polyest.verify(again)
    told = polyest.loads(polyest.dumps(named("harmonic", 5)))
    with pytest.raises(NotProved):
        polyest.verify(replace(told, coefficients=told.coefficients * (1 + 1e-6)))


def test_import_is_light() -> None:
    code = "import sys, polyest.closed_forms; assert not {'flint', 'scipy'} & {*sys.modules}"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Entries


def formula(name: str, K: int, X: int, xi: float) -> Any:
    """Entry X in mpmath, straight from the definition: digammas, a quadrature, 0 log 0 = 0."""
    N, j = mp.mpf(K + 1), X + 1
    x = mp.mpf(max(X, 0.5))

    def h(i: int, n: Any) -> Any:
        return -(i / n) * mp.log(i / n) if i else mp.mpf(0)

    if name == "log_count":
        return mp.log(j / N)
    if name == "log_smoothed":
        return mp.log(x / K)
    if name == "miller_madow":
        return mp.log(j / N) - (1 - j / N) / (2 * j)
    if name == "taylor":
        return mp.log(x / K) + (1 - x / K) / (2 * x)
    if name == "harmonic":
        return mp.digamma(j) - mp.digamma(N)
    if name == "jackknife":
        a = N * h(j, N) - (N - 1) / N * (j * h(j - 1, N - 1) + (N - j) * h(j, N - 1))
    else:
        top = 1 / mp.mpf(xi) - 1
        integral = mp.quad(lambda t: t ** (j - 1) / (1 + t), [0, top / 2, top])
        a = j / N * (mp.digamma(N) - mp.digamma(j) - (-1) ** j * integral)
    return -a * N / j


@pytest.mark.parametrize("name", LOGS)
def test_every_entry_is_the_correctly_rounded_value(name: str) -> None:
    xi = float(np.exp(-0.5))
    for K in (1, 2, 3, 7, 12):
        entries = named(name, K).coefficients
        with mp.workdps(60):
            wanted = [nearest(formula(name, K, X, xi)) for X in range(K + 1)]
        if name != "schuermann":  # c_K is 0, which a sum of 60 digits need not be
            assert abs(wanted[K]) < 1e-50
            wanted[K] = 0.0
        assert entries.tolist() == wanted
        assert np.nextafter(entries, -9).tolist() != wanted  # equality tells neighbours apart


def test_schuermann_for_any_xi_and_where_all_digits_cancel() -> None:
    with mp.workdps(60):
        for xi in (0.05, 0.3, 0.75, 0.999):
            wanted = [nearest(formula("schuermann", 9, X, xi)) for X in range(10)]
            assert forms.schuermann(9, xi).coefficients.tolist() == wanted
        T = 1 / mp.mpf(0.999) - 1  # c_K is minus the rest of the series of log(1+T), some 1e-101
        rest = mp.fsum((-T) ** i / i for i in range(33, 60))
    assert forms.schuermann(32, 0.999).coefficients[32] == nearest(rest)


def test_schuermann_at_1_is_harmonic_and_at_a_half_is_grassberger() -> None:
    assert (forms.schuermann(20, 1).coefficients == named("harmonic", 20).coefficients).all()
    with mp.workdps(60):
        G = [-mp.euler - mp.log(2), 2 - mp.euler - mp.log(2)]  # G_1, G_2 of Grassberger 2003
        while len(G) < 12:
            G += [G[-1], G[-1] + mp.mpf(2) / (len(G) + 1)]
        wanted = [nearest(g - mp.digamma(12)) for g in G]
    assert forms.schuermann(11, 0.5).coefficients.tolist() == wanted
    assert forms.schuermann(11, 0.51).coefficients.tolist() != wanted


# Entropy estimators of N = K+1 completions, sum_z a_{n_z} with a_j = -c_{j-1} j/N


def samples(N: int) -> Iterator[tuple[int, ...]]:
    """Counts of three answers that add up to N."""
    return (n for n in product(range(N + 1), repeat=3) if sum(n) == N)


def estimate(table: Table, counts: tuple[int, ...]) -> float:
    N = table.K + 1
    return -sum(n / N * table[n - 1] for n in counts if n)


def plug_in(counts: tuple[int, ...]) -> float:
    return -sum(n / sum(counts) * np.log(n / sum(counts)) for n in counts if n)


def test_plug_in_estimators_from_their_definitions() -> None:
    N = 6
    for counts in samples(N):
        left_out = [tuple(n - (z == own) for z, n in enumerate(counts)) for own in range(3)]
        without = sum(n / N * plug_in(rest) for n, rest in zip(counts, left_out, strict=True) if n)
        wanted = {
            "log_count": plug_in(counts),
            "miller_madow": plug_in(counts) + (sum(n > 0 for n in counts) - 1) / (2 * N),
            "jackknife": N * plug_in(counts) - (N - 1) * without,
        }
        for name, value in wanted.items():
            assert estimate(named(name, N - 1), counts) == pytest.approx(value, abs=1e-14)
            other = estimate(named("harmonic", N - 1), counts)
            assert other != pytest.approx(value, abs=1e-3) or max(counts) == N


def test_zhang_is_harmonic() -> None:
    N = 9  # Zhang 2012: sum_z p sum_v (1/v) N^(v+1) (N-v-1)!/N! prod_{i<v} (1 - p - i/N), p = j/N
    for j in range(1, N + 1):
        total = Fraction(0)
        for v in range(1, N):
            scale = Fraction(N ** (v + 1) * factorial(N - v - 1), v * factorial(N))
            total += scale * prod(1 - Fraction(j + i, N) for i in range(v))
        assert -total == forms.harmonic_entries(N - 1)[j - 1]  # -a_j N/j


def test_mean_of_an_entropy_estimator() -> None:
    N, chances = 5, (Fraction(1, 2), Fraction(1, 3), Fraction(1, 6))
    entries, independent = forms.harmonic_entries(N - 1), forms.harmonic_entries(N)

    def mean(value: Callable[[int], Fraction]) -> Fraction:
        total = Fraction(0)
        for draws in product(range(3), repeat=N):
            estimated = sum(value(draws.count(z)) for z in range(3))
            total += prod(chances[z] for z in draws) * estimated
        return total

    wanted = -sum(p * expectation(entries, p) for p in chances)
    assert mean(lambda n: -entries[n - 1] * n / N if n else Fraction(0)) == wanted
    assert mean(lambda n: -independent[n] * n / N) != wanted  # a table of N further draws


@pytest.mark.parametrize("G", [2, 3, 7])
def test_in_group_counts_shift_the_table(G: int) -> None:
    entries = forms.harmonic_entries(G - 1)
    in_group = [Fraction(0), *(entries[X - 1] * X / G for X in range(1, G + 1))]
    unit = [[Fraction(i == j) for i in range(G + 1)] for j in range(G + 1)]
    for p in points(G):
        for j in range(G):
            shifted = expectation(unit[j + 1], p) * Fraction(j + 1, G)
            assert p * expectation(unit[j][:G], p) == shifted
        assert expectation(in_group, p) == p * expectation(entries, p)
    misused = [forms.harmonic_entries(G)[X] * X / G for X in range(G + 1)]
    assert any(expectation(misused, p) != p * expectation(entries, p) for p in points(G))


# Harmonic numbers


@pytest.mark.parametrize("K", [1, 2, 7, 12])
def test_harmonic_is_unbiased_for_k_terms_of_the_log_and_not_for_one_more(K: int) -> None:
    entries = forms.harmonic_entries(K)
    assert named("harmonic", K).coefficients.tolist() == doubles(entries)
    for p in points(K):
        terms = [(1 - p) ** j / j for j in range(1, K + 2)]
        assert expectation(entries, p) == -sum(terms[:K])
        assert (expectation(entries, p) == -sum(terms)) == (p == 1)


@pytest.mark.parametrize("K", [1, 2, 3, 6, 9])
def test_inverse_binomial_sampling_averaged_over_orders_is_harmonic(K: int) -> None:
    """All orders of X hits among K draws: -H_{N-1} for a first hit at the N-th, -H_K for none."""
    paid: list[list[Fraction]] = [[] for _ in range(K + 1)]
    for draws in product((0, 1), repeat=K):
        before = draws.index(1) if any(draws) else K
        paid[sum(draws)].append(-sum((Fraction(1, j) for j in range(1, before + 1)), Fraction(0)))
    means = [sum(values) / len(values) for values in paid]
    assert means == forms.harmonic_entries(K)
    assert K == 1 or any(len({*values}) > 1 for values in paid)  # a single order is another table


def test_harmonic_bias_tends_to_the_greatest_value_of_a_e1_of_a() -> None:
    with mp.workdps(30):
        top = mp.findroot(lambda a: mp.e1(a) - mp.exp(-a), 0.43)
        limit = float(top * mp.e1(top))
    assert round(limit, 4) == 0.2815
    for K in (16, 64, 256):
        scaled = K * forms.harmonic(K).bias.upper
        assert 0.15 < K * (limit - scaled) < 0.25


# Splitting


@pytest.mark.parametrize(("K", "blocks"), [(1, 4), (2, 3), (3, 2), (5, 1)])
def test_split_is_the_mean_over_blocks_given_the_count(K: int, blocks: int) -> None:
    block, N = named("log_count", K), K * blocks
    c = [Fraction(float(x)) for x in block.coefficients]
    sums, sizes = [Fraction(0)] * (N + 1), [0] * (N + 1)
    for draws in product((0, 1), repeat=N):
        counts = [sum(draws[b : b + K]) for b in range(0, N, K)]
        sums[sum(draws)] += sum(c[X] for X in counts) / blocks
        sizes[sum(draws)] += 1
    wanted = [total / size for total, size in zip(sums, sizes, strict=True)]
    assert elevate(c, N) == wanted
    table = forms.split(block, blocks)
    assert table.coefficients.tolist() == doubles(wanted)
    assert all(expectation(wanted, p) == expectation(c, p) for p in points(N))
    assert table.bias.upper == pytest.approx(block.bias.upper, rel=1e-13)
    assert table.variance <= block.variance / blocks * (1 + 1e-13)
    bought = named("log_count", N).bias.upper  # with all draws in one count
    assert (bought < 0.75 * table.bias.upper) == (blocks > 1)


# The known figures


def printed(value: float, like: str) -> str:
    return f"{value:.{len(like.partition('.')[2])}f}"


@pytest.mark.parametrize("name", FIGURES)
def test_biases_in_units_of_the_least(name: str) -> None:
    for figure, K in zip(FIGURES[name], (8, 16, 32, 64), strict=False):
        bias, least = named(name, K).bias, float(LEAST_BIAS[K])
        assert {printed(end / least, figure) for end in (bias.lower, bias.upper)} == {figure}


@pytest.mark.parametrize("K", LOG_FIGURES)
def test_bias_and_noise_of_the_log(K: int) -> None:
    table, (bias, noise) = named("log_count", K), LOG_FIGURES[K]
    assert printed(table.bias.upper, bias) == f"0{bias}"
    assert printed(table.gradient_variance, noise) == f"0{noise}"


# Certificates


@pytest.mark.parametrize("table", [*(named(name, 8) for name in LOGS), *others()], ids=repr)
def test_certificates_contain_what_a_grid_shows(table: Table) -> None:
    c = [mp.mpf(float(x)) for x in table.coefficients]
    powers = [mp.mpf(a) for a in table.problem.target.parameters]

    def size(p: Any) -> Any:
        phi = mp.fsum(a * p**i for i, a in enumerate(powers)) if powers else mp.log(p)
        return abs(p * (expectation(c, p) - phi))

    with mp.workdps(40):
        grid = [mp.sin(mp.pi * i / 800) ** 2 for i in range(1, 401)]
        place, reach = max(grid, key=size), mp.mpf(1) / 200
        for _ in range(60):
            near = [min(max(place + reach * i / 4, grid[0]), 1) for i in range(-4, 5)]
            place, reach = max(near, key=size), reach / 2
        peak = float(size(place))
    assert table.bias.lower * (1 - 1e-12) <= peak <= table.bias.upper
    spoiled = measure(table.problem.target, table.coefficients * 1.001)
    assert not spoiled.bias.lower <= peak <= spoiled.bias.upper


# Bad input


@pytest.mark.parametrize("bad", [0, -1, 2.5, "4", True, None])
def test_what_counts_is_a_positive_integer(bad: Any) -> None:
    calls: list[Any] = [(name, (bad,), "K") for name in (*LOGS, "harmonic_entries")]
    calls += [("polynomial", (bad, [0, 1]), "K"), ("pass_at", (bad, 1), "K")]
    calls += [("pass_at", (4, bad), "k"), ("split", (named("harmonic", 2), bad), "blocks")]
    for name, arguments, letter in calls:
        words = rf"{letter} is {bad!r}: .*an integer of at least 1"
        with pytest.raises(InvalidProblem, match=words):
            getattr(forms, name)(*arguments)


@pytest.mark.parametrize("xi", [0, -0.5, 1.5, float("nan"), float("inf"), "0.5", None])
def test_xi_is_between_0_and_1(xi: Any) -> None:
    with pytest.raises(
        InvalidProblem, match=rf"xi is {xi!r}: expected a number in \(0, 1\].*exp\(-1/2\)"
    ):
        forms.schuermann(4, xi)


REFUSED = [  # call, arguments, value ... expectation ... repair
    ("schuermann", (64, 1e-5), "xi is 1e-05: .*K = 64 .*use a greater xi"),
    ("pass_at", (4, 5), "k is 5, above K = 4: .*use K >= 5"),
    ("pass_at", (99, 57), "k is 57: .*use k <= 56"),
    ("polynomial", (2, [0, 0, 0, 1]), "degree 3, above K = 2: .*use K >= 3"),
    ("polynomial", (2, [1, float("nan")]), "polynomial:1.0,nan.*finite numbers"),
    ("polynomial", (2, []), "needs finite numbers"),
    ("polynomial", (2, ["a"]), r"coefficients are \['a'\]: expected .*\[1, -1\]"),
    ("polynomial", (2, 3), r"coefficients are 3: expected .*\[1, -1\]"),
    ("polynomial", (2, [10**400]), "coefficients are .*: expected the numbers"),
    (
        "polynomial",
        (2, [1e308, 1e308]),
        r"has a number beyond 1e\+100: expected smaller ones; scale",
    ),
    ("split", (4, 2), "table is 4: expected the table of one block, as in split"),
]


@pytest.mark.parametrize(("name", "arguments", "words"), REFUSED)
def test_refusals_name_value_expectation_and_repair(name: str, arguments: Any, words: str) -> None:
    with pytest.raises(InvalidProblem, match=words):
        getattr(forms, name)(*arguments)
