"""Whatever is passed for an argument, a public function returns something valid or a named error."""

import os
import re
import signal
import warnings
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import public_api
import pytest
import torch
from calls import calls

from polyest.errors import PolyestError

SECONDS = 120  # of one call, many times what any takes
LONGEST = 1000  # characters of a message

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 2**31, 2**53, 2**63, 2**64, 99999999999999999999, 10**400, -(10**400),
    10**5000, 0.0, -0.0, 0.5, 5e-324, 1e-320, 1e-300, 1e308, -1e308, float("inf"), float("-inf"),
    float("nan"), np.float64("nan"), np.float64(1e308), np.float32("inf"), np.int64(-3), np.bool_(True), 1j,
    Fraction(10**400, 3), Fraction(1, 10**400), Decimal("NaN"), Decimal("1e999999"), "", b"", "x" * 10_000,
    "1e400", "nan", "\n" * 100, "log", "\ud800", [], (), {}, set(), [[]], [None], ["log"], [1, [2, 3]], [[1], [1, 2]], [10**400],
    [10**5000], [float("nan")], [float("inf")], [[float("nan"), 1.0]], [[float("inf"), 1.0]], [[1e308, 1e308]], [[0.5, 0.5]], [[10**400, 1]],
    [object()], ["x" * 10_000], [5] * 5000, {"a": 1}, {1: [2]}, range(3), object(), object, len,
    lambda *_: 10**400, lambda *_: None, iter(()), np.array([1, 2]), np.array([1.0, np.nan]),
    np.array([["a"]]), np.array(1), np.zeros((0, 3)), np.zeros((2, 0), int), np.array([object()]),
    np.zeros((1, 2), np.complex128), np.array([2**63], np.uint64), np.ma.masked_array([1, 2], [0, 1]),
    torch.tensor([1, 2]), torch.tensor([1.0, float("nan")]), torch.tensor(1), torch.tensor(1.5),
    torch.zeros((1, 5)), torch.zeros((0,)), torch.tensor([True]), torch.zeros((1, 2), dtype=torch.complex64),
    torch.zeros((1, 3), dtype=torch.bfloat16),
)  # fmt: skip

# Not called here: they take a network or a trainer's own objects, and have tests of their own.
ELSEWHERE = ("polyest.grpo.", "polyest.integrations.")
# Methods of goals and geometries are called by games alone, with what these have checked.
CHECKED = ("Goal", "Geometry", "Custom", "Mixture")
FIELDS = ("Counts", "Recommendation", "Deviation", "Frontier", "Point", "Refused", "Versus", "Step", "Equilibrium", "Gradient", "Options", "UniversalTable", "Table", "Custom", "Mixture", "Geometry", "Goal", "Alft")


class TooSlow(Exception):
    """A call that did not end in time."""


def invalid(result: Any, nan: bool) -> str | None:
    """What is wrong with a result: an infinity, or a nan where none may be."""
    if isinstance(result, torch.Tensor):
        result = result.double().numpy() if not result.is_complex() else None
    if isinstance(result, list | tuple):
        return next((wrong for one in result if (wrong := invalid(one, nan))), None)
    if isinstance(result, float | np.ndarray) and np.asarray(result).dtype.kind == "f":
        if np.isinf(result).any():
            return f"an infinity in {result!r:.200}"
        if not nan and np.isnan(result).any():
            return f"nan in {result!r:.200}"
    return None


def fault(call: Any, name: str, value: Any) -> str | None:
    """What is wrong with what a call makes of a value: None where it is valid or a named error."""

    def late(*_: Any) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = call.function(**{**call.arguments, name: value})
    except PolyestError as error:
        text = str(error)
        return None if 0 < len(text) < LONGEST else f"a message of {len(text)} characters: {text[:300]}"
    except TypeError as error:
        asked = re.search(r"missing \d+ required|unexpected keyword", str(error))
        return None if asked else f"TypeError: {error}"[:300]
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"{type(error).__name__}: {error}"[:300]
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return invalid(result, call.nan)


def told(value: Any) -> str:
    try:
        return f"{type(value).__name__} {value!r:.60}"
    except ValueError:
        return "an integer too long to print"
