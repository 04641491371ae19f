"""A group split over processes, counted whole: every process gets all traces, and knows which are its own.

    (answers, ids), mine = gathering.whole(answers, ids)
    rewards.log_probability(answers, groups=ids)[mine]

Processes may hold different numbers of traces, or none.  Ids of answers must mean the same everywhere, as
those of `answers.identify` do.  Without torch.distributed, or with one process, nothing is sent.
"""

import sys
from hashlib import blake2b
from math import prod
from typing import Any

import numpy as np

from polyest import counts
from polyest.bernstein import Floats
from polyest.errors import CountOutOfRange, PolyestError

Array = Any  # numpy array or torch tensor; recognised, not imported
Kind = tuple[str, tuple[int, ...]]  # b, i or f, and the trailing dimensions
Header = (
    list[tuple[int, Kind]] | PolyestError
)  # length and kind of each array, or why there is none


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
    distributed = _sending(process_group)
    if distributed is None:
        if isinstance(mine, PolyestError):
            raise mine
        return arrays, slice(0, mine[0][0])
    each, kinds = _agreed(_headers(mine, distributed, process_group))
    start = sum(each[: distributed.get_rank(process_group)])
    if not any(each):
        return arrays, slice(0, 0)
    joined = _joined(arrays, each, kinds, distributed, process_group)
    return joined, slice(start, start + len(arrays[0]))


def refuse(error: PolyestError, process_group: Any = None) -> None:
    """Raises the error in the other processes, which are in `whole`, as this one has nothing to give.

    A collective call in place of theirs; with one process nothing happens.

    >>> refuse(CountOutOfRange("process 3 could not read its rows"))
    """
    if (distributed := _sending(process_group)) is not None:
        _headers(error, distributed, process_group)


def running() -> bool:
    """Whether a process group is up, so that `whole` is a collective call."""
    return _distributed() is not None


def summed(values: Floats, process_group: Any = None) -> Floats:
    """Sum of float64 values over all processes; a collective call."""
    distributed = _sending(process_group)
    if distributed is None:
        return values
    torch = sys.modules["torch"]
    total = torch.tensor(values, device=_device(distributed, process_group))
    distributed.all_reduce(total, group=process_group)
    return np.asarray(total.cpu().numpy())


def _header(arrays: tuple[Array, ...]) -> Header:
    found = []
    for array in arrays:
        name = str(getattr(array, "dtype", type(array).__name__)).rpartition(".")[2]
        kind = {"b": "b", "i": "i", "u": "i", "f": "f"}.get(name[:1], "")
        if not kind or not getattr(array, "ndim", 0):
            return CountOutOfRange(
                f"{name} among what is gathered: expected arrays (n, ...) of numbers or of truth values"
            )
        found.append((len(array), (kind, tuple(array.shape[1:]))))
    lengths = sorted({length for length, _ in found})
    if len(lengths) != 1:
        return CountOutOfRange(
            f"arrays of {', '.join(map(str, lengths)) or 'no'} traces on one process: expected one number"
        )
    return found


def _headers(mine: Header, distributed: Any, process_group: Any) -> list[Header]:
    """Headers of all processes: two integers of each, and all of it only where these do not settle it."""
    torch = sys.modules["torch"]
    size = distributed.get_world_size(process_group)
    length, digest = 0, -1  # of none
    if not isinstance(mine, PolyestError):
        length, kinds = mine[0][0], [kind for _, kind in mine]
        digest = int.from_bytes(blake2b(repr(kinds).encode(), digest_size=7).digest(), "big")
    short = torch.tensor([length, digest], device=_device(distributed, process_group))
    parts = [torch.empty_like(short) for _ in range(size)]
    distributed.all_gather(parts, short, group=process_group)
    said = torch.stack(parts).tolist()
    if not isinstance(mine, PolyestError) and all(d == digest for _, d in said):
        return [[(n, kind) for _, kind in mine] for n, _ in said]
    headers: list[Header] = [mine] * size
    distributed.all_gather_object(headers, mine, group=process_group)
    return headers


def _agreed(headers: list[Header]) -> tuple[list[int], tuple[Kind, ...]]:
    """Traces of each process, and the kinds of the arrays, of which one without traces says nothing."""
    read = []
    for header in headers:
        if isinstance(header, PolyestError):
            raise header
        read.append(header)
    kinds = {tuple(kind for _, kind in header) for header in read if header[0][0]}
    if len(kinds) > 1 or len({len(header) for header in read}) > 1:
        raise CountOutOfRange(
            f"processes gather {' and '.join(map(str, sorted(kinds)))}: expected the same of all"
        )
    return [header[0][0] for header in read], next(iter(kinds), ())


def _joined(
    arrays: tuple[Array, ...],
    each: list[int],
    kinds: tuple[Kind, ...],
    distributed: Any,
    process_group: Any,
) -> tuple[Array, ...]:
    """The arrays of all, sent as one of 64-bit words."""
    torch = sys.modules["torch"]
    device = _device(distributed, process_group)
    widths = [prod(trailing) for _, trailing in kinds]
    words = torch.zeros((max(each), sum(widths)), dtype=torch.int64, device=device)
    if n := len(arrays[0]):
        for column, array, (kind, _) in zip(words.split(widths, 1), arrays, kinds, strict=True):
            exact = torch.float64 if kind == "f" else torch.int64
            own = torch.as_tensor(array).to(device=device, dtype=exact).contiguous()
            column[:n] = own.view(torch.int64).reshape(n, -1)
    parts = [torch.empty_like(words) for _ in each]
    distributed.all_gather(parts, words, group=process_group)
    rows = torch.cat([part[:size] for part, size in zip(parts, each, strict=True)])
    found = []
    for column, array, (kind, trailing) in zip(rows.split(widths, 1), arrays, kinds, strict=True):
        joined = column.contiguous().reshape(len(rows), *trailing)
        joined = joined.view(torch.float64) if kind == "f" else joined
        joined = joined.bool() if kind == "b" else joined
        numpy = counts.library(array) is np
        found.append(joined.cpu().numpy() if numpy else joined.to(array.device))
    return tuple(found)


def _sending(process_group: Any) -> Any:
    """torch.distributed where there are other processes, else None."""
    distributed = _distributed()
    alone = distributed is None or distributed.get_world_size(process_group) == 1
    return None if alone else distributed


def _distributed() -> Any:
    """torch.distributed where a process group is up, else None."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.distributed.is_available():
        return None
    return torch.distributed if torch.distributed.is_initialized() else None


def _device(distributed: Any, process_group: Any) -> str:
    return "cuda" if distributed.get_backend(process_group) == "nccl" else "cpu"
