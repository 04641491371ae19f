"""Play: where alternating best response settles and where it does not, and the rate of no-regret play."""

from itertools import pairwise

import numpy as np
import pytest
from enumerable import KL, SMOOTH, coin, random_problem, seeds
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest.errors import InvalidGame
from polyest.games import alft
from polyest.games.coherence import Coherence
from polyest.games.dynamics import alternating, no_regret
from polyest.games.game import Game
from polyest.games.goals import Diversity, StandardRL
from polyest.games.safety import Safety
from polyest.games.solution import equilibrium


def last(play):
    *_, step = play
    return step


# Alternating best response.


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_standard_rl_is_over_after_one_step(seed):
    game = Game(random_problem(seed, "standard RL", "negative entropy", 0.5))
    step = last(alternating(game, 1, optimum=equilibrium(game).policy))
    assert step.gap == pytest.approx(0, abs=1e-12)
    assert step.distance == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("beta", "left"), [(4.0, 1e-12), (2.0, 1e-6), (1.1, 0.01)])
def test_diversity_settles_for_beta_above_1_at_the_rate_1_over_beta(beta, left):
    """The log odds l of nu follow l <- l_0 - l/beta."""
    game = Game(coin(Diversity(KL), beta))
    steps = list(alternating(game, 20, optimum=equilibrium(game).policy))
    assert steps[-1].gap < left
    odds = [np.log(step.policy[0, 0] / step.policy[0, 1]) for step in steps]
    fixed = np.log(9) * beta / (1 + beta)
    assert (odds[9] - fixed) / (odds[8] - fixed) == pytest.approx(-1 / beta, rel=1e-3)


def test_diversity_flips_for_ever_for_beta_below_1():
    """The named game where alternating best response does not converge: a coin of 0.9, beta 0.5."""
    game = Game(coin(Diversity(KL), 0.5))
    steps = list(alternating(game, 60, optimum=equilibrium(game).policy))
    heads = [step.policy[0, 0] for step in steps]
    assert all((a > 0.99) != (b > 0.99) for a, b in pairwise(heads[20:]))
    assert min(step.distance for step in steps[20:]) > 0.5
    assert all(np.isfinite(step.J) for step in steps)
    # exactly 1: two policies in turn
    even = [step.policy[0, 0] for step in alternating(Game(coin(Diversity(KL), 1.0)), 9)]
    assert even[0] == pytest.approx(even[8])
    assert even[0] != pytest.approx(even[1])
    # going a part of the way, it settles
    damped = last(alternating(game, 200, damping=0.3, optimum=equilibrium(game).policy))
    assert damped.distance < 1e-9


@pytest.mark.parametrize("goal", SMOOTH)
@given(seed=seeds)
@settings(max_examples=5, deadline=None)
def test_a_large_beta_always_settles(goal, seed):
    """With the pull of the reference stronger than the curvature of R best responses contract."""
    game = Game(random_problem(seed, goal, "negative entropy", 30.0))
    solution = equilibrium(game)
    step = last(alternating(game, 100, optimum=solution.policy))
    assert step.distance < 1e-7
    assert step.gap == pytest.approx(0, abs=3e-7 if goal == "own" else 1e-9)


def test_play_that_diverges_stays_finite():
    """Coherence of five prompts with 50 answers at a small beta: no nan, no error, no convergence."""
    reference = np.random.default_rng(0).dirichlet(np.ones(50), size=5)
    posed = alft.pose(reference, np.arange(50), Coherence(), 0.05, orbits=[range(5)])
    for step in alternating(Game(posed), 40):
        assert np.isfinite(step.J)
        assert not np.isnan(step.gap)
        posed.checked(step.policy)


def test_a_penalty_bangs():
    """The target knows two prices only, 0 and the bound: best responses never settle on the multiplier."""
    game = Game(coin(Safety((0.0, 1.0), 0.05, bound=2.0), 0.5))
    best = equilibrium(game).policy
    assert min(step.distance for step in alternating(game, 50, optimum=best)) > 0.01


# No-regret play.

PLAYED = {
    "standard RL": coin(StandardRL((0.0, 1.0)), 0.5, up=0.7),
    "RL, many answers": random_problem(3, "standard RL", "negative entropy", 0.3),
    "penalty": coin(Safety((0.0, 1.0), 0.05, bound=2.0), 0.5),
    "diversity": coin(Diversity(KL), 0.5),
    "diversity, many answers": random_problem(3, "entropy", "negative entropy", 0.5),
    "Gini": random_problem(4, "Gini", "negative entropy", 0.5),
    "coherence": alft.pose([[0.9, 0.1], [0.3, 0.7]], [0, 1], Coherence(), 0.5, orbits=[[0, 1]]),
    "Euclidean policies": random_problem(5, "entropy", "Euclidean", 0.5),
}


# The step at which the start is forgotten.
FROM = {"standard RL": 2000, "RL, many answers": 400, "penalty": 200}


@pytest.mark.parametrize("name", PLAYED)
def test_the_gap_of_the_averages_falls_like_1_over_the_root_of_t_or_faster(name):
    game = Game(PLAYED[name])
    best = equilibrium(game).policy
    first = FROM.get(name, 100)
    horizons = [first * 2**k for k in range(5)]
    steps = {s.iteration: s for s in no_regret(game, horizons[-1], every=first, optimum=best)}
    gaps = [steps[t].gap for t in horizons]
    slope = np.polyfit(np.log(horizons), np.log(gaps), 1)[0]
    assert slope <= -0.5 + 0.05
    assert steps[horizons[-1]].distance < steps[first].distance
    for t in horizons:  # the bound, for rate 1
        step = steps[t]
        u = game.response(step.policy)
        u = u - u.mean(1, keepdims=True)  # constants are free
        norm = game.problem.prompts.mean((u**2).sum(1))
        assert step.gap >= -1e-9
        assert step.gap <= (norm / 2 + 2) / np.sqrt(t)


def test_a_worse_rate_is_slower_and_still_within_its_bound():
    game = Game(PLAYED["diversity"])
    for rate in (0.05, 1.0, 20.0):
        step = last(no_regret(game, 400, rate=rate))
        u = game.response(step.policy) - game.response(step.policy).mean()
        assert step.gap <= ((u**2).sum() / (2 * rate) + 2 * rate) / 20


# Records, and what is refused.


def test_records():
    game = Game(coin(Diversity(KL), 2.0))
    steps = list(alternating(game, 3))
    assert [step.iteration for step in steps] == [1, 2, 3]
    assert np.isnan(steps[0].distance)
    for step in steps:
        assert game.problem.J(step.policy) == step.J
        assert step.gap == game.gap(step.policy, step.dual)
        with pytest.raises(ValueError, match="read-only"):
            step.policy[0, 0] = 1.0
    assert [s.iteration for s in no_regret(game, 25, every=10)] == [10, 20]


def test_the_play_of_the_paper_is_another_game():
    """1/nu instead of nu^(-1/beta): it settles elsewhere, and the gap says so."""
    game = Game(coin(Diversity(KL), 2.0))
    best = equilibrium(game).policy
    step = last(alternating(game, 60, listed=True, damping=0.5, optimum=best))
    assert step.policy[0, 0] == pytest.approx(0.75, abs=1e-9)  # nu ~ nu_0^(1/2), whatever beta
    assert step.gap > 0.03
    assert step.distance > 0.1


@pytest.mark.parametrize(
    ("play", "keywords", "said"),
    [
        (alternating, {"damping": 0}, "damping is 0: expected a number in"),
        (alternating, {"damping": 1.5}, "damping is 1.5"),
        (alternating, {"damping": "x"}, "damping is 'x'"),
        (alternating, {"steps": 0}, "steps is 0: expected an integer of at least 1"),
        (alternating, {"steps": 2.5}, "steps is 2.5"),
        (alternating, {"policy": [[0.5, 0.4]]}, "policy of prompt 0 adds up to 0.9"),
        (alternating, {"optimum": [[0.5, 0.4]]}, "policy of prompt 0 adds up to 0.9"),
        (no_regret, {"rate": 0}, "rate is 0: expected a positive number"),
        (no_regret, {"rate": np.inf}, "rate is inf"),
        (no_regret, {"every": 0}, "every is 0: expected an integer"),
        (no_regret, {"every": 1.5}, "every is 1.5"),
    ],
)
def test_what_is_no_play_is_refused(play, keywords, said):
    game = Game(coin(Diversity(KL), 1.0))
    with pytest.raises(InvalidGame, match=said):
        list(play(game, **({"steps": 2} | keywords)))


@given(st.sampled_from(["problem", "geometry", "sign"]), st.sampled_from([None, "kl", 0, 2]))
def test_what_is_no_game_is_refused(name, value):
    given = {"problem": coin(Diversity(KL), 1.0), "geometry": KL, "sign": -1} | {name: value}
    with pytest.raises(InvalidGame, match=f"{name} is "):
        Game(**given)
