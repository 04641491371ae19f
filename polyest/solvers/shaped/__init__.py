"""This package solves for minimax tables with a shape, as vertices of a semi-infinite linear program.

    minimise E  subject to  |p P(p) - p phi(p)| <= E at every p of [0, 1],
                            the steps of c in the direction of phi (and, concave, never growing).

The optimum is a vertex: m of the K steps and m + 2 places where the error is E, -E, E, ...  Which sets of
steps can be a vertex is known beforehand, by parity (steps.py); what is left is to find the one whose
steps all go the right way.

1. Sets of steps are guessed, evenly spread, and the table of each is made level (level.py); pairs of
   steps then move to where their sizes put them, all at once, which mostly ends at the vertex.
2. What it leaves the dual simplex finishes: a step against the shape goes, another comes, E grows.
3. The extrema of the error join the places until they are them, and Newton's method in balls sharpens
   places, steps and multipliers (vertex.py).

The doubles are those nearest to the vertex: the same on every machine, equal where they are tied; for
"concave" their steps are multiples of one power of two, so that what is stored is concave exactly.
Source: the program is Mohri, Schneider and Zhong's (2026) with a shape; evenness is Gale's (1963).
"""

import numpy as np
from threadpoolctl import threadpool_limits

from polyest.arrays import Floats
from polyest.errors import InvalidProblem, NotConverged
from polyest.exact.tie_break import value
from polyest.precision.entrance import alone
from polyest.problem.problem import Alternation, Dual, Problem, Solution
from polyest.problem.shapes import direction
from polyest.solvers.shaped.level import Level, best, level
from polyest.solvers.shaped.places import Places
from polyest.solvers.shaped.steps import bounds_below, exchanged, guesses, moved, worst
from polyest.solvers.shaped.vertex import sharpened, unbiased_entries

MOST_DRAWS = 1024
ROUGH, FINE = 1e-2, 1e-9  # relative, of the level error: while steps move, and when they stay
ENOUGH_SETS, MOST_SETS = 12, 60  # after which the best set so far is left to the simplex,
FEW = 16  # where no more steps than this go against the shape, and where more do
MOVES, THINNED = 25, 6  # of the pairs of a set; every sixth time what is too many goes
MOST_PIVOTS = 20_000
MOST_ROUNDS = 8
NEWTON_STEPS = 4
STILL, NEARLY = 1e-4, 1e-2  # of the spacing of the extrema: what is waited for, and what will do


@alone
def solve(problem: Problem) -> Solution:
    """Return the minimax table of `problem` with its shape (K <= 1024), and its multipliers.

    The witness has the places with their signed weights.  A target that some table of the shape meets exactly
    leaves nothing to bound, and its alternation is empty.  Raise InvalidProblem for another problem, and
    NotConverged with the state that was reached.

    >>> from polyest.problem.problem import pose
    >>> solve(pose(4, criterion="minimax", shape="monotone")).coefficients.round(4).tolist()
    [-3.2899, -0.5939, -0.5939, -0.3367, 0.0166]
    """
    if not problem.is_minimax or problem.shape is None:
        raise InvalidProblem(
            f"shaped solves minimax with a shape, not {problem.criterion} with shape {problem.shape}: use "
            f"method {'remez' if problem.is_minimax else 'socp'}"
        )
    if problem.K > MOST_DRAWS:
        raise InvalidProblem(
            f"K is {problem.K}: shaped solves up to K = {MOST_DRAWS}; use a smaller K"
        )
    sign, shape = direction(problem.target), problem.shape
    exact = unbiased_entries(problem.target, problem.K, sign, shape)
    if exact is not None:
        return Solution(exact, Alternation(()), "shaped")
    with threadpool_limits(1), np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        try:
            places = Places(problem.target, sign, shape, problem.K)
            vertex = _settled(places, _pivoted(_begun(places)))
            c, points, weights = sharpened(vertex)
        except NotConverged as error:
            raise NotConverged(
                f"shaped at K = {problem.K}, target {problem.target.name}, {shape}: {error}; float64 may "
                "not hold so small an error"
            ) from None
    selection = float(value(problem.target, c))
    return Solution(c, Dual(points, weights, (), (), selection), "shaped")


def _begun(places: Places) -> Level:
    """Return a level table that bounds the optimum below, mostly the optimum itself."""
    chosen: Level | None = None
    for tried, steps in enumerate(guesses(places.shape, places.K), 1):
        chosen = _better(chosen, _moved(places, steps))
        if chosen is None:
            continue
        left = chosen.against.size
        if not left or tried > (ENOUGH_SETS if left <= FEW else MOST_SETS):
            return chosen
    if chosen is None:
        raise NotConverged("no set of steps was found that bounds the error below")
    return chosen


def _moved(places: Places, steps: tuple[int, ...]) -> Level | None:
    """Return the best of the tables that bound the optimum below, while the pairs of a set move."""
    chosen: Level | None = None
    seen = {steps}
    try:
        table = best(level(places, steps), ROUGH)
        for move in range(1, MOVES):
            chosen = _better(chosen, table)
            steps = moved(table, move % THINNED == 0) if table.against.size else table.steps
            if steps in seen:
                break
            seen.add(steps)
            at = table.at if len(steps) == len(table.steps) else None
            table = best(level(places, steps, at), ROUGH)
    except NotConverged:
        pass  # another set is tried
    return chosen


def _better(one: Level | None, other: Level | None) -> Level | None:
    """Return which of two tables, if it bounds the optimum below, has fewer steps against the shape."""
    if other is None or not bounds_below(other):
        return one
    return other if one is None or other.against.size < one.against.size else one


def _pivoted(table: Level) -> Level:
    """Return the optimum on the places, by the dual simplex."""
    for _ in range(MOST_PIVOTS):
        table = best(table, ROUGH)
        if not bounds_below(table):
            raise NotConverged("the steps no longer bound the error from below")
        if not table.against.size:
            table = best(table, FINE)
            if not table.against.size:
                return table
        table = level(table.places, *exchanged(table, worst(table)))
    raise NotConverged(
        f"after {MOST_PIVOTS} exchanges of steps {table.against.size} still go against the shape, at an "
        f"error of {abs(table.E):.6g}"
    )


def _settled(places: Places, table: Level) -> Level:
    """Return the optimum at all p: its places are extrema of its error."""
    spacing = 0.5 * np.pi / len(table.at)
    for left in reversed(range(MOST_ROUNDS)):
        now = places.theta[table.at]
        extrema = _extrema(table)
        if float(np.abs(extrema - now).max()) <= (STILL if left else NEARLY) * spacing:
            return table
        places.add(extrema)
        table = _pivoted(level(places, table.steps, places.nearest(extrema)))
    raise NotConverged(f"after {MOST_ROUNDS} rounds the extrema of the error still move")


def _extrema(table: Level) -> Floats:
    """Return where the error of a level table has its extrema, near its places."""
    places = table.places
    c = places.entries(list(table.steps), table.sizes, table.first)
    theta = places.theta[table.at]
    middles = 0.5 * (theta[1:] + theta[:-1])
    low, high = np.append(0.5 * theta[0], middles), np.append(middles, 0.5 * np.pi)
    cap = np.sign(table.error[table.at])
    for _ in range(NEWTON_STEPS):
        slope, bend = places.slopes(c, theta)
        step = np.where(cap * bend < 0, -slope / np.where(bend == 0, 1.0, bend), 0.0)
        theta = np.clip(theta + step, low, high)
    return theta
