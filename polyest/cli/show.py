"""This module is `polyest show`, which prints a released table and can write it to a file."""

from typing import TYPE_CHECKING

import click

from polyest.cli import options
from polyest.cli.terminal import Helping, print_lines, print_tables, say

if TYPE_CHECKING:
    from typing import Unpack

    from polyest.cli.objects import Form
    from polyest.counts import Baseline
    from polyest.problem.keywords import Posed


@click.command(
    "show",
    cls=Helping,
    examples=(
        ("the table for groups of 16 completions under a group mean", "polyest show --group 16"),
        (
            "a monotone table with less variance",
            "polyest show -K 14 --noise 2 --shape monotone",
        ),
        ("written to a file, which polyest.loads reads", "polyest show -K 14 -o table.jsonl"),
        ("is its bias below 0.01?", "polyest show -K 14 --json | jq '.bias.upper < 0.01'"),
    ),
)
@options.single
@options.keywords
@options.form
@click.option(
    "-o", "--out", type=click.Path(), metavar="FILE", help="File to write the table to as well."
)
def command(
    draws: str | None,
    group: int | None,
    baseline: "Baseline",
    form: "Form | None",
    out: str | None,
    **keywords: "Unpack[Posed]",
) -> None:
    """Print a released table; nothing is solved."""
    from polyest.cli.pages.table import table_page, universal_page
    from polyest.cli.table import released_report
    from polyest.tables.format import dumps
    from polyest.tables.release import load
    from polyest.tables.universal import UniversalTable

    table = load(options.K_of(draws, group, baseline), **keywords)
    if out is not None:
        from polyest.make import storage

        storage.put(dumps(table).encode() + b"\n", out)
    if form is not None:
        print_tables([table], form)
    elif isinstance(table, UniversalTable):
        print_lines(universal_page(table))
    else:
        print_lines(table_page(released_report(table)))
    if out is not None:
        say(f"wrote {out}")
