"""How much variance a reward table should have: exact errors of one step, and policies trained with each.

    python benchmarks/noise.py              # results/noise_{errors,training}.csv, 10 minutes on two cores
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
from polyest.gradients import BASELINES
from polyest.recommendation import ANSWERS, error

FOLDER = Path(__file__).parent / "results"
ERRORS, TRAINING = FOLDER / "noise_errors.csv", FOLDER / "noise_training.csv"
GROUPS = (4, 8, 16, 32, 64)
PROMPTS = (1, 4, 16, 64, 128, 512)
TRAINED = (1, 4, 16, 64, 256)  # prompts in a step
LENGTHS = (50, 200)  # steps
MOST = 256 * 50  # most groups in one training, to limit the time
RATES = -3, 7  # exponents of 2
PACKAGES = ("polyest", "numpy", "numba")
CELL = ("answers", "group", "prompts", "steps", "divided")
OTHERS = {  # beside the arms of arms.py
    "jackknife": Arm(lambda K: closed_forms.jackknife(K).coefficients),
    "squared-error": Arm(lambda K: polyest.load(K, criterion="squared-error").coefficients),
    "variance 8": Arm(lambda K: polyest.load(K, criterion="variance", noise=8).coefficients),
    "noise 1": Arm(lambda K: polyest.load(K, noise=1).coefficients),
}


def tables(group: int, K: int) -> dict[str, Floats]:
    """Rewards u_1..u_G by arm, for counts with K draws beside the own completion."""
    entries = {
        name: arms.entries_of(arm, K) for name, arm in (arms.ARMS | OTHERS).items() if plain(arm)
    }
    entries["log"] = closed_forms.log_count(group - 1).coefficients  # log(X/G) with any baseline
    return {name: c[np.minimum(np.arange(group), len(c) - 1)] for name, c in entries.items()}


def plain(arm: Arm) -> bool:
    """Whether an arm is one table, with nothing to choose."""
    return arm.entries is not None and not arm.visits and arm.multipliers == (1.0,)


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


def mean_errors(rows: list[dict[str, str]]) -> dict[tuple[int, str], tuple[float, float]]:
    """Mean square bias, and noise of one group, over the shapes, by group and table, under a group mean."""
    by_table: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for row in rows:
        if row["baseline"] == "group-mean":
            pair = float(row["bias"]) ** 2, float(row["noise"]) ** 2
            by_table.setdefault((int(row["group"]), row["table"]), []).append(pair)
    return {key: tuple(np.mean(pairs, axis=0)) for key, pairs in by_table.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="groups of 4, to standard output")
    given = parser.parse_args()
    if given.quick:
        print(
            origin.written(errors((4,)), PACKAGES),
            origin.written(cell(cells((4,), (1,), (10,))[0]), PACKAGES),
            sep="\n",
            end="",
        )
        return
    origin.write(errors(GROUPS), PACKAGES, ERRORS)
    contest.measured(TRAINING, PACKAGES, cells(GROUPS, TRAINED, LENGTHS), cell)


if __name__ == "__main__":
    main()
