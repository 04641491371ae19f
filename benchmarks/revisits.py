"""Policies that visit the same prompts again: many copies at once, each with draws and a rate of its own.

There are PROMPTS prompts with ANSWERS answers each.  An epoch visits all of them once, BATCH a step, in an
order that is drawn anew; a visit is one group of completions, and rates fall linearly to 0.

    calibration   reward log Q - log nu; the logits are linear in 8 features of the prompt, plain steps
    consensus     reward log nu, with a pull of 2 KL to the start; the same policies
    network       reward log Q - log nu; a network with one layer of 32 units, steps of Adam
    wide network  the same with 256 units, which are more weights than there are numbers to learn

Only log nu is estimated.  The loss is the mean of KL(nu, .) over all prompts, from Q or from the fixed point
of the consensus, its start squared.  Both are policies of the same family, so that it can be 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np

import polyest
from polyest.errors import TableNotFound
from polyest.history import drift
from polyest.history.history import AUTO

PROMPTS, BATCH, ANSWERS = 128, 32, 32
FEATURES, INPUTS = 8, 16
UNITS = {"network": 32, "wide network": 256}
PULL = 2.0
TABLES = {"noise 8": {"noise": 8}, "monotone": {"criterion": "minimax", "shape": "monotone"}}


class Estimator(Protocol):
    """How log nu is estimated for the answers of a batch."""

    def __call__(self, prompts: np.ndarray, counts: np.ndarray, nu: np.ndarray) -> np.ndarray:
        """Values, of the shape of counts and nu: (copies, prompts, answers)."""


class Policy(Protocol):
    """Copies of a policy."""

    def nu(self, prompts: np.ndarray) -> np.ndarray:
        """Chances of the answers (copies, prompts, answers)."""

    def step(self, prompts: np.ndarray, push: np.ndarray, rates: np.ndarray) -> None:
        """Move by the gradients of the logits, of the shape of `nu`, at a rate for each copy."""


class Linear:
    """Logits that are linear in features, and steps of the gradient."""

    def __init__(self, features: np.ndarray, weights: np.ndarray, copies: int) -> None:
        self.features, self.weights = features, np.tile(weights, (copies, 1, 1))

    def nu(self, prompts: np.ndarray) -> np.ndarray:
        return softmax(self.features[prompts] @ self.weights)

    def step(self, prompts: np.ndarray, push: np.ndarray, rates: np.ndarray) -> None:
        mean = self.features[prompts].T @ push / len(prompts)
        self.weights += rates[:, None, None] * mean


class Network:
    """A network with one hidden layer, and steps of Adam."""

    def __init__(self, inputs: np.ndarray, weights: list[np.ndarray], copies: int) -> None:
        self.inputs = inputs
        self.weights = [np.tile(w, (copies, 1, 1)) for w in weights]
        self.moments = [(np.zeros_like(w), np.zeros_like(w)) for w in self.weights]
        self.steps = 0

    def nu(self, prompts: np.ndarray) -> np.ndarray:
        first, second = self.weights
        return softmax(np.tanh(self.inputs[prompts] @ first) @ second)

    def step(self, prompts: np.ndarray, push: np.ndarray, rates: np.ndarray) -> None:
        first, second = self.weights
        seen = self.inputs[prompts]
        hidden = np.tanh(seen @ first)
        back = push @ second.swapaxes(1, 2) * (1 - hidden**2)
        gradients = seen.T @ back, hidden.swapaxes(1, 2) @ push
        self.steps += 1
        for weights, (mean, square), gradient in zip(
            self.weights, self.moments, gradients, strict=True
        ):
            mean += 0.1 * (gradient / len(prompts) - mean)
            square += 0.001 * ((gradient / len(prompts)) ** 2 - square)
            scale = np.sqrt(square / (1 - 0.999**self.steps)) + 1e-8
            weights += rates[:, None, None] * mean / (1 - 0.9**self.steps) / scale


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def log_share(counts: np.ndarray) -> np.ndarray:
    """log(X/G); minus infinity, which nobody reads, where an answer was not drawn."""
    with np.errstate(divide="ignore"):
        return np.log(counts / counts.sum(-1, keepdims=True))


class PlugIn:
    """The log of the share of a group, times a factor."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, prompts: np.ndarray, counts: np.ndarray, nu: np.ndarray) -> np.ndarray:
        return self.factor * log_share(counts)


class Averaged:
    """The log of an exponential moving average of the shares of the visits; `weight` is that of the last."""

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self.mean: np.ndarray | None = None

    def __call__(self, prompts: np.ndarray, counts: np.ndarray, nu: np.ndarray) -> np.ndarray:
        shares = counts / counts.sum(-1, keepdims=True)
        if self.mean is None:
            self.mean = np.full((len(counts), PROMPTS, ANSWERS), np.nan)
        before = self.mean[:, prompts]
        mixed = self.weight * shares + (1 - self.weight) * before
        self.mean[:, prompts] = np.where(np.isnan(before), shares, mixed)
        with np.errstate(divide="ignore"):
            return np.log(self.mean[:, prompts])


class Truth:
    """The log of the policy itself."""

    def __call__(self, prompts: np.ndarray, counts: np.ndarray, nu: np.ndarray) -> np.ndarray:
        return np.log(nu)


class Remembered:
    """A table that counts the last visits of a prompt too, as `polyest.History` does.

    visits: how many, 0 for the group alone, or "auto".
    """

    def __init__(self, table: str, group: int, visits: int | str) -> None:
        self.entries, self.group = entries(table, group), group
        self.visits = visits
        self.most = min(AUTO, len(self.entries) - 1) if visits == "auto" else int(visits)
        self.before: list[np.ndarray] = []  # counts of the visits of all prompts, the newest last
        self.now: np.ndarray | None = None
        self.pairs: np.ndarray | None = None
        self.made = 0  # batches
        self.looked: list[float] = []

    def __call__(self, prompts: np.ndarray, counts: np.ndarray, nu: np.ndarray) -> np.ndarray:
        windows = self.windows(prompts, len(counts))
        seen = self.earlier(prompts, windows, counts.shape)
        self.looked.append(float(windows.mean()))
        self.record(prompts, counts)
        return self.entries[windows[..., None], np.maximum(seen + counts - 1, 0)]

    def windows(self, prompts: np.ndarray, copies: int) -> np.ndarray:
        """How many visits are counted, (copies, prompts)."""
        made = min(self.most, len(self.before))
        if self.visits != "auto" or not made:
            return np.full((copies, len(prompts)), made)
        if self.pairs is None:
            self.pairs = np.full((copies, PROMPTS, 2), -1)
        wanted = [
            drift.windows(pairs, pairs[:, 1] >= 0, prompts, self.group, AUTO, PROMPTS)
            for pairs in self.pairs
        ]
        return np.minimum(wanted, made)

    def earlier(
        self, prompts: np.ndarray, windows: np.ndarray, shape: tuple[int, ...]
    ) -> np.ndarray:
        """Counts of these visits, (copies, prompts, answers)."""
        total = np.zeros(shape, np.int64)
        for back in range(1, int(windows.max()) + 1):
            total += (windows >= back)[..., None] * self.before[-back][:, prompts]
        return total

    def record(self, prompts: np.ndarray, counts: np.ndarray) -> None:
        """Keep the counts of a batch."""
        if self.now is None:
            self.now = np.zeros((len(counts), PROMPTS, ANSWERS), np.uint8)
        if self.pairs is not None:
            pair = np.stack(squares(counts, self.before[-1][:, prompts]), -1)
            self.pairs[:, prompts] = np.rint(pair * drift.UNIT)
        self.now[:, prompts] = counts
        self.made += 1
        if self.made % (PROMPTS // BATCH) == 0:
            self.before = [*self.before, self.now][-AUTO:]
            self.now = None


@cache
def entries(table: str, group: int) -> np.ndarray:
    """Entries by number of visits, as far as tables are released without a gap.

    The last one is repeated: where all completions agree their count is beyond K, and what they are paid,
    being the same, is no matter.
    """
    listed: list[np.ndarray] = []
    for visits in range(AUTO + 1):
        try:
            loaded = polyest.load(visits * group + group - 2, **TABLES[table])
        except TableNotFound:
            break
        listed.append(loaded.coefficients)
    width = (AUTO + 1) * group
    return np.stack([np.pad(c, (0, width - c.size), mode="edge") for c in listed])


def squares(now: np.ndarray, then: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unbiased estimates of |p - q|^2 and of |p|^2 from the counts of two visits of G completions each."""
    n, m = now.astype(float), then.astype(float)
    G = n.sum(-1)
    ours, theirs = ((x * (x - 1)).sum(-1) / (G * (G - 1)) for x in (n, m))
    return ours + theirs - 2 * (n * m).sum(-1) / G**2, ours


@dataclass(frozen=True)
class Result:
    """What came of a training, each (copies,).

    loss: at the end.  drift: |p - q|^2 over |p|^2 between the visits of a prompt, summed over all of them,
    of the policies themselves; estimate: the same by counts.
    """

    loss: np.ndarray
    drift: np.ndarray
    estimate: np.ndarray


@cache
def posed(game: str) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Features or inputs, the weights of the start, and where it should end (prompts, answers)."""
    rng = np.random.default_rng(0)
    everywhere = np.arange(PROMPTS)
    if game in UNITS:
        units = UNITS[game]
        inputs = rng.normal(size=(PROMPTS, INPUTS)) / INPUTS**0.5
        start, goal = (
            [
                1.5 * rng.normal(size=(INPUTS, units)),
                size * rng.normal(size=(units, ANSWERS)) / units**0.5,
            ]
            for size in (1.0, 3.0)
        )
        return inputs, start, Network(inputs, goal, 1).nu(everywhere)[0]
    features = rng.normal(size=(PROMPTS, FEATURES))
    first = 0.35 * rng.normal(size=(FEATURES, ANSWERS))
    aim = 2 * first if game == "consensus" else 0.6 * rng.normal(size=(FEATURES, ANSWERS))
    return features, [first], Linear(features, aim, 1).nu(everywhere)[0]


def policy(game: str, copies: int) -> Policy:
    """The start of a game."""
    inputs, start, _ = posed(game)
    return Network(inputs, start, copies) if game in UNITS else Linear(inputs, *start, copies)


def batches(seeds: np.ndarray, group: int, epochs: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Prompts of every step, and a uniform number for each completion (copies, prompts, group).

    Copies of one seed have the same ones, whatever their rates and rewards.
    """
    order = np.random.default_rng(epochs)
    each, which = np.unique(seeds, return_inverse=True)
    chance = [np.random.default_rng([group, epochs, seed]) for seed in each]
    for _ in range(epochs):
        for prompts in order.permutation(PROMPTS).reshape(-1, BATCH):
            yield prompts, np.stack([rng.random((BATCH, group)) for rng in chance])[which]


def drawn(nu: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Counts of the answers (copies, prompts, answers) that uniform numbers draw."""
    below = nu.cumsum(-1)[..., None, :-1] < uniform[..., None]
    answers = below.sum(-1).reshape(-1, uniform.shape[-1])
    cells = answers + np.arange(len(answers))[:, None] * nu.shape[-1]
    return np.bincount(cells.reshape(-1), minlength=nu.size).reshape(nu.shape)


def train(
    game: str,
    group: int,
    epochs: int,
    estimator: Estimator,
    rates: np.ndarray,
    seeds: np.ndarray,
    *,
    divided: bool = False,
) -> Result:
    """Train a copy for each rate and seed, (copies,).

    divided: whether rewards less their group mean are divided by their standard deviation.
    """
    copies, end = policy(game, len(rates)), np.log(posed(game)[2])
    everywhere, steps = np.arange(PROMPTS), epochs * PROMPTS // BATCH
    start = np.log(copies.nu(everywhere)[0])
    then: dict[str, np.ndarray] = {
        "nu": np.full((len(rates), PROMPTS, ANSWERS), np.nan),
        "counts": np.zeros((len(rates), PROMPTS, ANSWERS), np.int64),
    }
    moved = np.zeros((4, len(rates)))
    for step, (prompts, uniform) in enumerate(batches(seeds, group, epochs)):
        nu = copies.nu(prompts)
        counts = drawn(nu, uniform)
        logs = estimator(prompts, counts, nu)
        paid = np.where(counts > 0, logs if game == "consensus" else end[prompts] - logs, 0.0)
        advantage = paid - (counts * paid).sum(-1, keepdims=True) / group
        if divided:
            spread = (counts * advantage**2).sum(-1, keepdims=True) / (group - 1)
            advantage = advantage / (np.sqrt(spread) + 1e-4)
        push = counts * advantage / (group - 1)
        if game == "consensus":
            away = np.log(nu) - start[prompts]
            push = push - PULL * nu * (away - (nu * away).sum(-1, keepdims=True))
        if step >= PROMPTS // BATCH:
            before = then["nu"][:, prompts]
            true = ((nu - before) ** 2).sum((1, 2)), (nu**2).sum((1, 2))
            counted = (x.sum(1) for x in squares(counts, then["counts"][:, prompts]))
            moved += np.stack([*true, *counted])
        then["nu"][:, prompts], then["counts"][:, prompts] = nu, counts
        copies.step(prompts, push, rates * (1 - step / steps))
    nu = copies.nu(everywhere)
    loss = (nu * (np.log(np.maximum(nu, 1e-300)) - end)).sum(-1).mean(1)
    loss = np.where(np.isfinite(loss), loss, np.inf)
    return Result(loss, moved[0] / moved[1], moved[2] / moved[3])
