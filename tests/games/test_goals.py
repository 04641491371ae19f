"""Goals: gradient and conjugate belong to the value, and the targets of the paper are what it lists."""

import numpy as np
import pytest
from enumerable import EUCLID, GINI, GOALS, KL, SMOOTH, coin, distributions, seeds
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest.errors import Infeasible, InvalidGame, NotConverged
from polyest.games import alft
from polyest.games.coherence import Coherence
from polyest.games.goals import Custom, Diversity, GroundTruth, Prompts, StandardRL
from polyest.games.safety import Safety

X, Z = 3, 4
WEIGHTS = (0.5, 0.2, 0.3)
PROMPTS = Prompts(WEIGHTS, ((0, 2), (1,)))
every = pytest.mark.parametrize("name", GOALS)
smooth = pytest.mark.parametrize("name", SMOOTH)


def goal(name, seed=0):
    made = GOALS[name](np.random.default_rng(seed), X, Z, WEIGHTS)
    made.check(X, Z)
    return made


def paired(a, b):
    return PROMPTS.mean((a * b).sum(-1))


@smooth
@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_the_gradient_is_the_derivative_in_the_weighted_pairing(name, seed):
    R, (nu, other) = goal(name, seed), distributions(seed, 2 * X, Z).reshape(2, X, Z)
    nu, other = 0.8 * nu + 0.05, 0.8 * other + 0.05
    h = 1e-6
    slope = (R.value(nu + h * (other - nu), PROMPTS) - R.value(nu - h * (other - nu), PROMPTS)) / (
        2 * h
    )
    assert paired(R.gradient(nu, PROMPTS), other - nu) == pytest.approx(slope, rel=1e-5, abs=1e-7)


@every
@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_the_value_is_convex_and_the_gradient_supports_it(name, seed):
    R, (nu, other) = goal(name, seed), distributions(seed, 2 * X, Z).reshape(2, X, Z)
    if name in ("safety", "two budgets"):  # the indicator: at 0 within the budgets
        nu, other = 0.05 * nu + 0.95 * np.eye(Z)[0], 0.05 * other + 0.95 * np.eye(Z)[0]
    tangent = R.value(nu, PROMPTS) + paired(R.gradient(nu, PROMPTS), other - nu)
    assert R.value(other, PROMPTS) >= tangent - 1e-12
    middle = R.value((nu + other) / 2, PROMPTS)
    assert middle <= (R.value(nu, PROMPTS) + R.value(other, PROMPTS)) / 2 + 1e-12


@every
@given(seed=seeds, spread=st.sampled_from([0.1, 1.0, 5.0]))
@settings(max_examples=10, deadline=None)
def test_the_conjugate_is_a_maximum(name, seed, spread):
    """Attained at the distributions it gives, and not exceeded at any other."""
    R = goal(name, seed)
    u = spread * np.random.default_rng(seed).normal(size=(X, Z))
    value, best = R.conjugate(u, PROMPTS)
    assert best.sum(1) == pytest.approx(np.ones(X))
    assert (best >= 0).all()
    assert paired(best, u) - R.value(best, PROMPTS) == pytest.approx(value, abs=1e-8)
    for nu in distributions(seed, 30 * X, Z).reshape(30, X, Z):
        assert paired(nu, u) - R.value(nu, PROMPTS) <= value + 1e-9
        near = 0.99 * best + 0.01 * nu
        assert paired(near, u) - R.value(near, PROMPTS) <= value + 1e-9


@smooth
@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_fenchel_equality_at_the_gradient(name, seed):
    """R(nu) + R*(grad R(nu)) = <nu, grad R(nu)>, and a constant added to u is added to R*."""
    R, nu = goal(name, seed), distributions(seed, X, Z)
    u = R.gradient(nu, PROMPTS)
    value, _ = R.conjugate(u, PROMPTS)
    assert R.value(nu, PROMPTS) + value == pytest.approx(paired(nu, u), abs=2e-9)
    shifted, _ = R.conjugate(u + np.array([[1.0], [2.0], [-4.0]]), PROMPTS)
    assert shifted == pytest.approx(value + PROMPTS.mean([1.0, 2.0, -4.0]), abs=2e-9)


def test_named_conjugates():
    one = Prompts((1.0,), ((0,),))
    assert Diversity(KL).conjugate(np.zeros((1, 4)), one)[0] == pytest.approx(np.log(4))
    assert StandardRL((1.0, 2.0)).conjugate(np.zeros((1, 2)), one)[0] == 2
    # -log nu_0: from u = (0, 3) a third is put on the right answer
    value, nu = GroundTruth((0,)).conjugate(np.array([[0.0, 3.0]]), one)
    assert nu == pytest.approx(np.array([[1 / 3, 2 / 3]]))
    assert value == pytest.approx(2 + np.log(1 / 3))
    value, nu = GroundTruth((0,)).conjugate(np.array([[0.0, 0.5]]), one)
    assert (value, nu.tolist()) == (0.0, [[1.0, 0.0]])
    # coherence of an orbit of one: R = 0
    assert Coherence().conjugate(np.array([[1.0, 3.0]]), one)[0] == pytest.approx(3.0, abs=1e-9)


def test_coherence_is_0_where_an_orbit_agrees_and_only_there():
    nu = np.array([[0.7, 0.2, 0.05, 0.05], [0.1, 0.2, 0.3, 0.4], [0.7, 0.2, 0.05, 0.05]])
    assert Coherence().value(nu, PROMPTS) == pytest.approx(0, abs=1e-15)
    assert Coherence().gradient(nu, PROMPTS) == pytest.approx(np.zeros((X, Z)), abs=1e-15)
    assert Coherence().value(nu[::-1].copy(), Prompts(WEIGHTS, ((0, 1, 2),))) > 0.1
    certain = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    assert Coherence().value(certain, Prompts((0.25, 0.5, 0.25), ((0, 1, 2),))) == pytest.approx(
        np.log(2)
    )


def test_the_targets_that_the_paper_lists():
    nu = np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8], [0.2, 0.3, 0.5]])
    even = Prompts((1 / 3,) * 3, ((0, 1), (2,)))
    listed = StandardRL((1.0, 0.0, 0.0)).listed(nu, even, 0.5)
    assert listed == pytest.approx(np.tile(np.exp([2.0, 0, 0]) / (np.exp(2) + 2), (3, 1)))
    assert GroundTruth((0, 1, 2)).listed(nu, even, 0.5).tolist() == np.eye(3).tolist()
    assert Diversity(KL).listed(nu, even, 0.5)[0] == pytest.approx([0.2, 0.4, 0.4])
    projected = Safety((0.0, 0.0, 1.0), 0.2).listed(nu, even, 0.5)
    assert projected[:, 2] == pytest.approx([0.2, 0.2, 0.2])
    assert projected[0, 0] / projected[0, 1] == pytest.approx(2)  # nu exp(-lambda cost)
    kept = Safety((0.0, 0.0, 1.0), 0.9).listed(nu, even, 0.5)
    assert kept == pytest.approx(nu)  # within the budget: lambda = 0
    for consensus, expected in {
        "arithmetic": [0.3, 0.175, 0.525],
        "mode": [0, 0, 1],
        "geometric": np.sqrt([0.05, 0.025, 0.2]) / np.sqrt([0.05, 0.025, 0.2]).sum(),
    }.items():
        listed = Coherence(consensus).listed(nu, even, 0.5)
        assert listed[0] == pytest.approx(np.array(expected))
        assert listed[1].tolist() == listed[0].tolist()
    own = Custom(lambda nu: float((nu**2).sum()), lambda nu: 2 * nu)
    assert own.listed(nu, even, 0.5) == pytest.approx(
        np.exp(-4 * nu) / np.exp(-4 * nu).sum(1)[:, None]
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            StandardRL((1.0, 2.0, 3.0)),
            r"rewards of shape \(3,\): expected finite numbers of shape \(2,\)",
        ),
        (StandardRL((1.0, np.nan)), "expected finite numbers"),
        (GroundTruth((2,)), r"right answers \(2,\): expected 1 integers in 0..1"),
        (GroundTruth((0, 1)), "expected 1 integers"),
        (GroundTruth((0.5,)), "expected 1 integers"),
        (Diversity(GINI, -1.0), "scale is -1.0: expected a positive number"),
        (
            Coherence("median"),
            "consensus 'median' is unknown: use one of geometric, arithmetic, mode",
        ),
        (Safety((1.0, 2.0, 3.0), 1.0), r"costs of shape \(1, 3\), budgets of shape \(1,\)"),
        (Safety((1.0, 2.0), (1.0, 1.0)), r"budgets of shape \(2,\)"),
        (Safety((0.0, 1.0), 0.5, 0.0), "bound is 0.0: expected a positive number"),
    ],
)
def test_a_goal_that_does_not_fit_is_refused(asked, said):
    with pytest.raises(InvalidGame, match=said):
        coin(asked, 1.0)


def test_an_infeasible_safe_set_is_refused_with_the_least_cost():
    with pytest.raises(
        Infeasible, match=r"exceeds one of them by 0.1 .* least cost of each is \[0.5\]"
    ):
        coin(Safety((0.5, 1.0), 0.4), 1.0)
    with pytest.raises(Infeasible, match="by 0 or more, or spends it to the end"):
        coin(Safety((0.5, 1.0), 0.5), 1.0)
    # Each budget can be kept, both cannot.
    with pytest.raises(Infeasible, match=r"exceeds one of them by 0.1"):
        coin(Safety(((0.0, 1.0), (1.0, 0.0)), (0.4, 0.4)), 1.0)
    # The second prompt has no completion with the safe answer.
    with pytest.raises(Infeasible, match="over the answers of prompt 1 "):
        alft.pose([[0.5, 0.5]] * 2, [[0, 1], [1, 1]], Safety((0.0, 1.0), 0.5))
    coin(Safety((0.5, 1.0), 0.4, bound=3.0), 1.0)  # a penalty has no such need


def test_a_gradient_of_another_goal_is_found_out():
    wrong = Custom(lambda nu: float((nu**2).sum()), lambda nu: nu**3)
    one = Prompts((1.0,), ((0,),))
    with pytest.raises(NotConverged, match="check that its gradient is that of its value"):
        wrong.conjugate(np.array([[0.3, 0.0, 0.1]]), one)


def test_a_policy_beyond_its_budget_has_no_best_response():
    problem = coin(Safety((0.0, 1.0), 0.05), 1.0)
    nu = problem.distributions(problem.reference)
    assert problem.goal.value(nu, problem.prompts) == np.inf
    with pytest.raises(
        Infeasible, match=r"expected cost 0\.1 of prompt 0 is beyond its budget 0\.05"
    ):
        problem.goal.gradient(nu, problem.prompts)


def test_euclidean_diversity_is_gini_up_to_a_constant():
    nu = distributions(1, X, Z)
    gini, euclid = Diversity(GINI).value(nu, PROMPTS), Diversity(EUCLID, 2.0).value(nu, PROMPTS)
    assert gini == pytest.approx(euclid - 1)


@pytest.mark.parametrize("spread", [1e-3, 1.0, 30.0])
def test_the_conjugate_of_coherence_with_large_orbits(spread):
    """5 members, 50 answers: attained, and not exceeded near its maximum."""
    rng = np.random.default_rng(5)
    whole = Prompts((0.1, 0.2, 0.3, 0.25, 0.15), ((0, 1, 2, 3, 4),))
    for _ in range(10):
        u = spread * rng.normal(size=(5, 50))
        value, best = Coherence().conjugate(u, whole)
        reached = whole.mean((best * u).sum(1)) - Coherence().value(best, whole)
        assert reached == pytest.approx(value, abs=1e-9)
        for nu in rng.dirichlet(np.ones(50), size=(20, 5)):
            near = 0.999 * best + 0.001 * nu
            assert whole.mean((near * u).sum(1)) - Coherence().value(near, whole) <= value + 1e-10
