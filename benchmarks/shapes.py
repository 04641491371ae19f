"""Tables with a shape beside free ones: entries and means at K = 14, and bias against noise.

    python benchmarks/shapes.py             # results/shapes.csv and shaped_frontier.csv, half a minute
    python benchmarks/shapes.py --quick     # K = 3, to standard output

shapes.csv has a row for each entry c_k ("entry", k) and for each mean E[c_X] at a place p ("mean", p) of the
default table, noise 8, of the monotone and of the monotone and concave one of least bias.  Means are
computed in float64, and are accurate to 1e-13.

shaped_frontier.csv has a row for each point of `frontier.sweep` with free entries and with each shape, and
for the log:

    series      free, monotone, concave, or log_count, which is log((X+1)/(K+1))
    budget      the noise that was asked for, or at which no more is needed
    noise       sup p Var c_X in units of that of log_count, a proved upper bound
    bias_*      proved bracket of sup|e|
    minimax     "yes" where no noise buys less bias with this shape
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import origin

import polyest
from polyest import closed_forms, frontier
from polyest.problem.bernstein import pmf
from polyest.problem.shapes import SHAPES, Shape

RESULTS = Path(__file__).parent / "results"
FILE, FRONTIER = RESULTS / "shapes.csv", RESULTS / "shaped_frontier.csv"
PACKAGES = ("polyest", "numpy", "scipy", "python-flint")
DRAWS = 14
FRONTIER_DRAWS = (6, 14, 30, 62)
FREE, LOG = "free", "log_count"
LEAST, POINTS = 1e-3, 121  # places p, evenly spread in log p from LEAST to 1

Row = dict[str, str | float | int]


def tables(K: int) -> dict[str, polyest.Table]:
    """The tables by their series."""
    shaped = {shape: polyest.load(K, criterion="minimax", shape=shape) for shape in SHAPES}
    return {"noise 8": polyest.load(K), **shaped}


def rows(K: int) -> list[Row]:
    """Rows of entries and means."""
    places = np.geomspace(LEAST, 1, POINTS)
    lines: list[Row] = []
    for series, table in tables(K).items():
        kinds = {
            "entry": (range(K + 1), table.coefficients),
            "mean": (places, pmf(K, places) @ table.coefficients),
        }
        for kind, (at, values) in kinds.items():
            lines += [
                {"K": K, "series": series, "kind": kind, "at": float(x), "value": float(value)}
                for x, value in zip(at, values, strict=True)
            ]
    return lines


def curves(Ks: Iterable[int]) -> list[Row]:
    """Rows of the frontiers; that of free entries also has the noises at which those of shapes end."""
    lines = []
    for K in Ks:
        shaped = {shape: _swept(K, frontier.STEEP, shape) for shape in SHAPES}
        ends = {_budget(curve.points[-1].noise) for curve in shaped.values()}
        free = _swept(K, sorted({*frontier.STEEP, *ends}), None)
        for series, curve in {FREE: free, **shaped}.items():
            last = curve.points[-1] if curve.reached else None
            for point in curve.points:
                asked = point.noise if point is last else float(point.label.removeprefix("noise "))
                lines.append(_row(K, series, asked, point.noise, point.table, point is last))
        lines.append(_row(K, LOG, 1.0, 1.0, closed_forms.log_count(K), False))
    return lines


def _swept(K: int, budgets: Iterable[float], shape: Shape | None) -> frontier.Frontier:
    """The frontier of a shape, whole."""
    curve = frontier.sweep(K, budgets=budgets, shape=shape)
    if curve.stopped is not None:
        raise SystemExit(f"K = {K}, shape {shape}, {curve.stopped.label}: {curve.stopped.reason}")
    return curve


def _budget(noise: float) -> float:
    """A noise with the six digits that are written."""
    return float(f"{noise:.6g}")


def _row(
    K: int, series: str, budget: float, noise: float, table: polyest.Table, minimax: bool
) -> Row:
    return {
        "K": K,
        "series": series,
        "budget": _budget(budget),
        "noise": noise,
        "bias_lower": repr(table.bias.lower),
        "bias_upper": repr(table.bias.upper),
        "minimax": "yes" if minimax else "no",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="K = 3, to standard output")
    quick = parser.parse_args().quick
    origin.write(rows(3 if quick else DRAWS), PACKAGES, None if quick else FILE)
    drawn = curves((3,) if quick else FRONTIER_DRAWS)
    origin.write(drawn, PACKAGES, None if quick else FRONTIER)


if __name__ == "__main__":
    main()
