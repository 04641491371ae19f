"""The synthetic task of the paper: final accuracy and its spread over seeds, by baseline and group."""

from pathlib import Path

from matplotlib.figure import Figure

from paper_figures import rows, style
from polyest.cli.plot import BLUE, GREY, ORANGE

COLUMNS = {
    "method": rows.word,
    "group": rows.whole,
    "accuracy": rows.number,
    "accuracy_pm": rows.number,
    "std": rows.number,
    "worst_std": rows.number,
}
GROUPS = {16: {"color": BLUE, "marker": "o"}, 64: {"color": ORANGE, "marker": "s"}}
MOMENTS = {"std": ("at the end", "full"), "worst_std": ("the worst from step 100 on", "none")}
DOT = {"linestyle": "none", "markersize": 5}
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
        for column, (_, filling) in MOMENTS.items():
            right.plot(mine[column], at, **DOT, **look, fillstyle=filling)
    left.set_yticks(range(len(methods)), [NAMES[method] for method in methods])
    left.invert_yaxis()
    for said, filling in MOMENTS.values():  # without data: what the legend says of both groups
        right.plot([], [], **DOT, color=GREY, marker="o", fillstyle=filling, label=said)
    left.set_title("final accuracy, 95 % interval")
    right.set_title("its spread across seeds")
    left.set_xlabel("probability of the right answer")
    right.set_xlabel("standard deviation of that probability")
    style.explain(drawn, [left, right], 4)
    return drawn
