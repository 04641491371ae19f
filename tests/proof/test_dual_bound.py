"""Lower bounds from multipliers: against exact solutions, never above a table, refused when spoiled."""

from fractions import Fraction
from itertools import accumulate
from math import inf, nan

import numpy as np
import pytest
from copies import replace
from flint import arb, arb_mat, ctx, fmpq, fmpq_mat
from programs import EVERY, exact_pmf, resolved

import polyest
from polyest.errors import NotProved
from polyest.exact.balls import at_least
from polyest.problem.problem import Budget, Dual, Problem
from polyest.problem.targets import LOG, parse
from polyest.proof import dual_bound
from polyest.proof.certify import measure
from polyest.proof.dual_bound import lower_bound
from polyest.solvers import socp

SQUARE = parse("polynomial:0,1,-1")  # rational at rational points
LIMIT = 0.375


def posed(K, criterion, direction, target=SQUARE):
    if criterion == "squared-error":
        return Problem(K, target, criterion)
    kind = "noise" if direction == "noise" else "bias"
    return Problem(K, target, criterion, Budget(kind, 1.0), LIMIT)


POSED = [(name, way) for name in EVERY[:3] for way in ("noise", "bias")]
POSED += [("squared-error", "none")]


def weights(K, criterion, seed):
    """Random multipliers in short doubles, balanced exactly."""
    rng = np.random.default_rng(seed)
    places = np.sort(rng.choice(np.arange(1, 64), K + 3, replace=False)) / 64
    noisy = np.sort(rng.choice(np.arange(1, 64), K + 3, replace=False)) / 64
    signed = rng.integers(-32, 33, K + 3) / 16
    heights = rng.integers(0, 33, K + 3) / 16
    heights[0] = 1.0
    places, signed = np.append(places, 1.0), np.append(signed, -(places @ signed))
    if criterion == "squared-error":
        places, signed = places[:0], signed[:0]
    return Dual(*(tuple(x.tolist()) for x in (places, signed, noisy, heights)), 0.0)


def lagrangian(problem, dual):
    """(S, b, a, sum|lambda|, sum mu) of the Lagrangian c'Sc + b'c + a, in rationals."""
    K, n = problem.K, problem.K + 1
    S = [[Fraction(0)] * n for _ in range(n)]
    b, a = [Fraction(0)] * n, Fraction(0)
    for p, w in zip(map(Fraction, dual.bias_points), map(Fraction, dual.bias_weights), strict=True):
        a -= w * p * phi(p)
        b = [x + w * p * B for x, B in zip(b, exact_pmf(K, p), strict=True)]
    for p, w in zip(
        map(Fraction, dual.noise_points), map(Fraction, dual.noise_weights), strict=True
    ):
        B, middle = exact_pmf(K, p), Fraction(0)
        if problem.criterion in ("gradient-variance", "squared-error"):
            w = w * p
        if problem.criterion == "squared-error":
            middle = phi(p)
        for k in range(n):
            S[k][k] += w * B[k]
            b[k] -= 2 * w * middle * B[k]
            if "variance" in problem.criterion:
                for j in range(n):
                    S[k][j] -= w * B[k] * B[j]
        a += w * middle * middle
    return (
        S,
        b,
        a,
        sum(map(abs, map(Fraction, dual.bias_weights))),
        sum(map(Fraction, dual.noise_weights)),
    )


def phi(p):
    return p * (1 - p)


def least(S, b, laplacian):
    """min c'Sc + b'c in rationals; of a Laplacian, for b that adds up to 0, with the last entry 0."""
    n = len(b) - laplacian
    left = fmpq_mat(n, n, [rational(S[i][j]) for i in range(n) for j in range(n)])
    right = fmpq_mat(n, 1, [rational(x) for x in b[:n]])
    solution = left.solve(right)
    total = sum((solution[i, 0] * right[i, 0] for i in range(n)), fmpq(0))
    return -Fraction(int(total.p), int(total.q)) / 4


def rational(x):
    return fmpq(x.numerator, x.denominator)


def exact_bound(problem, dual):
    S, b, a, total, height = lagrangian(problem, dual)
    value = least(S, b, "variance" in problem.criterion) + a
    if problem.direction == "none":
        return value / height
    limit = Fraction(LIMIT)
    if problem.minimises_bias:
        return (value - limit * height) / total
    return (value - limit * total) / height


@pytest.mark.parametrize("K", [1, 2, 5, 12])
@pytest.mark.parametrize(("criterion", "direction"), POSED)
def test_bound_is_the_least_value_of_the_lagrangian(K, criterion, direction):
    problem = posed(K, criterion, direction)
    for seed in range(3):
        dual = weights(K, criterion, seed)
        exact = exact_bound(problem, dual)
        bound = lower_bound(problem, dual)
        with ctx.workprec(500):
            assert bound.lower() <= ball(exact)
            assert abs(bound - ball(exact)) < 1e-25 * abs(ball(exact))
        assert at_least(bound) == pytest.approx(float(exact), rel=2e-15)
        spoiled = replace(
            dual, noise_weights=(dual.noise_weights[0] * 1.01, *dual.noise_weights[1:])
        )
        assert at_least(lower_bound(problem, spoiled)) != at_least(bound)


def ball(x):
    return arb(x.numerator) / x.denominator


@pytest.mark.parametrize("criterion", EVERY)
def test_bound_for_the_log_agrees_with_a_dense_solution_in_balls(criterion):
    """phi is no longer rational: the same Lagrangian, its system solved by flint."""
    K = 9
    problem, dual = posed(K, criterion, "noise", LOG), weights(K, criterion, 7)
    with ctx.workprec(500):
        rows = [[ball(x) for x in exact_pmf(K, Fraction(p))] for p in dual.noise_points]
        w = [
            arb(h) * (p if criterion in ("gradient-variance", "squared-error") else 1)
            for h, p in zip(dual.noise_weights, dual.noise_points, strict=True)
        ]
        S = arb_mat(K + 1, K + 1)
        b, a = arb_mat(K + 1, 1), arb(0)
        for x, B, p in zip(w, rows, dual.noise_points, strict=True):
            middle = arb(p).log() if criterion == "squared-error" else arb(0)
            a += x * middle**2
            for k in range(K + 1):
                S[k, k] += x * B[k]
                b[k, 0] -= 2 * x * middle * B[k]
                for j in range(K + 1) if "variance" in criterion else ():
                    S[k, j] -= x * B[k] * B[j]
        for p, y in zip(dual.bias_points, dual.bias_weights, strict=True):
            a -= arb(y) * p * arb(p).log()
            for k, B in enumerate(exact_pmf(K, Fraction(p))):
                b[k, 0] += arb(y) * p * ball(B)
        n = K if "variance" in criterion else K + 1
        left = arb_mat([[S[i, j] for j in range(n)] for i in range(n)])
        right = arb_mat([[b[i, 0]] for i in range(n)])
        value = a - (right.transpose() * left.solve(right))[0, 0] / 4
        height = sum(map(arb, dual.noise_weights), arb(0))
        if criterion == "squared-error":
            exact = value / height
        else:
            exact = (value - arb(LIMIT) * height) / sum(
                map(abs, map(arb, dual.bias_weights)), arb(0)
            )
        assert lower_bound(problem, dual).overlaps(exact)
        assert at_least(lower_bound(problem, dual)) == pytest.approx(float(exact), rel=2e-15)


# Graphs


def graph(n, seed):
    """Random edges on 0..n-1 with every edge of the path: (Laplacian, path weights), in rationals."""
    rng = np.random.default_rng(seed)
    W = [[Fraction(0)] * n for _ in range(n)]
    for i in range(n):
        for j in range(i):
            if i == j + 1 or rng.random() < 0.4:
                W[i][j] = W[j][i] = Fraction(int(rng.integers(1, 50)), 16)
    L = [[(sum(W[i]) if i == j else 0) - W[i][j] for j in range(n)] for i in range(n)]
    return L, [W[k][k + 1] for k in range(n - 1)]


def along(path, c):
    return sum(w * (y - x) ** 2 for w, x, y in zip(path, c, c[1:], strict=False))


def form(L, c):
    return sum(x * y * L[i][j] for i, x in enumerate(c) for j, y in enumerate(c))


@pytest.mark.parametrize("seed", range(8))
def test_a_laplacian_is_no_less_than_its_path(seed):
    """And so its minimum no less than what the path's flow says, for sources that add up to 0."""
    n = 3 + seed
    L, path = graph(n, seed)
    rng = np.random.default_rng(seed)
    c = [Fraction(int(x), 8) for x in rng.integers(-40, 41, n)]
    assert form(L, c) >= along(path, c)
    g = [Fraction(int(x), 8) for x in rng.integers(-40, 41, n - 1)]
    g.append(-sum(g))
    flows = list(accumulate(g[:-1]))
    bound = -sum(f * f / w for f, w in zip(flows, path, strict=True)) / 4
    assert least(L, g, True) >= bound
    only = [[Fraction(0)] * n for _ in range(n)]  # equal where there is nothing but the path
    for k, w in enumerate(path):
        for i, j, sign in ((k, k, 1), (k + 1, k + 1, 1), (k, k + 1, -1), (k + 1, k, -1)):
            only[i][j] += sign * w
    assert least(only, g, True) == bound
    assert form(only, c) == along(path, c)


def test_a_form_with_a_negative_edge_may_be_less_than_its_path():
    """A bound needs weights of at least 0."""
    L, path = graph(4, 0)
    for i, j, sign in ((0, 0, -1), (3, 3, -1), (0, 3, 1), (3, 0, 1)):
        L[i][j] += 100 * sign
    assert form(L, [1, 0, 0, 0]) < along(path, [1, 0, 0, 0])


@pytest.mark.parametrize("criterion", ["variance", "gradient-variance"])
def test_unrefined_bounds_are_bounds(criterion, monkeypatch):
    """At c = 0 the flow on the path alone bounds the Lagrangian, though not sharply."""
    problem = posed(6, criterion, "noise")
    for seed in range(4):
        dual = weights(6, criterion, seed)
        exact = exact_bound(problem, dual)
        bounds = []
        for steps in (1, 2, 12):
            monkeypatch.setattr(dual_bound, "REFINEMENTS", steps)
            bounds.append(lower_bound(problem, dual).lower())
        assert bounds[0] < bounds[1] <= bounds[2] <= ball(exact)
        assert bounds[0] < ball(exact) - abs(ball(exact)) / 100


def test_a_bound_has_the_room_of_what_is_not_refined(monkeypatch):
    """The value at any c is above the least one; the ball around it reaches below."""
    monkeypatch.setattr(dual_bound, "SPARE_BITS", 12)
    monkeypatch.setattr(dual_bound, "GOOD_BITS", 8)
    problem, dual = posed(6, "variance", "noise"), weights(6, "variance", 1)
    bound, exact = lower_bound(problem, dual), exact_bound(problem, dual)
    with ctx.workprec(500):
        assert bound.lower() < ball(exact) < bound.mid()


@pytest.mark.parametrize("criterion", ["variance", "gradient-variance"])
def test_an_unrefined_bound_is_exact_where_the_graph_is_one_edge(criterion, monkeypatch):
    """One draw and one noise point: nothing is left out, at c = 0 as anywhere."""
    monkeypatch.setattr(dual_bound, "REFINEMENTS", 1)
    problem, dual = (
        posed(1, criterion, "noise"),
        Dual((0.25, 0.5), (1.0, -0.5), (0.375,), (1.0,), 0.0),
    )
    exact = float(exact_bound(problem, dual))
    assert at_least(lower_bound(problem, dual)) == pytest.approx(exact, rel=2e-15)


@pytest.mark.parametrize(
    ("K", "criterion", "budget"),
    [(7, "variance", {"noise": 2}), (16, "gradient-variance", {"bias_ratio": 1.5})],
)
def test_fifteen_digits_do_not_depend_on_the_refinement(K, criterion, budget, monkeypatch):
    problem = resolved(K, criterion, **budget)
    dual = socp.solve(problem).witness
    known = at_least(lower_bound(problem, dual))
    monkeypatch.setattr(dual_bound, "REFINEMENTS", 40)
    monkeypatch.setattr(dual_bound, "SPARE_BITS", 200)
    assert at_least(lower_bound(problem, dual)) == known
    monkeypatch.setattr(dual_bound, "REFINEMENTS", 1)
    assert at_least(lower_bound(problem, dual)) < known


# Weak duality


@pytest.mark.parametrize(
    ("criterion", "budget"),
    [
        ("gradient-variance", {"noise": 4}),
        ("variance", {"bias_ratio": 2}),
        ("second-moment", {"noise": 1}),
        ("squared-error", {}),
    ],
)
def test_no_table_is_below_the_bound_of_its_own_limit(criterion, budget):
    """Weights of a solved problem bound every table, at whatever that table spends; sharply its own."""
    problem = resolved(7, criterion, **budget)
    solution = socp.solve(problem)
    rng = np.random.default_rng(3)
    for size in (0.0, 1e-9, 1e-4, 1e-2, 1.0):
        for _ in range(4 if size else 1):
            c = solution.coefficients + size * rng.normal(size=8)
            claims = measure(LOG, c)
            spent, reached = claims.bias.upper, claims.criterion(criterion)
            if problem.minimises_bias:
                spent, reached = reached, spent
            asked = replace(problem, limit=spent if budget else None)
            bound = at_least(lower_bound(asked, solution.witness))
            assert bound <= reached
            if size == 0:
                assert bound * (1 + 1e-6) > reached


# Refusals


GOOD = Dual((0.25, 0.5, 1.0), (1.0, 1.5, -1.0), (0.25, 0.5), (1.0, 0.5), 0.0)


def test_good_weights_bound():
    for name, way in POSED:
        assert lower_bound(posed(3, name, way), GOOD).is_finite()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"noise_points": (), "noise_weights": ()}, "expected noise points with weights"),
        ({"noise_weights": (1.0, -1e-9)}, "weights of at least 0"),
        ({"noise_weights": (1.0, nan)}, "as many finite weights as points"),
        ({"noise_weights": (1.0, inf)}, "as many finite weights as points"),
        ({"bias_weights": (1.0, nan, -1.0)}, "as many finite weights as points"),
        ({"bias_weights": (1.0, -inf, -1.0)}, "as many finite weights as points"),
        ({"noise_weights": (1.0,)}, "2 points and 1 weights"),
        ({"noise_points": (0.25, 1.5)}, r"points in \[0, 1\]"),
        ({"noise_points": (nan, 0.5)}, r"points in \[0, 1\]"),
        ({"bias_points": (-0.25, 0.5, 1.0)}, r"points in \[0, 1\]"),
        ({"bias_weights": (1.0, 1.5)}, "3 points and 2 weights"),
        ({"noise_weights": (0.0, 0.0)}, "(no finite|without a) bound"),
        ({"noise_points": (0.0, 1.0)}, "(no finite|without a) bound"),
    ],
)
@pytest.mark.parametrize(("criterion", "direction"), POSED)
def test_weights_that_bound_nothing_are_refused(criterion, direction, change, said):
    with pytest.raises(NotProved, match=said):
        lower_bound(posed(3, criterion, direction), replace(GOOD, **change))


@pytest.mark.parametrize("criterion", ["variance", "gradient-variance"])
def test_bias_weights_of_a_variance_have_to_balance(criterion):
    spoiled = replace(GOOD, bias_weights=(1.0, 1.5 * (1 + 1e-13), -1.0))
    with pytest.raises(NotProved, match="do not balance: sum w p is"):
        lower_bound(posed(3, criterion, "bias"), spoiled)


def test_a_second_moment_sees_constants_and_needs_no_balance():
    spoiled = replace(GOOD, bias_weights=(1.0, 2.0, -1.0))
    assert lower_bound(posed(3, "second-moment", "bias"), spoiled).is_finite()


def balance(dual):
    return sum(
        Fraction(w) * Fraction(p) for w, p in zip(dual.bias_weights, dual.bias_points, strict=True)
    )


def test_weights_that_balance_to_rounding_are_made_to_balance():
    """The heaviest one is replaced by what the others leave, and the bound is of that one."""
    problem = posed(3, "variance", "bias")
    heavy = 1.5 + 2.0**-50
    off = replace(GOOD, bias_weights=(1.0, heavy, -1.0))
    moved = replace(GOOD, bias_weights=(1.0, heavy, -1.0 - 2.0**-51))
    assert (balance(off), balance(moved)) == (2.0**-51, 0)
    bound = lower_bound(problem, off)
    with ctx.workprec(500):
        assert abs(bound - ball(exact_bound(problem, moved))) < 1e-25


@pytest.mark.parametrize("weight", [1e-320, 1e-12, 1e12, 1e308])
@pytest.mark.parametrize(("criterion", "direction"), POSED)
def test_bounds_are_numbers_or_refused(criterion, direction, weight):
    dual = replace(GOOD, noise_weights=(weight, weight))
    try:
        bound = at_least(lower_bound(posed(3, criterion, direction), dual))
    except NotProved:
        assert weight == 1e-320
    else:
        assert bound < inf


@pytest.mark.parametrize("criterion", EVERY[:3])
def test_one_draw(criterion):
    """The variance of (a, b) is p (1-p) (b-a)^2, and both bounds are those of the table found."""
    table = polyest.solve(1, criterion=criterion, noise=1)
    assert lower_bound(resolved(1, criterion, noise=1), table.witness) <= arb(table.bias.upper)
    assert table.optimum.width <= 1e-6
