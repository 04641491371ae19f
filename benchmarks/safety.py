"""A budget of toxic tokens, met by the primal-dual loop, and what it costs elsewhere.

    python benchmarks/safety.py             # results/safety.csv, about a minute on two cores
    python benchmarks/safety.py --quick     # one short run of each method, to standard output

A policy writes LENGTH tokens after each of 40 prompts, half of them harmful.  The logits of a token are
those of its prompt plus those of the previous token, which all prompts share.  Three tokens are toxic,
and one is a refusal.  The base policy writes toxic tokens mostly after harmful prompts.  The cost of a
completion is its share of toxic tokens; the budget, BUDGET, bounds the mean cost over all prompts.

    base              not trained
    fixed             lambda = 1 throughout
    primal-dual       lambda is updated with the cost of every batch; advantages are centred, not scaled
    primal-dual, std  the same with advantages divided by the group's standard deviation, as in GRPO

The protocol was written down before the first run: STEPS steps of 40 groups of 16, Adam at RATE falling to
0, KL to the base with weight KL, and lambda from 0 with rate DUAL.  All methods have the same numbers, and
none is tuned.  There are SEEDS seeds, each with another base.  All measures are exact sums over the chain
of tokens for the policy at the end; the rows have means and 95 % intervals.

    cost            mean cost of all prompts, which the budget bounds
    harmful_toxic   mean share of toxic tokens after harmful prompts; harmful_any: chance of at least one
    benign_toxic    the same share after benign prompts
    benign_answer   chance of a completion without refusal after benign prompts
    benign_kl       KL of whole completions from the base after benign prompts, nats
    multiplier      lambda at the end
    wobble          standard deviation of the batches' cost over the last 100 steps
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from math import inf
from pathlib import Path

import numpy as np
import origin
import torch
from torch import Tensor, nn

from polyest import advantages, grpo, rewards

FILE = Path(__file__).parent / "results" / "safety.csv"
PACKAGES = ("polyest", "numpy", "torch")
PROMPTS, TOKENS, LENGTH, GROUP = 40, 12, 8, 16
TOXIC, REFUSAL, START = slice(0, 3), 3, TOKENS
BUDGET, KL, RATE, DUAL, STEPS, SEEDS = 0.01, 0.02, 0.05, 0.5, 400, 10
METHODS = ("base", "fixed", "primal-dual", "primal-dual, std")
STUDENT = 2.2622  # 97.5 % quantile of Student's t with 9 degrees of freedom

Row = dict[str, str | float | int]


class Chain(nn.Module):
    """A policy that writes tokens one after the other; the first half of the prompts are harmful."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        chance = torch.Generator().manual_seed(seed)
        prompt = 0.5 * torch.randn(PROMPTS, TOKENS, generator=chance)
        prompt[: PROMPTS // 2, TOXIC] -= 1.0
        prompt[PROMPTS // 2 :, TOXIC] -= 4.0
        prompt[:, REFUSAL] -= 4.0
        self.prompt = nn.Parameter(prompt)
        self.before = nn.Parameter(0.5 * torch.randn(TOKENS + 1, TOKENS, generator=chance))

    def steps(self) -> Tensor:
        """log p (PROMPTS, TOKENS + 1, TOKENS) of each token after each previous one."""
        return (self.prompt[:, None] + self.before).log_softmax(-1)

    def forward(self, drawn: Tensor) -> Tensor:
        """log p (N, LENGTH) of the tokens (PROMPTS, GROUP, LENGTH)."""
        first = torch.full_like(drawn[..., :1], START)
        rows = torch.arange(PROMPTS)[:, None, None]
        return self.steps()[rows, torch.cat([first, drawn[..., :-1]], -1), drawn].flatten(0, 1)

    @torch.no_grad()
    def sample(self, chance: torch.Generator) -> Tensor:
        steps = self.steps().exp()
        token = torch.full((PROMPTS, GROUP), START)
        drawn = []
        for _ in range(LENGTH):
            table = steps[torch.arange(PROMPTS)[:, None], token].flatten(0, 1)
            token = torch.multinomial(table, 1, generator=chance).reshape(PROMPTS, GROUP)
            drawn.append(token)
        return torch.stack(drawn, -1)


def toxicity(drawn: Tensor) -> Tensor:
    """Share of toxic tokens of each completion."""
    return (drawn < TOXIC.stop).double().mean(-1)


@torch.no_grad()
def measured(policy: Chain, base: Chain) -> Row:
    """The exact expectations of a row, summed over the distribution of each token."""
    log, other = policy.steps().double(), base.steps().double()
    steps = log.exp()
    at = torch.zeros(PROMPTS, TOKENS + 1, dtype=torch.double)
    at[:, START] = 1.0
    toxic, away = torch.zeros(PROMPTS, dtype=torch.double), torch.zeros(PROMPTS, dtype=torch.double)
    no_toxic, no_refusal = at.clone(), at.clone()
    for _ in range(LENGTH):
        away += (at[:, :, None] * steps * (log - other)).sum((1, 2))
        nexts = (at[:, :, None] * steps).sum(1)
        toxic += nexts[:, TOXIC].sum(1) / LENGTH
        at = nn.functional.pad(nexts, (0, 1))
        no_toxic = nn.functional.pad((no_toxic[:, :, None] * steps).sum(1), (0, 1))
        no_toxic[:, TOXIC] = 0.0
        no_refusal = nn.functional.pad((no_refusal[:, :, None] * steps).sum(1), (0, 1))
        no_refusal[:, REFUSAL] = 0.0
    harmful, benign = slice(0, PROMPTS // 2), slice(PROMPTS // 2, PROMPTS)
    return {
        "cost": float(toxic.mean()),
        "harmful_toxic": float(toxic[harmful].mean()),
        "harmful_any": float(1 - no_toxic[harmful].sum(1).mean()),
        "benign_toxic": float(toxic[benign].mean()),
        "benign_answer": float(no_refusal[benign].sum(1).mean()),
        "benign_kl": float(away[benign].mean()),
    }


def run(method: str, seed: int, steps: int = STEPS) -> Row:
    torch.set_num_threads(1)
    policy, base = Chain(seed), Chain(seed)
    if method == "base":
        return {**measured(policy, base), "multiplier": 0.0, "wobble": 0.0}
    fixed = method == "fixed"
    price = rewards.Multiplier(BUDGET, rate=DUAL, start=1.0 if fixed else 0.0)
    chance = torch.Generator().manual_seed(seed)

    def sampler(step: int) -> grpo.Traces:
        drawn = policy.sample(chance)
        return grpo.Traces(
            drawn, torch.zeros(PROMPTS, GROUP, dtype=torch.int64), extra=toxicity(drawn)
        )

    centred = advantages.standardised if method.endswith("std") else advantages.group_mean
    costs = []
    for record in grpo.train(
        policy,
        sampler,
        lambda traces: rewards.safety(traces.extra, price),
        grpo.Config(steps, RATE, kl=KL, decay=True, norm=inf),
        advantage=centred,
        reference=base,
    ):
        costs.append(float(record.traces.extra.mean()))
        if not fixed:
            price.update(record.traces.extra)
    measures = measured(policy, base)
    return {**measures, "multiplier": float(price.value), "wobble": float(np.std(costs[-100:]))}


def rows(seeds: int = SEEDS, steps: int = STEPS) -> list[Row]:
    lines: list[Row] = []
    with ProcessPoolExecutor() as pool:
        for method in METHODS:
            runs = [*pool.map(run, [method] * seeds, range(seeds), [steps] * seeds)]
            row: Row = {"method": method, "seeds": seeds, "budget": BUDGET}
            for name in runs[0]:
                values = np.array([float(one[name]) for one in runs])
                row[name] = float(values.mean())
                row[f"{name}_pm"] = float(STUDENT * values.std(ddof=1) / seeds**0.5)
            lines.append(row)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="short runs, to standard output")
    if parser.parse_args().quick:
        origin.write(rows(2, 20), PACKAGES, None)
    else:
        origin.write(rows(), PACKAGES, FILE)


if __name__ == "__main__":
    main()
