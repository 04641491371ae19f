"""The problem: J and its gradient are what they say, and what is no problem is refused."""

import numpy as np
import pytest
from enumerable import EUCLID, GEOMETRIES, KL, SMOOTH, coin, distributions, random_problem, seeds
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest.errors import InvalidGame
from polyest.games import alft
from polyest.games.coherence import Coherence
from polyest.games.goals import Diversity, GroundTruth, StandardRL

ENTROPY = Diversity(KL)


def test_j_of_a_problem_done_by_hand():
    """Answers (0.6, 0.4) and (0.1, 0.9); log(0.6 / 0.4) weighs 1/4."""
    problem = alft.pose(
        [[0.5, 0.1, 0.4], [0.05, 0.05, 0.9]],
        [0, 0, 1],
        StandardRL((1.0, -1.0)),
        beta=2.0,
        weights=[0.25, 0.75],
    )
    policy = np.array([[0.2, 0.2, 0.6], [0.05, 0.05, 0.9]])
    assert problem.distributions(policy) == pytest.approx(np.array([[0.4, 0.6], [0.1, 0.9]]))
    away = 0.25 * (0.2 * np.log(0.2 / 0.5) + 0.2 * np.log(2) + 0.6 * np.log(0.6 / 0.4))
    expected = -(0.25 * (0.4 - 0.6) + 0.75 * (0.1 - 0.9)) + 2 * away
    assert problem.J(policy) == pytest.approx(expected)
    assert problem.J(problem.reference) == pytest.approx(-(0.25 * 0.2 - 0.75 * 0.8))


@pytest.mark.parametrize("goal", SMOOTH)
@pytest.mark.parametrize("geometry", GEOMETRIES)
@given(seed=seeds)
@settings(max_examples=3, deadline=None)
def test_the_gradient_is_the_derivative_of_j(goal, geometry, seed):
    problem = random_problem(seed, goal, geometry, 0.7)
    pi, other = 0.9 * distributions(seed, 6, 6).reshape(2, 3, 6) + 0.1 / 6
    h = 1e-6
    slope = (problem.J(pi + h * (other - pi)) - problem.J(pi - h * (other - pi))) / (2 * h)
    paired = problem.prompts.mean((problem.gradient(pi) * (other - pi)).sum(-1))
    assert paired == pytest.approx(slope, rel=1e-5, abs=1e-7)


@given(seed=seeds, geometry=st.sampled_from(sorted(GEOMETRIES)))
@settings(max_examples=20, deadline=None)
def test_distilled_policies_have_the_answers_asked_for(seed, geometry):
    problem = random_problem(seed, "entropy", geometry, 1.0)
    nu = distributions(seed, 3, 3)
    policies = problem.checked(problem.distilled(nu))
    assert problem.distributions(policies) == pytest.approx(nu)
    shares = policies / problem.reference
    assert shares == pytest.approx(problem.at_traces(nu / problem.distributions(problem.reference)))


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"reference": [[0.5, 0.6]]}, r"reference of prompt 0 adds up to 1.1: expected 1"),
        (
            {"reference": [[1.5, -0.5]]},
            "reference of completion 1 of prompt 0 is -0.5: expected a probability",
        ),
        ({"reference": [[0.5, np.nan]]}, "reference of completion 1 of prompt 0 is nan"),
        (
            {"reference": [0.5, 0.5]},
            r"reference of shape \(2,\): expected \(prompts, completions\)",
        ),
        ({"reference": [["a", "b"]]}, "expected numbers"),
        ({"reference": [[0.5, 0.5], [1.0]]}, "reference is ragged"),
        (
            {"reference": [[1.0, 0.0]]},
            "reference of completion 1 of prompt 0 is 0: the geometry tsallis:1.0",
        ),
        ({"answers": [0, 2]}, r"answers \[0, 2\]: expected 0, 1, 2, ... without a gap"),
        ({"answers": [-1, 0]}, r"answers \[-1, 0\]: expected 0, 1, 2"),
        ({"answers": [0.0, 1.0]}, "type float64: expected integers"),
        ({"answers": [0, 1, 1]}, r"answers of shape \(3,\)"),
        ({"beta": 0}, "beta is 0: expected a positive number"),
        ({"beta": np.nan}, "beta is nan"),
        ({"beta": "1"}, "beta is '1'"),
        ({"weights": [0.5]}, r"weights \[0.5\]: expected 1 positive numbers that add up to 1"),
        ({"weights": [0.5, 0.5]}, "expected 1 positive numbers"),
        ({"orbits": [[0, 0]]}, r"orbits \[\[0, 0\]\]: expected a partition of the prompts 0..0"),
        ({"orbits": [[1]]}, "expected a partition"),
        ({"orbits": [[0], []]}, "expected a partition"),
        ({"orbits": 3}, "expected a partition"),
        ({"orbits": [0]}, "expected a partition"),
        ({"goal": GroundTruth((5,))}, "right answers"),
    ],
)
def test_what_is_no_problem_is_refused(keywords, said):
    given = {"reference": [[0.5, 0.5]], "answers": [0, 1], "goal": ENTROPY} | keywords
    with pytest.raises(InvalidGame, match=said):
        alft.pose(**given)


def test_a_zero_in_the_reference_is_fine_where_nothing_takes_its_logarithm():
    problem = alft.pose([[1.0, 0.0]], [0, 1], StandardRL((0.0, 1.0)), geometry=EUCLID)
    assert np.isfinite(problem.J([[0.5, 0.5]]))


@pytest.mark.parametrize("goal", [ENTROPY, Coherence()])
def test_an_answer_without_a_trace_is_refused_where_its_logarithm_is_taken(goal):
    with pytest.raises(InvalidGame, match="answer 1 of prompt 1 has no completion"):
        alft.pose([[0.5, 0.5]] * 2, [[0, 1], [0, 0]], goal)
    alft.pose([[0.5, 0.5]] * 2, [[0, 1], [0, 0]], Diversity(EUCLID))


@pytest.mark.parametrize(
    "policy", [[[0.5, 0.4]], [[0.5, 0.5, 0.0]], [[1.1, -0.1]], [0.5, 0.5], "x", [[np.inf, 0]]]
)
def test_what_is_no_policy_is_refused(policy):
    problem = coin(ENTROPY, 1.0)
    for use in (problem.J, problem.gradient):
        with pytest.raises(InvalidGame, match="policy"):
            use(policy)


def test_arrays_of_a_problem_are_its_own_and_read_only():
    reference, answers = np.array([[0.5, 0.5]]), np.array([0, 1])
    problem = alft.pose(reference, answers, ENTROPY)
    reference[0] = [0.1, 0.9]
    answers[0] = 1
    assert problem.reference.tolist() == [[0.5, 0.5]]
    assert problem.answers.tolist() == [[0, 1]]
    with pytest.raises(ValueError, match="read-only"):
        problem.reference[0, 0] = 1.0
