"""This module finds the table of given steps whose error is level, by exchanging the places of its extrema.

With m steps j of any sign the functions p, p F_j(p) are a Haar system on (0, 1], because the binomial law
is totally positive: at m + 2 places there is one table whose errors there are sigma (-1)^i E, and the
best table of these steps is the one that is level where its error is greatest (Remez).
"""

from dataclasses import dataclass

import numpy as np

from polyest.arrays import Floats
from polyest.errors import NotConverged
from polyest.solvers.shaped.places import Indices, Places

MOST_EXCHANGES = 60
ROUNDING = 1e-14  # of p phi(p), absolute
NOISE = 1e-5  # relative, of E: that of the error in float64 at the greatest K


@dataclass(frozen=True)
class Level:
    """Steps, indices of the places, and the table that is level there.

    E is signed: the error at the first place.  error: that of all places; reach: how much an error
    of 1 at the places can move each step.
    """

    places: Places
    steps: tuple[int, ...]
    at: Indices
    sizes: Floats
    first: float
    E: float
    error: Floats
    reach: Floats

    @property
    def top(self) -> float:
        """The greatest error at any place."""
        return float(np.abs(self.error).max())

    @property
    def against(self) -> Indices:
        """Indices of the steps that go against the shape."""
        return np.flatnonzero(self.sizes < 0)


def level(places: Places, steps: tuple[int, ...], at: Indices | None = None) -> Level:
    """Return the level table of these steps, where no places are given at some that interlace with them.

    Raise NotConverged where float64 does not hold it.
    """
    at = _between(places, steps) if at is None else at
    n = len(steps) + 2
    A = np.empty((n, n))
    j = np.array(steps, dtype=np.int64)
    A[:, : n - 2] = places.columns[at[:, None], j]
    A[:, n - 2] = places.p[at]
    A[:, n - 1] = np.where(np.arange(n) % 2, 1.0, -1.0)
    if not (np.diff(at) > 0).all():
        raise NotConverged(f"two of {n} places coincide")
    b = places.wanted[at]
    try:
        inverse = np.linalg.inv(A)
        x = np.linalg.solve(A, b)
        x += np.linalg.solve(A, b - A @ x)
    except np.linalg.LinAlgError:
        raise NotConverged(f"the system of {n} places is singular") from None
    error = places.columns[:, j] @ x[:-2] + places.p * x[-2] - places.wanted
    if not np.isfinite(error).all():
        raise NotConverged(f"the system of {n} places is singular")
    reach = np.abs(inverse).max(axis=1)[:-2]
    return Level(places, steps, at, np.asarray(x[:-2]), float(x[-2]), float(x[-1]), error, reach)


def best(table: Level, within: float) -> Level:
    """Return the table of the same steps whose greatest error is its level one, to `within` relative."""
    seen = set()
    for _ in range(MOST_EXCHANGES):
        # In the tail E no longer grows in float64: places that come again are what ends it there.
        if table.top <= abs(table.E) * (1 + within) or table.at.tobytes() in seen:
            break
        seen.add(table.at.tobytes())
        table = level(table.places, table.steps, _exchanged(table))
    noise = ROUNDING * float(np.abs(table.places.wanted).max())
    if table.top <= abs(table.E) * (1 + max(within, NOISE)) + noise:
        return table
    raise NotConverged(f"after {len(seen)} exchanges the error is not level")


def _between(places: Places, steps: tuple[int, ...]) -> Indices:
    """Return places half way between neighbouring steps, and 1."""
    x = np.arcsin(np.sqrt((np.array(steps, dtype=np.float64) + 1) / (places.K + 1)))
    x = np.concatenate([[0.0], x, [0.5 * np.pi]])
    return places.nearest(np.append(0.5 * (x[1:] + x[:-1]), 0.5 * np.pi) - 1e-12)


def _exchanged(table: Level) -> Indices:
    """Return the place of the greatest error between its changes of sign, for each level one.

    The greatest of all takes the place of a neighbour of its sign, or of the first or the last.
    """
    positive, size = table.error >= 0, np.abs(table.error)
    cuts = np.flatnonzero(positive[1:] != positive[:-1]) + 1
    starts, ends = np.concatenate([[0], cuts]), np.append(cuts, size.size)
    stretch = np.searchsorted(cuts, table.at, side="right")
    if not (np.diff(stretch) > 0).all():
        raise NotConverged("the level errors do not alternate: float64 does not resolve them")
    at = np.array([starts[s] + int(size[starts[s] : ends[s]].argmax()) for s in stretch])
    top = int(size.argmax())
    i = int(np.searchsorted(at, top))
    if i < at.size and at[i] == top:
        return at
    if 0 < i < at.size:
        at[i if positive[at[i]] == positive[top] else i - 1] = top
        return at
    end = 0 if i == 0 else -1
    if positive[at[end]] == positive[top]:
        at[end] = top
        return at
    return np.concatenate([[top], at[:-1]]) if end == 0 else np.concatenate([at[1:], [top]])
