"""Functions that a target or a reward may use when it is given as a formula.

    polyest.Target.custom(lambda p: 1 / sqrt(p + 0.01), name="floored")

Each takes a number, an array, a ball (a number with a proved error bound), or the symbol that stands for p
while a formula is read.  A formula may use these functions and the operations + - * / **, and nothing else.
"""

from typing import Any, TypeVar

import numpy as np

Value = TypeVar("Value")  # a number, an array, a ball, or what stands for p

__all__ = ["exp", "expm1", "log", "log1p", "pow", "sqrt"]


def sqrt(x: Value) -> Value:
    """Return the square root of x.

    Parameters
    ----------
    x : Any
        A number, an array, a ball, or what stands for p in a formula.

    Returns
    -------
    Any
        The square root, of the kind of x.

    Examples
    --------
    >>> sqrt(4.0)
    2.0
    """
    return _applied("sqrt", x)


def log(x: Value) -> Value:
    """Return the natural logarithm of x.

    Parameters
    ----------
    x : Any
        A number, an array, a ball, or what stands for p in a formula.

    Returns
    -------
    Any
        The logarithm.

    Examples
    --------
    >>> log(1.0)
    0.0
    """
    return _applied("log", x)


def log1p(x: Value) -> Value:
    """Return log(1 + x), accurate for small x.

    Parameters
    ----------
    x : Any
        A number, an array, a ball, or what stands for p in a formula.

    Returns
    -------
    Any
        The logarithm of 1 + x.

    Examples
    --------
    >>> log1p(0.0)
    0.0
    """
    return _applied("log1p", x)


def exp(x: Value) -> Value:
    """Return e to the power x.

    Parameters
    ----------
    x : Any
        A number, an array, a ball, or what stands for p in a formula.

    Returns
    -------
    Any
        The exponential.

    Examples
    --------
    >>> exp(0.0)
    1.0
    """
    return _applied("exp", x)


def expm1(x: Value) -> Value:
    """Return e to the power x, less 1, accurate for small x.

    Parameters
    ----------
    x : Any
        A number, an array, a ball, or what stands for p in a formula.

    Returns
    -------
    Any
        The exponential less 1.

    Examples
    --------
    >>> expm1(0.0)
    0.0
    """
    return _applied("expm1", x)


def pow(x: Any, y: Any) -> Any:
    """Return x to the power y, as x ** y does.

    Parameters
    ----------
    x : Any
        The base: a number, an array, a ball, or what stands for p in a formula.
    y : Any
        The exponent.

    Returns
    -------
    Any
        The power.

    Examples
    --------
    >>> pow(2.0, 3)
    8.0
    """
    return x**y


def _applied(name: str, x: Value) -> Value:
    """Return the function of this name: the method of x, as balls have it, or that of numpy."""
    method = getattr(x, name, None)
    result: Any = getattr(np, name)(x) if method is None else method()
    if method is None and np.ndim(result) == 0:
        result = float(result)
    value: Value = result
    return value
