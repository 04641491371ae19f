"""This module trains policies that are stored as arrays, with estimated rewards as a trainer does.

The rewards are those of a `Mixture`.  `mirror_policies` estimates phi for every answer from K draws for
each prompt, with a table of independent counts, and takes the exact step of mirror descent.

`gradient_policies` samples groups and moves the logits by the reward minus the group mean, times G/(G-1).
This is what trainers do, up to that factor.  The answer of a completion is counted in the group of its own
prompt (X - 1 indexes a table of K = G - 2, because the group mean is subtracted) and in the groups of the
other members of the orbit (X indexes a table of K = G).  The expected step is the gradient for the same
mixture of P(nu), where P is the mean of the table.

`mirror_descent` and `policy_gradient` record such runs.
"""

from collections.abc import Iterable, Iterator
from math import prod
from typing import Any

import numpy as np

from polyest import counts
from polyest.arrays import Floats, Ints
from polyest.errors import CountOutOfRange, InvalidGame
from polyest.games.alft import Alft
from polyest.games.dynamics import Step, recorded
from polyest.games.game import Game
from polyest.games.goal import of_kind
from polyest.games.mixture import Mixture
from polyest.tables.lookup import Lookup
from polyest.tables.table import Table
from polyest.values import real, shown, whole

LEAST_OF = {"groups": 1, "group": 3}
Seed = int | np.random.Generator | None
MOST_TRACES = 10**7  # most completions in a step: they take some hundred megabytes


def mirror_descent(
    game: Game, reward: Mixture, table: Table | None, rates: Iterable[float], **keywords: Any
) -> Iterator[Step]:
    """Run mirror descent with estimated rewards (`mirror_policies`) and yield a record of its steps.

    Parameters
    ----------
    game : Game
        The game.
    reward : Mixture
        The reward of the answers.
    table : Table or None
        As in `mirror_policies`.
    rates : iterable of float
        The rates of the steps, positive.
    **keywords : Any
        `groups` and `rng` as in `mirror_policies`, `every` and `optimum` as in `recorded`.

    Returns
    -------
    iterator of Step
        The records.

    Raises
    ------
    InvalidGame
        If an argument is not valid, or the arguments do not fit together.

    Examples
    --------
    >>> from polyest.games import alft, geometry, goals
    >>> goal = goals.Diversity(geometry.negative_entropy())
    >>> game = Game(alft.pose([[0.9, 0.1]], [0, 1], goal))
    >>> diversity = Mixture(np.array([[-1.0]]), np.zeros((1, 2)))
    >>> import polyest
    >>> table, rates = polyest.load(8), [0.5] * 40
    >>> play = mirror_descent(game, diversity, table, rates, groups=64, rng=0, every=20)
    >>> [(step.iteration, round(step.gap, 2)) for step in play]
    [(20, 0.0), (40, 0.0)]
    """
    of_kind("game", game, Game, "a Game")
    records = {name: keywords.pop(name) for name in ("every", "optimum") if name in keywords}
    return recorded(
        game, mirror_policies(game.problem, reward, table, rates, **keywords), **records
    )


def policy_gradient(
    game: Game,
    reward: Mixture,
    own: Table | None,
    others: Table | None,
    rates: Iterable[float],
    **keywords: Any,
) -> Iterator[Step]:
    """Run a policy gradient with estimated rewards (`gradient_policies`) and yield a record of its steps.

    Parameters
    ----------
    game : Game
        The game.
    reward : Mixture
        The reward of the answers.
    own : Table or None
        As in `gradient_policies`.
    others : Table or None
        As in `gradient_policies`.
    rates : iterable of float
        The rates of the steps, positive.
    **keywords : Any
        `group`, `groups` and `rng` as in `gradient_policies`, `every` and `optimum` as in `recorded`.

    Returns
    -------
    iterator of Step
        The records.

    Raises
    ------
    InvalidGame
        If an argument is not valid, or the arguments do not fit together.
    CountOutOfRange
        If a table is of another sample size.

    Examples
    --------
    >>> from polyest import closed_forms
    >>> from polyest.games import alft, geometry, goals
    >>> goal = goals.Diversity(geometry.negative_entropy())
    >>> game = Game(alft.pose([[0.9, 0.1]], [0, 1], goal))
    >>> diversity = Mixture(np.array([[-1.0]]), np.zeros((1, 2)))
    >>> table, rates = closed_forms.harmonic(6), [2.0] * 30
    >>> play = policy_gradient(game, diversity, table, None, rates, group=8, groups=16, rng=0, every=10)
    >>> [(step.iteration, step.gap < 0.01) for step in play]
    [(10, True), (20, True), (30, True)]
    """
    of_kind("game", game, Game, "a Game")
    records = {name: keywords.pop(name) for name in ("every", "optimum") if name in keywords}
    policies = gradient_policies(game.problem, reward, own, others, rates, **keywords)
    return recorded(game, policies, **records)


def mirror_policies(
    problem: Alft,
    reward: Mixture,
    table: Table | None,
    rates: Iterable[float],
    *,
    groups: int = 1,
    rng: Seed = None,
) -> Iterator[Floats]:
    """Run mirror descent with estimated rewards and yield each policy.

        argmin over pi of -<r, pi> + beta D_F(pi, pi_0) + D_F(pi, pi_t)/rate

    Parameters
    ----------
    problem : Alft
        The problem.
    reward : Mixture
        The reward of the answers.
    table : Table or None
        The table that estimates phi from K independent draws; None uses the exact reward.
    rates : iterable of float
        The rates of the steps, positive.
    groups : int
        The number of estimates, of K draws each, that are averaged for every prompt.
    rng : int, numpy.random.Generator or None
        The source of random numbers, or its seed.

    Yields
    ------
    float64 array (prompts, completions)
        The policy after each step, read-only.

    Raises
    ------
    InvalidGame
        If an argument is not valid, or the arguments do not fit together.

    Examples
    --------
    >>> from polyest.games import alft, geometry, goals
    >>> goal = goals.Diversity(geometry.negative_entropy())
    >>> problem = alft.pose([[0.9, 0.1]], [0, 1], goal)
    >>> diversity = Mixture(np.array([[-1.0]]), np.zeros((1, 2)))
    >>> policies = list(mirror_policies(problem, diversity, None, [1.0] * 3))
    >>> policies[-1].round(3).tolist()
    [[0.75, 0.25]]
    """
    rates = _check(problem, reward, rates, (table,), groups=groups)
    rng = _random(rng)
    geometry = problem.geometry
    pi, anchor = problem.reference, geometry.gradient(problem.reference)
    here = anchor
    for rate in rates:
        nu = problem.distributions(pi)
        if table is None:
            given = reward.exact(nu)
        else:
            # Rounding may make the sum of an answer distribution exceed 1 in its last digit.
            drawn = np.minimum(nu / nu.sum(-1, keepdims=True), 1.0)
            seen = rng.multinomial(table.K, drawn[:, None], size=(len(nu), groups))
            given = reward.of(table[seen].mean(1))
        pull = problem.at_traces(given) + problem.beta * anchor
        there = (pull + here / rate) / (problem.beta + 1 / rate)
        pi = geometry.project(there)
        # This is phi'(pi) up to a constant; for a steep geometry it is known even where pi underflows to 0.
        here = there - there.max(-1, keepdims=True) if geometry.steep else geometry.gradient(pi)
        pi.flags.writeable = False
        yield pi


def gradient_policies(
    problem: Alft,
    reward: Mixture,
    own: Table | None,
    others: Table | None,
    rates: Iterable[float],
    *,
    group: int,
    groups: int = 1,
    rng: Seed = None,
) -> Iterator[Floats]:
    """Run a policy gradient in the logits with estimated rewards and group means, and yield each policy.

        logits += rate sum_i A_i grad log pi(y_i)/G,
        A_i = (r_i - mean of the group) G/(G-1)

    The gradient of the divergence from the reference is computed exactly.  The geometry has to be the
    negative entropy.

    Parameters
    ----------
    problem : Alft
        The problem.
    reward : Mixture
        The reward of the answers.
    own : Table or None
        The table of K = G - 2 in which a completion whose answer occurs X times in its group is looked up
        at X - 1.  A table of K = G - 1 is accepted too, which is biased under a group mean but is what
        trainers do with the plug-in log.  None uses the exact reward on the same samples.
    others : Table or None
        The table of K = G for the counts under the other prompts of an orbit; None if the reward does not
        depend on them.
    rates : iterable of float
        The rates of the steps, positive.
    group : int
        The number G of completions of a group, at least 3.
    groups : int
        The number of groups of every prompt in each step.
    rng : int, numpy.random.Generator or None
        The source of random numbers, or its seed.

    Yields
    ------
    float64 array (prompts, completions)
        The policy after each step, read-only.

    Raises
    ------
    InvalidGame
        If an argument is not valid, or the arguments do not fit together.
    CountOutOfRange
        If a table is of another sample size.

    Examples
    --------
    >>> from polyest import closed_forms
    >>> from polyest.games import alft, geometry, goals
    >>> goal = goals.Diversity(geometry.negative_entropy())
    >>> problem = alft.pose([[0.9, 0.1]], [0, 1], goal)
    >>> diversity = Mixture(np.array([[-1.0]]), np.zeros((1, 2)))
    >>> table, rates = closed_forms.harmonic(6), [2.0] * 30
    >>> play = gradient_policies(problem, diversity, table, None, rates, group=8, groups=16, rng=0)
    >>> [policy[0, 0] < 0.85 for policy in play][-1].item()
    True
    """
    rates = _check(problem, reward, rates, (own, others), groups=groups, group=group)
    if problem.geometry.order != 1:
        raise InvalidGame(
            f"the geometry is {problem.geometry.name}: expected the negative entropy, because a policy "
            "gradient in logits is regularised by KL; use it, or mirror descent"
        )
    crossed = reward.mixing - np.diag(np.diag(reward.mixing))
    needed, taken = counts.draws(group), counts.draws(group, baseline="none")
    if own is not None and own.K not in (needed, taken):
        raise CountOutOfRange(
            f"own is a table of K = {own.K}: expected K = {needed} for a group of {group}"
        )
    if own is not None and crossed.any() and getattr(others, "K", None) != group:
        raise CountOutOfRange(f"others is {shown(others)}: expected a table of K = {group} draws")
    rng = _random(rng)
    logits = np.log(problem.reference)
    pi, prompts = problem.reference, len(problem.reference)
    row = np.arange(prompts)[:, None, None]
    for rate in rates:
        # Each uniform number draws the completion in whose interval of cumulated probabilities it falls.
        uniform = rng.random((prompts, groups * group))
        cumulated = pi.cumsum(-1) / pi.sum(-1, keepdims=True) + np.arange(prompts)[:, None]
        flat = np.searchsorted(cumulated.ravel(), (uniform + np.arange(prompts)[:, None]).ravel())
        traces = np.minimum(
            flat.reshape(prompts, groups, group) - row * pi.shape[1], pi.shape[1] - 1
        )
        answers = problem.answers[row, traces]
        nu = problem.distributions(pi)
        if own is None:
            rewards = reward.exact(nu)[row, answers]
        else:
            seen = _seen(answers, problem.number)
            index = np.minimum(np.take_along_axis(seen, answers, axis=2) - 1, own.K)
            rewards = (
                np.diag(reward.mixing)[:, None, None] * own[index] + reward.offset[row, answers]
            )
            if others is not None and crossed.any():
                mixed = np.einsum("xj,jgz->xgz", crossed, others[seen])
                rewards = rewards + np.take_along_axis(mixed, answers, axis=2)
        advantages = (rewards - rewards.mean(-1, keepdims=True)) * group / (group - 1)
        moved = np.zeros_like(logits)
        np.add.at(
            moved, (np.broadcast_to(row, traces.shape), traces), advantages / (groups * group)
        )
        away = logits - np.log(problem.reference)
        away = pi * (away - (pi * away).sum(-1, keepdims=True))
        logits = logits + rate * (moved - problem.beta * away)
        logits -= logits.max(-1, keepdims=True)
        pi = problem.geometry.project(logits)
        pi.flags.writeable = False
        yield pi


def _random(rng: Seed) -> np.random.Generator:
    """Return the generator that `rng` is, or one that it seeds."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise InvalidGame(
            f"rng is {shown(rng)}: expected a seed, an integer of at least 0, or a numpy Generator"
        ) from None


def _seen(answers: Ints, number: int) -> Ints:
    """Return the counts of every answer in every group, integers (prompts, groups, number)."""
    prompts, groups, _ = answers.shape
    place = np.arange(prompts * groups).reshape(prompts, groups, 1) * number + answers
    counted = np.bincount(place.ravel(), minlength=prompts * groups * number)
    return counted.reshape(prompts, groups, number)


def _check(
    problem: Alft,
    reward: Mixture,
    rates: Iterable[float],
    tables: tuple[Table | None, ...],
    **numbers: int,
) -> list[float]:
    """Return the rates; raise InvalidGame for bad rates or numbers, or a mixture that does not fit."""
    of_kind("problem", problem, Alft, "one of games.pose")
    of_kind("reward", reward, Mixture, "a Mixture")
    for table in tables:
        of_kind("table", table, Lookup | None, "a table of polyest, or None for the exact reward")
    prompts = len(problem.reference)
    shapes = np.shape(reward.mixing), np.shape(reward.offset)
    wanted = (prompts, prompts), (prompts, problem.number)
    if shapes != wanted or not all(np.isfinite(a).all() for a in (reward.mixing, reward.offset)):
        raise InvalidGame(
            f"mixing and offset of shapes {shapes[0]} and {shapes[1]}: expected finite numbers of shapes "
            f"{wanted[0]} and {wanted[1]}"
        )
    for name, value in numbers.items():
        least = LEAST_OF[name]
        if not whole(value, least, MOST_TRACES):
            raise InvalidGame(
                f"{name} is {shown(value)}: expected an integer of at least {least}, at most {MOST_TRACES}"
            )
    if (traces := prod(numbers.values()) * prompts) > MOST_TRACES:
        raise InvalidGame(
            f"{traces} completions a step: expected at most {MOST_TRACES}; take fewer groups"
        )
    try:
        listed = [real(rate) for rate in rates]
    except TypeError:
        raise InvalidGame(
            f"rates is {shown(rates)}: expected a sequence of positive numbers"
        ) from None
    if not all(0 < rate < np.inf for rate in listed):
        raise InvalidGame(
            f"rates between {min(listed)} and {max(listed)}: expected positive numbers"
        )
    return listed
