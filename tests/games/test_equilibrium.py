"""Equilibrium = optimum: the game's policy is the one that convex programming finds, which knows no game."""

import numpy as np
import pytest
from copies import replace
from enumerable import EUCLID, GEOMETRIES, GOALS, KL, SMOOTH, betas, coin, random_problem, seeds
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest.errors import InvalidGame, NotConverged
from polyest.games import alft
from polyest.games.game import Game
from polyest.games.geometry import tsallis
from polyest.games.goals import Diversity, GroundTruth
from polyest.games.referee import by_cones, by_descent
from polyest.games.safety import Safety
from polyest.games.solution import equilibrium

POLICY, VALUE = 1e-6, 1e-8


def check(problem, *referees):
    """The policy is that of a referee, and no referee knows of a better one."""
    solution = equilibrium(Game(problem))
    assert solution.gap <= 1e-12
    policies = [referee(problem) for referee in referees]
    reached = problem.J(solution.policy)
    values = [problem.J(pi) for pi in policies]  # infinite beyond a budget by the last digits
    assert reached <= min(values) + VALUE
    assert reached >= min(values) - VALUE or np.isinf(min(values))
    assert min(np.abs(solution.policy - pi).max() for pi in policies) <= POLICY
    return solution


@pytest.mark.parametrize("goal", SMOOTH)
@given(seed=seeds, beta=betas)
@settings(max_examples=8, deadline=None)
def test_kl_equilibria_are_optima(goal, seed, beta):
    check(random_problem(seed, goal, "negative entropy", beta), by_descent)


@pytest.mark.parametrize("goal", SMOOTH)
@pytest.mark.parametrize("geometry", [name for name in GEOMETRIES if name != "negative entropy"])
@given(seed=st.integers(0, 40))
@settings(max_examples=2, deadline=None)
def test_bregman_equilibria_are_optima(goal, geometry, seed):
    check(random_problem(seed, goal, geometry, 1.0), by_descent)


@pytest.mark.parametrize("goal", ["safety", "two budgets", "penalty"])
@pytest.mark.parametrize("geometry", ["negative entropy", "Euclidean", "Tsallis 0.5", "Tsallis 3"])
@given(seed=seeds)
@settings(max_examples=4, deadline=None)
def test_safe_equilibria_are_optima_within_their_budgets(goal, geometry, seed):
    problem = random_problem(seed, goal, geometry, 0.7)
    solution = check(problem, by_descent, by_cones)
    nu, safe = problem.distributions(solution.policy), problem.goal
    if np.isinf(safe.bound):
        assert safe.excess(nu).max() <= 1e-9
        # exp(-lambda cost/beta) with lambda >= 0, 0 where there is budget left
        costs = safe.costs
        for x, u in enumerate(solution.dual):
            multiplier = np.linalg.lstsq(costs[:, 1:].T, u[1:] - u[0], rcond=None)[0]
            assert u - u[0] == pytest.approx(multiplier @ costs, abs=1e-9)
            assert multiplier.min() >= -1e-9
            assert (multiplier * safe.excess(nu)[x]).max() == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("goal", [name for name in GOALS if name not in ("own", "Tsallis 0.5")])
@given(seed=seeds)
@settings(max_examples=3, deadline=None)
def test_the_two_referees_agree(goal, seed):
    problem = random_problem(seed, goal, "negative entropy", 0.7)
    cones, descent = by_cones(problem), by_descent(problem)
    assert descent == pytest.approx(cones, abs=1e-4)
    # J is infinite where the last digits of a policy are beyond a budget.
    if np.isfinite(problem.J(cones) + problem.J(descent)):
        assert problem.J(descent) == pytest.approx(problem.J(cones), abs=VALUE)
    spoiled = 0.99 * cones + 0.01 / cones.shape[1]
    if not isinstance(problem.goal, Safety):
        assert problem.J(spoiled) > problem.J(cones) + 1e-7


def test_the_equilibrium_of_a_coin():
    """Entropy: nu ~ nu_0 nu^(-1/beta), hence nu ~ nu_0^(beta/(1 + beta))."""
    for beta in (0.1, 1.0, 10.0):
        solution = equilibrium(Game(coin(Diversity(KL), beta)))
        weights = np.array([0.9, 0.1]) ** (beta / (1 + beta))
        assert solution.policy[0] == pytest.approx(weights / weights.sum(), abs=1e-7)
    # RLVR: beta log(nu/(1 - nu)) = beta log 9 + 1/nu
    nu = equilibrium(Game(coin(GroundTruth((1,)), 0.5))).policy[0, 1]
    assert 0.5 * np.log(nu / (1 - nu)) == pytest.approx(-0.5 * np.log(9) + 1 / nu)
    # a budget of half its cost
    solution = equilibrium(Game(coin(Safety((0.0, 1.0), 0.05), 0.5)))
    assert solution.policy[0] == pytest.approx([0.95, 0.05])
    assert solution.dual[0, 1] - solution.dual[0, 0] == pytest.approx(0.5 * np.log(0.95 / 0.05 / 9))


def test_a_penalty_is_exact_from_the_multiplier_on():
    cost, budget, beta = (0.0, 1.0), 0.05, 0.5
    needed = beta * np.log(0.95 / 0.05 / 9)
    enough = equilibrium(Game(coin(Safety(cost, budget, 1.01 * needed), beta))).policy
    assert enough[0, 1] == pytest.approx(0.05)
    less = equilibrium(Game(coin(Safety(cost, budget, 0.9 * needed), beta))).policy
    assert less[0, 1] > 0.051


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_multipliers_do_not_see_the_unit_of_the_costs(scale):
    costs, budgets = np.array([[1.0, 0.0, 0.3], [0.2, 1.0, 0.1]]), np.array([0.3, 0.4])
    for bound in (np.inf, 0.2):
        one = alft.pose([[0.6, 0.3, 0.1]], [0, 1, 2], Safety(costs, budgets, bound))
        safe = Safety(scale * costs, scale * budgets, bound / scale)
        scaled = alft.pose([[0.6, 0.3, 0.1]], [0, 1, 2], safe)
        policy = equilibrium(Game(scaled)).policy
        assert policy == pytest.approx(equilibrium(Game(one)).policy, abs=1e-9)
        assert policy == pytest.approx(by_descent(one), abs=1e-6)


@pytest.mark.parametrize("reference", [[[1.0, 0.0]], [[1 - 1e-12, 1e-12]]])
@pytest.mark.parametrize("goal", [Diversity(KL), GroundTruth((1,)), Diversity(tsallis(0.5))])
def test_references_that_all_but_exclude_an_answer(reference, goal):
    geometry = KL if reference[0][1] else EUCLID
    check(alft.pose(reference, [0, 1], goal, geometry=geometry), by_descent, by_cones)


@pytest.mark.parametrize("beta", [0.02, 50.0])
@pytest.mark.parametrize("goal", SMOOTH)
def test_a_weak_and_a_strong_pull(goal, beta):
    check(random_problem(2, goal, "negative entropy", beta), by_descent)


def test_many_answers():
    reference = np.random.default_rng(1).dirichlet(np.ones(50), size=2)
    for goal in (Diversity(KL), Diversity(tsallis(0.5)), GroundTruth((3, 4))):
        check(alft.pose(reference, np.arange(50), goal, 0.1), by_cones)
    orbits = alft.pose(
        np.random.default_rng(2).dirichlet(np.ones(20), size=5),
        np.arange(20),
        GOALS["coherence"](None, 5, 20, None),
        weights=[0.1, 0.2, 0.3, 0.25, 0.15],
        orbits=[[0, 2, 3, 4], [1]],
    )
    check(orbits, by_cones)


# The paper's targets: what is lost by them where they are no best response.


def settled(game):
    """J at the fixed point of the paper's target, found by damped play; None where play does not settle."""
    pi = game.problem.reference
    log_q = np.zeros((len(pi), game.problem.number))
    for _ in range(300):
        with np.errstate(divide="ignore"):
            log_q = 0.7 * log_q + 0.3 * np.log(game.listed_target(pi))
        before, pi = pi, game.policy(-game.problem.beta * log_q)
    return game.problem.J(pi) if np.abs(pi - before).max() < 1e-9 else None


COIN = np.array([[0.9, 0.1], [0.6, 0.4]])
LOST = {  # goal: (goal, what its fixed point has above the optimum, at beta = 1/2)
    "standard RL": (GOALS["RL of each prompt"], 0.0),
    "RLVR": (lambda *_: GroundTruth((1, 1)), 0.1798),
    "diversity": (lambda *_: Diversity(KL), 0.0104),
    "diversity, R = -beta H": (lambda *_: Diversity(KL, 0.5), 0.0),
    "Gini": (lambda *_: Diversity(tsallis(2)), 0.0082),
}


@pytest.mark.parametrize("name", LOST)
def test_what_the_targets_of_the_paper_lose(name):
    made, lost = LOST[name]
    goal = made(np.random.default_rng(0), 2, 2, None)
    game = Game(alft.pose(COIN, [0, 1], goal, 0.5))
    best = equilibrium(game)
    gap = settled(game) - game.problem.J(best.policy)
    assert gap >= -1e-12
    assert gap == pytest.approx(lost, abs=1e-4)


def test_rlvr_with_all_mass_on_the_truth_is_the_limit_of_a_small_beta():
    gaps = []
    for beta in (0.5, 0.05, 0.005):
        game = Game(alft.pose(COIN, [0, 1], GroundTruth((1, 1)), beta))
        gaps.append(settled(game) - game.problem.J(equilibrium(game).policy))
    assert gaps[0] > 100 * gaps[1]
    assert 1e-6 > gaps[1] >= gaps[2] >= 0


@pytest.mark.parametrize("consensus", ["geometric", "arithmetic", "mode"])
def test_no_consensus_of_the_paper_is_a_best_response(consensus):
    """pi ~ pi_0 q once loses; played on, geometric and arithmetic end where one answer has everything."""
    goal = replace(GOALS["coherence"](None, 2, 2, None), consensus=consensus)
    game = Game(alft.pose(COIN, [0, 1], goal, 0.5, orbits=[[0, 1]]))
    best = game.problem.J(equilibrium(game).policy)
    once = game.policy(game.dual(game.listed_target(game.problem.reference)))
    assert game.problem.J(once) > best + 0.04
    pi = once
    for _ in range(500):
        pi = game.policy(game.dual(game.listed_target(pi)))
    assert pi[:, 0] == pytest.approx([1.0, 1.0], abs=1e-9)
    assert game.problem.J(pi) > best + 0.1


def test_the_information_projection_of_the_paper_is_safe_and_drifts():
    """nu exp(-lambda cost) as a target: pi ~ pi_0 nu exp(-lambda cost) is within the budget, and far off."""
    game = Game(alft.pose([[0.5, 0.3, 0.2]], [0, 1, 2], Safety((0.0, 0.0, 1.0), 0.1), 0.5))
    best = equilibrium(game)
    assert best.policy[0] == pytest.approx([0.5625, 0.3375, 0.1])
    pi = game.problem.reference
    for _ in range(100):
        pi = game.policy(game.dual(game.listed_target(pi)))
    assert pi[0, 0] == pytest.approx(1.0, abs=1e-9)  # multiplied by pi_0 again and again
    assert game.problem.J(pi) - game.problem.J(best.policy) == pytest.approx(0.328, abs=1e-3)


# Where it has to stop.


def test_what_does_not_converge_says_how_far_it_came():
    with pytest.raises(NotConverged, match=r"duality gap of .*, expected -1"):
        equilibrium(Game(coin(Diversity(KL), 0.5)), within=-1.0)


def test_referees_refuse_what_they_cannot_pose():
    with pytest.raises(InvalidGame, match="Custom cannot be written with cones: use by_descent"):
        by_cones(random_problem(0, "own", "negative entropy", 1.0))
    with pytest.raises(InvalidGame, match="is not a sum of convex powers: use by_descent"):
        by_cones(random_problem(0, "entropy", "polynomial", 1.0))
