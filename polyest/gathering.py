"""This module gathers the completions of all processes, so that a split group is counted as a whole.

    (answers, ids), mine = gathering.whole(answers, ids)
    rewards.log_probability(answers, groups=ids)[mine]

Processes may hold different numbers of completions, or none.  An answer must have the same id on every
process, as it has with `answers.identify`.  Without torch.distributed, or with one process, nothing is
sent.
"""

import sys
from hashlib import blake2b
from math import prod
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import Array, Floats, Ints, converted, library
from polyest.errors import CountOutOfRange, PolyestError

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

# Numpy's letters and torch's names of data types are mapped to three kinds: booleans, integers, floats.
KINDS = {
    **dict.fromkeys(("b", "bool"), "b"),
    **dict.fromkeys(("i", "u", "int", "uint"), "i"),
    "f": "f",
}
# Number of 64-bit words of data in the first message, beside its header; longer data needs a second one.
FIRST = 2**11

Kind = tuple[str, tuple[int, ...]]  # the letter b, i or f, and the trailing dimensions
# A header has the length and kind of each array, or the error for which a process cannot send any.
Header = list[tuple[int, Kind]] | PolyestError


def whole(
    *arrays: Array, process_group: "ProcessGroup | None" = None
) -> tuple[tuple[Array, ...], slice]:
    """Gather the arrays of all processes in the order of their ranks.

    This is a collective call: every process has to make it.

    Parameters
    ----------
    *arrays : Array (n, ...)
        The arrays of this process, with one row for each of its n completions.  Every process that has
        completions has to pass the same number of arrays, of the same types and trailing dimensions.
    process_group : torch.distributed.ProcessGroup or None
        The processes; all by default.

    Returns
    -------
    arrays : tuple of Array (N, ...)
        The arrays of all N completions, in the library in which each was passed (numpy, or torch on the
        same device); integers are int64 and reals float64.
    mine : slice
        The rows that belong to this process.

    Raises
    ------
    CountOutOfRange
        On every process, if the arrays of one of them do not match those of the others.

    Examples
    --------
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
    own = np.empty(0, np.int64) if isinstance(mine, PolyestError) else _packed(arrays, mine)
    headers, sent = _announced(mine, own, distributed, process_group)
    each, kinds = _agreed(headers)
    width = sum(prod(trailing) for _, trailing in kinds)
    if max(each) * width > FIRST:
        sent = _exchanged(_padded(own, max(each) * width), distributed, process_group)
    rows = [part[: n * width].reshape(n, width) for part, n in zip(sent, each, strict=True) if n]
    if not rows:
        return arrays, slice(0, 0)
    start = sum(each[: distributed.get_rank(process_group)])
    return _unpacked(np.concatenate(rows), kinds, arrays), slice(start, start + len(arrays[0]))


def refuse(error: PolyestError, process_group: "ProcessGroup | None" = None) -> None:
    """Raise an error in all other processes, which wait in `whole`, because this one cannot take part.

    This is a collective call, which stands for this process's call of `whole`.  With one process it does
    nothing.

    Parameters
    ----------
    error : PolyestError
        The error that the other processes raise.
    process_group : torch.distributed.ProcessGroup or None
        The processes; all by default.

    Examples
    --------
    >>> refuse(CountOutOfRange("process 3 could not read its rows"))
    """
    if (distributed := _sending(process_group)) is not None:
        _announced(error, np.empty(0, np.int64), distributed, process_group)


def running() -> bool:
    """Return whether a process group is initialised, in which case `whole` is a collective call.

    Returns
    -------
    bool
        Whether torch.distributed has been initialised.

    Examples
    --------
    >>> running()
    False
    """
    return _distributed() is not None


def summed(values: Floats, process_group: "ProcessGroup | None" = None) -> Floats:
    """Add values up over all processes.

    This is a collective call: every process has to make it.

    Parameters
    ----------
    values : float64 array
        The values of this process.
    process_group : torch.distributed.ProcessGroup or None
        The processes; all by default.

    Returns
    -------
    float64 array
        The sums, in the shape of `values`.

    Examples
    --------
    >>> summed(np.array([1.0, 2.0])).tolist()  # one process
    [1.0, 2.0]
    """
    distributed = _sending(process_group)
    if distributed is None:
        return values
    torch = sys.modules["torch"]
    total = torch.tensor(values, device=_device(distributed, process_group))
    distributed.all_reduce(total, group=process_group)
    return np.asarray(total.cpu().numpy())


def _header(arrays: tuple[Array, ...]) -> Header:
    """Return the header of the arrays of this process, or an error if they cannot be sent."""
    header = []
    for array in arrays:
        kind = _kind(getattr(array, "dtype", None))
        if not kind or not getattr(array, "ndim", 0):
            name = getattr(array, "dtype", type(array).__name__)
            return CountOutOfRange(
                f"cannot gather {name}: expected arrays of shape (n, ...), of numbers or booleans"
            )
        header.append((len(array), (kind, tuple(array.shape[1:]))))
    lengths = sorted({length for length, _ in header})
    if len(lengths) != 1:
        return CountOutOfRange(
            f"cannot gather arrays of lengths {', '.join(map(str, lengths)) or 'none'} from one process: "
            "expected one length, the number of its completions"
        )
    return header


def _kind(dtype: object) -> str:
    """Return b, i or f for a data type of numpy or torch, and "" for one that cannot be sent."""
    if getattr(dtype, "is_floating_point", False):  # torch has several floats, such as bfloat16
        return "f"
    name = getattr(dtype, "kind", "") or str(dtype).removeprefix("torch.").rstrip("0123456789")
    return KINDS.get(name, "")


def _announced(
    mine: Header, own: Ints, distributed: ModuleType, process_group: "ProcessGroup | None"
) -> tuple[list[Header], Ints]:
    """Exchange a first message; return the headers of all processes and the first words of their rows.

    The message has the number of completions, a digest of the kinds, and the first words.  The headers
    themselves are exchanged only if the digests differ.
    """
    length, digest = 0, -1  # this process has no arrays to send
    if not isinstance(mine, PolyestError):
        length, kinds = mine[0][0], [kind for _, kind in mine]
        digest = int.from_bytes(blake2b(repr(kinds).encode(), digest_size=7).digest(), "big")
    message = _padded(np.append([length, digest], own[:FIRST]), 2 + FIRST)
    heard = _exchanged(message, distributed, process_group)
    announced, sent = heard[:, :2].tolist(), heard[:, 2:]
    if not isinstance(mine, PolyestError) and all(d == digest for _, d in announced):
        return [[(n, kind) for _, kind in mine] for n, _ in announced], sent
    headers: list[Header] = [mine] * len(announced)
    distributed.all_gather_object(headers, mine, group=process_group)
    return headers, sent


def _agreed(headers: list[Header]) -> tuple[list[int], tuple[Kind, ...]]:
    """Return the number of completions of each process, and the kinds of the arrays.

    A process without completions does not determine the kinds.  Raise the error of a process that has
    one, or CountOutOfRange if the processes do not agree.
    """
    valid = []
    for header in headers:
        if isinstance(header, PolyestError):
            raise header
        valid.append(header)
    kinds = {tuple(kind for _, kind in header) for header in valid if header[0][0]}
    if len(kinds) > 1 or len({len(header) for header in valid}) > 1:
        raise CountOutOfRange(
            f"processes gather {' and '.join(map(str, sorted(kinds)))}: expected arrays of the same number, "
            "types and trailing shapes from every process"
        )
    return [header[0][0] for header in valid], next(iter(kinds), ())


def _packed(arrays: tuple[Array, ...], header: list[tuple[int, Kind]]) -> Ints:
    """Put the rows of all arrays side by side and return them flat, as 64-bit words."""
    torch, columns = sys.modules["torch"], []
    for array, (n, (kind, trailing)) in zip(arrays, header, strict=True):
        exact = "float64" if kind == "f" else "int64"
        if library(array) is torch:
            array = array.detach().resolve_neg().to("cpu", getattr(torch, exact)).numpy()
        own = np.ascontiguousarray(array, exact).reshape(n, prod(trailing))
        columns.append(own.view(np.int64))
    return np.concatenate(columns, 1).reshape(-1)


def _unpacked(rows: Ints, kinds: tuple[Kind, ...], like: tuple[Array, ...]) -> tuple[Array, ...]:
    """Split packed rows into arrays, of the libraries and on the devices of the arrays in `like`."""
    arrays: list[Array] = []
    start = 0
    for (kind, trailing), array in zip(kinds, like, strict=True):
        stop = start + prod(trailing)
        joined = np.ascontiguousarray(rows[:, start:stop]).reshape(len(rows), *trailing)
        joined = joined.view(np.float64) if kind == "f" else joined
        joined = joined.astype(bool) if kind == "b" else joined
        arrays.append(converted(joined, array))
        start = stop
    return tuple(arrays)


def _padded(words: Ints, length: int) -> Ints:
    """Append zeros to the words until there are `length` of them."""
    padded = np.zeros(length, np.int64)
    padded[: len(words)] = words
    return padded


def _exchanged(words: Ints, distributed: ModuleType, process_group: "ProcessGroup | None") -> Ints:
    """Send the words and return those of all processes, one row for each; all have the same length."""
    torch = sys.modules["torch"]
    own = torch.as_tensor(words, device=_device(distributed, process_group))
    heard = own.new_empty((distributed.get_world_size(process_group), len(words)))
    distributed.all_gather(list(heard), own, group=process_group)
    return np.asarray(heard.cpu().numpy())


def _sending(process_group: "ProcessGroup | None") -> ModuleType | None:
    """Return torch.distributed if there are other processes, else None."""
    distributed = _distributed()
    alone = distributed is None or distributed.get_world_size(process_group) == 1
    return None if alone else distributed


def _distributed() -> ModuleType | None:
    """Return torch.distributed if a process group is initialised, else None."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.distributed.is_available():
        return None
    return torch.distributed if torch.distributed.is_initialized() else None


def _device(distributed: ModuleType, process_group: "ProcessGroup | None") -> str:
    """Return the type of device that the backend of the process group sends from."""
    return "cuda" if distributed.get_backend(process_group) == "nccl" else "cpu"
