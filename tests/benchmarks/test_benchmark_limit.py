"""benchmarks/limit.py, bias_curves.py and coefficients.py: what they compute, and that the files have it."""

import csv
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import bias_curves
import coefficients
import limit
import pytest
from flint import arb, ctx

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
