"""Final loss against the number of epochs over the same prompts: with and without their earlier visits."""

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from paper_figures import rows, style
from polyest.cli.plot import BLUE, GREY, INK, RED

COLUMNS = {
    "game": rows.word,
    "group": rows.whole,
    "epochs": rows.whole,
    "arm": rows.word,
    "loss": rows.positive,
    "loss_pm": rows.number,
}
GAMES = {name: name for name in ("calibration", "consensus", "network")}
TRUTH = "true log"
ARMS = {
    "log, multiplier": {"color": GREY, "marker": "X", "linestyle": "-"},
    "noise 8": {"color": RED, "marker": "v", "linestyle": "-"},
    "noise 8, history 1": {"color": RED, "marker": "o", "linestyle": "--"},
    "monotone": {"color": BLUE, "marker": "s", "linestyle": "-"},
    "monotone, history 1": {"color": BLUE, "marker": "D", "linestyle": "--"},
    "monotone, history auto": {"color": BLUE, "marker": "*", "linestyle": ":", "markersize": 6},
    TRUTH: {"color": INK, "marker": "^", "linestyle": "-."},
}


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "history", COLUMNS).known("game", GAMES)
    groups = given.values("group")
    drawn = style.page(2.0 * len(groups) + 0.9)
    grid = drawn.subplots(len(groups), len(GAMES), squeeze=False, sharex=True)
    epochs = given.values("epochs")
    for line, group in zip(grid, groups, strict=True):
        for axes, game in zip(line, GAMES, strict=True):
            cell = given.where(game=game, group=group)
            for arm, look in ARMS.items():
                mine = cell.where(arm=arm)
                at = mine["epochs"], mine["loss"], mine["loss_pm"]
                axes.errorbar(*at, label=arm, linewidth=1.0, **{**style.THIN, **look})
            axes.set_xscale("log")
            axes.set_yscale("log")
            # The true log ends far below, where it would press the others together.
            axes.set_ylim(bottom=0.6 * min(row["loss"] for row in cell if row["arm"] != TRUTH))
            axes.xaxis.set_major_locator(FixedLocator(epochs))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter(NullFormatter())
            axes.set_title(f"{game}, groups of {group}")
        line[0].set_ylabel("final loss")
    drawn.supxlabel("epochs over the same prompts")
    style.explain(drawn, grid.flat, 4)
    return drawn
