"""Bias against noise at K = 16 and 64, near the noise that trainers can afford, with eight estimators named.

One row for a paper; `pareto_grid` has every K, criterion and mark.
"""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paper_figures import pareto_grid, rows, style
from polyest.cli import plot
from polyest.cli.plot import BLUE, LOOKS
from polyest.problem.criteria import DEFAULT

SHOWN = (16, 64)
FORMS = ("log_count", "log_smoothed", "miller_madow", "harmonic", "schuermann", "jackknife")
OTHERS = ("jvhw", "bub, m = 10 N")
DEFAULT_NOISE = 8  # the budget of the table that is loaded by default
RANGE = (0.7, 20.0)  # of noise; right of the marks there is room for their names
BELOW, ABOVE = 1.7, 1.7  # factors between what is drawn and the ends of the axis of bias
COLUMN = 0.62  # where the names begin, as a share of the width


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "pareto", pareto_grid.COLUMNS).where(criterion=DEFAULT)
    given = given.having("noise").checked(bias_upper=rows.positive, least_lower=rows.positive)
    peers = rows.read(folder, "peers", pareto_grid.MEASURED)
    drawn = style.page(2.9)
    for K, axes in zip(SHOWN, drawn.subplots(1, len(SHOWN)), strict=True):
        curve = given.where(K=str(K), series="optimal")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.plot(curve["noise"], curve["bias_upper"], color=BLUE, linewidth=1.5)
        spots = list[style.Spot]()
        for form in FORMS:
            label, look = LOOKS[form]
            one = given.one(K=str(K), series=form)
            axes.plot(one["noise"], one["bias_upper"], zorder=3, **look)
            spots.append((one["noise"], one["bias_upper"], label, look["color"]))
        for name in OTHERS:
            label, look = pareto_grid.PEERS[name]
            spot = pareto_grid.measured(peers.where(K=K), DEFAULT, name)
            axes.plot(*spot, zorder=3, **{**plot.SOLID, **look})
            spots.append((*spot, label, look["color"]))
        near = [row["bias_upper"] for row in curve if row["noise"] <= RANGE[1]]
        axes.set_xlim(*RANGE)
        axes.set_ylim(min(near) / BELOW, ABOVE * max(bias for _, bias, _, _ in spots))
        plot.label_ticks(axes.xaxis)
        plot.label_ticks(axes.yaxis)
        style.point_out(axes, spots, COLUMN, gap=0.065)
        _name(axes, curve)
        axes.set_title(f"K = {K}")
    drawn.supxlabel(f"noise: {plot.NOISE[DEFAULT]}, in units of that of log((X+1)/(K+1))")
    drawn.supylabel(r"bias: $\sup_p\, |p\,(\mathrm{E}\,c_X - \log p)|$")
    return drawn


def _name(axes: Axes, curve: rows.Rows) -> None:
    """Say what the curve is, and which of its points is the table that is loaded by default."""
    words: dict[str, Any] = {"color": BLUE, "fontsize": style.SMALL}
    begin = curve.one(label="noise 1.4")
    axes.annotate(
        "least bias at each\nnoise, proved",
        (begin["noise"], begin["bias_upper"]),
        (0.03, 0.2),
        textcoords="axes fraction",
        arrowprops={**style.LEADER, "relpos": (0.5, 1.0), "color": BLUE},
        **words,
    )
    default = curve.one(label=f"noise {DEFAULT_NOISE}")
    spot = default["noise"], default["bias_upper"]
    axes.plot(*spot, color=BLUE, marker="o", linestyle="none")
    words |= {"textcoords": "offset points", "ha": "center", "va": "top"}
    axes.annotate(f"noise {DEFAULT_NOISE}, the default", spot, (0, -5), **words)
