"""This module has the options that several commands share, and finds the sample size K from them."""

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
    help="Print JSON objects, one per line, with real numbers as JSON numbers.",
)
form = several(
    click.option(
        "--json",
        "form",
        flag_value="json",
        help="Print one JSON object per table, with real numbers as JSON numbers.",
    ),
    click.option(
        "--lines",
        "form",
        flag_value="lines",
        help="Print each table as one line of the file format, which polyest.loads reads.",
    ),
)
baseline = click.option(
    "--baseline",
    type=click.Choice(["group-mean", "none", "exact"]),
    default="group-mean",
    show_default=True,
    help="What the trainer subtracts from the rewards of a group.  With --group it determines K: G - 2 under "
    "group-mean, else G - 1.",
)
single = several(
    click.option(
        "-K",
        "--K",
        "draws",
        metavar="K",
        help="Sample size: the number of draws that a count is taken from, at least 1.",
    ),
    click.option(
        "--group", type=int, metavar="G", help="Number of completions per prompt, in place of --K."
    ),
    baseline,
)
target = click.option(
    "--target",
    metavar="TARGET",
    shell_complete=lambda context, option, begun: [t for t in TARGETS if t.startswith(begun)],
    default="log",
    show_default=True,
    help="The function phi(p) of an answer's probability p that is estimated: "
    f"{either(WRITTEN.values())}, such as custom:1/sqrt(p+0.01).  An expression is made of p, numbers, "
    f"+ - * / ** and {', '.join((*FUNCTIONS, 'pow'))}.",
)
shape = click.option(
    "--shape",
    type=click.Choice(SHAPES),
    help="Shape of the entries.  monotone: a greater count never earns less (if phi falls, never more).  "
    "concave: the steps between entries shrink as well.  [default: free entries]",
)
keywords = several(
    target,
    click.option(
        "--criterion",
        type=click.Choice(tuple(CRITERIA)),
        default=DEFAULT,
        show_default=True,
        help="The quantity that is minimised or kept within a budget.",
    ),
    click.option(
        "--bias",
        type=float,
        metavar="X",
        help="Budget: an upper bound of the bias, the greatest |p (E c_X - phi(p))| over p, where c_X is the "
        "entry of a count X ~ Binomial(K, p).",
    ),
    click.option(
        "--bias-ratio",
        type=float,
        metavar="R",
        help="Budget: an upper bound of the bias, in units of the least bias of any table.",
    ),
    click.option(
        "--noise",
        type=float,
        metavar="R",
        help="Budget (variance ratio): an upper bound of the criterion, in units of that of the plug-in "
        "table, whose entries are phi((X+1)/(K+1)).  [default: 8]",
    ),
    shape,
)


def K_of(draws: str | None, group: int | None, baseline: "Baseline") -> int:
    """Return K from --K, or from --group and --baseline.

    Raises UsageError unless exactly one of --K and --group is given.
    """
    if (draws is None) == (group is None):
        raise click.UsageError(
            "expected exactly one of --K, the sample size, and --group, the number of completions "
            "per prompt, "
            "as in --group 16"
        )
    if group is not None:
        from polyest.counts import draws as draws_of_group

        return draws_of_group(group, baseline)
    if baseline != "group-mean":
        raise click.UsageError(
            f"--baseline {baseline} is given with --K, but it only determines the K of a --group: "
            "give --group, "
            "or leave --baseline out"
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
    if not colon:
        low = high = number(first)
    elif ":" in last or not (first and last):
        raise InvalidProblem(
            f"K is {text[:40]!r}: expected a range with both its ends, such as 1:256"
        )
    else:
        low, high = number(first), number(last)
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
