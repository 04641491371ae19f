"""What a moved policy costs: the bracket against values, the certificate, and the table of the page."""

import re
from itertools import pairwise
from pathlib import Path

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


PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "history.md").read_text()
# W = G, K, noise; bias without a move, the lower ends at odds of 1.1, 1.25 and 2, and that of the group alone
COSTS = [row.split(" | ") for row in re.findall(r"^\| ((?:8|16) \| \d+ .*) \|$", PAGE, re.M)]


def test_the_page_has_a_row_of_costs_for_groups_of_8_and_16():
    assert [row[:3] for row in COSTS] == [
        [str(G), str(2 * G - 2), noise] for G in (8, 16) for noise in "28"
    ]


@pytest.mark.parametrize("row", COSTS, ids=" ".join)
def test_the_page_says_what_it_costs(row):
    G, K, noise = map(int, row[:3])
    table = polyest.load(K, noise=noise)
    own = polyest.load(G - 2, noise=noise).bias.upper
    brackets = [bias_after_move(table, earlier=G, odds=odds) for odds in (1.1, 1.25, 2)]
    costs = [table.bias.upper, *(lower for lower, _ in brackets), own]
    assert row[3:] == [
        f"{cost:.{len(said) - 1}f}"[1:] for cost, said in zip(costs, row[3:], strict=True)
    ]
    assert all(upper <= lower * 1.01 for lower, upper in brackets)
    # more than the bias of the group alone from some move on
    assert table.bias.upper < own < brackets[1][0]


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
