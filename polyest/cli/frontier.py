"""This module is `polyest frontier`, which computes the least bias at each noise."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import click

from polyest.cli import options
from polyest.cli.language import spoken
from polyest.cli.terminal import Helping, print_lines, print_tables, progress, say
from polyest.errors import InvalidProblem
from polyest.problem.criteria import BUDGETED, DEFAULT

if TYPE_CHECKING:
    from typing import TypedDict, Unpack

    from polyest.cli.explorer import ExplorerReport
    from polyest.cli.objects import Form
    from polyest.cli.pages.frontier import FrontierReport
    from polyest.counts import Baseline
    from polyest.frontier import Frontier, Point, Versus
    from polyest.problem.criteria import Budgeted
    from polyest.problem.shapes import Shape

    class Traced(TypedDict):
        """What the curve is of."""

        target: str
        criterion: Budgeted
        shape: Shape | None


MOST_WITH_SHAPES = (
    64  # greatest K whose page has the curves of all shapes, which take as long again
)


@click.command(
    "frontier",
    cls=Helping,
    examples=(
        ("the curve of K = 8, compared with the closed forms", "polyest frontier -K 8"),
        (
            "the same, with an interactive page and a figure",
            "polyest frontier -K 8 --html 8.html --plot 8.svg",
        ),
        (
            "the series, noise and bias of every point and mark of the figure, by jq",
            "polyest frontier -K 8 --json | jq -c '[.series, .noise, .bias.upper]'",
        ),
    ),
)
@options.single
@options.target
@click.option(
    "--criterion",
    type=click.Choice(tuple(BUDGETED)),
    default=DEFAULT,
    show_default=True,
    help="The criterion that measures the noise.",
)
@options.shape
@click.option(
    "--plot",
    type=click.Path(),
    metavar="FILE",
    help="File to write a figure to (.png, .pdf or .svg); it also has the other estimators.",
)
@click.option(
    "--html",
    type=click.Path(),
    metavar="FILE",
    help="File to write an interactive page to (.html); the page needs no network.",
)
@options.form
def command(
    draws: str | None,
    group: int | None,
    baseline: "Baseline",
    plot: str | None,
    html: str | None,
    form: "Form | None",
    **keywords: "Unpack[Traced]",
) -> None:
    """Compute the least bias that is possible at each noise.

    The noise of a table is its variance ratio: noise r means that the criterion is at most r times that of
    the plug-in table, whose entries are phi((X+1)/(K+1)).  Each closed form is compared with the best table
    at its own noise.

    --json prints the points of the curve and the marks of the figure, each with its series, label and noise
    before the keys of its table; the series of the curve is "optimal".  --lines prints the curve alone.
    """
    from polyest import frontier
    from polyest.cli import explorer
    from polyest.cli import plot as plots
    from polyest.cli.objects import point_line
    from polyest.cli.pages.frontier import frontier_page
    from polyest.make import storage

    K = options.solvable_K(draws, group, baseline)
    if plot is not None:
        plots.check(plot)
        storage.destination(plot)
    if html is not None:
        explorer.check(html)
        storage.destination(html)
    report = traced(K, form is None or html is not None, **keywords)
    curve = report.curve
    points = _marks(curve) if form == "json" or plot is not None else ()
    if form == "json":
        print_lines([point_line(point, curve) for point in (*curve.points, *points)])
    elif form == "lines":
        print_tables([point.table for point in curve.points], form)
    else:
        print_lines(frontier_page(report))
    if curve.stopped:
        say(f"warning: the curve ends {curve.ended}")
    if plot is not None:
        with progress("the figure"):
            content = plots.pareto(frontier.records(curve, points), plots.check(plot), curve.shape)
        storage.put(content, plot)
        say(f"wrote {plot}")
    if html is not None:
        with progress("other shapes") as update:
            others = of_other_shapes(curve, update)
        with progress("the page"):
            content = explorer.explorer_page(explored(curve, report.rivals, others))
        storage.put(content, html)
        say(f"wrote {html}")


def traced(K: int, with_rivals: bool, **keywords: "Unpack[Traced]") -> "FrontierReport":
    """Return the report of the curve of these keywords; with_rivals: also measure closed forms.

    The rivals take about as long as the curve.
    """
    from polyest import frontier
    from polyest.cli.pages.frontier import FrontierReport

    with progress("the curve") as update:
        curve = frontier.sweep(K, progress=update, **keywords)
    rivals: dict[str, Versus | str] = {}
    if with_rivals:
        with progress("closed forms") as update:
            rivals = frontier.comparison(
                K, keywords["target"], criterion=keywords["criterion"], progress=update
            )
    return FrontierReport(curve, rivals)


def of_other_shapes(
    curve: "Frontier", update: "Callable[[int, int], None]" = lambda done, total: None
) -> "dict[str, Frontier | str]":
    """Return by name the curves of the shapes that a curve does not have, or the reason why there is none."""
    from polyest import frontier
    from polyest.cli.explorer import FREE
    from polyest.problem.shapes import SHAPES

    curves: dict[str, Frontier | str] = {}
    shapes = [shape for shape in (None, *SHAPES) if shape != curve.shape]
    for done, shape in enumerate(shapes):
        update(done, len(shapes))
        name = shape or FREE
        if curve.K > MOST_WITH_SHAPES:
            curves[f"{name} tables"] = (
                f"above K = {MOST_WITH_SHAPES} the page has one curve, see --shape"
            )
            continue
        try:
            curves[name] = frontier.sweep(
                curve.K, curve.target, criterion=curve.criterion, shape=shape
            )
        except (InvalidProblem, ArithmeticError) as error:
            curves[f"{name} tables"] = spoken(str(error))
    return curves


def explored(
    curve: "Frontier",
    rivals: "Mapping[str, Versus | str]",
    others: "Mapping[str, Frontier | str] | None" = None,
) -> "ExplorerReport":
    """Return the report of a curve and its rivals for the interactive page; others: of `of_other_shapes`."""
    from polyest.cli.explorer import ExplorerReport
    from polyest.closed_forms import LOGS
    from polyest.proof.certify import plug_in

    unit = plug_in(curve.points[0].table.problem.target, curve.K)
    forms = tuple(form.__name__ for form in LOGS)
    beside = {
        name: other if isinstance(other, str) else (other, _codes(other))
        for name, other in (others or {}).items()
    }
    return ExplorerReport(curve, rivals, unit, _codes(curve), forms, beside)


def _codes(curve: "Frontier") -> tuple[str, ...]:
    """Return for each point of a curve the Python that gives its entries."""
    from polyest.cli.pages.table import code
    from polyest.problem.criteria import MINIMAX
    from polyest.problem.problem import Problem
    from polyest.tables.release import is_released

    tables = [point.table for point in curve.points]
    if curve.reached:  # its budget does not bind: it is the minimax table
        last = tables[-1]
        minimax = Problem(last.K, last.problem.target, MINIMAX, shape=last.shape)
        tables[-1] = last.__replace__(problem=minimax)
    return tuple(" ".join(" ".join(code(table, is_released(table))).split()) for table in tables)


def _marks(curve: "Frontier") -> "tuple[Point, ...]":
    """Return a mark for each estimator in common use, on the axes of a curve; say which are left out."""
    from polyest import frontier

    with progress("marks") as update:
        points, refused = frontier.marks(
            curve.K, curve.target, criterion=curve.criterion, progress=update
        )
    for mark in refused:
        say(f"warning: {mark.label} is left out: {mark.reason}")
    return points
