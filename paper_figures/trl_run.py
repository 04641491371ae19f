"""Greedy accuracy of a small writer, trained by TRL on one process and two, and by the reference loop."""

from pathlib import Path

from matplotlib.figure import Figure

from paper_figures import rows, style
from polyest.cli.plot import BLUE, GREEN, ORANGE

LOOKS = (0, 10, 25, 50, 75, 100)
COLUMNS = {"way": rows.word, "reward": rows.word, "rate": rows.positive, "seed": rows.whole} | {
    f"after {step}": rows.number for step in LOOKS
}
WAYS = {
    "trl": ("TRL", {"color": BLUE, "linestyle": "-", "marker": "o"}),
    "trl, 2": ("TRL on two processes", {"color": ORANGE, "linestyle": "--", "marker": "s"}),
    "loop": ("reference loop", {"color": GREEN, "linestyle": ":", "marker": "^"}),
}
COLUMNS_OF_PANELS = 3


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "trl_run_runs", COLUMNS, made_by="trl_run").known("way", WAYS)
    rewards = given.values("reward")
    drawn = style.page(4.6)
    across = -(-len(rewards) // COLUMNS_OF_PANELS)
    grid = drawn.subplots(across, COLUMNS_OF_PANELS, squeeze=False, sharex=True, sharey=True)
    for axes in grid.flat[len(rewards) :]:
        axes.remove()
    for axes, reward in zip(grid.flat, rewards, strict=False):
        for way, (label, look) in WAYS.items():
            mine = [row for row in given if (row["way"], row["reward"]) == (way, reward)]
            curves = [[row[f"after {step}"] for step in LOOKS] for row in reported(mine)]
            for curve in curves:
                axes.plot(LOOKS, curve, color=look["color"], linewidth=0.4, alpha=0.5)
            if curves:
                mean = [sum(heights) / len(heights) for heights in zip(*curves, strict=True)]
                axes.plot(LOOKS, mean, **style.THIN, **look, label=label)
        axes.set_title(reward)
    drawn.supxlabel("steps")
    drawn.supylabel("greedy accuracy: every seed, and their mean")
    style.explain(drawn, grid.flat[: len(rewards)], 3)
    return drawn


def reported(runs: list[rows.Mapping[str, object]]) -> list[rows.Mapping[str, object]]:
    """The runs whose seed has one rate: a seed that tried several rates only chose the rate."""
    rates: dict[object, set[object]] = {}
    for run in runs:
        rates.setdefault(run["seed"], set()).add(run["rate"])
    return [run for run in runs if len(rates[run["seed"]]) == 1]
