"""Policies trained with estimated rewards: the updates have the mean and the fixed points they should."""

from itertools import product

import numpy as np
import pytest
from enumerable import EUCLID, KL, coin, distributions

import polyest
from polyest import closed_forms
from polyest.errors import CountOutOfRange, InvalidGame
from polyest.games import alft
from polyest.games.descent import (
    Mixture,
    gradient_policies,
    mirror_descent,
    mirror_policies,
    policy_gradient,
)
from polyest.games.game import Game
from polyest.games.goals import Diversity
from polyest.games.solution import equilibrium
from polyest.problem.bernstein import pmf
from polyest.problem.targets import parse

ENTROPY = Diversity(KL)


def diversity(problem):
    prompts = len(problem.reference)
    return Mixture(-np.eye(prompts), np.zeros((prompts, problem.number)))


def last(play):
    *_, policy = play
    return policy


def three(geometry=None, beta=0.5):
    return alft.pose(
        distributions(1, 2, 6), [[0, 1, 2, 0, 1, 2]] * 2, ENTROPY, beta, geometry=geometry
    )


def test_with_the_exact_reward_both_end_at_the_equilibrium():
    problem = three()
    best = equilibrium(Game(problem)).policy
    mirror = last(mirror_policies(problem, diversity(problem), None, [0.5] * 300))
    assert mirror == pytest.approx(best, abs=1e-7)
    rates = 5.0 * (1 - np.arange(3000) / 3000)
    policy = last(
        gradient_policies(problem, diversity(problem), None, None, rates, group=8, groups=16, rng=1)
    )
    assert policy == pytest.approx(best, abs=0.02)


def test_mirror_descent_in_another_geometry_ends_at_its_equilibrium():
    gini = alft.pose(
        distributions(1, 2, 6), [[0, 1, 2, 0, 1, 2]] * 2, Diversity(EUCLID), 0.5, geometry=EUCLID
    )
    reward = Mixture(-np.eye(2), np.zeros((2, 3)), parse("polynomial:0,1"))
    best = equilibrium(Game(gini)).policy
    assert last(mirror_policies(gini, reward, None, [1.0] * 100)) == pytest.approx(best, abs=1e-6)


def test_a_step_of_mirror_descent_is_the_minimum_that_it_is_said_to_be():
    problem = three()
    start, rate = problem.reference, 0.7
    after = next(mirror_policies(problem, diversity(problem), None, [rate]))
    reward = problem.at_traces(-np.log(problem.distributions(start)))

    def loss(pi):
        away = problem.beta * KL.divergence(pi, problem.reference) + KL.divergence(pi, start) / rate
        return (-(reward * pi).sum(1) + away).sum()

    for other in distributions(4, 400, 6).reshape(200, 2, 6):
        assert loss(0.95 * after + 0.05 * other) > loss(after)


def test_the_mean_step_of_the_policy_gradient_is_the_gradient_of_the_mean_of_the_table():
    """Over all groups of 4 completions: enumerated, own prompt in-group, the other's groups independent."""
    problem = alft.pose(
        [[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]], [0, 1, 0], ENTROPY, 1.0, orbits=[[0, 1]]
    )
    G, half = 4, np.full((2, 2), 0.5)
    own, others = closed_forms.harmonic(G - 2), closed_forms.jackknife(G)
    nu = problem.distributions(problem.reference)
    moved = np.zeros(3)
    for traces in product(range(3), repeat=G):
        z = problem.answers[0][list(traces)]
        X = np.bincount(z, minlength=2)
        elsewhere = pmf(G, nu[1]) @ others.coefficients  # its mean, as it is independent
        r = 0.5 * own[np.minimum(X[z] - 1, own.K)] + 0.5 * elsewhere[z]
        advantages = (r - r.mean()) * G / (G - 1)
        weight = problem.reference[0][list(traces)].prod()
        np.add.at(moved, list(traces), weight * advantages / G)
    mean = 0.5 * (pmf(G - 2, nu[0]) @ own.coefficients) + 0.5 * (
        pmf(G, nu[1]) @ others.coefficients
    )
    pi = problem.reference[0]
    expected = pi * (mean[problem.answers[0]] - pi @ mean[problem.answers[0]])
    assert moved == pytest.approx(expected, abs=1e-14)
    # the code's mean over many groups is that
    reward = Mixture(half, np.zeros((2, 2)))
    rate, groups = 1e-3, 40_000
    after = next(
        gradient_policies(problem, reward, own, others, [rate], group=G, groups=groups, rng=3)
    )
    step = np.log(after[0] / pi) / rate
    assert step - step.mean() == pytest.approx(expected - expected.mean(), abs=0.01)


def test_a_biased_reward_ends_elsewhere_and_a_better_table_nearer():
    """log, harmonic, noise 8, in the order of their bias; on many groups so that bias is what is left."""
    reference = 1 / np.arange(1.0, 31)
    problem = alft.pose([reference / reference.sum()], range(30), ENTROPY, 0.1)
    best = equilibrium(Game(problem)).policy
    rates = np.geomspace(0.5, 0.01, 300)
    left = []
    for table in (closed_forms.log_smoothed(8), closed_forms.harmonic(8), polyest.load(8)):
        policy = last(mirror_policies(problem, diversity(problem), table, rates, groups=64, rng=0))
        left.append(problem.J(policy) - problem.J(best))
    assert left[0] > 1.5 * left[1] > 15 * left[2]


def test_the_same_seed_gives_the_same_policies_and_none_is_spoiled():
    problem = three()
    table = polyest.load(6)

    def play(rng):
        keywords = {"group": 8, "groups": 2, "rng": rng}
        return list(
            gradient_policies(problem, diversity(problem), table, None, [1.0] * 5, **keywords)
        )

    assert np.array_equal(play(5), play(5))
    assert not np.array_equal(play(5), play(6))
    for policy in play(5):
        problem.checked(policy)
        with pytest.raises(ValueError, match="read-only"):
            policy[0, 0] = 0.5


def test_a_diverging_table_gives_no_nan():
    """Exact minimax at K = 32, entries beyond 1e6: policies collapse, and stay policies."""
    problem = alft.pose(distributions(2, 2, 20), np.arange(20) % 10, ENTROPY, 0.1)
    own, others = (polyest.load(K, criterion="minimax") for K in (30, 32))
    reward = diversity(problem)
    for policy in mirror_policies(problem, reward, others, [1.0] * 50, rng=0):
        problem.checked(policy)
    for policy in gradient_policies(problem, reward, own, None, [100.0] * 50, group=32, rng=0):
        problem.checked(policy)
    for policy in mirror_policies(problem, reward, None, [1.0] * 50):  # and it comes back
        problem.checked(policy)


@pytest.mark.parametrize(
    ("error", "said", "keywords"),
    [
        (
            InvalidGame,
            r"mixing and offset of shapes \(1, 1\)",
            {"reward": Mixture([[-1]], [[0, 0]])},
        ),
        (
            InvalidGame,
            "expected finite",
            {"reward": Mixture(np.full((2, 2), np.nan), np.zeros((2, 3)))},
        ),
        (InvalidGame, "rates between 0.0 and 1.0: expected positive", {"rates": [1, 0]}),
        (InvalidGame, "rates between", {"rates": [np.inf]}),
        (InvalidGame, "groups is 0: expected an integer of at least 1", {"groups": 0}),
        (InvalidGame, "group is 2: expected an integer of at least 3", {"group": 2}),
        (InvalidGame, "group is 2.5", {"group": 2.5}),
        (
            CountOutOfRange,
            "own is a table of K = 8: expected K = 6 for a group of 8",
            {"own": closed_forms.harmonic(8)},
        ),
        (CountOutOfRange, "others is None: expected a table of K = 8", {"mixed": True}),
        (InvalidGame, "regularised by KL", {"geometry": EUCLID}),
    ],
)
def test_what_does_not_fit_is_refused(error, said, keywords):
    problem = three(keywords.get("geometry"))
    reward = keywords.get("reward", diversity(problem))
    if keywords.get("mixed"):
        reward = Mixture(np.full((2, 2), 0.5), np.zeros((2, 3)))
    own, rates = keywords.get("own", closed_forms.harmonic(6)), keywords.get("rates", [1.0])
    sizes = {"group": 8, "groups": 1} | {
        k: keywords[k] for k in ("group", "groups") if k in keywords
    }
    with pytest.raises(error, match=said):
        next(gradient_policies(problem, reward, own, None, rates, **sizes))
    if {"reward", "rates", "groups"} & keywords.keys():
        with pytest.raises(error, match=said):
            next(mirror_policies(problem, reward, own, rates, groups=sizes["groups"]))


def test_a_coin_without_prompts_to_mix_needs_no_second_table():
    problem = coin(ENTROPY, 1.0)
    table = polyest.load(6)
    policy = next(gradient_policies(problem, diversity(problem), table, None, [1.0], group=8))
    problem.checked(policy)


def test_records_of_a_play_are_of_its_policies():
    game = Game(three())
    problem, best = game.problem, equilibrium(game).policy
    table, rates = polyest.load(8), [0.3] * 20
    play = mirror_policies(problem, diversity(problem), table, rates, groups=4, rng=2)
    steps = list(
        mirror_descent(
            game, diversity(problem), table, rates, groups=4, rng=2, every=5, optimum=best
        )
    )
    assert [step.iteration for step in steps] == [5, 10, 15, 20]
    for step, policy in zip(steps, list(play)[4::5], strict=True):
        assert np.array_equal(step.policy, policy)
        assert problem.J(policy) == step.J
        assert np.array_equal(step.dual, game.response(policy))  # the target that answers it best
        assert game.gap(policy, step.dual) == step.gap
        assert 0 <= problem.J(policy) - problem.J(best) <= step.gap + 1e-12
        away = np.abs(policy - best).sum(1) @ problem.prompts.weights
        assert step.distance == pytest.approx(away)
    sampled = list(
        policy_gradient(
            game, diversity(problem), polyest.load(6), None, [1.0] * 4, group=8, every=2
        )
    )
    assert [step.iteration for step in sampled] == [2, 4]
    assert np.isnan(sampled[0].distance)
    with pytest.raises(TypeError, match="group"):
        policy_gradient(game, diversity(problem), polyest.load(6), None, [1.0])
