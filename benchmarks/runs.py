"""The runs of an experiment and their file: written as they end, so that what was killed goes on.

A run is a row.  Its key, the columns that say what was run, stands first; what was measured follows.  A
key that is in the file is not run again.  The file is whole at any moment: it is replaced by each write.
Rows are always those of the file, with its digits, so that a table of them comes out the same again.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, as_completed
from pathlib import Path

import numpy as np
import origin
from rich.console import Console
from rich.progress import Progress
from scipy import stats

Key = dict[str, str | float | int]
Row = dict[str, str | float | int]
Kept = dict[str, str]  # a row as the file has it


def mean_and_half_width(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Mean over seeds, and half its interval by Student's t.

    >>> [round(x, 3) for x in mean_and_half_width([1.0, 2.0, 3.0])]
    [2.0, 2.484]
    """
    n = len(values)
    student = stats.t.ppf((1 + confidence) / 2, n - 1)
    return float(np.mean(values)), float(student * np.std(values, ddof=1) / n**0.5)


def write_table(lines: list[Row], packages: Sequence[str], file: Path) -> None:
    """The table of what was run, to its file.  Raises SystemExit where nothing was."""
    if not lines:
        raise SystemExit(f"{file.name}: nothing that it shows was run whole; give --model FOLDER")
    origin.write(lines, packages, file)


class NotRun(Exception):
    """A run is not in the file, and there is nothing to measure it with."""


class Runs:
    """Runs that are in a file, and those that are measured and added to it.

    file: the CSV file, or None to keep nothing; columns: the names of the key; measure: measures some
    runs, one row each, or None where nothing can be measured; packages: those whose versions each row
    states; at_once: how many runs are measured together; pool: what measures several such parts at a
    time, None for one after another.
    """

    def __init__(
        self,
        file: Path | None,
        columns: Sequence[str],
        measure: Callable[[list[Key]], list[Row]] | None,
        packages: Sequence[str],
        at_once: int = 1,
        pool: Executor | None = None,
    ) -> None:
        self.file, self.columns, self.measure = file, tuple(columns), measure
        self.packages, self.at_once, self.pool = packages, at_once, pool
        kept = origin.read(file) if file is not None and file.exists() else []
        self.rows: dict[tuple[str, ...], Kept] = {self.name(row): row for row in kept}

    def missing(self, wanted: Iterable[Key]) -> list[Key]:
        """Those of the runs that are not in the file, each once."""
        names = {self.name(key): key for key in wanted}
        return [key for name, key in names.items() if name not in self.rows]

    def finished(self, wanted: Iterable[Key], title: str = "runs") -> list[Kept]:
        """The rows of these runs as the file has them, in the order asked; the missing ones are measured.

        title: what the bar says.  Raises NotRun where some are missing and nothing can be measured.
        """
        names = {self.name(key): key for key in wanted}
        left = self.missing(names.values())
        if left and self.measure is None:
            raise NotRun(f"{title}: {len(left)} runs are not in {self.file}")
        if left:
            console = Console(stderr=True)
            with Progress(
                console=console, transient=True, disable=not console.is_terminal
            ) as progress:
                bar = progress.add_task(title, total=len(left))
                for rows in self._measured(left):
                    for row in rows:
                        self.rows[self.name(row)] = {
                            k: str(origin.shown(v)) for k, v in row.items()
                        }
                    if self.file is not None:
                        origin.write([*self.rows.values()], self.packages, self.file)
                    progress.advance(bar, len(rows))
                    if not console.is_terminal:  # a log has lines in place of a bar
                        at = progress.tasks[bar].completed
                        print(f"{title}: {at:g} of {len(left)}", file=sys.stderr)
        return [self.rows[name] for name in names]

    def name(self, row: Key | Kept) -> tuple[str, ...]:
        """The key of a row as the file has it."""
        return tuple(str(origin.shown(row[column])) for column in self.columns)

    def _measured(self, left: list[Key]) -> Iterator[list[Row]]:
        assert self.measure is not None
        parts = [left[i : i + self.at_once] for i in range(0, len(left), self.at_once)]
        if self.pool is None:
            yield from map(self.measure, parts)
        else:
            for ended in as_completed([self.pool.submit(self.measure, part) for part in parts]):
                yield ended.result()
