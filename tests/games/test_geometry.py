"""Bregman geometries: what is derived from the generator is derived right, and what is convex is decided."""

import numpy as np
import pytest
from enumerable import EUCLID, FLAT, GEOMETRIES, KL, distributions, seeds
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest.errors import InvalidGame, NotConvex
from polyest.games.geometry import polynomial, tsallis

ALL = GEOMETRIES | FLAT
every = pytest.mark.parametrize("geometry", ALL.values(), ids=ALL.keys())
INSIDE = np.linspace(0.01, 0.99, 50)


@every
def test_gradient_and_curvature_are_derivatives(geometry):
    h = 1e-5
    slope = (geometry.generator(INSIDE + h) - geometry.generator(INSIDE - h)) / (2 * h)
    assert geometry.gradient(INSIDE) == pytest.approx(slope, rel=1e-6, abs=1e-8)
    bend = (geometry.gradient(INSIDE + h) - geometry.gradient(INSIDE - h)) / (2 * h)
    assert geometry.curvature(INSIDE) == pytest.approx(bend, rel=1e-4, abs=1e-8)
    assert (geometry.curvature(INSIDE) > 0).all()


@every
def test_inverse_undoes_the_gradient_on_0_to_1_and_stays_there(geometry):
    p = np.linspace(0.0, 1.0, 101)
    assert geometry.inverse(geometry.gradient(p)) == pytest.approx(p, abs=1e-5)
    assert geometry.inverse(geometry.gradient(INSIDE)) == pytest.approx(INSIDE, abs=1e-12)
    low, high = geometry.gradient([0.0, 1.0])
    assert geometry.inverse([low - 1, high + 1]).tolist() == [0.0, 1.0]


@every
def test_the_target_of_its_table_is_its_gradient(geometry):
    target, scale, shift = geometry.target
    assert scale * target.phi(INSIDE) + shift == pytest.approx(geometry.gradient(INSIDE))
    assert geometry.degree == target.degree


@every
@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_divergence_is_that_of_the_generator(geometry, seed):
    p, q = distributions(seed, 2, 5)
    tangent = geometry.generator(q) + geometry.gradient(q) * (p - q)
    expected = (geometry.generator(p) - tangent).sum()
    assert geometry.divergence(p, q) == pytest.approx(expected, abs=1e-13)
    assert geometry.divergence(p, q) >= -1e-15
    assert geometry.divergence(p, p) == 0


def test_divergence_where_there_are_zeros():
    assert KL.divergence([0.0, 1.0], [0.5, 0.5]) == pytest.approx(np.log(2))
    assert KL.divergence([0.5, 0.5], [0.0, 1.0]) == np.inf
    assert KL.divergence([0.0, 1.0], [0.0, 1.0]) == 0
    assert tsallis(0.5).divergence([0.5, 0.5], [0.0, 1.0]) == np.inf
    assert EUCLID.divergence([0.5, 0.5], [0.0, 1.0]) == 0.25


@every
@given(seed=seeds, spread=st.sampled_from([0.1, 1.0, 10.0]))
@settings(max_examples=30, deadline=None)
def test_projection_is_optimal(geometry, seed, spread):
    """v - phi'(p) is one number where p > 0, and at most that elsewhere."""
    v = spread * np.random.default_rng(seed).normal(size=(3, 8))
    p = geometry.project(v)
    assert (p >= 0).all()
    assert p.sum(1) == pytest.approx(np.ones(3), abs=1e-14)
    price = v - geometry.gradient(np.where(p > 0, p, 1.0))
    for row, own, asked in zip(p, price, v, strict=True):
        level = own[row > 0].max()
        assert own[row > 0].min() >= level - 1e-11 * (1 + spread)
        if (row == 0).any():
            assert (asked[row == 0] - geometry.gradient(0.0)).max() <= level + 1e-12 * (1 + spread)


@every
def test_a_distribution_is_its_own_projection(geometry):
    p = distributions(7, 4, 6)
    assert geometry.project(geometry.gradient(p)) == pytest.approx(p, abs=1e-12)


def test_the_conjugate_is_the_maximum_and_shifts_with_its_argument():
    v = np.array([0.3, -1.0, 0.8])
    assert KL.conjugate(v) == pytest.approx(np.log(np.exp(v).sum()))
    for geometry in ALL.values():
        value = geometry.conjugate(v)
        assert geometry.conjugate(v + 2.5) == pytest.approx(value + 2.5)
        for p in distributions(3, 20, 3):
            assert value >= v @ p - geometry.generator(p).sum()


def test_entries_of_minus_infinity_get_nothing():
    assert KL.project([0.0, -np.inf, 0.0]).tolist() == [0.5, 0.0, 0.5]
    assert EUCLID.project([0.0, -np.inf, 0.0]).tolist() == [0.5, 0.0, 0.5]
    with pytest.raises(InvalidGame, match="greatest potential of row 1 is inf"):
        KL.project([[0.0, 1.0], [0.0, np.inf]])


def test_tsallis_tends_to_the_negative_entropy_and_is_polynomial_at_integers():
    p = np.array([0.2, 0.3, 0.5])
    assert tsallis(1 + 1e-5).generator(p) == pytest.approx(KL.generator(p), abs=1e-4)
    assert tsallis(1) == KL
    assert [tsallis(s).degree for s in (0.5, 1, 1.5, 2, 3)] == [None, None, None, 1, 2]
    assert [tsallis(s).steep for s in (0.5, 1, 1.5, 2)] == [True, True, False, False]


@given(st.floats(2e-6, 0.5), st.sampled_from([-1, 1]))
@settings(max_examples=50, deadline=None)
def test_orders_close_to_1_keep_their_digits(away, side):
    """phi' tends to log t + 1 with the series log t + 1 + (s - 1)(log^2 t/2 + log t) + ..."""
    s, t = 1 + side * away, np.array([0.05, 0.3, 0.9])
    log = np.log(t)
    series = 1 + log + (s - 1) * (log**2 / 2 + log)
    assert tsallis(s).gradient(t) == pytest.approx(series, abs=30 * away**2 + 1e-14)


@pytest.mark.parametrize("order", [1 + 1e-9, 1 - 1e-7])
def test_an_order_that_doubles_do_not_tell_from_1_is_refused(order):
    with pytest.raises(InvalidGame, match="closer to 1 than 1e-06"):
        tsallis(order)


@pytest.mark.parametrize("order", [0, -1, 21, float("nan"), "2", True, None])
def test_an_order_that_is_not_concave_as_an_entropy_is_refused(order):
    with pytest.raises(InvalidGame, match=r"order is .*: expected a number in \(0, 20\]"):
        tsallis(order)


@pytest.mark.parametrize(
    ("coefficients", "said"),
    [
        ([0, 0, 1, -1], "phi'' = -4 at p = 1"),
        ([0, 0, -1], "phi'' = -2 at p = 0"),
        # phi'' = 12 (t - 1/4) (t - 3/4), negative in between only
        ([0, 0, 9 / 8, -2, 1], "phi'' = -0.75 at p = 0.5"),
        # phi'' = 2 (t - 1/2)^2 - 1e-6, negative within 1e-3 of the middle
        ([0, 0, 0.25 - 5e-7, -1 / 3, 1 / 6], "at p = 0.5"),
        ([1, 2], "is linear"),
        ([0], "is linear"),
        ([3, 1, 0, 0], "is linear"),
    ],
)
def test_what_is_not_convex_is_refused_with_its_place(coefficients, said):
    with pytest.raises(NotConvex, match=said.replace("(", r"\(")):
        polynomial(coefficients)


@pytest.mark.parametrize(
    "coefficients",
    [
        [0, 0, 1],
        [0, 0, 0, 0, 1],  # phi'' = 0 at 0
        [0, 0, 1 / 2, -1 / 2, 1 / 4],  # phi'' = 1 - 3 t + 3 t^2 > 0, with a coefficient below 0
        [0, 0, 1, -1 / 4],  # phi'' > 0 on [0, 1], below 0 beyond 4/3
        [0, 0, 0.25, -0.3125, 0.15625],
        [0, 0, 0, 1],  # phi'' < 0 below 0
    ],
)
def test_what_is_convex_on_0_to_1_is_taken(coefficients):
    assert (polynomial(coefficients).curvature(np.linspace(0, 1, 1001)) >= 0).all()


def test_a_double_root_of_the_curvature_is_no_failure():
    """Here phi'' is exactly 3 (1 - 2 t)^2."""
    assert polynomial([0, 0, 1.5, -2, 1]).curvature(0.5) == 0


@given(st.lists(st.integers(-6, 6), min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_convexity_is_decided_as_on_a_grid(second):
    """phi'' given by its coefficients; a grid decides unless phi'' is close to 0."""
    coefficients = [0, 0, *(a / ((m + 1) * (m + 2)) for m, a in enumerate(second))]
    least = np.polynomial.Polynomial(second)(np.linspace(0, 1, 5001)).min()
    try:
        polynomial(coefficients)
    except NotConvex:
        assert least < 1e-3
    else:
        assert least > -1e-3


@pytest.mark.parametrize("coefficients", [None, "x", [], [0, 0, np.inf], [[0, 1]], [0, 0, 1e60]])
def test_what_is_no_polynomial_is_refused(coefficients):
    with pytest.raises(InvalidGame, match="expected the numbers a_0, a_1"):
        polynomial(coefficients)
