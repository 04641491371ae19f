"""Entries of tables of sample size K = 8, 16, 32: the cost of least bias, and what a variance budget saves.

    python benchmarks/coefficients.py             # results/coefficients.csv, a second
    python benchmarks/coefficients.py --quick     # K = 2, to standard output

The file has a row for each entry c_k of these tables: the plug-in log((X+1)/(K+1)) that trainers use,
Schuermann's table, the minimax table, whose entries grow like 2^K, and "noise r", the tables of least bias
with sup p Var at most r = 1, 2, 4 and 8 times that of the plug-in log.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import origin

import polyest
from polyest import closed_forms

FILE = Path(__file__).parent / "results" / "coefficients.csv"
PACKAGES = ("polyest", "numpy")
DRAWS = (8, 16, 32)
NOISES = (1, 2, 4, 8)

Row = dict[str, str | float | int]


def rows(Ks: Iterable[int]) -> list[Row]:
    entries: list[Row] = []
    for K in Ks:
        tables = {
            "log_count": closed_forms.log_count(K),
            "schuermann": closed_forms.schuermann(K),
            "minimax": polyest.load(K, criterion="minimax"),
            **{f"noise {noise}": polyest.load(K, noise=noise) for noise in NOISES},
        }
        entries += [
            {"K": K, "series": series, "k": k, "entry": float(entry)}
            for series, table in tables.items()
            for k, entry in enumerate(table.coefficients)
        ]
    return entries


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="K = 2, to standard output")
    quick = parser.parse_args().quick
    origin.write(rows((2,) if quick else DRAWS), PACKAGES, None if quick else FILE)


if __name__ == "__main__":
    main()
