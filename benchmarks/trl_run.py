"""TRL's own GRPOTrainer on the small writer, beside the reference loop and the rewards that others use.

    python benchmarks/trl_run.py        # results/trl_run.csv, 25 minutes; needs the extra trl
    torchrun --nproc_per_node 2 benchmarks/trl_run.py --one REWARD SEED    # one run, to standard output

The task is that of self_improvement.py: a pretrained writer, unlabeled questions in orbits of four texts,
greedy accuracy on test questions.  Every run has the same writer, the same texts in the same order, 100
steps of 16 texts with 16 traces, Adam at 3e-5 falling to 0, rewards less the mean of a text's group, no KL,
gradients cut at norm 1.

    trl          GRPOTrainer, scale_rewards="none", loss_type="dr_grpo", one process
    trl, 2       the same on two processes, groups counted over both
    loop         polyest.grpo

Rewards: the geometric mean over the orbit with the log and with the table at noise 8; and, from their
definitions, what others pay a text's own group:

    majority     1 for the mode of the group (TTRL)
    share        X/G (EMPO)
    harmonic     H_{X-1} - H_K, the unbiased estimate of the log cut off
    MaxRL        (r - mean)/mean of right and wrong answers: labels, no peer of the others

    before, early, after    greedy accuracy at the start, after 25 steps, at the end; 95 % intervals
    step, paying            seconds of a step, and the share of it that the reward function takes
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

import hf_writer
import numpy as np
import origin
import torch
from datasets import Dataset
from self_improvement import Scale, Scored, divided, identified, measured, pretrained
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer
from word_problems import END, WORDINGS, orbit, parse
from writer import decode, encode

from polyest import advantages, grpo
from polyest import rewards as counted
from polyest.integrations import trl as paid
from polyest.sweeping import put

FILE = Path(__file__).parent / "results" / "trl_run.csv"
PACKAGES = ("polyest", "numpy", "torch", "trl", "transformers")
STEPS, QUESTIONS, GROUP, RATE = 100, 4, 16, 3e-5
MEMBERS = len(WORDINGS)
STUDENT = {2: 12.706, 3: 4.3027, 4: 3.1824, 5: 2.7764}  # 97.5 % quantiles of Student's t, by seeds

Row = dict[str, str | float | int]


def number(text: str) -> int | None:
    """The last of the numbers written; None where something else was."""
    return parse(text + END)  # TRL leaves the end out


class MaxRL:
    """(r - mean)/mean of a group of right and wrong answers, 0 where none is right."""

    __name__ = "MaxRL"

    def __call__(self, completions: list[str], truth: list[int], **_: Any) -> list[float]:
        right = np.array([number(t) == z for t, z in zip(completions, truth, strict=True)], float)
        groups = right.reshape(-1, GROUP)
        mean = groups.mean(1, keepdims=True)
        return list(np.divide(groups - mean, mean, out=0 * groups, where=mean > 0).reshape(-1))


KEYWORDS: dict[str, Any] = {"kind": number, "num_generations": GROUP}
REWARDS: dict[str, Callable[[], Any]] = {
    "geometric, log": lambda: paid.soft_consistency(
        orbit_size=MEMBERS, mean="geometric", table="log_count", **KEYWORDS
    ),
    "geometric, table": lambda: paid.soft_consistency(
        orbit_size=MEMBERS, mean="geometric", **KEYWORDS
    ),
    "majority": lambda: paid.coherence(orbit_size=1, **KEYWORDS),
    "share": lambda: paid.polynomial((0, 1), **KEYWORDS),
    "harmonic": lambda: paid.log_probability(table="harmonic", **KEYWORDS),
    "MaxRL": MaxRL,
}


class Timed:
    """A reward and the seconds that it took."""

    def __init__(self, reward: Any) -> None:
        self.reward, self.seconds, self.__name__ = reward, 0.0, reward.__name__

    def __call__(self, **columns: Any) -> Any:
        start = perf_counter()
        found = self.reward(**columns)
        self.seconds += perf_counter() - start
        return found


class Early(TrainerCallback):
    """Accuracy after a quarter of the steps, outside the time of training."""

    def __init__(self, look: Callable[[], float]) -> None:
        self.look, self.accuracy, self.seconds = look, 0.0, 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == STEPS // 4:
            start = perf_counter()
            self.accuracy = self.look()
            self.seconds = perf_counter() - start


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


def in_trl(reward: str, seed: int, processes: int) -> Row:
    writer = pretrained(seed, Scale())
    timed = Timed(REWARDS[reward]())

    def look() -> float:
        return float(measured(writer, divided(seed).test)["greedy"])

    before, early = look(), Early(look)
    traces = QUESTIONS * MEMBERS * GROUP
    config = GRPOConfig(
        output_dir=tempfile.mkdtemp(), max_steps=STEPS, learning_rate=RATE, lr_scheduler_type="linear",
        per_device_train_batch_size=traces // processes, num_generations=GROUP, max_completion_length=8,
        temperature=1.0, beta=0.0, scale_rewards="none", loss_type="dr_grpo", max_grad_norm=1.0,
        shuffle_dataset=False, report_to=[], save_strategy="no", logging_strategy="no", use_cpu=True,
        bf16=False, fp16=False, gradient_checkpointing=False, seed=seed, disable_tqdm=True,
    )  # fmt: skip
    trainer = GRPOTrainer(
        hf_writer.as_model(writer),
        timed,
        args=config,
        train_dataset=Dataset.from_list(asked(seed)),
        processing_class=hf_writer.tokenizer(),
        callbacks=[early],
    )
    start = perf_counter()
    trainer.train()
    seconds = perf_counter() - start - early.seconds
    return {
        "before": before,
        "early": early.accuracy,
        "after": look(),
        "step": seconds / STEPS,
        "paying": timed.seconds / seconds,
    }


def in_loop(reward: str, seed: int) -> Row:
    """The reference loop on the same texts; of the rewards only the geometric ones."""
    writer, rows = pretrained(seed, Scale()), asked(seed)
    noise = torch.Generator().manual_seed(seed)
    table = {"table": "log_count"} if reward.endswith("log") else {}
    spent = 0.0

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
        found = counted.soft_consistency(traces.answers, mean="geometric", dyadic=True, **table)
        spent += perf_counter() - start
        return found

    def over_text(given: Any) -> Any:
        return advantages.group_mean(given.flatten(0, 1)).reshape(given.shape)

    before, early, looking = measured(writer, divided(seed).test)["greedy"], 0.0, 0.0
    start = perf_counter()
    for record in grpo.train(
        Scored(writer), sampler, pay, grpo.Config(STEPS, RATE, decay=True), advantage=over_text
    ):
        if record.step + 1 == STEPS // 4:
            began = perf_counter()
            early = float(measured(writer, divided(seed).test)["greedy"])
            looking = perf_counter() - began
    seconds = perf_counter() - start - looking
    after = measured(writer, divided(seed).test)["greedy"]
    return {
        "before": before,
        "early": early,
        "after": after,
        "step": seconds / STEPS,
        "paying": spent / seconds,
    }


def launched(reward: str, seed: int, processes: int) -> Row:
    """A run of TRL in processes of its own."""
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        f"--nproc_per_node={processes}",
        "--standalone",
    ]
    ran = subprocess.run(
        [*command, __file__, "--one", reward, str(seed)],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: Row = json.loads(ran.stdout.splitlines()[-1])
    return found


def ways(seeds: int) -> list[tuple[str, str, int]]:
    both = ("geometric, log", "geometric, table")
    found = [(way, reward) for reward in both for way in ("trl", "trl, 2", "loop")]
    found += [("trl", reward) for reward in REWARDS if reward not in both]
    return [(way, reward, seed) for way, reward in found for seed in range(seeds)]


def rows(seeds: int) -> list[Row]:
    runs: dict[tuple[str, str], list[Row]] = {}
    todo = ways(seeds)
    for done, (way, reward, seed) in enumerate(todo, 1):
        row = (
            in_loop(reward, seed)
            if way == "loop"
            else launched(reward, seed, 2 if way == "trl, 2" else 1)
        )
        runs.setdefault((way, reward), []).append(row)
        print(f"{done} of {len(todo)}: {way}, {reward}, {seed}: {row}", file=sys.stderr)
    found: list[Row] = []
    for (way, reward), some in runs.items():
        made: Row = {"way": way, "reward": reward, "seeds": len(some)}
        for name in ("before", "early", "after", "step", "paying"):
            values = np.array([float(one[name]) for one in some])
            made[name] = float(values.mean())
            if name in ("early", "after"):
                made[f"{name}_pm"] = float(STUDENT[seeds] * values.std(ddof=1) / seeds**0.5)
        found.append(made)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3, choices=STUDENT)
    parser.add_argument(
        "--one", nargs=2, metavar=("REWARD", "SEED"), help="one run of TRL, to stdout"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.one:
        row = in_trl(options.one[0], int(options.one[1]), int(os.environ.get("WORLD_SIZE", 1)))
        if os.environ.get("RANK", "0") == "0":
            print(json.dumps(row))
    else:
        put(origin.written(rows(options.seeds), PACKAGES).encode(), FILE)


if __name__ == "__main__":
    main()
