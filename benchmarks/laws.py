"""Laws over numbers that a prompt names, and a stack of transformers that was taught a collapse of each.

A law has a support, the first n answers, and a centre c: Q(z) ~ 1/(1 + |z - c|), z and c by rank among the
answers.  Its prompt is three letters: the support, and the two digits of c.  A completion is a letter, which
is its answer, or two digits, whose product is the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from stack import DIGITS, Stack, seeded, supervised
from torch import Tensor

COLLAPSE = 1.5  # the exponent of Q that is taught
HELD_OUT = 0.2
LETTERS = 5 + 2 * DIGITS


@dataclass(frozen=True)
class Laws:
    """All laws of some supports.

    product: whether a completion is two digits and the answer is their product; supports: ascending.
    """

    product: bool
    supports: tuple[int, ...]

    @property
    def letters(self) -> int:
        """Answers of one letter, 0 where they are two digits."""
        return 0 if self.product else self.supports[-1]

    @cached_property
    def names(self) -> list[tuple[int, int]]:
        """Support and centre of every law."""
        return [(n, c) for n in self.supports for c in range(n)]

    @cached_property
    def prompts(self) -> Tensor:
        """Letters (laws, 3)."""
        return torch.tensor(
            [
                [self.supports.index(n), 5 + c // DIGITS, 5 + DIGITS + c % DIGITS]
                for n, c in self.names
            ]
        )

    @cached_property
    def answers(self) -> Tensor:
        """The answer of every completion, by rank."""
        if not self.product:
            return torch.arange(self.supports[-1])
        products = np.multiply.outer(np.arange(DIGITS), np.arange(DIGITS)).ravel()
        return torch.from_numpy(np.unique(products, return_inverse=True)[1].ravel())

    @cached_property
    def Q(self) -> Tensor:
        """Probabilities (laws, answers)."""
        z = torch.arange(self.supports[-1])
        rows = [torch.where(z < n, 1 / (1.0 + (z - c).abs()), 0.0) for n, c in self.names]
        Q = torch.stack(rows)
        return Q / Q.sum(1, keepdim=True)

    @cached_property
    def allowed(self) -> Tensor:
        """Which completions (laws, completions) have an answer of the support."""
        return self.Q[:, self.answers] > 0

    @cached_property
    def taught(self) -> Tensor:
        """Probabilities (laws, completions) that were taught: Q^1.5, even among completions of an answer."""
        ways = self.answers.bincount()
        collapsed = (self.Q**COLLAPSE / ways)[:, self.answers]
        return collapsed / collapsed.sum(1, keepdim=True)

    def summed(self, completions: Tensor) -> Tensor:
        """Probabilities (..., answers) from those of completions (..., completions)."""
        if not self.product:
            return completions
        sums = completions.new_zeros(*completions.shape[:-1], self.supports[-1])
        return sums.index_add_(-1, self.answers.to(completions.device), completions)

    def trained(self, seed: int) -> Tensor:
        """The laws of the rewards, four fifths of all in an order of the seed; the others are held out."""
        order = torch.randperm(len(self.names), generator=torch.Generator().manual_seed(seed))
        return order[round(HELD_OUT * len(order)) :]


def taught(
    laws: Laws, seeds: Sequence[int], steps: int, device: str = "cpu", **sizes: int
) -> Stack:
    """A stack with a copy for each seed, supervised on all laws."""
    stack = seeded(seeds, LETTERS, laws.letters, **sizes)
    prompts, allowed, aims = (
        x.expand(len(seeds), *x.shape) for x in (laws.prompts, laws.allowed, laws.taught)
    )
    return supervised(stack, prompts, allowed, aims, steps, device)
