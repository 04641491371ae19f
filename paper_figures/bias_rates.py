"""Worst-case weighted bias against sample size: independent counts, and right and wrong tables in a group."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from paper_figures import rows, style
from polyest.cli.plot import BLUE, GREY, INK, RED

COLUMNS = {
    "count": rows.word,
    "series": rows.word,
    "K": rows.whole,
    "group": rows.whole,
    "bias_upper": rows.positive,
}
LIMIT = "limit"
# Lines that lie on one another: each has its markers where the other has none, and the first of a pair is
# drawn wide and pale too, to be seen on both sides of the other.
PAIRS = (("harmonic", "miller_madow"), ("jackknife", "schuermann"))
MARKED = {name: {"markevery": (place, 2)} for pair in PAIRS for place, name in enumerate(pair)}
BELOW: dict[str, Any] = {"linewidth": 4.5, "alpha": 0.35, "zorder": 1, "solid_capstyle": "butt"}
HIDDEN = (*(pair[0] for pair in PAIRS), "minimax")
# Each of these is drawn for in-group counts twice: the right table, and that for K larger by 1.
TABLES = {
    "log": ("log(X/G)", {"color": INK, "marker": "X"}),
    "noise 8": ("noise 8", {"color": RED, "marker": "v"}),
    "minimax": ("minimax", {"color": BLUE, "marker": "*", "markersize": 6}),
}
RIGHT = {"linestyle": "-"}
WRONG = {"linestyle": "--", "fillstyle": "none", "markeredgewidth": 0.9}
BASELINES = {
    "no baseline": "no baseline: K = G \N{MINUS SIGN} 1, wrong: K = G",
    "group mean": "group mean: K = G \N{MINUS SIGN} 2, wrong: K = G \N{MINUS SIGN} 1",
}
SAID = "at a fixed noise the rate\nis 1/K; the rate 1/K$^2$ takes\nnoise that grows exponentially"
BESIDE = 1.06  # where the names of lines begin, as a share of the width of their axes


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "bias_rates", COLUMNS, made_by="rates")
    drawn = style.page(4.4)
    left, right = drawn.subfigures(1, 2, width_ratios=(1.3, 1))
    _rates(left.subplots(), given.where(count="independent"))
    grid = right.subplots(2, 1, sharex=True, sharey=True)
    for axes, (baseline, words) in zip(grid, BASELINES.items(), strict=True):
        ends = list[style.Spot]()
        for count, look, said in (("in-group", RIGHT, ""), ("misused", WRONG, ", wrong")):
            mine = given.where(count=count)
            for name, (label, colours) in TABLES.items():
                series = f"{name}, {baseline}"
                if series in mine["series"]:  # log(X/G) has no wrong table
                    one = mine.where(series=series)
                    axes.plot(one["group"], one["bias_upper"], **{**style.THIN, **colours, **look})
                    end = one["group"][-1], one["bias_upper"][-1]
                    ends.append((*end, f"{label}{said}", colours["color"]))
        axes.set_title(words, fontsize=8)
        _logarithmic(axes)
        style.point_out(axes, ends, BESIDE, gap=0.1)
    grid[1].set_xlabel("completions in a group, G")
    grid[1].xaxis.set_major_locator(LogLocator(base=2))
    return drawn


def _rates(axes: Axes, given: rows.Rows) -> None:
    known = given.known("series", {**style.SERIES, LIMIT: ""})
    ends = list[style.Spot]()
    for series in [name for name in style.SERIES if name in known["series"]]:
        one = given.where(series=series)
        look = style.look(series, **MARKED.get(series, {}))
        axes.plot(one["K"], one["bias_upper"], **look)
        if series in HIDDEN:
            axes.plot(one["K"], one["bias_upper"], color=look["color"], **BELOW)
        ends.append((one["K"][-1], one["bias_upper"][-1], look["label"], look["color"]))
    one = given.where(series=LIMIT)
    constant = one["bias_upper"][-1] * (one["K"][-1] + 1) ** 2
    axes.plot(one["K"], one["bias_upper"], color=GREY, linestyle=(0, (1, 1)), linewidth=2.5)
    place = len(one["K"]) // 2
    axes.annotate(
        f"{constant:.5f}/(K+1)$^2$,\nwhich minimax\ntends to",
        (one["K"][place], one["bias_upper"][place]),
        (0.03, 0.34),
        textcoords="axes fraction",
        color=GREY,
        fontsize=style.SMALL,
        arrowprops={**style.LEADER, "relpos": (1.0, 0.9), "color": GREY},
    )
    axes.annotate(SAID, (0.03, 0.03), xycoords="axes fraction", fontsize=style.SMALL)
    axes.set_title("independent counts")
    axes.set_xlabel("sample size K")
    axes.set_ylabel(r"bias: $\sup_p\, |p\,(\mathrm{E}\,c_X - \log p)|$")
    _logarithmic(axes)
    axes.xaxis.set_major_locator(LogLocator(base=4))
    style.point_out(axes, ends, BESIDE)


def _logarithmic(axes: Axes) -> None:
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
