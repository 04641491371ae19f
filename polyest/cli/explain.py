"""This module is `polyest explain`, which says what a reward that is a function of the count optimises."""

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
        ("a reward of 1/sqrt(count)", "polyest explain --expression '1/sqrt(X)' --group 8"),
        (
            "rewards of the counts 1, 2, 3 and 4, as JSON",
            "polyest explain --entries 1,0.5,0.25,0 --group 4 --json",
        ),
    ),
)
@click.option(
    "--expression",
    metavar="FORMULA",
    help="The reward of an answer that X of the G completions have, such as 1/sqrt(X) or X >= 4.",
)
@click.option(
    "--entries",
    metavar="NUMBERS",
    help="Or a list of the rewards of the counts 1, 2, ..., such as 1,0.5,0.25.",
)
@click.option(
    "--group", type=int, metavar="G", required=True, help="Number of completions per prompt."
)
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

    The reward has to be a function of the count X, which says how often an answer occurs in its group.  The
    page shows what rare and common answers earn, the functional that the reward maximises, and the function
    of p that it estimates best, with the proved bias.  It also shows a table that estimates this function
    with less bias at the same variance, if there is one.

    Expressions are made of X, G, numbers, + - * / ** and sqrt, log, log1p, exp, expm1, pow.
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
            f"entries {shown(text)}: expected numbers separated by commas, such as 1,0.5,0.25"
        ) from None
