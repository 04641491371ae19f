"""How far a small transformer ends from the laws that it is rewarded for, by arm and by support."""

from pathlib import Path

from matplotlib.figure import Figure

from paper_figures import rows, style
from polyest.cli.plot import BLUE, GREEN, GREY, INK, ORANGE, RED

COLUMNS = {
    "variant": rows.word,
    "arm": rows.word,
    "advantage": rows.word,
    "group": rows.whole,
    "prompts": rows.whole,
    **dict.fromkeys(("before", "kl"), rows.positive),
    "kl_pm": rows.number,
    **{f"kl_{i}": rows.positive for i in range(5)},
}
CORE = {"variant": "number", "group": 16, "prompts": 16}
SUPPORTS = (3, 7, 17, 31, 61)
ADVANTAGES = {
    "mean": ("group mean", {"color": BLUE, "marker": "o"}),
    "std": ("divided by the deviation", {"color": ORANGE, "marker": "s", "fillstyle": "none"}),
}
LINES = {
    "log": {"color": INK, "linestyle": "-", "marker": "X"},
    "log, tuned": {"color": INK, "linestyle": "--", "marker": "x", "markeredgewidth": 1.0},
    "schuermann, tuned": {"color": GREEN, "linestyle": "-", "marker": "D"},
    "monotone": {"color": BLUE, "linestyle": "-.", "marker": "^"},
    "noise 8": {"color": RED, "linestyle": "-", "marker": "v"},
    "true log": {"color": GREY, "linestyle": ":", "marker": "o"},
}


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "calibration", COLUMNS).known("advantage", ADVANTAGES)
    core = given.where(**CORE)
    arms = [arm for arm in core.values("arm") if not arm.startswith(style.MEAN)]
    drawn = style.page(4.2)
    left, right = drawn.subplots(1, 2)
    for shift, (advantage, (label, look)) in zip((-0.18, 0.18), ADVANTAGES.items(), strict=True):
        mine = core.where(advantage=advantage)
        named = [mine.one(arm=arm) for arm in arms]
        at = [level + shift for level in range(len(arms))]
        span = {"xerr": [row["kl_pm"] for row in named], "capsize": 2, "linestyle": "none"}
        left.errorbar([row["kl"] for row in named], at, **span, markersize=4, **look, label=label)
        split = [row for row in mine if row["arm"].startswith(style.MEAN)]
        levels = [arms.index(row["arm"].removeprefix(style.MEAN)) + shift for row in split]
        label = "exact mean of the table" if shift < 0 else "_"
        cross = {"linestyle": "none", "marker": "|", "markersize": 7, "color": look["color"]}
        left.plot([row["kl"] for row in split], levels, **cross, label=label)
    before = core.rows[0]["before"]
    left.axvline(before, color=GREY, linewidth=0.8, label="before")
    left.set_xscale("log")
    left.set_yticks(range(len(arms)), [style.named(arm) for arm in arms])
    left.invert_yaxis()
    left.grid(visible=False, axis="y")
    left.set_xlabel("KL from the law")
    for arm, look in LINES.items():
        row = core.one(arm=arm, advantage="mean")
        heights = [row[f"kl_{i}"] for i in range(len(SUPPORTS))]
        right.plot(SUPPORTS, heights, **style.THIN | look, label=style.named(arm))
    right.set_xscale("log")
    right.set_yscale("log")
    right.set_xticks(SUPPORTS, map(str, SUPPORTS))
    right.minorticks_off()
    right.set_xlabel("answers in the support of the law")
    right.set_ylabel("KL from the law")
    right.legend()
    handles, labels = left.get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside upper center", ncols=4)
    return drawn
