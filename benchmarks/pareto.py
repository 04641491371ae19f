"""Bias against noise: the least there is, and what people use, for sample sizes K = 8, 16, 32 and 64.

    python benchmarks/pareto.py             # results/pareto.csv, four minutes
    python benchmarks/pareto.py --quick     # K = 3, to standard output

The noise is one of three criteria: sup p Var c_X, sup Var c_X, sup E c_X^2.  The fourth criterion,
sup p E (c_X - log p)^2, combines bias and noise in one number and has no frontier: its best table is a mark.
The file has a row for each point of `frontier.sweep` (series "optimal") and `frontier.marks`, sorted by
criterion, K, series and increasing noise:

    noise          the criterion in units of that of log((X+1)/(K+1)), a proved upper bound
    bias_*         proved bracket of the table's worst-case weighted bias, sup|e| = sup_p |p (E c_X - log p)|
    optimum_lower  proved lower bound of sup|e| of any table at that noise
    least_*        proved bracket of E*(K), the least at any noise
    note           in a row without noise: where the curve ends, or why a point is missing
"""

import argparse
import csv
import sys
from collections.abc import Iterable
from io import StringIO
from itertools import product
from pathlib import Path

import origin

from polyest import frontier
from polyest.make.storage import put
from polyest.problem.criteria import BUDGETED

FILE = Path(__file__).parent / "results" / "pareto.csv"
DRAWS = (8, 16, 32, 64)
PACKAGES = ("polyest", "numpy", "scipy", "python-flint")


def rows(Ks: Iterable[int]) -> list[dict[str, str]]:
    lines = []
    for criterion, K in product(BUDGETED, Ks):
        words = f"{criterion}, K = {K}"
        curve = frontier.sweep(K, criterion=criterion, progress=_told(f"{words}, curve"))
        points, refused = frontier.marks(K, criterion=criterion, progress=_told(f"{words}, marks"))
        lines += frontier.records(curve, points)
        blank = dict.fromkeys(lines[-1], "") | {"target": "log", "criterion": criterion}
        absent = [("end", "end", curve.ended), *(("absent", r.label, r.reason) for r in refused)]
        for series, label, note in absent:
            lines.append({**blank, "K": str(K), "series": series, "label": label, "note": note})
    return sorted(lines, key=_place)


def written(lines: list[dict[str, str]]) -> str:
    """The text of the file, with machine and versions in every line."""
    text = StringIO()
    machine, versions = origin.machine(), "; ".join(origin.versions(PACKAGES))
    columns = [*(name for name in lines[0] if name != "note"), "note", "machine", "versions"]
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "machine": machine, "versions": versions} for row in lines)
    return text.getvalue()


def _place(row: dict[str, str]) -> tuple[str, int, str, float, str]:
    noise = float(row["noise"] or "inf")
    return row["criterion"], int(row["K"]), row["series"], noise, row["label"]


def _told(words: str) -> frontier.Progress:
    return lambda done, total: print(f"{words}: {done} of {total}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="K = 3, to standard output")
    parser.add_argument("--out", type=Path, help=f"file to write, by default {FILE.name}")
    given = parser.parse_args()
    text = written(rows((3,) if given.quick else DRAWS))
    if given.quick and given.out is None:
        print(text, end="")
    else:
        put(text.encode(), given.out or FILE)


if __name__ == "__main__":
    main()
