"""This module converts real numbers of any type and library to float64, such as rewards and costs."""

import numpy as np

from polyest.arrays import (
    Array,
    Floats,
    converted,
    doubles,
    holds,
    kind_of,
    library,
    mixture,
    to_numpy,
    traced,
)
from polyest.errors import InvalidReward
from polyest.values import shown

REALS = ("b", "i", "u", "f")  # as `arrays.kind_of` calls them


def reals(name: str, values: object, like: Array, wanted: str = "numbers that are real") -> Array:
    """Return a float64 copy of the values, of the library and on the device of `like`.

    Another library than numpy and torch may have shorter floats; then they are of its longest.

    name: what the values are called in messages; values: integers, booleans or floats of any size, or
    nested lists of them, in which None becomes nan; wanted: what a message says is expected.  Raises
    InvalidReward for anything else, such as texts, complex numbers, masked arrays and ragged rows.

    >>> reals("costs", [[1, None]], [])
    array([[ 1., nan]])
    """
    if isinstance(values, np.ma.MaskedArray):
        raise InvalidReward(f"{name}: a masked array; expected {wanted}, nan where it is masked")
    if mixed := mixture(values, like):
        raise InvalidReward(f"{name}: {mixed}")
    try:
        given = converted(values, like)
        if isinstance(given, np.ndarray) and given.dtype.kind == "O":
            given = given.astype(np.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise InvalidReward(
            f"{name} are {shown(values)}: expected {wanted} ({error!s:.80})"
        ) from None
    if kind_of(given) not in REALS:
        raise InvalidReward(f"{name} of type {given.dtype}: expected {wanted}")
    return doubles(given, copy=True)


def on_host(name: str, values: object, wanted: str = "numbers that are real") -> Floats:
    """Return the values as a numpy float64 array, from any device; the arguments are those of `reals`."""
    numbers = reals(name, values, values, wanted)
    try:
        return np.asarray(to_numpy(numbers))
    except TypeError as error:
        raise InvalidReward(f"{name}: {error}; expected {wanted}, outside of the graph") from None


def finite(values: Array, message: str) -> Array:
    """Return the values, or raise InvalidReward with a message if one is not finite.

    In a graph of JAX nothing can be raised: there nan stands for what is not finite.
    """
    xp = library(values)
    inside = xp.isfinite(values)
    held = holds(xp.all(inside))
    if held is False:
        raise InvalidReward(message)
    return values if held else xp.where(inside, values, xp.nan)


def looked_at(values: Array) -> bool:
    """Return whether the values can be read: not while a graph is traced, nor on the meta device."""
    return not (traced(values) or getattr(values, "is_meta", False))
