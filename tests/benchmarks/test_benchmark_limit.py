"""benchmarks/limit.py, bias_curves.py and coefficients.py: what they compute, and that the files have it."""

import csv
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from pathlib import Path

import bias_curves
import coefficients
import limit
import numpy as np
import pytest
import shape_limits
from flint import arb, ctx
from scipy.special import exp1
from scipy.stats import poisson

import polyest
from polyest.problem.shapes import SHAPES
from polyest.problem.targets import LOG
from polyest.solvers.remez import exchange
from polyest.tables import release


def kept(module):
    with module.FILE.open(newline="") as stream:
        return list(csv.DictReader(stream))


def listed():
    """The release's brackets of (K+1)^2 E*(K), by K."""
    with Path(release.folders()[-1], "least-bias.csv").open(newline="") as stream:
        return {
            int(row["K"]): (Decimal(row["scaled_lower"]), Decimal(row["scaled_upper"]))
            for row in csv.DictReader(stream)
        }


@pytest.mark.parametrize("power", [1, 2])
def test_extrapolation_of_a_polynomial_in_the_powers_is_exact(power):
    with ctx.workprec(limit.BITS):
        values = {n: arb(7) + arb(3) / n**power - arb(5) / n ** (2 * power) for n in (2, 3, 5, 8)}
        limits = limit.extrapolants(values, power)
        assert [abs(value - 7) < 1e-100 for value in limits] == [False, False, True, True]
        odd = {n: value + arb(1) / n for n, value in values.items()}
        assert (abs(limit.extrapolants(odd, power)[-1] - 7) < 1e-100) == (power == 1)


@pytest.mark.parametrize("K", [1, 2, 16, 63])
def test_sharpened_points_prove_thirty_digits(K):
    before, after = exchange(LOG, K), limit.sharpened(exchange(LOG, K))
    with ctx.workprec(limit.BITS):
        ball = limit.least(K) * (K + 1) ** 2
        assert ball.rad() < 1e-32
        low, high = listed()[K]
        assert float(low) <= float(ball.upper())
        assert float(ball.lower()) <= float(high)
        assert all(abs(a - b) < 1e-9 * b for a, b in zip(after, map(arb, before), strict=True))


def test_the_committed_values_lie_in_the_brackets_of_the_release():
    rows = [row for row in kept(limit) if row["kind"] == "value"]
    brackets = listed()
    both = [row for row in rows if int(row["K"]) in brackets]
    assert len(both) > 70
    for row in both:
        low, high = brackets[int(row["K"])]
        assert Decimal(row["lower"]) < Decimal(row["upper"])
        assert low <= Decimal(row["upper"])
        assert Decimal(row["lower"]) <= high
    assert {"1", "63", "127", "511", "1023"} <= {row["K"] for row in rows}


def test_the_constant_is_what_two_sequences_without_a_common_n_agree_on():
    best, peer, weak = limit.SEQUENCES
    assert not {*limit.SEQUENCES[best][0]} & {*limit.SEQUENCES[peer][0]}
    rows = kept(limit)
    (constant,) = [row for row in rows if row["kind"] == "constant"]
    value, error = Decimal(constant["value"]), Decimal(constant["error"])
    assert error < Decimal("1e-30")
    assert abs(value - Decimal("0.325089273454175")) < Decimal("1e-15")  # as docs/theory.md says
    ends = {row["sequence"]: Decimal(row["value"]) for row in rows if row["kind"] == "extrapolant"}
    assert 0 < abs(ends[peer] - value) <= error
    assert error < abs(ends[weak] - value) < Decimal("1e-13")  # assumes less, and comes there later
    values = {int(row["K"]) + 1: Fraction(row["lower"]) for row in rows if row["kind"] == "value"}
    with ctx.workprec(limit.BITS):
        balls = {n: arb(v.numerator) / v.denominator for n, v in values.items()}
        made = limit.extrapolants({n: balls[n] for n in limit.SEQUENCES[best][0]}, 2)[-1]
        assert abs(made - arb(str(value))) < arb(str(error))


def test_the_committed_entries_and_curves_are_those_of_the_tables():
    for module in (coefficients, bias_curves):
        rows = module.rows(module.DRAWS)
        lines = kept(module)
        assert len(lines) == len(rows)
        for row, line in zip(rows, lines, strict=True):
            for name, value in row.items():
                if isinstance(value, float):
                    assert float(line[name]) == pytest.approx(value, rel=1e-5, abs=1e-12)
                else:
                    assert line[name] == str(value)


def proved_limit(shape):
    (row,) = [r for r in kept(limit) if (r["kind"], r["sequence"]) == ("shape", shape)]
    return row, arb(row["lower"]), arb(row["upper"])


@pytest.mark.parametrize(
    ("shape", "steps", "narrow"), [("monotone", 9, 1e-5), ("concave", 9, 1e-6)]
)
def test_the_limits_of_shapes_are_proved_from_both_sides(shape, steps, narrow):
    row, low, high = proved_limit(shape)
    assert low < high < low * (1 + 1e-8)
    assert Decimal(row["lower"]) <= Decimal(row["value"]) + Decimal("1e-19")
    assert Decimal(row["error"]) < Decimal("1e-11")
    less = shape_limits.lower(shape_limits.vertex(shape, steps))
    more = shape_limits.upper(shape_limits.levels(shape, 32))
    assert low * (1 - narrow) < less < low
    assert high < more < high * (1 + 1e-4)
    page = " ".join((Path(__file__).parents[2] / "docs" / "experiments.md").read_text().split())
    said = Decimal(row["lower"]).quantize(Decimal("1e-17"), ROUND_FLOOR)
    above = Decimal(row["upper"]).quantize(Decimal("1e-17"), ROUND_CEILING)
    assert f"between {said} and {above}".replace(" 0.", " .") in page


@pytest.mark.parametrize("shape", SHAPES)
def test_weights_at_any_vertex_bound_the_limit_below(shape):
    """Where its steps are no vertex, a multiplier says so."""
    _, low, _ = proved_limit(shape)
    vertex = shape_limits.vertex(shape, 9)
    best = shape_limits.lower(vertex)
    for shift in (-3, -1):
        moved = shape_limits.lower(replace(vertex, at=vertex.at + shift))
        assert 0 < moved < best < low
    odd = replace(vertex, steps=(*vertex.steps[:-1], vertex.steps[-1] + 3))
    with pytest.raises(SystemExit, match=r"multiplier|alternate"):
        shape_limits.lower(odd)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_released_table_of_a_shape_is_below_its_limit(shape):
    _, low, high = proved_limit(shape)
    universal = polyest.load(5000, criterion="minimax", shape=shape)
    assert high < universal.limits.bias.lower < high * 1.0003
    assert all(
        low < K * polyest.load(K, criterion="minimax", shape=shape).bias.lower for K in (128, 1024)
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_bound_above_is_that_of_dense_places(seed):
    """Of any levels: mpmath's sums at many places stay below it, and come near."""
    rng = np.random.default_rng(seed)
    g = np.sort(rng.normal(1.0, 1.0, 8)).tolist()
    bound = float(shape_limits.upper([Fraction(x) for x in g]))
    lam = np.linspace(1e-3, 60, 60_000)
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1.0, 8))])
    e = lam * (exp1(lam) + poisson.pmf(np.arange(8), lam[:, None]) @ (np.array(g) - harmonic))
    assert np.abs(e).max() <= bound <= np.abs(e).max() * (1 + 1e-5)
