"""This package makes the explorer, an interactive page of a frontier in one file that needs no network.

`explorer_page` puts the curve and its rivals into explorer.html as one block of JSON, beside style.css and
three scripts.  Each table in the JSON is the object that `dumps` writes.  binomial.js computes e(p) and the
noise from the entries, axes.js draws, and page.js keeps the selection.  Bounds are rounded outward in
Python, as for the terminal, so that the shown numbers are still proved.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN
from html import escape
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import Floats
from polyest.cli.pages.frontier import FrontierReport
from polyest.cli.pages.layout import number, ratio, span
from polyest.cli.pages.rows import COLUMNS
from polyest.cli.pages.words import phi, plug_in_name
from polyest.counts import SPENT
from polyest.errors import CannotStore
from polyest.problem.criteria import CRITERIA
from polyest.problem.targets import LOG
from polyest.tables.format import dumps
from polyest.tables.table import Table
from polyest.tables.values import text
from polyest.version import __version__

if TYPE_CHECKING:
    from typing import TypedDict

    from polyest.frontier import Frontier, Point, Versus

    class Entry(TypedDict):
        """A table of the page; `table` is the object that `dumps` writes."""

        noise: str
        shown: list[str]
        beside: str
        rows: list[list[str]]
        table: object


FOLDER = Path(__file__).parent
FREE = "free"  # the name of the curve of tables without a shape
PARTS = ("style.css", "binomial.js", "axes.js", "page.js")


@dataclass(frozen=True)
class ExplorerReport(FrontierReport):
    """A curve and rivals, with further data for the interactive page.

    plug_in: entries of the plug-in table, float64 (K+1,); codes: for each point, Python that gives its
    entries; forms: names of the closed forms of the log; others: the curves of the other shapes by name, each
    with its codes, or the reason why there is none.
    """

    plug_in: Floats
    codes: tuple[str, ...]
    forms: tuple[str, ...]
    others: "Mapping[str, tuple[Frontier, tuple[str, ...]] | str]"


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
    compared = {name: versus for name, versus in rivals.items() if not isinstance(versus, str)}
    notes = [f"The curve ends {curve.ended}."]
    left_out = {**rivals, **report.others}
    notes += [f"Left out: {name}: {why}" for name, why in left_out.items() if isinstance(why, str)]
    others = {name: each for name, each in report.others.items() if not isinstance(each, str)}
    notes += [
        f"The curve of {name} tables ends {other.ended}." for name, (other, _) in others.items()
    ]
    centred, alone = curve.K + SPENT["group-mean"], curve.K + SPENT["none"]
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
        "unit": " (nats)" if curve.target == LOG.name else "",
        "groups": f"For groups of {centred} completions where the trainer subtracts the group mean, and of "
        f"{alone} where it does not: an answer that its group has k + 1 times is paid c_k.",
        "look_up": f"t[polyest.counts.in_group(answers).index]  # answers: (prompts, {centred})",
        "shape": curve.shape or FREE,
        "points": _points(report),
        "others": [
            {"shape": name, "points": _points(replace(report, curve=other, codes=codes))}
            for name, (other, codes) in others.items()
        ],
        "marks": [_mark(report, name, versus) for name, versus in compared.items()],
        "notes": notes,
    }


def _points(report: ExplorerReport) -> list[dict[str, object]]:
    """Return the entries of the points of the report's curve."""
    pairs = zip(report.curve.points, report.codes, strict=True)
    return [_point(report, point, code) for point, code in pairs]


def _point(report: ExplorerReport, point: "Point", code: str) -> dict[str, object]:
    """Return the entry of a point of the curve; code: Python that gives its entries."""
    table = point.table
    optimum = table.optimum
    assert optimum is not None
    kind = f"{table.shape} " if table.shape else ""
    best = ["optimum", span(optimum), f"the least sup|e| of any {kind}table at this noise, proved"]
    item = _entry(report, point.noise, table, best)
    place = f"noise {item['shown'][0]}"
    heading = f"least bias {f'of {kind}tables ' if kind else ''}at {place}"
    if report.curve.reached and point is report.curve.points[-1]:
        heading = f"the minimax {kind}table, {place}"
    return {**item, "heading": heading, "code": code}


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
    times, beside = _beside(report, table)
    shown = [number(noise, ROUND_HALF_EVEN), number(bias.upper), number(times, ROUND_FLOOR)]
    return {
        "noise": text(noise),
        "shown": shown,
        "beside": f"{beside} {plug_in_name(curve.target)}",
        "rows": rows,
        "table": json.loads(dumps(table)),
    }


def _beside(report: ExplorerReport, table: Table) -> tuple[float, str]:
    """Return a certified factor between the bias of a table and that of the plug-in table, and its words."""
    if np.array_equal(table.coefficients, report.plug_in):
        return 1.0, "times that of"
    below = report.times_below(table)
    if below >= 1:
        return below, "times below"
    above = table.bias.lower / report.curve.plug_in.bias.upper
    return (above, "times above") if above >= 1 else (1.0, "about that of")
