"""Greedy accuracy of a small writer before and after it is rewarded for agreement with its other texts."""

from pathlib import Path

from matplotlib.figure import Figure

from paper_figures import rows, style
from polyest.cli.plot import BLUE, GREY, ORANGE

MOMENTS = {
    "before": ("before", {"color": GREY, "marker": "o", "fillstyle": "none"}),
    "early": ("after 50 steps", {"color": ORANGE, "marker": "^"}),
    "after": ("after 200 steps", {"color": BLUE, "marker": "s"}),
}
COLUMNS = {"method": rows.word, "rate": rows.positive, "seeds": rows.whole} | {
    f"{moment}{end}": rows.number for moment in MOMENTS for end in ("", "_pm")
}
RUNS = {"method": rows.word, "rate": rows.positive, "seed": rows.whole} | dict.fromkeys(
    MOMENTS, rows.number
)


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "self_improvement", COLUMNS)
    runs = rows.read(folder, "self_improvement_runs", RUNS, made_by="self_improvement")
    drawn = style.page(3.8)
    axes = drawn.subplots()
    methods = given.values("method")
    for level, row in enumerate(given):
        mine = runs.where(method=row["method"], rate=row["rate"])
        # The seeds beyond these tune the rates.
        reported = [run for run in mine if run["seed"] in range(row["seeds"])]
        for shift, (moment, (label, look)) in zip((-0.25, 0, 0.25), MOMENTS.items(), strict=True):
            at, word = level + shift, label if not level else None
            spots = [run[moment] for run in reported]
            axes.plot(spots, [at] * len(spots), "|", color=look["color"], markersize=5, alpha=0.6)
            span = {"xerr": row[f"{moment}_pm"], "capsize": 2.5, "linestyle": "none"}
            axes.errorbar(row[moment], at, **span, markersize=4.5, label=word, **look)
    axes.set_yticks(range(len(methods)), methods)
    axes.grid(visible=False, axis="y")
    axes.invert_yaxis()
    axes.set_xlabel("greedy accuracy: mean and 95 % interval, and every seed")
    style.explain(drawn, [axes], 3)
    return drawn
