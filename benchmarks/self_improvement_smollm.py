"""A real language model gets better at sums without labels: rewards for agreeing with its other wordings.

    python benchmarks/self_improvement_smollm.py --model FOLDER           # every run not yet in results/
    python benchmarks/self_improvement_smollm.py                          # the table anew, from what was run
    python benchmarks/self_improvement_smollm.py --model FOLDER --quick   # two short runs, to standard output
    python benchmarks/self_improvement_smollm.py --model FOLDER --device cuda    # larger groups, more steps

SmolLM2-135M-Instruct (smollm.py) is asked for sums and differences of two digits, in four wordings, with the
numbers 0 to 18 as the closed list of answers.  It is trained on TRAINED of the 126 questions without their
results, and measured on these, as where a model is trained on what it is asked, and on the others (held).
An orbit is the four wordings of a question; the methods are those of self_improvement.py, where they are
explained: `mode`, `soft, ...`, `geometric, ...`, `pairwise`, `own mode` and, as no peer, `labels`.  Each is
run with the mean subtracted and with the standard deviation divided out as well (`divided`), both of a
text's group, or of the orbit for `mode` and `pairwise`, as in the paper.  A step has QUESTIONS orbits with a
group of 16 of each wording; KL .02 to the base.  Nothing stands beside these rewards, so that a multiplier
of one is a rate: the rate of each method is the best of RATES by mean greedy accuracy on the TUNING seeds
(tuning.py); SEEDS others are reported.

    greedy, greedy_i    share of the questions whose most probable answer is right, over all wordings and in
                        each, after training, and before it
    right               probability of the right answer, mean
    commonest           share of the prompts that get the commonest answer

results/self_improvement_smollm_runs.csv has a line for every run, and a benchmark that was killed goes on
from it; results/self_improvement_smollm.csv has the means of every method with 95 % intervals (Student's t).
The recipe for a model of 7 billion parameters, which was not run, is in docs/experiments.md.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby, product
from pathlib import Path
from time import process_time
from typing import NamedTuple

import origin
import smollm
import torch
from adapters import Settings, Stack, train
from runs import Key, NotRun, Row, Runs, write_table
from self_improvement import METHODS
from torch import Tensor
from tuning import summary as means
from tuning import tuned

from polyest import advantages

FOLDER = Path(__file__).parent / "results"
RUNS, FILE = (FOLDER / f"self_improvement_smollm{end}.csv" for end in ("_runs", ""))
PACKAGES = ("polyest", "numpy", "torch", "transformers")
COLUMNS = ("setting", "phase", "arm", "divided", "rate", "multiplier", "seed")
OVER_ORBIT = ("mode", "pairwise")
# What is asked, and how the assistant's turn begins.
WORDINGS = (
    ("What is {a} {sign} {b}?", "{a} {sign} {b} ="),
    ("Calculate {a} {word} {b}.", "{a} {word} {b} is"),
    ("Compute {a}{sign}{b}.", "{a}{sign}{b}="),
    ("How much is {a} {word} {b}?", "{a} {sign} {b} equals"),
)
MEMBERS, QUESTIONS, TRAINED = len(WORDINGS), 4, 40
TUNING, SEEDS = (100, 101), range(4)
RATES = (1e-4, 3e-4, 1e-3)
UPPER = 4
MEASURES = ("greedy", "right", "held_greedy", "held_right")
SETTINGS = Settings(steps=100, rate=RATES[0], group=16, groups=1, kl=0.02)
LARGE = replace(SETTINGS, steps=400, group=32)


class Sum(NamedTuple):
    a: int
    sign: str
    b: int

    @property
    def result(self) -> int:
        """The result, 0 to 18, which is also the id of the answer.

        >>> Sum(9, "-", 4).result
        5
        """
        return self.a + self.b if self.sign == "+" else self.a - self.b

    def worded(self, text: str) -> str:
        word = "plus" if self.sign == "+" else "minus"
        return text.format(a=self.a, sign=self.sign, b=self.b, word=word)


class Asking(NamedTuple):
    """Orbit after orbit, those trained on first: what was read, log nu (P, A) before, and the results
    (orbits,)."""

    read: smollm.Read
    base: Tensor
    truth: Tensor


def questions() -> list[Sum]:
    """All sums and differences of two digits above 0 whose result is not negative, shuffled."""
    digits = range(1, 10)
    every = [
        Sum(a, sign, b) for a, sign, b in product(digits, "+-", digits) if sign == "+" or a >= b
    ]
    random.Random(0).shuffle(every)
    return every


def pose(model: smollm.Model, folder: Path, asked: Sequence[Sum]) -> Asking:
    """The model reads every question in every wording."""
    pairs = [(one.worded(text), one.worded(prefix)) for one in asked for text, prefix in WORDINGS]
    texts, prefixes = zip(*pairs, strict=True)
    numbers = [str(n) for n in range(19)]
    prompts = smollm.tokens(folder, texts, [numbers] * len(texts), prefixes)
    read = smollm.read(model, prompts, UPPER)
    with torch.no_grad():
        base = Stack(model, UPPER, [0])(read)[0]
    return Asking(read, base, torch.tensor([one.result for one in asked], device=base.device))


def measured(logs: Tensor, truth: Tensor) -> Row:
    """Numbers of log nu (P, A) over the orbits of P prompts."""
    given = logs.argmax(-1).reshape(-1, MEMBERS)
    shares = (given == truth[:, None]).double().mean(0).tolist()
    right = logs.gather(1, truth.repeat_interleave(MEMBERS)[:, None]).exp().mean()
    row: Row = {"greedy": sum(shares) / MEMBERS}
    row |= {f"greedy_{i}": share for i, share in enumerate(shares)}
    return row | {
        "right": float(right),
        "commonest": float(given.flatten().bincount().max() / given.numel()),
    }


def centred(method: str, divided: bool, given: Tensor) -> Tensor:
    """Advantages of rewards (orbits, wordings, G): over the orbit for the mode and pairwise agreement."""
    rows = given.flatten(1) if method in OVER_ORBIT else given.flatten(0, 1)
    made = advantages.standardised(rows) if divided else advantages.group_mean(rows)
    return made.reshape(given.shape)


def run(
    model: smollm.Model, asking: Asking, trained: int, settings: Settings, runs: Sequence[Key]
) -> list[Row]:
    """Rows of runs of one method; those of a rate are trained side by side."""
    lines: list[Row] = []
    for rate, some in groupby(runs, key=lambda one: float(one["rate"])):
        lines += at_one_rate(model, asking, trained, replace(settings, rate=rate), [*some])
    return lines


def at_one_rate(
    model: smollm.Model, asking: Asking, trained: int, settings: Settings, runs: Sequence[Key]
) -> list[Row]:
    start = process_time()
    method, divided = str(runs[0]["arm"]), bool(runs[0]["divided"])
    seeds, (reward, _) = [int(one["seed"]) for one in runs], METHODS[method]
    stack = Stack(model, UPPER, seeds)
    chance = torch.Generator().manual_seed(0)
    orders = [torch.randperm(trained, generator=chance)[:QUESTIONS] for _ in range(settings.steps)]
    device = asking.base.device

    def asked(step: int) -> Tensor:
        first = orders[step] * MEMBERS
        return (first[:, None] + torch.arange(MEMBERS)).flatten().to(device)

    def paid(answers: Tensor, logs: Tensor, prompts: Tensor, step: int) -> Tensor:
        truth = asking.truth[prompts[::MEMBERS] // MEMBERS].repeat(len(seeds))
        orbits = answers.reshape(-1, MEMBERS, settings.group).cpu()
        return torch.as_tensor(reward(orbits, truth.cpu())).reshape(answers.shape)

    def over(rewards: Tensor) -> Tensor:
        orbits = rewards.reshape(-1, MEMBERS, settings.group)
        return torch.as_tensor(centred(method, divided, orbits)).reshape(rewards.shape)

    train(stack, asking.read, asking.base, paid, over, settings, seeds, asked)
    with torch.no_grad():
        ends = stack(asking.read)
    before = compared(asking.base, asking.truth, trained, "before_")
    seconds = round((process_time() - start) / len(seeds), 2)
    return [
        {**one, **before, **compared(logs, asking.truth, trained), "seconds": seconds}
        for one, logs in zip(runs, ends, strict=True)
    ]


def compared(logs: Tensor, truth: Tensor, trained: int, when: str = "") -> Row:
    """Numbers of log nu on the questions trained on and, as held_..., on the others."""
    cut = trained * MEMBERS
    row = {f"{when}{name}": value for name, value in measured(logs[:cut], truth[:trained]).items()}
    held = measured(logs[cut:], truth[trained:])
    return row | {f"{when}held_{name}": value for name, value in held.items()}


def cell(method: str, divided: bool, phase: str) -> Key:
    """The columns of a run's key but rate and seed."""
    return {
        "setting": "sums",
        "phase": phase,
        "arm": method,
        "divided": int(divided),
        "multiplier": 1.0,
    }


def finished(runs: Runs, method: str, divided: bool, title: str = "") -> Row:
    """The row of a method, at its best rate."""
    tune, report = (cell(method, divided, phase) for phase in ("tune", "report"))
    choice = tuned(runs, tune, {"rate": RATES}, TUNING, "greedy", max, title)
    rows = runs.finished([{**report, **choice.values, "seed": seed} for seed in SEEDS], title)
    line: Row = {"method": method, "divided": int(divided), **choice.values}
    line["edge"] = int(bool(choice.edge))
    columns = [f"{when}{what}" for what in MEASURES for when in ("before_", "")]
    line |= means(rows, columns, columns)
    line |= means(rows, [f"{w}greedy_{i}" for i in range(MEMBERS) for w in ("before_", "")], ())
    return line | {"commonest": max(float(row["commonest"]) for row in rows)}


def ways() -> list[tuple[str, bool]]:
    """Every method with and without the standard deviation; those of the paper first."""
    return sorted(product(METHODS, (False, True)), key=lambda way: way[1] != (way[0] in OVER_ORBIT))


def summary(runs: Runs) -> list[Row]:
    """A row for every method that was run on all seeds."""
    lines: list[Row] = []
    for method, divided in ways():
        try:
            lines.append(finished(runs, method, divided))
        except NotRun:
            print(f"{method}, divided {int(divided)}: not run", file=sys.stderr)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, help="folder of smollm.py; without it nothing is run")
    parser.add_argument("--quick", action="store_true", help="two short runs, to standard output")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for the larger experiment")
    given = parser.parse_args()
    torch.set_num_threads(1)
    large = given.device == "cuda"
    settings = replace(SETTINGS, steps=2) if given.quick else LARGE if large else SETTINGS
    files = [file.with_stem(f"{file.stem}_large") if large else file for file in (RUNS, FILE)]
    measure = None
    if given.model is not None:
        model = smollm.load(given.model, given.device)
        asking = pose(model, given.model, questions()[:6] if given.quick else questions())
        trained = min(TRAINED, len(asking.truth) - 2)
        measure = partial(run, model, asking, trained, settings)
        if given.quick:
            one = cell("geometric, table", False, "tune") | {"rate": 1e-3}
            origin.write(measure([{**one, "seed": seed} for seed in TUNING]), PACKAGES, None)
            return
    runs = Runs(files[0], COLUMNS, measure, PACKAGES, at_once=len(RATES) * len(TUNING))
    if measure is not None:
        for i, (method, divided) in enumerate(ways(), 1):
            finished(runs, method, divided, f"sums, {i} of {len(ways())} methods")
    write_table(summary(runs), PACKAGES, files[1])


if __name__ == "__main__":
    main()
