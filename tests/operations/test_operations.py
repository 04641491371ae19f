"""Operations on rewards from counts that leave the gradient exact, by enumeration, each also where it stops.

All are under the group's mean.  "Exact" means that completion y with answer z earns, in the mean over all
groups, Q_z(nu_z) less a number that is the same for all completions; Q_z is the mean of z's table, K = G - 2.
"""

import numpy as np
import pytest
from operations import (
    ANSWER,
    COMPLETIONS,
    NU,
    PAGE,
    earned,
    less_mean,
    means,
    read,
    said,
    scene,
    share,
    under_mean,
)
from rationals import F, centred, every, objects, tables

from polyest import closed_forms, counts
from polyest.problem.bernstein import expectation

each_group = pytest.mark.parametrize("G", [3, 4, 5])
CORRECT = np.array([True, True, True, False])  # completions with answers 7 and 2
WEIGHT = [F(2), F(2), F(-1, 3), F(5, 4)]  # a function of the answer
OWN = [F(3), F(-2), F(1, 7), F(4)]  # a function of the completion


def each_answer(values):
    """Values of the completions, once for the answer that two of them have."""
    assert values[0] == values[1]
    return values[1:]


def probability(correct):
    return sum(p for p, good in zip(COMPLETIONS.values(), correct, strict=True) if good)


def test_every_row_of_the_page_says_whether_it_is_exact_and_names_a_test():
    rows = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if row[0] != "| operation"]
    assert len(rows) > 25
    for operation, exact, draws, what in rows:
        assert "`test_" in what, operation
        assert exact.startswith(("yes", "per prompt")) != (exact == "**no**"), operation
        assert (draws in ("none", "two at once", "between")) == (exact == "**no**"), operation


# Tables, weights and sums.


@each_group
def test_each_answer_may_have_a_table_of_its_own(G):
    groups, answers, weights = scene(G)
    own = dict(zip(NU, tables(G - 1, 3), strict=True))
    rewards = np.select([answers == z for z in own], [read(c, answers) for c in own.values()])
    assert under_mean(groups, weights, rewards) == less_mean(means(own))
    exchanged = {7: own[2], 2: own[7], 9: own[9]}
    assert under_mean(groups, weights, rewards) != less_mean(means(exchanged))


def test_a_table_chosen_by_the_group_is_another_one():
    """The rewards of each group are divided by the largest of them."""
    groups, answers, weights = scene(4)
    rewards = read(share(4), answers)
    largest = rewards.max(1, keepdims=True)
    gradient = under_mean(groups, weights, rewards / np.where(largest > 0, largest, 1))
    assert gradient == [F(5, 36), F(5, 36), F(-1, 18), F(-11, 36)]
    assert said("test_a_table_chosen_by_the_group_is_another_one", each_answer(gradient))


@each_group
def test_a_weight_may_depend_on_the_answer(G):
    groups, answers, weights = scene(G)
    for c in tables(G - 1):
        gradient = under_mean(groups, weights, objects(WEIGHT)[groups] * read(c, answers))
        assert gradient == less_mean([a * q for a, q in zip(WEIGHT, means(c), strict=True)])
        gated = under_mean(groups, weights, np.where(CORRECT[groups], read(c, answers), F(0)))
        assert gated == less_mean([good * q for good, q in zip(CORRECT, means(c), strict=True)])


@each_group
def test_a_weight_of_the_completion_meets_two_tables(G):
    """The answer's mean weight meets K = G - 2; what differs within the answer meets K = G - 1."""
    groups, answers, weights = scene(G)
    within = [
        sum(p * OWN[y] for y, p in COMPLETIONS.items() if ANSWER[y] == z) / NU[z]
        for z in ANSWER.tolist()
    ]
    for c in tables(G):
        rewards = read(c, answers, baseline="none")
        gradient = under_mean(groups, weights, objects(OWN)[groups] * rewards)
        between, inside = means(c[:-1]), means(c)
        assert gradient == less_mean(
            [m * q + (g - m) * p for g, m, q, p in zip(OWN, within, between, inside, strict=True)]
        )
        assert gradient[0] - gradient[1] == (OWN[0] - OWN[1]) * inside[0]
        bare = objects(OWN)[groups] * rewards
        bare = bare - bare.sum(1, keepdims=True) / G
        first, second, *_ = earned(groups, weights, bare)
        assert first - second == F(G - 1, G) * (OWN[0] - OWN[1]) * inside[0]


def test_a_weight_of_the_completion_is_not_exact():
    """Of the two completions of the first answer the second earns nothing for its answer."""
    groups, answers, weights = scene(4)
    gate = [F(1), F(0), F(1), F(1)]
    gradient = under_mean(groups, weights, objects(gate)[groups] * read(share(4), answers))
    exact = less_mean([g * q for g, q in zip(gate, means(share(4)), strict=True)])
    assert gradient[0] - gradient[1] == F(11, 16)
    assert exact[0] - exact[1] == F(1, 2)
    assert said("test_a_weight_of_the_completion_is_not_exact", [F(11, 16)], [F(1, 2)])


@each_group
def test_any_reward_of_the_completion_may_be_added(G):
    groups, answers, weights = scene(G)
    for c in tables(G - 1):
        gradient = under_mean(groups, weights, objects(OWN)[groups] + F(2, 5) * read(c, answers))
        assert gradient == less_mean([r + F(2, 5) * q for r, q in zip(OWN, means(c), strict=True)])


# The probability among the correct completions.


def among_correct(c, groups, answers):
    """c[X-1] - c[C-1] of the correct completions, C of the group are; and C."""
    good = CORRECT[groups]
    number = good.sum(1, keepdims=True)
    all_of_them = objects(c)[np.clip(number - 1, 0, len(c) - 1)]
    return good, read(c, answers) - all_of_them, number


@each_group
@pytest.mark.parametrize("wrong", [F(0), F(-3, 2)])
def test_the_probability_among_the_correct_is_two_look_ups(G, wrong):
    groups, answers, weights = scene(G)
    for c in tables(G - 1):
        good, log, _ = among_correct(c, groups, answers)
        correct = expectation(c, probability(CORRECT))
        values = [
            q - correct if right else wrong for q, right in zip(means(c), CORRECT, strict=True)
        ]
        assert under_mean(groups, weights, np.where(good, log, wrong)) == less_mean(values)


def test_the_wrong_ones_may_not_be_paid_by_the_number_of_the_correct():
    """C/(G-1) is an unbiased share of the correct among the others of a wrong one, until it is centred."""
    groups, answers, weights = scene(4)
    good, log, number = among_correct(share(4), groups, answers)
    gradient = under_mean(groups, weights, np.where(good, log, number.astype(object) * F(1, 3)))
    correct = probability(CORRECT)
    values = [
        q - correct if right else correct for q, right in zip(means(share(4)), CORRECT, strict=True)
    ]
    assert gradient == [F(-4, 27), F(-4, 27), F(-17, 54), F(29, 27)]
    assert less_mean(values) == [F(-5, 36), F(-5, 36), F(-11, 36), F(37, 36)]
    assert said(
        "test_the_wrong_ones_may_not_be_paid_by_the_number_of_the_correct",
        each_answer(gradient),
        each_answer(less_mean(values)),
    )


def test_the_probability_among_the_correct_punishes_being_right():
    """A log is at most 0 and the wrong ones have 0: the correct ones lose, unless the log is subtracted."""
    groups, answers, weights = scene(4)
    good, log, _ = among_correct(closed_forms.harmonic_entries(2), groups, answers)
    for sign in (1, -1):
        gradient = under_mean(groups, weights, np.where(good, sign * log, F(0)))
        correct = sum(
            p * a
            for p, a, right in zip(COMPLETIONS.values(), gradient, CORRECT, strict=True)
            if right
        )
        assert (correct < 0) == (sign == 1)
    assert said("test_the_probability_among_the_correct_punishes_being_right", [-correct])


# Which completions are trained on.


def over(groups, weights, rewards, kept, *, mean_of):
    """What completions earn if only those that are kept are trained on, centred over them or over all."""
    number = kept.sum(1, keepdims=True)
    G = kept.shape[1]
    inside = np.where(kept, 1, 0) if mean_of == "kept" else np.ones_like(groups)
    members = objects(F(int(n)) for n in inside.sum(1))[:, None]
    mean = (rewards * inside).sum(1, keepdims=True) / members
    left = (rewards - mean) * members / np.maximum(members - 1, 1)
    each = objects(F(G, int(n)) for n in number[:, 0])[:, None]
    return less_mean(earned(groups, weights, np.where(kept, left * each, F(0))))


@each_group
@pytest.mark.parametrize("mean_of", ["kept", "all"])
def test_a_blind_subset_may_be_trained_on(G, mean_of):
    groups, answers, weights = scene(G)
    for c in tables(G - 1):
        for size in range(2, G):
            kept = np.broadcast_to(np.arange(G) < size, groups.shape)
            gradient = over(groups, weights, read(c, answers), kept, mean_of=mean_of)
            assert gradient == less_mean(means(c))


@pytest.mark.parametrize("G", [4, 5])
def test_counts_of_the_subset_alone_are_those_of_a_smaller_group(G):
    groups, answers, weights = scene(G)
    first = answers[:, : G - 1]
    assert counts.in_group(first).draws == G - 3
    for c in tables(G - 2):
        gradient = under_mean(groups[:, : G - 1], weights, read(c, first))
        assert gradient == less_mean(means(c))


def test_a_subset_chosen_by_its_rewards_is_biased():
    """Kept are the largest and the smallest reward of the group, its pair of the largest variance."""
    groups, answers, weights = scene(4)
    rewards = read(share(4), answers)
    kept, row = np.zeros(groups.shape, bool), np.arange(len(groups))
    kept[row, rewards.argmax(1)] = kept[row, rewards.argmin(1)] = True
    gradient = over(groups, weights, rewards, kept, mean_of="kept")
    assert gradient == [F(5, 24), F(5, 24), F(-1, 9), F(-29, 72)]
    assert said("test_a_subset_chosen_by_its_rewards_is_biased", each_answer(gradient))


# Groups that are dropped.


@each_group
def test_a_group_of_equal_rewards_may_be_dropped(G):
    """It has no gradient: the rest is exact with it in the denominator, and larger by 1/P(kept) without."""
    groups, answers, weights = scene(G)
    for c in tables(G - 1):
        rewards = read(c, answers)
        kept = (rewards != rewards[:, :1]).any(1)
        exact = less_mean(means(c))
        assert earned(groups[kept], weights[kept], centred(rewards[kept])) == exact
        given = weights[kept] / weights[kept].sum()
        assert earned(groups[kept], given, centred(rewards[kept])) != exact


def test_dropped_groups_left_out_of_the_denominator_reweigh_prompts():
    """The batch has two prompts, of which the second has more groups that agree."""
    pair = ({0: F(3, 5), 1: F(2, 5)}, {0: F(9, 10), 1: F(1, 10)})
    drawn = [every(nu, 4) for nu in pair]
    rewards = [read(share(4), groups) for groups, _ in drawn]
    kept = [(paid != paid[:, :1]).any(1).astype(object) for paid in rewards]
    number = np.maximum(kept[0][:, None] + kept[1], 1)  # of groups kept, in each batch
    rates, again = [], []
    for nu, (groups, weights), paid, own, beside, numbers in zip(
        pair, drawn, rewards, kept, reversed(drawn), (number, number.T), strict=True
    ):
        divided = weights * (beside[1] / numbers).sum(1)
        exact = less_mean([*nu.values()], nu)
        gradient = earned(groups, divided, centred(paid), nu)
        rates.append(gradient[0] / exact[0])
        assert gradient == [rates[-1] * x for x in exact]
        again.append(1 / (weights * own).sum())  # drawn again until there is a group that is kept
    assert rates == [1 - 1 / again[1] / 2, 1 - 1 / again[0] / 2]
    for numbers in (rates, again):
        assert said("test_dropped_groups_left_out_of_the_denominator_reweigh_prompts", numbers)


def test_groups_dropped_by_what_is_correct_are_biased():
    """Groups are dropped where all are correct, although their rewards are not equal."""
    groups, answers, weights = scene(4)
    left = centred(read(share(4), answers))
    kept = ~CORRECT[groups].all(1)
    gradient = earned(groups[kept], weights[kept] / weights[kept].sum(), left[kept])
    assert gradient == [F(84, 671), F(84, 671), F(18, 671), F(-288, 671)]
    assert said("test_groups_dropped_by_what_is_correct_are_biased", each_answer(gradient))


# Factors of the advantage.

RATIO = [F(3, 2), F(1), F(1, 2), F(1)]  # new policy over old; its mean over the old is 1


@each_group
def test_a_factor_of_the_completion_may_multiply_the_advantage(G):
    """Importance ratios are such factors, also clipped, if the bounds are the same for both signs."""
    groups, answers, weights = scene(G)
    for c in tables(G - 1):
        advantages = centred(read(c, answers))
        for factor in (RATIO, np.clip(RATIO, F(4, 5), F(6, 5)).tolist()):
            gradient = earned(groups, weights, objects(factor)[groups] * advantages)
            assert gradient == [f * a for f, a in zip(factor, less_mean(means(c)), strict=True)]


def test_the_clip_of_ppo_is_biased():
    """Its bound depends on the sign of the advantage, which depends on the group."""
    groups, answers, weights = scene(4)
    advantages, ratio = centred(read(share(4), answers)), objects(RATIO)[groups]
    clipped = np.where(advantages > 0, ratio > F(6, 5), ratio < F(4, 5))
    gradient = earned(groups, weights, np.where(clipped, F(0), ratio * advantages))
    exact = [f * a for f, a in zip(RATIO, less_mean(means(share(4))), strict=True)]
    assert gradient == [F(-5, 48), F(1, 9), F(7, 108), F(-2, 9)]
    assert exact == [F(1, 6), F(1, 9), F(-1, 36), F(-2, 9)]
    assert said("test_the_clip_of_ppo_is_biased", gradient, exact)


# Completions without an answer.


@each_group
def test_unanswered_completions_may_have_a_fixed_reward(G):
    groups, answers, weights = scene(G)
    answers = np.where(answers == 9, counts.NO_ANSWER, answers)
    answered = counts.in_group(answers).answered
    for c in tables(G - 1):
        gradient = under_mean(groups, weights, np.where(answered, read(c, answers), F(-4)))
        assert gradient == less_mean([*means(c)[:3], F(-4)])


def test_the_lowest_reward_of_the_group_is_no_fixed_one():
    """Completions without an answer get the lowest reward of their group, in place of a fixed 0."""
    groups, answers, weights = scene(4)
    answers = np.where(answers == 9, counts.NO_ANSWER, answers)
    answered = counts.in_group(answers).answered
    rewards = read(share(4), answers)
    lowest = np.where(answered, rewards, F(1)).min(1, keepdims=True)
    gradient = under_mean(groups, weights, np.where(answered, rewards, lowest))
    exact = less_mean([*means(share(4))[:3], F(0)])
    assert gradient == [F(1, 12), F(1, 12), F(-1, 18), F(-5, 36)]
    assert said(
        "test_the_lowest_reward_of_the_group_is_no_fixed_one",
        each_answer(gradient),
        each_answer(exact),
    )
