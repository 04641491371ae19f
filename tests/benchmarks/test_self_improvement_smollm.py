"""benchmarks/self_improvement_smollm.py: its questions, small runs, what tunes a rate."""

from dataclasses import replace

import pytest
import self_improvement_smollm
import smollm
import torch
from runs import Runs
from self_improvement_smollm import (
    COLUMNS,
    MEASURES,
    MEMBERS,
    METHODS,
    RATES,
    SEEDS,
    SETTINGS,
    TUNING,
    WORDINGS,
    Asking,
    cell,
    centred,
    measured,
    questions,
)
from smollm import Prompt
from test_smollm import base_of
from test_smollm import model as model


@pytest.fixture
def asking(model, monkeypatch):
    """Three questions of the small model, in four wordings each, with three answers."""
    monkeypatch.setattr(self_improvement_smollm, "UPPER", 2)
    prompts = [Prompt([q, w, 9], [[4], [5], [6, 1]]) for q in range(3) for w in range(MEMBERS)]
    return Asking(smollm.read(model, prompts, 2), base_of(model, prompts), torch.tensor([0, 1, 2]))


def test_questions_are_different_and_their_results_are_answers():
    asked = questions()
    assert len({*asked}) == len(asked) == 81 + 45
    assert {one.result for one in asked} == {*range(19)}
    assert asked == questions()
    one = self_improvement_smollm.Sum(9, "-", 4)
    assert [one.worded(text) for text, _ in WORDINGS][1] == "Calculate 9 minus 4."
    assert [one.worded(text) for _, text in WORDINGS][2] == "9-4="


def keys(method, rate=1e-2, divided=False):
    return [{**cell(method, divided, "tune"), "rate": rate, "seed": seed} for seed in TUNING]


@pytest.mark.parametrize("method", METHODS)
def test_a_run_of_every_method_repeats(model, asking, method):
    settings = replace(SETTINGS, steps=2, group=4)
    wanted = [*keys(method), *keys(method, 1e-3)]
    rows = self_improvement_smollm.run(model, asking, 2, settings, wanted)
    assert [(row["rate"], row["seed"]) for row in rows] == [
        (rate, seed) for rate in (1e-2, 1e-3) for seed in TUNING
    ]
    again = self_improvement_smollm.run(model, asking, 2, settings, keys(method, 1e-3))
    assert [{**row, "seconds": 0} for row in rows[2:]] == [{**row, "seconds": 0} for row in again]
    assert rows[0]["before_greedy"] == measured(asking.base[:8], asking.truth[:2])["greedy"]
    assert rows[0]["before_held_greedy"] == measured(asking.base[8:], asking.truth[2:])["greedy"]


@pytest.mark.parametrize("method", ["mode", "pairwise", "geometric, log"])
def test_a_deviation_is_that_of_the_orbit_for_the_mode_and_for_pairwise_agreement(method):
    given = torch.rand(3, MEMBERS, 16, dtype=torch.float64)
    axes = (1, 2) if method in ("mode", "pairwise") else (2,)
    less = given - given.mean(axes, keepdim=True)
    torch.testing.assert_close(centred(method, False, given), less)
    made = centred(method, True, given)
    wanted = less / given.std(axes, keepdim=True)
    torch.testing.assert_close(made, wanted, atol=1e-3, rtol=1e-3)


def test_labels_teach_what_is_right(model, asking):
    settings = replace(SETTINGS, steps=60)
    rows = self_improvement_smollm.run(model, asking, 2, settings, keys("labels", 0.03))
    # Which questions a step asks for is drawn of those that are trained on.
    assert all(row["right"] > row["before_right"] + 0.3 for row in rows)


def test_greedy_answers_are_counted_by_wording():
    logs = torch.tensor([[0.5, 0.3, 0.2]] * 3 + [[0.1, 0.8, 0.1]] + [[0.2, 0.2, 0.6]] * 4).log()
    row = measured(logs, torch.tensor([0, 1]))
    assert [row[f"greedy_{i}"] for i in range(4)] == [0.5, 0.5, 0.5, 0]
    assert row["greedy"] == 0.375
    assert row["commonest"] == 0.5
    assert row["right"] == pytest.approx((3 * 0.5 + 0.1 + 4 * 0.2) / 8)


def test_the_rate_is_that_of_the_tuning_seeds_and_the_table_has_what_was_run(tmp_path, capsys):
    names = [f"{when}{what}" for what in MEASURES for when in ("before_", "")]
    names += [f"{name}_{i}" for name in ("before_greedy", "greedy") for i in range(MEMBERS)]
    numbers = dict.fromkeys(names, 0.5) | {"before_greedy": 0.25, "commonest": 0.1}

    def measure(some):
        return [
            key | numbers
            | {"greedy": 0.9 if (key["rate"] == RATES[1]) == (key["phase"] == "tune") else 0.1}
            for key in some
        ]  # fmt: skip

    runs = Runs(tmp_path / "runs.csv", COLUMNS, measure, ("numpy",))
    line = self_improvement_smollm.finished(runs, "mode", True)
    assert (line["method"], line["divided"], line["edge"]) == ("mode", 1, 0)
    assert (line["rate"], line["seeds"]) == (RATES[1], len(SEEDS))
    assert line["greedy"] == pytest.approx(0.1)
    assert len(runs.rows) == len(RATES) * len(TUNING) + len(SEEDS)
    kept = Runs(runs.file, COLUMNS, None, ("numpy",))
    assert self_improvement_smollm.summary(kept) == [line]
    assert "pairwise, divided 0: not run" in capsys.readouterr().err
