"""Options that several commands share, and the sample size K that they stand for."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from polyest.cli.terminal import require_memory
from polyest.errors import InvalidProblem
from polyest.problem.criteria import CRITERIA, DEFAULT
from polyest.problem.expressions.expression import FUNCTIONS
from polyest.problem.shapes import SHAPES
from polyest.problem.targets import WRITTEN
from polyest.values import either

if TYPE_CHECKING:
    from polyest.counts import Baseline

Command = TypeVar("Command")
Decorator = Callable[[Command], Command]

JOBS = click.IntRange(1, 1024)
# How a name of a target begins, for completion: log, power:, ...
TARGETS = tuple(text[: text.find(":") + 1] or text for text in WRITTEN.values())


def several(*options: Decorator[Command]) -> Decorator[Command]:
    """Combine several options into one decorator; the help lists them in this order."""

    def decorated(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated


as_json = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON objects, one per line, whose numbers are JSON numbers.",
)
form = several(
    click.option(
        "--json",
        "form",
        flag_value="json",
        help="Print one JSON object per table, whose numbers are JSON numbers.",
    ),
    click.option(
        "--lines",
        "form",
        flag_value="lines",
        help="Print one line of the table format per table, as files have it and polyest.loads reads it.",
    ),
)
baseline = click.option(
    "--baseline",
    type=click.Choice(["group-mean", "none", "exact"]),
    default="group-mean",
    show_default=True,
    help="What the trainer subtracts; with --group, says which K a group has.",
)
single = several(
    click.option(
        "-K",
        "--K",
        "draws",
        metavar="K",
        help="Sample size: the number of binomial draws, at least 1.",
    ),
    click.option("--group", type=int, metavar="G", help="Completions per prompt, in place of --K."),
    baseline,
)
target = click.option(
    "--target",
    metavar="TARGET",
    shell_complete=lambda context, option, begun: [t for t in TARGETS if t.startswith(begun)],
    default="log",
    show_default=True,
    help=f"{either(WRITTEN.values())}, such as custom:1/sqrt(p+0.01), made of p, numbers, + - * / ** and "
    f"{', '.join((*FUNCTIONS, 'pow'))}.",
)
shape = click.option(
    "--shape",
    type=click.Choice(SHAPES),
    help="Shape of the entries, in the direction of phi; without it a table is free.",
)
keywords = several(
    target,
    click.option(
        "--criterion",
        type=click.Choice(tuple(CRITERIA)),
        default=DEFAULT,
        show_default=True,
        help="What is made least, or kept within a budget.",
    ),
    click.option(
        "--bias",
        type=float,
        metavar="X",
        help="Budget: bound of the bias, the greatest |p (E c_X - phi(p))| over p.",
    ),
    click.option(
        "--bias-ratio",
        type=float,
        metavar="R",
        help="Budget: bound of the bias, in multiples of the least that any table has.",
    ),
    click.option(
        "--noise",
        type=float,
        metavar="R",
        help="Budget: bound of the criterion, in multiples of that of the plug-in table, with entries "
        "phi((X+1)/(K+1)).  [default: 8]",
    ),
    shape,
)


def K_of(draws: str | None, group: int | None, baseline: "Baseline") -> int:
    """Return K from --K, or from --group and --baseline.

    Raises UsageError unless exactly one of --K and --group is given.
    """
    if (draws is None) == (group is None):
        raise click.UsageError(
            "expected exactly one of --K, the sample size, and --group, the completions per prompt, as in "
            "--K 14"
        )
    if group is not None:
        from polyest.counts import draws as draws_of_group

        return draws_of_group(group, baseline)
    if baseline != "group-mean":
        raise click.UsageError(
            f"--baseline {baseline} beside --K: it chooses the K of a --group; give --group, or leave "
            "--baseline out"
        )
    return number(str(draws))


def number(text: str) -> int:
    """Return K from its text, such as 16; raise InvalidProblem if the text is not a valid K."""
    from polyest.problem.problem import check_draws

    try:
        K = int(text)
    except ValueError:
        raise InvalidProblem(
            f"K is {text[:40]!r}: expected an integer of at least 1, such as 16; solve also takes "
            "a range, 1:256"
        ) from None
    return check_draws(K)


def solvable_K(draws: str | None, group: int | None, baseline: "Baseline") -> int:
    """Return `K_of` of the options; raise InvalidProblem or MemoryError if it cannot be solved here."""
    return solvable(K_of(draws, group, baseline))


def solvable_range(text: str) -> range:
    """Return the range of K from its text, such as 16 or 1:256 with both ends; all can be solved."""
    first, colon, last = text.partition(":")
    low = number(first)
    high = number(last) if colon else low
    if low > high:
        raise InvalidProblem(
            f"K is {text!r}, an empty range: expected the smaller end first, {high}:{low}"
        )
    return range(low, solvable(high) + 1)


def solvable(K: int) -> int:
    """Return K; raise InvalidProblem if K is too large, MemoryError if the solvers lack memory."""
    require_memory()
    from polyest.solvers.remez import MOST_DRAWS

    if K > MOST_DRAWS:
        raise InvalidProblem(f"K is {K}: tables are solved up to K = {MOST_DRAWS}; use a smaller K")
    return K
