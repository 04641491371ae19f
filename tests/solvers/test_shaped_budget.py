"""Noise budgets with a shape: proved from both sides by two solvers, slack where the shape is quieter."""

from contextlib import suppress
from functools import cache

import numpy as np
import pytest
from copies import replace
from hypothesis import given, settings
from hypothesis import strategies as st

import polyest
from polyest.errors import InvalidProblem, NotProved
from polyest.exact.balls import at_least
from polyest.make.pipeline import resolve
from polyest.problem.problem import pose
from polyest.problem.shapes import SHAPES, direction, has_shape, steps_of
from polyest.proof.certify import certify, spent
from polyest.proof.dual_bound import lower_bound
from polyest.solvers.socp.curves import Curves

POSED = (
    ("log", "gradient-variance", 6, 2.0),
    ("log", "variance", 5, 2.0),
    ("log", "second-moment", 5, 2.0),
    ("power:-0.5", "gradient-variance", 5, 1.5),
    ("power:2.5", "gradient-variance", 6, 0.3),
)


@cache
def solved(name, criterion, K, noise, shape, method=None):
    return polyest.solve(K, name, criterion=criterion, noise=noise, shape=shape, method=method)


def bound(table, witness):
    return at_least(lower_bound(resolve(table.problem), witness))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("posed", POSED)
def test_least_bias_is_proved_from_both_sides_within_the_budget(posed, shape):
    table = solved(*posed, shape)
    problem = resolve(table.problem)
    assert table.method == "socp"
    assert spent(problem, table.certificate) <= problem.limit
    assert has_shape(table.coefficients, shape, direction(problem.target))
    assert bound(table, table.witness) == table.optimum.lower
    assert table.optimum.width < 1e-6
    assert table.optimum.upper == table.bias.upper


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("posed", POSED)
def test_two_solvers_agree(posed, shape):
    pytest.importorskip("cvxpy")
    first, second = solved(*posed, shape), solved(*posed, shape, "cvx")
    assert second.method == "cvx"
    assert max(first.optimum.lower, second.optimum.lower) <= min(
        first.optimum.upper, second.optimum.upper
    )
    polyest.verify(polyest.loads(polyest.dumps(second)))


def test_where_noise_is_small_a_shape_is_nearly_free():
    """Noise 2 costs less than .2 %, noise 4 nothing at K = 6 and 2.4 % at 14."""
    for K, noise, low, high in (
        (6, 2, 1, 1.002),
        (14, 2, 1, 1.002),
        (6, 4, 1, 1.00001),
        (14, 4, 1.0235, 1.025),
    ):
        monotone = polyest.solve(K, noise=noise, shape="monotone").bias.upper
        free = polyest.solve(K, noise=noise).bias.upper
        assert low * (1 - 1e-6) <= monotone / free <= high


@pytest.mark.parametrize("shape", SHAPES)
def test_a_budget_above_the_noise_of_the_shape_itself_buys_nothing(shape):
    minimax = polyest.solve(6, criterion="minimax", shape=shape)
    for noise in (6.0, 50.0, None):
        table = polyest.solve(6, noise=noise, shape=shape)
        assert table.coefficients.tolist() == minimax.coefficients.tolist()
        assert (table.witness, table.optimum) == (minimax.witness, minimax.optimum)
        assert table.method == "shaped"
        assert not table.witness.bounds_noise
        polyest.verify(table)


def test_less_noise_costs_bias_up_to_a_table_without_any():
    biases = [
        polyest.solve(14, noise=r, shape="monotone").bias.upper for r in (0.05, 0.5, 1, 2, 3.5)
    ]
    assert biases == sorted(biases, reverse=True)


@pytest.mark.parametrize("noise", [2.799, 2.7995, 2.8, 2.8005, 2.801])
def test_budgets_at_which_two_tops_of_the_bias_merge_are_settled(noise):
    """Between them |e| is level to four orders in p, and the peak changes sides as the entries move."""
    table = polyest.solve(8, noise=noise, shape="concave")
    assert table.optimum.width <= 1e-6


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("K", [62, 128])
def test_large_budgets_are_proved_as_narrowly(K, shape):
    table = polyest.solve(K, noise=2, shape=shape)
    assert table.optimum.width <= 1e-6
    assert has_shape(table.coefficients, shape, 1)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(POSED), st.sampled_from(SHAPES), st.data())
def test_a_spoiled_witness_bounds_less_or_is_refused(posed, shape, data):
    table = solved(*posed, shape)
    field = data.draw(
        st.sampled_from(["bias_weights", "noise_weights", "step_weights", "noise_points"])
    )
    values = list(getattr(table.witness, field))
    i = data.draw(st.integers(0, len(values) - 1))
    values[i] = data.draw(
        st.sampled_from(
            [0.0, -values[i], values[i] * 1.01, values[i] * 100, 0.5, 1.0, values[i] + 1e-4]
        )
    )
    try:
        lower = bound(table, replace(table.witness, **{field: tuple(values)}))
    except NotProved:
        return
    assert lower <= table.bias.upper


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(POSED[:2]), st.sampled_from(SHAPES), st.data())
def test_no_multipliers_of_steps_whatever_bound_more_than_a_table_reaches(posed, shape, data):
    table = solved(*posed, shape)
    K = table.K
    weights = data.draw(st.lists(st.floats(0, 10), min_size=K, max_size=K))
    with suppress(NotProved):
        assert bound(table, replace(table.witness, step_weights=tuple(weights))) <= table.bias.upper


def test_multipliers_of_steps_matter_where_the_shape_binds():
    table = polyest.solve(14, noise=2, shape="monotone")
    without = replace(table.witness, step_weights=(0.0,) * 14)
    right = bound(table, table.witness)
    assert bound(table, without) < right * (1 - 1e-4)
    free = polyest.solve(14, noise=2).bias.upper
    assert right > free  # what a table of any shape reaches is below this bound


@pytest.mark.parametrize("shape", SHAPES)
def test_multipliers_and_steps_are_complementary(shape):
    table = polyest.solve(14, noise=2, shape=shape)
    steps = steps_of(table.coefficients, shape)
    products = steps * np.array(table.witness.step_weights)
    assert products.max() < 1e-7 * table.bias.upper
    assert (steps >= 0).all()


@pytest.mark.parametrize(
    "weights", [(0.0,) * 5, (0.0,) * 7, (), (-1.0,) + (0.0,) * 5, (np.nan,) * 6, (np.inf,) * 6]
)
def test_multipliers_that_are_no_multipliers_are_refused(weights):
    table = solved(*POSED[0], "monotone")
    with pytest.raises(NotProved, match="expected 6 of them, finite and of at least 0"):
        bound(table, replace(table.witness, step_weights=weights))


def test_a_free_table_has_no_multipliers_of_steps():
    table = polyest.solve(6, noise=2)
    assert table.witness.step_weights == ()
    spoiled = replace(table.witness, step_weights=(0.0,) * 6)
    with pytest.raises(NotProved, match="expected 0 of them"):
        certify(resolve(table.problem), table.coefficients, spoiled)


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        (
            {"bias": 0.05},
            "takes a noise budget but got bias 0.05: give noise, or use criterion minimax",
        ),
        ({"bias_ratio": 2}, "takes a noise budget but got bias-ratio 2"),
        ({"criterion": "squared-error"}, "criterion squared-error takes no shape but got monotone"),
        ({"criterion": "minimax", "noise": 2}, "criterion minimax takes no budget"),
        (
            {"noise": 2, "method": "shaped"},
            "does not solve gradient-variance with shape monotone: use socp",
        ),
        ({"criterion": "minimax", "method": "remez"}, "minimax with shape monotone: use shaped"),
        ({"noise": 0}, "noise is 0: expected a budget"),
        ({"target": "polynomial:0,1,-1", "noise": 2}, "rises and falls"),
    ],
)
def test_what_a_shape_does_not_go_with_is_refused(keywords, said):
    with pytest.raises(InvalidProblem, match=said):
        polyest.solve(5, shape="monotone", **keywords)


@pytest.mark.parametrize("shape", ["convex", "", "Monotone", 1, ["monotone"], b"monotone"])
def test_an_unknown_shape_is_refused_everywhere(shape):
    for asked in (polyest.solve, polyest.load):
        with pytest.raises(
            InvalidProblem, match="is unknown: use monotone or concave, or leave it"
        ):
            asked(5, criterion="minimax", shape=shape)
    with pytest.raises(InvalidProblem, match="is unknown: use monotone or concave"):
        pose(5, shape=shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_rounding_puts_out_of_shape_is_mended(shape, monkeypatch):
    """Steps of the interior-point method are above 0 by little, and the entries are rounded."""
    right = Curves.rounded

    def rounded(curves, b):
        c = right(curves, b)
        steps = steps_of(c, shape)[:-1]
        k = int(steps.argmin())
        c[k + 1] -= steps[k] + 1e-14
        assert not has_shape(c, shape, 1)
        return c

    monkeypatch.setattr(Curves, "rounded", rounded)
    table = polyest.solve(9, noise=2, shape=shape)
    assert has_shape(table.coefficients, shape, 1)
