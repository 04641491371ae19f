"""A page on which one moves along a frontier: one file that needs no network.

`explorer_page` puts the curve and what is compared with it into explorer.html as one block of JSON, whose
tables are the records that `table.dumps` writes, next to style.css and the scripts: binomial.js
computes e(p) and noise from the entries, axes.js draws, page.js holds what is chosen.  Bounds are
shortened here, as for the terminal, so that what is shown is still proved.
"""

import json
import re
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN
from html import escape
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

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
from polyest.problem.problem import Alternation
from polyest.tables.format import dumps, text
from polyest.tables.table import Table
from polyest.version import __version__

if TYPE_CHECKING:
    from polyest.frontier import Point, Versus

FOLDER = Path(__file__).parent
PARTS = ("style.css", "binomial.js", "axes.js", "page.js")


@dataclass(frozen=True)
class ExplorerReport(FrontierReport):
    """A curve and rivals, with what moving along the curve needs besides.

    plug_in: entries of the plug-in table, float64 (K+1,); released: of each point, whether `load` gives its
    table; forms: names of the closed forms of the log.
    """

    plug_in: Floats
    released: tuple[bool, ...]
    forms: tuple[str, ...]


def check(path: str) -> None:
    """Raise CannotStore unless a file is called .html, which browsers open as a page.

    >>> check("out.html")
    """
    suffix = PurePath(path).suffix
    if suffix.lower() != ".html":
        raise CannotStore(
            f"{path}: a page in a file that ends in {suffix or 'nothing'!r}: expected .html"
        )


def explorer_page(report: ExplorerReport) -> bytes:
    """The file of a curve and of the estimators beside it, UTF-8.

    Where a rival is not settled its words are on the page.
    """
    content = json.dumps(_record(report), ensure_ascii=False).replace("<", "\\u003c")
    parts = {name: (FOLDER / name).read_text(encoding="utf-8") for name in PARTS}
    parts |= {"data": content, "title": escape(report.title)}
    outline = (FOLDER / "explorer.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\S+)\}\}", lambda found: parts[found[1]], outline).encode()


def _record(report: ExplorerReport) -> dict[str, Any]:
    """What the page knows: numbers as decimal strings that read back to the same doubles."""
    curve, rivals = report.curve, report.rivals
    row = CRITERIA[curve.criterion]
    pairs = zip(curve.points, report.released, strict=True)
    settled = {name: found for name, found in rivals.items() if not isinstance(found, str)}
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
        "marks": [_mark(report, name, found) for name, found in settled.items()],
        "notes": notes,
    }


def _point(report: ExplorerReport, point: "Point", released: bool) -> dict[str, Any]:
    table = point.table
    optimum, ends = table.optimum, isinstance(table.witness, Alternation)
    assert optimum is not None
    best = ["optimum", span(optimum), "the least sup|e| of any table at this noise, proved"]
    found = _entry(report, point.noise, table, best)
    place = f"noise {found['shown'][0]}"
    heading = f"the minimax table, {place}" if ends else f"least bias at {place}"
    python = " ".join(" ".join(code(table, released)).split())
    return {**found, "heading": heading, "code": python}


def _mark(report: ExplorerReport, label: str, versus: "Versus") -> dict[str, Any]:
    rival, times = versus.rival, number(versus.ratio.lower, ROUND_FLOOR)
    meaning = f"sup|e| of the best table at this noise, {times} times less"
    found = _entry(
        report, versus.noise, rival, ["the best", number(versus.best.bias.upper), meaning]
    )
    form = rival.criterion
    return {
        **found,
        "label": label,
        "series": form,
        "heading": f"{label}, noise {found['shown'][0]}",
        "code": f"polyest.closed_forms.{form}({rival.K})" if form in report.forms else "",
    }


def _entry(report: ExplorerReport, noise: float, table: Table, best: list[str]) -> dict[str, Any]:
    """A table with its noise, the three numbers above and rows of name, value and meaning."""
    curve, K, bias = report.curve, table.K, table.bias
    itself = np.array_equal(table.coefficients, report.plug_in)
    times = 1.0 if itself else report.times_below(table)
    centred, alone = K + SPENT["group-mean"], K + SPENT["none"]
    rows = [
        ["K", str(K), f"draws: groups of {centred} under a group mean, {alone} without"],
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
