"""What every kind of table does: say what it is and what is proved of it, and look counts up.

    t[X] = c_X: a float for an int, an array for integers, a tensor for a tensor of them

A kind of table is a dataclass with the attributes of `Lookup`, and the entries c_X of counts that have
been checked.
"""

import sys
from abc import ABC, abstractmethod
from numbers import Integral
from typing import Any

import numpy as np

from polyest.errors import CountOutOfRange
from polyest.problem.claims import Bracket, Certificate
from polyest.problem.problem import Budget, Problem
from polyest.values import shown


class Lookup(ABC):
    """Entries c_X of counts X in 0..K, with their problem, certificate and origin."""

    problem: Problem
    method: str
    release: str | None
    version: str

    @property
    @abstractmethod
    def certificate(self) -> Certificate:
        """What is proved of the entries."""

    @property
    def K(self) -> int:
        """Number of binomial draws; counts run over 0..K."""
        return self.problem.K

    @property
    def target(self) -> str:
        """Name of phi, such as "log" or "tsallis:0.5"."""
        return self.problem.target.name

    @property
    def criterion(self) -> str:
        """What was made least or bounded, or the name of a closed form."""
        return self.problem.criterion

    @property
    def budget(self) -> Budget | None:
        """What the user allowed, None where nothing was bounded."""
        return self.problem.budget

    @property
    def generator(self) -> dict[str, str]:
        """Version of polyest and name of the method that made the entries."""
        return {"polyest": self.version, "method": self.method}

    @property
    def bias(self) -> Bracket:
        """Proved bracket of sup |p (P(p) - phi(p))| over [0, 1], of these very doubles."""
        return self.certificate.bias

    @property
    def optimum(self) -> Bracket | None:
        """Proved bracket of the least attainable value of what was minimised."""
        return self.certificate.optimum

    @property
    def second_moment(self) -> float:
        """Proved upper bound of sup E c_X^2."""
        return self.certificate.second_moment

    @property
    def variance(self) -> float:
        """Proved upper bound of sup Var c_X."""
        return self.certificate.variance

    @property
    def gradient_variance(self) -> float:
        """Proved upper bound of sup p Var c_X."""
        return self.certificate.gradient_variance

    @property
    def squared_error(self) -> float:
        """Proved upper bound of sup p E (c_X - phi(p))^2; inf where that is unbounded."""
        return self.certificate.squared_error

    def __len__(self) -> int:
        """Number of entries, K + 1."""
        return self.K + 1

    def __getitem__(self, counts: Any) -> Any:
        """Entries c[counts] in float64: a float for an int, an array or tensor for one of integers.

        Raises CountOutOfRange for a count outside 0..K and for anything that is not an integer.
        """
        if isinstance(counts, Integral) and not isinstance(counts, bool | np.bool_):
            self._check(int(counts), int(counts))
            return self._entry(int(counts))
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(counts, torch.Tensor):
            return self._look_up_tensor(counts)
        try:
            index = np.asarray(counts)
        except ValueError:
            raise CountOutOfRange(
                f"counts are {shown(counts)}: expected integers in 0..{self.K}, in lists of one length"
            ) from None
        if index.size == 0:
            return np.zeros(index.shape)
        if index.dtype.kind not in "iu":
            raise CountOutOfRange(
                f"counts of type {index.dtype}: a count is an integer in 0..{self.K}; "
                "drop missing values before the look-up"
            )
        self._check(int(index.min()), int(index.max()))
        return self._entries(index)

    @abstractmethod
    def _entry(self, count: int) -> float:
        """Entry of a count in 0..K."""

    @abstractmethod
    def _entries(self, counts: Any) -> Any:
        """Entries of an array or a tensor of counts in 0..K."""

    def _look_up_tensor(self, counts: Any) -> Any:
        torch = sys.modules["torch"]
        if counts.is_floating_point() or counts.is_complex() or counts.dtype == torch.bool:
            raise CountOutOfRange(
                f"counts of type {counts.dtype}: a count is an integer in 0..{self.K}"
            )
        if counts.numel() == 0:
            return torch.zeros(counts.shape, dtype=torch.float64, device=counts.device)
        self._check(int(counts.min()), int(counts.max()))
        return self._entries(counts.long())

    def _check(self, least: int, greatest: int) -> None:
        if least < 0 or greatest > self.K:
            wrong = least if least < 0 else greatest
            raise CountOutOfRange(
                f"count {shown(wrong)} is outside 0..{self.K}: a table of K draws takes counts of K draws; "
                "load the table of the number of draws you counted"
            )
