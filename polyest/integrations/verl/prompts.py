"""Which prompt a group is of, and at which step it was drawn: what verl keeps in its TransferQueue.

verl gives an estimator a fresh uid for each prompt that it draws, and neither the row of the dataset nor the
step.  Both are in TransferQueue, beside the completions, under keys uid_session_output, until the step ends.
The estimator runs in the process of the trainer, which is connected to it.
"""

import sys
from collections.abc import Sequence
from typing import Any

from polyest.errors import InvalidHistory
from polyest.history.ids import Name
from polyest.values import plain, shown

PARTITION = "train"  # validation is in another one, and is never asked for


def drawn(uids: Sequence[object], named: str) -> tuple[list[Name], int]:
    """The id of the prompt of each completion, and the step.

    uids: of each completion (N,).
    named: the entry of `extra_info` that tells the prompts of a data source apart.

    An id is the data source and the entry.  Raises InvalidHistory where a row has no such entry, or one that
    is no id, two prompts of the batch have one id, they were drawn at different steps, or verl keeps no rows.
    """
    rows = _rows(uids, ("extra_info", "data_source"))
    steps = {row["step"] for row in rows.values()}
    if len(steps) > 1:
        raise InvalidHistory(
            f"a batch of prompts drawn at steps {min(steps)} to {max(steps)}: expected one step, as "
            "trainer.v1.trainer_mode=sync has it"
        )
    name_of = {uid: _name(row, named) for uid, row in rows.items()}
    _told_apart(name_of, named)
    return [name_of[str(uid)] for uid in uids], int(steps.pop())


def _rows(uids: Sequence[object], fields: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Fields of one row of every uid, and its step."""
    queue: Any = sys.modules.get("transfer_queue")
    if queue is None:
        raise InvalidHistory(
            "verl's transfer_queue is not imported, which has the rows of the dataset: a history needs "
            "trainer.use_v1=true, or estimate(prompts=, step=) in a trainer of your own"
        )
    wanted = {str(uid) for uid in uids}
    tags = (queue.kv_list(PARTITION) or {}).get(PARTITION, {})
    key_of = {uid: key for key in tags if (uid := key.rsplit("_", 2)[0]) in wanted and uid != key}
    if lost := wanted - key_of.keys():
        raise InvalidHistory(
            f"{len(lost)} of {len(wanted)} prompts are not in verl's TransferQueue, such as uid "
            f"{shown(min(lost))}: expected the keys uid_session_output of verl 0.9"
        )
    data = queue.kv_batch_get(
        keys=[*key_of.values()], partition_id=PARTITION, select_fields=[*fields]
    )
    given = {*data.keys()}  # a TensorDict knows no `in`
    columns = {name: list(data[name]) if name in given else [] for name in fields}
    if any(len(column) != len(key_of) for column in columns.values()):
        raise InvalidHistory(
            f"rows in verl's TransferQueue without {' or '.join(fields)}: expected them in the dataset"
        )
    return {
        uid: {name: plain(columns[name][i]) for name in fields}
        | {"step": tags[key]["global_steps"]}
        for i, (uid, key) in enumerate(key_of.items())
    }


def _name(row: dict[str, Any], named: str) -> str:
    """The id of the prompt of a row."""
    info = row["extra_info"] or {}
    value = plain(info.get(named))
    if isinstance(value, bool) or not isinstance(value, int | str):
        said = f"is {shown(value)}" if named in info else "is missing"
        raise InvalidHistory(
            f"{shown(named)} {said} in extra_info of a row, which has "
            f"{', '.join(map(str, info)) or 'nothing'}: expected an integer or a text that tells the "
            "prompts of its data source apart; name another entry, algorithm.polyest.prompt"
        )
    return f"{row['data_source']}/{value}"


def _told_apart(name_of: dict[str, str], named: str) -> None:
    """Raise InvalidHistory where two prompts that differ have one id."""
    first = {name: uid for uid, name in reversed(name_of.items())}
    again = {uid: first[name] for uid, name in name_of.items() if first[name] != uid}
    if not again:
        return
    rows = _rows([*again, *again.values()], ("raw_prompt",))
    for uid, other in again.items():
        if rows[uid]["raw_prompt"] != rows[other]["raw_prompt"]:
            raise InvalidHistory(
                f"two prompts are both {shown(name_of[uid])}: expected {shown(named)} of extra_info to tell "
                "the prompts of a data source apart, over all files; name another entry, "
                "algorithm.polyest.prompt"
            )
