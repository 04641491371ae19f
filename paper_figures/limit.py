"""The limit of (K+1)^2 E*(K), with the error of its extrapolation."""

from decimal import ROUND_CEILING, Context, Decimal
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from paper_figures import rows, style
from polyest.cli.plot import BLUE, GREEN, GREY, ORANGE

COLUMNS = {
    "kind": rows.word,
    "sequence": rows.blank(rows.word),
    "terms": rows.blank(rows.whole),
    "K": rows.whole,
    "lower": rows.blank(rows.exact),
    "value": rows.blank(rows.exact),
    "error": rows.blank(rows.exact),
}
SEQUENCES = {
    "3 2^j, 5 2^j": (
        r"$n = 3\cdot 2^j$ and $5\cdot 2^j$",
        {"color": BLUE, "marker": "o", "linestyle": "-"},
    ),
    "2^j, 7 2^j": (
        r"$n = 2^j$ and $7\cdot 2^j$",
        {"color": ORANGE, "marker": "s", "linestyle": "--"},
    ),
    "2^j, all powers": (
        r"$n = 2^j$, odd powers of $1/n$ too",
        {"color": GREEN, "marker": "^", "linestyle": ":"},
    ),
}


def figure(folder: Path) -> Figure:
    given = rows.read(folder, "limit", COLUMNS)
    values = given.where(kind="value").checked(lower=rows.exact)
    extrapolants = given.where(kind="extrapolant").checked(terms=rows.whole, error=rows.exact)
    last = given.where(kind="constant").checked(value=rows.exact, error=rows.exact)
    constant = last.one()
    drawn = style.page(2.9)
    left, right = drawn.subplots(1, 2)
    n = [K + 1 for K in values["K"]]
    left.plot(n, [float(v) for v in values["lower"]], color=BLUE, marker=".", linestyle="none")
    left.axhline(float(constant["value"]), color=GREY, linestyle="--", linewidth=0.8)
    left.set_xscale("log", base=2)
    left.xaxis.set_major_locator(LogLocator(base=4))
    left.xaxis.set_minor_locator(NullLocator())
    left.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    left.set_title("scaled least bias, proved")
    left.set_xlabel("K + 1")
    left.set_ylabel("$(K+1)^2\\,E^*(K)$")
    said = f"tends to\n{shown(constant['value'], constant['error'])}"
    words = {"xycoords": "axes fraction", "ha": "right", "fontsize": style.SMALL}
    left.annotate(said, (0.98, 0.6), **words)
    for sequence in extrapolants.known("sequence", SEQUENCES).values("sequence"):
        label, look = SEQUENCES[sequence]
        mine = extrapolants.where(sequence=sequence)
        error = [float(e) for e in mine["error"]]
        right.plot(mine["terms"], error, label=label, **style.THIN, **look)
    right.set_yscale("log")
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.yaxis.set_major_locator(LogLocator(numticks=9))
    right.yaxis.set_minor_locator(NullLocator())
    right.set_title("error of the extrapolated limit")
    right.set_xlabel("number of values n = K + 1 extrapolated from")
    right.set_ylabel("change of the limit by the last value")
    right.legend(loc="lower left")
    return drawn


def shown(value: Decimal, error: Decimal) -> str:
    """A number with as many digits as its error leaves, and the error in the last of them."""
    place = error.adjusted()
    unit = Decimal(1).scaleb(place)
    last = int((error / unit).to_integral_value(ROUND_CEILING))
    return f"{value.quantize(unit, context=Context(prec=len(value.as_tuple().digits)))}({last})"
