"""Online cost of a reward: a look-up compared with the plug-in log, and the path from answers to rewards."""

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from paper_figures import rows, style
from polyest.cli.plot import BLUE, GREEN, GREY, INK, ORANGE, PINK, RED

COLUMNS = {
    "stage": rows.word,
    "group": rows.whole,
    "kind": rows.word,
    "way": rows.word,
    "milliseconds": rows.positive,
}
KINDS = {
    "int64 to float64": {"color": BLUE, "marker": "o"},
    "int64 to float32": {"color": ORANGE, "marker": "s"},
    "int32 to float32": {"color": GREEN, "marker": "^"},
    "torch cpu int64 to float64": {"color": INK, "marker": "D"},
    "torch cuda int64 to float64": {"color": PINK, "marker": "v"},
}
WAYS = {
    ("integers", "Counter and log"): {"color": INK, "marker": "o", "linestyle": "-"},
    ("integers", "log_probability"): {"color": BLUE, "marker": "s", "linestyle": "-"},
    ("integers", "log_probability, torch cpu"): {"color": BLUE, "marker": "D", "linestyle": ":"},
    ("integers", "log_probability, torch cuda"): {"color": PINK, "marker": "v", "linestyle": ":"},
    ("strings", "Counter and log"): {"color": GREY, "marker": "o", "linestyle": "--"},
    ("strings", "last number, Counter and log"): {
        "color": ORANGE,
        "marker": "^",
        "linestyle": "--",
    },
    ("strings", "from_texts, log_probability"): {"color": RED, "marker": "v", "linestyle": "--"},
}
NAMES = {"integers": "integers", "strings": "texts"}


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "online_cost", COLUMNS)
    drawn = style.page(4.3)
    sides = drawn.subfigures(1, 2)
    left, right = (side.subplots() for side in sides)
    looked = given.where(stage="look-up").known("kind", KINDS)
    ways = looked.values("way")
    for kind in looked.values("kind"):
        mine = looked.where(kind=kind)
        levels = [ways.index(way) for way in mine["way"]]
        words = {"linestyle": "none", "label": kind, "markersize": 5, "alpha": 0.85}
        left.plot(mine["milliseconds"], levels, **words, **KINDS[kind])
    left.set_yticks(range(len(ways)), ways)
    left.invert_yaxis()
    left.set_xscale("log")
    _plain(left.xaxis, (2, 5, 10, 20, 50, 100, 200))
    left.set_title("$10^7$ counts looked up")
    left.set_xlabel("milliseconds")
    for (stage, way), look in WAYS.items():
        if way not in given.where(stage=stage)["way"]:
            continue  # this device was not measured
        mine = given.where(stage=stage, way=way)
        label = f"{NAMES[stage]}: {way}"
        right.plot(mine["group"], mine["milliseconds"], **style.THIN, **look, label=label)
    right.set_xscale("log", base=2)
    right.set_yscale("log")
    _plain(right.xaxis, sorted({row["group"] for row in given if row["group"]}))
    _plain(right.yaxis, (0.5, 1, 2, 5, 10, 20, 50, 100, 200))
    right.set_title("16,384 traces rewarded")
    right.set_xlabel("traces in a group")
    right.set_ylabel("milliseconds")
    for side, axes in zip(sides, (left, right), strict=True):
        side.legend(*axes.get_legend_handles_labels(), loc="outside lower center")
    return drawn


def _plain(axis: object, places: tuple[float, ...]) -> None:
    axis.set_major_locator(FixedLocator(places))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
