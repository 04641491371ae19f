"""This module decides which steps a shaped table has at a vertex, and moves from one vertex to the next.

The multiplier of the step j is mu_j = sum_i lambda_i p_i F_j(p_i), with m + 2 weights of alternating sign
at the places of m steps.  The binomial law is totally positive, so that mu, a sequence in j, changes
its sign no more often than lambda: it vanishes at the steps and changes its sign at each of them,
nowhere else.  Hence (Gale's evenness condition)

    mu >= 0 everywhere  <=>  steps between two counts without a step are even in number, and so are those
                             at the upper end if the last error is positive, odd if it is negative.

A set of steps of this kind, with E > 0, bounds the optimum below whatever the target is.  One that has no
step against the shape, and no error above E, is the optimum.  Where a step goes against the shape the
dual simplex lets it go, and parity says what comes in its place: no multiplier is computed, however
small (they fall like e^(-1.4 i)).
"""

from collections.abc import Iterator

import numpy as np

from polyest.arrays import Floats
from polyest.solvers.shaped.level import Level
from polyest.solvers.shaped.places import Indices

# Pairs of steps, in units of 1/sqrt(K+1) of theta: the first, the second behind it, the others, and the
# end behind the last.  Those of the log; other targets have them closer or wider.
SPACING = {"monotone": (2.35, 1.2, 1.06, 0.96), "concave": (2.95, 1.7, 1.75, 2.4)}
SPREAD = 1.05  # of the first set that is tried
CLOSER, WIDER = 0.97, 1.15  # from one set to the next
SETS = 45
STEEP_ONLY = 6  # so many sets, before others are tried too
FULL = (1, 3)  # steps at either end, times spread^2


def bounds_below(table: Level) -> bool:
    """Return whether all multipliers are of the right sign."""
    K, steps = table.places.K, table.steps
    if len(steps) == K:
        return True
    runs = _runs(steps)
    if any((high - low) % 2 == 0 for low, high in runs if low > 0 and high < K - 1):
        return False
    low, high = runs[-1] if runs else (0, 0)
    ending = high - low + 1 if runs and high == K - 1 else 0
    last = table.E * (-1) ** (len(steps) + 1)
    return bool((last > 0) == (ending % 2 == 0))


def exchanged(table: Level, i: int) -> tuple[tuple[int, ...], Indices]:
    """Return steps and places after the step number i has left, by the dual simplex."""
    K, j = table.places.K, table.steps[i]
    low, high = next((low, high) for low, high in _runs(table.steps) if low <= j <= high)
    left = set(table.steps) - {j}
    below, above = j - low, high - j
    if (
        low == 0 and high == K - 1
    ):  # all steps: the first or the last place goes, by the parity above
        first = above % 2 == (high - low + 1) % 2
        return tuple(sorted(left)), table.at[1:] if first else table.at[:-1]
    if high == K - 1:
        if below % 2:
            return tuple(sorted(left | {low - 1})), table.at
        return tuple(sorted(left)), table.at[:-1]
    if low == 0:
        if above % 2:
            return tuple(sorted(left | {high + 1})), table.at
        return tuple(sorted(left)), table.at[1:]
    return tuple(sorted(left | {low - 1 if below % 2 else high + 1})), table.at


def moved(table: Level, thin: bool) -> tuple[int, ...]:
    """Return the steps with each pair where its two sizes say that one step between them would be.

    A pair (j, j+1) of sizes a, b is to first order one step of size a + b at j + b/(a + b).
    thin: a pair with a + b <= 0 is left out, else it stays where it is.
    """
    singles, pairs = _split(table.steps)
    sizes = dict(zip(table.steps, table.sizes.tolist(), strict=True))
    wanted, now = [], []
    for j in pairs:
        a, b = sizes[j], sizes[j + 1]
        if a + b > 0:
            wanted.append(j + b / (a + b))
        elif thin:
            continue
        else:
            wanted.append(j + 0.5)
        now.append(j)
    return _set(table.places.K, singles, wanted, now)


def guesses(shape: str, K: int) -> Iterator[tuple[int, ...]]:
    """Yield sets of steps to begin with: pairs ever closer, with and without a step at either end.

    First those of targets that are steep at 0, later also those of smooth ones, with all steps at both ends.
    """
    seen = set()
    for i in range(SETS):
        spread = SPREAD * CLOSER**i
        kinds = [_pairs(shape, K, spread)]
        if i >= STEEP_ONLY:
            spread = SPREAD * CLOSER ** (2 * (i - STEEP_ONLY))
            kinds += [_pairs(shape, K, spread)[1:], _full_ends(shape, K, spread)]
            kinds += [kinds[-1][1:], _pairs(shape, K, SPREAD * WIDER ** (i - STEEP_ONLY + 1))]
        for steps in kinds:
            for guess in (tuple(steps), tuple(sorted({*steps, K - 1}))):
                if guess and guess not in seen:
                    seen.add(guess)
                    yield guess
    yield tuple(range(K))


def _full_ends(shape: str, K: int, spread: float) -> list[int]:
    """Return all steps near 0, all near K, pairs between."""
    apart = spread * SPACING[shape][2]
    low, high = (min(K, int(share / spread**2)) for share in FULL)
    steps = {*range(low), *range(K - high, K)}
    root, last = np.sqrt(K + 1), low - 1
    places = np.arange(
        np.arcsin(np.sqrt(min(1.0, (low + 1) / (K + 1)))) * root, 0.5 * np.pi * root, apart
    )
    for x in ((K + 1) * np.sin(places[1:] / root) ** 2).tolist():
        j = max(int(x - 1), last + 2)
        if j + 1 < K - high - 1:
            steps |= {j, j + 1}
            last = j + 1
    return sorted(steps)


def _pairs(shape: str, K: int, spread: float) -> list[int]:
    """Return the step 0 and pairs behind it."""
    first, second, others, last = SPACING[shape]
    root = np.sqrt(K + 1)
    places = [spread * first]
    while places[-1] < 0.5 * np.pi * root - spread * last:
        places.append(places[-1] + spread * (second if len(places) == 1 else others))
    steps = [0]
    for x in ((K + 1) * np.sin(np.array(places[:-1]) / root) ** 2).tolist():
        j = max(int(np.floor(x - 1)), steps[-1] + 1)
        if j + 1 < K:
            steps += [j, j + 1]
    return steps


def _runs(steps: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the first and last of each run of neighbouring steps."""
    edges = [i for i in range(1, len(steps)) if steps[i] > steps[i - 1] + 1]
    return [
        (steps[i], steps[j - 1])
        for i, j in zip([0, *edges], [*edges, len(steps)], strict=True)
        if steps
    ]


def _split(steps: tuple[int, ...]) -> tuple[set[int], list[int]]:
    """Return the steps that are alone at an end, and the first ones of pairs."""
    singles: set[int] = set()
    pairs: list[int] = []
    for low, high in _runs(steps):
        odd = (high - low) % 2 == 0
        if odd:
            singles.add(low if low == 0 else high)
        pairs += range(low + (odd and low == 0), high, 2)
    return singles, pairs


def _set(K: int, singles: set[int], wanted: list[float], now: list[int]) -> tuple[int, ...]:
    """Return pairs where they are wanted, but no more than half way to where a neighbour is, and apart."""
    steps, free = set(singles), 0
    for i, place in enumerate(wanted):
        low = 0.5 * (now[i - 1] + now[i]) if i else 0.0
        high = 0.5 * (now[i] + now[i + 1]) if i + 1 < len(now) else K - 1.0
        j = max(int(min(max(place, low), high)), free)
        while j in steps or j + 1 in steps:
            j += 1
        if j + 1 < K:
            steps |= {j, j + 1}
            free = j + 2
    return tuple(sorted(steps))


def worst(table: Level) -> int:
    """Return the number of the step whose going against the shape costs the most error."""
    against = table.against
    cost: Floats = -table.sizes[against] / table.reach[against]
    return int(against[int(cost.argmax())])
