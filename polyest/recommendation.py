"""Recommends a released table for a group size and a number of prompts in a step.

The bias of a reward table changes the direction of the gradient, and its noise makes the gradient random.
Averaging over prompts reduces the noise alone.  `recommend` takes the table of least

    error^2 = mean over ANSWERS of |E g - g*|^2 + E|g - E g|^2 / (prompts STEPS)

among the gradient-variance tables released for K, where g is the gradient of one group (gradients.py,
exact) and g* is the gradient for the true log.  ANSWERS are five typical shapes of the answers of a policy.
STEPS is measured: policies move so slowly that some 32 steps average their noise.  In benchmarks/noise.py
the policies that are trained with the recommended table end, on average, within 2 % of the loss of the
best one, and at worst 30 % above it.

With a history of W earlier completions K is W + G - 2, and everything above is for a policy that has not
moved since they were drawn; `history.bias_after_move` says what a move costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, sqrt

import numpy as np

from polyest import closed_forms, counts
from polyest.arrays import Floats
from polyest.counts import Baseline
from polyest.errors import InvalidProblem, TableNotFound
from polyest.gradients import BASELINES, Answers, of_group
from polyest.history.moves import bias_after_move
from polyest.problem.problem import LARGEST_LISTED
from polyest.problem.shapes import SHAPES, Shape
from polyest.tables import release
from polyest.tables.lookup import Lookup
from polyest.tables.table import Table
from polyest.values import among, shown, whole

__all__ = [
    "Deviation",
    "Recommendation",
    "recommend",
]
NOISES = (1, 2, 4, 8, 16)
STEPS = 32
MOST = 10**9  # most prompts in a step, and earlier completions
MOVES = (1.1, 1.25)  # how many times the odds of an answer may be larger or smaller than they were
MOVED = 64  # the largest K for which their cost is computed, which takes minutes from 128 on


def zipf(m: int) -> Answers:
    """Return m answers with probabilities proportional to 1, 1/2, ..., 1/m."""
    weights = [1 / k for k in range(1, m + 1)]
    return Answers(tuple(w / sum(weights) for w in weights), (1,) * m)


ANSWERS = {
    "uniform": Answers((1 / 8,), (8,)),
    "Zipf": zipf(32),
    "one dominant": Answers((0.9, 0.1 / 8), (1, 8)),
    "two modes": Answers((0.45, 0.1 / 8), (2, 8)),
    "many rare": Answers((0.5, 0.5 / 100), (1, 100)),
}


@dataclass(frozen=True)
class Deviation:
    """Bias and noise of the averaged gradient, in the logits of the answers, for the true log.

    Attributes
    ----------
    bias : float
        The root of the mean squared bias.
    noise : float
        The root of the mean squared noise.
    """

    bias: float
    noise: float

    @property
    def total(self) -> float:
        """Root of the mean squared error, of bias and noise together."""
        return hypot(self.bias, self.noise)


@dataclass(frozen=True)
class Recommendation:
    """The released table of least error, and the errors of all, for one group size and baseline.

    Attributes
    ----------
    group : int
        The number G of completions of a prompt.
    prompts : int
        The number of prompts whose gradients a step averages.
    baseline : str
        What the trainer subtracts from the rewards of a group.
    plain : Deviation
        The error of the plug-in log, log(count/(G + W)) of the count in the group and before.
    tables : tuple of (int, Table, Deviation)
        Variance ratio, table and error of each, by rising variance ratio.
    shapes : tuple of (str, Table, Deviation)
        Shape, minimax table and error of each shape, for comparison.
    history : int
        The number W of earlier completions of a prompt that are counted too.
    """

    group: int
    prompts: int
    baseline: Baseline
    plain: Deviation
    tables: tuple[tuple[int, Lookup, Deviation], ...]
    shapes: tuple[tuple[Shape, Lookup, Deviation], ...]
    history: int = 0

    @property
    def chosen(self) -> tuple[int, Lookup, Deviation]:
        """Variance ratio, table and error of the recommended table."""
        return min(self.tables, key=lambda row: row[2].total)

    @property
    def moved(self) -> dict[float, tuple[float, float]]:
        """For each odds drift of `MOVES` the worst-case weighted bias of the recommended table, bracketed.

        Empty without a history, and above K = 64, where it would take minutes.
        """
        _, table, _ = self.chosen
        if not self.history or not isinstance(table, Table) or table.K > MOVED:
            return {}
        entries = table.coefficients
        return {odds: bias_after_move(entries, earlier=self.history, odds=odds) for odds in MOVES}


def recommend(
    group: int, prompts: int, baseline: Baseline = "group-mean", *, history: int = 0
) -> Recommendation:
    """Recommend a released table for a group size and a number of prompts a step.

    Parameters
    ----------
    group : int
        The number G of completions of a prompt.
    prompts : int
        The number of prompts whose gradients a step averages.
    baseline : {"group-mean", "none"}
        "group-mean" where the trainer subtracts it (K = G - 2), else "none" (K = G - 1).
    history : int
        The number W of earlier completions of a prompt that are counted too, as by `polyest.History`: K is W
        more.  0 is a first visit, without any.

    Returns
    -------
    Recommendation
        The recommended table, and the errors of all.

    Raises
    ------
    InvalidProblem
        If an argument is not acceptable.
    CountOutOfRange
        If the group leaves no draw.
    TableNotFound
        If nothing is released for the group.

    Examples
    --------
    >>> recommend(16, 128).chosen[0], recommend(64, 4).chosen[0]
    (16, 4)
    >>> visited = recommend(16, 16, history=16)
    >>> noise, table, error = visited.chosen
    >>> noise, table.K, error.total < recommend(16, 16).chosen[2].total
    (8, 30, True)
    >>> {odds: round(upper, 3) for odds, (lower, upper) in visited.moved.items()}
    {1.1: 0.014, 1.25: 0.032}
    """
    if not whole(prompts, 1, MOST):
        raise InvalidProblem(
            f"prompts is {shown(prompts)}: expected the number of prompts of a step, an integer from 1 to "
            f"{MOST:g}"
        )
    if not among(baseline, BASELINES):
        raise InvalidProblem(
            f"baseline {shown(baseline)} is unknown: use one of {', '.join(BASELINES)}"
        )
    if not whole(history, 0, MOST):
        raise InvalidProblem(
            f"history is {shown(history)}: expected the number of earlier completions of a prompt that are "
            f"counted, an integer from 0 to {MOST:g}"
        )
    W = int(history)
    K = counts.draws(group, baseline) + W
    tables = [(noise, released(K, group, noise, W)) for noise in NOISES]
    averaged = int(prompts) * STEPS

    def deviation(table: Table) -> Deviation:
        return error(in_group(table, group + W), averaged, baseline, earlier=W)

    rows = tuple((noise, table, deviation(table)) for noise, table in tables)
    shaped = ((shape, minimax_with(shape, K)) for shape in SHAPES)
    others = tuple((shape, table, deviation(table)) for shape, table in shaped)
    plain = deviation(closed_forms.log_count(group + W - 1))
    return Recommendation(int(group), int(prompts), baseline, plain, rows, others, W)


def released(K: int, group: int, noise: float, history: int = 0) -> Table:
    """Return the released table of a noise; raise TableNotFound, with the groups that have one."""
    try:
        table = release.load(K, noise=noise) if K <= LARGEST_LISTED else None
    except TableNotFound:
        table = None
    if not isinstance(table, Table):
        beside = f" beside a history of {history} completions" if history else ""
        raise TableNotFound(
            f"group {group}{beside} needs tables of sample size K = {K} at noise "
            f"{', '.join(map(str, NOISES))}, which are not all released: "
            + (
                "keep another number of each visit, History(answers=), such as that of the group"
                if history
                else "groups of 3 to 129, 160, 192, 256, 512 and 1024 have them"
            )
            + (f"; make others with polyest solve --K {K}" if K <= LARGEST_LISTED else "")
        )
    return table


def minimax_with(shape: Shape, K: int) -> Table:
    """Return the released minimax table with a shape, of which there is one wherever noises are released."""
    table = release.load(K, criterion="minimax", shape=shape)
    assert isinstance(table, Table)
    return table


def in_group(table: Table, group: int) -> Floats:
    """Return the rewards of completions whose answer occurs 1..group times, float64 (group,).

    group: the number of completions that are counted, the own and earlier ones.
    """
    return table.coefficients[np.minimum(np.arange(group), table.K)]


def error(
    rewards: Floats,
    averaged: int,
    baseline: Baseline,
    answers: Sequence[Answers] = tuple(ANSWERS.values()),
    earlier: int = 0,
) -> Deviation:
    """Return the root mean square, over answers, of the bias and of the noise of `averaged` groups.

    The rewards, float64 (G + earlier,), are meant for the log of an answer's probability.  Under a group mean
    the gradient is compared with (G-1)/G of the true one: the factor is a change of the learning rate.
    """
    G, bias, noise = rewards.size - earlier, [], []
    for shape in answers:
        p, times = np.array(shape.p), np.array(shape.times)
        surprise = np.log(p) - float(times @ (p * np.log(p)))
        aim = p * surprise * ((G - 1) / G if baseline == "group-mean" else 1.0)
        step = of_group(shape, rewards, baseline, earlier=earlier)
        bias.append(float(times @ (step.mean - aim) ** 2))
        noise.append(step.noise / averaged)
    return Deviation(sqrt(np.mean(bias)), sqrt(np.mean(noise)))
