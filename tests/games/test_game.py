"""The game: best responses, its value, what a duality gap bounds and what a one-sided one does not."""

import numpy as np
import pytest
from enumerable import (
    EUCLID,
    FLAT,
    GEOMETRIES,
    GOALS,
    KL,
    SMOOTH,
    betas,
    coin,
    distributions,
    random_problem,
    seeds,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from polyest.errors import InvalidGame
from polyest.games import alft
from polyest.games.game import Game
from polyest.games.geometry import polynomial, tsallis
from polyest.games.goals import Diversity, StandardRL
from polyest.games.solution import equilibrium

goals = st.sampled_from(sorted(GOALS))
smooth = st.sampled_from(SMOOTH)
geometries = st.sampled_from(sorted(GEOMETRIES))


def duals(seed):
    return np.random.default_rng(seed).normal(size=(3, 3))


def policies(seed, number=20):
    return distributions(seed, number * 3, 6).reshape(number, 3, 6)


@given(seed=seeds, goal=goals, beta=betas)
@settings(max_examples=30, deadline=None)
def test_the_policy_answers_a_target_by_weighting_the_reference(seed, goal, beta):
    """pi(y) is proportional to pi_0(y) q(E(y))."""
    game = Game(random_problem(seed, goal, "negative entropy", beta))
    q = distributions(seed, 3, 3)
    weights = game.problem.reference * game.problem.at_traces(q)
    policy = game.policy(game.dual(q))
    assert policy == pytest.approx(weights / weights.sum(1, keepdims=True))


@given(seed=seeds, goal=goals, geometry=geometries, beta=betas)
@settings(max_examples=60, deadline=None)
def test_no_policy_does_better_than_the_best_response(seed, goal, geometry, beta):
    game, u = Game(random_problem(seed, goal, geometry, beta)), duals(seed)
    response = game.policy(u)
    least = game.value(response, u)
    assert least == pytest.approx(game.least(u), abs=1e-12)
    for pi in policies(seed):
        assert game.value(pi, u) >= least - 1e-12
        assert game.value(0.99 * response + 0.01 * pi, u) >= least - 1e-12


@given(seed=seeds, goal=smooth, geometry=geometries, beta=betas)
@settings(max_examples=60, deadline=None)
def test_the_greatest_value_over_targets_is_j(seed, goal, geometry, beta):
    game = Game(random_problem(seed, goal, geometry, beta))
    for i, pi in enumerate(policies(seed, 3)):
        J = game.problem.J(pi)
        assert game.value(pi, game.response(pi)) == pytest.approx(J, abs=2e-9)
        assert game.value(pi, duals(seed + i)) <= J + 2e-9


@given(seed=seeds, goal=goals, geometry=geometries, beta=betas)
@settings(max_examples=60, deadline=None)
def test_the_gap_is_never_negative_and_bounds_what_is_lost(seed, goal, geometry, beta):
    game = Game(random_problem(seed, goal, geometry, beta))
    best = game.problem.J(equilibrium(game).policy)
    for i, pi in enumerate(policies(seed, 5)):
        gap = game.gap(pi, duals(seed + i))
        assert gap >= -2e-9
        assert game.problem.J(pi) - best <= gap + 2e-9


@given(seed=seeds, goal=smooth, beta=betas)
@settings(max_examples=30, deadline=None)
def test_players_that_are_each_within_eps_lose_at_most_twice_that(seed, goal, beta):
    game = Game(random_problem(seed, goal, "negative entropy", beta))
    solution = equilibrium(game)
    for i, other in enumerate(policies(seed, 5)):
        pi, u = 0.8 * solution.policy + 0.2 * other, solution.dual + 0.2 * duals(seed + i)
        here = game.value(pi, u)
        eps = max(game.problem.J(pi) - here, here - game.least(u))
        assert game.problem.J(pi) - game.problem.J(solution.policy) <= 2 * eps + 2e-9


def test_a_one_sided_gap_bounds_nothing():
    """The paper calls (pi, q) an eps-equilibrium where G(pi, q) <= min max G + eps.

    A target that nobody would play makes G as small as one likes, for the worst of policies.
    """
    game = Game(coin(StandardRL((1.0, 0.0)), 0.01, up=0.5))
    worst, q = np.array([[0.0, 1.0]]), np.array([[1e-9, 1 - 1e-9]])
    value = game.problem.J(equilibrium(game).policy)
    assert game.value(worst, game.dual(q)) <= value  # eps = 0
    assert game.problem.J(worst) - value > 0.99
    assert game.gap(worst, game.dual(q)) > 0.99  # the duality gap sees it


def test_g_is_the_formula_of_the_paper():
    """beta KL - beta E log q - R*(-beta log q), R* of minus the entropy a log of a sum."""
    problem = alft.pose([[0.5, 0.2, 0.3]], [0, 0, 1], Diversity(KL), 0.7)
    pi, q = np.array([[0.1, 0.3, 0.6]]), np.array([[0.25, 0.75]])
    divergence = 0.1 * np.log(0.2) + 0.3 * np.log(1.5) + 0.6 * np.log(2)
    paired = 0.4 * np.log(0.25) + 0.6 * np.log(0.75)
    conjugate = np.log(0.25**-0.7 + 0.75**-0.7)
    game = Game(problem)
    # dual takes phi' = log q + 1: a constant that R* takes back
    assert game.value(pi, game.dual(q)) == pytest.approx(
        0.7 * divergence - 0.7 * paired - conjugate
    )
    assert game.value(pi, game.dual(q) + 5.0) == pytest.approx(game.value(pi, game.dual(q)))
    assert game.reward(q)[0] == pytest.approx(0.7 * (np.log([0.25, 0.25, 0.75]) + 1))


def test_the_targets_of_the_goal_table():
    """q is proportional to exp(-grad R(nu)/beta), row by row."""
    pi = np.array([[0.1, 0.3, 0.6]])

    def best(goal, beta=0.5, reference=((0.5, 0.2, 0.3),)):
        return Game(alft.pose(reference, [0, 0, 1], goal, beta)).best_target(pi)[0]

    def shares(*weights):
        return pytest.approx(np.array(weights) / sum(weights))

    assert best(StandardRL((1.0, 0.2))) == shares(np.exp(2), np.exp(0.4))
    assert best(GOALS["ground truth"](np.random.default_rng(1), 1, 2, None)) in (
        shares(np.exp(1 / 0.5 / 0.4), 1),
        shares(1, np.exp(1 / 0.5 / 0.6)),
    )
    assert best(Diversity(KL)) == shares(0.4**-2, 0.6**-2)  # nu^(-1/beta)
    assert best(Diversity(KL, 0.5)) == shares(1 / 0.4, 1 / 0.6)  # R = -beta H: the paper's 1/nu
    assert best(Diversity(tsallis(2))) == shares(np.exp(-4 * 0.4), np.exp(-4 * 0.6))
    two = alft.pose(
        [[0.5, 0.5]] * 2, [0, 1], GOALS["coherence"](None, 2, 2, None), 0.5, orbits=[[0, 1]]
    )
    q = Game(two).best_target([[0.4, 0.6], [0.8, 0.2]])
    assert q[0] == shares((0.6 / 0.4) ** 2, (0.4 / 0.6) ** 2)
    assert q[1] == shares((0.6 / 0.8) ** 2, (0.4 / 0.2) ** 2)


# The Bregman form.


@pytest.mark.parametrize("geometry", (GEOMETRIES | FLAT).values(), ids=(GEOMETRIES | FLAT).keys())
@pytest.mark.parametrize("sign", [-1, 1])
@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_a_target_is_found_again_from_its_dual_variable(geometry, sign, seed):
    game = Game(random_problem(seed, "entropy", "negative entropy", 0.4), geometry, sign)
    q = distributions(seed, 3, 3)
    assert game.target(game.dual(q)) == pytest.approx(q, abs=1e-6)
    assert game.target(game.dual(q) + 3.0) == pytest.approx(q, abs=1e-6)


@pytest.mark.parametrize(
    "geometry", [KL, EUCLID, tsallis(0.5), tsallis(3), polynomial([0, 0, 0.5, -0.2, 0.1])]
)
@given(seed=seeds, beta=betas)
@settings(max_examples=10, deadline=None)
def test_diversity_in_a_geometry_has_the_answers_themselves_for_target(geometry, seed, beta):
    """R = beta Phi(nu), s = 1: q = nu, the reward -beta phi'(nu); Euclidean: beta (1 - q) and a constant."""
    posed = random_problem(seed, "entropy", "negative entropy", beta)
    problem = alft.pose(posed.reference, posed.answers, Diversity(geometry, beta), beta)
    game = Game(problem, geometry, 1)
    pi = policies(seed, 1)[0]
    nu = problem.distributions(pi)
    assert game.best_target(pi) == pytest.approx(nu, abs=1e-6)
    expected = -beta * geometry.gradient(problem.at_traces(nu))
    assert game.reward(nu) == pytest.approx(expected)
    if geometry == EUCLID:
        assert game.reward(nu) == pytest.approx(beta * (1 - problem.at_traces(nu)) - beta)


def test_a_polynomial_target_reaches_only_so_far():
    """Not every dual variable is beta (1 - q): the game over Euclidean targets can have a smaller value."""
    fair = Game(coin(StandardRL((0.0, 0.5)), 1.0, up=0.5), EUCLID, -1)
    best = equilibrium(fair)
    assert fair.target(best.dual) == pytest.approx(np.array([[0.25, 0.75]]))
    steep = Game(coin(StandardRL((0.0, 3.0)), 1.0, up=0.5), EUCLID, -1)
    best = equilibrium(steep)
    with pytest.raises(
        InvalidGame, match=r"differ by 3 beta: .* in polynomial.* no target corresponds"
    ):
        steep.target(best.dual)
    value = steep.problem.J(best.policy)
    shares = np.linspace(0, 1, 101)
    restricted = max(steep.least(steep.dual([[1 - q, q]])) for q in shares)
    assert restricted < value - 0.2
    free = Game(steep.problem)
    assert free.least(free.dual(free.target(best.dual))) == pytest.approx(value)


# DPO, from both sides.


def preferences(problem, r):
    """Loss of DPO over all pairs of completions, the better one preferred as Bradley and Terry say."""
    wins = expit(r[:, None] - r[None, :])

    def loss(logits):
        pulled = problem.beta * (logits - np.log(problem.reference[0]))
        return -(wins * log_expit(pulled[:, None] - pulled[None, :])).sum()

    return loss


@given(seed=seeds, beta=betas)
@settings(max_examples=10, deadline=None)
def test_the_target_is_the_exponential_of_the_reward_that_dpo_recovers(seed, beta):
    """q*(E(y)) = exp(r*(y)/beta)/Z: from the reward by the game, from preferences by DPO, from any goal."""
    rng = np.random.default_rng(seed)
    reference = rng.dirichlet(np.full(5, 3.0), size=1)
    answers, r = np.array([0, 1, 2, 0, 1]), rng.normal(size=3)
    problem = alft.pose(reference, answers, StandardRL(tuple(r)), beta)
    game = Game(problem)
    solution = equilibrium(game)
    q = game.target(solution.dual)[0]
    assert q == pytest.approx(np.exp(r / beta) / np.exp(r / beta).sum())
    # DPO sees preferences only, and no reward; q is what its policy made of the reference.
    start = np.log(reference[0])
    learned = minimize(
        preferences(problem, r[answers]), start, method="BFGS", options={"gtol": 1e-9}
    ).x
    made = np.exp(learned - np.log(reference[0]))
    assert made / made.sum() == pytest.approx(q[answers] / q[answers].sum(), abs=1e-4)


@given(
    seed=seeds, goal=st.sampled_from(["entropy", "Gini", "coherence", "own", "safety"]), beta=betas
)
@settings(max_examples=20, deadline=None)
def test_every_equilibrium_is_that_of_standard_rl_with_the_reward_in_its_policy(seed, goal, beta):
    """r*(y) = beta log(pi*(y)/pi_0(y)) depends on the answer only; RL with it has the same policy."""
    game = Game(random_problem(seed, goal, "negative entropy", beta))
    solution = equilibrium(game)
    problem = game.problem
    implicit = beta * np.log(solution.policy / problem.reference)
    for x in range(3):
        of_answer = np.array([implicit[x][problem.answers[x] == z] for z in range(3)], dtype=object)
        assert all(np.ptp(values) < 1e-9 for values in of_answer)
    r = np.array([[implicit[x][problem.answers[x] == z][0] for z in range(3)] for x in range(3)])
    q = np.exp(r / beta)
    assert game.target(solution.dual) == pytest.approx(q / q.sum(1, keepdims=True))
    same = alft.pose(
        problem.reference, problem.answers, StandardRL(r), beta, weights=problem.prompts.weights
    )
    assert equilibrium(Game(same)).policy == pytest.approx(solution.policy)


# What is refused.


@pytest.mark.parametrize("target", [[[0.5, 0.4]], [[0.5, 0.3, 0.2]], [[-0.5, 1.5]], "x"])
def test_what_is_no_target_is_refused(target):
    with pytest.raises(InvalidGame, match="target"):
        Game(coin(Diversity(KL), 1.0)).dual(target)


def test_a_target_without_an_answer_has_an_infinite_gap_and_a_policy_without_it():
    game = Game(coin(Diversity(KL), 1.0))
    u = game.dual([[1.0, 0.0]])
    assert game.policy(u).tolist() == [[1.0, 0.0]]
    assert game.least(u) == -np.inf
    assert game.gap(game.problem.reference, u) == np.inf
