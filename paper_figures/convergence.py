"""Final loss of policies trained with each estimator, relative to that of the plug-in log, in each cell."""

from math import exp, log
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from paper_figures import rows, style
from polyest.cli.plot import BLUE, GREEN, GREY, INK, ORANGE

CELL = ("game", "update", "group", "prompts")
COLUMNS = {
    **dict.fromkeys(CELL, rows.word),
    "estimator": rows.word,
    "loss": rows.number,
}
UNIT = "log"
# It needs p itself, so it is no estimator; under mirror descent its loss is 0 up to rounding.
TRUTH = "true log"
GAMES = {
    "diversity": {"color": BLUE, "marker": "o"},
    "exploration": {"color": ORANGE, "marker": "^"},
    "coherence": {"color": GREEN, "marker": "s"},
}
UPDATES = {"mirror": "mirror descent", "gradient": "policy gradient"}


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "convergence", COLUMNS).known("game", GAMES).known("update", UPDATES)
    estimators = [name for name in given.values("estimator") if name not in (UNIT, TRUTH)]
    ratios = {name: shares(given, name) for name in estimators}
    drawn = style.page(3.9)
    (grid,) = drawn.subplots(1, len(UPDATES), squeeze=False, sharex=True, sharey=True)
    for axes, (update, title) in zip(grid, UPDATES.items(), strict=True):
        axes.set_xscale("log")
        axes.axvline(1, color=GREY, linewidth=0.8)
        for level, estimator in enumerate(estimators):
            mine = [(row, ratio) for row, ratio in ratios[estimator] if row["update"] == update]
            for shift, (game, look) in zip((-0.22, 0, 0.22), GAMES.items(), strict=True):
                dots = [ratio for row, ratio in mine if row["game"] == game]
                at = [level + shift] * len(dots)
                label = game if not level else None
                axes.plot(dots, at, linestyle="none", alpha=0.6, **style.THIN, **look, label=label)
            mean = exp(sum(log(ratio) for _, ratio in mine) / max(1, len(mine)))
            word = "geometric mean" if not level else None
            axes.plot([mean] * 2, (level - 0.4, level + 0.4), color=INK, linewidth=1.8, label=word)
        axes.set_title(title)
        axes.set_yticks(range(len(estimators)), [style.named(name) for name in estimators])
        axes.grid(visible=False, axis="y")
    grid[0].invert_yaxis()
    drawn.supxlabel(
        "final loss, in units of that of the log in the same cell (game, group, prompts)"
    )
    style.explain(drawn, grid, 4)
    return drawn


def shares(given: rows.Rows, estimator: str) -> list[tuple[rows.Mapping[str, Any], float]]:
    """Rows of an estimator, each with its loss in units of the plug-in log's in the same cell."""
    unit = given.where(estimator=UNIT).checked(loss=rows.positive)
    mine = given.where(estimator=estimator).checked(loss=rows.positive)
    return [(row, row["loss"] / unit.one(**{c: row[c] for c in CELL})["loss"]) for row in mine]
