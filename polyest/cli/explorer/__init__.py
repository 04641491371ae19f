"""A page on which one moves along a frontier: one file that needs no network.

`page` puts the curve and what is compared with it into explorer.html as one block of JSON, whose
tables are the records that `table.dumps` writes, next to style.css and the scripts: binomial.js
computes e(p) and noise from the entries, axes.js draws, page.js holds what is chosen.  Bounds are
shortened here, as for the terminal, so that what is shown is still proved.
"""

import json
import re
from collections.abc import Mapping
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN
from html import escape
from math import inf
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.cli.layout import number, ratio, span
from polyest.cli.pages import code, phi, plug_in_name
from polyest.closed_forms import LOGS
from polyest.counts import SPENT
from polyest.errors import CannotStore
from polyest.problem.problem import Alternation
from polyest.proof.certify import plug_in
from polyest.tables.format import dumps, text
from polyest.tables.table import Table
from polyest.version import __version__

if TYPE_CHECKING:
    from polyest.frontier import Frontier, Versus

FOLDER = Path(__file__).parent
PARTS = ("style.css", "binomial.js", "axes.js", "page.js")
CRITERIA = {
    "gradient-variance": "sup p Var c_X",
    "variance": "sup Var c_X",
    "second-moment": "sup E c_X²",
    "squared-error": "sup p E(c_X - {phi})²",
}


def check(path: str) -> None:
    """Raise CannotStore unless a file is called .html, which browsers open as a page.

    >>> check("out.html")
    """
    suffix = PurePath(path).suffix
    if suffix.lower() != ".html":
        raise CannotStore(
            f"{path}: a page in a file that ends in {suffix or 'nothing'!r}: expected .html"
        )


def page(curve: "Frontier", rivals: "Mapping[str, Versus | str]") -> bytes:
    """The file of a curve and of the estimators beside it, UTF-8.

    rivals: of `frontier.comparison`; where one is not settled its words are on the page.
    """
    content = json.dumps(record(curve, rivals), ensure_ascii=False).replace("<", "\\u003c")
    parts = {name: (FOLDER / name).read_text(encoding="utf-8") for name in PARTS}
    parts |= {"data": content, "title": escape(_title(curve))}
    outline = (FOLDER / "explorer.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\S+)\}\}", lambda found: parts[found[1]], outline).encode()


def record(curve: "Frontier", rivals: "Mapping[str, Versus | str]") -> dict[str, Any]:
    """What the page knows: numbers as decimal strings that read back to the same doubles."""
    points = [_point(curve, point.noise, point.table) for point in curve.points]
    settled = {name: found for name, found in rivals.items() if not isinstance(found, str)}
    notes = [f"The curve ends {curve.ended}."]
    notes += [f"Left out: {name}: {why}" for name, why in rivals.items() if isinstance(why, str)]
    return {
        "polyest": __version__,
        "title": _title(curve),
        "K": curve.K,
        "target": curve.target,
        "phi": phi(curve.target),
        "criterion": curve.criterion,
        "plug_in_name": plug_in_name(curve.target),
        "plug_in": [text(c) for c in plug_in(curve.points[0].table.problem.target, curve.K)],
        "least": text(curve.least.upper),
        "points": points,
        "marks": [_mark(curve, name, found) for name, found in settled.items()],
        "notes": notes,
    }


def _title(curve: "Frontier") -> str:
    return f"{curve.target} from K = {curve.K} draws: the least bias that a noise allows"


def _point(curve: "Frontier", noise: float, table: Table) -> dict[str, Any]:
    optimum, ends = table.optimum, isinstance(table.witness, Alternation)
    assert optimum is not None
    best = ["optimum", span(optimum), "the least sup|e| of any table at this noise, proved"]
    found = _entry(curve, noise, table, best)
    place = f"noise {found['shown'][0]}"
    heading = f"the minimax table, {place}" if ends else f"least bias at {place}"
    return {**found, "heading": heading, "code": " ".join(" ".join(code(table)).split())}


def _mark(curve: "Frontier", label: str, versus: "Versus") -> dict[str, Any]:
    rival, times = versus.rival, number(versus.ratio.lower, ROUND_FLOOR)
    meaning = f"sup|e| of the best table at this noise, {times} times less"
    found = _entry(
        curve, versus.noise, rival, ["the best", number(versus.best.bias.upper), meaning]
    )
    form = rival.criterion
    named = form in {known.__name__ for known in LOGS}
    return {
        **found,
        "label": label,
        "series": form,
        "heading": f"{label}, noise {found['shown'][0]}",
        "code": f"polyest.closed_forms.{form}({curve.K})" if named else "",
    }


def _entry(curve: "Frontier", noise: float, table: Table, best: list[str]) -> dict[str, Any]:
    """A table with its noise, the three numbers above and rows of name, value and meaning."""
    K, plain, bias = curve.K, curve.plug_in, table.bias
    itself = np.array_equal(table.coefficients, plug_in(table.problem.target, K))
    times = 1.0 if itself else plain.bias.lower / bias.upper if bias.upper else inf
    centred, alone = K + SPENT["group-mean"], K + SPENT["none"]
    rows = [
        ["K", str(K), f"draws: groups of {centred} under a group mean, {alone} without"],
        ["sup|e|", span(bias), "proved of these very entries"],
    ]
    if curve.least.lower:
        rows.append(["in E*", ratio(bias.upper, curve.least), f"times E*({K}), the least there is"])
    rows.append(best)
    for criterion, meaning in CRITERIA.items():
        bound = number(table.certificate.criterion(criterion))
        rows.append([criterion, bound, f"bound of {meaning.format(phi=phi(curve.target))}"])
    shown = [number(noise, ROUND_HALF_EVEN), number(bias.upper), number(times, ROUND_FLOOR)]
    return {
        "noise": text(noise),
        "shown": shown,
        "rows": rows,
        "table": json.loads(dumps(table)),
    }
