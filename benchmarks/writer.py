"""A small causal transformer that writes characters: its training, its samples and their probabilities.

Prompts are padded on the left, and completions on the right.  A pad is neither attended to nor
written, and positions count from a prompt's first character, so that nothing depends on padding.
A prompt is read once for all its completions, even if gradients are computed.

The seeds fix every draw: the same torch with as many threads on the same kind of processor trains
the same weights and samples the same completions.
"""

import random
from collections.abc import Sequence
from math import cos, pi
from operator import eq
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from word_problems import END, WORDINGS, Question, parse, study, texts

ALPHABET = "0123456789+-=,; abcdefghijklmnopqrstuvwxyz"
CODE = {letter: i for i, letter in enumerate(ALPHABET)}
PAD = len(ALPHABET)  # the pad has an embedding and no logit: it is read and never written
CONTEXT = 64  # most characters of prompt and answer together
LIMIT = 8  # most characters that are written
IGNORED = -100

Cache = tuple[Tensor, Tensor]  # keys and values of a layer, each (N, heads, S, width / heads)


class Traces(NamedTuple):
    written: Tensor  # (prompts * group, T): those of a prompt are adjacent; pads after the end
    mask: Tensor  # true where a character was written, including the end


class Layer(nn.Module):
    """Attention, then a perceptron, each of a normalized input and added to it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.normalize = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.project = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, seen: Tensor, allowed: Tensor, past: Cache | None) -> tuple[Tensor, Cache]:
        N, T, width = seen.shape
        projected = self.project(self.normalize[0](seen)).view(N, T, 3, self.heads, -1)
        query, key, value = projected.permute(2, 0, 3, 1, 4)
        if past is not None:
            key, value = torch.cat([past[0], key], 2), torch.cat([past[1], value], 2)
        heard = functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        seen = seen + self.join(heard.transpose(1, 2).reshape(N, T, width))
        perceived = self.narrow(functional.gelu(self.widen(self.normalize[1](seen))))
        return seen + perceived, (key, value)


class Writer(nn.Module):
    def __init__(self, width: int = 64, layers: int = 2, heads: int = 4) -> None:
        super().__init__()
        self.letters = nn.Embedding(len(ALPHABET) + 1, width)
        self.places = nn.Embedding(CONTEXT, width)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))
        self.normalize = nn.LayerNorm(width)
        self.read = nn.Linear(width, len(ALPHABET))
        for embedding in (self.letters, self.places):  # smaller than by default, to learn faster
            nn.init.normal_(embedding.weight, std=0.2)

    @property
    def device(self) -> torch.device:
        return self.read.weight.device

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (N, T, letters) of the character that follows each."""
        return self.read(self.hidden(tokens))

    def hidden(self, tokens: Tensor) -> Tensor:
        """What the logits are read from, (N, T, width)."""
        return self._advance(tokens, tokens != PAD, None)[0]

    def log_probabilities(self, prompts: Tensor, written: Tensor, temperature: float = 1) -> Tensor:
        """log p (N, T) of each character written, 0 at pads, for N / len(prompts) completions a prompt."""
        group = len(written) // len(prompts)
        caches, known = self._read(prompts, group)
        tokens = torch.cat([prompts[:, -1:].repeat_interleave(group, 0), written[:, :-1]], 1)
        seen, _ = self._advance(tokens, torch.cat([known, tokens != PAD], 1), caches)
        aims = written.masked_fill(written == PAD, IGNORED)
        surprise = functional.cross_entropy(
            (self.read(seen) / temperature).transpose(1, 2),
            aims,
            ignore_index=IGNORED,
            reduction="none",
        )
        return -surprise

    @torch.no_grad()
    def sample(
        self,
        prompts: Tensor,
        group: int,
        temperature: float = 1,
        generator: torch.Generator | None = None,
        limit: int = LIMIT,
    ) -> Traces:
        """`group` completions of each prompt, up to an end or the limit; temperature 0 is greedy."""
        caches, known = self._read(prompts, group)
        letter = prompts[:, -1:].repeat_interleave(group, 0)
        # All noise is drawn at once, on the generator's device, so that the number of draws is constant.
        waits = torch.empty(
            (len(letter), limit, len(ALPHABET)), device=generator.device if generator else None
        ).exponential_(generator=generator)
        gumbel = -waits.clamp(min=1e-30).log().to(self.device)
        ended = torch.zeros_like(letter, dtype=torch.bool)
        written = []
        for t in range(limit):
            known = torch.cat([known, letter != PAD], 1)
            seen, caches = self._advance(letter, known, caches)
            # The argmax of logits plus Gumbel noise is a draw from their softmax.
            letter = (self.read(seen[:, -1]) + temperature * gumbel[:, t]).argmax(-1, keepdim=True)
            letter = letter.masked_fill(ended, PAD)
            written.append(letter)
            ended |= letter == CODE[END]
            if ended.all():
                break
        traces = torch.cat(written, 1)
        return Traces(traces, traces != PAD)

    def _read(self, prompts: Tensor, group: int) -> tuple[list[Cache], Tensor]:
        """Caches and mask of all but the last character of the prompts, repeated for every completion."""
        known = prompts[:, :-1] != PAD
        _, caches = self._advance(prompts[:, :-1], known, None)
        repeated = [
            (keys.repeat_interleave(group, 0), values.repeat_interleave(group, 0))
            for keys, values in caches
        ]
        return repeated, known.repeat_interleave(group, 0)

    def _advance(
        self, tokens: Tensor, known: Tensor, past: list[Cache] | None
    ) -> tuple[Tensor, list[Cache]]:
        """The hidden states after `tokens` (N, T), and the caches that then hold all S characters.

        The tokens are the last T of the S characters; `known` (N, S) is false at pads.
        """
        S, T = known.shape[1], tokens.shape[1]
        places = (known.cumsum(1) - 1).clamp(min=0)[:, S - T :]
        columns = torch.arange(S, device=tokens.device)
        rows = columns[S - T :, None]
        # A pad attends to itself, because a softmax over nothing is nan.
        allowed = ((columns < rows) & known[:, None] | (columns == rows))[:, None]
        seen = self.letters(tokens) + self.places(places)
        caches = []
        for layer, before in zip(self.layers, past or [None] * len(self.layers), strict=True):
            seen, cache = layer(seen, allowed, before)
            caches.append(cache)
        return self.normalize(seen), caches


def encode(strings: Sequence[str], left: bool = True, device: torch.device | str = "cpu") -> Tensor:
    """Characters (N, T), padded on the left, as prompts are, or on the right, as answers are."""
    longest = max(map(len, strings))
    rows = []
    for string in strings:
        pads, codes = [PAD] * (longest - len(string)), [CODE[letter] for letter in string]
        rows.append(pads + codes if left else codes + pads)
    return torch.tensor(rows, device=device)


def decode(tokens: Tensor) -> list[str]:
    return ["".join(ALPHABET[i] for i in row if i != PAD) for row in tokens.tolist()]


def pretrain(
    questions: Sequence[Question],
    seed: int,
    steps: int = 2000,
    batch: int = 64,
    rate: float = 3e-3,
    width: int = 64,
    layers: int = 2,
    device: torch.device | str = "cpu",
) -> Writer:
    """A writer that has studied texts of the questions, and knows not all wordings well.

    Adam; the rate rises for a twentieth of the steps and falls to zero along a cosine.
    """
    chance = random.Random(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        writer = Writer(width, layers).to(device)
    optimizer = torch.optim.Adam(writer.parameters(), lr=rate, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, 20 * (step + 1) / steps) * (1 + cos(pi * step / steps)) / 2
    )
    for _ in range(steps):
        asked, solved = study(questions, batch, chance)
        written = encode(solved, left=False, device=device)
        learnt = writer.log_probabilities(encode(asked, device=device), written)
        loss = -learnt.sum() / (written != PAD).sum()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(writer.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return writer


def answered(
    writer: Writer, questions: Sequence[Question], seed: int = 0
) -> list[list[int | None]]:
    """Greedy answers to every question in each wording, its terms in random order."""
    chance, given = random.Random(seed), []
    for wording in WORDINGS:
        asked, _ = texts(questions, wording, chance)
        traces = writer.sample(encode(asked, device=writer.device), 1, temperature=0)
        given.append([*map(parse, decode(traces.written))])
    return given


def accuracy(given: Sequence[Sequence[int | None]], questions: Sequence[Question]) -> list[float]:
    """Share of the questions answered rightly, in each wording."""
    truth = [question.answer for question in questions]
    return [sum(map(eq, row, truth)) / len(truth) for row in given]
