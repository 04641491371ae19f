"""One policy trained on groups of completions, compiled: a softmax over completions for each prompt.

A step draws `prompts` groups for every prompt of the task, pays each completion with answer z

    r = offset(z) + m (own e(z) + crossed sum of e'(z)),

e an estimate of log nu(z) from the count in its own group and e' from the counts under the other prompts,
subtracts the group's mean, divides by the group's standard deviation if it is asked to, and moves the logits:

    logits += rate (mean of ratio A (1[y] - pi) - pull grad KL(pi, start))

The ratio is 1 in the first pass over a batch; later passes clip it as PPO does.  Rates fall linearly to 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import arms
import numba
import numpy as np
from arms import Arm

from polyest import closed_forms
from polyest.arrays import Floats

EPSILON = 1e-4  # added to the standard deviation, as TRL does


@dataclass(frozen=True)
class Task:
    """What is trained, and what it should become.

    start: logits (orbit, completions); answers: of every completion, (completions,); offset: (answers,);
    own, crossed: weights of the estimates; beta: of KL(pi, start) in the objective; loss: of a policy
    (orbit, completions).
    """

    start: Floats
    answers: np.ndarray
    offset: Floats
    own: float
    crossed: float
    beta: float
    loss: Callable[[Floats], float]


@dataclass(frozen=True)
class Plan:
    """How it is trained.

    group: completions of a group; prompts: groups of every prompt a step; divided: by the standard deviation
    of a group; passes: over the completions of a step, each with ratios within 1 - clip and 1 + clip.
    """

    group: int
    prompts: int
    steps: int
    divided: bool = False
    passes: int = 1
    clip: float = 0.2


@dataclass(frozen=True)
class Settings:
    """What is chosen for an arm: the learning rate, the weight of the pull to the start, the multiplier."""

    rate: float
    pull: float = 0.0
    multiplier: float = 1.0


def train(
    posed: Callable[[int], Task], plan: Plan, arm: Arm, chosen: Settings, seeds: Sequence[int]
) -> Floats:
    """Losses after a training with each seed, infinite where it diverged; posed: the task of a seed."""
    ended = [_trained(posed(seed), plan, arm, chosen, seed) for seed in seeds]
    return np.where(np.isfinite(ended), ended, np.inf)


def _trained(task: Task, plan: Plan, arm: Arm, chosen: Settings, seed: int) -> float:
    policy = _run(
        task.start,
        task.answers,
        task.offset,
        *(chosen.multiplier * task.own, chosen.multiplier * task.crossed),
        *of_arm(arm, plan.group),
        *draws(seed, plan.steps, len(task.start), plan.prompts, plan.group),
        *(plan.prompts, plan.group, chosen.rate, chosen.pull, plan.divided, plan.passes, plan.clip),
    )
    return task.loss(policy) if np.isfinite(policy).all() else np.inf


@lru_cache(maxsize=256)
def of_arm(arm: Arm, group: int) -> tuple[bool, bool, Floats, Floats, Floats, Floats]:
    """Whether log nu itself is paid, whether the last visit counts, and the entries by counts.

    The entries are those of a completion's own group, by the number of others with its answer, and of another
    group, by the count in it; then both with the completions of the last visit.
    """
    if arm.entries is None:
        nothing = np.zeros(1)
        return True, False, nothing, nothing, nothing, nothing
    first = _pair(arm, group - 2, group)
    later = _pair(arm, 2 * group - 2, 2 * group) if arm.visits else first
    return False, bool(arm.visits), *first, *later


def _pair(arm: Arm, K: int, draws: int) -> tuple[Floats, Floats]:
    """Entries of K draws, the last repeated, as a group of one answer is paid no matter what; of `draws`."""
    own = arms.entries_of(arm, K)
    plugged = arm.entries is arms.log_share  # has no entry of an answer that was not drawn
    other = (
        closed_forms.log_smoothed(draws).coefficients if plugged else arms.entries_of(arm, draws)
    )
    return np.append(own, own[-1:].repeat(2)), other.astype(float)


@lru_cache(maxsize=12)  # of the seeds of a cell
def draws(seed: int, steps: int, orbit: int, prompts: int, group: int) -> tuple[Floats, np.ndarray]:
    """Uniform numbers (steps, orbit, prompts group), ascending, and the group of each, for all arms."""
    numbers = np.random.default_rng([seed, group]).random((steps, orbit, prompts * group))
    order = numbers.argsort(-1)
    return np.take_along_axis(numbers, order, -1), (order // group).astype(np.int32)


@numba.njit(nogil=True)
def _run(
    start,
    answers,
    offset,
    own,
    crossed,
    truth,
    visits,
    first_own,
    first_other,
    later_own,
    later_other,
    uniform,
    groups,
    prompts,
    group,
    rate,
    pull,
    divided,
    passes,
    clip,
):
    """The policy (orbit, completions) in the end."""
    orbit, completions = start.shape
    steps, _, drawn = uniform.shape
    logits, drawing, pi = start.copy(), np.empty_like(start), np.empty_like(start)
    shape = orbit, prompts, offset.size
    counts, before = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    logs = np.zeros((orbit, offset.size))
    chosen = np.zeros((orbit, drawn), np.int32)
    paid = np.zeros((orbit, drawn))
    mean, spread = np.zeros((orbit, prompts)), np.zeros((orbit, prompts))
    moved = np.zeros(completions)
    softmax(logits, drawing)
    for step in range(steps):
        counts, before = before, counts
        counts[:] = 0
        if truth:
            logs[:] = 0
            for o in range(orbit):
                for y in range(completions):
                    logs[o, answers[y]] += drawing[o, y]
            logs[:] = np.log(np.maximum(logs, 1e-300))
        for o in range(orbit):
            # Numbers ascend, so that one walk along the completions draws all.
            y, upto = 0, drawing[o, 0]
            for i in range(drawn):
                while uniform[step, o, i] > upto and y < completions - 1:
                    y += 1
                    upto += drawing[o, y]
                chosen[o, i] = y
                counts[o, groups[step, o, i], answers[y]] += 1
        table, other = (later_own, later_other) if step and visits else (first_own, first_other)
        mean[:] = 0
        spread[:] = 0
        for o in range(orbit):
            for i in range(drawn):
                z, g = answers[chosen[o, i]], groups[step, o, i]
                if truth:
                    value = own * logs[o, z]
                else:
                    earlier = before[o, g, z] if visits else 0
                    value = own * table[min(earlier + counts[o, g, z] - 1, table.size - 1)]
                if crossed:
                    for p in range(orbit):
                        if p != o and truth:
                            value += crossed * logs[p, z]
                        elif p != o:
                            earlier = before[p, g, z] if visits else 0
                            value += crossed * other[earlier + counts[p, g, z]]
                paid[o, i] = offset[z] + value
                mean[o, g] += paid[o, i] / group
            for i in range(drawn):
                g = groups[step, o, i]
                paid[o, i] -= mean[o, g]
                spread[o, g] += paid[o, i] ** 2
            if divided:
                for i in range(drawn):
                    deviation = np.sqrt(spread[o, groups[step, o, i]] / (group - 1))
                    paid[o, i] /= deviation + EPSILON
        now = rate * (1 - step / steps)
        for turn in range(passes):
            if turn:
                softmax(logits, pi)
            else:
                pi[:] = drawing
            for o in range(orbit):
                moved[:] = 0
                total = 0.0
                for i in range(drawn):
                    y, advantage = chosen[o, i], paid[o, i]
                    ratio = pi[o, y] / drawing[o, y] if turn else 1.0
                    if (ratio > 1 + clip and advantage > 0) or (ratio < 1 - clip and advantage < 0):
                        continue
                    moved[y] += ratio * advantage / drawn
                    total += ratio * advantage / drawn
                away = 0.0
                for y in range(completions):
                    away += pi[o, y] * (logits[o, y] - start[o, y])
                for y in range(completions):
                    pulled = pull * (logits[o, y] - start[o, y] - away)
                    logits[o, y] += now * (moved[y] - pi[o, y] * (total + pulled))
        softmax(logits, drawing)
    return drawing


@numba.njit(nogil=True)
def softmax(logits, pi):
    """Write the softmax of each row into pi."""
    for o in range(len(logits)):
        top, total = logits[o].max(), 0.0
        for y in range(logits.shape[1]):
            pi[o, y] = np.exp(logits[o, y] - top)
            total += pi[o, y]
        for y in range(logits.shape[1]):
            pi[o, y] /= total
