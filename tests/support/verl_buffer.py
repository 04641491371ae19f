"""verl's replay buffer on a queue in memory, in place of TransferQueue, which starts processes of its own."""

import importlib
import sys
from collections import defaultdict
from types import ModuleType, SimpleNamespace

import torch
import verl_imports  # noqa: F401  skips where verl is not installed
from verl_queue import Meta

from polyest.integrations import verl_sampler as verl_sampler
from polyest.integrations.verl import compute_score


class Queue:
    """TransferQueue 0.1 in memory: tags and fields of keys, a partition each."""

    def __init__(self):
        self.tags, self.fields = defaultdict(dict), defaultdict(dict)

    def kv_list(self):
        return {
            name: {key: dict(tag) for key, tag in kept.items()} for name, kept in self.tags.items()
        }

    def kv_batch_get(self, keys, partition_id, select_fields):
        rows = [self.fields[partition_id][key] for key in keys]
        return {name: [row[name] for row in rows] for name in select_fields}

    def kv_clear(self, keys, partition_id):
        for key in keys:
            self.tags[partition_id].pop(key, None)
            self.fields[partition_id].pop(key, None)

    def kv_batch_put(self, keys, partition_id, fields):
        for i, key in enumerate(keys):
            self.fields[partition_id][key]["rm_scores"] = fields["rm_scores"][i]

    def add(self, uid, texts, truth=None, partition="train", step=1):
        """A prompt whose sessions are finished, as the agent loop leaves it."""
        self.tags[partition][uid] = {"is_prompt": True, "status": "finished", "global_steps": step}
        for i, text in enumerate(texts):
            score = compute_score("", text, truth)
            tokens = torch.zeros(2 + i)
            tokens[-1] = score["score"]
            key = f"{uid}_{i}_0"
            self.tags[partition][key] = {"min_global_steps": step, "max_global_steps": step}
            extra = SimpleNamespace(data={"reward_extra_info": score})
            self.fields[partition][key] = {"rm_scores": tokens, "extra_fields": extra}


absent = "transfer_queue" not in sys.modules
if absent:
    sys.modules["transfer_queue"] = ModuleType("transfer_queue")
    sys.modules["transfer_queue"].KVBatchMeta = Meta
try:
    from verl.trainer.ppo.v1 import replay_buffer as replay_buffer
    from verl.trainer.ppo.v1.utils import MetricsAggregator as MetricsAggregator
    from verl.utils.import_utils import load_extern_type as load_extern_type

    if verl_sampler.MISSING:  # it was imported without a queue
        importlib.reload(verl_sampler)
finally:
    if absent:
        del sys.modules["transfer_queue"]
