"""Types of arrays, and the library that an array is of: numpy or torch, recognised and never imported."""

import sys
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
Array = Any  # numpy array or torch tensor


def library(values: Any) -> Any:
    """The array library of values: torch for its tensors, else numpy.

    >>> library(np.zeros(2)) is np, library([1, 2]) is np
    (True, True)
    """
    torch = sys.modules.get("torch")
    return torch if torch is not None and isinstance(values, torch.Tensor) else np


def static_int(size: Any) -> int:
    """A size as an int; under torch.compile, which may leave sizes open, a graph for this size alone."""
    return len(range(size))
