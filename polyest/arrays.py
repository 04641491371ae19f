"""This module finds the array library of a value, and has the operations that libraries spell differently.

    library(values)     numpy, torch, or any other by its `__array_namespace__`: the array API standard

Functions here and in the modules above take the library `xp` of their arrays.  What numpy, torch and the
standard name alike, such as xp.where, xp.clip and xp.reshape, they call on it; what differs is here, and the
ways to count in tallies.py and standard.py.  Nothing here imports torch or another library.
"""

import sys
from types import ModuleType
from typing import Any, SupportsIndex

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
Array = Any  # array of numpy or of another library of the standard, or tensor of torch
HOST = (np.ndarray, list)  # a tuple, as torch.compile cannot read a union
OWN = ("numpy", "torch")  # libraries that are counted in by ways of their own


def library(values: object) -> ModuleType:
    """Return the array library of values; numpy for lists and other values that are not arrays.

    >>> library(np.zeros(2)) is np, library([1, 2]) is np
    (True, True)
    """
    if isinstance(values, HOST):
        return np
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(values, torch.Tensor):
        return torch
    namespace = getattr(type(values), "__array_namespace__", None)
    return np if namespace is None else namespace(values)


def own(xp: ModuleType) -> bool:
    """Return whether a library is numpy or torch."""
    return xp.__name__ in OWN


def mixture(values: object, like: Array) -> str:
    """Return in words that values are an array of another library than `like`, or "" where they are not.

    Lists and numpy arrays go with every library, as `converted` brings them there.
    """
    given, wanted = library(values), library(like)
    if given is np or given is wanted:
        return ""
    return f"an array of {given.__name__} beside one of {wanted.__name__}: expected one library in a call"


def converted(values: object, like: Array) -> Array:
    """Return values as an array of the library and on the device of `like`; see `mixture`.

    Raises what the library raises for what is no array.
    """
    xp = library(like)
    if xp is np:
        return np.asarray(values)
    if own(xp):
        return xp.as_tensor(values, device=like.device)
    if library(values) is xp:
        return values
    return xp.asarray(np.asarray(values), device=device_of(like))


def device_of(values: Array) -> object:
    """Return the device of an array of the standard, None for one that a graph has yet to place."""
    return None if traced(values) else values.device


def kind_of(values: Array) -> str:
    """Return the letter of a data type, "b", "i", "u", "f" or "c"; another letter if it is not numeric."""
    xp = library(values)
    if xp is np:
        return str(values.dtype.kind)
    if own(xp):
        if values.dtype == xp.bool:
            return "b"
        if values.is_complex() or values.is_floating_point():
            return "c" if values.is_complex() else "f"
        return "i" if values.dtype.is_signed else "u"
    kinds = {
        "b": "bool",
        "i": "signed integer",
        "u": "unsigned integer",
        "f": "real floating",
        "c": "complex floating",
    }
    letters = (letter for letter, kind in kinds.items() if xp.isdtype(values.dtype, kind))
    return next(letters, "?")


def integer_type(xp: ModuleType) -> object:
    """Return int64, or the longest integers that a library has; JAX has int32 by default."""
    return xp.int64 if own(xp) else _longest(xp, "signed integer")


def real_type(xp: ModuleType) -> object:
    """Return float64, or the longest floats that a library has."""
    return xp.float64 if own(xp) else _longest(xp, "real floating")


def int64(values: Array) -> Array:
    """Return integers as int64, or the longest that their library has, in contiguous memory."""
    xp = library(values)
    if xp is np:
        return np.asarray(values, np.int64, order="C")
    if own(xp):
        return values.long().contiguous()
    return xp.astype(values, integer_type(xp), copy=False)


def doubles(values: Array, copy: bool = False) -> Array:
    """Return real numbers or booleans as float64, or the longest floats that their library has."""
    xp = library(values)
    if xp is np:
        return values.astype(np.float64, copy=copy)
    if own(xp):
        return values.to(xp.float64, copy=copy)
    return xp.astype(values, real_type(xp), copy=copy)


def placed(values: Array, like: Array) -> Array:
    """Return a numpy array of floats or complex numbers in the library and on the device of `like`."""
    xp = library(like)
    if xp is np:
        return values
    if own(xp):
        return xp.tensor(values, device=like.device)
    kind = "complex floating" if np.iscomplexobj(values) else "real floating"
    return xp.asarray(values, dtype=_longest(xp, kind), device=device_of(like))


def taken(entries: Array, index: Array) -> Array:
    """Return entries[index] for entries (n, ...) and an index of any shape in 0..n-1."""
    xp = library(entries)
    if xp is np:
        return entries.take(index, axis=0)
    flat = xp.reshape(index, (-1,))
    rows = entries.index_select(0, flat) if own(xp) else xp.take(entries, flat, axis=0)
    return xp.reshape(rows, (*index.shape, *entries.shape[1:]))


def concat(arrays: list[Array], axis: int = 0) -> Array:
    """Return arrays joined along an axis."""
    xp = library(arrays[0])
    return xp.concatenate(arrays, axis) if own(xp) else xp.concat(arrays, axis=axis)


def least(values: Array, axis: int) -> Array:
    """Return the least values along an axis."""
    xp = library(values)
    return xp.amin(values, axis) if own(xp) else xp.min(values, axis=axis)


def greatest(values: Array, axis: int) -> Array:
    """Return the greatest values along an axis."""
    xp = library(values)
    return xp.amax(values, axis) if own(xp) else xp.max(values, axis=axis)


def holds(condition: Array) -> bool | None:
    """Return whether a condition without dimensions holds; None where a graph of JAX has no value of it.

    torch.compile ends its graph where a value is asked for, or says that it may not.
    """
    return None if not own(library(condition)) and traced(condition) else bool(condition)


def to_numpy(values: Array) -> Any:
    """Return values as a numpy array from any device, without a copy where `host_reads` them.

    Raises TypeError where a graph has none yet.
    """
    if library(values) is np:
        return values
    if traced(values):
        raise TypeError("a graph that is traced has no values yet")
    return values.detach().cpu().numpy() if own(library(values)) else np.asarray(values)


def traced(values: Array) -> bool:
    """Return whether torch.compile, torch.jit.trace or a transformation of JAX is tracing these values."""
    xp = library(values)
    if xp is np:
        return False
    if own(xp):
        return bool(xp.compiler.is_compiling() or xp.jit.is_tracing())
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(values, jax.core.Tracer)


def host_reads(values: Array) -> bool:
    """Return whether numpy reads values without a wait: they lie in its memory, and nothing traces."""
    xp = library(values)
    if not own(xp):
        return False
    if xp is np:
        return True
    return type(values) is xp.Tensor and values.device.type == "cpu" and not traced(values)


def static_int(size: SupportsIndex) -> int:
    """Return a size as an int; torch.compile then makes a graph for this size alone.

    torch.compile may otherwise keep the size as a symbol; `len(range(size))` forces its value.
    """
    return len(range(size))


def _longest(xp: ModuleType, kind: str) -> object:
    types = xp.__array_namespace_info__().dtypes(kind=kind)
    about = xp.iinfo if "integer" in kind else xp.finfo
    return max(types.values(), key=lambda dtype: about(dtype).bits)
