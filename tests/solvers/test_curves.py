"""Curves of bias and noise and their peaks: against exact values, a dense grid and differences."""

from fractions import Fraction
from math import sqrt

import mpmath
import numpy as np
import pytest
from programs import EVERY, dense, exact_pmf, resolved, solved
from scipy.optimize import minimize_scalar

from polyest.make.pipeline import MARGIN
from polyest.problem.bernstein import pmf
from polyest.problem.problem import Budget, Problem
from polyest.problem.targets import LOG, parse
from polyest.solvers.socp import curves as module
from polyest.solvers.socp.curves import Curves, symmetric

UNITS = 0.125, 4.0  # of bias and noise
ANGLES = np.array([0.0, 0.07, 0.3, 0.8, 1.2, 1.5, np.pi / 2])


def curves(K, criterion, target=LOG):
    budget = None if criterion == "squared-error" else Budget("noise", 1.0)
    return Curves(Problem(K, target, criterion, budget, 1.0), *UNITS)


def usual(K, seed=0):
    """The entries of log_count, moved a little at random."""
    return np.log((np.arange(K + 1) + 1) / (K + 1)) + 0.1 * np.random.default_rng(seed).normal(
        size=K + 1
    )


def exact(K, criterion, c, p, target):
    """e and q at a double p, from their definitions in rationals and 40 digits."""
    p, c = Fraction(p), [Fraction(x) for x in c.tolist()]
    B = exact_pmf(K, p)
    P = sum(b * x for b, x in zip(B, c, strict=True))
    w = p if criterion in ("gradient-variance", "squared-error") else 1
    with mpmath.workdps(40):
        p_ = mpmath.mpf(p.numerator) / p.denominator
        phi = 0
        if p:
            phi = mpmath.log(p_) if target is LOG else p_ ** target.parameters[0]
        middle = {"second-moment": 0, "squared-error": phi}.get(criterion, number(P))
        q = number(w) * mpmath.fsum(
            number(b) * (number(x) - middle) ** 2 for b, x in zip(B, c, strict=True)
        )
        return p_ * (number(P) - phi) / UNITS[0], q / UNITS[1]


def number(x):
    x = Fraction(x)
    return mpmath.mpf(x.numerator) / x.denominator


@pytest.mark.parametrize("target", [LOG, parse("power:0.5")], ids=lambda t: t.name)
@pytest.mark.parametrize("criterion", EVERY)
@pytest.mark.parametrize("K", [1, 9, 40, 129])
def test_values_are_the_definitions(K, criterion, target):
    """Values are those of the definitions also above K = 128, where the basis is the identity."""
    view = curves(K, criterion, target)
    b = view.written(usual(K))
    c = view.table(b)
    e, q = view.lines(ANGLES).values(b), view.quadratics(ANGLES).values(b, c)
    for i, p in enumerate((np.sin(ANGLES) ** 2).tolist()):
        wanted = exact(K, criterion, c, p, target)
        assert float(abs(e[i] - wanted[0])) < 1e-12
        assert q[i] == pytest.approx(float(wanted[1]), rel=1e-12, abs=1e-25)


@pytest.mark.parametrize("criterion", ["variance", "gradient-variance"])
def test_squares_keep_the_digits_that_a_difference_loses(criterion):
    """The entries are near a million and spread by a tenth."""
    view, K = curves(12, criterion), 12
    b = view.written(1e6 + 0.1 * np.cos(np.arange(K + 1.0)))
    c = view.table(b)
    p = np.sin(ANGLES[1:-1]) ** 2
    rows = pmf(K, p)
    weights = (p if criterion == "gradient-variance" else 1.0) / UNITS[1]
    difference = weights * (rows @ (c * c) - (rows @ c) ** 2)
    squares = view.quadratics(ANGLES[1:-1]).values(b, c)
    wanted = np.array([float(exact(K, criterion, c, x, LOG)[1]) for x in p.tolist()])
    assert np.abs(squares / wanted - 1).max() < 1e-7
    assert np.abs(difference / wanted - 1).max() > 1e-3


@pytest.mark.parametrize("criterion", EVERY)
@pytest.mark.parametrize("K", [2, 11, 129])
def test_a_quadratic_is_its_value_gradient_and_bend(K, criterion):
    view, rng = curves(K, criterion), np.random.default_rng(K)
    b, db = view.written(usual(K)), view.written(rng.normal(size=K + 1))
    c, dc = view.table(b), view.table(db)
    parabolas = view.quadratics(ANGLES)
    change = parabolas.values(b + db, c + dc) - parabolas.values(b, c)
    first, bend = parabolas.gradients(b, c) @ dc, parabolas.second_order(db, dc)
    assert np.abs(change - first - bend).max() < 1e-12 * np.abs(bend).max()
    assert np.abs(change - first).max() > 1e-3 * np.abs(bend).max()
    some = parabolas.part(slice(2, 5))
    assert some.values(b, c) == pytest.approx(parabolas.values(b, c)[2:5], rel=1e-13)


@pytest.mark.parametrize("K", [5, 129])
def test_both_ways_of_writing_a_table(K):
    view, c = curves(K, "variance"), usual(K)
    assert view.table(view.written(c)) == pytest.approx(c, rel=1e-13, abs=1e-13)
    rng = np.random.default_rng(1)
    S, b = rng.normal(size=(K + 1, K + 1)), view.written(c)
    form = symmetric(view.congruent(np.tril(S)))
    assert b @ form @ b == pytest.approx(c @ symmetric(S) @ c, rel=1e-11)


# Where peaks are


def tops(values, theta):
    """Angles and heights of local maxima on a dense grid, parabolas' tops, of an even curve."""
    padded = np.concatenate([values[1:2], values, values[-2:-1]])
    top = np.flatnonzero((values >= padded[:-2]) & (values > padded[2:]))
    low, middle, high = padded[top], padded[top + 1], padded[top + 2]
    move = (low - high) / (2 * (low - 2 * middle + high))
    return theta[top] + move * theta[1], middle - 0.25 * (low - high) * move


def compared(view, b):
    """(angles, heights) of the peaks of |e|, then of q: those of a dense grid, and those of the view."""
    theta, c, peaks = dense(12_001), view.table(b), view.peaks(b)
    n = peaks.sign.size
    yield (
        tops(np.abs(view.lines(theta).values(b)), theta),
        (peaks.theta[:n], peaks.lines.values(b)),
    )
    yield (
        tops(view.quadratics(theta).values(b, c), theta),
        (peaks.theta[n:], peaks.quadratics.values(b, c)),
    )


def missed(K, seen, peaks):
    """What a dense grid sees above the peaks found within a step of it, over the greatest height."""
    places, heights = peaks
    near = np.abs(places - seen[0][:, None]) < np.pi / 2 / (12 * (K + 2))
    best = np.where(near, heights, 0.0).max(axis=1, initial=0.0)
    return float(((seen[1] - best) / seen[1].max()).max(initial=0.0))


@pytest.mark.parametrize("criterion", EVERY)
@pytest.mark.parametrize("K", [1, 2, 3, 5, 8, 13])
def test_every_local_maximum_is_found(K, criterion):
    """Of random tables, and to less than what budgets are tightened by."""
    for seed in range(4):
        view = curves(K, criterion)
        b = view.written(usual(K, seed) + np.random.default_rng(seed).normal(size=K + 1))
        of_bias, of_noise = compared(view, b)
        for seen, peaks in (of_noise,) if criterion == "squared-error" else (of_bias, of_noise):
            assert missed(K, seen, peaks) < MARGIN
            assert len(peaks[0]) == len(seen[0])


def test_squared_error_has_no_peaks_of_bias():
    view = curves(6, "squared-error")
    peaks = view.peaks(view.written(usual(6)))
    assert peaks.sign.size == 0
    assert peaks.theta.size > 0
    assert view.guards()[0].size == 0


def test_fewer_places_miss_peaks(monkeypatch):
    monkeypatch.setattr(module, "LOOK", 1)
    worst = 0.0
    for seed in range(12):
        view = curves(13, "variance")
        b = view.written(usual(13, seed) + np.random.default_rng(seed).normal(size=14))
        worst = max(worst, *(missed(13, *pair) for pair in compared(view, b)))
    assert worst > 0.1


@pytest.mark.parametrize("side", [-1, 1])
def test_a_search_that_begins_where_the_curve_bends_up_ends_on_a_top(side):
    """As between two tops that merge: a parabola there has no top, and the slope leads to one."""
    view = curves(8, "gradient-variance")
    top, period = 0.5, 4 * view.step
    begun = np.array([top + side * 1.05 * view.step])  # tops are searched from half a step away

    def curve(theta):
        return 2 + np.cos(2 * np.pi * (theta - top) / period)

    assert view._moved(begun, curve) == pytest.approx([top], abs=0.02 * view.step)


def test_ends_are_peaks_too():
    """|e| of a table of zeros but for c_K is greatest at p = 1, its second moment for c_0 at p = 0."""
    view = curves(4, "second-moment")
    c = np.array([3.0, 0.0, 0.0, 0.0, 1.0])
    peaks = view.peaks(view.written(c))
    n = peaks.sign.size
    assert np.abs(peaks.theta[:n] - np.pi / 2).min() < 1e-6
    assert np.abs(peaks.theta[n:]).min() < 1e-6
    assert peaks.lines.values(view.written(c)).max() == pytest.approx(1 / UNITS[0])


def test_two_tops_closer_than_a_tenth_are_two():
    """The least bias at K = 3 and half the variance of log_count: two tops level to 1e-8, .07 apart."""
    run = solved(resolved(3, "variance", noise=0.5))
    view, b = run.program.curves, run.state.iterate.b
    (_, _), ((places, heights), (theta, height)) = compared(view, b)
    assert len(places) == len(theta) == 2
    assert places[1] - places[0] < 0.1
    assert np.ptp(heights) < 1e-7
    assert np.abs(theta - places).max() < 1e-3
    assert height == pytest.approx(heights, rel=MARGIN)


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6])
def test_a_dip_at_an_end_hides_no_top(share):
    """|e| dips at p = 1 between two mirrored tops that are closer than places are to each other.

    With x = 1 - p, e = P(1) - slope x + bend x^2/2 + ..., slope = P(1) + P'(1) - 1 and bend = 2 P'(1) +
    P''(1) - 1: with a slope below 0 there is a top at x = slope/bend.
    """
    view, K, bend = curves(6, "variance"), 6, -450.0
    slope = bend * (share * view.step) ** 2
    first = slope - 9.0  # P(1) = 10, higher than any other top
    second = bend + 1 - 2 * first
    c = np.zeros(K + 1)
    c[K] = 10.0
    c[K - 1] = c[K] - first / K
    c[K - 2] = second / (K * (K - 1)) + 2 * c[K - 1] - c[K]
    b = view.written(c)
    seen, peaks = next(compared(view, b))
    top = int(np.argmax(seen[0]))
    assert 0.1 * view.step < np.pi / 2 - seen[0][top] < view.step
    at_end = float(np.abs(view.lines(np.array([np.pi / 2])).values(b))[0])
    near = np.abs(peaks[0] - np.pi / 2) < view.step
    assert np.abs(peaks[1][near] - seen[1][top]).min() < 0.1 * (seen[1][top] - at_end)


# How peaks move


def height(view, of_bias, b, theta):
    """The maximum of |e| or q within a step of theta, and so a function of b."""
    c = view.table(b)

    def curve(t):
        if of_bias:
            return -abs(float(view.lines(np.array([t])).values(b)[0]))
        return -float(view.quadratics(np.array([t])).values(b, c)[0])

    bounds = theta - view.step, theta + view.step
    return -minimize_scalar(curve, bounds=bounds, method="bounded", options={"xatol": 1e-10}).fun


@pytest.mark.parametrize(
    ("criterion", "of_bias"), [("variance", True)] + [(name, False) for name in EVERY]
)
def test_gradient_and_curvature_of_a_height(criterion, of_bias):
    """By differences of the maximised curve; without what a peak gains by moving they disagree."""
    view, K, h = curves(6, criterion), 6, 2e-3
    b = view.written(usual(K) + np.cos(2.0 * np.arange(K + 1)))
    peaks, n = view.peaks(b), view.peaks(b).sign.size
    indices = range(n) if of_bias else range(n, peaks.theta.size)
    inner = [i for i in indices if 0.1 < peaks.theta[i] < 1.4]
    assert inner
    gained = []
    for i in inner:
        for seed in range(4):
            dc = np.random.default_rng(seed).normal(size=K + 1)
            db = view.written(dc)
            if of_bias:
                g, still = peaks.lines.A[i] @ db, 0.0
            else:
                g = peaks.quadratics.gradients(b, view.table(b))[i - n] @ dc
                still = 2 * peaks.quadratics.second_order(db, dc)[i - n]
            moving = (peaks.turn[i] @ db) ** 2 / peaks.kappa[i]
            low, middle, high = (
                height(view, of_bias, b + s * h * db, peaks.theta[i]) for s in (-1, 0, 1)
            )
            assert (high - low) / (2 * h) == pytest.approx(g, abs=2e-4)
            bend = (high - 2 * middle + low) / h**2
            assert bend == pytest.approx(still + moving, rel=5e-3)
            gained.append(moving / bend)
    assert max(gained) > 0.2


def test_draws_that_curves_are_wide_as():
    assert module.draws_wide(10) == 12
    assert module.draws_wide(1022) == 16 * 32
    assert module.draws_wide(254) == 256
    assert all(module.draws_wide(K) <= module.WIDE * sqrt(K + 2) + 0.5 for K in (300, 500, 1024))
