"""This module draws figures in one style from plain rows, which are computed or read from a file.

The colours are those of Okabe and Ito, which colour-blind readers can distinguish.  Every series also has
its own marker or line.  Matplotlib is an optional dependency and is imported inside functions.  Figures are
made without pyplot, which keeps global state, and the same rows give the same bytes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from polyest.errors import CannotStore, NotInstalled
from polyest.problem.criteria import CRITERIA
from polyest.problem.targets import parse
from polyest.values import either

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Row = Mapping[str, str]

INK, GREY, BLUE, GREEN = "#000000", "#6E6E6E", "#0072B2", "#009E73"
ORANGE, RED, PINK = "#E69F00", "#D55E00", "#CC79A7"
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # matplotlib contains this font, so it is the same everywhere
    "font.size": 8,
    "figure.labelsize": 8,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "lines.linewidth": 1.0,
    "lines.markersize": 4.5,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "polyest",
}
# What a file of each format says of itself: no date, and where its caption stands.
UNDATED: Mapping[str, dict[str, None]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
}
CAPTION = {"png": "Description", "pdf": "Subject", "svg": "Description"}
FORMATS = tuple(UNDATED)

SOLID = {"linestyle": "none", "markeredgecolor": "white", "markeredgewidth": 0.4}
CROSS = {"linestyle": "none", "markeredgewidth": 1.2}
RING = {"linestyle": "none", "fillstyle": "none"}
# The label and look of each series, in the order of the legend; the first is drawn on top.
LOOKS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "optimal": (
        "least bias at this noise, proved",
        {"color": BLUE, "marker": ".", "linewidth": 1.5},
    ),
    "minimax": ("minimax table", {"color": BLUE, "marker": "*", "markersize": 11, **SOLID}),
    "blocks": (
        "sample splitting: minimax, K/k blocks of k",
        {"color": ORANGE, "marker": "o", "linestyle": "none"},
    ),
    "subsets": ("the same over all subsets of k", {"color": ORANGE, "marker": "o", **RING}),
    "second-moment": ("least second moment (AQP)", {"color": RED, "marker": "v", **SOLID}),
    "squared-error": ("least squared error", {"color": RED, "marker": "h", **SOLID}),
    "jackknife": ("jackknife", {"color": PINK, "marker": "P", "markersize": 5, **SOLID}),
    "schuermann": (
        r"Schürmann, $\xi = e^{-1/2}$",
        {"color": GREEN, "marker": "D", "markersize": 6.5, **SOLID},
    ),
    "schuermann-xi": (r"Schürmann, $\xi$ from 1 to 1/2", {"color": GREEN}),
    "harmonic": ("harmonic (Zhang)", {"color": GREEN, "marker": "s", **SOLID}),
    "miller_madow": ("Miller-Madow", {"color": PINK, "marker": "^", "markersize": 6, **SOLID}),
    "log_count": ("log((X+1)/(K+1))", {"color": INK, "marker": "X", "markersize": 7, **SOLID}),
    "log_smoothed": ("log(max(X, 1/2)/K)", {"color": INK, "marker": "+", "markersize": 6, **CROSS}),
    "taylor": ("the same with a Taylor term", {"color": INK, "marker": "x", **CROSS}),
    "plug_in": (r"$\phi$((X+1)/(K+1))", {"color": INK, "marker": "X", "markersize": 7, **SOLID}),
}
NOISE = {name: rf"$\sup_p\, {row.tex}$" for name, row in CRITERIA.items() if row.budgeted}
CLOSE = (0.6, 14.0)  # the enlarged range of noise, which trainers can afford
BEYOND = 10  # marks with more noise than this multiple of the curve's greatest noise are not shown
SHORT = 1e2  # an axis of noise that spans less than this factor gets labels at 1, 2, 5, 10
LONG = 5e2  # an axis that spans more than this factor is labelled at powers of 10 only
UNBIASED = 1e-9  # a bias below this share of the greatest one is the rounding of an unbiased table
ROOM = 1.4  # factor between the outermost marks and the end of an axis
WIDE = 0.05  # the same as a power of the factor that the axis spans, used if that is more


@dataclass(frozen=True)
class Panel:
    """The data of one K: the points (noise, bias) of each series, and a lower bound of E*(K)."""

    K: int
    spots: Mapping[str, Sequence[tuple[float, float]]]
    least: float

    @property
    def floor(self) -> float:
        """The bias up to which a table counts as unbiased; such a table is not on the axes."""
        return UNBIASED * max(bias for spots in self.spots.values() for _, bias in spots)


def check(path: str) -> str:
    """Return the format that the suffix of a file names, and check that it can be drawn.

    Raises CannotStore for a suffix other than .png, .pdf or .svg, NotInstalled without matplotlib.

    >>> check("pareto.svg")
    'svg'
    """
    form = PurePath(path).suffix.removeprefix(".").lower()
    if form not in FORMATS:
        raise CannotStore(
            f"{path}: figures are not written in the format {form or 'nothing'!r}: expected a file that "
            f"ends in {either(f'.{known}' for known in FORMATS)}"
        )
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        raise NotInstalled(
            "a figure needs matplotlib, which is not installed: pip install 'polyest[plot]'"
        ) from None
    return form


def pareto(rows: Iterable[Row], form: str, shape: str | None = None) -> bytes:
    """Draw bias against noise, whole and enlarged for each K in `rows`; return a file of format `form`.

    rows: mappings with target, criterion, K, series, noise, bias_upper and least_lower, as
    frontier.records returns them; shape: that of the tables of the curve, as other tables may lie below it.
    """
    listed = list(rows)
    shown = panels(listed)
    with styled():
        figure, axes = _axes(len(shown))
        for panel, (whole, close) in zip(shown, axes, strict=True):
            draw(panel, whole)
            whole.set_title(f"K = {panel.K}")
            draw(panel, close)
            enlarge(panel, close)
        drawn = {line.get_label(): line for whole, _ in axes for line in whole.get_lines()}
        visible = {
            series
            for panel, (whole, _) in zip(shown, axes, strict=True)
            for series, spots in panel.spots.items()
            if min(spots)[0] <= whole.get_xlim()[1]
        }
        labels = [label for series, (label, _) in LOOKS.items() if series in visible]
        lines = [drawn[label] for label in labels if label in drawn]
        if shape is not None:
            lines[0].set_label(f"least bias of {shape} tables, proved")
        figure.legend(handles=lines, loc="outside upper center", ncols=3)
        written = parse(listed[0]["target"]).written
        unit = written("(X+1)/(K+1)").replace("phi", r"$\phi$")
        figure.supxlabel(f"noise: {NOISE[listed[0]['criterion']]}, in units of that of {unit}")
        figure.supylabel(rf"bias: $\sup_p\, |p\,(\mathrm{{E}}\,c_X - \{written('p')})|$")
        return saved(figure, form)


@contextmanager
def styled() -> Iterator[None]:
    """Set the style during a block, in which figures are made and saved.

    Other settings of matplotlib are reset.  Only fonts that matplotlib contains are used, because fonts of
    the same name on the system may differ.
    """
    from matplotlib import get_data_path, rc_context, rcdefaults, rcParams
    from matplotlib.font_manager import fontManager

    listed = fontManager.ttflist
    with rc_context():
        rcdefaults()
        rcParams.update(STYLE)
        try:
            fontManager.ttflist = []
            for path in sorted(Path(get_data_path(), "fonts", "ttf").glob("*.ttf")):
                fontManager.addfont(path)
            yield
        finally:
            fontManager.ttflist = listed


def saved(figure: "Figure", form: str, caption: str | None = None) -> bytes:
    """Return a figure as a file of format `form`, one of FORMATS, without a date and with its caption."""
    content, said = BytesIO(), {} if caption is None else {CAPTION[form]: caption}
    figure.savefig(content, format=form, metadata={**UNDATED[form], **said})
    return content.getvalue()


def panels(rows: Iterable[Row]) -> list[Panel]:
    """Group rows by K, ascending, and by series."""
    spots: dict[int, dict[str, list[tuple[float, float]]]] = {}
    least = {}
    for row in rows:
        K, place = int(row["K"]), (float(row["noise"]), float(row["bias_upper"]))
        spots.setdefault(K, {}).setdefault(row["series"], []).append(place)
        least[K] = float(row["least_lower"])
    return [Panel(K, spots[K], least[K]) for K in sorted(spots)]


def draw(panel: Panel, axes: "Axes") -> None:
    """Draw every series of a panel on axes that end soon after the curve does."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    for depth, (series, (label, look)) in enumerate(LOOKS.items()):
        spots = [spot for spot in panel.spots.get(series, ()) if spot[1] > panel.floor]
        if spots:
            axes.plot(*zip(*spots, strict=True), label=label, zorder=40 - depth, **look)
    line: dict[str, Any] = {"color": GREY, "linestyle": "--", "linewidth": 0.8}
    words: dict[str, Any] = {"textcoords": "offset points", "annotation_clip": True, "color": GREY}
    if panel.least:
        axes.axhline(panel.least, **line)
        place = (0.0, panel.least)
        frame = axes.get_yaxis_transform()
        axes.annotate(f"E*({panel.K})", place, (2, 2), xycoords=frame, fontsize=7, **words)
    for noise, bias in panel.spots["optimal"]:
        if bias <= panel.floor:
            axes.axvline(noise, **line)
            place = (noise, 0.0)
            words |= {"xycoords": axes.get_xaxis_transform(), "ha": "right"}
            axes.annotate("no bias", place, (-3, 3), **words)
    end = max(noise for noise, _ in panel.spots["optimal"])
    seen = [noise for spots in panel.spots.values() for noise, _ in spots]
    first, last = min(seen), max(noise for noise in seen if noise <= BEYOND * end)
    room = max(ROOM, (last / first) ** WIDE)
    axes.set_xlim(first / room, last * room)
    short = last < SHORT * first
    for axis in (axes.xaxis, axes.yaxis) if short else (axes.yaxis,):
        label_ticks(axis)


def enlarge(panel: Panel, axes: "Axes") -> None:
    """Show only the range of noise near that of the plug-in table, which trainers can afford."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    high = min(CLOSE[1], axes.get_xlim()[1])
    low = min(CLOSE[0], high / 4)
    seen = [spot for spots in panel.spots.values() for spot in spots if low <= spot[0] <= high]
    heights = [bias for _, bias in seen if bias > panel.floor]
    axes.set_xlim(low, high)
    if heights:
        axes.set_ylim(min(heights) / ROOM, max(heights) * ROOM)
        label_ticks(axes.yaxis)
    axes.xaxis.set_major_locator(LogLocator(base=2, numticks=8))
    axes.xaxis.set_major_formatter(FuncFormatter(_plain))
    axes.xaxis.set_minor_locator(NullLocator())


def _axes(number: int) -> tuple["Figure", list[tuple["Axes", "Axes"]]]:
    """Return a figure with two axes for each K: side by side for one K, else one above the other."""
    from matplotlib.figure import Figure

    if number == 1:
        figure = Figure(figsize=(7.2, 4.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        return figure, [(left, right)]
    figure = Figure(figsize=(max(7.2, 1.8 * number), 5.6), layout="constrained")
    upper, lower = figure.subplots(2, number)
    return figure, list(zip(upper, lower, strict=True))


def label_ticks(axis: "Axis") -> None:
    """Label an axis at 1, 2, 5, 10 and so on, and a long axis at powers of 10 only."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < LONG * low else (1,)))
    axis.set_major_formatter(FuncFormatter(_plain))
    axis.set_minor_formatter(NullFormatter())


def _plain(value: float, _position: int) -> str:
    return f"{value:g}"
