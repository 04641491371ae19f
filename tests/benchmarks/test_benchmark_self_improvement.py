"""benchmarks/self_improvement.py: its rewards by hand, a small run, going on where it was, its files."""

import csv
from dataclasses import replace
from math import log

import numpy as np
import pytest
import self_improvement
import torch
from self_improvement import METHODS, Scale

ANSWERS = torch.tensor([[[4, 4, 6, -1], [4, 6, 6, 6]]])
TRUTH = torch.tensor([6])
nan = float("nan")
SMALL = Scale(width=8, layers=1, pretraining=2, steps=4, questions=1, group=4)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(self_improvement, "KEPT", tmp_path / "writers")
    return tmp_path


def test_rewards_by_hand():
    paid = {name: np.asarray(reward(ANSWERS, TRUTH)) for name, (reward, _) in METHODS.items()}

    def is_row(name, *rows):
        assert paid[name][0] == pytest.approx(np.array(rows), abs=1e-7, nan_ok=True), name

    is_row("mode", [0, 0, 1, nan], [0, 1, 1, 1])
    is_row("own mode", [1, 1, 0, nan], [0, 1, 1, 1])
    is_row("labels", [0, 0, 1, 0], [0, 1, 1, 1])
    is_row("soft, log", [log(3 / 8), log(3 / 8), log(4 / 8), nan], [log(3 / 8)] + 3 * [log(4 / 8)])
    four, six = (log(2 / 4) + log(1 / 4)) / 2, (log(1 / 4) + log(3 / 4)) / 2
    is_row("geometric, log", [four, four, six, nan], [four, six, six, six])
    is_row("pairwise", [3 / 8, 3 / 8, 4 / 8, nan], [3 / 8, 4 / 8, 4 / 8, 4 / 8])
    unseen = torch.tensor([[[4, 4, 4, 4], [6, 6, 6, 6]]])
    reward = METHODS["geometric, log"][0](unseen, TRUTH)
    assert reward[0, 0, 0] == pytest.approx((log(4 / 4) + log(0.5 / 4)) / 2)


def test_every_advantage_is_finite_and_centred():
    answers = torch.randint(-1, 3, (5, 4, 8), generator=torch.Generator().manual_seed(0))
    for name, (reward, centred) in METHODS.items():
        advantage = centred(reward(answers, torch.zeros(5, dtype=torch.int64)))
        assert advantage.shape == answers.shape
        assert torch.isfinite(advantage).all(), name
        sums = advantage.sum((1, 2)) if name in ("mode", "pairwise") else advantage.sum(2)
        assert sums.abs().max() < 1e-9, name


def test_ids_are_of_answers():
    assert self_improvement.identified(["4,9;", "9;", "-9;", "0;", "9", ""]) == [
        18,
        18,
        19,
        0,
        -1,
        -1,
    ]


def test_a_run_trains_what_it_measures_and_repeats(kept):
    row = self_improvement.run("geometric, table", 1e-3, 0, SMALL)
    again = self_improvement.run("geometric, table", 1e-3, 0, SMALL)
    assert {**row, "seconds": 0} == {**again, "seconds": 0}
    assert len(list((kept / "writers").iterdir())) == 1
    scale = replace(SMALL, pretraining=150)
    writer = self_improvement.pretrained(0, scale)
    before = [x.detach().clone() for x in writer.parameters()]
    self_improvement.improved(writer, "pairwise", 1e-2, 0, scale)
    assert any(not torch.equal(a, b) for a, b in zip(before, writer.parameters(), strict=True))


def test_it_goes_on_where_it_was(kept, monkeypatch):
    file = kept / "runs.csv"
    wanted = [("mode", 1e-3, 0), ("labels", 1e-3, 0), ("mode", 1e-4, 1)]
    first = self_improvement.finished(wanted[:1], SMALL, file)
    taken = float(first[0]["seconds"])
    text = file.read_text()
    done = self_improvement.finished(wanted, SMALL, file)
    assert len(done) == 3
    assert [(row["method"], float(row["rate"]), int(row["seed"])) for row in done] == wanted
    assert float(done[0]["seconds"]) == taken
    assert text.splitlines()[1] in file.read_text().splitlines()
    again = self_improvement.finished(wanted, SMALL, file)
    assert [row["after"] for row in again] == [row["after"] for row in done]
    assert len(file.read_text().splitlines()) == 1 + 3
    other = self_improvement.finished(wanted[:1], replace(SMALL, steps=1), file)
    assert [row["scale"] for row in other] == ["8-1-2-1-1-4"]  # no mixture of two experiments


def test_the_rate_is_chosen_on_other_seeds_than_those_reported():
    def row(method, rate, seed, after):
        return {"method": method, "rate": rate, "seed": seed, "before": 0.5, "early": 0.5, "after": after,
                "commonest": 0.1, "collapsed": 0, "seconds": 1.0}  # fmt: skip

    best = self_improvement.RATES[1]
    tuning = [
        row(m, rate, seed, 0.9 if rate == best else 0.6)
        for m in METHODS for rate in self_improvement.RATES for seed in self_improvement.TUNING
    ]  # fmt: skip
    ends = [
        row(m, best, seed, 0.7 + 0.01 * seed) for m in METHODS for seed in self_improvement.SEEDS
    ]
    lines = self_improvement.summary(tuning + ends)
    assert [r["method"] for r in lines] == [*METHODS]
    for r in lines:
        assert r["rate"] == best
        assert r["seeds"] == len(self_improvement.SEEDS)
        assert r["after"] == pytest.approx(0.735)
        assert r["gain_pm"] == pytest.approx(
            2.36462 * np.std(np.arange(8), ddof=1) * 0.01 / 8**0.5, rel=1e-5
        )


def test_the_file_is_what_its_runs_say():
    with self_improvement.RUNS.open() as stream:
        done = list(csv.DictReader(stream))
    with self_improvement.FILE.open() as stream:
        written = list(csv.DictReader(stream))
    for row, line in zip(written, self_improvement.summary(done), strict=True):
        for name, value in line.items():
            if isinstance(value, str):
                assert row[name] == value
            else:
                assert float(row[name]) == pytest.approx(value, rel=1e-4)


def test_what_the_page_says_of_it():
    with self_improvement.FILE.open() as stream:
        by_method = {row["method"]: row for row in csv.DictReader(stream)}
    assert [*by_method] == [*METHODS]
    text = (self_improvement.FILE.parents[2] / "docs" / "experiments.md").read_text()
    text = text.split("## Self-improvement without labels\n")[1].split("\n## ")[0]
    for name, row in by_method.items():
        line = next(x for x in text.splitlines() if x.startswith(f"| {name} |"))
        said = [cell.strip() for cell in line.split("|")[2:6]]
        assert said[0] == f"{float(row['before']):.3f}"
        assert said[1] == f"{float(row['early']):.3f}"
        assert said[2] == f"{float(row['after']):.3f} +- {float(row['after_pm']):.3f}"
        assert said[3] == f"{int(row['collapsed'])} of {row['seeds']}"
