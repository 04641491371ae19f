"""The command `polyest`: data on stdout, words on stderr, one line and exit 1 for what goes wrong.

Exit 0, 1 for a PolyestError, an OSError or too little memory, 2 for usage (click's), 130 for Ctrl-C.
Whatever takes long to import is imported inside functions.
"""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from polyest.cli.terminal import Commands, print_lines, progress, require_memory, say
from polyest.errors import InvalidProblem, TableNotFound

COMPARED_NOISE = (1, 2, 4, 8)
_JOBS = click.IntRange(1, 1024)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Tables that turn the counts of sampled answers into rewards, with proved bias and noise."""


def _options(*given: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorated(command: Any) -> Any:
        for option in reversed(given):
            command = option(command)
        return command

    return decorated


_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object per table.")
_one = click.option("--K", "draws", required=True, help="Number of draws, at least 1.")
_target = click.option(
    "--target",
    default="log",
    show_default=True,
    help="log, power:A, tsallis:Q or polynomial:A0,A1,...",
)
_keywords = _options(
    _target,
    click.option(
        "--criterion",
        default="gradient-variance",
        show_default=True,
        help="minimax, gradient-variance, variance, second-moment or squared-error.",
    ),
    click.option("--bias", type=float, help="Budget: bound of sup|bias|."),
    click.option("--bias-ratio", type=float, help="Budget: multiple of the least sup|bias|."),
    click.option(
        "--noise", type=float, help="Budget: multiple of log_count's criterion.  [default: 8]"
    ),
)


@main.command("solve")
@click.option("--K", "draws", required=True, help="Number of draws, or a range such as 1:256.")
@_keywords
@click.option("--method", help="remez or lp for minimax, socp or cvx for the rest.")
@click.option("--grid", help="Round entries to float32, bfloat16 or dyadic, within the budget.")
@click.option("--group", type=int, help="Traces whose rewards are summed, for --grid dyadic.")
@click.option("--beta", type=float, default=1.0, help="Reward per entry, for --grid dyadic.")
@click.option("--jobs", type=_JOBS, help="Processes for a range.  [default: 1]")
@click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler whose workers solve a range.")
@_json
@click.option("--out", help="File to write; a range goes through FILE.part, which can be resumed.")
def _solve(
    draws: str,
    as_json: bool,
    out: str | None,
    jobs: int | None,
    scheduler: str | None,
    **keywords: Any,
) -> None:
    """Solve a table, or a range of them (ends included), and prove how good it is."""
    from polyest.cli import solve

    Ks = _draws(draws)
    _check_solvable(Ks[-1])
    if ":" not in draws:
        if jobs is not None or scheduler is not None:
            raise click.UsageError(f"--jobs and --scheduler share a range, and --K {draws} is one")
        solve.one(Ks[0], as_json, out, **keywords)
    else:
        with solve.shared(jobs, scheduler) as workers:
            if out is None:
                solve.several(Ks, as_json, workers, **keywords)
            else:
                solve.into_file(Ks, out, workers, **keywords)
        if out is not None and as_json:
            with open(out, encoding="utf-8") as lines:
                print_lines(lines.read().splitlines())
    if out is not None:
        say(f"wrote {out}")


@main.command("show")
@_one
@_keywords
@_json
def _show(draws: str, as_json: bool, **keywords: Any) -> None:
    """Print a released table, without solving."""
    from polyest.cli import pages, showing
    from polyest.tables.format import dumps
    from polyest.tables.release import load
    from polyest.tables.universal import UniversalTable

    table = load(_draw(draws), **keywords)
    if as_json:
        print_lines([dumps(table)])
    elif isinstance(table, UniversalTable):
        print_lines(pages.universal(table))
    else:
        print_lines(showing.page(table, showing.released_least(table)))


@main.command("compare")
@_one
@_json
def _compare(draws: str, as_json: bool) -> None:
    """Set the tables for log side by side: closed forms, minimax, variance-optimal."""
    from polyest.cli import pages, showing
    from polyest.closed_forms import LOGS
    from polyest.make.pipeline import solve
    from polyest.tables.format import dumps
    from polyest.tables.table import Table

    K = _draw(draws)
    _check_solvable(K)
    makers = {form.__name__: partial(form, K) for form in LOGS}
    makers["minimax"] = partial(solve, K, criterion="minimax")
    makers |= {f"noise {noise}": partial(solve, K, noise=noise) for noise in COMPARED_NOISE}
    tables = dict[str, Table]()
    with progress(f"tables of K = {K}") as tell:
        for done, (name, make) in enumerate(makers.items()):
            tell(done, len(makers))
            try:
                tables[name] = make()
            except (InvalidProblem, ArithmeticError) as error:
                if not name.startswith("noise"):
                    raise
                say(f"warning: {name} is left out: {error}")
    minimax = tables["minimax"]
    showing.warn(minimax)
    if as_json:
        print_lines([dumps(table) for table in tables.values()])
    else:
        assert minimax.optimum is not None
        print_lines(pages.comparison(tables, minimax.optimum))


@main.command("frontier")
@_one
@_target
@click.option(
    "--criterion",
    default="gradient-variance",
    show_default=True,
    help="What is noise: gradient-variance, variance or second-moment.",
)
@click.option("--plot", help="Figure to write, .png, .pdf or .svg, with more estimators in it.")
@click.option("--html", help="Page to write, .html, on which to move along the curve; no network.")
@_json
def _frontier(
    draws: str, plot: str | None, html: str | None, as_json: bool, **keywords: Any
) -> None:
    """Trace the least bias that a noise allows, and measure closed forms against it."""
    from polyest import frontier as curves
    from polyest.cli import explorer, pages
    from polyest.cli import plot as plots
    from polyest.make import storage
    from polyest.tables.format import dumps

    K = _draw(draws)
    _check_solvable(K)
    if plot is not None:
        form = plots.check(plot)
        storage.destination(plot)
    if html is not None:
        explorer.check(html)
        storage.destination(html)
    with progress("the curve") as tell:
        curve = curves.sweep(K, progress=tell, **keywords)
    rivals = dict[str, curves.Versus | str]()
    if not as_json or html is not None:
        with progress("closed forms") as tell:
            rivals = curves.comparison(K, progress=tell, **keywords)
    if as_json:
        print_lines([dumps(point.table) for point in curve.points])
    else:
        print_lines(pages.frontier(curve, rivals))
    if curve.stopped:
        say(f"warning: the curve ends {curve.ended}")
    if plot is not None:
        with progress("marks") as tell:
            points, refused = curves.marks(K, progress=tell, **keywords)
        for mark in refused:
            say(f"warning: {mark.label} is left out: {mark.reason}")
        with progress("the figure"):
            content = plots.pareto(curves.records(curve, points), form)
        storage.put(content, plot)
        say(f"wrote {plot}")
    if html is not None:
        with progress("the page"):
            content = explorer.page(curve, rivals)
        storage.put(content, html)
        say(f"wrote {html}")


@main.command("recommend")
@click.option("--group", type=int, required=True, help="Traces per prompt.")
@click.option("--prompts", type=int, required=True, help="Prompts whose gradients a step averages.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per kind of trainer.")
def _recommend(group: int, prompts: int, as_json: bool) -> None:
    """Say which released table to use, and what the log would have cost."""
    import json

    from polyest import gradients, recommendation
    from polyest.cli import advice
    from polyest.errors import CountOutOfRange

    found, remark, baselines = [], "", gradients.BASELINES[::-1]
    with progress("baselines") as tell:
        for done, baseline in enumerate(baselines):
            tell(done, len(baselines))
            try:
                found.append(recommendation.recommend(group, prompts, baseline))
            except CountOutOfRange as error:
                if not found:
                    raise
                remark = str(error)
    for one in found[::-1]:
        if as_json:
            print_lines([json.dumps(advice.record(one))])
        else:
            print_lines(advice.page(one))
    if remark:
        say(f"warning: {remark}")


@main.command("verify")
@click.argument("files", nargs=-1)
@click.option("--jobs", type=_JOBS, default=1, show_default=True, help="Processes.")
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    metavar="N",
    help="Of each file only K up to 32 and N lines more, drawn by --seed.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the lines drawn.")
def _verify(files: tuple[str, ...], jobs: int, sample: int | None, seed: int) -> None:
    """Prove every line of table files again (default: all that are released)."""
    from pathlib import Path
    from time import perf_counter

    from polyest.make import verify
    from polyest.tables import release

    folder = release.tables()
    names = files or tuple(
        os.path.join(folder, f"{name}.jsonl") for name in release.families(folder)
    )
    if not names:
        raise TableNotFound(f"{folder}: holds no released tables: name a file of tables")
    if not files:
        release.check_sums(folder)
    for name in names:
        started = perf_counter()
        if Path(name).is_fifo():
            say(f"{name} is a pipe: reading until the program that writes into it closes it")
        with progress(name.rpartition("/")[2]) as tell:
            proved = verify.prove(name, jobs, tell, sample, seed)
        tables = f"{proved} table{'s'[: proved != 1]}"
        took = perf_counter() - started
        print_lines([f"{click.format_filename(name)}: {tables} proved in {took:.1f} s"])


@main.command("figures")
@click.argument("names", nargs=-1)
@click.option("--out", type=click.Path(), help="Folder to write to.  [default: paper_figures/]")
def _figures(names: tuple[str, ...], out: str | None) -> None:
    """Draw the figures of the paper again, PDF and PNG (default: all), in a checkout."""
    from pathlib import Path

    from polyest.cli import figures

    with progress("figures") as tell:
        written = figures.redraw(names, None if out is None else Path(out), tell)
    print_lines([click.format_filename(path) for path in written])


def _draws(text: str) -> range:
    """The K that `16` or `1:256` names, ends included."""
    first, colon, last = text.partition(":")
    if not colon:
        K = _draw(text)
        return range(K, K + 1)
    low, high = _draw(first), _draw(last)
    if low > high:
        raise InvalidProblem(f"K is {text!r}, an empty range: expected {high}:{low}, both included")
    return range(low, high + 1)


def _draw(text: str) -> int:
    from polyest.problem.problem import check_draws

    try:
        K = int(text)
    except ValueError:
        raise InvalidProblem(
            f"K is {text[:40]!r}: expected an integer of at least 1, such as 16; solve also takes "
            "a range, 1:256"
        ) from None
    return check_draws(K)


def _check_solvable(K: int) -> None:
    require_memory()
    from polyest.solvers.remez import MOST_DRAWS

    if K > MOST_DRAWS:
        raise InvalidProblem(f"K is {K}: tables are solved up to K = {MOST_DRAWS}; use fewer draws")


if __name__ == "__main__":
    main(prog_name="polyest")
