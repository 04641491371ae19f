"""This module makes decimal arithmetic independent of the settings of the calling process.

A `decimal.Context` copies every argument that is left out from `decimal.DefaultContext`, which the caller
may have changed.  `context` therefore sets all arguments.
"""

from decimal import ROUND_HALF_EVEN, Context, DivisionByZero, InvalidOperation, Overflow

REACH = 10**6  # greatest and least exponent


def context(digits: int, rounding: str = ROUND_HALF_EVEN) -> Context:
    """Return a decimal context of `digits` digits with this rounding.

    >>> from decimal import Decimal
    >>> context(3).divide(Decimal(2), Decimal(3))
    Decimal('0.667')
    """
    return Context(
        prec=digits,
        rounding=rounding,
        Emin=-REACH,
        Emax=REACH,
        capitals=1,
        clamp=0,
        flags=[],
        traps=[InvalidOperation, DivisionByZero, Overflow],
    )
