"""Greedy accuracy of a consensus without labels, by arm, where two wordings have habits of their own."""

from pathlib import Path

from matplotlib.figure import Figure

from paper_figures import rows, style
from polyest.cli.plot import BLUE, ORANGE

COLUMNS = {
    "share": rows.number,
    "group": rows.whole,
    "arm": rows.word,
    "advantage": rows.word,
    "greedy": rows.number,
    "greedy_pm": rows.number,
}
SHARE = 0.18  # of right answers at the start
ADVANTAGES = {
    "mean": ("group mean", {"color": BLUE, "marker": "o"}),
    "std": ("divided by the deviation", {"color": ORANGE, "marker": "s", "fillstyle": "none"}),
}


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "consensus", COLUMNS).known("advantage", ADVANTAGES)
    given = given.where(share=SHARE)
    groups, arms = given.values("group"), given.values("arm")
    drawn = style.page(3.6)
    (grid,) = drawn.subplots(1, len(groups), squeeze=False, sharex=True, sharey=True)
    for axes, group in zip(grid, groups, strict=True):
        for shift, (name, (label, look)) in zip((-0.18, 0.18), ADVANTAGES.items(), strict=True):
            mine = [given.one(group=group, arm=arm, advantage=name) for arm in arms]
            at = [level + shift for level in range(len(arms))]
            span = {"xerr": [row["greedy_pm"] for row in mine], "capsize": 2, "linestyle": "none"}
            means = [row["greedy"] for row in mine]
            axes.errorbar(means, at, **span, markersize=4, **look, label=label)
        axes.set_title(f"groups of {group}")
        axes.grid(visible=False, axis="y")
    grid[0].set_yticks(range(len(arms)), [style.named(arm) for arm in arms])
    grid[0].invert_yaxis()
    drawn.supxlabel("greedy accuracy after training without labels")
    style.explain(drawn, grid, 2)
    return drawn
