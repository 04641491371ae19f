"""The style of the figures: widths of a page, and the look of each estimator by name.

Colours, fonts and the style itself are those of `polyest.cli.plot`, as are the marks of closed forms.
Every series has its own marker or dash besides its colour, so that it can be recognised in grey print.
Sizes are those of print: letters have 7 to 8 points where a figure has the width that it states.
A table of least bias is named by its variance ratio, "noise 8"; AQP is the second-moment program alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from polyest.cli.plot import BLUE, GREEN, INK, LOOKS, ORANGE, PINK, RED

PAGE = 7.0  # width in inches of both columns of a page
SKY = "#56B4E9"
SMALL = 7.0  # points

THIN = {"markersize": 3.5, "markeredgewidth": 0.0}
LEADER = {"arrowstyle": "-", "linewidth": 0.5, "relpos": (0.0, 0.5), "shrinkA": 1.0, "shrinkB": 2.0}
GAP = 0.04  # the distance of two labels in a column, as a share of the height of its axes
Spot = tuple[float, float, str, str]  # x, y, label, colour
# Label and look of each estimator that is drawn as a line.
SERIES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "log_count": ("log((X+1)/(K+1))", {"color": INK, "linestyle": "-", "marker": "X"}),
    "miller_madow": ("Miller-Madow", {"color": PINK, "linestyle": "--", "marker": "^"}),
    "harmonic": ("harmonic (Zhang)", {"color": GREEN, "linestyle": "-.", "marker": "s"}),
    "jackknife": ("jackknife", {"color": PINK, "linestyle": ":", "marker": "P"}),
    "schuermann": (
        LOOKS["schuermann"][0],
        {"color": GREEN, "linestyle": "-", "marker": "D"},
    ),
    "jvhw": ("JVHW", {"color": INK, "linestyle": ":", "marker": "p"}),
    "noise 1": ("noise 1", {"color": SKY, "linestyle": ":", "marker": "<"}),
    "noise 2": ("noise 2", {"color": ORANGE, "linestyle": "--", "marker": "o"}),
    "noise 4": ("noise 4", {"color": SKY, "linestyle": "-.", "marker": ">"}),
    "noise 8": ("noise 8", {"color": RED, "linestyle": "-", "marker": "v"}),
    "minimax": ("minimax", {"color": BLUE, "linestyle": "-", "marker": "*", "markersize": 6}),
    "monotone": ("monotone", {"color": BLUE, "linestyle": "-", "marker": "o"}),
    "concave": (
        "concave",
        {"color": GREEN, "linestyle": "--", "marker": "D", "markersize": 3},
    ),
}
# Names of estimators where arms are listed: Schürmann's is that of the one xi, and Gini is no table.
LISTED = {"schuermann": "Schürmann", "gini": "Gini"}
MEAN = "mean of "  # what an arm's name begins with that pays the exact mean of an estimator


def page(height: float) -> Figure:
    """A figure over both columns of a page, `height` inches high."""
    return Figure(figsize=(PAGE, height), layout="constrained")


def look(name: str, **changed: Any) -> dict[str, Any]:
    """Label and look of an estimator's line."""
    label, drawn_as = SERIES[name]
    return {"label": label, **THIN, **drawn_as, **changed}


def named(arm: str) -> str:
    """The name of an arm in every figure: that of its estimator, and what is said of it after a comma."""
    estimator, comma, more = arm.removeprefix(MEAN).partition(", ")
    name = LISTED.get(estimator) or SERIES.get(estimator, (estimator,))[0]
    return f"{MEAN * arm.startswith(MEAN)}{name}{comma}{more}"


def point_out(axes: Axes, spots: Sequence[Spot], at: float, gap: float = GAP) -> None:
    """Labels in one column, each joined to its spot by a thin line; the limits of the axes are to be set.

    spots: x, y, label and colour of each; at: where the column begins, as a share of the width of the axes,
    above 1 for one beside them; gap: the least distance of two labels, as a share of the height.
    """
    to_share = axes.transData + axes.transAxes.inverted()
    highest_first = sorted(spots, key=lambda spot: -spot[1])
    own = [float(to_share.transform(spot[:2])[1]) for spot in highest_first]
    for (x, y, label, colour), height in zip(highest_first, spread(own, gap), strict=True):
        axes.annotate(
            label,
            (x, y),
            (at, height),
            textcoords="axes fraction",
            va="center",
            color=colour,
            fontsize=SMALL,
            annotation_clip=False,
            arrowprops={**LEADER, "color": colour},
            zorder=60,
        )


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Heights nearest to the given ones, which fall, that are at least `gap` apart.

    Least squares: neighbours that are too close are moved together, by their mean (pool adjacent violators).
    """
    pools: list[
        tuple[float, int]
    ] = []  # the mean and the number of heights, each raised by its gaps
    for place, height in enumerate(heights):
        mean, size = height + place * gap, 1
        while pools and pools[-1][0] < mean:
            above, count = pools.pop()
            mean, size = (above * count + mean * size) / (count + size), count + size
        pools.append((mean, size))
    level = [mean for mean, size in pools for _ in range(size)]
    return [height - place * gap for place, height in enumerate(level)]


def explain(figure: Figure, axes: Iterable[Axes], columns: int) -> None:
    """A legend above the figure: every label once, in the order in which it was drawn."""
    handles: dict[str, Any] = {}
    for one in axes:
        for handle, label in zip(*one.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=columns)
