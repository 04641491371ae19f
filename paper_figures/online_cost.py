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
# Label and look of each kind of counts and results, by its name in the file.
KINDS = {
    "int64 to float64": ("NumPy, 8 bytes to 8 bytes", {"color": BLUE, "marker": "o"}),
    "int64 to float32": ("NumPy, 8 bytes to 4 bytes", {"color": ORANGE, "marker": "s"}),
    "int32 to float32": ("NumPy, 4 bytes to 4 bytes", {"color": GREEN, "marker": "^"}),
    "torch cpu int64 to float64": (
        "PyTorch on a CPU, 8 bytes to 8 bytes",
        {"color": INK, "marker": "D"},
    ),
    "torch cuda int64 to float64": (
        "PyTorch on a GPU, 8 bytes to 8 bytes",
        {"color": PINK, "marker": "v"},
    ),
}
# What each way of the file does with a count, in words; "in place" writes into memory that was there.
LOOKED_UP = {
    "np.log(X/K)": "log(X/K)",
    "np.log(X/K), reused": "log(X/K), in place",
    "copy": "copy of the counts",
    "copy, reused": "copy, in place",
    "table[X]": "table",
    "compiled": "compiled table",
    "compiled, reused": "compiled table, in place",
    "torch.log(X/K)": "log(X/K), PyTorch",
    "entries[X]": "entries without a check",
    "clone": "copy, PyTorch",
}
# Label and look of each way from answers to rewards, by its stage and name in the file.
WAYS = {
    ("integers", "Counter and log"): (
        "numbers: a loop that counts, log(X/G)",
        {"color": INK, "marker": "o", "linestyle": "-"},
    ),
    ("integers", "log_probability"): (
        "numbers: polyest",
        {"color": BLUE, "marker": "s", "linestyle": "-"},
    ),
    ("integers", "log_probability, torch cpu"): (
        "numbers: polyest, PyTorch on a CPU",
        {"color": BLUE, "marker": "D", "linestyle": ":"},
    ),
    ("integers", "log_probability, torch cuda"): (
        "numbers: polyest, PyTorch on a GPU",
        {"color": PINK, "marker": "v", "linestyle": ":"},
    ),
    ("strings", "Counter and log"): (
        "whole texts: a loop that counts, log(X/G)",
        {"color": GREY, "marker": "o", "linestyle": "--"},
    ),
    ("strings", "last number, Counter and log"): (
        "texts: their last number, a loop, log(X/G)",
        {"color": ORANGE, "marker": "^", "linestyle": "--"},
    ),
    ("strings", "from_texts, log_probability"): (
        "texts: polyest, equal answers made equal",
        {"color": RED, "marker": "v", "linestyle": "--"},
    ),
}


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "online_cost", COLUMNS)
    drawn = style.page(4.3)
    sides = drawn.subfigures(1, 2)
    left, right = (side.subplots() for side in sides)
    looked = given.where(stage="look-up").known("kind", KINDS)
    ways = looked.known("way", LOOKED_UP).values("way")
    for kind in looked.values("kind"):
        mine = looked.where(kind=kind)
        levels = [ways.index(way) for way in mine["way"]]
        label, look = KINDS[kind]
        words = {"linestyle": "none", "label": label, "markersize": 5, "alpha": 0.85}
        left.plot(mine["milliseconds"], levels, **words, **look)
    left.set_yticks(range(len(ways)), [LOOKED_UP[way] for way in ways])
    left.invert_yaxis()
    left.set_xscale("log")
    _plain(left.xaxis, (2, 5, 10, 20, 50, 100, 200))
    left.set_title("10 million counts looked up")
    left.set_xlabel("time in milliseconds")
    for (stage, way), (label, look) in WAYS.items():
        if way not in given.where(stage=stage)["way"]:
            continue  # this device was not measured
        mine = given.where(stage=stage, way=way)
        right.plot(mine["group"], mine["milliseconds"], **style.THIN, **look, label=label)
    right.set_xscale("log", base=2)
    right.set_yscale("log")
    _plain(right.xaxis, sorted({row["group"] for row in given if row["group"]}))
    _plain(right.yaxis, (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200))
    right.set_title("16,384 completions rewarded")
    right.set_xlabel("completions in a group, G")
    right.set_ylabel("time in milliseconds")
    for side, axes in zip(sides, (left, right), strict=True):
        side.legend(*axes.get_legend_handles_labels(), loc="outside lower center")
    return drawn


def _plain(axis: object, places: tuple[float, ...]) -> None:
    axis.set_major_locator(FixedLocator(places))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
