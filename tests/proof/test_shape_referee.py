"""Tables with a shape before referees that share no code with polyest.

HiGHS solves the linear program on other points than polyest does, with scipy's binomials.  Claims of the
release are evaluated again in 60 digits by mpmath, and the bound of the optimum from the points and weights
of a line alone.  Lines are read as JSON.
"""

import json
from itertools import accumulate, pairwise
from pathlib import Path

import mpmath
import numpy as np
import pytest
from referee import DIGITS, check_claims, probabilities, share
from scipy.optimize import linprog
from scipy.stats import binom

import polyest
from polyest.problem.targets import parse

FOLDER = Path(__file__).parents[2] / "tables" / "v2"
SHAPES = ("monotone", "concave")
FALLING = ("power:-0.5", "polynomial:1,-1,0,0,0,0,-2")
FAMILIES = {path.stem: path for path in FOLDER.glob("*.jsonl")}


def lines(name, Ks):
    records = map(json.loads, FAMILIES[name].read_text().splitlines())
    return [record for record in records if record["K"] in Ks]


@pytest.fixture(autouse=True)
def sixty_digits():
    with mpmath.workdps(DIGITS):
        yield


# The optimum, by another solver on other points


def referee(name, K, shape, rounds=8):
    """Bracket of the optimum by HiGHS: points uniform in the root of p, more where scipy's binomial errs.

    Its lower end is the optimum on these points, its upper end the error of that table.
    """
    target, sign = parse(name), -1 if name in FALLING else 1
    dense = np.sin(np.linspace(1e-4, 0.5 * np.pi, 6000)) ** 2 * (1 - 1e-12)
    rows = binom.pmf(np.arange(K + 1), K, dense[:, None])
    wanted = sign * target.phi(dense)
    points = 8 * (K + 2) if K < 8 else 6 * K
    p = np.linspace(0.02 / (K + 1) if K < 8 else 0.01, 1, points) ** 2
    unit = float(np.abs(dense * wanted).max()) / (K + 1)
    steps = np.diff(np.eye(K + 1), axis=0)
    order = -steps if shape == "monotone" else np.vstack([-steps, np.diff(steps, axis=0)])
    for _ in range(rounds):
        B = binom.pmf(np.arange(K + 1), K, p[:, None]) * p[:, None] / unit
        b = sign * target.weighted(p) / unit
        below = -np.ones((p.size, 1))
        A = np.block([[B, below], [-B, below], [order, np.zeros((len(order), 1))]])
        solution = linprog(
            np.append(np.zeros(K + 1), 1.0),
            A,
            np.concatenate([b, -b, np.zeros(len(order))]),
            bounds=[(None, None)] * (K + 1) + [(0, None)],
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        error = np.abs(dense * (rows @ solution.x[:-1] - wanted))
        tops = np.flatnonzero((error[1:-1] >= error[:-2]) & (error[1:-1] >= error[2:])) + 1
        p = np.union1d(p, dense[tops])
    return solution.fun * unit, float(error.max())


def agrees(name, K, shape, within):
    lower, upper = referee(name, K, shape)
    optimum = polyest.solve(K, name, criterion="minimax", shape=shape).optimum
    assert lower <= optimum.upper * (1 + 1e-6) + 1e-9  # HiGHS is no better than that
    assert optimum.upper <= lower * (1 + within) + 1e-9
    assert optimum.lower <= upper * (1 + within) + 1e-9


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("name", "K"),
    [
        *(("log", K) for K in (1, 2, 3, 4, 5, 8, 11, 16, 23, 32)),
        ("power:0.5", 9),
        ("tsallis:0.5", 12),
        ("power:-0.5", 12),
        ("power:2.5", 3),
        ("polynomial:1,-1,0,0,0,0,-2", 6),
        ("power:40.5", 8),
    ],
)
def test_optimum_is_that_of_an_independent_linear_program(name, K, shape):
    agrees(name, K, shape, 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("K", [64, 128])
def test_large_optimum_is_that_of_an_independent_linear_program(K, shape):
    agrees("log", K, shape, 1e-4)


# Claims of released lines


def bound(record):
    """The bound of the optimum that weak duality gives, and the least multiplier of a step."""
    K, witness = record["K"], record["witness"]
    points = [mpmath.mpf(float(x)) for x in witness["bias_points"]]
    weights = [mpmath.mpf(float(x)) for x in witness["bias_weights"]]
    s = [mpmath.mpf(0)] * (K + 1)
    for p, w in zip(points, weights, strict=True):
        s = [a + w * p * B for a, B in zip(s, probabilities(K, p), strict=True)]
    mu = [-M for M in accumulate(s)]
    # Weights are doubles, so that what should be 0 is rounding, at most of their size.
    assert abs(mu[-1]) < 1e-15
    steps = list(accumulate(mu[:-1])) if record["shape"] == "concave" else mu[:-1]
    value = -mpmath.fsum(w * p * mpmath.log(p) for p, w in zip(points, weights, strict=True))
    return value / mpmath.fsum(map(abs, weights)), min(steps)


def entries_have_the_shape(record):
    c = [mpmath.mpf(float(x)) for x in record["coefficients"]]
    steps = [b - a for a, b in pairwise(c)]
    assert min(steps) >= 0
    if record["shape"] == "concave":
        assert all(b <= a for a, b in pairwise(steps))


def check(record):
    check_claims(record)
    entries_have_the_shape(record)
    if record["criterion"] == "minimax":
        value, least = bound(record)
        assert least > -1e-14
        lower, upper = (float(record["optimum"][end]) for end in ("lower", "upper"))
        assert lower <= value <= upper
        assert lower >= value * (1 - 1e-9)


SMALL, LARGE = (1, 2, 3, 6, 14, 30, 62), (126, 127, 128)


@pytest.mark.parametrize("name", FAMILIES)
def test_claims_are_met_and_reached_and_entries_have_the_shape(name):
    for record in lines(name, SMALL):
        check(record)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_claims_of_large_tables_are_met_and_reached(name):
    for record in lines(name, LARGE):
        check(record)


@pytest.mark.release
@pytest.mark.parametrize("name", FAMILIES)
def test_every_claim_up_to_128_is_met_and_reached(name):
    for record in share(lines(name, range(1, 129))):
        check(record)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: r["bias"].update(upper=repr(float(r["bias"]["upper"]) * (1 - 1e-7))),
        lambda r: r["optimum"].update(lower=repr(float(r["optimum"]["lower"]) * (1 + 1e-7))),
        lambda r: r["coefficients"].__setitem__(3, repr(float(r["coefficients"][3]) + 1e-9)),
        lambda r: r["witness"]["bias_weights"].__setitem__(0, "0.5"),
    ],
)
def test_the_referee_refutes_what_is_spoiled(spoil):
    (record,) = lines("log-minimax-monotone", (14,))
    check(record)
    spoil(record)
    with pytest.raises(AssertionError):
        check(record)
