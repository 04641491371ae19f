"""Variance-optimal tables: known optima inside proved brackets, budgets met, and where it ends."""

import numpy as np
import pytest
from cases import FIGURES

import polyest
from polyest import making
from polyest.bernstein import pmf
from polyest.errors import InvalidProblem, NotConverged, Unattainable
from polyest.problem import BUDGETED, Alternation, Dual, pose
from polyest.solvers import interior, socp


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
    resolved = making.resolve(pose(figure.K, **figure.arguments))
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


@pytest.mark.parametrize(("K", "ratio"), [(3, 1.1), (16, 1.1), (24, 1.5), (33, 3)])
@pytest.mark.parametrize("criterion", BUDGETED)
def test_near_the_least_bias(K, ratio, criterion):
    table = polyest.solve(K, criterion=criterion, bias_ratio=ratio)
    least = polyest.solve(K, criterion="minimax").optimum
    assert table.bias.upper <= ratio * least.upper
    assert table.optimum.width <= 1e-6


def test_multipliers_that_vanish_meet_a_floor():
    """The hardest bracket found in the range: 2e-5 wide with a floor of 1e-8, too wide to ship."""
    assert polyest.solve(40, criterion="variance", bias_ratio=8).optimum.width <= 5e-6


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


def test_nothing_between_the_points_exceeds_the_bound_and_a_fixed_grid_would():
    """A grid of 4(K+2) points gives 0.371 where 0.478 is the truth, and a bias over budget."""
    table = polyest.solve(16, bias_ratio=2)
    p = np.sin(np.linspace(0, np.pi / 2, 20001)) ** 2
    error = p * (pmf(16, p) @ table.coefficients) - table.problem.target.weighted(p)
    assert np.abs(error).max() <= table.bias.upper
    view = socp._View(making.resolve(pose(16, bias_ratio=2)))
    coarse = np.sin(np.linspace(0, np.pi / 2, 4 * (16 + 2))) ** 2
    points = socp.Points(coarse, coarse, pmf(16, coarse), pmf(16, coarse))
    found = interior.minimise(view.program(points, 0.0), view.start)
    assert found.tau * view.noise_unit == pytest.approx(0.371, abs=5e-4)
    error = p * (pmf(16, p) @ found.c) - table.problem.target.weighted(p)
    assert np.abs(error).max() > 1.03 * table.bias.upper


def test_solving_again_gives_the_same_bytes():
    assert polyest.dumps(polyest.solve(12)) == polyest.dumps(polyest.solve(12))


def test_multipliers_balance_and_slacks_are_complementary():
    problem = making.resolve(pose(8, noise=4))
    view = socp._View(problem)
    points = view.first_points()
    found = interior.minimise(view.program(points, 0.0), view.start)
    program = view.program(points, 0.0)
    x = np.append(found.c, found.tau)
    assert found.gap < 1e-10
    assert (found.lines * program.lines(x)).max() < 1e-10
    assert (found.noise * program.room(x)).max() < 1e-10
    pull = program.A.T @ (found.lines[0] - found.lines[1])
    pull += program.gradients(found.c).T @ found.noise
    np.testing.assert_allclose(pull, 0, atol=1e-9)
    assert found.lines.sum() == pytest.approx(1)


def test_an_infeasible_program_is_an_error_that_says_what_was_reached():
    problem = making.resolve(pose(8, bias_ratio=2))
    view = socp._View(problem)
    program = view.program(view.first_points(), 0.0)
    tight = interior.Program(**{**vars(program), "reach": 0.3})  # 0.6 of the least attainable
    with pytest.raises(NotConverged, match="relative gap of"):
        interior.minimise(tight, view.start)


def test_refusals_say_value_expectation_and_repair():
    with pytest.raises(InvalidProblem, match="K is 65: socp"):
        polyest.solve(65)
    with pytest.raises(Unattainable, match=r"bias 0.001 is below .* 0.00400158"):
        polyest.solve(8, bias=0.001)
    with pytest.raises(Unattainable, match="ratio of at least"):
        polyest.solve(8, bias_ratio=0.99)
    with pytest.raises(InvalidProblem, match="is met by a constant table"):
        polyest.solve(8, bias=0.3)
    with pytest.raises(InvalidProblem, match="is met by the table of zeros"):
        polyest.solve(8, bias=0.37, criterion="second-moment")
    with pytest.raises(InvalidProblem, match="a ratio to 0"):
        polyest.solve(8, target="polynomial:0,1", bias_ratio=2)
    with pytest.raises(InvalidProblem, match="which is 0 for target polynomial:1"):
        polyest.solve(8, target="polynomial:1", noise=2)
    for name in ("tsallis:0.5", "tsallis:0.3", "power:-0.5"):
        with pytest.raises(InvalidProblem, match="no table makes the squared error there any less"):
            polyest.solve(8, target=name, criterion="squared-error")
    with pytest.raises(NotConverged, match="remez reached an optimum between"):
        polyest.solve(64, noise=1e34)  # the minimax table meets it, but float64 does not hold that
    with pytest.raises(InvalidProblem, match="method remez does not solve"):
        polyest.solve(8, method="remez")
