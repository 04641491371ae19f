"""This module defines the shapes of a table: conditions on its steps c_(k+1) - c_k.

    monotone   no step goes against the target: c_0 <= ... <= c_K where phi rises, >= where it falls
    concave    monotone, and no step is greater than the one before it

With a shape an answer that occurs more often is never paid less (if phi falls, never more).  A target that
both rises and falls has no direction, and no table for it has a shape.  numpy is not imported here, because
the command line needs the names for its help.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import frexp, isfinite
from typing import TYPE_CHECKING, Literal

from polyest.errors import InvalidProblem
from polyest.problem.targets import Target
from polyest.values import among, clipped, either, shown

if TYPE_CHECKING:
    from fractions import Fraction

    from polyest.arrays import Floats

Shape = Literal["monotone", "concave"]
SHAPES: tuple[Shape, ...] = ("monotone", "concave")
SIGNIFICANT = 52  # bits of the greatest entry of a concave table, in units of its steps
LEAST_POWER = -1074  # of 2, the least double


def check_shape(shape: object) -> None:
    """Raise InvalidProblem unless this is the name of a shape."""
    if not among(shape, SHAPES):
        raise InvalidProblem(
            f"shape {shown(shape)} is unknown: use {either(SHAPES)}, or leave it out for free entries"
        )


def direction(target: Target) -> int:
    """Return 1 where phi rises on (0, 1] or is constant, -1 where it falls.

    Raise InvalidProblem for a target that does both, and for one of which it is not known.

    >>> from polyest.problem.targets import parse
    >>> direction(parse("log")), direction(parse("polynomial:1,-1"))
    (1, -1)
    """
    sign = target.direction
    if sign is None:
        does = (
            "is not known to rise or to fall throughout (0, 1]"
            if target.degree is None
            else "rises and falls between p = 0 and 1"
        )
        raise InvalidProblem(
            f"target {clipped(target.name)} {does}: a shape needs a target that does one of them only; "
            "leave the shape out"
        )
    return -1 if sign < 0 else 1


def has_shape(entries: "Sequence[float] | Floats", shape: str, direction: int) -> bool:
    """Return whether these doubles have the shape, exactly; NaN and infinities have none.

    >>> has_shape([0.0, 0.5, 0.75], "concave", 1), has_shape([0.0, 0.5, 0.75], "monotone", -1)
    (True, False)
    """
    check_shape(shape)
    return (is_concave if shape == "concave" else is_monotone)(entries, direction)


def is_monotone(entries: "Sequence[float] | Floats", direction: int) -> bool:
    """Return whether no entry goes against the direction, 1 or -1.

    >>> is_monotone([-3.0, -1.0, -1.0, 0.0], 1), is_monotone([-3.0, -1.0, -1.5], 1)
    (True, False)
    """
    doubles = [float(c) for c in entries]
    along = all(direction * a <= direction * b for a, b in pairwise(doubles))
    return along and all(map(isfinite, doubles))


def is_concave(entries: "Sequence[float] | Floats", direction: int) -> bool:
    """Return whether no entry goes against the direction and no step is greater than the one before it.

    >>> is_concave([0.0, 2.0, 3.0, 3.0], 1), is_concave([3.0, 1.0, 0.0], -1), is_concave([0.0, 1.0, 3.0], 1)
    (True, True, False)
    """
    from fractions import Fraction

    if not is_monotone(entries, direction):
        return False
    exact = [direction * Fraction(float(c)) for c in entries]
    steps = [b - a for a, b in pairwise(exact)]
    return all(b <= a for a, b in pairwise(steps))


def steps_of(table: "Floats", shape: str) -> "Floats":
    """Return what the shape of a rising table bounds by 0 from below, along the first axis: (K+1, ...) to
    (K, ...).

    >>> import numpy as np
    >>> steps_of(np.array([0.0, 2.0, 3.0]), "monotone"), steps_of(np.array([0.0, 2.0, 3.0]), "concave")
    (array([2., 1.]), array([1., 1.]))
    """
    import numpy as np

    steps = np.diff(table, axis=0)
    if shape == "concave":
        steps = np.concatenate([steps[:-1] - steps[1:], steps[-1:]])
    return np.asarray(steps)


def mended(table: "Floats", shape: str, direction: int) -> "Floats":
    """Return doubles of the shape from a table that has it but for rounding.

    >>> import numpy as np
    >>> mended(np.array([-1.0, -0.5, -0.50001]), "monotone", 1).tolist()
    [-1.0, -0.5, -0.5]
    """
    from fractions import Fraction

    import numpy as np

    rising = np.maximum.accumulate(direction * table)
    if shape == "monotone":
        return np.asarray(direction * rising)
    shrinking = np.maximum(steps_of(rising, shape), 0.0).tolist()
    steps = accumulate(map(Fraction, reversed(shrinking)))
    down = accumulate(steps, lambda c, step: c - step, initial=Fraction(float(rising[-1])))
    return rounded(list(down)[::-1], shape, direction)


def rounded(rising: "list[Fraction]", shape: str, direction: int) -> "Floats":
    """Return doubles of the shape nearest to a table that rises, turned into its direction.

    monotone: each entry is rounded, which keeps order and ties.  concave: each step and the last entry are
    rounded to multiples of one power of two, so small that 53 bits hold every entry.
    """
    from fractions import Fraction

    import numpy as np

    if shape == "monotone":
        return np.array([direction * float(c) for c in rising]) + 0.0
    exponent = frexp(float(max(map(abs, rising))))[1] - SIGNIFICANT
    unit = Fraction(2) ** max(exponent, LEAST_POWER)
    steps = [round((b - a) / unit) for a, b in pairwise(rising)]
    down = accumulate(reversed(steps), lambda c, step: c - step, initial=round(rising[-1] / unit))
    return np.array([direction * float(c * unit) for c in list(down)[::-1]]) + 0.0
