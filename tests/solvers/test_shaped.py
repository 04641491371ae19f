"""Shaped minimax tables: the known optima, an independent linear program, the vertex and its shape."""

from fractions import Fraction
from itertools import pairwise
from math import comb

import numpy as np
import pytest
from cases import SHAPED
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.stats import binom

from polyest.errors import InvalidProblem, NotConverged
from polyest.problem.grids import nearest
from polyest.problem.problem import Alternation, pose
from polyest.problem.shapes import SHAPES, direction
from polyest.problem.targets import parse
from polyest.proof.certify import measure, plug_in
from polyest.proof.shape_bound import certify, has_shape, multipliers
from polyest.solvers import remez, shaped
from polyest.solvers.shaped import vertex
from polyest.solvers.shaped.level import NOISE, best, level
from polyest.solvers.shaped.places import Places
from polyest.solvers.shaped.steps import bounds_below, exchanged, guesses, moved, worst
from polyest.solvers.shaped.vertex import rounded, sharpened

RISING = ("log", "power:0.5", "tsallis:0.5", "tsallis:3.3", "power:2.5")
FALLING = ("power:-0.5", "polynomial:1,-1,0,0,0,0,-2")


def posed(K, name="log"):
    return pose(K, name, criterion="minimax")


def proved(K, shape, name="log"):
    problem = posed(K, name)
    solution = shaped.solve(problem, shape)
    return solution, certify(problem, shape, solution.coefficients, solution.witness)


# Optima


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("K", [K for K in SHAPED if K <= 62])
def test_optimum_is_the_known_one_to_every_digit_printed(K, shape):
    known = SHAPED[K][shape]
    optimum = proved(K, shape)[1].optimum
    unit = 10.0 ** -len(known.split(".")[1])
    assert optimum.lower <= float(known) + unit
    assert optimum.upper >= float(known) - unit
    assert optimum.width <= 1e-10


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("K", [126, 254, 510])
def test_large_vertices_are_proved_as_narrowly(K, shape):
    optimum = proved(K, shape)[1].optimum
    assert optimum.width <= (1e-9 if K <= 128 else 1e-8)
    if K in SHAPED:
        assert optimum.upper == pytest.approx(float(SHAPED[K][shape]), abs=1e-10)


@pytest.mark.parametrize(("K", "levels"), [(14, 8), (62, 20)])
def test_few_levels_are_free(K, levels):
    solution, _ = proved(K, "monotone")
    assert len(set(solution.coefficients.tolist())) == levels
    assert len(solution.witness.bias_points) == levels + 1


@pytest.mark.parametrize(
    ("K", "ratio", "noise"), [(6, 7.01, 4.94), (14, 8.31, 3.93), (30, 8.99, 3.40)]
)
def test_monotone_tables_against_the_log(K, ratio, noise):
    known = measure(parse("log"), plug_in(parse("log"), K))
    _, found = proved(K, "monotone")
    assert known.bias.upper / found.bias.upper == pytest.approx(ratio, abs=0.005)
    assert found.gradient_variance / known.gradient_variance == pytest.approx(noise, abs=0.005)


def referee(name, K, shape, rounds=8):
    """Bracket of the optimum by HiGHS: points uniform in the root of p, more where scipy's binomial errs.

    Its lower end is the optimum on these points, its upper end the error of that table.
    """
    target = parse(name)
    sign = direction(target)
    dense = np.sin(np.linspace(1e-4, 0.5 * np.pi, 6000)) ** 2 * (1 - 1e-12)
    rows = binom.pmf(np.arange(K + 1), K, dense[:, None])
    wanted = sign * target.phi(dense)
    p = (
        np.linspace(0.02 / (K + 1), 1, 8 * (K + 2)) ** 2
        if K < 8
        else np.linspace(0.01, 1, 6 * K) ** 2
    )
    unit = float(np.max(np.abs(measure(target, plug_in(target, K)).bias.upper)))
    steps = np.diff(np.eye(K + 1), axis=0)
    order = -steps if shape == "monotone" else np.vstack([-steps, np.diff(steps, axis=0)])
    for _ in range(rounds):
        B = binom.pmf(np.arange(K + 1), K, p[:, None]) * p[:, None] / unit
        b = sign * target.weighted(p) / unit
        A = np.block(
            [
                [B, -np.ones((p.size, 1))],
                [-B, -np.ones((p.size, 1))],
                [order, np.zeros((len(order), 1))],
            ]
        )
        found = linprog(
            np.append(np.zeros(K + 1), 1.0),
            A,
            np.concatenate([b, -b, np.zeros(len(order))]),
            bounds=[(None, None)] * (K + 1) + [(0, None)],
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        error = np.abs(dense * (rows @ found.x[:-1] - wanted))
        tops = np.flatnonzero((error[1:-1] >= error[:-2]) & (error[1:-1] >= error[2:])) + 1
        p = np.union1d(p, dense[tops])
    return found.fun * unit, float(error.max())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("name", "K"),
    [
        *(("log", K) for K in (1, 2, 3, 4, 5, 8, 11, 16, 23, 32)),
        ("power:0.5", 9),
        ("tsallis:0.5", 12),
        ("power:-0.5", 12),
        ("power:2.5", 3),
        ("polynomial:1,-1,0,0,0,0,-2", 6),
        ("power:40.5", 8),
    ],
)
def test_optimum_is_that_of_an_independent_linear_program(name, K, shape):
    lower, upper = referee(name, K, shape)
    optimum = proved(K, shape, name)[1].optimum
    assert lower <= optimum.upper * (1 + 1e-6) + 1e-9  # HiGHS is no better than that
    assert optimum.upper <= lower * (1 + 1e-5) + 1e-9
    assert optimum.lower <= upper * (1 + 1e-5) + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("K", [64, 128])
def test_large_optimum_is_that_of_an_independent_linear_program(K, shape):
    lower, upper = referee("log", K, shape)
    optimum = proved(K, shape)[1].optimum
    assert lower <= optimum.upper * (1 + 1e-6)
    assert optimum.upper <= lower * (1 + 1e-4)
    assert optimum.lower <= upper * (1 + 1e-4)


@pytest.mark.parametrize("K", range(1, 41))
def test_every_small_table_is_proved_optimal(K):
    for shape in SHAPES:
        solution, certificate = proved(K, shape)
        assert certificate.optimum.width <= 1e-11
        assert has_shape(solution.coefficients, shape, 1)


def test_a_shape_costs_bias_and_the_narrower_costs_more():
    for K in (3, 9, 14):
        free = measure(parse("log"), remez.solve(posed(K)).coefficients).bias.upper
        monotone, concave = (proved(K, shape)[1].optimum.lower for shape in SHAPES)
        assert free < monotone < concave


def test_where_the_minimax_table_is_monotone_it_is_the_answer():
    for K in (1, 2):
        free = remez.solve(posed(K)).coefficients
        for shape in SHAPES:
            np.testing.assert_allclose(
                shaped.solve(posed(K), shape).coefficients, free, rtol=1e-14, atol=1e-15
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


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_signs_of_multipliers_are_what_parity_says(data):
    """In rationals, for any steps and any places: the theorem that the solver rests on."""
    K = data.draw(st.integers(2, 7))
    shape = data.draw(st.sampled_from(SHAPES))
    steps = tuple(sorted(data.draw(st.sets(st.integers(0, K - 1), max_size=K - 1))))
    n = len(steps) + 2
    at = sorted(data.draw(st.sets(st.integers(1, 40), min_size=n, max_size=n)))
    points = [Fraction(i, 40) for i in at]

    def means(p):
        tails = [
            sum(comb(K, k) * p**k * (1 - p) ** (K - k) for k in range(j + 1, K + 1))
            for j in range(K)
        ]
        return [sum(tails[: j + 1]) for j in range(K)] if shape == "concave" else tails

    F = [means(p) for p in points]
    # Weights that see neither a constant nor the steps, the first of them 1: eliminate in rationals.
    rows = [[p * F[i][j] for i, p in enumerate(points)] for j in steps] + [list(points)]
    weights = nullspace(rows)
    assert all(a * b < 0 for a, b in pairwise(weights))
    for sign in (1, -1):
        mu = [
            sign
            * sum(w * p * F[i][j] for i, (w, p) in enumerate(zip(weights, points, strict=True)))
            for j in range(K)
        ]
        found = stand_in(K, steps, sign * weights[0])
        assert bounds_below(found) == all(mu[j] > 0 for j in range(K) if j not in steps)


def nullspace(rows):
    """The one vector, its first entry 1, that n - 1 independent rows of n rationals make 0."""
    rows, n = [row[:] for row in rows], len(rows) + 1
    for i in range(n - 1):
        pivot = next(r for r in range(i, n - 1) if rows[r][n - 1 - i] != 0)
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(n - 1):
            if r != i and rows[r][n - 1 - i] != 0:
                f = rows[r][n - 1 - i] / rows[i][n - 1 - i]
                rows[r] = [x - f * y for x, y in zip(rows[r], rows[i], strict=True)]
    return [Fraction(1), *(-rows[n - 1 - i][0] / rows[n - 1 - i][i] for i in range(1, n))]


def stand_in(K, steps, first):
    class Found:
        places = type("P", (), {"K": K})
        E = float(first)

    Found.steps = steps
    return Found


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["log", "power:0.5"])
def test_each_exchange_of_steps_raises_the_bound(name, shape):
    places = Places(parse(name), 1, shape, 24)
    found = None
    for steps in guesses(shape, 24):
        try:
            tried = best(level(places, steps), 1e-6)
        except NotConverged:
            continue
        if bounds_below(tried) and tried.against.size > 2:
            found = tried
            break
    assert found is not None
    for _ in range(200):
        if not found.against.size:
            break
        steps, at = exchanged(found, worst(found))
        following = best(level(places, steps, at), 1e-6)
        assert bounds_below(following)
        assert abs(following.E) >= abs(found.E) * (1 - NOISE)
        found = following
    assert not found.against.size
    optimum = proved(24, shape, name)[1].optimum
    assert abs(found.E) == pytest.approx(optimum.upper, rel=1e-2)


def test_moving_pairs_is_only_a_shortcut(monkeypatch):
    """The dual simplex alone ends at the same vertex."""
    quick = {shape: shaped.solve(posed(20), shape) for shape in SHAPES}
    monkeypatch.setattr(shaped, "moved", lambda found, thin: found.steps)
    assert moved is not shaped.moved
    for shape in SHAPES:
        slow = shaped.solve(posed(20), shape)
        assert slow.coefficients.tolist() == quick[shape].coefficients.tolist()
        assert slow.witness == quick[shape].witness


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
    c = shaped.solve(posed(40), "monotone").coefficients
    assert len(set(c.tolist())) < 20
    assert (np.diff(c) >= 0).all()
    for grid in ("float32", "bfloat16", "dyadic:12"):
        assert (np.diff(nearest(c, grid)) >= 0).all()


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
        stored = rounded(rising, sign, shape)
        assert has_shape(stored, shape, sign)
        loss = max(
            abs(sign * Fraction(x) - y) for x, y in zip(stored.tolist(), rising, strict=True)
        )
        assert loss <= len(rising) * (top * Fraction(2) ** -52 + Fraction(2) ** -1074)


def test_a_falling_target_is_the_rising_one_turned_over():
    for shape in SHAPES:
        up, down = (
            shaped.solve(posed(11, "tsallis:0.5"), shape),
            shaped.solve(posed(11, "power:-0.5"), shape),
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
    """(2p-1)^3 rises, its entries at K = 3 are -1, 1, -1, 1."""
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
        shaped.solve(posed(6, name), shape)


def test_what_shaped_does_not_solve_it_refuses():
    with pytest.raises(
        InvalidProblem, match="shape 'convex' is unknown: use one of monotone, concave"
    ):
        shaped.solve(posed(5), "convex")
    with pytest.raises(InvalidProblem, match="shaped solves minimax, not variance"):
        shaped.solve(pose(5, criterion="variance", noise=2), "monotone")
    with pytest.raises(InvalidProblem, match="K is 1025: shaped solves up to K = 1024"):
        shaped.solve(posed(1025), "monotone")


def test_an_error_below_double_precision_is_said_and_not_hidden():
    with pytest.raises(
        NotConverged, match=r"K = 64, target power:7.5, monotone: .* so small an error"
    ):
        shaped.solve(posed(64, "power:7.5"), "monotone")


def test_what_runs_out_is_said(monkeypatch):
    monkeypatch.setattr(shaped, "MOST_PIVOTS", 0)
    with pytest.raises(
        NotConverged, match=r"K = 9, target log, monotone: after 0 exchanges of steps"
    ):
        shaped.solve(posed(9), "monotone")


def test_a_vertex_elsewhere_is_found_out(monkeypatch):
    """A solver that stops early says so: signs of steps and multipliers are looked at in balls."""
    monkeypatch.setattr(shaped, "bounds_below", lambda found: True)
    monkeypatch.setattr(
        shaped, "guesses", lambda shape, K: iter([(0, 2, 3, 5), (0, 4, 5)]), raising=True
    )
    with pytest.raises(NotConverged, match=r"vertex|sign"):
        shaped.solve(posed(7), "monotone")


def test_a_step_against_the_shape_is_found_out_in_balls():
    found = best(level(Places(parse("log"), 1, "monotone", 9), (0, 1, 2, 4, 5, 7, 8)), 1e-9)
    assert found.against.size
    with pytest.raises(NotConverged, match="a step of the vertex goes against the shape"):
        sharpened(found)


def test_bits_are_doubled_where_they_do_not_decide_a_sign(monkeypatch):
    known = shaped.solve(posed(31), "monotone")
    monkeypatch.setattr(vertex, "FURTHER", -13)
    found = shaped.solve(posed(31), "monotone")
    assert found.coefficients.tolist() == known.coefficients.tolist()
    np.testing.assert_allclose(found.witness.bias_weights, known.witness.bias_weights, rtol=1e-3)


@pytest.mark.slow
def test_a_steep_target_of_many_draws_has_its_signs_decided():
    """At K = 1024 the first bits do not decide the sign of a weight of p^-0.9."""
    solution = shaped.solve(posed(1024, "power:-0.9"), "concave")
    assert all(a * b < 0 for a, b in pairwise(solution.witness.bias_weights))
    assert has_shape(solution.coefficients, "concave", -1)
