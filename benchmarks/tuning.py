"""What an arm is run with, its rate or its multiplier: chosen on tuning seeds, and summed up on others.

A grid is extended once, by one step, where the best stands at its end; where the best stands at the end
again, the choice says so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from runs import Key, Row, Runs, mean_and_half_width

Values = tuple[float, ...]


@dataclass(frozen=True)
class Choice:
    """What was chosen, and the names of what stands at an end of its grid, "" for none."""

    values: dict[str, float]
    edge: str


def tuned(
    runs: Runs,
    cell: Key,
    grids: Mapping[str, Values],
    seeds: Sequence[int],
    column: str,
    best: Callable[[Sequence[float]], float] = min,
    title: str = "runs",
) -> Choice:
    """The values of the grids with the best mean of a column over the seeds, best one of min and max.

    cell: the columns of the key that stay.  Of equally good values those nearest to the middles of the
    grids are taken.
    """
    chosen = _best(runs, cell, grids, seeds, column, best, title)
    if edges(chosen, grids):
        grids = {name: extended(values, chosen[name]) for name, values in grids.items()}
        chosen = _best(runs, cell, grids, seeds, column, best, title)
    return Choice(chosen, " ".join(edges(chosen, grids)))


def edges(chosen: Mapping[str, float], grids: Mapping[str, Values]) -> list[str]:
    """Names of the grids at an end of which the chosen value stands; a grid of one value has no end."""
    return [name for name, values in grids.items() if _at_end(chosen[name], values)]


def extended(values: Values, best: float) -> Values:
    """A grid with one more value, a step beyond the end at which the best stands.

    >>> extended((1.0, 3.0), 3.0), extended((1.0, 2.0, 4.0), 2.0), extended((1.0,), 1.0)
    ((1.0, 3.0, 9.0), (1.0, 2.0, 4.0), (1.0,))
    """
    if not _at_end(best, values):
        return values
    if best == values[0]:
        return (float(f"{best * best / values[1]:.3g}"), *values)
    return (*values, float(f"{best * best / values[-2]:.3g}"))


def summary(
    rows: Sequence[Mapping[str, str]], columns: Sequence[str], intervals: Sequence[str]
) -> Row:
    """Means over the seeds of these columns; for those in `intervals` half the 95 % interval in NAME_pm."""
    line: Row = {"seeds": len(rows)}
    for column in columns:
        mean, half = mean_and_half_width([float(row[column]) for row in rows])
        line[column] = mean
        if column in intervals:
            line[f"{column}_pm"] = half
    return line


def _at_end(value: float, values: Values) -> bool:
    return len(values) > 1 and value in (values[0], values[-1])


def _best(
    runs: Runs,
    cell: Key,
    grids: Mapping[str, Values],
    seeds: Sequence[int],
    column: str,
    best: Callable[[Sequence[float]], float],
    title: str,
) -> dict[str, float]:
    points = [dict(zip(grids, values, strict=True)) for values in product(*grids.values())]
    rows = runs.finished([{**cell, **p, "seed": seed} for p in points for seed in seeds], title)
    means = np.array([float(row[column]) for row in rows]).reshape(len(points), -1).mean(1).tolist()
    top = best(means)

    def off_centre(point: dict[str, float]) -> float:
        return sum(
            abs(values.index(point[name]) - (len(values) - 1) / 2) for name, values in grids.items()
        )

    equal = [point for point, mean in zip(points, means, strict=True) if mean == top]
    return min(equal, key=off_centre)
