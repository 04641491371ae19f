"""Bias against noise with free entries, monotone ones, and monotone and concave ones, at four K."""

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from paper_figures import rows, style
from polyest.cli.plot import INK, NOISE, RED, SOLID
from polyest.problem.criteria import DEFAULT

COLUMNS = {
    "K": rows.whole,
    "series": rows.word,
    "budget": rows.positive,
    "noise": rows.positive,
    "bias_upper": rows.positive,
    "minimax": rows.word,
}
LOG, FREE, UNBOUNDED = "log_count", "free", "yes"
# Label and look of each curve, the first drawn below; and of its end, where no noise buys less bias.
CURVES = {
    FREE: ("free entries", {"color": RED, "linestyle": "-", "marker": "v"}),
    "monotone": style.SERIES["monotone"],
    "concave": style.SERIES["concave"],
}
END = {"marker": "*", "markersize": 9, "zorder": 5, **SOLID}
LEAST = {series: f"least bias, {series}" for series in ("monotone", "concave")}
NOISES = (0.25, 1, 4, 16)


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "shaped_frontier", COLUMNS, made_by="shapes")
    given.known("series", {LOG: "", **CURVES})
    Ks = given.values("K")
    drawn = style.page(4.9)
    grid = drawn.subplots(2, len(Ks), squeeze=False, sharex=True, sharey="row")
    for (whole, quotient), K in zip(grid.T, Ks, strict=True):
        mine = given.where(K=K)
        free = mine.where(series=FREE)
        for series, (label, look) in CURVES.items():
            curve = mine.where(series=series)
            both = {"label": label, **style.THIN, **look}
            whole.plot(curve["noise"], curve["bias_upper"], **both)
            if series != FREE:
                quotient.plot(curve["noise"], quotients(curve, free), **both)
        for series, label in LEAST.items():
            end = mine.where(series=series, minimax=UNBOUNDED)
            spot = {**END, "color": CURVES[series][1]["color"], "label": label}
            whole.plot(end["noise"], end["bias_upper"], **spot)
            quotient.plot(end["noise"], quotients(end, free), **spot)
        log = mine.one(series=LOG)
        spot = {"color": INK, "marker": "X", "markersize": 7, "zorder": 5, **SOLID}
        whole.plot(log["noise"], log["bias_upper"], label=style.SERIES[LOG][0], **spot)
        whole.set_title(f"K = {K}")
        whole.set_yscale("log")
        quotient.set_xscale("log")
        quotient.xaxis.set_major_locator(FixedLocator(NOISES))
        quotient.xaxis.set_major_formatter(FuncFormatter(lambda noise, _: f"{noise:g}"))
        quotient.xaxis.set_minor_locator(NullLocator())
    grid[0, 0].set_ylabel(r"bias: $\sup_p\, |p\,(\mathrm{E}\,c_X - \log p)|$")
    grid[1, 0].set_ylabel("bias / that of free entries")
    drawn.supxlabel(f"noise: {NOISE[DEFAULT]}, in units of that of log((X+1)/(K+1))")
    style.explain(drawn, grid[0], 3)
    return drawn


def quotients(curve: rows.Rows, free: rows.Rows) -> list[float]:
    """How many times the bias of free entries each point of a curve has at its noise."""
    return [row["bias_upper"] / free.one(budget=row["budget"])["bias_upper"] for row in curve]
