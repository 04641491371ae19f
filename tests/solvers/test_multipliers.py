"""From a last iterate to a bound: sharp on hard problems, balanced, and lost without the fit."""

from functools import cache

import numpy as np
import pytest
from copies import replace
from programs import EVERY, resolved, solved

from polyest.exact.balls import at_least
from polyest.exact.tie_break import value
from polyest.problem.problem import Dual
from polyest.problem.targets import LOG
from polyest.proof.dual_bound import lower_bound
from polyest.solvers.socp import multipliers

HARD = {
    "24 draws at 1.01": (24, "variance", {"bias_ratio": 1.01}),
    "64 draws at 2": (64, "second-moment", {"bias_ratio": 2}),
    "64 draws at 3": (64, "second-moment", {"bias_ratio": 3}),
    "loud": (64, "variance", {"noise": 1e6}),
    "quiet": (48, "second-moment", {"noise": 0.5}),
    "log's": (64, "gradient-variance", {"noise": 1}),
    "40 draws at 1.3": (40, "gradient-variance", {"bias_ratio": 1.3}),
    "no budget": (33, "squared-error", {}),
}
NEAR = ("24 draws at 1.01", "64 draws at 2", "40 draws at 1.3")  # the least bias


@cache
def solved_of(name):
    K, criterion, budget = HARD[name]
    return solved(resolved(K, criterion, **budget))


def again(run, **changes) -> Dual:
    """The witness of the same state, some of the module's constants changed."""
    with pytest.MonkeyPatch.context() as patch:
        for constant, number in changes.items():
            patch.setattr(multipliers, constant, number)
        return multipliers.witness(run.problem, run.program, run.state, run.solution.coefficients)


def lost(run, dual):
    """What a witness's bound lacks of what the table reaches, relative."""
    return 1 - at_least(lower_bound(run.problem, dual)) / run.reached


@pytest.mark.parametrize("name", HARD)
def test_bound_is_what_the_table_reaches(name):
    assert 0 <= lost(solved_of(name), solved_of(name).solution.witness) < 1e-6


@pytest.mark.parametrize("name", NEAR)
def test_without_the_fit_the_bound_near_the_least_bias_is_lost(name):
    """What the iterate leaves of the gradient is divided by a form that is all but singular."""
    assert again(solved_of(name)) == solved_of(name).solution.witness
    assert lost(solved_of(name), again(solved_of(name), FITS=0)) > 1


def test_away_from_the_least_bias_the_fit_has_little_to_do():
    assert 0 <= lost(solved_of("no budget"), again(solved_of("no budget"), FITS=0)) < 1e-6


@pytest.mark.parametrize("name", ["24 draws at 1.01", "quiet"])
def test_without_the_weights_of_the_tie_break_the_bound_is_blunt(name):
    """The Lagrangian of tau alone is not flat at c, and its form is the less definite."""
    state = replace(solved_of(name).state, rho=0.0)
    plain = lost(solved_of(name), again(replace(solved_of(name), state=state), FITS=0))
    assert plain > 2 * abs(lost(solved_of(name), solved_of(name).solution.witness))


@pytest.mark.parametrize(
    ("name", "balanced"),
    [(name, True) for name in HARD if "variance" in HARD[name][1]] + [("quiet", False)],
)
def test_weights_balance_where_constants_are_not_seen(name, balanced):
    """A variance does not see constants; a second moment does."""
    dual = solved_of(name).solution.witness
    moments = np.array(dual.bias_points) * dual.bias_weights
    off = abs(moments.sum()) / np.abs(moments).sum()
    assert off < 1e-15 if balanced else off > 1e-3


@pytest.mark.parametrize("name", HARD)
def test_a_witness_is_normalised_and_in_order(name):
    dual = solved_of(name).solution.witness
    assert list(dual.bias_points) == sorted(dual.bias_points)
    assert list(dual.noise_points) == sorted(dual.noise_points)
    assert min(dual.noise_weights) > 0
    weights = dual.bias_weights if solved_of(name).program.frees_bias else dual.noise_weights
    assert np.abs(weights).sum() == pytest.approx(1, rel=1e-9)
    assert dual.selection == float(value(LOG, solved_of(name).solution.coefficients))
    if solved_of(name).problem.criterion == "squared-error":
        assert dual.bias_points == dual.bias_weights == ()
    else:
        assert min(dual.bias_weights) < 0 < max(dual.bias_weights)


@pytest.mark.parametrize("criterion", EVERY)
def test_the_tie_break_is_noise_and_bias(criterion):
    """The weighted e and q have the slope of rho T at c, for any table c."""
    K, rho = 9, 0.25
    budget = {} if criterion == "squared-error" else {"noise": 2}
    problem = resolved(K, criterion, **budget)
    curves, rng = solved(problem).program.curves, np.random.default_rng(K)
    c = np.log((np.arange(K + 1) + 1) / (K + 1)) + 0.1 * rng.normal(size=K + 1)
    bias, noise = multipliers._of_tie_break(problem, curves, c, rho)
    slope = multipliers._of_bias(curves, bias).sum(axis=0)
    slope = slope + multipliers._of_noise(curves, noise, c).sum(axis=0)
    k = np.arange(K + 1)
    W = (k + 1) / ((K + 1) * (K + 2))
    t = np.array([float(x) for x in LOG.moments(K)])
    assert slope == pytest.approx(2 * rho * (W * c - t), abs=1e-8)
    assert noise[1].min() > 0
