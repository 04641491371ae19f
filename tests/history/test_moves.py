"""What a moved policy costs: the bracket against values, the certificate, and the table of the page."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyest
from polyest.errors import InvalidHistory, InvalidReward
from polyest.history import bias_after_move, moves
from polyest.history.moves import _bounds
from polyest.problem.bernstein import pmf


def bias(c, W, p, q):
    """|p (E c[M + X] - log p)| as a double sum."""
    M, X = pmf(W, [q])[0], pmf(len(c) - 1 - W, [p])[0]
    mean = np.convolve(M, X) @ c
    return abs(p * (mean - np.log(p)))


def moved(p, odds):
    return odds * p / (1 - p + odds * p)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 9), st.data())
def test_it_encloses_what_any_policy_costs(K, data):
    c = np.array(data.draw(st.lists(st.floats(-5, 5), min_size=K + 1, max_size=K + 1)))
    W, d = data.draw(st.integers(1, K)), data.draw(st.floats(1, 4))
    lower, upper = bias_after_move(c, earlier=W, odds=d)
    assert lower <= upper <= lower * 1.02 + 1e-3
    p = np.sin(np.linspace(0.01, np.pi / 2 - 1e-9, 60)) ** 2
    values = [bias(c, W, one, moved(one, odds)) for one in p for odds in np.geomspace(1 / d, d, 7)]
    assert max(values) <= upper * (1 + 1e-9)
    assert max(values) >= lower * 0.9 - 1e-3


@pytest.mark.parametrize(
    ("c", "W", "d"), [([0, -2, 0, 0, 0], 4, 2.2), ([-3, 0, 0, 0], 1, 2.9), ([2, 2, 0, 1], 3, 3.0)]
)
def test_it_closes_wherever_the_worst_odds_are(c, W, d, monkeypatch):
    # at the upper end of q in the first two, where corners of lower ends alone stay away from it
    monkeypatch.setattr(moves, "ROUNDS", 6)
    lower, upper = bias_after_move(np.array(c, float), earlier=W, odds=d)
    assert lower < upper <= lower * (1 + moves.WIDTH)


def test_each_cell_is_bounded_by_what_is_in_it():
    table = polyest.load(14, noise=2)
    c, W, d = np.asarray(table), 8, 1.25
    n = 14 - W
    x = np.arange(n + 2)
    weighted = (x / (n + 1))[:, None] * c[np.maximum(x[:, None] - 1, 0) + np.arange(W + 1)]
    ends = np.linspace(0, 1, 201)
    corners, bounds = _bounds(weighted, ends[:-1], ends[1:], W, d)
    slack = []
    for low, high, corner, bound in zip(ends[:-1], ends[1:], corners, bounds, strict=True):
        inside = np.linspace(max(low, 1e-9), high, 5)
        values = [bias(c, W, p, moved(p, o)) for p in inside for o in np.geomspace(1 / d, d, 5)]
        assert corner <= bound
        assert max(values) <= bound * (1 + 1e-12)
        slack.append(max(values) / bound)
    assert max(slack) > 0.99  # so that a bound that is a little too low would be seen


def test_without_a_move_it_is_the_certificate():
    for K, noise in ((6, 2), (14, 4), (30, 8)):
        table = polyest.load(K, noise=noise)
        lower, upper = bias_after_move(table, earlier=K // 2, odds=1)
        assert lower <= table.bias.upper * (1 + 1e-9)
        assert table.bias.lower <= upper


def test_it_grows_with_the_move():
    table = polyest.load(14, noise=2)
    found = [bias_after_move(table, earlier=8, odds=d) for d in (1, 1.1, 1.25, 2)]
    assert all(below[1] < above[0] for below, above in pairwise(found))


# W = G: noise and, for odds of 1.1, 1.25 and 2, the lower end; the upper one is 1 % above it at most.
COSTS = {
    (8, 2): (0.0231, 0.0418, 0.1142),
    (8, 8): (0.0166, 0.0357, 0.1106),
    (16, 2): (0.0167, 0.0345, 0.1037),
}


@pytest.mark.parametrize(("G", "noise"), COSTS)
def test_the_page_says_what_it_costs(G, noise):
    table = polyest.load(2 * G - 2, noise=noise)
    for odds, cost in zip((1.1, 1.25, 2), COSTS[G, noise], strict=True):
        lower, upper = bias_after_move(table, earlier=G, odds=odds)
        assert lower == pytest.approx(cost, abs=6e-5)
        assert upper <= lower * 1.01
    # more than the bias of the group alone from some move on
    own = polyest.load(G - 2, noise=noise).bias.upper
    assert table.bias.upper < own < bias_after_move(table, earlier=G, odds=1.25)[0]


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"earlier": 0}, InvalidHistory, "1 to K = 2"),
        ({"earlier": 3}, InvalidHistory, "1 to K = 2"),
        ({"odds": 0.5}, InvalidHistory, "ratio of at least 1"),
        ({"odds": float("inf")}, InvalidHistory, "ratio of at least 1"),
        ({"table": [1.0]}, InvalidHistory, "entries c_0..c_K"),
        ({"table": [0.0] * 300}, InvalidHistory, "K from 1 to 256"),
        ({"table": [0.0, float("nan")]}, InvalidReward, "nan or an infinity"),
    ],
)
def test_what_it_does_not_take(changed, error, message):
    with pytest.raises(error, match=message):
        bias_after_move(**{"table": [0.0, 1.0, 2.0], "earlier": 1, "odds": 1.5, **changed})
