"""Rewards of one's own answer: hand-worked groups, exact expectations, numpy and torch, bad input."""

import pickle
from math import comb

import numpy as np
import pytest
import torch
from enumeration import groups, mean

import polyest
from polyest import advantages, closed_forms, counts, rewards
from polyest.errors import (
    CountOutOfRange,
    InvalidProblem,
    InvalidReward,
    Mismatch,
)

nan = float("nan")
NU = (0.5, 0.3, 0.15, 0.05)  # three answers, and none
ANSWERS = np.random.default_rng(0).integers(-1, 5, (12, 8))
CALLS = {
    "log_probability": lambda a, **k: rewards.log_probability(a, **k),
    "polynomial": lambda a, **k: rewards.polynomial(a, (0.5, -1, 2), **k),
    "tsallis": lambda a, **k: rewards.tsallis(a, 0.5, **k),
    "tsallis 3": lambda a, **k: rewards.tsallis(a, 3, **k),
    "pass_at": lambda a, **k: rewards.pass_at(a, 3, **k),
    "entropy": lambda a, **k: rewards.diversity(a, **k),
    "gini": lambda a, **k: rewards.diversity(a, measure="gini", **k),
    "ground_truth": lambda a, **k: rewards.ground_truth(a, 0 * a + 2, objective="log", **k),
    "ground_truth pass": lambda a, **k: rewards.ground_truth(
        a, 0 * a + 2, objective="pass@k", k=3, **k
    ),
    "ground_truth accuracy": lambda a, **k: rewards.ground_truth(a, 0 * a + 2, **k),
}
each_reward = pytest.mark.parametrize("name", CALLS)


# By hand.


def test_a_log_reward_is_the_entry_of_its_count():
    paid = rewards.log_probability([[7, 7, 7, 3, -1, 5]], beta=0.5)
    c = polyest.load(4).coefficients
    expected = 0.5 * np.array([[c[2], c[2], c[2], c[0], nan, c[0]]])
    assert np.array_equal(paid, expected, equal_nan=True)
    independent = rewards.log_probability(
        [[7, 3]], counting="independent", reference=[[7, 7, 3, 3, 3, -1]], beta=0.5
    )
    assert np.array_equal(independent, 0.5 * polyest.load(6)[np.array([[2, 3]])])


def test_diversity_by_hand():
    group = [[7, 7, 7, 3, 5]]
    assert rewards.diversity(group, measure="gini", beta=3.0).tolist() == [
        [1.0, 1.0, 1.0, 3.0, 3.0]
    ]
    logs = rewards.log_probability(group, noise=2)
    assert np.array_equal(rewards.diversity(group, noise=2), -logs)
    prior = np.log([[0.5, 0.5, 0.5, 0.25, 0.25]])
    explored = rewards.diversity(group, measure="exploration", prior=prior, beta=2.0, noise=2)
    assert explored == pytest.approx(2 * (prior - logs), abs=1e-15)
    tensor = rewards.diversity(
        torch.tensor(group), measure="exploration", prior=torch.tensor(prior), beta=2.0, noise=2
    )
    assert np.array_equal(tensor.numpy(), explored)


def test_ground_truth_by_hand():
    group, truth = [[7, 7, 3, 5, -1], [1, 2, 3, 4, 5]], [7, 9]
    zeros = [0.0] * 5
    assert rewards.ground_truth(group, truth).tolist() == [[1.0, 1.0, 0.0, 0.0, 0.0], zeros]
    assert rewards.ground_truth(group, truth, objective="log").tolist() == [
        [2.0, 2.0, 0.0, 0.0, 0.0],
        zeros,
    ]
    passed = rewards.ground_truth(group, truth, objective="pass@k", k=2, beta=2.0)
    assert passed == pytest.approx(np.array([[8 / 3, 8 / 3, 0, 0, 0], zeros]), abs=1e-15)
    left = rewards.ground_truth(group, truth, unanswered="exclude")
    assert np.isnan(left).tolist() == [[False] * 4 + [True], [False] * 5]
    own = rewards.ground_truth([[7, 0, 0, 7]], [0], no_answer=0, objective="log")
    assert own.tolist() == [[0.0, 0.0, 0.0, 0.0]]
    broken = rewards.ground_truth(
        [7] * 9, [7] * 9, groups=[0] * 5 + [1] * 4, sizes=(4, 4), objective="log"
    )
    assert broken.tolist() == [0.0] * 5 + [1.0] * 4


def test_standard_is_the_score():
    scores = [[0.5, 1.0, -2.0]]
    assert rewards.standard(scores).tolist() == scores
    assert rewards.standard(torch.tensor(scores)).tolist() == scores


# In the mean, over every group.


def test_what_a_reward_estimates_given_the_answer():
    """E[r | z] for K = G - 1 draws, no baseline: P of the table, the power, pass@k, the MaxRL series."""
    G, K = 5, 4
    answers, chance = groups(NU, G)
    p = np.array(NU[:3])
    means = {
        "log_probability": [mean(polyest.load(K), x) for x in p],
        "entropy": [-mean(polyest.load(K), x) for x in p],
        "tsallis": [mean(polyest.load(K, "tsallis:0.5"), x) for x in p],
        "polynomial": 0.5 - p + 2 * p**2,
        "tsallis 3": (p**2 - 1) / 2,
        "pass_at": 1 - (1 - p) ** 3,
        "gini": 1 - p,
    }
    for name, expected in means.items():
        paid = CALLS[name](answers, baseline="none")
        for z, aim in enumerate(expected):
            drawn = chance[:, None] * (answers == z)
            assert (drawn * np.nan_to_num(paid)).sum() / drawn.sum() == pytest.approx(
                aim, abs=1e-12
            ), name
    p = p[2]
    for name, aim in (
        ("ground_truth", (1 - (1 - p) ** (K + 1)) / p),
        ("ground_truth pass", 3 * (1 - p) ** 2),
        ("ground_truth accuracy", 1.0),
    ):
        paid = CALLS[name](answers, baseline="none")
        drawn = chance[:, None] * (answers == 2)
        assert (drawn * paid).sum() / drawn.sum() == pytest.approx(aim, abs=1e-12), name
        assert not paid[answers != 2].any()


def test_beyond_degree_k_nothing_is_unbiased_and_it_is_refused():
    with pytest.raises(InvalidProblem, match="degree"):
        rewards.polynomial([[1, 1, 2, 3]], (0, 0, 0, 1))
    assert not rewards.polynomial([[1, 1, 2, 3, 3]], (0, 0, 0, 1)).any()
    with pytest.raises(InvalidProblem, match="above K = 2"):
        rewards.pass_at([[1, 1, 2, 3]], 3)
    with pytest.raises(InvalidReward, match=r"k is 4 and K = 2.*fewer than 3 draws"):
        rewards.ground_truth([[1, 1, 2, 3]], [1], objective="pass@k", k=4)


# One convention for all.


@each_reward
def test_numpy_and_torch_are_equal_and_every_answered_trace_is_finite(name):
    for keywords in (
        {},
        {"baseline": "none"},
        {"unanswered": "exclude"},
        {"dyadic": True, "beta": 0.1},
    ):
        paid = CALLS[name](ANSWERS, **keywords)
        tensor = CALLS[name](torch.tensor(ANSWERS), **keywords)
        assert paid.dtype == np.float64
        assert tensor.dtype == torch.float64
        assert np.array_equal(paid, tensor.numpy(), equal_nan=True)
        assert np.isfinite(paid[ANSWERS != -1]).all()
        if keywords == {"unanswered": "exclude"}:
            assert np.isnan(paid[ANSWERS == -1]).all()
    assert np.isfinite(CALLS[name](ANSWERS, unanswered="lowest")).all()


@each_reward
@pytest.mark.parametrize("array", [np.array, torch.tensor], ids=["numpy", "torch"])
def test_ragged_is_dense_group_by_group(name, array):
    rng = np.random.default_rng(3)
    sizes = [5, 9, 6, 9]
    ids = np.repeat([4, 1, 9, 3], sizes)
    answers = rng.integers(-1, 4, ids.size)
    order = rng.permutation(ids.size)
    expected = np.concatenate([CALLS[name](answers[ids == g][None])[0] for g in (4, 1, 9, 3)])[
        order
    ]
    shuffled, groups = array(answers[order]), array(ids[order])
    for keywords in (
        {"groups": groups},
        {"groups": groups, "sizes": (5, 9)},
        {"groups": ids[order].tolist()},
    ):
        paid = CALLS[name](shuffled, **keywords)
        assert np.array_equal(np.asarray(paid), expected, equal_nan=True)


def test_a_promise_of_sizes_leaves_other_groups_out():
    answers, ids = np.array([1, 1, 2, 5, 5, 5, 5, 6]), np.array([0, 0, 0, 7, 7, 7, 7, 8])
    paid = rewards.log_probability(answers, groups=ids, sizes=(4, 6))
    assert np.isnan(paid).tolist() == [True] * 3 + [False] * 4 + [True]
    with pytest.raises(CountOutOfRange, match="group 8 of 1"):
        rewards.log_probability(answers, groups=ids)
    with pytest.raises(CountOutOfRange, match="a group of 2 under"):
        rewards.log_probability(answers, groups=ids, sizes=(2, 6))
    with pytest.raises(CountOutOfRange, match="smallest and the largest"):
        rewards.log_probability(answers, groups=ids, sizes=(6, 4))
    with pytest.raises(CountOutOfRange, match="say the size of a group"):
        rewards.log_probability([[1, 1, 2]], sizes=(3, 3))


@each_reward
def test_dyadic_rewards_of_a_group_sum_exactly_in_float32(name):
    for beta in (1.0, 0.1, 0.37):
        paid = CALLS[name](ANSWERS, dyadic=True, beta=beta, unanswered="lowest")
        wholes = paid * 2.0**16
        assert np.array_equal(np.float32(paid).astype(float) * 2**16, np.rint(wholes))
        assert np.abs(np.rint(wholes) - wholes).max() < 1e-6
        plain = CALLS[name](ANSWERS, beta=beta, unanswered="lowest")
        # Entries may move by as much as the noise budget of their table allows.
        assert np.abs(paid - plain).max() <= 0.26 * beta
        if name in ("polynomial", "gini", "pass_at", "ground_truth", "ground_truth pass"):
            assert np.abs(paid - plain).max() <= 2.0**-17 + 1e-12


def test_equal_answers_leave_no_advantage_on_the_dyadic_grid_and_some_without():
    left = []
    for G in (3, 4, 5, 7, 11, 14, 16, 23, 32, 33, 47, 63, 64):
        for dyadic in (True, False):
            paid = rewards.log_probability(
                torch.zeros(1, G, dtype=torch.int64), beta=0.1, dyadic=dyadic
            )
            single = paid.float()
            residue = float((single - single.mean()).abs().max())
            if dyadic:
                assert residue == 0.0, G
            else:
                left.append(residue)
    assert max(left) > 0


@each_reward
def test_rewards_do_not_depend_on_names_or_order_of_answers(name):
    if name.startswith("ground_truth"):
        return
    order = np.random.default_rng(1).permutation(8)
    renamed = np.where(ANSWERS == -1, -1, 1000 - 7 * ANSWERS)
    assert np.array_equal(
        CALLS[name](renamed[:, order]), CALLS[name](ANSWERS)[:, order], equal_nan=True
    )


def test_rewards_are_plain_functions_with_names():
    for name in rewards.__all__:
        function = getattr(rewards, name)
        if name not in ("Options", "Multiplier"):
            assert pickle.loads(pickle.dumps(function)) is function
            assert function.__name__ == name
            assert not isinstance(function, torch.nn.Module)


def test_a_table_of_ones_own_and_closed_forms():
    table = closed_forms.schuermann(6)
    paid = rewards.log_probability(ANSWERS, table=table)
    assert np.array_equal(
        paid, rewards.log_probability(ANSWERS, table="schuermann"), equal_nan=True
    )
    assert not np.array_equal(paid, rewards.log_probability(ANSWERS), equal_nan=True)
    with pytest.raises(Mismatch, match="but the counts have K = 6 draws"):
        rewards.log_probability(ANSWERS, table=closed_forms.schuermann(7))
    solved = polyest.load(6, criterion="minimax")
    assert np.array_equal(
        rewards.log_probability(ANSWERS, table=solved),
        rewards.log_probability(ANSWERS, criterion="minimax"),
        equal_nan=True,
    )


def test_above_1024_draws_the_universal_table_is_read():
    answers = np.zeros((1, 1200), int)
    answers[0, :7] = 5
    paid = rewards.log_probability(answers)
    table = polyest.load(1198)
    assert paid[0, 0] == table[6]
    assert paid[0, -1] == table[1192]


def test_nobody_answered_is_nobody_rewarded():
    for name, call in CALLS.items():
        missing = np.full((2, 6), -1)
        excluded, lowest = (call(missing, unanswered=u) for u in ("exclude", "lowest"))
        assert np.isnan(excluded).all(), name
        assert np.isfinite(lowest).all(), name
        assert np.ptp(lowest) == 0, name


def test_pass_at_is_the_share_of_subsets_with_the_answer():
    answers = np.array([[4, 4, 4, 1, 2, 3, 3]])  # K = 5
    paid = rewards.pass_at(answers, 2)[0]
    assert paid == pytest.approx(
        [1 - comb(5 - X, 2) / comb(5, 2) for X in counts.in_group(answers).index[0]], abs=1e-15
    )


def test_exploration_leaves_the_prior_of_unanswered_traces_out_and_pays_them_least():
    group = np.array([[7, 7, 3, -1]])
    prior = np.array([[-1.0, -1.0, -9.0, np.nan]])
    logs = rewards.log_probability(group)
    paid = rewards.diversity(group, measure="exploration", prior=prior, beta=2.0)
    assert paid[0, :3] == pytest.approx(2 * (prior - logs)[0, :3])
    assert np.isnan(paid[0, 3])
    lowest = rewards.diversity(
        group, measure="exploration", prior=prior, beta=2.0, unanswered="lowest"
    )
    assert lowest[0, 3] == pytest.approx(2 * (-9.0 - polyest.load(2).coefficients.max()))
    assert lowest[0, 3] <= lowest[0, :3].min()
    steps = 2.0**16 * rewards.diversity(
        group, measure="exploration", prior=prior, beta=0.3, dyadic=True
    )
    assert np.array_equal(np.rint(steps), steps, equal_nan=True)


def test_a_large_reward_of_a_large_group_has_a_coarser_grid():
    """G max|r| <= 2^(24-b): 64 rewards up to 1500 leave b = 7."""
    finest = []
    answers = np.random.default_rng(0).integers(0, 30, (8, 64))
    truth = np.zeros((8, 64), int)
    for paid, most in (
        (rewards.ground_truth(answers, truth, objective="log", beta=24.9, dyadic=True), 24.9 * 63),
        (
            rewards.ground_truth(answers, truth, objective="pass@k", k=10, beta=150.0, dyadic=True),
            1500,
        ),
    ):
        b = int(np.floor(np.log2(2**24 / (64 * most))))
        assert b == 7
        steps = paid * 2.0**b
        assert np.array_equal(np.rint(steps), steps)
        finest.append(not np.array_equal(np.rint(steps / 2), steps / 2))
    assert any(finest)
    flat = rewards.ground_truth(
        answers.reshape(-1), truth.reshape(-1), groups=np.repeat(range(8), 64), objective="log",
        beta=25.0, dyadic=True,
    )  # fmt: skip
    dense = rewards.ground_truth(answers, truth, objective="log", beta=25.0, dyadic=True)
    assert np.array_equal(flat, dense.reshape(-1))
    ragged = rewards.log_probability(answers[0], groups=[0] * 4 + [1] * 60, beta=90.0, dyadic=True)
    alone = rewards.log_probability(answers[:1, :4], beta=90.0, dyadic=True)
    assert np.array_equal(ragged[:4], alone[0])
    with pytest.raises(InvalidReward, match="vanish on the dyadic grid"):
        rewards.ground_truth(answers, truth, beta=1e-6, dyadic=True)


def test_the_lowest_of_a_ragged_batch_is_that_of_its_own_table():
    answers, ids = [4, 4, 4, -1, 1, 2, 3, 4, 4, -1], [0] * 4 + [1] * 6
    paid = rewards.diversity(answers, groups=ids, unanswered="lowest")
    assert paid[3] == -polyest.load(2).coefficients.max()
    assert paid[9] == -polyest.load(4).coefficients.max()


def test_callers_may_write_into_what_they_get():
    scores = np.ones((1, 3))
    rewards.standard(scores)[:] = 9
    assert scores.tolist() == [[1.0, 1.0, 1.0]]
    first = rewards.log_probability([[1, 1, 2]])
    kept = first.copy()
    first[:] = 9
    assert np.array_equal(rewards.log_probability([[1, 1, 2]]), kept)


@pytest.mark.parametrize("measure", ["entropy", "gini"])
def test_correct_times_diversity_leaves_out_who_said_nothing_unless_one_chooses(measure):
    """0 * nan is nan: the completion without answer is then better off than a wrong one."""
    answers = np.array([[7, 7, 3, 5, 7, -1]])
    right, d = answers == 7, rewards.diversity(answers, measure=measure)
    trap = advantages.group_mean(right * (1 + d))
    assert trap[0, 5] == 0 > trap[0, 2]
    lowest = rewards.diversity(answers, measure=measure, unanswered="lowest")
    for paid in (np.where(right, 1 + d, 0), right * (1 + lowest)):
        advantage = advantages.group_mean(paid)
        assert advantage[0, 5] == advantage[0, 2] == advantage[0, 3] < 0 < advantage[0, 0]
