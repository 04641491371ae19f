"""Rewards over an orbit: hand-worked groups, expectations over every outcome, layouts, bad input."""

import sys

import numpy as np
import pytest
import rapidfuzz
import torch
from enumeration import gradient, mean, orbits

import polyest
from polyest import advantages, closed_forms, rewards
from polyest.errors import (
    BrokenOrbit,
    CountOutOfRange,
    InvalidReward,
    Mismatch,
    NotInstalled,
    UnknownOption,
)
from polyest.rewards.estimates import extremes
from polyest.rewards.options import parse_options

nan = float("nan")
ANSWERS = np.random.default_rng(0).integers(-1, 4, (5, 3, 6))
CALLS = {
    "coherence": rewards.coherence,
    "coherence least": lambda a, **k: rewards.coherence(a, ties="least", **k),
    "arithmetic": rewards.soft_consistency,
    "geometric": lambda a, **k: rewards.soft_consistency(a, mean="geometric", **k),
    "pairwise": rewards.pairwise,
    "pairwise others": lambda a, **k: rewards.pairwise(a, include_self=False, **k),
}
each_reward = pytest.mark.parametrize("name", CALLS)


# By hand.


def test_coherence_by_hand():
    pooled = [[[7, 7, 3], [3, 7, -1], [5, 5, 5]]]  # 7 and 5 three times each, 3 twice
    assert rewards.coherence(pooled, unanswered="lowest").tolist() == [
        [[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0]]
    ]
    assert rewards.coherence(pooled, ties="least", beta=2.0, unanswered="lowest").tolist() == [
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [2.0, 2.0, 2.0]]
    ]
    nobody = rewards.coherence([[[-1, -1], [-1, -1]]])
    assert np.isnan(nobody).all()


def test_pairwise_by_hand():
    pooled = [[[7, 7, 3, 5], [7, 7, 7, -1]]]
    paid = rewards.pairwise(pooled, beta=8.0)
    assert np.array_equal(paid, [[[5, 5, 1, 1], [5, 5, 5, nan]]], equal_nan=True)
    paid = rewards.pairwise(pooled, beta=7.0, include_self=False, unanswered="lowest")
    assert paid.tolist() == [[[4, 4, 0, 0], [4, 4, 4, 0]]]


def test_an_orbit_of_one_is_its_group():
    alone = ANSWERS[:, :1]
    expected = rewards.log_probability(alone[:, 0])[:, None]
    for name in ("arithmetic", "geometric"):
        assert CALLS[name](alone) == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_the_arithmetic_form_takes_a_table_of_ones_own():
    for own in ("harmonic", closed_forms.harmonic(4)):
        paid = rewards.soft_consistency(ANSWERS, table=own)
        assert np.isfinite(paid[ANSWERS != -1]).all()
    assert not np.array_equal(paid, rewards.soft_consistency(ANSWERS), equal_nan=True)
    with pytest.raises(Mismatch, match="K = 4 draws"):
        rewards.soft_consistency(ANSWERS, table=closed_forms.harmonic(6))


def test_the_geometric_form_is_a_mean_of_look_ups():
    pair = np.array([[[1, 1, 2, -1], [1, 3, 3, 1]]])
    own, other = polyest.load(2), polyest.load(4)
    paid = rewards.soft_consistency(pair, mean="geometric", beta=2.0)[0]
    assert paid[0, :3] == pytest.approx([own[1] + other[2], own[1] + other[2], own[0] + other[0]])
    assert paid[1] == pytest.approx(
        [own[1] + other[2], own[1] + other[0], own[1] + other[0], own[1] + other[2]]
    )


# In the mean, over every outcome.

PROMPTS = {
    "certain and absent": [(1.0, 0.0), (0.0, 1.0)],
    "disagreeing": [(0.9, 0.1), (0.1, 0.9)],
    "unlike": [(0.9, 0.1), (0.6, 0.4)],
    "alike": [(0.7, 0.3), (0.7, 0.3)],
}


@pytest.mark.parametrize("nus", PROMPTS.values(), ids=PROMPTS)
@pytest.mark.parametrize(("baseline", "K"), [("none", 4), ("group-mean", 3)])
def test_the_arithmetic_form_is_the_table_of_the_mixture(nus, baseline, K):
    """Also where a pooled count, looked up, errs by .45: counts of 5 at (1, 0)."""
    G = 5
    answers, chance = orbits(nus, G)
    paid = rewards.soft_consistency(answers, baseline=baseline)
    mixture = np.mean(nus, axis=0)
    P = np.array([mean(polyest.load(K), p) for p in mixture])
    for k, nu in enumerate(np.array(nus)):
        given = paid[:, k] if baseline == "none" else advantages.leave_one_out(paid[:, k])
        expected = nu * (P if baseline == "none" else P - (nu * P).sum())
        assert gradient(answers[:, k], chance, given, 2) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("nus", PROMPTS.values(), ids=PROMPTS)
@pytest.mark.parametrize(("baseline", "K"), [("none", 4), ("group-mean", 3)])
def test_the_geometric_form_is_the_mean_of_two_tables(nus, baseline, K):
    G = 5
    answers, chance = orbits(nus, G)
    paid = rewards.soft_consistency(answers, mean="geometric", baseline=baseline)
    own, others = polyest.load(K), polyest.load(G)
    for k, nu in enumerate(np.array(nus)):
        P = np.array([(mean(own, nu[z]) + mean(others, nus[1 - k][z])) / 2 for z in range(2)])
        given = paid[:, k] if baseline == "none" else advantages.leave_one_out(paid[:, k])
        expected = nu * (P if baseline == "none" else P - (nu * P).sum())
        assert gradient(answers[:, k], chance, given, 2) == pytest.approx(expected, abs=1e-12)


def test_a_pooled_count_looked_up_is_far_off():
    answers, chance = orbits(PROMPTS["certain and absent"], 5)
    table = polyest.load(9)
    pooled = np.array([[[(row == z).sum() for z in g] for g in row] for row in answers]) - 1
    drawn = chance[:, None, None] * (answers == 0)
    looked_up = (drawn * table[pooled]).sum() / drawn.sum()
    assert abs(looked_up - np.log(0.5)) > 0.1
    right = (drawn * rewards.soft_consistency(answers, baseline="none")).sum() / drawn.sum()
    assert right == pytest.approx(mean(polyest.load(4), 0.5), abs=1e-12)


def test_pairwise_agreement_is_the_gradient_of_coherence():
    """E r for answer z: the mean of nu_k(z), the completion itself counted apart."""
    nus = PROMPTS["unlike"]
    answers, chance = orbits(nus, 3)
    paid = rewards.pairwise(answers, include_self=False)
    for k in range(2):
        for z in range(2):
            drawn = chance[:, None] * (answers[:, k] == z)
            aim = (2 * nus[k][z] + 3 * nus[1 - k][z]) / 5
            assert (drawn * paid[:, k]).sum() / drawn.sum() == pytest.approx(aim, abs=1e-12)


# One convention, every layout.


@each_reward
def test_numpy_and_torch_are_equal_in_every_layout(name):
    for keywords in ({}, {"unanswered": "lowest"}, {"dyadic": True, "beta": 0.3}):
        dense = CALLS[name](ANSWERS, **keywords)
        assert dense.dtype == np.float64
        assert np.isfinite(dense[ANSWERS != -1]).all()
        assert np.isnan(dense[ANSWERS == -1]).all() == ("unanswered" not in keywords)
        tensor = CALLS[name](torch.tensor(ANSWERS), **keywords)
        assert tensor.dtype == torch.float64
        assert np.asarray(tensor) == pytest.approx(dense, abs=1e-14, nan_ok=True)
        rng = np.random.default_rng(2)
        order = rng.permutation(15)
        rows, orbit = ANSWERS.reshape(15, 6)[order], np.repeat([3, 9, 1, 4, 0], 3)[order]
        for array in (np.array, torch.tensor):
            paid = CALLS[name](array(rows), orbits=array(orbit), **keywords)
            expected = dense.reshape(15, 6)[order]
            assert np.asarray(paid) == pytest.approx(expected, abs=1e-14, nan_ok=True)
        order = rng.permutation(90)
        paid = CALLS[name](
            ANSWERS.reshape(-1)[order],
            groups=np.repeat(rng.permutation(15), 6)[order],
            orbits=np.repeat([3, 9, 1, 4, 0], 18)[order],
            **keywords,
        )
        assert paid == pytest.approx(dense.reshape(-1)[order], abs=1e-14, nan_ok=True)


@each_reward
def test_names_of_answers_and_order_of_traces_do_not_matter(name):
    if name == "coherence least":
        return
    order = np.random.default_rng(1).permutation(6)
    renamed = np.where(ANSWERS == -1, -1, 1000 - 7 * ANSWERS)
    assert CALLS[name](renamed[:, :, order]) == pytest.approx(
        CALLS[name](ANSWERS)[:, :, order], abs=1e-14, nan_ok=True
    )
    turned = CALLS[name](ANSWERS[:, [1, 2, 0]])
    assert turned == pytest.approx(CALLS[name](ANSWERS)[:, [1, 2, 0]], abs=1e-13, nan_ok=True)


@each_reward
def test_dyadic_rewards_sum_exactly_over_an_orbit(name):
    paid = CALLS[name](ANSWERS, dyadic=True, beta=0.3, unanswered="lowest") * 2.0**16
    assert np.array_equal(np.rint(paid), paid)
    plain = CALLS[name](ANSWERS, beta=0.3, unanswered="lowest") * 2.0**16
    assert np.abs(paid - plain).max() <= 0.5 + 1e-9


# Pairwise agreement of texts.

TEXTS = [[["the cat", "a cat", "dog"], ["the cat", None, "dogs"]]]


def test_texts_agree_by_equality_distance_embedding_and_rapidfuzz():
    equal = rewards.pairwise(TEXTS, beta=6.0)
    assert np.array_equal(equal, [[[2, 1, 1], [2, nan, 1]]], equal_nan=True)
    seen = []

    def lengths(texts):
        seen.append(texts)
        n = np.array([len(text) for text in texts], float)
        return np.abs(n[:, None] - n) / 10

    apart = rewards.pairwise(TEXTS, distance=lengths, beta=6.0)
    assert seen == [["the cat", "a cat", "dog", "the cat", "dogs"]]
    assert apart[0, 0, 0] == pytest.approx(5 - (0 + 2 + 4 + 0 + 3) / 10)

    def letters(texts):
        return np.array([[text.count(x) for x in "abcdefghijklmnopqrstuvwxyz "] for text in texts])

    vectors = letters(seen[0]).astype(float)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = ((1 + unit @ unit.T) / 2).sum(1)
    for encode in (letters, lambda t: torch.tensor(letters(t), dtype=torch.float32)):
        near = rewards.pairwise(TEXTS, encode=encode, beta=6.0)
        assert near[~np.isnan(near)] == pytest.approx(expected, abs=1e-6)
    near = rewards.pairwise(TEXTS, fuzzy=True, beta=6.0)
    expected = [sum(rapidfuzz.fuzz.ratio(a, b) for b in seen[0]) / 100 for a in seen[0]]
    assert near[~np.isnan(near)] == pytest.approx(expected, abs=1e-12)


def test_texts_at_the_edges():
    assert rewards.pairwise([[["a", "a\0"]]]).tolist() == [[[0.5, 0.5]]]
    half = rewards.pairwise(
        [[["a", "b"], ["c", "d"]]], distance=lambda t: np.full((4, 4), 0.5), include_self=False
    )
    assert half.tolist() == [[[0.5, 0.5], [0.5, 0.5]]]
    mixed = [[["a", "a"]], [[None, None]]]
    for way in ({"distance": lambda t: np.zeros((2, 2))}, {"encode": lambda t: np.ones((2, 3))}):
        paid = rewards.pairwise(mixed, **way)
        assert paid[0].tolist() == [[1.0, 1.0]]
        assert np.isnan(paid[1]).all()
    soft = rewards.pairwise(mixed, encode=lambda t: torch.ones(2, 3, dtype=torch.bfloat16))
    assert soft[0] == pytest.approx(np.ones((1, 2)))


def test_a_large_reward_of_a_large_orbit_has_a_coarser_grid():
    answers = np.random.default_rng(0).integers(0, 9, (2, 2, 64))
    for name in CALLS:
        beta = 900.0
        paid = CALLS[name](answers, beta=beta, dyadic=True)
        most = beta * (1.0 if name.startswith(("coh", "pair")) else 5.1)
        b = int(np.floor(np.log2(2**24 / (128 * most))))
        steps = paid * 2.0**b
        assert np.array_equal(np.rint(steps), steps), name
        assert np.abs(steps).max() * 128 <= 2**24


def test_texts_are_arranged_as_answers_are():
    paid = rewards.pairwise(
        [["a", "b"], ["c", "c"], ["a", "a"], ["c", "d"]], orbits=[0, 1, 0, 1], beta=4.0
    )
    assert paid.tolist() == [[3, 1], [3, 3], [3, 3], [3, 1]]
    paid = rewards.pairwise(
        ["a", "b", "a", "a"], groups=[0, 1, 0, 1], orbits=[5, 5, 5, 5], beta=4.0
    )
    assert paid.tolist() == [3, 1, 3, 3]
    assert np.isnan(rewards.pairwise([[[None, None]]])).all()


def near(matrix):
    return lambda texts: np.array(matrix, float)


BAD = [
    (lambda: rewards.coherence([[1, 2]]), BrokenOrbit, r"\(1, 2\) without orbits"),
    (lambda: rewards.coherence([[1, 2]], orbits=[1, 2]), BrokenOrbit, r"\(prompts,\)"),
    (
        lambda: rewards.coherence([[1], [1], [2]], orbits=[0, 0, 1]),
        BrokenOrbit,
        "orbit 1 has 1 prompts, others 2|orbit 0 has 2 prompts, others 1",
    ),
    (
        lambda: rewards.coherence([1, 2, 3, 1, 2], groups=[0, 0, 1, 1, 1], orbits=[0] * 5),
        BrokenOrbit,
        "group . has . completions, others .",
    ),
    (
        lambda: rewards.coherence([1, 2, 3, 1], groups=[0, 0, 1, 1], orbits=[0, 1, 0, 0]),
        BrokenOrbit,
        "group 0 is in two orbits",
    ),
    (
        lambda: rewards.coherence([1, 2], groups=[0, 0], orbits=[0]),
        BrokenOrbit,
        r"expected three arrays \(N,\)",
    ),
    (lambda: rewards.coherence([[[]]]), CountOutOfRange, "at least one completion"),
    (lambda: rewards.coherence(ANSWERS * 1.0), CountOutOfRange, "type float64"),
    (lambda: rewards.coherence(ANSWERS, ties="first"), InvalidReward, "ties is 'first'"),
    (
        lambda: rewards.coherence(ANSWERS, noise=8),
        UnknownOption,
        "keyword noise: expected some of groups",
    ),
    (
        lambda: rewards.soft_consistency(ANSWERS, mean="harmonic"),
        InvalidReward,
        "mean is 'harmonic'",
    ),
    (
        lambda: rewards.soft_consistency(ANSWERS, baseline="exact"),
        InvalidReward,
        "under .group-mean. or",
    ),
    (lambda: rewards.soft_consistency(ANSWERS, counting="independent"), InvalidReward, "in-group"),
    (lambda: rewards.soft_consistency(ANSWERS[:, :, :2]), CountOutOfRange, "a group of 2 under"),
    (
        lambda: rewards.soft_consistency(ANSWERS, mean="geometric", table=closed_forms.harmonic(4)),
        Mismatch,
        "but the counts have K = 6",
    ),
    (lambda: rewards.pairwise(ANSWERS, fuzzy=True), InvalidReward, "fuzzy compares texts"),
    (lambda: rewards.pairwise(TEXTS, fuzzy=True, encode=len), InvalidReward, "fuzzy and encode"),
    (
        lambda: rewards.pairwise([[[1]]], include_self=False),
        InvalidReward,
        "an orbit of one completion",
    ),
    (lambda: rewards.pairwise(TEXTS, no_answer=3), InvalidReward, "no_answer is given with texts"),
    (
        lambda: rewards.pairwise([[["a", "b"]]], encode=lambda t: [[1, 2], [3]]),
        InvalidReward,
        "expected an array",
    ),
    (lambda: rewards.pairwise([[["a", 1.5]]]), InvalidReward, "1.5 among texts"),
    (lambda: rewards.pairwise([[["a"], ["b", "c"]]]), CountOutOfRange, "not a rectangular array"),
    (
        lambda: rewards.pairwise([[["a", "b"]]], encode=near([[1, nan], [1, 2]])),
        InvalidReward,
        "text 0 of 2",
    ),
    (
        lambda: rewards.pairwise([[["a", "b"]]], encode=near([[1, 1], [0, 0]])),
        InvalidReward,
        "text 1 of 2",
    ),
    (
        lambda: rewards.pairwise([[["a", "b"]]], encode=near([1, 1])),
        InvalidReward,
        r"shape \(2,\) for 2",
    ),
    (
        lambda: rewards.pairwise([[["a", "b"]]], distance=near([[0, 1.5], [1, 0]])),
        InvalidReward,
        "gave 1.5",
    ),
    (
        lambda: rewards.pairwise([[["a", "b"]]], distance=near([[0, nan], [1, 0]])),
        InvalidReward,
        "gave nan",
    ),
    (
        lambda: rewards.pairwise([[["a", "b"]]], distance=near([[0, 1]])),
        InvalidReward,
        r"shape \(1, 2\)",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[f"{i}" for i in range(len(BAD))])
def test_bad_input_is_a_named_error(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("mean", ["arithmetic", "geometric"])
def test_prompts_need_not_be_neighbours_and_no_answer_may_be_any_number(mean):
    rows, neighbours = np.random.default_rng(5).integers(-1, 3, (6, 5)), [0, 0, 1, 1, 2, 2]
    plain = rewards.soft_consistency(rows, orbits=neighbours, mean=mean)
    order = [0, 1, 2, 4, 3, 5]  # the first orbit together, the others not
    turned = rewards.soft_consistency(rows[order], orbits=[0, 0, 1, 2, 1, 2], mean=mean)
    assert np.array_equal(turned, plain[order], equal_nan=True)
    marked = np.where(rows == -1, 9, rows)
    other = rewards.soft_consistency(marked, orbits=neighbours, mean=mean, no_answer=9)
    assert np.array_equal(other, plain, equal_nan=True)


def test_without_rapidfuzz_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    with pytest.raises(NotInstalled, match=r"pip install 'polyest\[text\]'"):
        rewards.pairwise(TEXTS, fuzzy=True)


def test_what_stands_for_no_answer_is_the_least_entry_itself():
    own, other = polyest.load(6).coefficients, polyest.load(8).coefficients
    assert extremes(parse_options("log", 0.5, -1, {}), 6) == (min(-own / 2), max(abs(own / 2)))
    answers = [[[1] * 7 + [-1], [1] * 8]]
    paid = rewards.soft_consistency(answers, mean="geometric", unanswered="lowest")
    assert paid[0, 0, 7] == (min(own) + min(other)) / 2
