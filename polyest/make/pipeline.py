"""This module has `solve`, which makes a certified table from keywords.

The result of a solver is not trusted: the certificate is computed from the stored doubles and the witness.
A table that exceeds its budget after rounding is never returned, but is solved again with a tighter budget.
"""

from importlib import import_module
from math import inf
from typing import SupportsIndex

import numpy as np

from polyest.arrays import Floats
from polyest.counts import Baseline
from polyest.deprecation import meant_as_keywords
from polyest.errors import InvalidProblem, NotConverged, NotProved, Unattainable
from polyest.make.rounding import Rounded, carried, reselected, tightened, warn_if_ruined
from polyest.precision.entrance import alone
from polyest.problem.bernstein import pmf
from polyest.problem.claims import Bracket, Certificate
from polyest.problem.criteria import CRITERIA, MINIMAX, Name
from polyest.problem.grids import Rounding, asked, nearest
from polyest.problem.problem import Alternation, Problem, Solution, pose
from polyest.problem.shapes import Shape
from polyest.problem.targets import Target
from polyest.proof.certify import (
    certify,
    in_units,
    least_bias,
    limited,
    measure,
    noise_unit,
    spent,
)
from polyest.sizes import sized
from polyest.solvers import METHODS, methods
from polyest.solvers.constant import best_constant
from polyest.solvers.remez import exchange
from polyest.tables.table import Table, on_grid
from polyest.values import among, either, shown

MARGIN = 4e-9  # a budget is tightened by this share first, to leave room for rounding to float64
ATTEMPTS = 4  # solutions with ever tighter budgets before the solver gives up
LOST = 1e-4  # rounding that overspends a budget by more than this share cannot be repaired
ROUNDINGS = 8  # solutions that are rounded to a grid before the budget is given up
# Greatest relative width of a certified optimum: WIDEST up to K = SHARP, WIDER above; for a minimax table
# with a shape, which is a vertex, NARROW up to K = SHARP and WIDEST above.
NARROW, WIDEST, WIDER, SHARP = 1e-9, 1e-6, 1e-4, 128
ROUNDING = 1e-15  # share of the greatest entry: a bias of that size is due to rounding to doubles
TWIN = 1e-5  # the same for method cvx, whose multipliers are only as accurate as Clarabel's
STORABLE = 64  # float64 cannot hold a minimax table above this K


@meant_as_keywords(2, "criterion", "bias", "bias_ratio", "noise", "method", "grid", "group", "beta")
@alone
def solve(
    K: SupportsIndex | None = None,
    target: str | Target = "log",
    *,
    criterion: Name = "gradient-variance",
    bias: float | None = None,
    bias_ratio: float | None = None,
    noise: float | None = None,
    shape: Shape | None = None,
    method: str | None = None,
    grid: str | None = None,
    group: int | None = None,
    beta: float = 1.0,
    baseline: Baseline = "group-mean",
) -> Table:
    """Solve the problem that these keywords describe, and return its certified table.

    Let P(p) = E c_X be the mean of the table, e(p) = p (P(p) - phi(p)) its weighted bias, and let all
    suprema be over p in [0, 1].  The criteria are:

        minimax             min sup|e|
        gradient-variance   V = sup p Var c_X     )  min V under sup|e| <= bias, or
        variance            V = sup Var c_X       )  min sup|e| under
        second-moment       V = sup E c_X^2       )      V <= noise times that of log_count
        squared-error       min sup p E (c_X - phi(p))^2

    Give exactly one of K and `group` (or both for a dyadic grid), and at most one of the budgets `bias`,
    `bias_ratio` and `noise`.

    Parameters
    ----------
    K : int or None
        Sample size: the number of binomial draws that a count is taken from.
    target : str or Target
        The function phi(p) of an answer's probability that is estimated: "log", "power:A", "tsallis:Q",
        "polynomial:A0,A1,..." or "custom:EXPRESSION", a formula of p; or the result of `Target.custom`.
    criterion : {"gradient-variance", "minimax", "variance", "second-moment", "squared-error"}
        The quantity that is minimised or kept within a budget.
    bias : float or None
        A budget: the greatest worst-case weighted bias sup|e|.
    bias_ratio : float or None
        A budget: the same in units of the least that any table attains.
    noise : float or None
        A budget, the variance ratio: the greatest criterion V, in units of that of the plug-in log
        (`closed_forms.log_count`).  The default is 8 if no budget is given and the criterion needs one.
    shape : {"monotone", "concave"} or None
        A shape of the table, in the direction of phi: "monotone" entries never fall where phi rises (never
        rise where it falls), and the steps of "concave" ones shrink as well.  The least bias is then that
        of tables with the shape.  A shape stands with minimax or with a noise budget; a noise above that of
        the minimax table of the shape buys nothing, and gives that table.
    method : {"remez", "lp", "shaped", "socp", "cvx"} or None
        The solver: remez (the default) or lp for minimax, shaped for minimax with a shape, socp (the
        default) or cvx for the rest.
    grid : {"float32", "bfloat16", "dyadic"} or None
        A grid for the entries, as in `Table.rounded`; the budget is tightened until the rounded entries meet
        the one that was given.
    group : int or None
        With K, the number of completions whose rewards are summed exactly on the dyadic grid.  Without K,
        the number of completions of a prompt, which determines K as in `load`; the grid is then dyadic
        unless another is named.
    beta : float
        The factor between entry and reward on the dyadic grid.
    baseline : {"group-mean", "none", "exact"}
        What the trainer subtracts from the rewards of a group; only with `group` in place of K.

    Returns
    -------
    Table
        The table, with a certificate of its stored entries.

    Raises
    ------
    InvalidProblem
        If a keyword is invalid, the keywords do not go together, or the method does not solve this problem.
    Unattainable
        If no table meets the budget; the message has the least that is attainable.
    CountOutOfRange
        If the group is too small for its baseline.
    NotConverged
        If the solver does not reach its tolerance, or no rounded table meets the budget.
    NotProved
        If a claim is not confirmed.

    Warns
    -----
    RuinedByRounding
        If rounding to the grid more than doubles the worst-case weighted bias.

    References
    ----------
    Mohri, Schneider and Zhong (2026), arXiv 2605.02435, for the minimax and variance-optimal programs.

    Examples
    --------
    >>> round(solve(2, criterion="minimax").bias.upper, 12)
    0.035236560447
    """
    draws, grid, group = sized(K, grid, group, baseline)
    posed = pose(draws, target, criterion, bias, bias_ratio, noise, shape)
    solver = _checked_size(posed, _method(posed, method))
    rounding = asked(grid, group, beta)
    problem = resolve(posed)
    table = _where_budget_is_slack(problem)
    if table is None:
        table = _solved(problem, solver)
    if rounding is None:
        return table
    rounded = _on_grid(table, solver, rounding)
    assert rounded.grid is not None
    warn_if_ruined(problem, rounded.grid, table.certificate, rounded.certificate, stacklevel=3)
    return rounded


def resolve(problem: Problem) -> Problem:
    """Return the problem with its budget as an absolute limit; a bias budget is proved attainable."""
    budget = problem.budget
    if budget is None:
        return problem
    if budget.kind == "noise":
        unit = noise_unit(problem)
        if not unit > 0:
            raise InvalidProblem(
                f"noise {budget.value:g} is a multiple of the {problem.criterion} of the plug-in table, "
                f"which is 0 for target {problem.target.name}: give a bias budget instead"
            )
        return problem.__replace__(limit=in_units(budget, unit))
    least = attainable(problem.target, problem.K)
    if budget.kind == "bias-ratio":
        if budget.value < 1:
            raise Unattainable(
                f"bias-ratio {budget.value:g} is below 1: no table of sample size K = {problem.K} has less "
                f"bias than {least.lower:.6g}; use a ratio of at least 1.01"
            )
        if least.lower == 0:
            raise InvalidProblem(
                f"bias-ratio {budget.value:g} is a multiple of the least bias, which is 0 for target "
                f"{problem.target.name} at K = {problem.K}: give an absolute bias or a noise instead"
            )
        return _checked_loose(problem.__replace__(limit=in_units(budget, least.lower)))
    if budget.value < least.upper:
        raise Unattainable(
            f"bias {budget.value:g} is below {least.upper:.6g}, the least that a table of sample size "
            f"K = {problem.K} attains: allow more bias, or use a larger K"
        )
    return _checked_loose(problem)


def _checked_loose(problem: Problem) -> Problem:
    """Return the problem, or raise InvalidProblem if a table whose criterion is 0 meets its bias budget."""
    tables, bias = noiseless(problem)
    assert problem.limit is not None
    if problem.limit < bias:
        return problem
    raise InvalidProblem(
        f"a bias budget of {problem.limit:.6g} leaves nothing to minimise: {tables} has a bias of "
        f"{bias:.6g} only, and its {problem.criterion} is 0; allow less bias"
    )


def noiseless(problem: Problem) -> tuple[str, float]:
    """Name the tables whose criterion is 0, and return the certified sup|e| of the best one found.

    The number is a proved upper bound of the least sup|e| of these tables.  Only the solver vouches for
    how close it is to that least value.
    """
    if CRITERIA[problem.criterion].centre == "zero":
        return "the table of zeros", measure(problem.target, np.zeros(2)).bias.upper
    if problem.target.entries(0) is not None:
        return "a constant table", 0.0
    best = np.full(2, best_constant(problem.target))
    return "a constant table", measure(problem.target, best).bias.upper


def attainable(target: Target, K: int) -> Bracket:
    """Return a bracket of E*(K), the least sup|e| of any table of sample size K.

    >>> from polyest.problem.targets import parse
    >>> round(attainable(parse("log"), 2).upper, 12)
    0.035236560447
    """
    points = exchange(target, K) if target.entries(K) is None else ()
    return least_bias(target, K, Alternation(points))


def _method(problem: Problem, method: str | None) -> str:
    """Return the method to use; raise InvalidProblem if `method` does not solve this criterion."""
    fitting = methods(problem)
    if method is None:
        return fitting[0]
    if not among(method, METHODS):
        raise InvalidProblem(f"method {shown(method)} is unknown: use one of {', '.join(METHODS)}")
    if method not in fitting:
        raise InvalidProblem(
            f"method {method} does not solve {problem.criterion}"
            f"{f' with shape {problem.shape}' if problem.shape else ''}: use {either(fitting)}"
        )
    return method


def _checked_size(problem: Problem, method: str) -> str:
    """Return the method; raise InvalidProblem, before any computation, if K is too large for it."""
    limit: int = import_module(f"polyest.solvers.{method}").MOST_DRAWS
    if limit < problem.K:
        better = {"lp": "method remez", "cvx": "method socp"}.get(method, "a smaller K")
        raise InvalidProblem(f"K is {problem.K}: {method} solves up to K = {limit}; use {better}")
    return method


def _run(problem: Problem, method: str) -> Solution:
    solution: Solution = import_module(f"polyest.solvers.{method}").solve(problem)
    return solution


def _where_budget_is_slack(problem: Problem) -> Table | None:
    """Return the minimax table of the shape if it meets the noise budget: no table has less bias."""
    if problem.direction != "noise" or (problem.shape is None and problem.K > STORABLE):
        return None
    assert problem.limit is not None
    least = Problem(problem.K, problem.target, MINIMAX, shape=problem.shape)
    try:
        solution = _run(least, methods(least)[0])
        if _noise_seen(problem, solution) > problem.limit:
            return None
        measured = measure(problem.target, solution.coefficients, problem.criterion)
        if measured.criterion(problem.criterion) > problem.limit:
            return None
        return _table(problem, solution, certify(problem, solution.coefficients, solution.witness))
    except (NotConverged, NotProved):
        if problem.shape is not None or problem.target.alternates(problem.K):
            raise
        return None  # without a theorem the exchange may end elsewhere


def _noise_seen(problem: Problem, solution: Solution) -> float:
    """Return the greatest criterion at some values of p, in float64, to reject noisy tables cheaply."""
    c = solution.coefficients
    p = np.sin(np.linspace(0, np.pi / 2, 8 * c.size)) ** 2
    rows = pmf(problem.K, p)
    row, phi = CRITERIA[problem.criterion], None  # budgets bound no distance to phi
    return float(row.part(p, rows @ (c * c), rows @ c, phi).max())


def _solved(problem: Problem, method: str) -> Table:
    """Solve and certify; tighten the budget and solve again if rounding to float64 overspends it."""
    if problem.limit is None:
        solution = _run(problem, method)
        certificate = certify(problem, solution.coefficients, solution.witness)
        return _table(problem, solution, certificate)
    margin = MARGIN
    for _ in range(ATTEMPTS):
        solution = _run(problem.__replace__(limit=problem.limit * (1 - margin)), method)
        try:
            certificate = certify(problem, solution.coefficients, solution.witness)
        except NotProved:
            measured = measure(problem.target, solution.coefficients, problem.criterion)
            used = spent(problem, measured)
            if used <= problem.limit:
                raise
        else:
            return _table(problem, solution, certificate)
        over = used / problem.limit - 1
        if over > LOST:
            break
        margin += 1.25 * over
    raise NotConverged(
        f"K = {problem.K}, {problem.criterion}: rounded to float64, the table's {limited(problem)} is "
        f"{used:.6g}, above its budget of {problem.limit:.6g}, because entries are very large so close to "
        "the least bias; relax the budget"
    )


def _on_grid(table: Table, method: str, rounding: Rounding) -> Table:
    """Return the table rounded to a grid; it is solved again with less budget if rounding overspends it.

    The witness of the first solution is kept, because it bounds the optimum under the whole budget.
    """
    problem, entries, limit = table.problem, table.coefficients, table.problem.limit
    if limit is None or (table.witness is not None and not table.witness.bounds_noise):
        return _placed(table, *tightened(problem, table.certificate, entries, rounding))
    floor, margin, tried = 0.0, 0.0, list[float]()
    if not problem.minimises_bias:
        floor = attainable(problem.target, problem.K).upper
    for _ in range(ROUNDINGS):
        grid = rounding.grid(entries)
        rounded = nearest(entries, grid)
        measured = measure(problem.target, rounded, problem.criterion)
        claims = carried(problem, table.optimum, measured)
        if spent(problem, claims) <= limit:
            return _placed(table, grid, rounded, claims)
        tried.append(spent(problem, claims))
        margin = 1.25 * (margin + tried[-1] / limit - 1)
        if limit * (1 - margin) <= floor:
            break
        try:
            entries = _run(problem.__replace__(limit=limit * (1 - margin)), method).coefficients
        except NotConverged:  # the budget is too close to the least attainable bias
            break
    assert problem.budget is not None
    raise NotConverged(
        f"K = {problem.K}, {problem.criterion}, budget {problem.budget.kind} {problem.budget.value:g}: "
        f"rounded to grid {rounding.kind}, none of {len(tried)} solutions keeps the budget; the closest has "
        f"a {limited(problem)} of {min(tried):.6g}, expected at most {limit:.6g}: allow more, or use a "
        "finer grid"
    )


def _placed(table: Table, grid: str, entries: Floats, claims: Certificate) -> Table:
    """Return the table with rounded entries, their claims and the witness that fits them."""
    witness = reselected(table.problem.target, entries, table.witness)
    return on_grid(table, Rounded(grid, entries, claims, witness))


def _size(problem: Problem, solution: Solution) -> float:
    """Return the size of what is rounded: entries of a shape, else p phi(p), below free entries."""
    if solution.method == "shaped" or not isinstance(solution.witness, Alternation):
        return float(np.abs(solution.coefficients).max())
    p = np.array(solution.witness.points)
    return float(np.abs(p * problem.target.phi(p)).max(initial=0.0))


def _table(problem: Problem, solution: Solution, certificate: Certificate) -> Table:
    """Return the table of a solution; raise NotConverged if the bracket of its optimum is too wide."""
    optimum = certificate.optimum
    exact = solution.witness == Alternation(())  # a U-statistic, without bias but for rounding
    widest = WIDEST if problem.K <= SHARP else WIDER
    if solution.method == "shaped":
        widest = NARROW if problem.K <= SHARP else WIDEST
    if solution.method in ("shaped", "remez"):
        gap = optimum.upper - optimum.lower if optimum else inf
        exact = exact or gap <= ROUNDING * _size(problem, solution)
    if solution.method == "cvx":
        widest = TWIN
    sharp = exact or (optimum is not None and optimum.width <= widest)
    least = problem.is_minimax and problem.shape is None and problem.target.alternates(problem.K)
    if not least and not sharp:
        raise NotConverged(
            f"K = {problem.K}, {problem.criterion}: {solution.method} encloses the optimum in "
            f"{_shown(optimum)}, expected a bracket of relative width {widest:g} or less; relax the budget, "
            "or use another K or target"
        )
    return Table(problem, solution.coefficients, certificate, solution.witness, solution.method)


def _shown(bracket: Bracket | None) -> str:
    return "no bracket" if bracket is None else f"{bracket.lower!r} .. {bracket.upper!r}"
