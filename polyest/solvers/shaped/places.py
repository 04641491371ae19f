"""This module has the places at which the error of a shaped table is evaluated, and the effect of each
step.

A table that rises is c = u + sum_j d_j h_j with d_j >= 0 and

    monotone   h_j(k) = 1[k > j]        mean  F_j(p) = Pr(X > j)
    concave    h_j(k) = min(k, j + 1)   mean  F_j(p) = E min(X, j + 1) = sum_{i <= j} Pr(X > i)

for j = 0..K-1: h_j of a concave table rises by 1 a count up to j + 1 and no further.  Columns p F_j(p)
and p are wanted at places p = sin^2 theta: extrema of the error lie about evenly in theta.
"""

from typing import Any

import numpy as np

from polyest.arrays import Floats
from polyest.problem.bernstein import quick_pmf
from polyest.problem.targets import Target

Indices = np.ndarray[Any, np.dtype[np.int64]]

HALVINGS = 12  # further places towards 0, for targets that are steep there
SEARCHED = 16  # places for each extremum that is expected
WIDEST = 4.0  # extrema are at most so many times sqrt(K), but for smooth targets


class Places:
    """Ascending places theta with p, p phi(p) and p F_j(p), j = 0..K-1; more can be added."""

    def __init__(self, target: Target, sign: int, shape: str, K: int) -> None:
        """Places for a table of K draws; sign: that of the target's direction."""
        self.target, self.sign, self.shape, self.K = target, sign, shape, K
        count = int(SEARCHED * min(K + 2, WIDEST * np.sqrt(K) + 4))
        theta = 0.5 * np.pi * np.arange(1, count + 1) / count
        self.theta = np.concatenate([theta[0] * 2.0 ** -np.arange(HALVINGS, 0, -1.0), theta])
        self.p, self.wanted, self.columns = self._at(self.theta)

    def add(self, theta: Floats) -> None:
        """Add places, all of (0, pi/2] and none twice."""
        theta = np.setdiff1d(theta, self.theta)
        order = np.argsort(np.concatenate([self.theta, theta]))
        more = self._at(theta)
        self.theta = np.concatenate([self.theta, theta])[order]
        self.p, self.wanted, self.columns = (
            np.concatenate([old, new])[order]
            for old, new in zip((self.p, self.wanted, self.columns), more, strict=True)
        )

    def nearest(self, theta: Floats) -> Indices:
        """Return the indices of the places at or next above each theta."""
        return np.asarray(np.searchsorted(self.theta, theta).clip(0, self.theta.size - 1))

    def entries(self, steps: list[int], sizes: Floats, first: float) -> Floats:
        """Return the table c_0..c_K with these steps, of the direction +1."""
        d = np.zeros(self.K)
        d[steps] = sizes
        if self.shape == "concave":
            d = np.cumsum(d[::-1])[::-1]
        return np.asarray(first + np.concatenate([[0.0], np.cumsum(d)]))

    def _at(self, theta: Floats) -> tuple[Floats, Floats, Floats]:
        p = np.sin(theta) ** 2
        columns = np.cumsum(quick_pmf(self.K, p)[:, :0:-1], axis=1)[:, ::-1]
        if self.shape == "concave":
            columns = np.cumsum(columns, axis=1)
        return p, self.sign * self.target.weighted(p), p[:, None] * columns

    def slopes(self, c: Floats, theta: Floats) -> tuple[Floats, Floats]:
        """Return the first and second derivative in theta of the error of a table, of the direction +1."""
        K, p, turn = self.K, np.sin(theta) ** 2, np.sin(2 * theta)
        P = quick_pmf(K, p) @ c
        P1 = K * (quick_pmf(K - 1, p) @ np.diff(c))
        P2 = K * (K - 1) * (quick_pmf(K - 2, p) @ np.diff(c, 2)) if K > 1 else np.zeros_like(p)
        phi = self.sign * self.target.phi(p)
        first, second = (self.sign * x for x in self.target.slopes(p))
        slope = P + p * P1 - phi - p * first
        bend = 2 * P1 + p * P2 - 2 * first - p * second
        return slope * turn, bend * turn**2 + 2 * slope * np.cos(2 * theta)
