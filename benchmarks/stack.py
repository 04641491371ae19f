"""Small transformers that answer a prompt, trained side by side: one forward pass for all copies.

A copy is a run of its own: its parameters, its prompts and its rate touch no other's, and what they share is
the time that a processor takes to start an operation.  A prompt is a few letters of one length, and an
answer is written with one letter or with two digits.  Answers are enumerated: `Stack.log_probabilities`
has every completion of every prompt.  The second digit is read from ten branches of one pass, each of
which sees the prompt and its own first digit.
"""

from collections.abc import Callable, Iterable
from math import inf

import torch
from torch import Tensor, nn
from torch.nn import functional

DIGITS = 10
TEACHING = 3e-3  # the rate of supervision


class Layer(nn.Module):
    """Attention, then a perceptron, each of a normalised input and added to it."""

    def __init__(self, copies: int, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = parameter(copies, width, 3 * width, std=width**-0.5)
        self.join = parameter(copies, width, width, std=0.5 * width**-0.5)
        self.widen = parameter(copies, width, 4 * width, std=width**-0.5)
        self.shift = parameter(copies, 1, 4 * width, std=0.0)
        self.narrow = parameter(copies, 4 * width, width, std=0.25 * width**-0.5)

    def forward(self, seen: Tensor, allowed: Tensor) -> Tensor:
        """Hidden states (copies, N T, width), with the mask (T, T) of what each place sees."""
        copies, places, width = seen.shape
        T = len(allowed)
        projected = functional.layer_norm(seen, (width,)) @ self.project
        query, key, value = projected.view(-1, T, 3, self.heads, width // self.heads).permute(
            2, 0, 3, 1, 4
        )
        heard = functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        seen = seen + heard.transpose(1, 2).reshape(copies, places, width) @ self.join
        wide = torch.baddbmm(self.shift, functional.layer_norm(seen, (width,)), self.widen)
        return torch.baddbmm(seen, functional.gelu(wide), self.narrow)


class Stack(nn.Module):
    """Copies of a transformer; every parameter has the copies as its first dimension.

    letters: of prompts; answers: of one letter, 0 where an answer is two digits.
    """

    def __init__(
        self,
        copies: int,
        letters: int,
        answers: int,
        width: int = 32,
        layers: int = 2,
        heads: int = 1,
        longest: int = 8,
    ) -> None:
        super().__init__()
        self.letters, self.answers = letters, answers
        self.sizes = (letters, answers, width, layers, heads, longest)
        self.words = parameter(copies, letters + DIGITS, width, std=0.2)
        self.places = parameter(copies, longest, width, std=0.2)
        self.layers = nn.ModuleList(Layer(copies, width, heads) for _ in range(layers))
        self.read = parameter(copies, width, answers or 2 * DIGITS, std=width**-0.5)
        self.bias = parameter(copies, 1, answers or 2 * DIGITS, std=0.0)

    def log_probabilities(self, prompts: Tensor, allowed: Tensor) -> Tensor:
        """log pi (copies, N, completions) of prompts (copies, N, T).

        allowed: bool (copies, N, completions), what may be written; of two digits the first is free.
        """
        copies, N, T = prompts.shape
        if self.answers:
            logits = self._logits(prompts, torch.ones(T, T, dtype=torch.bool).to(prompts.device))
            return logits[:, :, -1].masked_fill(~allowed, -inf).log_softmax(-1)
        branches = torch.arange(DIGITS, device=prompts.device) + self.letters
        tokens = torch.cat([prompts, branches.expand(copies, N, DIGITS)], 2)
        sees = torch.eye(T + DIGITS, dtype=torch.bool, device=prompts.device)
        sees[:, :T] = True
        logits = self._logits(tokens, sees)
        first = logits[:, :, T - 1, :DIGITS].log_softmax(-1)
        allowed = allowed.view(copies, N, DIGITS, DIGITS)
        second = logits[:, :, T:, DIGITS:].masked_fill(~allowed, -inf).log_softmax(-1)
        return (first[..., None] + second).flatten(2)

    def _logits(self, tokens: Tensor, sees: Tensor) -> Tensor:
        copies, N, T = tokens.shape
        each = torch.arange(copies, device=tokens.device)[:, None, None]
        # Branches stand at one place, the one after the prompt.
        place = torch.arange(T, device=tokens.device).clip(max=int(sees[0].sum()))
        seen = self.words[each, tokens] + self.places[:, None, place]
        seen = seen.flatten(1, 2)
        for layer in self.layers:
            seen = layer(seen, sees)
        seen = functional.layer_norm(seen, seen.shape[-1:])
        return torch.baddbmm(self.bias, seen, self.read).view(copies, N, T, -1)


class Policy(nn.Module):
    """A stack as the loop wants it: log-probabilities (N, 1) of what was drawn."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self.stack = stack

    def forward(self, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        prompts, allowed, completions = batch
        logs = self.stack.log_probabilities(prompts, allowed)
        return logs.gather(-1, completions).reshape(-1, 1)


class Adam(torch.optim.Optimizer):
    """Adam of a stack, each copy at its own pace: the learning rate times its factor."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        paces: Tensor,
        betas: tuple[float, float] = (0.9, 0.99),
    ) -> None:
        super().__init__(parameters, {"lr": 1.0})
        self.paces, self.betas, self.steps = paces, betas, 0
        self.trained: list[nn.Parameter] = self.param_groups[0]["params"]
        self.means = [torch.zeros_like(x) for x in self.trained]
        self.squares = [torch.zeros_like(x) for x in self.trained]

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        self.steps += 1
        first, second = self.betas
        rate = float(self.param_groups[0]["lr"]) / (1 - first**self.steps)
        for x, mean, square in zip(self.trained, self.means, self.squares, strict=True):
            assert x.grad is not None
            mean.lerp_(x.grad, 1 - first)
            square.mul_(second).addcmul_(x.grad, x.grad, value=1 - second)
            spread = (square / (1 - second**self.steps)).sqrt_().add_(1e-8)
            pace = self.paces.view(-1, *[1] * (x.ndim - 1))
            x.sub_(mean / spread * (rate * pace))


def supervised(
    stack: Stack, prompts: Tensor, allowed: Tensor, aims: Tensor, steps: int, device: str = "cpu"
) -> Stack:
    """The stack itself, taught aims (copies, N, completions): cross-entropy, Adam, a rate falling to 0."""
    stack, prompts, allowed, aims = (x.to(device) for x in (stack, prompts, allowed, aims))
    optimizer = Adam(stack.parameters(), torch.ones(len(prompts), device=device))
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = TEACHING * (1 - step / steps)
        logs = stack.log_probabilities(prompts, allowed)
        loss = -(aims * logs.masked_fill(~allowed, 0.0)).sum()
        stack.zero_grad()
        loss.backward()
        optimizer.step()
    return stack


def parameter(*shape: int, std: float) -> nn.Parameter:
    return nn.Parameter(torch.randn(*shape) * std)


def seeded(seeds: Iterable[int], *sizes: int, **more: int) -> Stack:
    """A stack whose copies begin as their seeds say, whichever copies stand beside them."""
    singles = []
    for seed in seeds:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            singles.append(Stack(1, *sizes, **more).state_dict())
    stack = Stack(len(singles), *sizes, **more)
    stack.load_state_dict({name: torch.cat([one[name] for one in singles]) for name in singles[0]})
    return stack


def chosen(stack: Stack, copies: Tensor) -> Stack:
    """A new stack of some copies of another, in this order, as often as they are named."""
    new = Stack(len(copies), *stack.sizes).to(copies.device)
    new.load_state_dict({name: values[copies] for name, values in stack.state_dict().items()})
    return new


def drawn(distributions: Tensor, uniforms: Tensor) -> Tensor:
    """Draws (..., G) from distributions (..., n) by their inverses at float64 uniforms (..., G).

    >>> uniforms = torch.tensor([[0.1, 0.6, 1 - 2.0**-53]], dtype=torch.float64)
    >>> drawn(torch.tensor([[0.5, 0.0, 0.5, 0.0]]), uniforms)
    tensor([[0, 2, 2]])
    """
    sums = distributions.double().cumsum(-1)
    return torch.searchsorted(sums, uniforms * sums[..., -1:] * (1 - 2.0**-50), right=True)
