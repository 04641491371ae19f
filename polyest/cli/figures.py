"""This module is `polyest figures`, which draws the figures of the paper from the committed measurements.

The figures are in paper_figures/ of a checkout and the measurements in benchmarks/results/; neither is in
the wheel.  The checkout is the one around the working directory, or else the one that holds this file.  All
requested figures are drawn before the first is written, so that a failure changes no file.
"""

import re
import sys
import tomllib
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
RESULTS = Path("benchmarks", "results")  # in a checkout
OURS = re.compile(r'^name = "polyest"$', re.MULTILINE)  # in pyproject.toml of a checkout
FORMS = ("pdf", "png")

Progress = Callable[[int, int], None]  # called with the number done and the number of all


@click.command(
    "figures",
    cls=Helping,
    examples=(
        ("all figures, into paper_figures/ of the checkout", "polyest figures"),
        ("one figure, into another folder", "polyest figures pareto -o pictures"),
    ),
)
@click.argument("names", nargs=-1, shell_complete=lambda context, argument, begun: _begun(begun))
@click.option(
    "-o",
    "--out",
    type=click.Path(),
    metavar="FOLDER",
    help="Folder to write to.  [default: paper_figures/]",
)
def command(names: tuple[str, ...], out: str | None) -> None:
    """Draw the figures of the paper from the stored measurements.

    Each figure is written as PDF and PNG.  Without NAMES all figures are drawn.  A checkout of the
    repository is needed: the one that contains the working directory, or one that was installed with pip
    install -e.
    """
    with progress("figures") as update:
        written = redraw(names, None if out is None else Path(out), update)
    print_lines([click.format_filename(path) for path in written])


def checkout() -> Path:
    """Return the checkout around the working directory, or else the one that holds this file.

    Raises FigureNotFound where there is neither.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, ROOT):
        project, figures = folder / "pyproject.toml", folder / PACKAGE / "__init__.py"
        there = project.is_file() and figures.is_file()
        if there and OURS.search(project.read_text(encoding="utf-8", errors="replace")):
            return folder
    raise FigureNotFound(
        f"{here}: not inside a checkout of the repository, whose benchmarks/results the figures need; run "
        "the command in one, after pip install -e '.[plot]'"
    )


def known() -> tuple[str, ...]:
    """Return the names of all figures.  Raises FigureNotFound outside of a checkout."""
    return cast(tuple[str, ...], _package().FIGURES)


def redraw(names: Iterable[str], out: Path | None, update: Progress) -> list[Path]:
    """Draw the named figures as PDF and PNG, and return the paths of the written files.

    names: figures to draw, or all if it is empty; out: the folder to write to, paper_figures/ for None;
    update: called with the number of figures drawn and of all.  Raises FigureNotFound for an unknown name
    and outside of a checkout, CorruptRows if a figure cannot be drawn from its measurements, CannotStore,
    and NotInstalled without matplotlib.
    """
    available = known()
    requested = tuple(dict.fromkeys(names)) or available
    for name in requested:
        if name not in available:
            raise FigureNotFound(
                f"figure {name!r} is unknown: expected some of {', '.join(available)}"
            )
    folder = checkout() / PACKAGE if out is None else out
    paths = [folder / f"{name}.{form}" for name in requested for form in FORMS]
    for path in paths:
        plot.check(str(path))
        destination(path)
    drawn = list[bytes]()
    for done, name in enumerate(requested):
        update(done, len(requested))
        drawn += contents(name)
    update(len(requested), len(requested))
    for path, content in zip(paths, drawn, strict=True):
        put(content, path)
    return paths


def contents(name: str) -> list[bytes]:
    """Return one figure as the contents of a file in each format of FORMS, with its caption inside."""
    caption = captions()[name]
    with plot.styled():
        figure = import_module(f"{PACKAGE}.{name}").figure(checkout() / RESULTS)
        return [plot.saved(figure, form, caption) for form in FORMS]


def captions() -> dict[str, str]:
    """Return the caption of each figure.  Raises FigureNotFound outside of a checkout."""
    text = (checkout() / PACKAGE / "captions.toml").read_text(encoding="utf-8")
    return {name: words["text"] for name, words in tomllib.loads(text).items()}


def _package() -> ModuleType:
    """Import paper_figures/ of this checkout, even if another package of that name is on the path."""
    source = checkout() / PACKAGE / "__init__.py"
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


def _begun(begun: str) -> list[str]:
    """Return the names of figures that begin so, none outside of a checkout."""
    try:
        return [name for name in known() if name.startswith(begun)]
    except FigureNotFound:
        return []
