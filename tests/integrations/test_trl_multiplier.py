"""Lambda in TRL's trainers: moved once a generation batch, by training only, and kept in checkpoints."""

import json
import sys
from importlib import metadata
from importlib.util import find_spec

import pytest

if find_spec("trl") is None:
    pytest.skip("TRL is not installed: pip install 'polyest[trl]'", allow_module_level=True)
if metadata.version("trl").startswith("1.15."):
    pytest.skip("TRL 1.15 does not train without triton", allow_module_level=True)

from trl_training import cost, dataset, trainer

from polyest.errors import InvalidReward, NotInstalled, StartedAgain
from polyest.integrations import trl
from polyest.integrations.trl import callbacks
from polyest.rewards import Multiplier

# Warnings of other people's modules are ignored.
pytestmark = pytest.mark.filterwarnings("ignore", "error::polyest.errors.StartedAgain")


def price():
    return Multiplier(0.5, rate=0.25, start=0.125)


class Watched:
    """A safety reward, and at each call: the step, whether it trains, the costs, and lambda."""

    def __init__(self, reward):
        self.reward, self.__name__, self.calls, self.loop = reward, reward.__name__, [], None

    def __call__(self, prompts, completions, trainer_state, **columns):
        paid = self.reward(prompts, completions, **columns)
        costs = [cost(text) for text in completions]
        at = trainer_state.global_step
        value = float(self.reward.multiplier.value)
        assert paid == [round(-value * c * 2**16) / 2**16 for c in costs]
        self.calls.append((at, self.loop.model.training, costs, value))
        return paid


def watched(folder, kind="GRPO", resume=None, **changes):
    reward = trl.safety(cost, price())
    watch = Watched(reward)
    loop = trainer(folder, [watch], kind, callbacks=[trl.MultiplierCallback(reward)], **changes)
    watch.loop = loop
    loop.train(resume_from_checkpoint=resume)
    return watch, reward.multiplier, loop


def replayed(calls):
    """Lambda as each call should have seen it, and at the end: moved once a step, by training calls."""
    multiplier, moving, seen = price(), [], []
    last = None
    for step, trains, costs, _ in calls:
        if moving and step != last:
            multiplier.update(moving)
            moving = []
        seen.append(float(multiplier.value))
        if trains:
            moving += costs
            last = step
        elif moving:  # evaluation comes after the step, with its number
            multiplier.update(moving)
            moving = []
            seen[-1] = float(multiplier.value)
    if moving:
        multiplier.update(moving)
    return seen, float(multiplier.value)


@pytest.mark.parametrize("kind", ["GRPO", "RLOO"])
def test_lambda_moves_once_for_each_generation_batch(tmp_path, kind):
    changes = {"gradient_accumulation_steps": 1, "steps_per_generation": 3, "num_iterations": 2}
    watch, multiplier, _ = watched(tmp_path, kind, max_steps=8, **changes)
    assert [call[0] for call in watch.calls] == [0, 6]  # each batch serves six steps
    seen, end = replayed(watch.calls)
    assert [call[-1] for call in watch.calls] == seen
    assert float(multiplier.value) == end
    assert len({0.125, *seen, end}) == 3


def test_batches_of_one_step_move_it_together(tmp_path):
    watch, multiplier, _ = watched(tmp_path, steps_per_generation=1, max_steps=2)
    assert [call[0] for call in watch.calls] == [0, 0, 0, 1, 1, 1]
    seen, end = replayed(watch.calls)
    assert [call[-1] for call in watch.calls] == seen
    assert float(multiplier.value) == end


def test_evaluation_does_not_move_it(tmp_path):
    changes = {"eval_strategy": "steps", "eval_steps": 1, "per_device_eval_batch_size": 8}
    watch, multiplier, loop = watched(
        tmp_path, max_steps=3, evaluated=dataset(2), eval_on_start=True, **changes
    )
    assert [call[1] for call in watch.calls].count(False) == 8
    assert [call[1] for call in watch.calls].count(True) == 3
    seen, end = replayed(watch.calls)
    assert [call[-1] for call in watch.calls] == seen
    assert float(multiplier.value) == end
    loop.evaluate()
    loop.model.train()
    watch([""], ["a"], loop.state)  # called by someone else
    assert float(multiplier.value) == end


def test_it_goes_on_from_a_checkpoint_as_if_nothing_had_been(tmp_path):
    changes = {"save_strategy": "steps", "save_steps": 1, "max_steps": 4}
    _, whole, loop = watched(tmp_path, **changes)
    kept = json.loads((tmp_path / "checkpoint-2" / "trainer_state.json").read_text())
    watch, resumed, again = watched(tmp_path, resume=str(tmp_path / "checkpoint-2"), **changes)
    begun = kept["stateful_callbacks"]["polyest"]["safety-cost"]
    assert watch.calls[0][-1] == begun["value"] != 0.125
    assert resumed.state_dict() == whole.state_dict()
    assert again.state.log_history[-2]["loss"] == loop.state.log_history[-2]["loss"]


def test_a_checkpoint_without_lambda_is_said(tmp_path):
    changes = {"save_strategy": "steps", "save_steps": 1, "max_steps": 2}
    trainer(tmp_path, [trl.safety(cost, price())], **changes).train()
    with pytest.warns(
        StartedAgain, match=r"step 1 has no multiplier of this name, and it begins again at 0.125"
    ):
        watched(tmp_path, resume=str(tmp_path / "checkpoint-1"), **changes)


def test_a_callback_needs_safety_rewards_of_different_names():
    reward = trl.safety(cost, price())
    for given in ([], [reward, trl.safety(cost, price())], [trl.log_probability()]):
        with pytest.raises(InvalidReward, match="names that differ"):
            trl.MultiplierCallback(*given)
    trl.MultiplierCallback(reward, trl.safety(cost, price(), name="another"))


def test_a_reward_that_is_never_called_is_said(tmp_path):
    used, other = (trl.safety(cost, price()) for _ in range(2))
    with pytest.raises(InvalidReward, match="was not called in the first step"):
        trainer(tmp_path, [used], callbacks=[trl.MultiplierCallback(other)]).train()


def test_without_transformers_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.delitem(sys.modules, callbacks.__name__)
    reward = trl.safety(cost, price())
    for callback in (trl.MultiplierCallback, trl.Check):
        with pytest.raises(NotInstalled, match=r"needs transformers.*pip install 'polyest\[trl\]'"):
            callback(reward)
    assert not callbacks.MISSING
