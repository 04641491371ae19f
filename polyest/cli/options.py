"""Options that several commands take, and the K that they name."""

from collections.abc import Callable
from typing import Any

import click

from polyest.cli.terminal import require_memory
from polyest.errors import InvalidProblem
from polyest.problem.criteria import CRITERIA, DEFAULT
from polyest.problem.targets import WRITTEN
from polyest.values import either

Decorator = Callable[[Any], Any]

JOBS = click.IntRange(1, 1024)


def several(*options: Decorator) -> Decorator:
    """One decorator for several options, in the order of the help."""

    def decorated(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated


as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object per table.")
single = click.option("--K", "draws", required=True, help="Number of draws, at least 1.")
target = click.option(
    "--target",
    default="log",
    show_default=True,
    help=either(WRITTEN.values()),
)
keywords = several(
    target,
    click.option(
        "--criterion",
        default=DEFAULT,
        show_default=True,
        help=f"{either(CRITERIA)}.",
    ),
    click.option("--bias", type=float, help="Budget: bound of sup|bias|."),
    click.option("--bias-ratio", type=float, help="Budget: multiple of the least sup|bias|."),
    click.option(
        "--noise", type=float, help="Budget: multiple of log_count's criterion.  [default: 8]"
    ),
)


def K_of(text: str) -> int:
    """The K that `16` names; InvalidProblem where it names none."""
    from polyest.problem.problem import check_draws

    try:
        K = int(text)
    except ValueError:
        raise InvalidProblem(
            f"K is {text[:40]!r}: expected an integer of at least 1, such as 16; solve also takes "
            "a range, 1:256"
        ) from None
    return check_draws(K)


def solvable_K(text: str) -> int:
    """The same, of a table that can be solved here: InvalidProblem and MemoryError where it cannot."""
    return solvable(K_of(text))


def solvable_range(text: str) -> range:
    """The K that `16` or `1:256` names, ends included, all of them solvable."""
    first, colon, last = text.partition(":")
    low = K_of(first)
    high = K_of(last) if colon else low
    if low > high:
        raise InvalidProblem(f"K is {text!r}, an empty range: expected {high}:{low}, both included")
    return range(low, solvable(high) + 1)


def solvable(K: int) -> int:
    """K, unless tables of it are not solved or there is no memory for what solves them."""
    require_memory()
    from polyest.solvers.remez import MOST_DRAWS

    if K > MOST_DRAWS:
        raise InvalidProblem(f"K is {K}: tables are solved up to K = {MOST_DRAWS}; use fewer draws")
    return K
