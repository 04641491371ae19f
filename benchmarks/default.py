"""Which table should be the default, and which rule `polyest.recommendation` should follow.

    python benchmarks/default.py     # results/default.csv and results/rule.csv, from what was measured

THE CRITERION, written down before anything was run. A cell is a setting of convergence.csv (game, update,
scaling, group, prompts, steps), or of noise_training.csv (group, prompts, steps, scaling; the mean over the
shapes of answers, which nobody knows beforehand). The ratio of a candidate in a cell is its loss over the
least loss of the CANDIDATES there. The default is the candidate with the least geometric mean of ratios
over all cells, with and without division by the standard deviation, among those whose worst ratio is at
most WORST; if none is, the one with the least worst ratio. Where the monotone table is within error of it
(the 95 % interval of the mean difference of the logs, over the cells, holds 0, and its worst ratio is at
most WORST), the monotone table is the default, because a user understands it.

THE RULE takes the table of least

    bias^2 + noise^2/(prompts S),     S = a steps^b,

of the exact bias and noise of one group (noise_errors.csv).  a and b are those of least geometric mean of the
loss over that of the best candidate, for each scaling, on every second cell of noise_training.csv (a
checkerboard of group, prompts and steps); the rule is tested on the other cells, and on the games.
"""

from collections.abc import Iterable
from itertools import product
from math import exp, log
from pathlib import Path

import noise
import numpy as np
import origin
from convergence import FILE as GAMES
from runs import Row, mean_and_half_width

FOLDER = Path(__file__).parent / "results"
DEFAULT, RULE = FOLDER / "default.csv", FOLDER / "rule.csv"
PACKAGES = ("polyest", "numpy")
CANDIDATES = ("noise 4", "noise 8", "monotone", "concave")
SHAPE = "monotone"
WORST = 2.0
FEW = 4  # prompts a step
SCALINGS = ("mean", "std")  # what is done to rewards, by `divided`
SCALES = tuple(2.0**k for k in range(-4, 11))  # of a
POWERS = (0.0, 0.5, 1.0)  # of b
RULED = (
    "noise 1",
    "noise 2",
    "noise 4",
    "noise 8",
    "noise 16",
    "monotone",
    "concave",
    "schuermann",
)

Cell = tuple[str, str, int, int, int, int]  # game, update, divided, group, prompts, steps
Losses = dict[Cell, dict[str, float]]  # by arm


def measured() -> Losses:
    """Mean losses by cell and arm, of the games and of the trainings towards known answers."""
    lists: dict[Cell, dict[str, list[float]]] = {}
    for file, fixed in ((GAMES, {}), (noise.TRAINING, {"game": "answers", "update": "gradient"})):
        for row in origin.read(file):
            named = {**row, **fixed}
            numbers = (int(row[c]) for c in ("divided", "group", "prompts", "steps"))
            cell = (named["game"], named["update"], *numbers)
            lists.setdefault(cell, {}).setdefault(row["arm"], []).append(float(row["loss"]))
    return {
        cell: {arm: float(np.mean(values)) for arm, values in by.items()}
        for cell, by in lists.items()
    }


def ratios(losses: Losses, candidates: Iterable[str]) -> dict[str, dict[Cell, float]]:
    """The loss of each candidate over the least of them, by cell."""
    names = tuple(candidates)
    least = {cell: min(by[name] for name in names) for cell, by in losses.items()}
    return {name: {c: by[name] / least[c] for c, by in losses.items()} for name in names}


def chosen(of: dict[str, dict[Cell, float]]) -> str:
    """The candidate of the criterion."""
    worst = {name: max(by.values()) for name, by in of.items()}
    eligible = [name for name in of if worst[name] <= WORST]
    if not eligible:
        return min(of, key=worst.__getitem__)
    best = min(eligible, key=lambda name: geometric(of[name].values()))
    if SHAPE in eligible:
        apart = [log(of[SHAPE][cell] / of[best][cell]) for cell in of[best]]
        mean, half = mean_and_half_width(apart)
        if abs(mean) <= half:
            return SHAPE
    return best


def geometric(values: Iterable[float]) -> float:
    return exp(float(np.mean([log(value) for value in values])))


def parts(losses: Losses) -> dict[tuple[str, str], Losses]:
    """The cells by scaling and by what they have in common."""
    named: dict[tuple[str, str], Losses] = {("both", "all"): losses}
    for cell, by in losses.items():
        game, update, divided, group, prompts, _ = cell
        amount = "few" if prompts <= FEW else "many"
        common = ("all", game, update, f"groups of {group}", f"{amount} prompts")
        for part in dict.fromkeys(common):
            named.setdefault((SCALINGS[divided], part), {})[cell] = by
    return named


def summary(losses: Losses) -> list[Row]:
    """A row for each part of the cells and each arm that is in all of them."""
    lines: list[Row] = []
    for (scaling, part), some in parts(losses).items():
        best = chosen(ratios(some, CANDIDATES))
        least = {cell: min(by[name] for name in CANDIDATES) for cell, by in some.items()}
        every = [arm for arm in next(iter(some.values())) if all(arm in by for by in some.values())]
        for arm in every:
            of = {cell: by[arm] / least[cell] for cell, by in some.items()}
            mean, half = mean_and_half_width([log(x) for x in of.values()])
            line: Row = {"scaling": scaling, "cells": part, "number": len(of), "arm": arm}
            line |= {"ratio": exp(mean), "ratio_low": exp(mean - half)}
            line |= {"ratio_high": exp(mean + half), "worst": max(of.values())}
            lines.append({**line, "chosen": int(arm == best)})
    return lines


def ruled(errors: dict[tuple[int, str], tuple[float, float]], cell: Cell, S: float) -> str:
    """The table of the rule."""
    _, _, _, group, prompts, _ = cell

    def error(name: str) -> float:
        bias, spread = errors[group, name]
        return bias + spread / (prompts * S)

    return min(RULED, key=error)


def regrets(losses: Losses, picked: dict[Cell, str]) -> list[float]:
    """The loss of the table that was picked over that of the best candidate, by cell."""
    return [
        losses[c][name] / min(losses[c][other] for other in RULED if other in losses[c])
        for c, name in picked.items()
        if name in losses[c]
    ]


def rule(losses: Losses) -> list[Row]:
    """What a and b are, by scaling, and what the rule is worth where it was made and where it was not."""
    errors = noise.mean_errors(origin.read(noise.ERRORS))
    lines: list[Row] = []
    for divided in (0, 1):
        mine = [c for c in losses if c[2] == divided]
        own = [c for c in mine if c[0] == "answers"]
        made = [c for c in own if _black(c)]
        parts = {
            "made on": made,
            "tested on": [c for c in own if c not in made],
            "games": [c for c in mine if c[0] != "answers"],
        }

        def picks(cells: list[Cell], a: float, b: float) -> dict[Cell, str]:
            return {c: ruled(errors, c, a * c[5] ** b) for c in cells}

        a, b = min(
            product(SCALES, POWERS), key=lambda ab: geometric(regrets(losses, picks(made, *ab)))
        )
        for part, cells in parts.items():
            values = regrets(losses, picks(cells, a, b))
            line: Row = {"divided": divided, "a": a, "b": b, "cells": part, "number": len(values)}
            lines.append({**line, "ratio": geometric(values), "worst": max(values)})
    return lines


def _black(cell: Cell) -> bool:
    """Whether a cell is black on the checkerboard of group, prompts and steps."""
    _, _, _, group, prompts, steps = cell
    places = noise.GROUPS.index(group), noise.TRAINED.index(prompts), noise.LENGTHS.index(steps)
    return sum(places) % 2 == 0


def main() -> None:
    losses = measured()
    origin.write(summary(losses), PACKAGES, DEFAULT)
    origin.write(rule(losses), PACKAGES, RULE)
    print(f"the default of the criterion: {chosen(ratios(losses, CANDIDATES))}")


if __name__ == "__main__":
    main()
