"""Worst-case weighted bias against sample size with fitted slopes, and right and wrong tables in a group."""

from math import floor, log10
from pathlib import Path

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
SLOPES = {
    "series": rows.word,
    "from": rows.whole,
    "to": rows.whole,
    "slope": rows.number,
    "slope_pm": rows.number,
}
LIMIT = "limit"
# Each of these is drawn for in-group counts twice: the right table, and that for K larger by 1.
TABLES = {
    "log": ("log(X/G)", {"color": INK, "marker": "X"}),
    "noise 8": ("AQP, noise 8", {"color": RED, "marker": "v"}),
    "minimax": ("minimax", {"color": BLUE, "marker": "*", "markersize": 6}),
}
RIGHT = {"linestyle": "-"}
WRONG = {"linestyle": "--", "fillstyle": "none", "markeredgewidth": 0.9}
BASELINES = {"no baseline": "K = G for K = G - 1", "group mean": "K = G - 1 for K = G - 2"}
SAID = "at a fixed noise the rate\nis 1/K; the rate 1/K$^2$ takes\nnoise that grows exponentially"


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "bias_rates", COLUMNS, made_by="rates")
    slopes = rows.read(folder, "bias_slopes", SLOPES, made_by="rates")
    drawn = style.page(5.7)
    left, right = drawn.subfigures(1, 2, width_ratios=(1.2, 1))
    _rates(left, given.where(count="independent"), slopes)
    grid = right.subplots(2, 1, sharex=True, sharey=True)
    for axes, (baseline, words) in zip(grid, BASELINES.items(), strict=True):
        for count, look, said in (("in-group", RIGHT, ""), ("misused", WRONG, ", wrong table")):
            mine = given.where(count=count)
            for name, (label, colours) in TABLES.items():
                series = f"{name}, {baseline}"
                if series in mine["series"]:  # log(X/G) has no wrong table
                    one = mine.where(series=series)
                    both = {**style.THIN, **colours, **look, "label": f"{label}{said}"}
                    axes.plot(one["group"], one["bias_upper"], **both)
        axes.set_title(f"in-group, {baseline}")
        axes.annotate(
            f"wrong: {words}", (0.02, 0.03), xycoords="axes fraction", fontsize=style.SMALL
        )
        _logarithmic(axes)
    grid[1].set_xlabel("traces in a group, G")
    grid[1].xaxis.set_major_locator(LogLocator(base=2))
    right.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return drawn


def _rates(part: Figure, given: rows.Rows, slopes: rows.Rows) -> None:
    axes = part.subplots()
    known = given.known("series", {**style.SERIES, LIMIT: ""})
    ranges = sorted({(row["from"], row["to"]) for row in slopes})
    for series in [name for name in style.SERIES if name in known["series"]]:
        one = given.where(series=series)
        fitted = [
            slopes.one(series=series, **dict(zip(("from", "to"), ends, strict=True)))
            for ends in ranges
        ]
        said = ", ".join(slope(row["slope"], row["slope_pm"]) for row in fitted)
        label = f"{style.SERIES[series][0]}: {said}"
        axes.plot(one["K"], one["bias_upper"], **style.look(series, label=label))
    one = given.where(series=LIMIT)
    constant = one["bias_upper"][-1] * (one["K"][-1] + 1) ** 2
    look = {"color": GREY, "linestyle": (0, (1, 1)), "linewidth": 1.6, "zorder": 1}
    axes.plot(
        one["K"],
        one["bias_upper"],
        **look,
        label=f"limit {constant:.5f}/(K+1)$^2$: \N{MINUS SIGN}2",
    )
    axes.annotate(SAID, (0.03, 0.03), xycoords="axes fraction", fontsize=style.SMALL)
    axes.set_title("independent counts")
    axes.set_xlabel("draws, K")
    axes.set_ylabel(r"$\sup_p\, |p\,(\mathrm{E}\,c_X - \log p)|$")
    _logarithmic(axes)
    axes.xaxis.set_major_locator(LogLocator(base=4))
    over = ", then over ".join(f"K = {first}..{last}" for first, last in ranges)
    handles = axes.get_legend_handles_labels()
    part.legend(*handles, loc="outside lower center", title=f"slope against K + 1 over {over}")


def slope(value: float, error: float) -> str:
    """A slope and its interval with one digit of the latter: -1.06 +- 0.02."""
    places = max(0, -floor(log10(error))) if error else 0
    return f"{value:.{places}f}\N{PLUS-MINUS SIGN}{error:.{places}f}".replace("-", "\N{MINUS SIGN}")


def _logarithmic(axes: Axes) -> None:
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
