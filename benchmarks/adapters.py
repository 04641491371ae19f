"""A stack of low-rank adapters over one frozen model, all trained at once, and their exact distributions.

Every member of the stack is a run of its own, with its own seed; a step of all of them is one pass
through the frozen weights, which is several times as fast as one after the other.  Members do not touch
each other: the loss is a sum over them, Adam works number by number, and random numbers come from
each member's seed.

A member has adapters of rank RANK at each product of the upper layers (query with key and value, output, gate
with up, down).  They act at the tokens from which an answer is predicted, and nowhere else (smollm.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from smollm import Model, Read, divided, normalized, perceived, product, turned
from torch import Tensor, nn

RANK, SCALE = 8, 2.0  # the product of both factors is scaled by this
MASKED = -1e30

# Answers (S, P, groups, G), log nu (S, P, A), prompts (P,), step -> rewards of the answers
Paid = Callable[[Tensor, Tensor, Tensor, int], Tensor]


class Stack(nn.Module):
    """Adapters of the upper layers for each of the seeds; their product is 0 at first."""

    def __init__(self, model: Model, upper: int, seeds: Sequence[int]) -> None:
        super().__init__()
        self.model, self.upper = model, upper
        self.down, self.up = nn.ParameterDict(), nn.ParameterDict()
        for i, name, (out, into) in self._products():
            drawn = []
            for seed in seeds:
                chance = torch.Generator().manual_seed(1000 * seed + 10 * i)
                drawn.append(torch.randn(into, RANK, generator=chance) / into**0.5)
            self.down[f"{name}{i}"] = nn.Parameter(torch.stack(drawn).to(model.device))
            self.up[f"{name}{i}"] = nn.Parameter(
                torch.zeros(len(seeds), RANK, out, device=model.device)
            )

    def _products(self) -> list[tuple[int, str, torch.Size]]:
        return [
            (i, name, layer[name].shape)
            for i, layer in enumerate(self.model.layers[-self.upper :])
            for name in ("query", "join", "widen", "narrow")
        ]

    def forward(self, read: Read) -> Tensor:
        """log nu (S, P, A) of every answer to every prompt, MASKED at pads."""
        sizes = self.model.sizes
        x = read.entered.expand(len(self.down["query0"]), *read.entered.shape)
        for i, layer in enumerate(self.model.layers[-self.upper :]):
            seen = normalized(x, layer["first"], sizes.epsilon)
            query, key, value = divided(self._product(i, "query", seen), sizes)
            query, key = (turned(part, read.places, sizes.base) for part in (query, key))
            mixed = attended(query, key, value, read, i)
            x = x + self._product(i, "join", mixed)
            widened = self._product(i, "widen", normalized(x, layer["second"], sizes.epsilon))
            x = x + self._product(i, "narrow", perceived(widened))
        x = normalized(x, self.model.last, sizes.epsilon)
        logits = x @ self.model.embedding[read.listed].transpose(1, 2)  # (S, P, N, V)
        logs = logits.masked_fill(~read.open, MASKED).log_softmax(-1).flatten(-2)
        ways = (read.place * read.open.shape[-1] + read.column).flatten(1)
        each = logs.gather(-1, ways.expand(len(x), *ways.shape)).unflatten(-1, read.place.shape[1:])
        return each.masked_fill(~read.there, 0.0).sum(-1).masked_fill(~read.there[..., 0], MASKED)

    def _product(self, i: int, name: str, x: Tensor) -> Tensor:
        flat = x.flatten(1, -2)
        low = torch.bmm(torch.bmm(flat, self.down[f"{name}{i}"]), self.up[f"{name}{i}"])
        return product(x, self.model.layers[i - self.upper][name]) + SCALE * low.unflatten(
            1, x.shape[1:-1]
        )


def attended(query: Tensor, key: Tensor, value: Tensor, read: Read, layer: int) -> Tensor:
    """What the places (S, P, N) take from the prompt and from the places on their way, (S, P, N, width)."""
    S, P, N, heads, size = query.shape
    pairs = key.shape[3]
    asked = (
        query.unflatten(3, (pairs, -1)).permute(1, 3, 0, 2, 4, 5) * size**-0.5
    )  # (P, pairs, S, N, h, size)
    before = torch.einsum("pksnhd,pktd->pksnht", asked, read.keys[layer])
    before = before.masked_fill(~read.known[:, None, None, None, None], MASKED)
    own = torch.einsum("pksnhd,spmkd->pksnhm", asked, key)
    own = own.masked_fill(~read.heard[:, None, None, :, None], MASKED)
    shares = torch.cat([before, own], -1).softmax(-1)
    first, second = shares.split([before.shape[-1], N], -1)
    taken = torch.einsum("pksnht,pktd->spnkhd", first, read.values[layer])
    taken = taken + torch.einsum("pksnhm,spmkd->spnkhd", second, value)
    return taken.reshape(S, P, N, heads * size)


@dataclass(frozen=True)
class Settings:
    """How a stack is trained: every step, `groups` groups of `group` completions of each of its prompts."""

    steps: int
    rate: float
    group: int
    groups: int
    kl: float


def drawn(logs: Tensor, chances: Sequence[torch.Generator], groups: int, group: int) -> Tensor:
    """Answers (S, P, groups, group) of each member by its own random numbers."""
    _, P, A = logs.shape
    uniform = torch.stack([torch.rand(P, groups * group, generator=one) for one in chances])
    ends = logs.double().exp().cumsum(-1)
    ends = ends / ends[..., -1:]
    answers = torch.searchsorted(ends, uniform.to(ends), right=True).clip(max=A - 1)
    return answers.unflatten(-1, (groups, group))


def train(
    stack: Stack,
    read: Read,
    base: Tensor,
    paid: Paid,
    centred: Callable[[Tensor], Tensor],
    settings: Settings,
    seeds: Sequence[int],
    asked: Callable[[int], Tensor] | None = None,
) -> None:
    """Ascend on rewards minus kl KL(nu, base), the second with its exact gradient.

    base: log nu (P, A) of the model without adapters.  asked: the prompts of a step, else all.
    The rate falls linearly to 0.
    """
    every = torch.arange(len(read.known), device=base.device)
    chances = [torch.Generator().manual_seed(seed) for seed in seeds]
    optimizer = torch.optim.Adam(stack.parameters(), lr=settings.rate)
    for step in range(settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = settings.rate * (1 - step / settings.steps)
        prompts = every if asked is None else asked(step)
        logs = stack(read if asked is None else read.of(prompts))
        answers = drawn(logs.detach(), chances, settings.groups, settings.group)
        rewards = paid(answers, logs.detach(), prompts, step)
        advantages = centred(rewards.flatten(0, 2)).reshape(answers.shape).to(logs)
        chosen = logs.gather(-1, answers.flatten(2)).reshape(answers.shape)
        gain = (advantages * chosen).mean((2, 3))
        away = divergence(logs, base[prompts])
        loss = -(gain - settings.kl * away).mean(1).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def divergence(logs: Tensor, others: Tensor) -> Tensor:
    """KL (S, P) of distributions from others, given as logarithms (S, P, A) and (P, A)."""
    return (logs.exp() * (logs - others)).sum(-1)
