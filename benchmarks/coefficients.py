"""Entries of tables of 8, 16 and 32 draws: what the least bias costs, and what a noise budget saves.

    python benchmarks/coefficients.py             # results/coefficients.csv, a second
    python benchmarks/coefficients.py --quick     # K = 2, to standard output

The file has a row for each entry c_k of these tables: the log that trainers use, Schuermann's table, the
minimax table, whose entries grow like 2^K, and the tables of least bias with sup p Var at most 1, 2, 4 and 8
times that of the log.
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
    found: list[Row] = []
    for K in Ks:
        tables = {
            "log_count": closed_forms.log_count(K),
            "schuermann": closed_forms.schuermann(K),
            "minimax": polyest.load(K, criterion="minimax"),
            **{f"noise {noise}": polyest.load(K, noise=noise) for noise in NOISES},
        }
        found += [
            {"K": K, "series": series, "k": k, "entry": float(entry)}
            for series, table in tables.items()
            for k, entry in enumerate(table.coefficients)
        ]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="K = 2, to standard output")
    quick = parser.parse_args().quick
    origin.write(rows((2,) if quick else DRAWS), PACKAGES, None if quick else FILE)


if __name__ == "__main__":
    main()
