"""Cells of an experiment, the runs of each trained together, and the file that says which were run.

A cell is one arm with some multipliers and seeds; its rows are written when it ends, so that a benchmark that
was killed goes on with the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import origin

Row = dict[str, str | float | int]
WHERE = ("setting", "phase", "arm", "divided", "rate")


@dataclass(frozen=True)
class Cell:
    """Runs that are trained together: one arm, and members with multipliers and seeds of their own."""

    setting: str
    phase: str  # rate, tune or report
    arm: str
    divided: bool  # by the group's standard deviation
    rate: float
    members: tuple[tuple[float, int], ...]

    def key(self) -> tuple[str, ...]:
        multipliers = ";".join(f"{m:g}" for m in dict.fromkeys(m for m, _ in self.members))
        return (
            self.setting,
            self.phase,
            self.arm,
            str(int(self.divided)),
            f"{self.rate:g}",
            multipliers,
        )

    def places(self) -> list[Row]:
        """What every member's row begins with."""
        *where, _ = self.key()
        place: Row = dict(zip(WHERE, where, strict=True))
        return [{**place, "multiplier": m, "seed": seed} for m, seed in self.members]


def members(multipliers: Sequence[float], seeds: Sequence[int]) -> tuple[tuple[float, int], ...]:
    return tuple((float(m), seed) for m, seed in product(multipliers, seeds))


class Results:
    """The runs of a file, and the cells that were run before."""

    def __init__(self, file: Path, packages: Sequence[str]) -> None:
        self.file, self.packages = file, packages
        self.rows: list[Row] = list[Row](origin.read(file)) if file.exists() else []

    def of(self, cell: Cell) -> list[Row]:
        """Rows of a cell's members, as far as they are there, in the members' order."""
        known = {self._key(row): row for row in self.rows}
        *where, _ = cell.key()
        wanted = [(*where, f"{float(m):g}", str(seed)) for m, seed in cell.members]
        return [known[key] for key in wanted if key in known]

    def add(self, rows: list[Row]) -> None:
        self.rows += rows
        origin.write(self.rows, self.packages, self.file)

    def mean(self, cell: Cell, multiplier: float, column: str = "J") -> float:
        """The mean of a column over a cell's members of one multiplier, infinite where there is none."""
        mine = [r for r in self.of(cell) if float(r["multiplier"]) == multiplier]
        return float(np.mean([float(r[column]) for r in mine])) if mine else float("inf")

    @staticmethod
    def _key(row: Row) -> tuple[str, ...]:
        return (
            *(str(row[name]) for name in WHERE),
            f"{float(row['multiplier']):g}",
            str(row["seed"]),
        )


def written(lines: list[Row], packages: Sequence[str], file: Path) -> None:
    """The table of what was run, to its file.  Raises SystemExit where nothing was."""
    if not lines:
        raise SystemExit(f"{file}: nothing that it shows was run whole; go on with --model FOLDER")
    origin.write(lines, packages, file)


def grown(grid: Sequence[float], best: float) -> float | None:
    """The multiplier beyond an edge of a grid, where the best is that edge, to the digits of a file.

    >>> grown((1, 2, 3), 3), grown((1, 2, 3), 1), grown((1, 2, 3), 2)
    (4.5, 0.5, None)
    """
    if best not in (grid[0], grid[-1]):
        return None
    near = grid[1] if best == grid[0] else grid[-2]
    return float(f"{best * best / near:.4g}")


class NotRun(Exception):
    """A cell is not in the file, and there is no model to run it with."""
