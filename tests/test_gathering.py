"""A group split over two processes is counted whole: equal to one process, to the bit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import processes
import pytest
import torch
from processes import batch, computed

from polyest import gathering
from polyest.errors import CountOutOfRange
from polyest.rewards import Multiplier

SCRIPT = Path(processes.__file__)


def started(folder, size):
    arguments = [str(folder / "store"), str(folder / "out")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    runs = [
        subprocess.Popen(
            [sys.executable, SCRIPT, str(rank), *arguments, *(["3"] if size == 3 else [])],
            env=environment,
            stderr=subprocess.PIPE,
        )
        for rank in range(size)
    ]
    for process in runs:
        _, words = process.communicate(timeout=120)
        assert process.returncode == 0, words.decode()
    return [json.loads((folder / f"out.{rank}").read_text()) for rank in range(size)]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    return started(tmp_path_factory.mktemp("gloo"), 2)


@pytest.mark.parametrize("array", ["asarray", "as_tensor"])
@pytest.mark.parametrize("name", ["log", "coherence", "soft", "pairwise"])
@pytest.mark.parametrize("way", ["split", "empty"])
def test_two_processes_reward_as_one(ran, way, name, array):
    answers, ids, orbits, _ = batch()
    alone = computed(answers, ids, orbits)[name]
    first = np.arange(24) % 6 < 4 if way == "split" else np.zeros(24, bool)
    own = [np.array(part[f"{way} {name} {array}"]) for part in ran]
    assert np.array_equal(own[0], alone[first], equal_nan=True)
    assert np.array_equal(own[1], alone[~first], equal_nan=True)


def test_a_process_without_traces_need_not_know_their_kind(ran):
    for part in ran:
        assert part["wide"] == [[[0, 1], [2, 3], [4, 5]], [False] * 3, "bool"]
        assert part["kinds"] == [[0, 1, 0, 1], "int64"]


def test_reals_arrive_as_they_were_sent(ran):
    costs = batch()[-1].reshape(12, 2)
    for part in ran:
        both, kind, marks = part["reals"]
        assert np.array_equal(both, [*costs[:5].astype(np.float32), *costs])
        assert kind == "float64"
        assert marks == [i % 2 == 0 for i in [*range(5), *range(12)]]


def test_tensors_of_any_kind_arrive_as_their_numbers(ran):
    for part in ran:
        assert part["halves"] == [0.0, 0.5, 1.0] * 2
        assert part["negated"] == [-2.0, 1.0] * 2
        assert part["learned"] == [0.25] * 2
        assert part["bytes"] == [0, 255, 1, 255]


def test_a_group_of_some_processes_gathers_its_own(tmp_path):
    assert started(tmp_path, 3) == ["not among them", [True, True], [True, True]]


def test_few_rows_are_sent_with_their_header_and_more_after_it(ran):
    for part in ran:
        assert part["fits"] == [True, 1]
        assert part["follows"] == [True, 2]


def test_each_process_by_itself_would_have_been_wrong():
    answers, ids, orbits, _ = batch()
    alone = computed(answers, ids, orbits)["log"]
    first = np.arange(24) % 6 < 4
    cut = computed(answers[first], ids[first], orbits[first])["log"]
    assert not np.array_equal(cut, alone[first], equal_nan=True)


def test_the_multiplier_is_the_same_on_every_process(ran):
    price = Multiplier(0.1, rate=1.0)
    price.update(batch()[-1])
    for way in ("split", "empty"):
        assert ran[0][f"{way} price"] == ran[1][f"{way} price"]
        assert ran[0][f"{way} price"] == pytest.approx(float(price.value), abs=1e-15)


def test_an_error_of_one_process_is_raised_by_all(ran):
    for part in ran:
        *differing, uneven, not_finite, nothing = part["errors"]
        for words in differing[:3]:
            assert "types and trailing shapes from every process" in words
        assert "expected arrays of shape (n, ...)" in differing[3]
        assert "from one process: expected one length" in differing[4]
        assert "from one process: expected one length" in uneven
        assert "nan" in not_finite
        assert "no process has costs" in nothing


def test_one_process_with_a_group_sends_nothing_either(tmp_path, monkeypatch):
    distributed = torch.distributed
    store = f"file://{tmp_path / 'store'}"
    distributed.init_process_group("gloo", init_method=store, rank=0, world_size=1)
    try:
        for name in ("all_gather", "all_gather_object", "all_reduce"):
            monkeypatch.setattr(distributed, name, None)
        answers = np.array([1, 2, 3])
        (gathered,), mine = gathering.whole(answers)
        assert gathered is answers
        assert mine == slice(0, 3)
        assert Multiplier(0.0, rate=1.0).update([1.0]) == 1.0
        assert gathering.running()
    finally:
        distributed.destroy_process_group()


def test_one_process_sends_nothing():
    answers, ids = np.array([1, 2, 3]), torch.tensor([0, 0, 1])
    (first, second), mine = gathering.whole(answers, ids)
    assert first is answers
    assert second is ids
    assert mine == slice(0, 3)
    with pytest.raises(CountOutOfRange, match="lengths 3, 4 from one process"):
        gathering.whole(answers, np.zeros(4))
