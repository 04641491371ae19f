"""What `polyest solve` does: one table on a page, a range as a list, or a file of them."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import click

from polyest.cli.showing import least, page, warn
from polyest.cli.terminal import print_lines, progress, say

if TYPE_CHECKING:
    from polyest.problem.claims import Bracket
    from polyest.tables.table import Table


def one(K: int, as_json: bool, out: str | None, **keywords: Any) -> None:
    """One table: on a page, as JSON, and in a file."""
    from polyest.make import pipeline, storage, sweep
    from polyest.problem.problem import pose
    from polyest.tables.format import dumps

    if out is not None:
        how = ("method", "grid", "group", "beta")
        stated = {key: value for key, value in keywords.items() if key not in how}
        sweep.check_storable(pose(K, **stated))
        storage.destination(out)
    with progress(f"K = {K}"):
        table = pipeline.solve(K, **keywords)
    warn(table)
    if out is not None:
        sweep.write(table, out)
    if as_json:
        print_lines([dumps(table)])
    else:
        with progress(f"E*({K})"):
            lowest = least(table)
        print_lines(page(table, lowest, out, keywords["group"]))


@contextmanager
def shared(jobs: int | None, scheduler: str | None) -> Iterator[dict[str, Any]]:
    """Who solves a range, as arguments of `sweep` and `completed`."""
    from polyest.make import workers

    if scheduler is None:
        yield {"jobs": jobs or 1}
        return
    if jobs is not None:
        raise click.UsageError(
            "--jobs are processes here, --scheduler has its own: give one of them"
        )
    with ExitStack() as stack:
        with progress(f"scheduler {scheduler}"):
            executor = stack.enter_context(workers.cluster(scheduler))
        yield {"executor": executor}


def into_file(Ks: range, out: str, workers: dict[str, Any], **keywords: Any) -> None:
    """A range of tables in a file, with a line on each as it is done."""
    from polyest.make import sweep

    with progress(f"K = {Ks[0]}:{Ks[-1]}") as tell:

        def report(done: int, total: int, table: "Table | None") -> None:
            tell(done, total)
            if table is not None:
                say(f"K = {table.K}: sup|bias| <= {table.bias.upper:.4g}, {done} of {total} done")
            elif done:
                say(f"{out}.part has {done} of {total} already")

        sweep.sweep(Ks, out, report, **workers, **keywords)


def several(Ks: range, as_json: bool, workers: dict[str, Any], **keywords: Any) -> None:
    """A range of tables as a list of what they are worth, or as JSON."""
    from functools import partial

    from polyest.cli import pages
    from polyest.make.sweep import solved
    from polyest.make.workers import completed
    from polyest.tables.format import loads_listed

    lines: dict[int, bytes] = {}
    printed = 0
    try:
        with progress(f"K = {Ks[0]}:{Ks[-1]}") as tell:
            tell(0, len(Ks))
            for K, (line, remarks) in completed(partial(solved, **keywords), Ks, **workers):
                lines[K] = line
                for remark in remarks:
                    warnings.warn(remark, stacklevel=2)
                tell(len(lines), len(Ks))
                while as_json and printed < len(Ks) and Ks[printed] in lines:
                    print_lines([lines[Ks[printed]].decode()])
                    printed += 1
    finally:
        tables = [loads_listed(lines[K]) for K in sorted(lines)]
        if tables and not as_json:
            print_lines(pages.several(_compared(tables)))
    warn(tables[-1])


def _compared(tables: "list[Table]") -> "list[tuple[Table, Bracket | None]]":
    """Each table with the bracket of its E*(K)."""
    found = []
    with progress("E*") as tell:
        for done, table in enumerate(tables):
            tell(done, len(tables))
            found.append((table, least(table)))
    return found
