"""The command `polyest`: data on stdout, words on stderr, one line and exit 1 for what goes wrong.

Exit 0, 1 for a PolyestError or an OSError, 2 for usage (click's), 130 for Ctrl-C.  Whatever takes
long to import is imported inside functions.
"""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from polyest.errors import InvalidProblem, TableNotFound
from polyest.terminal import Commands, print_lines, progress, say

if TYPE_CHECKING:
    from polyest.certificate import Bracket, Certificate
    from polyest.table import Table

COMPARED_NOISE = (1, 2, 4, 8)


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


@main.command()
@click.option("--K", "draws", required=True, help="Number of draws, or a range such as 1:256.")
@_keywords
@click.option("--method", help="remez or lp for minimax, socp or cvx for the rest.")
@click.option("--grid", help="Round entries to float32, bfloat16 or dyadic, within the budget.")
@click.option("--group", type=int, help="Traces whose rewards are summed, for --grid dyadic.")
@click.option("--beta", type=float, default=1.0, help="Reward per entry, for --grid dyadic.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes for a range.  [default: 1]")
@click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler whose workers solve a range.")
@_json
@click.option("--out", help="File to write; a range goes through FILE.part, which can be resumed.")
def solve(
    draws: str,
    as_json: bool,
    out: str | None,
    jobs: int | None,
    scheduler: str | None,
    **keywords: Any,
) -> None:
    """Solve a table, or a range of them (ends included), and prove how good it is."""
    Ks = _draws(draws)
    _check_largest(Ks[-1])
    if ":" not in draws:
        if jobs is not None or scheduler is not None:
            raise click.UsageError(f"--jobs and --scheduler share a range, and --K {draws} is one")
        _solve_one(Ks[0], as_json, out, **keywords)
    else:
        with _shared(jobs, scheduler) as workers:
            if out is None:
                _solve_range(Ks, as_json, workers, **keywords)
            else:
                _sweep(Ks, out, workers, **keywords)
        if out is not None and as_json:
            with open(out, encoding="utf-8") as lines:
                click.echo(lines.read(), nl=False)
    if out is not None:
        say(f"wrote {out}")


@main.command()
@_one
@_keywords
@_json
def show(draws: str, as_json: bool, **keywords: Any) -> None:
    """Print a released table, without solving."""
    from polyest import pages
    from polyest.reading import load
    from polyest.universal import UniversalTable, dumps

    table = load(_draw(draws), **keywords)
    if as_json:
        click.echo(dumps(table))
    elif isinstance(table, UniversalTable):
        print_lines(pages.universal(table))
    else:
        print_lines(_page(table, _released_least(table)))


@main.command()
@_one
@_json
def compare(draws: str, as_json: bool) -> None:
    """Set the tables for log side by side: closed forms, minimax, variance-optimal."""
    from polyest import pages
    from polyest.closed_forms import LOGS
    from polyest.making import solve
    from polyest.table import dumps

    K = _draw(draws)
    _check_largest(K)
    tables = {form.__name__: form(K) for form in LOGS}
    minimax = tables["minimax"] = solve(K, criterion="minimax")
    _warn(minimax)
    for noise in COMPARED_NOISE:
        try:
            tables[f"noise {noise}"] = solve(K, noise=noise)
        except (InvalidProblem, ArithmeticError) as error:
            say(f"warning: noise {noise} is left out: {error}")
    if as_json:
        for table in tables.values():
            click.echo(dumps(table))
    else:
        assert minimax.optimum is not None
        print_lines(pages.comparison(tables, minimax.optimum))


@main.command()
@_one
@_target
@click.option(
    "--criterion",
    default="gradient-variance",
    show_default=True,
    help="What is noise: gradient-variance, variance or second-moment.",
)
@click.option("--plot", help="Figure to write, .png, .pdf or .svg, with more estimators in it.")
@_json
def frontier(draws: str, plot: str | None, as_json: bool, **keywords: Any) -> None:
    """Trace the least bias that a noise allows, and measure closed forms against it."""
    from polyest import drawing, pages, sweeping
    from polyest import frontier as curves
    from polyest.table import dumps

    K = _draw(draws)
    _check_largest(K)
    if plot is not None:
        form = drawing.check(plot)
        sweeping.destination(plot)
    with progress("the curve") as tell:
        curve = curves.sweep(K, progress=tell, **keywords)
    if as_json:
        for point in curve.points:
            click.echo(dumps(point.table))
    else:
        with progress("closed forms") as tell:
            rivals = curves.comparison(K, progress=tell, **keywords)
        print_lines(pages.frontier(curve, rivals))
    if curve.stopped:
        say(f"warning: the curve ends {curve.ended}")
    if plot is not None:
        with progress("marks") as tell:
            points, refused = curves.marks(K, progress=tell, **keywords)
        for mark in refused:
            say(f"warning: {mark.label} is left out: {mark.reason}")
        sweeping.put(drawing.pareto(curves.records(curve, points), form), plot)
        say(f"wrote {plot}")


@main.command()
@click.argument("files", nargs=-1)
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
def verify(files: tuple[str, ...], jobs: int) -> None:
    """Prove every line of table files again (default: all that are released)."""
    from time import perf_counter

    from polyest import proving, reading

    folder = reading.tables()
    names = files or tuple(
        os.path.join(folder, f"{name}.jsonl") for name in reading.families(folder)
    )
    if not names:
        raise TableNotFound(f"{folder}: holds no released tables: name a file of tables")
    for name in names:
        started = perf_counter()
        with progress(name.rpartition("/")[2]) as tell:
            proved = proving.prove(name, jobs, tell)
        tables = f"{proved} table{'s'[: proved != 1]}"
        took = perf_counter() - started
        click.echo(f"{click.format_filename(name)}: {tables} proved in {took:.1f} s")


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
    from polyest.problem import check_draws

    try:
        K = int(text)
    except ValueError:
        raise InvalidProblem(
            f"K is {text[:40]!r}: expected an integer of at least 1, such as 16; solve also takes "
            "a range, 1:256"
        ) from None
    return check_draws(K)


def _check_largest(K: int) -> None:
    from polyest.solvers.remez import MOST_DRAWS

    if K > MOST_DRAWS:
        raise InvalidProblem(f"K is {K}: tables are solved up to K = {MOST_DRAWS}; use fewer draws")


def _solve_one(K: int, as_json: bool, out: str | None, **keywords: Any) -> None:
    from polyest import making, sweeping
    from polyest.problem import pose
    from polyest.table import dumps

    if out is not None:
        how = ("method", "grid", "group", "beta")
        stated = {key: value for key, value in keywords.items() if key not in how}
        sweeping.check_storable(pose(K, **stated))
        sweeping.destination(out)
    table = making.solve(K, **keywords)
    _warn(table)
    if out is not None:
        sweeping.write(table, out)
    if as_json:
        click.echo(dumps(table))
    else:
        print_lines(_page(table, _least(table), out, keywords["group"]))


@contextmanager
def _shared(jobs: int | None, scheduler: str | None) -> Iterator[dict[str, Any]]:
    """Who solves a range, as arguments of `sweep` and `completed`."""
    from polyest import workers

    if scheduler is None:
        yield {"jobs": jobs or 1}
        return
    if jobs is not None:
        raise click.UsageError(
            "--jobs are processes here, --scheduler has its own: give one of them"
        )
    with workers.cluster(scheduler) as executor:
        yield {"executor": executor}


def _sweep(Ks: range, out: str, workers: dict[str, Any], **keywords: Any) -> None:
    from polyest import sweeping

    with progress(f"K = {Ks[0]}:{Ks[-1]}") as tell:

        def report(done: int, total: int, table: "Table | None") -> None:
            tell(done, total)
            if table is not None:
                say(f"K = {table.K}: sup|bias| <= {table.bias.upper:.4g}, {done} of {total} done")
            elif done:
                say(f"{out}.part has {done} of {total} already")

        sweeping.sweep(Ks, out, report, **workers, **keywords)


def _solve_range(Ks: range, as_json: bool, workers: dict[str, Any], **keywords: Any) -> None:
    from functools import partial

    from polyest import pages
    from polyest.sweeping import solved
    from polyest.table import loads
    from polyest.workers import completed

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
                    click.echo(lines[Ks[printed]])
                    printed += 1
    finally:
        tables = [loads(lines[K]) for K in sorted(lines)]
        if tables and not as_json:
            print_lines(pages.several([(table, _least(table)) for table in tables]))
    _warn(tables[-1])


def _least(table: "Table") -> "Bracket | None":
    """Bracket of the least sup|bias| of any table of as many draws."""
    if table.criterion == "minimax":
        return table.optimum
    from polyest.making import solve

    return solve(table.K, table.target, criterion="minimax").optimum


def _released_least(table: "Table") -> "Bracket | None":
    """The same without solving, as far as it is released."""
    from polyest import reading

    try:
        return reading.load(table.K, table.target, "minimax").optimum
    except TableNotFound:
        return reading.listed_least_bias(table.K) if table.target == "log" else None


def _page(
    table: "Table", least: "Bracket | None", out: str | None = None, group: int | None = None
) -> list[str]:
    from polyest import pages

    rivals, remarks = _rivals(table)
    return pages.one(table, least, rivals, remarks, pages.code(table, out, group))


def _rivals(table: "Table") -> tuple[dict[str, "Certificate"], list[str]]:
    """What the table replaces and, for log, the best closed form; with a remark on each."""
    if table.target != "log":
        from polyest.certificate import measure, plug_in

        target = table.problem.target
        plain = measure(target, plug_in(target, table.K))
        return {"plug_in": plain}, ["plug_in: phi((X+1)/(K+1)), X+1 of K+1 traces alike"]
    from polyest.closed_forms import LOGS

    proved = {form.__name__: form(table.K).certificate for form in LOGS}
    best = min(proved, key=lambda name: proved[name].bias.upper)
    return {name: proved[name] for name in dict.fromkeys(("log_count", best))}, [
        "log_count: the log that trainers use, of an in-group share",
        f"{best}: the least sup|bias| among the closed forms of the log",
    ]


def _warn(table: "Table") -> None:
    """Say what rounding to float64 costs a minimax table that cannot be stored."""
    from polyest.reading import LARGEST_MINIMAX

    if table.criterion == "minimax" and table.K > LARGEST_MINIMAX and table.optimum is not None:
        cost = table.bias.upper / table.optimum.lower
        say(
            f"warning: K = {table.K} is too large for a minimax table in float64: coefficients "
            f"grow like 2^K, and rounding them makes the bias {cost:.3g} times the least; use "
            "criterion gradient-variance"
        )


if __name__ == "__main__":
    main(prog_name="polyest")
