"""Real numbers of any type, of numpy and torch, are converted to float64, as for rewards and costs."""

from typing import Any

import numpy as np

from polyest.arrays import Array, Floats, library
from polyest.errors import InvalidReward
from polyest.values import shown


def reals(name: str, values: object, like: Array, wanted: str = "numbers that are real") -> Array:
    """Return a float64 copy of the values, of the library and on the device of `like`.

    name: what the values are called in messages; values: integers, booleans or floats of any size, or
    nested lists of them, in which None becomes nan; wanted: what a message says is expected.  Raises
    InvalidReward for anything else, such as texts, complex numbers, masked arrays and ragged rows.

    >>> reals("costs", [[1, None]], [])
    array([[ 1., nan]])
    """
    xp = library(like)
    if isinstance(values, np.ma.MaskedArray):
        raise InvalidReward(f"{name}: a masked array; expected {wanted}, nan where it is masked")
    try:
        given: Any = np.asarray(values) if xp is np else xp.as_tensor(values, device=like.device)
        if xp is np and given.dtype.kind == "O":
            given = given.astype(np.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise InvalidReward(
            f"{name} are {shown(values)}: expected {wanted} ({error!s:.80})"
        ) from None
    if given.dtype.kind not in "biuf" if xp is np else given.is_complex():
        raise InvalidReward(f"{name} of type {given.dtype}: expected {wanted}")
    return given.astype(np.float64) if xp is np else given.to(xp.float64, copy=True)


def on_host(name: str, values: object, wanted: str = "numbers that are real") -> Floats:
    """Return the values as a numpy float64 array, from any device; the arguments are those of `reals`."""
    numbers = reals(name, values, values, wanted)
    return numbers if isinstance(numbers, np.ndarray) else np.asarray(numbers.detach().cpu())


def looked_at(values: Array) -> bool:
    """Return whether the values can be read: not while torch.compile traces, nor on the meta device."""
    xp = library(values)
    return xp is np or not (xp.compiler.is_compiling() or values.is_meta)
