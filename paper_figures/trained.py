"""How far a small language model ends from the distribution that it is trained to, by what it is paid."""

from pathlib import Path

from matplotlib.figure import Figure

from paper_figures import rows, style
from paper_figures.calibration import COLUMNS, CORE
from polyest.cli.plot import BLUE, GREY, INK, RED

# What is drawn, best last: the arm of the file, its label and its colour.
BARS = {
    "log": ("log(count/G), least rate tried", INK),
    "log, tuned": ("the same, times its best factor", INK),
    "monotone": ("polyest, monotone table", BLUE),
    "noise 8": ("polyest, default table", RED),
    "monotone, visit": ("polyest, the last visit counted too", BLUE),
    "true log": ("the true log p, which nobody has", GREY),
}


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "calibration", COLUMNS)
    core = given.where(**CORE, advantage="mean")
    ended = [core.one(arm=arm) for arm in BARS]
    drawn = style.page(2.3)
    axes = drawn.subplots()
    colours = [colour for _, colour in BARS.values()]
    at = range(len(BARS))
    axes.barh(at, [row["kl"] for row in ended], color=colours, height=0.62)
    spread = [row["kl_pm"] for row in ended]
    axes.errorbar([row["kl"] for row in ended], at, xerr=spread, linestyle="none", color=INK)
    for level, row in zip(at, ended, strict=True):
        axes.text(row["kl"] + row["kl_pm"] + 0.002, level, f"{row['kl']:.3f}", va="center")
    before = core.rows[0]["before"]
    axes.axvline(before, color=GREY, linestyle="--", linewidth=1.0)
    axes.text(before + 0.001, len(BARS) - 0.55, f"before training {before:.3f}", color=GREY)
    axes.set_yticks(at, [label for label, _ in BARS.values()])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, 0.2)
    axes.set_xlabel("KL divergence from the distribution that was asked for (less is better)")
    return drawn
