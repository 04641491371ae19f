"""The style of the figures: widths of a page, and the look of each estimator by name.

Colours, fonts and the style itself are those of `polyest.cli.plot`, as are the marks of closed forms.
Every series has its own marker or dash besides its colour, so that it can be recognised in grey print.
Sizes are those of print: letters have 7 to 8 points where a figure has the width that it states.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from polyest.cli.plot import BLUE, GREEN, INK, LOOKS, ORANGE, PINK, RED

PAGE = 7.0  # width in inches of both columns of a page
SKY = "#56B4E9"
SMALL = 7.0  # points

THIN = {"markersize": 3.5, "markeredgewidth": 0.0}
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
    "noise 1": ("AQP, noise 1", {"color": SKY, "linestyle": ":", "marker": "<"}),
    "noise 2": ("AQP, noise 2", {"color": ORANGE, "linestyle": "--", "marker": "o"}),
    "noise 4": ("AQP, noise 4", {"color": SKY, "linestyle": "-.", "marker": ">"}),
    "noise 8": ("AQP, noise 8", {"color": RED, "linestyle": "-", "marker": "v"}),
    "minimax": ("minimax", {"color": BLUE, "linestyle": "-", "marker": "*", "markersize": 6}),
    "monotone": ("monotone", {"color": BLUE, "linestyle": "-", "marker": "o"}),
    "concave": (
        "monotone and concave",
        {"color": GREEN, "linestyle": "--", "marker": "D", "markersize": 3},
    ),
}


def page(height: float) -> Figure:
    """A figure over both columns of a page, `height` inches high."""
    return Figure(figsize=(PAGE, height), layout="constrained")


def look(name: str, **changed: Any) -> dict[str, Any]:
    """Label and look of an estimator's line."""
    label, drawn_as = SERIES[name]
    return {"label": label, **THIN, **drawn_as, **changed}


def explain(figure: Figure, axes: Iterable[Axes], columns: int) -> None:
    """A legend above the figure: every label once, in the order in which it was drawn."""
    handles: dict[str, Any] = {}
    for one in axes:
        for handle, label in zip(*one.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=columns)
