"""Sizes and windows are exact where they are fixed beforehand, and biased where what was drawn chooses."""

import numpy as np
import pytest
from operations import NU, earned, less_mean, read, said, share
from rationals import F, centred, every, objects, tables

from polyest import counts
from polyest.problem.bernstein import expectation

# Groups that are drawn one by one, until a rule says that they are whole.


def drawn(nu, whole, group=()):
    """Every group, in the order of its draws, with its probability."""
    if group and whole(group):
        yield group, F(1)
        return
    for z, p in nu.items():
        for longer, chance in drawn(nu, whole, (*group, z)):
            yield longer, p * chance


def one_by_one(nu, whole, *, divisor=None):
    """What an answer earns when nu is estimated without bias for each size, under the group's mean.

    The gradient of a group is divided by its size, or by `divisor`.
    """
    total = dict.fromkeys(nu, F(0))
    for group, chance in drawn(nu, whole):
        rewards = read(share(len(group)), np.array([group]))
        for z, advantage in zip(group, centred(rewards)[0], strict=True):
            total[z] += chance * advantage / (divisor or len(group))
    return [total[z] / p for z, p in nu.items()]


def three_agree(group):
    return max(map(group.count, group)) == 3


@pytest.mark.parametrize("size", [3, 4, 5])
def test_any_size_that_is_fixed_beforehand_is_exact(size):
    gradient = one_by_one(NU, lambda group: len(group) == size)
    assert gradient == less_mean([*NU.values()], NU)


def test_sizes_may_depend_on_the_first_draw_if_it_is_left_out():
    """What a size looks at may be no part of the group."""

    def whole(group):
        return len(group) == (4 if group[0] == 7 else 5)

    assert one_by_one(NU, whole) != less_mean([*NU.values()], NU)
    total = [F(0)] * len(NU)
    for z, p in NU.items():  # a draw that is not counted and not trained on
        gradient = one_by_one(NU, lambda group, size=3 if z == 7 else 4: len(group) == size)
        total = [old + p * new for old, new in zip(total, gradient, strict=True)]
    assert total == less_mean([*NU.values()], NU)


def test_a_group_that_stops_when_three_agree_is_biased():
    name = "test_a_group_that_stops_when_three_agree_is_biased"
    gradient = one_by_one(NU, lambda group: len(group) == 4 or three_agree(group))
    assert gradient == [F(13, 144), F(-1, 24), F(-3, 16)]
    assert said(name, gradient)
    # Two answers, at most five draws, divided by five: the difference between the answers.
    two = {0: F(7, 12), 1: F(5, 12)}
    first, second = one_by_one(two, three_agree, divisor=5)
    assert said(name, [second - first], [two[1] - two[0]])


# Counts of earlier groups of the same prompt.


def with_history(W, G):
    """Answers of W earlier completions and of a group of G, and the probability of both."""
    answers, weights = every(NU, W + G)
    return answers[:, :W], answers[:, W:], weights


def read_both(c, earlier, answers):
    """c[M + X - 1], where M of the earlier completions have the answer.

    A group that agrees has no gradient, so that any entry does for it where the index is beyond the last.
    """
    index = (
        counts.independent(answers, earlier).index + counts.in_group(answers, baseline="none").index
    )
    return objects(c)[np.minimum(index, len(c) - 1)]


@pytest.mark.parametrize(("W", "G"), [(1, 3), (2, 3), (3, 3), (2, 4)])
def test_a_window_that_is_fixed_beforehand_adds_its_draws(W, G):
    """K = W + G - 2, while the policy does not move."""
    earlier, answers, weights = with_history(W, G)
    for c in tables(W + G - 1):
        gradient = earned(answers, weights, centred(read_both(c, earlier, answers)), NU)
        assert gradient == less_mean([expectation(c, p) for p in NU.values()], NU)


@pytest.mark.parametrize("looks", ["at the window", "at the group"])
def test_a_window_chosen_by_what_it_holds_is_biased(looks):
    """Two earlier completions are counted only if they agree, or only if most of the group agrees."""
    earlier, answers, weights = with_history(2, 4)
    chosen = earlier[:, 0] == earlier[:, 1]
    if looks == "at the group":
        chosen = counts.in_group(answers).index.max(1) > 1
    both = read_both(share(6), earlier, answers)
    rewards = np.where(chosen[:, None], both, read(share(4), answers))
    gradient = earned(answers, weights, centred(rewards), NU)
    expected = {
        "at the window": [F(85, 648), F(-47, 648), F(-161, 648)],
        "at the group": [F(113, 1296), F(-53, 1296), F(-233, 1296)],
    }
    assert gradient == expected[looks]
    assert said("test_a_window_chosen_by_what_it_holds_is_biased", gradient)
