"""verl: a sampler that sees whole groups before they are trained on.

    trainer.v1.sampler.custom_sampler.path=pkg://polyest.integrations.verl_sampler
    trainer.v1.sampler.custom_sampler.name=Sampler
    +trainer.v1.sampler.sampler_kwargs.estimator=${algorithm.adv_estimator}
    +trainer.v1.sampler.sampler_kwargs.polyest=${algorithm.polyest}

verl hands an estimator no place for metrics, but merges those that a sampler returns into its own.  So the
sampler reports `polyest.metrics` of the batch, below polyest/.  On request it drops the groups whose
advantages are all 0, by the very estimator (filter=true), and trains on a blind part of each group, with
advantages from all of it (train=n).

With train=n the sampler writes the advantages in place of the scores, and the estimator `polyest_sampled`
passes them on, because it sees no other completion of the group any more.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from polyest import metrics
from polyest.arrays import Array, Floats
from polyest.errors import InvalidReward, NotInstalled
from polyest.integrations.estimators import parse_options
from polyest.integrations.scores import classes
from polyest.integrations.verl import estimate
from polyest.rewards.options import TABLES
from polyest.rewards.renamed import current_name
from polyest.selection import blind
from polyest.values import shown, whole

try:
    from verl.trainer.ppo.v1 import replay_buffer
    from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer, ReplayBufferAsync

    MISSING = False
except ImportError:
    MISSING, ReplayBuffer, ReplayBufferAsync = True, object, object

KNOWN = ("estimator", "polyest", "filter", "train", "train_batch_size", "max_inflight_gen_batches")
OF_VERL = ("history", "prompt")  # options that ask verl's queue for the row of the dataset
PREFIX = "polyest_"
SAMPLED = "polyest_sampled"  # the estimator that passes scores on
EVICTED = "training/filter_groups/evicted_samples"
SURPLUS = "training/filter_groups/discarded_surplus_samples"


class Trajectories(Protocol):
    """What is read of a batch of verl: its keys uid_session_index, and their tags."""

    keys: list[str]
    tags: list[object]


class Settings:
    """The options of the sampler, checked.

    name, options: the reward, and what stands below algorithm.polyest; judged: whether it matters which
    answers are right; filter: whether silent groups are dropped; train: completions of a group that are
    trained on, 0 for all.

    Raises InvalidReward for an option or a value that is unknown, and for orbits that would be cut.
    """

    def __init__(self, given: Mapping[str, object]) -> None:
        """What the keywords of the sampler ask for."""
        if unknown := [name for name in given if name not in KNOWN]:
            raise InvalidReward(
                f"unknown sampler_kwargs {', '.join(unknown)}: expected some of {', '.join(KNOWN)}"
            )
        estimator = str(given.get("estimator"))
        if not estimator.startswith(PREFIX):
            raise InvalidReward(
                f"sampler_kwargs.estimator is {shown(estimator)}: expected the name of one, such as "
                "polyest_log_probability, which computes the advantages"
            )
        self.name = current_name(estimator.removeprefix(PREFIX))
        options: Any = given.get("polyest") or {}
        self.options: dict[str, Any] = dict(options)
        self.filter = bool(given.get("filter", False))
        train: Any = given.get("train", 0)
        if not whole(train, 0):
            raise InvalidReward(
                f"train is {shown(train)}: expected an integer, 0 for all completions"
            )
        self.train = int(train)
        if (self.filter or self.train) and self.options.get("orbits", "none") != "none":
            raise InvalidReward(
                "filter or train over orbits: a group may have a signal there though its own answers agree, "
                'and its orbit is not whole without it; leave them out, or orbits="none"'
            )
        own = {name: value for name, value in self.options.items() if name not in OF_VERL}
        self.judged = parse_options(self.name, own, scored=True).judged
        self.batch: dict[str, Any] = {}
        if self.filter:
            size: Any = given.get("train_batch_size")
            if not whole(size, 1):
                raise InvalidReward(
                    f"train_batch_size is {shown(size)} with filter: expected ${{data.train_batch_size}}"
                )
            inflight: Any = given.get("max_inflight_gen_batches", 1)
            self.batch = {
                "filter_groups_metric": "reward",  # whose place the predicate takes
                "train_batch_size": int(size),
                "gen_batch_size": 1,
                "max_inflight_gen_batches": int(inflight),
            }

    def advantages(self, scores: Floats, uids: list[str]) -> Floats:
        """What the estimator makes of scores (N,): its advantages (N,)."""
        import torch

        rows = torch.tensor(np.asarray(scores), dtype=torch.float64)[:, None]
        centred, _ = estimate(
            self.name,
            rows,
            torch.ones_like(rows),
            {"polyest": self.options},
            np.array(uids, dtype=object),
        )
        return np.asarray(centred[:, 0].numpy())

    def metrics(
        self, scores: Floats, uids: list[str], right: list[float | None]
    ) -> dict[str, float]:
        """What is looked at of a batch; right: the entry `acc` of each completion, None for none."""
        said = classes(
            scores, self.options.get("orbits") == "score", self.options.get("failed", "raise")
        )
        groups = np.unique(uids, return_inverse=True)[1]
        tables = {name: self.options[name] for name in TABLES if name in self.options}
        told = metrics.of_batch(
            said.ids,
            groups=groups,
            rewards=self.advantages(scores, uids),
            **({} if self.name == "tsallis" else tables),
        )
        labelled = (np.bincount(groups, said.labelled) > 0)[groups]
        if self.judged:
            told["unread"] = float((~labelled).mean())
        if labelled.any() and None not in right:
            told["accuracy"] = float(np.array(right, float)[labelled].mean())
        return {f"polyest/{name}": value for name, value in told.items()}


class Counting:
    """What both samplers add to those of verl."""

    def __init__(self, *, sampler_kwargs: Mapping[str, object], **given: object) -> None:
        """A sampler with these options; it raises InvalidReward for one that is none."""
        if MISSING:
            raise NotInstalled(
                "the sampler needs verl and its queue, which are not installed: pip install "
                "'polyest[verl]' TransferQueue"
            )
        self.settings = Settings(sampler_kwargs)
        if self.settings.train:
            registry = import_module("verl.trainer.ppo.core_algos").ADV_ESTIMATOR_REGISTRY
            registry[SAMPLED] = passed_on
        base: Any = super()
        base.__init__(sampler_kwargs=sampler_kwargs, **{**given, **self.settings.batch})

    def sample(
        self, global_steps: int, partition_id: str, batch_size: int
    ) -> tuple[Trajectories, dict[str, float]]:
        """The batch of verl's sampler and its metrics, with those of the answers.

        With train it has the blind part of each group, whose scores are advantages then.
        """
        base: Any = super()
        batch, told = base.sample(global_steps, partition_id, batch_size)
        if partition_id == "val":
            return batch, told
        uids = [_uid(key) for key in batch.keys]
        data = self._read(batch.keys, partition_id, ["rm_scores", "extra_fields"])
        tokens = list(data["rm_scores"])
        scores = _summed(tokens)
        told = {
            **told,
            **self.settings.metrics(scores, uids, list(map(_accuracy, data["extra_fields"]))),
        }
        if self.settings.filter:
            heard = len(set(uids)) + told.get(SURPLUS, 0)
            told["polyest/kept_share"] = heard / (heard + told.get(EVICTED, 0))
        if self.settings.train:
            paid = self.settings.advantages(scores, uids)
            batch = self._pay(batch, partition_id, tokens, paid, uids)
        return batch, told

    def _dapo_filtered_keys(self, partition_id: str) -> tuple[set[str], Counter[float]]:
        """Groups that are finished and whose advantages are all 0, as verl's own method gives its own."""
        mine: Any = self
        if partition_id == "val" or mine.filter_groups_metric is None:
            return set(), Counter()
        finished = mine.finished_keys[partition_id]
        known: dict[str, float | None] = mine._dapo_classification_cache[partition_id]
        for uid in known.keys() - finished:
            del known[uid]
        keys = [
            key for key in mine.partitions[partition_id] if _uid(key) in finished - known.keys()
        ]
        if keys:
            uids = [_uid(key) for key in keys]
            scores = _summed(self._read(keys, partition_id, ["rm_scores"])["rm_scores"])
            heard = {
                uid
                for uid, advantage in zip(uids, self.settings.advantages(scores, uids), strict=True)
                if advantage
            }
            known.update({uid: None if uid in heard else 0.0 for uid in uids})
        silent = {uid: value for uid, value in known.items() if value is not None}
        return set(silent), Counter(silent.values())

    def _read(
        self, keys: list[str], partition_id: str, fields: list[str]
    ) -> Mapping[str, Iterable[Array]]:
        """Fields of trajectories, out of the queue."""
        data: Mapping[str, Iterable[Array]] = replay_buffer.tq.kv_batch_get(
            keys=keys, partition_id=partition_id, select_fields=fields
        )
        return data

    def _pay(
        self,
        batch: Trajectories,
        partition_id: str,
        tokens: list[Array],
        paid: Floats,
        uids: list[str],
    ) -> Trajectories:
        """The blind part of the batch, with its advantages as scores.

        It is a batch of its own, because one whose keys are cut keeps the size that it was made with, and
        cannot be put into another order any more.
        """
        import torch

        packed = import_module("tensordict").TensorDict
        chosen = np.flatnonzero(blind(uids, self.settings.train))
        left = set(chosen.tolist())
        rows = []
        for i in chosen.tolist():
            row = torch.zeros_like(tokens[i])
            row[-1] = paid[i]
            rows.append(row)
        replay_buffer.tq.kv_clear(
            keys=[key for i, key in enumerate(batch.keys) if i not in left],
            partition_id=partition_id,
        )
        part: Trajectories = replay_buffer.KVBatchMeta(
            partition_id=partition_id,
            keys=[batch.keys[i] for i in chosen.tolist()],
            tags=[batch.tags[i] for i in chosen.tolist()],
        )
        scores = torch.nested.as_nested_tensor(rows, layout=torch.jagged)
        replay_buffer.tq.kv_batch_put(
            keys=part.keys,
            partition_id=partition_id,
            fields=packed({"rm_scores": scores}, batch_size=len(rows)),
        )
        return part


class Sampler(Counting, ReplayBuffer):  # type: ignore[misc]
    """The sampler of trainer_mode=sync."""


class AsyncSampler(Counting, ReplayBufferAsync):  # type: ignore[misc]
    """The sampler of the asynchronous modes."""


def passed_on(token_level_rewards: Array, response_mask: Array, **_: object) -> tuple[Array, Array]:
    """Advantages that the sampler wrote as scores, on the tokens of each completion, twice."""
    advantages = token_level_rewards.sum(-1)[:, None] * response_mask
    return advantages, advantages


def _uid(key: str) -> str:
    """The uid in the key uid_session_index of a trajectory."""
    return key.split("_")[0]


def _summed(tokens: Iterable[Array]) -> Floats:
    """The score of each trajectory, which is on one of its tokens."""
    return np.array([float(row.sum()) for row in tokens])


def _accuracy(fields: object) -> float | None:
    """The entry `acc` that the reward function gave beside the score, None where there is none."""
    extra: Any = getattr(fields, "data", fields)
    info = extra.get("reward_extra_info", {})
    return float(info["acc"]) if "acc" in info else None
