"""A real language model is taught how often to give each answer: which estimate of the log trains it best?

    python benchmarks/calibration_smollm.py --model FOLDER              # every run not yet in results/
    python benchmarks/calibration_smollm.py --model FOLDER --only core  # a part: also --arms, --divided
    python benchmarks/calibration_smollm.py                             # the tables anew, from what was run
    python benchmarks/calibration_smollm.py --model FOLDER --quick      # two short runs, to standard output
    python benchmarks/calibration_smollm.py --model FOLDER --device cuda    # more layers, steps and groups

SmolLM2-135M-Instruct (smollm.py) answers prompts that have a closed list of answers of one token.  Every
prompt has a target Q (closed_prompts.py), and the reward is that of targeted exploration,

    log Q(z) - m e(X),      e an estimate of log nu(z) from the count X of z in the group, m the multiplier

with the estimates of arms.py (gini estimates nu itself, and m is its coefficient).  The group's mean is
subtracted from rewards, and in half of the runs the standard deviation is divided out as well.  The loss is
J = KL(nu, Q) + .01 KL(nu, base), averaged over prompts; all numbers are exact, by enumeration of the answers:

    kl, tv         KL(nu, Q) and total variation
    starved        Q of the answers with nu below Q/10
    kept           share of the answers with nu above Q/10
    held, held_kl  J and KL on the prompts that are held out

The multiplier of an arm is the one with the least J on the TUNING seeds (tuning.py): where that is the first
or the last of its grid, the grid grows once by a step, and `edge` says whether it still is.  Rows are
measured on SEEDS others, at m = 1 too, with 95 % intervals (Student's t).  Adam is blind to the size of a
loss, so one rate serves all: the best of RATES for log, noise 8 and the true log together, on the tuning
seeds.

    core           16 prompts, one group of 16 of each in a step
    128 groups     16 prompts, 8 groups of 16; multipliers of its own, and most arms
    G = 8          16 prompts, 2 groups of 8
    128 prompts    128 prompts, one group of 16
    diversity      the core with a uniform Q and a weight of .1 in place of .01, which is plain diversity:
                   KL(nu, uniform) is minus the entropy and a constant; multipliers of its own
    two tokens     10 prompts with two-digit answers, one group of 16

Settings beyond the core have its rate, its multipliers (`carried` is 1) if nothing else is said, and fewer
arms.

results/calibration_smollm_runs.csv has a line for every run, and a benchmark that was killed goes on from
it; results/calibration_smollm.csv has one for every arm, and
results/calibration_smollm_answers.csv what became of every answer in the core, mean over the seeds.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product
from pathlib import Path
from time import process_time

import arms
import closed_prompts
import numpy as np
import origin
import smollm
import torch
from adapters import MASKED, Paid, Stack, divergence, train
from asking import Asking, Setting, pose
from runs import Kept, Key, NotRun, Row, Runs, write_table
from torch import Tensor
from tuning import Choice, tuned
from tuning import summary as means

from polyest import advantages
from polyest.history.history import History

FOLDER = Path(__file__).parent / "results"
RUNS, FILE, ANSWERS = (FOLDER / f"calibration_smollm{end}.csv" for end in ("_runs", "", "_answers"))
PACKAGES = ("polyest", "numpy", "torch", "transformers")
COLUMNS = ("setting", "phase", "arm", "divided", "rate", "multiplier", "seed")
MEASURES = ("J", "kl", "tv", "starved", "kept", "held", "held_kl")
TOGETHER = 24  # runs of an arm that are trained side by side
TUNING, SEEDS = (100, 101), range(6)
RATES = (1e-3, 3e-3, 1e-2)
# The multipliers of every arm, in the order in which arms are run.
GRIDS: dict[str, tuple[float, ...]] = {
    "log": (1, 1.5, 2, 3, 4, 6),
    "schuermann": (1, 1.25, 1.5, 2, 3),
    "noise 8": (0.8, 1, 1.25, 1.5),
    "monotone": (0.8, 1, 1.25, 1.5),
    "true log": (0.8, 1, 1.25),
    "noise 4, visit": (0.8, 1, 1.25, 1.5),
    "pseudo-count": (0.8, 1, 1.25, 1.5, 2),
    "gini": (5, 10, 20, 40, 80),
    "noise 4": (0.8, 1, 1.25, 1.5),
    "noise 2": (1, 1.25, 1.5, 2),
    "noise 16": (0.8, 1, 1.25, 1.5),
    "concave": (0.8, 1, 1.25, 1.5),
    "monotone, visit": (0.8, 1, 1.25, 1.5),
    "noise 4, 2 visits": (1,),
    "noise 4, 4 visits": (1,),
}
# Arms of arms.py, each with any multiplier.
ARMS = {name: arms.Arm(table) for name, table in arms.TABLES.items()} | arms.SPLIT
ARMS |= {name: arms.ARMS[name] for name in ("noise 4, visit", "monotone, visit", "true log")}
ARMS |= {f"noise 4, {n} visits": arms.Arm(arms.TABLES["noise 4"], visits=n) for n in (2, 4)}
CARRIED = ("log", "schuermann", "noise 8", "monotone", "true log")
PEERS = ("noise 4", "noise 4, visit", "monotone, visit", "pseudo-count", "gini")
FAR = ("noise 4, 2 visits", "noise 4, 4 visits")
MORE = {"128 groups": PEERS + FAR, "G = 8": PEERS}  # what these settings run beside it
RATED = ("log", "noise 8", "true log")

CORE = Setting(closed_prompts.FAMILIES, 4, 8)
SETTINGS = {
    "core": CORE,
    "128 groups": replace(CORE, groups=8, own=True),
    "G = 8": replace(CORE, group=8, groups=2),
    "128 prompts": replace(CORE, each=24, held=16),
    "diversity": replace(CORE, kl=0.1, uniform=True, own=True),
    "two tokens": replace(CORE, families=closed_prompts.TWO_TOKENS, each=4, held=2),
}


def larger(setting: Setting) -> Setting:
    """The setting as a GPU runs it."""
    return replace(setting, upper=12, steps=1000, groups=4 * setting.groups)


def estimates(name: str) -> Paid:
    """What an arm takes for log nu of answers, (S, P, groups, G); a history is that of one training."""
    arm = ARMS[name]
    past = History(arm.visits, stable_ids=True) if arm.visits else None

    def counted(answers: Tensor, logs: Tensor, prompts: Tensor, step: int) -> Tensor:
        rows = answers.flatten(0, 2).cpu().numpy()
        names = np.arange(len(rows))  # every group of every prompt is visited again
        nu = logs.double().exp().flatten(0, 1).repeat_interleave(answers.shape[2], 0).cpu().numpy()
        known = arms.estimate(arm, rows, nu, past, names)
        if past is not None:
            past.record(rows, prompts=names)
        return torch.from_numpy(known).reshape(answers.shape)

    return counted


def rewards(arm: str, multipliers: Sequence[float], target: Tensor) -> Paid:
    """log Q(z) - m e of each member's answers."""
    estimate = estimates(arm)
    times = torch.tensor(multipliers, dtype=torch.float64)[:, None, None, None]

    def paid(answers: Tensor, logs: Tensor, prompts: Tensor, step: int) -> Tensor:
        wanted = target[prompts].expand(*logs.shape).gather(-1, answers.flatten(2))
        known = estimate(answers, logs, prompts, step).to(answers.device)
        return wanted.reshape(answers.shape).double() - times.to(answers.device) * known

    return paid


def measured(asking: Asking, logs: Tensor) -> list[Row]:
    """Exact numbers of each member's log nu (S, P, A), on the prompts trained on and on those held out."""
    there = asking.target > MASKED
    nu, Q = logs.exp(), asking.target.exp()
    kl = divergence(logs, asking.target)
    loss = kl + asking.kl * divergence(logs, asking.base)
    low = (nu < Q / 10) & there
    parts = {
        "J": loss,
        "kl": kl,
        "tv": (nu - Q).abs().sum(-1) / 2,
        "starved": (Q * low).sum(-1),
        "kept": 1 - low.sum(-1) / there.sum(-1),
        "held": loss,
        "held_kl": kl,
    }
    n = asking.trained
    means = {
        name: (part[:, n:] if name.startswith("held") else part[:, :n]).mean(1).tolist()
        for name, part in parts.items()
    }
    return [dict(zip(means, each, strict=True)) for each in zip(*means.values(), strict=True)]


def run(
    model: smollm.Model, asking: Asking, setting: Setting, runs: Sequence[Key]
) -> tuple[list[Row], Tensor]:
    """Rows of runs of one arm at one rate, trained side by side, and their log nu (S, P, A) in the end."""
    start = process_time()
    one, seeds = runs[0], [int(each["seed"]) for each in runs]
    stack = Stack(model, setting.upper, seeds)
    trained = torch.arange(asking.trained, device=model.device)
    multipliers = [float(each["multiplier"]) for each in runs]
    train(
        stack,
        asking.read.of(trained),
        asking.base[trained],
        rewards(str(one["arm"]), multipliers, asking.target[trained]),
        advantages.standardised if one["divided"] else advantages.group_mean,
        setting.at(float(one["rate"])),
        seeds,
    )
    with torch.no_grad():
        logs = stack(asking.read)
    seconds = round((process_time() - start) / len(seeds), 2)
    rows = [
        {**each, "steps": setting.steps, **numbers, "seconds": seconds}
        for each, numbers in zip(runs, measured(asking, logs), strict=True)
    ]
    return rows, logs


def keys(
    setting: str, phase: str, arm: str, divided: bool, rate: float, multipliers: Iterable[float]
) -> list[Key]:
    """The runs of an arm with some multipliers, on the seeds of a phase: rate, tune or report."""
    cell: Key = {
        "setting": setting,
        "phase": phase,
        "arm": arm,
        "divided": int(divided),
        "rate": rate,
    }
    seeds = SEEDS if phase == "report" else TUNING
    return [{**cell, "multiplier": m, "seed": seed} for m, seed in product(multipliers, seeds)]


class Experiment:
    """What is chosen and reported, from the file of the runs; what is missing is run if there is a model."""

    def __init__(self, folder: Path | None, device: str, file: Path | None) -> None:
        self.folder, self.device = folder, device
        measure = None if folder is None else self.measure
        self.runs = Runs(file, COLUMNS, measure, PACKAGES, at_once=TOGETHER)
        self._posed: dict[str, Asking] = {}

    @cached_property
    def model(self) -> smollm.Model:
        return smollm.load(self.folder, self.device)

    def asking(self, name: str) -> Asking:
        if name not in self._posed:
            self._posed[name] = pose(self.model, self.folder, SETTINGS[name])
        return self._posed[name]

    def measure(self, runs: list[Key]) -> list[Row]:
        name = str(runs[0]["setting"])
        rows, _ = run(self.model, self.asking(name), SETTINGS[name], runs)
        return rows

    @cached_property
    def rate(self) -> float:
        """The best rate of the core for all arms together: least geometric mean of J."""

        def level(rate: float) -> float:
            each = [
                self.runs.finished(keys("core", "rate", arm, False, rate, (1.0,)), "rates")
                for arm in RATED
            ]
            return float(
                np.mean([np.log([float(row["J"]) for row in rows]).mean() for rows in each])
            )

        return min(RATES, key=level)

    def tuned(self, name: str, arm: str, divided: bool, title: str = "") -> Choice:
        """The best multiplier of an arm for a setting."""
        home = name if SETTINGS[name].own else "core"
        cell: Key = {"setting": home, "phase": "tune", "arm": arm, "divided": int(divided)}
        cell["rate"] = self.rate
        return tuned(self.runs, cell, {"multiplier": GRIDS[arm]}, TUNING, "J", min, title)

    def reported(self, name: str, arm: str, divided: bool, title: str = "") -> list[Kept]:
        """Rows of an arm on the reported seeds, at its multiplier and, if it means something there, at 1."""
        of = arm.removeprefix("mean of ")
        chosen = self.tuned(name, of, divided, title).values["multiplier"]
        both = (chosen,) if of == "gini" else dict.fromkeys((1.0, float(chosen)))
        return self.runs.finished(keys(name, "report", arm, divided, self.rate, both), title)


def plan(names: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
    """Reported arms in order: the core without and with the standard deviation, then other settings."""
    for name in names:
        run = [*GRIDS, *arms.SPLIT] if name == "core" else [*CARRIED, *MORE.get(name, ())]
        for divided in (False, True):
            yield from ((name, arm, divided) for arm in run)


def summary(experiment: Experiment, names: Sequence[str]) -> list[Row]:
    """A row for every setting, arm, division and multiplier whose runs are all in the file."""
    lines: list[Row] = []
    for name, arm, divided in plan(names):
        try:
            choice = experiment.tuned(name, arm.removeprefix("mean of "), divided)
            rows = experiment.reported(name, arm, divided)
        except NotRun:
            print(f"{name}, {arm}, divided {int(divided)}: not run", file=sys.stderr)
            continue
        for multiplier in dict.fromkeys(float(row["multiplier"]) for row in rows):
            mine = [row for row in rows if float(row["multiplier"]) == multiplier]
            best = multiplier == choice.values["multiplier"]
            line: Row = {"setting": name, "arm": arm, "divided": int(divided)}
            line |= {"rate": experiment.rate, "multiplier": multiplier, "tuned": int(best)}
            line |= {
                "edge": int(best and bool(choice.edge)),
                "carried": int(name != "core" and not SETTINGS[name].own),
            }
            lines.append(line | means(mine, (*MEASURES, "seconds"), MEASURES))
    return lines


def floor(name: str) -> float | str:
    """e^(c_0), the least probability that an arm of the core can express; nothing for the true log."""
    if name == "true log":
        return ""
    return float(np.exp(arms.entries_of(ARMS[name], CORE.group - 2)[0]))


def fates(experiment: Experiment) -> list[Row]:
    """What became of every answer in the core at m = 1, without the standard deviation.

    nu is the mean over the seeds.  These are reported runs once more, as their rows have no room for
    every answer.
    """
    asking, lines = experiment.asking("core"), list[Row]()
    for arm in CARRIED:
        again = keys("core", "report", arm, False, experiment.rate, (1.0,))
        _, logs = run(experiment.model, asking, SETTINGS["core"], again)
        nu, Q = logs.double().exp().mean(0), asking.target.double().exp()
        for i, one in enumerate(asking.asked[: asking.trained]):
            for z, answer in enumerate(one.answers):
                line: Row = {"arm": arm, "floor": floor(arm), "prompt": i, "answer": answer}
                base = float(asking.base[i, z].exp())
                lines.append({**line, "Q": float(Q[i, z]), "base": base, "nu": float(nu[i, z])})
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, help="folder of smollm.py; without it nothing is run")
    parser.add_argument(
        "--only", nargs="+", choices=SETTINGS, default=[*SETTINGS], metavar="SETTING"
    )
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=[*ARMS], metavar="ARM")
    parser.add_argument("--divided", nargs="+", choices=(0, 1), type=int, default=(0, 1))
    parser.add_argument("--quick", action="store_true", help="two short runs, to standard output")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for the larger experiment")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.quick:
        SETTINGS["core"] = replace(CORE, steps=3)
        short = keys("core", "tune", "noise 8", False, 1e-3, (1.0,))
        origin.write(Experiment(given.model, given.device, None).measure(short), PACKAGES, None)
        return
    files = [RUNS, FILE, ANSWERS]
    if given.device == "cuda":
        files = [file.with_stem(f"{file.stem}_large") for file in files]
        SETTINGS.update({name: larger(setting) for name, setting in SETTINGS.items()})
    if given.model is not None:
        experiment = Experiment(given.model, given.device, files[0])
        asked = [
            (name, arm, divided)
            for name, arm, divided in plan(given.only)
            if arm in given.arms and divided in given.divided
        ]
        for i, (name, arm, divided) in enumerate(asked, 1):
            experiment.reported(name, arm, divided, f"{name}, {i} of {len(asked)} arms")
        if "core" in given.only and not files[2].exists():  # else it is of the same runs
            origin.write(fates(experiment), PACKAGES, files[2])
    write_table(summary(Experiment(None, "cpu", files[0]), [*SETTINGS]), PACKAGES, files[1])


if __name__ == "__main__":
    main()
