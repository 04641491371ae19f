"""Coherence: what a consensus is the best of, how far two of them are apart, and what distilling one gains.

Improvement of a policy over the reference, towards pi*:  E KL(pi*, pi_0) - E KL(pi*, pi).  `distilled`
policies keep the completions' shares within an answer, so that it is a difference of divergences of answers.
"""

import cvxpy as cp
import numpy as np
import pytest
from enumerable import EUCLID, KL, distributions, seeds
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest.errors import InvalidGame
from polyest.games import alft
from polyest.games.coherence import (
    Coherence,
    arithmetic_mean,
    geometric_mean,
    mode,
    squared_hellinger,
)

members = st.integers(1, 5)


def orbit(seed, size, answers=4, even=False):
    """Answer distributions (size, answers), some close to 0, and weights."""
    rng = np.random.default_rng(seed)
    nu = rng.dirichlet(np.full(answers, 0.3), size=size) + 1e-6
    weights = np.full(size, 1 / size) if even else rng.dirichlet(np.full(size, 3.0))
    return nu / nu.sum(1, keepdims=True), weights


@given(seed=seeds, size=members)
@settings(max_examples=200, deadline=None)
def test_the_two_means_are_within_twice_the_squared_hellinger_distance(seed, size):
    nu, weights = orbit(seed, size)
    away = np.abs(arithmetic_mean(nu, weights) - geometric_mean(nu, weights)).sum()
    assert away <= 2 * squared_hellinger(nu, weights) + 1e-12


@pytest.mark.parametrize("shared", [0.1, 0.5, 0.9])
def test_the_bound_of_the_two_means_is_attained(shared):
    """Where the members share one answer and have the rest for themselves."""
    nu, weights = np.array([[shared, 1 - shared, 0], [shared, 0, 1 - shared]]), np.array([0.5, 0.5])
    away = np.abs(arithmetic_mean(nu, weights) - geometric_mean(nu, weights)).sum()
    assert away == pytest.approx(2 * squared_hellinger(nu, weights))


@given(seed=seeds, size=members)
@settings(max_examples=50, deadline=None)
def test_what_each_mean_is_the_best_of(seed, size):
    """sum w KL(q, nu_k) = KL(q, GM) - log(1 - H^2),  sum w KL(nu_k, q) = KL(AM, q) + JS."""
    nu, weights = orbit(seed, size)
    q = distributions(seed, 1, 4)[0]
    left = weights @ KL.divergence(q, nu)
    least = -np.log1p(-squared_hellinger(nu, weights))
    assert left == pytest.approx(KL.divergence(q, geometric_mean(nu, weights)) + least, abs=1e-9)
    mean = arithmetic_mean(nu, weights)
    shannon = weights @ KL.divergence(nu, mean)
    assert weights @ KL.divergence(nu, q) == pytest.approx(KL.divergence(mean, q) + shannon)


def problem(seed, weights=None, traces=6, answers=3):
    """Two prompts of one orbit."""
    rng = np.random.default_rng(seed)
    extracted = [
        np.r_[np.arange(answers), rng.integers(0, answers, traces - answers)] for _ in "ab"
    ]
    reference = 0.9 * rng.dirichlet(np.ones(traces), size=2) + 0.1 / traces
    return alft.pose(reference, extracted, Coherence(), weights=weights, orbits=[[0, 1]])


def consensus(posed, kind):
    nu = posed.distributions(posed.reference)
    return np.tile(kind(nu, np.array(posed.prompts.weights)), (2, 1))


def coherent(posed, seed):
    """A coherent policy that has nothing else to do with the reference."""
    rng = np.random.default_rng(seed)
    nu = np.tile(rng.dirichlet(np.ones(posed.number)), (2, 1))
    shares = rng.random(posed.reference.shape) + 0.05
    return shares * posed.at_traces(nu / posed.distributions(shares))


def away(posed, pi, other, geometry=KL):
    return posed.prompts.mean(geometry.divergence(pi, other))


def projected(posed, geometry):
    """The coherent policy of least divergence from the reference, by cvxpy."""
    pi = cp.Variable(posed.reference.shape, nonneg=True)
    weights, loss, shares = posed.prompts.weights, 0, []
    for x in range(2):
        shares.append(np.eye(posed.number)[posed.answers[x]].T @ pi[x])
        if geometry == KL:
            loss += weights[x] * cp.sum(cp.rel_entr(pi[x], posed.reference[x]))
        else:
            loss += weights[x] * cp.sum_squares(pi[x] - posed.reference[x]) / 2
    limits = [cp.sum(pi, axis=1) == 1, shares[0] == shares[1]]
    cp.Problem(cp.Minimize(loss), limits).solve(
        solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_feas=1e-12
    )
    return np.maximum(pi.value, 0) / np.maximum(pi.value, 0).sum(1, keepdims=True)


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
def test_distilling_the_geometric_mean_is_the_projection_on_the_coherent_policies(seed):
    posed = problem(seed, weights=(0.3, 0.7))
    distilled = posed.distilled(consensus(posed, geometric_mean))
    assert np.ptp(posed.distributions(distilled), axis=0).max() < 1e-12
    assert projected(posed, KL) == pytest.approx(distilled, abs=1e-5)
    least = -np.log1p(
        -squared_hellinger(posed.distributions(posed.reference), np.array([0.3, 0.7]))
    )
    assert away(posed, distilled, posed.reference) == pytest.approx(least)
    for kind in (arithmetic_mean, mode):
        other = posed.distilled(consensus(posed, kind))
        assert away(posed, other, posed.reference) >= least


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
def test_pythagoras_and_monotone_improvement_where_the_optimum_is_coherent(seed):
    posed = problem(seed)
    best = coherent(posed, seed)
    distilled = posed.distilled(consensus(posed, geometric_mean))
    gained = away(posed, best, posed.reference) - away(posed, best, distilled)
    # Under KL the theorem of Pythagoras is an equality.
    assert gained == pytest.approx(away(posed, distilled, posed.reference), rel=1e-9)
    assert gained > 0
    flat = projected(posed, EUCLID)
    gained = away(posed, best, posed.reference, EUCLID) - away(posed, best, flat, EUCLID)
    assert gained >= away(posed, flat, posed.reference, EUCLID) - 1e-7


def test_where_the_optimum_is_not_coherent_coherence_may_do_harm():
    """Two prompts that only seem to mean the same: right answers 0 and 1, and the model half knows it."""
    posed = alft.pose([[0.8, 0.2], [0.2, 0.8]], [0, 1], Coherence(), orbits=[[0, 1]])
    best = np.array([[0.99, 0.01], [0.01, 0.99]])
    distilled = posed.distilled(consensus(posed, geometric_mean))
    assert distilled == pytest.approx(np.full((2, 2), 0.5))
    assert away(posed, best, posed.reference) == pytest.approx(0.181, abs=1e-3)
    assert away(posed, best, distilled) == pytest.approx(0.637, abs=1e-3)


@given(seed=seeds)
@settings(max_examples=100, deadline=None)
def test_the_arithmetic_mean_improves_almost_as_much_as_the_geometric(seed):
    """By at least the improvement of GM plus log(1 - H^2); hence within 2 L H^2, L = 1/least probability."""
    posed = problem(seed)
    nu, best = posed.distributions(posed.reference), coherent(posed, seed)
    H2 = squared_hellinger(nu, np.array(posed.prompts.weights))
    means = [consensus(posed, kind) for kind in (geometric_mean, arithmetic_mean)]
    ideal, hybrid = (-away(posed, best, posed.distilled(q)) for q in means)
    assert hybrid - ideal >= np.log1p(-H2) - 1e-12
    assert hybrid - ideal >= -2 * H2 / np.minimum(*means).min() - 1e-12


def test_no_bound_in_h_squared_alone_holds_for_the_improvement_of_the_mode():
    posed = alft.pose([[0.51, 0.49], [0.51, 0.49]], [0, 1], Coherence(), orbits=[[0, 1]])
    assert squared_hellinger(posed.reference, np.array([0.5, 0.5])) == pytest.approx(0, abs=1e-15)
    certain = posed.distilled(consensus(posed, mode))
    assert away(posed, posed.reference, certain) == np.inf


def test_an_orbit_without_a_common_answer_has_no_geometric_mean():
    with pytest.raises(InvalidGame, match="no answer in common"):
        geometric_mean(np.eye(2), np.array([0.5, 0.5]))
