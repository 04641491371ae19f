"""This module formats the page of one table, solved or released, and that of the universal table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR
from math import isfinite

from polyest.cli.pages.layout import bold, columns, entry, number, span, wrapped
from polyest.cli.pages.rows import certificates
from polyest.cli.pages.words import asked, bias_meaning, noise_meaning, plug_in_name, size
from polyest.closed_forms import FORMS
from polyest.counts import SPENT
from polyest.problem.calls import arguments
from polyest.problem.claims import Bracket, Certificate
from polyest.problem.grids import parse_grid
from polyest.problem.problem import LARGEST_LISTED, Budget
from polyest.tables.lookup import Lookup
from polyest.tables.table import Table
from polyest.tables.universal import UniversalTable


@dataclass(frozen=True)
class OnGrid:
    """The benefit and the cost of rounding a table to a grid.

    group: the largest group whose sums are exact in float32, None if the grid is not dyadic; ruin: the
    sup|e| in units of the least one if rounding ruined the table, inf if the least is 0, else None.
    """

    group: int | None
    ruin: float | None


@dataclass(frozen=True)
class TableReport:
    """A table, and the tables that it replaces.

    least: bracket of E*(K), None if it is not known; rivals: certificates by name, first the unit of noise
    and last the best closed form, empty if they were not proved; grid: None if the page does not describe
    rounding; released: whether `load` returns exactly this table; out: the file to which the table was
    written; group: the group for which a dyadic grid was requested.
    """

    table: Table
    least: Bracket | None
    rivals: Mapping[str, Certificate]
    grid: OnGrid | None
    released: bool
    out: str | None = None
    group: int | None = None


def table_page(report: TableReport) -> list[str]:
    """Return the page of one table.

    It shows the least attainable bias, the optimum, the budget, the grid, the use, the rivals and the
    coefficients.
    """
    table, least = report.table, report.least
    K, name = table.K, table.target
    title = wrapped(f"{size(table)}: {asked(table)}")
    lines = [*map(bold, title), "", *bias_meaning(name)]
    if least is not None:
        lines += entry(
            f"E*({K})", f"{span(least)}, proved", f"the least sup|bias| of any table of K = {K}"
        )
    if table.optimum is not None and (not table.problem.is_minimax or table.shape is not None):
        what = "sup|bias|" if table.problem.minimises_bias else table.criterion
        kind = "" if table.shape is None else f"of any {table.shape} table"
        bound = f"{kind} within the budget".strip() if table.budget else kind or "of any table"
        width = f"relative width {number(table.optimum.width, digits=2)}"
        said = wrapped(f"the least {what} {bound}, {width}")
        lines += entry("optimum", f"{span(table.optimum)}, proved", *said)
    if table.budget is not None:
        unit = next(iter(report.rivals.values()), None)
        lines += entry("budget", *_spent(table, table.budget, least, unit))
    if table.grid is not None and report.grid is not None:
        lines += entry("grid", *_rounded(table.grid, report.grid))
    lines += _use(K, code(table, report.released, report.out, report.group))
    rows = {"this table": table.certificate, **report.rivals}
    lines += ["", *certificates(name, rows, dict.fromkeys(rows, least))]
    lines += _remarks(table, report.rivals)
    return [*lines, "", bold(f"coefficients c_0 .. c_{K}"), *columns(table.coefficients)]


def universal_page(table: UniversalTable) -> list[str]:
    """Return the page of the universal table at one K: bias, budget, use, criteria and the formula."""
    K, limits, budget = table.K, table.limits, table.budget
    lines = [bold(f"{size(table)}: {asked(table)}"), "", *bias_meaning(table.target)]
    scaled = f"{span(limits.bias)}, divided by K, for every K > {LARGEST_LISTED}"
    lines += entry("sup|bias|", f"{span(table.bias)}, proved", scaled)
    if budget is not None:
        limit = number(budget.value * limits.log_count / K, ROUND_FLOOR, 8)
        kept = f"kept for every K > {LARGEST_LISTED}; at this K it is at least {limit}"
        lines += entry("budget", *_allowed(table, budget), kept)
    lines += _use(K, code(table, released=True))
    rows = {"this table": table.certificate}
    lines += ["", *certificates(table.target, rows, {"this table": None}), ""]
    return lines + (_departures(table) if table.shape is None else _levels(table))


def _departures(table: UniversalTable) -> list[str]:
    """Return the formula of the entries of a universal table, and its departures."""
    last = len(table.departures) - 1
    return [
        bold("c_X = H_X - H_K + u_X + w_X/K"),
        "H_n = 1 + 1/2 + ... + 1/n",
        "w_X = X(X-1)/2 (u_X - 2 u_{X-1} + u_{X-2}), w_0 = w_1 = 1/2",
        "",
        bold(f"departures u_0 .. u_{last}, 0 beyond"),
        *columns(table.departures),
    ]


def _levels(table: UniversalTable) -> list[str]:
    """Return the formula of the entries of a universal table with a shape, and its levels."""
    limit, listed = table.departures
    last = len(limit) - 1
    words = [
        bold(f"c_X = (1 - {LARGEST_LISTED}/K) g_X + ({LARGEST_LISTED}/K) h_X - H_K, X <= {last}"),
        "c_X = H_X - H_K beyond, H_n = 1 + 1/2 + ... + 1/n",
    ]
    for name, levels in (("g", limit), ("h", listed)):
        words += ["", bold(f"levels {name}_0 .. {name}_{last}"), *columns(levels)]
    return words


def code(
    table: Lookup, released: bool, out: str | None = None, group: int | None = None
) -> list[str]:
    """Return the Python code of exactly this table: read from `out`, loaded if released, else solved.

    The arguments are those of `TableReport`.
    """
    if out is not None:
        return [f"polyest.loads(open({out!r}).read())"]
    words = arguments(table.problem)
    if isinstance(table, Table) and table.grid is not None:
        kind, _, beta = parse_grid(table.grid)
        words.append(f'grid="{kind}"')
        if group is not None:
            words.append(f"group={group}")
        if beta != 1:
            words.append(f"beta={beta!r}")
    return wrapped(f"polyest.{'load' if released else 'solve'}({', '.join(words)})")


def _remarks(table: Table, rivals: Mapping[str, Certificate]) -> list[str]:
    """Return lines that explain the rivals."""
    if not rivals:
        lines = ["for so large a K the page does not prove what the table replaces, to save time"]
        more = f"polyest compare --K {table.K} proves it, and takes a while"
        return [*lines, more] if table.target in FORMS else lines
    if "plug_in" in rivals:
        return [f"plug_in: {plug_in_name(table.target)}, from X+1 equal answers in K+1 completions"]
    *_, best = rivals
    return [
        f"log_count: the plug-in {plug_in_name(table.target)}, which trainers use",
        f"{best}: of the closed forms for log p, the one of least sup|bias|",
    ]


def _rounded(grid: str, rounding: OnGrid) -> list[str]:
    """Return lines on the grid of the entries, its benefit, and whether rounding ruined the table."""
    kind, B, beta = parse_grid(grid)
    if kind != "dyadic":
        lines = [f"{kind}: a cast to it leaves every entry as it is"]
    else:
        reward = "c_X" if beta == 1 else f"{beta!r} c_X"
        lines = [
            f"{grid}: rewards {reward} are whole multiples of 2^-{B}",
            f"in groups of up to {rounding.group} completions their float32 sums are exact",
        ]
    if rounding.ruin is None:
        return lines
    bias = f"{rounding.ruin:.3g} times the least" if isfinite(rounding.ruin) else "not 0 any more"
    return [*lines, f"rounding ruins this table: sup|bias| is {bias}"]


def _spent(
    table: Table, budget: Budget, least: Bracket | None, unit: Certificate | None
) -> list[str]:
    """Return what the budget allows and how much of it the table uses, as a share if its unit is known."""
    used = table.bias.upper
    limit = budget.value
    if budget.kind == "noise":
        used = table.certificate.criterion(table.criterion)
        texts = _allowed(table, budget)
        if unit is None:
            return [*texts, f"used: {number(used)}"]
        limit *= unit.criterion(table.criterion)
        texts[-1] += f" = {number(limit)}"
    elif budget.kind == "bias-ratio":
        texts = [f"sup|bias| <= {budget.value:g} x E*({table.K})"]
        if least is None:
            return [*texts, f"used: {number(used)}"]
        limit *= least.lower
        texts[-1] += f" = {number(limit)}"
    else:
        texts = [f"sup|bias| <= {number(limit)}"]
    left = max(1 - used / limit, 0.0)
    share = f"all but {left:.0e} of it" if left < 0.01 else f"{1 - left:.0%} of it"
    texts.append(f"used: {share}")
    if table.shape is not None and table.witness is not None and not table.witness.bounds_noise:
        texts.append(f"more buys nothing: this is the minimax {table.shape} table")
    return texts


def _allowed(table: Lookup, budget: Budget) -> list[str]:
    """Return lines that say what a budget of noise bounds."""
    r = f"{budget.value:g}"
    above, below = noise_meaning(table.target, table.criterion, r)
    return [f"noise {r}: {above}", below]


def _use(K: int, source: Sequence[str]) -> list[str]:
    """Return the groups to which K belongs, and the code that makes the table and looks counts up."""
    centred, plain = SPENT["group-mean"], SPENT["none"]
    look_up = f"t[polyest.counts.in_group(answers).index]  # answers: (prompts, {K + centred})"
    return [
        *entry(
            "groups",
            f"G = {K + centred} completions where the group mean is subtracted, K = G - {centred}",
            f"G = {K + plain} completions where it is not, K = G - {plain}",
        ),
        *entry("code", f"t = {source[0]}", *source[1:], look_up),
    ]
