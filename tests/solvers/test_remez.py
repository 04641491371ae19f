"""Minimax tables: the known optima, the alternation that proves them, and what spoils it."""

from contextlib import suppress
from fractions import Fraction

import flint
import numpy as np
import pytest
from cases import LEAST_BIAS, LIMIT, SECOND

from polyest.errors import InvalidProblem, NotConverged, NotProved
from polyest.exact.balls import bernstein_form, power_form
from polyest.exact.levelled import bracket, level, levelled
from polyest.problem.bernstein import expectation, pmf
from polyest.problem.problem import Alternation, pose
from polyest.problem.targets import LOG, parse
from polyest.proof.certify import least_bias
from polyest.solvers import remez


@pytest.mark.parametrize("K", [K for K in LEAST_BIAS if K <= 256])
def test_least_bias_is_the_known_one_to_every_digit_printed(K):
    # The figures are rounded in their last digit.
    digits = len(LEAST_BIAS[K].split("e")[0].replace(".", "").lstrip("0"))
    optimum = least_bias(LOG, K, Alternation(remez.exchange(LOG, K)))
    known, unit = float(LEAST_BIAS[K]), 10.0 ** -(digits - 1)
    assert optimum.lower <= known * (1 + unit)
    assert optimum.upper >= known * (1 - unit)
    assert optimum.width <= 1e-12


@pytest.mark.parametrize("K", [64, 100, 255, 256])
def test_least_bias_follows_its_expansion_in_even_powers(K):
    optimum = least_bias(LOG, K, Alternation(remez.exchange(LOG, K)))
    scaled = optimum.upper * (K + 1) ** 2
    assert abs(scaled - LIMIT - SECOND / (K + 1) ** 2) < 0.2 / (K + 1) ** 4
    assert abs(scaled - LIMIT) > 0.07 / (K + 1) ** 2  # the second term is needed


@pytest.mark.parametrize(
    "name", ["tsallis:0.5", "tsallis:0.1", "power:0.5", "power:-0.9", "tsallis:2.5"]
)
@pytest.mark.parametrize("K", [1, 2, 7, 24])
def test_other_targets_are_bracketed_as_narrowly(name, K):
    target = parse(name)
    assert least_bias(target, K, Alternation(remez.exchange(target, K))).width <= 1e-12


def test_power_and_tsallis_are_one_problem():
    """(p^(q-1) - 1)/(q-1) and p^(q-1) differ by a constant and a factor."""
    tsallis = least_bias(
        parse("tsallis:0.5"), 9, Alternation(remez.exchange(parse("tsallis:0.5"), 9))
    )
    power = least_bias(parse("power:-0.5"), 9, Alternation(remez.exchange(parse("power:-0.5"), 9)))
    assert tsallis.upper == pytest.approx(2 * power.upper, rel=1e-12)


@pytest.mark.parametrize("K", [1, 5, 16, 30])
def test_stored_table_equioscillates_on_its_points(K):
    solution = remez.solve(pose(K, criterion="minimax"))
    points = np.array(solution.witness.points)
    error = points * (pmf(K, points) @ solution.coefficients) - LOG.weighted(points)
    signs = np.sign(error)
    assert (signs[1:] == -signs[:-1]).all()
    np.testing.assert_allclose(np.abs(error), np.abs(error).max(), rtol=1e-6)
    assert points[-1] == 1
    assert signs[0] == 1  # log p is below every polynomial near 0


def test_levelled_error_is_a_lower_bound_for_any_points_and_best_for_the_right_ones():
    best = remez.exchange(LOG, 6)
    others = np.linspace(0.01, 1.0, 8)
    assert abs(level(LOG, best)) > abs(level(LOG, others.tolist()))
    assert float(abs(level(LOG, best))) == pytest.approx(6.6023e-3, rel=1e-4)


def test_levelled_polynomial_misses_phi_by_the_level_at_every_point():
    points = remez.exchange(LOG, 5)
    error, P = levelled(LOG, points)
    with flint.ctx.workprec(200):
        for i, x in enumerate(points):
            p = flint.arb(x)
            miss = p * (P(p) - LOG.ball(p)) - error * (-1) ** i
            assert miss.contains(0)
            assert miss.rad() < 1e-25


@pytest.mark.parametrize("i", [0, 3, 5])
def test_a_moved_point_lowers_the_lower_bound_and_loses_the_upper_one(i):
    points = list(remez.exchange(LOG, 5))
    exact = abs(level(LOG, points))
    points[i] *= 1 - 0.02
    assert abs(level(LOG, points)) < exact * (1 - 1e-6)
    with suppress(NotProved):  # where the extremum is too far from the point
        assert bracket(LOG, points)[1] > exact * (1 + 1e-6)


def test_an_alternation_must_end_at_one():
    points = remez.exchange(LOG, 5)
    with pytest.raises(NotProved, match="last alternation point"):
        bracket(LOG, (*points[:-1], 0.9999))


@pytest.mark.parametrize("points", [(), (0.5,), (0.0, 1.0), (0.5, 0.4), (0.5, 1.5)])
def test_points_that_are_no_alternation_are_refused(points):
    with pytest.raises(NotProved, match="expected ascending"):
        level(LOG, points)


def test_a_wrong_number_of_points_is_refused():
    with pytest.raises(NotProved, match="expected K \\+ 2 = 7"):
        least_bias(LOG, 5, Alternation(remez.exchange(LOG, 4)))


def test_a_polynomial_target_is_met_exactly_and_only_up_to_its_degree():
    solution = remez.solve(pose(6, target="polynomial:1,-2,0,4", criterion="minimax"))
    entries = parse("polynomial:1,-2,0,4").entries(6)
    assert solution.coefficients.tolist() == [float(c) for c in entries]
    p = Fraction(2, 7)
    assert expectation(entries, p) == 1 - 2 * p + 4 * p**3
    assert parse("power:3").entries(2) is None
    with pytest.raises(NotProved, match="no alternation points"):
        least_bias(parse("power:3"), 2, Alternation(()))
    assert (
        least_bias(parse("power:3"), 2, Alternation(remez.exchange(parse("power:3"), 2))).lower
        > 9e-3
    )


def test_what_remez_does_not_solve_it_refuses():
    with pytest.raises(InvalidProblem, match="use method socp"):
        remez.solve(pose(5, noise=8))
    with pytest.raises(InvalidProblem, match="K is 1025"):
        remez.solve(pose(1025, criterion="minimax"))


def test_an_error_below_double_precision_is_found_in_balls():
    """p^5.5 is met to 3e-12 at K = 16: float64 does not see the alternation well enough."""
    target = parse("power:5.5")
    points = remez.exchange(target, 16)
    bounds = least_bias(target, 16, Alternation(points))
    assert 0 < bounds.upper < 3e-12
    assert bounds.width < 1e-9


def test_an_error_that_neither_finds_is_said_and_not_hidden(monkeypatch):
    monkeypatch.setattr(remez, "MOST_IN_BALLS", 15)
    with pytest.raises(NotConverged, match="still moves by"):
        remez.solve(pose(16, target="power:5.5", criterion="minimax"))


def test_bases_are_inverse_of_each_other():
    entries = [flint.arb(x) for x in (3, -1, 4, 1, -5)]
    back = bernstein_form(power_form(entries), 4)
    assert all(abs(a - b) < 1e-12 for a, b in zip(entries, back, strict=True))
    assert power_form(entries)(flint.arb(1)).contains(-5)
