"""From keywords to a proved table: `solve`.

The only room that sees solvers and certifier both.  A solver's numbers are taken as numbers: the
certificate is computed from the stored doubles and the witness, and a table that misses its budget
after rounding is solved again with the budget tightened, never shipped.
"""

from importlib import import_module
from typing import Any

import numpy as np

from polyest.arrays import Floats
from polyest.deprecation import meant_as_keywords
from polyest.errors import InvalidProblem, NotConverged, NotProved, Unattainable
from polyest.make.rounding import Rounded, carried, reselected, tightened, warn_if_ruined
from polyest.precision.entrance import alone
from polyest.problem.bernstein import pmf
from polyest.problem.claims import Bracket, Certificate
from polyest.problem.grids import Rounding, asked, nearest
from polyest.problem.problem import Alternation, Problem, Solution, pose
from polyest.problem.targets import Target
from polyest.proof.certify import certify, in_units, least_bias, measure, noise_unit, spent
from polyest.sizes import draws_of
from polyest.solvers import METHODS
from polyest.solvers.constant import best_constant
from polyest.solvers.remez import exchange
from polyest.tables.table import Table, on_grid
from polyest.values import among, shown

MARGIN = 4e-9  # relative tightening of a budget, for rounding; more where rounding takes more
ATTEMPTS = 4
LOST = 1e-4  # what rounding takes of a budget that float64 does not hold
ROUNDINGS = 8  # solutions that are rounded before a budget is given up
WIDEST, WIDER, SHARP = 1e-6, 1e-4, 128  # relative width of an AQP's bracket; above K = SHARP
TWIN = 1e-5  # and of what cvx finds, whose multipliers are as good as Clarabel's
STORABLE = 64  # above, float64 holds no minimax table


@meant_as_keywords(2, "criterion", "bias", "bias_ratio", "noise", "method", "grid", "group", "beta")
@alone
def solve(
    K: Any = None,
    target: Any = "log",
    *,
    criterion: str = "gradient-variance",
    bias: float | None = None,
    bias_ratio: float | None = None,
    noise: float | None = None,
    method: str | None = None,
    grid: str | None = None,
    group: int | None = None,
    beta: float = 1.0,
    baseline: str = "group-mean",
) -> Table:
    """Solve, certify and return the table of these keywords.

    K: sample size, the binomial draws of the count; target: log, power:A, tsallis:Q or
    polynomial:A0,A1,...; criterion: minimax, gradient-variance, variance, second-moment or
    squared-error; at most one budget: bias (absolute bound of sup|e|), bias_ratio (units of the least
    attainable), noise (units of the criterion of log_count; 8 where none is given); method: remez or lp
    for minimax, socp or cvx for the rest; grid, group, beta: as in `Table.rounded`, but tightened until
    the rounded entries meet the budget.
    Without K, group says which it is, as in `load` with baseline, and the grid is dyadic if none is named.

    Raises InvalidProblem, Unattainable (saying what is attainable), NotConverged, NotProved; warns
    RuinedByRounding.

    >>> round(solve(2, criterion="minimax").bias.upper, 12)
    0.035236560447
    """
    K, grid, group = sized(K, grid, group, baseline)
    posed = pose(K, target, criterion, bias, bias_ratio, noise)
    chosen = _checked_size(posed, _method(posed, method))
    rounding = asked(grid, group, beta)
    problem = resolve(posed)
    table = None if criterion == "minimax" else _where_budget_is_slack(problem)
    if table is None:
        table = _solved(problem, chosen)
    if rounding is None:
        return table
    rounded = _on_grid(table, chosen, rounding)
    assert rounded.grid is not None
    warn_if_ruined(problem, rounded.grid, table.certificate, rounded.certificate, stacklevel=3)
    return rounded


def sized(
    K: Any, grid: str | None, group: Any, baseline: str
) -> tuple[Any, str | None, int | None]:
    """K, grid and the group of the grid; of a group alone its K, on the grid on which its sums are exact."""
    if K is not None and baseline == "group-mean":
        return K, grid, group
    K, grid = draws_of(K, group, baseline), grid or "dyadic"
    return K, grid, group if grid == "dyadic" else None


def resolve(problem: Problem) -> Problem:
    """The problem with its budget as an absolute limit, proved attainable where it bounds the bias."""
    budget = problem.budget
    if budget is None:
        return problem
    if budget.kind == "noise":
        unit = noise_unit(problem)
        if not unit > 0:
            raise InvalidProblem(
                f"noise {budget.value:g} is counted in units of the {problem.criterion} of the plug-in "
                f"table, which is 0 for target {problem.target.name}: give a bias budget"
            )
        return problem.__replace__(limit=in_units(budget, unit))
    least = attainable(problem.target, problem.K)
    if budget.kind == "bias-ratio":
        if budget.value < 1:
            raise Unattainable(
                f"bias-ratio {budget.value:g} is below 1: no table of K = {problem.K} draws has a bias "
                f"below {least.lower:.6g}; use a ratio of at least 1.01"
            )
        if least.lower == 0:
            raise InvalidProblem(
                f"target {problem.target.name} is met without bias at K = {problem.K}: a ratio to 0 "
                "says nothing; give an absolute bias or a noise"
            )
        return _checked_loose(problem.__replace__(limit=in_units(budget, least.lower)))
    if budget.value < least.upper:
        raise Unattainable(
            f"bias {budget.value:g} is below what any table of K = {problem.K} draws attains, "
            f"{least.upper:.6g}: allow more bias or take more draws"
        )
    return _checked_loose(problem)


def _checked_loose(problem: Problem) -> Problem:
    """The problem, unless its bias budget is met by a table whose criterion is 0."""
    which, free = noiseless(problem)
    assert problem.limit is not None
    if problem.limit < free:
        return problem
    raise InvalidProblem(
        f"a bias of {problem.limit:.6g} is met by {which}, of bias {free:.6g} and {problem.criterion} "
        "0: allow less bias"
    )


def noiseless(problem: Problem) -> tuple[str, float]:
    """Which tables have a criterion of 0, and what the best of them that was found is proved to have.

    An upper bound of the least bias without noise; how near it is to that rests on the solver.
    """
    if problem.criterion == "second-moment":
        return "the table of zeros", measure(problem.target, np.zeros(2)).bias.upper
    if problem.target.entries(0) is not None:
        return "a constant table", 0.0
    best = np.full(2, best_constant(problem.target))
    return "a constant table", measure(problem.target, best).bias.upper


def attainable(target: Target, K: int) -> Bracket:
    """Bracket of E*(K), the least sup|bias| of any table of K draws.

    >>> from polyest.problem.targets import parse
    >>> round(attainable(parse("log"), 2).upper, 12)
    0.035236560447
    """
    points = exchange(target, K) if target.entries(K) is None else ()
    return least_bias(target, K, Alternation(points))


def _method(problem: Problem, method: str | None) -> str:
    fitting = ("remez", "lp") if problem.criterion == "minimax" else ("socp", "cvx")
    if method is None:
        return fitting[0]
    if not among(method, METHODS):
        raise InvalidProblem(f"method {shown(method)} is unknown: use one of {', '.join(METHODS)}")
    if method not in fitting:
        raise InvalidProblem(
            f"method {method} does not solve {problem.criterion}: use {' or '.join(fitting)}"
        )
    return method


def _checked_size(problem: Problem, method: str) -> str:
    """The method, unless K is beyond it: said before anything is computed."""
    limit: int = import_module(f"polyest.solvers.{method}").MOST_DRAWS
    if limit < problem.K:
        better = {"lp": "method remez", "cvx": "method socp"}.get(method, "fewer draws")
        raise InvalidProblem(f"K is {problem.K}: {method} solves up to K = {limit}; use {better}")
    return method


def _run(problem: Problem, method: str) -> Solution:
    solution: Solution = import_module(f"polyest.solvers.{method}").solve(problem)
    return solution


def _minimax(problem: Problem) -> Table:
    return _solved(Problem(problem.K, problem.target, "minimax"), "remez")


def _where_budget_is_slack(problem: Problem) -> Table | None:
    """The minimax table where it already meets a noise budget: then no table has less bias."""
    if problem.direction != "noise" or problem.K > STORABLE:
        return None
    assert problem.limit is not None
    if (
        _noise_seen(problem, _run(Problem(problem.K, problem.target, "minimax"), "remez"))
        > problem.limit
    ):
        return None
    plain = _minimax(problem)
    if plain.certificate.criterion(problem.criterion) > problem.limit:
        return None
    assert isinstance(plain.witness, Alternation)
    certificate = certify(problem, plain.coefficients, plain.witness)
    return _table(problem, Solution(plain.coefficients, plain.witness, plain.method), certificate)


def _noise_seen(problem: Problem, solution: Solution) -> float:
    """The criterion of a table at some places, in float64: enough to know a loud one."""
    c = solution.coefficients
    p = np.sin(np.linspace(0, np.pi / 2, 8 * c.size)) ** 2
    rows = pmf(problem.K, p)
    moment, mean = rows @ (c * c), rows @ c
    if problem.criterion == "second-moment":
        return float(moment.max())
    spread = moment - mean * mean
    return float((spread * p if problem.criterion == "gradient-variance" else spread).max())


def _solved(problem: Problem, method: str) -> Table:
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
            used = spent(problem, measure(problem.target, solution.coefficients))
            if used <= problem.limit:
                raise
        else:
            return _table(problem, solution, certificate)
        over = used / problem.limit - 1
        if over > LOST:
            break
        margin += 1.25 * over
    raise NotConverged(
        f"K = {problem.K}, {problem.criterion}: rounded to float64 the table spends "
        f"{used:.6g} of a {problem.direction} budget of {problem.limit:.6g}: so near "
        "to the least bias its entries are too large; relax the budget"
    )


def _on_grid(table: Table, method: str, rounding: Rounding) -> Table:
    """The table rounded; solved again for less of its budget where rounding takes the rest.

    The witness of the first solution stays: it bounds the optimum under the whole budget.
    """
    problem, entries, limit = table.problem, table.coefficients, table.problem.limit
    if limit is None or isinstance(table.witness, Alternation):
        return _placed(table, *tightened(problem, table.certificate, entries, rounding))
    floor, margin, tried = 0.0, 0.0, list[float]()
    if not problem.minimises_bias:
        floor = attainable(problem.target, problem.K).upper
    for _ in range(ROUNDINGS):
        grid = rounding.grid(entries)
        rounded = nearest(entries, grid)
        claims = carried(problem, table.optimum, measure(problem.target, rounded))
        if spent(problem, claims) <= limit:
            return _placed(table, grid, rounded, claims)
        tried.append(spent(problem, claims))
        margin = 1.25 * (margin + tried[-1] / limit - 1)
        if limit * (1 - margin) <= floor:
            break
        try:
            entries = _run(problem.__replace__(limit=limit * (1 - margin)), method).coefficients
        except NotConverged:  # too near to the least bias
            break
    assert problem.budget is not None
    raise NotConverged(
        f"K = {problem.K}, {problem.criterion}, budget {problem.budget.kind} {problem.budget.value:g}: "
        f"on grid {rounding.kind} the best of {len(tried)} solutions, each for less of the budget than "
        f"the one before, spends {min(tried):.6g} of {limit:.6g}: allow more, or use a finer grid"
    )


def _placed(table: Table, grid: str, entries: Floats, claims: Certificate) -> Table:
    witness = reselected(table.problem.target, entries, table.witness)
    return on_grid(table, Rounded(grid, entries, claims, witness))


def _table(problem: Problem, solution: Solution, certificate: Certificate) -> Table:
    optimum = certificate.optimum
    # An optimum of 0 has no relative width: the entries are the nearest doubles of a U-statistic.
    exact = solution.witness == Alternation(())
    widest = WIDEST if problem.K <= SHARP else WIDER
    if solution.method == "cvx":
        widest = TWIN
    sharp = exact or (optimum is not None and optimum.width <= widest)
    if problem.criterion != "minimax" and not sharp:
        raise NotConverged(
            f"K = {problem.K}, {problem.criterion}: {solution.method} reached an optimum between "
            f"{_shown(optimum)}, wider than {widest:g} relative; relax the budget"
        )
    return Table(problem, solution.coefficients, certificate, solution.witness, solution.method)


def _shown(bracket: Bracket | None) -> str:
    return "nothing" if bracket is None else f"{bracket.lower!r} and {bracket.upper!r}"
