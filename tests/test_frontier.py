"""The curve of least bias: proved, convex, with ends that are said; and what lies above it."""

from functools import cache
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from cases import AGAINST
from copies import replace

import polyest
from polyest import closed_forms, frontier, rivals
from polyest.errors import InvalidProblem, NotConverged, NotProved
from polyest.problem.claims import Bracket
from polyest.problem.shapes import SHAPES
from polyest.problem.targets import LOG
from polyest.proof.certify import measure


@cache
def curve(K, *budgets, criterion="gradient-variance", target="log"):
    return frontier.sweep(K, target, criterion=criterion, budgets=budgets)


@cache
def minimax(K):
    return polyest.solve(K, criterion="minimax")


def biases(swept):
    return [point.table.bias.upper for point in swept.points]


# The curve


@pytest.mark.parametrize(
    ("K", "times"), [(7, (1.36, 2.91, 6.3, 10.2)), (63, (1.52, 5.5, 11.5, 15.2))]
)
def test_certified_bias_is_that_many_times_below_the_log(K, times):
    swept = curve(K, 1, 2, 4, 8)
    for point, wanted in zip(swept.points, times, strict=True):
        log = swept.plug_in.bias
        assert log.lower / point.table.bias.upper >= wanted
        assert log.upper / point.table.optimum.lower < wanted * 1.02  # and no table has much more
        assert point.table.optimum.width < 1e-6
    assert log == closed_forms.log_count(K).bias


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("K", [4, 6, 7, 8, 9, 12])
def test_the_curve_of_a_shape_ends_at_the_minimax_table_of_the_shape(K, shape):
    swept = frontier.sweep(K, shape=shape)
    assert swept.stopped is None
    assert swept.reached
    assert swept.points[-1].table.bias == polyest.solve(K, criterion="minimax", shape=shape).bias
    assert swept.ended.endswith(f"the minimax {shape} table: more noise gives no less bias")


@pytest.mark.parametrize("criterion", ["gradient-variance", "variance", "second-moment"])
def test_points_are_the_tables_of_their_budgets_and_lie_where_these_are(criterion):
    swept = curve(5, 0.5, 1, 3, criterion=criterion)
    for point, noise in zip(swept.points, (0.5, 1, 3), strict=True):
        polyest.verify(point.table)
        table = polyest.solve(5, criterion=criterion, noise=noise)
        assert point.table.coefficients.tolist() == table.coefficients.tolist()
        assert (point.series, point.label) == ("optimal", f"noise {noise:g}")
        unit = swept.plug_in.criterion(criterion)
        assert point.noise == pytest.approx(table.certificate.criterion(criterion) / unit)
        assert noise * (1 - 1e-7) < point.noise <= noise


def is_convex(swept):
    """Whether each point is proved to lie no higher than the chord of its neighbours allows."""
    points = [(p.noise, p.table.optimum.lower, p.table.bias.upper) for p in swept.points]
    for (x, _, left), (y, lower, _), (z, _, right) in zip(
        points, points[1:], points[2:], strict=False
    ):
        chord = left + (right - left) * (y - x) / (z - x)
        if lower > chord:
            return False
    return True


def test_the_curve_falls_and_is_convex():
    swept = curve(8, 0.25, 0.5, 1, 1.4, 2, 4, 8, 30, 60)
    assert all(b < a for a, b in pairwise(biases(swept)))
    assert is_convex(swept)
    point = swept.points[4]
    claims = point.table.certificate
    higher = Bracket(claims.optimum.lower * 1.3, claims.optimum.upper * 1.3)
    table = replace(point.table, claims=replace(claims, optimum=higher))
    points = (*swept.points[:4], replace(point, table=table), *swept.points[5:])
    assert not is_convex(replace(swept, points=points))


def test_a_curve_without_given_budgets_has_no_steep_gaps(monkeypatch):
    monkeypatch.setattr(frontier, "BUDGETS", (1.0, 16.0))
    steep = curve(3, 1, 16)
    assert [p.label for p in steep.points] == ["noise 1", "noise 16"]
    assert steep.points[0].table.bias.upper > 2 * steep.points[1].table.bias.upper
    filled = frontier.sweep(3)
    assert len(filled.points) > 3
    assert all(a <= 2 * b for a, b in pairwise(biases(filled)))
    noises = [p.noise for p in filled.points]
    assert noises == sorted(set(noises))
    assert [p.label for p in filled.points[:: len(noises) - 1]] == ["noise 1", "noise 16"]


# Its ends


def test_it_reaches_the_minimax_table_once_and_says_so():
    swept = curve(4, 1, 8, 16, 32)
    assert [p.label for p in swept.points] == ["noise 1", "noise 8"]
    assert swept.points[-1].table.coefficients.tolist() == minimax(4).coefficients.tolist()
    assert swept.reached
    assert swept.stopped is None
    assert swept.ended == "at noise 7.899, the minimax table: more noise gives no less bias"
    assert swept.least == minimax(4).optimum
    short = curve(4, 1, 7.8)
    assert not short.reached
    assert short.ended == "at noise 7.8, the last one asked for"
    assert short.points[-1].table.bias.lower > short.least.upper


def test_it_stops_where_the_solver_does_and_says_why(monkeypatch):
    right = frontier.solve

    def failing(K, target, *, criterion, noise=None, shape=None):
        if noise is not None and noise >= limit:
            raise NotConverged(f"gave up at {noise:g}")
        return right(K, target, criterion=criterion, noise=noise, shape=shape)

    monkeypatch.setattr(frontier, "solve", failing)
    limit = 4
    swept = frontier.sweep(4, budgets=(1, 2, 4, 8))
    assert [p.label for p in swept.points] == ["noise 1", "noise 2"]
    assert swept.stopped == frontier.Refused("noise 4", "gave up at 4")
    assert swept.ended == "before noise 4, which was not settled: gave up at 4"
    assert not swept.reached
    limit = 0.5
    with pytest.raises(NotConverged, match="no point at its first budget, noise 1: gave up at 1"):
        frontier.sweep(4, budgets=(1, 2))


def test_without_noise_the_bias_is_known():
    """The constant of least bias is -1 - W(1/e), of bias W(1/e); of the table of zeros it is 1/e."""
    for criterion, least in (
        ("gradient-variance", mpmath.lambertw(mpmath.exp(-1))),
        ("second-moment", mpmath.exp(-1)),
    ):
        swept = curve(3, 1e-4, 1, criterion=criterion)
        assert swept.noiseless == pytest.approx(float(least), rel=1e-12)
        assert swept.noiseless >= least
        first, second = biases(swept)
        assert 0.95 * swept.noiseless < first < swept.noiseless
        assert second < 0.5 * swept.noiseless


# What lies above it


def lies_above(rival):
    """Whether a table with less bias and no more noise is proved to exist."""
    versus = frontier.against(rival)
    best = versus.best
    assert best.gradient_variance <= rival.gradient_variance
    assert versus.noise == pytest.approx(
        rival.gradient_variance / closed_forms.log_count(rival.K).gradient_variance
    )
    return versus.ratio.lower > 1 and best.bias.upper < rival.bias.lower


@pytest.mark.parametrize(
    ("K", "blocks"),
    [(K, blocks) for K in (8, 12, 16, 24, 32) for blocks in (2, 3, 4) if K % blocks == 0],
)
def test_sample_splitting_lies_above_the_curve(K, blocks):
    optimal = [polyest.solve(K // blocks, noise=2)] if K <= 16 else []
    for block in [minimax(K // blocks), *optimal]:
        averaged = closed_forms.split(block, blocks)
        assert averaged.K == K
        assert averaged.bias.upper == pytest.approx(block.bias.upper, rel=1e-9)
        assert lies_above(averaged)


def test_a_table_on_the_curve_or_claimed_to_be_below_does_not_lie_above():
    on = polyest.solve(8, noise=2)
    assert not lies_above(on)
    assert frontier.against(on).ratio.lower < 1 < frontier.against(on).ratio.upper < 1 + 1e-6
    averaged = closed_forms.split(minimax(4), 2)
    assert lies_above(averaged)
    claimed = Bracket(averaged.bias.lower * 0.8, averaged.bias.upper * 0.8)
    spoiled = replace(averaged, claims=replace(averaged.certificate, bias=claimed))
    assert not lies_above(spoiled)
    assert frontier.against(spoiled).ratio.upper < 1


@pytest.mark.parametrize("name", AGAINST)
def test_the_honest_comparison(name):
    for K, figure in zip((8, 16, 32, 64), AGAINST[name], strict=False):
        ratio = frontier.against(getattr(closed_forms, name)(K)).ratio
        assert {f"{end:.2f}" for end in (ratio.lower, ratio.upper)} == {figure}


def test_schuermann_is_the_closed_form_nearest_to_the_curve_and_halves_are_nearer():
    compared = frontier.comparison(16)
    names = [form.__name__ for form in closed_forms.LOGS]
    blocks = ["16 blocks of 1", "8 blocks of 2", "4 blocks of 4", "2 blocks of 8"]
    assert list(compared) == [*names, *blocks]
    times = {name: versus.ratio.lower for name, versus in compared.items()}
    assert min(names, key=times.get) == "schuermann"
    assert min(times, key=times.get) == "2 blocks of 8"
    assert 1.01 < times["2 blocks of 8"] < 1.02


def test_minimax_tables_over_subsets_are_within_a_hundredth_of_the_curve():
    for k, K in ((8, 9), (10, 16), (15, 31)):
        assert 1 < frontier.against(closed_forms.subsets(minimax(k), K)).ratio.upper < 1.01
    assert frontier.against(closed_forms.subsets(minimax(3), 16)).ratio.lower > 2


# Marks


def test_marks_are_every_estimator_and_none_lies_below_the_curve():
    middle = {f"xi {xi:g}" for xi in rivals.XIS[1:-1]}
    points, refused = frontier.marks(4)
    labels = {}
    for point in points:
        labels.setdefault(point.series, []).append(point.label)
    for form in closed_forms.LOGS:
        assert labels.pop(form.__name__) == [form.__name__]
    assert labels.pop("schuermann-xi") == [f"xi {xi:g}" for xi in rivals.XIS]
    assert labels == {
        "blocks": ["4 blocks of 1", "2 blocks of 2"],
        "subsets": ["subsets of 3"],
        "minimax": ["minimax"],
        "squared-error": ["squared-error"],
        "second-moment": [f"second-moment at {m:g} E*" for m in rivals.RATIOS],
    }
    assert refused == ()
    for point in (point for point in points if point.label not in middle):
        versus = frontier.against(point.table)
        assert versus.noise == pytest.approx(point.noise)
        assert versus.ratio.upper > 1 - 1e-9


def test_what_is_least_in_a_criterion_lies_on_its_curve_and_above_the_others():
    table = polyest.solve(6, criterion="second-moment", bias_ratio=3)
    assert frontier.against(table, "second-moment").ratio.upper < 1 + 1e-6
    assert frontier.against(table, "variance").ratio.lower > 1.1
    assert frontier.against(table, "gradient-variance").ratio.lower > 1.1


def test_marks_that_are_not_there_say_why(monkeypatch):
    points, refused = frontier.marks(2)
    reason = {mark.label: mark.reason for mark in refused}["second-moment at 20 E*"]
    assert "the table of zeros has a bias of" in reason
    monkeypatch.setattr(rivals, "LARGEST_MINIMAX", 2)
    points, refused = frontier.marks(5)
    assert not any(point.series == "minimax" for point in points)
    assert [p.label for p in points if p.series in ("blocks", "subsets")] == [
        "5 blocks of 1",
        "subsets of 2",
    ]


def test_a_comparison_that_is_not_settled_says_why(monkeypatch):
    right = frontier.against

    def failing(rival, criterion):
        if rival.criterion == "taylor":
            raise NotProved("too hard")
        return right(rival, criterion)

    monkeypatch.setattr(frontier, "against", failing)
    compared = frontier.comparison(2)
    assert compared["taylor"] == "too hard"
    assert compared["harmonic"].ratio.lower > 1


def test_records_hold_points_and_marks_as_text():
    swept = curve(3, 1, 16)
    points, _ = frontier.marks(3)
    rows = frontier.records(swept, points)
    assert len(rows) == 2 + len(points)
    assert {row["K"] for row in rows} == {"3"}
    for row, point in zip(rows, (*swept.points, *points), strict=True):
        assert float(row["noise"]) == point.noise
        assert float(row["bias_lower"]) == point.table.bias.lower
        assert float(row["bias_upper"]) == point.table.bias.upper
        assert float(row["least_upper"]) == swept.least.upper
        assert bool(row["optimum_lower"]) == (point.series == "optimal")
    assert float(rows[0]["optimum_lower"]) == swept.points[0].table.optimum.lower


# Other targets


def test_another_target_is_compared_with_its_plug_in():
    compared = frontier.comparison(4, target="power:0.5")
    assert list(compared) == ["plug_in", "4 blocks of 1", "2 blocks of 2"]
    assert all(versus.ratio.lower > 1.5 for versus in compared.values())
    j = np.arange(1, 6) / 5
    assert compared["plug_in"].rival.coefficients == pytest.approx(np.sqrt(j), rel=1e-15)


def test_an_unbiased_target_ends_without_bias():
    swept = curve(4, 1, 4, target="polynomial:0,0,1")
    assert swept.reached
    assert swept.least == Bracket(0.0, 0.0)
    assert biases(swept)[1] < 1e-15 < 0.01 < biases(swept)[0]
    points, refused = frontier.marks(4, target="polynomial:0,0,1")
    assert [point.series for point in points] == ["plug_in", "minimax"]
    assert refused == ()


def test_a_rival_noisier_than_a_table_without_bias_has_infinitely_more():
    mean = closed_forms.polynomial(3, [0, 1])
    entries = 1.5 * mean.coefficients
    claims = measure(mean.problem.target, entries)
    versus = frontier.against(replace(mean, coefficients=entries, claims=claims))
    assert versus.best.coefficients.tolist() == mean.coefficients.tolist()
    assert versus.ratio.lower > 1e12
    assert versus.ratio.upper == np.inf


# Bad input


@pytest.mark.parametrize(
    "budgets",
    [
        (),
        (0,),
        (-1, 1),
        (1, 1),
        (2, 1),
        (1, float("nan")),
        (1, float("inf")),
        (None,),
        "ab",
        8,
        (10**400,),
    ],
)
def test_budgets_ascend_and_are_finite(budgets):
    with pytest.raises(InvalidProblem, match=r"budgets are .*: expected multiples.*\(1, 2, 4, 8\)"):
        frontier.sweep(4, budgets=budgets)


@pytest.mark.parametrize("call", [frontier.sweep, frontier.marks, frontier.comparison])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"K": 0}, "K is 0: expected the sample size"),
        ({"K": 5000}, "K is 5000: remez solves up to"),
        (
            {"K": 4, "criterion": "minimax"},
            "'minimax' has no frontier: expected .* gradient-variance",
        ),
        ({"K": 4, "criterion": "squared-error"}, "'squared-error' has no frontier"),
        ({"K": 4, "target": "sin"}, "sin"),
        ({"K": 4, "target": "polynomial:2"}, "polynomial:2 has no frontier: .*use another target"),
        ({"K": 4, "target": "power:0", "criterion": "variance"}, "power:0 has no frontier"),
        ({"K": 1, "target": "polynomial:0,0,1"}, "has degree 2, above K = 1"),
    ],
)
def test_a_frontier_where_nothing_is_attainable_is_one_error(call, arguments, words):
    with pytest.raises(InvalidProblem, match=words):
        call(**arguments)


def test_a_rival_without_noise_cannot_be_compared():
    entries = np.full(4, -1.0)
    claims = measure(LOG, entries)
    constant = replace(closed_forms.log_count(3), coefficients=entries, claims=claims)
    with pytest.raises(
        InvalidProblem,
        match="is 0, so that it has no noise to compare it at: give a table whose entries var",
    ):
        frontier.against(constant)
    assert frontier.against(constant, "second-moment").ratio.lower > 1


def test_progress_counts_up_to_its_total(monkeypatch):
    monkeypatch.setattr(frontier, "BUDGETS", (1.0, 1.2))
    monkeypatch.setattr(rivals, "RATIOS", (2.0,))
    for call in (frontier.sweep, frontier.marks, frontier.comparison):
        told = []
        call(1, progress=lambda *numbers, told=told: told.append(numbers))
        assert told[0][0] == 0
        assert told[-1][0] == told[-1][1] == told[0][1]
        assert told == sorted(told)
