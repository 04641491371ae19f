"""Gated rewards and the caller's own functions, as `rewards` pays them: exact at K = G - 2, by enumeration.

Entries and bonuses are whole numbers, so that the doubles that are paid are exact, and become fractions.
"""

from random import Random

import numpy as np
import pytest
from operations import COMPLETIONS, earned, less_mean, means, scene, under_mean
from rationals import F, centred, every, objects

from polyest import rewards
from polyest.errors import UnevenGate
from polyest.problem.bernstein import expectation
from polyest.tables.lookup import Lookup

pytestmark = pytest.mark.filterwarnings("ignore::polyest.errors.RightPaidLess")
each_group = pytest.mark.parametrize("G", [3, 4, 5])
CORRECT = np.array([True, True, True, False])  # completions with answers 7 and 2
BONUS = 3


class Whole(Lookup):
    """A table of whole numbers."""

    K, target = 0, "log"  # in place of properties of the class above

    def __init__(self, entries):
        self.entries, self.K = np.array(entries, float), len(entries) - 1

    @property
    def certificate(self):
        return None

    def _entry(self, count):
        return self.entries[count]

    def _entries(self, counts):
        return self.entries[counts]


def tables(G, number=3):
    random = Random(G)
    return [[-9, *(random.randint(-9, 9) for _ in range(G - 2))] for _ in range(number)]


def fractions(paid):
    return np.array([objects(map(F, row)) for row in paid.tolist()])


def gated(values, bonus=BONUS):
    """Values of completions behind the gate."""
    return [bonus + q if right else F(0) for q, right in zip(values, CORRECT, strict=True)]


def whole_means(c):
    return means([F(x) for x in c])


@each_group
@pytest.mark.parametrize("bonus", [0, BONUS])
def test_a_gated_reward_is_exact(G, bonus):
    groups, answers, weights = scene(G)
    for c in tables(G):
        gate = {"where": CORRECT[groups], "bonus": bonus}
        paid = rewards.diversity(answers, table=Whole(c), **gate)
        wanted = gated([-q for q in whole_means(c)], bonus)
        assert under_mean(groups, weights, fractions(paid)) == less_mean(wanted)
    paid = rewards.log_probability(answers, table=Whole(c), where=CORRECT[groups], bonus=BONUS)
    assert under_mean(groups, weights, fractions(paid)) == less_mean(gated(whole_means(c)))


@each_group
@pytest.mark.parametrize("bonus", [0, BONUS])
def test_the_log_among_right_answers_is_exact(G, bonus):
    groups, answers, weights = scene(G)
    nu_right = sum(p for p, right in zip(COMPLETIONS.values(), CORRECT, strict=True) if right)
    for c in tables(G):
        paid = rewards.diversity(
            answers, measure="conditional", table=Whole(c), where=CORRECT[groups], bonus=bonus
        )
        among = expectation([F(x) for x in c], nu_right)
        wanted = gated([among - q for q in whole_means(c)], bonus)
        assert under_mean(groups, weights, fractions(paid)) == less_mean(wanted)


@each_group
def test_a_function_of_the_own_count_is_exact(G):
    groups, answers, weights = scene(G)
    for c in tables(G):
        for entries in (c, lambda X, K, c=c: c[X]):
            paid = rewards.of_counts(answers, entries)
            assert under_mean(groups, weights, fractions(paid)) == less_mean(whole_means(c))
            paid = rewards.of_counts(answers, entries, where=CORRECT[groups], bonus=BONUS)
            assert under_mean(groups, weights, fractions(paid)) == less_mean(gated(whole_means(c)))


@each_group
def test_no_answer_is_wrong_whatever_the_gate_says(G):
    groups, answers, weights = scene(G)
    answers = np.where(answers == 9, -1, answers)
    for c in tables(G):
        for unanswered in ("exclude", "lowest"):
            paid = rewards.of_counts(
                answers, c, where=groups >= 0, bonus=BONUS, unanswered=unanswered
            )
            assert under_mean(groups, weights, fractions(paid)) == less_mean(gated(whole_means(c)))


@each_group
def test_a_gate_of_the_completion_is_not_exact(G):
    """Of the two completions of the first answer only one is right."""
    groups, answers, weights = scene(G)
    gate = np.array([True, False, True, False])
    c = [*range(G - 1)]
    with pytest.warns(UnevenGate):
        paid = rewards.of_counts(answers, c, where=gate[groups], bonus=BONUS)
    wanted = [BONUS + q if right else F(0) for q, right in zip(whole_means(c), gate, strict=True)]
    assert under_mean(groups, weights, fractions(paid)) != less_mean(wanted)


def between(nu, G, call):
    """How much more the first answer earns than the second."""
    answers, weights = every(nu, G)
    first, second, *_ = earned(answers, weights, centred(fractions(call(answers))), nu)
    return first - second


def test_a_function_of_the_group_depends_on_how_the_others_are_split():
    """Answers of probabilities 1/2 and 1/4 beside one of 1/4, or beside two of 1/8."""
    pair = ({0: F(1, 2), 1: F(1, 4), 2: F(1, 4)}, {0: F(1, 2), 1: F(1, 4), 2: F(1, 8), 3: F(1, 8)})

    def own(answers):
        return rewards.of_counts(answers, lambda X, K: X * X)

    def majority(answers):
        return rewards.of_group(answers, lambda times: times == times.max())

    assert between(pair[0], 5, own) == between(pair[1], 5, own)
    assert between(pair[0], 5, majority) != between(pair[1], 5, majority)
