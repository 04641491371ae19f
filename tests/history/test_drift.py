"""D: unbiased where nobody learned from the earlier visit, else biased; windows that other prompts decide."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest import History
from polyest.history import stable_gain
from polyest.history.drift import LAG, LEAST, MARGIN, UNIT, best_window, pairs_of

P = np.array([0.5, 0.3, 0.2])
PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "history.md").read_text()


def every(number, n):
    """Every group of n completions with answers 0..number-1."""
    return np.array([*product(range(number), repeat=n)])


def chances(groups, p):
    return np.prod(p[groups], axis=-1)


def estimates(now, then):
    """Numerator and denominator of D for every pair of groups, (now, then, 2)."""
    rows = np.repeat(now, len(then), 0), np.tile(then, (len(now), 1))
    sizes = [np.full(len(row), row.shape[1]) for row in rows]
    found = pairs_of(rows[0] + 10**6, sizes[0], rows[1] + 10**6, sizes[1])
    return found.reshape(len(now), len(then), 2) / UNIT


@pytest.mark.parametrize(("G", "W"), [(2, 2), (3, 2), (3, 4)])
def test_it_is_unbiased_for_a_policy_that_did_not_learn_from_the_earlier_visit(G, W):
    q = np.array([0.2, 0.2, 0.6])
    now, then = every(3, G), every(3, W)
    weights = chances(now, P)[:, None] * chances(then, q)
    means = np.tensordot(weights, estimates(now, then), 2)
    assert means == pytest.approx([np.sum((P - q) ** 2), np.sum(P**2)], abs=1e-11)


def test_missing_answers_are_draws_of_none():
    # the third answer is none: |p - q|^2 over the two others
    q = np.array([0.2, 0.2, 0.6])
    now, then = every(3, 3), every(3, 3)
    weights = chances(now, P)[:, None] * chances(then, q)
    found = []
    for n, m in product(now, then):
        past = History(stable_ids=True)
        past.record([np.where(m == 2, -1, m)], prompts=["x"])
        past.record([np.where(n == 2, -1, n)], prompts=["x"])
        found.append(past._kept.pairs[0] / UNIT)
    means = weights.reshape(-1) @ np.array(found)
    assert means == pytest.approx([np.sum((P - q)[:2] ** 2), np.sum(P[:2] ** 2)], abs=1e-11)


def learned(then, sign, rate, share):
    """The policy after an update by -sign log(count/W) of a group, and by its mean for the rest."""
    logits = np.log(P)

    def step(group):
        counts = np.bincount(group, minlength=3)
        paid = -sign * np.log(counts[group] / len(group))
        centred = paid - paid.mean()
        return np.array([centred[group == z].sum() for z in range(3)]) / len(group)

    groups = every(3, then.size)
    mean = chances(groups, P) @ np.array([step(group) for group in groups])
    moved = logits + rate * (share * step(then) + (1 - share) * mean)
    return np.exp(moved) / np.exp(moved).sum()


def influence(sign, rate, share=1.0, W=5):
    """What D's numerator has too much in the mean, exactly, and the true |p - q|^2."""
    excess = true = 0.0
    for then, chance in zip(groups := every(3, W), chances(groups, P), strict=True):
        p = learned(then, sign, rate, share)
        counts = np.bincount(then, minlength=3)
        own = np.sum(counts * (counts - 1)) / (W * (W - 1))
        moved = np.sum((p - P) ** 2)
        excess += chance * (np.sum(p**2) + own - 2 * p @ counts / W - moved)
        true += chance * moved
    return excess, true


@pytest.mark.parametrize(("sign", "too"), [(1, "large"), (-1, "small")])
def test_what_the_policy_learned_from_the_visit_itself_is_in_it(sign, too):
    # first order in the rate, where drift is of second: too large for diversity, too small for sharpening
    excess, true = influence(sign, 0.1)
    half, quarter = influence(sign, 0.05)
    assert (excess > 0) == (too == "large")
    assert abs(excess) > 2 * true
    assert excess / half == pytest.approx(2, rel=0.1)
    assert true / quarter == pytest.approx(4, rel=0.1)
    # and in proportion to the share that the prompt has in the step
    shared, _ = influence(sign, 0.1, share=1 / 16)
    assert shared / excess == pytest.approx(1 / 16, rel=0.1)
    # as the page says, relative to |p|^2
    wrong, right = (f"{abs(x) / np.sum(P**2):.4f}"[1:] for x in (excess, true))
    assert f"{wrong} too {too}" in PAGE
    assert f"the true one is {right}" in PAGE


def test_held_out_draws_have_no_such_bias():
    excess, _ = influence(1, 0.1, share=0.0)
    assert excess == pytest.approx(0, abs=1e-12)


def test_it_is_none_before_a_prompt_was_visited_twice_and_never_negative():
    past = History(stable_ids=True)
    assert past.drift() is None
    past.record([[1, 1, 2, 2]], prompts=["a"])
    assert past.drift() is None
    past.record([[1, 1, 1, 2]], prompts=["a"])
    assert past.drift() == 0.0
    past.record([[3, 3, 3, 3]], prompts=["a"])
    assert past.drift() == 1.5  # (1 + 1/2)/1
    alone = History(stable_ids=True)
    for step in range(2):
        alone.record([[step]], prompts=["a"])
    assert alone.drift() is None


# How far back "auto" looks.


def visited(own, prompts=LEAST + 1, seed=0, visits="auto"):
    """A history of several prompts, of which "x" has these visits and the others some at random."""
    past, rng = History(visits, stable_ids=True), np.random.default_rng(seed)
    for step, group in enumerate(own):
        past.record([group], prompts=["x"], step=step)
        others = rng.integers(0, 3, (prompts - 1, len(group)))
        past.record(others, prompts=range(prompts - 1), step=step)
    return past


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), min_size=2, max_size=4),
    st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), min_size=4, max_size=4),
    st.integers(0, 50),
)
def test_a_prompts_own_answers_never_decide_how_far_back_it_looks(one, other, seed):
    group = [[0, 1, 2, 2]]
    first, second = (visited(own[: len(one)], seed=seed) for own in (one, other))
    assert first.counted(group, ["x"])[1] == second.counted(group, ["x"])[1]


def test_other_prompts_do_decide():
    windows = {
        visited([[0, 1, 2, 2]] * 5, seed=seed).counted([[0, 1, 2, 2]], ["x"])[1]
        for seed in range(20)
    }
    assert len(windows) > 1


def test_without_other_prompts_it_looks_at_one_visit():
    past = visited([[0, 1, 2, 2]] * 4, prompts=LEAST)
    assert past.counted([[0, 1, 2, 2]], ["x"])[1] == 4
    past = visited([[0, 1, 2, 2]] * 4, prompts=1 + 1)
    assert past.counted([[0, 1, 2, 2]], ["x"])[1] == 4


def test_until_the_drift_is_known_it_looks_at_none():
    # the policy moves most at the first visits: a window that nothing speaks for does harm there
    past, group = History("auto", stable_ids=True), [[0, 0, 1, 2]]
    past.record(group * (LEAST + 1), prompts=range(LEAST + 1))
    assert past.counted(group, [LEAST])[1] == 0
    assert past.counted(group, ["new"])[1] == 0
    past.record(group * (LEAST - 1), prompts=range(LEAST - 1))
    assert past.counted(group, [LEAST])[1] == 0
    past.record(group, prompts=[LEAST - 1])
    assert past.counted(group, [LEAST])[1] == 4  # eight others were visited twice, and did not move
    assert past.counted(group, [0])[1] == 0  # seven others


def test_what_does_not_move_looks_far_back_and_what_moves_does_not():
    still, moving = History("auto"), History("auto")
    rng = np.random.default_rng(1)
    for step in range(12):
        rows = 10**9 + rng.integers(0, 3, (256, 16))
        still.record(rows, prompts=range(256))
        moving.record(rows + 3 * step, prompts=range(256))
    assert np.max(still.counted(rows, range(256))[1]) == 8 * 16
    assert moving.counted(rows, range(256))[1] == 0
    assert still.drift() < 0.02
    assert moving.drift() > 1


def test_the_window_is_the_best_of_those_that_are_stable():
    for D, s, group in product([0, 1e-3, 0.01, 0.05, 0.2, 1], [0.05, 0.3, 0.9], [4, 16]):
        noise = [(1 - s) / (s * group * (v + 1)) for v in range(9)]
        gains = [np.sqrt(D / x) for x in noise]
        stable = [v for v in range(9) if not v or gains[v] <= MARGIN * stable_gain(v)]
        best = min(stable, key=lambda v: LAG * D * (v / 2) ** 2 + noise[v])
        assert best_window(np.array(D), np.array(s), group, 8) == best
