"""What every command shares: words on stderr, a progress bar, and one line for what goes wrong."""

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from mmap import mmap
from typing import IO, TYPE_CHECKING, Any

import click

from polyest.errors import NotPromised, PolyestError, RuinedByRounding, WorkerReplaced
from polyest.precision import trusted

if TYPE_CHECKING:
    from polyest.tables.table import Table
    from polyest.tables.universal import UniversalTable

# What a lack of memory is called where a library cannot be loaded, or a thread not be started, for it.
SHORTAGES = (
    "failed to map segment",
    "cannot allocate memory",
    "paging file is too small",
    "can't start new thread",
)
STATIC = "static tls"  # room that more memory does not make larger
SOLVING = 384 << 20  # bytes of addresses without which SciPy's OpenBLAS waits for ever


class Failure(click.ClickException):
    """What is shown as one line on stderr before exit 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line."""
        say(f"error: {self.message}")


class Helping(click.Command):
    """A command whose --help ends in one line where it cannot be printed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, which prints the help; OSError becomes Failure."""
        with _printing():
            return super().parse_args(ctx, args)


class Commands(Helping, click.Group):
    """A group whose commands end in one line where they raise what is theirs to raise."""

    def main(self, *args: Any, **keywords: Any) -> Any:
        """Run, if there is something to print on."""
        if sys.stdout is None:  # and its number would go to the next file that is opened
            say(
                "error: standard output is closed: expected a place to print on, such as >/dev/null"
            )
            sys.exit(1)
        return super().main(*args, **keywords)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; PolyestError, OSError, want of memory become Failure, Ctrl-C exit 130."""
        try:
            with trusted(), warnings.catch_warnings():
                for category in (NotPromised, RuinedByRounding, WorkerReplaced):
                    warnings.simplefilter("always", category)
                warnings.showwarning = lambda message, *_: say(f"warning: {message}")
                return super().invoke(ctx)
        except BrokenPipeError:
            raise  # click ends quietly where the reader of a pipe has left
        except PolyestError as error:
            raise Failure(str(error)) from None
        except OSError as error:
            named = f"{error.filename}: " if error.filename else ""
            raise Failure(f"{named}{_reason(error)}") from None
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
    """Raise MemoryError where what the solvers load would not find the memory that it waits for."""
    try:
        mmap(-1, SOLVING).close()  # addresses only, of which none is used
    except OSError:
        raise MemoryError from None


def short_of_memory(error: BaseException) -> bool:
    """Whether an error comes of too little memory, by its type or by its words."""
    if isinstance(error, MemoryError):
        return True
    words = str(error).lower()
    return STATIC not in words and any(shortage in words for shortage in SHORTAGES)


@contextmanager
def progress(words: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr that leaves no trace; nothing where that is no terminal."""
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
    """Lines of a page on stdout."""
    with _printing():
        for line in lines:
            click.echo(line)


def print_tables(tables: "Iterable[Table | UniversalTable]") -> None:
    """Tables as JSON on stdout, one object a line."""
    from polyest.tables.format import dumps

    print_lines([dumps(table) for table in tables])


def say(words: str) -> None:
    """One line on stderr."""
    click.echo(f"polyest: {' '.join(words.split())}", err=True)


@contextmanager
def _printing() -> Iterator[None]:
    """Turn what the system says of stdout into a Failure, but for a reader who has left."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Failure(
            f"standard output: {_reason(error)}: expected a place that takes what is printed"
        ) from None


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
