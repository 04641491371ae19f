"""Which K, given or that of a group; a table as an array, its length, and when two are equal."""

import pickle
from itertools import product

import numpy as np
import pytest
from commands import run
from copies import replace

import polyest
from polyest import closed_forms, counts, frontier
from polyest.errors import CountOutOfRange, InvalidProblem, NotWrittenOut
from polyest.make.sweep import sweep

BASELINES = {"group-mean": 2, "none": 1, "exact": 1}


@pytest.mark.parametrize(("group", "baseline"), [*product((4, 16, 18, 64), BASELINES)])
def test_a_group_has_the_table_of_its_draws(group, baseline):
    K = counts.draws(group, baseline)
    assert group - K == BASELINES[baseline]
    assert polyest.load(group=group, baseline=baseline) == polyest.load(K)
    shown = run("show", "--group", group, "--baseline", baseline)
    assert shown.stdout == run("show", "--K", K).stdout


def test_the_default_baseline_is_the_group_mean():
    assert polyest.load(group=18).K == 16
    assert polyest.load(group=18, noise=2) == polyest.load(16, noise=2)
    assert polyest.load(group=5002).K == 5000


def test_a_group_alone_is_solved_on_the_grid_on_which_its_sums_are_exact(tmp_path):
    table = polyest.solve(group=6)
    assert table == polyest.solve(4, grid="dyadic", group=6)
    assert table.grid == "dyadic:16"
    assert polyest.solve(group=6, baseline="none").K == 5
    assert polyest.solve(group=6, grid="float32") == polyest.solve(4, grid="float32")
    path = tmp_path / "t.jsonl"
    sweep(None, path, group=6)
    assert polyest.loads(path.read_text()) == table
    said = run("solve", "--group", 6, "--lines").stdout
    assert polyest.loads(said) == table
    assert run("solve", "--group", 6, "--baseline", "none", "--lines").stdout != said
    assert run("compare", "--group", 6).stdout == run("compare", "--K", 4).stdout
    assert run("frontier", "--group", 5).stdout == run("frontier", "--K", 3).stdout


def test_a_curve_and_its_marks_take_a_group_too():
    budgets = (1, 4)
    curve = frontier.sweep(group=5, budgets=budgets)
    assert curve == frontier.sweep(3, budgets=budgets)
    assert frontier.sweep(group=5, baseline="none", budgets=budgets).K == 4
    assert list(frontier.comparison(group=5)) == list(frontier.comparison(3))
    assert frontier.marks(group=4)[0][0].table.K == 2


CALLS = {
    "load": polyest.load,
    "solve": polyest.solve,
    "sweep": frontier.sweep,
    "marks": frontier.marks,
    "comparison": frontier.comparison,
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({}, InvalidProblem, "neither K nor group given: expected exactly one"),
        ({"group": 2}, CountOutOfRange, "a group of 2 under baseline .* at least 3"),
        (
            {"group": "many"},
            CountOutOfRange,
            "group is 'many': expected an integer, at most 2",
        ),
        ({"group": 5, "baseline": "mean"}, InvalidProblem, "baseline 'mean' is unknown"),
        ({"K": 3, "baseline": "none"}, InvalidProblem, "baseline is 'none' beside K 3"),
    ],
)
def test_neither_or_what_is_no_group_is_a_named_error(name, given, error, said):
    with pytest.raises(error, match=said):
        CALLS[name](**given)


@pytest.mark.parametrize("name", [name for name in CALLS if name != "solve"])
def test_so_is_both_but_where_the_group_is_that_of_the_grid(name):
    with pytest.raises(InvalidProblem, match="K 3 and group 5 given: expected exactly one"):
        CALLS[name](3, group=5)
    with pytest.raises(InvalidProblem, match=r"group 5 without a grid"):
        polyest.solve(3, group=5)


@pytest.mark.parametrize("command", ["show", "compare", "frontier"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "exactly one of --K"),
        (("--K", 3, "--group", 5), "exactly one of --K"),
        (("--K", 3, "--baseline", "none"), "give --group"),
        (("--group", 5, "--baseline", "mean"), "'mean' is not one of"),
    ],
)
def test_of_a_command_it_is_usage(command, words, said):
    done = run(command, *words)
    assert done.exit_code == 2
    assert said in done.stderr


# What follows the target is keywords.


BY_PLACE = {
    "load": (lambda: polyest.load(4, "log", "minimax"), {"K": 4, "criterion": "minimax"}),
    "load noise": (
        lambda: polyest.load(4, "log", "gradient-variance", None, None, 2),
        {"K": 4, "noise": 2},
    ),
    "solve": (lambda: polyest.solve(3, "log", "minimax"), {"K": 3, "criterion": "minimax"}),
}


@pytest.mark.parametrize("name", BY_PLACE)
def test_by_their_place_they_work_with_a_warning_that_says_how_they_are_written(name):
    by_place, keywords = BY_PLACE[name]
    with pytest.warns(
        DeprecationWarning, match=r"by position works until polyest 1\.0: write"
    ) as caught:
        result = by_place()
    assert caught[0].filename == __file__
    assert result == getattr(polyest, name.split()[0])(**keywords)


def test_curves_had_the_criterion_before_the_target():
    with pytest.warns(DeprecationWarning, match="criterion, budgets, target by position"):
        old = frontier.sweep(2, "variance", (1, 4), "power:0.5")
    assert old == frontier.sweep(2, "power:0.5", criterion="variance", budgets=(1, 4))
    with pytest.warns(DeprecationWarning, match="criterion by position"):
        assert list(frontier.comparison(2, "variance")) == list(frontier.comparison(2))
    with pytest.raises(TypeError, match="got criterion by position and by name"):
        polyest.load(3, "log", "minimax", criterion="minimax")
    with pytest.raises(TypeError):
        polyest.load(3, "log", "minimax", None, None, None, None)


# Entries, length, equality.


def test_a_table_is_an_array_of_its_entries():
    table = polyest.load(14)
    assert np.array_equal(np.asarray(table), table.coefficients)
    assert np.asarray(table, dtype=np.float32).dtype == np.float32
    assert len(table) == 15
    assert list(table) == table.coefficients.tolist()
    np.asarray(table)[0] = 7  # is a copy
    assert table[0] != 7
    universal = polyest.load(5000)
    assert len(universal) == 5001
    with pytest.raises(NotWrittenOut):
        np.asarray(universal)


def test_tables_are_equal_where_problem_grid_entries_and_claims_are():
    table = polyest.load(5)
    again = polyest.loads(polyest.dumps(table))
    assert again == table
    assert hash(again) == hash(table)
    assert pickle.loads(pickle.dumps(table)) == table
    others = [
        polyest.load(6),
        polyest.load(5, noise=4),
        polyest.load(5, criterion="minimax"),
        table.rounded("float32"),
        replace(table, coefficients=table.coefficients * 2),
        replace(table, claims=None),
    ]
    assert not [other for other in others if other == table]
    assert table != table.coefficients.tolist()
    assert closed_forms.harmonic(4) == closed_forms.harmonic(4)
    assert polyest.load(5000) == polyest.load(5000) != polyest.load(5001)
    assert hash(polyest.load(5000)) == hash(polyest.load(5000))
    assert polyest.load(5000) != table
