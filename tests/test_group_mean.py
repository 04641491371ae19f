"""Which K, exactly: what is left of a table's mean when a trainer subtracts the group's mean reward.

Theorem.  In a group of G completions of one prompt, reward c[X-1] minus the mean reward of the group,
times G/(G-1), has the expected gradient  sum_z Q(nu_z) grad nu_z,  Q the mean of the table of
sample size K = G - 2 with the entries c_0..c_(G-2).

Gradients are taken in the logits l of the answers, d nu_z / d l_w = nu_z (1{z = w} - nu_w).  This
loses nothing: nu depends on any model's parameters through its logits, so that equality here is
equality there.  In logits the theorem says nu_w (Q(nu_w) - sum_z nu_z Q(nu_z)) for every w: with
nu_w > 0 it fixes all Q(nu_z) up to one constant, and a constant has no gradient.
"""

from functools import cache

import numpy as np
import pytest
from flint import Ordering, fmpq, fmpq_mpoly_ctx, fmpq_poly
from rates import seen, seen_at_least
from rationals import (
    F,
    ball,
    centred,
    every,
    gradient,
    gradient_of,
    objects,
    paid,
    standardised,
    tables,
)

import polyest
from polyest import closed_forms, counts
from polyest.problem.bernstein import elevate, expectation
from polyest.problem.targets import LOG
from polyest.proof.certify import noise_floor

NO_ANSWER, FIXED = -1, F(-4)  # a completion without an answer, and its reward
NU = {  # answers and their probabilities
    "uniform": {7: F(1, 3), 2: F(1, 3), 9: F(1, 3)},
    "skewed": {7: F(1, 2), 2: F(1, 3), 9: F(1, 6)},
    "one dominant": {7: F(97, 100), 2: F(1, 50), 9: F(1, 100)},
    "four": {7: F(2, 5), 2: F(3, 10), 9: F(1, 5), 4: F(1, 10)},
    "unanswered": {7: F(1, 2), 2: F(3, 10), NO_ANSWER: F(1, 5)},
}
SKEWED = NU["skewed"]
MOST = 1024  # groups to enumerate


def cases(sizes, names=NU):
    pairs = [(G, name) for name in names for G in sizes if len(NU[name]) ** G <= MOST]
    ids = [f"{name}-{G}" for G, name in pairs]
    return pytest.mark.parametrize(("G", "nu"), [(G, NU[name]) for G, name in pairs], ids=ids)


each_group = pytest.mark.parametrize("G", [3, 4, 5, 6])


def rewards(c, counted):
    return np.where(counted.answered, objects(c)[counted.index], FIXED)


def means(c, nu):
    return [FIXED if z == NO_ANSWER else expectation(c, p) for z, p in nu.items()]


# The theorem.


@cases([3, 4, 5, 6])
def test_under_a_group_mean_a_group_is_a_table_of_two_draws_less(G, nu):
    groups, weights = every(nu, G)
    counted = counts.in_group(groups)
    assert counted.draws == G - 2
    for c in tables(G - 1):
        truth = gradient_of(nu, means(c, nu))
        assert gradient(nu, groups, weights, centred(rewards(c, counted))) == truth
    for k in range(G - 1):  # no entry is idle, unless all answers are alike
        other = [entry + (i == k) for i, entry in enumerate(c)]
        found_other = gradient(nu, groups, weights, centred(rewards(other, counted)))
        assert (found_other == truth) == (len({*nu.values()}) == 1)


@each_group
def test_the_theorem_holds_for_every_table_and_every_distribution(G):
    """An identity of polynomials in the entries and in nu: a reward R_i - R_j sees z_i, z_j, the rest."""
    context = fmpq_mpoly_ctx.get(("a", "b", *(f"c{k}" for k in range(G - 1))), Ordering.lex)
    a, b, *c = context.gens()
    nu = {7: a, 2: b, 9: 1 - a - b}
    groups, weights = every(nu, G)
    mean = gradient(nu, groups, weights, centred(rewards(c, counts.in_group(groups))))
    assert mean == gradient_of(nu, means(c, nu))
    assert mean != gradient_of(nu, means([c[0] + 1, *c[1:]], nu))


@cases([3, 4, 5, 6])
def test_the_entry_of_a_group_that_agrees_is_immaterial_under_a_group_mean(G, nu):
    """The entry has no effect in any group, not in the mean only."""
    groups, _ = every(nu, G)
    whole, clipped = counts.in_group(groups, baseline="none"), counts.in_group(groups)
    c = tables(G - 1)[0]
    left = centred(rewards(c, clipped))
    for last in (F(10**9), F(-7, 3)):
        assert (centred(rewards([*c, last], whole)) == left).all()
    assert (centred(rewards([*c[:-1], c[-1] + 1, F(0)], whole)) != left).any()


@pytest.mark.parametrize("G", [3, 4, 6, 9])
def test_the_theorem_in_terms_of_the_mean_of_one_draw_more(G):
    """(G-1) Q = G P - (p P)', P the mean of c_0..c_(G-1): what a group mean does to any table."""
    p = fmpq_poly([0, 1])
    for c in tables(G):
        exact = [fmpq(x.numerator, x.denominator) for x in c]
        P, Q = expectation(exact, p), expectation(exact[:-1], p)
        assert G * P - (p * P).derivative() == (G - 1) * Q
        assert elevate(c[:-1], G - 1) == [
            (c[j] * (G - 1 - j) + c[j - 1] * j) / (G - 1) for j in range(G)
        ]


# Where it stops.


@cases([3, 4, 5, 6], [*NU][1:])
def test_under_a_group_mean_the_table_of_one_draw_less_is_not_read(G, nu):
    """c of K = G - 1 is right until the mean is subtracted, then its first G - 1 entries are read."""
    groups, weights = every(nu, G)
    counted = counts.in_group(groups, baseline="none")
    assert counted.draws == G - 1
    for c in tables(G):
        given = rewards(c, counted)
        assert gradient(nu, groups, weights, given) == gradient_of(nu, means(c, nu))
        under = gradient(nu, groups, weights, centred(given))
        assert under != gradient_of(nu, means(c, nu))
        assert under == gradient_of(nu, means(c[:-1], nu))


@pytest.mark.parametrize("baseline", ["none", "exact"])
@cases([2, 3, 4, 5, 6])
def test_without_a_group_mean_a_group_is_a_table_of_one_draw_less(G, nu, baseline):
    """E 1{z_i = z} c[X-1] = nu_z P(nu_z), constants included."""
    groups, weights = every(nu, G)
    counted = counts.in_group(groups, baseline=baseline)
    assert counted.draws == G - 1
    for c in tables(G):
        whole = [p * mean for p, mean in zip(nu.values(), means(c, nu), strict=True)]
        assert paid(nu, groups, weights, rewards(c, counted)) == whole


@pytest.mark.parametrize("G", [2, 3, 4, 5])
def test_the_unshifted_table_of_the_whole_group_is_wrong(G):
    """c[X] with K = G is biased for an in-group count, already on p."""
    groups, weights = every(SKEWED, G)
    unbiased = objects(F(k, G) for k in range(G + 1))  # in G independent draws
    index = counts.in_group(groups, baseline="none").index + 1
    assert means(unbiased, SKEWED) == [*SKEWED.values()]
    mean = gradient(SKEWED, groups, weights, unbiased[index])
    assert mean != gradient_of(SKEWED, [*SKEWED.values()])


@pytest.mark.parametrize("K", [1, 2, 3])
@cases([2, 3])
def test_a_group_mean_does_not_touch_the_table_of_an_independent_count(G, K, nu):
    draws, weights = every(nu, G + K)
    traces = draws[:, :G]
    counted = counts.independent(traces, draws[:, G:])
    assert counted.draws == K
    for c in tables(K + 1):
        given, truth = rewards(c, counted), gradient_of(nu, means(c, nu))
        assert gradient(nu, traces, weights, given) == truth
        assert gradient(nu, traces, weights, centred(given)) == truth


@each_group
def test_the_exact_count_baseline_keeps_the_table_of_one_draw_less(G):
    """The mean reward of the others, counted again without this completion, is independent of it."""
    groups, weights = every(SKEWED, G)
    c, d = tables(G)[0], tables(G - 1)[1]
    given = rewards(c, counts.in_group(groups, baseline="exact"))
    left = [counts.in_group(np.delete(groups, i, 1), baseline="none") for i in range(G)]
    without = np.stack([rewards(d, counted).sum(1) / (G - 1) for counted in left], 1)
    truth = gradient_of(SKEWED, means(c, SKEWED))
    assert gradient(SKEWED, groups, weights, given - without) == truth
    again = np.stack([np.delete(given, i, 1).sum(1) / (G - 1) for i in range(G)], 1)
    assert (given - again == centred(given)).all()  # not counted again: the group mean
    assert gradient(SKEWED, groups, weights, given - again) != truth


@pytest.mark.parametrize("G", [4, 5])
def test_a_mean_over_the_answered_traces_only_is_another_baseline(G):
    """A completion without an answer has a reward and a place in the mean: else not even a multiple."""
    nu = {7: F(2, 5), 2: F(3, 10), 9: F(1, 5), NO_ANSWER: F(1, 10)}
    groups, weights = every(nu, G)
    counted = counts.in_group(groups)
    c = tables(G - 1)[0]
    given = np.where(counted.answered, rewards(c, counted), 0)
    number = counted.answered.sum(1, keepdims=True).astype(object)
    left = np.where(counted.answered, given * number - given.sum(1, keepdims=True), 0)
    answered = {z: p / F(9, 10) for z, p in nu.items() if z != NO_ANSWER}
    truth = gradient_of(answered, means(c, nu)[:3])
    for scale in (number, np.array(G)):  # times n/(n-1), or as ever G/(G-1)
        reading = left / np.maximum(number, 1) * scale / np.maximum(scale - 1, 1)
        under = gradient(nu, groups, weights, reading)
        assert under[3] == 0
        assert under[0] * truth[1] != under[1] * truth[0]


@each_group
def test_division_by_the_standard_deviation_breaks_the_theorem(G):
    """In balls: the size of the rewards is gone, and from G = 4 on the direction too."""
    nu = {z: ball(p) for z, p in SKEWED.items()}
    groups, weights = every(nu, G)
    counted = counts.in_group(groups)
    for c in tables(G - 1):
        one, two = ([x * size for x in c] for size in (1, 2))
        under, twice = (
            gradient(nu, groups, weights, standardised(rewards(entries, counted)))
            for entries in (one, two)
        )
        truth = [ball(x) for x in gradient_of(SKEWED, means(c, SKEWED))]
        parallel = (under[0] * truth[1] - under[1] * truth[0]).contains(0)
        assert parallel == (G == 3)  # all differences that are left are then of one size
        assert twice[0].overlaps(under[0])
        assert not twice[0].overlaps(2 * under[0])


# The log.  A constant has no gradient, so that a bias counts up to one constant for all p.


@cases([3, 4, 5, 6])
def test_a_group_mean_only_shrinks_rewards_that_see_no_counts(G, nu):
    """As the log itself would be: subtracting the mean multiplies by (G-1)/G."""
    groups, weights = every(nu, G)
    L = dict(zip(nu, tables(len(nu))[0], strict=True))
    given = np.vectorize(L.get, otypes=[object])(groups)
    left = given - given.sum(1, keepdims=True) / G
    whole = gradient_of(nu, [*L.values()])
    assert gradient(nu, groups, weights, left) == [F(G - 1, G) * x for x in whole]


@pytest.mark.parametrize("G", [3, 4, 8, 16, 64])
def test_the_log_of_a_count_loses_a_draw_and_a_constant(G):
    """log((j+1)/G) = log((j+1)/(G-1)) + log((G-1)/G): log_count of K = G - 2, as far as is seen."""
    read = closed_forms.log_count(G - 1).coefficients[:-1]
    shorter = closed_forms.log_count(G - 2).coefficients
    assert np.ptp(read - shorter - np.log((G - 1) / G)) < 1e-14
    one, other = seen(read), seen(shorter)
    assert max(one.lower, other.lower) <= min(one.upper, other.upper)
    assert other.upper < closed_forms.log_count(G - 2).bias.lower


# The damage: a table of K = G - 1 under a group mean, which is its first G - 1 entries, beside the
# table of K = G - 2 that the same keywords give.


@cache
def table(K, noise):
    if noise is None:
        return polyest.load(K, criterion="minimax")
    return polyest.load(K) if noise == 8 else polyest.solve(K, noise=noise)


def misread(G, noise):
    return table(G - 1, noise).coefficients[:-1]


def test_at_noise_8_every_group_pays_for_the_wrong_table():
    """From G = 4 to 64, and from twice to thirteen times the bias by no rule in G."""
    harm = [seen_at_least(misread(G, 8)) / table(G - 2, 8).bias.upper for G in range(4, 65)]
    assert min(harm) > 1.8
    assert max(harm) > 12


@pytest.mark.parametrize(
    ("noise", "G", "times"),
    [(2, 8, 3.9), (2, 12, 6), (2, 16, 3.2), (8, 8, 6.3), (8, 16, 3.3), (8, 32, 12.5), (8, 64, 5)],
)
def test_the_wrong_table_has_several_times_the_bias(noise, G, times):
    assert seen_at_least(misread(G, noise)) > times * table(G - 2, noise).bias.upper


@pytest.mark.parametrize("G", [8, 16, 32, 41])
def test_the_wrong_minimax_table_has_lost_the_rate(G):
    """1/K instead of 1/K^2: more than G times the bias."""
    assert seen_at_least(misread(G, None)) > G * table(G - 2, None).bias.upper


def test_the_wrong_table_is_worse_than_the_log_at_noise_2_and_not_at_noise_8():
    for noise, G in ((2, 8), (2, 12), (8, 8), (8, 16), (8, 64)):
        wrong, log = seen(misread(G, noise)), seen(closed_forms.log_count(G - 2).coefficients)
        assert wrong.lower > log.upper if noise == 2 else wrong.upper < log.lower


def test_the_wrong_table_has_less_bias_where_it_overspends_its_noise():
    """At noise 2 and G = 5: the harm is the rule, and no theorem."""
    wrong, right = misread(5, 2), table(3, 2)
    assert seen(wrong).upper < right.optimum.lower
    unit = closed_forms.log_count(3).gradient_variance
    assert noise_floor(LOG, wrong, "gradient-variance") > 2 * unit
    assert right.gradient_variance <= 2 * unit
