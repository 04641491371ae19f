"""A real language model taught how often to give each answer: losses of all arms, and what is driven out."""

from math import exp
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paper_figures import rows, style
from polyest.cli.plot import BLUE, GREEN, INK, ORANGE, RED

COLUMNS = {
    "setting": rows.word,
    "arm": rows.word,
    "divided": rows.whole,
    "multiplier": rows.positive,
    "tuned": rows.whole,
    "J": rows.positive,
    "J_pm": rows.number,
}
FATES = {
    "arm": rows.word,
    "floor": rows.blank(rows.positive),
    "Q": rows.positive,
    "nu": rows.positive,
}
# Whether the standard deviation is divided out, and whether the multiplier is tuned.
WAYS = {
    (0, 0): ("multiplier 1", {"color": BLUE, "marker": "o"}),
    (0, 1): ("tuned multiplier", {"color": BLUE, "marker": "D"}),
    (1, 0): (
        "multiplier 1, standard deviation",
        {"color": ORANGE, "marker": "o", "fillstyle": "none"},
    ),
    (1, 1): ("tuned, standard deviation", {"color": ORANGE, "marker": "D", "fillstyle": "none"}),
}
ARMS = {
    "log": {"color": INK, "marker": "X"},
    "schuermann": {"color": GREEN, "marker": "D"},
    "noise 8": {"color": RED, "marker": "v"},
    "true log": {"color": BLUE, "marker": "."},
}


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "calibration_smollm", COLUMNS).where(setting="core")
    fates = rows.read(folder, "calibration_smollm_answers", FATES, made_by="calibration_smollm")
    drawn = style.page(4.4)
    left, right = drawn.subplots(1, 2)
    losses(left, given)
    driven_out(right, fates)
    style.explain(drawn, [left], 2)
    return drawn


def losses(axes: Axes, given: rows.Rows) -> None:
    """Final J of every arm, with its interval."""
    arms = given.values("arm")
    for level, arm in enumerate(arms):
        for row in given.where(arm=arm):
            label, look = WAYS[row["divided"], row["tuned"]]
            known = label in axes.get_legend_handles_labels()[1]
            axes.errorbar(
                row["J"],
                level + (0.18 if row["divided"] else -0.18),
                xerr=row["J_pm"],
                linestyle="none",
                markersize=4,
                capsize=2,
                label=None if known else label,
                **look,
            )
    axes.set_xscale("log")
    axes.set_yticks(range(len(arms)), [style.named(arm) for arm in arms])
    axes.grid(visible=False, axis="y")
    axes.invert_yaxis()
    axes.set_xlabel("final J: mean and 95 % interval")


def driven_out(axes: Axes, fates: rows.Rows) -> None:
    """nu/Q of every answer against Q, and the least probability that each arm's reward can express."""
    for arm, look in ARMS.items():
        mine = fates.where(arm=arm)
        ratios = [row["nu"] / row["Q"] for row in mine]
        axes.plot(
            mine["Q"],
            [max(ratio, exp(-9)) for ratio in ratios],
            linestyle="none",
            alpha=0.6,
            **style.THIN,
            **look,
            label=style.named(arm),
        )
        floor = mine.only("floor")
        if floor is not None:
            axes.axvline(floor, color=look["color"], linestyle="--", linewidth=0.8)
            axes.annotate(
                f"{floor:.2%}", (floor, 1.02), xycoords=("data", "axes fraction"), ha="center",
                color=look["color"], fontsize=style.SMALL,
            )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("Q of an answer; dashed: $e^{c_0}$ of the arm")
    axes.set_ylabel(r"$\nu$/Q after training, at multiplier 1")
    axes.legend(loc="lower right")
