"""The runs of an experiment and their file: written as they end, so that what was killed goes on.

A run is a row.  Its key, the columns that say what was run, stands first; what was measured follows.  A
key that is in the file is not run again.  The file is whole at any moment: it is replaced by each write.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import origin
from rich.console import Console
from rich.progress import Progress
from scipy import stats

Key = dict[str, str | float | int]
Row = dict[str, str | float | int]


def mean_and_half_width(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Mean over seeds, and half its interval by Student's t.

    >>> [round(x, 3) for x in mean_and_half_width([1.0, 2.0, 3.0])]
    [2.0, 2.484]
    """
    n = len(values)
    student = stats.t.ppf((1 + confidence) / 2, n - 1)
    return float(np.mean(values)), float(student * np.std(values, ddof=1) / n**0.5)


class Runs:
    """Runs that are in a file, and those that are measured and added to it.

    file: the CSV file, or None to keep nothing; columns: the names of the key; measure: measures some
    runs at once, one row each; at_once: how many; packages: those whose versions each row states.
    """

    def __init__(
        self,
        file: Path | None,
        columns: Sequence[str],
        measure: Callable[[list[Key]], list[Row]],
        packages: Sequence[str],
        at_once: int = 1,
    ) -> None:
        self.file, self.columns, self.measure = file, tuple(columns), measure
        self.packages, self.at_once = packages, at_once
        kept = origin.read(file) if file is not None and file.exists() else []
        self.rows: dict[tuple[str, ...], Row] = {self._name(row): dict(row) for row in kept}

    def finished(self, wanted: Iterable[Key], title: str = "runs") -> list[Row]:
        """The rows of all these runs, in their order; those that are missing are measured first.

        Numbers of the file are texts of six digits, also in rows that were measured just now.
        """
        names = {self._name(key): key for key in wanted}
        left = [key for name, key in names.items() if name not in self.rows]
        if left:
            with Progress(console=Console(stderr=True)) as progress:
                bar = progress.add_task(title, total=len(left))
                for start in range(0, len(left), self.at_once):
                    some = left[start : start + self.at_once]
                    for row in self.measure(some):
                        shown = {column: origin.shown(value) for column, value in row.items()}
                        self.rows[self._name(row)] = shown
                    self._write()
                    progress.advance(bar, len(some))
        return [self.rows[name] for name in names]

    def _name(self, row: Key) -> tuple[str, ...]:
        """The key of a row as the file writes it."""
        return tuple(str(origin.shown(row[column])) for column in self.columns)

    def _write(self) -> None:
        if self.file is not None:
            origin.write([*self.rows.values()], self.packages, self.file)
