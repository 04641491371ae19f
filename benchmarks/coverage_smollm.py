"""Correct answers of many kinds from a real language model: coverage against pass@1 and KL, by estimates of
the log.

    python benchmarks/coverage_smollm.py --model FOLDER           # every run not yet in results/
    python benchmarks/coverage_smollm.py                          # the table anew, from what was run
    python benchmarks/coverage_smollm.py --model FOLDER --quick   # short runs of the log, to standard output
    python benchmarks/coverage_smollm.py --model FOLDER --device cuda    # more layers, steps and groups

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

results/coverage_smollm_runs.csv has a line for every run, and a benchmark that was killed goes on from it;
results/coverage_smollm.csv has the means of every arm and lambda with 95 % intervals over seeds (Student's
t).  `best` is 1 at the lambda with which an arm covers most at no more KL than the log where that covers
most.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
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
from runs import Key, NotRun, Row, Runs, write_table
from torch import Tensor
from tuning import summary as means

from polyest import advantages

FOLDER = Path(__file__).parent / "results"
RUNS, FILE = (FOLDER / f"coverage_smollm{end}.csv" for end in ("_runs", ""))
PACKAGES, COLUMNS = calibration_smollm.PACKAGES, calibration_smollm.COLUMNS
TOGETHER = 48  # runs of an arm that are trained side by side
ARMS = ("log", "schuermann", "noise 8", "monotone", "true log")
LAMBDAS = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
SEEDS = range(6)
DRAWS = 64
RATE = 3e-3
WORDINGS = {name: (things, answers) for name, (things, answers, _) in closed_prompts.TOPICS.items()}
SETTING = Setting(WORDINGS, 3, 8, kl=0.02)
LARGE = replace(SETTING, upper=12, steps=1000, groups=4)
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


def run(model: smollm.Model, asking: Asking, setting: Setting, runs: Sequence[Key]) -> list[Row]:
    """Rows of runs of one arm, trained side by side, whose multipliers are lambdas."""
    start = process_time()
    one, seeds = runs[0], [int(each["seed"]) for each in runs]
    stack, correct = Stack(model, setting.upper, seeds), right(asking)
    trained = torch.arange(asking.trained, device=model.device)
    lambdas = [float(each["multiplier"]) for each in runs]
    train(
        stack,
        asking.read.of(trained),
        asking.base[trained],
        rewards(str(one["arm"]), lambdas, correct[trained]),
        advantages.standardised if one["divided"] else advantages.group_mean,
        setting.at(float(one["rate"])),
        seeds,
    )
    with torch.no_grad():
        rows = measured(asking, stack(asking.read), correct)
    seconds = round((process_time() - start) / len(seeds), 2)
    return [
        {**each, **numbers, "seconds": seconds} for each, numbers in zip(runs, rows, strict=True)
    ]


def keys(arm: str, divided: bool) -> list[Key]:
    """The runs of an arm at every lambda and seed."""
    cell: Key = {"setting": "coverage", "phase": "report", "arm": arm, "divided": int(divided)}
    return [
        {**cell, "rate": RATE, "multiplier": weight, "seed": seed}
        for weight, seed in product(LAMBDAS, SEEDS)
    ]


def summary(runs: Runs) -> list[Row]:
    """A row for every arm and lambda of the arms that were run whole."""
    lines: list[Row] = []
    for divided in (False, True):
        curves = dict[str, list[Row]]()
        for arm in ARMS:
            try:
                rows = runs.finished(keys(arm, divided), f"{arm}, divided {int(divided)}")
            except NotRun as missing:
                print(missing, file=sys.stderr)
                continue
            each = [rows[i : i + len(SEEDS)] for i in range(0, len(rows), len(SEEDS))]
            curves[arm] = [means(point, MEASURES, MEASURES) for point in each]
        if "log" not in curves:
            continue
        most_kl = greatest_kl(as_points(curves["log"]))
        for arm, curve in curves.items():
            best = most(as_points(curve), most_kl)
            for i, (weight, line) in enumerate(zip(LAMBDAS, curve, strict=True)):
                where: Row = {"arm": arm, "divided": int(divided), "lambda": weight}
                lines.append({**where, "best": int(i == best), **line})
    return lines


def as_points(curve: Sequence[Row]) -> np.ndarray:
    """Means of the first three measures, (lambdas, 3)."""
    return np.array([[line[name] for name in MEASURES[:3]] for line in curve])


def greatest_kl(log: np.ndarray) -> float:
    """The KL of the log where it covers most."""
    return float(log[log[:, 1].argmax(), 2])


def most(curve: np.ndarray, kl: float) -> int:
    """The place of a curve (lambdas, measures) with the greatest coverage at no more than a KL.

    >>> most(np.array([[1.0, 5.0, 0.1], [1.0, 7.0, 0.2], [1.0, 9.0, 0.3]]), 0.2)
    1
    """
    return int(np.where(curve[:, 2] <= kl, curve[:, 1], -1).argmax())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, help="folder of smollm.py; without it nothing is run")
    parser.add_argument("--quick", action="store_true", help="short runs, to standard output")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for the larger experiment")
    given = parser.parse_args()
    torch.set_num_threads(1)
    large = given.device == "cuda"
    setting = replace(SETTING, steps=3) if given.quick else LARGE if large else SETTING
    files = [file.with_stem(f"{file.stem}_large") if large else file for file in (RUNS, FILE)]
    measure = None
    if given.model is not None:
        model = smollm.load(given.model, given.device)
        measure = partial(run, model, pose(model, given.model, setting), setting)
        if given.quick:
            origin.write(measure(keys("log", False)[:: len(SEEDS)]), PACKAGES, None)
            return
    runs = Runs(files[0], COLUMNS, measure, PACKAGES, at_once=TOGETHER)
    if measure is not None:
        pairs = [*product((False, True), ARMS)]
        for i, (divided, arm) in enumerate(pairs, 1):
            runs.finished(keys(arm, divided), f"coverage, {i} of {len(pairs)} arms")
    write_table(summary(runs), PACKAGES, files[1])


if __name__ == "__main__":
    main()
