"""Which theorems hold for which target: every proved bound, both ends, against independent programs."""

import warnings
from math import comb

import cvxpy
import numpy as np
import pytest
from flint import acb, arb
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import TARGETS

import polyest
from polyest.cli import table as cli_table
from polyest.errors import InvalidProblem, NotConverged, NotProved
from polyest.exact.levelled import bracket, level
from polyest.problem.bernstein import pmf
from polyest.problem.criteria import BUDGETED
from polyest.problem.problem import Alternation
from polyest.problem.targets import Target, parse
from polyest.problem.targets.log import Log
from polyest.problem.targets.polynomial import Polynomial
from polyest.problem.targets.power import Power
from polyest.problem.targets.tsallis import Tsallis
from polyest.proof.certify import least_bias
from polyest.solvers.remez import exchange

DENSE = np.sin(np.linspace(0, np.pi / 2, 8001)) ** 2
GRID = np.sin(np.linspace(0, np.pi / 2, 241)) ** 2
CLOSE = 5e-3  # how much less than the whole program the grid's may give


class Sine(Target):
    """phi = sin(30 p), which bends as often as its frequency lets it; it says nothing of theorems."""

    def phi(self, p):
        return np.sin(30 * np.asarray(p, dtype=np.float64))

    def slopes(self, p):
        x = np.asarray(p, dtype=np.float64)
        return 30 * np.cos(30 * x), -900 * np.sin(30 * x)

    def ball(self, p):
        return (30 * p).sin()

    def jet(self, p):
        return (30 * p).sin(), 30 * (30 * p).cos(), -900 * (30 * p).sin()


def most_zeros(target, K, tries=200, seed=0):
    """Most sign changes of e'' seen over random P of degree K."""
    rng, worst = np.random.default_rng(seed), 0
    p = np.sin(np.linspace(0, np.pi / 2, 4001)[1:-1]) ** 2
    first, second = target.slopes(p)
    phi = 2 * first + p * second
    powers = p[:, None] ** np.arange(K)
    for _ in range(tries):
        # Such (pP)'' that e'' vanishes at K random points: the most that K powers can be made to do.
        at = rng.choice(p.size, size=K, replace=False)
        a = np.linalg.lstsq(powers[at], phi[at], rcond=None)[0] if K else np.zeros(0)
        bend = powers @ a - phi
        sure = bend[np.abs(bend) > 1e-9 * (np.abs(phi).max() + np.abs(bend).max())]
        worst = max(worst, int((np.diff(np.sign(sure)) != 0).sum()))
    return worst


@pytest.mark.parametrize("K", [0, 1, 2, 3])
@pytest.mark.parametrize(
    "name",
    [
        *("log", "power:0.5", "power:-0.7", "power:7", "tsallis:0.3", "tsallis:6.5"),
        *("polynomial:1,2,-3,4,-1,2", "polynomial:0,3,-9,6", "polynomial:0,0,0,0,0,1"),
    ],
)
def test_no_error_bends_more_often_than_its_target_says(name, K):
    target = parse(name)
    assert most_zeros(target, K) <= target.most_bends(K)


def test_the_count_of_bends_is_reached_where_a_theorem_fails():
    """A polynomial of high degree does bend more often than K+2 points would need."""
    target = parse("polynomial:0,3,-9,6")
    assert target.most_bends(0) == 2 == most_zeros(target, 0)
    assert target.most_bends(1) == 2 == most_zeros(target, 1)
    assert [parse("log").most_bends(K) for K in (0, 1, 7)] == [0, 1, 7]
    assert parse("power:3").most_bends(5) == 4  # no power beyond those of P


@pytest.mark.parametrize("name", ["polynomial:0,3,-9,6", "polynomial:1,-1,5,-7,2"])
def test_points_prove_no_upper_bound_for_a_polynomial_that_bends_too_often(name):
    target = parse(name)
    points = (0.3, 1.0)
    with pytest.raises(NotProved, match="at most 0 zeros, and there may be"):
        bracket(target, points)
    bounds = least_bias(
        target, 0, Alternation(points)
    )  # by duality, and by the polynomial's own sup|e|
    assert bounds.lower <= abs(level(target, points)) < bounds.upper


# The same phi as a subclass of what has theorems: phi and its balls are those of Sine, first in the order.
SINES = [Sine, *(type("Sine", (Sine, home), {}) for home in (Log, Power, Tsallis, Polynomial))]


@pytest.mark.parametrize("sine", SINES, ids=lambda sine: sine.__bases__[-1].__name__)
@pytest.mark.parametrize("K", [1, 2, 4, 8])
def test_of_a_subclass_nothing_is_believed_that_it_does_not_say(sine, K):
    sine = sine((0.5,))
    assert sine.most_bends(K) is None
    points = (*np.sort(np.sin((np.arange(1, K + 2)) / (K + 2) * np.pi / 2) ** 2), 1.0)
    with pytest.raises(NotProved, match="no bound of them is known"):
        bracket(sine, points)
    for criterion, budget in (("minimax", {}), ("variance", {"bias": 1.0})):
        with pytest.raises((NotProved, NotConverged, InvalidProblem)):
            polyest.solve(K, sine, criterion=criterion, **budget)


def test_a_subclass_that_says_it_is_believed():
    class Same(Log):
        def most_bends(self, K):
            return K

    K = 3
    assert bracket(Same(), exchange(Same(), K)) is not None


class Wave(Target):
    """phi = sin(3 p): all that a target says of its phi, and no theorem."""

    def phi(self, p):
        return np.sin(3 * np.asarray(p, dtype=np.float64))

    def slopes(self, p):
        x = np.asarray(p, dtype=np.float64)
        return 3 * np.cos(3 * x), -9 * np.sin(3 * x)

    def ball(self, p):
        return (3 * p).sin()

    def jet(self, p):
        return (3 * p).sin(), 3 * (3 * p).cos(), -9 * (3 * p).sin()

    def taylor(self, m, step, terms):
        sine, cosine, size, coefficients = (3 * m).sin(), (3 * m).cos(), arb(1), []
        for j in range(terms):
            coefficients.append(size * (sine, cosine, -sine, -cosine)[j % 4])
            size *= 3 * step / (j + 1)
        return coefficients, size * (3 * step).exp()

    def near_zero(self, d):
        return 3 * d * d, 9 * d**3

    def moments(self, K):
        def inside(z, k):
            return z * (3 * z).sin() * comb(K, k) * z**k * (1 - z) ** (K - k)

        return [acb.integral(lambda z, _, k=k: inside(z, k), 0, 1).real for k in range(K + 1)]


@pytest.mark.parametrize(
    ("criterion", "budget"), [("gradient-variance", {"noise": 0.5}), ("squared-error", {})]
)
def test_without_a_theorem_of_bends_what_needs_none_is_solved_and_proved(criterion, budget):
    table = polyest.solve(5, Wave(), criterion=criterion, **budget)
    scale = 1 + float(np.abs(table.coefficients).max())
    for what, seen, lower, upper in claims(table):
        assert lower - 1e-6 * scale <= seen <= upper + 1e-12 * scale**2, what
        assert upper <= seen * (1 + 1e-3) + 1e-6 * scale**2, what
    best = program(5, Wave(), criterion, resolved(table), by_bias=False)
    assert table.optimum.lower <= best * (1 + CLOSE)
    assert table.optimum.upper >= best * (1 - CLOSE)
    least = cli_table.least_bias(table)  # by duality
    seen = program(5, Wave(), "minimax", None, False)
    assert least.lower <= seen * (1 + CLOSE)
    assert least.upper >= seen * (1 - CLOSE)


@pytest.mark.parametrize(
    ("criterion", "budget"),
    [("minimax", {}), ("variance", {"bias": 0.3}), ("variance", {"bias_ratio": 2})],
)
def test_and_the_least_bias_is_enclosed_by_duality(criterion, budget):
    table = polyest.solve(5, Wave(), criterion=criterion, **budget)
    best = program(5, Wave(), criterion, resolved(table), by_bias=bool(budget))
    assert table.optimum.lower <= best * (1 + CLOSE)
    assert table.optimum.upper >= best * (1 - CLOSE)
    polyest.verify(table)


def program(K, target, criterion, limit, by_bias):
    """The optimum on a grid, by cvxpy: no more than the true one, and CLOSE to it; None where it gives up."""
    c, top = cvxpy.Variable(K + 1), cvxpy.Variable()
    B, f = pmf(K, GRID), target.weighted(GRID)
    error = cvxpy.abs(cvxpy.multiply(GRID, B @ c) - f)
    if criterion == "minimax":
        return least(top, [error <= top])
    weight = GRID if criterion in ("gradient-variance", "squared-error") else np.ones_like(GRID)
    rows = []
    for w, b, phi in zip(weight, B, target.phi(GRID), strict=True):
        if w == 0:
            continue
        centre = {"squared-error": phi, "second-moment": 0.0}.get(criterion, b @ c)
        rows.append(w * cvxpy.sum(cvxpy.multiply(b, cvxpy.square(c - centre))))
    noise = cvxpy.maximum(*rows)
    if criterion == "squared-error":
        return least(noise, [])
    return least(noise, [error <= limit]) if by_bias else least(top, [error <= top, noise <= limit])


def least(objective, constraints):
    """The least value of the objective under the constraints, or None where cvxpy does not settle it."""
    problem = cvxpy.Problem(cvxpy.Minimize(objective), constraints)
    with warnings.catch_warnings():
        # The warning is that the answer may be inaccurate, as its status says too.
        warnings.simplefilter("ignore", UserWarning)
        value = problem.solve(solver="CLARABEL")
    return value if problem.status == "optimal" else None


def claims(table):
    """Each claim of a table with a dense evaluation of the same quantity."""
    c, target = table.coefficients, table.problem.target
    B = pmf(table.K, DENSE)
    mean, moment, f = B @ c, B @ (c * c), target.weighted(DENSE)
    with np.errstate(invalid="ignore", divide="ignore"):
        phi = np.where(DENSE > 0, target.phi(np.maximum(DENSE, 1e-300)), 0.0)
    error = DENSE * (moment - 2 * phi * mean + phi * phi)
    yield "bias", np.abs(DENSE * mean - f).max(), table.bias.lower, table.bias.upper
    for name, values in (
        ("second_moment", moment),
        ("variance", moment - mean**2),
        ("gradient_variance", DENSE * (moment - mean**2)),
        ("squared_error", error),
    ):
        yield name, values.max(), -np.inf, getattr(table, name)


def check(name, K, criterion, budget):
    target = parse(name)
    try:
        table = polyest.solve(K, name, criterion=criterion, **budget)
    except (InvalidProblem, NotConverged, NotProved):
        return  # refused, with nothing claimed
    scale = 1 + float(np.abs(table.coefficients).max())
    for what, seen, lower, upper in claims(table):
        assert seen <= upper + 1e-12 * scale**2, what
        assert seen >= lower - 1e-6 * scale, what
        if np.isfinite(upper):  # an upper bound that says something
            assert upper <= seen * (1 + 1e-3) + 1e-6 * scale**2, what
    limit = budget and resolved(table)
    best = program(K, target, criterion, limit, "bias" in budget)
    if best is None:
        return
    size = 1e-6 * scale**2
    assert table.optimum.lower <= best * (1 + CLOSE) + size
    assert table.optimum.upper >= best * (1 - CLOSE) - size


def resolved(table):
    from polyest.make.pipeline import resolve

    return resolve(table.problem).limit


CASES = st.tuples(
    TARGETS.filter(lambda name: not name.startswith(("power:-", "tsallis:0"))),
    st.integers(1, 12),
    st.one_of(
        st.just(("minimax", {})),
        st.just(("squared-error", {})),
        st.tuples(
            st.sampled_from(BUDGETED),
            st.one_of(
                st.floats(0.3, 12).map(lambda r: {"noise": r}),
                st.floats(0.02, 0.3).map(lambda b: {"bias": b}),
            ),
        ),
    ),
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(CASES)
def test_proved_bounds_hold_at_both_ends(case):
    name, K, (criterion, budget) = case
    check(name, K, criterion, budget)


@settings(max_examples=10, deadline=None)
@given(CASES)
def test_and_so_for_problems_drawn_anew(case):
    name, K, (criterion, budget) = case
    check(name, K, criterion, budget)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(TARGETS, st.integers(1, 12))
def test_every_bracket_of_the_least_bias_encloses_what_a_linear_program_finds(name, K):
    target = parse(name)
    try:
        table = polyest.solve(K, name, criterion="minimax")
    except (InvalidProblem, NotConverged, NotProved):
        return
    best = program(K, target, "minimax", None, False)
    if best is None:
        return
    size = 1e-7 * (1 + float(np.abs(target.weighted(GRID)).max()))
    assert table.optimum.lower <= best * (1 + CLOSE) + size
    assert table.optimum.upper >= best * (1 - 1e-6) - size
