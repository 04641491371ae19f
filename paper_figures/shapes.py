"""Entries and means at K = 14: free entries rise and fall, monotone ones rise, and all means follow log p."""

from math import log
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from paper_figures import rows, style
from polyest.cli.plot import GREY

COLUMNS = {
    "K": rows.whole,
    "series": rows.word,
    "kind": rows.word,
    "at": rows.number,
    "value": rows.number,
}
FREE, SHAPES = "noise 8", ("monotone", "concave")
EVERY = 12  # number of places from one marker to the next
POWERS = (0.001, 0.01, 0.1, 1)
LOWEST = -6.2  # the end of the axis of means: the entries at count 0 are the means at p = 0


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "shapes", COLUMNS).known("series", style.SERIES)
    (K,) = given.values("K")
    entries, means = given.where(kind="entry"), given.where(kind="mean").checked(at=rows.positive)
    drawn = style.page(3.2)
    left, right = drawn.subplots(1, 2, width_ratios=(1.15, 1))
    for i, series in enumerate((FREE, *SHAPES)):
        mine = entries.where(series=series)
        left.step(mine["at"], mine["value"], where="mid", **style.look(series))
        mine = means.where(series=series)
        look = style.look(series, markevery=(4 * i, EVERY))
        right.plot(mine["at"], mine["value"], **look)
    places = means.where(series=FREE)["at"]
    logs = [log(p) for p in places]
    line = {"color": GREY, "linestyle": (0, (1, 1)), "linewidth": 1.6, "zorder": 1}
    right.plot(places, logs, label="log p", **line)
    left.set_title(f"entries, K = {K}")
    left.set_xlabel("count X")
    left.set_ylabel("entry $c_X$, what X sightings pay")
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    _means(right)
    style.explain(drawn, (left, right), 4)
    return drawn


def _means(axes: Axes) -> None:
    axes.set_title("means")
    axes.set_xscale("log")
    axes.set_ylim(LOWEST, 0.3)
    axes.xaxis.set_major_locator(FixedLocator(POWERS))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda p, _: f"{p:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("probability p of the answer")
    axes.set_ylabel(r"mean $\mathrm{E}\,c_X$")
