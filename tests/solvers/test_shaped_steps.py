"""Which steps a vertex has: parity, exchange, and pairs that move."""

from fractions import Fraction
from itertools import pairwise
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest.errors import NotConverged
from polyest.problem.problem import pose
from polyest.problem.shapes import SHAPES
from polyest.problem.targets import parse
from polyest.proof.certify import measure
from polyest.solvers import shaped
from polyest.solvers.shaped.level import NOISE, best, level
from polyest.solvers.shaped.places import Places
from polyest.solvers.shaped.steps import bounds_below, exchanged, guesses, moved, worst


def posed(K, shape, name="log"):
    return pose(K, name, criterion="minimax", shape=shape)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_signs_of_multipliers_are_what_parity_says(data):
    """The theorem that the solver rests on holds in rationals, for any steps and any places."""
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
        vertex = stand_in(K, steps, sign * weights[0])
        assert bounds_below(vertex) == all(mu[j] > 0 for j in range(K) if j not in steps)


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
    class Vertex:
        places = type("P", (), {"K": K})
        E = float(first)

    Vertex.steps = steps
    return Vertex


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["log", "power:0.5"])
def test_each_exchange_of_steps_raises_the_bound(name, shape):
    places = Places(parse(name), 1, shape, 24)
    vertex = None
    for steps in guesses(shape, 24):
        try:
            tried = best(level(places, steps), 1e-6)
        except NotConverged:
            continue
        if bounds_below(tried) and tried.against.size > 2:
            vertex = tried
            break
    assert vertex is not None
    for _ in range(200):
        if not vertex.against.size:
            break
        steps, at = exchanged(vertex, worst(vertex))
        following = best(level(places, steps, at), 1e-6)
        assert bounds_below(following)
        assert abs(following.E) >= abs(vertex.E) * (1 - NOISE)
        vertex = following
    assert not vertex.against.size
    optimal = shaped.solve(posed(24, shape, name)).coefficients
    bias = measure(parse(name), optimal).bias.upper
    assert abs(vertex.E) == pytest.approx(bias, rel=1e-2)


def test_moving_pairs_is_only_a_shortcut(monkeypatch):
    """The dual simplex alone ends at the same vertex."""
    quick = {shape: shaped.solve(posed(20, shape)) for shape in SHAPES}
    monkeypatch.setattr(shaped, "moved", lambda vertex, thin: vertex.steps)
    assert moved is not shaped.moved
    for shape in SHAPES:
        slow = shaped.solve(posed(20, shape))
        assert slow.coefficients.tolist() == quick[shape].coefficients.tolist()
        assert slow.witness == quick[shape].witness
