"""The direction of a target, decided exactly, and what a shape asks of a table."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest.errors import InvalidProblem
from polyest.problem.shapes import direction, steps_of
from polyest.problem.targets import Target, parse
from polyest.proof.shape_bound import is_concave, is_monotone


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
    assert direction(Target("polynomial", (0.0, 3.0, -6.0, 4.0))) == 1
    assert direction(Target("polynomial", (0.0, 3.0, -6.0, 4.0 + 1e-15))) == 1
    with pytest.raises(InvalidProblem, match="rises and falls"):
        direction(Target("polynomial", (0.0, 3.0, -6.0, 4.0 - 1e-15)))
    assert direction(Target("polynomial", (0.0, -3.0, 6.0, -4.0))) == -1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-6, 6), min_size=2, max_size=6))
def test_direction_agrees_with_a_look_at_many_points(coefficients):
    target = Target("polynomial", tuple(map(float, coefficients)))
    q = np.polynomial.Polynomial(coefficients).deriv()
    values = q(np.linspace(0, 1, 2001)[1:-1])
    try:
        found = direction(target)
    except InvalidProblem:
        assert values.min() < 1e-4
        assert values.max() > -1e-4
    else:
        assert (found * values >= -1e-9).all()


def test_a_target_of_another_class_is_not_taken_for_monotone():
    class Mine(Target):
        pass

    with pytest.raises(InvalidProblem, match="not known to rise or to fall"):
        direction(Mine("log"))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-3, 3).map(float), min_size=2, max_size=6))
def test_steps_that_are_at_least_0_are_the_shape(entries):
    table = np.array(entries)
    assert bool((steps_of("monotone", table) >= 0).all()) == is_monotone(table, 1)
    assert bool((steps_of("concave", table) >= 0).all()) == is_concave(table, 1)
    assert steps_of("concave", table).shape == (table.size - 1,)
