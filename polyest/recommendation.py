"""Recommends a released table for a group size, a number of prompts in a step, and a number of steps.

The bias of a reward table changes the direction of the gradient, and its noise makes the gradient random.
Averaging over prompts reduces the noise alone.  `recommend` takes the table of least

    error^2 = mean over ANSWERS of |E g - g*|^2 + E|g - E g|^2 / (prompts S)

among the tables released for K (noise 1 to 16, monotone, concave) and Schuermann's closed form, where g is
the gradient of one group (gradients.py, exact) and g* is the gradient for the true log.  ANSWERS are five
typical shapes of the answers of a policy.

S says over how many steps a policy averages noise, and is measured (`AVERAGED`, benchmarks/default.py).
Where the prompts of a step differ, as in the training of a language model, each answer's chance moves by the
few groups that ask for it: S is below 1.  Where all groups of a step answer one prompt, as in training at
test time, the policy moves so slowly that some 32 steps average their noise.  Both were fitted on half of the
settings of a training, and tested on the other half and on others, where the recommended table ends at

    prompts differ     1.02 times the loss of the best candidate, at worst 1.06; of language models 1.06, 1.25
    the same, divided  1.01 times, at worst 1.03; of language models 1.13, 1.47
    one prompt         1.04 times, at worst 1.39; of games 1.07, 1.84
    the same, divided  1.16 times, at worst 2.38; of games 1.12, 2.74

"divided": by the standard deviation of a group.  Gini with a tuned coefficient is no candidate: it is another
reward, whose error cannot be compared, and only where a target is known it ended below noise 8 (by 5 %).

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
from polyest.tables.table import Table
from polyest.values import among, shown, whole

__all__ = [
    "Candidate",
    "Deviation",
    "Recommendation",
    "recommend",
]
NOISES = (1, 2, 4, 8, 16)
TYPICAL = 200  # steps
# a and b of S = a steps^b, by whether all groups of a step answer one prompt, and whether their rewards are
# divided by their standard deviation.
AVERAGED = {
    (False, False): (0.0625, 0.5),
    (False, True): (0.03125, 0.5),
    (True, False): (32.0, 0.0),
    (True, True): (2.0, 0.5),
}
MOST = 10**9  # most prompts in a step, steps, and earlier completions
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
class Candidate:
    """A table that may be recommended, and its error.

    Attributes
    ----------
    name : str
        "noise 8" and so on, "monotone", "concave" or "schuermann".
    table : Table
        The table of sample size K.
    error : Deviation
        Its bias and noise.
    """

    name: str
    table: Table
    error: Deviation


@dataclass(frozen=True)
class Recommendation:
    """The table of least error, and the errors of all candidates.

    Attributes
    ----------
    group : int
        The number G of completions of a prompt.
    prompts : int
        The number of prompts whose gradients a step averages.
    baseline : str
        What the trainer subtracts from the rewards of a group.
    steps : int
        The number of steps of the training.
    standardised : bool
        Whether the trainer divides by the standard deviation of a group.
    one_prompt : bool
        Whether all groups of a step answer the same prompt.
    averaged : float
        Over how many groups the noise is averaged, `prompts` times S.
    plain : Deviation
        The error of the plug-in log, log(count/(G + W)) of the count in the group and before.
    candidates : tuple of Candidate
        Noise 1 to 16, the shapes and Schuermann's closed form, in this order.
    history : int
        The number W of earlier completions of a prompt that are counted too.
    """

    group: int
    prompts: int
    baseline: Baseline
    steps: int
    standardised: bool
    one_prompt: bool
    averaged: float
    plain: Deviation
    candidates: tuple[Candidate, ...]
    history: int = 0

    @property
    def ranked(self) -> list[Candidate]:
        """The candidates, the one of least error first."""
        return sorted(self.candidates, key=lambda one: one.error.total)

    @property
    def chosen(self) -> Candidate:
        """The candidate of least error."""
        return self.ranked[0]

    @property
    def moved(self) -> dict[float, tuple[float, float]]:
        """For each odds drift of `MOVES` the worst-case weighted bias of the recommended table, bracketed.

        Empty without a history, and above K = 64, where it would take minutes.
        """
        table = self.chosen.table
        if not self.history or table.K > MOVED:
            return {}
        entries = table.coefficients
        return {odds: bias_after_move(entries, earlier=self.history, odds=odds) for odds in MOVES}


def recommend(
    group: int,
    prompts: int,
    baseline: Baseline = "group-mean",
    *,
    history: int = 0,
    steps: int = TYPICAL,
    standardised: bool = False,
    one_prompt: bool = False,
) -> Recommendation:
    """Recommend a table for a group size, a number of prompts a step and a number of steps.

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
    steps : int
        The number of steps of the training.
    standardised : bool
        Whether the trainer divides by the standard deviation of a group, as GRPO does by default.
    one_prompt : bool
        Whether all groups of a step answer the same prompt; `prompts` is their number then.

    Returns
    -------
    Recommendation
        The recommended table, and the errors of all candidates.

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
    >>> recommend(16, 128).chosen.name, recommend(64, 4).chosen.name
    ('noise 8', 'concave')
    >>> visited = recommend(16, 16, history=16)
    >>> visited.chosen.table.K, visited.chosen.error.total < recommend(16, 16).chosen.error.total
    (30, True)
    >>> {odds: round(upper, 3) for odds, (lower, upper) in visited.moved.items()}
    {1.1: 0.015, 1.25: 0.033}
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
    if not whole(steps, 1, MOST):
        raise InvalidProblem(
            f"steps is {shown(steps)}: expected the number of steps of the training, an integer from 1 to "
            f"{MOST:g}"
        )
    for name, value, meaning in (
        ("standardised", standardised, "the trainer divides by the standard deviation of a group"),
        ("one_prompt", one_prompt, "all groups of a step answer the same prompt"),
    ):
        if not isinstance(value, bool):
            raise InvalidProblem(
                f"{name} is {shown(value)}: expected True where {meaning}, else False"
            )
    W = int(history)
    K = counts.draws(group, baseline) + W
    tables = {f"noise {noise}": released(K, group, noise, W) for noise in NOISES}
    tables |= {shape: minimax_with(shape, K) for shape in SHAPES}
    tables |= {"schuermann": closed_forms.schuermann(K)}
    scale, power = AVERAGED[one_prompt, standardised]
    averaged = int(prompts) * scale * int(steps) ** power

    def deviation(table: Table) -> Deviation:
        return error(in_group(table, group + W), averaged, baseline, earlier=W)

    candidates = tuple(Candidate(name, table, deviation(table)) for name, table in tables.items())
    plain = deviation(closed_forms.log_count(group + W - 1))
    return Recommendation(
        group=int(group),
        prompts=int(prompts),
        baseline=baseline,
        steps=int(steps),
        standardised=standardised,
        one_prompt=one_prompt,
        averaged=averaged,
        plain=plain,
        candidates=candidates,
        history=W,
    )


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
    averaged: float,
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
