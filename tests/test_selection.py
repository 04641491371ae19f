"""What may be left out of training: exact over every group, and where it fails."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from enumeration import gradient, groups, mean
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import polyest
from polyest import advantages, errors, rewards, selection

NU = [0.5, 0.3, 0.2]
N = 6


def expected(table, nu):
    """What the answers should earn, less the mean of it: the policy gradient in units of grad log nu."""
    means = [mean(table, p) for p in nu]
    centre = sum(p * m for p, m in zip(nu, means, strict=True))
    return np.array([p * (m - centre) for p, m in zip(nu, means, strict=True)])


@given(arrays(np.float64, (5, 4), elements=st.sampled_from([0.0, 0.25, -1.5, np.nan])))
def test_silent_groups_are_those_whose_advantages_are_0(paid):
    wanted = (advantages.group_mean(paid) == 0).all(1)
    assert (selection.silent(paid) == wanted).all()
    order = np.random.default_rng(0).permutation(20)
    ids = np.repeat([8, 3, 5, 1, 9], 4)
    flat = selection.silent(paid.reshape(-1)[order], groups=ids[order])
    assert (flat == np.repeat(wanted, 4)[order]).all()


def test_rewards_off_the_grid_are_compared_as_rewards():
    """Their mean is rounded, so that advantages are 1e-17 where nothing differs."""
    paid = np.full((1, 3), 0.1)
    assert (advantages.group_mean(paid) != 0).any()
    assert selection.silent(paid).all()


def test_the_factor_of_kept_groups_is_exact():
    """Drawn until n are kept, d is n plus a negative binomial: summed until what is left is below 1e-12."""
    for n, P in [(2, Fraction(1, 2)), (3, Fraction(3, 4)), (8, Fraction(9, 10))]:
        chance = {d: comb(d - 1, n - 1) * P**n * (1 - P) ** (d - n) for d in range(n, n + 120)}
        assert 1 - sum(chance.values()) < Fraction(1, 10**12)
        found = sum(float(p) * selection.kept_rate(n, d) for d, p in chance.items())
        assert found == pytest.approx(float(P), abs=1e-11)
        naive = sum(p * Fraction(n, d) for d, p in chance.items())
        assert naive > P + Fraction(1, 200)  # n/d is too large in the mean


def test_dropped_groups_and_their_factor_leave_the_gradient_as_it_is():
    """Two prompts of one data set, drawn until two groups are kept, and the sum over all ways of it."""
    G = 4
    each, total, kept = [], np.zeros(3), 0.0
    for nu in ([0.5, 0.3, 0.2], [0.9, 0.05, 0.05]):
        rows, chance = groups([*nu, 0.0], G)
        paid = rewards.log_probability(rows, table="harmonic", dyadic=True)
        heard = ~selection.silent(paid)
        A = advantages.group_mean(paid)
        of_all = gradient(rows, chance, A, 3)
        assert of_all == pytest.approx(gradient(rows[heard], chance[heard], A[heard], 3))
        each.append((of_all, chance[heard].sum()))
        total, kept = total + of_all / 2, kept + chance[heard].sum() / 2
    of_kept = sum(g for g, _ in each) / 2 / kept  # the mean over kept groups, of both prompts
    d = np.arange(2, 2000)
    rate = sum(
        (k - 1) * kept**2 * (1 - kept) ** (k - 2) * selection.kept_rate(2, int(k)) for k in d
    )
    assert rate * of_kept == pytest.approx(total, rel=1e-9)
    # A prompt that is drawn again until it is kept has a factor of its own.
    again = [g / share for g, share in each]
    assert not np.allclose(again[0] * kept, each[0][0], rtol=0.01)
    assert not np.allclose(again[1] * kept, each[1][0], rtol=0.01)


@pytest.mark.parametrize("number", [1, 2, 5, 6])
@pytest.mark.parametrize("noise", [2, 8])
def test_a_blind_part_is_trained_on_as_the_whole(number, noise):
    """Counts and mean of all N, K = N - 2; the choice is made for a name, whatever the answers are."""
    rows, chance = groups([*NU, 0.0], N)
    paid = rewards.log_probability(rows, noise=noise)
    A = advantages.group_mean(paid)
    chosen = selection.blind(["a prompt"] * N, number)
    assert chosen.sum() == number
    part = gradient(rows[:, chosen], chance, A[:, chosen], 3)
    exact = expected(polyest.load(N - 2, noise=noise), NU) * (N - 1) / N
    assert part == pytest.approx(exact, abs=1e-12)
    assert gradient(rows, chance, A, 3) == pytest.approx(exact, abs=1e-12)


def trained(rows, A, chosen):
    return np.where(chosen, A, 0.0) * rows.shape[1] / chosen.sum(1, keepdims=True)


def by_rewards(rows, paid):
    """The completions of the two greatest and the two least rewards."""
    order = paid.argsort(1, kind="stable").argsort(1, kind="stable")
    return (order < 2) | (order >= N - 2)


def by_answers(rows, paid):
    """One completion of each different answer."""
    first = (rows[:, :, None] == rows[:, None]).argmax(2)
    return first == np.arange(N)


@pytest.mark.parametrize("choose", [by_rewards, by_answers])
def test_a_part_that_is_chosen_by_what_is_in_it_has_another_mean(choose):
    rows, chance = groups([*NU, 0.0], N)
    paid = rewards.log_probability(rows, noise=2)
    A = trained(rows, advantages.group_mean(paid), choose(rows, paid))
    exact = expected(polyest.load(N - 2, noise=2), NU) * (N - 1) / N
    found = gradient(rows, chance, A, 3)
    assert not np.allclose(found / np.linalg.norm(found), exact / np.linalg.norm(exact), atol=0.01)


def test_counts_of_the_part_with_the_table_of_the_whole_are_wrong():
    rows, chance = groups([*NU, 0.0], N)
    table = polyest.load(N - 2, noise=2)
    part = rows[:, :3]
    times = (part[:, :, None] == part[:, None]).sum(2) - 1
    A = advantages.group_mean(table[times])
    exact = expected(table, NU) * 2 / 3
    assert not np.allclose(gradient(part, chance, A, 3), exact, rtol=0.05)


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=30), st.integers(1, 9))
def test_as_many_of_each_group_are_chosen_as_asked_for(names, number):
    chosen = selection.blind(names, number)
    for name in set(names):
        mine = np.array([one == name for one in names])
        assert chosen[mine].sum() == min(number, mine.sum())
    assert (chosen == selection.blind(iter(names), number)).all()


def test_over_names_and_seeds_every_place_is_chosen_as_often():
    each = [selection.blind([name] * 5, 2) for name in range(4000)]
    assert np.mean(each, 0) == pytest.approx([0.4] * 5, abs=0.05)
    each = [selection.blind(["a"] * 5, 2, seed=seed) for seed in range(4000)]
    assert np.mean(each, 0) == pytest.approx([0.4] * 5, abs=0.05)


@pytest.mark.parametrize("pair", [(0, 3), (1, 3), (4, 3), (2.5, 3), (2, 0), ("2", 3)])
def test_numbers_of_groups_that_say_nothing_are_refused(pair):
    with pytest.raises(errors.BrokenBatch, match=r"groups kept of .*expected integers"):
        selection.kept_rate(*pair)


def test_other_bad_input_has_a_name():
    with pytest.raises(errors.InvalidReward, match=r"shape \(3,\): expected \(prompts, G\)"):
        selection.silent([1.0, 2.0, 3.0])
    with pytest.raises(errors.InvalidReward, match="one id per completion"):
        selection.silent([1.0, 2.0, 3.0], groups=[1, 2])
    for keywords in ({"number": 0}, {"number": True}, {"number": 2, "seed": -1}):
        with pytest.raises(errors.BrokenBatch, match=r"expected an integer of at least"):
            selection.blind(["a"], **keywords)
