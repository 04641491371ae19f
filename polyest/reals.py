"""Real numbers of any type, of numpy and torch, as float64: what rewards, scores and costs are read with."""

from typing import Any

import numpy as np

from polyest.arrays import Array, Floats, library
from polyest.errors import InvalidReward
from polyest.values import shown


def reals(name: str, values: Any, like: Any, wanted: str = "numbers that are real") -> Array:
    """Values as float64, in memory of their own, of the library and on the device of `like`.

    Integers, booleans and floats of any size, nested lists of them, None for nan.  Raises InvalidReward for
    anything else, and says what is `wanted`: texts, complex numbers, masked arrays, ragged rows.

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


def on_host(name: str, values: Any, wanted: str = "numbers that are real") -> Floats:
    """Values as float64 of numpy, from any device."""
    found = reals(name, values, values, wanted)
    return found if isinstance(found, np.ndarray) else np.asarray(found.detach().cpu())


def looked_at(values: Array) -> bool:
    """Whether there are values to look at: not in a graph of torch.compile, nor on the meta device."""
    xp = library(values)
    return xp is np or not (xp.compiler.is_compiling() or values.is_meta)
