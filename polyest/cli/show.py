"""`polyest show` prints a released table as a page or as JSON."""

from typing import TYPE_CHECKING

import click

from polyest.cli import options
from polyest.cli.terminal import Helping, print_lines, print_tables

if TYPE_CHECKING:
    from typing import Unpack

    from polyest.counts import Baseline
    from polyest.problem.keywords import Posed


@click.command("show", cls=Helping)
@options.single
@options.keywords
@options.as_json
def command(
    draws: str | None,
    group: int | None,
    baseline: "Baseline",
    as_json: bool,
    **keywords: "Unpack[Posed]",
) -> None:
    """Print a released table, without solving."""
    from polyest.cli.pages.table import table_page, universal_page
    from polyest.cli.table import released_report
    from polyest.tables.release import load
    from polyest.tables.universal import UniversalTable

    table = load(options.K_of(draws, group, baseline), **keywords)
    if as_json:
        print_tables([table])
    elif isinstance(table, UniversalTable):
        print_lines(universal_page(table))
    else:
        print_lines(table_page(released_report(table)))
