"""This module has `read`, which parses a text into an expression; no part of the text is executed.

    sum        product, then any of + product, - product
    product    signed, then any of * signed, / signed
    signed     + signed, - signed, or power
    power      atom, or atom ** signed
    atom       number, variable, function(sum), pow(sum, sum), or (sum)

`-p**2` is -(p**2), and `2**3**2` is 2**9, as in Python.
"""

import re
from collections.abc import Iterator
from fractions import Fraction

from polyest.errors import InvalidProblem
from polyest.problem.expressions.expression import (
    DEEPEST,
    FUNCTIONS,
    LONGEST_TEXT,
    Expression,
    call,
    number,
    power,
    product,
    total,
    variable,
)
from polyest.values import either, shown

TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)|(?P<sign>\*\*|[-+*/(),])|(?P<end>$)|(?P<odd>.))",
    re.DOTALL,
)
MINUS_ONE = number(Fraction(-1))

Token = tuple[str, str]  # kind and text


def read(text: str, variables: tuple[str, ...] = ("p",)) -> Expression:
    """Return the expression of a text in these variables.

    Raise InvalidProblem for any other text, for one of more than 1000 characters, 200 operations or 60
    levels, and for numbers and exponents that are too large.

    >>> read("(p + 1.0e-2) ** -.5").text
    '1/sqrt(p+0.01)'
    """
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        raise InvalidProblem(
            f"expression {shown(text)}: expected a text of at most {LONGEST_TEXT} characters"
        )
    reader = _Reader(text, variables)
    expression = reader.sum()
    if reader.kind != "end":
        raise reader.error("an operation such as + or *")
    return expression


class _Reader:
    """A reader of one text: the kind and the text of its next token, and the levels that are open."""

    def __init__(self, text: str, variables: tuple[str, ...]) -> None:
        self.text, self.variables, self.open = text, variables, 0
        self.tokens = _tokens(text)
        self.kind, self.token = next(self.tokens)

    def sum(self) -> Expression:
        """Read a sum of products."""
        self.open += 1
        if self.open > DEEPEST:
            raise InvalidProblem(
                f"expression {shown(self.text)}: more than {DEEPEST} levels of parentheses; use fewer"
            )
        terms = [self.product()]
        while self.token in ("+", "-"):
            negative = self.skip() == "-"
            term = self.product()
            terms.append(product((MINUS_ONE, term)) if negative else term)
        self.open -= 1
        return total(terms)

    def product(self) -> Expression:
        """Read a product of signed powers."""
        factors = [self.signed()]
        while self.token in ("*", "/"):
            below = self.skip() == "/"
            factor = self.signed()
            factors.append(power(factor, MINUS_ONE) if below else factor)
        return product(factors)

    def signed(self) -> Expression:
        """Read signs and a power."""
        negative = False
        while self.token in ("+", "-"):
            negative ^= self.skip() == "-"
        base = self.atom()
        if self.token == "**":
            self.skip()
            self.open += 1
            if self.open > DEEPEST:
                raise InvalidProblem(
                    f"expression {shown(self.text)}: more than {DEEPEST} powers of powers; use fewer"
                )
            base = power(base, self.signed())
            self.open -= 1
        return product((MINUS_ONE, base)) if negative else base

    def atom(self) -> Expression:
        """Read a number, a variable, a function or what is in parentheses."""
        if self.kind == "number":
            return number(_value(self.skip()))
        if self.kind == "name":
            name = self.skip()
            if name in self.variables:
                return variable(name)
            if name not in (*FUNCTIONS, "pow"):
                raise InvalidProblem(
                    f"expression {shown(self.text)}: {shown(name)} is unknown: expected "
                    f"{either(self.variables)}, or a function: {either((*FUNCTIONS, 'pow'))}"
                )
            self.expect("(")
            first = self.sum()
            if name == "pow":
                self.expect(",")
                first = power(first, self.sum())
            self.expect(")")
            return first if name == "pow" else call(name, first)
        self.expect("(", f"a number, {either(self.variables)}, a function or (")
        inside = self.sum()
        self.expect(")")
        return inside

    def skip(self) -> str:
        """Return the text of the next token, and go on to the one after it."""
        token = self.token
        self.kind, self.token = next(self.tokens)
        return token

    def expect(self, sign: str, words: str | None = None) -> None:
        """Skip this sign, or raise the error that expects it, in other words where they are given."""
        if self.kind != "sign" or self.token != sign:
            raise self.error(words or sign)
        self.skip()

    def error(self, expected: str) -> InvalidProblem:
        """Return the error for the next token."""
        token = "its end" if self.kind == "end" else shown(self.token)
        hint = "; a power is written **" if self.token == "^" else ""
        return InvalidProblem(
            f"expression {shown(self.text)}: {token} is there, expected {expected}{hint}"
        )


def _tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a text, the last of kind `end` again and again."""
    place = 0
    while True:
        match = TOKEN.match(text, place)
        assert match is not None
        assert match.lastgroup is not None
        yield match.lastgroup, match[match.lastgroup]
        place = match.end()


def _value(digits: str) -> Fraction:
    """Return the double of a decimal; raise InvalidProblem where it is infinite, or 0 and not written so."""
    value = float(digits)
    mantissa = re.split("[eE]", digits)[0]
    if value in (float("inf"), 0.0) and mantissa.strip("0."):
        raise InvalidProblem(
            f"number {shown(digits)} in an expression: expected one that doubles hold; scale the rewards"
        )
    return Fraction(value)
