"""Calibrated draws: a small transformer learns to draw numbers by the law that its prompt names.

    python benchmarks/calibration.py             # every run not yet in results/, then both files
    python benchmarks/calibration.py --core      # the core alone
    python benchmarks/calibration.py --quick     # two short runs of each arm, to standard output
    python benchmarks/calibration.py --device cuda    # wider, deeper, longer

A prompt names one of the laws Q(z) ~ 1/(1 + |z - c|) over the first 3, 7, 17, 31 or 61 numbers, c any of
them (laws.py).  The transformer was supervised to Q^1.5, a collapse towards the mode, and is rewarded with

    log Q(z) - m e(z)

for an answer z, where e is what the arm pays in place of log nu(z) (arms.py) and m its multiplier: with
log nu itself the policy gradient is that of -KL(nu, Q), which is 0 at nu = Q.  A fifth of the laws is held
out of the rewards.  In the variant "product" a completion is two digits and the answer their product, 37
answers of 100 completions, and -log pi of the completion is a further rival.  Completions are constrained
to the support of their law; all are enumerated, and every measure is exact.

The rules are in benchmarks/README.md.  The core is groups of 16 for 16 prompts a step of the variant
"number", every arm with and without division by the group's standard deviation: rates, and multipliers at
each rate, are chosen on the TUNING seeds by KL, and the rows are of the SEEDS.  The other settings run the
arms of `arms.CARRIED` with what was chosen in the core, and "product" tunes some of its own.

    kl, tv           mean over the laws of KL(nu, Q) and of the total variation; *_pm half the 95 % interval
    starved          mean of the mass Q of the answers with nu < Q/10
    alive            share of the answers with nu > Q/10
    held_out         KL of the laws that were held out; all other columns are of the others
    kl_0 .. kl_4     KL of the laws of each support

results/calibration_runs.csv has a line for every run, and a benchmark that was killed goes on from it.
results/calibration.csv has one for every setting and arm.
"""

import argparse
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import inf
from pathlib import Path
from time import perf_counter

import origin
import torch
from arms import ADVANTAGES, ARMS, CARRIED, SPLIT, Arm, estimate
from laws import Laws, taught
from runs import Kept, Key, Row, Runs
from stack import Adam, Policy, Stack, chosen, drawn
from torch import Tensor
from tuning import Choice, summary, tuned

from polyest import grpo
from polyest.history.history import History

FOLDER = Path(__file__).parent / "results"
RUNS, FILE = FOLDER / "calibration_runs.csv", FOLDER / "calibration.csv"
PACKAGES = ("polyest", "numpy", "torch")
SEEDS, TUNING = range(6), range(6, 8)
RATES = (1e-4, 3e-4, 1e-3)
LAWS = {
    "number": Laws(product=False, supports=(3, 7, 17, 31, 61)),
    "product": Laws(product=True, supports=(3, 7, 17, 31, 37)),
}


@dataclass(frozen=True)
class Scale:
    """Sizes of the transformer and of its training."""

    width: int = 32
    layers: int = 2
    teaching: int = 300
    steps: int = 300
    device: str = "cpu"

    def __str__(self) -> str:
        return f"{self.width}-{self.layers}-{self.teaching}-{self.steps}"


LARGE = Scale(128, 4, 2000, 1500, "cuda")


@cache
def bases(variant: str, scale: Scale) -> Stack:
    """The supervised transformers of all seeds, side by side."""
    seeds, sizes = [*SEEDS, *TUNING], {"width": scale.width, "layers": scale.layers}
    return taught(LAWS[variant], seeds, scale.teaching, scale.device, **sizes)


@dataclass(frozen=True)
class Drawn:
    """What rewards need of a batch beside the answers, each (copies prompts, ...)."""

    targets: Tensor  # log Q (., answers)
    distributions: Tensor  # nu (., answers)
    completions: Tensor  # log pi (., G) of the completions drawn


class Copies:
    """Runs side by side: their stack, what they draw and what they are paid.

    All have the same arm, advantage and setting; each its own seed, multiplier and rate.
    """

    def __init__(self, runs: list[Key], scale: Scale) -> None:
        one = runs[0]
        self.laws, self.arm = LAWS[str(one["variant"])], arm_of(str(one["arm"]))
        self.scale, self.seeds = scale, [int(run["seed"]) for run in runs]
        self.prompts, self.group = int(one["prompts"]), int(one["group"])
        seeds = [*SEEDS, *TUNING]
        base = bases(str(one["variant"]), scale)
        copies = torch.tensor([seeds.index(seed) for seed in self.seeds], device=scale.device)
        self.stack = chosen(base, copies)
        self.paces = self.tensor([float(run["rate"]) for run in runs])
        self.multipliers = self.tensor([float(run["multiplier"]) for run in runs])
        self.chances = [torch.Generator().manual_seed(seed) for seed in self.seeds]
        self.trained = [self.laws.trained(seed) for seed in self.seeds]
        self.history = History(self.arm.visits, stable_ids=True) if self.arm.visits else None
        self.all = {
            name: getattr(self.laws, name).to(scale.device)
            for name in ("prompts", "allowed", "Q", "answers")
        }

    def tensor(self, values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64, device=self.scale.device)

    def sample(self, step: int) -> grpo.Traces:
        laws = torch.stack(
            [
                mine[torch.randperm(len(mine), generator=chance)[: self.prompts]]
                for mine, chance in zip(self.trained, self.chances, strict=True)
            ]
        )
        uniforms = torch.stack(
            [
                torch.rand(self.prompts, self.group, generator=chance, dtype=torch.float64)
                for chance in self.chances
            ]
        ).to(self.scale.device)
        names = (laws + len(self.laws.names) * torch.arange(len(laws))[:, None]).flatten().tolist()
        laws = laws.to(self.scale.device)
        prompts, allowed = self.all["prompts"][laws], self.all["allowed"][laws]
        with torch.no_grad():
            logs = self.stack.log_probabilities(prompts, allowed)
        completions = drawn(logs.exp(), uniforms)
        with_Q = Drawn(
            self.all["Q"][laws].flatten(0, 1).log(),
            self.laws.summed(logs.exp()).flatten(0, 1),
            logs.gather(-1, completions).flatten(0, 1),
        )
        answers = self.all["answers"][completions].flatten(0, 1)
        return grpo.Traces((prompts, allowed, completions), answers, extra=with_Q, prompts=names)

    def rewards(self, traces: grpo.Traces) -> Tensor:
        """log Q - m e, as in the module."""
        batch: Drawn = traces.extra
        if self.arm is COMPLETION:
            paid = batch.completions.double()
        else:
            paid = estimate(
                self.arm, traces.answers, batch.distributions, self.history, traces.prompts
            )
        factors = self.multipliers.repeat_interleave(self.prompts)[:, None]
        return batch.targets.gather(1, traces.answers).double() - factors * paid

    def measures(self) -> list[Row]:
        """What is measured of each copy, of all laws."""
        with torch.no_grad():
            logs = self.stack.log_probabilities(
                *(self.all[x].expand(len(self.seeds), -1, -1) for x in ("prompts", "allowed"))
            )
        nu = self.laws.summed(logs.double().exp()).cpu()
        return [measured(self.laws, one, seed) for one, seed in zip(nu, self.seeds, strict=True)]


COMPLETION = Arm()  # log pi of the completion itself: the rival of "product"


def arm_of(name: str) -> Arm:
    """An arm by its name."""
    return COMPLETION if name == "log pi" else {**ARMS, **SPLIT}[name]


def measured(laws: Laws, nu: Tensor, seed: int) -> Row:
    """The measures of one policy, nu (laws, answers)."""
    Q, inside = laws.Q.double(), laws.Q > 0
    ratios = nu.clip(1e-300) / Q.clip(1e-300)
    kl = (nu * ratios.log()).sum(1)  # 0 log 0 is 0 here
    trained = torch.zeros(len(nu), dtype=torch.bool)
    trained[laws.trained(seed)] = True
    alive = (nu > Q / 10) & inside
    sizes = torch.tensor([n for n, _ in laws.names])
    return {
        "kl": float(kl[trained].mean()),
        "tv": float((nu - Q).abs().sum(1)[trained].mean() / 2),
        "starved": float((Q * ~alive).sum(1)[trained].mean()),
        "alive": float(alive[trained].sum() / inside[trained].sum()),
        "held_out": float(kl[~trained].mean()),
        **{
            f"kl_{i}": float(kl[trained & (sizes == n)].mean()) for i, n in enumerate(laws.supports)
        },
    }


def measure(runs: list[Key], scale: Scale) -> list[Row]:
    """Train the runs side by side; a row for each."""
    torch.set_num_threads(1)
    bases(str(runs[0]["variant"]), scale)  # whose time is not that of a run
    start = perf_counter()
    copies = Copies(runs, scale)
    before = copies.measures()
    optimizer = Adam(copies.stack.parameters(), copies.paces.float())
    config = grpo.Config(scale.steps, rate=1.0, norm=inf, decay=True)
    for _ in grpo.train(
        Policy(copies.stack),
        copies.sample,
        copies.rewards,
        config,
        advantage=ADVANTAGES[str(runs[0]["advantage"])],
        optimizer=optimizer,
        history=copies.history,
    ):
        pass
    seconds = (perf_counter() - start) / len(runs)
    return [
        {**run, "before": was["kl"], **now, "seconds": seconds}
        for run, was, now in zip(runs, before, copies.measures(), strict=True)
    ]


@dataclass(frozen=True)
class Setting:
    """What a part of the benchmark runs; carried: with what was chosen in the core."""

    variant: str
    group: int
    prompts: int
    arms: tuple[str, ...]
    carried: bool = False

    def cell(self, arm: str, advantage: str, scale: Scale) -> Key:
        """The columns of a run's key but rate, multiplier and seed."""
        return {
            "variant": self.variant,
            "group": self.group,
            "prompts": self.prompts,
            "scale": str(scale),
            "arm": arm,
            "advantage": advantage,
        }


CORE = Setting("number", 16, 16, (*ARMS, *SPLIT))
SETTINGS = (
    CORE,
    Setting("product", 16, 16, (*CARRIED, "schuermann, tuned", "log pi")),
    Setting("number", 8, 16, CARRIED, carried=True),
    Setting("number", 16, 2, CARRIED, carried=True),
    Setting("number", 16, 64, CARRIED, carried=True),
)
COLUMNS = (*CORE.cell("", "", Scale()), "rate", "multiplier", "seed")
INTERVALS = ("kl", "tv", "starved", "held_out")


class Benchmark:
    """The rows of the summary, setting after setting, and the choices of the core."""

    def __init__(self, runs: Runs, scale: Scale) -> None:
        self.runs, self.scale = runs, scale
        self.core: dict[tuple[str, str], Choice] = {}

    def rows(self, setting: Setting) -> list[Row]:
        """A row for every arm and advantage of a setting."""
        pairs = [*product(setting.arms, ADVANTAGES)]
        lines: list[Row] = []
        for i, (arm, advantage) in enumerate(pairs, 1):
            cell = setting.cell(arm, advantage, self.scale)
            title = f"{setting.variant}, {setting.group} x {setting.prompts}, {i} of {len(pairs)}"
            choice, where = self.choice(setting, arm, advantage, cell, title)
            wanted = [{**cell, **choice.values, "seed": seed} for seed in SEEDS]
            done = self.runs.finished(wanted, title)
            line = {**cell, **choice.values, "chosen": where, "edge": choice.edge}
            lines.append(line | summary(done, measures(done), INTERVALS))
        return lines

    def choice(
        self, setting: Setting, arm: str, advantage: str, cell: Key, title: str
    ) -> tuple[Choice, str]:
        """Rate and multiplier of an arm, and where they were chosen: "here", "core" or the arm of a mean."""
        if arm in SPLIT:
            return self.core[arm.removeprefix("mean of "), advantage], "its arm"
        if setting.carried:
            return self.core[arm, advantage], "core"
        grids = {"rate": RATES, "multiplier": arm_of(arm).multipliers}
        made = tuned(self.runs, cell, grids, TUNING, "kl", min, title)
        if setting is CORE:
            self.core[arm, advantage] = made
        return made, "here"


def measures(done: list[Kept]) -> list[str]:
    """The names of what was measured in these runs."""
    return [name for name in done[0] if name not in (*COLUMNS, "machine", "versions")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--core", action="store_true", help="the core alone")
    parser.add_argument("--quick", action="store_true", help="short runs, to standard output")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for the larger experiment")
    options = parser.parse_args()
    if options.quick:
        scale, key = Scale(teaching=20, steps=2), {"rate": 1e-3, "multiplier": 1.0, "seed": 0}
        cells = [CORE.cell(arm, "mean", scale) for arm in CORE.arms]
        origin.write([measure([{**cell, **key}], scale)[0] for cell in cells], PACKAGES, None)
        return
    scale = LARGE if options.device == "cuda" else Scale(device=options.device)
    kept, file = (
        path.with_stem(f"{path.stem}_large") if scale is LARGE else path for path in (RUNS, FILE)
    )
    runs = Runs(kept, COLUMNS, lambda some: measure(some, scale), PACKAGES, at_once=24)
    benchmark, lines = Benchmark(runs, scale), list[Row]()
    for setting in SETTINGS[: 1 if options.core else None]:
        lines += benchmark.rows(setting)
        origin.write(lines, PACKAGES, file)


if __name__ == "__main__":
    main()
