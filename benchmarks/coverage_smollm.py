"""Correct answers of many kinds from a real language model: coverage against pass@1 and KL, by estimates of
the log.

    python benchmarks/coverage_smollm.py --model FOLDER           # every cell not yet in results/
    python benchmarks/coverage_smollm.py                          # the table anew, from what was run
    python benchmarks/coverage_smollm.py --model FOLDER --quick   # one short cell, to standard output

SmolLM2-135M-Instruct (smollm.py) is asked for a mammal, a consonant, a country in Europe (TOPICS of
closed_prompts.py), from closed lists in which 7 to 21 answers are right.  A correct completion is paid, a
wrong one earns 0:

    1 - lambda e(X),      e an estimate of log nu(z) from the count X of z in its group, as in
    calibration_smollm.py

A weight that is fixed before the group is drawn keeps a table exact (docs/theory.md), and whether an answer
is right is such a weight.  lambda is not tuned: every arm is run at each of LAMBDAS, and arms are compared
as curves. 16 prompts, one group of 16 of each in a step, KL .02 to the base; exact numbers by enumeration,
on the prompts trained on and (held) on 8 others:

    pass@1      nu of the right answers
    coverage    distinct right answers expected in DRAWS draws
    kl          KL(nu, base)

results/coverage_smollm_runs.csv has a line for every run; results/coverage_smollm.csv has the means of every
arm and lambda with 95 % intervals over seeds (Student's t).  `best` is 1 at the lambda with which an arm
covers most at no more KL than the log where that covers most.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from time import process_time

import calibration_smollm
import closed_prompts
import numpy as np
import origin
import smollm
import torch
from adapters import Paid, Stack, divergence, train
from asking import Asking, Setting, pose
from cells import Cell, Results, Row, members, written
from torch import Tensor

from polyest import advantages

FOLDER = Path(__file__).parent / "results"
RUNS, FILE = (FOLDER / f"coverage_smollm{end}.csv" for end in ("_runs", ""))
PACKAGES = calibration_smollm.PACKAGES
ARMS = ("log", "schuermann", "noise 8", "monotone", "true log")
LAMBDAS = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0)
SEEDS = range(4)
STUDENT = 3.1824  # 97.5 % quantile of Student's t with 3 degrees of freedom
DRAWS = 64
RATE = 3e-3
WORDINGS = {name: (things, answers) for name, (things, answers, _) in closed_prompts.TOPICS.items()}
SETTING = Setting(WORDINGS, 3, 8, kl=0.02)
MEASURES = ("pass@1", "coverage", "kl", "held pass@1", "held coverage", "held kl")


def right(asking: Asking) -> Tensor:
    """Which answers (P, A) are correct."""
    correct = torch.zeros_like(asking.base)
    for row, one in zip(correct, asking.asked, strict=True):
        row[: len(one.answers)] = torch.tensor(closed_prompts.right(one)).to(row)
    return correct


def rewards(arm: str, lambdas: Sequence[float], correct: Tensor) -> Paid:
    """Correct times 1 - lambda e, of each member's answers."""
    estimate = calibration_smollm.estimates(arm)
    weights = torch.tensor(lambdas, dtype=torch.float64)[:, None, None, None]

    def paid(answers: Tensor, logs: Tensor, prompts: Tensor, step: int) -> Tensor:
        gate = correct[prompts].expand(*logs.shape).gather(-1, answers.flatten(2))
        known = estimate(answers, logs, prompts, step).to(answers.device)
        return gate.reshape(answers.shape).double() * (1 - weights.to(answers.device) * known)

    return paid


def measured(asking: Asking, logs: Tensor, correct: Tensor) -> list[Row]:
    """Exact numbers of each member's log nu (S, P, A)."""
    nu = logs.exp()
    parts = {
        "pass@1": (nu * correct).sum(-1),
        "coverage": (correct * (1 - (1 - nu) ** DRAWS)).sum(-1),
        "kl": divergence(logs, asking.base),
    }
    n = asking.trained
    means = {name: part[:, :n].mean(1).tolist() for name, part in parts.items()}
    means |= {f"held {name}": part[:, n:].mean(1).tolist() for name, part in parts.items()}
    return [dict(zip(means, each, strict=True)) for each in zip(*means.values(), strict=True)]


def run(model: smollm.Model, asking: Asking, setting: Setting, cell: Cell) -> list[Row]:
    """Rows of a cell's members, whose multipliers are lambdas."""
    start = process_time()
    lambdas, seeds = ([one[i] for one in cell.members] for i in (0, 1))
    stack, correct = Stack(model, setting.upper, seeds), right(asking)
    trained = torch.arange(asking.trained, device=model.device)
    train(
        stack,
        asking.read.of(trained),
        asking.base[trained],
        rewards(cell.arm, lambdas, correct[trained]),
        advantages.standardised if cell.divided else advantages.group_mean,
        setting.at(cell.rate),
        seeds,
    )
    with torch.no_grad():
        rows = measured(asking, stack(asking.read), correct)
    seconds = round((process_time() - start) / len(seeds), 2)
    return [
        {**place, **numbers, "seconds": seconds}
        for place, numbers in zip(cell.places(), rows, strict=True)
    ]


def cells() -> list[Cell]:
    return [
        Cell("coverage", "report", arm, divided, RATE, members(LAMBDAS, SEEDS))
        for divided, arm in product((False, True), ARMS)
    ]


def summary(results: Results) -> list[Row]:
    """A row for every arm and lambda of the cells that were run."""
    curves = {}
    for cell in cells():
        rows = results.of(cell)
        if len(rows) < len(cell.members):
            print(*cell.key(), "not run", file=sys.stderr)
            continue
        values = np.array([[float(row[name]) for name in MEASURES] for row in rows])
        curves[cell.arm, cell.divided] = values.reshape(len(LAMBDAS), len(SEEDS), -1)
    lines: list[Row] = []
    for (arm, divided), curve in curves.items():
        if ("log", divided) not in curves:
            continue
        best = most(curve.mean(1), greatest_kl(curves["log", divided].mean(1)))
        for i, (weight, points) in enumerate(zip(LAMBDAS, curve, strict=True)):
            line: Row = {
                "arm": arm,
                "divided": int(divided),
                "lambda": weight,
                "best": int(i == best),
            }
            for name, values in zip(MEASURES, points.T, strict=True):
                line[name] = float(values.mean())
                line[f"{name} pm"] = interval(values)
            lines.append(line)
    return lines


def greatest_kl(log: np.ndarray) -> float:
    """The KL of the log where it covers most."""
    return float(log[log[:, 1].argmax(), 2])


def most(curve: np.ndarray, kl: float) -> int:
    """The place of a curve (lambdas, measures) with the greatest coverage at no more than a KL.

    >>> most(np.array([[1.0, 5.0, 0.1], [1.0, 7.0, 0.2], [1.0, 9.0, 0.3]]), 0.2)
    1
    """
    return int(np.where(curve[:, 2] <= kl, curve[:, 1], -1).argmax())


def interval(values: np.ndarray) -> float:
    return float(STUDENT * values.std(ddof=1) / len(SEEDS) ** 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, help="folder of smollm.py; without it nothing is run")
    parser.add_argument("--quick", action="store_true", help="one short cell, to standard output")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for the larger experiment")
    given = parser.parse_args()
    files, setting = [RUNS, FILE], SETTING
    if given.device == "cpu":
        torch.set_num_threads(1)
    else:
        files = [file.with_stem(f"{file.stem}_large") for file in files]
        setting = replace(setting, upper=12, steps=1000, groups=4)
    if given.quick:
        setting = replace(setting, steps=3)
    results = Results(files[0], PACKAGES)
    if given.model is not None:
        model = smollm.load(given.model, given.device)
        asking = pose(model, given.model, setting)
        if given.quick:
            cell = replace(cells()[0], members=members(LAMBDAS, (0,)))
            origin.write(run(model, asking, setting, cell), PACKAGES, None)
            return
        for cell in cells():
            if len(results.of(cell)) < len(cell.members):
                results.add(run(model, asking, setting, cell))
                print(*cell.key(), file=sys.stderr)
    written(summary(results), PACKAGES, files[1])


if __name__ == "__main__":
    main()
