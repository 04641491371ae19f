"""This module formats pages with one row of certified bounds per table."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN

from polyest.cli.pages.layout import aligned, bold, entry, number, ratio, span
from polyest.cli.pages.words import (
    asked,
    bias_meaning,
    criteria_meaning,
    noise_meaning,
    plug_in_name,
)
from polyest.problem.bias import SAME
from polyest.problem.claims import STATED, Bracket, Certificate
from polyest.problem.criteria import CRITERIA, DEFAULT
from polyest.tables.table import Table

COLUMNS = tuple(name for name in CRITERIA if name in STATED)


@dataclass(frozen=True)
class RangeReport:
    """Tables of one problem for ascending K, each with the bracket of its E*(K)."""

    tables: tuple[Table, ...]
    leasts: tuple[Bracket | None, ...]


@dataclass(frozen=True)
class ComparisonReport:
    """Tables of one K by name, a bracket of E*(K), and the p of each greatest |bias| (in float64)."""

    tables: Mapping[str, Table]
    least: Bracket
    places: Mapping[str, float]


def range_page(report: RangeReport) -> list[str]:
    """Return the page of one problem for several K, with a row for each table."""
    first = report.tables[0]
    names = [f"K = {table.K}" for table in report.tables]
    rows = {name: table.certificate for name, table in zip(names, report.tables, strict=True)}
    leasts = dict(zip(names, report.leasts, strict=True))
    budget = first.budget
    defined = bias_meaning(first.target)
    if budget is not None and budget.kind == "noise":
        r = f"{budget.value:g}"
        defined += entry(f"noise {r}", *noise_meaning(first.target, first.criterion, r))
    title = bold(f"{first.target}: {asked(first)}")
    return [title, "", *defined, "", *certificates(first.target, rows, leasts)]


def comparison_page(report: ComparisonReport) -> list[str]:
    """Return the page of several tables of one K, with the p of the greatest |bias| of each."""
    K = next(iter(report.tables.values())).K
    rows = {name: table.certificate for name, table in report.tables.items()}
    places = {name: number(p, ROUND_HALF_EVEN) for name, p in report.places.items()}
    shapes = {table.shape for table in report.tables.values() if table.budget is not None}
    return [
        bold(f"log, sample size K = {K}: tables side by side"),
        "",
        *bias_meaning("log"),
        *entry("noise r", *noise_meaning("log", DEFAULT, "r")),
        *entry(f"E*({K})", f"{span(report.least)}, proved", "the least sup|bias| of any table"),
        "",
        *certificates("log", rows, dict.fromkeys(rows, report.least), places),
        f"log_count: the plug-in {plug_in_name('log')}; noise r: the least bias at noise r",
        *(f"noise r here: of {shape} tables" for shape in shapes if shape is not None),
        "monotone, concave: the least bias of any table that is, at whatever noise",
        f"at p: the first p of the greatest |bias|, to {SAME:g}, by float64 and not proved",
    ]


def certificates(
    target: str,
    rows: Mapping[str, Certificate],
    leasts: Mapping[str, Bracket | None],
    places: Mapping[str, str] | None = None,
) -> list[str]:
    """Return aligned rows of certified bounds by name, of tables for one target.

    The columns are sup|bias|, the same in units of E*, the place if given, and the criteria.
    """
    place_head = [] if places is None else ["\nat p"]
    heads = ["\n", "\nsup|bias|", "\nin E*", *place_head, *map(_head, COLUMNS)]
    body = [
        [
            name,
            number(proved.bias.upper),
            ratio(proved.bias.upper, leasts[name]),
            *([] if places is None else [places[name]]),
            *(number(proved.criterion(criterion)) for criterion in COLUMNS),
        ]
        for name, proved in rows.items()
    ]
    split = [[head.split("\n")[i] for head in heads] for i in (0, 1)]
    lines = aligned([*split, *body])
    caption = "proved upper bounds, rounded up; in E*: multiples of E*(K), the least sup|bias|"
    return [*map(bold, lines[:2]), *lines[2:], "", caption, *criteria_meaning(COLUMNS, target)]


def _head(criterion: str) -> str:
    """The name in two lines: second-, moment."""
    above, hyphen, last = criterion.rpartition("-")
    return f"{above}{hyphen}\n{last}"
