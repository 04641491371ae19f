"""Worst-case weighted bias against the sample size K: what is proved, and the slopes that it has.

    python benchmarks/rates.py              # results/bias_{rates,slopes}.csv, two minutes
    python benchmarks/rates.py --quick      # K up to 8 and a group of 4, to standard output

Each row of bias_rates.csv has a proved bracket of sup|e| = sup_p |p (E c_X - log p)|, the worst-case weighted
bias; `count` names the way of counting:

    independent  counts of K other completions, without the rewarded one; group is 0
        log_count (plug-in), miller_madow, harmonic, jackknife, schuermann, jvhw: as stored (estimators.py)
        minimax: E*(K), the least of all tables, with exact entries; from the list of the release
        noise 1, 2, 4, 8: the least at p Var c_X that many times log_count's; the released tables
        limit: 0.325089273454175/(K+1)^2, the asymptote of E*(K); measured, not proved
    in-group     counts that contain the completion, in a group of G, and the right table c[X-1]: K = G-1
                 without a baseline, K = G-2 under the group mean; log is log(X/G)
    misused      the wrong table: c[X] of K = G without a baseline, c[X-1] of K = G-1 under the group mean

The rewards u_1..u_G of the counts 1..G are, without a baseline, the table u_1..u_G of K = G-1.  Under the
group mean they are the table u_1..u_{G-1} of K = G-2 (tests/test_group_mean.py); a constant has no
gradient, so sup|e| is min_a sup_p |p (P(p) - log p - a)| there.  A minimax table above K = 40 is not stored,
and has no row "misused".

bias_slopes.csv has the least-squares slope of log sup|e| over log(K+1), with the half width of its 95 %
interval, over K = 8..1024 and over 128..1024 alone, because at fixed noise the slope is not constant.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import product
from math import inf, log, nextafter
from pathlib import Path

import estimators
import numpy as np
import origin
from flint import arb, ctx
from scipy import stats

import polyest
from polyest import closed_forms
from polyest.arrays import Floats
from polyest.errors import InvalidProblem, TableNotFound
from polyest.exact.balls import at_least
from polyest.problem.bernstein import expectation, pmf
from polyest.problem.claims import Bracket
from polyest.problem.targets import LOG
from polyest.proof.certify import measure
from polyest.tables.release import listed_least_bias

FOLDER = Path(__file__).parent / "results"
RATES, SLOPES = FOLDER / "bias_rates.csv", FOLDER / "bias_slopes.csv"
SMALL = (2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128)
DRAWS = (*SMALL, 160, 192, 256, 512, 1024)
GROUPS = (4, 8, 16, 32, 64)
NOISES = (1, 2, 4, 8)
FORMS = ("log_count", "miller_madow", "harmonic", "jackknife", "schuermann", "jvhw")
LIMIT = 0.325089273454175
RANGES = ((8, 1024), (128, 1024))
CONFIDENCE = 0.95
PACKAGES = ("polyest", "numpy", "scipy", "python-flint")
GRID = np.sin(0.5 * np.pi * np.arange(1, 4001) / 4000) ** 2

Row = dict[str, str | float | int]


def independent(Ks: Iterable[int]) -> Iterator[Row]:
    """A row per series and K, for counts that do not contain the rewarded completion."""
    for K in Ks:
        for name in FORMS:
            yield _row("independent", name, K, 0, estimators.TABLES[name](K).bias)
        least = listed_least_bias(K)
        assert least is not None
        yield _row("independent", "minimax", K, 0, least)
        for noise in NOISES:
            table = polyest.load(K, noise=noise)
            assert table.optimum is not None
            yield _row("independent", f"noise {noise}", K, 0, table.optimum)
        limit = LIMIT / (K + 1) ** 2
        yield _row("independent", "limit", K, 0, Bracket(limit, limit))
        _say(f"K = {K}")


def in_group(groups: Iterable[int]) -> Iterator[Row]:
    """A row per series and group, for counts that contain the completion, rightly and wrongly read."""
    for G in groups:
        log_rewards = closed_forms.log_count(G - 1).coefficients
        for baseline, K, wrong in (("no baseline", G - 1, G), ("group mean", G - 2, G - 1)):
            bracket = measured if baseline == "no baseline" else seen
            yield _row("in-group", f"log, {baseline}", K, G, bracket(log_rewards[: K + 1]))
            for series in ("minimax", *(f"noise {noise}" for noise in NOISES)):
                label = f"{series}, {baseline}"
                least = listed_least_bias(K) if series == "minimax" else None
                right = least or bracket(_stored(series, K))
                yield _row("in-group", label, K, G, right)
                try:
                    entries = _stored(series, wrong)
                except TableNotFound:
                    _say(f"{label}, group of {G}: no table of K = {wrong} is stored")
                    continue
                read = entries[1:] if baseline == "no baseline" else entries[:-1]
                yield _row("misused", label, wrong, G, bracket(read))
        _say(f"group of {G}")


def measured(entries: Floats) -> Bracket:
    """Proved bracket of sup|e| of a table.

    >>> measured(np.array([-1.5, -0.5, 0.0])) == closed_forms.harmonic(2).bias
    True
    """
    return measure(LOG, entries).bias


def seen(entries: Floats) -> Bracket:
    """Proved bracket of min over a of sup_p |p (P(p) - log p - a)|, the bias that a gradient sees.

    The upper end is the certificate of the entries minus one a, plus what this subtraction rounds.

    >>> seen(closed_forms.harmonic(2).coefficients + 1).upper < closed_forms.harmonic(2).bias.upper
    True
    """
    a, *_ = _settled(entries)
    moved = entries - a
    pairs = zip(entries.tolist(), moved.tolist(), strict=True)
    rounded = max(abs(Fraction(y) - (Fraction(x) - Fraction(a))) for x, y in pairs)
    return Bracket(
        seen_at_least(entries), nextafter(measured(moved).upper + 2 * float(rounded), inf)
    )


def seen_at_least(entries: Floats) -> float:
    """The lower end of `seen`, from two points.

    For every a, |e_1 p_2 - e_2 p_1| <= (p_1 + p_2) max|e_i - a p_i|.

    >>> round(seen_at_least(closed_forms.harmonic(2).coefficients), 4)
    0.0914
    """
    _, *places = _settled(entries)
    with ctx.workprec(256):
        p, q = map(arb, places)
        balls = [arb(c) for c in entries.tolist()]
        at_p, at_q = (x * (expectation(balls, x) - x.log()) for x in (p, q))
        return at_least(abs(at_p * q - at_q * p) / (p + q))


def _settled(entries: Floats) -> tuple[float, float, float]:
    """The best constant a on a grid, and the places of the two extrema that it leaves equal."""
    e = GRID * (pmf(len(entries) - 1, GRID) @ entries - np.log(GRID))
    low, high = -10.0, 10.0
    for _ in range(60):
        a = (low + high) / 2
        left = e - a * GRID
        low, high = (a, high) if left.max() > -left.min() else (low, a)
    return a, float(GRID[left.argmax()]), float(GRID[left.argmin()])


def slopes(rows: Iterable[dict[str, str]]) -> list[Row]:
    """Slope of log sup|e| over log(K+1) for each independent series and range, with its interval.

    It is the slope of least squares, with Student's half width at 95 %.

    >>> exact = {"count": "independent", "series": "exact"}
    >>> exact = [{**exact, "K": K, "bias_upper": 1 / (K + 1) ** 2} for K in DRAWS]
    >>> [(row["from"], round(row["slope"], 9), row["points"]) for row in slopes(exact)]
    [(8, -2.0, 18), (128, -2.0, 6)]
    """
    biases: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        if row["count"] == "independent":
            biases.setdefault(row["series"], []).append((int(row["K"]), float(row["bias_upper"])))
    lines: list[Row] = []
    for series, (first, last) in product(sorted(biases), RANGES):
        points = [(log(K + 1), log(bias)) for K, bias in biases[series] if first <= K <= last]
        if len(points) < 3:
            raise InvalidProblem(
                f"series {series} has {len(points)} sizes in K = {first}..{last}: a slope with an "
                "interval needs 3"
            )
        fit = stats.linregress(*np.transpose(points))
        student = stats.t.ppf((1 + CONFIDENCE) / 2, len(points) - 2)
        ends: Row = {"series": series, "from": first, "to": last}
        slope = {"slope": float(fit.slope), "slope_pm": float(student * fit.stderr)}
        lines.append({**ends, **slope, "points": len(points)})
    return lines


def _stored(series: str, K: int) -> Floats:
    minimax = series == "minimax"
    words = {"criterion": "minimax"} if minimax else {"noise": float(series.split()[1])}
    return polyest.load(K, **words).coefficients


def _row(count: str, series: str, K: int, group: int, bias: Bracket) -> Row:
    where: Row = {"count": count, "series": series, "K": K, "group": group}
    return {**where, "bias_lower": repr(bias.lower), "bias_upper": repr(bias.upper)}


def _place(row: Row) -> tuple[str, str, int, int]:
    return str(row["count"]), str(row["series"]), int(row["group"]), int(row["K"])


def _say(words: str) -> None:
    print(words, file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small part, to standard output")
    given = parser.parse_args()
    Ks, groups = ([K for K in DRAWS if K <= 8], (4,)) if given.quick else (DRAWS, GROUPS)
    rows = sorted([*independent(Ks), *in_group(groups)], key=_place)
    origin.write(rows, PACKAGES, None if given.quick else RATES)
    if given.quick:
        return
    origin.write(slopes(origin.read(RATES)), PACKAGES, SLOPES)


if __name__ == "__main__":
    main()
