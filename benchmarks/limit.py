"""The constants of the least bias: A = lim (K+1)^2 E*(K), from proved values of E*(K), and those of shapes.

    python benchmarks/limit.py             # results/limit.csv, two minutes
    python benchmarks/limit.py --quick     # K up to 63, to standard output, a second

With n = K+1 the values n^2 E*(K) behave like A + B/n^2 + C/n^4 + ..., with even powers of 1/n only; this is
measured and not proved.  `remez.exchange` gives the alternation points as doubles.  One Newton step in ball
arithmetic refines them, and the levelled error of the new points brackets E*(K) to thirty digits
(`levelled.bracket`).  Richardson's scheme then evaluates, at 1/n^2 = 0, the polynomial through the first
values of a sequence of n.  It also uses balls, so that the widths of the brackets are propagated.  The rows
are of four kinds:

    value        (K+1)^2 E*(K), `lower` and `upper` proved
    extrapolant  of the first `terms` values of a sequence, K the largest of them: `value`, and
                 `error`, its difference from the extrapolant with one value less
    constant     A: the last extrapolant of "3 2^j, 5 2^j"; `error` is the greatest of its own error, its
                 difference from the last one of "2^j, 7 2^j", and its width as a ball
    shape        lim K sup|e| of the best tables of a shape, `sequence`: `lower` and `upper` proved, from
                 `terms` steps and K levels (shape_limits.py); `value` extrapolated: the bound below, which
                 changed by `error` with its last steps

These two sequences have no n in common.  "2^j, all powers" uses the odd powers of 1/n too: it assumes less,
and converges to the same number more slowly.
"""

import argparse
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from pathlib import Path

import origin
import shape_limits
from flint import arb, arb_poly, ctx

from polyest.exact.balls import decimals
from polyest.exact.levelled import bracket, levelled
from polyest.problem.shapes import SHAPES
from polyest.problem.targets import LOG
from polyest.solvers.remez import exchange

FILE = Path(__file__).parent / "results" / "limit.csv"
PACKAGES = ("polyest", "numpy", "python-flint")
BITS, DIGITS = 400, 34  # precision of the computation, and digits that are written
SHAPE_DIGITS = 20
ALL = 64  # every n up to this is included
SEQUENCES = {
    "3 2^j, 5 2^j": (sorted(m * 2**j for m in (3, 5) for j in range(1, 8)), 2),
    "2^j, 7 2^j": (sorted([2**j for j in range(2, 11)] + [7 * 2**j for j in range(7)]), 2),
    "2^j, all powers": ([2**j for j in range(2, 11)], 1),
}
BEST, PEER, _ = SEQUENCES

Row = dict[str, str | float | int]


def least(K: int) -> arb:
    """E*(K) as a ball: the proved bracket from sharpened alternation points."""
    lower, upper = bracket(LOG, sharpened(exchange(LOG, K)))
    with ctx.workprec(BITS):
        return lower.union(upper)


def sharpened(points: tuple[float, ...]) -> tuple[arb, ...]:
    """The points after a Newton step towards the extrema of their own levelled error."""
    _, P = levelled(LOG, points)
    with ctx.workprec(8 * len(points) + 200):
        # The polynomial is in powers of 2p - 1, as in `bracket`.
        slope = P.left_shift(1)(arb_poly([0.5, 0.5])).derivative() * 2
        bend = slope.derivative() * 2
        moved = []
        for p in map(arb, points[:-1]):
            value, first, second = LOG.jet(p)
            t = 2 * p - 1
            step = (slope(t) - value - p * first) / (bend(t) - 2 * first - p * second)
            moved.append((p - step).mid())
    return (*moved, arb(1))


def extrapolants(values: dict[int, arb], power: int) -> list[arb]:
    """Values at 1/n^power = 0 of the polynomials in it through the first 1, 2, ... values."""
    limits: list[arb] = []
    row: list[arb] = []  # Neville's scheme keeps the polynomials that end in the last value
    nodes = [Fraction(1, n**power) for n in values]
    with ctx.workprec(BITS):
        for i, value in enumerate(values.values()):
            new = [value]
            for j, before in enumerate(row, 1):
                apart = nodes[i - j] / nodes[i] - 1
                new.append(
                    new[-1] + (new[-1] - before) / (arb(apart.numerator) / apart.denominator)
                )
            row = new
            limits.append(row[-1])
    return limits


def rows(largest: int) -> list[Row]:
    """Rows of all n up to `largest`."""
    sequences = {name: ([n for n in ns if n <= largest], p) for name, (ns, p) in SEQUENCES.items()}
    numbers = {*range(2, min(ALL, largest) + 1)}.union(*(ns for ns, _ in sequences.values()))
    with ctx.workprec(BITS):
        values = {n: least(n - 1) * n * n for n in sorted(numbers)}
        lines = [_row("value", n - 1, value) for n, value in values.items()]
        last = {}
        for name, (ns, power) in sequences.items():
            made = extrapolants({n: values[n] for n in ns}, power)
            for terms, ((before, value), n) in enumerate(
                zip(pairwise(made), ns[1:], strict=True), 2
            ):
                error = abs(value - before).upper()
                lines.append(_row("extrapolant", n - 1, value, name, terms, error))
                last[name] = value, error, n, terms
        value, error, n, terms = last[BEST]
        bounds = (error, abs(value - last[PEER][0]).upper(), 2 * value.rad())
        lines.append(_row("constant", n - 1, value, BEST, terms, reduce(arb.max, bounds)))
    return lines


def shaped() -> list[Row]:
    """Rows of the limits of shapes."""
    lines = []
    for shape in SHAPES:
        limit = shape_limits.limit(shape)
        lower, upper = decimals(limit.lower.lower(), limit.upper.upper(), SHAPE_DIGITS)
        lines.append(
            _row("shape", limit.levels, limit.lower, shape, limit.steps, limit.error)
            | {"lower": lower, "upper": upper}
        )
    return lines


def _row(
    kind: str,
    K: int,
    ball: arb,
    sequence: str = "",
    terms: int | str = "",
    error: arb | None = None,
) -> Row:
    lower, upper = decimals(ball, ball, DIGITS) if kind == "value" else ("", "")
    return {
        "kind": kind,
        "sequence": sequence,
        "terms": terms,
        "K": K,
        "lower": lower,
        "upper": upper,
        "value": decimals(ball.mid(), ball.mid(), DIGITS)[0] if kind != "value" else "",
        "error": decimals(error, error, 3)[1] if error is not None else "",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="K up to 63, to standard output")
    quick = parser.parse_args().quick
    lines = rows(64) if quick else [*shaped(), *rows(2**10)]
    origin.write(lines, PACKAGES, None if quick else FILE)


if __name__ == "__main__":
    main()
