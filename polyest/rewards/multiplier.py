"""Rewards under a cost budget (Safety-GRPO), and the Lagrange multiplier lambda that enforces the budget.

    r_i = -lambda . c_i
    lambda <- max(0, lambda + rate (mean cost - budget))        once per step, by `Multiplier.update`

Together they seek the saddle point of the problem with the constraint E c <= budget (a primal-dual method).
Calling the reward does not change lambda, because trainers also call rewards during evaluation and several
times per step.  The mean is taken over the completions of all processes.  If this is the only reward and it
has one constraint, a division by the group's standard deviation cancels lambda; switch that division off.

Source: Mohri, Schneider and Wu (2026), Algorithm 4.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict, TypeVar

import numpy as np

from polyest.arrays import Array, Floats, placed
from polyest.errors import InvalidReward
from polyest.gathering import summed
from polyest.reals import finite, on_host, reals
from polyest.values import shown

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

Found = TypeVar("Found")


class State(TypedDict):
    """The state of a multiplier in a checkpoint; values are lists if there are several budgets."""

    value: float | list[float]
    budget: float | list[float]
    rate: float


class Multiplier:
    """The Lagrange multipliers lambda >= 0 of one cost budget or of several.

        lambda <- max(0, lambda + rate (mean cost - budget))        once per step, by `update`

    A multiplier grows while the mean cost exceeds its budget, and falls to 0 while it does not.

    Parameters
    ----------
    budget : float or Array (budgets,)
        The greatest mean cost that is allowed.
    rate : float
        The change of lambda per unit of excess cost, a positive number.
    start : float or Array (budgets,)
        The initial value of lambda, at least 0.

    Raises
    ------
    InvalidReward
        If a number is not finite or out of range, or the shapes of budget and start do not match.

    References
    ----------
    Mohri, Schneider and Wu (2026), Algorithm 4.

    Examples
    --------
    >>> multiplier = Multiplier(0.1, rate=2.0)
    >>> multiplier.update([[1, 0, 0, 1]])  # mean cost .5: lambda <- 0 + 2 (.5 - .1)
    0.8
    >>> safety([[1, 0, 0, 1]], multiplier).tolist()
    [[-0.8, -0.0, -0.0, -0.8]]
    """

    def __init__(self, budget: object, *, rate: float, start: object = 0.0) -> None:
        """A multiplier at its start."""
        self.budget = _numbers("budget", budget)
        self.rate = _numbers("rate", rate)
        self.value = _numbers("start", start)
        if (
            self.budget.ndim > 1
            or not self.budget.size
            or self.rate.ndim
            or self.rate <= 0
            or self.value.shape not in ((), self.budget.shape)
            or (self.value < 0).any()
        ):
            raise InvalidReward(
                f"budget {shown(budget)}, rate {shown(rate)}, start {shown(start)}: expected one "
                "budget or a list, a positive rate, and a start that is not negative, one or as many"
            )
        self.value = np.broadcast_to(self.value, self.budget.shape).copy()

    def update(
        self, costs: Array, process_group: "ProcessGroup | None" = None
    ) -> float | list[float]:
        """Update lambda with the mean of these costs over all processes, in a collective call.

        Parameters
        ----------
        costs : Array, (...) or (..., budgets)
            The costs of the completions: (..., budgets) for several budgets.  A process without completions
            passes an array (0,) or (0, budgets).
        process_group : ProcessGroup or None
            A process group of torch.distributed; None for the default one.

        Returns
        -------
        float or list of float
            The new lambda; a list for several budgets.

        Raises
        ------
        InvalidReward
            If costs are not finite or have the wrong shape, or no process has any; lambda is then unchanged.
        """
        wrong: InvalidReward | None = None
        total = np.full(self.budget.size + 1, np.nan)
        try:
            cost = self._rows(costs)
            total = np.append(cost.sum(0), float(len(cost)))
        except InvalidReward as error:
            wrong = error
        # Also where this process is about to raise, so that no other waits for it; nan tells them.
        total = summed(total, process_group)
        if wrong is not None:
            raise wrong
        mean = total[:-1] / max(total[-1], 1.0)
        with np.errstate(over="ignore"):
            moved = self.value + self.rate * (mean.reshape(self.budget.shape) - self.budget)
        if not np.isfinite(moved).all():
            raise InvalidReward(_not_finite("costs of some process"))
        if not total[-1]:
            raise InvalidReward("no process has costs: expected those of at least one completion")
        self.value = np.maximum(0.0, moved)
        value: float | list[float] = self.value.tolist()
        return value

    def _rows(self, costs: Array) -> Floats:
        """Costs as float64 (completions, budgets)."""
        cost = _numbers("costs", costs)
        if self.budget.ndim and (not cost.ndim or cost.shape[-1] != self.budget.size):
            raise InvalidReward(
                f"costs of shape {cost.shape} for {self.budget.size} budgets: expected (..., "
                f"{self.budget.size})"
            )
        return cost.reshape(-1, self.budget.size)

    def state_dict(self) -> State:
        """Return the state to save in a checkpoint.

        Returns
        -------
        dict
            Lambda (as "value"), budget and rate, as plain numbers or lists.
        """
        return {
            "value": self.value.tolist(),
            "budget": self.budget.tolist(),
            "rate": float(self.rate),
        }

    def load_state_dict(self, state: State) -> None:
        """Restore a state from a checkpoint.

        Parameters
        ----------
        state : mapping
            The result of `state_dict`.

        Raises
        ------
        InvalidReward
            If a key is missing, a number is not valid, or the number of budgets differs.
        """
        missing = {"value", "budget", "rate"} - (
            state.keys() if isinstance(state, Mapping) else set()
        )
        if missing:
            raise InvalidReward(
                f"state without {', '.join(sorted(missing))}: expected one of state_dict()"
            )
        kept = Multiplier(state["budget"], rate=state["rate"], start=state["value"])
        if kept.budget.shape != self.budget.shape:
            raise InvalidReward(
                f"state of {kept.budget.size} budgets: expected {self.budget.size}, as many as here"
            )
        self.budget, self.rate, self.value = kept.budget, kept.rate, kept.value


def safety(costs: Array, multiplier: Multiplier | float) -> Array:
    """Reward each completion with minus its costs, times the Lagrange multipliers of their budgets.

        r_i = -lambda c_i,    or -sum_j lambda_j c_ij over several budgets

    The call does not change lambda; `Multiplier.update` does.

    Parameters
    ----------
    costs : Array, (...) or (..., budgets)
        The finite costs of the completions; (..., budgets) for several budgets.
    multiplier : Multiplier, float or Array (budgets,)
        A multiplier, or the value of lambda, at least 0.

    Returns
    -------
    float64 Array (...)
        The rewards, in the shape of the completions and in the array library of the costs.

    Raises
    ------
    InvalidReward
        If costs are not finite or have the wrong shape, lambda is negative, or a reward is beyond float64.

    References
    ----------
    Mohri, Schneider and Wu (2026), Algorithm 4.

    Examples
    --------
    >>> safety([[2.0, 0.5]], 0.5).tolist()
    [[-1.0, -0.25]]
    """
    value = (
        multiplier.value
        if isinstance(multiplier, Multiplier)
        else _numbers("multiplier", multiplier)
    )
    if value.ndim > 1 or (value < 0).any():
        raise InvalidReward(
            f"multiplier is {shown(value.tolist())}: expected a number of at least 0, or a list of them"
        )
    cost = finite(reals("costs", costs, costs), _not_finite("costs"))
    if value.ndim and (not cost.ndim or cost.shape[-1] != value.size):
        raise InvalidReward(
            f"costs of shape {tuple(cost.shape)} for {value.size} budgets: expected (..., {value.size})"
        )
    with np.errstate(over="ignore"):
        paid = -(cost @ placed(value, cost)) if value.ndim else -float(value) * cost
    return finite(
        paid,
        f"multiplier {shown(value.tolist())} times costs is beyond float64: scale the costs down",
    )


def _numbers(name: str, values: object) -> Floats:
    """Finite float64 numbers on the host."""
    numbers: Floats = finite(on_host(name, values), _not_finite(name))
    return numbers


def _not_finite(name: str) -> str:
    return (
        f"{name} hold nan or an infinity: expected finite numbers; drop the completion, or give it the "
        "greatest cost"
    )
