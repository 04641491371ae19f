"""Safety-GRPO: rewards -lambda . c(z), and the multiplier lambda that the primal-dual loop moves.

    lambda <- max(0, lambda + rate (mean cost - budget))        once a step, by `Multiplier.update`

The loop seeks the saddle point of the constraint E c <= budget.  The reward itself moves nothing, because
trainers call rewards in evaluation too, and several times a step.  The mean is over the completions of all
processes.  Where this is the only reward, and has one constraint, a division by the group's standard
deviation cancels lambda: switch it off.

Source: Mohri, Schneider, Wu and Zhong (2026), Algorithm 4.
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
    """What a checkpoint keeps of a multiplier; lists are of several budgets."""

    value: float | list[float]
    budget: float | list[float]
    rate: float


class Multiplier:
    """The multipliers lambda >= 0 of one budget or several, and how they move.

        lambda <- max(0, lambda + rate (mean cost - budget))        once a step, by `update`

    Parameters
    ----------
    budget : float or Array (budgets,)
        The greatest mean cost that is allowed.
    rate : float
        The step of lambda for a unit of cost, positive.
    start : float or Array (budgets,)
        Where lambda begins, at least 0.

    Raises
    ------
    InvalidReward
        If numbers are not finite, out of range, or do not fit.

    Examples
    --------
    >>> price = Multiplier(0.1, rate=2.0)
    >>> price.update([[1, 0, 0, 1]])  # mean cost .5: lambda <- 0 + 2 (.5 - .1)
    0.8
    >>> safety([[1, 0, 0, 1]], price).tolist()
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
        """Move lambda by the mean of these costs over all processes, in a collective call.

        Parameters
        ----------
        costs : Array, (...) or (..., budgets)
            The costs of completions: (..., budgets) for several budgets, (0,) or (0, budgets) of a process
            without completions.
        process_group : ProcessGroup or None
            That of torch.distributed, None for the default one.

        Returns
        -------
        float or list of float
            The moved lambda: a list for several budgets.

        Raises
        ------
        InvalidReward
            If costs are not finite or do not fit, or no process has any; lambda then stays as it is.
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
            raise InvalidReward(
                "costs of no completion at all: expected some on one process at least"
            )
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
        """Return what a checkpoint keeps.

        Returns
        -------
        dict
            Lambda, as "value", budget and rate, as plain numbers and lists.
        """
        return {
            "value": self.value.tolist(),
            "budget": self.budget.tolist(),
            "rate": float(self.rate),
        }

    def load_state_dict(self, state: State) -> None:
        """Take up a state that was kept.

        Parameters
        ----------
        state : mapping
            What `state_dict` gave.

        Raises
        ------
        InvalidReward
            If a key is missing, a number is not valid, or the number of budgets is another.
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
    """Reward each completion with minus the price of its costs.

        r_i = -lambda c_i,    or -sum_j lambda_j c_ij over several budgets

    Lambda does not move.

    Parameters
    ----------
    costs : Array, (...) or (..., budgets)
        Finite costs in the shape of the completions: (..., budgets) for several budgets.
    multiplier : Multiplier, float or Array (budgets,)
        A multiplier, or lambda itself, at least 0.

    Returns
    -------
    float64 Array (...)
        The rewards, in the shape of the completions, of the library of the costs.

    Raises
    ------
    InvalidReward
        If costs are not finite or do not fit, lambda is negative, or a reward is beyond float64.

    References
    ----------
    Mohri, Schneider, Wu and Zhong (2026), Algorithm 4.

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
