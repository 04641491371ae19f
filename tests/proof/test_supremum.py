"""Brackets of suprema: honest everywhere, narrow where that is promised, by a second evaluation."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import mp_phi

import polyest
from polyest.errors import NotProved
from polyest.exact.balls import at_least, at_most
from polyest.precision import working
from polyest.problem.bernstein import expectation
from polyest.problem.claims import STATED
from polyest.problem.problem import pose
from polyest.problem.targets import LOG, parse
from polyest.proof import supremum as supremum_module
from polyest.proof.supremum import BIAS, Curve, supremum
from polyest.solvers import remez

KINDS = (BIAS, *STATED)
entries = st.lists(st.floats(-5, 5, allow_subnormal=False), min_size=2, max_size=9)
targets = st.sampled_from(["log", "tsallis:0.7", "power:0.5", "polynomial:1,-1"])


def bracketed(c, target, kind):
    lower, upper = supremum(Curve([arb(float(x)) for x in c]), target, kind)
    return at_least(lower), at_most(upper)


def value_at(c, target, kind, p):
    """F(p) in 40 digits, by the definition and not by the code under test."""
    with mpmath.workdps(40):
        K, p = len(c) - 1, mpmath.mpf(p)
        rows = [mpmath.binomial(K, k) * p**k * (1 - p) ** (K - k) for k in range(K + 1)]
        P = mpmath.fsum(b * mpmath.mpf(float(x)) for b, x in zip(rows, c, strict=True))
        S = mpmath.fsum(b * mpmath.mpf(float(x)) ** 2 for b, x in zip(rows, c, strict=True))
        if kind == "second-moment":
            return S
        if kind == "variance":
            return S - P * P
        if kind == "gradient-variance":
            return p * (S - P * P)
        phi = mp_phi(target.name, p)
        return abs(p * P - p * phi) if kind == "bias" else p * (S - 2 * P * phi + phi * phi)


GRID = np.concatenate([10.0 ** np.arange(-12, -2), np.linspace(0.005, 1, 200)])


@settings(max_examples=60, deadline=None)
@given(entries, targets, st.sampled_from(KINDS))
def test_no_place_exceeds_the_upper_bound_and_some_place_reaches_the_lower(c, name, kind):
    target = parse(name)
    lower, upper = bracketed(c, target, kind)
    seen = max(value_at(c, target, kind, p) for p in GRID)
    assert seen <= upper * (1 + 1e-30) + 1e-25
    assert lower <= upper
    assert upper - lower <= 1e-9 * upper + 1e-20


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("K", [1, 8, 33])
def test_bracket_of_the_plain_log_agrees_with_a_second_search(K, kind):
    c = np.log((np.arange(K + 1) + 1) / (K + 1))
    lower, upper = bracketed(c, LOG, kind)
    best = max(GRID, key=lambda p: value_at(c, LOG, kind, p))
    step = 0.02
    for _ in range(45):  # golden-section would do; a shrinking scan is simpler to trust
        places = [min(1.0, max(1e-15, best * (1 + step * i))) for i in range(-4, 5)]
        best = max(places, key=lambda p: value_at(c, LOG, kind, p))
        step *= 0.7
    seen = max(value_at(c, LOG, kind, best), value_at(c, LOG, kind, 1e-300))
    assert lower * (1 - 1e-9) <= seen <= upper * (1 + 1e-13)
    assert upper - lower <= 1e-12 * upper


@pytest.mark.parametrize("K", [1, 12, 32, 40])
def test_bias_of_a_stored_minimax_table_is_narrow_and_not_below_the_optimum(K):
    solution = remez.solve(pose(K, criterion="minimax"))
    lower, upper = bracketed(solution.coefficients, LOG, "bias")
    assert upper - lower <= 1e-9 * upper
    level = max(value_at(solution.coefficients, LOG, "bias", p) for p in solution.witness.points)
    assert level <= upper


@pytest.mark.parametrize("k", range(6))
def test_a_nudged_entry_moves_the_bias(k):
    c = remez.solve(pose(5, criterion="minimax")).coefficients.copy()
    before = bracketed(c, LOG, "bias")[1]
    c[k] *= 1 + 1e-3
    assert bracketed(c, LOG, "bias")[0] > before * (1 + 1e-6)


def test_an_unbiased_table_has_bias_no_larger_than_its_rounding():
    target = parse("polynomial:1,-1,3")
    exact = target.entries(16)
    lower, upper = bracketed([float(x) for x in exact], target, "bias")
    assert 0 <= lower <= upper < 1e-15
    p = Fraction(3, 7)
    assert expectation(exact, p) == 1 - p + 3 * p * p
    spoiled = [float(x) for x in exact[:-1]] + [float(exact[-1]) + 1e-6]
    assert bracketed(spoiled, target, "bias")[0] > 0.9e-6


def test_bias_of_zeros_is_the_supremum_of_p_log_p():
    """p |log p| peaks at 1/e, in a cell at zero: the bound there must not be trusted before d = 1/8."""
    lower, upper = bracketed([0.0, 0.0], LOG, "bias")
    assert lower <= 0.36787944117144233 <= upper
    assert upper - lower < 1e-14


def test_squared_error_is_infinite_exactly_where_p_phi_squared_is_unbounded():
    c = [-1.0, 0.0]
    assert bracketed(c, parse("tsallis:0.4"), "squared-error") == (np.inf, np.inf)
    assert bracketed(c, parse("power:-0.6"), "squared-error")[1] == np.inf
    assert bracketed(c, parse("tsallis:0.5"), "squared-error")[1] < np.inf


def test_numbers_beyond_the_doubles_are_infinite_bounds():
    assert bracketed([1e200, -1e200], LOG, "variance")[1] == np.inf
    assert 1e199 < bracketed([1e200, -1e200], LOG, "bias")[1] < 1e201


def test_a_search_that_cannot_end_says_where_it_stands(monkeypatch):
    monkeypatch.setattr("polyest.proof.supremum.MOST_CELLS", 5)
    with pytest.raises(
        NotProved, match="sup bias of a table of K = 7 is not enclosed closely enough by 5 cells"
    ):
        bracketed(np.log((np.arange(8) + 1) / 8), LOG, "bias")


@pytest.mark.parametrize("value", [1 / 3, 2.0**-40, 123456.789, 1e-300])
def test_doubles_leave_balls_rounded_outward(value):
    third = arb(value) / 3
    exact = Fraction(value) / 3
    assert Fraction(at_least(third)) <= exact <= Fraction(at_most(third))
    assert at_most(third) - at_least(third) <= 3e-14 * at_most(third)
    assert Fraction(at_least(-third)) <= -exact <= Fraction(at_most(-third))


@pytest.mark.parametrize("K", [160, 254])
def test_what_is_rounded_before_products_encloses_it_and_claims_stay_the_same(monkeypatch, K):
    table = polyest.load(K)
    curve = Curve([arb(float(x)) for x in table.coefficients])
    for name in ("P", "S"):
        for place in ((0.5, 0.5), (0.25, 0.25), (0.375, 0.125)):
            exact, short = curve.on(name, place), curve.short(name, place)
            if exact.length() <= supremum_module.MANY_TERMS:
                assert short is exact
                continue
            with working(8192):
                assert all(
                    x.contains(a) for x, a in zip(short.coeffs(), exact.coeffs(), strict=True)
                )
            assert max(len(str(x.mid().man_exp()[0])) for x in short.coeffs()) < 80  # 256 bits
    rounded = {kind: bracketed(table.coefficients, LOG, kind) for kind in KINDS}
    monkeypatch.setattr(supremum_module, "MANY_TERMS", 10**9)
    assert rounded == {kind: bracketed(table.coefficients, LOG, kind) for kind in KINDS}
    assert rounded[BIAS][1] == table.bias.upper
