"""Entries of tables: those of minimax grow like 2^K; a variance budget keeps entries near log(k/K)."""

from math import log
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from paper_figures import rows, style

COLUMNS = {"K": rows.whole, "series": rows.word, "k": rows.whole, "entry": rows.number}
LINEAR = 10  # the upper panels draw entries up to this size on a linear scale
POWERS = (10, 1e3, 1e5, 1e7)
FEW = ("log_count", "noise 8", "minimax")  # tables in the upper panels
WILD = "minimax"  # drawn in the lower panels without its line, which would cover them
NEAR = (-7.2, 3.2)  # limits of the lower panels


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "coefficients", COLUMNS).known("series", style.SERIES)
    drawn = style.page(4.9)
    Ks = given.values("K")
    grid = drawn.subplots(2, len(Ks), squeeze=False, sharex="col", sharey="row")
    for (whole, near), K in zip(grid.T, Ks, strict=True):
        mine = given.where(K=K)
        for axes, shown in ((whole, FEW), (near, mine.values("series"))):
            for series in shown:
                one = mine.where(series=series)
                look = style.look(series)
                if axes is near and series == WILD:
                    look["linestyle"] = "none"
                axes.plot([place(k, K) for k in one["k"]], one["entry"], **look)
        whole.set_yscale("symlog", linthresh=LINEAR, linscale=0.8)
        whole.yaxis.set_major_locator(FixedLocator([*(-y for y in POWERS[::-1]), 0, *POWERS]))
        whole.yaxis.set_minor_locator(NullLocator())
        whole.set_title(f"K = {K}")
        near.set_ylim(*NEAR)
    grid[0, 0].set_ylabel("entry $c_k$")
    grid[1, 0].set_ylabel("entry $c_k$, enlarged")
    drawn.supxlabel("log(k/K); k = 0 is drawn at log(1/(2K)), the first point from the left")
    style.explain(drawn, grid.flat, 4)
    return drawn


def place(k: int, K: int) -> float:
    """Where an entry is drawn."""
    return log(max(k, 0.5) / K)
