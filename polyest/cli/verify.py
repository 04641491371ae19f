"""This module is `polyest verify`, which proves every claim of table files again."""

import os
from pathlib import Path
from time import perf_counter

import click

from polyest.cli import options
from polyest.cli.terminal import Failure, Helping, print_lines, progress, say
from polyest.errors import TableNotFound
from polyest.values import reason_of


def _released() -> tuple[str, ...]:
    """Return the files of all releases, after checking the digests of whatever lies beside them."""
    from polyest.tables import release

    names: list[str] = []
    for folder in release.folders():
        families = release.families(folder)
        if not families:
            raise TableNotFound(f"{folder}: holds no released tables: name a file of tables")
        release.check_sums(folder)
        names += (os.path.join(folder, f"{name}.jsonl") for name in families)
    return tuple(names)


@click.command(
    "verify",
    cls=Helping,
    examples=(
        ("your own file", "polyest verify tables.jsonl"),
        (
            "the release: all small K, and 8 more lines of each file",
            "polyest verify --jobs 2 --sample 8",
        ),
    ),
)
@click.argument("files", nargs=-1, type=click.Path())
@click.option(
    "--jobs",
    type=options.JOBS,
    metavar="N",
    default=1,
    show_default=True,
    help="Number of processes.",
)
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    metavar="N",
    help="Prove only the lines with K up to 32 and N more lines of each file, drawn at random.",
)
@click.option(
    "--seed", type=int, metavar="N", default=0, show_default=True, help="Seed of the random draw."
)
def command(files: tuple[str, ...], jobs: int, sample: int | None, seed: int) -> None:
    """Prove the claims of every table in files again.

    Without FILES all released tables are proved.
    """
    from polyest.make import verify

    names = files or _released()
    for name in names:
        started = perf_counter()
        if Path(name).is_fifo():
            say(f"{name} is a pipe: reading until the program that writes into it closes it")
        try:
            with progress(name.rpartition("/")[2]) as update:
                proved = verify.prove(name, jobs, update, sample, seed)
        except OSError as error:
            if error.filename is None:
                raise
            raise Failure(f"{name}: {reason_of(error)}: expected a file of tables") from None
        tables = "1 table" if proved == 1 else f"{proved} tables"
        seconds = perf_counter() - started
        print_lines([f"{click.format_filename(name)}: {tables} proved in {seconds:.1f} s"])
