"""The interior-point method: optimality of its last iterate, feasible starts, early ends, and the twin."""

from functools import cache, partial

import numpy as np
import pytest
from copies import replace
from programs import dense, resolved, solved

from polyest.errors import NotConverged
from polyest.exact.tie_break import SLACK, quadratic, weight
from polyest.make.pipeline import TWIN
from polyest.problem.bernstein import pmf
from polyest.problem.problem import Budget, Problem
from polyest.problem.targets import LOG
from polyest.proof.certify import measure
from polyest.solvers import cvx, socp
from polyest.solvers.socp import interior
from polyest.solvers.socp.constraints import TieBreak, program
from polyest.solvers.socp.curves import Curves
from polyest.solvers.socp.interior import minimise

PROBLEMS = {
    "quiet": (12, "gradient-variance", {"noise": 0.5}),
    "loud": (20, "variance", {"noise": 100}),
    "near": (16, "second-moment", {"bias_ratio": 1.1}),
    "far": (9, "variance", {"bias_ratio": 5}),
    "both": (10, "squared-error", {}),
}


@cache
def solved_of(name):
    K, criterion, budget = PROBLEMS[name]
    return solved(resolved(K, criterion, **budget))


def heights(run):
    """Every constraint's height at the iterate, from the curves: e, -e, peaks of |e|, then q."""
    iterate, posed = run.state.iterate, run.program
    c = posed.curves.table(iterate.b)
    e = posed.lines.values(iterate.b)
    return np.concatenate(
        [
            e,
            -e,
            iterate.peaks.lines.values(iterate.b),
            posed.quadratics.values(iterate.b, c),
            iterate.peaks.quadratics.values(iterate.b, c),
        ]
    )


def gradients(run):
    """Gradients in c of the heights, one row each, by their definitions."""
    iterate, posed = run.state.iterate, run.program
    curves = posed.curves
    K, c, n = curves.K, curves.table(iterate.b), iterate.peaks.sign.size
    p = np.sin(posed.theta[0]) ** 2
    tops = np.sin(iterate.peaks.theta[:n]) ** 2
    lines = p[:, None] * pmf(K, p) / curves.bias_unit
    peaks = (iterate.peaks.sign * tops)[:, None] * pmf(K, tops) / curves.bias_unit
    p = np.sin(np.append(posed.theta[1], iterate.peaks.theta[n:])) ** 2
    rows = pmf(K, p)
    middle = rows @ c if curves.criterion.centred else np.zeros(p.size)
    if curves.criterion.fitted:
        middle = LOG.phi(p)
    w = (p if curves.criterion.by_p else 1.0) / curves.noise_unit
    noise = (2 * w * np.ones(p.size))[:, None] * rows * (c - middle[:, None])
    return np.vstack([lines, -lines, peaks, noise])


@pytest.mark.parametrize("name", PROBLEMS)
def test_slacks_and_multipliers_are_positive_and_complementary(name):
    iterate, z = solved_of(name).state.iterate, solved_of(name).state.z
    assert iterate.slack == pytest.approx(
        np.where(iterate.free, iterate.tau, 1.0) - heights(solved_of(name)), abs=1e-13 * iterate.tau
    )
    assert iterate.slack.min() > 0
    assert z.min() > 0
    assert solved_of(name).state.merit < 1e-6
    assert iterate.slack @ z <= solved_of(name).state.merit * iterate.tau * (1 + 1e-12)
    assert (iterate.slack * z).max() < 1e-7 * iterate.tau


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_lagrangian_is_flat(name):
    """sum z grad + rho grad T = 0 in c, where single terms are not small; in tau, sum z = 1."""
    state, curves = solved_of(name).state, solved_of(name).program.curves
    rows = gradients(solved_of(name))
    W, t = quadratic(LOG, curves.K)
    tie = 2 * state.rho * (W * curves.table(state.iterate.b) - t)
    pull = curves.written(state.z @ rows + tie)
    size = np.abs(curves.written(state.z[:, None] * rows)).sum(axis=0)
    assert np.abs(pull / size).max() < 2e-4
    assert state.z[state.iterate.free].sum() == pytest.approx(1, abs=1e-5)
    other = state.z * (1 + 0.1 * (state.z == state.z.max()))
    assert np.abs(curves.written(other @ rows + tie) / size).max() > 5e-3


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_iterate_is_feasible_at_every_place(name):
    iterate, posed = solved_of(name).state.iterate, solved_of(name).program
    theta, c = dense(20_001), posed.curves.table(iterate.b)
    e = np.abs(posed.curves.lines(theta).values(iterate.b)).max()
    q = posed.curves.quadratics(theta).values(iterate.b, c).max()
    if solved_of(name).problem.criterion == "squared-error":
        e = 0.0  # it bounds none
    bounds = (iterate.tau, 1.0) if posed.frees_bias else (1.0, iterate.tau)
    assert e <= bounds[0] * (1 + 4e-9)
    assert q <= bounds[1] * (1 + 4e-9)
    assert max(e / bounds[0], q / bounds[1]) > 1 - 1e-7


@pytest.mark.parametrize("name", PROBLEMS)
def test_tau_is_what_the_table_reaches(name):
    curves, tau = solved_of(name).program.curves, solved_of(name).state.iterate.tau
    unit = curves.bias_unit if solved_of(name).program.frees_bias else curves.noise_unit
    assert solved_of(name).reached == pytest.approx(tau * unit, rel=1e-7)


@pytest.mark.parametrize("name", ["quiet", "near"])
def test_the_same_bytes_twice(name):
    K, criterion, budget = PROBLEMS[name]
    again = socp.solve(resolved(K, criterion, **budget))
    assert again.coefficients.tobytes() == solved_of(name).solution.coefficients.tobytes()
    assert again.witness == solved_of(name).solution.witness


# The twin


@pytest.mark.parametrize(
    ("K", "criterion", "budget"),
    [
        (4, "gradient-variance", {"noise": 1}),
        (8, "variance", {"bias_ratio": 3}),
        (6, "second-moment", {"noise": 2}),
        (5, "squared-error", {}),
    ],
)
def test_the_twin_finds_the_same_optimum(K, criterion, budget):
    """And the multipliers of neither bound more than the table of the other reaches."""
    problem = resolved(K, criterion, **budget)
    mine = solved(problem)
    twin = measure(LOG, cvx.solve(problem).coefficients)
    reached = twin.bias.upper if problem.minimises_bias else twin.criterion(criterion)
    assert mine.reached == pytest.approx(reached, rel=TWIN)


# Starts and ends


def tie(K):
    """The tie-break for the target log at this K."""
    W, t = quadratic(LOG, K)
    return TieBreak(W, t, partial(weight, W, t), SLACK)


def posed(K, bias_unit=1.0):
    """Program of the least bias at a variance of 1, and a start of about half of that."""
    problem = Problem(K, LOG, "variance", Budget("noise", 1.0), 1.0)
    curves = Curves(problem, bias_unit, 1.0)
    c = np.log((np.arange(K + 1) + 1) / (K + 1))
    at = float(curves.look[1].values(curves.written(c), c).max())
    return program(curves, True), curves.written(c.mean() + (c - c.mean()) * (0.5 / at) ** 0.5)


def test_an_infeasible_start_is_refused():
    given, start = posed(6)
    assert minimise(given, start, tie(6)).merit < 1e-6
    with pytest.raises(NotConverged, match="was given an infeasible start"):
        minimise(given, 2 * start, tie(6))


def test_a_run_cut_short_says_what_gap_was_reached(monkeypatch):
    given, start = posed(6)
    monkeypatch.setattr(interior, "STEPS", 12)
    with pytest.raises(NotConverged, match=r"relative gap of (none|\d\.\de-\d\d), wanted 1e-06"):
        minimise(given, start, tie(6))


def test_a_bias_below_the_least_is_refused_with_what_was_tried():
    """0.00400158 is the least bias at K = 8; a hair more is attained."""
    problem = Problem(8, LOG, "variance", Budget("bias", 0.003), 0.003)
    with pytest.raises(NotConverged, match=r"K = 8, variance: no table with bias below 0.003 was"):
        socp.solve(problem)
    attained = replace(problem, limit=0.00402)
    assert measure(LOG, socp.solve(attained).coefficients).bias.upper < 0.00402 * (1 + 1e-8)


def test_below_stops_at_the_first_state_that_will_do():
    given, start = posed(10)
    best = minimise(given, start, tie(10)).iterate.tau
    early = minimise(given, start, tie(10), below=1.5 * best)
    assert best < early.iterate.tau < 1.5 * best
    assert early.merit > 1e-6


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_below_ends_where_the_gap_shows_that_there_is_none(share):
    """tau is counted in budgets: where it cannot come below 1, no table keeps the budget."""
    best = minimise(*posed(10), tie(10)).iterate.tau
    state = minimise(*posed(10, best / share), tie(10), below=0.99)
    assert share < state.iterate.tau < 0.99
    state = minimise(*posed(10, share * best), tie(10), below=0.99)
    assert state.merit > 1e-6
    assert 1 < state.iterate.tau * (1 - state.merit) < 1 / share < state.iterate.tau
