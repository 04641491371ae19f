"""TRL's own GRPOTrainer on the small writer, beside the reference loop and the rewards that others use.

    python benchmarks/trl_run.py      # every run not yet in results/, then both files: extras trl, bench
    torchrun --nproc_per_node 2 benchmarks/trl_run.py --one REWARD RATE SEED    # one run, to standard output

The task is that of self_improvement.py: a pretrained writer, unlabeled questions in orbits of four texts,
and greedy accuracy on test questions.  Every run of a seed has the same writer and the same texts in the
same order, 100 steps of 16 texts with 16 completions, Adam at a rate falling to 0, rewards minus the mean
of a text's group, no KL, and gradients clipped at norm 1.

    trl          GRPOTrainer, scale_rewards="none", loss_type="dr_grpo", one process
    trl, 2       the same on two processes, groups counted over both
    loop         polyest.grpo

The rewards are the geometric mean over the orbit, with the plug-in log and with the table at noise 8 (sup
p Var at most 8 times that of log((X+1)/(K+1))), and rewards of other authors for a text's own group, from
their definitions:

    majority     1 for the mode of the group (TTRL)
    share        X/G (EMPO)
    harmonic     H_{X-1} - H_{G-2} (Zhang), 0 where all agree: the estimate of the log without its tail
    MaxRL        (r - mean)/mean of right and wrong answers; this uses labels and is no peer

The rate of a reward, in all ways of training, is the best of RATES by mean accuracy at the end on the
TUNING seeds, on one process; the rows are measured on SEEDS others.

    after N            greedy accuracy after N steps, mean over seeds
    after 100 pm       half the 95 % interval (Student's t) of the last
    less loop, pm      accuracy minus that of the loop with the same reward and seed, mean over the looks
                       after the first, and its interval
    step, paying       seconds of a step, and the share of them in the reward function
    waiting            share of the step in which processes wait for each other before the rewards

results/trl_run_runs.csv has a line for every run, and a benchmark that was killed continues from it.
results/trl_run.csv has one for every way and reward.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

import numpy as np
import origin
import torch
from datasets import Dataset
from hf_writer import as_model, tokenizer
from runs import Kept, Key, Row, Runs, mean_and_half_width
from self_improvement import Scale, Scored, divided, identified, measured, pretrained
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer
from word_problems import END, WORDINGS, orbit, parse
from writer import Writer, decode, encode

from polyest import advantages, gathering, grpo
from polyest import rewards as counted
from polyest.integrations import trl as paid

FOLDER = Path(__file__).parent / "results"
RUNS, FILE = FOLDER / "trl_run_runs.csv", FOLDER / "trl_run.csv"
PACKAGES = ("polyest", "numpy", "torch", "trl", "transformers")
STEPS, QUESTIONS, GROUP = 100, 4, 16
LOOKS = (0, 10, 25, 50, 75, STEPS)
RATES = (1e-5, 3e-5, 1e-4, 3e-4)
SEEDS, TUNING = range(5), range(8, 10)
MEMBERS = len(WORDINGS)

COLUMNS = ("way", "reward", "rate", "seed")


def number(text: str) -> int | None:
    """The last of the numbers written; None where anything else was written."""
    return parse(text + END)  # TRL removes the end


def majority(answers: list[int | None], truth: int) -> list[float]:
    """1 for the commonest answer, of which the first is taken in a tie, and 0 for the others."""
    counted = Counter(a for a in answers if a is not None).most_common(1)
    top = counted[0][0] if counted else None
    return [float(a is not None and a == top) for a in answers]


def share(answers: list[int | None], truth: int) -> list[float]:
    """Share of the group's completions that have the answer; 0 for no answer."""
    times = Counter(answers)
    return [0.0 if a is None else times[a] / len(answers) for a in answers]


def maxrl(answers: list[int | None], truth: int) -> list[float]:
    """(r - mean)/mean of right and wrong answers, 0 where none is right."""
    right = [float(a == truth) for a in answers]
    mean = sum(right) / len(right)
    return [(r - mean) / mean if mean else 0.0 for r in right]


class Own:
    """A reward from the answers and the truth of each group; groups are whole, on one process."""

    def __init__(self, pay: Callable[[list[int | None], int], list[float]]) -> None:
        self.pay, self.__name__ = pay, pay.__name__

    def __call__(self, completions: list[str], truth: list[int], **_: Any) -> list[float]:
        answers = [*map(number, completions)]
        starts = range(0, len(answers), GROUP)
        return [r for i in starts for r in self.pay(answers[i : i + GROUP], truth[i])]


# A completion without an answer is left out, as in the loop.
KEYWORDS: dict[str, Any] = {"kind": number, "num_generations": GROUP, "unanswered": "exclude"}
REWARDS: dict[str, Callable[[], Any]] = {
    "geometric, log": lambda: paid.soft_consistency(
        orbit_size=MEMBERS, mean="geometric", table="log_count", **KEYWORDS
    ),
    "geometric, table": lambda: paid.soft_consistency(
        orbit_size=MEMBERS, mean="geometric", **KEYWORDS
    ),
    "majority": lambda: Own(majority),
    "share": lambda: Own(share),
    "harmonic": lambda: paid.log_probability(table="harmonic", **KEYWORDS),
    "MaxRL": lambda: Own(maxrl),
}


class Timed:
    """A reward, the seconds that it took, and those that processes waited for each other before it."""

    def __init__(self, reward: Any) -> None:
        self.reward, self.__name__ = reward, reward.__name__
        self.seconds = self.waited = 0.0

    def __call__(self, **columns: Any) -> Any:
        came = perf_counter()
        if gathering.running():
            torch.distributed.barrier()
        start = perf_counter()
        rewards = self.reward(**columns)
        self.seconds += perf_counter() - start
        self.waited += start - came
        return rewards


class Looks(TrainerCallback):
    """Greedy accuracy after the steps of LOOKS, and the time that looking took."""

    def __init__(self, writer: Writer, seed: int) -> None:
        self.writer, self.test = writer, divided(seed).test
        self.accuracies: Row = {}
        self.seconds = 0.0

    def before(self) -> None:
        """The look before the first step, whose time is not among that of the steps."""
        self.after(0)
        self.seconds = 0.0

    def after(self, step: int) -> None:
        if step in LOOKS:
            start = perf_counter()
            self.accuracies[f"after {step}"] = measured(self.writer, self.test)["greedy"]
            self.seconds += perf_counter() - start

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.after(state.global_step)


def asked(seed: int) -> list[dict[str, Any]]:
    """The rows of all steps in order, the same for every way to train."""
    chance, rows = random.Random(seed), []
    for _ in range(STEPS):
        for question in chance.sample(divided(seed).unlabeled, QUESTIONS):
            for text in orbit(question, MEMBERS, chance):
                here = len(rows)
                rows.append(
                    {
                        "prompt": text,
                        "group_id": here,
                        "orbit_id": here // MEMBERS,
                        "truth": question.answer,
                    }
                )
    return rows


def in_trl(reward: str, rate: float, seed: int, processes: int) -> Row:
    writer = pretrained(seed, Scale())
    timed, looks = Timed(REWARDS[reward]()), Looks(writer, seed)
    looks.before()
    traces = QUESTIONS * MEMBERS * GROUP
    config = GRPOConfig(
        output_dir=tempfile.mkdtemp(), max_steps=STEPS, learning_rate=rate, lr_scheduler_type="linear",
        per_device_train_batch_size=traces // processes, num_generations=GROUP, max_completion_length=8,
        temperature=1.0, beta=0.0, scale_rewards="none", loss_type="dr_grpo", max_grad_norm=1.0,
        shuffle_dataset=False, report_to=[], save_strategy="no", logging_strategy="no", use_cpu=True,
        bf16=False, fp16=False, gradient_checkpointing=False, seed=seed, disable_tqdm=True,
    )  # fmt: skip
    trainer = GRPOTrainer(
        as_model(writer),
        timed,
        args=config,
        train_dataset=Dataset.from_list(asked(seed)),
        processing_class=tokenizer(),
        callbacks=[looks],
    )
    start = perf_counter()
    trainer.train()
    seconds = perf_counter() - start - looks.seconds
    shares = {"paying": timed.seconds / seconds, "waiting": timed.waited / seconds}
    return {**looks.accuracies, "step": seconds / STEPS, **shares}


def in_loop(reward: str, rate: float, seed: int) -> Row:
    """The reference loop on the same texts; of the rewards only the geometric ones."""
    writer, rows = pretrained(seed, Scale()), asked(seed)
    noise = torch.Generator().manual_seed(seed)
    table = {"table": "log_count"} if reward.endswith("log") else {}
    looks, spent = Looks(writer, seed), 0.0
    looks.before()

    def sampler(step: int) -> grpo.Traces:
        batch = rows[step * QUESTIONS * MEMBERS : (step + 1) * QUESTIONS * MEMBERS]
        prompts = encode([row["prompt"] for row in batch])
        traces = writer.sample(prompts, GROUP, generator=noise)
        ids = torch.tensor(identified(decode(traces.written)))
        return grpo.Traces(
            (prompts, traces.written), ids.reshape(QUESTIONS, MEMBERS, GROUP), traces.mask
        )

    def pay(traces: grpo.Traces) -> Any:
        nonlocal spent
        start = perf_counter()
        rewards = counted.soft_consistency(traces.answers, mean="geometric", dyadic=True, **table)
        spent += perf_counter() - start
        return rewards

    def over_text(given: Any) -> Any:
        return advantages.group_mean(given.flatten(0, 1)).reshape(given.shape)

    start = perf_counter()
    config = grpo.Config(STEPS, rate, decay=True)
    for record in grpo.train(Scored(writer), sampler, pay, config, advantage=over_text):
        looks.after(record.step + 1)
    seconds = perf_counter() - start - looks.seconds
    return {**looks.accuracies, "step": seconds / STEPS, "paying": spent / seconds, "waiting": 0.0}


def run(way: str, reward: str, rate: float, seed: int) -> Row:
    """One run; those of TRL in processes of their own."""
    if way == "loop":
        measures = in_loop(reward, rate, seed)
    else:
        processes = 2 if way == "trl, 2" else 1
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        ran = subprocess.run(
            [*command, f"--nproc_per_node={processes}", __file__, "--one", reward, str(rate), str(seed)],
            env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
        )  # fmt: skip
        if ran.returncode:
            raise SystemExit(f"{way}, {reward}, seed {seed}: {ran.stderr[-3000:]}")
        measures = json.loads(ran.stdout.splitlines()[-1])
    return {"way": way, "reward": reward, "rate": rate, "seed": seed, **measures}


def key(row: Key | Kept) -> tuple[str, str, float, int]:
    return str(row["way"]), str(row["reward"]), float(row["rate"]), int(row["seed"])


def finished(wanted: list[tuple[str, str, float, int]], at_once: int, file: Path) -> list[Kept]:
    """Rows of these runs; each that is not in the file is done and added to it as it ends."""

    def measure(part: list[Key]) -> list[Row]:
        return [run(*key(one)) for one in part]

    with ThreadPoolExecutor(at_once) as pool:
        runs = Runs(file, COLUMNS, measure, PACKAGES, pool=pool)
        return runs.finished([dict(zip(COLUMNS, one, strict=True)) for one in wanted])


def best_rates(done: list[Kept]) -> dict[str, float]:
    """The best rate of each reward on the tuning seeds."""

    def end(reward: str, rate: float) -> float:
        mine = [row for row in done if key(row)[:3] == ("trl", reward, rate)]
        return float(
            np.mean([float(r[f"after {STEPS}"]) for r in mine if int(r["seed"]) in TUNING])
        )

    return {reward: max(RATES, key=lambda rate: end(reward, rate)) for reward in REWARDS}


def ways(best: dict[str, float]) -> list[tuple[str, str, float]]:
    """The ways that are reported: all with the geometric rewards, one process with the others."""
    both = ("geometric, log", "geometric, table")
    pairs = [(way, reward) for reward in both for way in ("trl", "trl, 2", "loop")]
    pairs += [("trl", reward) for reward in REWARDS if reward not in both]
    return [(way, reward, best[reward]) for way, reward in pairs]


def summary(done: list[Kept], best: dict[str, float]) -> list[Row]:
    """A row for every way and reward."""
    runs = {key(row): row for row in done}
    curves = {
        one: np.array([[float(runs[*one, seed][f"after {n}"]) for n in LOOKS] for seed in SEEDS])
        for one in ways(best)
    }
    lines: list[Row] = []
    for (way, reward, rate), curve in curves.items():
        row: Row = {"way": way, "reward": reward, "rate": rate, "seeds": len(SEEDS)}
        row |= {f"after {n}": float(mean) for n, mean in zip(LOOKS, curve.mean(0), strict=True)}
        row[f"after {STEPS} pm"] = mean_and_half_width(curve[:, -1])[1]
        row |= {"less loop": "", "less loop pm": ""}
        if way != "loop" and ("loop", reward, rate) in curves:
            apart = (curve - curves["loop", reward, rate])[:, 1:].mean(1)
            row["less loop"], row["less loop pm"] = mean_and_half_width(apart)
        for name in ("step", "paying", "waiting"):
            row[name] = float(np.mean([float(runs[way, reward, rate, s][name]) for s in SEEDS]))
        lines.append(row)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--one", nargs=3, metavar=("REWARD", "RATE", "SEED"), help="one run of TRL, to stdout"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.one:
        reward, rate, seed = options.one
        row = in_trl(reward, float(rate), int(seed), int(os.environ.get("WORLD_SIZE", 1)))
        if os.environ.get("RANK", "0") == "0":
            print(json.dumps(row))
        if gathering.running():
            torch.distributed.destroy_process_group()  # else its threads abort a process that exits
        return
    for seed in (*TUNING, *SEEDS):
        pretrained(seed, Scale())  # before several runs need it at the same time
    tried = [("trl", *one) for one in product(REWARDS, RATES, TUNING)]
    best = best_rates(finished(tried, os.cpu_count() or 1, RUNS))
    # The runs follow one another, so that nothing else affects their times.
    done = finished([(*one, seed) for one in ways(best) for seed in SEEDS], 1, RUNS)
    origin.write(summary(done, best), PACKAGES, FILE)


if __name__ == "__main__":
    main()
