"""Array types, and `library`, which tells numpy arrays from torch tensors without importing torch."""

import sys
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
Array = Any  # numpy array or torch tensor


def library(values: Any) -> Any:
    """Return the array library of values: torch for its tensors, numpy for anything else.

    >>> library(np.zeros(2)) is np, library([1, 2]) is np
    (True, True)
    """
    torch = sys.modules.get("torch")
    return torch if torch is not None and isinstance(values, torch.Tensor) else np


def static_int(size: Any) -> int:
    """Return a size as an int; torch.compile then makes a graph for this size alone.

    torch.compile may otherwise keep the size as a symbol; `len(range(size))` forces its value.
    """
    return len(range(size))


def int64(values: Array) -> Array:
    """Return integers as contiguous int64: the same array where they are."""
    if library(values) is np:
        return np.ascontiguousarray(values, np.int64)
    return values.long().contiguous()


def as_numpy(values: Array) -> Any:
    """Return values that `host_reads` as a numpy array, without a copy."""
    return values if library(values) is np else values.numpy()


def taken(entries: Array, index: Array) -> Array:
    """Return entries[index] for entries (n,) and an index of any shape in 0..n-1."""
    if library(entries) is np:
        return entries.take(index)
    return entries.index_select(0, index.reshape(-1)).reshape(
        index.shape
    )  # faster than entries[index]


def traced(values: Array) -> bool:
    """Return whether torch.compile or torch.jit.trace traces now, so that there are no values yet."""
    torch = library(values)
    return torch is not np and (torch.compiler.is_compiling() or torch.jit.is_tracing())


def host_reads(values: Array) -> bool:
    """Return whether the host reads values without a wait: they lie in its memory, and nothing traces."""
    if library(values) is np:
        return True
    plain = type(values) is library(values).Tensor
    return plain and values.device.type == "cpu" and not traced(values)
