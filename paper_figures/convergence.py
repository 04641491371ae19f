"""Final loss of policies trained with each arm, relative to that of the plug-in log, in each cell."""

from math import exp, log
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from paper_figures import rows, style
from polyest.cli.plot import BLUE, GREEN, GREY, INK, ORANGE

CELL = ("game", "update", "divided", "group", "prompts", "steps")
COLUMNS = {
    **dict.fromkeys(CELL, rows.word),
    "arm": rows.word,
    "loss": rows.number,
}
UNIT = "log"
GAMES = {
    "diversity": {"color": BLUE, "marker": "o"},
    "exploration": {"color": ORANGE, "marker": "^"},
    "coherence": {"color": GREEN, "marker": "s"},
    "network": {"color": GREY, "marker": "D"},
}
SCALINGS = {"0": "rewards less their mean", "1": "divided by the standard deviation"}


def figure(folder: Path) -> Figure:
    given = (
        rows.read(folder, "convergence", COLUMNS).known("game", GAMES).known("divided", SCALINGS)
    )
    arms = [name for name in given.values("arm") if name != UNIT]
    ratios = {name: shares(given, name) for name in arms}
    drawn = style.page(4.6)
    (grid,) = drawn.subplots(1, len(SCALINGS), squeeze=False, sharex=True, sharey=True)
    for axes, (divided, title) in zip(grid, SCALINGS.items(), strict=True):
        axes.set_xscale("log")
        axes.axvline(1, color=GREY, linewidth=0.8)
        for level, arm in enumerate(arms):
            mine = [(row, ratio) for row, ratio in ratios[arm] if row["divided"] == divided]
            for shift, (game, look) in zip((-0.27, -0.09, 0.09, 0.27), GAMES.items(), strict=True):
                dots = [ratio for row, ratio in mine if row["game"] == game]
                at = [level + shift] * len(dots)
                label = game if not level else None
                axes.plot(dots, at, linestyle="none", alpha=0.6, **style.THIN, **look, label=label)
            if len(mine) == len(given.where(arm=UNIT, divided=divided).rows):
                # The mean over some of the cells would not be one with those of other arms.
                mean = exp(sum(log(ratio) for _, ratio in mine) / len(mine))
                word = "geometric mean over all" if not level else None
                axes.plot(
                    [mean] * 2, (level - 0.4, level + 0.4), color=INK, linewidth=1.8, label=word
                )
        axes.set_title(title)
        axes.set_yticks(range(len(arms)), [style.named(arm) for arm in arms])
        axes.grid(visible=False, axis="y")
    grid[0].invert_yaxis()
    drawn.supxlabel(
        "final loss, in units of that of the log in the same cell (game, update, group, prompts)"
    )
    style.explain(drawn, grid, 5)
    return drawn


def shares(given: rows.Rows, arm: str) -> list[tuple[rows.Mapping[str, Any], float]]:
    """Rows of an arm, each with its loss in units of the plug-in log's in the same cell."""
    unit = given.where(arm=UNIT).checked(loss=rows.positive)
    mine = given.where(arm=arm).checked(loss=rows.positive)
    return [(row, row["loss"] / unit.one(**{c: row[c] for c in CELL})["loss"]) for row in mine]
