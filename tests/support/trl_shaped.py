"""Stand-ins for trainers whose reward functions have the shape of TRL's, and that need accelerators or JAX.

Each is written from the source of the version named, as much of it as a reward meets: what is passed, in
which shape, and what is made of what comes back.
"""

import importlib
import inspect
from dataclasses import asdict, dataclass
from types import SimpleNamespace

import numpy as np
import torch

# ms-swift 4.6.0: rl_core/grpo_algorithm.py, advantage.py and data.py, rlhf_trainers/grpo_trainer.py


def swift_instance(orms, name, args):
    """The end of _prepare_rewards: an instance, and the name that is logged."""
    made = orms[name](args=args)
    return made, made.__name__ if inspect.isfunction(made) else made.__class__.__name__


def swift_rewards(samples, reward_funcs):
    """compute_rewards_per_func: columns of all rows of a process, and None as nan."""
    columns = {key: [sample[key] for sample in samples] for key in samples[0]}
    completions = [sample["messages"][-1]["content"] for sample in samples]
    paid = torch.zeros(len(samples), len(reward_funcs))
    for i, reward in enumerate(reward_funcs):
        output = reward(completions, trainer_state=None, **columns)
        paid[:, i] = torch.tensor([torch.nan if r is None else r for r in output])
    return paid


def swift_advantages(rewards_per_func, num_generations, scale_rewards="group"):
    """compute_advantages for grpo: a missing reward is added as 0."""
    rewards = rewards_per_func.nansum(dim=1)
    grouped = rewards.view(-1, num_generations)
    centred = rewards - grouped.mean(dim=1).repeat_interleave(num_generations)
    if scale_rewards == "group":
        centred = centred / (grouped.std(dim=1).repeat_interleave(num_generations) + 1e-4)
    return centred


def swift_samples(prompts, texts, **columns):
    """Rows of a process: the ids of prompts are numbered over all processes."""
    number = {}
    rows = zip(*columns.values(), strict=True) if columns else [()] * len(texts)
    return [
        {
            "messages": [{"role": "user", "content": p}, {"role": "assistant", "content": t}],
            "prompt_id": f"prompt_{number.setdefault(p, len(number))}",
            "request_id": f"chatcmpl-{i}",
            "finish_reason": "stop",
            "is_truncated": False,
            "rollout_infos": {},
            "response_token_ids": [],
            **dict(zip(columns, row, strict=True)),
        }
        for i, (p, t, row) in enumerate(zip(prompts, texts, rows, strict=True))
    ]


# unsloth 2026.10.9: models/rl_replacements.py and models/rl.py, which rewrite the source of TRL up to 1.15


class UnslothTrainer:
    """Of UnslothGRPOTrainer what TRL's _calculate_rewards leads a reward to."""

    def __init__(self, reward_funcs, num_generations=8, per_device_train_batch_size=8, **changes):
        if per_device_train_batch_size % num_generations:
            per_device_train_batch_size = num_generations
        scale = changes.pop("scale_rewards", "group")
        if changes.get("loss_type") == "dr_grpo" and scale in (True, "group"):
            scale = False
        self.args = SimpleNamespace(
            num_generations=num_generations,
            num_generations_eval=None,
            per_device_train_batch_size=per_device_train_batch_size,
            steps_per_generation=1,
            scale_rewards=True if scale is None else scale,
            **changes,
        )
        self.num_generations, self.num_generations_eval = num_generations, num_generations
        self.model = SimpleNamespace(training=True)
        self.reward_funcs, self.logged = reward_funcs, {}

    def log_metric(self, name, value):
        self.logged[name] = value

    def calculate_rewards(self, prompts, completions, **columns):
        hooks = {"log_metric": self.log_metric, "log_extra": lambda column, values: None}
        return [
            reward(
                prompts=prompts,
                completions=completions,
                completion_ids=[[1]] * len(prompts),
                trainer_state=None,
                **hooks,
                **columns,
            )
            for reward in self.reward_funcs
        ]


# axolotl 0.19.0: core/trainers/grpo/__init__.py, core/trainers/grpo/async_trainer.py


def axolotl_reward(fqn):
    """get_reward_func: what is named by its path, if it takes two arguments at least."""
    module, _, name = fqn.rpartition(".")
    reward = getattr(importlib.import_module(module), name)
    assert len(inspect.signature(reward).parameters) >= 2
    return reward


def axolotl_async_advantages(rewards_per_func, num_generations, scale_rewards):
    """The asynchronous trainer: missing rewards are added as 0, before the mean."""
    rewards = rewards_per_func.nansum(dim=1)
    grouped = rewards.view(-1, num_generations)
    centred = rewards - grouped.mean(dim=1).repeat_interleave(num_generations)
    if scale_rewards != "none":
        centred = centred / (grouped.std(dim=1).repeat_interleave(num_generations) + 1e-4)
    return centred


# tunix 0.1.7: rl/reward_manager.py, rl/algo_core.py, rl/grpo/grpo_learner.py


@dataclass
class TunixConfig:
    num_generations: int = 2
    beta: float = 0.04
    epsilon: float = 0.2


def tunix_rewards(reward_fns, config, prompts, completions, **columns):
    """SequenceRewardManager: arguments of a reward that the configuration has by name are set from it."""
    rewards = np.zeros((len(prompts), len(reward_fns)))
    for i, reward in enumerate(reward_fns):
        known = asdict(config)
        names = [n for n in inspect.signature(reward).parameters if n in known and n not in columns]
        given = {**columns, **{name: known[name] for name in names}}
        paid = reward(prompts=prompts, completions=completions, **given)
        assert len(paid) == len(prompts)
        rewards[:, i] = np.array(paid)
        assert f"rewards/{reward.__name__}"
    return np.nansum(rewards, axis=1)


def tunix_drgrpo(rewards, num_generations):
    return rewards - rewards.reshape(-1, num_generations).mean(axis=1).repeat(num_generations)
