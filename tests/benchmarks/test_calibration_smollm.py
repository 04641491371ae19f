"""benchmarks/calibration_smollm.py: rewards as the library's, small runs, going on, what is chosen."""

import arms
import calibration_smollm
import numpy as np
import pytest
import smollm
import torch
from adapters import MASKED
from asking import Asking, Setting
from calibration_smollm import CARRIED, CORE, GRIDS, TUNING, Experiment, keys
from closed_prompts import FAMILIES, Asked
from runs import NotRun
from test_smollm import ONE, TREE, base_of
from test_smollm import model as model

from polyest import rewards
from polyest.history.history import History
from polyest.problem.bernstein import pmf

ANSWERS = np.array([[0, 0, 1, 2, 0, 1, 0, 0], [2, 2, 2, 2, 2, 2, 2, 1]])
SMALL = Setting(FAMILIES, 4, 8, group=8, upper=2, steps=3)


@pytest.fixture
def asking(model):
    """Two prompts of the small model, one trained and one held out, instead of those of SmolLM2."""
    prompts = [ONE, TREE]
    base = base_of(model, prompts)
    target = torch.full_like(base, MASKED)
    for row, prompt in zip(target, prompts, strict=True):
        row[: len(prompt.answers)] = -torch.tensor(float(len(prompt.answers))).log()
    asked = [Asked("", "", "", tuple(map(str, prompt.answers))) for prompt in prompts]
    return Asking(smollm.read(model, prompts, 2), base, target, asked, 1, 0.01)


@pytest.fixture
def experiment(model, asking, monkeypatch, tmp_path):
    monkeypatch.setattr(calibration_smollm, "SETTINGS", dict.fromkeys(("core", "G = 8"), SMALL))
    monkeypatch.setattr(calibration_smollm, "RATES", (0.003, 0.01))
    made = Experiment(tmp_path, "cpu", tmp_path / "runs.csv")
    made.model = model
    made._posed = dict.fromkeys(("core", "G = 8"), asking)
    return made


def shaped(rows):
    """Answers (1, prompts, 1, G) of one member, as the loop gives them."""
    return torch.from_numpy(rows)[None, :, None]


def estimated(arm, rows=ANSWERS, logs=None):
    logs = torch.zeros(1, len(rows), 3) if logs is None else logs
    known = calibration_smollm.estimates(arm)(shaped(rows), logs, torch.arange(len(rows)), 0)
    return known[0, :, 0].numpy()


def test_estimates_are_the_rewards_of_the_library():
    for arm, options in {
        "log": {"table": "log_count"},
        "schuermann": {"table": "schuermann"},
        "noise 2": {"noise": 2},
        "noise 4": {"noise": 4},
        "noise 8": {"noise": 8},
        "noise 16": {"noise": 16},
    }.items():
        wanted = rewards.log_probability(ANSWERS, **options)
        apart = estimated(arm) - wanted  # a constant, which no advantage sees; not where all agree
        np.testing.assert_allclose(apart, apart[0, 0], atol=1e-12, err_msg=arm)
    for shape in ("monotone", "concave"):
        table = arms.TABLES[shape](6)
        assert (np.diff(table) >= 0).all()
        np.testing.assert_allclose(estimated(shape), table[np.minimum(times(ANSWERS) - 1, 6)])
    np.testing.assert_allclose(estimated("gini")[0], (times(ANSWERS)[0] - 1) / 6)
    gini = rewards.diversity(ANSWERS[:1], measure="gini")
    np.testing.assert_allclose(1 - estimated("gini", ANSWERS[:1]), gini)
    smoothed = np.log((times(ANSWERS[:1]) - 0.9) / 6.1)
    np.testing.assert_allclose(estimated("pseudo-count", ANSWERS[:1]), smoothed)


def times(rows):
    return (rows[:, :, None] == rows[:, None]).sum(2)


def test_a_history_counts_one_earlier_visit():
    arm = calibration_smollm.estimates("noise 4, visit")
    past = History(stable_ids=True)
    for rows in (ANSWERS, ANSWERS[:, ::-1] // 2, (ANSWERS + 1) % 3):
        rows = np.ascontiguousarray(rows)
        wanted = rewards.log_probability(rows, noise=4, history=past, prompts=[0, 1])
        past.record(rows, prompts=[0, 1])
        given = arm(shaped(rows), torch.zeros(1, 2, 3), torch.arange(2), 0)[0, :, 0]
        np.testing.assert_allclose(given, wanted)


def test_exact_means_and_the_true_log():
    nu = torch.tensor([[[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]], dtype=torch.float64)
    at = nu[0].numpy()[[[0], [1]], ANSWERS]
    np.testing.assert_allclose(estimated("true log", logs=nu.log()), np.log(at))
    table = arms.TABLES["noise 8"](6)
    mean = (pmf(6, at.ravel()) @ table).reshape(at.shape)
    np.testing.assert_allclose(estimated("mean of noise 8", logs=nu.log()), mean)


def test_multipliers_multiply_the_estimate_only(asking):
    target = asking.target
    paid = calibration_smollm.rewards("log", (1.0, 3.0), target)
    answers = torch.tensor([[0, 1, 1, 1, 2, 2, 0, 0], [0, 1, 2, 3, 4, 4, 4, 4]])[None, :, None]
    both = paid(answers.expand(2, 2, 1, 8), target.expand(2, 2, 5), torch.arange(2), 0)
    wanted = target[:, 0].double()[:, None, None]
    known = torch.from_numpy(estimated("log", answers[0, :, 0].numpy()))[:, None]
    for reward, m in zip(both, (1, 3), strict=True):
        torch.testing.assert_close(reward, wanted - m * known)


def test_a_run_repeats_and_is_measured_by_enumeration(model, asking):
    wanted = keys("core", "tune", "noise 8", False, 0.01, (1.0, 2.0))
    rows, logs = calibration_smollm.run(model, asking, SMALL, wanted)
    again, _ = calibration_smollm.run(model, asking, SMALL, wanted)
    assert [{**row, "seconds": 0} for row in rows] == [{**row, "seconds": 0} for row in again]
    assert [
        {name: row[name] for name in key} for row, key in zip(rows, wanted, strict=True)
    ] == wanted
    nu, base = logs[0].double().exp().numpy(), asking.base.double().exp().numpy()
    Q = asking.target.double().exp().numpy()
    kl = [(p[:n] * np.log(p[:n] / q[:n])).sum() for p, q, n in zip(nu, Q, (3, 5), strict=True)]
    away = [(p[:n] * np.log(p[:n] / q[:n])).sum() for p, q, n in zip(nu, base, (3, 5), strict=True)]
    assert rows[0]["kl"] == pytest.approx(kl[0], abs=1e-5)
    assert rows[0]["J"] == pytest.approx(kl[0] + 0.01 * away[0], abs=1e-5)
    assert rows[0]["held_kl"] == pytest.approx(kl[1], abs=1e-5)
    assert rows[0]["tv"] == pytest.approx(np.abs(nu[0] - Q[0]).sum() / 2, abs=1e-5)


def test_starved_answers_are_counted(asking):
    logs = asking.target.clone()
    logs[0, 0] -= 3  # below a tenth of Q
    row = calibration_smollm.measured(asking, logs[None])[0]
    assert row["starved"] == pytest.approx(1 / 3)
    assert row["kept"] == pytest.approx(2 / 3)


def measured(rows):
    """Rows without their origin, which only the file has."""
    return [{k: v for k, v in row.items() if k not in ("machine", "versions")} for row in rows]


def test_it_goes_on_where_it_was(experiment, capsys):
    file = experiment.runs.file
    first = experiment.reported("core", "log", False)
    later = Experiment(None, "cpu", file)  # which has no model
    assert measured(later.reported("core", "log", False)) == measured(first)
    with pytest.raises(NotRun, match=r"runs are not in .*runs\.csv"):
        later.reported("core", "log", True)
    experiment.reported("core", "log", True)
    lines = calibration_smollm.summary(Experiment(None, "cpu", file), ["core"])
    assert {(line["arm"], line["divided"]) for line in lines} == {("log", 0), ("log", 1)}
    assert "core, noise 8, divided 0: not run" in capsys.readouterr().err


def test_a_table_of_runs_that_were_just_measured_has_the_digits_of_the_file(
    experiment, monkeypatch
):
    parts = [("core", "log", False), ("G = 8", "log", False), ("core", "gini", True)]
    monkeypatch.setattr(calibration_smollm, "plan", lambda names: parts)
    lines = calibration_smollm.summary(experiment, ["core", "G = 8"])
    assert {(line["setting"], line["arm"], line["carried"]) for line in lines} == {
        ("core", "log", 0), ("G = 8", "log", 1), ("core", "gini", 0),
    }  # fmt: skip
    again = Experiment(None, "cpu", experiment.runs.file)
    assert calibration_smollm.summary(again, ["core", "G = 8"]) == lines


def test_multipliers_are_the_best_of_the_tuning_seeds(experiment):
    choice = experiment.tuned("core", "gini", False)
    losses = {}
    for row in experiment.runs.rows.values():
        if row["phase"] == "tune":
            losses.setdefault(float(row["multiplier"]), []).append(float(row["J"]))
    assert set(losses) > set(GRIDS["gini"]) or not choice.edge
    assert all(len(some) == len(TUNING) for some in losses.values())
    assert choice.values["multiplier"] == min(losses, key=lambda m: np.mean(losses[m]))


def test_the_plan_has_every_arm_both_ways():
    done = [*calibration_smollm.plan(["core", "G = 8", "two tokens"])]
    every = {*GRIDS, *arms.SPLIT}
    assert {one for one in done if one[0] == "core"} == {
        ("core", arm, divided) for arm in every for divided in (False, True)
    }
    assert {arm for name, arm, _ in done if name == "two tokens"} == set(CARRIED)
    peers = {*CARRIED, *calibration_smollm.MORE["G = 8"]}
    assert {arm for name, arm, _ in done if name == "G = 8"} == peers
    assert CORE.group * CORE.groups == 16
