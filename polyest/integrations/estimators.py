"""Answers of a batch -> advantages, for trainers that let a plug-in compute them: count, reward, centre.

    options -> parse_options -> AdvantageOptions
    ids (N,) of answers -> counts in each group -> rewards -> centred              advantages_of
    the same, where a history is kept                                              recorded

    reward                                           baseline                       K
    functions of the count of the own answer         group mean, or leave-one-out   G - 2, per group
    soft_consistency                                 the same                       G - 2 on the own prompt
    coherence, pairwise                              orbit mean, or group mean      no table

Which answers are right may matter, by where=, bonus= and in ground_truth (correctness.py).

Nothing is divided by a standard deviation.  Rewards are dyadic (rewards/dyadic.py), so a group whose
rewards are equal has advantages of exactly 0.  Groups may differ in size.  A completion without answer
stays among the draws and earns the least that a count can earn; with unanswered="exclude" it has advantage
0.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, SupportsIndex

import numpy as np

from polyest import advantages
from polyest.arrays import Bools, Floats, Ints
from polyest.errors import BrokenBatch, BrokenOrbit, InvalidHistory, InvalidReward
from polyest.history.history import History
from polyest.history.ids import Name
from polyest.integrations.correctness import WHERE, Labels, bonus_of, gate_of, known, rewarded
from polyest.integrations.judge import Judge
from polyest.integrations.scores import FAILED
from polyest.rewards import registry
from polyest.rewards.registry import Reward, offered
from polyest.rewards.renamed import current_name, current_options
from polyest.values import among, plain, shown, whole

SHARED = ("beta", "unanswered")
# Options that are not passed on to the reward.
HERE = ("baseline", "group", "incomplete", "where", "bonus", "history")
ORBITS = ("score", "uid", "none")
INCOMPLETE = ("raise", "zero")


class AdvantageOptions(NamedTuple):
    """How ids of answers become advantages.

    name, keywords: a reward of the registry, and what its function is called with.
    baseline: what is subtracted, "group-mean", "leave-one-out" or "orbit-mean".
    group: the most completions that a group may have, or 0 for any number.
    incomplete: "raise", or "zero" for advantages 0 where a group is too small or an orbit is not whole.
    orbits: where the ids of orbits are, in the "score", in the "uid", or "none".
    size: prompts of an orbit.
    least: the fewest completions of a group with which the reward can be paid.
    failed: what a score of 0 or 1 means, which is no class of an answer: "raise", or "no-answer"
    (scores.py).
    history: earlier completions of the prompts, which are counted too; None for none.
    where, bonus: "all", or "right" where wrong answers are paid 0, and what a right one is paid beside
    (correctness.py).
    judge: a function of the texts of a group that says which are right; None for what is said otherwise.
    """

    name: str
    keywords: Mapping[str, Any]
    baseline: str
    group: int = 0
    incomplete: str = "raise"
    orbits: str = "none"
    size: int = 1
    least: int = 1
    failed: str = "raise"
    history: History | None = None
    where: str = WHERE[0]
    bonus: float = 0.0
    judge: Judge | None = None

    @property
    def judged(self) -> bool:
        """Whether it matters which answers are right."""
        asked = self.where != WHERE[0] or self.bonus > 0
        return asked or registry.REWARDS[self.name].labelled

    @property
    def asks(self) -> bool:
        """Whether that has to be said beside the texts, as it matters and no function of them says it."""
        return self.judged and self.judge is None


def parse_options(
    name: str,
    options: Mapping[str, object],
    *,
    interface: Literal["estimators", "groups"] = "estimators",
    scored: bool = False,
) -> AdvantageOptions:
    """What the name of a reward and its options ask for.

    name: a reward of the registry that the interface offers.
    options: beta, unanswered and the reward's own; baseline, group, incomplete, where, bonus and history, as
    in `AdvantageOptions`; for a reward over orbits also orbits and orbit_size, unless the interface is
    "groups", which sees one prompt at a time.
    scored: whether the trainer passes scores in place of texts; then failed is an option too.

    Raises InvalidReward for a name, an option or a value that is unknown here, BrokenOrbit where nothing
    says which prompts are an orbit.

    >>> parse_options("log_probability", {"beta": 0.1, "noise": 4}).baseline
    'group-mean'
    """
    name = current_name(name)
    reward = _row(name, interface)
    wanted: dict[str, Any] = {"unanswered": registry.UNANSWERED, **current_options(name, options)}
    over_orbits = reward.orbits and interface == "estimators"
    known = (
        *SHARED,
        *(HERE if reward.visited else HERE[:-1]),
        *(("failed",) if scored else ()),
        *reward.offered(interface),
        *(("orbits", "orbit_size") if over_orbits else ()),
    )
    if unknown := [str(option) for option in wanted if option not in known]:
        raise InvalidReward(
            f"unknown option {', '.join(unknown)} of {name}: expected some of {', '.join(known)}"
        )
    if missing := [option for option in reward.required if option not in wanted]:
        raise InvalidReward(f"{name} without {', '.join(missing)}: add the option")
    baselines = ("group-mean", "leave-one-out") if reward.table else ("orbit-mean", "group-mean")
    baseline = _among("baseline", wanted.pop("baseline", baselines[0]), baselines)
    incomplete = _among("incomplete", wanted.pop("incomplete", "raise"), INCOMPLETE)
    group = _whole("group", wanted.pop("group", 0), 0)
    failed = _among("failed", wanted.pop("failed", FAILED[0]), FAILED)
    past: Any = wanted.pop("history", None)
    where, judge = gate_of(wanted.pop("where", None), scored)
    bonus = bonus_of(name, where, wanted.pop("bonus", 0.0))
    least = 2 + max(reward.least_draws(wanted), 1) if reward.table else 1
    how = AdvantageOptions(
        name,
        wanted,
        baseline,
        group,
        incomplete,
        least=least,
        failed=failed,
        history=past,
        where=where,
        bonus=bonus,
        judge=judge,
    )
    if not over_orbits:
        return how
    orbits = wanted.pop("orbits", None)
    if orbits is None:
        raise BrokenOrbit(
            f"{name} without the options orbits and orbit_size: expected them to say which prompts ask the "
            'same; orbits="none" makes every prompt an orbit of its own'
        )
    orbits = _among("orbits", orbits, ORBITS)
    size = _whole("orbit_size", wanted.pop("orbit_size", 1), 1)
    if (orbits == "none") != (size == 1):
        raise BrokenOrbit(
            f'orbit_size is {size} with orbits="{orbits}": expected the number of prompts of an orbit, at '
            'least 2, and 1 with "none"'
        )
    return how._replace(orbits=orbits, size=size)


def advantages_of(
    how: AdvantageOptions,
    ids: Ints,
    groups: Iterable[object],
    orbits: Iterable[object] | None = None,
    prompts: Sequence[Name] | None = None,
    labels: Labels | None = None,
) -> Floats:
    """Advantages of a batch of completions.

    ids: int64 (N,), equal for equal answers of a prompt or an orbit, -1 for no answer.
    groups, orbits: for each completion what its prompt and its orbit are called, anything that can be
    hashed.
    prompts: for each completion the id of its prompt, the same in every batch, for a history.
    labels: which answers are right, if that matters (`judged`).

    Returns float64 (N,), finite, and 0 where all rewards of a group are equal.  Raises BrokenBatch for
    groups that are larger than promised or too small for their table, BrokenOrbit for orbits that are not
    whole, TableNotFound where no table is released for the size of a group.

    >>> how = parse_options("log_probability", {"table": "harmonic"})
    >>> advantages_of(how, np.array([7, 7, 7, 3]), ["a"] * 4).tolist()
    [0.375, 0.375, 0.375, -1.125]
    """
    named = list(groups)
    group = _numbered("groups", named)
    if group.shape != np.shape(ids):
        raise BrokenBatch(
            f"{len(ids)} answers and {len(group)} ids of groups: expected one for each completion"
        )
    sizes = np.bincount(group)
    if how.group and (sizes > how.group).any():
        odd = int(np.argmax(sizes))
        raise BrokenBatch(
            f"group {named[int(np.argmax(group == odd))]!r} has {sizes[odd]} completions, more than the "
            f"{how.group} sampled: its id repeats, across prompts or for several outputs of one completion; "
            "give every prompt an id of its own, and one row to every completion"
        )
    kept = _large_enough(how, group, sizes, named)
    orbit = group
    if registry.REWARDS[how.name].orbits:
        if orbits is not None:
            orbit = _numbered("orbits", list(orbits))
        kept &= _whole_orbits(how, group, sizes, orbit)
    if not how.judged:
        labels = None
    elif labels is None:
        raise InvalidReward(
            f"{how.name} with where, bonus or right answers of its own: expected labels, which say what is "
            "right"
        )
    by_row = np.zeros(len(group))
    for rows in _batches(how, kept, sizes[group]):
        visited = _visited(how, prompts, rows)
        right = None if labels is None else labels.right[rows]
        by_row[rows] = _centred_rewards(how, ids[rows], group[rows], orbit[rows], visited, right)
    if labels is not None:
        by_row[~known(labels, group)] = 0.0
    return by_row


def recorded(
    how: AdvantageOptions,
    ids: Ints,
    groups: Iterable[object],
    orbits: Iterable[object] | None = None,
    prompts: Sequence[Name] | None = None,
    step: int | None = None,
    labels: Labels | None = None,
) -> Floats:
    """Advantages of a batch that is trained on, which is recorded in the history, if there is one.

    ids, groups, orbits, prompts, labels: as in `advantages_of`; every completion that was drawn.
    step: the number of the step, None for the next one.

    Returns float64 (N,).  Raises what `advantages_of` and `History.record` do; nothing is recorded of a
    batch that has no advantages.

    >>> past = History(stable_ids=True)
    >>> how = parse_options("log_probability", {"table": "harmonic", "history": past})
    >>> ids, groups = np.array([7, 7, 7, 3]), ["a"] * 4
    >>> recorded(how, ids, groups, prompts=["3+4"] * 4).tolist()
    [0.375, 0.375, 0.375, -1.125]
    >>> recorded(how, ids, groups, prompts=["3+4"] * 4).round(2).tolist()  # K = 4 + 4 - 2
    [0.32, 0.32, 0.32, -0.96]
    """
    by_row = advantages_of(how, ids, groups, orbits, prompts, labels)
    if how.history is not None and prompts is not None:
        how.history.record(ids, prompts=prompts, step=step)
    return by_row


def finite_in_float32(paid: Floats) -> Floats:
    """The same rewards, checked: trainers keep them in float32.

    Raises InvalidReward where one would be infinite there.

    >>> finite_in_float32(np.array([0.5, np.nan])).tolist()
    [0.5, nan]
    """
    if (np.abs(paid) > np.finfo(np.float32).max).any():
        raise InvalidReward(
            f"a reward is {paid.flat[np.nanargmax(np.abs(paid))]:g}, which is infinite in float32, in which "
            "trainers keep it: use a smaller beta"
        )
    return paid


def too_small(how: AdvantageOptions, size: int) -> str:
    """What is wrong with a group of this size, for a message."""
    return (
        f"{size} completions: expected at least {how.least}, as K is two less for the table of {how.name}; "
        'sample more per prompt, or give incomplete="zero", and their advantages are 0'
    )


def _row(name: str, interface: str) -> Reward:
    """The row of a reward, if the interface offers it; raises InvalidReward, which says why it does not."""
    here = offered(interface)
    if among(name, here):
        return here[name]
    known = f"use one of {', '.join(here)}"
    if among(name, registry.REWARDS):
        why = registry.REWARDS[name].lacking[interface]
        raise InvalidReward(f"reward {shown(name)} is not offered here ({why}): {known}")
    raise InvalidReward(f"reward {shown(name)} is unknown: {known}")


def _visited(
    how: AdvantageOptions, prompts: Sequence[Name] | None, rows: Bools
) -> dict[str, object]:
    """Keywords of a reward with a history, for some rows; none without one."""
    if how.history is None:
        return {}
    if prompts is None or len(prompts) != len(rows):
        many = "missing" if prompts is None else f"{len(prompts)} ids"
        raise InvalidHistory(
            f"prompts are {many} for {len(rows)} completions: expected the id of its prompt for each, as "
            "the history keeps counts by prompt"
        )
    return {"history": how.history, "prompts": [prompts[i] for i in np.flatnonzero(rows).tolist()]}


def _centred_rewards(
    how: AdvantageOptions,
    ids: Ints,
    group: Ints,
    orbit: Ints,
    visited: Mapping[str, object],
    right: Bools | None,
) -> Floats:
    """Rewards (N,) less their baseline; ids, group and orbit are integers (N,)."""
    reward = registry.REWARDS[how.name]
    over = {"orbits": orbit} if reward.orbits else visited
    keywords = {"groups": group, **over, **how.keywords}
    paid = finite_in_float32(rewarded(reward, ids, keywords, right, how.where, how.bonus))
    centred = advantages.leave_one_out if how.baseline == "leave-one-out" else advantages.group_mean
    rewards: Floats = centred(paid, groups=orbit if how.baseline == "orbit-mean" else group)
    return rewards


def _batches(how: AdvantageOptions, kept: Bools, size: Ints) -> list[Bools]:
    """Masks (N,) of rows that are rewarded in one call: all, or over orbits those in groups of one size."""
    if not registry.REWARDS[how.name].orbits:
        return [kept] if kept.any() else []
    return [kept & (size == G) for G in np.unique(size[kept])]


def _large_enough(how: AdvantageOptions, group: Ints, sizes: Ints, named: list[object]) -> Bools:
    """Whether each completion (N,) is in a group that is large enough for its table."""
    kept = sizes[group] >= how.least
    if how.incomplete == "raise" and not kept.all():
        row = int(np.argmin(kept))
        raise BrokenBatch(f"group {named[row]!r} has {too_small(how, int(sizes[group[row]]))}")
    return kept


def _whole_orbits(how: AdvantageOptions, group: Ints, sizes: Ints, orbit: Ints) -> Bools:
    """Whether each completion (N,) is in an orbit of the promised size, with groups of one size."""
    if orbit.shape != group.shape:
        raise BrokenOrbit(
            f"{len(group)} completions and {len(orbit)} orbits: expected one for each"
        )
    of_group = np.zeros(len(sizes), np.int64)
    of_group[group] = orbit
    if (of_group[group] != orbit).any():
        raise BrokenOrbit(
            "completions of one group name different orbits: expected one for all of them"
        )
    prompts = np.bincount(of_group)
    least, most = np.full(len(prompts), 2**62), np.zeros(len(prompts), np.int64)
    np.minimum.at(least, of_group, sizes)
    np.maximum.at(most, of_group, sizes)
    whole = (prompts == how.size) & (least == most)
    if how.incomplete == "raise" and not whole.all():
        odd = int(np.argmin(whole))
        raise BrokenOrbit(
            f"{int((~whole).sum())} of {len(whole)} orbits are not whole, one has {prompts[odd]} prompts of "
            f"{least[odd]} to {most[odd]} completions: expected {how.size} prompts with as many completions "
            "each in one batch; keep the rows of an orbit together, or give "
            'incomplete="zero", and advantages of such orbits are 0'
        )
    return np.asarray(whole[orbit])


def _numbered(name: str, values: list[object]) -> Ints:
    """A number 0, 1, ... for each value, equal for equal ones, in order of appearance."""
    known: dict[object, int] = {}
    values = [plain(value) for value in values]
    try:
        return np.array([known.setdefault(value, len(known)) for value in values], np.int64)
    except TypeError as error:
        raise BrokenBatch(f"{name}: {error}; expected texts or numbers") from None


def _among(name: str, value: object, known: tuple[str, ...]) -> str:
    if not among(value, known):
        raise InvalidReward(f"{name} is {shown(value)}: expected one of {', '.join(known)}")
    return str(value)


def _whole(name: str, value: SupportsIndex, least: int) -> int:
    if not whole(value, least):
        raise InvalidReward(f"{name} is {shown(value)}: expected an integer of at least {least}")
    return int(value)
