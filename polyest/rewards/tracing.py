"""This module marks functions that torch.compile calls while it traces, instead of tracing into them."""

from collections.abc import Callable
from typing import Any, TypeVar

Made = TypeVar("Made", bound=Callable[..., Any])


def constant(function: Made) -> Made:
    """Marks a function that torch.compile calls while it traces, and whose result it keeps.

    For functions that read files, or warn.  This is what torch.compiler.assume_constant_result does, without
    an import of torch.  Their arguments have to be plain tuples: torch.compile cannot rebuild a NamedTuple.
    """
    vars(function)["_dynamo_marked_constant"] = True
    return function
