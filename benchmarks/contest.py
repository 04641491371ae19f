"""The arms of one cell, each at its best rate, and multiplier and pull where those are chosen too.

Rates stand on the grid of powers of 2.  Every second one from LOW to HIGH is tried first; while the best of
them stands at an end, up to MORE go beyond it; then the two neighbours of the best.  A multiplier or a pull
at an end of its grid extends that grid once.  `edge` names what still stands at an end.

All that is chosen is chosen by the mean loss of TUNING seeds, and the rows are measured on SEEDS.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import product
from pathlib import Path

import arms
import numpy as np
import origin
from rich.console import Console
from rich.progress import Progress
from runs import Row, mean_and_half_width
from training import Settings
from tuning import Values, edges, extended

from polyest.arrays import Floats

SEEDS, TUNING = tuple(range(8)), (100, 101, 102, 103)
MORE = 3  # coarse rates beyond an end
MULTIPLIERS: dict[str, Values] = {
    "log, tuned": (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0),
    "schuermann, tuned": (1.0, 1.25, 1.5, 2.0, 3.0, 4.0),
    "noise 8, tuned": (0.64, 0.8, 1.0, 1.25, 1.5, 2.0),
    "gini, tuned": arms.COEFFICIENTS,
}
Losses = Callable[[Settings, Sequence[int]], Floats]  # of each seed


def rows(
    where: Row,
    losses: dict[str, Losses],
    low: int,
    high: int,
    pulls: Values,
    multipliers: dict[str, Values],
) -> list[Row]:
    """A row for every arm; without a multiplier of its own, an arm has 1.

    low, high: exponents of the first and the last rate; pulls: one, or those among which one is chosen.
    """
    ended: dict[str, tuple[Settings, str, Floats]] = {}
    for arm, loss in losses.items():
        chosen, edge = best(loss, low, high, pulls, multipliers.get(arm, (1.0,)))
        ended[arm] = chosen, edge, loss(chosen, SEEDS)
    true = ended["true log"][2]
    lines: list[Row] = []
    for arm, (chosen, edge, values) in ended.items():
        row: Row = {**where, "arm": arm, "rate": chosen.rate}
        row |= {"multiplier": chosen.multiplier, "pull": chosen.pull, "edge": edge}
        row["loss"], row["loss_pm"] = mean_and_half_width(values.tolist())
        row["gap"], row["gap_pm"] = mean_and_half_width((values - true).tolist())
        lines.append(row)
    return lines


def measured(
    file: Path,
    packages: Sequence[str],
    cells: Sequence[Row],
    cell: Callable[[Row], list[Row]],
) -> None:
    """Measure the cells that are not in the file, and add the rows of each to it when it ends."""
    columns = tuple(cells[0])
    done: list[Row] = [*origin.read(file)] if file.exists() else []

    def name(row: Row) -> tuple[str, ...]:
        return tuple(str(row[column]) for column in columns)

    places = {name(where): place for place, where in enumerate(cells)}
    known = {name(row) for row in done}
    left = [where for where in cells if name(where) not in known]
    with (
        ProcessPoolExecutor(os.cpu_count()) as pool,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        bar = progress.add_task("cells", total=len(cells), completed=len(cells) - len(left))
        for ended in as_completed([pool.submit(cell, where) for where in left]):
            done += ended.result()
            origin.write(sorted(done, key=lambda row: places[name(row)]), packages, file)
            progress.advance(bar)


def best(
    loss: Losses, low: int, high: int, pulls: Values, multipliers: Values
) -> tuple[Settings, str]:
    """The settings of least mean loss on the tuning seeds, and what of them stands at an end of its grid."""
    tried: dict[tuple[float, float], tuple[float, int, bool]] = {}
    grids: dict[str, Values] = {"pull": pulls, "multiplier": multipliers}
    at: dict[str, float] = {}
    for extension in (True, False):
        for pull, multiplier in product(*grids.values()):
            if (pull, multiplier) not in tried:
                tried[pull, multiplier] = _best_rate(loss, low, high, pull, multiplier)
        at = dict(zip(grids, min(tried, key=lambda pair: tried[pair][0]), strict=True))
        if not edges(at, grids) or not extension:
            break
        grids = {name: extended(values, at[name]) for name, values in grids.items()}
    _, exponent, ended = tried[at["pull"], at["multiplier"]]
    names = [*edges(at, grids), *["rate"] * ended]
    return Settings(2.0**exponent, at["pull"], at["multiplier"]), " ".join(names)


def _best_rate(
    loss: Losses, low: int, high: int, pull: float, multiplier: float
) -> tuple[float, int, bool]:
    """The least mean loss, the exponent of its rate, and whether that is an end of what was tried."""
    means: dict[int, float] = {}

    def measured(exponents: Sequence[int]) -> int:
        for exponent in exponents:
            if exponent not in means:
                settings = Settings(2.0**exponent, pull, multiplier)
                means[exponent] = float(np.mean(loss(settings, TUNING)))
        return min(means, key=means.__getitem__)

    at = measured(range(low, high + 1, 2))
    for _ in range(MORE):
        beyond = {min(means): at - 2, max(means): at + 2}.get(at)
        if beyond is None:
            break
        at = measured([beyond])
    at = measured([at - 1, at + 1])
    return means[at], at, at in (min(means), max(means))
