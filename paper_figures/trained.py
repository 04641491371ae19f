"""How far a small language model ends from the distribution that it is trained to, by what it is paid."""

from pathlib import Path

from matplotlib.figure import Figure

from paper_figures import rows, style
from paper_figures.calibration import COLUMNS, CORE
from polyest.cli.plot import BLUE, GREY, INK, RED

# What is drawn, best last: the arm of the file, its label and its colour.
BARS = {
    "log": ("log(count/G)", INK),
    "log, tuned": ("log(count/G) times its best factor", INK),
    "monotone": ("polyest: monotone table", BLUE),
    "noise 8": ("polyest: default table, noise 8", BLUE),
    "monotone, visit": ("polyest: monotone, last visit counted too", BLUE),
    "true log": ("the true log p, which nobody has", GREY),
}
ROOM = 1.15  # the end of the axis, in units of the longest bar
WORSE = "#F3E3DB"  # the ground where training has led away from what was asked for


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "calibration", COLUMNS)
    core = given.where(**CORE, advantage="mean")
    ended = [core.one(arm=arm) for arm in BARS]
    drawn = style.page(2.5)
    axes = drawn.subplots()
    colours = [colour for _, colour in BARS.values()]
    at = range(len(BARS))
    axes.barh(at, [row["kl"] for row in ended], color=colours, height=0.62)
    spread = [row["kl_pm"] for row in ended]
    axes.errorbar([row["kl"] for row in ended], at, xerr=spread, linestyle="none", color=GREY)
    for level, row in zip(at, ended, strict=True):
        place = row["kl"] + row["kl_pm"] + 0.002
        axes.text(place, level, f"{row['kl']:.3f}", va="center", fontweight="bold")
    before, end = core.rows[0]["before"], ROOM * max(row["kl"] for row in ended)
    axes.axvspan(before, end, color=WORSE, linewidth=0, zorder=0)
    axes.axvline(before, color=RED, linestyle="--", linewidth=1.0)
    words = {"color": RED, "va": "center"}
    axes.text(before + 0.002, len(BARS) - 2, f"{before:.3f} before training;", **words)
    axes.text(before + 0.002, len(BARS) - 1.4, "right of here training did harm", **words)
    axes.set_yticks(at, [label for label, _ in BARS.values()])
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.set_xlim(0, end)
    drawn.suptitle(
        "How far a small model ends from the answer distribution it is trained to, by reward",
        fontsize=9,
        fontweight="bold",
    )
    axes.set_xlabel("KL divergence at the end (shorter is better)")
    return drawn
