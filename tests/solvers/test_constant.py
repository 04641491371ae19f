"""The least bias of a constant, for every kind of target: both ends against a dense evaluation."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from scipy.optimize import minimize_scalar
from strategies import TARGETS

import polyest
from polyest.errors import InvalidProblem, NotConverged
from polyest.make.pipeline import noiseless
from polyest.problem.problem import pose
from polyest.problem.targets import parse
from polyest.proof.certify import measure
from polyest.solvers.constant import best_constant

ROUNDING = 2**-51  # of a difference of doubles, relative to them
P = np.union1d(np.sin(np.linspace(0, np.pi / 2, 20001)) ** 2, np.logspace(-300, 0, 20001))


def least(target):
    """Least sup|p (c - phi)| of a constant on dense points, by a general minimiser."""
    f = target.weighted(P)
    size = 1 + 4 * float(np.abs(f).max())
    phi = target.phi(P[P > 1e-3])
    bounds = (float(phi.min()) - size, float(phi.max()) + size)
    minimum = minimize_scalar(
        lambda c: np.abs(P * c - f).max(), bounds=bounds, method="bounded", options={"xatol": 1e-12}
    )
    return float(minimum.fun), size


def check(name):
    target = parse(name)
    free = noiseless(pose(60, target, "variance", bias=1e-9))[1]
    dense, size = least(target)
    assert free >= dense - 1e-7 * size  # a general minimiser is no better than that
    assert free <= dense + 1e-7 * size
    c = best_constant(target)
    seen = np.abs(P * c - target.weighted(P)).max() * (1 - 1e-12) - ROUNDING * size
    assert measure(target, np.full(2, c)).bias.upper >= seen


@settings(max_examples=60, deadline=None, derandomize=True)
@given(TARGETS)
@example("power:1e-10")
@example("power:1e-09")
def test_no_constant_is_better_and_this_one_is_as_good(name):
    check(name)


@settings(max_examples=20, deadline=None)
@given(TARGETS)
def test_and_so_for_targets_drawn_anew(name):
    check(name)


@pytest.mark.parametrize("name", ["log", "power:0.5", "power:-0.9", "tsallis:0.3", "power:7.5"])
def test_it_is_the_levelled_constant_where_a_theorem_gives_one(name):
    target = parse(name)
    from polyest.make.pipeline import attainable

    free = noiseless(pose(1, target, "variance", bias=1e-9))[1]
    assert free == pytest.approx(attainable(target, 0).upper, rel=1e-12)
    assert free >= attainable(target, 0).lower


@pytest.mark.parametrize("name", ["polynomial:2", "power:0", "polynomial:0"])
def test_a_constant_target_is_met(name):
    assert noiseless(pose(1, name, "variance", bias=1e-9))[1] == 0


@pytest.mark.parametrize("name", ["polynomial:2", "power:0", "power:1e-308", "power:-1e-300"])
def test_the_squared_error_of_what_is_a_constant_is_a_named_error(name):
    """Exactly, or in float64: its noise of 0 is no unit to divide by."""
    with pytest.raises((InvalidProblem, NotConverged), match=r"a constant.* use criterion minimax"):
        polyest.solve(3, name, criterion="squared-error")


def test_the_budget_that_was_refused_with_a_false_bound_is_solved():
    """No constant has less bias than .128126 for this polynomial, and .1 is no loose budget."""
    table = polyest.solve(8, "polynomial:0,3,-9,6", criterion="variance", bias=0.1)
    assert 0.09 < table.bias.upper <= 0.1
    assert table.optimum.lower > 0
    with pytest.raises(InvalidProblem, match=r"a constant table has a bias of 0\.128126"):
        polyest.solve(8, "polynomial:0,3,-9,6", criterion="variance", bias=0.13)


@pytest.mark.parametrize("criterion", ["gradient-variance", "variance"])
def test_just_below_the_least_is_solved_and_just_above_refused(criterion):
    free = noiseless(pose(5, "polynomial:1,-4,0,3", criterion, bias=1e-9))[1]
    assert (
        polyest.solve(5, "polynomial:1,-4,0,3", criterion=criterion, bias=0.99 * free).optimum.lower
        > 0
    )
    with pytest.raises(InvalidProblem, match="allow less bias"):
        polyest.solve(5, "polynomial:1,-4,0,3", criterion=criterion, bias=1.01 * free)
