"""What is subtracted and what it is divided by: means over prompts, standard deviations, exact counts."""

from functools import reduce
from math import comb, factorial

import numpy as np
import pytest
from operations import NU, earned, less_mean, read, said, share
from rationals import F, ball, centred, every, objects, standardised, tables

import polyest
from polyest import counts, pairing
from polyest.gradients import Answers
from polyest.problem.bernstein import elevate, expectation
from polyest.recommendation import ANSWERS

TWO = {7: F(3, 4), 2: F(1, 4)}


# A mean to which the own group belongs in part: of a batch, or of an orbit.


def met(x, part):
    """The table of K = G - 1 that is met where x is read and the group has this part of the baseline."""
    G = len(x)
    return [
        ((1 - part) * x[k] + part * ((G - 1 - k) * x[k] + k * x[k - 1]) / G) / (1 - part / G)
        for k in range(G)
    ]


def beside(nu, other, G):
    """Groups of two prompts (outcomes, G) each, and the probability of both."""
    (first, chance), (second, also) = every(nu, G), every(other, G)
    n, m = len(first), len(second)
    return first.repeat(m, 0), np.tile(second, (n, 1)), (chance[:, None] * also).ravel()


@pytest.mark.parametrize("G", [2, 3, 4])
def test_a_mean_over_two_prompts_meets_a_table_between(G):
    """Half of the baseline is the own group's; the other half does not depend on the completion."""
    mine, others, weights = beside(NU, TWO, G) if G < 4 else beside(TWO, TWO, G)
    nu = NU if G < 4 else TWO
    for c in tables(G):
        rewards, rest = (read(c, x, baseline="none") for x in (mine, others))
        mean = (rewards.sum(1, keepdims=True) + rest.sum(1, keepdims=True)) / (2 * G)
        gradient = less_mean(earned(mine, weights, rewards - mean, nu), nu)
        between = [expectation(met(c, F(1, 2)), p) for p in nu.values()]
        assert gradient == [F(2 * G - 1, 2 * G) * x for x in less_mean(between, nu)]
        for neither in (c, elevate(c[:-1], G - 1)):  # K = G - 1, K = G - 2
            wrong = less_mean([expectation(neither, p) for p in nu.values()], nu)
            assert gradient != [F(2 * G - 1, 2 * G) * x for x in wrong]


@pytest.mark.parametrize("part", [F(0), F(1, 8), F(1, 3), F(1)])
def test_the_part_of_the_own_group_may_be_any(part):
    """A part of 0 is no baseline, and a part of 1 is the group's mean."""
    groups, weights = every(NU, 4)
    for c in tables(4):
        rewards = read(c, groups, baseline="none")
        left = rewards - part * rewards.sum(1, keepdims=True) / 4
        between = [expectation(met(c, part), p) for p in NU.values()]
        exact = [(1 - part / 4) * x for x in less_mean(between, NU)]
        assert less_mean(earned(groups, weights, left, NU), NU) == exact
        assert met(c, F(0)) == c
        assert met(c, F(1)) == elevate(c[:-1], 3)


@pytest.mark.parametrize("m", [1, 2, 3])
def test_a_power_of_nu_shrinks_by_its_degree(m):
    """An unbiased estimate of nu^m is multiplied by 1 - part (m+1)/G, so that no rate mends a sum of them."""
    G, part = 4, F(1, 2)
    power = [F(comb(k, m), comb(G - 1, m)) for k in range(G)]
    for p in NU.values():
        assert (1 - part / G) * expectation(met(power, part), p) == (1 - part * (m + 1) / G) * p**m
    assert said("test_a_power_of_nu_shrinks_by_its_degree", [1 - part * 2 / 8, 1 - part * 8 / 8])


@pytest.mark.parametrize("G", [2, 3])
def test_counts_of_the_other_prompt_meet_a_mean_over_the_orbit(G):
    """Half of each reward is c[count on the other prompt]: the mean over both prompts adds a term."""
    mine, others, weights = beside(NU, {7: F(1, 4), 2: F(1, 2), 9: F(1, 4)}, G)
    theirs = [F(1, 4), F(1, 2), F(1, 4)]
    for c in tables(G + 1):
        rewards = objects(c)[counts.independent(mine, others).index] / 2
        rest = objects(c)[counts.independent(others, mine).index] / 2
        exact = [expectation(c, q) / 2 for q in theirs]
        steps = np.diff(objects(c)).tolist()
        term = [q * expectation(steps, p) / 4 for p, q in zip(NU.values(), theirs, strict=True)]
        over_both = (rewards.sum(1, keepdims=True) + rest.sum(1, keepdims=True)) / (2 * G)
        gradient = less_mean(earned(mine, weights, rewards - over_both, NU), NU)
        scale = F(2 * G - 1, 2 * G)
        assert gradient == less_mean([scale * x - t for x, t in zip(exact, term, strict=True)], NU)
        assert gradient != less_mean([scale * x for x in exact], NU)
        per_prompt = less_mean(earned(mine, weights, centred(rewards), NU), NU)
        assert per_prompt == less_mean(exact, NU)


# The standard deviation.


def test_division_by_the_standard_deviation_reweighs_prompts():
    """Of two answers with .9 and .1 against .6 and .4, in balls: they have the same exact gradient, .08."""
    rates = []
    for p in (F(9, 10), F(3, 5)):
        nu = {7: p, 2: 1 - p}
        exact = less_mean([*nu.values()], nu)
        assert exact[0] == F(2, 25)
        in_balls = {z: ball(q) for z, q in nu.items()}
        groups, weights = every(in_balls, 8)
        rewards = read(share(8), groups)
        once, twice = (earned(groups, weights, standardised(n * rewards), in_balls) for n in (1, 2))
        assert all(x.overlaps(y) for x, y in zip(once, twice, strict=True))  # the scale is gone
        rates.append(once[0] / ball(exact[0]))
    assert said("test_division_by_the_standard_deviation_reweighs_prompts", rates)


# The exact count baseline and the group mean.


def of_exact(rewards, d, answers):
    """Rewards less the mean reward of the others, counted again without the completion, by table d."""
    G = answers.shape[1]
    left = [read(d, np.delete(answers, i, 1), baseline="none").sum(1) for i in range(G)]
    return rewards - np.stack(left, 1) / (G - 1)


@pytest.mark.parametrize("G", [3, 4, 5])
def test_the_exact_baseline_is_the_group_mean_and_a_reward_that_is_not_centred(G):
    """A_i = A_i of the group mean with d + (c - d elevated to K = G - 1)[X - 1], in every group."""
    groups, _ = every(NU, G)
    for c, d in zip(tables(G), tables(G - 1), strict=True):
        advantages = of_exact(read(c, groups, baseline="none"), d, groups)
        rest = [x - y for x, y in zip(c, elevate(d, G - 1), strict=True)]
        assert (advantages == centred(read(d, groups)) + read(rest, groups, baseline="none")).all()


def mean_square(answers, G, own, d):
    """E A^2 of A_i = own[X] - (sum of the others' d of other answers)/(G - 1), X = 0..G; d likewise.

    A mean over multinomial counts of G draws is a coefficient at x^G of G! prod sum_n (p x)^n/n!; powers of
    a mark in that product are the moments of sum n d_n.
    """
    n = np.arange(G + 1)
    plain = [p**n / [float(factorial(k)) for k in n] for p in answers.p]
    series = [np.stack([x, x * n * d, x * (n * d) ** 2 / 2]) for x in plain]
    total = 0.0
    for i, times in enumerate(answers.times):
        factors = [
            series[j] for j, many in enumerate(answers.times) for _ in range(many - (i == j))
        ]
        none, once, twice = reduce(product, factors, np.eye(3, G + 1) * np.eye(3, 1))
        squared = (
            own**2 * none[::-1] - 2 * own * once[::-1] / (G - 1) + 2 * twice[::-1] / (G - 1) ** 2
        )
        total += times * float((plain[i] * n / G) @ squared)
    return factorial(G) * total


def product(a, b):
    """Product of two series in x up to x^G, and in the mark up to its square."""
    rows = [sum(np.convolve(a[i], b[k - i])[: a.shape[1]] for i in range(k + 1)) for k in range(3)]
    return np.stack(rows)


def squares(answers, c, d):
    """E A^2 under the exact count baseline, with c and d, and under the group mean with d."""
    G, d = len(c), [*d, 0.0]
    mean = np.array([0.0, *((G - n) / (G - 1) * d[n - 1] for n in range(1, G + 1))])
    rest = np.array([0.0, *(c - np.array(elevate(d[:-1], G - 1)))])
    entries = np.array([0.0, *d])
    return mean_square(answers, G, mean + rest, entries), mean_square(answers, G, mean, entries)


@pytest.mark.parametrize("G", [3, 4, 5])
def test_mean_squares_are_those_of_all_groups(G):
    groups, weights = every(NU, G)
    (c, _), (d, _) = tables(G), tables(G - 1)
    exact = of_exact(read(c, groups, baseline="none"), d, groups)
    wanted = [float(((a**2).sum(1) * weights).sum() / G) for a in (exact, centred(read(d, groups)))]
    answers = Answers(tuple(map(float, NU.values())), (1, 1, 1))
    mean_squares = squares(answers, np.array(c, float), [*map(float, d)])
    assert mean_squares == pytest.approx(wanted, rel=1e-12)


def test_the_exact_baseline_has_more_variance_than_the_group_mean():
    """E A^2, the variance where completions' scores are independent, at noise 8; and the bias it saves."""
    even = Answers((0.5,), (2,))
    ratios, saved = [], []
    for G in (8, 16, 32):
        c, d = polyest.load(G - 1, noise=8), polyest.load(G - 2, noise=8)
        saved.append(1 - c.bias.upper / d.bias.upper)
        for answers in (*ANSWERS.values(), even):
            exact, mean = squares(answers, c.coefficients, d.coefficients.tolist())
            ratios.append(exact / mean)
    typical = [ratio for i, ratio in enumerate(ratios) if i % 6 < 5]
    assert f"{min(typical):.2f} {max(typical):.2f}" == "1.03 1.41"
    assert [f"{ratio:.1f}" for ratio in ratios[5::6]] == ["2.1", "2.1", "1.6"]
    assert [f"{part:.3f}" for part in saved] == ["0.174", "0.073", "0.034"]
    docstring = " ".join(polyest.advantages.exact.__doc__.split())
    assert "1.03 to 1.41 times" in docstring
    assert "2.1 times" in docstring
    for offered in (counts, pairing, polyest.rewards.Options):
        assert "more variance than those of the group mean" in " ".join(offered.__doc__.split())
