"""benchmarks/coverage_smollm.py: rewards by hand, a small run measured by enumeration, its table."""

from dataclasses import replace

import coverage_smollm
import numpy as np
import pytest
import smollm
import torch
from adapters import MASKED
from asking import Asking
from closed_prompts import TOPICS, Asked
from coverage_smollm import ARMS, COLUMNS, DRAWS, LAMBDAS, MEASURES, SETTING, keys
from runs import Runs
from test_smollm import ONE, TREE, base_of
from test_smollm import model as model

TOPIC = "long"
ANSWERS = ("January", "February", "March")  # of which the second has no 31 days


@pytest.fixture
def asking(model):
    prompts = [ONE, replace(TREE, answers=TREE.answers[:3])]
    base = base_of(model, prompts)
    target = torch.full_like(base, MASKED)
    return Asking(
        smollm.read(model, prompts, 2), base, target, [Asked(TOPIC, "", "", ANSWERS)] * 2, 1, 0.02
    )


def test_wrong_answers_earn_0_and_right_ones_by_their_number(asking):
    correct = coverage_smollm.right(asking)
    assert correct.tolist() == [[1, 0, 1]] * 2
    answers = torch.tensor([[0, 1, 1, 2, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1]])[None, :, None]
    paid = coverage_smollm.rewards("log", (0.0, 0.5), correct)(
        answers.expand(2, 2, 1, 8), asking.base.expand(2, 2, 3), torch.arange(2), 0
    )
    assert paid[0, :, 0].tolist() == [[1, 0, 0, 1, 1, 1, 1, 1], [0] * 8]
    share = np.log(5 / 8), np.log(1 / 8)
    wanted = [1 - 0.5 * share[0], 0, 0, 1 - 0.5 * share[1], *[1 - 0.5 * share[0]] * 4]
    assert paid[1, 0, 0].tolist() == pytest.approx(wanted)


def test_a_run_is_measured_by_enumeration(model, asking):
    setting = replace(SETTING, steps=3, group=8)
    wanted = [{**key, "seed": seed} for key in keys("noise 8", False)[:2] for seed in (0, 1)]
    rows = coverage_smollm.run(model, asking, setting, wanted)
    again = coverage_smollm.run(model, asking, setting, wanted)
    assert [{**row, "seconds": 0} for row in rows] == [{**row, "seconds": 0} for row in again]
    assert [row["seed"] for row in rows] == [0, 1] * 2
    (still,) = coverage_smollm.measured(asking, asking.base[None], coverage_smollm.right(asking))
    nu = asking.base.double().exp().numpy()
    assert still["pass@1"] == pytest.approx(nu[0, 0] + nu[0, 2], abs=1e-6)
    wanted = sum(1 - (1 - p) ** DRAWS for p in (nu[0, 0], nu[0, 2]))
    assert still["coverage"] == pytest.approx(wanted, abs=1e-5)
    assert still["kl"] == pytest.approx(0, abs=1e-6)
    assert still["held pass@1"] == pytest.approx(nu[1, 0] + nu[1, 2], abs=1e-6)


def test_arms_are_compared_at_the_kl_of_the_log_that_covers_most():
    """The log covers most at the third lambda; KL grows with lambda, for noise 8 half as fast."""

    def measure(some):
        rows = []
        for key in some:
            at = LAMBDAS.index(key["multiplier"])
            covers = -abs(at - 2) + 5 if key["arm"] == "log" else at
            kl = at / 2 if key["arm"] == "noise 8" else at
            rows.append({**key, **dict.fromkeys(MEASURES, 0.0), "coverage": covers, "kl": kl})
        return rows

    lines = coverage_smollm.summary(Runs(None, COLUMNS, measure, ()))
    assert len(lines) == 2 * len(ARMS) * len(LAMBDAS)
    best = {(row["arm"], row["divided"]): row["lambda"] for row in lines if row["best"]}
    assert best["log", 0] == best["log", 1] == best["schuermann", 0] == LAMBDAS[2]
    assert best["noise 8", 0] == LAMBDAS[4]
    assert len(best) == 2 * len(ARMS)


def test_an_arm_that_was_not_run_whole_is_left_out(tmp_path, capsys):
    file = tmp_path / "runs.csv"
    numbers = dict.fromkeys(MEASURES, 0.5)
    whole = Runs(file, COLUMNS, lambda some: [key | numbers for key in some], ("numpy",))
    whole.finished([*keys("log", False), *keys("noise 8", False)[1:], *keys("monotone", True)])
    lines = coverage_smollm.summary(Runs(file, COLUMNS, None, ("numpy",)))
    assert {(line["arm"], line["divided"]) for line in lines} == {("log", 0)}
    assert "noise 8, divided 0: 1 runs are not in" in capsys.readouterr().err


def test_topics_are_split_into_prompts_with_right_answers():
    trained, held = coverage_smollm.closed_prompts.split(
        SETTING.families, SETTING.each, SETTING.held
    )
    assert (len(trained), len(held)) == (16, 8)
    numbers = [sum(coverage_smollm.closed_prompts.right(one)) for one in (*trained, *held)]
    assert (min(numbers), max(numbers)) == (7, 21)
    assert {one.family for one in held} == {*TOPICS}
