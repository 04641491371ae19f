"""A real language model gets better at sums without labels: rewards for agreeing with its other wordings.

    python benchmarks/self_improvement_smollm.py --model FOLDER           # every cell not yet in results/
    python benchmarks/self_improvement_smollm.py                          # the table anew, from what was run
    python benchmarks/self_improvement_smollm.py --model FOLDER --quick   # one short cell, to standard output

SmolLM2-135M-Instruct (smollm.py) is asked for sums and differences of two digits, in four wordings, with the
numbers 0 to 18 as the closed list of answers.  It is trained on TRAINED of the 126 questions without their
results, and measured on these, as where a model is trained on what it is asked, and on the others (held).
An orbit is the four wordings of a question; the methods are those of self_improvement.py, where they are
explained: `mode`, `soft, ...`, `geometric, ...`, `pairwise`, `own mode` and, as no peer, `labels`.  A step
has QUESTIONS orbits with a group of 16 of each wording; KL .02 to the base.  The rate of a method is the best
of RATES by mean greedy accuracy on the TUNING seeds; SEEDS others are reported.

    greedy, greedy_i    share of the questions whose most probable answer is right, over all wordings and in
                        each, after training, and before it
    right               probability of the right answer, mean
    commonest           share of the prompts that get the commonest answer

results/self_improvement_smollm_runs.csv has a line for every run; results/self_improvement_smollm.csv has
the means of every method with 95 % intervals (Student's t).

A model of 7 billion parameters on 8 GPUs: a recipe that was NOT RUN.  The reward takes milliseconds of a
step, so the time is that of any GRPO run: some 35 s a step and 3 hours in all, an estimate.

    TRL     GRPOConfig(num_generations=16, per_device_train_batch_size=8, gradient_accumulation_steps=8,
            steps_per_generation=8, max_completion_length=2048, learning_rate=1e-6, beta=0.0,
            scale_rewards="none", loss_type="dr_grpo", shuffle_dataset=False, use_vllm=True,
            vllm_mode="colocate", bf16=True, max_steps=300); the reward is
            polyest.integrations.trl.soft_consistency(orbit_size=4, mean="geometric", num_generations=16),
            rows of an orbit follow each other (docs/trl.md); accelerate launch with ZeRO-3, 8 processes
    verl    algorithm.adv_estimator=polyest_soft_consistency +algorithm.polyest.mean=geometric
            +algorithm.polyest.orbits=score +algorithm.polyest.orbit_size=4 (docs/verl.md)
            algorithm.norm_adv_by_std_in_grpo=false algorithm.use_kl_in_reward=false
            data.train_batch_size=32 data.max_response_length=2048 actor_rollout_ref.rollout.n=16
            actor_rollout_ref.actor.optim.lr=1e-6 actor_rollout_ref.actor.use_kl_loss=false
            trainer.n_gpus_per_node=8 trainer.total_training_steps=300
"""

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np
import origin
import smollm
import torch
from adapters import Settings, Stack, train
from cells import Cell, Results, Row, members, written
from self_improvement import METHODS
from torch import Tensor

FOLDER = Path(__file__).parent / "results"
RUNS, FILE = (FOLDER / f"self_improvement_smollm{end}.csv" for end in ("_runs", ""))
PACKAGES = ("polyest", "numpy", "torch", "transformers")
# What is asked, and how the assistant's turn begins.
WORDINGS = (
    ("What is {a} {sign} {b}?", "{a} {sign} {b} ="),
    ("Calculate {a} {word} {b}.", "{a} {word} {b} is"),
    ("Compute {a}{sign}{b}.", "{a}{sign}{b}="),
    ("How much is {a} {word} {b}?", "{a} {sign} {b} equals"),
)
MEMBERS, QUESTIONS, TRAINED = len(WORDINGS), 4, 40
TUNING, SEEDS = (100, 101), range(4)
STUDENT = 3.1824  # 97.5 % quantile of Student's t with 3 degrees of freedom
RATES = (1e-4, 3e-4, 1e-3)
UPPER = 4
MEASURES = ("greedy", "right", "held_greedy", "held_right")
SETTINGS = Settings(steps=100, rate=RATES[0], group=16, groups=1, kl=0.02)


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


def run(
    model: smollm.Model, asking: Asking, trained: int, settings: Settings, cell: Cell
) -> list[Row]:
    """Rows of a cell's members: a method, at its rate, with several seeds."""
    start = process_time()
    seeds = [seed for _, seed in cell.members]
    stack, (reward, centred) = Stack(model, UPPER, seeds), METHODS[cell.arm]
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
        return torch.as_tensor(centred(orbits)).reshape(rewards.shape)

    settings = replace(settings, rate=cell.rate)
    train(stack, asking.read, asking.base, paid, over, settings, seeds, asked)
    with torch.no_grad():
        ends = stack(asking.read)
    before = compared(asking.base, asking.truth, trained, "before_")
    seconds = round((process_time() - start) / len(seeds), 2)
    return [
        {**place, **before, **compared(logs, asking.truth, trained), "seconds": seconds}
        for place, logs in zip(cell.places(), ends, strict=True)
    ]


def compared(logs: Tensor, truth: Tensor, trained: int, when: str = "") -> Row:
    """Numbers of log nu on the questions trained on and, as held_..., on the others."""
    cut = trained * MEMBERS
    row = {f"{when}{name}": value for name, value in measured(logs[:cut], truth[:trained]).items()}
    held = measured(logs[cut:], truth[trained:])
    return row | {f"{when}held_{name}": value for name, value in held.items()}


def cell(method: str, rate: float, phase: str) -> Cell:
    seeds = TUNING if phase == "tune" else SEEDS
    return Cell("sums", phase, method, False, rate, members((1.0,), tuple(seeds)))


def best_rate(results: Results, method: str) -> float:
    """The rate with the best greedy accuracy on the tuning seeds."""

    def level(rate: float) -> float:
        return results.mean(cell(method, rate, "tune"), 1.0, "greedy")

    return max(RATES, key=level)


def summary(results: Results) -> list[Row]:
    """A row for every method that was run on all seeds."""
    lines: list[Row] = []
    for method in METHODS:
        if any(len(results.of(cell(method, rate, "tune"))) < len(TUNING) for rate in RATES):
            continue
        rate = best_rate(results, method)
        rows = results.of(cell(method, rate, "report"))
        if len(rows) < len(SEEDS):
            print(f"{method}: not run", file=sys.stderr)
            continue
        line: Row = {"method": method, "rate": rate, "seeds": len(rows)}
        line["edge"] = int(rate in (RATES[0], RATES[-1]))
        for name in (f"{when}{what}" for what in MEASURES for when in ("before_", "")):
            values = np.array([float(row[name]) for row in rows])
            line[name] = float(values.mean())
            line[f"{name}_pm"] = float(STUDENT * values.std(ddof=1) / len(values) ** 0.5)
        for i in range(MEMBERS):
            for name in (f"before_greedy_{i}", f"greedy_{i}"):
                line[name] = float(np.mean([float(row[name]) for row in rows]))
        line["commonest"] = max(float(row["commonest"]) for row in rows)
        lines.append(line)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, help="folder of smollm.py; without it nothing is run")
    parser.add_argument("--quick", action="store_true", help="one short cell, to standard output")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for larger batches")
    given = parser.parse_args()
    files, settings = [RUNS, FILE], SETTINGS
    if given.device == "cpu":
        torch.set_num_threads(1)
    else:
        files = [file.with_stem(f"{file.stem}_large") for file in files]
        settings = replace(settings, steps=400, group=32)
    results = Results(files[0], PACKAGES)
    if given.model is not None:
        model = smollm.load(given.model, given.device)
        if given.quick:
            asking = pose(model, given.model, questions()[:6])
            one = cell("geometric, table", 1e-3, "tune")
            origin.write(run(model, asking, 4, replace(settings, steps=2), one), PACKAGES, None)
            return
        asking = pose(model, given.model, questions())

        def finished(one: Cell) -> None:
            if len(results.of(one)) < len(one.members):
                results.add(run(model, asking, TRAINED, settings, one))
                print(*one.key(), results.mean(one, 1.0, "greedy"), file=sys.stderr)

        for method in METHODS:
            for rate in RATES:
                finished(cell(method, rate, "tune"))
            finished(cell(method, best_rate(results, method), "report"))
    written(summary(results), PACKAGES, files[1])


if __name__ == "__main__":
    main()
