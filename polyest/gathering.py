"""A group split over processes, counted whole: every process gets all traces, and knows which are its own.

    (answers, ids), mine = gathering.whole(answers, ids)
    rewards.log_probability(answers, groups=ids)[mine]

Processes may hold different numbers of traces, or none.  Ids of answers must mean the same everywhere, as
those of `answers.identify` do.  Without torch.distributed, or with one process, nothing is sent.
"""

import sys
from typing import Any

import numpy as np

from polyest import counts
from polyest.bernstein import Floats
from polyest.errors import CountOutOfRange

Array = Any  # numpy array or torch tensor; recognised, not imported


def whole(*arrays: Array, process_group: Any = None) -> tuple[tuple[Array, ...], slice]:
    """The arrays of all processes, in the order of their ranks, and the rows that are this one's.

    arrays: numpy or torch, (n, ...) each, n traces of this process, the same number of arrays, kinds and
    trailing dimensions on every process.  Each returns as it came, numpy or torch on its device.  A
    collective call: every process makes it.  Raises CountOutOfRange, on every process, where lengths
    differ within one of them.

    >>> (answers, ids), mine = whole(np.array([7, 7, 3]), np.array([0, 0, 1]))  # one process
    >>> answers.tolist(), ids[mine].tolist()
    ([7, 7, 3], [0, 0, 1])
    """
    lengths = {len(array) for array in arrays}
    distributed = _distributed()
    if distributed is None:
        if len(lengths) != 1:
            raise CountOutOfRange(_uneven(lengths))
        return arrays, slice(0, lengths.pop())
    torch = sys.modules["torch"]
    device = _device(distributed, process_group)
    mine = min(lengths) if len(lengths) == 1 else -1
    sizes = _exchanged(torch.tensor([mine], device=device), distributed, process_group)
    each = [int(size) for size in torch.cat(sizes).tolist()]
    if min(each) < 0:
        raise CountOutOfRange(_uneven(lengths))
    found = []
    for array in arrays:
        values = torch.as_tensor(array).to(device)
        padded = values.new_zeros((max(each), *values.shape[1:]))
        padded[: len(values)] = values
        parts = _exchanged(padded, distributed, process_group)
        joined = torch.cat([part[:size] for part, size in zip(parts, each, strict=True)])
        is_numpy = counts.library(array) is np
        found.append(joined.cpu().numpy() if is_numpy else joined.to(array.device))
    start = sum(each[: distributed.get_rank(process_group)])
    return tuple(found), slice(start, start + mine)


def running() -> bool:
    """Whether a process group is up, so that `whole` is a collective call."""
    return _distributed() is not None


def summed(values: Floats, process_group: Any = None) -> Floats:
    """Sum of float64 values over all processes; a collective call."""
    distributed = _distributed()
    if distributed is None:
        return values
    torch = sys.modules["torch"]
    total = torch.tensor(values, device=_device(distributed, process_group))
    distributed.all_reduce(total, group=process_group)
    return np.asarray(total.cpu().numpy())


def _exchanged(values: Array, distributed: Any, process_group: Any) -> list[Array]:
    parts = [values.clone() for _ in range(distributed.get_world_size(process_group))]
    distributed.all_gather(parts, values, group=process_group)
    return parts


def _distributed() -> Any:
    """torch.distributed where a process group is up, else None."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.distributed.is_available():
        return None
    return torch.distributed if torch.distributed.is_initialized() else None


def _device(distributed: Any, process_group: Any) -> str:
    return "cuda" if distributed.get_backend(process_group) == "nccl" else "cpu"


def _uneven(lengths: set[int]) -> str:
    return f"arrays of {', '.join(map(str, sorted(lengths)))} traces on one process: expected one number"
