"""Noise budgets with a shape: proved from both sides, slack where the shape is quieter by itself."""

from functools import cache

import numpy as np
import pytest
from copies import replace
from hypothesis import given, settings
from hypothesis import strategies as st
from polyest.proof.shape_noise import lower_bound

from polyest.errors import InvalidProblem, NotProved
from polyest.exact.balls import at_least
from polyest.make.pipeline import resolve, solve
from polyest.problem.problem import pose
from polyest.problem.shapes import SHAPES, direction
from polyest.proof.certify import measure, spent
from polyest.proof.shape_bound import has_shape
from polyest.solvers import shaped, shaped_budget

pytest.importorskip("cvxpy")
POSED = (
    ("log", "gradient-variance", 6, 2.0),
    ("log", "variance", 5, 2.0),
    ("log", "second-moment", 5, 2.0),
    ("power:-0.5", "gradient-variance", 5, 1.5),
)


@cache
def solved(name, criterion, K, noise, shape):
    problem = resolve(pose(K, name, criterion, noise=noise))
    return problem, shaped_budget.solve(problem, shape)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("posed", POSED)
def test_least_bias_is_proved_from_both_sides_within_the_budget(posed, shape):
    problem, solution = solved(*posed, shape)
    measured = measure(problem.target, solution.coefficients)
    assert solution.method == "shaped_budget"
    assert spent(problem, measured) <= problem.limit
    assert has_shape(solution.coefficients, shape, direction(problem.target))
    lower = at_least(lower_bound(problem, shape, solution.witness))
    assert lower <= measured.bias.upper <= lower * (1 + 1e-5)


def test_where_noise_is_small_a_shape_is_nearly_free():
    for K, noise, cost in ((6, 2.0, 2e-3), (14, 2.0, 2e-3), (6, 4.0, 1e-5)):
        problem, solution = solved("log", "gradient-variance", K, noise, "monotone")
        found = measure(problem.target, solution.coefficients).bias.upper
        free = solve(K, noise=noise).bias.upper
        assert free * (1 - 1e-6) <= found <= free * (1 + cost)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_budget_above_the_noise_of_the_shape_itself_buys_nothing(shape):
    for noise in (6.0, 50.0):
        _, solution = solved("log", "gradient-variance", 6, noise, shape)
        plain = shaped.solve(pose(6, criterion="minimax"), shape)
        assert solution.coefficients.tolist() == plain.coefficients.tolist()
        assert solution.witness == plain.witness


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(POSED), st.sampled_from(SHAPES), st.data())
def test_a_spoiled_witness_bounds_less_or_is_refused(posed, shape, data):
    problem, solution = solved(*posed, shape)
    reached = measure(problem.target, solution.coefficients).bias.upper
    field = data.draw(
        st.sampled_from(["bias_weights", "noise_weights", "step_weights", "noise_points"])
    )
    values = list(getattr(solution.witness, field))
    i = data.draw(st.integers(0, len(values) - 1))
    values[i] = data.draw(
        st.sampled_from(
            [0.0, -values[i], values[i] * 1.01, values[i] * 100, 0.5, 1.0, values[i] + 1e-4]
        )
    )
    try:
        found = at_least(
            lower_bound(problem, shape, replace(solution.witness, **{field: tuple(values)}))
        )
    except NotProved:
        return
    assert found <= reached


def test_multipliers_of_steps_matter_where_the_shape_binds():
    problem, solution = solved("log", "gradient-variance", 14, 2.0, "monotone")
    without = replace(solution.witness, step_weights=(0.0,) * 14)
    right = at_least(lower_bound(problem, "monotone", solution.witness))
    assert at_least(lower_bound(problem, "monotone", without)) < right * (1 - 1e-4)
    free = solve(14, noise=2.0).bias.upper
    assert right > free  # what a table of any shape reaches is below this bound


def test_what_it_does_not_solve_it_refuses():
    with pytest.raises(InvalidProblem, match="takes a noise budget, not bias"):
        shaped_budget.solve(resolve(pose(5, bias=0.05)), "monotone")
    with pytest.raises(InvalidProblem, match="K is 25"):
        shaped_budget.solve(resolve(pose(25, noise=2)), "monotone")
    problem, solution = solved(*POSED[0], "monotone")
    for weights in ((0.0,) * 5, (-1.0,) + (0.0,) * 5, (np.nan,) * 6):
        with pytest.raises(NotProved, match="6 multipliers of steps, none below 0"):
            lower_bound(problem, "monotone", replace(solution.witness, step_weights=weights))
