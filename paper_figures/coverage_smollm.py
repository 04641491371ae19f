"""Correct answers of many kinds from a real language model: coverage along lambda, against KL and pass@1."""

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from paper_figures import rows, style
from polyest.cli.plot import BLUE, GREEN, INK, PINK, RED

COLUMNS = {"arm": rows.word, "divided": rows.whole, "lambda": rows.number} | dict.fromkeys(
    ("pass@1", "coverage", "kl"), rows.number
)
ARMS = {
    "log": {"color": INK, "marker": "X", "linestyle": "-"},
    "schuermann": {"color": GREEN, "marker": "D", "linestyle": "-."},
    "noise 8": {"color": RED, "marker": "v", "linestyle": "-"},
    "monotone": {"color": PINK, "marker": "^", "linestyle": "--"},
    "true log": {"color": BLUE, "marker": "o", "linestyle": ":"},
}
WAYS = {0: "less the mean", 1: "divided by the standard deviation"}


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "coverage_smollm", COLUMNS).known("arm", ARMS)
    drawn = style.page(5.2)
    grid = drawn.subplots(2, 2, sharey=True, sharex="col")
    for line, (divided, title) in zip(grid, WAYS.items(), strict=True):
        for axes, column in zip(line, ("kl", "pass@1"), strict=True):
            for arm, look in ARMS.items():
                # Without the term, lambda = 0, coverage is so far below that it would hide the others.
                mine = [
                    row
                    for row in given
                    if (row["arm"], row["divided"]) == (arm, divided) and row["lambda"]
                ]
                x, y = ([row[name] for row in mine] for name in (column, "coverage"))
                axes.plot(x, y, **style.THIN, **look, label=style.named(arm))
            axes.set_title(title)
            axes.xaxis.set_major_locator(MaxNLocator(5))
            axes.set_xlabel("KL to the base" if column == "kl" else column)
    drawn.supylabel("distinct right answers expected in 64 draws, lambda above 0")
    style.explain(drawn, grid.flat[:1], 5)
    return drawn
