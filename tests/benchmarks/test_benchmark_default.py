"""benchmarks/default.py: the criterion picks what it says, and the files and the code follow it."""

from math import exp

import default
import noise
import origin
import pytest

from polyest import recommendation
from polyest.problem.problem import DEFAULT_NOISE
from polyest.recommendation import AVERAGED, recommend


@pytest.fixture(scope="module")
def losses():
    return default.measured()


def cells(*columns):
    """Losses of the candidates in cells."""
    names = default.CANDIDATES
    return {
        ("game", "gradient", 0, 4, place, 1): dict(zip(names, column, strict=True))
        for place, column in enumerate(columns)
    }


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        # The least geometric mean.
        ([(1.0, 1.1, 1.5, 1.5)] * 4, "noise 4"),
        # Its worst cell is beyond 2.
        ([(1.0, 1.3, 1.5, 1.5)] * 9 + [(2.1, 1.0, 1.5, 1.5)], "noise 8"),
        # Within error of it, and monotone.
        ([(1.0, 9.0, 1.3, 9.0), (1.3, 9.0, 1.0, 9.0), (1.0, 9.0, 1.1, 9.0)], "monotone"),
        # The same, but its worst cell is beyond 2.
        ([(1.0, 9.0, 2.1, 9.0), (1.9, 9.0, 1.0, 9.0), (1.0, 9.0, 1.1, 9.0)], "noise 4"),
        # None has a worst cell below 2.
        ([(1.0, 9.0, 3.0, 9.0), (2.2, 9.0, 1.0, 9.0)], "noise 4"),
    ],
)
def test_the_criterion(columns, chosen):
    assert default.chosen(default.ratios(cells(*columns), default.CANDIDATES)) == chosen


def test_a_ratio_is_to_the_best_candidate_of_the_cell():
    of = default.ratios(cells((2.0, 1.0, 4.0, 3.0), (1.0, 1.0, 1.0, 8.0)), default.CANDIDATES)
    assert [*of["noise 4"].values()] == [2.0, 1.0]
    assert [*of["concave"].values()] == [3.0, 8.0]


def test_the_default_of_the_library_is_that_of_the_criterion(losses):
    of = default.ratios(losses, default.CANDIDATES)
    assert default.chosen(of) == f"noise {DEFAULT_NOISE:g}"
    assert {cell[2] for cell in losses} == {0, 1}
    assert {cell[3] for cell in losses} == {4, 8, 16, 32, 64}


def same(lines, file):
    """Whether rows are those of a file."""
    kept = origin.read(file)
    shown = [{k: str(origin.shown(v)) for k, v in line.items()} for line in lines]
    assert len(kept) == len(shown)
    for row, line in zip(kept, shown, strict=True):
        assert {k: row[k] for k in line} == line


def test_the_files_follow_from_what_was_measured(losses):
    same(default.summary(losses), default.DEFAULT)
    same(default.rule(losses, default.of_models()), default.RULE)


def test_parts_of_the_cells_are_named_once(losses):
    named = default.parts(losses)
    assert len(named["both", "all"]) == len(losses)
    for scaling in default.SCALINGS:
        halves = [len(named[scaling, part]) for part in ("few prompts", "many prompts")]
        assert sum(halves) == len(named[scaling, "all"])
    assert sum(len(named[scaling, "all"]) for scaling in default.SCALINGS) == len(losses)


def test_the_rule_of_the_library_is_the_one_that_was_fitted():
    for row in origin.read(default.RULE):
        how = row["training"] == "one prompt", row["divided"] == "1"
        assert AVERAGED[how] == (float(row["a"]), float(row["b"]))


def test_the_library_says_what_the_rule_is_worth():
    words = " ".join(recommendation.__doc__.split())
    ratios = {
        (row["training"], row["divided"], row["cells"]): f"{float(row['ratio']):.2f}"
        for row in origin.read(default.RULE)
    }
    worst = {
        (row["training"], row["divided"], row["cells"]): f"{float(row['worst']):.2f}"
        for row in origin.read(default.RULE)
    }
    for training, divided, head, other in (
        ("prompts", "0", "prompts differ", "language models"),
        ("prompts", "1", "the same, divided", "language models"),
        ("one prompt", "0", "one prompt", "games"),
        ("one prompt", "1", "the same, divided", "games"),
    ):
        tested, more = (training, divided, "tested on"), (training, divided, other)
        loss = " the loss of the best candidate" if training == "prompts" and divided == "0" else ""
        said = f"{head} {ratios[tested]} times{loss}, at worst {worst[tested]}; of {other} "
        assert f"{said}{ratios[more]}, {worst[more]}" in words


@pytest.mark.parametrize("divided", [0, 1])
@pytest.mark.parametrize("game", ["answers", "diversity", "network"])
def test_the_library_recommends_what_the_rule_picks(losses, divided, game):
    errors = noise.mean_errors(origin.read(noise.ERRORS))
    one_prompt = game != "network"
    a, b = AVERAGED[one_prompt, bool(divided)]
    some = [c for c in losses if (c[0], c[2]) == (game, divided) and c[3] in (8, 64)]
    assert some
    for cell in some:
        _, _, _, group, prompts, steps = cell
        advice = recommend(
            group, prompts, steps=steps, standardised=bool(divided), one_prompt=one_prompt
        )
        assert advice.chosen.name == default.ruled(errors, cell, a * steps**b)


def test_the_rule_is_no_worse_than_the_default_where_it_was_not_made():
    for row in origin.read(default.RULE):
        if row["cells"] == "tested on":
            assert float(row["ratio"]) < float(row["default_ratio"])


def test_half_of_the_cells_make_the_rule_and_the_others_test_it(losses):
    for game in ("answers", "network"):
        own = [cell for cell in losses if cell[0] == game]
        made = [cell for cell in own if default._black(cell)]
        assert 0.4 < len(made) / len(own) < 0.6
    for row in origin.read(default.RULE):
        assert 1 <= float(row["ratio"]) <= float(row["worst"])
    assert default.geometric([2.0, 8.0]) == pytest.approx(exp(1.386294361))
