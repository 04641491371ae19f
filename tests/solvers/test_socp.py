"""Variance-optimal tables: known optima inside proved brackets, budgets met, and where it ends."""

import numpy as np
import pytest
from cases import FIGURES
from programs import dense

import polyest
from polyest.errors import InvalidProblem, NotConverged, Unattainable
from polyest.make import pipeline
from polyest.problem.bernstein import pmf
from polyest.problem.criteria import BUDGETED
from polyest.problem.problem import Alternation, Dual, pose


def reached(table):
    return (
        table.bias.upper
        if table.problem.minimises_bias
        else table.certificate.criterion(table.criterion)
    )


@pytest.mark.parametrize("figure", FIGURES, ids=lambda f: f"{f.K}-{dict(f.keywords)}")
def test_certified_optimum_is_the_known_one(figure):
    table = polyest.solve(figure.K, **figure.arguments)
    assert table.optimum.lower <= figure.value * (1 + figure.within)
    assert table.optimum.upper >= figure.value * (1 - figure.within)
    assert table.optimum.width <= 1e-6
    assert reached(table) == table.optimum.upper
    spent = (
        table.certificate.criterion(table.criterion)
        if "noise" in figure.arguments
        else table.bias.upper
    )
    resolved = pipeline.resolve(pose(figure.K, **figure.arguments))
    assert spent <= resolved.limit
    assert spent >= resolved.limit * (1 - 1e-6)


@pytest.mark.parametrize("criterion", BUDGETED)
@pytest.mark.parametrize("K", [1, 2, 5, 11, 24])
@pytest.mark.parametrize("noise", [0.5, 32])
def test_ends_of_the_noise_range(K, criterion, noise):
    table = polyest.solve(K, criterion=criterion, noise=noise)
    assert table.optimum.width <= 1e-6
    assert isinstance(table.witness, Alternation) == (
        table.bias.upper <= polyest.solve(K, criterion="minimax").bias.upper * (1 + 1e-12)
    )


@pytest.mark.parametrize("K", [46, 62, 65, 102])
def test_where_one_run_ends_short_of_the_gap_another_does_not(K):
    """At a noise budget of 1 the first steps are too long."""
    assert polyest.solve(K, noise=1).optimum.width <= 2e-7


@pytest.mark.parametrize(("K", "ratio"), [(3, 1.1), (16, 1.01), (24, 1.01), (40, 1.5)])
@pytest.mark.parametrize("criterion", BUDGETED)
def test_near_the_least_bias(K, ratio, criterion):
    table = polyest.solve(K, criterion=criterion, bias_ratio=ratio)
    least = polyest.solve(K, criterion="minimax").optimum
    assert table.bias.upper <= ratio * least.upper
    assert table.optimum.width <= 1e-6


@pytest.mark.parametrize(
    ("K", "keywords"),
    [
        (6, {"bias_ratio": 1.05}),  # a dip of |e| at p = 1 between two tops
        (3, {"criterion": "variance", "noise": 0.5}),  # two flat tops
        (40, {"criterion": "variance", "bias_ratio": 8}),  # multipliers that vanish
        (48, {"criterion": "second-moment", "noise": 0.5}),
        (64, {"criterion": "variance", "noise": 1e6}),
    ],
)
def test_problems_that_were_hard(K, keywords):
    assert polyest.solve(K, **keywords).optimum.width <= 1e-6


@pytest.mark.parametrize("criterion", ["variance", "second-moment"])
def test_twice_the_least_bias_of_64_draws(criterion):
    """Conic solvers call it infeasible or exceed its budget 12 times; its optimum is above 2.76e9."""
    table = polyest.solve(64, criterion=criterion, bias_ratio=2)
    assert table.optimum.lower > 2.76e9
    assert table.optimum.width <= 1e-6
    assert table.bias.upper <= 2 * polyest.solve(64, criterion="minimax").optimum.upper


@pytest.mark.parametrize("keywords", [{"criterion": "variance", "noise": 2}, {"bias_ratio": 60}])
def test_more_draws_than_the_basis_is_for(keywords):
    assert polyest.solve(150, **keywords).optimum.width <= 1e-6


@pytest.mark.parametrize("K", [1, 4, 16, 40])
def test_least_squared_error_is_below_that_of_every_other_table(K):
    table = polyest.solve(K, criterion="squared-error")
    assert table.optimum.width <= 1e-6
    for other in (polyest.closed_forms.log_count(K), polyest.closed_forms.schuermann(K)):
        assert table.squared_error < other.squared_error


@pytest.mark.parametrize("name", ["tsallis:0.5", "power:0.5", "polynomial:0,1,-1"])
def test_other_targets_have_proved_optima_too(name):
    table = polyest.solve(9, target=name, noise=0.7)
    assert table.optimum.width <= 1e-6


def test_the_two_directions_are_one_frontier():
    there = polyest.solve(10, criterion="variance", noise=2)
    back = polyest.solve(10, criterion="variance", bias=there.bias.upper)
    assert back.variance == pytest.approx(there.variance, rel=3e-6)


def test_a_slack_noise_budget_gives_the_minimax_table():
    plain, table = polyest.solve(2, criterion="minimax"), polyest.solve(2)
    assert table.coefficients.tolist() == plain.coefficients.tolist()
    assert isinstance(table.witness, Alternation)
    assert isinstance(polyest.solve(3, noise=1).witness, Dual)


@pytest.mark.parametrize("K", [16, 40])
def test_no_place_exceeds_the_proved_bounds(K):
    table = polyest.solve(K, bias_ratio=2)
    p = np.sin(dense(20_001)) ** 2
    rows = pmf(K, p)
    mean = rows @ table.coefficients
    error = np.abs(p * mean - table.problem.target.weighted(p))
    noise = p * np.einsum("mk,mk->m", rows, (table.coefficients - mean[:, None]) ** 2)
    for values, bound in ((error, table.bias.upper), (noise, table.gradient_variance)):
        assert values.max() <= bound * (1 + 1e-12)
        assert values.max() >= bound * (1 - 1e-6)


def test_solving_again_gives_the_same_bytes():
    assert polyest.dumps(polyest.solve(12)) == polyest.dumps(polyest.solve(12))


def test_refusals_say_value_expectation_and_repair():
    with pytest.raises(
        InvalidProblem, match="K is 1025: socp solves up to K = 1024; use a smaller K"
    ):
        polyest.solve(1025)
    with pytest.raises(
        NotConverged, match=r"K = 64, .* float64, the table.s bias is .* entries are very"
    ):
        polyest.solve(64, bias_ratio=1.01)
    with pytest.raises(
        NotConverged, match=r"K = 2, .* no table with bias below .* allow more bias"
    ):
        polyest.solve(2, bias_ratio=1)
    with pytest.raises(Unattainable, match=r"bias 0.001 is below 0.00400158"):
        polyest.solve(8, bias=0.001)
    with pytest.raises(Unattainable, match="ratio of at least"):
        polyest.solve(8, bias_ratio=0.99)
    with pytest.raises(InvalidProblem, match="a constant table has a bias of"):
        polyest.solve(8, bias=0.3)
    with pytest.raises(InvalidProblem, match="the table of zeros has a bias of"):
        polyest.solve(8, bias=0.37, criterion="second-moment")
    with pytest.raises(InvalidProblem, match="a multiple of the least bias, which is 0"):
        polyest.solve(8, target="polynomial:0,1", bias_ratio=2)
    with pytest.raises(InvalidProblem, match="which is 0 for target polynomial:1"):
        polyest.solve(8, target="polynomial:1", noise=2)
    for name in ("tsallis:0.5", "tsallis:0.3", "power:-0.5"):
        with pytest.raises(InvalidProblem, match="no table can reduce the squared error"):
            polyest.solve(8, target=name, criterion="squared-error")
    with pytest.raises(NotConverged, match="remez encloses the optimum in"):
        polyest.solve(64, noise=1e34)  # the minimax table meets it, but float64 does not hold that
    with pytest.raises(InvalidProblem, match="method remez does not solve"):
        polyest.solve(8, method="remez")
