"""The explorer is an interactive page of a frontier, in one file that needs no network.

`explorer_page` puts the curve and its rivals into explorer.html as one block of JSON, beside style.css and
three scripts.  Each table in the JSON is the object that `dumps` writes.  binomial.js computes e(p) and the
noise from the entries, axes.js draws, and page.js keeps the selection.  Bounds are rounded outward in
Python, as for the terminal, so that the shown numbers are still proved.
"""

import json
import re
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN
from html import escape
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import Floats
from polyest.cli.pages.frontier import FrontierReport
from polyest.cli.pages.layout import number, ratio, span
from polyest.cli.pages.rows import COLUMNS
from polyest.cli.pages.table import code
from polyest.cli.pages.words import phi, plug_in_name
from polyest.counts import SPENT
from polyest.errors import CannotStore
from polyest.problem.criteria import CRITERIA
from polyest.tables.format import dumps
from polyest.tables.table import Table
from polyest.tables.values import text
from polyest.version import __version__

if TYPE_CHECKING:
    from typing import TypedDict

    from polyest.frontier import Point, Versus

    class Entry(TypedDict):
        """A table of the page; `table` is the object that `dumps` writes."""

        noise: str
        shown: list[str]
        rows: list[list[str]]
        table: object


FOLDER = Path(__file__).parent
PARTS = ("style.css", "binomial.js", "axes.js", "page.js")


@dataclass(frozen=True)
class ExplorerReport(FrontierReport):
    """A curve and rivals, with further data for the interactive page.

    plug_in: entries of the plug-in table, float64 (K+1,); released: for each point, whether `load` returns
    its table; forms: names of the closed forms of the log.
    """

    plug_in: Floats
    released: tuple[bool, ...]
    forms: tuple[str, ...]


def check(path: str) -> None:
    """Raise CannotStore unless the name of a file ends in .html, which browsers open as a page.

    >>> check("out.html")
    """
    suffix = PurePath(path).suffix
    if suffix.lower() != ".html":
        raise CannotStore(
            f"{path}: the name of the page's file ends in {suffix or 'nothing'!r}: expected .html"
        )


def explorer_page(report: ExplorerReport) -> bytes:
    """Return the page of a curve and its rivals as UTF-8.

    If a rival has no comparison, the page shows the reason instead.
    """
    content = json.dumps(_record(report), ensure_ascii=False).replace("<", "\\u003c")
    parts = {name: (FOLDER / name).read_text(encoding="utf-8") for name in PARTS}
    parts |= {"data": content, "title": escape(report.title)}
    outline = (FOLDER / "explorer.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\S+)\}\}", lambda place: parts[place[1]], outline).encode()


def _record(report: ExplorerReport) -> dict[str, object]:
    """Return the data of the page; numbers are decimal strings that read back to the same doubles."""
    curve, rivals = report.curve, report.rivals
    row = CRITERIA[curve.criterion]
    pairs = zip(curve.points, report.released, strict=True)
    compared = {name: versus for name, versus in rivals.items() if not isinstance(versus, str)}
    notes = [f"The curve ends {curve.ended}."]
    notes += [f"Left out: {name}: {why}" for name, why in rivals.items() if isinstance(why, str)]
    return {
        "polyest": __version__,
        "title": report.title,
        "K": curve.K,
        "target": curve.target,
        "phi": phi(curve.target),
        "criterion": {"formula": row.formula, "by_p": row.by_p, "centred": row.centred},
        "plug_in_name": plug_in_name(curve.target),
        "plug_in": [text(c) for c in report.plug_in],
        "least": text(curve.least.upper),
        "points": [_point(report, point, released) for point, released in pairs],
        "marks": [_mark(report, name, versus) for name, versus in compared.items()],
        "notes": notes,
    }


def _point(report: ExplorerReport, point: "Point", released: bool) -> dict[str, object]:
    """Return the entry of a point of the curve; released: whether `load` returns its table."""
    table = point.table
    optimum = table.optimum
    assert optimum is not None
    kind = f"{table.shape} " if table.shape else ""
    best = ["optimum", span(optimum), f"the least sup|e| of any {kind}table at this noise, proved"]
    item = _entry(report, point.noise, table, best)
    place = f"noise {item['shown'][0]}"
    heading = f"least bias at {place}"
    if report.curve.reached and point is report.curve.points[-1]:
        heading = f"the minimax {kind}table, {place}"
    python = " ".join(" ".join(code(table, released)).split())
    return {**item, "heading": heading, "code": python}


def _mark(report: ExplorerReport, label: str, versus: "Versus") -> dict[str, object]:
    """Return the entry of a rival, with its label and the best table at the same noise."""
    rival, times = versus.rival, number(versus.ratio.lower, ROUND_FLOOR)
    meaning = f"sup|e| of the best table at this noise, {times} times less"
    item = _entry(
        report, versus.noise, rival, ["the best", number(versus.best.bias.upper), meaning]
    )
    form = rival.criterion
    return {
        **item,
        "label": label,
        "series": form,
        "heading": f"{label}, noise {item['shown'][0]}",
        "code": f"polyest.closed_forms.{form}({rival.K})" if form in report.forms else "",
    }


def _entry(report: ExplorerReport, noise: float, table: Table, best: list[str]) -> "Entry":
    """Return a table with its noise, the three numbers of its heading and rows of name, value, meaning.

    best: the row that compares the table with the best one.
    """
    curve, K, bias = report.curve, table.K, table.bias
    itself = np.array_equal(table.coefficients, report.plug_in)
    times = 1.0 if itself else report.times_below(table)
    centred, alone = K + SPENT["group-mean"], K + SPENT["none"]
    rows = [
        ["K", str(K), f"sample size: groups of {centred} under a group mean, {alone} without"],
        ["sup|e|", span(bias), "proved of these very entries"],
    ]
    if curve.least.lower:
        rows.append(["in E*", ratio(bias.upper, curve.least), f"times E*({K}), the least there is"])
    rows.append(best)
    for name in COLUMNS:
        bound = number(table.certificate.criterion(name))
        formula = CRITERIA[name].formula.format(phi=phi(curve.target))
        rows.append([name, bound, f"bound of sup {formula}"])
    shown = [number(noise, ROUND_HALF_EVEN), number(bias.upper), number(times, ROUND_FLOOR)]
    return {
        "noise": text(noise),
        "shown": shown,
        "rows": rows,
        "table": json.loads(dumps(table)),
    }
