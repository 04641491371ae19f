"""This module is `polyest solve`, which solves tables, prints them and can write them to a file."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import click

from polyest.cli import options
from polyest.cli.terminal import Helping, print_lines, print_tables, progress, say

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from typing import TypedDict, Unpack

    from polyest.cli.objects import Form
    from polyest.cli.pages.rows import RangeReport
    from polyest.counts import Baseline
    from polyest.problem.keywords import Posed, Solved
    from polyest.tables.table import Table

    class Workers(TypedDict, total=False):
        """Which workers solve a range: processes of this machine, or those of an executor."""

        jobs: int
        executor: Executor


# Of polyest.solvers and polyest.problem.grids, which take time to import.
METHODS = ("remez", "lp", "shaped", "socp", "cvx")
GRIDS = ("float32", "bfloat16", "dyadic")


@click.command(
    "solve",
    cls=Helping,
    examples=(
        ("the table of least bias at noise (variance ratio) 3", "polyest solve -K 14 --noise 3"),
        (
            "the same with monotone entries, written to a file",
            "polyest solve -K 14 --noise 3 --shape monotone -o t.jsonl",
        ),
        (
            "a table that estimates 1/sqrt(p + 0.01) in place of log p",
            "polyest solve -K 6 --target 'custom:1/sqrt(p+0.01)'",
        ),
        (
            "a range of K, with two processes",
            "polyest solve -K 1:8 --criterion minimax --jobs 2 -o t.jsonl",
        ),
    ),
)
@click.option(
    "-K",
    "--K",
    "draws",
    metavar="K|K:K",
    help="Sample size: the number of draws that a count is taken from, or a range such as 1:256.",
)
@options.keywords
@click.option(
    "--method",
    type=click.Choice(METHODS),
    help="The solver: remez or lp for minimax, shaped for minimax with a shape, socp or cvx for the other "
    "criteria.  [default: remez, shaped or socp]",
)
@click.option(
    "--grid", type=click.Choice(GRIDS), help="Round the entries to this grid and keep the budget."
)
@click.option(
    "--group",
    type=int,
    metavar="G",
    help="Number of completions per prompt: in place of --K, or with --K for --grid dyadic.",
)
@options.baseline
@click.option(
    "--beta",
    type=float,
    metavar="X",
    default=1.0,
    help="Factor from entries to rewards, for --grid dyadic.",
)
@click.option(
    "--jobs",
    type=options.JOBS,
    metavar="N",
    help="Number of processes that solve a range.  [default: 1]",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Address of a Dask scheduler whose workers solve a range.",
)
@options.form
@click.option(
    "-o",
    "--out",
    type=click.Path(),
    metavar="FILE",
    help="File to write.  A range is written to FILE.part first and is resumable.",
)
def command(
    draws: str | None,
    group: int | None,
    baseline: "Baseline",
    grid: str | None,
    form: "Form | None",
    out: str | None,
    jobs: int | None,
    scheduler: str | None,
    method: str | None,
    beta: float,
    **posed: "Unpack[Posed]",
) -> None:
    """Solve a table, or a range of tables, and prove its claims.

    A range of K, such as 1:256, includes both ends.  The printed bounds of bias and noise are proved, and
    so is the distance from the best possible table.
    """
    if draws is None or baseline != "group-mean":
        from polyest.sizes import sized

        K = options.solvable_K(draws, group, baseline)
        draws = str(K)
        _, grid, group = sized(None, grid, group, baseline)
    from polyest.tables.format import loads_listed

    how: Solved = {**posed, "method": method, "grid": grid, "group": group, "beta": beta}
    Ks = options.solvable_range(draws)
    if ":" not in draws:
        if jobs is not None or scheduler is not None:
            raise click.UsageError(
                f"--jobs and --scheduler are for a range of K, such as 1:{draws}, but --K {draws} is a "
                "single K: leave them out"
            )
        _one(Ks[0], form, out, posed, how)
    else:
        with _shared(jobs, scheduler) as workers:
            if out is None:
                _several(Ks, form, workers, how)
            else:
                _into_file(Ks, out, workers, how)
        if out is not None and form is not None:
            with open(out, "rb") as lines:
                print_tables(map(loads_listed, lines), form)
    if out is not None:
        say(f"wrote {out}")


def _one(K: int, form: "Form | None", out: str | None, posed: "Posed", how: "Solved") -> None:
    """Solve one table, write it to the file `out` if there is one, and print it."""
    from polyest.cli.table import solved_report, warn_if_too_large
    from polyest.make import pipeline, storage, sweep
    from polyest.problem.problem import pose

    if out is not None:
        sweep.check_storable(pose(K, **posed))
        storage.destination(out)
    with progress(f"K = {K}"):
        table = pipeline.solve(K, **how)
    warn_if_too_large(table)
    if out is not None:
        sweep.write(table, out)
    if form is not None:
        print_tables([table], form)
        return
    from polyest.cli.pages.table import table_page

    print_lines(table_page(solved_report(table, out, how["group"])))


@contextmanager
def _shared(jobs: int | None, scheduler: str | None) -> "Iterator[Workers]":
    """Yield the keywords of `sweep` and `completed` that say which workers solve a range."""
    from polyest.make import workers

    if scheduler is None:
        yield {"jobs": jobs or 1}
        return
    if jobs is not None:
        raise click.UsageError(
            "--jobs starts processes on this machine and --scheduler uses others: give only one of them"
        )
    with ExitStack() as stack:
        with progress(f"scheduler {scheduler}"):
            executor = stack.enter_context(workers.cluster(scheduler))
        yield {"executor": executor}


def _into_file(Ks: range, out: str, workers: "Workers", how: "Solved") -> None:
    """Sweep a range of K into a file, with a line on stderr for each solved table."""
    from polyest.make import sweep

    with progress(f"K = {Ks[0]}:{Ks[-1]}") as update:

        def report(done: int, total: int, table: "Table | None") -> None:
            update(done, total)
            if table is not None:
                say(f"K = {table.K}: sup|bias| <= {table.bias.upper:.4g}, {done} of {total} done")
            elif done:
                say(f"{out}.part has {done} of {total} already")

        sweep.sweep(Ks, out, report, **workers, **how)


def _several(Ks: range, form: "Form | None", workers: "Workers", how: "Solved") -> None:
    """Solve a range of K and print its tables as a list of bounds or as JSON.

    After a failure the tables that were solved before it are printed.
    """
    from polyest.cli.pages.rows import range_page
    from polyest.cli.table import warn_if_too_large
    from polyest.make.sweep import solved
    from polyest.make.workers import completed
    from polyest.tables.format import loads_listed

    lines: dict[int, bytes] = {}
    printed = 0
    try:
        with progress(f"K = {Ks[0]}:{Ks[-1]}") as update:
            update(0, len(Ks))
            for K, (line, remarks) in completed(partial(solved, **how), Ks, **workers):
                lines[K] = line
                for remark in remarks:
                    warnings.warn(remark, stacklevel=2)
                update(len(lines), len(Ks))
                while form is not None and printed < len(Ks) and Ks[printed] in lines:
                    print_tables([loads_listed(lines[Ks[printed]])], form)
                    printed += 1
    finally:
        tables = [loads_listed(lines[K]) for K in sorted(lines)]
        if tables and form is None:
            print_lines(range_page(_range(tables)))
    warn_if_too_large(tables[-1])


def _range(tables: "Sequence[Table]") -> "RangeReport":
    """Return the report of tables for several K, each with the bracket of its E*(K)."""
    from polyest.cli.pages.rows import RangeReport
    from polyest.cli.table import least_bias

    leasts = []
    with progress("E*") as update:
        for done, table in enumerate(tables):
            update(done, len(tables))
            leasts.append(least_bias(table))
    return RangeReport(tuple(tables), tuple(leasts))
