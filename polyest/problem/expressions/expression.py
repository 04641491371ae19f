"""This module defines an expression in canonical form: a tree whose text reads back to the same tree.

Two expressions have the same form if they differ only in spaces, parentheses, the spelling of numbers and
functions (`p**0.5` is `sqrt(p)`), the order of terms and factors, and in sums and products of numbers that
are exact.  Nothing is cancelled: `p/p` is not 1.

A number is the double nearest to its decimal, and a quotient of two numbers is exact.
"""

from collections.abc import Iterable
from fractions import Fraction
from math import prod
from typing import Literal

from polyest.errors import InvalidProblem
from polyest.record import Record

Kind = Literal["number", "variable", "sum", "product", "power", "call"]

FUNCTIONS = ("sqrt", "log", "log1p", "exp", "expm1")  # of one argument; pow takes two
LONGEST_TEXT = 1000  # characters of an expression
MOST_NODES = 200  # numbers, variables and operations
DEEPEST = 60  # levels of operations within operations
LARGEST, LEAST = 1e100, 1e-100  # bounds of the absolute value of a number that is not 0
MOST_POWER = 1024  # greatest absolute value of an exponent that is a number
MOST_FOLDED = 64  # greatest exponent of a number that is computed at once

# How tightly a text holds together: what is below the level that its place asks for gets parentheses.
_SUM, _PRODUCT, _ATOM = range(3)


class Expression(Record):
    """A node of an expression: its kind, what it holds, and its canonical text.

    value: the number (a fraction), the name of the variable or of the function, else None; parts: the
    terms, the factors, base and exponent, or the argument; level: how tightly the text holds together; size
    and depth: the numbers of nodes and of levels.
    """

    kind: Kind
    value: Fraction | str | None
    parts: "tuple[Expression, ...]"
    text: str
    level: int
    size: int
    depth: int


def number(value: Fraction) -> Expression:
    """Return a number; raise InvalidProblem where it is too large, too small or no quotient of doubles."""
    parts = _quotient(value)
    if parts is None:
        raise InvalidProblem(
            f"number {_short(value)} in an expression: expected 0, or an absolute value from {LEAST:g} to "
            f"{LARGEST:g} that doubles hold; scale the rewards, or write fewer digits"
        )
    over, under = parts
    text = _double(over) if under == 1 else f"{_double(over)}/{_double(under)}"
    level = _SUM if value < 0 else _ATOM if under == 1 else _PRODUCT
    return Expression("number", value, (), text, level, 1, 1)


def variable(name: str) -> Expression:
    """Return a variable."""
    return Expression("variable", name, (), name, _ATOM, 1, 1)


def total(terms: Iterable[Expression]) -> Expression:
    """Return the sum of the terms, sorted: first those that are added, numbers last."""
    flat = [part for term in terms for part in (term.parts if term.kind == "sum" else (term,))]
    numbers = [value_of(term) for term in flat if term.kind == "number"]
    kept = [term for term in flat if term.kind != "number"]
    whole = sum(numbers, Fraction(0))
    if _quotient(whole) is None:
        kept += [number(value) for value in numbers if value]
    elif whole or not kept:
        kept.append(number(whole))
    if len(kept) == 1:
        return kept[0]
    signed = sorted((*_signed(term), i) for i, term in enumerate(kept))
    text = "".join(("-" if row[0] else "+") + row[2] for row in signed).removeprefix("+")
    return _made("sum", None, tuple(kept[row[-1]] for row in signed), text, _SUM)


def product(factors: Iterable[Expression]) -> Expression:
    """Return the product of the factors, sorted, with its number first; a quotient has powers below 0."""
    flat = [part for x in factors for part in (x.parts if x.kind == "product" else (x,))]
    numbers = [value_of(x) for x in flat if x.kind == "number"]
    kept = sorted((x for x in flat if x.kind != "number"), key=lambda x: (_is_below(x), x.text))
    whole = prod(numbers, start=Fraction(1))
    apart: list[Expression] = []
    if _quotient(whole) is None:
        whole = Fraction(-1 if whole < 0 else 1)
        apart = [number(size) for size in _apart(numbers)]
    kept = [*apart, *kept]
    if whole != 1 or not kept:
        kept.insert(0, number(whole))
    if len(kept) == 1:
        return kept[0]
    text, level = _product_text(kept)
    return _made("product", None, tuple(kept), text, level)


def _apart(numbers: list[Fraction]) -> list[Fraction]:
    """Return the factors of a product that no double holds, with their divisors as one if a double does."""
    parts = [_quotient(abs(value)) or (abs(value), Fraction(1)) for value in numbers]
    divisors = [under for _, under in parts if under != 1]
    if _is_double(prod(divisors, start=Fraction(1))):
        divisors = [prod(divisors, start=Fraction(1))]
    sizes = [*(over for over, _ in parts), *(1 / under for under in divisors)]
    return sorted(size for size in sizes if size != 1)


def power(base: Expression, exponent: Expression) -> Expression:
    """Return a power; raise InvalidProblem for 1/0 and for an exponent beyond 1024."""
    if exponent.kind != "number":
        text = f"{_held(base)}**{_held(exponent)}"
        return _made("power", None, (base, exponent), text, _PRODUCT)
    n = value_of(exponent)
    if abs(n) > MOST_POWER:
        raise InvalidProblem(
            f"exponent {_short(n)} in an expression: expected one from -{MOST_POWER} to {MOST_POWER}; use "
            "a smaller one"
        )
    if base.kind == "number" and value_of(base) == 0 and n < 0:
        raise InvalidProblem("an expression divides by 0: expected another divisor")
    if n == 1:
        return base
    if base.kind == "number" and n.denominator == 1 and abs(n) <= MOST_FOLDED:
        folded = value_of(base) ** int(n)
        if _quotient(folded) is not None:
            return number(folded)
    if n == -1 and base.kind == "product":
        return product(power(x, exponent) for x in base.parts)
    if base.kind == "power" and base.parts[1].kind == "number":
        inner = value_of(base.parts[1])
        whole = n.denominator == inner.denominator == 1
        if (n == -1 or whole) and abs(inner * n) <= MOST_POWER:
            return power(base.parts[0], number(inner * n))
    text, level = _power_text(base, n)
    return _made("power", None, (base, exponent), text, level)


def call(name: str, argument: Expression) -> Expression:
    """Return a function of FUNCTIONS of an argument; a square root is the power 1/2."""
    if name == "sqrt":
        return power(argument, number(Fraction(1, 2)))
    return _made("call", name, (argument,), f"{name}({argument.text})", _ATOM)


def value_of(node: Expression) -> Fraction:
    """Return the value of a number."""
    assert isinstance(node.value, Fraction)
    return node.value


def variables(node: Expression) -> set[str]:
    """Return the names of the variables of an expression."""
    own = {str(node.value)} if node.kind == "variable" else set[str]()
    return own.union(*map(variables, node.parts))


def _made(
    kind: Kind, value: str | None, parts: tuple[Expression, ...], text: str, level: int
) -> Expression:
    """Return a node; raise InvalidProblem where the expression has become too large."""
    size, depth = 1 + sum(x.size for x in parts), 1 + max(x.depth for x in parts)
    for amount, most, what in (
        (size, MOST_NODES, "operations and numbers"),
        (depth, DEEPEST, "operations within operations"),
        (len(text), LONGEST_TEXT, "characters"),
    ):
        if amount > most:
            raise InvalidProblem(
                f"an expression of more than {most} {what}: expected a shorter one; a polynomial of high "
                "degree is a target of its own, polynomial:A0,A1,..."
            )
    return Expression(kind, value, parts, text, level, size, depth)


def _signed(term: Expression) -> tuple[bool, bool, str]:
    """Return whether a term of a sum is subtracted, whether it is a number, and its text without sign."""
    first = term.parts[0] if term.kind == "product" else term
    negative = first.kind == "number" and value_of(first) < 0
    text = term.text.removeprefix("-") if negative else term.text
    return negative, term.kind == "number", text


def _product_text(factors: list[Expression]) -> tuple[str, int]:
    """Return the text of a product and its level: that of a sum where it begins with a minus."""
    over, under, negative = list[str](), list[str](), False
    for factor in factors:
        if factor.kind == "number":
            parts = _quotient(value_of(factor))
            assert parts is not None
            negative = negative or parts[0] < 0
            if abs(parts[0]) != 1:
                over.append(_double(abs(parts[0])))
            if parts[1] != 1:
                under.append(_double(parts[1]))
        elif _is_below(factor):
            base, exponent = factor.parts
            text, level = _power_text(base, -value_of(exponent))
            under.append(text if level >= _PRODUCT else f"({text})")
        else:
            over.append(factor.text if factor.level >= _PRODUCT else f"({factor.text})")
    text = "*".join(over) or "1"
    if under:
        text += "/" + (under[0] if len(under) == 1 else f"({'*'.join(under)})")
    return (f"-{text}", _SUM) if negative else (text, _PRODUCT)


def _power_text(base: Expression, n: Fraction) -> tuple[str, int]:
    """Return the text of base**n, and its level."""
    if n < 0:
        text, level = _power_text(base, -n)
        return f"1/{text if level >= _PRODUCT else f'({text})'}", _PRODUCT
    if n == 1:
        return base.text, base.level
    if n == Fraction(1, 2):
        return f"sqrt({base.text})", _ATOM
    return f"{_held(base)}**{_held(number(n))}", _PRODUCT


def _held(node: Expression) -> str:
    """Return the text of a base or an exponent, with parentheses unless it holds together by itself."""
    return node.text if node.level == _ATOM else f"({node.text})"


def _is_below(node: Expression) -> bool:
    """Return whether a factor stands below the line: a power with a number below 0."""
    return node.kind == "power" and node.parts[1].kind == "number" and value_of(node.parts[1]) < 0


def _quotient(value: Fraction) -> tuple[Fraction, Fraction] | None:
    """Return two doubles with this quotient, the second positive, or None where there are none.

    The second is 1 or, for the quotient of 1 and a double, that double, or else an odd integer.
    """
    if _is_double(value):
        return value, Fraction(1)
    if _is_double(1 / value):
        return Fraction(1 if value > 0 else -1), abs(1 / value)
    twos = value.denominator & -value.denominator
    over, under = Fraction(value.numerator, twos), Fraction(value.denominator // twos)
    return (over, under) if _is_double(over) and _is_double(under) else None


def _is_double(value: Fraction) -> bool:
    """Return whether a double holds the value, and it is 0 or neither too large nor too small."""
    return value == 0 or (LEAST <= abs(value) <= LARGEST and Fraction(float(value)) == value)


def _double(value: Fraction) -> str:
    """Return the shortest decimal of a double."""
    return repr(float(value)).removesuffix(".0")


def _short(value: Fraction) -> str:
    """Return a number for a message, whatever its size."""
    try:
        return f"{float(value):g}"
    except OverflowError:
        return "beyond the doubles"
