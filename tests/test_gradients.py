"""The gradient of one group: equal to the sum over all groups, exactly, and to the group-mean theorem."""

from fractions import Fraction
from itertools import product
from math import factorial, prod

import numpy as np
import pytest

import polyest
from polyest.errors import InvalidProblem
from polyest.gradients import Answers, of_group
from polyest.problem.bernstein import elevate, pmf
from polyest.recommendation import ANSWERS, in_group


def outcomes(p, draws):
    """Every outcome of some draws, and its probability."""
    for n in product(range(draws + 1), repeat=len(p)):
        if sum(n) == draws:
            each = (q**k / Fraction(factorial(k)) for q, k in zip(p, n, strict=True))
            yield n, factorial(draws) * prod(each)


def enumerated(p, rewards, baseline, earlier=0):
    """Mean and noise of the gradient in rationals, from every outcome of a group and of earlier draws."""
    G, m = len(rewards) - earlier, len(p)
    mean, square = [Fraction(0)] * m, Fraction(0)
    for (n, now), (before, then) in product([*outcomes(p, G)], [*outcomes(p, earlier)]):
        weight = now * then
        reward = [rewards[k + b - 1] if k else Fraction(0) for k, b in zip(n, before, strict=True)]
        total = sum(k * r for k, r in zip(n, reward, strict=True))
        if baseline == "none":
            g = [(k * r - total * q) / G for k, r, q in zip(n, reward, p, strict=True)]
        else:
            g = [k * (r - total / G) / G for k, r in zip(n, reward, strict=True)]
        mean = [a + weight * x for a, x in zip(mean, g, strict=True)]
        square += weight * sum(x * x for x in g)
    return mean, square - sum(x * x for x in mean)


CASES = {
    "even": ((Fraction(1, 4),), (4,)),
    "one and three": ((Fraction(5, 8), Fraction(1, 8)), (1, 3)),
    "all different": ((Fraction(1, 2), Fraction(3, 8), Fraction(1, 8)), (1, 1, 1)),
    "twins": ((Fraction(3, 8), Fraction(1, 8)), (2, 2)),
    "certain": ((Fraction(1),), (1,)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("baseline", ["none", "group-mean"])
@pytest.mark.parametrize("G", [1, 2, 3, 5])
def test_mean_and_noise_are_those_of_all_groups(case, baseline, G):
    p, times = case
    rewards = [Fraction(7, 4), Fraction(-3, 2), Fraction(1, 8), Fraction(5, 2), Fraction(-2)][:G]
    each = [q for q, t in zip(p, times, strict=True) for _ in range(t)]
    mean, noise = enumerated(each, rewards, baseline)
    moments = of_group(
        Answers(tuple(map(float, p)), times), np.array([float(r) for r in rewards]), baseline
    )
    assert np.repeat(moments.mean, times) == pytest.approx([float(x) for x in mean], abs=1e-14)
    assert moments.noise == pytest.approx(float(noise), abs=1e-14)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("baseline", ["none", "group-mean"])
@pytest.mark.parametrize(("G", "W"), [(1, 2), (2, 1), (2, 2), (3, 2), (3, 3)])
def test_with_earlier_draws_they_are_those_of_all_groups_and_all_earlier_draws(
    case, baseline, G, W
):
    p, times = case
    u = [7, -6, 1, 10, -8, 5][: G + W]
    if baseline == "group-mean":
        u[-1] = u[-2]  # of a group that agrees with all that was drawn before: its advantage is 0
    each = [q for q, t in zip(p, times, strict=True) for _ in range(t)]
    mean, noise = enumerated(each, [Fraction(r, 4) for r in u], baseline, W)
    answers = Answers(tuple(map(float, p)), times)
    moments = of_group(answers, np.array(u) / 4, baseline, earlier=W)
    assert np.repeat(moments.mean, times) == pytest.approx([float(x) for x in mean], abs=1e-13)
    assert moments.noise == pytest.approx(float(noise), abs=1e-13)


@pytest.mark.parametrize("earlier", [-1, 4, 10**30, 0.5, True])
def test_a_number_of_earlier_draws_that_is_none_is_refused(earlier):
    with pytest.raises(InvalidProblem, match="earlier is"):
        of_group(ANSWERS["uniform"], np.zeros(4), earlier=earlier)


@pytest.mark.parametrize("shape", ANSWERS)
@pytest.mark.parametrize("G", [3, 8, 32])
def test_under_a_group_mean_the_table_of_two_draws_less_is_what_is_met(shape, G):
    """(G - 1)/G sum nu P_K(nu) grad log nu with K = G - 2, and not with K = G - 1."""
    answers, K = ANSWERS[shape], G - 2
    p, times = np.array(answers.p), np.array(answers.times)
    rng = np.random.default_rng(G)
    entries = rng.normal(size=K + 1)

    def of_table(mean):
        drawn = p * mean
        return drawn - p * float(times @ drawn)

    expected = (G - 1) / G * of_table(pmf(K, p) @ entries)
    rewards = entries[np.minimum(np.arange(G), K)]
    elevated = np.array(elevate(entries.tolist(), G - 1))
    plain = of_group(answers, elevated, "none").mean
    assert plain == pytest.approx(of_table(pmf(K, p) @ entries), abs=1e-13)
    moved = of_group(answers, rewards, "group-mean").mean
    assert moved == pytest.approx(expected, abs=1e-13)
    wrong = (G - 1) / G * of_table(pmf(G - 1, p) @ rewards)
    if shape != "uniform":
        assert np.abs(moved - wrong).max() > 1e-6


def test_the_noise_is_that_of_sampled_groups():
    answers, G = ANSWERS["Zipf"], 16
    rewards = in_group(polyest.load(14), G)
    exact = of_group(answers, rewards)
    n = np.random.default_rng(5).multinomial(G, answers.p, size=100_000)
    r = np.append(0.0, rewards)[n]
    g = n * (r - (n * r).sum(1, keepdims=True) / G) / G
    spread = ((g - exact.mean) ** 2).sum(1)
    assert abs(spread.mean() - exact.noise) < 5 * spread.std() / n.shape[0] ** 0.5
    assert np.abs(g.mean(0) - exact.mean).max() < 5 * (exact.noise / n.shape[0]) ** 0.5


@pytest.mark.parametrize(
    "given",
    [
        ((0.5,), (1,)),
        ((0.5, 0.6), (1, 1)),
        ((0.0, 1.0), (1, 1)),
        ((0.5, 0.5), (1, 0)),
        ((-0.5, 1.5), (1, 1)),
    ],
)
def test_answers_that_are_no_distribution_are_refused(given):
    with pytest.raises(InvalidProblem, match="expected"):
        Answers(*given)


@pytest.mark.parametrize(
    ("rewards", "baseline", "said"),
    [
        ([0.0, 1.0], "exact", "baseline 'exact' is unknown: use one of group-mean, none"),
        ([], "none", r"rewards of shape \(0,\)"),
        ([[0.0, 1.0]], "none", r"rewards of shape \(1, 2\)"),
        ([0.0, -np.inf], "group-mean", "expected G finite numbers"),
    ],
)
def test_what_is_no_reward_of_a_group_is_refused(rewards, baseline, said):
    with pytest.raises(InvalidProblem, match=said):
        of_group(ANSWERS["uniform"], np.array(rewards), baseline)
