"""The direction of a target, decided exactly, what a shape asks of a table, and rounding that keeps it."""

from fractions import Fraction
from itertools import pairwise
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest.errors import InvalidProblem
from polyest.problem.shapes import (
    SHAPES,
    direction,
    has_shape,
    is_concave,
    is_monotone,
    mended,
    rounded,
    steps_of,
)
from polyest.problem.targets import parse
from polyest.problem.targets.log import Log
from polyest.problem.targets.polynomial import Polynomial


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("log", 1),
        ("power:0.5", 1),
        ("power:-0.5", -1),
        ("power:0", 1),
        ("tsallis:0.5", 1),
        ("tsallis:2", 1),
        ("polynomial:3", 1),
        ("polynomial:1,-1", -1),
        ("polynomial:0,0,3,-2", 1),
        ("polynomial:0,-1e-90,0,-1e90", -1),
    ],
)
def test_every_kind_of_target_has_its_direction(name, known):
    assert direction(parse(name)) == known
    p = np.linspace(0.01, 1, 50)
    assert (known * np.diff(parse(name).phi(p)) >= 0).all()


def test_the_direction_of_a_polynomial_is_decided_exactly():
    """3 (1-2p)^2, the slope of 3p - 6p^2 + 4p^3, changes no sign at 1/2; with a hair less at p^2 it does."""
    assert direction(Polynomial((0.0, 3.0, -6.0, 4.0))) == 1
    assert direction(Polynomial((0.0, 3.0, -6.0, 4.0 + 1e-15))) == 1
    with pytest.raises(InvalidProblem, match="rises and falls"):
        direction(Polynomial((0.0, 3.0, -6.0, 4.0 - 1e-15)))
    assert direction(Polynomial((0.0, -3.0, 6.0, -4.0))) == -1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-6, 6), min_size=2, max_size=6))
def test_direction_agrees_with_a_look_at_many_points(coefficients):
    target = Polynomial(tuple(map(float, coefficients)))
    q = np.polynomial.Polynomial(coefficients).deriv()
    values = q(np.linspace(0, 1, 2001)[1:-1])
    try:
        sign = direction(target)
    except InvalidProblem:
        assert values.min() < 1e-4
        assert values.max() > -1e-4
    else:
        assert (sign * values >= -1e-9).all()


def test_a_target_of_another_class_is_not_taken_for_monotone():
    class Mine(Log):
        pass

    with pytest.raises(InvalidProblem, match="not known to rise or to fall"):
        direction(Mine())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-3, 3).map(float), min_size=2, max_size=6))
def test_steps_that_are_at_least_0_are_the_shape(entries):
    table = np.array(entries)
    assert bool((steps_of(table, "monotone") >= 0).all()) == is_monotone(table, 1)
    assert bool((steps_of(table, "concave") >= 0).all()) == is_concave(table, 1)
    assert steps_of(table, "concave").shape == (table.size - 1,)


# Shapes, exactly

ENTRIES = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=6)


@settings(max_examples=300, deadline=None)
@given(ENTRIES, st.sampled_from([1, -1]))
def test_shapes_are_decided_exactly(entries, sign):
    steps = [sign * (Fraction(b) - Fraction(a)) for a, b in pairwise(entries)]
    monotone = all(step >= 0 for step in steps)
    concave = monotone and all(b <= a for a, b in pairwise(steps))
    assert is_monotone(entries, sign) == has_shape(entries, "monotone", sign) == monotone
    assert is_concave(np.array(entries), sign) == has_shape(entries, "concave", sign) == concave


def test_what_a_difference_of_doubles_rounds_away_is_seen():
    assert not is_concave([1e-20, 1.0, 2.0], 1)  # 1 - 1e-20, then 1
    assert is_concave([-1e-20, 1.0, 2.0], 1)
    assert not is_monotone([1.0, np.nextafter(1.0, 0.0)], 1)
    assert is_monotone([1.0, np.nextafter(1.0, 0.0)], -1)
    assert is_concave([1.0, 1.0, 1.0], 1)


@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_what_is_not_finite_has_no_shape(bad):
    assert not is_monotone([0.0, bad], 1)
    assert not is_concave([bad, 0.0], -1)


def test_an_unknown_shape_is_refused():
    with pytest.raises(InvalidProblem, match="shape 'convex' is unknown: use monotone or concave"):
        has_shape([0.0, 1.0], "convex", 1)


# Rounding


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(0, 10), min_size=1, max_size=40),
    st.floats(-1e3, 1e3),
    st.sampled_from([1, -1]),
    st.sampled_from([1e-90, 1.0, 1e90]),
)
def test_rounding_keeps_the_shape(sizes, last, sign, scale):
    steps = sorted((Fraction(x) / 3 * Fraction(scale) for x in sizes), reverse=True)
    c = [Fraction(last) * Fraction(scale)]
    for step in reversed(steps):
        c.append(c[-1] - step)
    rising = c[::-1]
    top = max(map(abs, rising))
    for shape in SHAPES:
        stored = rounded(rising, shape, sign)
        assert has_shape(stored, shape, sign)
        loss = max(
            abs(sign * Fraction(x) - y) for x, y in zip(stored.tolist(), rising, strict=True)
        )
        assert loss <= len(rising) * (top * Fraction(2) ** -52 + Fraction(2) ** -1074)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(0, 5), min_size=1, max_size=30),
    st.sampled_from([1, -1]),
    st.sampled_from(SHAPES),
)
def test_a_table_that_rounding_has_put_out_of_shape_is_mended(sizes, sign, shape):
    """A solver leaves steps a hair below 0, or a hair above the one before."""
    steps = np.sort(sizes)[::-1]
    table = sign * np.concatenate([[-3.0], -3 + np.cumsum(steps)])
    odd = table + np.where(np.arange(table.size) % 2, 1e-13, -1e-13)
    entries = mended(odd, shape, sign)
    assert has_shape(entries, shape, sign)
    np.testing.assert_allclose(entries, table, atol=1e-11)
