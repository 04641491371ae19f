"""Probabilities at the edge of the doubles: subnormal, 0, minus 0, 1 and just below it."""

from fractions import Fraction
from math import comb, isfinite, nextafter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from polyest import games, gradients
from polyest.problem.bernstein import expectation, pmf, quick_pmf

LEAST_NORMAL = 2.0**-1022
EDGES = (
    0.0,
    -0.0,
    5e-324,
    1e-320,
    1e-310,
    LEAST_NORMAL,
    1e-300,
    1e-16,
    nextafter(1.0, 0),
    1 - 1e-15,
    1.0,
)
edges = st.sampled_from(EDGES) | st.floats(0, 1) | st.floats(0, 1e-300)


def exact(K, p):
    p = Fraction(p)
    return [comb(K, k) * p**k * (1 - p) ** (K - k) for k in range(K + 1)]


@settings(deadline=None, max_examples=60)
@given(K=st.integers(1, 40), p=edges)
@example(K=5, p=1e-320)
@pytest.mark.parametrize(
    "probability", [pmf, lambda K, p: quick_pmf(K, np.array(p))], ids=["pmf", "quick_pmf"]
)
def test_binomial_probabilities_are_right_at_the_edges(probability, K, p):
    row = probability(K, [p])[0]
    for k, (value, truth) in enumerate(zip(row, exact(K, p), strict=True)):
        within = 1e-13 * (K + 1) * truth + Fraction(5e-324)
        assert abs(Fraction(float(value)) - truth) <= within, (k, value, float(truth))


@settings(deadline=None, max_examples=60)
@given(p=edges, entries=st.lists(st.floats(-10, 10), min_size=2, max_size=12))
def test_means_of_tables_are_right_at_the_edges(p, entries):
    K = len(entries) - 1
    truth = sum(Fraction(c) * b for c, b in zip(entries, exact(K, p), strict=True))
    assert abs(Fraction(float(expectation(entries, p))) - truth) <= Fraction(1e-11)


@settings(deadline=None, max_examples=60)
@given(
    G=st.integers(3, 6),
    p=st.sampled_from([q for q in EDGES if 0 < q <= 1e-16]),
    baseline=st.sampled_from(gradients.BASELINES),
)
@example(G=5, p=1e-320, baseline="group-mean")
def test_the_gradient_with_a_next_to_impossible_answer_is_the_one_without_it(G, p, baseline):
    rewards = np.linspace(-1.0, 2.0, G)
    gradient = gradients.of_group(gradients.Answers((p, 0.5), (1, 2)), rewards, baseline)
    plain = gradients.of_group(gradients.Answers((0.5,), (2,)), rewards, baseline)
    assert np.isfinite(gradient.mean).all()
    assert isfinite(gradient.noise)
    assert abs(gradient.mean[0]) <= 10 * p + 1e-300
    assert gradient.mean[1:] == pytest.approx(plain.mean, abs=1e-12)
    assert gradient.noise == pytest.approx(plain.noise, abs=1e-12)


GOALS = {
    "standard": games.StandardRL((1.0, 0.0)),
    "truth": games.GroundTruth((1,)),
    "entropy": games.Diversity(games.negative_entropy()),
    "tsallis": games.Diversity(games.tsallis(0.25)),
    "gini": games.Diversity(games.tsallis(2)),
    "coherence": games.Coherence(),
    "safety": games.Safety([[0.0, 1.0]], [0.75], bound=2.0),
}


@settings(deadline=None, max_examples=60)
@given(p=st.sampled_from([q for q in EDGES if q > 0]), goal=st.sampled_from(sorted(GOALS)))
@pytest.mark.parametrize("order", [0.25, 1.0, 2.0])
def test_a_game_has_no_nan_where_an_answer_is_next_to_impossible(order, p, goal):
    reference = [[1 - p, p]] if p < 1 else [[0.5, 0.5]]
    problem = games.pose(reference, [0, 1], GOALS[goal], geometry=games.tsallis(order))
    for policy in (reference, [[0.5, 0.5]], [[p, 1 - p]]):
        seen = [problem.J(policy), problem.prices(policy), problem.distilled([[0.5, 0.5]])]
        assert not any(np.isnan(value).any() for value in seen)
