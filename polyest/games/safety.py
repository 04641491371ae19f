"""This module has the goal of safety: the expected costs of the answers stay within budgets.

    R = indicator of  C nu <= b             costs C (constraints, answers), budgets b, for every prompt
    R = bound sum_j max(0, (C nu - b)_j)    its exact penalty, if bound exceeds the multipliers
    R*(u) = max over nu of <nu, u> - R(nu)  a linear program

The best response of the target is exp(-lambda cost/beta), where lambda >= 0 are the Lagrange multipliers of
the optimum.  A policy within its budget does not determine them, and against a policy that exceeds it the
target has no best response.  `multipliers` therefore computes them.  The paper lists the information
projection of nu onto the safe set, which is proportional to nu exp(-lambda cost).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice, product
from math import inf
from typing import Any

import numpy as np

from polyest.arrays import Bools, Floats
from polyest.dependencies import require
from polyest.errors import Infeasible, InvalidGame, NotConverged
from polyest.games.bregman import LEAST
from polyest.games.goal import LARGEST as LARGEST_COST
from polyest.games.goal import Goal, Prompts, normalised, numbers
from polyest.values import real, shown

WITHIN = 1e-9  # excess over a budget that is allowed, relative to the greatest cost
SETTLED = 1e-13  # greatest residual of the complementarity
LARGEST = 1e12  # greatest multiplier, in units of the greatest cost
ROUNDS = 50  # most passes over the constraints before they are solved together


@dataclass(frozen=True, eq=False)
class Safety(Goal):
    """Safety: the expected costs of the answers stay within budgets for every prompt.

        R = indicator of C nu <= b,                  where bound is infinite
        R = bound sum_j max(0, (C nu - b)_j)         its exact penalty

    The penalty has the same optimum as the constraint if the bound exceeds the Lagrange multipliers of the
    optimum.

    Parameters
    ----------
    cost : array (constraints, answers) or (answers,)
        The costs C.
    budget : array (constraints,) or float
        The budgets b.
    bound : float
        An upper bound of the Lagrange multipliers; infinite for the indicator.
    """

    cost: Any
    budget: Any
    bound: float = inf

    @property
    def costs(self) -> Floats:
        """Costs C, float64 (constraints, answers)."""
        return np.atleast_2d(np.array(self.cost, dtype=np.float64))

    @property
    def budgets(self) -> Floats:
        """Budgets b, float64 (constraints,)."""
        return np.atleast_1d(np.array(self.budget, dtype=np.float64))

    @property
    def scales(self) -> Floats:
        """Greatest cost of each constraint, the unit of its tolerances, float64 (constraints,)."""
        greatest = np.abs(self.costs).max(1)
        return np.asarray(np.where(greatest > 0, greatest, 1.0))

    def excess(self, nu: Floats) -> Floats:
        """Return the amounts by which expected costs exceed their budgets.

            C nu - b

        Parameters
        ----------
        nu : float64 array (prompts, answers)
            Answer distributions.

        Returns
        -------
        float64 array (prompts, constraints)
            The excess; negative if the cost is below its budget.
        """
        return np.asarray(nu @ self.costs.T - self.budgets)

    def value(self, nu: Floats, prompts: Prompts) -> float:
        """Return the penalty; the indicator is 0, or inf if a cost exceeds its budget by more than 1e-9.

        The tolerance 1e-9 is relative to the greatest cost of the constraint.
        """
        over = np.maximum(self.excess(nu), 0.0)
        if self.bound == inf:
            return inf if (over > WITHIN * self.scales).any() else 0.0
        return self.bound * prompts.mean(over.sum(-1))

    def gradient(self, nu: Floats, prompts: Prompts) -> Floats:
        """Return the bound times the costs whose budgets are exceeded; the subgradient of the indicator is
        0.

        Parameters
        ----------
        nu : float64 array (prompts, answers)
            Answer distributions.
        prompts : Prompts
            The weights and orbits of the prompts.

        Returns
        -------
        float64 array (prompts, answers)
            The subgradient.

        Raises
        ------
        Infeasible
            If bound is infinite and a budget is exceeded.
        """
        if self.bound < inf:
            return np.asarray(self.bound * (self.excess(nu) > 0) @ self.costs)
        over = self.excess(nu) > WITHIN * self.scales
        if over.any():
            x, j = np.argwhere(over)[0]
            raise Infeasible(
                f"expected cost {float(self.costs[j] @ nu[x]):.6g} of prompt {x} is beyond its budget "
                f"{self.budgets[j]:.6g}: no target is a best response there; use equilibrium(), which finds "
                "the multipliers, or a finite bound"
            )
        return np.zeros(nu.shape)

    def conjugate(self, u: Floats, prompts: Prompts) -> tuple[float, Floats]:
        """Solve one linear program per prompt."""
        C, b = self.costs / self.scales[:, None], self.budgets / self.scales
        penalty = np.array([]) if self.bound == inf else self.bound * self.scales
        limits = C if self.bound == inf else np.hstack([C, -np.eye(b.size)])
        best, total = np.empty(u.shape), np.empty(len(u))
        for x, row in enumerate(u):
            sums = np.append(np.ones(row.size), np.zeros(len(penalty)))[None]
            price = np.append(-row, penalty)
            nu = _program(price, A_ub=limits, b_ub=b, A_eq=sums, b_eq=[1.0])[: row.size]
            nu = np.maximum(nu, 0.0) / np.maximum(nu, 0.0).sum()
            over = np.maximum(C @ nu - b, 0.0)
            best[x], total[x] = nu, row @ nu - (over @ penalty if self.bound < inf else 0.0)
        return prompts.mean(total), best

    def listed(self, nu: Floats, prompts: Prompts, beta: float) -> Floats:
        """Return nu exp(-lambda cost), the distribution of least KL from nu within the budgets."""
        safe = replace(self, bound=inf)
        logs = np.log(np.maximum(nu, LEAST))

        def projected(row: Floats) -> Callable[[Floats], Floats]:
            return lambda multiplier: normalised(row - multiplier @ self.costs)

        return np.stack([projected(row)(safe.multipliers(projected(row))) for row in logs])

    def multipliers(self, respond: Callable[[Floats], Floats]) -> Floats:
        """Find the Lagrange multipliers lambda of the budgets for one prompt.

        Parameters
        ----------
        respond : callable
            A function from multipliers (constraints,) to the answer distribution (answers,) that minimises
            lambda (C nu - b) plus a strictly convex function of nu.

        Returns
        -------
        float64 array (constraints,)
            The multipliers, in [0, bound]; 0 if the cost is below its budget.

        Raises
        ------
        NotConverged
            If no multipliers are found for which the budgets are met.
        """
        require("scipy")
        from scipy.optimize import brentq, root

        units = self.scales
        C, b = self.costs / units[:, None], self.budgets / units
        top = np.minimum(self.bound * units, LARGEST)

        def spare(multiplier: Floats) -> Floats:
            return np.asarray(b - C @ respond(multiplier / units))

        current = np.zeros(b.size)
        for _ in range(ROUNDS):  # solve for one multiplier after the other, each completely
            before = current.copy()
            for j in range(b.size):

                def alone(value: float, j: int = j) -> float:
                    changed = current.copy()
                    changed[j] = value
                    return float(spare(changed)[j])

                upper = min(1.0, top[j])
                while alone(upper) < 0 and upper < top[j]:
                    upper = min(2 * upper, top[j])
                if alone(0.0) >= 0 or alone(upper) < 0:
                    current[j] = 0.0 if alone(0.0) >= 0 else upper
                else:
                    current[j] = brentq(alone, 0.0, upper, xtol=1e-15, rtol=1e-14, maxiter=500)
            if np.abs(current - before).max() <= 1e-3 * (1 + np.abs(current).max()):
                break

        def unsettled(m: Floats) -> Floats:
            return np.asarray(m - np.clip(m - spare(m), 0.0, top))

        # Then solve for all multipliers together; then for each set of them, with the others at a bound.
        ends = np.where(current >= top, top, 0.0)
        for free in [np.ones(b.size, dtype=bool), *_subsets(current > 0)]:
            if np.abs(unsettled(current)).max() <= SETTLED:
                break

            def some(m: Floats, free: Bools = free) -> Floats:
                whole = np.where(free, 0.0, ends)
                whole[free] = m
                return np.asarray((unsettled if free.all() else spare)(whole)[free])

            tried = np.where(free, current, ends)
            tried[free] = root(some, current[free], tol=1e-14).x
            tried = np.clip(tried, 0.0, top)
            current = min(current, tried, key=lambda m: float(np.abs(unsettled(m)).max()))
        spent = (current >= top) & (self.bound < inf)  # only a penalty may be at its bound
        left = np.where(spent, np.maximum(spare(current), 0.0), spare(current))
        wrong = np.maximum(np.maximum(-left, 0.0), np.minimum(current, np.maximum(left, 0.0)))
        if not wrong.max() <= WITHIN / 2:
            raise NotConverged(
                f"multipliers {shown((current / units).tolist())} leave {shown((left * units).tolist())} "
                "of the budgets: check that some policy meets them"
            )
        return np.asarray(current / units)

    def check(self, prompts: int, answers: int) -> None:
        """Check the shapes of costs and budgets, and that a distribution exists below every budget."""
        numbers("costs", self.cost)
        numbers("budgets", self.budget)
        C, b = self.costs, self.budgets
        fit = C.shape == (b.size, answers)
        if not fit or not all((np.abs(x) <= LARGEST_COST).all() for x in (C, b)):
            raise InvalidGame(
                f"costs of shape {C.shape}, budgets of shape {b.shape}: expected finite numbers, "
                f"(constraints, {answers}) and (constraints,)"
            )
        bound = real(self.bound)
        if not (0 < bound <= LARGEST_COST or bound == inf == self.bound):
            raise InvalidGame(
                f"bound is {shown(self.bound)}: expected a positive number, above the multipliers of the "
                "optimum"
            )
        self.check_reachable(np.ones(answers, dtype=bool))

    def check_reachable(self, reachable: Bools, prompt: int | None = None) -> None:
        """Check that some distribution on these answers has costs below every budget.

        Parameters
        ----------
        reachable : bool array (answers,)
            Whether each answer has a completion.
        prompt : int or None
            The number of the prompt, for the message.

        Raises
        ------
        Infeasible
            If there is no such distribution.
        """
        C, b = self.costs[:, reachable] / self.scales[:, None], self.budgets / self.scales
        n = C.shape[1]
        least = _program(
            np.append(np.zeros(n), 1.0),
            A_ub=np.hstack([C, -np.ones((b.size, 1))]),
            b_ub=b,
            A_eq=np.append(np.ones(n), 0.0)[None],
            b_eq=[1.0],
            bounds=[(0, None)] * n + [(None, None)],
        )[-1]
        if least >= 0 and self.bound == inf:
            place = "" if prompt is None else f" of prompt {prompt}"
            raise Infeasible(
                f"budgets {shown(b.tolist())}: every distribution over the answers{place} exceeds one "
                f"of them by {abs(least):.6g} or more, or spends it to the end; the least cost of each is "
                f"{shown(C.min(1).tolist())}, all in units of the greatest cost: "
                "allow more, or use a finite bound"
            )


def _subsets(first: Bools) -> list[Bools]:
    """Return at most 64 sets of constraints that may bind, those most like the first before the others."""
    sets = [np.array(choice) for choice in islice(product((True, False), repeat=first.size), 64)]
    return sorted((s for s in sets if s.any()), key=lambda s: int((s != first).sum()))


def _program(price: Floats, **limits: object) -> Floats:
    """Return a solution of a linear program; raise NotConverged with the message of the solver."""
    require("scipy")
    from scipy.optimize import linprog

    solved = linprog(price, **limits)
    if solved.status != 0:
        raise NotConverged(f"a linear program of costs within budgets: {solved.message}")
    return np.asarray(solved.x)
