"""Targets: floats against balls, Taylor remainders that hold, moments, and what is refused."""

import numpy as np
import pytest
from flint import arb, arb_poly
from scipy.integrate import quad

from polyest.errors import InvalidProblem
from polyest.problem.bernstein import pmf
from polyest.problem.targets import parse

NAMES = (
    "log",
    "power:0.5",
    "power:-0.5",
    "power:2",
    "tsallis:0.5",
    "tsallis:2.5",
    "polynomial:1,-2,3",
)


@pytest.mark.parametrize("name", NAMES)
def test_name_reads_back(name):
    assert parse(name).name == name
    assert parse(parse(name)) == parse(name)


@pytest.mark.parametrize("name", NAMES)
def test_floats_agree_with_balls_and_jets_with_differences(name):
    target = parse(name)
    for p in (1e-6, 0.01, 0.3, 1.0):
        ball = arb(p)
        assert float(target.phi(p)) == pytest.approx(float(target.ball(ball)), rel=1e-13, abs=1e-15)
        value, first, second = target.jet(ball)
        assert abs(value - target.ball(ball)) < 1e-12 * (1 + abs(value))
        slopes = target.slopes(p)
        assert float(slopes[0]) == pytest.approx(float(first), rel=1e-12)
        assert float(slopes[1]) == pytest.approx(float(second), rel=1e-12)
        h = 1e-4 * p
        middle = (float(target.phi(p)) - float(target.phi(p - 2 * h))) / (2 * h)
        assert middle == pytest.approx(float(target.slopes(p - h)[0]), rel=1e-5, abs=1e-14 / h)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("terms", [4, 9, 30])
def test_taylor_polynomial_and_remainder_enclose_phi_on_the_cell(name, terms):
    target, m, step = parse(name), 0.375, 0.125
    coefficients, rest = target.taylor(arb(m), arb(step), terms)
    for t in (-1.0, -0.7, 0.0, 0.4, 1.0):
        missed = abs(arb_poly(coefficients)(arb(t)) - target.ball(arb(m + step * t)))
        assert missed.lower() <= rest.upper()
    assert terms < 30 or rest < 1e-13


def test_taylor_remainder_is_not_generous():
    rest = parse("log").taylor(arb(0.5), arb(0.25), 10)[1]
    missed = abs(
        arb_poly(parse("log").taylor(arb(0.5), arb(0.25), 10)[0])(arb(-1)) - arb(0.25).log()
    )
    assert missed < rest < 4 * missed


def test_a_taylor_polynomial_short_of_the_exponent_is_refused():
    with pytest.raises(ValueError, match="do not reach beyond"):
        parse("power:5.5").taylor(arb(0.5), arb(0.1), 4)


@pytest.mark.parametrize("name", NAMES)
def test_bounds_near_zero_hold_and_are_infinite_where_not_known(name):
    target = parse(name)
    for d in (0.125, 1e-3, 1e-9):
        first, second = target.near_zero(arb(d))
        p = d * np.linspace(1e-9, 1, 50)
        assert np.abs(target.weighted(p)).max() <= float(first) * (1 + 1e-12)
        assert (p * target.phi(p) ** 2).max() <= float(second) * (1 + 1e-12)
    assert not target.near_zero(arb(0.25))[0].is_finite()


@pytest.mark.parametrize("name", NAMES)
def test_weighted_value_vanishes_at_zero(name):
    assert parse(name).weighted([0.0, 1.0]).tolist() == [0.0, float(parse(name).phi(1.0))]


@pytest.mark.parametrize(
    "name", ["log", "power:0.5", "tsallis:0.5", "polynomial:1,-2,3", "power:-0.5"]
)
def test_moments_are_the_integrals_they_say(name):
    target, K = parse(name), 4
    for k, moment in enumerate(target.moments(K)):
        seen = quad(lambda p, k=k: float(target.weighted(p)) * pmf(K, p)[0, k], 0, 1)[0]
        assert float(moment) == pytest.approx(seen, abs=1e-10)


def test_integer_powers_are_polynomials():
    assert parse("power:3").degree == 3
    assert parse("tsallis:3").degree == 2
    assert parse("power:0.5").degree is None
    assert [float(c) for c in parse("tsallis:2").entries(4)] == [-1, -0.75, -0.5, -0.25, 0]
    assert parse("polynomial:1,0,0").name == "polynomial:1"


@pytest.mark.parametrize(
    ("name", "repair"),
    [
        ("logarithm", "use log, power:A"),
        ("log:2", "use log, power:A"),
        ("power", "needs finite numbers"),
        ("power:nan", "needs finite numbers"),
        ("power:1,2", "takes one number"),
        ("power:-1", "exponent above -1"),
        ("tsallis:1", "use the target log"),
        ("tsallis:0", "q above 0"),
        ("polynomial:1,x", "needs finite numbers"),
        (None, "use log, power:A"),
    ],
)
def test_a_bad_target_is_refused_with_a_repair(name, repair):
    with pytest.raises(InvalidProblem, match=repair):
        parse(name)
