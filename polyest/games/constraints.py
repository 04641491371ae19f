"""Safety: answer distributions whose expected costs stay within a budget.

    R = indicator of  C nu <= b             costs C (constraints, answers), budgets b, for every prompt
    R = bound sum_j max(0, (C nu - b)_j)    its exact penalty, as soon as bound exceeds the multipliers
    R*(u) = max over nu of <nu, u> - R(nu)  a linear program

The best response of the target is exp(-lambda cost/beta), lambda >= 0 the multipliers of the optimum.  A
policy within its budget does not show them, one beyond it has no best response: `multipliers` finds them.
The seeds list the information projection of nu onto the safe set, nu exp(-lambda cost).
"""

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np

from polyest.bernstein import Floats
from polyest.errors import Infeasible, InvalidGame, NotConverged
from polyest.games.goals import Goal, Prompts, normalised

WITHIN = 1e-9  # of a budget, for a policy to keep it
LARGEST, ROUNDS = 1e12, 50  # multiplier; times round the constraints before they are solved together


class Safety(Goal):
    """R of expected costs (constraints, answers) within budgets (constraints,); bound caps multipliers."""

    cost: Any
    budget: Any
    bound: float = inf

    @property
    def costs(self) -> Floats:
        """Costs, float64 (constraints, answers)."""
        return np.atleast_2d(np.array(self.cost, dtype=np.float64))

    @property
    def budgets(self) -> Floats:
        """Budgets, float64 (constraints,)."""
        return np.atleast_1d(np.array(self.budget, dtype=np.float64))

    def excess(self, nu: Floats) -> Floats:
        """C nu - b, float64 (prompts, constraints)."""
        return np.asarray(nu @ self.costs.T - self.budgets)

    def value(self, nu: Floats, prompts: Prompts) -> float:
        """The penalty; of the indicator 0, or infinity more than 1e-9 beyond a budget."""
        over = np.maximum(self.excess(nu), 0.0)
        if self.bound == inf:
            return inf if (over > WITHIN).any() else 0.0
        return self.bound * prompts.mean(over.sum(-1))

    def gradient(self, nu: Floats, prompts: Prompts) -> Floats:
        """bound times the costs that are exceeded; of the indicator 0, as multipliers of 0 are a response."""
        over = self.excess(nu) > (WITHIN if self.bound == inf else 0.0)
        if self.bound == inf:
            if over.any():
                x, j = np.argwhere(over)[0]
                spent = float(self.costs[j] @ nu[x])
                raise Infeasible(
                    f"expected cost {spent:.6g} of prompt {x} is beyond its budget {self.budgets[j]:.6g}: no "
                    "target is a best response there; use equilibrium(), which finds the multipliers, or a "
                    "finite bound"
                )
            return np.zeros(nu.shape)
        return np.asarray(self.bound * over @ self.costs)

    def conjugate(self, u: Floats, prompts: Prompts) -> tuple[float, Floats]:
        """A linear program a prompt."""
        from scipy.optimize import linprog

        C, b = self.costs, self.budgets
        found, total = np.empty(u.shape), np.empty(len(u))
        for x, row in enumerate(u):
            limits = {"A_ub": C, "b_ub": b}
            price = -row
            if self.bound < inf:
                limits["A_ub"] = np.hstack([C, -np.eye(len(b))])
                price = np.append(price, np.full(len(b), self.bound))
            sums = np.append(np.ones(row.size), np.zeros(price.size - row.size))[None]
            solved = linprog(price, **limits, A_eq=sums, b_eq=[1.0])
            if solved.status != 0:
                raise Infeasible(f"costs {C.tolist()} within {b.tolist()}: {solved.message}")
            nu = np.maximum(solved.x[: row.size], 0.0)
            found[x], total[x] = nu / nu.sum(), -solved.fun
        return prompts.mean(total), found

    def seeds(self, nu: Floats, prompts: Prompts, beta: float) -> Floats:
        """nu exp(-lambda cost), the distribution of least KL from nu within the budgets."""
        logs = np.log(nu)

        def projected(row: Floats) -> Callable[[Floats], Floats]:
            return lambda multiplier: normalised(row - multiplier @ self.costs)

        return np.stack([projected(row)(self.multipliers(projected(row))) for row in logs])

    def multipliers(self, respond: Callable[[Floats], Floats]) -> Floats:
        """lambda >= 0, 0 where a budget is not spent: float64 (constraints,), for one prompt.

        respond: the answer distribution (answers,) that the multipliers (constraints,) lead to, from the
        minimum over nu of lambda (C nu - b) and something strictly convex.  Raises NotConverged.
        """
        from scipy.optimize import brentq, root

        C, b = self.costs, self.budgets
        top = self.bound if self.bound < inf else LARGEST

        def spare(multiplier: Floats) -> Floats:
            return np.asarray(b - C @ respond(multiplier))

        found = np.zeros(b.size)
        for _ in range(ROUNDS):  # one constraint after the other, each to its end
            before = found.copy()
            for j in range(b.size):

                def alone(value: float, j: int = j) -> float:
                    changed = found.copy()
                    changed[j] = value
                    return float(spare(changed)[j])

                upper = 1.0
                while alone(upper) < 0 and upper < top:
                    upper = min(2 * upper, top)
                if alone(0.0) >= 0 or alone(upper) < 0:
                    found[j] = 0.0 if alone(0.0) >= 0 else upper
                else:
                    found[j] = brentq(alone, 0.0, upper, xtol=1e-15, rtol=1e-14, maxiter=500)
            if np.abs(found - before).max() <= 1e-3 * (1 + np.abs(found).max()):
                break
        if b.size > 1 and self.bound == inf:
            polished = root(lambda m: np.minimum(m, spare(m)), found, tol=1e-14)
            found = np.maximum(polished.x, 0.0)
        left = spare(found)
        wrong = np.where(found < top, np.maximum(-left, 0.0), 0.0) + np.minimum(
            found, np.maximum(left, 0)
        )
        if wrong.max() > WITHIN / 2:
            raise NotConverged(
                f"multipliers {found.tolist()} leave {left.tolist()} of their budgets"
            )
        return found

    def check(self, prompts: int, answers: int) -> None:
        """Costs and budgets fit, and some distribution costs less than every budget."""

        C, b = self.costs, self.budgets
        if C.shape != (b.size, answers) or not np.isfinite(C).all() or not np.isfinite(b).all():
            raise InvalidGame(
                f"costs of shape {C.shape}, budgets of shape {b.shape}: expected finite numbers, (constraints, "
                f"{answers}) and (constraints,)"
            )
        if not self.bound > 0:
            raise InvalidGame(
                f"bound is {self.bound!r}: expected a positive number, above the multipliers of the optimum"
            )
        self.check_reachable(np.ones(answers, dtype=bool))

    def check_reachable(self, reachable: Any, prompt: int | None = None) -> None:
        """Raises Infeasible unless some distribution on these answers costs less than every budget."""
        from scipy.optimize import linprog

        C, b = self.costs[:, reachable], self.budgets
        n = C.shape[1]
        least = linprog(
            np.append(np.zeros(n), 1.0),
            A_ub=np.hstack([C, -np.ones((b.size, 1))]),
            b_ub=b,
            A_eq=np.append(np.ones(n), 0.0)[None],
            b_eq=[1.0],
            bounds=[(0, None)] * n + [(None, None)],
        )
        if least.fun >= 0 and self.bound == inf:
            place = "" if prompt is None else f" of prompt {prompt}"
            raise Infeasible(
                f"budgets {b.tolist()}: every distribution over the answers{place} exceeds one of them by "
                f"{max(least.fun, 0.0):.6g} or spends it to the end; the least cost of each is "
                f"{C.min(1).tolist()}: allow more, or use a finite bound"
            )
