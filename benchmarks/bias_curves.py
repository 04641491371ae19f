"""The weighted bias e(p) = p (E c_X - log p) of tables of sample size K = 8 and 16, point by point.

    python benchmarks/bias_curves.py             # results/bias_curves.csv, a second
    python benchmarks/bias_curves.py --quick     # K = 2, to standard output

The points are p = sin^2(theta) with theta equally spaced from 0 to pi/2, because the extrema of the best
table's error are nearly equally spaced in theta.  The file has a column for each table.  "noise r" is the
table of least bias with sup p Var at most r times that of log((X+1)/(K+1)).  The errors e are computed in
float64, and are accurate to 1e-13 at these K.

    least      proved lower bound of E*(K), the height of the minimax table's K+2 alternations
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import origin

import polyest
from polyest import closed_forms
from polyest.problem.bernstein import pmf

FILE = Path(__file__).parent / "results" / "bias_curves.csv"
PACKAGES = ("polyest", "numpy")
DRAWS = (8, 16)
FORMS = ("log_count", "miller_madow", "jackknife", "schuermann")
NOISES = (2, 8)
POINTS = 24  # points of the grid for each of the K+1 entries

Row = dict[str, str | float | int]


def tables(K: int) -> dict[str, polyest.Table]:
    """The tables by the names of their columns."""
    by_column = {name: getattr(closed_forms, name)(K) for name in FORMS}
    by_column["minimax"] = polyest.load(K, criterion="minimax")
    return by_column | {f"noise {noise}": polyest.load(K, noise=noise) for noise in NOISES}


def rows(Ks: Iterable[int]) -> list[Row]:
    points: list[Row] = []
    for K in Ks:
        made = tables(K)
        optimum = made["minimax"].optimum
        assert optimum is not None
        p = np.sin(np.linspace(0, np.pi / 2, POINTS * (K + 1) + 1)) ** 2
        logs, rises = made["minimax"].problem.target.weighted(p), pmf(K, p)
        curves = {
            name: p * (rises @ table.coefficients) - logs + 0.0 for name, table in made.items()
        }
        for i, place in enumerate(p):
            heights = {name: float(curve[i]) for name, curve in curves.items()}
            points.append({"K": K, "p": float(place), "least": optimum.lower, **heights})
    return points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="K = 2, to standard output")
    quick = parser.parse_args().quick
    origin.write(rows((2,) if quick else DRAWS), PACKAGES, None if quick else FILE)


if __name__ == "__main__":
    main()
