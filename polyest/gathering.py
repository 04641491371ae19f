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
    trailing dimensions on every process that has traces.  Each returns as it came, numpy or torch on its
    device, integers as int64, reals as float64.  A collective call: every process makes it.  Raises
    CountOutOfRange, on every process, where one of them gives arrays that do not fit.

    >>> (answers, ids), mine = whole(np.array([7, 7, 3]), np.array([0, 0, 1]))  # one process
    >>> answers.tolist(), ids[mine].tolist()
    ([7, 7, 3], [0, 0, 1])
    """
    mine = _header(arrays)
    distributed = _distributed()
    if distributed is None or distributed.get_world_size(process_group) == 1:
        if isinstance(mine, str):
            raise CountOutOfRange(mine)
        return arrays, slice(0, mine[0][0])
    torch = sys.modules["torch"]
    headers: list[Any] = [None] * distributed.get_world_size(process_group)
    distributed.all_gather_object(headers, mine, group=process_group)
    for header in headers:
        if isinstance(header, str):
            raise CountOutOfRange(header)
    # A process without traces says nothing of what they are.
    kinds = {tuple(kind for _, kind in header) for header in headers if header[0][0]}
    if len(kinds) > 1 or len({len(header) for header in headers}) > 1:
        raise CountOutOfRange(
            f"processes gather {' and '.join(map(str, sorted(kinds)))}: expected the same of all"
        )
    each = [header[0][0] for header in headers]
    shared = next(iter(kinds), ())
    device = _device(distributed, process_group)
    found = []
    for array, (kind, trailing) in zip(arrays, shared, strict=False):
        exact = torch.float64 if kind == "f" else torch.int64
        padded = torch.zeros((max(each), *trailing), dtype=exact, device=device)
        if len(array):
            padded[: len(array)] = torch.as_tensor(array).to(device=device, dtype=exact)
        parts = [padded.clone() for _ in each]
        distributed.all_gather(parts, padded, group=process_group)
        joined = torch.cat([part[:size] for part, size in zip(parts, each, strict=True)])
        joined = joined.bool() if kind == "b" else joined
        found.append(
            joined.cpu().numpy() if counts.library(array) is np else joined.to(array.device)
        )
    start = sum(each[: distributed.get_rank(process_group)])
    return tuple(found) or arrays, slice(start, start + mine[0][0])


def _header(arrays: tuple[Array, ...]) -> str | list[tuple[int, tuple[str, tuple[int, ...]]]]:
    """Length, kind and trailing shape of each array, or what is wrong with them."""
    found = []
    for array in arrays:
        name = str(getattr(array, "dtype", type(array).__name__)).rpartition(".")[2]
        kind = {"b": "b", "i": "i", "u": "i", "f": "f"}.get(name[:1], "")
        if not kind or not getattr(array, "ndim", 0):
            return f"{name} among what is gathered: expected arrays (n, ...) of numbers or of truth values"
        found.append((len(array), (kind, tuple(array.shape[1:]))))
    lengths = sorted({length for length, _ in found})
    if len(lengths) != 1:
        return f"arrays of {', '.join(map(str, lengths)) or 'no'} traces on one process: expected one number"
    return found


def running() -> bool:
    """Whether a process group is up, so that `whole` is a collective call."""
    return _distributed() is not None


def summed(values: Floats, process_group: Any = None) -> Floats:
    """Sum of float64 values over all processes; a collective call."""
    distributed = _distributed()
    if distributed is None or distributed.get_world_size(process_group) == 1:
        return values
    torch = sys.modules["torch"]
    total = torch.tensor(values, device=_device(distributed, process_group))
    distributed.all_reduce(total, group=process_group)
    return np.asarray(total.cpu().numpy())


def _distributed() -> Any:
    """torch.distributed where a process group is up, else None."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.distributed.is_available():
        return None
    return torch.distributed if torch.distributed.is_initialized() else None


def _device(distributed: Any, process_group: Any) -> str:
    return "cuda" if distributed.get_backend(process_group) == "nccl" else "cpu"
