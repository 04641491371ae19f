"""What the commands print: plain lines of at most 80 columns, in ASCII.

A proved bound is shortened outward, so that what is printed is still proved; a ratio is rounded.
Headings are styled; click takes the style off where the output is no terminal.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN
from math import ceil, inf
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.cli.layout import aligned, bold, columns, entry, number, ratio, span, wrapped
from polyest.counts import SPENT
from polyest.errors import PolyestError
from polyest.make.rounding import ruined
from polyest.problem.bernstein import pmf
from polyest.problem.claims import Bracket, Certificate
from polyest.problem.grids import largest_group, parse_grid
from polyest.problem.problem import BUDGETED, DEFAULT_NOISE, LARGEST_LISTED, Budget
from polyest.tables.release import load
from polyest.tables.table import Table
from polyest.tables.universal import UniversalTable

if TYPE_CHECKING:
    from polyest.frontier import Frontier, Versus

CRITERIA = (*BUDGETED, "squared-error")
HEADS = ("gradient-\nvariance", "\nvariance", "second-\nmoment", "squared-\nerror")
SAME = 1e-6  # relative difference below which two extrema of |e| count as equally high


def one(
    table: Table,
    least: Bracket | None,
    rivals: Mapping[str, Certificate],
    remarks: Sequence[str],
    code: Sequence[str],
) -> list[str]:
    """Page of one table: least attainable bias, optimum, budget, use, rivals, coefficients.

    least: bracket of E*(K), None where it is not known; rivals: certificates by name, the first of
    them the unit of noise; remarks: what to know of the rivals; code: what gives the table.
    """
    K, name = table.K, table.target
    origin = f" (release {table.release})" if table.release else ""
    title = wrapped(f"{name} from K = {K} draws: {_asked(table)}{origin}")
    lines = [*map(bold, title), ""]
    if least is not None:
        lines += entry(
            f"E*({K})",
            f"{span(least)}, proved",
            f"the least sup|bias| of {K} draws, bias = p (mean of c_X - {phi(name)})",
        )
    if table.optimum is not None and table.criterion != "minimax":
        what = "sup|bias|" if table.problem.minimises_bias else table.criterion
        bound = "within the budget" if table.budget else "of any table"
        width = f"relative width {number(table.optimum.width, digits=2)}"
        lines += entry(
            "optimum", f"{span(table.optimum)}, proved", f"the least {what} {bound}, {width}"
        )
    if table.budget is not None:
        lines += entry("budget", *_spent(table, table.budget, least, next(iter(rivals.values()))))
    if table.grid is not None:
        lines += entry("grid", *_rounded(table, table.grid))
    lines += _use(K, code)
    rows = {"this table": table.certificate, **rivals}
    lines += ["", *certificates(rows, dict.fromkeys(rows, least)), *remarks]
    return [*lines, "", bold(f"coefficients c_0 .. c_{K}"), *columns(table.coefficients)]


def universal(table: UniversalTable) -> list[str]:
    """Page of the universal table at one K: bias and budget, use, criteria, how entries come about."""
    K, limits, budget = table.K, table.limits, table.budget
    assert budget is not None
    origin = f" (release {table.release})" if table.release else ""
    lines = [bold(f"{table.target} from K = {K} draws: {_asked(table)}, universal{origin}"), ""]
    scaled = f"{span(limits.bias)}, over K, for every K > {LARGEST_LISTED}"
    lines += entry("sup|bias|", f"{span(table.bias)}, proved", scaled)
    limit = number(budget.value * limits.log_count / K, ROUND_FLOOR, 8)
    spent = f"{table.criterion} <= {budget.value:g} x that of {plug_in_name(table.target)}"
    lines += entry("budget", spent, f"which is at least {limit}, for every K > {LARGEST_LISTED}")
    keyword = "" if budget.value == DEFAULT_NOISE else f", noise={budget.value!r}"
    lines += _use(K, [f"polyest.load({K}{keyword})"])
    rows = {"this table": table.certificate}
    lines += ["", *certificates(rows, {"this table": None}), ""]
    lines += [bold("c_X = H_X - H_K + u_X + w_X/K"), "H_n = 1 + 1/2 + ... + 1/n"]
    lines += ["w_X = X(X-1)/2 (u_X - 2 u_{X-1} + u_{X-2}), w_0 = w_1 = 1/2"]
    last = len(table.departures) - 1
    lines += ["", bold(f"departures u_0 .. u_{last}, 0 beyond"), *columns(table.departures)]
    return lines


def several(tables: Sequence[tuple[Table, Bracket | None]]) -> list[str]:
    """Page of one problem for several K: a row per table, given with the bracket of its E*(K)."""
    first = tables[0][0]
    rows = {f"K = {table.K}": table.certificate for table, _ in tables}
    leasts = {f"K = {table.K}": least for table, least in tables}
    return [bold(f"{first.target}: {_asked(first)}"), "", *certificates(rows, leasts)]


def comparison(tables: Mapping[str, Table], least: Bracket) -> list[str]:
    """Page of the tables of one K side by side, with the place of each one's greatest |bias|."""
    K = next(iter(tables.values())).K
    rows = {name: table.certificate for name, table in tables.items()}
    places = {name: number(place(table), ROUND_HALF_EVEN) for name, table in tables.items()}
    return [
        bold(f"log from K = {K} draws, tables side by side"),
        "",
        *entry(f"E*({K})", f"{span(least)}, proved", f"the least sup|bias| of {K} draws"),
        "",
        *certificates(rows, dict.fromkeys(rows, least), places),
        "noise r: least bias at r times the gradient-variance of log_count",
        f"at p: the first p of the greatest |bias|, to {SAME:g}, by float64 and not proved",
    ]


def frontier(curve: "Frontier", rivals: Mapping[str, "Versus | str"]) -> list[str]:
    """Page of a curve of least bias, and of estimators beside the best table at their own noise.

    rivals: by name, or the words that say why there is no such table.
    """
    plain, K = curve.plug_in, curve.K
    heading = f"{curve.target} from K = {K} draws: the least bias that a noise allows"
    lines = [bold(heading), ""]
    lines += entry(f"E*({K})", f"{span(curve.least)}, proved", "the least sup|bias| at any noise")
    unit = f"{curve.criterion} {number(plain.criterion(curve.criterion))}"
    lines += entry("noise 1", f"{unit}, of {plug_in_name(curve.target)}")
    lines += entry("noise 0", f"{number(curve.noiseless)}, the least sup|bias| without noise")
    lines += entry("the end", *wrapped(curve.ended))
    rows = [
        ["", "", "", "times below", "width of"],
        ["noise", "sup|bias|", "in E*", plug_in_name(curve.target), "its bracket"],
    ]
    for point in curve.points:
        bias, optimum = point.table.bias, point.table.optimum
        assert optimum is not None
        times = plain.bias.lower / bias.upper if bias.upper else inf
        rows.append(
            [
                number(point.noise, ROUND_HALF_EVEN),
                number(bias.upper),
                ratio(bias.upper, curve.least),
                number(times, ROUND_FLOOR),
                number(optimum.width, digits=2) if optimum.lower else "-",
            ]
        )
    shown = aligned(rows)
    lines += ["", *map(bold, shown[:2]), *shown[2:]]
    rows = [["", "noise", "sup|bias|", "the least there", "times"]]
    remarks = []
    for name, found in rivals.items():
        if isinstance(found, str):
            rows.append([name, "-", "-", "-", "-"])
            remarks += wrapped(f"{name}: {found}")
            continue
        rows.append(
            [
                name,
                number(found.noise, ROUND_HALF_EVEN),
                number(found.rival.bias.upper),
                number(found.best.bias.upper),
                number(found.ratio.lower, ROUND_FLOOR),
            ]
        )
    shown = aligned(rows)
    lines += ["", bold(shown[0]), *shown[1:], ""]
    lines += ["proved bounds: bias rounded up, times less bias rounded down; noise rounded"]
    if any("blocks" in name for name in rivals):
        lines += ["blocks of k: sample splitting, the minimax table of k draws averaged"]
    return lines + remarks


def certificates(
    rows: Mapping[str, Certificate],
    leasts: Mapping[str, Bracket | None],
    places: Mapping[str, str] | None = None,
) -> list[str]:
    """Aligned rows of certified bounds by name: bias, bias in E*, place if given, four criteria."""
    place_head = [] if places is None else ["\nat p"]
    heads = ["\n", "\nsup|bias|", "\nin E*", *place_head, *HEADS]
    body = [
        [
            name,
            number(proved.bias.upper),
            ratio(proved.bias.upper, leasts[name]),
            *([] if places is None else [places[name]]),
            *(number(proved.criterion(criterion)) for criterion in CRITERIA),
        ]
        for name, proved in rows.items()
    ]
    split = [[head.split("\n")[i] for head in heads] for i in (0, 1)]
    lines = aligned([*split, *body])
    caption = "proved upper bounds, rounded up; in E*: multiples of the least sup|bias|"
    return [*map(bold, lines[:2]), *lines[2:], "", caption]


def code(table: Table, out: str | None = None, group: int | None = None) -> list[str]:
    """Python that gives this very table: read from `out`, loaded if released, or else solved.

    group: what a dyadic grid was asked for with.
    """
    if out is not None:
        return [f"polyest.loads(open({out!r}).read())"]
    words, keywords = [str(table.K)], dict[str, Any]()
    if table.target != "log":
        words.append(f'target="{table.target}"')
        keywords["target"] = table.target
    if table.criterion != "gradient-variance":
        words.append(f'criterion="{table.criterion}"')
        keywords["criterion"] = table.criterion
    if table.budget not in (None, Budget("noise", DEFAULT_NOISE)):
        assert table.budget is not None
        kind = table.budget.kind.replace("-", "_")
        words.append(f"{kind}={table.budget.value!r}")
        keywords[kind] = table.budget.value
    if table.grid is not None:
        kind, _, beta = parse_grid(table.grid)
        words.append(f'grid="{kind}"')
        words += [f"group={group}"] * (group is not None) + [f"beta={beta!r}"] * (beta != 1)
    try:
        released = load(table.K, **keywords)
        same = np.array_equal(released.coefficients, table.coefficients)
        found = same and table.grid is None
    except PolyestError:
        found = False
    return wrapped(f"polyest.{'load' if found else 'solve'}({', '.join(words)})")


def place(table: Table) -> float:
    """Least p at which |e|, in float64, is within 1e-6 of its greatest value.

    e is looked at on points equally spaced in theta, p = sin^2(theta), 64 of them per draw; the
    height of a local maximum between them is that of a parabola.
    """
    theta = np.linspace(0, np.pi / 2, 64 * (table.K + 2))
    p = np.sin(theta) ** 2
    parts = np.array_split(p, ceil(p.size / 4096))
    mean = np.concatenate([pmf(table.K, part) @ table.coefficients for part in parts])
    height = np.abs(p * mean - table.problem.target.weighted(p))
    left, mid, right = height[:-2], height[1:-1], height[2:]
    bend = np.minimum(left - 2 * mid + right, 0)
    step = np.divide(left - right, 2 * bend, out=np.zeros_like(mid), where=bend < 0)
    top = mid - (left - right) * step / 4
    peak = (mid >= left) & (mid >= right)
    found = np.append(np.sin(theta[1:-1] + step * theta[1])[peak] ** 2, 1.0)
    tops = np.append(top[peak], height[-1])
    return float(found[np.argmax(tops >= tops.max() * (1 - SAME))])


def _asked(table: Table | UniversalTable) -> str:
    budget = table.budget
    grid = f", {table.grid.partition(':')[0]}" if isinstance(table, Table) and table.grid else ""
    return table.criterion + (f", {budget.kind} {budget.value:g}" if budget else "") + grid


def _rounded(table: Table, grid: str) -> list[str]:
    """What the entries are, what that is good for, and whether it ruins the table."""
    kind, B, beta = parse_grid(grid)
    if kind != "dyadic":
        lines = [f"{kind}: a cast to it leaves every entry as it is"]
    else:
        reward = "c_X" if beta == 1 else f"{beta!r} c_X"
        most = largest_group(table.coefficients, grid)
        lines = [
            f"{grid}: rewards {reward} are whole multiples of 2^-{B}",
            f"in groups of up to {most} traces float32 sums of them are exact",
        ]
    least = table.optimum.lower if table.optimum and table.problem.minimises_bias else None
    if least is None or not ruined(table.problem.target, table.K, grid, least, table.bias.upper):
        return lines
    much = f"{table.bias.upper / least:.3g} times the least" if least else "not 0 any more"
    return [*lines, f"rounding ruins this table: sup|bias| is {much}"]


def phi(name: str) -> str:
    """What a target's weighted bias is measured from, in words."""
    return "log p" if name == "log" else "phi(p)"


def plug_in_name(name: str) -> str:
    """Entries of the plug-in table, the unit of noise, in words."""
    return f"{'log' if name == 'log' else 'phi'}((X+1)/(K+1))"


def _spent(
    table: Table, budget: Budget, least: Bracket | None, unit: Certificate
) -> tuple[str, str]:
    """What the budget allows, and how much of it the table uses."""
    used = table.bias.upper
    limit = budget.value
    if budget.kind == "noise":
        used = table.certificate.criterion(table.criterion)
        limit *= unit.criterion(table.criterion)
        plain = plug_in_name(table.target)
        text = f"{table.criterion} <= {budget.value:g} x that of {plain} = {number(limit)}"
    elif budget.kind == "bias-ratio":
        text = f"sup|bias| <= {budget.value:g} x E*({table.K})"
        if least is None:
            return text, f"used: {number(used)}"
        limit *= least.lower
        text += f" = {number(limit)}"
    else:
        text = f"sup|bias| <= {number(limit)}"
    left = max(1 - used / limit, 0.0)
    return text, f"used: all but {left:.0e} of it" if left < 0.01 else f"used: {1 - left:.0%} of it"


def _use(K: int, code: Sequence[str]) -> list[str]:
    """The groups that K draws are of, and the lines of code that give the table and look up."""
    centred, plain = SPENT["group-mean"], SPENT["none"]
    look_up = f"t[polyest.counts.in_group(answers).index]  # answers: (prompts, {K + centred})"
    return [
        *entry(
            "groups",
            f"G = {K + centred} traces where the trainer subtracts the group mean, K = G - {centred}",
            f"G = {K + plain} traces where it does not, K = G - {plain}",
        ),
        *entry("code", f"t = {code[0]}", *code[1:], look_up),
    ]
