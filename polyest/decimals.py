"""Decimal arithmetic that no setting of the caller's reaches.

A `decimal.Context` takes from `decimal.DefaultContext`, which belongs to the process, whatever it is not
told; here it is told all.
"""

from decimal import ROUND_HALF_EVEN, Context, DivisionByZero, InvalidOperation, Overflow

REACH = 10**6  # of exponents


def context(digits: int, rounding: str = ROUND_HALF_EVEN) -> Context:
    """A context of so many digits, rounding as told.

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
