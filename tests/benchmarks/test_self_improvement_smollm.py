"""benchmarks/self_improvement_smollm.py: its questions, a small run, what tunes a rate."""

from dataclasses import replace

import pytest
import self_improvement_smollm
import smollm
import torch
from cells import Results
from self_improvement_smollm import (
    MEASURES,
    MEMBERS,
    METHODS,
    RATES,
    SEEDS,
    SETTINGS,
    TUNING,
    WORDINGS,
    Asking,
    best_rate,
    cell,
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


@pytest.mark.parametrize("method", METHODS)
def test_a_run_of_every_method_repeats(model, asking, method):
    settings = replace(SETTINGS, steps=2, group=4)
    wanted = cell(method, 1e-2, "tune")
    rows = self_improvement_smollm.run(model, asking, 2, settings, wanted)
    assert [row["seed"] for row in rows] == [*TUNING]
    again = self_improvement_smollm.run(model, asking, 2, settings, wanted)
    assert [{**row, "seconds": 0} for row in rows] == [{**row, "seconds": 0} for row in again]
    assert rows[0]["before_greedy"] == measured(asking.base[:8], asking.truth[:2])["greedy"]
    assert rows[0]["before_held_greedy"] == measured(asking.base[8:], asking.truth[2:])["greedy"]


def test_labels_teach_what_is_right(model, asking):
    settings = replace(SETTINGS, steps=60)
    rows = self_improvement_smollm.run(model, asking, 2, settings, cell("labels", 0.03, "tune"))
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
    results = Results(tmp_path / "runs.csv", ["numpy"])
    numbers = dict.fromkeys((f"{when}{what}" for what in MEASURES for when in ("before_", "")), 0.5)
    numbers |= {"before_greedy": 0.25, "commonest": 0.1}
    numbers |= {f"{name}_{i}": 0.5 for name in ("before_greedy", "greedy") for i in range(MEMBERS)}
    for rate in RATES:
        for phase in ("tune", "report"):
            good = 0.9 if (rate == RATES[1]) == (phase == "tune") else 0.1
            for method in ("mode", "pairwise"):
                if (method, phase) != ("pairwise", "report"):
                    one = cell(method, rate, phase)
                    results.add([{**place, **numbers, "greedy": good} for place in one.places()])
    assert best_rate(results, "mode") == RATES[1]
    (line,) = self_improvement_smollm.summary(results)
    assert (line["method"], line["rate"], line["seeds"]) == ("mode", RATES[1], len(SEEDS))
    assert line["greedy"] == pytest.approx(0.1)
    assert "pairwise: not run" in capsys.readouterr().err
