"""A stand-in of verl's TransferQueue, 0.1.11: keys with fields and tags in partitions, in this process.

As the real one it leaves out keys that it does not hold, and gives lists where fields are no tensors.
"""


class Queue:
    KVBatchMeta = object  # what modules of verl import from it

    def __init__(self, made=dict):
        """made: rows -> what kv_batch_get gives, such as verl's list_of_dict_to_tensordict."""
        self.made, self.partitions, self.asked = made, {}, []

    def drawn(self, step, groups, partition="train"):
        """Rows as verl's AgentLoopWorkerTQ puts them; groups: uid -> fields of each of its completions."""
        kept = self.partitions[partition] = {}
        for uid, rows in groups.items():
            kept[uid] = ({}, {"is_prompt": True, "status": "finished", "global_steps": step})
            for session, fields in enumerate(rows):
                tag = {"status": "success", "global_steps": step}
                kept[f"{uid}_{session}_0"] = ({"uid": uid, **fields}, tag)

    def kv_list(self, partition_id=None):
        self.asked.append(partition_id)
        return {
            name: {key: tag for key, (_, tag) in kept.items()}
            for name, kept in self.partitions.items()
            if partition_id in (None, name)
        }

    def kv_batch_get(self, keys, partition_id, select_fields):
        kept = self.partitions[partition_id]
        rows = [kept[key][0] for key in keys if key in kept]
        names = [name for name in select_fields if all(name in row for row in rows)]
        if self.made is dict:
            return {name: [row[name] for row in rows] for name in names}
        return self.made([{name: row[name] for name in names} for row in rows])

    def kv_batch_put(self, keys, partition_id, fields):
        kept = self.partitions[partition_id]
        for i, key in enumerate(keys):
            kept[key][0].update({name: fields[name][i] for name in fields.keys()})  # noqa: SIM118


def row(index, source="gsm8k", prompt="?", **info):
    """The columns of a row of verl's dataset."""
    return {
        "data_source": source,
        "extra_info": {"split": "train", "index": index, **info},
        "raw_prompt": [{"role": "user", "content": prompt}],
    }
