"""The gradient that sampled rewards give, over all samples: enumerated multinomials, rationals, no sampling.

In the logits of the answers, d nu_z/d l_w = nu_z (1{z = w} - nu_w).  The estimated gradient of G completions
is 1/G sum_i r_i grad log nu(z_i).  Its mean is to be sum_z nu_z P(nu_z) grad log nu_z, where P is the mean
of the table.
The group-mean theorem, the exact count baseline and the division by the standard deviation are enumerated in
test_group_mean.py; here geometries, and how much harm is done.
"""

from fractions import Fraction
from itertools import product
from math import comb, factorial, log, prod

import numpy as np
import pytest
from enumerable import EUCLID, GINI

import polyest
from polyest import closed_forms, counts
from polyest.errors import CountOutOfRange, InvalidGame, InvalidProblem
from polyest.games.geometry import negative_entropy, polynomial, tsallis
from polyest.games.payoff import rewards, table
from polyest.problem.bernstein import expectation, pmf

F = Fraction
NU = {
    "even": (F(1, 3),) * 3,
    "skewed": (F(1, 2), F(1, 3), F(1, 6)),
    "rare": (F(97, 100), F(2, 100), F(1, 100)),
}
# Its coefficients are dyadic, so that rewards are exact fractions.
CUBIC = polynomial([0, 0, 0.5, 0.25, -0.0625])


def samples(nu, n):
    """Every multiset of n answers with its probability."""
    for seen in product(range(n + 1), repeat=len(nu)):
        if sum(seen) == n:
            weight = F(factorial(n), prod(map(factorial, seen)))
            yield seen, weight * prod(p**k for p, k in zip(nu, seen, strict=True))


def in_logits(masses, nu):
    return [m - p * sum(masses) for m, p in zip(masses, nu, strict=True)]


def estimated(nu, G, entries, baseline):
    """E 1/G sum_i A_i grad log nu(z_i) for in-group rewards; G/(G-1) times the centred one."""
    masses = [F(0)] * len(nu)
    for seen, weight in samples(nu, G):
        r = [entries[min(k - 1, len(entries) - 1)] if k else F(0) for k in seen]
        mean = sum(k * x for k, x in zip(seen, r, strict=True)) / G
        for z, k in enumerate(seen):
            centred = (r[z] - mean) * F(G, G - 1) if baseline == "group-mean" else r[z]
            masses[z] += weight * F(k, G) * centred
    return in_logits(masses, nu)


def estimated_independently(nu, K, entries):
    masses = [F(0)] * len(nu)
    for seen, weight in samples(nu, K):
        for z, k in enumerate(seen):
            masses[z] += nu[z] * weight * entries[k]
    return in_logits(masses, nu)


def exactly(t):
    """The entries as the rationals that they were rounded from, or as what is stored."""
    return t.problem.target.entries(t.K) or [F(float(c)) for c in t.coefficients]


@pytest.mark.parametrize("nu", NU.values(), ids=NU.keys())
@pytest.mark.parametrize("geometry", [EUCLID, GINI, tsallis(3), CUBIC])
@pytest.mark.parametrize("G", [5, 6])
def test_polynomial_geometries_are_unbiased(nu, geometry, G):
    """sum_z nu_z phi'(nu_z) grad log nu_z = grad Phi(nu), in-group with and without a mean, independent."""
    target, scale, shift = geometry.target
    assert (scale, shift) == (1.0, 0.0)
    powers = [F(a) for a in target.parameters]
    truth = in_logits([p * sum(a * p**m for m, a in enumerate(powers)) for p in nu], nu)
    for baseline in ("group-mean", "none"):
        entries, *_ = table(geometry, G, baseline=baseline)
        assert estimated(nu, G, exactly(entries), baseline) == truth
        spoiled = [*exactly(entries)[:-1], exactly(entries)[-1] + F(1, 100)]
        if len(set(nu)) > 1:
            assert estimated(nu, G, spoiled, baseline) != truth
    entries, *_ = table(geometry, G, counting="independent")
    assert entries.K == G
    assert estimated_independently(nu, G, exactly(entries)) == truth


@pytest.mark.parametrize("nu", NU.values(), ids=NU.keys())
@pytest.mark.parametrize("G", [3, 4, 6])
def test_any_table_gives_the_gradient_of_its_mean(nu, G):
    """sum_z nu_z P(nu_z) grad log nu_z: K = G - 2 under a group mean, G - 1 without, K independent."""
    for name in ("log_count", "harmonic"):
        for K, estimate in (
            (G - 2, lambda c: estimated(nu, G, c, "group-mean")),
            (G - 1, lambda c: estimated(nu, G, c, "none")),
            (G, lambda c: estimated_independently(nu, G, c)),
        ):
            entries = [F(float(c)) for c in getattr(closed_forms, name)(K).coefficients]
            truth = in_logits([p * expectation(entries, p) for p in nu], nu)
            assert estimate(entries) == truth


def test_rewards_are_the_table_at_the_counts():
    answers = [[7, 7, 3, -1, 7, 3]]
    t, scale, shift = table(negative_entropy(), 6, noise=4)
    assert (t.K, scale, shift) == (4, 1.0, 1.0)
    paid = rewards(negative_entropy(), answers, beta=0.5, noise=4)[0]
    seen = counts.in_group(np.array(answers)).index[0]
    expected = -0.5 * (t.coefficients[seen] + 1)
    assert paid[[0, 1, 2, 4, 5]] == pytest.approx(expected[[0, 1, 2, 4, 5]])
    assert np.isnan(paid[3])
    consistent = rewards(negative_entropy(), answers, beta=0.5, sign=-1, noise=4)[0]
    assert consistent[0] == -paid[0]
    # K = 5 without a mean, 3 independent draws
    assert rewards(EUCLID, answers, baseline="none")[0, 0] == -2 / 5
    assert rewards(EUCLID, [[7, 3, 5]], reference=[[7, 7, 3]]).tolist() == [[-2 / 3, -1 / 3, 0.0]]


def test_a_geometry_that_is_no_polynomial_has_the_table_of_its_target():
    t, scale, shift = table(tsallis(0.5), 8)
    assert (t.problem.target.name, t.K, scale, shift) == ("tsallis:0.5", 6, 0.5, 1.0)
    assert t.generator["method"] == "socp"
    unreleased, *_ = table(tsallis(0.75), 5, noise=2)
    assert unreleased.problem.target.name == "tsallis:0.75"
    polyest.verify(unreleased)


@pytest.mark.parametrize(
    ("error", "said", "call"),
    [
        (InvalidProblem, "degree", lambda: table(CUBIC, 4)),  # K = 2, degree 3
        (CountOutOfRange, "a group of 2", lambda: table(EUCLID, 2)),
        (InvalidGame, "noise with polynomial", lambda: table(EUCLID, 8, noise=2)),
        (InvalidProblem, "baseline 'mean' is unknown", lambda: table(EUCLID, 8, baseline="mean")),
        (InvalidGame, "sign is 0: expected 1", lambda: rewards(EUCLID, [[1, 1, 2]], sign=0)),
        (InvalidGame, "beta is nan: expected", lambda: rewards(EUCLID, [[1, 1, 2]], beta=np.nan)),
        (InvalidGame, "beta is -1: expected", lambda: rewards(EUCLID, [[1, 1, 2]], beta=-1)),
        (InvalidGame, "geometry is 'kl'", lambda: rewards("kl", [[1, 1, 2]])),
        (CountOutOfRange, "not a rectangular array", lambda: rewards(EUCLID, [[1, 1, 2], [1]])),
        (CountOutOfRange, "expected integers", lambda: rewards(EUCLID, [[1.5, 1, 2]])),
        (CountOutOfRange, r"expected \(prompts, G\)", lambda: rewards(EUCLID, [1, 1, 2])),
    ],
)
def test_what_gives_no_reward_is_refused(error, said, call):
    with pytest.raises(error, match=said):
        call()


# How much harm is done.


def standardised(nu, G, entries):
    """The gradient where rewards are centred and divided by the standard deviation of their group."""
    masses = np.zeros(len(nu))
    for seen, weight in samples(nu, G):
        k = np.array(seen)
        r = np.array([entries[min(j - 1, len(entries) - 1)] if j else 0.0 for j in seen])
        mean = (k * r).sum() / G
        spread = ((k * (r - mean) ** 2).sum() / (G - 1)) ** 0.5
        if spread > 0:
            masses += float(weight) * k / G * (r - mean) / spread
    p = np.array([float(q) for q in nu])
    return masses - p * masses.sum()


def exact_log(nu):
    p = np.array([float(q) for q in nu])
    return p * (np.log(p) - (p * np.log(p)).sum())


@pytest.mark.parametrize(
    ("nu", "shrunk", "turned"),
    [
        ((F(1, 2), F(1, 3), F(1, 6)), 0.571, 2.56),
        ((F(97, 100), F(2, 100), F(1, 100)), 0.497, 1.08),
        ((F(6, 10), F(2, 10), F(2, 10)), 0.506, 0.0),
    ],
)
def test_dividing_by_the_standard_deviation_rescales_and_turns_the_gradient(nu, shrunk, turned):
    """With the best table of G = 8; degrees between the mean gradient and the true one, and its length."""
    best = polyest.load(6, criterion="minimax").coefficients
    truth, gradient = exact_log(nu), standardised(nu, 8, best)
    cosine = truth @ gradient / np.linalg.norm(truth) / np.linalg.norm(gradient)
    assert np.linalg.norm(gradient) / np.linalg.norm(truth) == pytest.approx(shrunk, rel=0.01)
    assert np.degrees(np.arccos(min(1.0, cosine))) == pytest.approx(turned, abs=0.02)
    # without the division: parallel to the truth, 7/8 of it, up to the bias of the table
    plain = [float(x) * 7 / 8 for x in estimated(nu, 8, [F(float(c)) for c in best], "group-mean")]
    assert np.abs(np.array(plain) - 7 / 8 * truth).max() < 2 * 0.0067


def test_standardised_rewards_do_not_see_beta():
    nu = NU["skewed"]
    c = polyest.load(6).coefficients
    assert standardised(nu, 8, 5 * c) == pytest.approx(standardised(nu, 8, c))


@pytest.mark.parametrize(
    ("p", "q", "table_errs", "log_errs"), [(0.9, 0.1, 0.0934, 0.0059), (1.0, 0.0, 0.4607, 0.0)]
)
def test_a_pooled_count_is_read_in_no_table(p, q, table_errs, log_errs):
    """The count over 8 + 8 draws of two prompts is a sum of binomials: weighted bias at their mean of 1/2."""
    pooled = np.convolve(pmf(8, [p])[0], pmf(8, [q])[0])
    certified = polyest.solve(16, bias=0.0025)
    assert certified.bias.upper <= 0.0025
    mean = (p + q) / 2
    weighted = mean * (pooled @ certified.coefficients - log(mean))
    assert abs(weighted) == pytest.approx(table_errs, abs=5e-4)
    plain = mean * (pooled @ closed_forms.log_smoothed(16).coefficients - log(mean))
    assert abs(plain) == pytest.approx(log_errs, abs=5e-4)


def test_thinned_draws_are_binomial_and_the_table_holds():
    """One draw of each of 8 pairs is kept at random: the count is Binomial(8, (p + q)/2) for any p, q."""
    p, q = F(9, 10), F(1, 10)
    kept = [(1 - p) / 2 + (1 - q) / 2, p / 2 + q / 2]
    whole = [F(1)]
    for _ in range(8):
        whole = [
            (whole[i] if i < len(whole) else 0) * kept[0] + (whole[i - 1] if i else 0) * kept[1]
            for i in range(len(whole) + 1)
        ]
    assert whole == [comb(8, k) * F(1, 2) ** 8 for k in range(9)]
