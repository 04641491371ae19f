"""A history in TRL's trainers: looked at by training only, recorded once a step, and kept in checkpoints."""

import json
import os
import pickle
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

if find_spec("trl") is None:
    pytest.skip("TRL is not installed: pip install 'polyest[trl]'", allow_module_level=True)
if metadata.version("trl").startswith("1.15."):
    pytest.skip("TRL 1.15 does not train without triton", allow_module_level=True)

import trl_history
from trl_history import NOISE, kept_apart, watched
from trl_training import dataset, trainer

from polyest import History
from polyest.errors import InvalidHistory, InvalidReward, StartedAgain
from polyest.integrations import trl

pytestmark = pytest.mark.filterwarnings("ignore", "error::polyest.errors.StartedAgain")
SAVED = {"save_strategy": "steps", "save_steps": 1, "max_steps": 4}


def replayed(calls):
    """What each call should have paid, by a history that is recorded by hand, and that history."""
    past, paid = History(), []
    for step, trains, call in calls:
        reward = trl.log_probability(noise=NOISE, **({"history": past} if trains else {}))
        paid.append(reward(**call))
        if trains:
            answers, prompts = kept_apart(call)
            past.record(answers, prompts=prompts, step=step + 1)
    return paid, past


@pytest.mark.parametrize("kind", ["GRPO", "RLOO"])
def test_a_step_is_paid_by_the_steps_before_it_and_then_recorded(tmp_path, kind):
    watch, past, _ = watched(tmp_path, kind)
    paid, by_hand = replayed(watch.calls)
    assert [call["paid"] for call in watch.paid] == paid
    assert past.state_dict()["arrays"] == by_hand.state_dict()["arrays"]
    assert past.step == len(watch.calls)
    without = trl.log_probability(noise=NOISE)
    assert without(**watch.calls[0][2]) == paid[0]
    assert without(**watch.calls[1][2]) != paid[1]


def test_batches_of_one_step_are_one_visit(tmp_path):
    thrice = dataset(3).select([0, 0, 0])
    watch, past, _ = watched(tmp_path, steps_per_generation=1, max_steps=2, data=thrice)
    assert [step for step, _, _ in watch.calls] == [0, 0, 0, 1, 1, 1]
    assert past.counted([[10**9]], [0])[1] == 24
    assert past.step == 2


def test_evaluation_looks_at_nothing_and_records_nothing(tmp_path):
    changes = {"eval_strategy": "steps", "eval_steps": 1, "per_device_eval_batch_size": 8}
    watch, past, loop = watched(
        tmp_path, max_steps=3, evaluated=dataset(2), eval_on_start=True, **changes
    )
    trains = [trains for _, trains, _ in watch.calls]
    assert trains.count(False) == 8
    assert trains.count(True) == 3
    paid, by_hand = replayed(watch.calls)
    assert [call["paid"] for call in watch.paid] == paid
    assert past.state_dict()["arrays"] == by_hand.state_dict()["arrays"]
    before = past.state_dict()
    loop.evaluate()
    assert past.state_dict() == before


def test_it_goes_on_from_a_checkpoint_as_if_nothing_had_been(tmp_path):
    _, whole, loop = watched(tmp_path, **SAVED)
    folder = tmp_path / "checkpoint-2"
    kept = json.loads((folder / "trainer_state.json").read_text())
    state = kept["stateful_callbacks"]["polyest.history"]["0"]
    assert state["step"] == 2
    watch, resumed, again = watched(tmp_path, resume=str(folder), **SAVED)
    assert len(watch.calls) == 2
    assert resumed.state_dict() == whole.state_dict()
    assert again.state.log_history[-2]["loss"] == loop.state.log_history[-2]["loss"]


def test_a_checkpoint_that_is_cut_short_is_said(tmp_path):
    watched(tmp_path, **{**SAVED, "max_steps": 1})
    path = tmp_path / "checkpoint-1" / "trainer_state.json"
    kept = json.loads(path.read_text())
    arrays = kept["stateful_callbacks"]["polyest.history"]["0"]["arrays"]
    arrays["answers"] = arrays["answers"][: len(arrays["answers"]) // 2]
    path.write_text(json.dumps(kept))
    with pytest.raises(InvalidHistory, match="cut short or changed"):
        watched(tmp_path, resume=str(path.parent), **SAVED)


def test_a_checkpoint_without_history_is_said(tmp_path):
    trainer(tmp_path, [trl.log_probability()], **{**SAVED, "max_steps": 1}).train()
    with pytest.warns(StartedAgain, match="checkpoint of step 1 has no history"):
        watched(tmp_path, resume=str(tmp_path / "checkpoint-1"), **{**SAVED, "max_steps": 2})


def test_a_checkpoint_of_another_reader_is_said(tmp_path):
    watched(tmp_path, **{**SAVED, "max_steps": 1})
    with pytest.raises(InvalidHistory, match="read as 'auto', here 'number'"):
        watched(tmp_path, resume=str(tmp_path / "checkpoint-1"), reader="number", **SAVED)


def test_a_second_run_goes_on_with_the_history_of_the_first(tmp_path):
    past = History()
    watched(tmp_path, past=past, max_steps=2)
    watched(tmp_path, past=past, max_steps=2)
    assert past.step == 4


def test_what_the_callback_does_not_take():
    past = History()
    reward = trl.log_probability(history=past)
    for given in ((), (trl.log_probability(),), (len,)):
        with pytest.raises(InvalidReward, match="made with history="):
            trl.HistoryCallback(*given)
    with pytest.raises(InvalidReward, match="share a history"):
        trl.HistoryCallback(reward, trl.diversity(history=past))
    trl.HistoryCallback(reward, trl.diversity(history=History()))


def test_a_reward_that_is_not_the_trainers_is_said(tmp_path):
    used, other = (trl.log_probability(history=History()) for _ in range(2))
    with pytest.raises(InvalidReward, match="was not called in the first step"):
        trainer(tmp_path, [used], callbacks=[trl.HistoryCallback(other)]).train()


def test_a_reward_that_is_pickled_has_no_listener():
    reward = trl.log_probability(history=History())
    trl.HistoryCallback(reward)
    reward.listener = print
    assert pickle.loads(pickle.dumps(reward)).listener is None


def test_two_processes_have_the_same_history_to_the_bit(tmp_path):
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    script = str(Path(trl_history.__file__))
    done = subprocess.run(
        [*start, script, str(tmp_path)], env=environment, capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    parts = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    assert parts[0]["state"] == parts[1]["state"]
    assert parts[0]["loss"] == parts[1]["loss"]
    calls, earned = [], []
    for (step, trains, first), (_, _, second) in zip(*(p["calls"] for p in parts), strict=True):
        assert set(first["group_id"]) & set(second["group_id"])  # a group is cut
        calls.append((step, trains, {name: first[name] + second[name] for name in first}))
    for first, second in zip(*(p["paid"] for p in parts), strict=True):
        earned.append(first["paid"] + second["paid"])
    paid, by_hand = replayed(calls)
    assert earned == paid
    assert by_hand.state_dict()["arrays"] == parts[0]["state"]["arrays"]
    # another number of processes goes on with the same history
    _, past, _ = watched(tmp_path, resume=str(tmp_path / "checkpoint-5"), max_steps=6)
    assert past.step == 6
    assert np.isfinite(parts[0]["loss"]).all()
