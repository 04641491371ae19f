"""Variance-optimal tables (AQP): semi-infinite quadratic programs by exchange of points.

    bias   |p_i P(p_i) - p_i phi(p_i)| <= eps            q_m(c) = w_m sum_k B_k(p_m) (c_k - t_m)^2 <= v

with w = p for gradient-variance and squared-error, else 1, and t the mean (variances), 0 (second
moment) or phi(p) (squared error).  Either eps or v is minimised, the other is the budget.  Each q is a
squared norm: these are second-order cone programs; interior.py says why they are solved as
quadratic ones, in c itself.

The suprema run over all of [0, 1].  A program over a grid in theta, p = sin^2 theta, is solved; every
local maximum of |e| and of q near its bound joins the points; and again, until none exceeds its bound
by more than `BETWEEN`.  Points are only ever added: few of them bind, c is undetermined between
those, and dropping the others makes the exchange cycle.  What is minimised is tau + rho T(c), T the
tie-break of selection.py and rho so small that tau stays within selection.SLACK of its optimum; the
multipliers are those of tau alone, on the final points.
Everything starts cold: the same machine and libraries give the same bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from polyest.bernstein import Floats, pmf
from polyest.errors import InvalidProblem, NotConverged
from polyest.problem import Dual, Problem, Solution, settled
from polyest.selection import SLACK, quadratic, value
from polyest.solvers.interior import GAP, Optimum, Program, balanced, minimise

MOST_DRAWS = 64
BETWEEN = 3e-9  # relative excess between the points that is left
ROUGH = 1e-3  # gap of the solve that finds the size of the optimum
NEAR = 1e-3  # a local maximum this close to its bound joins the points
ROUNDS = 20
FLANK = 0.25  # of the distance from a peak to the nearest point: where its neighbours join
DOUBLINGS = 60
FLOOR = 1e-7  # of the mean multiplier of a noise point
LIGHT = 1e-11  # of the greatest multiplier: a lighter one is left out of the witness
STARTS = (1.0, 0.7, 0.4, 0.2, 0.05)  # shares of the first start: a solve that stalls begins again
BIAS_POINTS, NOISE_POINTS, LOOK = 6, 3, 16  # per draw: points to begin with, and places looked at

Curve = Callable[[Floats, Floats, Floats], Floats]  # of places, their rows and c


@dataclass(frozen=True)
class Points:
    """Where the bias and where the noise is bounded, with the binomial probabilities there."""

    bias: Floats
    noise: Floats
    bias_rows: Floats
    noise_rows: Floats

    def joined(self, K: int, bias: Floats, noise: Floats) -> "Points":
        """These points and more."""
        return Points(
            np.append(self.bias, bias),
            np.append(self.noise, noise),
            np.vstack([self.bias_rows, pmf(K, bias)]),
            np.vstack([self.noise_rows, pmf(K, noise)]),
        )


def solve(problem: Problem) -> Solution:
    """Variance-optimal table of `problem` with its multipliers; its limit is met between points too.

    Raises InvalidProblem for K above 64 and NotConverged with the state reached.
    """
    if problem.K > MOST_DRAWS:
        raise InvalidProblem(f"K is {problem.K}: socp is tested for K <= {MOST_DRAWS} only")
    # One thread: matrices this small gain nothing from two, and the sums stay in one order.
    with threadpool_limits(1):
        view = _View(problem)
        points = view.first_points()
        rough = _minimised(view.program(points, 0.0), view.start, ROUGH)
        points, chosen = view.exchanged(points, view.weight(rough))
        points, bound = _thinned(points, _minimised(view.program(points, 0.0), view.start))
        bound = balanced(view.program(points, 0.0), bound)
        return Solution(chosen.c, view.dual(points, bound, chosen.c), "socp")


class _View:
    """One problem in the units of its cone program, and a fine grid to look between the points."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        K, target = problem.K, problem.target
        self.by_p = problem.criterion in ("gradient-variance", "squared-error")
        self.centred = problem.criterion in ("variance", "gradient-variance")
        self.fitted = problem.criterion == "squared-error"
        self.look = _theta_grid(LOOK * (K + 2), ends=True)
        self.rows = pmf(K, self.look)
        plug_in = target.phi((np.arange(K + 1) + 1) / (K + 1))
        usual = float(self.noise(self.look, self.rows, plug_in).max())
        limit = problem.limit or 1.0
        self.frees_bias = problem.direction == "noise"
        self.bias_unit = limit if problem.direction == "bias" else 1 / (K + 1)
        self.noise_unit = limit if self.frees_bias else usual
        self.W, self.b = quadratic(target, K)
        self.start = plug_in * min(1.0, np.sqrt(0.5 * self.noise_unit / usual))
        if problem.direction == "bias":
            self.start, self.noise_unit = self.within_bias(usual)

    def first_points(self) -> Points:
        """The grid that a first program is posed on."""
        K, criterion = self.problem.K, self.problem.criterion
        bias = np.zeros(0) if self.fitted else _theta_grid(BIAS_POINTS * (K + 2), ends=False)
        noise = _theta_grid(NOISE_POINTS * (K + 2), ends=criterion == "second-moment")
        return Points(bias, noise, pmf(K, bias), pmf(K, noise))

    def bias(self, p: Floats, rows: Floats, c: Floats) -> Floats:
        """Weighted bias e(p)."""
        return np.asarray(p * (rows @ c) - self.problem.target.weighted(p))

    def noise(self, p: Floats, rows: Floats, c: Floats) -> Floats:
        """q at each p."""
        if self.fitted:
            weighted = self.problem.target.weighted(p)
            inner = np.where(p > 0, p, 1.0)
            phi = weighted / inner
            return np.asarray(p * (rows @ c**2) - 2 * weighted * (rows @ c) + weighted * phi)
        spread = rows @ c**2 - ((rows @ c) ** 2 if self.centred else 0)
        return np.asarray(spread * (p if self.by_p else 1.0))

    def within_bias(self, usual: float) -> tuple[Floats, float]:
        """A table strictly inside the bias budget, and a noise budget that it meets."""
        points, cap, limit = self.first_points(), usual, self.bias_unit
        for _ in range(DOUBLINGS):
            program = replace(self.program(points, 0.0), frees_bias=True)
            program = replace(program, w=program.w * (self.noise_unit / cap))
            found = _minimised(program, self.start * 0.5, ROUGH)
            if found.tau < 1 - 3 * ROUGH:
                return found.c, cap
            cap *= 4
        raise NotConverged(
            f"socp at K = {self.problem.K}, {self.problem.criterion}: no table with bias below "
            f"{limit:g} was found at a criterion up to {cap:g}"
        )

    def weight(self, rough: Optimum) -> float:
        """Weight rho of the tie-break T: rho (T(c) - min T) is SLACK of the optimum."""
        excess = self.tie(rough.c) - self.tie(self.b / self.W)
        return SLACK * rough.tau / excess

    def tie(self, c: Floats) -> float:
        """T(c) = sum W c^2 - 2 b c."""
        return float(self.W @ (c * c) - 2 * self.b @ c)

    def program(self, points: Points, rho: float) -> Program:
        """The program on these points, with the tie-break of weight rho."""
        target = self.problem.target
        p, q = points.bias, points.noise
        return Program(
            A=points.bias_rows * (p / self.bias_unit)[:, None],
            f=target.weighted(p) / self.bias_unit,
            reach=1.0,
            B=points.noise_rows,
            w=(q if self.by_p else np.ones_like(q)) / self.noise_unit,
            d=target.phi(q) if self.fitted else np.zeros_like(q),
            centred=self.centred,
            frees_bias=self.frees_bias,
            H=2 * rho * self.W,
            g=-2 * rho * self.b,
        )

    def exchanged(self, points: Points, rho: float) -> tuple[Points, Optimum]:
        """Points and optimum such that nothing between the points exceeds its bound."""
        for _ in range(ROUNDS):
            found = _minimised(self.program(points, rho), self.start)
            reach = self.bias_unit * (found.tau if self.frees_bias else 1.0)
            height = self.noise_unit * (1.0 if self.frees_bias else found.tau)
            noise, most_noise = self._peaks(self.noise, found.c, height)
            bias, most_bias = noise[:0], 0.0
            if not self.fitted:
                bias, most_bias = self._peaks(self._size_of_bias, found.c, reach)
            excess = max(most_bias / reach, most_noise / height) - 1
            if excess < BETWEEN:
                return points, found
            points = points.joined(
                self.problem.K, _flanked(bias, points.bias), _flanked(noise, points.noise)
            )
        raise NotConverged(
            f"socp at K = {self.problem.K}, {self.problem.criterion}: after {ROUNDS} exchanges a "
            f"bound is exceeded by {excess:.1e}, wanted {BETWEEN:g}"
        )

    def dual(self, points: Points, best: Optimum, chosen: Floats) -> Dual:
        """Multipliers of e and q themselves, normalised, and the value of the tie-break."""
        signed = (best.lines[0] - best.lines[1]) / self.bias_unit
        # Where no noise point binds the multipliers vanish, and rounding of the bias weights meets no
        # curvature to absorb it: a floor costs its own size and keeps the quadratic form definite.
        heights = (best.noise + FLOOR * best.noise.mean()) / self.noise_unit
        total = np.abs(signed).sum() if self.frees_bias else heights.sum()
        bias, noise = np.argsort(points.bias), np.argsort(points.noise)
        dual = Dual(
            tuple(points.bias[bias].tolist()),
            tuple((signed[bias] / total).tolist()),
            tuple(points.noise[noise].tolist()),
            tuple((heights[noise] / total).tolist()),
            float(value(self.problem.target, chosen)),
        )
        return settled(dual) if self.centred else dual

    def _size_of_bias(self, p: Floats, rows: Floats, c: Floats) -> Floats:
        return np.abs(self.bias(p, rows, c))

    def _peaks(self, f: Curve, c: Floats, bound: float) -> tuple[Floats, float]:
        """Local maxima of f that come near its bound, and the greatest value there."""
        values = f(self.look, self.rows, c)
        inner = values[1:-1]
        tops = 1 + np.flatnonzero((inner >= values[:-2]) & (inner > values[2:]))
        ends = [i for i in (0, values.size - 1) if values[i] > (1 - NEAR) * bound]
        tops = tops[values[tops] > (1 - 10 * NEAR) * bound]
        theta, step = np.arcsin(np.sqrt(self.look[tops])), 0.5 * np.pi / (self.look.size - 1)
        for _ in range(3):
            around = np.clip(np.stack([theta - step, theta, theta + step]), 0, 0.5 * np.pi)
            places = np.sin(around.ravel()) ** 2
            low, mid, high = f(places, pmf(self.problem.K, places), c).reshape(3, -1)
            bend = low - 2 * mid + high
            turn = np.divide(low - high, 2 * bend, out=np.zeros_like(bend), where=bend < 0)
            theta = np.clip(theta + step * np.clip(turn, -1, 1), 0, 0.5 * np.pi)
            step /= 12
        places = np.append(np.sin(theta) ** 2, self.look[ends])
        heights = f(places, pmf(self.problem.K, places), c)
        near = heights > (1 - NEAR) * bound
        return places[near], float(heights.max(initial=0.0))


def _thinned(points: Points, found: Optimum) -> tuple[Points, Optimum]:
    """Points and multipliers without those of the bias that weigh nothing."""
    weights = np.abs(found.lines[0] - found.lines[1])
    heavy = weights > LIGHT * weights.max(initial=0.0)
    fewer = replace(points, bias=points.bias[heavy], bias_rows=points.bias_rows[heavy])
    return fewer, replace(found, lines=found.lines[:, heavy])


def _minimised(program: Program, start: Floats, gap: float = GAP) -> Optimum:
    """Optimum from the first of the shares of `start` from which the method converges."""
    for share in STARTS:
        try:
            return minimise(program, _towards_its_mean(program, start, share), gap)
        except NotConverged as error:
            failure = error
    raise failure


def _towards_its_mean(program: Program, start: Floats, share: float) -> Floats:
    """Start with its spread, or where a moment is bounded its size, reduced to a share."""
    middle = start.mean() if program.centred else 0.0
    return middle + share * (start - middle)


def _flanked(peaks: Floats, points: Floats) -> Floats:
    """Peaks with a neighbour on either side, as far as the next solution's peaks may move."""
    theta, known = np.arcsin(np.sqrt(peaks)), np.arcsin(np.sqrt(points))
    move = FLANK * np.abs(theta[:, None] - known).min(axis=1, initial=1.0)
    moved = np.clip(np.concatenate([theta - move, theta + move]), 0, 0.5 * np.pi)
    return np.append(peaks, np.sin(moved) ** 2)


def _theta_grid(n: int, ends: bool) -> Floats:
    """sin^2 of n equidistant angles in [0, pi/2], with 0 and 1 or with 1 alone."""
    if ends:
        return np.asarray(np.sin(np.linspace(0, 0.5 * np.pi, n)) ** 2)
    return np.append(np.sin((np.arange(n) + 0.5) * (0.5 * np.pi / n)) ** 2, 1.0)
