"""verl's own PPOTrainer over a softmax of a few answers: its fit, steps, balance, advantages and metrics.

What needs a model or other processes is a stand-in: the queue (verl_queue.py), the rollout, which draws
answers from the softmax and scores them by `compute_score`, and the actor, which takes a step along the
advantages.
"""

import sys
import warnings
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import torch
from verl_buffer import replay_buffer, verl_sampler
from verl_imports import core_algos
from verl_queue import Meta, Queue

from polyest.integrations.verl import compute_score

ANSWERS = ["7", "3", "5", "no idea"]
N = 8  # completions of a prompt
PROMPTS = 4  # of a batch


def rows_in_one(rows):
    """Rows as TransferQueue gives them: what are tensors is nested, whatever their lengths."""
    stack = import_module("tensordict.tensorclass").NonTensorStack
    columns = {name: [one[name] for one in rows] for name in rows[0]}
    nested = {
        name: torch.nested.as_nested_tensor(each, layout=torch.jagged)
        if isinstance(each[0], torch.Tensor)
        else stack(*each)
        for name, each in columns.items()
    }
    return import_module("tensordict").TensorDict(nested, batch_size=len(rows))


class Policy:
    """A softmax over `ANSWERS`, the same for all prompts."""

    def __init__(self, logits, rate):
        self.logits, self.rate = torch.tensor(logits, dtype=torch.float64), rate
        self.chance = torch.Generator().manual_seed(0)

    @property
    def p(self):
        return self.logits.softmax(0)

    def entropy(self):
        return float(-(self.p * self.p.log()).sum())

    def draw(self, number):
        return torch.multinomial(self.p, number, True, generator=self.chance).tolist()


class Rollout:
    """verl's AgentLoopManager: the completions of each prompt of a batch, into the queue."""

    def __init__(self, policy, queue, truth):
        self.policy, self.queue, self.truth = policy, queue, truth
        self.said = {}  # all answers of a prompt, by its uid

    def generate_sequences(self, batch):
        for uid in [*batch["uid"]]:
            uid = str(getattr(uid, "data", uid))
            self.said[uid] = [ANSWERS[i] for i in self.policy.draw(N)]
            rows = [self._row(text, 1 + i % 3) for i, text in enumerate(self.said[uid])]
            self.queue.drawn(1, {uid: rows})

    def _row(self, text, tokens):
        score = compute_score("", text, self.truth)
        ids = torch.full((tokens,), ANSWERS.index(text))
        prompt, mask = torch.zeros(2, dtype=torch.int64), torch.ones(tokens, dtype=torch.int64)
        scores = torch.zeros(tokens)
        scores[-1] = score["score"]
        whole = torch.cat([prompt, ids])
        return {
            "prompts": prompt,
            "responses": ids,
            "response_mask": mask,
            "loss_mask": mask,
            "input_ids": whole,
            "attention_mask": torch.ones_like(whole),
            "position_ids": torch.arange(len(whole)),
            "rm_scores": scores,
            "rollout_log_probs": torch.zeros(tokens),
            "num_turns": 2,
            "extra_fields": {"reward_extra_info": score},
        }


class Actor:
    """verl's worker group: no log probabilities, and a step along the advantages that verl computed."""

    def __init__(self, policy, queue):
        self.policy, self.queue, self._dispatch_info = policy, queue, {"actor": [0]}
        self.steps = []  # of each step: key -> answer and advantage; the number of rows, padding among them

    def compute_log_prob(self, batch):
        for key in batch.keys:
            row = self.queue.partitions[batch.partition_id][key][0]
            row["log_probs"] = row["entropy"] = torch.zeros(len(row["input_ids"]))
        return batch

    def update_actor(self, batch):
        kept = self.queue.partitions[batch.partition_id]
        real = [k for k, t in zip(batch.keys, batch.tags, strict=True) if not t.get("is_padding")]
        step, gradient = {}, torch.zeros(len(ANSWERS), dtype=torch.float64)
        for key in batch.keys:
            row = kept[key][0]
            if key not in real:
                assert not row["advantages"].any()
                continue
            answer, advantage = int(row["responses"][0]), float(row["advantages"][0])
            assert torch.equal(row["advantages"], row["returns"])
            step[key] = ANSWERS[answer], advantage
            one = torch.zeros_like(gradient)
            one[answer] = 1
            gradient += advantage * (one - self.policy.p) / len(real)
        self.policy.logits += self.policy.rate * gradient
        self.steps.append((step, len(batch.keys)))
        return {"metrics": {"loss": [0.0], "mfu": [0.0]}}


def trained(monkeypatch, overrides, steps, logits=(1.0, 0.5, 0.0, -0.5), rate=1.0, truth="7"):
    """A run of PPOTrainerSync.fit: the actor, the rollout, and what each step logged."""
    from hydra import compose, initialize_config_module

    queue = Queue(rows_in_one)
    monkeypatch.delitem(core_algos.ADV_ESTIMATOR_REGISTRY, verl_sampler.SAMPLED, raising=False)
    monkeypatch.setitem(sys.modules, "transfer_queue", queue)
    for name in [name for name in sys.modules if name.startswith("verl.trainer.ppo.v1.trainer")]:
        monkeypatch.delitem(sys.modules, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = import_module("verl.trainer.ppo.v1.trainer_base")
        sync = import_module("verl.trainer.ppo.v1.trainer_sync").PPOTrainerSync
        padding = import_module("verl.trainer.ppo.padding_utils")
        with initialize_config_module("verl.trainer.config", version_base=None):
            config = compose("ppo_trainer", overrides=[*settings(steps), *overrides])
    for module in (base, padding, replay_buffer):
        monkeypatch.setattr(module, "tq", queue)
        monkeypatch.setattr(module, "KVBatchMeta", Meta)
    logged = []
    record = SimpleNamespace(log=lambda data, step: logged.append(dict(data)))
    monkeypatch.setattr(base, "Tracking", lambda **_: record)
    made = sync(config)
    policy = Policy(logits, rate)
    rollout, actor = Rollout(policy, queue, truth), Actor(policy, queue)
    made.global_steps, made.steps_per_epoch, made.total_training_steps = 0, steps, steps
    made.tokenizer = SimpleNamespace(eos_token_id=0)
    made.actor_rollout_wg, made.resource_pool_manager = actor, SimpleNamespace(get_n_gpus=lambda: 1)
    made.reward_loop_manager = SimpleNamespace(reward_loop_worker_handles=[None])
    made.checkpoint_manager = SimpleNamespace(
        update_weights=lambda step: None, sleep_replicas=lambda: None
    )
    one = {"raw_prompt": np.array(["?"], dtype=object), "index": np.array([0])}
    size = int(config.data.get("gen_batch_size", None) or PROMPTS)
    made.train_dataloader_it = None
    made.train_dataloader = [{name: np.repeat(value, size) for name, value in one.items()}]
    made._init_dump_executor()
    made.fit(rollout)
    assert queue.partitions["train"] == {}  # nothing is left behind
    return SimpleNamespace(actor=actor, rollout=rollout, policy=policy, logged=logged)


def settings(steps):
    return [
        f"data.train_batch_size={PROMPTS}",
        f"actor_rollout_ref.rollout.n={N}",
        "actor_rollout_ref.actor.ppo_mini_batch_size=1",
        "algorithm.use_kl_in_reward=false",
        "trainer.val_before_train=false",
        "trainer.save_freq=-1",
        "trainer.test_freq=-1",
        f"trainer.total_training_steps={steps}",
        "trainer.device=cpu",
        "trainer.resume_mode=disable",
    ]
