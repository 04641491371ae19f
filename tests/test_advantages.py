"""Advantages by enumeration of every group: which gradient each baseline has in the mean."""

import numpy as np
import pytest
import torch
from enumeration import gradient, groups, mean

import polyest
from polyest import advantages, counts, pairing, rewards
from polyest.errors import CountOutOfRange, InvalidReward, Mismatch, ScaleLost, UnknownOption

NU = np.array([0.55, 0.3, 0.1, 0.05])  # three answers, and none
ALL = np.array([0.6, 0.3, 0.1, 0.0])  # always an answer
G = 5


def through(nu, function, baseline, **keywords):
    answers, chance = groups(nu, G)
    paid = rewards.log_probability(answers, baseline=baseline, **keywords)
    return gradient(answers, chance, function(paid), len(nu) - 1)


@pytest.mark.parametrize("nu", [NU, ALL], ids=["unanswered", "answered"])
@pytest.mark.parametrize(
    ("function", "factor"),
    [(advantages.group_mean, (G - 1) / G), (advantages.leave_one_out, 1.0)],
    ids=["group_mean", "leave_one_out"],
)
def test_a_mean_over_the_answered_has_the_gradient_of_the_table_of_two_draws_less(
    nu, function, factor
):
    Q = np.array([mean(polyest.load(G - 2), p) for p in nu[:-1]])
    expected = factor * nu[:-1] * ((1 - nu[-1]) * Q - (nu[:-1] * Q).sum())
    assert through(nu, function, "group-mean") == pytest.approx(expected, abs=1e-12)


def test_with_weight_1_in_place_of_n_over_g_it_is_biased():
    def as_trainers(paid):
        return np.nan_to_num(paid - np.nanmean(paid, axis=1, keepdims=True))

    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="empty slice"):
        estimate = through(NU, as_trainers, "group-mean")
    Q = np.array([mean(polyest.load(G - 2), p) for p in NU[:-1]])
    exact = NU[:-1] * (Q - (NU[:-1] * Q).sum() / (1 - NU[-1]))
    ratio = estimate / exact
    assert ratio.max() - ratio.min() > 1e-3  # not a learning rate


def test_unanswered_lowest_is_an_answer_with_a_fixed_reward():
    table = polyest.load(G - 2)
    answers, chance = groups(NU, G)
    paid = rewards.log_probability(answers, unanswered="lowest")
    lowest = table.coefficients.min()
    assert np.unique(paid[answers == -1]).tolist() == [lowest]
    Q = np.array([mean(table, p) for p in NU[:-1]])
    expected = (G - 1) / G * NU[:-1] * (Q - (NU[:-1] * Q).sum() - NU[-1] * lowest)
    assert gradient(answers, chance, advantages.group_mean(paid), 3) == pytest.approx(
        expected, abs=1e-12
    )


@pytest.mark.parametrize("nu", [NU, ALL], ids=["unanswered", "answered"])
def test_the_exact_baseline_keeps_the_table_of_one_draw_less_and_is_no_function_of_the_trace(nu):
    pair = pairing.pair(G, "exact")
    assert (pair.table.K, pair.others.K) == (G - 1, G - 2)
    answers, chance = groups(nu, G)
    estimate = gradient(answers, chance, pair.advantages(answers), 3) / nu[:-1]
    P = np.array([mean(pair.table, p) for p in nu[:-1]])
    baseline = P - estimate
    assert np.ptp(baseline) < 1e-12
    if nu is ALL:
        d = np.array([mean(pair.others, p) for p in nu[:-1]])
        assert baseline[0] == pytest.approx((nu[:-1] * d).sum(), abs=1e-12)


def test_the_exact_baseline_of_a_group_of_two():
    pair = pairing.pair(2, "exact", table="log_count")
    assert pair.others is None
    assert pair.advantages([[4, 4], [4, 5]]).tolist() == [[0.0, 0.0], [-np.log(2), -np.log(2)]]


def test_the_wrong_k_is_another_gradient():
    """K = G - 1 is wrong under a group mean, and a pair refuses it."""
    answers, chance = groups(ALL, G)
    entries = polyest.load(G - 1).coefficients
    wrong = entries[counts.in_group(answers, baseline="none").index]
    estimate = gradient(answers, chance, advantages.leave_one_out(wrong), 3)
    P = np.array([mean(polyest.load(G - 1), p) for p in ALL[:-1]])
    assert np.abs(estimate - ALL[:-1] * (P - (ALL[:-1] * P).sum())).max() > 0.01


def test_standardising_undoes_beta_and_says_so():
    answers = [[1, 1, 2, 3, 1], [1, 2, 3, 4, 5]]
    with pytest.warns(ScaleLost, match=r"cancels beta = 0\.01.*group-mean"):
        small = pairing.pair(5, "standardised", beta=0.01)
    plain = pairing.pair(5, "standardised")
    assert small.advantages(answers) == pytest.approx(plain.advantages(answers), rel=1e-3, abs=1e-9)
    scaled = pairing.pair(5, beta=0.01).advantages(answers)
    assert scaled == pytest.approx(0.01 * pairing.pair(5).advantages(answers), abs=1e-12)
    assert np.abs(plain.advantages(answers)[0]).max() > 0.5


@pytest.mark.parametrize("baseline", pairing.BASELINES)
def test_a_pair_is_what_rewards_and_advantages_give_in_two_steps(baseline):
    answers = np.random.default_rng(0).integers(-1, 4, (20, 6))
    pair = pairing.pair(6, baseline, noise=4)
    assert pairing.draws(6, baseline) == pair.table.K
    advantage = pair.advantages(answers)
    assert not advantage[answers == -1].any()
    assert np.isfinite(advantage).all()
    tensor = pair.advantages(torch.tensor(answers))
    assert (
        torch.equal(tensor, torch.tensor(advantage))
        or np.abs(tensor.numpy() - advantage).max() < 1e-14
    )
    if baseline in ("exact", "none"):
        return
    paid = rewards.log_probability(answers, noise=4)
    function = getattr(advantages, baseline.replace("-", "_"))
    assert advantage == pytest.approx(function(paid), abs=1e-14)


@pytest.mark.parametrize(
    ("K", "baseline", "others", "message"),
    [
        (
            15,
            "group-mean",
            None,
            "K = 15 under baseline .group-mean. with groups of 16: expected K = 14",
        ),
        (14, "none", None, "K = 14 under baseline .none.*expected K = 15"),
        (14, "exact", 14, "K = 14 under baseline .exact.*expected K = 15"),
        (15, "exact", None, "others None.*expected a table of K = 14"),
        (15, "exact", 15, "others.*expected a table of K = 14"),
        (14, "group-mean", 14, "others.*expected none"),
    ],
)
def test_a_mismatch_is_refused(K, baseline, others, message):
    with pytest.raises(Mismatch, match=message):
        pairing.Pair(
            polyest.load(K), baseline, 16, others=None if others is None else polyest.load(others)
        )


def test_a_pair_of_the_other_sign_has_opposite_advantages():
    answers = [[1, 1, 2, 3, -1]]
    for baseline in ("group-mean", "exact", "none"):
        plus, minus = (pairing.pair(5, baseline, sign=sign).advantages(answers) for sign in (1, -1))
        assert plus.any()
        assert minus == pytest.approx(-plus, abs=1e-15)


def test_the_exact_baseline_by_hand_with_a_trace_without_answer():
    """The mean is over the answered others."""
    pair = pairing.pair(5, "exact", table="log_count")
    advantage = pair.advantages([[4, 4, 6, -1, 8]])
    c, d = pair.table.coefficients, np.append(0.0, pair.others.coefficients)
    assert advantage[0, 0] == pytest.approx(c[1] - d[1])
    assert advantage[0, 2] == pytest.approx(c[0] - (d[2] + d[2] + d[1]) / 3)
    assert advantage[0, 3] == 0.0


def test_bad_pairs_are_refused():
    with pytest.raises(UnknownOption, match="keyword dyadic"):
        pairing.pair(5, dyadic=True)
    with pytest.raises(InvalidReward, match="sign 5"):
        pairing.pair(5, sign=5)
    with pytest.raises(InvalidReward, match="beta nan"):
        pairing.Pair(polyest.load(3), "group-mean", 5, beta=float("nan"))
    with pytest.raises(InvalidReward, match="baseline 'mean' is unknown"):
        pairing.pair(16, "mean")
    with pytest.raises(CountOutOfRange, match="a group of 2 under"):
        pairing.pair(2)
    with pytest.raises(Mismatch, match="groups of 5 completions: expected 16"):
        pairing.pair(16).advantages([[1, 1, 1, 1, 1]])


# The functions by themselves.


@pytest.mark.parametrize("name", ["group_mean", "leave_one_out", "standardised"])
@pytest.mark.parametrize("array", [np.array, torch.tensor], ids=["numpy", "torch"])
def test_ragged_is_dense_group_by_group(name, array):
    function = getattr(advantages, name)
    rng = np.random.default_rng(1)
    sizes = [3, 5, 2, 8]
    values = [rng.normal(size=size) for size in sizes]
    values[1][2] = np.nan
    ids = np.repeat([7, -3, 9, 2], sizes)
    order = rng.permutation(ids.size)
    advantage = function(array(np.concatenate(values)[order]), groups=array(ids[order]))
    expected = np.concatenate([function(value[None])[0] for value in values])[order]
    assert np.asarray(advantage) == pytest.approx(expected, abs=1e-13)


def test_equal_dyadic_rewards_leave_exactly_0():
    for name in ("group_mean", "leave_one_out", "standardised"):
        function = getattr(advantages, name)
        for size in range(2, 65):
            paid = torch.full((1, size), -3.4140625, dtype=torch.float32)
            assert not function(paid).any(), (name, size)


def test_a_group_with_nothing_to_compare_has_advantage_0():
    paid = np.array([[np.nan, np.nan, np.nan], [np.nan, 4.0, np.nan]])
    for name in ("group_mean", "leave_one_out", "standardised"):
        assert not getattr(advantages, name)(paid).any()
    assert not advantages.leave_one_out(np.array([[5.0]])).any()


def test_an_orbit_mean_is_over_all_its_traces():
    paid = np.arange(12.0).reshape(2, 2, 3)
    advantage = advantages.orbit_mean(paid)
    assert advantage.reshape(2, 6).sum(1).tolist() == [0.0, 0.0]
    assert advantage[0, 0, 0] == -2.5
    ids = np.repeat([0, 1], 6)
    assert (
        advantages.group_mean(paid.reshape(-1), groups=ids).tolist()
        == advantage.reshape(-1).tolist()
    )


def test_rewards_of_few_bits_are_summed_as_numbers_and_not_in_their_type():
    near = [[1.0, 1.0, 1.0, 1.0078125]]  # the mean of bfloat16 is 1
    low, full = (
        advantages.group_mean(torch.tensor(near, dtype=kind))
        for kind in (torch.bfloat16, torch.float32)
    )
    assert torch.equal(low, full)
    assert low.tolist() == advantages.group_mean(near).tolist()
    assert low[0, 0] == -0.001953125
    for kind in (torch.float16, torch.bfloat16):
        high = torch.full((1, 8), 60000.0, dtype=kind)  # whose sum float16 does not hold
        for name in ("group_mean", "leave_one_out", "standardised"):
            advantage = getattr(advantages, name)(high)
            assert advantage.dtype == torch.float32
            assert not advantage.any()
    whole = torch.tensor([[2**24 + 1, 0]])
    assert advantages.group_mean(whole).tolist() == [[2**23 + 0.5, -(2**23) - 0.5]]
    assert advantages.orbit_mean(torch.ones(1, 2, 2, dtype=torch.bool)).dtype == torch.float64


@pytest.mark.parametrize("array", [np.array, torch.tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("name", ["group_mean", "leave_one_out", "standardised", "orbit_mean"])
def test_no_infinity_goes_in_and_none_comes_out(array, name):
    function = getattr(advantages, name)
    shape = (1, 1, 3) if name == "orbit_mean" else (1, 3)
    for odd in (-np.inf, np.inf):
        with pytest.raises(InvalidReward, match="rewards hold an infinity: expected finite"):
            function(array([1.0, odd, 0.0]).reshape(shape))
    for odd in (1e39, -1e300):
        with pytest.raises(
            InvalidReward, match=r"rewards hold 1e.*: expected finite numbers up to"
        ):
            function(array(np.array([1.0, odd, 0.0])).reshape(shape))
    most = array([1e38, -1e38, 1e38]).reshape(shape)
    assert np.isfinite(np.asarray(function(most))).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: advantages.group_mean(np.ma.masked_array([[1.0, 2.0]])),
            "rewards: a masked array",
        ),
        (
            lambda: advantages.group_mean([[1.0, 2j]]),
            "rewards of type complex128: expected numbers",
        ),
        (lambda: advantages.group_mean(torch.tensor([[2j]])), "rewards of type torch.complex64"),
        (lambda: advantages.group_mean([["1", "2"]]), "rewards of type <U1: expected numbers"),
        (lambda: advantages.group_mean([[1.0], [1.0, 2.0]]), "rewards are .*expected numbers"),
        (lambda: advantages.group_mean([[10**400]]), "rewards are .*expected numbers"),
        (lambda: advantages.standardised([[1.0, 1.0]], epsilon=0), "epsilon is 0: expected a pos"),
        (lambda: advantages.standardised([[1.0]], epsilon=float("nan")), "epsilon is nan"),
        (lambda: advantages.exact([[np.nan]], [0, 0], [[1]], [[True]]), "rewards hold nan"),
        (lambda: advantages.exact([[1.0]], [0, 0], [[1]], [[1]]), "answered of type int64"),
        (lambda: advantages.exact([[1.0]], [0, 0], [[1]], [[1], []]), "answered .*expected bool"),
        (lambda: advantages.group_mean(np.zeros(3)), r"shape \(3,\): expected \(prompts, G\)"),
        (lambda: advantages.group_mean(np.zeros((2, 2)), groups=[0, 1]), r"\(N,\) with groups="),
        (lambda: advantages.group_mean(np.zeros(3), groups=[0, 1]), r"groups of shape \(2,\)"),
        (lambda: advantages.group_mean([[1.0, np.inf]]), "an infinity"),
        (lambda: advantages.group_mean([["a"]]), "expected numbers"),
        (lambda: advantages.orbit_mean(np.zeros((2, 2))), r"expected \(orbits, m, G\)"),
        (
            lambda: advantages.exact(
                np.zeros((1, 3)), np.zeros(3), np.ones((1, 3), int), np.ones((1, 3), bool)
            ),
            r"others \(3,\).*\(G\+1,\)",
        ),
    ],
)
def test_bad_shapes_are_refused(call, message):
    with pytest.raises(InvalidReward, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: advantages.exact([[1.0]], [0, 0], [[2]], [[True]]),
            "counts from 2 to 2 in groups of 1",
        ),
        (lambda: advantages.exact([[1.0]], [0, 0], [[-1]], [[True]]), "counts from -1 to -1"),
        (lambda: advantages.group_mean(np.zeros(2), groups=["a", "a"]), "groups of type <U1"),
    ],
)
def test_counts_and_ids_that_are_none_are_refused(call, message):
    with pytest.raises(CountOutOfRange, match=message):
        call()
