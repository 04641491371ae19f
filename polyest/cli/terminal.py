"""This module has what all commands share: messages on stderr, a progress bar, and one-line errors."""

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from mmap import mmap
from typing import IO, TYPE_CHECKING, Any

import click

from polyest.cli.language import spoken
from polyest.errors import NotPromised, PolyestError, RuinedByRounding, WorkerReplaced
from polyest.precision import trusted
from polyest.values import reason_of

if TYPE_CHECKING:
    from polyest.cli.objects import Form
    from polyest.tables.table import Table
    from polyest.tables.universal import UniversalTable

# Parts of the messages of errors that are caused by too little memory, but are not a MemoryError.
# They occur when a library cannot be loaded or a thread cannot be started.
SHORTAGES = (
    "failed to map segment",
    "cannot allocate memory",
    "paging file is too small",
    "can't start new thread",
)
STATIC = "static tls"  # a shortage of this kind of space, which more memory does not cure
SOLVING = 384 << 20  # bytes of address space; with less SciPy's OpenBLAS waits for ever


class Failure(click.ClickException):
    """An error that is shown as one line on stderr before the command exits with 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line."""
        say(f"error: {self.message}")


class Helping(click.Command):
    """A command whose help ends with examples, and that ends with one line if its help cannot be printed.

    examples: pairs of what a command line does and the command line.
    """

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **keywords: Any):
        """Make the command."""
        super().__init__(*args, **keywords)
        self.examples = examples

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the first paragraph of the help, whole: the list of commands wraps it."""
        return " ".join((self.help or "").partition("\n\n")[0].split())

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then the epilog."""
        with formatter.section("Examples"):
            for meaning, line in self.examples:
                formatter.write_text(f"# {meaning}")
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
        super().format_epilog(ctx, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, which may print the help; an OSError becomes a Failure."""
        with _printing():
            return super().parse_args(ctx, args)


class Commands(Helping, click.Group):
    """A group of commands that turns their expected errors into one line on stderr."""

    def main(self, *args: Any, **keywords: Any) -> Any:
        """Run the command, unless standard output is closed."""
        if sys.stdout is None:  # the next file that is opened would become standard output
            say(
                "error: standard output is closed: expected a place to print on, such as >/dev/null"
            )
            sys.exit(1)
        return super().main(*args, **keywords)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command and turn errors into exits.

        A PolyestError, an OSError and a lack of memory become a Failure; Ctrl-C exits with 130.
        """
        try:
            with trusted(), warnings.catch_warnings():
                for category in (NotPromised, RuinedByRounding, WorkerReplaced):
                    warnings.simplefilter("always", category)
                warnings.showwarning = lambda message, *_: say(f"warning: {spoken(str(message))}")
                return super().invoke(ctx)
        except BrokenPipeError:
            raise  # click exits quietly if the reader of a pipe has closed it
        except PolyestError as error:
            raise Failure(spoken(str(error))) from None
        except OSError as error:
            named = f"{error.filename}: " if error.filename else ""
            raise Failure(f"{named}{reason_of(error)}") from None
        except (MemoryError, ImportError, RuntimeError) as error:
            if not short_of_memory(error):
                raise
            raise Failure(
                "memory ran out: allow more of it (ulimit -v says how much), or ask for less, a "
                "smaller K or fewer processes"
            ) from None
        except KeyboardInterrupt:
            say("interrupted")
            ctx.exit(130)


def require_memory() -> None:
    """Raise MemoryError if there is less address space than the libraries of the solvers need.

    Without this check OpenBLAS would wait for ever.
    """
    try:
        mmap(-1, SOLVING).close()  # this reserves addresses and uses no memory
    except OSError:
        raise MemoryError from None


def short_of_memory(error: BaseException) -> bool:
    """Return whether an error, or what caused it, comes of too little memory, by its type or its words."""
    if isinstance(error, MemoryError):
        return True
    words = str(error).lower()
    if STATIC not in words and any(shortage in words for shortage in SHORTAGES):
        return True
    cause = (
        error.__cause__ or error.__context__
    )  # numpy 1 says why it cannot be imported only there
    return cause is not None and short_of_memory(cause)


@contextmanager
def progress(words: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on stderr during a block; yield the function that updates it.

    The function takes the number done and the number of all.  The bar is removed at the end, and is not
    shown if stderr is not a terminal.
    """
    with ExitStack() as stack:
        if sys.stderr is None or not sys.stderr.isatty():
            yield lambda done, total: None
            return
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

        columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
        bar = stack.enter_context(Progress(*columns, console=Console(stderr=True), transient=True))
        task = bar.add_task(words, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def print_lines(lines: Sequence[str]) -> None:
    """Print lines on stdout."""
    with _printing():
        for line in lines:
            click.echo(line)


def print_tables(tables: "Iterable[Table | UniversalTable]", form: "Form") -> None:
    """Print tables on stdout, one per line, as JSON for other programs or as lines of the table format."""
    from polyest.cli.objects import table_line

    print_lines([table_line(table, form) for table in tables])


def say(words: str) -> None:
    """Print a message as one line on stderr."""
    click.echo(f"polyest: {' '.join(words.split())}", err=True)


@contextmanager
def _printing() -> Iterator[None]:
    """Turn an OSError of stdout into a Failure, unless the reader of a pipe has closed it."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Failure(
            f"standard output: {reason_of(error)}: expected a place that takes what is printed"
        ) from None
