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
loss over that of the best of RULED, for each scaling, and for each of two kinds of training:

    one prompt    all groups of a step answer the same prompt, whose policy is a table: noise_training.csv
    prompts       they answer different ones, and a network is trained with Adam: that of convergence.csv

They are fitted on every second cell of that training (a checkerboard), and tested on the others; on the
games, whose groups answer one prompt too; and on language models (calibration.csv, calibration_smollm.csv).
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

from polyest.problem.problem import DEFAULT_NOISE
from polyest.problem.shapes import SHAPES
from polyest.recommendation import NOISES

FOLDER = Path(__file__).parent / "results"
DEFAULT, RULE = FOLDER / "default.csv", FOLDER / "rule.csv"
PACKAGES = ("polyest", "numpy")
CANDIDATES = ("noise 4", "noise 8", "monotone", "concave")
SHAPE = "monotone"
WORST = 2.0
FEW = 4  # prompts a step
SCALINGS = ("mean", "std")  # what is done to rewards, by `divided`
SCALES = tuple(2.0**k for k in range(-6, 11))  # of a
POWERS = (0.0, 0.5, 1.0)  # of b
# What the library recommends one of.
RULED = (*(f"noise {noise}" for noise in NOISES), *SHAPES, "schuermann")

Cell = tuple[str, str, int, int, int, int]  # game, update, divided, group, prompts, steps
Losses = dict[Cell, dict[str, float]]  # by arm
Errors = dict[tuple[int, str], tuple[float, float]]  # squares of bias and noise, by group and table
NETWORK_STEPS = 20  # the fewer
SMOLLM = {  # group, and groups of a step
    "core": (16, 16),
    "128 groups": (16, 128),
    "G = 8": (8, 32),
    "128 prompts": (16, 128),
    "diversity": (16, 16),
    "two tokens": (16, 10),
}


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


def of_models() -> Losses:
    """Losses of language models by cell and arm, without multipliers."""
    by_cell: Losses = {}
    for row in origin.read(FOLDER / "calibration_smollm.csv"):
        if float(row["multiplier"]) == 1:
            group, prompts = SMOLLM[row["setting"]]
            cell = (f"SmolLM2, {row['setting']}", "adam", int(row["divided"]), group, prompts, 120)
            by_cell.setdefault(cell, {})[row["arm"]] = float(row["J"])
    for row in origin.read(FOLDER / "calibration.csv"):
        if float(row["multiplier"]) == 1:
            divided, numbers = (
                SCALINGS.index(row["advantage"]),
                (int(row["group"]), int(row["prompts"])),
            )
            cell = (f"transformer, {row['variant']}", "adam", divided, *numbers, 300)
            by_cell.setdefault(cell, {})[row["arm"]] = float(row["kl"])
    return {c: by for c, by in by_cell.items() if sum(name in by for name in RULED) > 2}


def ruled(errors: Errors, cell: Cell, S: float, names: Iterable[str] = RULED) -> str:
    """The table of the rule among some."""
    _, _, _, group, prompts, _ = cell

    def error(name: str) -> float:
        bias, spread = errors[group, name]
        return bias + spread / (prompts * S)

    return min(names, key=error)


def regrets(losses: Losses, errors: Errors, a: float, b: float) -> list[float]:
    """The loss of the table that the rule picks over the least, by cell, among those that were run there."""
    ratios = []
    for cell, by in losses.items():
        run = [name for name in RULED if name in by]
        picked = ruled(errors, cell, a * cell[5] ** b, run)
        ratios.append(by[picked] / min(by[name] for name in run))
    return ratios


def rule(losses: Losses, models: Losses) -> list[Row]:
    """What a and b are, and what the rule is worth where it was made and where it was not."""
    errors = noise.mean_errors(origin.read(noise.ERRORS))
    lines: list[Row] = []
    for (kind, game), divided in product(
        (("one prompt", "answers"), ("prompts", "network")), (0, 1)
    ):
        own = {c: by for c, by in losses.items() if (c[0], c[2]) == (game, divided)}
        parts = {
            "made on": {c: by for c, by in own.items() if _black(c)},
            "tested on": {c: by for c, by in own.items() if not _black(c)},
        }
        if kind == "one prompt":
            others = {c: by for c, by in losses.items() if c[0] not in ("answers", "network")}
            parts["games"] = {c: by for c, by in others.items() if c[2] == divided}
        else:
            parts["language models"] = {c: by for c, by in models.items() if c[2] == divided}
        a, b = min(
            product(SCALES, POWERS),
            key=lambda ab: geometric(regrets(parts["made on"], errors, *ab)),
        )
        for part, some in parts.items():
            line: Row = {"training": kind, "divided": divided, "a": a, "b": b, "cells": part}
            values = regrets(some, errors, a, b)
            line |= {"number": len(values), "ratio": geometric(values), "worst": max(values)}
            lines.append({**line, **_default(some)})
    return lines


def _default(losses: Losses) -> Row:
    """The same of the default of the library, whatever the cell."""
    name = f"noise {DEFAULT_NOISE:g}"
    ratios = [by[name] / min(by[n] for n in RULED if n in by) for by in losses.values()]
    return {"default_ratio": geometric(ratios), "default_worst": max(ratios)}


def _black(cell: Cell) -> bool:
    """Whether a cell is black on the checkerboard of group, prompts and steps."""
    _, _, _, group, prompts, steps = cell
    places = [noise.GROUPS.index(group)]
    if cell[0] == "answers":
        places += noise.TRAINED.index(prompts), noise.LENGTHS.index(steps)
    else:
        places += [steps == NETWORK_STEPS]
    return sum(places) % 2 == 0


def main() -> None:
    losses = measured()
    origin.write(summary(losses), PACKAGES, DEFAULT)
    origin.write(rule(losses, of_models()), PACKAGES, RULE)
    print(f"the default of the criterion: {chosen(ratios(losses, CANDIDATES))}")


if __name__ == "__main__":
    main()
