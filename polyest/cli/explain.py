"""`polyest explain` says what a reward that is a function of the count optimises."""

from typing import TYPE_CHECKING

import click

from polyest.cli import options
from polyest.cli.terminal import Helping, print_lines, progress, require_memory
from polyest.errors import InvalidProblem
from polyest.values import shown

if TYPE_CHECKING:
    from polyest.counts import Baseline


@click.command(
    "explain",
    cls=Helping,
    examples=(
        ("a bonus of 1/sqrt(count)", "polyest explain --expression '1/sqrt(X)' --group 8"),
        (
            "rewards of the counts 1, 2, 3 and 4, as JSON",
            "polyest explain --entries 1,0.5,0.25,0 --group 4 --json",
        ),
    ),
)
@click.option(
    "--expression",
    metavar="FORMULA",
    help="Reward of a count X in a group of G, as 1/sqrt(X) or X >= 4.",
)
@click.option(
    "--entries", metavar="NUMBERS", help="Or the rewards of the counts 1, 2, ..., as 1,0.5,0.25."
)
@click.option("--group", type=int, metavar="G", required=True, help="Completions per prompt.")
@options.baseline
@options.as_json
def command(
    expression: str | None,
    entries: str | None,
    group: int,
    baseline: "Baseline",
    as_json: bool,
) -> None:
    """Say what a reward optimises.

    For a reward that is a function of how often an answer occurs in its group: what a rare and a common
    answer are paid, the functional whose gradient it is, the target that it estimates best, with its proved
    bias, and a table that estimates that target better at the same variance.  Expressions are made of X, G,
    numbers, + - * / ** and sqrt, log, log1p, exp, expm1, pow.
    """
    if (expression is None) == (entries is None):
        raise click.UsageError(
            "expected exactly one of --expression, such as 1/sqrt(X), and --entries, such as 1,0.5,0.25"
        )
    require_memory()
    from polyest.cli.objects import object_line
    from polyest.cli.pages.explanation import explanation_page, explanation_record
    from polyest.make.explanation import explain

    reward = _numbers(entries) if entries is not None else str(expression)
    with progress("targets"):
        explanation = explain(reward, group, baseline=baseline)
    if as_json:
        print_lines([object_line(explanation_record(explanation))])
    else:
        print_lines(explanation_page(explanation))


def _numbers(text: str) -> list[float]:
    """Return the numbers of a list with commas."""
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise InvalidProblem(
            f"entries {shown(text)}: expected numbers with commas between them, as in 1,0.5,0.25"
        ) from None
