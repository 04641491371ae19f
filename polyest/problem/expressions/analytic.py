"""This module proves that an expression is finite and analytic on (0, 1], and bounds it.

On (0, d] the proof uses a germ (zero.py).  On [d, 1] it uses complex boxes on which the expression is
analytic and bounded.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from math import log2
from typing import TYPE_CHECKING

from polyest.errors import InvalidProblem, NotProved, PolyestError
from polyest.precision import undisturbed
from polyest.problem.expressions.expression import LARGEST, Expression
from polyest.problem.expressions.fields import Balls, Boxes, evaluate, polynomial
from polyest.problem.expressions.grammar import read
from polyest.problem.expressions.zero import germ
from polyest.values import clipped

if TYPE_CHECKING:
    from flint import arb

NEAR = 0.125  # the greatest d
MOST_BOXES = 20_000  # boxes that cover [d, 1]
SMALLEST = 2.0**-40  # radius of a box, relative to p, below which the cover is given up
HALVINGS = 60  # ends d = 1/8, 1/16, ... at which a germ is looked for
ROOM = 1.5  # a box has this many times the radius of the cell in it


@lru_cache(maxsize=256)
def expanded(expression: str) -> "tuple[Fraction, ...] | None":
    """Return the coefficients of an expression that is a polynomial, else None."""
    powers = polynomial(read(expression))
    return None if powers is None else tuple(powers)


@lru_cache(maxsize=256)
def start(expression: str) -> float:
    """Return the greatest d = 1/8, 1/16, ... on which phi has a germ; raise where it is not as it must be."""
    d: float = undisturbed(lambda: _proved_start(read(expression)))
    return d


def _proved_start(node: Expression) -> float:
    """Return d at the usual precision, after covering [d, 1] by boxes on which phi is analytic."""
    d = NEAR if expanded(node.text) is not None else _end_of_germ(node)
    waiting = [(0.75 * 2.0**-k, 0.25 * 2.0**-k) for k in range(round(-log2(d)))][::-1]
    for _ in range(MOST_BOXES):
        m, r = waiting.pop()
        for p in (m, min(m + r, 1.0)):
            if not _within_doubles(node, p):
                raise InvalidProblem(
                    f"target custom:{clipped(node.text)} is beyond {LARGEST:g} at p = {p:.6g}: expected "
                    "smaller values; scale the rewards"
                )
        if not _box(node, m, r):
            if r < SMALLEST * m:
                break
            waiting += [(m - r / 2, r / 2), (m + r / 2, r / 2)]
        elif not waiting:
            return d
    raise _not_smooth(node, m, r)


def _box(node: Expression, m: float, r: float) -> bool:
    """Return whether phi is analytic and bounded on a box around a cell."""
    from flint import arb

    return bool(size_on(node, arb(m), ROOM * r).is_finite())


def _within_doubles(node: Expression, p: float) -> bool:
    """Return whether |phi(p)| is not proved to be too large for the squares of entries."""
    from flint import arb

    return not abs(evaluate(node, arb(p), Balls())) > LARGEST


def _end_of_germ(node: Expression) -> float:
    """Return the greatest d = 1/8, 1/16, ... on which phi has a germ, of a power of p above -1."""
    from flint import arb

    reason = ""
    for k in range(3, 3 + HALVINGS):
        try:
            power = germ(node, arb(2.0**-k)).a
        except NotProved as error:
            reason = str(error)
            continue
        if power > -1:
            return 2.0**-k
        raise NotProved(
            f"target custom:{clipped(node.text)} grows like p**{float(power):g} at p = 0, as it seems: "
            "expected one for which p phi(p) vanishes there; where terms cancel, write expm1(x) for exp(x)-1 "
            "and log1p(x) for log(1+x)"
        )
    raise NotProved(
        f"target custom:{clipped(node.text)} is {reason}, as far as is seen: expected p phi(p) to vanish at "
        "p = 0; where terms cancel, write expm1(x) for exp(x)-1 and log1p(x) for log(1+x)"
    )


def _not_smooth(node: Expression, m: float, r: float) -> PolyestError:
    """Return the error for a place around which phi is not seen to be analytic."""
    from flint import arb

    for p in (m - r, m, min(m + r, 1.0)):
        if not evaluate(node, arb(p), Balls()).is_finite():
            return InvalidProblem(
                f"target custom:{clipped(node.text)} is not finite at p = {p:.6g}, or beyond what can "
                "be computed: expected a function that is finite on all of (0, 1]"
            )
    return NotProved(
        f"target custom:{clipped(node.text)} is not proved to be finite and smooth around p = {m:.6g}: "
        "expected a formula that is, on all of (0, 1], such as 1/sqrt(p+0.01)"
    )


def size_on(node: Expression, m: "arb", radius: float) -> "arb":
    """Return an upper bound of |phi| on a box around the disc |z - m| <= radius; not finite without one."""
    from flint import acb, arb

    box = acb(m + arb(0, radius), arb(0, radius))
    value = evaluate(node, box, Boxes())
    return abs(value).upper() if value.is_finite() else arb("+inf")


def sizes(node: Expression, low: float, high: float) -> Iterator[tuple["arb", "arb"]]:
    """Yield the ends p of intervals that cover [low, high], and bounds of |phi| on them."""
    from flint import arb

    waiting = [(low, high)]
    for _ in range(MOST_BOXES):
        if not waiting:
            return
        left, right = waiting.pop()
        value = evaluate(node, arb(left).union(arb(right)), Balls())
        if value.is_finite():
            yield arb(right), abs(value).upper()
        else:
            waiting += [(left, (left + right) / 2), ((left + right) / 2, right)]
    yield arb(high), arb("+inf")
