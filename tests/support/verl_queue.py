"""A stand-in of verl's TransferQueue, 0.1.11: keys with fields and tags in partitions, in this process.

As the real one it leaves out keys that it does not hold, and gives lists where fields are no tensors.
"""

from copy import deepcopy


class Meta:
    """KVBatchMeta: the keys of a batch, whose size is that of its making, however many keys it has later."""

    def __init__(self, partition_id=None, keys=(), tags=(), fields=None, extra_info=None):
        assert len({*keys}) == len(keys) == len(tags)
        self.partition_id, self.keys, self.tags = partition_id, list(keys), deepcopy(list(tags))
        self.fields, self.extra_info, self.size = fields, dict(extra_info or {}), len(keys)

    def __len__(self):
        return len(self.keys)

    def reorder(self, indexes):
        if len(indexes) != self.size:
            raise ValueError(f"{len(indexes)} indexes do not match the batch size {self.size}")
        self.keys = [self.keys[i] for i in indexes]
        self.tags = [self.tags[i] for i in indexes]


class Queue:
    KVBatchMeta = Meta  # what modules of verl import from it

    def __init__(self, made=dict):
        """made: rows -> what kv_batch_get gives, such as verl's list_of_dict_to_tensordict."""
        self.made, self.partitions, self.asked = made, {}, []

    def drawn(self, step, groups, partition="train"):
        """Rows as verl's AgentLoopWorkerTQ puts them; groups: uid -> fields of each of its completions."""
        kept = self.partitions.setdefault(partition, {})
        for uid, rows in groups.items():
            kept[uid] = ({}, {"is_prompt": True, "status": "finished", "global_steps": step})
            for session, fields in enumerate(rows):
                tag = {"status": "success", "global_steps": step}
                tag |= {"min_global_steps": step, "max_global_steps": step}
                tag |= {"seq_len": len(fields.get("input_ids", ()))}
                kept[f"{uid}_{session}_0"] = ({"uid": uid, **fields}, tag)

    def kv_list(self, partition_id=None):
        self.asked.append(partition_id)
        return {
            name: {key: dict(tag) for key, (_, tag) in kept.items()}
            for name, kept in self.partitions.items()
            if partition_id in (None, name)
        }

    def kv_batch_get(self, keys, partition_id, select_fields=None):
        kept = self.partitions[partition_id]
        rows = [kept[key][0] for key in keys if key in kept]
        names = [*rows[0]] if select_fields is None else select_fields
        names = [name for name in names if all(name in row for row in rows)]
        if self.made is dict:
            return {name: [row[name] for row in rows] for name in names}
        return self.made([{name: row[name] for name in names} for row in rows])

    def kv_batch_put(self, keys, partition_id, fields=None, tags=None):
        kept = self.partitions.setdefault(partition_id, {})
        for i, key in enumerate(keys):
            row, tag = kept.setdefault(key, ({}, {}))
            tag.update({} if tags is None else tags[i])
            for name in () if fields is None else fields.keys():
                value = fields[name][i]
                row[name] = value if hasattr(value, "shape") else getattr(value, "data", value)
        return Meta(partition_id, keys, [kept[key][1] for key in keys])

    def kv_clear(self, keys, partition_id):
        for key in keys:
            self.partitions[partition_id].pop(key, None)


def row(index, source="gsm8k", prompt="?", **info):
    """The columns of a row of verl's dataset."""
    return {
        "data_source": source,
        "extra_info": {"split": "train", "index": index, **info},
        "raw_prompt": [{"role": "user", "content": prompt}],
    }
