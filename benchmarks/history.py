"""Prompts that come again: final losses with and without their earlier completions, by the number of epochs.

    python benchmarks/history.py             # every cell not yet in results/history.csv, 2 minutes
    python benchmarks/history.py --quick     # one small cell, to standard output

The games and the small network are those of revisits.py: 128 prompts, 32 a step, one group of 8 or 16 a
visit, 2 to 40 epochs.  All arms have the same number of samples, and the same random numbers:

    log                       log(X/G), as trainers use it
    log, standard deviation   the same, rewards less their mean divided by their standard deviation
    log, multiplier           the log times the best of FACTORS
    EMA                       the log of a moving average of the shares of a prompt's visits, the last one
                              with the best of WEIGHTS
    noise 8, monotone         the default table, and the minimax table with monotone entries
    ..., history 1 and so on  the same table counting earlier visits: 1, 2, 4 or "auto"
    true log                  of the policy itself: no estimate

Games and network are linear in the reward up to the rate, or do not change with its size (Adam): a factor of
all of the reward is a rate, or nothing, and is not swept.  FACTORS are those of the estimated log alone,
which move the fixed point.  The rate of an arm, and its factor or weight, are the best of a grid by the mean
loss of TUNING seeds.  Where the best rate is an edge, the grid is extended once on that side; `edge` is 1
where it still is.  Rows are measured on SEEDS others, 95 % intervals by Student's t:

    loss, loss_pm                   final loss
    times, times_low, times_high    final loss over that of the same table without history, a geometric mean,
                                    seed by seed
    gap, gap_pm                     final loss less that of the true log
    drift, estimate                 |p - q|^2/|p|^2 between two visits of a prompt, over the whole training:
                                    of the policies, by enumeration, and D by counts, not clipped
    looked                          the mean number of earlier visits that were counted
"""

import argparse
from collections.abc import Iterable
from itertools import product
from pathlib import Path

import numpy as np
import origin
import revisits
from rich.console import Console
from rich.progress import Progress

FILE = Path(__file__).parent / "results" / "history.csv"
PACKAGES = ("polyest", "numpy")
GAMES, GROUPS, EPOCHS = ("calibration", "consensus", "network"), (8, 16), (2, 3, 5, 10, 20, 40)
SEEDS, TUNING = range(100, 106), range(106, 108)  # by which nothing of `auto` was chosen
FINE = 2**0.5  # of one rate over the one below
RATES = {
    "calibration": FINE ** np.arange(-1, 8),
    "consensus": FINE ** np.arange(-2, 9),
    "network": 0.016 * FINE ** np.arange(-1, 8),
}
MORE = 4  # rates beyond an edge
FACTORS, WEIGHTS = (1.5, 2.0, 3.0), (0.25, 0.5, 0.75)
VISITS = (1, 2, 4, "auto")
STUDENT = 2.5706  # 97.5 % quantile of Student's t with 5 degrees of freedom

Row = dict[str, str | float | int]
Cell = tuple[str, int, int]  # game, group, epochs


def arms() -> dict[str, tuple[float | str, ...]]:
    """The settings of each arm: a number that is tuned, or the only one."""
    listed: dict[str, tuple[float | str, ...]] = {
        "log": (1.0,),
        "log, standard deviation": (1.0,),
        "log, multiplier": FACTORS,
        "EMA": WEIGHTS,
    }
    for table in revisits.TABLES:
        listed[table] = (0,)
        listed |= {f"{table}, history {visits}": (visits,) for visits in VISITS}
    return {**listed, "true log": (1.0,)}


def estimator(arm: str, setting: float | str, group: int) -> revisits.Estimator:
    """An arm, before any visit."""
    table = arm.partition(", history")[0]
    if table in revisits.TABLES:
        return revisits.Remembered(table, group, setting)
    if arm == "EMA":
        return revisits.Averaged(float(setting))
    return revisits.Truth() if arm == "true log" else revisits.PlugIn(float(setting))


def trained(
    where: Cell, arm: str, setting: float | str, rates: Iterable[float], seeds: Iterable[int]
) -> tuple[revisits.Result, revisits.Estimator]:
    """A training at each rate with each seed, rate by rate, and the estimator after it."""
    game, group, epochs = where
    pairs = np.array([*product(rates, seeds)])
    made = estimator(arm, setting, group)
    divided = arm == "log, standard deviation"
    with np.errstate(over="ignore", invalid="ignore"):  # a rate that is too high ends with loss inf
        ended = revisits.train(
            game, group, epochs, made, pairs[:, 0], pairs[:, 1].astype(int), divided=divided
        )
    return ended, made


def best(where: Cell, arm: str, grid: np.ndarray) -> tuple[float | str, float, bool]:
    """The setting and the rate of least loss on the tuning seeds, and whether that rate is an edge."""
    losses: dict[tuple[float | str, float], float] = {}
    for setting in arms()[arm]:
        tried = np.array([])
        new = grid
        while new.size:
            ended, _ = trained(where, arm, setting, new, TUNING)
            means = ended.loss.reshape(len(new), len(TUNING)).mean(1)
            losses |= {(setting, rate): loss for rate, loss in zip(new, means, strict=True)}
            first, tried = not tried.size, np.union1d(tried, new)
            least = min(tried, key=lambda rate: losses[setting, rate])
            beyond = {tried[0]: -MORE, tried[-1]: 1}.get(least)
            extended = first and beyond is not None
            new = least * FINE ** np.arange(beyond, beyond + MORE) if extended else np.array([])
    setting, rate = min(losses, key=losses.__getitem__)
    tried = [r for s, r in losses if s == setting]
    return setting, float(rate), rate in (min(tried), max(tried))


def interval(values: np.ndarray) -> tuple[float, float]:
    """The mean over seeds, and half of its 95 % interval."""
    return float(values.mean()), float(STUDENT * values.std(ddof=1) / len(values) ** 0.5)


def cell(where: Cell, grid: np.ndarray) -> list[Row]:
    """Rows of every arm."""
    chosen = {arm: best(where, arm, grid) for arm in arms()}
    ended = {
        arm: trained(where, arm, setting, [rate], SEEDS)
        for arm, (setting, rate, _) in chosen.items()
    }
    losses = {arm: result.loss for arm, (result, _) in ended.items()}
    lines: list[Row] = []
    for arm, (result, made) in ended.items():
        setting, rate, edge = chosen[arm]
        row: Row = dict(zip(("game", "group", "epochs"), where, strict=True))
        tuned = setting if arm in ("log, multiplier", "EMA") else ""
        row |= {"arm": arm, "setting": tuned, "rate": rate, "edge": int(edge)}
        row["loss"], row["loss_pm"] = interval(result.loss)
        table, _, looks = arm.partition(", history")
        row |= dict.fromkeys(("times", "times_low", "times_high"), "")
        if looks:
            mean, half = interval(np.log(result.loss / losses[table]))
            row["times"] = float(np.exp(mean))
            row["times_low"], row["times_high"] = (float(np.exp(mean + x)) for x in (-half, half))
        row["gap"], row["gap_pm"] = interval(result.loss - losses["true log"])
        row["drift"], row["estimate"] = float(result.drift.mean()), float(result.estimate.mean())
        row["looked"] = float(np.mean(made.looked)) if table in revisits.TABLES else ""
        lines.append(row)
    return lines


def cells() -> list[Cell]:
    return [*product(GAMES, GROUPS, EPOCHS)]


def measured(file: Path) -> list[Row]:
    """Rows of all cells; each cell that is not in the file is measured, and added to it."""
    done: list[Row] = [*origin.read(file)] if file.exists() else []
    known = {(r["game"], int(r["group"]), int(r["epochs"])) for r in done}
    with Progress(console=Console(stderr=True)) as progress:
        for where in progress.track(cells(), description="cells"):
            if where not in known:
                done += cell(where, RATES[where[0]])
                origin.write(done, PACKAGES, file)
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one small cell, to standard output")
    if parser.parse_args().quick:
        origin.write(cell(("calibration", 8, 2), np.array([2.0, 4.0, 8.0])), PACKAGES, None)
    else:
        measured(FILE)


if __name__ == "__main__":
    main()
