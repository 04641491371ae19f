"""This module rounds entries to the grids of numbers in which trainers compute.

    float32       numbers of 24 bits, the least 2^-149
    bfloat16      numbers of 8 bits, the least 2^-133
    dyadic:B      whole multiples of 2^-B
    dyadic:B/BETA the doubles nearest to r/BETA, r a whole multiple of 2^-B

Every entry becomes the nearest number of the grid, the even one in a tie, rounded directly from its double.
BETA is the factor between an entry and a reward, reward = beta c.  It is applied in float64: with
c = fl(r/beta) the double fl(beta c) is r (1 + d), |d| <= 2^-52 + 2^-106, and r, which has at most 24
bits, is the float32 nearest to it.  The reward that a trainer keeps in float32 is r itself.

A dyadic grid makes the advantages of equal rewards exactly 0.  Let r_i = m_i 2^-B, m_i whole, be the
rewards of a group of G, and G max|m_i| <= 2^24.  Partial sums are multiples of 2^-B with numerators up
to 2^24, hence float32 numbers: a float32 sum is exact, in any order.  If all r_i equal r, the sum is G r,
its quotient by G is r, and reward minus mean is 0.  B is therefore the greatest integer with
G max|m| <= 2^24, at most 16.  Entries of other grids leave about 1e-7, which a division by (standard
deviation + 1e-6) amplifies.

The mean has to divide by G.  A mean that multiplies by fl(1/G), as PyTorch's on a GPU does, leaves a residue
in the last bit for some G, on every grid.  Up to 64 these are 7, 13, 14, 15, 26, 28, 30, 41, 47, 51, 52,
55, 56, 60, 61 and 63; no power of two is among them.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from polyest.arrays import Floats
from polyest.errors import InvalidProblem
from polyest.values import among, real, shown, whole

FORMATS = {"float32": (24, -149), "bfloat16": (8, -133)}  # bits, exponent of the least number
BEYOND = 2.0**128  # the first power of two above both formats
KINDS = (*FORMATS, "dyadic")
FINEST = 16
WHOLE = 2**24  # float32 holds all whole numbers up to here
LEAST_BETA, GREATEST_BETA = 1e-30, 1e30


def nearest(coefficients: Floats, grid: str) -> Floats:
    """Return the numbers of the grid nearest to the entries, the even one in a tie, as float64 (K+1,).

    Raise InvalidProblem for an unknown grid, and for entries beyond its numbers.

    >>> nearest(np.array([0.1, -2.5]), "dyadic:0").tolist()
    [0.0, -2.0]
    >>> nearest(np.array([0.1]), "bfloat16").tolist()
    [0.10009765625]
    """
    kind, B, beta = parse_grid(grid)
    if kind == "dyadic":
        wholes = _multiples(coefficients, B, beta)
        if max(map(abs, wholes)) > WHOLE:
            raise InvalidProblem(
                f"an entry of size {np.abs(coefficients).max():g} is more than 2^24 steps of {grid}: "
                "float32 does not hold it; use a coarser grid"
            )
        return np.array([m / 2**B / beta for m in wholes])
    bits, least = FORMATS[kind]
    given = np.asarray(coefficients, dtype=np.float64)
    step = np.maximum(np.frexp(given)[1] - bits, least)
    with np.errstate(over="ignore"):
        rounded = np.ldexp(np.rint(np.ldexp(given, -step)), step)
    if not (np.abs(rounded) < BEYOND).all():
        raise InvalidProblem(
            f"an entry of size {np.abs(given).max():g} is beyond {kind}, whose numbers are below "
            f"{BEYOND:.4g}: use entries that fit, or no grid"
        )
    return np.asarray(rounded + 0.0)  # + 0.0 turns -0.0 into 0.0


def on_grid(coefficients: Floats, grid: str) -> bool:
    """Return whether every entry is a number of the grid; raise InvalidProblem for an unknown grid.

    >>> on_grid(np.array([0.5, -3.25]), "dyadic:2"), on_grid(np.array([0.1]), "float32")
    (True, False)
    """
    parse_grid(grid)
    try:
        return np.array_equal(nearest(coefficients, grid), coefficients)
    except InvalidProblem:  # beyond the numbers of the grid
        return False


def parse_grid(grid: str) -> tuple[str, int, float]:
    """Return the kind, B and beta of a grid's name, with B = 0 and beta = 1 where the kind has none.

    Raise InvalidProblem for a name that `Rounding.grid` would not write.

    >>> parse_grid("dyadic:14/0.1")
    ('dyadic', 14, 0.1)
    """
    if among(grid, FORMATS):
        return grid, 0, 1.0
    kind, _, step = grid.partition(":")
    digits, slash, factor = step.partition("/")
    try:
        B, beta = int(digits), float(factor) if slash else 1.0
    except ValueError:
        B, beta = -1, 1.0
    if kind != "dyadic" or not 0 <= B <= FINEST or not _is_factor(beta) or _name(B, beta) != grid:
        raise InvalidProblem(
            f"grid {shown(grid)} is unknown: expected float32, bfloat16, dyadic:B or dyadic:B/BETA, B in "
            f"0..{FINEST}"
        )
    return kind, B, beta


def largest_group(coefficients: Floats, grid: str) -> int:
    """Return the largest G with G max|m| <= 2^24 for entries of a dyadic grid, whose multiples are m.

    Rewards beta c of up to G completions are summed in float32 without rounding.

    >>> largest_group(np.array([-5.0, 0.25]), "dyadic:14")
    204
    """
    _, B, beta = parse_grid(grid)
    return WHOLE // max(1, *map(abs, _multiples(coefficients, B, beta)))


def loss(grid: str, size: float) -> float:
    """Return the most that rounding changes a number of absolute value `size`.

    >>> loss("bfloat16", 1.0), loss("dyadic:3", 100.0)
    (0.00390625, 0.0625)
    """
    kind, B, beta = parse_grid(grid)
    return 2.0 ** -(B + 1) / beta if kind == "dyadic" else size * 2.0 ** -FORMATS[kind][0]


@dataclass(frozen=True)
class Rounding:
    """A requested rounding: to float32, to bfloat16, or to dyadic for a group and a factor beta.

    Raise InvalidProblem for an unknown kind, for dyadic without a group, and for another kind with a group or
    a factor.

    >>> Rounding("dyadic", group=64).grid(np.array([-4.9, 0.1]))
    'dyadic:15'
    """

    kind: str
    group: int | None = None
    beta: float = 1.0

    def __post_init__(self) -> None:
        if not among(self.kind, KINDS):
            raise InvalidProblem(
                f"grid {shown(self.kind)} is unknown: use one of {', '.join(KINDS)}"
            )
        if not _is_factor(real(self.beta)):
            raise InvalidProblem(
                f"beta is {shown(self.beta)}: expected the factor between entry and reward, a number from "
                f"{LEAST_BETA:g} to {GREATEST_BETA:g}"
            )
        if self.kind in FORMATS:
            given = [] if self.group is None else [f"group {shown(self.group)}"]
            given += [] if self.beta == 1 else [f"beta {self.beta:g}"]
            if given:
                raise InvalidProblem(
                    f"{' and '.join(given)} with grid {self.kind}: group and beta have a meaning for grid "
                    "dyadic only; name that grid, or leave them out"
                )
            return
        if not whole(self.group, 1, WHOLE):
            raise InvalidProblem(
                f"group is {shown(self.group)}: expected for grid dyadic the number of completions whose "
                f"rewards are summed, an integer in 1..{WHOLE}"
            )

    def grid(self, coefficients: Floats) -> str:
        """Return the name of the grid for these entries: for dyadic the finest with G max|m| <= 2^24.

        Raise InvalidProblem where not even whole numbers satisfy this.
        """
        if self.kind in FORMATS:
            return self.kind
        assert self.group is not None
        for B in range(FINEST, -1, -1):
            wholes = _multiples(coefficients, B, self.beta)
            if self.group * max(map(abs, wholes)) <= WHOLE:
                return _name(B, float(self.beta))
        raise InvalidProblem(
            f"a group of {self.group} rewards of size {max(map(abs, wholes))} sums to more than 2^24, "
            "and float32 no longer holds the whole numbers there: take a smaller group or beta, or a "
            "table of smaller entries"
        )

    def made(self, coefficients: Floats, grid: str | None) -> bool:
        """Return whether this rounding could have given these entries on this grid.

        On a dyadic grid the entries determine the groups for which 2^-B is fine enough.  They also determine
        the groups for which 2^-(B+1) would not have been chosen, since an entry before rounding was within
        half a step.
        """
        if grid is None or self.kind in FORMATS:
            return grid == self.kind
        kind, B, beta = parse_grid(grid)
        if (kind, beta) != (self.kind, self.beta):
            return False
        assert self.group is not None
        greatest = max(map(abs, _multiples(coefficients, B, beta)))
        finer = self.group * (2 * greatest + 1) <= WHOLE
        return self.group * greatest <= WHOLE and (B == FINEST or not finer)


def asked(grid: str | None, group: int | None, beta: float) -> Rounding | None:
    """Return the rounding that keywords request, or None where they name no grid.

    Raise InvalidProblem as Rounding does, and for a group or a factor without a grid.
    """
    if grid is not None:
        return Rounding(grid, group, beta)
    alone = [] if group is None else [f"group {shown(group)}"]
    alone += [] if real(beta) == 1 else [f"beta {shown(beta)}"]
    if alone:
        raise InvalidProblem(
            f"{' and '.join(alone)} without a grid: group and beta have a meaning for grid dyadic only; name "
            "that grid, or leave them out"
        )
    return None


def _multiples(coefficients: Floats, B: int, beta: float) -> list[int]:
    """Return the whole numbers nearest to beta c 2^B, the even one in a tie.

    They are computed in fractions, because a product of doubles may be rounded.
    """
    scale = Fraction(beta) * 2**B
    return [round(Fraction(float(c)) * scale) for c in coefficients]


def _name(B: int, beta: float) -> str:
    return f"dyadic:{B}" if beta == 1 else f"dyadic:{B}/{beta!r}"


def _is_factor(beta: float) -> bool:
    return LEAST_BETA <= beta <= GREATEST_BETA
