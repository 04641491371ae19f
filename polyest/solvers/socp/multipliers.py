"""This module computes Lagrange multipliers that bound the optimum of a program, from its last iterate.

The multipliers of tau + rho T become multipliers of tau alone, for which dual_bound.py proves a bound.
T = int p E(c_X - phi)^2 dp is itself a sum of noise and bias: with e = p (P - phi),

    p E(c_X - phi)^2 = p Var c_X + e^2/p = p E c_X^2 - 2 phi e - p phi^2,

and e^2 is no less than its tangent at the optimum.  On Gauss points x of weights v, rho T therefore becomes
noise weights rho v (times x where the criterion has no weight p) and bias weights 2 rho v e/x, or
-2 rho v phi for a moment.  The Lagrangian keeps its zero gradient at c, the bound loses a few times rho, and
the quadratic form, which is nearly singular with a few active peaks, is definite beyond rounding.

The gradient that remains at the iterate costs the bound its square in the metric of that form.  A
least-squares fit of the multipliers, in relative changes, removes it.
"""

from collections.abc import Callable

import numpy as np
from scipy.linalg import LinAlgError, cholesky, lstsq, solve_triangular

from polyest.arrays import Floats
from polyest.errors import NotConverged
from polyest.exact.tie_break import value
from polyest.problem.bernstein import pmf
from polyest.problem.problem import Dual, Problem, settled
from polyest.problem.shapes import direction, steps_of
from polyest.solvers.socp.constraints import Program
from polyest.solvers.socp.curves import Curves
from polyest.solvers.socp.interior import State

LIGHT = 1e-10  # share of the greatest multiplier below which one is left out
EXTRA = 7  # Gauss points beyond K + 1, because phi need not be a polynomial
FITS, SETTLED = 16, 1e-3  # the most fits, and the relative change below which they end
FIRM = 1e-3  # the cost of a relative change, divided by the root of tau
MOST = 0.5  # the greatest relative change in one fit
DIGITS = 9  # digits of a point: the fit absorbs the rounding, and files are a sixth smaller
DIGITS_OF_SHAPE = 12  # digits of a weight with a shape: the bound loses nothing that shows
RIDGES = (1e-15, 1e-13, 1e-11)  # added to the diagonal, in turn

Weighted = tuple[Floats, Floats]  # points in [0, 1] and their weights


def witness(problem: Problem, program: Program, state: State, c: Floats) -> Dual:
    """Return normalised multipliers of bias, noise and steps, with the value of the tie-break at c.

    Raise NotConverged where the quadratic form is not definite to rounding.
    """
    curves = program.curves
    bias, noise = _of_peaks(program, state)
    more_bias, more_noise = _of_tie_break(problem, curves, c, state.rho)
    steps = state.z[state.z.size - len(program.steps) :]
    steps = np.where(steps > LIGHT * steps.max(initial=0.0), steps, 0.0)
    groups = _of_bias(curves, bias), _of_noise(curves, noise, c), _of_steps(problem, steps)
    rest = _of_bias(curves, more_bias).sum(axis=0) + _of_noise(curves, more_noise, c).sum(axis=0)
    freed = int(not program.frees_bias)
    normal = np.abs((bias, noise)[freed][1])
    shares = [np.zeros(len(group)) for group in groups]
    shares[freed] = normal / normal.sum()
    factors = _fitted(
        np.vstack(groups),
        rest,
        np.concatenate(shares),
        _whitener(curves, _joined(noise, more_noise)),
        state.iterate.tau,
        curves.criterion.centred,
    )
    of_bias, of_noise, of_steps = np.split(factors, np.cumsum(list(map(len, groups[:2]))))
    bias, noise = (bias[0], bias[1] * of_bias), (noise[0], noise[1] * of_noise)
    points, weights = _joined(bias, more_bias)
    places, heights = _joined(noise, more_noise)
    total = float(np.abs(weights).sum() if program.frees_bias else heights.sum())
    measures = [weights / total, heights / total, steps * of_steps / total]
    if problem.shape is not None:
        measures = [_short(measure, DIGITS_OF_SHAPE) for measure in measures]
    dual = Dual(
        tuple(points.tolist()),
        tuple(measures[0].tolist()),
        tuple(places.tolist()),
        tuple(measures[1].tolist()),
        float(value(problem.target, c)),
        tuple(measures[2].tolist()),
    )
    return settled(dual) if curves.criterion.centred else dual


def _of_peaks(program: Program, state: State) -> tuple[Weighted, Weighted]:
    """Return the multipliers of e and q, without their units, that are not negligible."""
    curves, peaks, n = program.curves, state.iterate.peaks, program.lines.f.size
    of_e, of_q, _ = np.split(state.z, [2 * n + peaks.sign.size, state.z.size - len(program.steps)])
    theta_e = np.append(program.theta[0], peaks.theta[: peaks.sign.size])
    theta_q = np.append(program.theta[1], peaks.theta[peaks.sign.size :])
    signed = np.append(of_e[:n] - of_e[n : 2 * n], of_e[2 * n :] * peaks.sign) / curves.bias_unit
    heights = of_q / curves.noise_unit
    matter_e = np.abs(signed) > LIGHT * np.abs(signed).max(initial=0.0)
    matter_q = heights > LIGHT * heights.max()
    bias = _short(np.sin(theta_e[matter_e]) ** 2), signed[matter_e]
    return bias, (_short(np.sin(theta_q[matter_q]) ** 2), heights[matter_q])


def _of_tie_break(
    problem: Problem, curves: Curves, c: Floats, rho: float
) -> tuple[Weighted, Weighted]:
    """Return rho T as weights of e and of q."""
    node, v = np.polynomial.legendre.leggauss(problem.K + 1 + EXTRA)
    u = (1 + node) / 2
    x, v = _short(u * u), rho * u * v  # p = u^2, since the logarithm is smoother in u
    noise = v if curves.criterion.by_p else v * x
    if curves.criterion.fitted:
        return (x[:0], v[:0]), (x, noise)
    if curves.criterion.centred:
        return (x, 2 * v * (pmf(problem.K, x) @ c - problem.target.phi(x))), (x, noise)
    return (x, -2 * v * problem.target.phi(x)), (x, noise)


def _fitted(
    rows: Floats,
    rest: Floats,
    normal: Floats,
    whiten: Callable[[Floats], Floats],
    tau: float,
    balanced: bool,
) -> Floats:
    """Return factors of the weights with which the Lagrangian has gradient 0 at c.

    rows: gradients of the weighted e, q and steps, one row per weight; rest: the gradient of what else the
    Lagrangian has; normal: the share of each weight in the sum that normalises the bound.
    """
    # The first row of `firm` keeps that sum; the others keep changes small.
    firm = np.sqrt(tau) * np.vstack([normal, FIRM * np.eye(normal.size)])
    factor = np.ones(rows.shape[0])
    for _ in range(FITS):
        now = factor[:, None] * rows
        gradient = now.sum(axis=0) + rest
        system = np.vstack([whiten(now).T, firm])
        right = np.append(whiten(gradient[None])[0], np.zeros(firm.shape[0]))
        change = np.clip(_change(system, right, now, gradient, balanced), -MOST, MOST)
        factor *= 1 + change
        if np.abs(change).max() < SETTLED:
            break
    return factor


def _change(
    system: Floats, right: Floats, rows: Floats, gradient: Floats, balanced: bool
) -> Floats:
    """Return the least-squares solution x of system x = -right, with sum(gradient + rows x) = 0 if balanced.

    A variance does not depend on a constant that is added to c, so its weights have to balance exactly:
    the change of the heaviest weight follows from the others.
    """
    if not balanced:
        return np.asarray(lstsq(system, -right)[0])
    sums = rows.sum(axis=1)
    heaviest = int(np.abs(sums).argmax())
    ratio, shift = sums / sums[heaviest], -float(gradient.sum()) / sums[heaviest]
    ratio[heaviest] = 0.0
    column = system[:, heaviest].copy()
    reduced = system - np.outer(column, ratio)
    reduced[:, heaviest] = 0.0
    change = np.asarray(lstsq(reduced, -(right + shift * column))[0])
    change[heaviest] = shift - ratio @ change
    return change


def _of_bias(curves: Curves, bias: Weighted) -> Floats:
    """Return the gradients in c of the weighted e, one row per point."""
    points, weights = bias
    return (weights * points)[:, None] * pmf(curves.K, points)


def _of_noise(curves: Curves, noise: Weighted, c: Floats) -> Floats:
    """Return the gradients in c of the weighted q, one row per point."""
    points, weights = noise
    rows = pmf(curves.K, points)
    middle = np.zeros_like(points)
    if curves.criterion.centred:
        middle = rows @ c
    elif curves.criterion.fitted:
        middle = curves.target.phi(points)
    by_p = points if curves.criterion.by_p else 1.0
    return (2 * weights * by_p)[:, None] * rows * (c - middle[:, None])


def _of_steps(problem: Problem, weights: Floats) -> Floats:
    """Return the gradients in c of the weighted steps below 0, one row per step."""
    if problem.shape is None:
        return np.zeros((0, problem.K + 1))
    steps = direction(problem.target) * steps_of(np.eye(problem.K + 1), problem.shape)
    return -weights[:, None] * steps


def _whitener(curves: Curves, noise: Weighted) -> Callable[[Floats], Floats]:
    """Return the map of gradients, (M, n), to coordinates whose square is their cost to the bound."""
    points, weights = noise
    rows = pmf(curves.K, points)
    edges = rows.T @ ((2 * weights * (points if curves.criterion.by_p else 1.0))[:, None] * rows)
    n = rows.shape[1]
    if curves.criterion.centred:  # a Laplacian: its diagonal is the sum of a row, and c_K is fixed
        np.fill_diagonal(edges, 0.0)
        S = (np.diag(edges.sum(axis=0)) - edges)[: n - 1, : n - 1]
    else:
        S = np.diag(edges.sum(axis=0))
    scale = 1 / np.sqrt(np.diag(S))
    scaled = S * scale[:, None] * scale
    for ridge in RIDGES:
        try:
            factor = cholesky(scaled + ridge * np.eye(scale.size), lower=True)
            break
        except LinAlgError:
            continue
    else:
        raise NotConverged("the quadratic form of the multipliers is not definite to rounding")

    def whiten(g: Floats) -> Floats:
        return np.asarray(solve_triangular(factor, (g[:, : scale.size] * scale).T, lower=True).T)

    return whiten


def _short(numbers: Floats, digits: int = DIGITS) -> Floats:
    """Return the numbers rounded to so many decimal digits."""
    return np.array([float(f"{x:.{digits - 1}e}") for x in numbers.tolist()])


def _joined(weighted: Weighted, more: Weighted) -> Weighted:
    """Return the points and weights of both, in the order of the points."""
    points, weights = np.append(weighted[0], more[0]), np.append(weighted[1], more[1])
    order = np.argsort(points)
    return points[order], weights[order]
