"""`polyest figures`: the figures of the paper, drawn again from the committed files of measurements.

They live in paper_figures/ of a checkout, beside this package and not in the wheel, and so do the files,
in benchmarks/results/.  All figures that are asked for are drawn before the first is written: where one
fails, nothing has changed.
"""

import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import cast

import click

from polyest.cli import plot
from polyest.cli.terminal import Helping, print_lines, progress
from polyest.errors import FigureNotFound
from polyest.make.storage import destination, put

ROOT = Path(__file__).parents[2]
PACKAGE = "paper_figures"
RESULTS = ROOT / "benchmarks" / "results"
FORMS = ("pdf", "png")

Progress = Callable[[int, int], None]  # done, of how many


@click.command("figures", cls=Helping)
@click.argument("names", nargs=-1)
@click.option("--out", type=click.Path(), help="Folder to write to.  [default: paper_figures/]")
def command(names: tuple[str, ...], out: str | None) -> None:
    """Draw the figures of the paper again, PDF and PNG (default: all), in a checkout."""
    with progress("figures") as tell:
        written = redraw(names, None if out is None else Path(out), tell)
    print_lines([click.format_filename(path) for path in written])


def known() -> tuple[str, ...]:
    """Names of all figures.  Raises FigureNotFound outside of a checkout."""
    return cast(tuple[str, ...], _package().FIGURES)


def redraw(names: Iterable[str], out: Path | None, tell: Progress) -> list[Path]:
    """Draw the figures of these names, without any all, as PDF and PNG; the paths of what was written.

    out: the folder to write to, for None paper_figures/; tell: called with the number of figures
    drawn and of all.  Raises FigureNotFound for an unknown name and outside of a checkout, CorruptRows
    where a file of measurements is not what a figure needs, CannotStore, and NotInstalled without
    matplotlib.
    """
    there = known()
    asked = tuple(dict.fromkeys(names)) or there
    for name in asked:
        if name not in there:
            raise FigureNotFound(f"figure {name!r} is unknown: expected some of {', '.join(there)}")
    folder = ROOT / PACKAGE if out is None else out
    wanted = [folder / f"{name}.{form}" for name in asked for form in FORMS]
    for path in wanted:
        plot.check(str(path))
        destination(path)
    drawn = list[bytes]()
    for done, name in enumerate(asked):
        tell(done, len(asked))
        drawn += contents(name)
    tell(len(asked), len(asked))
    for path, content in zip(wanted, drawn, strict=True):
        put(content, path)
    return wanted


def contents(name: str) -> list[bytes]:
    """One figure as the files of FORMS."""
    with plot.styled():
        figure = import_module(f"{PACKAGE}.{name}").figure(RESULTS)
        return [plot.saved(figure, form) for form in FORMS]


def _package() -> ModuleType:
    """The package of the figures, wherever Python looks for packages otherwise."""
    source = ROOT / PACKAGE / "__init__.py"
    if not source.is_file():
        raise FigureNotFound(
            f"{source.parent}: there is no such folder: figures are drawn in a checkout of the "
            "repository, from its benchmarks/results; run it there, after pip install -e '.[plot]'"
        )
    if getattr(sys.modules.get(PACKAGE), "__file__", None) != str(source):
        spec = spec_from_file_location(
            PACKAGE, source, submodule_search_locations=[str(source.parent)]
        )
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[PACKAGE] = module
    return sys.modules[PACKAGE]
