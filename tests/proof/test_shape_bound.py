"""The lower bound of shaped tables: exact in rationals, never above a table, refused when spoiled."""

from fractions import Fraction
from itertools import accumulate
from math import inf, nan

import numpy as np
import pytest
from copies import replace
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import exact_pmf

from polyest.errors import InvalidProblem, NotProved
from polyest.exact.balls import at_least
from polyest.exact.tie_break import value
from polyest.problem.problem import Alternation, Dual, pose
from polyest.problem.shapes import SHAPES, direction
from polyest.problem.targets import LOG, parse
from polyest.proof import shape_bound
from polyest.proof.certify import certify, measure
from polyest.proof.shape_bound import lower_bound, multipliers
from polyest.solvers import shaped

SQUARE = parse("polynomial:0,0,1")
K = 9


def posed(name, shape):
    return pose(K, name, criterion="minimax", shape=shape)


SOLVED = {
    (name, shape): shaped.solve(posed(name, shape))
    for name in ("log", "power:-0.5")
    for shape in SHAPES
}
REACHED = {
    key: measure(parse(key[0]), solution.coefficients).bias.upper
    for key, solution in SOLVED.items()
}


def bound(name, shape, dual, draws=K):
    return at_least(lower_bound(parse(name), draws, shape, dual))


def dual(points, weights):
    return Dual(tuple(points), tuple(weights), (), (), 0.0)


def exact_bound(draws, shape, points, weights):
    """The bound of the docstring for phi = p^2, in rationals."""
    p, w = [Fraction(x) for x in points], [Fraction(x) for x in weights]
    s = [Fraction(0)] * (draws + 1)
    for x, y in zip(p, w, strict=True):
        s = [a + y * x * B for a, B in zip(s, exact_pmf(draws, x), strict=True)]
    sums = list(accumulate(s))
    steps, rest = sums[:-1], abs(sums[-1])
    if shape == "concave":
        steps = [M / (j + 1) for j, M in enumerate(accumulate(steps))]
    V = max(0, *steps)
    value = -sum(y * x**3 for x, y in zip(p, w, strict=True))
    bounds = []
    for reach in (Fraction(1, 2), 1, 2, 4):
        q = Fraction(reach) / (draws + 1)
        if q < 1:
            share = (1 - q) ** draws
            above = value - V * (1 - q * q) / share - rest
            bounds.append(above / (sum(map(abs, w)) + rest + V * (1 + 1 / q) / share))
    return max(bounds)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.sampled_from(SHAPES), st.data())
def test_bound_is_that_of_the_docstring_and_not_above_an_optimum_of_0(draws, shape, data):
    """p^2 is met exactly by a monotone table from K = 2 on: no weights may claim otherwise."""
    n = data.draw(st.integers(1, 6))
    points = [x / 64 for x in data.draw(st.lists(st.integers(1, 64), min_size=n, max_size=n))]
    weights = [x / 16 for x in data.draw(st.lists(st.integers(-32, 32), min_size=n, max_size=n))]
    if not any(weights):
        with pytest.raises(NotProved, match="not all 0"):
            lower_bound(SQUARE, draws, shape, dual(points, weights))
        return
    exact = exact_bound(draws, shape, points, weights)
    try:
        ball = lower_bound(SQUARE, draws, shape, dual(points, weights))
    except NotProved:  # the value cancels to 0
        assert exact == 0
        return
    with ctx.workprec(300):
        known = arb(exact.numerator) / exact.denominator
        assert ball.overlaps(known)
        assert ball.lower() <= known
    if draws > 1 and shape == "monotone":
        assert exact <= 0


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(SOLVED)), st.data())
def test_a_spoiled_witness_bounds_less_or_is_refused(key, data):
    """Whichever weight, sign or point is changed, the bound is never above what a table reaches."""
    name, shape = key
    witness = SOLVED[key].witness
    points, weights = list(witness.bias_points), list(witness.bias_weights)
    for _ in range(data.draw(st.integers(1, 3))):
        i = data.draw(st.integers(0, len(points) - 1))
        kind = data.draw(st.sampled_from(["scale", "sign", "point", "any", "nudge"]))
        if kind == "scale":
            weights[i] *= data.draw(st.sampled_from([0.0, 0.5, 0.999999, 1.000001, 2.0, 1e9]))
        elif kind == "sign":
            weights[i] = -weights[i]
        elif kind == "point":
            points[i] = data.draw(st.floats(1e-6, 1.0))
        elif kind == "nudge":
            points[i] = min(1.0, points[i] * (1 + data.draw(st.floats(-1e-6, 1e-6))))
        else:
            weights[i] = data.draw(st.floats(-1.0, 1.0))
    try:
        lower = bound(name, shape, dual(points, weights))
    except NotProved:
        return
    assert lower <= REACHED[key] * (1 + 1e-12)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(sorted(SOLVED)),
    st.lists(st.tuples(st.floats(1e-4, 1.0), st.floats(-1.0, 1.0)), min_size=1, max_size=12),
)
def test_no_weights_whatever_bound_more_than_a_table_reaches(key, pairs):
    points, weights = zip(*pairs, strict=True)
    try:
        lower = bound(*key, dual(points, weights))
    except NotProved:
        return
    assert lower <= REACHED[key]


@pytest.mark.parametrize("key", sorted(SOLVED))
def test_the_right_witness_bounds_as_much_as_the_table_reaches(key):
    lower = bound(*key, SOLVED[key].witness)
    assert REACHED[key] * (1 - 1e-12) <= lower <= REACHED[key]


@pytest.mark.parametrize("key", sorted(SOLVED))
def test_the_bound_holds_for_random_tables_of_the_shape(key):
    """Weak duality itself, without a solver: every table of the shape has at least this bias."""
    name, shape = key
    rng, sign = np.random.default_rng(5), direction(parse(name))
    lower = bound(name, shape, SOLVED[key].witness)
    best = SOLVED[key].coefficients
    for _ in range(40):
        steps = rng.exponential(size=K) * rng.integers(0, 2, size=K)
        if shape == "concave":
            steps = np.sort(steps)[::-1]
        mix = rng.choice([0.0, 0.9, 0.9999])
        c = mix * best + (1 - mix) * sign * (np.concatenate([[0.0], np.cumsum(steps)]) - 3)
        assert measure(parse(name), c).bias.upper >= lower


def test_multipliers_are_those_of_an_exact_sum():
    witness = SOLVED["log", "monotone"].witness
    s = [Fraction(0)] * (K + 1)
    for p, w in zip(witness.bias_points, witness.bias_weights, strict=True):
        s = [
            a + Fraction(w) * Fraction(p) * B
            for a, B in zip(s, exact_pmf(K, Fraction(p)), strict=True)
        ]
    exact = [-x for x in accumulate(s)][:-1]
    for shape, known in (("monotone", exact), ("concave", list(accumulate(exact)))):
        mu = [float(x) for x in multipliers(K, shape, witness)]
        np.testing.assert_allclose(mu, [float(x) for x in known], atol=1e-15)


@pytest.mark.parametrize(
    ("points", "weights", "says"),
    [
        ((), (), "0 points"),
        ((0.5,), (1.0, -1.0), "1 points and 2 weights"),
        ((0.0, 1.0), (0.5, -0.5), r"in \(0, 1\]"),
        ((0.5, 1.5), (0.5, -0.5), r"in \(0, 1\]"),
        ((0.5, nan), (0.5, -0.5), r"in \(0, 1\]"),
        ((0.5, 1.0), (0.5, nan), "finite"),
        ((0.5, 1.0), (0.5, -inf), "finite"),
        ((0.5, 1.0), (0.0, 0.0), "not all 0"),
    ],
)
def test_weights_that_bound_nothing_are_refused(points, weights, says):
    with pytest.raises(NotProved, match=says):
        lower_bound(LOG, 5, "monotone", dual(points, weights))


def test_noise_points_are_refused():
    witness = replace(SOLVED["log", "monotone"].witness, noise_points=(0.5,), noise_weights=(1.0,))
    with pytest.raises(NotProved, match="bias points alone"):
        lower_bound(LOG, K, "monotone", witness)


# The certificate


def test_certificate_has_what_measure_proves_and_a_bracket_of_the_optimum():
    for (name, shape), solution in SOLVED.items():
        certificate = certify(posed(name, shape), solution.coefficients, solution.witness)
        assert replace(certificate, optimum=None) == measure(parse(name), solution.coefficients)
        assert certificate.optimum.lower <= certificate.optimum.upper == certificate.bias.upper


@pytest.mark.parametrize("shape", SHAPES)
def test_a_spoiled_table_is_refused(shape):
    solution = SOLVED["log", shape]
    c = solution.coefficients.copy()
    # An entry that is tied or on a line with others is moved by one unit in the last place.
    order = 1 + SHAPES.index(shape)
    k = int(np.flatnonzero(np.diff(c, order) == 0)[0]) + 2 * (order - 1)
    c[k] = np.nextafter(c[k], inf)
    with pytest.raises(NotProved, match=f"the entries are not {shape} in the direction"):
        certify(posed("log", shape), c, solution.witness)


def test_a_falling_table_is_not_monotone_for_a_target_that_rises():
    solution = SOLVED["power:-0.5", "monotone"]
    with pytest.raises(NotProved, match="the entries are not monotone in the direction"):
        certify(posed("log", "monotone"), solution.coefficients, solution.witness)


def test_on_a_grid_a_concave_table_is_only_monotone():
    problem, witness = posed("log", "concave"), SOLVED["log", "concave"].witness
    c = SOLVED["log", "concave"].coefficients.astype(np.float32).astype(np.float64)
    witness = replace(witness, selection=float(value(problem.target, c)))
    with pytest.raises(NotProved, match="the entries are not concave"):
        certify(problem, c, witness)
    assert certify(problem, c, witness, "float32").optimum.lower > 0
    with pytest.raises(NotProved, match="the entries are not monotone"):
        certify(problem, c[::-1], witness, "float32")


def test_a_witness_of_another_problem_is_refused():
    """The witness of the concave optimum would bound more than the monotone table reaches."""
    problem, table = posed("log", "monotone"), SOLVED["log", "monotone"].coefficients
    other = replace(
        SOLVED["log", "concave"].witness, selection=SOLVED["log", "monotone"].witness.selection
    )
    certificate = certify(problem, table, other)
    assert certificate.optimum.lower < 0.9 * certificate.optimum.upper
    with pytest.raises(
        NotProved, match="alternation points prove nothing about tables with a shape"
    ):
        certify(problem, table, Alternation((0.5, 1.0)))


def test_a_bound_above_the_table_is_refused(monkeypatch):
    monkeypatch.setattr(shape_bound, "lower_bound", lambda *arguments: arb(1))
    solution = SOLVED["log", "monotone"]
    with pytest.raises(NotProved, match=r"one of the two is altered"):
        certify(posed("log", "monotone"), solution.coefficients, solution.witness)


def test_an_unknown_shape_is_refused():
    with pytest.raises(InvalidProblem, match="shape 'convex' is unknown"):
        lower_bound(LOG, K, "convex", SOLVED["log", "monotone"].witness)
