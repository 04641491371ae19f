"""Draws paper_figures/pareto.pdf and .png from benchmarks/results/pareto.csv, and computes nothing.

python paper_figures/pareto.py          # needs polyest[plot]
"""

import csv
from pathlib import Path

from polyest.drawing import check, pareto
from polyest.sweeping import put

HERE = Path(__file__).parent
ROWS = HERE.parent / "benchmarks" / "results" / "pareto.csv"


def main() -> None:
    with ROWS.open(newline="", encoding="utf-8") as lines:
        points = [row for row in csv.DictReader(lines) if row["noise"]]
    for path in (HERE / "pareto.pdf", HERE / "pareto.png"):
        put(pareto(points, check(str(path))), path)


if __name__ == "__main__":
    main()
