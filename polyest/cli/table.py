"""What `solve` and `show` find out of a table before its page is made: the table beside what it replaces."""

from math import inf
from typing import TYPE_CHECKING

from polyest.cli.terminal import progress, say

if TYPE_CHECKING:
    from polyest.cli.pages.table import OnGrid, TableReport
    from polyest.problem.claims import Bracket, Certificate
    from polyest.tables.table import Table


PROVED_AT_ONCE = (
    128  # draws up to which `show` proves what a table replaces: above, it takes seconds
)


def solved_report(table: "Table", out: str | None, group: int | None) -> "TableReport":
    """All that the page of a table says that was just solved; out and group: those of `TableReport`."""
    from polyest.cli.pages.table import TableReport
    from polyest.tables.release import is_released

    with progress(f"E*({table.K})"):
        least = least_bias(table)
    grid = None if table.grid is None else _on_grid(table, table.grid)
    released = out is None and is_released(table)
    return TableReport(table, least, _rivals(table), grid, released, out, group)


def released_report(table: "Table") -> "TableReport":
    """The same of a table that `load` gave, without solving; nothing that takes long is proved."""
    from polyest.cli.pages.table import TableReport
    from polyest.tables.release import least_bias as released_least_bias

    least = released_least_bias(table.K, table.target)
    rivals = _rivals(table) if table.K <= PROVED_AT_ONCE else {}
    return TableReport(table, least, rivals, None, True)


def least_bias(table: "Table") -> "Bracket | None":
    """Bracket of E*(K), the least sup|bias| of any table of as many draws, proved if it is not known.

    None for a target of which the theorem that encloses it is not known to hold.
    """
    if table.problem.is_minimax:
        return table.optimum
    from polyest.make.pipeline import attainable

    target = table.problem.target
    return attainable(target, table.K) if target.alternates(table.K) else None


def warn_if_too_large(table: "Table") -> None:
    """Say what rounding to float64 costs a minimax table that cannot be stored."""
    from polyest.problem.criteria import DEFAULT
    from polyest.problem.problem import LARGEST_MINIMAX

    if table.problem.is_minimax and table.K > LARGEST_MINIMAX and table.optimum is not None:
        cost = table.bias.upper / table.optimum.lower
        say(
            f"warning: K = {table.K} is too large for a minimax table in float64: coefficients "
            f"grow like 2^K, and rounding them makes the bias {cost:.3g} times the least; use "
            f"criterion {DEFAULT}"
        )


def _rivals(table: "Table") -> "dict[str, Certificate]":
    """What the table replaces, the unit of noise, and the best of its target's closed forms."""
    from polyest.closed_forms import FORMS
    from polyest.proof.certify import measure, plug_in, stating

    target, criterion = table.problem.target, table.criterion
    forms = FORMS.get(target.name, ())
    if not forms:
        with progress("plug_in"):
            return {"plug_in": measure(target, plug_in(target, table.K), criterion)}
    proved: dict[str, Certificate] = {}
    with progress("closed forms") as tell:
        for done, form in enumerate(forms):
            tell(done, len(forms))
            rival = form(table.K)
            name = form.__name__
            proved[name] = stating(rival.certificate, target, rival.coefficients, criterion)
    first, *_ = forms
    best = min(proved, key=lambda name: proved[name].bias.upper)
    return {name: proved[name] for name in dict.fromkeys((first.__name__, best))}


def _on_grid(table: "Table", grid: str) -> "OnGrid":
    """What the grid of a table is good for, and what it cost."""
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
