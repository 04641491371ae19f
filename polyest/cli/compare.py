"""This module is `polyest compare`, which prints the tables for log p of one sample size K side by side."""

from functools import partial
from typing import TYPE_CHECKING

import click

from polyest.cli import options
from polyest.cli.terminal import Helping, print_lines, print_tables, progress, say
from polyest.errors import InvalidProblem
from polyest.problem.shapes import SHAPES, check_shape

if TYPE_CHECKING:
    from polyest.cli.objects import Form
    from polyest.cli.pages.rows import ComparisonReport
    from polyest.counts import Baseline
    from polyest.problem.shapes import Shape
    from polyest.tables.table import Table

NOISES = (1, 2, 4, 8)


@click.command(
    "compare",
    cls=Helping,
    examples=(
        ("the tables of sample size K = 8", "polyest compare -K 8"),
        (
            "the tables for groups of 8, if no baseline is subtracted",
            "polyest compare --group 8 --baseline none",
        ),
        ("the bias of each table, with jq", "polyest compare -K 4 --json | jq .bias.upper"),
    ),
)
@options.single
@options.shape
@options.form
def command(
    draws: str | None,
    group: int | None,
    baseline: "Baseline",
    shape: "Shape | None",
    form: "Form | None",
) -> None:
    """Compare the tables that estimate log p.

    The tables are: the closed forms; the minimax tables (least bias) with free, monotone and concave
    entries; and the tables of least bias at noise 1, 2, 4 and 8, of the given --shape if there is one.  The
    noise of a table is its variance ratio: noise r means that its gradient-variance, the greatest p Var c_X
    over p, is at most r times that of the plug-in log((X+1)/(K+1)).
    """
    from polyest.cli.table import warn_if_too_large

    tables = _tables(options.solvable_K(draws, group, baseline), shape)
    warn_if_too_large(tables["minimax"])
    if form is not None:
        print_tables(tables.values(), form)
        return
    from polyest.cli.pages.rows import comparison_page

    print_lines(comparison_page(compared(tables)))


def _tables(K: int, shape: "Shape | None") -> "dict[str, Table]":
    """Return the tables by name; a noise budget without a table is left out with a warning.

    shape: that of the tables with a noise budget.
    """
    if shape is not None:
        check_shape(shape)
    from polyest.closed_forms import LOGS
    from polyest.make.pipeline import solve

    makers = {form.__name__: partial(form, K) for form in LOGS}
    makers["minimax"] = partial(solve, K, criterion="minimax")
    makers |= {name: partial(solve, K, criterion="minimax", shape=name) for name in SHAPES}
    for noise in NOISES:
        makers[f"noise {noise}"] = partial(solve, K, noise=noise, shape=shape)
    tables: dict[str, Table] = {}
    with progress(f"tables of K = {K}") as update:
        for done, (name, make) in enumerate(makers.items()):
            update(done, len(makers))
            try:
                tables[name] = table = make()
                _ = table.certificate  # a closed form is proved when this is read, which takes time
            except (InvalidProblem, ArithmeticError) as error:
                if not name.startswith("noise"):
                    raise
                say(f"warning: {name} is left out: {error}")
    return tables


def compared(tables: "dict[str, Table]") -> "ComparisonReport":
    """Return the report of tables of one K by name; one of them is "minimax"."""
    from polyest.cli.pages.rows import ComparisonReport
    from polyest.problem.bias import place

    least = tables["minimax"].optimum
    assert least is not None
    places = {
        name: place(table.coefficients, table.problem.target) for name, table in tables.items()
    }
    return ComparisonReport(tables, least, places)
