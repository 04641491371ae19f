"""The errors e(p) of tables for K = 8 and 16: the minimax table's alternates at K+2 equal extrema."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from paper_figures import rows, style
from polyest.cli.plot import GREY

CURVES = ("log_count", "miller_madow", "jackknife", "schuermann", "noise 2", "noise 8", "minimax")
LOW = ("schuermann", "noise 8", "minimax")  # the curves that the lower panels enlarge
COLUMNS = {
    "K": rows.whole,
    "p": rows.number,
    "least": rows.positive,
    **dict.fromkeys(CURVES, rows.number),
}
NEAR = 2.6  # height of the lower panels, relative to E*(K)
PLACES = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)
EVERY = 28  # number of points from one marker to the next


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "bias_curves", COLUMNS)
    drawn = style.page(4.9)
    Ks = given.values("K")
    grid = drawn.subplots(2, len(Ks), squeeze=False, sharex=True)
    for (whole, near), K in zip(grid.T, Ks, strict=True):
        mine = given.where(K=K)
        least = mine["least"][0]
        for axes, shown in ((whole, CURVES), (near, LOW)):
            for name in shown:
                marked = (4 * CURVES.index(name), EVERY)  # curves have markers at different places
                axes.plot(mine["p"], mine[name], markevery=marked, **style.look(name))
            axes.set_xscale("function", functions=(_angle, _share))
            axes.set_xlim(0, 1)
            axes.xaxis.set_major_locator(FixedLocator(PLACES))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda p, _: f"{p:g}"))
            axes.xaxis.set_minor_locator(NullLocator())
        whole.set_title(f"K = {K}")
        near.set_ylim(-NEAR * least, NEAR * least)
        for level in (-least, least):
            near.axhline(level, color=GREY, linestyle=(0, (4, 3)), linewidth=0.7)
        words = {"xycoords": near.get_yaxis_transform(), "textcoords": "offset points"}
        for level, name in ((least, f"E*({K})"), (-least, f"\N{MINUS SIGN}E*({K})")):
            near.annotate(name, (1, level), (3, 0), va="center", fontsize=style.SMALL, **words)
    grid[0, 0].set_ylabel("e(p)")
    grid[1, 0].set_ylabel("e(p), enlarged")
    drawn.supxlabel("p, stretched as in p = sin$^2$θ")
    style.explain(drawn, grid.flat, 4)
    return drawn


def _angle(p: np.ndarray) -> np.ndarray:
    return np.arcsin(np.sqrt(np.clip(p, 0, 1)))


def _share(angle: np.ndarray) -> np.ndarray:
    return np.sin(np.clip(angle, 0, np.pi / 2)) ** 2
