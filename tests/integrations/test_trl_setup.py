"""What is set before training with TRL: the order of rows, and configurations that would do harm."""

import re
import sys
import warnings
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from polyest import rewards
from polyest.errors import (
    AnotherObjective,
    BrokenBatch,
    BrokenOrbit,
    CountOutOfRange,
    InvalidReward,
    MissingColumn,
    NotInstalled,
    ScaleLost,
    UnsupportedVersion,
)
from polyest.integrations import trl
from polyest.integrations.trl import setup


def test_rows_by_orbit():
    rows = [{"n": n, "orbit_id": str(n % 20)} for n in range(40)]
    order = [row["n"] for row in trl.order_by_orbit(rows, seed=1)]
    assert sorted(order) == list(range(40))
    assert all(b == a + 20 for a, b in zip(order[::2], order[1::2], strict=True))
    assert order[::2] != list(range(20))
    assert trl.order_by_orbit(rows, seed=1) == trl.order_by_orbit(rows, seed=1)
    assert trl.order_by_orbit(rows, seed=1) != trl.order_by_orbit(rows, seed=2)
    with pytest.raises(MissingColumn, match="no column 'o' in the dataset: it has n, orbit_id"):
        trl.order_by_orbit(rows, "o")
    with pytest.raises(BrokenOrbit, match="orbit '19' has 1 prompts, others 2"):
        trl.order_by_orbit(rows[:-1])
    with pytest.raises(BrokenBatch, match="a stream"):
        trl.order_by_orbit(iter(rows))


def configured(**changes):
    usual = {
        "scale_rewards": "none", "num_generations": 8, "num_generations_eval": None, "shuffle_dataset": False,
        "per_device_train_batch_size": 4, "steps_per_generation": 4, "generation_batch_size": 16,
    }  # fmt: skip
    return SimpleNamespace(**{**usual, **changes})


@pytest.fixture
def version(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: "1.16.0")
    return lambda number: monkeypatch.setattr(metadata, "version", lambda name: number)


@pytest.mark.usefixtures("version")
@pytest.mark.parametrize(
    ("switch", "value"),
    [
        ("scale_rewards", "group"), ("scale_rewards", "batch"), ("scale_rewards", True),
        ("normalize_advantages", True), ("multi_objective_aggregation", "normalize_then_sum"),
    ],
)  # fmt: skip
def test_switches_that_undo_the_scale(switch, value):
    with pytest.warns(ScaleLost, match=rf"{switch}={value!r} divides.*set {switch}="):
        trl.check(configured(**{switch: value}))
    trl.check(configured())
    trl.check(configured(scale_rewards=False))


@pytest.mark.usefixtures("version")
@pytest.mark.parametrize(
    ("switch", "value", "words"),
    [
        ("reward_clip_range", (-0.1, 0.1), r"reward_clip_range=\(-0.1, 0.1\) cuts entries of the table"),
        ("loss_type", "grpo", "loss_type='grpo' divides each completion by its own length"),
        ("loss_type", "dapo", "loss_type='dapo' divides by the number of tokens"),
        ("loss_type", "cispo", "loss_type='cispo' is another function of the advantages"),
    ],
)  # fmt: skip
def test_switches_that_change_what_is_climbed(switch, value, words):
    with pytest.warns(AnotherObjective, match=rf"{words}.*set {switch}="):
        trl.check(configured(**{switch: value}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trl.check(configured(reward_clip_range=None, loss_type="dr_grpo"))
        trl.check(configured())  # RLOO has no loss_type


@pytest.mark.usefixtures("version")
def test_check_says_what_the_table_of_the_page_says():
    """Every switch of the table is one that `check` names, or a number that it looks at."""
    page = (Path(__file__).parents[2] / "docs" / "trl.md").read_text()
    table = page[page.index("## Required settings") : page.index("## Common errors")]
    named = set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))
    said = {switch.partition("=")[0] for switch in setup._switches(configured(
        scale_rewards="group", normalize_advantages=True, reward_clip_range=(0, 1), loss_type="dapo",
        multi_objective_aggregation="normalize_then_sum",
    ))}  # fmt: skip
    assert said == set(setup.INSTEAD)
    assert named - said == {"num_generations", "mask_truncated_completions", "beta"}


@pytest.mark.usefixtures("version")
def test_evaluation_may_have_a_number_of_its_own():
    ways = {"num_generations_eval": 4, "eval_strategy": "steps", "per_device_eval_batch_size": 4}
    for given in ({}, {"num_generations": 8}):
        trl.check(configured(**ways), trl.log_probability(**given))
    cut = {**ways, "per_device_eval_batch_size": 6}
    trl.check(configured(**cut), trl.log_probability())
    with pytest.raises(
        BrokenBatch, match=r"6 rows a process \(per_device_eval_batch_size\) with 4"
    ):
        trl.check(configured(**cut), trl.log_probability(gather=False))
    trl.check(configured(**{**cut, "eval_strategy": "no"}), trl.log_probability(gather=False))
    with pytest.raises(BrokenBatch, match="has num_generations=4, the trainer 8"):
        trl.check(configured(**ways), trl.log_probability(num_generations=4))


@pytest.mark.usefixtures("version")
@pytest.mark.parametrize(
    ("changes", "reward", "error", "words"),
    [
        ({"num_generations": 2}, trl.log_probability(), CountOutOfRange, "expected at least 3"),
        ({"num_generations_eval": 1}, trl.log_probability(), CountOutOfRange, "expected at least 3"),
        ({}, trl.log_probability(num_generations=4), BrokenBatch, "has num_generations=4, the trainer 8"),
        ({"steps_per_generation": 3}, trl.log_probability(gather=False), BrokenBatch, "12 rows a process"),
        ({"shuffle_dataset": True}, trl.coherence(orbit_size=2), BrokenOrbit, "a multiple of 16"),
        ({"generation_batch_size": 24}, trl.coherence(orbit_size=2), BrokenOrbit, "generation_batch_size=24"),
    ],
)  # fmt: skip
def test_configurations_that_cut(changes, reward, error, words):
    with pytest.raises(error, match=words):
        trl.check(configured(**changes), reward)
    trl.check(configured(), trl.coherence(orbit_size=2), trl.log_probability(gather=False))
    trl.check(configured(shuffle_dataset=True), trl.coherence(orbit_size=2, broken="exclude"))


@pytest.mark.usefixtures("version")
def test_none_beside_another_reward():
    price = trl.safety(len, rewards.Multiplier(1.0, rate=1.0))
    with pytest.raises(InvalidReward, match='unanswered="lowest"'):
        trl.check(configured(), trl.log_probability(unanswered="exclude"), price)
    trl.check(configured(), trl.log_probability(), price)
    trl.check(configured(), trl.coherence(orbit_size=2), price)
    trl.check(configured(), trl.ground_truth(objective="log"), price)
    trl.check(configured(num_generations=2), trl.pairwise(orbit_size=2))
    trl.check(configured(num_generations=2), trl.ground_truth())
    with pytest.raises(CountOutOfRange, match="at least 3"):
        trl.check(configured(num_generations=2), trl.ground_truth(objective="log"))


def test_versions(version, monkeypatch):
    for number in ("0.26.2", "1.0.0", "1.7.3", "2.0.0"):
        version(number)
        with pytest.raises(UnsupportedVersion, match=rf"TRL {number}: expected 1.8 or later"):
            trl.check(configured())
    for number in ("1.8.0", "1.9.0", "1.16.0", "1.20.0rc1"):
        version(number)
        trl.check(configured())
    version("1.15.0")
    utils = SimpleNamespace(_ChunkedLogProbFunction=None)
    monkeypatch.setitem(sys.modules, "trl", SimpleNamespace(trainer=utils))
    monkeypatch.setitem(sys.modules, "trl.trainer", SimpleNamespace(utils=utils))
    with pytest.raises(UnsupportedVersion, match=r"TRL 1\.15\.0 does not train without triton"):
        trl.check(configured())
    utils._ChunkedLogProbFunction = int
    trl.check(configured())

    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    with pytest.raises(NotInstalled, match=r"pip install 'polyest\[trl\]'"):
        trl.check(configured())
