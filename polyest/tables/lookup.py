"""This module defines what every kind of table has: its description, its certified claims and its look-up.

    t[X] = c_X      a float for an int, else an array of the library of the counts

X is a count among K draws, such as `counts.in_group(answers).index`.

A kind of table is a subclass of `Lookup`, which implements the entries c_X of counts that were checked.
"""

from abc import ABC, abstractmethod
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

from polyest.arrays import Array, converted, doubles, int64, kind_of, library, own, traced
from polyest.errors import CountOutOfRange
from polyest.problem.claims import Bracket, Certificate
from polyest.problem.problem import Budget, Problem
from polyest.values import shown

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from torch import Tensor


class Lookup(ABC):
    """Entries c_X of counts X in 0..K, with their problem, certificate and origin.

    `len(table)` is the number of entries, K + 1.

    Attributes
    ----------
    problem : Problem
        The question that the table answers: K, target, criterion, budget and shape.
    method : str
        The name of the method that made the entries.
    release : str or None
        The release that the table belongs to, such as "v1"; None for a table that was made here.
    version : str
        The version of polyest that made the table.
    """

    problem: Problem
    method: str
    release: str | None
    version: str

    @property
    @abstractmethod
    def certificate(self) -> Certificate:
        """Certificate of the entries: the claims that are proved about the stored doubles."""

    @property
    def K(self) -> int:
        """Sample size: the number of binomial draws; counts are in 0..K."""
        return self.problem.K

    @property
    def target(self) -> str:
        """Name of the target phi, such as "log" or "tsallis:0.5"."""
        return self.problem.target.name

    @property
    def criterion(self) -> str:
        """Name of the criterion that was minimised or bounded, or of a closed form."""
        return self.problem.criterion

    @property
    def budget(self) -> Budget | None:
        """Budget that was allowed; None if nothing was bounded."""
        return self.problem.budget

    @property
    def shape(self) -> str | None:
        """Shape that was required of the table, "monotone" or "concave"; None for free entries."""
        return self.problem.shape

    @property
    def generator(self) -> dict[str, str]:
        """Version of polyest and name of the method that made the entries."""
        return {"polyest": self.version, "method": self.method}

    @property
    def bias(self) -> Bracket:
        """Certified bracket of the worst-case weighted bias sup |p (P(p) - phi(p))| over p in [0, 1]."""
        return self.certificate.bias

    @property
    def optimum(self) -> Bracket | None:
        """Certified bracket of the least attainable value of what was minimised; None if nothing was."""
        return self.certificate.optimum

    @property
    def second_moment(self) -> float:
        """Certified upper bound of sup E c_X^2 over p in [0, 1]."""
        return self.certificate.second_moment

    @property
    def variance(self) -> float:
        """Certified upper bound of sup Var c_X over p in [0, 1]."""
        return self.certificate.variance

    @property
    def gradient_variance(self) -> float:
        """Certified upper bound of sup p Var c_X over p in [0, 1]."""
        return self.certificate.gradient_variance

    @property
    def squared_error(self) -> float:
        """Certified upper bound of sup p E (c_X - phi(p))^2 over p in [0, 1]; inf if that is unbounded."""
        return self.certificate.squared_error

    def __len__(self) -> int:
        """Return the number of entries, K + 1."""
        return self.K + 1

    def __getitem__(self, counts: "ArrayLike | Tensor") -> Array:
        """Look counts up: the entries c[counts] in float64.

        In `jax.jit` no value can be checked: a count out of range has nan.

        Parameters
        ----------
        counts : int or integer Array
            Counts in 0..K, of any shape.

        Returns
        -------
        float or float64 Array
            The entries: a float for an int, else an array in the shape of the counts, of their library and
            on their device.  A library without float64 has its longest floats.

        Raises
        ------
        CountOutOfRange
            If a count is not an integer in 0..K.
        """
        if isinstance(counts, Integral) and not isinstance(counts, bool | np.bool_):
            self._check(int(counts), int(counts))
            return self._entry(int(counts))
        try:
            index = converted(counts, counts)
        except ValueError:
            raise CountOutOfRange(
                f"counts are {shown(counts)}: expected integers in 0..{self.K}, in lists of one length"
            ) from None
        xp = library(index)
        if 0 in index.shape:
            return doubles(xp.zeros_like(index, dtype=xp.float32))
        if kind_of(index) not in ("i", "u"):
            raise CountOutOfRange(
                f"counts of type {index.dtype}: a count is an integer in 0..{self.K}; "
                "drop missing values before the look-up"
            )
        if not own(xp) and traced(index):
            inside = (index >= 0) & (index <= self.K)
            return xp.where(inside, self._entries(xp.clip(index, 0, self.K)), xp.nan)
        self._check(int(xp.min(index)), int(xp.max(index)))
        return self._entries(int64(index))

    @abstractmethod
    def _entry(self, count: int) -> float:
        """Return the entry of a count in 0..K."""

    @abstractmethod
    def _entries(self, counts: Array) -> Array:
        """Return the entries of an array of counts in 0..K, of any library."""

    def _check(self, least: int, greatest: int) -> None:
        if least < 0 or greatest > self.K:
            wrong = least if least < 0 else greatest
            raise CountOutOfRange(
                f"count {shown(wrong)} is outside 0..{self.K}: a table of sample size K takes "
                "counts among K draws, such as counts.in_group(answers).index; load the table "
                "whose K is the number of draws that you counted"
            )
