"""M + X - 1 among W earlier and G completions is a table of W + G - 2 draws, exactly, and where it is not.

The expected gradient is enumerated in rationals over all earlier and all current groups, with the indices
that `History.counted` and `counts.in_group` give; each failure beside the theorem, with the same code.
"""

from fractions import Fraction
from itertools import product
from math import comb, prod
from random import Random

import numpy as np
import pytest

from polyest import History, counts, rewards
from polyest.errors import InvalidHistory

F = Fraction
THREE = {7: F(1, 2), 2: F(1, 3), 9: F(1, 6)}
UNANSWERED = {7: F(1, 2), 2: F(3, 10), -1: F(1, 5)}
SIZES = [(1, 3), (2, 3), (3, 3), (2, 4), (4, 4), (5, 3)]


def table(K):
    random = Random(K)
    return [F(random.randint(-60, 60), random.randint(1, 12)) for _ in range(K + 1)]


def every(nu, n):
    """Every group of n completions, and its probability."""
    return [(list(group), prod(map(nu.get, group), start=F(1))) for group in product(nu, repeat=n)]


def looked_up(earlier, groups, baseline="group-mean"):
    """Indices (groups, G) and K after the earlier completions were recorded."""
    past = History(stable_ids=True)
    if earlier:
        past.record([earlier], prompts=["x"])
    before = past.state_dict()
    M, W = past.counted(groups, ["x"] * len(groups))
    assert len(earlier) == W
    assert past.state_dict() == before
    seen = counts.in_group(groups, baseline=baseline, earlier=(M, W))
    return seen.index, seen.draws


def gradient(nu, W, G, c, *, q=None, mean=True, window=lambda earlier: True, before=False):
    """E (1/G) sum_i A_i d log nu(z_i)/d l_w times G/(G-1) for every answer w.

    q: of the earlier completions; window: whether they are looked at; before: recorded before rewarded.
    c: K -> entries.
    """
    groups = [group for group, _ in every(nu, G)]
    chances = [chance for _, chance in every(nu, G)]
    baseline = "group-mean" if mean else "none"
    masses = dict.fromkeys(nu, F(0))
    for earlier, weight in every(q or nu, W):
        used = earlier if window(earlier) else []
        if before:
            found = [looked_up(group, [group], baseline) for group in groups]
            indices, K = [index[0] for index, _ in found], found[0][1]
        else:
            indices, K = looked_up(used, groups, baseline)
        entries = c(K)
        for group, chance, index in zip(groups, chances, indices, strict=True):
            paid = [F(0) if z == -1 else entries[i] for z, i in zip(group, index, strict=True)]
            centre = sum(paid) / G if mean else 0
            scale = F(G, G - 1) if mean else 1
            for z, r in zip(group, paid, strict=True):
                masses[z] += weight * chance * (r - centre) * scale / G
    total = sum(masses.values())
    return [masses[z] - nu[z] * total for z in nu]


def truth(nu, means):
    mean = sum(p * value for p, value in zip(nu.values(), means, strict=True))
    return [p * (value - mean) for p, value in zip(nu.values(), means, strict=True)]


def law(K, p):
    return [comb(K, k) * p**k * (1 - p) ** (K - k) for k in range(K + 1)]


def expected(c, p):
    return sum(weight * entry for weight, entry in zip(law(len(c) - 1, p), c, strict=True))


def means(nu, c):
    return [F(0) if z == -1 else expected(c, p) for z, p in nu.items()]


@pytest.mark.parametrize(("W", "G"), SIZES)
@pytest.mark.parametrize("nu", [THREE, UNANSWERED], ids=["three", "unanswered"])
def test_under_a_group_mean_the_draws_are_those_before_and_two_less_of_the_group(W, G, nu):
    assert gradient(nu, W, G, table) == truth(nu, means(nu, table(W + G - 2)))
    assert gradient(nu, W, G, table) != truth(nu, means(nu, table(G - 2)))


@pytest.mark.parametrize(("W", "G"), SIZES)
def test_without_a_baseline_there_is_one_draw_more(W, G):
    assert gradient(THREE, W, G, table, mean=False) == truth(THREE, means(THREE, table(W + G - 1)))


def test_independent_counts_take_all_draws_of_both():
    past = History(stable_ids=True)
    past.record([[7, 7, 2]], prompts=["x"])
    options = {"counting": "independent", "reference": [[7, 2, 2, 9]], "table": "log_count"}
    paid = rewards.log_probability([[7, 2, 9, 4]], history=past, prompts=["x"], **options)
    assert paid == pytest.approx(np.log((np.array([[3, 3, 1, 0]]) + 1) / 8))


def test_a_first_visit_is_the_group_alone():
    index, K = looked_up([], [[7, 7, 2]])
    assert K == 1
    assert index.tolist() == [[1, 1, 0]]


def test_after_a_move_the_mean_is_that_of_two_binomials():
    # a policy p that does not depend on the draws of q: E c[M + X], M of W draws of q, X of G - 2 of p
    W, G, q = 3, 4, {7: F(1, 4), 2: F(1, 4), 9: F(1, 2)}
    c = table(W + G - 2)
    moved = [
        sum(
            a * b * c[m + x]
            for (m, a), (x, b) in product(enumerate(law(W, q[z])), enumerate(law(G - 2, p)))
        )
        for z, p in THREE.items()
    ]
    assert gradient(THREE, W, G, table, q=q) == truth(THREE, moved)
    assert moved != means(THREE, c)


# Where it fails.


def test_a_window_that_is_chosen_by_what_it_holds_is_biased():
    # look back only where the two old draws agree; both choices alone are exact
    def wanted(K):
        return [F(k, K) for k in range(K + 1)]  # the probability itself, exact for every K

    exact = truth(THREE, [*THREE.values()])
    assert gradient(THREE, 2, 3, wanted) == exact
    assert gradient(THREE, 2, 3, wanted, window=lambda earlier: False) == exact
    agreeing = gradient(THREE, 2, 3, wanted, window=lambda earlier: earlier[0] == earlier[1])
    assert agreeing != exact
    assert max(abs(a - b) for a, b in zip(agreeing, exact, strict=True)) > F(1, 200)


def test_a_window_that_another_prompt_chooses_is_exact():
    # its draws decide, and are as good as a coin: a mixture of two exact gradients
    def wanted(K):
        return [F(k, K) for k in range(K + 1)]

    exact = truth(THREE, [*THREE.values()])
    for other, _ in every(THREE, 2):
        chosen = gradient(THREE, 2, 3, wanted, window=lambda _, o=other: o[0] == o[1])
        assert chosen == exact


def test_a_group_that_is_recorded_before_it_is_rewarded_is_biased():
    G = 3
    c = [F(k, 2 * G - 2) for k in range(2 * G - 1)]
    exact = truth(THREE, [*THREE.values()])
    assert gradient(THREE, G, G, lambda K: c) == exact
    assert gradient(THREE, G, G, lambda K: c, before=True) != exact


def test_ids_that_are_numbered_anew_in_every_batch_are_biased():
    G, W = 3, 3
    c = [F(k, W + G - 2) for k in range(W + G - 1)]

    def numbered(group):
        return [sorted({*group}).index(z) for z in group]

    masses = dict.fromkeys(THREE, F(0))
    for (earlier, a), (group, b) in product(every(THREE, W), every(THREE, G)):
        index, _ = looked_up(numbered(earlier), [numbered(group)])
        paid = [c[i] for i in index[0]]
        for z, r in zip(group, paid, strict=True):
            masses[z] += a * b * (r - sum(paid) / G) / (G - 1)
    total = sum(masses.values())
    found = [masses[z] - p * total for z, p in THREE.items()]
    assert found != truth(THREE, [*THREE.values()])
    with pytest.raises(InvalidHistory, match="numbered anew"):
        History().record([numbered([7, 7, 2])], prompts=["x"])
