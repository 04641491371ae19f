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
reward log q - table, whose optimum is q itself, with q each of those shapes.  A step averages the gradients
of `prompts` groups, each minus its group mean.  The logits start from a standard normal, and the learning
rate falls linearly to 0.  Each table has the best of nine learning rates in each cell, which is the least
one where training ends worse than it started.  `loss` is KL(policy || q) at the end, the mean over seeds,
with its standard error.  All groups answer the same prompt, because biases add up where prompts are alike.
"""

import argparse
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from math import exp, log
from pathlib import Path

import numpy as np
import origin

import polyest
from polyest import closed_forms
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
RATES = (0.016, 0.031, 0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
SEEDS = 8
PACKAGES = ("polyest", "numpy", "scipy", "python-flint")
HORIZONS = (1, 2, 4, 8, 16, 32, 64, 128)

Row = dict[str, object]


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


def trained(
    aim: np.ndarray, rewards: np.ndarray, prompts: int, steps: int, rate: float, seed: int
) -> np.ndarray:
    """KL(policy || aim) after training, for each of SEEDS policies."""
    rng, G = np.random.default_rng(seed), rewards.size
    value, table = np.log(aim), np.append(0.0, rewards)
    logits = rng.normal(size=(SEEDS, aim.size))
    for step in range(steps):
        policy = softmax(logits)
        # The counts have the shape (seeds, prompts, answers).
        n = rng.multinomial(G, np.repeat(policy[:, None], prompts, 1))
        reward = value - table[n]
        advantage = reward - (n * reward).sum(2, keepdims=True) / G
        gradient = (n * advantage).mean(1) / G
        logits += rate * (1 - step / steps) * aim.size * gradient
    policy = softmax(logits)
    return (policy * (np.log(np.maximum(policy, 1e-300)) - value)).sum(1)


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


def cell(where: tuple[str, int, int, int]) -> list[Row]:
    """Rows of every table for one shape, group, number of prompts and of steps."""
    shape, group, prompts, steps = where
    aim = np.repeat(ANSWERS[shape].p, ANSWERS[shape].times)
    lines = []
    for name, rewards in tables(group, group - 2).items():
        if name == "minimax" and group > 8:
            continue  # the minimax table diverges there
        losses = [trained(aim, rewards, prompts, steps, rate, group) for rate in RATES]
        best = int(np.argmin([loss.mean() for loss in losses]))
        row: Row = {"answers": shape, "group": group, "prompts": prompts, "steps": steps}
        spread = losses[best].std(ddof=1) / SEEDS**0.5
        lines.append(
            {
                **row,
                "table": name,
                "rate": RATES[best],
                "loss": losses[best].mean(),
                "standard_error": spread,
            }
        )
    return lines


def training(groups: Iterable[int], prompts: Iterable[int], lengths: Iterable[int]) -> list[Row]:
    cells = [c for c in product(ANSWERS, groups, prompts, lengths) if c[2] * c[3] <= MOST]
    cells.sort(key=lambda c: -c[2] * c[3])
    lines: list[Row] = []
    with ProcessPoolExecutor() as pool:
        for done, rows in enumerate(pool.map(cell, cells), 1):
            lines += rows
            print(f"training: {done} of {len(cells)}", file=sys.stderr)
    return sorted(
        lines, key=lambda r: (r["group"], r["prompts"], r["steps"], r["answers"], r["table"])
    )


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
            origin.written(training((4,), (1,), (10,)), PACKAGES),
            sep="\n",
            end="",
        )
        return
    if not given.summary:
        origin.write(errors(GROUPS), PACKAGES, ERRORS)
        origin.write(training(GROUPS, TRAINED, LENGTHS), PACKAGES, TRAINING)
    print("\n".join(summary()))


if __name__ == "__main__":
    main()
