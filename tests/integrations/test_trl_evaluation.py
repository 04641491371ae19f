"""What TRL's trainers know and a reward is not told: groups of evaluation, the configuration, end tokens."""

import re
import warnings
from importlib import metadata
from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("trl") is None:
    pytest.skip("TRL is not installed: pip install 'polyest[trl]'", allow_module_level=True)
if metadata.version("trl").startswith("1.15."):
    pytest.skip("TRL 1.15 does not train without triton", allow_module_level=True)

from trl_training import STEPS, Recorded, config, dataset, last_word, trainer

from polyest.errors import (
    AnotherObjective,
    BrokenBatch,
    BrokenOrbit,
    CountOutOfRange,
    InvalidAnswer,
    InvalidReward,
    ScaleLost,
    UnreadableLabel,
)
from polyest.integrations import trl

pytestmark = pytest.mark.filterwarnings("ignore")  # those of other people's modules
KINDS = ("GRPO", "RLOO")
each_kind = pytest.mark.parametrize("kind", KINDS)
EVALUATED = {"eval_strategy": "steps", "eval_steps": 2, "per_device_eval_batch_size": 8}


def plain(n=18):
    """A data set of sums without ids of groups or orbits."""
    return dataset(n).remove_columns(["group_id", "orbit_id"])


# Groups.


@each_kind
@pytest.mark.parametrize("given", [{}, {"num_generations": 8}])
@pytest.mark.parametrize("ids", [True, False])
def test_one_setting_is_right_in_training_and_in_evaluation(tmp_path, kind, given, ids):
    """Evaluation draws half as many, one prompt fills two of its groups."""
    rows = dataset if ids else plain
    data = rows(3).select([0, 1, 1])
    reward = Recorded(trl.log_probability(**given))
    trl.check(config(tmp_path, kind, num_generations_eval=4, **EVALUATED), reward.reward)
    loop = trainer(
        tmp_path, [reward], kind, data=rows(), evaluated=data, num_generations_eval=4, **EVALUATED
    )
    loop.train()
    sizes = [len(call["completions"]) for call in reward.calls]
    assert sizes.count(24) == STEPS
    assert set(sizes) == {24, 8, 4}
    assert sum("eval_reward" in entry for entry in loop.state.log_history) == 3
    for call in reward.calls:
        n = len(call["completions"])
        G = 8 if n == 24 else 4
        alone = trl.log_probability(num_generations=G)
        assert alone(call["prompts"], call["completions"]) == call["paid"]


@each_kind
def test_the_trainer_has_the_last_word_on_its_number(tmp_path, kind):
    loop = trainer(tmp_path, [trl.log_probability(num_generations=4)], kind)
    with pytest.raises(BrokenBatch, match="has num_generations=4, the trainer 8"):
        loop.train()
    hidden = trl.log_probability(num_generations=4)

    def wrapped(prompts, completions, **columns):
        return hidden(prompts, completions, group_id=columns["group_id"])

    trainer(tmp_path, [wrapped], kind, max_steps=1).train()  # nothing to compare it with


# The configuration.


@each_kind
@pytest.mark.parametrize("place", ["check", "callback", "first call", "evaluation"])
def test_a_configuration_is_looked_at_in_every_way(tmp_path, kind, place):
    reward = trl.log_probability()
    changes = {"GRPO": {"loss_type": "grpo"}, "RLOO": {"reward_clip_range": (-0.1, 0.1)}}[kind]
    words = {"GRPO": "loss_type='grpo' divides", "RLOO": r"reward_clip_range=\(-0.1, 0.1\) cuts"}[
        kind
    ]
    callbacks = [trl.Check(reward)] if place == "callback" else []
    rows = {"evaluated": dataset(2), "per_device_eval_batch_size": 8}
    loop = trainer(tmp_path, [reward], kind, callbacks=callbacks, max_steps=2, **rows, **changes)
    if place == "check":
        with pytest.warns(AnotherObjective, match=words):
            trl.check(loop.args, reward)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loop.evaluate() if place == "evaluation" else loop.train()
    messages = [str(w.message) for w in caught if issubclass(w.category, AnotherObjective)]
    # It is said once, by `check` itself or in the run.
    assert len(messages) == (0 if place == "check" else 1)
    assert all(re.match(words, text) for text in messages)


def test_the_lines_of_the_page_are_looked_at_without_a_word(tmp_path):
    reward = trl.log_probability()
    with warnings.catch_warnings():
        warnings.simplefilter("error", AnotherObjective)
        warnings.simplefilter("error", ScaleLost)
        trainer(tmp_path, [reward], callbacks=[trl.Check(reward)], max_steps=1).train()


def test_an_error_of_the_configuration_comes_before_the_first_completion(tmp_path):
    loop = trainer(tmp_path, [trl.log_probability()], num_generations=2)
    loop.add_callback(trl.Check(*loop.reward_funcs))
    loop._generate = None  # is never reached
    with pytest.raises(CountOutOfRange, match="at least 3"):
        loop.train()


@each_kind
def test_a_second_reward_is_seen_on_the_first_call(tmp_path, kind):
    def another(completions, **columns):
        return [0.0] * len(completions)

    functions = [another, trl.log_probability(unanswered="exclude")]
    with pytest.raises(InvalidReward, match="beside another reward"):
        trainer(tmp_path, functions, kind).train()
    trainer(tmp_path, [another, trl.log_probability()], kind, max_steps=1).train()


@pytest.mark.parametrize(("size", "broken"), [(8, "raise"), (48, "raise"), (8, "exclude")])
def test_orbits_that_evaluation_would_cut_are_seen_at_the_start(tmp_path, size, broken):
    reward = Recorded(trl.coherence(orbit_size=3, broken=broken))
    changes = {"evaluated": dataset(6), **EVALUATED, "per_device_eval_batch_size": size}
    loop = trainer(tmp_path, [reward], max_steps=2, **changes)
    if (size, broken) == (8, "raise"):
        with pytest.raises(BrokenOrbit, match=r"evaluation shuffles 6 prompts and takes 1 at once"):
            loop.train()
        assert not loop.state.global_step
    else:
        loop.train()
        assert len(reward.calls) == 2 + 48 // size


# No answer.


@each_kind
def test_no_answer_is_paid_and_the_trainer_says_nothing_of_it(tmp_path, kind, monkeypatch):
    said = []
    name = f"trl.trainer.{kind.lower()}_trainer"
    logger = __import__(name, fromlist=["logger"]).logger
    monkeypatch.setattr(logger, "warning", lambda text, *more, **others: said.append(str(text)))
    reward = Recorded(trl.log_probability(kind=lambda text: None))
    trainer(tmp_path, [reward], kind, max_steps=1).train()
    assert None not in reward.calls[0]["paid"]
    assert not [text for text in said if "returned None" in text]
    silent = trl.log_probability(kind=lambda text: None, unanswered="exclude")
    trainer(tmp_path, [silent], kind, max_steps=1).train()
    assert [text for text in said if "returned None" in text]


@each_kind
def test_what_was_cut_is_no_answer_where_the_trainer_masks_it(tmp_path, kind):
    tokens = []

    class Seen(Recorded):
        def __call__(self, prompts, completions, completion_ids, **columns):
            tokens.append(completion_ids)
            columns["completion_ids"] = completion_ids
            return super().__call__(prompts, completions, **columns)

    for masks, given, cut_is_none in (
        (True, {}, True), (False, {}, False), (True, {"end_token": ()}, False),
        (False, {"end_token": (2, 0)}, True),
    ):  # fmt: skip
        reward = Seen(trl.coherence(orbit_size=1, kind=last_word, unanswered="exclude", **given))
        changes = {"mask_truncated_completions": masks, "max_steps": 3, "max_completion_length": 12}
        trainer(tmp_path, [reward], kind, **changes).train()
        ended = [ids[-1] in (0, 2) for call in tokens for ids in call]
        paid = [r for call in reward.calls for r in call["paid"]]
        read = [last_word(text) for call in reward.calls for text in call["completions"]]
        assert {True, False} == set(ended)
        wanted = [
            None if key is None or (cut_is_none and not end) else True
            for key, end in zip(read, ended, strict=True)
        ]
        assert [None if r is None else True for r in paid] == wanted
        tokens.clear()


# Right answers.


@each_kind
def test_a_row_with_an_unreadable_label_does_not_stop_the_run(tmp_path, kind):
    rows = plain().to_list()
    for i in (0, 1, 2, 7):
        rows[i]["answer"] = "unknown"
    data = type(plain()).from_list(rows)
    reward = Recorded(trl.ground_truth(kind="number"))
    loop = trainer(tmp_path, [reward], kind, data=data)
    with pytest.warns(UnreadableLabel, match="column 'answer' holds 'unknown'") as caught:
        loop.train()
    assert sum(issubclass(w.category, UnreadableLabel) for w in caught) == 1
    bad = [a == "unknown" for call in reward.calls for a in call["answer"]]
    # The first call pays the first three prompts.
    assert {r for call in reward.calls[:1] for r in call["paid"]} == {0.0}
    assert reward.reward.unread == sum(bad) > 24
    logged = [
        entry["ground_truth-kindnumber/unread"]
        for entry in loop.state.log_history
        if "loss" in entry
    ]
    assert np.mean(logged) == pytest.approx(np.mean(bad))


@each_kind
def test_a_data_set_in_which_no_label_can_be_read_is_refused(tmp_path, kind):
    data = plain().map(lambda row: {"answer": "unknown"})
    with pytest.raises(
        InvalidAnswer, match=r"column 'answer' holds 'unknown'.*nor in any other row"
    ):
        trainer(tmp_path, [trl.ground_truth(kind="number")], kind, data=data).train()
