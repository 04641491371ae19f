"""A consensus without labels of two wordings that each have a habit of their own.

    python benchmarks/consensus.py             # every run not yet in results/, then both files
    python benchmarks/consensus.py --quick     # two short runs of each arm, to standard output

A question is one of 32 numbers, its answer another number.  A small transformer (stack.py) was taught to
answer it rightly with probability s in both wordings; else the one wording copies the number, the other
takes its complement, and 2 % of its answers are any others.  It is then trained without labels on
orbits of the two wordings.  The geometric mean of the two distributions has its mode at the truth, the only
answer that both give, and the arms estimate its log: half the log nu of the own group, half that of the
other wording's.  There an answer may not have been seen at all:

    log              log(max(X, 1/2)/G), the floor that trainers use; log(X/G) in the own group
    floor f          the same with f = .1, .02 or 1e-6 in place of 1/2
    pseudo-count, schuermann, noise r, monotone, concave
                     their tables (arms.py): K = G - 2 in the own group, K = G in the other
    true log         the logs themselves, from the distributions

    mode             1 for the mode of the orbit's answers
    pairwise         mean agreement with those of the orbit
    arithmetic       log of the arithmetic mean by the stratified table at noise 8, or of X/(2 G)

are controls, whose consensus is another.  Nothing stands beside the rewards, so that a multiplier does no
more than a rate, and the rate is tuned alone, on the TUNING seeds by greedy accuracy.  The rows are of the
SEEDS, with and without division by the standard deviation (of the text's group; mode and pairwise: of the
orbit).  The core is s = .18 and groups of 8 and 16; s = .15 and .25 run the arms of CARRIED with the
rates of the core.

    greedy           share of questions and wordings whose most likely answer is right; *_pm as everywhere
    habit            share whose most likely answer is a copy or a complement
    truth            mean probability of the right answer

results/consensus_runs.csv has a line for every run, and a benchmark that was killed goes on from it.
results/consensus.csv has one for every setting and arm.
"""

import argparse
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import inf
from pathlib import Path
from time import perf_counter

import numpy as np
import origin
import torch
from arms import ADVANTAGES, TABLES
from runs import Key, Row, Runs
from stack import Adam, Policy, Stack, chosen, drawn, seeded, supervised
from torch import Tensor
from tuning import Choice, summary, tuned

from polyest import counts, grpo, rewards
from polyest.arrays import Floats

FOLDER = Path(__file__).parent / "results"
RUNS, FILE = FOLDER / "consensus_runs.csv", FOLDER / "consensus.csv"
PACKAGES = ("polyest", "numpy", "torch")
SEEDS, TUNING = range(6), range(6, 8)
RATES = (1e-4, 3e-4, 1e-3)
NUMBERS, OTHERS = 32, 0.02
LETTERS = 2 + NUMBERS  # wordings, numbers
SHARE, SHARES, GROUPS = 0.18, (0.15, 0.25), (8, 16)
FLOORS = {"log": 0.5, "floor .1": 0.1, "floor .02": 0.02, "floor 1e-6": 1e-6}
TABULAR = (
    "pseudo-count",
    "schuermann",
    "noise 2",
    "noise 4",
    "noise 8",
    "noise 16",
    "monotone",
    "concave",
)
ARMS = (*FLOORS, *TABULAR, "true log", "mode", "pairwise", "arithmetic", "arithmetic, log")
OVER_ORBIT = ("mode", "pairwise")
CARRIED = ("log", "floor .1", "schuermann", "noise 4", "noise 8", "monotone", "true log")


@dataclass(frozen=True)
class Scale:
    """Sizes of the transformer and of its training."""

    width: int = 48
    layers: int = 2
    teaching: int = 300
    steps: int = 200
    orbits: int = 16
    device: str = "cpu"

    def __str__(self) -> str:
        return f"{self.width}-{self.layers}-{self.teaching}-{self.steps}-{self.orbits}"


LARGE = Scale(128, 4, 1000, 600, 16, "cuda")


@dataclass(frozen=True)
class Questions:
    """Prompts (numbers, wordings, 2), and answers: habits (wordings, numbers), truth (numbers,)."""

    prompts: Tensor
    habits: Tensor
    truth: Tensor


@cache
def questions(seed: int) -> Questions:
    """The truth is a random permutation that agrees with neither habit."""
    x = torch.arange(NUMBERS)
    habits = torch.stack([x, NUMBERS - 1 - x])
    chance = torch.Generator().manual_seed(seed)
    truth = torch.randperm(NUMBERS, generator=chance)
    while (truth == habits).any():
        truth = torch.randperm(NUMBERS, generator=chance)
    letters = torch.stack([2 + x.expand(2, -1), torch.arange(2)[:, None].expand(2, NUMBERS)], 2)
    return Questions(letters.transpose(0, 1), habits, truth)


def habitual(asked: Questions, share: float) -> Tensor:
    """Probabilities (numbers, wordings, answers) that are taught: truth, habit, and little of all others."""
    taught = torch.full((NUMBERS, 2, NUMBERS), OTHERS / (NUMBERS - 2))
    x = torch.arange(NUMBERS)
    for wording, habit in enumerate(asked.habits):
        taught[x, wording, habit] = 1 - share - OTHERS
        taught[x, wording, asked.truth] = share
    return taught


@cache
def bases(share: float, scale: Scale) -> Stack:
    """The transformers of all seeds, supervised side by side."""
    seeds = [*SEEDS, *TUNING]
    stack = seeded(seeds, LETTERS, NUMBERS, width=scale.width, layers=scale.layers)
    prompts = torch.stack([questions(seed).prompts.flatten(0, 1) for seed in seeds])
    aims = torch.stack([habitual(questions(seed), share).flatten(0, 1) for seed in seeds])
    free = torch.ones_like(aims, dtype=torch.bool)
    return supervised(stack, prompts, free, aims, scale.teaching, scale.device)


def geometric(own: Floats, other: Floats, answers: Tensor) -> Tensor:
    """Mean over the orbit of entries, of X - 1 others in the own group and of X in the other wordings."""
    seen = counts.across(answers)
    mine, theirs = (torch.tensor(entries, device=answers.device) for entries in (own, other))
    mine, theirs = mine[seen.index[..., 0]], theirs[seen.index[..., 1:]]
    return (mine + theirs.sum(-1)) / answers.shape[1]


def tables(arm: str, group: int) -> tuple[Floats, Floats]:
    """Entries for the own group, K = G - 2, and for a count of G independent draws."""
    if arm not in FLOORS:
        return TABLES[arm](group - 2), TABLES[arm](group)
    independent = np.log(np.maximum(np.arange(group + 1), FLOORS[arm]) / group)
    return TABLES["log"](group - 2), independent


def paid(arm: str, answers: Tensor, distributions: Tensor) -> Tensor:
    """Rewards (orbits, wordings, G); the distributions (orbits, wordings, answers) are for the true log."""
    if arm == "mode":
        return rewards.coherence(answers)
    if arm == "pairwise":
        return rewards.pairwise(answers)
    if arm == "arithmetic":
        return rewards.soft_consistency(answers)
    if arm == "arithmetic, log":
        times, _ = counts.occurrences(answers.flatten(1))
        return (times / answers[0].numel()).log().reshape(answers.shape).double()
    if arm == "true log":
        logs = distributions.double().clip(1e-300).log().mean(1)
        return logs.gather(1, answers.flatten(1)).reshape(answers.shape)
    return geometric(*tables(arm, answers.shape[2]), answers)


def centred(arm: str, advantage: str, given: Tensor) -> Tensor:
    """Advantages of rewards (orbits, wordings, G): over the orbit for a mode and for pairwise agreement."""
    rows = given.flatten(1) if arm in OVER_ORBIT else given.flatten(0, 1)
    return ADVANTAGES[advantage](rows).reshape(given.shape)


def measure(runs: list[Key], scale: Scale) -> list[Row]:
    """Train the runs side by side, all of one setting, arm and advantage; a row for each."""
    torch.set_num_threads(1)
    one, seeds = runs[0], [int(run["seed"]) for run in runs]
    arm, group, share = str(one["arm"]), int(one["group"]), float(one["share"])
    base = bases(share, scale)
    start = perf_counter()
    order = [*SEEDS, *TUNING]
    stack = chosen(base, torch.tensor([order.index(seed) for seed in seeds], device=scale.device))
    asked = torch.stack([questions(seed).prompts for seed in seeds]).to(scale.device)
    free = torch.ones(1, 1, NUMBERS, dtype=torch.bool, device=scale.device)
    chances = [torch.Generator().manual_seed(seed) for seed in seeds]
    each = torch.arange(len(seeds), device=scale.device)[:, None]

    def sampler(step: int) -> grpo.Traces:
        numbers = torch.stack(
            [torch.randperm(NUMBERS, generator=c)[: scale.orbits] for c in chances]
        )
        shape = (2 * scale.orbits, group)
        uniforms = torch.stack(
            [torch.rand(shape, generator=c, dtype=torch.float64) for c in chances]
        )
        prompts = asked[each, numbers.to(scale.device)].flatten(1, 2)
        with torch.no_grad():
            pi = stack.log_probabilities(prompts, free).exp()
        answers = drawn(pi, uniforms.to(scale.device))
        return grpo.Traces(
            (prompts, free, answers), answers.view(-1, 2, group), extra=pi.view(-1, 2, NUMBERS)
        )

    paces = torch.tensor([float(run["rate"]) for run in runs], device=scale.device)
    for _ in grpo.train(
        Policy(stack), sampler, lambda traces: paid(arm, traces.answers, traces.extra),
        grpo.Config(scale.steps, rate=1.0, norm=inf, decay=True),
        advantage=lambda given: centred(arm, str(one["advantage"]), given),
        optimizer=Adam(stack.parameters(), paces),
    ):  # fmt: skip
        pass
    with torch.no_grad():
        pi = (
            stack.log_probabilities(asked.flatten(1, 2), free)
            .exp()
            .view(*asked.shape[:3], -1)
            .cpu()
        )
    seconds = (perf_counter() - start) / len(runs)
    return [
        {**run, **measures(questions(seed), ended), "seconds": seconds}
        for run, seed, ended in zip(runs, seeds, pi, strict=True)
    ]


def measures(asked: Questions, pi: Tensor) -> Row:
    """What is measured of a policy pi (numbers, wordings, answers)."""
    likely, truth = pi.argmax(-1), asked.truth[:, None]
    copied = (likely[..., None] == asked.habits.T[:, None]).any(-1)
    return {
        "greedy": float((likely == truth).float().mean()),
        "habit": float(copied.float().mean()),
        "truth": float(pi.gather(-1, truth[..., None].expand(-1, 2, 1)).mean()),
    }


MEASURES = ("greedy", "habit", "truth")
COLUMNS = ("share", "group", "arm", "advantage", "scale", "rate", "seed")


def core() -> list[Key]:
    """The cells that are tuned: setting, arm and advantage."""
    names = product(GROUPS, ARMS, ADVANTAGES)
    return [{"share": SHARE, "group": G, "arm": arm, "advantage": a} for G, arm, a in names]


def results(runs: Runs, scale: Scale) -> list[Row]:
    """A row for every setting, arm and advantage."""
    cells = [{**cell, "scale": str(scale)} for cell in core()]
    choices, lines = dict[tuple[int, str, str], Choice](), list[Row]()

    def reported(cell: Key, choice: Choice, chosen: str, title: str) -> None:
        rows = runs.finished([{**cell, **choice.values, "seed": seed} for seed in SEEDS], title)
        line = {**cell, **choice.values, "chosen": chosen, "edge": choice.edge}
        lines.append(line | summary(rows, (*MEASURES, "seconds"), MEASURES))

    for i, cell in enumerate(cells, 1):
        title = f"core, {i} of {len(cells)}"
        choice = tuned(runs, cell, {"rate": RATES}, TUNING, "greedy", max, title)
        choices[int(cell["group"]), str(cell["arm"]), str(cell["advantage"])] = choice
        reported(cell, choice, "here", title)
    for (group, arm, advantage), choice in choices.items():
        for share in SHARES if arm in CARRIED else ():
            cell = {"share": share, "group": group, "arm": arm, "advantage": advantage}
            reported({**cell, "scale": str(scale)}, choice, "core", "other shares")
    return sorted(lines, key=lambda line: (line["share"] != SHARE, line["share"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="short runs, to standard output")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for the larger experiment")
    options = parser.parse_args()
    if options.quick:
        small = Scale(teaching=20, steps=2)
        key = {"share": 0.18, "group": 8, "advantage": "mean", "rate": 1e-3, "seed": 0}
        origin.write([measure([{**key, "arm": arm}], small)[0] for arm in ARMS], PACKAGES, None)
        return
    scale = LARGE if options.device == "cuda" else Scale(device=options.device)
    file, shown = (
        path.with_stem(f"{path.stem}_large") if scale is LARGE else path for path in (RUNS, FILE)
    )
    runs = Runs(file, COLUMNS, lambda some: measure(some, scale), PACKAGES, at_once=8)
    origin.write(results(runs, scale), PACKAGES, shown)


if __name__ == "__main__":
    main()
