"""Array types, and `library`, which tells numpy arrays from torch tensors without importing torch."""

import sys
from types import ModuleType
from typing import Any, SupportsIndex

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
Array = Any  # numpy array or torch tensor


def library(values: object) -> ModuleType:
    """Return the array library of values: torch for its tensors, numpy for anything else.

    >>> library(np.zeros(2)) is np, library([1, 2]) is np
    (True, True)
    """
    torch = sys.modules.get("torch")
    return torch if torch is not None and isinstance(values, torch.Tensor) else np


def static_int(size: SupportsIndex) -> int:
    """Return a size as an int; torch.compile then makes a graph for this size alone.

    torch.compile may otherwise keep the size as a symbol; `len(range(size))` forces its value.
    """
    return len(range(size))
