"""How much variance a reward table should have: exact errors of one step, and policies trained with each.

    python benchmarks/noise.py              # results/noise_{errors,training}.csv, 10 minutes on two cores
    python benchmarks/noise.py --summary    # what follows from those files, at once
    python benchmarks/noise.py --quick      # a small part, to standard output

The table "noise r" is the one of least bias with the variance ratio r: its sup p Var is at most r times that
of log((X+1)/(K+1)).  "variance r" is the same for sup Var.

noise_errors.csv has the bias and the noise of the gradient, which is the root of its mean variance
(`polyest.recommendation.Deviation`), for each of five shapes of answer distributions, for groups of 4 to 64,
with and without a group mean.  It also has the root mean square error of an average over 1 to 512 prompts.

noise_training.csv is about training: a policy over the answers, a softmax of logits, is trained on the
reward log q - m e, e an estimate of its own log, whose optimum is q itself, with q each of those shapes.  A
step averages the gradients of `prompts` groups, each minus its group mean and, where `divided` is 1, divided
by its standard deviation.  The logits start from a standard normal.  All groups answer the same prompt,
because biases add up where prompts are alike.  The arms are those of arms.py and some tables that were
candidates for the default; contest.py says how rates and multipliers are chosen, and seeds.  `loss` is
KL(policy || q) at the end.
"""

import argparse
from collections.abc import Iterable
from functools import cache, partial
from itertools import product
from math import exp, log
from pathlib import Path

import arms
import contest
import numpy as np
import origin
from arms import Arm
from runs import Row
from training import Plan, Task, train

import polyest
from polyest import closed_forms
from polyest.arrays import Floats
from polyest.errors import TableNotFound
from polyest.gradients import BASELINES
from polyest.recommendation import ANSWERS, NOISES, error, in_group

FOLDER = Path(__file__).parent / "results"
ERRORS, TRAINING = FOLDER / "noise_errors.csv", FOLDER / "noise_training.csv"
GROUPS = (4, 8, 16, 32, 64)
PROMPTS = (1, 4, 16, 64, 128, 512)
TRAINED = (1, 4, 16, 64, 512)  # prompts in a step
LENGTHS = (50, 200)  # steps
MOST = 512 * 50  # most groups in one training, to limit the time
RATES = -3, 7  # exponents of 2
PACKAGES = ("polyest", "numpy", "numba")
CELL = ("answers", "group", "prompts", "steps", "divided")
OTHERS = {  # beside the arms of arms.py
    "jackknife": Arm(lambda K: closed_forms.jackknife(K).coefficients),
    "squared-error": Arm(lambda K: polyest.load(K, criterion="squared-error").coefficients),
    "variance 8": Arm(lambda K: polyest.load(K, criterion="variance", noise=8).coefficients),
    "noise 1": Arm(lambda K: polyest.load(K, noise=1).coefficients),
}


def tables(group: int, K: int) -> dict[str, np.ndarray]:
    """Rewards u_1..u_G by name: the tables released for sample size K, and those that they replace."""
    by_name = {
        "log": closed_forms.log_count(group - 1),
        "harmonic": closed_forms.harmonic(K),
        "jackknife": closed_forms.jackknife(K),
    }
    keywords = {f"noise {noise}": {"noise": noise} for noise in NOISES}
    for noise in (1, 8):
        keywords[f"variance {noise}"] = {"criterion": "variance", "noise": noise}
    for criterion in ("squared-error", "minimax"):
        keywords[criterion] = {"criterion": criterion}
    for name, words in keywords.items():
        try:
            by_name[name] = polyest.load(K, **words)
        except TableNotFound:
            continue  # there is no minimax table above K = 40
    return {name: in_group(table, group) for name, table in by_name.items()}


def errors(groups: Iterable[int]) -> list[Row]:
    lines: list[Row] = []
    for group, baseline in product(groups, BASELINES):
        K = polyest.counts.draws(group, baseline)
        for name, rewards in tables(group, K).items():
            for shape, answers in ANSWERS.items():
                one = error(rewards, 1, baseline, [answers])
                row: Row = {"answers": shape, "group": group, "baseline": baseline, "table": name}
                row |= {"bias": one.bias, "noise": one.noise}
                for prompts in PROMPTS:
                    row[f"error_{prompts}"] = error(rewards, prompts, baseline, [answers]).total
                lines.append(row)
    return lines


@cache
def task(shape: str, seed: int) -> Task:
    """A policy over the answers of a shape, from a standard normal of the seed."""
    aim = np.repeat(ANSWERS[shape].p, ANSWERS[shape].times)

    def loss(policy: Floats) -> float:
        return float((policy[0] * np.log(np.maximum(policy[0], 1e-300) / aim)).sum())

    start = np.random.default_rng(seed).normal(size=(1, aim.size))
    return Task(start, np.arange(aim.size), np.log(aim), -1.0, 0.0, 0.0, loss)


def cell(where: Row) -> list[Row]:
    """Rows of every arm for one shape, group, number of prompts and of steps, and scaling."""
    shape, group = str(where["answers"]), int(where["group"])
    plan = Plan(group, int(where["prompts"]), int(where["steps"]), bool(where["divided"]))

    def of(arm: Arm) -> contest.Losses:
        return partial(train, partial(task, shape), plan, arm)

    losses = {name: of(arm) for name, arm in (arms.ARMS | OTHERS).items()}
    return contest.rows(where, losses, *RATES, (0.0,), contest.MULTIPLIERS)


def cells(groups: Iterable[int], prompts: Iterable[int], lengths: Iterable[int]) -> list[Row]:
    """All cells, the cheapest first."""
    each = product(ANSWERS, groups, prompts, lengths, (0, 1))
    listed: list[Row] = [dict(zip(CELL, c, strict=True)) for c in each if c[2] * c[3] <= MOST]
    return sorted(listed, key=lambda c: int(c["group"]) * int(c["prompts"]) * int(c["steps"]))


def losses(rows: list[dict[str, str]]) -> dict[tuple[int, int, int], dict[str, float]]:
    """Mean loss over the shapes, by group, prompts and steps, and by table."""
    by_cell: dict[tuple[int, int, int], dict[str, list[float]]] = {}
    for row in rows:
        where = int(row["group"]), int(row["prompts"]), int(row["steps"])
        by_cell.setdefault(where, {}).setdefault(row["table"], []).append(float(row["loss"]))
    return {w: {t: float(np.mean(x)) for t, x in by.items()} for w, by in by_cell.items()}


def mean_errors(rows: list[dict[str, str]]) -> dict[tuple[int, str], tuple[float, float]]:
    """Mean square bias, and noise of one group, over the shapes, by group and table, under a group mean."""
    by_table: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for row in rows:
        if row["baseline"] == "group-mean":
            pair = float(row["bias"]) ** 2, float(row["noise"]) ** 2
            by_table.setdefault((int(row["group"]), row["table"]), []).append(pair)
    return {key: tuple(np.mean(pairs, axis=0)) for key, pairs in by_table.items()}


def best_noise(of_step: dict, group: int, averaged: int) -> str:
    """The variance ratio of the least error where the gradients of `averaged` groups are averaged."""
    names = [f"noise {noise}" for noise in NOISES]
    return min(names, key=lambda t: of_step[group, t][0] + of_step[group, t][1] / averaged)


def regrets(
    trained: dict, of_step: dict
) -> tuple[dict[str, float], dict[int, tuple[float, float]]]:
    """Loss over that of the best noise: of each table, and of polyest.recommendation by its STEPS.

    Both are geometric means over groups, prompts and steps; those of the rule come with the worst.
    """
    names = {
        t for by in trained.values() for t in by if all(t in other for other in trained.values())
    }
    best = {where: min(by[f"noise {noise}"] for noise in NOISES) for where, by in trained.items()}
    fixed = {t: _geometric(by[t] / best[w] for w, by in trained.items()) for t in sorted(names)}
    rule = {}
    for steps in HORIZONS:
        ratios = [
            by[best_noise(of_step, where[0], where[1] * steps)] / best[where]
            for where, by in trained.items()
        ]
        rule[steps] = _geometric(ratios), max(ratios)
    return fixed, rule


def _geometric(values: Iterable[float]) -> float:
    return exp(float(np.mean([log(value) for value in values])))


def summary() -> list[str]:
    fixed, rule = regrets(losses(origin.read(TRAINING)), mean_errors(origin.read(ERRORS)))
    lines = ["loss after training, times that of the best noise of each cell (geometric mean)"]
    lines += [
        f"  {table:14} {times:6.3f}" for table, times in sorted(fixed.items(), key=lambda x: x[1])
    ]
    lines += ["the rule of polyest.recommendation, by its STEPS: mean, worst"]
    return lines + [
        f"  {steps:4} {mean:6.3f} {worst:6.3f}" for steps, (mean, worst) in rule.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="groups of 4, to standard output")
    parser.add_argument("--summary", action="store_true", help="what follows from the files")
    given = parser.parse_args()
    if given.quick:
        print(
            origin.written(errors((4,)), PACKAGES),
            origin.written(cell(cells((4,), (1,), (10,))[0]), PACKAGES),
            sep="\n",
            end="",
        )
        return
    if not given.summary:
        origin.write(errors(GROUPS), PACKAGES, ERRORS)
        contest.measured(TRAINING, PACKAGES, cells(GROUPS, TRAINED, LENGTHS), cell)
    print("\n".join(summary()))


if __name__ == "__main__":
    main()
