"""Whole groups of texts -> rewards, for trainers that hand them over: slime, ART, tinker, prime-rl, rLLM.

    reward = GroupReward("log", kind="boxed", beta=0.1)
    reward(texts)                       # the texts of one group -> list of finite floats

These trainers subtract the group's mean themselves, so the table is that of K = G - 2 draws, and they know
no missing reward: a trace without answer earns what the rarest answer could (`unanswered="lowest"`), or,
with centred=True and unanswered="exclude", exactly the mean.  A trace that was cut, or that ends in a call of
a tool, has no answer.  The hooks below are what each trainer calls; none imports a trainer.
Switch off every division by a standard deviation.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from polyest.advantages import group_mean
from polyest.arrays import Floats
from polyest.errors import BrokenBatch, InvalidReward
from polyest.integrations.estimators import (
    REWARDS,
    UNTABLED,
    Credit,
    chosen,
    credited,
    held,
    too_small,
)
from polyest.integrations.messages import said as said_in
from polyest.integrations.reader import taken
from polyest.integrations.tokens import per_token
from polyest.values import shown

Text = str | None
# Values of slime's Sample.Status of which the response is no finished one.
UNFINISHED = ("truncated", "aborted", "failed", "pending")
# Values of tinker-cookbook's StopReason that say the same.
LIMITS = (
    "max_tokens",
    "max_sampled_tokens",
    "max_tool_calls",
    "context_overflow",
    "rollout_timeout",
)
COMPARED = ("fuzzy", "encode", "distance")  # ways in which "pairwise" compares texts


class GroupReward:
    """A reward of one group of texts; a picklable callable with a __name__.

    name: one of `crediting.REWARDS` but "soft", which needs orbits: log, diversity, tsallis, polynomial,
    coherence (the majority of the group), pairwise.  kind, choices, equivalence: as in `reader.Answering`.
    centred: less the group's mean already, so that a trainer's own mean changes nothing; its logs then show
    a mean reward of 0.  With unanswered="exclude", which only goes with it, a trace without answer has 0
    exactly.  incomplete: "raise", or "zero" for rewards 0 where
    a group is too small for its table.  Other keywords are the reward's own: beta, noise, criterion, table,
    unanswered; kind of diversity is diversity=; "pairwise" takes fuzzy, encode or distance and then
    compares the texts as they are.

    Raises InvalidAnswer and InvalidReward for a name or keyword that is none; called, BrokenBatch,
    InvalidAnswer, InvalidReward, TableNotFound.

    >>> GroupReward("log", table="harmonic", beta=0.5)(["7", "so 7", "7.0", "3"])
    [0.0, 0.0, 0.0, -0.75]
    >>> centred = GroupReward("log", table="harmonic", centred=True, unanswered="exclude")
    >>> centred(["7", "so 7", "?", "3"])
    [0.25, 0.25, 0.0, -0.5]
    """

    def __init__(self, name: str = "log", *, centred: bool = False, **options: Any) -> None:
        """A reward by name, and how answers are read."""
        if name == "soft":
            raise InvalidReward('"soft" is over orbits, and a group is one prompt: use "log"')
        self.texts = {way: options.pop(way) for way in COMPARED if options.get(way)}
        if self.texts and name != "pairwise":
            raise InvalidReward(
                f"{', '.join(self.texts)} with {name}: only pairwise compares texts"
            )
        self.reader = taken(options)
        if "diversity" in options and name == "diversity":
            options["kind"] = options.pop("diversity")
        if not centred and options.get("unanswered", "lowest") != "lowest":
            raise InvalidReward(
                f"unanswered is {shown(options['unanswered'])}: a trainer knows no missing reward; expected "
                '"lowest", or centred=True'
            )
        self.credit = chosen(name, options, orbits=False)
        self.centred = centred
        self.__name__ = f"polyest_{name}"

    def __call__(self, texts: Sequence[Text]) -> list[float]:
        """Rewards of the texts of one group, None for a trace without text: finite, in their order."""
        said = list(texts)
        if not said or any(text is not None and not isinstance(text, str) for text in said):
            raise BrokenBatch(f"texts are {shown(said)}: expected str or None, one for each trace")
        if self.credit.group and len(said) > self.credit.group:
            raise BrokenBatch(
                f"a group of {len(said)} traces, more than the {self.credit.group} sampled: expected one "
                "text for each trace of one prompt"
            )
        if len(said) < self.credit.least:
            if self.credit.incomplete == "zero":
                return [0.0] * len(said)
            raise BrokenBatch(f"a group has {too_small(self.credit, len(said))}")
        paid = self._paid(said)
        if self.centred:
            paid = group_mean(paid)
        return [float(value) for value in paid[0]]

    def _paid(self, said: list[Text]) -> Floats:
        reward, _ = REWARDS[self.credit.name]
        over = self.credit.name in UNTABLED
        if self.texts and all(text is None for text in said):
            return np.zeros((1, len(said)))  # nothing to compare
        row: Any = [said] if self.texts else self.reader.ids(said)[None]
        given = [row] if self.texts else row[None] if over else row
        found: Floats = reward(given, dyadic=True, **self.credit.keywords, **self.texts)
        return held(found).reshape(1, -1)


# What each trainer calls.


def slime(reward: GroupReward) -> Callable[..., Awaitable[list[float]]]:
    """For slime's --custom-rm-path with --group-rm: async rm(args, samples) -> rewards.

    Reads sample.response; a sample whose status is one of `UNFINISHED` has no answer, and stays among the
    draws.  Raises BrokenBatch for one sample (--group-rm is missing), and for a rollout that split a trace
    into several samples.
    """

    async def rm(args: Any, samples: Any, **_: Any) -> list[float]:
        if not isinstance(samples, list):
            raise BrokenBatch("one sample in place of its group: start slime with --group-rm")
        if any(isinstance(sample, list) for sample in samples):
            raise BrokenBatch(
                "a trace in several samples, which would be counted as several: expected one for each"
            )
        return reward([None if _unfinished(sample) else sample.response for sample in samples])

    return rm


def _unfinished(sample: Any) -> bool:
    status = getattr(sample, "status", None)
    return str(getattr(status, "value", status)).lower() in UNFINISHED


def final(trajectory: Any) -> Text:
    """The text of the last message of the model in one of ART's trajectories, None where it has none.

    A choice that was cut (its finish_reason is "length" or "content_filter") and a message that calls tools
    are no answer.
    """
    chosen = [one for one in trajectory.messages_and_choices if hasattr(one, "finish_reason")]
    if chosen and chosen[-1].finish_reason in ("length", "content_filter"):
        return None
    return said_in(trajectory.messages())


def art(
    reward: GroupReward, text: Callable[[Any], Text] = final
) -> Callable[[Any], Awaitable[Any]]:
    """For ART's gather_trajectory_groups(after_each=): async f(group) -> group, its rewards set.

    text: a trajectory -> the text with the answer, or None.  A trajectory that failed is not in its group,
    which is counted as it is; a group too small is dropped (None) where the reward says incomplete="zero".
    """

    async def after_each(group: Any) -> Any:
        found = [text(trajectory) for trajectory in group.trajectories]
        small = len(found) < reward.credit.least
        if not found or (small and reward.credit.incomplete == "zero"):
            return None
        for trajectory, paid in zip(group.trajectories, reward(found), strict=True):
            trajectory.reward = paid
        return group

    return after_each


def tinker(reward: GroupReward, text: Callable[[Any], Text]) -> Callable[..., Awaitable[Any]]:
    """For tinker-cookbook: the method compute_group_rewards of an EnvGroupBuilder.

    text: a trajectory -> the text with the answer, or None.  A trajectory that ended in a limit, or whose
    last tokens did (stop_reason "length"), has no answer.  Returns (reward, metrics) for each; rewards of
    steps are added by the trainer, so let them be 0.
    """

    async def compute_group_rewards(self: Any, trajectory_group: Any, env_group: Any) -> Any:
        paid = reward([None if _ran_out(one) else text(one) for one in trajectory_group])
        return [(value, {}) for value in paid]

    return compute_group_rewards


def _ran_out(trajectory: Any) -> bool:
    """Whether one of tinker's trajectories ended in a limit, and not because it was finished."""
    turns = getattr(trajectory, "transitions", None)
    cut = turns and getattr(turns[-1].ac, "stop_reason", None) == "length"
    return bool(cut) or getattr(trajectory, "stop_reason", None) in LIMITS


def rllm(
    name: str = "log",
    *,
    text: Callable[[Any], Text],
    orbit: Callable[[Any], Any] | None = None,
    **options: Any,
) -> Callable[..., tuple[list[Floats], list[Floats]]]:
    """For rLLM's register_rllm_adv_estimator: f(rewards, algorithm_config, traj_groups) -> advantages twice.

    text: a trajectory -> the text with the answer; orbit: a group -> what its orbit is called, with
    orbit_size= prompts, for coherence, soft and pairwise.  The rewards of trajectories are not read.
    Options as in `reader.Answering`, an equivalence being one of an orbit too, and in `crediting.chosen`.
    """
    reader = taken(options)
    if orbit is not None:
        options = {"orbits": "uid", **options}
    how = chosen(name, options)

    def estimator(
        rewards: Any, algorithm_config: Any = None, *, traj_groups: Any = None, **_: Any
    ) -> tuple[list[Floats], list[Floats]]:
        if traj_groups is None or len(traj_groups) != len(rewards):
            raise BrokenBatch(
                "traj_groups missing: expected them beside the rewards, rLLM 0.3 gives them"
            )
        said = [[text(trajectory) for trajectory in group.trajectories] for group in traj_groups]
        group = [i for i, row in enumerate(said) for _ in row]
        named = [orbit(found) for found in traj_groups] if orbit else list(range(len(said)))
        whose = [named[i] for i in group]
        flat = [one for row in said for one in row]
        ids = np.zeros(len(flat), np.int64)
        for one in dict.fromkeys(whose):  # an equivalence is one of the answers of an orbit
            rows = [i for i, found in enumerate(whose) if found == one]
            ids[rows] = reader.ids([flat[i] for i in rows])
        found = credited(how, ids, group, whose)
        ends = np.cumsum([len(row) for row in said])[:-1]
        parts = [np.asarray(part) for part in np.split(found, ends)]
        return parts, parts

    return estimator


def skyrl(name: str = "log", **options: Any) -> Callable[..., tuple[Any, Any]]:
    """For SkyRL's AdvantageEstimatorRegistry.register: f(token_level_rewards, response_mask, index, ...).

    As on verl the score of a trace is `scores.answer_class` of its text.  Options as in `crediting.chosen`.
    """
    return partial(_skyrl, chosen(name, options, scored=True))


def _skyrl(
    how: Credit, token_level_rewards: Any, response_mask: Any, index: Any = None, **_: Any
) -> tuple[Any, Any]:
    # SkyRL fills a batch up with copies of its first row, whose uids are pad0, pad1, ...
    real = [re.fullmatch(r"pad\d+", str(uid)) is None for uid in (() if index is None else index)]
    mask = response_mask * response_mask.new_tensor(real)[:, None] if real else response_mask
    found = per_token(how, token_level_rewards, mask, index)
    return found, found
