"""What verl's own code makes of the scores: its filter of groups, and its failing reward manager.

Skipped where verl is not installed.
"""

import asyncio
import sys
import warnings
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from verl_imports import DataProto, OmegaConf, RateLimitedRewardManager, core_algos, verl

from polyest import errors
from polyest.integrations.verl import compute_score

NEWEST = tuple(map(int, verl.__version__.split(".")[:3])) >= (0, 9, 1)
# 0.9.0 reads the score where 0.9.1, by default, reads the reward
METRICS = ("score", "reward") if NEWEST else ("score",)
# texts of a group, its label, and whether there is an advantage in it
GROUPS = {
    "no label": (["7", "7", "3", "5"], None, True),
    "all wrong": (["7", "7", "3", "5"], "1", True),
    "some right": (["7", "7", "3", "5"], "7", True),
    "one class, right": (["7"] * 4, "7", False),
    "one class, wrong": (["7"] * 4, "1", False),
    "one class, no label": (["7"] * 4, None, False),
    "no answer": (["?"] * 4, "7", False),
    "equal counts": (["7", "7", "3", "3"], "7", False),
    "equal counts, no label": (["1", "2", "3", "4"], None, False),
    "one class beside no answer": (["7", "7", "7", "?"], "1", False),
}
EQUAL_COUNTS = {"equal counts", "equal counts, no label", "one class beside no answer"}


def evicted(monkeypatch, metric):
    """The groups that verl's ReplayBuffer evicts, run on the scores of compute_score.

    Its module is loaded by itself, beside a stand-in of transfer_queue, which the extra does not install
    and which here only hands over what is stored.
    """
    queue = ModuleType("transfer_queue")
    queue.KVBatchMeta = object
    monkeypatch.setitem(sys.modules, "transfer_queue", queue)
    path = Path(verl.__file__).parent / "trainer" / "ppo" / "v1" / "replay_buffer.py"
    spec = spec_from_file_location("replay_buffer", path)
    module = module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spec.loader.exec_module(module)
    rows = {}
    for i, (texts, label, _) in enumerate(GROUPS.values()):
        for j, text in enumerate(texts):
            result = compute_score("", text, label)
            scores = torch.tensor([0.0, 0.0, result["score"]])
            rows[f"{i}_{j}_0"] = {
                "rm_scores": scores,
                "extra_fields": {"reward_extra_info": result},
            }
    queue.kv_batch_get = lambda keys, partition_id, select_fields: {
        name: [rows[key][name] for key in keys] for name in select_fields
    }
    buffer = module.ReplayBuffer(
        trainer_mode="sync",
        trainer_config=OmegaConf.create({}),
        max_off_policy_threshold=1,
        max_off_policy_strategy="drop",
        sampler_kwargs=OmegaConf.create({}),
        refill_fn=lambda *_: None,
        filter_groups_metric=metric,
        train_batch_size=1,
    )
    buffer.partitions["train"] = {key: {} for key in rows}
    buffer.finished_keys["train"] = {str(i) for i in range(len(GROUPS))}
    uids, _ = buffer._dapo_filtered_keys("train")
    return {name for i, name in enumerate(GROUPS) if str(i) in uids}


def advantages(texts, label):
    scores = torch.tensor([[0.0, compute_score("", text, label)["score"]] for text in texts])
    estimate = core_algos.get_adv_estimator_fn("polyest_log_probability")
    index = np.array(["a"] * len(texts), object)
    advantage, _ = estimate(
        token_level_rewards=scores,
        response_mask=torch.ones_like(scores),
        config={"polyest": {"unanswered": "exclude"}},
        index=index,
    )
    return advantage[:, 0]


@pytest.mark.parametrize("metric", METRICS)
def test_verls_filter_by_reward_evicts_groups_of_one_class_and_no_group_that_has_a_signal(
    monkeypatch, metric
):
    gone = evicted(monkeypatch, metric)
    signal = {name for name, (texts, label, _) in GROUPS.items() if advantages(texts, label).any()}
    assert signal == {name for name, (*_, has) in GROUPS.items() if has}
    assert gone == {name for name, (texts, *_) in GROUPS.items() if len(set(texts)) == 1}
    assert not gone & signal
    assert set(GROUPS) - gone - signal == EQUAL_COUNTS  # kept for nothing


def test_verls_filter_by_acc_evicts_every_group_without_a_label_and_every_one_all_wrong(
    monkeypatch,
):
    gone = evicted(monkeypatch, "acc")
    assert gone >= {"no label", "all wrong"}
    assert gone == set(GROUPS) - {"some right", "equal counts"}


def test_the_page_says_which_groups_verls_filter_evicts():
    page = (Path(__file__).resolve().parents[2] / "docs" / "verl.md").read_text()
    assert "`algorithm.filter_groups.metric=reward`" in page
    assert "filter_groups.metric=acc`" not in page


def test_verls_validation_reports_accuracy_and_what_the_scorer_says():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from verl.trainer.ppo.metric_utils import process_validation_metrics

    path = "verl.utils.reward_score.default_compute_score"
    texts, labels = ["#### 7", "#### 8", "#### 9", "none"], ["7", "7", "9", "9"]
    results = [
        compute_score("openai/gsm8k", text, label, {}, scorer=path)
        for text, label in zip(texts, labels, strict=True)
    ]
    assert [one["acc"] for one in results] == [1.0, 0.0, 1.0, 0.0]
    columns = {name: [one[name] for one in results] for name in results[0]}
    report = process_validation_metrics(["x"] * 4, ["a", "b", "c", "d"], columns)
    assert report["x"]["acc"]["mean@1"] == 0.5
    assert 0 < report["x"]["score"]["mean@1"] < 0.5


TEXTS = ["7", "so 7", "3", "time-out", "error", "time-out", "error", "error"]


def test_what_verls_manager_scores_a_failure_with_is_refused_or_no_answer():
    """They were a class of their own, with the best advantage of the group."""

    def failing(solution_str, **rest):
        if solution_str in ("time-out", "error"):
            raise TimeoutError if solution_str == "time-out" else RuntimeError("no judge")
        return compute_score(solution_str=solution_str, **rest)

    async def scored():
        manager = RateLimitedRewardManager(
            config=OmegaConf.create({"reward": {}}),
            tokenizer=SimpleNamespace(decode=lambda ids, **_: TEXTS[int(ids[0])]),
            compute_score=failing,
        )
        return [await manager.run_single(row(i)) for i in range(len(TEXTS))]

    def row(i):
        return DataProto.from_dict(
            tensors={"responses": torch.tensor([[i]]), "attention_mask": torch.ones(1, 2).long()},
            non_tensors={
                "data_source": np.array(["x"], object),
                "reward_model": np.array([{"ground_truth": "7"}], object),
                "extra_info": np.array([{}], object),
            },
        )

    paid = [one["reward_score"] for one in asyncio.run(scored())]
    assert paid[3:] == [0.0] * 5
    scores = torch.tensor(paid)[:, None]
    given = {
        "token_level_rewards": scores,
        "response_mask": torch.ones_like(scores),
        "index": np.array(["a"] * 8, object),
    }
    estimate = core_algos.get_adv_estimator_fn("polyest_log_probability")
    with pytest.raises(errors.BrokenBatch, match="5 of 8 scores are 0 or 1"):
        estimate(**given, config=None)
    config = {"polyest": {"failed": "no-answer", "unanswered": "exclude"}}
    advantage = estimate(**given, config=config)[0][:, 0]
    assert torch.equal(advantage, advantages(["7", "so 7", "3", *["?"] * 5], "7"))
    assert (advantage[3:] == 0).all()
