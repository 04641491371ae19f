"""Stand-ins for trainers that do not install on a CPU: as much of their interface as polyest touches.

Each is written from the trainer's source, in the versions named; where the trainer is installed, the tests
take the trainer.  What they keep: names and order of arguments, what is awaited, subtracted and divided.
"""

import sys
import warnings
from dataclasses import dataclass, field
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import torch


def module(monkeypatch, name, **members):
    """A module by that name, and its parents, for one test."""
    parts = name.split(".")
    for i in range(1, len(parts) + 1):
        path = ".".join(parts[:i])
        if path not in sys.modules:
            made = ModuleType(path)
            made.__path__ = []
            monkeypatch.setitem(sys.modules, path, made)
    for member, value in members.items():
        setattr(sys.modules[name], member, value)
    return sys.modules[name]


def installed(name):
    """Whether the trainer itself is there, and no stand-in of it."""
    if name in sys.modules:
        return sys.modules[name].__spec__ is not None
    return find_spec(name) is not None


# slime 0.3.1: utils/types.py, rollout/rm_hub/__init__.py, rollout/sglang_rollout.py, ray/rollout.py


class Status(Enum):
    PENDING = "pending"
    COMPLETED = "completed"
    TRUNCATED = "truncated"
    ABORTED = "aborted"
    FAILED = "failed"


@dataclass
class Sample:
    response: str = ""
    status: Status = Status.COMPLETED
    group_index: int | None = None
    reward: float | None = None
    metadata: dict = field(default_factory=dict)


async def generate_and_rm_group(rm, args, group):
    """The end of slime's generate_and_rm_group under --group-rm."""
    rewards = await rm(args, group)
    for sample, reward in zip(group, rewards, strict=False):
        sample.reward = reward
    return group


def slime_post_process(samples, n_samples_per_prompt, std):
    """slime's _post_process_rewards for grpo."""
    rewards = torch.tensor([sample.reward for sample in samples], dtype=torch.float)
    rewards = rewards.reshape(-1, n_samples_per_prompt)
    rewards = rewards - rewards.mean(dim=-1, keepdim=True)
    return rewards / (rewards.std(dim=-1, keepdim=True) + 1e-6) if std else rewards


# ART 0.5.18: trajectories.py, gather.py


@dataclass
class Trajectory:
    messages_and_choices: list = field(default_factory=list)
    reward: float = 0.0

    def messages(self):
        return [
            {"role": "assistant", **one.message} if isinstance(one, Choice) else one
            for one in self.messages_and_choices
        ]


@dataclass
class Choice:
    message: dict
    finish_reason: str


class TrajectoryGroup:
    def __init__(self, trajectories):
        self.trajectories = list(trajectories)

    def __await__(self):
        async def whole():
            self.trajectories = [await trajectory for trajectory in self.trajectories]
            return self

        return whole().__await__()

    def __len__(self):
        return len(self.trajectories)

    def __iter__(self):
        return iter(self.trajectories)


async def gather_trajectory_groups(groups, *, after_each=None, **_):
    awaited = [await after_each(await group) for group in groups]
    return [group for group in awaited if group is not None]


def art(monkeypatch):
    """ART, the installed one if there is one."""
    if installed("art"):
        import art as real

        return real
    names = {"Trajectory": Trajectory, "TrajectoryGroup": TrajectoryGroup}
    return module(monkeypatch, "art", gather_trajectory_groups=gather_trajectory_groups, **names)


def choice(art, message, finish_reason):
    """A sampled message as OpenAI's client hands it over, with why it ended."""
    if art.Trajectory is Trajectory:
        return Choice(message, finish_reason)
    from openai.types.chat.chat_completion import Choice as Real

    return Real.model_validate({"message": message, "finish_reason": finish_reason, "index": 0})


def art_advantages(rewards, scale):
    """ART's tokenize_trajectory_groups: population deviation, in Python's floats."""
    mean = sum(rewards) / len(rewards)
    std = (sum((reward - mean) ** 2 for reward in rewards) / len(rewards)) ** 0.5
    return [(reward - mean) / (std + 1e-6) if scale else reward - mean for reward in rewards]


# tinker-cookbook 0.6.1: rl/types.py, rl/data_processing.py


class EnvGroupBuilder:
    async def make_envs(self):
        raise NotImplementedError

    async def compute_group_rewards(self, trajectory_group, env_group):
        return [(0.0, {}) for _ in trajectory_group]


def tinker(monkeypatch):
    """The class EnvGroupBuilder, the installed one if there is one."""
    if installed("tinker_cookbook"):
        from tinker_cookbook.rl import types

        return types.EnvGroupBuilder
    module(monkeypatch, "tinker_cookbook.rl.types", EnvGroupBuilder=EnvGroupBuilder)
    return EnvGroupBuilder


def tinker_advantages(rewards):
    """compute_advantages of the cookbook."""
    total = torch.tensor(rewards)
    return total - total.mean()


# rLLM 0.3.0.pre: trainer/algorithms/advantage.py, trainer/algorithms/config.py, types.py


@dataclass
class Turn:
    model_response: str = ""
    advantage: Any = None


@dataclass
class Attempt:
    steps: list
    reward: float | None = 0.0


@dataclass
class Attempts:
    trajectories: list
    group_id: str = ""
    metadata: list = field(default_factory=list)


def rllm(monkeypatch):
    """The registry, with rLLM's own grpo in it."""
    registry = {"grpo": lambda rewards, **_: ([one - one.mean() for one in rewards], rewards)}

    def register_rllm_adv_estimator(name):
        def decorator(function):
            registry[name] = function
            return function

        return decorator

    where = "rllm.trainer.algorithms.advantage"
    module(monkeypatch, where, register_rllm_adv_estimator=register_rllm_adv_estimator)
    return registry


def rllm_collect(registry, groups, role, adv_estimator="grpo", by_role=None):
    """collect_reward_and_advantage_from_trajectory_groups of rLLM: the advantages land on the steps.

    adv_estimator goes through AlgorithmConfig.from_config, which knows rLLM's own names; by_role, the
    trainer's traj_group_adv_estimator_map, is looked up as it is.
    """
    known = adv_estimator if adv_estimator in ("grpo", "rloo") else "other"
    name = (by_role or {}).get(role, known)
    if name not in registry:
        raise ValueError(f"Unknown advantage estimator {name}.")
    rewards = [np.array([one.reward for one in group.trajectories]) for group in groups]
    estimates, _ = registry[name](rewards=rewards, algorithm_config=object(), traj_groups=groups)
    assert len(estimates) == len(groups)
    for group, advantages in zip(groups, estimates, strict=True):
        for one, advantage in zip(group.trajectories, advantages, strict=True):
            for step in one.steps:
                step.advantage = float(advantage)


# SkyRL 0.3.0: backends/skyrl_train/utils/ppo_utils.py, train/trainer.py, training_batch.py


class AdvantageEstimatorRegistry:
    functions: ClassVar[dict] = {}

    @classmethod
    def register(cls, name, function):
        if name in cls.functions:
            raise ValueError(f"advantage estimator '{name}' already registered")
        cls.functions[name] = function

    @classmethod
    def get(cls, name):
        return cls.functions[name]


def skyrl(monkeypatch):
    """The registry; the installed one past skyrl.backends, which does not import on Python 3.11."""
    if installed("skyrl"):
        package = ModuleType("skyrl.backends")
        package.__path__ = [str(Path(find_spec("skyrl").origin).parent / "backends")]
        monkeypatch.setitem(sys.modules, "skyrl.backends", package)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from skyrl.backends.skyrl_train.utils.ppo_utils import (
                AdvantageEstimatorRegistry as Real,
            )
        monkeypatch.setattr(Real, "_functions", {})
        return Real
    monkeypatch.setattr(AdvantageEstimatorRegistry, "functions", {})
    where = "skyrl.backends.skyrl_train.utils.ppo_utils"
    module(monkeypatch, where, AdvantageEstimatorRegistry=AdvantageEstimatorRegistry)
    return AdvantageEstimatorRegistry


def skyrl_compute(registry, name, rewards, mask, uids, pad=0):
    """compute_advantages_and_returns, after the batch was filled up with copies of its first row."""
    rows = [*range(len(rewards)), *[0] * pad]
    return registry.get(name)(
        token_level_rewards=rewards[rows],
        response_mask=mask[rows],
        index=[*uids, *(f"pad{i}" for i in range(pad))],
        values=None,
        grpo_norm_by_std=True,
        gamma=1.0,
        lambd=1.0,
        config=None,
    )


# prime-rl 0.8.1.dev67: orchestrator/algo/base.py, routing.py


@dataclass
class Trace:
    last_reply: str
    trainable: bool = True
    advantages: float | None = None


@dataclass
class Episode:
    traces: list


class Algorithm:
    async def score_group(self, episodes):
        """Assign group-relative annotations to a finalized cohort."""


def iter_trainable_traces(episodes):
    for episode in episodes:
        for trace in episode.traces:
            if trace.trainable:
                yield episode, trace


def assign_advantages(trace, advantages):
    trace.advantages = advantages


def prime_rl(monkeypatch):
    classes = {"grpo": Algorithm}
    where = "prime_rl.orchestrator.algo"
    module(monkeypatch, where, ALGORITHM_CLASSES=classes)
    members = {"Algorithm": Algorithm, "iter_trainable_traces": iter_trainable_traces}
    module(monkeypatch, f"{where}.base", **members)
    module(monkeypatch, f"{where}.routing", assign_advantages=assign_advantages)
    return classes


# Trinity-RFT 0.6.0: algorithm/advantage_fn/advantage_fn.py, common/experience.py, utils/registry.py


@dataclass
class Experience:
    response_text: str | None
    eid: Any
    action_mask: torch.Tensor
    truncate_status: str | None = None
    messages: list | None = None
    advantages: torch.Tensor | None = None
    returns: torch.Tensor | None = None


def experience(text, task=0, run=0, tokens=3, **changes):
    eid = SimpleNamespace(tid=f"0/{task}", rid=f"0/{task}/{run}")
    return Experience(text, eid, torch.ones(tokens), **changes)


class GroupAdvantage:
    def __call__(self, exps, **_):
        return self.process(exps)

    def process(self, exps):
        if len(exps) == 0:
            return [], {}
        groups = self.group_experiences(exps)
        found = [self.calculate_group_advantage(name, group)[1] for name, group in groups.items()]
        names = {name for metrics in found for name in metrics}
        means = {n: float(np.mean([m[n] for m in found if n in m])) for n in names}
        return [one for group in groups.values() for one in group], {
            f"group_advantages/{name}/mean": value for name, value in means.items()
        }

    @classmethod
    def compute_in_trainer(cls):
        return False


def trinity(monkeypatch):
    """The package, in which the adapter finds its base; ADVANTAGE_FN.get takes the path of a class."""
    module(monkeypatch, "trinity.algorithm.advantage_fn", GroupAdvantage=GroupAdvantage)


# Agent Lightning 1.0.2: verl/rollout_adapter.py, verl/rollout_level_advantage.py


def lightning_scores(rewards, tokens=3, dtype=torch.bfloat16):
    """Scores of rows as the adapter has them: on the last token, in bfloat16."""
    scores = torch.zeros(len(rewards), tokens, dtype=dtype)
    scores[:, -1] = torch.tensor(rewards, dtype=dtype)
    return scores


def lightning_advantages(estimator, scores, rollouts, uids, config):
    """compute_rollout_level_advantage: the first row of each rollout is counted, and all rows are paid."""
    first = {}
    for row, rollout in enumerate(rollouts):
        first.setdefault(rollout, row)
    rows = list(first.values())
    index = np.array([uids[row] for row in rows], dtype=object)
    advantages, _ = estimator(
        token_level_rewards=scores[rows],
        response_mask=torch.ones_like(scores[rows]),
        config=config,
        index=index,
    )
    of = dict(zip(first, advantages[:, 0], strict=True))
    return torch.stack([of[rollout] for rollout in rollouts])
