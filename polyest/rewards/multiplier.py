"""Safety-GRPO: rewards -lambda . c(z), and the multiplier lambda that the primal-dual loop moves.

    lambda <- max(0, lambda + rate (mean cost - budget))        once a step, by `Multiplier.update`

The saddle point of E c <= budget.  Nothing moves inside the reward: trainers call rewards in evaluation
too, and several times a step.  The mean is over all traces of all processes.  With one constraint and
nothing else in the reward a division by the group's standard deviation cancels lambda: leave it out.

Source: Mohri, Schneider, Wu and Zhong (2026), Algorithm 4.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from polyest.arrays import Array, Floats, library
from polyest.errors import InvalidReward
from polyest.gathering import summed
from polyest.reals import on_host, reals
from polyest.values import shown


class Multiplier:
    """lambda >= 0 for one budget or several, and how it moves.

    budget: the greatest mean cost allowed, a number or (constraints,); rate: step of lambda per unit of
    cost, positive; start: where lambda begins.  Raises InvalidReward for numbers that are not finite or
    out of range.

    >>> price = Multiplier(0.1, rate=2.0)
    >>> price.update([[1, 0, 0, 1]])  # mean cost .5: lambda <- 0 + 2 (.5 - .1)
    0.8
    >>> safety([[1, 0, 0, 1]], price).tolist()
    [[-0.8, -0.0, -0.0, -0.8]]
    """

    def __init__(self, budget: Any, *, rate: float, start: Any = 0.0) -> None:
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

    def update(self, costs: Array, process_group: Any = None) -> Any:
        """Moves lambda by the mean of these costs over all processes; returns lambda.

        costs: (...), or (..., constraints) for several budgets; a process without traces passes (0,) or
        (0, constraints) and takes part.  Raises InvalidReward for costs that are not finite and where no
        process has any: lambda then stays.
        """
        wrong: InvalidReward | None = None
        total = np.full(self.budget.size + 1, np.nan)
        try:
            cost = self._rows(costs)
            total = np.append(cost.sum(0), float(len(cost)))
        except InvalidReward as error:
            wrong = error
        total = summed(total, process_group)  # also with nan, so that no process waits for another
        if wrong is not None:
            raise wrong
        mean = total[:-1] / max(total[-1], 1.0)
        with np.errstate(over="ignore"):
            moved = self.value + self.rate * (mean.reshape(self.budget.shape) - self.budget)
        if not np.isfinite(moved).all():
            raise InvalidReward(_not_finite("costs of some process"))
        if not total[-1]:
            raise InvalidReward("costs of no trace at all: expected some on one process at least")
        self.value = np.maximum(0.0, moved)
        return self.value.tolist()

    def _rows(self, costs: Array) -> Floats:
        """Costs as (traces, budgets)."""
        cost = _numbers("costs", costs)
        if self.budget.ndim and (not cost.ndim or cost.shape[-1] != self.budget.size):
            raise InvalidReward(
                f"costs of shape {cost.shape} for {self.budget.size} budgets: expected (..., "
                f"{self.budget.size})"
            )
        return cost.reshape(-1, self.budget.size)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps: lambda, budget and rate, plain numbers and lists."""
        return {
            "value": self.value.tolist(),
            "budget": self.budget.tolist(),
            "rate": float(self.rate),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up a kept state.  Raises InvalidReward for one of other budgets or with a key missing."""
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
                f"state of {kept.budget.size} budgets for {self.budget.size}: expected as many"
            )
        self.budget, self.rate, self.value = kept.budget, kept.rate, kept.value


def safety(costs: Array, multiplier: Multiplier | float) -> Array:
    """Rewards -lambda c, or minus the sum of lambda_j c_j over several budgets; lambda does not move.

    costs: finite numbers in the shape of the traces, with a last dimension for several budgets;
    multiplier: a Multiplier, or lambda itself.  Returns float64 in the shape of the traces, torch for
    torch.  Raises InvalidReward for costs that are not finite or do not fit.

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
            f"multiplier is {shown(value.tolist())}: expected no negative number, one or a list"
        )
    xp = library(costs)
    cost = _finite("costs", reals("costs", costs, costs))
    if value.ndim and (not cost.ndim or cost.shape[-1] != value.size):
        raise InvalidReward(
            f"costs of shape {tuple(cost.shape)} for {value.size} budgets: expected (..., {value.size})"
        )
    with np.errstate(over="ignore"):
        if value.ndim:
            paid = -(cost @ (value if xp is np else xp.as_tensor(value, device=cost.device)))
        else:
            paid = -float(value) * cost
    if not xp.isfinite(paid).all():
        raise InvalidReward(
            f"multiplier {shown(value.tolist())} times costs is beyond float64: scale the costs"
        )
    return paid


def _numbers(name: str, values: Any) -> Floats:
    """Finite float64 numbers on the host."""
    found: Floats = _finite(name, on_host(name, values))
    return found


def _finite(name: str, found: Any) -> Any:
    if not library(found).isfinite(found).all():
        raise InvalidReward(_not_finite(name))
    return found


def _not_finite(name: str) -> str:
    return (
        f"{name} hold nan or an infinity: expected finite numbers; drop the trace, or give it the greatest "
        "cost"
    )
