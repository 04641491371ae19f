"""This module formats labels, columns and rounded numbers, in ASCII lines of at most 80 columns.

Headings are styled; click removes the style if the output is not a terminal.
"""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from math import ceil, isfinite
from textwrap import wrap

import click

from polyest.arrays import Floats
from polyest.decimals import context
from polyest.problem.claims import Bracket

WIDTH = 80
MARGIN = 10  # width of an entry's label
DIGITS = 4  # significant digits of a number


def number(value: float, rounding: str = ROUND_CEILING, digits: int = DIGITS) -> str:
    """Format a number >= 0 with a few significant digits, rounded up by default.

    >>> number(0.00112301), number(16470.2143629418), number(0.25), number(float("inf"))
    ('0.001124', '1.648e4', '0.2500', 'inf')
    """
    if not isfinite(value) or not value:
        return f"{value:g}"
    few = context(digits, rounding)
    short = few.create_decimal(repr(value))
    exponent = short.adjusted()
    if -4 <= exponent < digits:
        return f"{short:.{max(0, digits - 1 - exponent)}f}"
    return f"{few.scaleb(short, -exponent):.{digits - 1}f}e{exponent}"


def span(bracket: Bracket) -> str:
    """Format both ends of a bracket, rounded outward, with two digits more than they have in common.

    >>> span(Bracket(0.1234567, 0.1234578))
    '0.12345670 .. 0.12345780'
    """
    width = bracket.width
    digits = 15 if width <= 0 else min(15, max(DIGITS, 2 - Decimal.from_float(width).adjusted()))
    low = number(bracket.lower, ROUND_FLOOR, digits)
    return f"{low} .. {number(bracket.upper, ROUND_CEILING, digits)}"


def ratio(bias: float, least: Bracket | None) -> str:
    """Format a bias in units of the least bias, rounded; a dash if that is 0 or not known.

    >>> ratio(0.3, Bracket(0.1, 0.2)), ratio(0.3, None)
    ('3.000', '-')
    """
    return number(bias / least.lower, ROUND_HALF_EVEN) if least and least.lower else "-"


def wrapped(text: str) -> list[str]:
    """Break a text at spaces into lines that fit behind a label and `t = `."""
    room = WIDTH - MARGIN - 4
    return wrap(
        text, room, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )


def entry(label: str, *lines: str) -> list[str]:
    """Put a label before the first line, and indent the others to the same column."""
    return [f"{label if i == 0 else '':<{MARGIN}}{line}" for i, line in enumerate(lines)]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align rows of cells as text, the first column to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    gap = "  " if sum(widths) + 2 * (len(widths) - 1) <= WIDTH else " "
    return [
        gap.join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def columns(numbers: Floats) -> list[str]:
    """List the index and the shortest exact decimal of every number, in columns read downwards."""
    index = len(str(numbers.size - 1))
    texts = [f"{k:>{index}} {float(c): }" for k, c in enumerate(numbers)]
    width = max(map(len, texts)) + 3
    deep = ceil(len(texts) / max(1, (WIDTH + 3) // width))
    rows = [texts[i::deep] for i in range(deep)]
    return ["".join(text.ljust(width) for text in row).rstrip() for row in rows]


def bold(line: str) -> str:
    """Style a line as a heading."""
    return click.style(line, bold=True) if line else line
