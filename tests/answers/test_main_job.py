"""The main job on sampled answers: text -> answers -> counts -> the table for them -> rewards."""

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

import polyest
from polyest import counts

FILE = Path(__file__).parents[1] / "data" / "sampled_answers.jsonl"
G = 16
WRITTEN = re.compile(r"answer is (-?\d+)\.")


def extract(completion):
    """The last answer that a completion finishes; None where it is cut before the full stop."""
    numbers = WRITTEN.findall(completion)
    return int(numbers[-1]) if numbers else None


def number(answers):
    """Ids by first appearance; the answers themselves will not do, as -1 is one of them."""
    seen = {}
    return [-1 if z is None else seen.setdefault(z, len(seen)) for z in answers]


@pytest.fixture(scope="module")
def sampled():
    return [json.loads(line) for line in FILE.read_text().splitlines()]


@pytest.fixture(scope="module")
def answers(sampled):
    return [[extract(text) for text in entry["completions"]] for entry in sampled]


def test_the_file_has_what_real_groups_have(sampled, answers):
    assert len(sampled) >= 20
    assert len({entry["question"] for entry in sampled}) == len(sampled)
    assert {len(row) for row in answers} == {G}
    tallies = [Counter(z for z in row if z is not None) for row in answers]
    assert sum(max(tally.values()) >= 2 for tally in tallies) >= 8  # repeated answers
    assert sum(min(tally.values()) == 1 for tally in tallies) >= 8  # rare ones
    assert sum(None in row for row in answers) >= 8  # missing ones
    right = sum(
        row.count(int(entry["answer"])) for row, entry in zip(answers, sampled, strict=True)
    )
    assert 0.1 < right / (G * len(sampled)) < 0.9  # a model that errs


@pytest.mark.parametrize(("baseline", "K"), [("group-mean", 14), ("none", 15), ("exact", 15)])
def test_every_answered_trace_gets_a_finite_reward(answers, baseline, K):
    ids = np.array([number(row) for row in answers])
    counted = counts.in_group(ids, baseline=baseline)
    assert counted.draws == counts.draws(G, baseline) == K
    table = polyest.load(counted.draws)
    rewards = np.where(counted.answered, -table[counted.index], np.nan)
    assert (np.isfinite(rewards) == (ids != -1)).all()
    for row, index in zip(answers, counted.index.tolist(), strict=True):
        assert [k for k, z in zip(index, row, strict=True) if z is not None] == [
            min(row.count(z) - 1, K) for z in row if z is not None
        ]
    tensors = counts.in_group(torch.tensor(ids), baseline=baseline)
    assert torch.equal(table[tensors.index], torch.tensor(table[counted.index]))
    flat = counts.in_group(ids.ravel(), groups=np.arange(ids.size) // G, baseline=baseline)
    assert set(flat.draws.tolist()) == {K}
    assert (flat.index == counted.index.ravel()).all()


def test_one_group_by_hand(sampled):
    entry = sampled[12]
    assert entry["question"] == "Calculate 3 + 4 + 5 - 7 + 4."
    texts = entry["completions"]
    assert texts[6] == "3+4=7, 7+8=15, 15-4=9, 9+6=15. The answer is 15."
    assert texts[12] == "3+4=7, 7+6=13, 13-3=10, 10+6=16. The answer is 1"  # cut: no answer, not 1
    group = [extract(text) for text in texts]
    assert group == [10, 9, 10, 11, 9, 10, 15, None, 12, 10, 14, 10, None, 13, 13, 8]

    # 10 is seen five times, 9 and 13 twice, 11, 15, 12, 14, 8 once, and two completions have no answer
    # but were drawn: under a group mean K = 16 - 2, and the index is the count less one.
    ids = number(group)
    assert ids == [0, 1, 0, 2, 1, 0, 3, -1, 4, 0, 5, 0, -1, 6, 6, 7]
    counted = counts.in_group([ids])
    assert counted.draws == 14
    assert counted.index.tolist() == [[4, 1, 4, 0, 1, 4, 0, 0, 0, 4, 0, 4, 0, 1, 1, 0]]
    assert [i for i, answered in enumerate(counted.answered[0]) if not answered] == [7, 12]

    # Diversity: the reward of an answer is -log of its probability, here minus the table's entry.
    table = polyest.load(14)
    seen_once, seen_twice, five_times = -table.coefficients[[0, 1, 4]]
    rewards = np.where(counted.answered, -table[counted.index], np.nan)[0]
    assert rewards[[0, 2, 5, 9, 11]].tolist() == [five_times] * 5
    assert rewards[[1, 4, 13, 14]].tolist() == [seen_twice] * 4
    assert rewards[[3, 6, 8, 10, 15]].tolist() == [seen_once] * 5
    assert np.isnan(rewards[[7, 12]]).all()
