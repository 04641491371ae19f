"""The proof for every K >= 1024: its series, its rests, and its limits against tables written out."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from copies import replace
from flint import arb, ctx, fmpq
from scipy.optimize import minimize_scalar
from scipy.special import digamma, exp1
from scipy.stats import binom

import polyest
from polyest.errors import NotProved
from polyest.problem.claims import Bracket
from polyest.problem.departures import head
from polyest.problem.targets import LOG
from polyest.proof import poisson, universal
from polyest.proof.certify import measure

DRAWS = (1024, 1025, 1999, 4096, 65536, 10**7)
PLACES = (0.05, 0.75, 2.5, 11.0, 24.0, 48.0)


@pytest.fixture(scope="module")
def table():
    return polyest.load(4096)


@pytest.fixture(scope="module")
def proved(table):
    return universal.prove(table.departures, table.peak)


@pytest.fixture(scope="module")
def harmonic():
    """Limits of the table without departures."""
    return universal.prove(np.zeros(1), PEAK)


PEAK = 0.4348  # near the greatest lambda E_1(lambda)


def exact_head(departures):
    return [tuple(fmpq(a.numerator, a.denominator) for a in row) for row in head(departures)]


def mean(entries, K, lam):
    """sum_X f_X B_X of entries f_X0 + f_X1/K, a ball around a rational number."""
    p, total = Fraction(lam) / K, Fraction(0)
    for X, row in enumerate(entries):
        f = sum(Fraction(int(a.p), int(a.q)) / K**i for i, a in enumerate(row))
        total += f * comb(K, X) * p**X * (1 - p) ** (K - X)
    return arb(fmpq(total.numerator, total.denominator))


@pytest.mark.parametrize("lam", [0.125, 2.5, 24.0])
def test_a_mean_is_its_series_up_to_the_rest(table, lam):
    entries = exact_head(table.departures[:8])
    with ctx.workprec(universal.BITS):
        (series,) = poisson.expand([entries])
        (rest,) = poisson.rests([entries], arb(lam))
        terms = [(-arb(lam)).exp() * a(fmpq(*lam.as_integer_ratio())) for a in series]
        for K in (1024, 1500):
            exact = mean(entries, K, lam)
            left = abs(exact - sum((a / arb(K) ** k for k, a in enumerate(terms)), arb(0)))
            assert left <= rest
        assert rest < 1e-9
        # one term fewer is missed by more than the rest
        assert not abs(exact - sum((a / arb(K) ** k for k, a in enumerate(terms[:-4])))) <= rest


def test_a_rest_holds_over_a_ball():
    entries = exact_head(np.array([1.0, -2.0, 0.5]))
    with ctx.workprec(universal.BITS):
        (rest,) = poisson.rests([entries], arb(5.25, 0.25))
        for lam in (5.0, 5.125, 5.5):
            assert poisson.rests([entries], arb(lam))[0] <= rest
        assert not poisson.rests([entries], arb(7))[0] <= rest


@pytest.mark.parametrize("seed", range(3))
def test_the_second_term_cancels_the_first_order(seed):
    """L_1 of the head and that of the harmonic part add up to 0, whatever the departures."""
    entries = exact_head(np.random.default_rng(seed).normal(size=9))
    (series,) = poisson.expand([entries])
    assert series[1] + universal.BEYOND_LOG[0] == 0
    (single,) = poisson.expand([[(u,) for u, _ in entries]])
    assert single[1] + universal.BEYOND_LOG[0] != 0


def test_a_polynomial_in_1_over_k_lies_between_its_bernstein_coefficients():
    coefficients = [fmpq(3), fmpq(-4000), fmpq(10**7), fmpq(-(10**10))]
    ends = poisson.between(coefficients)

    def value(x):
        return sum(a * x**k for k, a in enumerate(coefficients))

    assert all(min(ends) <= value(fmpq(1, K)) <= max(ends) for K in (1024, 1025, 3000, 10**6))
    assert (ends[0], ends[-1]) == (value(fmpq(0)), value(fmpq(1, 1024)))
    assert not min(ends) <= value(fmpq(1, 200)) <= max(ends)


@pytest.mark.parametrize(("m", "r"), [(0.75, 0.25), (8.5, 0.5), (100.0, 1.0), (0.4, 0.0)])
def test_polynomials_on_a_cell_enclose_their_functions(m, r):
    with ctx.workprec(200):
        decay = poisson.decay(m, r, 1e-20)
        integral = poisson.exponential_integral(m, r, 1e-20)
        for t in (-1.0, -0.5, 0.3, 1.0):
            lam = arb(m) + arb(r) * t
            assert decay(arb(t)).overlaps((-lam).exp())
            assert integral(arb(t)).overlaps(lam.expint(arb(1)))
            assert decay(arb(t)).rad() < 1e-19
            assert integral(arb(t)).rad() < 1e-19
            beside = lam * (1 + arb(1) / 2**40)
            assert not decay(arb(t)).overlaps((-beside).exp()) or m == 100.0
            assert not integral(arb(t)).overlaps(beside.expint(arb(1))) or m == 100.0


def test_the_release_is_what_is_proved(table, proved):
    assert table.limits == proved
    assert proved.bias.width < 1e-5


def test_the_budget_is_kept_and_used(table, proved):
    assert proved.gradient_variance <= 8 * proved.log_count * (1 - 2.0**-25)
    assert proved.gradient_variance >= 8 * proved.log_count * (1 - 1e-6)


def test_a_table_written_out_lies_within_the_limits(proved):
    """measure knows nothing of Poisson: it sees 1026 doubles."""
    K = 1025
    table = polyest.load(K)
    entrywise = measure(LOG, table[np.arange(K + 1)])
    claims = table.certificate
    assert claims.bias.lower <= entrywise.bias.lower <= entrywise.bias.upper <= claims.bias.upper
    assert proved.bias.lower <= K * entrywise.bias.lower
    assert K * entrywise.bias.upper <= proved.bias.upper
    for name, share in (
        ("gradient_variance", 1e-5), ("variance", 1e-5), ("squared_error", 2e-4),
        ("second_moment", 1e-12),
    ):  # fmt: skip
        measured, claimed = getattr(entrywise, name), getattr(claims, name)
        assert measured * (1 - 1e-12) <= claimed <= measured * (1 + share)
    assert K * entrywise.gradient_variance <= proved.gradient_variance


def weighted(table, lam, counts=400):
    """K e, K p Var and Var in float64 at each lambda: counts beyond 400 have no weight there."""
    K = table.K
    X = np.arange(counts)
    c = table[X]
    B = binom.pmf(X, K, lam[:, None] / K)
    P = B @ c
    variance = B @ (c * c) - P * P
    return lam * (P - np.log(lam / K)), lam * variance, variance


@pytest.mark.parametrize("K", [1025, 4096, 65536, 10**9])
def test_every_large_table_reaches_the_limits_and_no_more(proved, table, K):
    lam = np.append(np.linspace(0.03, 12, 3000) ** 2, table.peak)
    bias, gradient, variance = weighted(polyest.load(K), lam)
    assert abs(bias[-1]) >= proved.bias.lower - 1e-8
    assert np.abs(bias).max() <= proved.bias.upper + 1e-8
    assert gradient.max() <= proved.gradient_variance + 1e-6
    assert gradient.max() >= 0.998 * proved.gradient_variance
    assert 0.998 * proved.variance <= variance.max() <= proved.variance + 1e-6


@pytest.mark.parametrize("K", [1025, 4096])
def test_one_term_does_not_reach_them(proved, table, K):
    """-log K + g[X], the Poisson limit alone, is off by 1/(2K) at p = 1."""
    at_one = K * (digamma(K + 1.0) - np.log(K))
    assert at_one == pytest.approx(0.5, abs=1e-3)
    assert at_one > 14 * proved.bias.upper


@pytest.mark.parametrize("K", DRAWS)
def test_the_unit_of_noise_is_below_that_of_the_log(proved, K):
    lam = np.linspace(18, 30, 400)
    X = np.arange(400)
    c, B = np.log(X + 1.0), binom.pmf(X, K, lam[:, None] / K)
    unit = lam * (B @ (c * c) - (B @ c) ** 2)
    assert proved.log_count <= unit.max()
    if K == 1024:
        assert unit.max() <= proved.log_count * (1 + 1e-5)


def test_without_departures_it_is_the_harmonic_table(harmonic):
    top = -minimize_scalar(
        lambda lam: -lam * exp1(lam), bounds=(0.1, 1), options={"xatol": 1e-9}
    ).fun
    assert harmonic.bias.lower - 1e-9 <= top <= harmonic.bias.upper
    assert harmonic.bias.width < 1e-6
    assert 128 * polyest.closed_forms.harmonic(128).bias.upper == pytest.approx(top, rel=1e-2)


def test_an_altered_departure_shows_in_every_limit(table, proved, monkeypatch):
    altered = table.departures.copy()
    altered[10] += 1e-4
    proof = universal.prove(altered, table.peak)
    names = ("bias", "variance", "gradient_variance", "squared_error", "selection")
    assert all(getattr(proof, name) != getattr(proved, name) for name in names)
    spoiled = replace(table, departures=altered)

    def again(departures, peak):
        """The proof above, not made a second time."""
        assert (departures.tobytes(), peak) == (altered.tobytes(), table.peak)
        return proof

    monkeypatch.setattr(universal, "prove", again)
    with pytest.raises(NotProved, match="bias is claimed to be"):
        polyest.verify(spoiled)


@pytest.mark.parametrize("i", range(0, 48, 5))
def test_a_departure_altered_by_1e_10_shows(table, i):
    altered = table.departures.copy()
    altered[i] += 1e-10
    exact = sum((X + 1) * u * u for X, (u, _) in enumerate(head(altered)))
    assert float(exact) != table.limits.selection


@pytest.mark.parametrize(
    "name", ["bias", "variance", "gradient_variance", "squared_error", "log_count", "selection"]
)
@pytest.mark.parametrize("share", [1 + 1e-12, 1 - 1e-12])
def test_an_altered_limit_is_refused(table, proved, monkeypatch, name, share):
    monkeypatch.setattr(universal, "prove", lambda *_: proved)
    polyest.verify(table)
    said = getattr(table.limits, name)
    other = Bracket(said.lower, said.upper * share) if name == "bias" else said * share
    with pytest.raises(NotProved, match=f"{name} is claimed to be .* proved is"):
        polyest.verify(replace(table, limits=replace(table.limits, **{name: other})))


def test_a_smaller_budget_is_refused(table, proved, monkeypatch):
    monkeypatch.setattr(universal, "prove", lambda *_: proved)
    less = replace(table.problem, budget=replace(table.budget, value=8 * (1 - 1e-6)))
    with pytest.raises(NotProved, match="K sup p Var is bounded by"):
        polyest.verify(replace(table, problem=less))
    other = replace(table.problem, criterion="variance")
    with pytest.raises(NotProved, match="the only one whose limits are proved"):
        polyest.verify(replace(table, problem=other))


@pytest.mark.parametrize(
    ("departures", "peak", "said"),
    [
        (np.zeros(70), 1.0, "70 departures"),
        (np.zeros(3), 0.0, "peak is 0.0"),
        (np.zeros(3), np.nan, "peak is nan"),
        (np.array([0.0, 5.0, -9.0]), 1.0, "entry 2 is larger in absolute value than entry 0"),
        (np.array([2.0]), 1.0, "entry 0 is larger in absolute value"),
        (np.array([-1e200]), 1.0, "u_0 is -1e[+]200: expected a size of at most 64"),
    ],
)
def test_what_the_proof_does_not_take_is_refused(departures, peak, said):
    with pytest.raises(NotProved, match=said):
        universal.prove(departures, peak)
