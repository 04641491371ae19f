"""The linear program against Remez: the same optimum, the same table, and where it must refuse."""

from itertools import pairwise

import numpy as np
import pytest
from cases import LEAST_BIAS

import polyest
from polyest.errors import InvalidProblem, NotConverged
from polyest.exact.levelled import level
from polyest.problem.problem import Alternation, pose
from polyest.problem.targets import LOG, parse
from polyest.solvers import lp, remez

NAMES = ("log", "tsallis:0.5", "power:0.5")


def minimax(K, name="log"):
    return pose(K, target=name, criterion="minimax")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("K", [*range(1, 17), 23, 31, 40, 64])
def test_table_and_optimum_are_those_of_remez(K, name):
    target = parse(name)
    solution, known = lp.solve(minimax(K, name)), remez.solve(minimax(K, name))
    errors = [abs(float(level(target, s.witness.points))) for s in (solution, known)]
    assert errors[0] == pytest.approx(errors[1], rel=1e-12)
    scale = np.max(np.abs(known.coefficients))
    assert np.max(np.abs(solution.coefficients - known.coefficients)) <= 1e-12 * scale
    assert solution.method == "lp"


def test_last_point_is_one_and_points_ascend():
    points = lp.exchange(LOG, 12)
    assert len(points) == 14
    assert points[-1] == 1.0
    assert all(0 < a < b for a, b in pairwise(points))


@pytest.mark.parametrize("name", ["power:-0.9", "power:-0.99", "tsallis:0.05", "power:2.5"])
def test_steep_and_smooth_targets_have_an_alternation(name):
    target = parse(name)
    points = lp.exchange(target, 10)
    assert abs(float(level(target, points))) == pytest.approx(
        abs(float(level(target, remez.exchange(target, 10)))), rel=1e-12
    )


@pytest.mark.parametrize("K", [8, 32, 128])
def test_certified_optimum_is_the_known_one(K):
    optimum = polyest.solve(K, criterion="minimax", method="lp").optimum
    assert optimum.upper == pytest.approx(float(LEAST_BIAS[K]), rel=1e-12)
    assert optimum.width <= 1e-12


def test_errors_between_the_points_are_within_the_bound():
    # On a fixed grid, in the Bernstein basis, this is wrong by a fifth.
    bias = polyest.solve(32, criterion="minimax", method="lp").bias
    assert bias.upper == pytest.approx(float(LEAST_BIAS[32]), rel=1e-6)


@pytest.mark.parametrize("name", ["polynomial:0.5,-2", "tsallis:3", "power:2"])
def test_polynomial_of_low_degree_is_met_exactly(name):
    solution = lp.solve(minimax(6, name))
    exact = parse(name).entries(6)
    assert solution.witness == Alternation(())
    assert solution.coefficients.tolist() == [float(c) for c in exact]


def test_refuses_what_takes_minutes_and_names_remez():
    with pytest.raises(InvalidProblem, match=r"K is 257: .* use method remez"):
        lp.solve(minimax(257))


def test_refuses_other_criteria():
    with pytest.raises(InvalidProblem, match="not variance: use method socp"):
        lp.solve(pose(8, criterion="variance", noise=8))


def test_says_where_double_precision_ends():
    # e falls like K^-17 here: at K = 24 it is below the rounding of p phi(p).
    with pytest.raises(NotConverged, match=r"double precision does not resolve; use method remez"):
        lp.solve(minimax(24, "power:7.5"))


def test_says_what_was_reached_where_rounds_run_out(monkeypatch):
    monkeypatch.setattr(lp, "MOST_ROUNDS", 1)
    with pytest.raises(NotConverged, match=r"K = 16, .* after 1 rounds .* between 0\.0\d+ and"):
        lp.solve(minimax(16))


def test_says_what_highs_says(monkeypatch):
    monkeypatch.setattr(lp.highspy.Highs, "run", lambda solver: None)
    with pytest.raises(NotConverged, match=r"HiGHS ends a program of 20 points at K = 8"):
        lp.solve(minimax(8))
