"""Minimax tables with a shape: optima, the vertex, the shape of what is stored, refusals."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from copies import replace
from scipy.stats import binom

from polyest.errors import InvalidProblem, NotConverged
from polyest.problem.grids import nearest
from polyest.problem.problem import Alternation, pose
from polyest.problem.shapes import SHAPES, direction, has_shape
from polyest.problem.targets import parse
from polyest.proof.certify import certify, measure
from polyest.proof.shape_bound import multipliers
from polyest.solvers import remez, shaped
from polyest.solvers.shaped import vertex
from polyest.solvers.shaped.level import best, level
from polyest.solvers.shaped.places import Places
from polyest.solvers.shaped.vertex import sharpened

RISING = ("log", "power:0.5", "tsallis:0.5", "tsallis:3.3", "power:2.5")
FALLING = ("power:-0.5", "polynomial:1,-1,0,0,0,0,-2")


def posed(K, shape, name="log"):
    return pose(K, name, criterion="minimax", shape=shape)


def proved(K, shape, name="log"):
    problem = posed(K, shape, name)
    solution = shaped.solve(problem)
    return solution, certify(problem, solution.coefficients, solution.witness)


# Optima


@pytest.mark.parametrize(("K", "levels"), [(14, 8), (62, 20), (254, 44)])
def test_few_levels_are_free(K, levels):
    solution, _ = proved(K, "monotone")
    assert len(set(solution.coefficients.tolist())) == levels
    assert len(solution.witness.bias_points) == levels + 1


@pytest.mark.parametrize("K", range(1, 41))
def test_every_small_table_is_proved_optimal(K):
    for shape in SHAPES:
        solution, certificate = proved(K, shape)
        assert certificate.optimum.width <= 1e-11
        assert has_shape(solution.coefficients, shape, 1)


def test_a_shape_costs_bias_and_the_narrower_costs_more():
    for K in (3, 9, 14):
        free = measure(parse("log"), remez.solve(posed(K, None)).coefficients).bias.upper
        monotone, concave = (proved(K, shape)[1].optimum.lower for shape in SHAPES)
        assert free < monotone < concave


def test_where_the_minimax_table_is_monotone_it_is_the_answer():
    for K in (1, 2):
        free = remez.solve(posed(K, None)).coefficients
        for shape in SHAPES:
            np.testing.assert_allclose(
                shaped.solve(posed(K, shape)).coefficients, free, rtol=1e-14, atol=1e-15
            )


# The vertex


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("name", "K"), [("log", 14), ("log", 31), ("power:-0.5", 20), ("power:1.5", 12)]
)
def test_errors_alternate_and_multipliers_are_complementary(name, K, shape):
    solution, certificate = proved(K, shape, name)
    sign, c, dual = direction(parse(name)), solution.coefficients, solution.witness
    p, w = np.array(dual.bias_points), np.array(dual.bias_weights)
    error = sign * p * (binom.pmf(np.arange(K + 1), K, p[:, None]) @ c - parse(name).phi(p))
    np.testing.assert_allclose(np.abs(error), certificate.bias.upper, rtol=1e-6)
    assert (np.sign(error) == np.sign(w)).all()
    assert all(a * b < 0 for a, b in pairwise(w))
    assert np.abs(w).sum() == pytest.approx(1, rel=1e-14)
    exact = [sign * Fraction(x) for x in c.tolist()]
    steps = [b - a for a, b in pairwise(exact)]
    if shape == "concave":
        steps = [a - b for a, b in pairwise([*steps, Fraction(0)])]
    used = [step > 0 for step in steps]
    assert len(p) == sum(used) + 2
    mu = [float(x) for x in multipliers(K, shape, dual)]
    assert all(abs(m) < 1e-14 if step else m > 0 for m, step in zip(mu, used, strict=True))


# The shape


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", RISING + FALLING)
def test_stored_doubles_have_the_shape(name, shape):
    for K in (6, 7, 13):
        solution, certificate = proved(K, shape, name)
        sign = direction(parse(name))
        assert sign == (-1 if name in FALLING else 1)
        assert has_shape(solution.coefficients, shape, sign)
        assert certificate.optimum.width <= 1e-8 or certificate.optimum.upper < 1e-9
        assert not np.signbit(solution.coefficients[solution.coefficients == 0]).any()


def test_ties_are_equal_to_the_last_bit_and_stay_ordered_on_every_grid():
    c = shaped.solve(posed(40, "monotone")).coefficients
    assert len(set(c.tolist())) < 20
    assert (np.diff(c) >= 0).all()
    for grid in ("float32", "bfloat16", "dyadic:12"):
        assert (np.diff(nearest(c, grid)) >= 0).all()


def test_a_falling_target_is_the_rising_one_turned_over():
    for shape in SHAPES:
        up, down = (
            shaped.solve(posed(11, shape, "tsallis:0.5")),
            shaped.solve(posed(11, shape, "power:-0.5")),
        )
        # (p^-1/2 - 1)/(-1/2) = 2 - 2 p^-1/2
        np.testing.assert_allclose(up.coefficients, 2 - 2 * down.coefficients, rtol=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["power:0", "polynomial:3", "polynomial:1,-1", "polynomial:0,1"])
def test_a_target_that_a_table_of_the_shape_meets_has_nothing_to_show(name, shape):
    for K in (1, 2, 3, 10):
        solution, certificate = proved(K, shape, name)
        assert solution.witness == Alternation(())
        assert certificate.optimum.lower == 0
        assert certificate.optimum.upper < 1e-15
        exact = [float(c) for c in parse(name).entries(K)]
        np.testing.assert_allclose(solution.coefficients, exact, atol=1e-15)


def test_a_u_statistic_that_bends_up_is_monotone_and_not_concave():
    assert proved(9, "monotone", "power:2")[0].witness == Alternation(())
    solution, certificate = proved(9, "concave", "power:2")
    assert len(solution.witness.bias_points) == 3
    assert certificate.optimum.lower > 0.03


def test_a_u_statistic_that_is_not_monotone_has_a_vertex_instead():
    """(2p-1)^3 rises, and yet its entries at K = 3 are -1, 1, -1, 1."""
    name = "polynomial:-1,6,-12,8"
    assert direction(parse(name)) == 1
    _, certificate = proved(3, "monotone", name)
    assert certificate.optimum.lower > 0.05
    assert certificate.optimum.width < 1e-12
    assert 0 < proved(20, "monotone", name)[1].optimum.lower < certificate.optimum.lower / 5


# Which targets, and refusals


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "name", ["polynomial:0,1,-1", "polynomial:1,-3,3.5,-1.25", "polynomial:0,-1,0,4"]
)
def test_a_target_that_rises_and_falls_is_refused_with_the_reason(name, shape):
    with pytest.raises(InvalidProblem, match=rf"{name} rises and falls .* leave the shape out"):
        shaped.solve(posed(6, shape, name))


def test_what_shaped_does_not_solve_it_refuses():
    with pytest.raises(InvalidProblem, match=r"not variance with shape monotone: use method socp"):
        shaped.solve(pose(5, criterion="variance", noise=2, shape="monotone"))
    with pytest.raises(InvalidProblem, match=r"not minimax with shape None: use method remez"):
        shaped.solve(posed(5, None))
    with pytest.raises(InvalidProblem, match="K is 1025: shaped solves up to K = 1024"):
        shaped.solve(replace(posed(5, "monotone"), K=1025))


def test_an_error_below_double_precision_is_said_and_not_hidden():
    with pytest.raises(
        NotConverged, match=r"K = 64, target power:7.5, monotone: .* so small an error"
    ):
        shaped.solve(posed(64, "monotone", "power:7.5"))


def test_what_runs_out_is_said(monkeypatch):
    monkeypatch.setattr(shaped, "MOST_PIVOTS", 0)
    with pytest.raises(
        NotConverged, match=r"K = 9, target log, monotone: after 0 exchanges of steps"
    ):
        shaped.solve(posed(9, "monotone"))


def test_a_vertex_elsewhere_is_found_out(monkeypatch):
    """A solver that stops early says so: signs of steps and multipliers are looked at in balls."""
    monkeypatch.setattr(shaped, "bounds_below", lambda candidate: True)
    monkeypatch.setattr(
        shaped, "guesses", lambda shape, K: iter([(0, 2, 3, 5), (0, 4, 5)]), raising=True
    )
    with pytest.raises(NotConverged, match=r"vertex|sign"):
        shaped.solve(posed(7, "monotone"))


def test_a_step_against_the_shape_is_found_out_in_balls():
    candidate = best(level(Places(parse("log"), 1, "monotone", 9), (0, 1, 2, 4, 5, 7, 8)), 1e-9)
    assert candidate.against.size
    with pytest.raises(NotConverged, match="a step of the vertex goes against the shape"):
        sharpened(candidate)


def test_bits_are_doubled_where_they_do_not_decide_a_sign(monkeypatch):
    known = shaped.solve(posed(31, "monotone"))
    monkeypatch.setattr(vertex, "FURTHER", -13)
    solution = shaped.solve(posed(31, "monotone"))
    assert solution.coefficients.tolist() == known.coefficients.tolist()
    np.testing.assert_allclose(solution.witness.bias_weights, known.witness.bias_weights, rtol=1e-3)


@pytest.mark.slow
def test_a_steep_target_of_many_draws_has_its_signs_decided():
    """At K = 1024 the first bits do not decide the sign of a weight of p^-0.9."""
    solution = shaped.solve(posed(1024, "concave", "power:-0.9"))
    assert all(a * b < 0 for a, b in pairwise(solution.witness.bias_weights))
    assert has_shape(solution.coefficients, "concave", -1)
