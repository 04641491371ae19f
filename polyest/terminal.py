"""What every command shares: words on stderr, a progress bar, and one line for what goes wrong."""

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, Any

import click

from polyest.errors import NotPromised, PolyestError, RuinedByRounding, WorkerReplaced


class Failure(click.ClickException):
    """What is shown as one line on stderr before exit 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line."""
        say(f"error: {self.message}")


class Commands(click.Group):
    """A group whose commands end in one line where they raise what is theirs to raise."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; PolyestError and OSError become Failure, Ctrl-C exit 130."""
        try:
            with warnings.catch_warnings():
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
            raise Failure(f"{named}{(error.strerror or str(error)).lower()}") from None
        except KeyboardInterrupt:
            say("interrupted")
            ctx.exit(130)


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
    for line in lines:
        click.echo(line)


def say(words: str) -> None:
    """One line on stderr."""
    click.echo(f"polyest: {' '.join(words.split())}", err=True)
