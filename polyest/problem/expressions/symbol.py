"""This module finds the expression of a Python function, by calling it once with a symbol (`traced`).

Solvers and proofs then use this expression, so that both get the same values.  A comparison with a symbol
would choose one branch for all p, so that it is refused, like every other operation that is not part of a
formula.
"""

from collections.abc import Callable
from fractions import Fraction
from math import isfinite
from numbers import Rational, Real
from typing import Any, NoReturn

from polyest.errors import InvalidProblem, PolyestError
from polyest.problem.expressions.expression import (
    FUNCTIONS,
    Expression,
    call,
    number,
    power,
    product,
    total,
    variable,
)
from polyest.values import clipped, real, shown

MINUS_ONE = number(Fraction(-1))
USES = "+ - * / ** and the functions of polyest.functions"


def traced(function: Callable[[Any], Any], name: str = "p") -> Expression:
    """Return the expression of a function of one variable.

    Raise InvalidProblem where the function is not a formula of its argument, or one that is too long.

    >>> traced(lambda p: 1 / (1 + p) ** 2).text
    '1/(p+1)**2'
    """
    value = answered(
        function, Symbol(variable(name)), f"a symbol for {name}", f"a formula of {USES}"
    )
    node = _node(value)
    if node is None:
        raise InvalidProblem(
            f"the function {shown(function)} returns {shown(value)}: expected a formula of {name}, made of "
            f"{USES}"
        )
    return node


def answered(function: Callable[[Any], Any], argument: object, called: str, expected: str) -> Any:
    """Return what a function of the caller's returns, or raise InvalidProblem with the error that it raises.

    called, expected: the argument and the repair in the words of the message.
    """
    try:
        return function(argument)
    except PolyestError:
        raise
    except Exception as error:  # a function of the caller's may raise anything
        raise InvalidProblem(
            f"the function {shown(function)} raises {type(error).__name__} ({clipped(str(error))}) for "
            f"{called}: expected {expected}"
        ) from None


class Symbol:
    """What stands for the argument of a function, and for every result in it."""

    def __init__(self, node: Expression) -> None:
        """Stand for this expression."""
        self._node = node

    def __array_ufunc__(self, ufunc: Any, method: str, *given: Any, **options: Any) -> Any:
        """Apply a function of numpy that is one of the operations or functions of formulas."""
        made = _UFUNCS.get(ufunc.__name__)
        if method != "__call__" or options or made is None:
            raise _refused(f"uses numpy.{ufunc.__name__}")
        return made(*given)

    def __add__(self, other: object) -> "Symbol":
        return _added(self, other)

    def __radd__(self, other: object) -> "Symbol":
        return _added(other, self)

    def __sub__(self, other: object) -> "Symbol":
        return _subtracted(self, other)

    def __rsub__(self, other: object) -> "Symbol":
        return _subtracted(other, self)

    def __mul__(self, other: object) -> "Symbol":
        return _multiplied(self, other)

    def __rmul__(self, other: object) -> "Symbol":
        return _multiplied(other, self)

    def __truediv__(self, other: object) -> "Symbol":
        return _divided(self, other)

    def __rtruediv__(self, other: object) -> "Symbol":
        return _divided(other, self)

    def __pow__(self, other: object) -> "Symbol":
        return _raised(self, other)

    def __rpow__(self, other: object) -> "Symbol":
        return _raised(other, self)

    def __neg__(self) -> "Symbol":
        return Symbol(product((MINUS_ONE, self._node)))

    def __pos__(self) -> "Symbol":
        return self

    def sqrt(self) -> "Symbol":
        """Return the square root."""
        return Symbol(call("sqrt", self._node))

    def log(self) -> "Symbol":
        """Return the natural logarithm."""
        return Symbol(call("log", self._node))

    def log1p(self) -> "Symbol":
        """Return log(1 + x)."""
        return Symbol(call("log1p", self._node))

    def exp(self) -> "Symbol":
        """Return e to this power."""
        return Symbol(call("exp", self._node))

    def expm1(self) -> "Symbol":
        """Return e to this power, less 1."""
        return Symbol(call("expm1", self._node))

    __hash__ = object.__hash__


def _refusing(name: str, what: str) -> Callable[..., NoReturn]:
    """Return the method of this name, which refuses what no formula does."""

    def refuse(self: Symbol, *_: Any) -> NoReturn:
        raise _refused(what)

    refuse.__name__ = name
    return refuse


# What a symbol refuses, because it would be decided once for all p, or turn the symbol into a number.
for _names, _what in (
    ("lt le gt ge eq ne bool contains", "compares its argument, as `if p < 0.5` does"),
    ("float int index complex round trunc floor ceil", "turns its argument into a number"),
    ("abs floordiv rfloordiv mod rmod divmod rdivmod", "uses abs, // or %"),
    ("iter len getitem", "takes its argument for a list"),
):
    for _name in _names.split():
        setattr(Symbol, f"__{_name}__", _refusing(f"__{_name}__", _what))


def _refused(what: str) -> InvalidProblem:
    return InvalidProblem(f"the function {what}: expected one formula for all values, of {USES}")


def _node(value: object) -> Expression | None:
    """Return the expression of a symbol or of a real number, and None of anything else."""
    if isinstance(value, Symbol):
        return value._node
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    if isinstance(value, Rational):
        return number(Fraction(int(value.numerator), int(value.denominator)))
    if not isfinite(real(value)):
        raise InvalidProblem(
            f"the function uses the number {shown(value)}: expected finite numbers"
        )
    return number(Fraction(real(value)))


def _operation(
    made: Callable[[Expression, Expression], Expression],
) -> "Callable[[object, object], Symbol]":
    """Return the operation on two values of which at least one is a symbol."""

    def applied(left: object, right: object) -> Any:
        nodes = _node(left), _node(right)
        if nodes[0] is None or nodes[1] is None:
            return NotImplemented
        return Symbol(made(nodes[0], nodes[1]))

    return applied


_added = _operation(lambda x, y: total((x, y)))
_subtracted = _operation(lambda x, y: total((x, product((MINUS_ONE, y)))))
_multiplied = _operation(lambda x, y: product((x, y)))
_divided = _operation(lambda x, y: product((x, power(y, MINUS_ONE))))
_raised = _operation(power)
_UFUNCS: dict[str, Callable[..., Any]] = {
    "add": _added, "subtract": _subtracted, "multiply": _multiplied, "divide": _divided,
    "power": _raised, "float_power": _raised, "negative": lambda x: -x, "positive": lambda x: x,
    "square": lambda x: _raised(x, 2), "reciprocal": lambda x: _divided(1, x),
    **{name: lambda x, name=name: Symbol(call(name, x._node)) for name in FUNCTIONS},
}  # fmt: skip
