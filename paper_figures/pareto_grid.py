"""Bias against noise at K = 8, 16, 32 and 64, with the noise by three criteria and closed forms as marks.

The fourth criterion, squared error, has no budget and so no frontier: its best table is a mark.
"""

from pathlib import Path

from matplotlib.figure import Figure

from paper_figures import rows, style
from paper_figures.style import SKY
from polyest.cli import plot
from polyest.cli.plot import GREY, SOLID
from polyest.problem.criteria import BUDGETED, DEFAULT

COLUMNS = {
    "target": rows.word,
    "criterion": rows.word,
    "K": rows.word,
    "series": rows.word,
    "label": rows.word,
    "noise": rows.blank(rows.positive),
    "bias_upper": rows.blank(rows.positive),
    "least_lower": rows.blank(rows.positive),
}
FIRST = DEFAULT  # this criterion is also drawn over its whole range
# Functions of the count in common use that `frontier.marks` does not contain.
PEERS = {
    "bub": ("BUB (Paninski)", {"color": SKY, "marker": "<"}),
    "bub, m = 10 N": ("BUB, m = 10 (K+1)", {"color": SKY, "marker": ">"}),
    "wu_yang": ("Wu-Yang", {"color": SKY, "marker": "s"}),
    "jvhw": ("JVHW", {"color": SKY, "marker": "p"}),
    "grassberger": ("Grassberger 2003", {"color": GREY, "marker": "^"}),
    "grassberger_1988": ("Grassberger 1988", {"color": GREY, "marker": "v"}),
}
UNIT = "log_count"
MEASURED = {
    "K": rows.whole,
    "table": rows.word,
    "bias_upper": rows.positive,
    **{name.replace("-", "_"): rows.positive for name in BUDGETED},
}


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "pareto", COLUMNS)
    peers = rows.read(folder, "peers", MEASURED)
    drawn = style.page(8.6)
    lines = (FIRST, *BUDGETED)
    for number, (criterion, line) in enumerate(
        zip(lines, drawn.subfigures(len(lines), 1), strict=True)
    ):
        mine = given.where(criterion=criterion).having("noise")
        mine.checked(bias_upper=rows.positive, least_lower=rows.positive)
        for K in mine.values("K"):
            mine.where(K=K, series="optimal")  # this raises an error if a panel has no curve
        shown = plot.panels(mine)
        for panel, axes in zip(shown, line.subplots(1, len(shown), squeeze=False)[0], strict=True):
            plot.draw(panel, axes)
            for name, (label, look) in PEERS.items():
                spot = measured(peers.where(K=panel.K), criterion, name)
                axes.plot(*spot, label=label, **{"zorder": 45, **SOLID, **look})
            if number:
                plot.enlarge(panel, axes)
            else:
                axes.set_title(f"K = {panel.K}")
        enlarged = ", enlarged" if number else ""
        line.supxlabel(f"noise: {plot.NOISE[criterion]}{enlarged}")
    style.explain(drawn, drawn.subfigs[0].axes, 3)
    drawn.supxlabel("all noise in units of that of log((X+1)/(K+1))")
    drawn.supylabel(r"bias: $\sup_p\, |p\,(\mathrm{E}\,c_X - \log p)|$")
    return drawn


def measured(peers: rows.Rows, criterion: str, name: str) -> tuple[float, float]:
    """Where a peer lies: its noise in units of that of log_count, and its bias."""
    column = criterion.replace("-", "_")
    peer, unit = peers.one(table=name), peers.one(table=UNIT)
    return peer[column] / unit[column], peer["bias_upper"]
