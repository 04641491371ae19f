"""This module finds the optimum of J by convex programming alone, as a check of every equilibrium.

`by_cones` poses the problem to cvxpy (extra cvx) and solves it with Clarabel.  `by_descent` minimises J with
scipy from its value and gradient, for every goal and geometry.  Neither uses the game.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING
from warnings import catch_warnings, simplefilter

import numpy as np

from polyest.arrays import Floats
from polyest.dependencies import require
from polyest.errors import InvalidGame, NotConverged, NotInstalled
from polyest.games.alft import Alft
from polyest.games.bregman import LEAST, Geometry
from polyest.games.coherence import Coherence
from polyest.games.goal import normalised, of_kind
from polyest.games.goals import Diversity, GroundTruth, StandardRL
from polyest.games.safety import Safety

if TYPE_CHECKING:
    import cvxpy

TIGHT = {
    "tol_gap_abs": 1e-12,
    "tol_gap_rel": 1e-12,
    "tol_feas": 1e-12,
    "tol_ktratio": 1e-9,
    "max_iter": 500,
}
RESTARTS = 3  # of scipy with a new Hessian, each where rounding stopped the last run


def by_cones(problem: Alft) -> Floats:
    """Find the optimal policy of a problem with a cone program, without the game.

        argmin over pi of J(pi)

    Parameters
    ----------
    problem : Alft
        The problem.

    Returns
    -------
    float64 array (prompts, completions)
        The policy.

    Raises
    ------
    InvalidGame
        If the goal or the geometry cannot be written with cones, which is so for Custom and for polynomials
        with a negative coefficient of p^2 or a higher power.
    NotConverged
        If Clarabel does not solve the program.
    NotInstalled
        If cvxpy is not installed.

    Examples
    --------
    >>> from polyest.games import goals, pose
    >>> problem = pose([[0.5, 0.5]], [0, 1], goals.StandardRL((1.0, 0.0)))
    >>> by_cones(problem).round(5).tolist()  # ~ (e, 1)
    [[0.73106, 0.26894]]
    """
    of_kind("problem", problem, Alft, "one of games.pose")
    try:
        cp = import_module("cvxpy")
    except ModuleNotFoundError:
        raise NotInstalled("by_cones needs cvxpy: pip install 'polyest[cvx]'") from None
    prompts, traces = problem.reference.shape
    policy = cp.Variable((prompts, traces), nonneg=True)
    weights = np.array(problem.prompts.weights)
    nu = [np.eye(problem.number)[problem.answers[x]].T @ policy[x] for x in range(prompts)]
    limits = [cp.sum(policy, axis=1) == 1]
    goal, loss = problem.goal, 0
    if isinstance(goal, StandardRL):
        r = np.broadcast_to(np.array(goal.r, dtype=float), (prompts, problem.number))
        loss -= sum(w * (r[x] @ nu[x]) for x, w in enumerate(weights))
    elif isinstance(goal, GroundTruth):
        loss -= sum(w * cp.log(nu[x][goal.answers[x]]) for x, w in enumerate(weights))
    elif isinstance(goal, Diversity):
        loss += goal.scale * sum(
            w * _generator(cp, goal.geometry, nu[x]) for x, w in enumerate(weights)
        )
    elif isinstance(goal, Safety):
        excess = [goal.costs @ nu[x] - goal.budgets for x in range(prompts)]
        if np.isinf(goal.bound):
            limits += [each <= 0 for each in excess]
        else:
            loss += goal.bound * sum(w * cp.sum(cp.pos(excess[x])) for x, w in enumerate(weights))
    elif isinstance(goal, Coherence):
        for members in problem.prompts.orbits:
            share = sum(weights[x] for x in members)
            mean = sum(weights[x] / share * nu[x] for x in members)
            loss += sum(weights[x] * cp.sum(cp.rel_entr(nu[x], mean)) for x in members)
    else:
        raise InvalidGame(
            f"the goal {type(goal).__name__} cannot be written with cones: use by_descent"
        )
    for x, w in enumerate(weights):
        pull = problem.geometry.gradient(problem.reference[x])
        if problem.geometry.order == 1:
            away = cp.sum(cp.rel_entr(policy[x], problem.reference[x]))
        else:
            away = _generator(cp, problem.geometry, policy[x]) - pull @ policy[x]
        loss += problem.beta * w * away
    asked = cp.Problem(cp.Minimize(loss), limits)
    with catch_warnings():
        simplefilter(
            "ignore"
        )  # "may be inaccurate": the caller measures how close to TIGHT the solver came
        try:
            asked.solve(solver=cp.CLARABEL, **TIGHT)
        except cp.SolverError as error:
            raise NotConverged(f"Clarabel finds no optimum ({error}): use by_descent") from None
    if asked.status not in ("optimal", "optimal_inaccurate"):
        raise NotConverged(
            f"Clarabel ends with status {asked.status}, expected an optimum: use by_descent"
        )
    pi = np.maximum(policy.value, 0.0)
    return np.asarray(pi / pi.sum(-1, keepdims=True))


def by_descent(problem: Alft) -> Floats:
    """Find the optimal policy of a problem from J and its gradient, without the game.

        argmin over pi of J(pi)

    If the geometry keeps policies positive, the search is over logits, by BFGS and Newton's method.
    Otherwise, and for safety budgets, it is over the simplex by sequential quadratic programming, with
    slack variables for excess costs that a penalty allows.

    Parameters
    ----------
    problem : Alft
        The problem.

    Returns
    -------
    float64 array (prompts, completions)
        The policy.

    Raises
    ------
    InvalidGame
        If `problem` is not a problem.

    Examples
    --------
    >>> from polyest.games import goals, pose
    >>> problem = pose([[0.5, 0.5]], [0, 1], goals.StandardRL((1.0, 0.0)))
    >>> by_descent(problem).round(5).tolist()  # ~ (e, 1)
    [[0.73106, 0.26894]]
    """
    of_kind("problem", problem, Alft, "one of games.pose")
    require("scipy")
    from scipy.optimize import minimize, root

    with np.errstate(all="ignore"):  # line searches try points where J is not finite
        if not problem.geometry.steep or isinstance(problem.goal, Safety):
            return _over_simplex(problem)
        shape, weights = problem.reference.shape, np.array(problem.prompts.weights)[:, None]

        def policy(logits: Floats) -> Floats:
            return normalised(logits.reshape(shape))

        def in_logits(logits: Floats) -> tuple[float, Floats]:
            pi = policy(logits)
            slope = weights * pi * problem.gradient(pi)
            return problem.J(pi), np.asarray((slope - pi * slope.sum(-1, keepdims=True)).ravel())

        def stationary(logits: Floats) -> Floats:  # without the weight pi, so that rare ones count
            slope = problem.gradient(policy(logits))
            slope = (
                slope
                - slope.mean(-1, keepdims=True)
                + logits.reshape(shape).mean(-1, keepdims=True)
            )
            return np.asarray(slope.ravel())

        reached = np.log(problem.reference).ravel()
        for _ in range(RESTARTS):
            end = minimize(in_logits, reached, jac=True, method="BFGS", options={"gtol": 1e-12}).x
            ends = [reached, end, root(stationary, end, tol=1e-14).x]
            reached = min(
                (e for e in ends if np.isfinite(e).all()), key=lambda e: problem.J(policy(e))
            )
        return policy(reached)


def _over_simplex(problem: Alft) -> Floats:
    require("scipy")
    from scipy.optimize import LinearConstraint, minimize

    shape, weights = problem.reference.shape, np.array(problem.prompts.weights)[:, None]
    size, safe = problem.reference.size, problem.goal if isinstance(problem.goal, Safety) else None
    budgets = safe.budgets.size if safe else 0
    slack = budgets * shape[0] if safe and np.isfinite(safe.bound) else 0

    def loss(x: Floats) -> tuple[float, Floats]:
        pi = np.maximum(x[:size].reshape(shape), LEAST)
        pi = pi / pi.sum(-1, keepdims=True)
        away = problem.geometry.gradient(pi) - problem.geometry.gradient(problem.reference)
        if safe is None:
            slope, value = weights * problem.gradient(pi), problem.J(pi)
        else:
            slope, value = weights * problem.beta * away, problem.beta * problem.divergence(pi)
        slope = slope - (pi * slope).sum(-1, keepdims=True)
        if safe is None or not slack:
            return value, np.asarray(slope.ravel())
        prices = safe.bound * np.repeat(weights.ravel(), budgets)
        return value + float(prices @ x[size:]), np.concatenate([slope.ravel(), prices])

    rows = np.kron(np.eye(shape[0]), np.ones(shape[1]))
    limits = [LinearConstraint(np.hstack([rows, np.zeros((shape[0], slack))]), 1.0, 1.0)]
    if safe is not None:
        at_traces = [safe.costs[:, problem.answers[x]] for x in range(shape[0])]
        costs = np.zeros((budgets * shape[0], size))
        for x, block in enumerate(at_traces):
            costs[x * budgets : (x + 1) * budgets, x * shape[1] : (x + 1) * shape[1]] = block
        spent = np.hstack([costs, -np.eye(slack)]) if slack else costs
        limits.append(LinearConstraint(spent, -np.inf, np.tile(safe.budgets, shape[0])))
    point = np.append((problem.reference.ravel() + 1 / shape[1]) / 2, np.ones(slack))
    lowest = 1e-14 if problem.geometry.steep else 0.0
    for _ in range(RESTARTS):
        point = minimize(
            loss,
            point,
            jac=True,
            method="SLSQP",
            bounds=[(lowest, 1.0)] * size + [(0.0, None)] * slack,
            constraints=limits,
            options={"ftol": 1e-16, "maxiter": 2000},
        ).x
    pi = np.clip(point[:size].reshape(shape), 0.0, 1.0)
    return np.asarray(pi / pi.sum(-1, keepdims=True))


def _generator(cp: ModuleType, geometry: Geometry, p: "cvxpy.Variable") -> "cvxpy.Expression":
    """Return sum phi(p) as an expression of cvxpy, up to a constant on the simplex."""
    if geometry.kind == "tsallis":
        if geometry.order == 1:
            return -cp.sum(cp.entr(p))
        return cp.sum(cp.power(p, geometry.order)) / (geometry.order - 1)
    if min(geometry.parameters[2:]) < 0:
        raise InvalidGame(
            f"the polynomial {list(geometry.parameters)} is not a sum of convex powers: use by_descent"
        )
    return sum(a * cp.sum(cp.power(p, m)) for m, a in enumerate(geometry.parameters) if m and a)
