"""Tables on a grid: certified as rounded, within their budget, and honest where rounding ruins them."""

import json
import re

import numpy as np
import pytest
from copies import replace

import polyest
from polyest import closed_forms
from polyest.errors import (
    CorruptTable,
    InvalidProblem,
    NotConverged,
    NotProved,
    RuinedByRounding,
)
from polyest.make import pipeline
from polyest.make.rounding import RUIN, _contracted
from polyest.problem.grids import largest_group, nearest, on_grid
from polyest.problem.problem import Alternation
from polyest.proof.certify import in_units, measure, noise_unit
from polyest.tables.format import dumps, loads

GRIDS = ({"grid": "float32"}, {"grid": "bfloat16"}, {"grid": "dyadic", "group": 8})
LABELS = ("float32", "bfloat16", "dyadic")
PROBLEMS = {
    "minimax": {"criterion": "minimax"},
    "noise": {"noise": 2},
    "second-moment": {"criterion": "second-moment", "noise": 3},
    "bias": {"criterion": "variance", "bias_ratio": 3},
    "squared-error": {"criterion": "squared-error"},
}


@pytest.fixture(scope="module", params=GRIDS, ids=LABELS)
def grid(request):
    return request.param


@pytest.fixture(scope="module", params=PROBLEMS)
def keywords(request):
    return PROBLEMS[request.param]


@pytest.fixture(scope="module")
def solved(keywords, grid):
    return polyest.solve(6, **keywords, **grid)


def claiming(table, **changes):
    return replace(table, claims=replace(table.certificate, **changes))


# solved on a grid


def test_a_table_solved_on_a_grid_is_on_it_and_proved(solved, keywords, grid):
    assert solved.grid.partition(":")[0] == grid["grid"]
    assert on_grid(solved.coefficients, solved.grid)
    assert replace(solved.certificate, optimum=None) == measure(
        solved.problem.target, solved.coefficients
    )
    polyest.verify(solved)
    back = loads(dumps(solved))
    assert (back.grid, dumps(back)) == (solved.grid, dumps(solved))
    polyest.verify(back)


def test_the_optimum_is_the_one_before_rounding_and_the_budget_is_met(solved, keywords):
    plain = polyest.solve(6, **keywords)
    problem = pipeline.resolve(plain.problem)
    assert solved.optimum.lower == plain.optimum.lower
    if problem.criterion == "minimax":
        assert solved.optimum == plain.optimum
        assert solved.bias.upper > plain.optimum.upper
    else:
        reached = (
            solved.bias.upper
            if problem.minimises_bias
            else solved.certificate.criterion(problem.criterion)
        )
        assert solved.optimum.upper == reached
    if problem.direction == "noise":
        assert solved.certificate.criterion(problem.criterion) <= problem.limit
    if problem.direction == "bias":
        assert solved.bias.upper <= problem.limit


def test_no_claim_on_a_grid_can_be_altered(solved):
    off = solved.coefficients.copy()
    off[3] = np.nextafter(off[3], 9)
    step = solved.coefficients.copy()
    step[3] += {"f": 2.0**-20, "b": 2.0**-5, "d": 2.0**-12}[solved.grid[0]]
    assert on_grid(step, solved.grid)
    lower, upper = solved.bias.lower, solved.bias.upper
    for spoiled, said in [
        (replace(solved, coefficients=off), f"does not lie on the grid {solved.grid}"),
        (replace(solved, coefficients=step), "claimed|altered"),
        (claiming(solved, bias=replace(solved.bias, upper=upper * (1 - 1e-9))), "bias.upper is"),
        (claiming(solved, bias=replace(solved.bias, lower=lower * (1 + 1e-9))), "bias.lower is"),
        (claiming(solved, variance=solved.variance * (1 - 1e-9)), "variance is claimed"),
        (claiming(solved, optimum=None), "optimum is claimed to be None"),
        (replace(solved, witness=None), "no witness"),
    ]:
        with pytest.raises(NotProved, match=said):
            polyest.verify(spoiled)


def test_a_table_that_only_says_it_is_rounded_is_not_proved(grid, keywords):
    plain = polyest.solve(6, **keywords)
    name = plain.rounded(**grid).grid if plain.problem.limit is None else "float32"
    with pytest.raises(NotProved, match="does not lie on the grid"):
        polyest.verify(replace(plain, grid=name))


@pytest.mark.parametrize("name", ["float8", "dyadic", "dyadic:17", "dyadic:14/1.0", "", 14])
def test_a_line_with_an_unknown_grid_is_refused(name):
    record = json.loads(dumps(polyest.load(3)))
    assert record["grid"] is None
    with pytest.raises(CorruptTable, match=r"some file, line 3: grid"):
        loads(json.dumps(record | {"grid": name}), "some file, line 3")


def test_a_bias_budget_that_rounding_misses_is_tightened(monkeypatch):
    asked = []
    real = pipeline._run

    def run(problem, method):
        if problem.criterion != "minimax":
            asked.append(problem.limit)
        return real(problem, method)

    monkeypatch.setattr(pipeline, "_run", run)
    table = polyest.solve(6, bias_ratio=3, grid="bfloat16")
    limit = pipeline.resolve(table.problem).limit
    assert len(asked) >= 2
    assert asked == sorted(asked, reverse=True)
    assert asked[0] == pytest.approx(limit, rel=1e-8)
    assert table.bias.upper <= limit
    # the first of them, rounded, misses it
    plain = polyest.solve(6, bias_ratio=3)
    missed = measure(plain.problem.target, nearest(plain.coefficients, "bfloat16"))
    assert missed.bias.lower > limit


@pytest.mark.parametrize(("K", "ratio"), [(8, 1.01), (16, 2)])
def test_a_bias_budget_that_rounding_cannot_meet_is_refused_with_the_reason(K, ratio):
    with pytest.raises(NotConverged, match="to grid bfloat16, none of") as caught:
        polyest.solve(K, bias_ratio=ratio, grid="bfloat16")
    spent, limit = map(
        float,
        re.search(r"has a bias of (\S+), expected at most (\S+):", str(caught.value)).groups(),
    )
    assert spent > limit
    assert f"budget bias-ratio {ratio}" in str(caught.value)
    assert str(caught.value).endswith("allow more, or use a finer grid")
    polyest.verify(polyest.solve(K, bias_ratio=ratio, grid="float32"))


def test_a_solver_that_gives_up_while_it_tightens_leaves_the_same_reason(monkeypatch):
    real, limits = pipeline._run, []

    def run(problem, method):
        if problem.criterion != "minimax":
            limits.append(problem.limit)
            if len(limits) == 2:
                raise NotConverged("stalled")
        return real(problem, method)

    monkeypatch.setattr(pipeline, "_run", run)
    with pytest.raises(NotConverged, match="to grid bfloat16, none of 1 solutions"):
        polyest.solve(6, bias_ratio=3, grid="bfloat16")
    assert len(limits) == 2


def test_a_budget_that_the_minimax_table_just_meets_is_kept_by_drawing_it_together():
    drawn = 0
    for K in (4, 5, 6, 7):
        plain = polyest.load(K, criterion="minimax")
        noise = plain.gradient_variance / noise_unit(pipeline.resolve(polyest.load(K).problem))
        table = polyest.solve(K, noise=noise * (1 + 1e-12), grid="bfloat16")
        slack = polyest.solve(K, noise=noise * (1 + 1e-12))
        assert slack.coefficients.tolist() == plain.coefficients.tolist()
        assert dumps(table) == dumps(slack.rounded("bfloat16"))
        polyest.verify(table)
        drawn += table.coefficients.tolist() != nearest(plain.coefficients, "bfloat16").tolist()
    assert drawn


def test_a_slack_noise_budget_gives_the_rounded_minimax_table():
    table = polyest.solve(3, noise=8, grid="bfloat16")
    assert isinstance(table.witness, Alternation)
    assert table.coefficients.tolist() == (
        polyest.load(3, criterion="minimax").rounded("bfloat16").coefficients.tolist()
    )
    polyest.verify(table)


def test_rounding_keywords_are_refused_before_anything_is_solved(monkeypatch):
    monkeypatch.setattr(pipeline, "_run", None)
    for words, said in (
        ({"grid": "float8"}, "grid 'float8' is unknown"),
        ({"grid": "dyadic"}, "group is None"),
        ({"group": 16}, "without a grid"),
    ):
        with pytest.raises(InvalidProblem, match=said):
            polyest.solve(6, **words)


# Table.rounded


@pytest.mark.parametrize("K", [4, 7, 13, 14, 15, 31, 36])
@pytest.mark.parametrize("kind", ["float32", "dyadic"])
def test_released_tables_keep_their_noise_budget(K, kind):
    table = polyest.load(K)
    rounded = table.rounded(kind, group=K + 2 if kind == "dyadic" else None)
    limit = in_units(table.budget, noise_unit(table.problem))
    assert rounded.gradient_variance <= limit
    assert rounded.bias.upper <= table.bias.upper * 1.01
    assert rounded.optimum.lower == table.optimum.lower
    assert (table.release, rounded.release) == ("v1", None)
    polyest.verify(rounded)


def test_most_released_tables_would_miss_it_if_they_were_only_rounded():
    missed = []
    for K in range(7, 17):
        table = polyest.load(K)
        plain = measure(table.problem.target, nearest(table.coefficients, "float32"))
        if plain.gradient_variance > in_units(table.budget, noise_unit(table.problem)):
            missed.append(K)
            assert plain.gradient_variance < table.gradient_variance * (1 + 1e-6)
        else:  # then nothing is drawn together
            rounded = table.rounded("float32").coefficients
            assert rounded.tolist() == table.coefficients.astype(np.float32).tolist()
    assert 0 < len(missed) < 10


@pytest.mark.parametrize("criterion", ["gradient-variance", "variance", "second-moment"])
def test_entries_drawn_together_by_a_share_have_its_square_less_noise(criterion):
    table = polyest.load(14)
    for share in (1e-6, 0.1):
        drawn = measure(table.problem.target, _contracted(criterion, table.coefficients, share))
        expected = (1 - share) ** 2 * table.certificate.criterion(criterion)
        assert drawn.criterion(criterion) == pytest.approx(expected, rel=1e-12)
        assert table.bias.upper < drawn.bias.upper < table.bias.upper + share


@pytest.mark.parametrize("criterion", ["variance", "second-moment"])
def test_the_other_noise_budgets_are_kept_too(criterion):
    for noise in (1, 2, 4):
        rounded = polyest.solve(5, criterion=criterion, noise=noise).rounded("bfloat16")
        polyest.verify(rounded)


def test_solved_or_read_from_a_line_a_table_is_rounded_alike(grid, keywords):
    plain = polyest.solve(6, **keywords)
    lines = []
    for table in (plain, loads(dumps(plain))):
        try:
            lines.append(dumps(table.rounded(**grid)))
        except NotProved as error:
            lines.append(str(error))
    assert lines[0] == lines[1]


@pytest.mark.parametrize("budget", [{"bias_ratio": 2}, {"bias": 0.01}], ids=str)
def test_a_bias_budget_is_refused_and_the_repair_is_one(budget, grid):
    table = polyest.solve(6, criterion="variance", **budget)
    with pytest.raises(NotProved, match=r"above the .* that its budget") as caught:
        table.rounded(**grid)
    spent, limit = map(
        float, re.search(r"bias is (\S+), above the (\S+) that", str(caught.value)).groups()
    )
    assert spent > limit >= table.bias.upper
    assert f'polyest.solve(..., grid="{grid["grid"]}")' in str(caught.value)
    polyest.verify(polyest.solve(6, criterion="variance", **budget, **grid))


@pytest.mark.parametrize("make", [closed_forms.log_count, closed_forms.jackknife])
def test_closed_forms_are_plainly_rounded(make, grid):
    table = make(6)
    rounded = table.rounded(**grid)
    assert rounded.coefficients.tolist() == nearest(table.coefficients, rounded.grid).tolist()
    assert rounded.optimum is None
    polyest.verify(rounded)
    polyest.verify(loads(dumps(rounded)))


@pytest.mark.parametrize("beta", [1.0, 0.01])
def test_a_dyadic_grid_adds_at_most_half_a_step_over_beta_to_the_bias(beta):
    table = closed_forms.harmonic(12)
    for group in (14, 1000, 10**5):
        rounded = table.rounded("dyadic", group=group, beta=beta)
        B = int(rounded.grid.removeprefix("dyadic:").partition("/")[0])
        assert rounded.bias.upper <= table.bias.upper + 2.0 ** -(B + 1) / beta * (1 + 1e-12)
        assert largest_group(rounded.coefficients, rounded.grid) >= group


def test_rounding_again_to_the_same_grid_changes_nothing_and_to_another_is_refused(grid):
    rounded = polyest.load(6).rounded(**grid)
    assert rounded.rounded(**grid) is rounded
    assert grid["grid"] in repr(rounded)
    others = [other for other in GRIDS if other != grid]
    others += [{"grid": "dyadic", "group": 10**6}, {"grid": "dyadic", "group": 8, "beta": 0.5}]
    for other in others:
        with pytest.raises(InvalidProblem, match=f"the table is on grid {rounded.grid}: .* twice"):
            rounded.rounded(**other)


def test_entries_that_no_grid_holds_are_refused():
    large = polyest.load(32, criterion="minimax")
    with pytest.raises(InvalidProblem, match=r"sums to more than 2\^24"):
        large.rounded("dyadic", group=34)
    huge = closed_forms.polynomial(3, [0, 1e39])
    with pytest.raises(InvalidProblem, match="is beyond float32"):
        huge.rounded("float32")


# ruin


@pytest.mark.parametrize(
    ("K", "words"),
    [(16, ("bfloat16",)), (30, ("float32",)), (24, ("dyadic", 26))],
    ids=str,
)
def test_a_minimax_table_that_rounding_ruins_says_so(K, words):
    table = polyest.load(K, criterion="minimax")
    grid = dict(zip(("grid", "group"), words, strict=False))
    with pytest.warns(RuinedByRounding) as caught:
        rounded = table.rounded(**grid)
    assert rounded.bias.lower > RUIN * table.bias.upper
    said = str(caught[0].message)
    assert f"grows from {table.bias.upper:.4g} to {rounded.bias.upper:.4g}" in said
    assert f"rounding to {rounded.grid} ruins the table" in said
    assert caught[0].filename == __file__
    polyest.verify(rounded)
    with pytest.warns(RuinedByRounding):
        polyest.solve(K, criterion="minimax", **grid)


@pytest.mark.parametrize("K", [1, 8, 9])
def test_a_minimax_table_that_rounding_does_not_ruin_does_not(K, grid):
    table = polyest.load(K, criterion="minimax")
    assert table.rounded(**grid).bias.upper < RUIN * table.bias.lower  # a warning is an error here


def test_a_noise_budget_does_not_save_a_table_from_ruin():
    with pytest.warns(RuinedByRounding):
        rounded = polyest.load(64).rounded("bfloat16")
    assert rounded.bias.lower > RUIN * polyest.load(64).bias.upper
    polyest.verify(rounded)


def test_an_unbiased_table_is_ruined_where_its_entries_cancel_and_not_before():
    for k in (2, 8, 14):
        table = closed_forms.pass_at(16, k)
        rounded = table.rounded("bfloat16")
        assert rounded.bias.lower > 1e6 * table.bias.upper
        polyest.verify(rounded)
    chebyshev = [1, -128, 2688, -21504, 84480, -180224, 212992, -131072, 32768]  # T_8(1 - 2p)
    table = closed_forms.polynomial(8, chebyshev)
    assert table.coefficients.tolist()[:2] == [1, -15]
    with pytest.warns(RuinedByRounding):
        table.rounded("bfloat16")
