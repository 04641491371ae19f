"""The cvxpy program: known optima, its multipliers, and the dense solver beside it."""

import numpy as np
import pytest
from cases import FIGURES
from programs import dense

import polyest
from polyest.errors import InvalidProblem, NotConverged
from polyest.exact.tie_break import value
from polyest.make import pipeline
from polyest.make.pipeline import TWIN, resolve
from polyest.problem.criteria import BUDGETED
from polyest.problem.problem import Problem, pose
from polyest.problem.targets import LOG
from polyest.proof.certify import measure
from polyest.proof.dual_bound import lower_bound
from polyest.solvers import cvx

# The dense solver is tested on all of them; K = 16 takes seconds here.
KNOWN = [
    f for f in FIGURES if f.K <= 8 or f.arguments == {"criterion": "variance", "bias_ratio": 2}
]


@pytest.mark.parametrize("figure", KNOWN, ids=lambda f: f"{f.K}-{f.keywords}")
def test_certified_optimum_is_the_known_one(figure):
    table = polyest.solve(figure.K, method="cvx", **figure.arguments)
    assert table.generator["method"] == "cvx"
    assert table.optimum.width <= TWIN
    assert table.optimum.upper == pytest.approx(figure.value, rel=max(figure.within, TWIN))


BUDGETS = [
    ("gradient-variance", {"noise": 0.5}),
    ("gradient-variance", {"noise": 32}),
    ("gradient-variance", {"bias_ratio": 3}),
    ("variance", {"noise": 2}),
    ("variance", {"bias_ratio": 10}),
    ("second-moment", {"noise": 1}),
    ("second-moment", {"bias_ratio": 3}),
    ("squared-error", {}),
]


# Ten times the least bias at K = 1 is met by a constant table.
CASES = [(K, *case) for K in (1, 5) for case in BUDGETS if (K, *case[1].values()) != (1, 10)]


@pytest.mark.parametrize(("K", "criterion", "budget"), CASES)
def test_brackets_overlap_those_of_the_dense_solver(K, criterion, budget):
    known = polyest.solve(K, criterion=criterion, **budget)
    solution = polyest.solve(K, criterion=criterion, method="cvx", **budget)
    assert solution.optimum.width <= TWIN
    assert solution.optimum.lower <= known.optimum.upper
    assert known.optimum.lower <= solution.optimum.upper


@pytest.mark.parametrize(
    ("name", "criterion", "budget"),
    [
        ("tsallis:0.7", *BUDGETS[0]),
        ("power:0.5", *BUDGETS[3]),
        ("power:-0.3", *BUDGETS[6]),
        ("power:0.5", *BUDGETS[7]),
    ],
)
def test_other_targets(name, criterion, budget):
    solution = polyest.solve(5, target=name, criterion=criterion, method="cvx", **budget)
    known = polyest.solve(5, target=name, criterion=criterion, **budget)
    assert solution.optimum.width <= TWIN
    assert solution.optimum.upper == pytest.approx(known.optimum.upper, rel=TWIN)


def test_a_bracket_wider_than_the_twins_is_not_shipped(monkeypatch):
    """Nor may socp ship a table whose bracket has only the twin's width."""
    monkeypatch.setattr(pipeline, "TWIN", 1e-12)
    with pytest.raises(NotConverged, match=r"cvx encloses .* relative width 1e-12 or less"):
        polyest.solve(2, noise=1, method="cvx")
    assert polyest.solve(2, noise=1).optimum.width <= pipeline.WIDEST < TWIN


def test_solution_has_signed_and_positive_multipliers_and_its_selection():
    problem = resolve(pose(8, noise=8))
    solution = cvx.solve(problem)
    dual = solution.witness
    assert solution.coefficients.shape == (9,)
    assert list(dual.bias_points) == sorted(dual.bias_points)
    assert min(dual.bias_weights) < 0 < max(dual.bias_weights)
    assert min(dual.noise_weights) >= 0
    assert dual.selection == float(value(LOG, solution.coefficients))
    # The bound is on sup|e| where the noise is budgeted.
    reached = measure(LOG, solution.coefficients)
    bound = float(lower_bound(problem, dual))
    assert bound <= reached.bias.upper <= bound * (1 + TWIN)
    assert reached.gradient_variance <= problem.limit * (1 + cvx.ENOUGH)


def test_grid_alone_overstates_what_can_be_had():
    """On 4(K+2) places the least noise is 0.371 where 0.478 is the truth, and the bias over budget."""
    problem = resolve(pose(16, bias_ratio=2))
    grid = dense(4 * (16 + 2))
    rough = cvx._program(problem, cvx._Points(grid, grid), 0.0)
    assert rough.root**2 == pytest.approx(0.371, abs=5e-4)
    assert measure(LOG, rough.c).bias.upper > problem.limit * 1.03


@pytest.mark.parametrize(
    ("K", "budget"),
    [
        (5, {"criterion": "second-moment", "noise": 2}),
        (12, {"criterion": "gradient-variance", "noise": 8}),
        (12, {"criterion": "variance", "bias_ratio": 3}),
    ],
)
def test_tie_break_picks_the_table_of_the_dense_solver(K, budget):
    # Entries are undetermined by tenths within 1e-6 of the optimum.
    entries = polyest.solve(K, method="cvx", **budget).coefficients
    known = polyest.solve(K, **budget).coefficients
    assert np.max(np.abs(entries - known)) < 5e-3


def test_refuses_what_it_is_not_for(monkeypatch):
    with pytest.raises(InvalidProblem, match=r"K is 25: .* use method socp"):
        cvx.solve(pose(25, bias=0.1))
    with pytest.raises(InvalidProblem, match="not minimax: use method remez"):
        cvx.solve(pose(4, criterion="minimax"))
    monkeypatch.setattr(cvx, "cp", None)
    with pytest.raises(InvalidProblem, match=r"install polyest\[cvx\], or use method socp"):
        cvx.solve(pose(4, bias=0.1))


def test_says_what_was_reached(monkeypatch):
    problem = resolve(pose(8, noise=2))
    monkeypatch.setattr(cvx, "MOST_ROUNDS", 1)
    with pytest.raises(NotConverged, match=r"after 1 rounds .* exceeded by \d\.\de-0\d, wanted"):
        cvx.solve(problem)


def test_says_where_clarabel_stalls():
    # Half of the least bias is infeasible between the points of any grid.
    impossible = Problem(8, LOG, "variance", pose(8, bias=0.002).budget, 0.002)
    with pytest.raises(NotConverged, match=r"Clarabel ends with 'infeasible'"):
        cvx.solve(impossible)


@pytest.mark.parametrize("criterion", BUDGETED)
def test_what_it_finds_for_few_draws_is_written_and_read_back(criterion):
    for K in (1, 2, 3, 5):
        table = polyest.solve(K, criterion=criterion, method="cvx")
        assert polyest.loads(polyest.dumps(table)) == table
