"""This module defines `Goal`, the interface of convex functionals of the prompts' answer distributions."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import UnionType

import numpy as np

from polyest.arrays import Bools, Floats, Ints
from polyest.errors import InvalidGame
from polyest.values import shown

LARGEST = 1e100  # greatest reward, cost, budget, strength; values made of them must be doubles


def numbers(name: str, values: object) -> Floats:
    """Return the values as a float64 array; raise InvalidGame if they are ragged or no numbers."""
    try:
        given = np.asarray(values)
    except (TypeError, ValueError, RuntimeError):
        raise InvalidGame(
            f"{name} is ragged, {shown(values)}: expected a rectangle of numbers"
        ) from None
    if given.dtype.kind not in "iuf":
        raise InvalidGame(f"{name} of type {given.dtype}: expected numbers")
    return np.array(given, dtype=np.float64)


def of_kind(name: str, value: object, kind: "type | UnionType", expected: str) -> None:
    """Raise InvalidGame, with what is expected, if the value is not of this kind."""
    if not isinstance(value, kind):
        raise InvalidGame(f"{name} is {shown(value)}: expected {expected}")


def certain(answers: Ints | np.intp, number: int) -> Floats:
    """Return distributions (prompts, number) with all mass on one answer each."""
    return np.asarray(np.eye(number)[answers])


def normalised(logs: Floats) -> Floats:
    """Return the distributions proportional to exp(logs), over the last axis."""
    weights = np.exp(logs - logs.max(-1, keepdims=True))
    return np.asarray(weights / weights.sum(-1, keepdims=True))


@dataclass(frozen=True)
class Prompts:
    """The data on prompts that a goal uses: positive weights that add up to 1, and a partition into
    orbits."""

    weights: tuple[float, ...]
    orbits: tuple[tuple[int, ...], ...]

    def mean(self, values: Floats) -> float:
        """Return the weighted mean over the prompts of values (prompts,)."""
        return float(np.array(self.weights) @ values)


@dataclass(frozen=True, eq=False)
class Goal(ABC):
    """A goal R: a convex functional of the answer distributions nu, a float64 array (prompts, answers).

    Gradients are taken in the pairing <a, b> = sum_x w_x sum_z a_xz b_xz, w_x the weights of the prompts.
    """

    def needed(self, prompts: int, answers: int) -> Bools:
        """Return which answers need a positive probability, for R or its gradient.

        Parameters
        ----------
        prompts : int
            The number of prompts.
        answers : int
            The number of answers.

        Returns
        -------
        bool array (prompts, answers)
            Whether the answer needs a positive probability.
        """
        return np.zeros((prompts, answers), dtype=bool)

    @abstractmethod
    def value(self, nu: Floats, prompts: Prompts) -> float:
        """Evaluate the goal R.

        Parameters
        ----------
        nu : float64 array (prompts, answers)
            Answer distributions.
        prompts : Prompts
            The weights and orbits of the prompts.

        Returns
        -------
        float
            R(nu); infinite if nu is not allowed.
        """

    @abstractmethod
    def gradient(self, nu: Floats, prompts: Prompts) -> Floats:
        """Evaluate a subgradient of R, which is also the best response u of the target in the game.

        Parameters
        ----------
        nu : float64 array (prompts, answers)
            Answer distributions.
        prompts : Prompts
            The weights and orbits of the prompts.

        Returns
        -------
        float64 array (prompts, answers)
            The subgradient, in the pairing that is weighted by the prompts.
        """

    @abstractmethod
    def conjugate(self, u: Floats, prompts: Prompts) -> tuple[float, Floats]:
        """Evaluate the convex conjugate of R.

            R*(u) = max over nu of <nu, u> - R(nu)

        Parameters
        ----------
        u : float64 array (prompts, answers)
            Dual variables.
        prompts : Prompts
            The weights and orbits of the prompts.

        Returns
        -------
        value : float
            R*(u).
        nu : float64 array (prompts, answers)
            Answer distributions that attain the maximum.

        Raises
        ------
        NotConverged
            If the maximum is found by iteration and the tolerance is not reached.
        """

    @abstractmethod
    def listed(self, nu: Floats, prompts: Prompts, beta: float) -> Floats:
        """Return the target that the paper lists for this goal, which is not always a best response.

        Parameters
        ----------
        nu : float64 array (prompts, answers)
            Answer distributions.
        prompts : Prompts
            The weights and orbits of the prompts.
        beta : float
            The strength of the pull towards the reference policy.

        Returns
        -------
        float64 array (prompts, answers)
            The target.
        """

    def check(self, prompts: int, answers: int) -> None:  # noqa: B027 (most goals accept any number)
        """Check that the goal is valid for these numbers of prompts and answers.

        Parameters
        ----------
        prompts : int
            The number of prompts.
        answers : int
            The number of answers.

        Raises
        ------
        InvalidGame
            If it is made for other numbers, or one of its parameters is not valid.
        """
