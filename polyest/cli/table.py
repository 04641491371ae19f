"""This module makes the report of a table for `solve` and `show`, with the tables that it replaces."""

from math import inf
from typing import TYPE_CHECKING

from polyest.cli.terminal import progress, say
from polyest.errors import NotConverged, NotProved

if TYPE_CHECKING:
    from polyest.cli.pages.table import OnGrid, TableReport
    from polyest.problem.claims import Bracket, Certificate
    from polyest.tables.table import Table


PROVED_AT_ONCE = 128  # greatest K for which `show` proves the rivals; above, it takes seconds


def solved_report(table: "Table", out: str | None, group: int | None) -> "TableReport":
    """Return the report of a table that was just solved; out, group: as in `TableReport`."""
    from polyest.cli.pages.table import TableReport
    from polyest.tables.release import is_released

    with progress(f"E*({table.K})"):
        least = least_bias(table)
    grid = None if table.grid is None else _on_grid(table, table.grid)
    released = out is None and is_released(table)
    return TableReport(table, least, _rivals(table), grid, released, out, group)


def released_report(table: "Table") -> "TableReport":
    """Return the report of a table from `load`, without solving and without slow proofs."""
    from polyest.cli.pages.table import TableReport
    from polyest.tables.release import least_bias as released_least_bias

    least = released_least_bias(table.K, table.target)
    rivals = _rivals(table) if table.K <= PROVED_AT_ONCE else {}
    return TableReport(table, least, rivals, None, True)


def least_bias(table: "Table") -> "Bracket | None":
    """Return the bracket of E*(K), the least sup|e| of any table of this K; prove it if necessary.

    It is None for a target without the theorem of alternation for which the exchange does not find it.
    """
    if table.problem.is_minimax and table.shape is None:
        return table.optimum
    from polyest.make.pipeline import attainable

    target = table.problem.target
    try:
        return attainable(target, table.K)
    except (NotConverged, NotProved):
        if target.alternates(table.K):
            raise
        return None


def warn_if_too_large(table: "Table") -> None:
    """Warn how much bias rounding to float64 adds to a minimax table of large K."""
    from polyest.problem.criteria import DEFAULT
    from polyest.problem.problem import LARGEST_MINIMAX

    free = table.problem.is_minimax and table.shape is None
    if free and table.K > LARGEST_MINIMAX and table.optimum is not None:
        cost = table.bias.upper / table.optimum.lower
        say(
            f"warning: K = {table.K} is too large for a minimax table in float64: coefficients "
            f"grow like 2^K, and rounding them makes the bias {cost:.3g} times the least; use "
            f"--criterion {DEFAULT}"
        )


def _rivals(table: "Table") -> "dict[str, Certificate]":
    """Return the certificates of the rivals: the unit of noise first, then the target's best closed form."""
    from polyest.closed_forms import FORMS
    from polyest.proof.certify import measure, plug_in, stating

    target, criterion = table.problem.target, table.criterion
    forms = FORMS.get(target.name, ())
    if not forms:
        with progress("plug_in"):
            return {"plug_in": measure(target, plug_in(target, table.K), criterion)}
    proved: dict[str, Certificate] = {}
    with progress("closed forms") as update:
        for done, form in enumerate(forms):
            update(done, len(forms))
            rival = form(table.K)
            name = form.__name__
            proved[name] = stating(rival.certificate, target, rival.coefficients, criterion)
    first, *_ = forms
    best = min(proved, key=lambda name: proved[name].bias.upper)
    return {name: proved[name] for name in dict.fromkeys((first.__name__, best))}


def _on_grid(table: "Table", grid: str) -> "OnGrid":
    """Return the largest group for which the grid is exact, and by what factor rounding ruined the bias."""
    from polyest.cli.pages.table import OnGrid
    from polyest.make.rounding import ruined
    from polyest.problem.grids import largest_group

    group = largest_group(table.coefficients, grid) if grid.startswith("dyadic") else None
    if table.optimum is None or not table.problem.minimises_bias:
        return OnGrid(group, None)
    least, bias = table.optimum.lower, table.bias.upper
    if not ruined(table.problem.target, table.K, grid, least, bias):
        return OnGrid(group, None)
    return OnGrid(group, bias / least if least else inf)
