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

from polyest import counts
from polyest.bernstein import Floats
from polyest.errors import InvalidReward
from polyest.gathering import summed

Array = Any  # numpy array or torch tensor; recognised, not imported


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
        self.rate = float(_numbers("rate", rate))
        self.value = np.broadcast_to(_numbers("start", start), self.budget.shape).copy()
        if self.rate <= 0 or (self.value < 0).any() or self.budget.ndim > 1:
            raise InvalidReward(
                f"rate {self.rate}, start {start}, budget of shape {self.budget.shape}: expected a positive "
                "rate, no negative start, one budget or a list"
            )

    def update(self, costs: Array, process_group: Any = None) -> Any:
        """Moves lambda by the mean of these costs over all processes; returns lambda.

        costs: (...), or (..., constraints) for several budgets; a process without traces passes (0,) or
        (0, constraints) and takes part.  Raises InvalidReward for costs that are not finite and where no
        process has any: lambda then stays.
        """
        cost = _host("costs", costs).reshape(-1, self.budget.size)
        total = summed(np.append(cost.sum(0), float(len(cost))), process_group)
        if not total[-1]:
            raise InvalidReward("costs of no trace at all: expected some on one process at least")
        if not np.isfinite(total).all():  # seen by every process, so that none waits for another
            raise InvalidReward(_not_finite("costs"))
        moved = self.value + self.rate * (
            (total[:-1] / total[-1]).reshape(self.budget.shape) - self.budget
        )
        self.value = np.maximum(0.0, moved)
        return self.value.tolist()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps: lambda, budget and rate, plain numbers and lists."""
        return {"value": self.value.tolist(), "budget": self.budget.tolist(), "rate": self.rate}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up a kept state.  Raises InvalidReward for one of other budgets or with a key missing."""
        missing = {"value", "budget", "rate"} - state.keys()
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
    if (value < 0).any():
        raise InvalidReward(f"multiplier is {value.tolist()}: expected no negative number")
    xp = counts.library(costs)
    cost = _numbers("costs", costs) if xp is np else _tensor(xp, costs)
    if value.ndim and (not cost.ndim or cost.shape[-1] != value.size):
        raise InvalidReward(
            f"costs of shape {tuple(cost.shape)} for {value.size} budgets: expected (..., {value.size})"
        )
    if not value.ndim:
        return -float(value) * cost
    return -(cost @ (value if xp is np else xp.as_tensor(value, device=cost.device)))


def _tensor(xp: Any, costs: Array) -> Array:
    if not xp.isfinite(costs).all():
        raise InvalidReward(_not_finite("costs"))
    return costs.double()


def _host(name: str, values: Any) -> Floats:
    try:
        return np.asarray(
            values.detach().cpu() if hasattr(values, "detach") else values, np.float64
        )
    except (TypeError, ValueError) as error:
        raise InvalidReward(f"{name} are {values!r:.60} ({error}): expected numbers") from None


def _numbers(name: str, values: Any) -> Floats:
    """Finite float64 numbers on the host."""
    found = _host(name, values)
    if not np.isfinite(found).all():
        raise InvalidReward(_not_finite(name))
    return found


def _not_finite(name: str) -> str:
    return (
        f"{name} hold nan or an infinity: expected finite numbers; drop the trace, or give it the greatest "
        "cost"
    )
