"""tables/universal.py and universal_shape.py: the limit problems, and what the release loses against them."""

import sys
from importlib import import_module, util
from pathlib import Path

import cvxpy as cp
import numpy as np
import pytest
from scipy.stats import binom
from threadpoolctl import threadpool_limits

import polyest
from polyest.problem.shapes import SHAPES

PATH = Path(__file__).parents[2] / "tables" / "universal.py"


@pytest.fixture(scope="module")
def generator():
    spec = util.spec_from_file_location("universal_generator", PATH)
    module = util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def by_cones(program):
    """Least bias on the same points by Clarabel: Var g(X) is the least E (g(X) - t)^2."""
    u, tau = cp.Variable(program.base.size), cp.Variable()
    rules = [cp.abs(program.A @ u - program.f) <= tau]
    beyond = 1 - program.B.sum(axis=1)
    beyond[beyond < 1e-9] = 0  # rounding of a sum of 1
    centre = np.divide(program.first, beyond, out=np.zeros_like(beyond), where=beyond > 0)
    spread = np.where(beyond > 0, program.second - beyond * centre**2, 0)
    for row, w, mass, middle, more in zip(
        program.B, program.w, beyond, centre, spread, strict=True
    ):
        t = cp.Variable()
        parts = [cp.multiply(np.sqrt(w * row), program.base + u - t)]
        if mass > 0:
            parts.append(cp.reshape(np.sqrt(w * mass) * (t - middle), (1,), order="F"))
        rules.append(cp.norm(cp.hstack(parts)) <= np.sqrt(1 - w * more))
    return float(cp.Problem(cp.Minimize(tau), rules).solve(solver="CLARABEL"))


@pytest.mark.parametrize("v", [3.0, 7.64])
def test_newton_and_clarabel_agree_on_the_same_points(generator, v):
    program = generator.posed(np.arange(0.1, 10.0, 0.2), v)
    u, tau = generator.minimised(program, 0.0)
    assert tau == pytest.approx(by_cones(program), rel=1e-5)
    assert np.abs(program.A @ u - program.f).max() == pytest.approx(tau, rel=1e-6)
    assert program.noise(u)[0].max() <= 1


def test_more_noise_gives_less_bias(generator):
    roots = np.arange(0.1, 10.0, 0.2)
    biases = [generator.minimised(generator.posed(roots, v), 0.0)[1] for v in (2.0, 4.0, 8.0)]
    assert biases[0] > 1.5 * biases[1] > 1.5 * biases[2]


def test_the_release_loses_little_against_the_limit_problem(generator):
    """3e-4 in all: the tie-break, departures that end at 48, and noise that rises towards K = 1024."""
    limits = polyest.load(1025).limits
    roots = np.arange(generator.STEP / 2, generator.FARTHEST, generator.STEP)
    fine = np.arange(generator.FINE, generator.FARTHEST, generator.FINE)
    v = limits.gradient_variance
    with threadpool_limits(1):
        _, u, tau = generator.exchanged(roots, fine, generator.posed(fine, v), v, 0.0)
    assert tau <= limits.bias.upper <= tau * 1.0004
    assert float(np.arange(1, u.size + 1) @ u**2) > limits.selection


@pytest.fixture(scope="module")
def shaped():
    """The generator of the tables of a shape, which imports its neighbour."""
    sys.path.insert(0, str(PATH.parent))
    try:
        yield import_module("universal_shape")
    finally:
        sys.path.remove(str(PATH.parent))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_program_of_a_shape_says_the_bias_of_the_released_levels(shaped, shape):
    table = polyest.load(2048, criterion="minimax", shape=shape)
    ends = np.full((2, 1), shaped.HARMONIC[shaped.LEVELS])
    steps = np.diff(np.hstack([table.departures, ends])).ravel()
    lam = np.array([0.3, 2.0, 11.0, 40.0])
    A, f = shaped.posed(np.sqrt(lam))
    said = (A @ steps - f).reshape(3, -1)
    X = np.arange(500)
    B = binom.pmf(X, 2048, lam[:, None] / 2048)
    assert said[1] == pytest.approx(lam * (B @ table[X] - np.log(lam / 2048)), abs=1e-10)
    limits = table.limits
    A, f = shaped.posed(np.arange(0.01, shaped.FARTHEST, 0.01))
    assert np.abs(A @ steps - f).max() == pytest.approx(limits.bias.upper, rel=2e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_levels_of_a_shape_have_less_bias_at_few_points(shaped, shape):
    """A lower bound of the program: the release loses the tie-break's 2e-5 and little more."""
    A, f = shaped.posed(np.arange(0.025, shaped.FARTHEST, 0.05))
    with threadpool_limits(1):
        least = shaped.minimised(A, f, shape)
    upper = polyest.load(1025, criterion="minimax", shape=shape).limits.bias.upper
    assert least < upper < least * 1.006
