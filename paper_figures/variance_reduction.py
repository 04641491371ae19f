"""The synthetic task of the paper: final accuracy and its spread over seeds, by baseline and group."""

from pathlib import Path

from matplotlib.figure import Figure

from paper_figures import rows, style
from polyest.cli.plot import BLUE, ORANGE

COLUMNS = {
    "method": rows.word,
    "group": rows.whole,
    "accuracy": rows.number,
    "accuracy_pm": rows.number,
    "std": rows.number,
    "worst_std": rows.number,
}
GROUPS = {16: {"color": BLUE, "marker": "o"}, 64: {"color": ORANGE, "marker": "s"}}
NAMES = {
    "game-grpo": "group mean",
    "game-grpo, std": "group mean,\ndivided by std",
    "reinforce": "global moving\naverage",
}


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "variance_reduction", COLUMNS).known("method", NAMES)
    given.known("group", GROUPS)
    drawn = style.page(2.4)
    left, right = drawn.subplots(1, 2, sharey=True)
    methods = given.values("method")
    for shift, (group, look) in zip((-0.15, 0.15), GROUPS.items(), strict=True):
        mine = given.where(group=group)
        at = [methods.index(method) + shift for method in mine["method"]]
        span = {"xerr": mine["accuracy_pm"], "capsize": 2.5, "linestyle": "none"}
        left.errorbar(
            mine["accuracy"], at, **span, markersize=5, **look, label=f"groups of {group}"
        )
        right.plot(mine["std"], at, linestyle="none", markersize=5, **look)
        open_look = {"linestyle": "none", "markersize": 5, "fillstyle": "none", **look}
        right.plot(mine["worst_std"], at, **open_look)
    left.set_yticks(range(len(methods)), [NAMES[method] for method in methods])
    left.invert_yaxis()
    left.set_title("final accuracy, 95 % interval")
    right.set_title("its standard deviation across seeds")
    right.set_xlabel("filled: at the end; open: the worst from step 100 on")
    left.set_xlabel("probability of the right answer")
    style.explain(drawn, [left], 2)
    return drawn
