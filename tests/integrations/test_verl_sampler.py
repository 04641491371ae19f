"""The sampler of verl, on verl's own replay buffer and a queue in memory: what is kept, logged and paid."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from verl_buffer import MetricsAggregator, Queue, load_extern_type, replay_buffer, verl_sampler
from verl_imports import OmegaConf, core_algos, ray_trainer

from polyest import metrics, rewards, selection
from polyest.errors import InvalidReward
from polyest.integrations.reader import identified
from polyest.integrations.scores import answer_class

pytestmark = pytest.mark.filterwarnings("ignore")  # those of other people's modules
ROOT = Path(__file__).parents[2]
GROUPS = {
    "u1": ["7", "so 7", "3", "?"],
    "u2": ["5"] * 4,  # one class
    "u3": ["1", "1", "2", "2"],  # two classes with equal counts: advantage 0 too
    "u4": ["?"] * 4,
    "u5": ["9", "9", "9", "8"],
}


@pytest.fixture
def queue(monkeypatch):
    made = Queue()
    monkeypatch.setattr(replay_buffer, "tq", made)
    monkeypatch.delitem(core_algos.ADV_ESTIMATOR_REGISTRY, verl_sampler.SAMPLED, raising=False)
    return made


def sampler(
    refill=None, cls=verl_sampler.Sampler, path="pkg://polyest.integrations.verl_sampler", **given
):
    """The sampler as PPOTrainer makes a custom one, which verl loads by its path."""
    assert load_extern_type(path, cls.__name__) is cls
    usual = {"estimator": "polyest_log_probability", "polyest": {"noise": 2, "beta": 0.5}}
    kwargs = {**usual, **given}
    return cls(
        trainer_mode="sync",
        trainer_config=OmegaConf.create({}),
        max_off_policy_threshold=8,
        max_off_policy_strategy="drop",
        sampler_kwargs=OmegaConf.create(kwargs),
        poll_interval=0.0,
        refill_fn=refill or (lambda prompts: None),
    )


def test_metrics_of_the_batch_are_those_of_its_answers(queue):
    for uid, texts in GROUPS.items():
        queue.add(uid, texts, truth="7" if uid == "u1" else None)
    batch, found = sampler().sample(1, "train", 5)
    assert len(batch.keys) == 20
    keys = [
        ["7", "7", "3", None],
        ["5"] * 4,
        ["1", "1", "2", "2"],
        [None] * 4,
        ["9", "9", "9", "8"],
    ]
    ids = identified([key for row in keys for key in row]).reshape(5, 4)
    paid = rewards.log_probability(ids, noise=2, beta=0.5, unanswered="lowest", dyadic=True)
    expected = metrics.of_batch(ids, rewards=paid, noise=2)
    assert {name for name in found if name != "polyest/accuracy"} == {
        f"polyest/{name}" for name in expected
    }
    for name, value in expected.items():
        assert found[f"polyest/{name}"] == pytest.approx(value), name
    assert found["polyest/accuracy"] == 2 / 4  # of the prompt that has a right answer
    assert found["polyest/no_signal"] == 3 / 5


def test_prompts_without_a_label_are_counted_where_one_is_asked_for(queue):
    for uid, texts in GROUPS.items():
        queue.add(uid, texts, truth="7" if uid == "u1" else None)
    _, found = sampler(polyest={"noise": 2, "bonus": 1}).sample(1, "train", 5)
    assert found["polyest/unread"] == 4 / 5
    assert found["polyest/accuracy"] == 2 / 4
    assert found["polyest/no_signal"] == 4 / 5  # their advantages are 0


def test_verl_averages_the_metrics_of_several_batches(queue):
    """None of the names holds a word by which verl would take a sum, a maximum or the last one."""
    for uid, texts in GROUPS.items():
        queue.add(uid, texts, truth="7")
    one = sampler(filter=True, train_batch_size=2)
    _, found = one.sample(1, "train", 2)
    rules = MetricsAggregator()
    names = [name for name in found if name.startswith("polyest/")]
    assert "polyest/kept_share" in names
    assert {rules._get_aggregation_type(name) for name in names} == {"weighted_avg"}


def test_groups_whose_advantages_are_0_are_dropped_and_no_others(queue):
    asked = []

    def refill(prompts):
        asked.append(prompts)
        for _ in range(prompts):
            queue.add(f"v{len(queue.fields['train'])}", ["4", "4", "6", "4"], step=2)

    for uid, texts in GROUPS.items():
        queue.add(uid, texts)
    batch, found = sampler(refill, filter=True, train_batch_size=4).sample(1, "train", 4)
    kept = {key.split("_")[0] for key in batch.keys}
    assert {"u1", "u5"} < kept
    assert not kept & {"u2", "u3", "u4"}
    assert sum(asked) >= 2
    assert found["polyest/no_signal"] == 0
    surplus = found.get("training/filter_groups/discarded_surplus_samples", 0)
    assert found["training/filter_groups/evicted_samples"] == 3
    assert found["polyest/kept_share"] == (4 + surplus) / (4 + surplus + 3)
    assert {*queue.fields["train"]} == {*batch.keys}


def test_verls_own_filter_keeps_a_group_that_has_no_signal(queue):
    for uid, texts in GROUPS.items():
        queue.add(uid, texts)
    metric = "reward" if hasattr(replay_buffer, "FILTER_GROUPS_REWARD_METRIC") else "score"  # 0.9.0
    own = {"filter_groups_metric": metric, "train_batch_size": 5, "gen_batch_size": 1}
    theirs = replay_buffer.ReplayBuffer(
        "sync", OmegaConf.create({}), 8, "drop", OmegaConf.create({}), refill_fn=print, **own
    )
    ours = sampler(filter=True, train_batch_size=5)
    for buffer in (theirs, ours):
        buffer._sync_metadata_from_transfer_queue()
    assert theirs._dapo_filtered_keys("train")[0] == {"u2", "u4"}
    assert ours._dapo_filtered_keys("train")[0] == {"u2", "u3", "u4"}
    assert ours._dapo_filtered_keys("val") == (set(), {})
    # Left out of the mean, a completion without answer has advantage 0.
    queue.add("u6", ["7", "7", "?", "?"])
    excluding = sampler(filter=True, train_batch_size=5, polyest={"unanswered": "exclude"})
    for buffer in (ours, excluding):
        buffer._sync_metadata_from_transfer_queue()
    assert "u6" in excluding._dapo_filtered_keys("train")[0]
    assert "u6" not in ours._dapo_filtered_keys("train")[0]


@pytest.mark.parametrize("name", ["log_probability", "diversity", "coherence"])
def test_a_blind_part_is_paid_as_among_all_of_its_group(queue, name):
    for uid, texts in GROUPS.items():
        queue.add(uid, texts)
    given = {"orbits": "none"} if name == "coherence" else {}
    one = sampler(train=3, estimator=f"polyest_{name}", polyest=given)
    batch, found = one.sample(1, "train", 5)
    uids = [key.split("_")[0] for key in batch.keys]
    assert {uid: uids.count(uid) for uid in GROUPS} == dict.fromkeys(GROUPS, 3)
    assert found["polyest/majority_share"] == pytest.approx((2 + 4 + 2 + 0 + 3) / 20)  # of all four
    assert {*queue.fields["train"]} == {*batch.keys}
    paid = queue.kv_batch_get(batch.keys, "train", ["rm_scores"])["rm_scores"]
    scores = torch.nested.to_padded_tensor(torch.nested.nested_tensor(paid), 0.0)
    data = SimpleNamespace(
        batch={"token_level_rewards": scores, "response_mask": (scores * 0) + 1},
        non_tensor_batch={"uid": np.array(uids, dtype=object)},
    )
    data = ray_trainer.compute_advantage(data, verl_sampler.SAMPLED, config={})
    got = dict(zip(batch.keys, data.batch["advantages"][:, 0].tolist(), strict=True))
    for uid, texts in GROUPS.items():
        whole = torch.tensor([[answer_class(text)] for text in texts])
        all_four, _ = core_algos.get_adv_estimator_fn(f"polyest_{name}")(
            token_level_rewards=whole,
            response_mask=torch.ones(4, 1),
            config={"polyest": given},
            index=np.array([uid] * 4, dtype=object),
        )
        for i in range(4):
            if f"{uid}_{i}_0" in got:
                assert got[f"{uid}_{i}_0"] == pytest.approx(float(all_four[i, 0]), abs=1e-7)
    assert (selection.blind(["u1"] * 4, 3) == [f"u1_{i}_0" in got for i in range(4)]).all()


def test_without_a_blind_part_nothing_passes_scores_on(queue):
    sampler()
    with pytest.raises(ValueError, match="Unknown advantage estimator"):
        core_algos.get_adv_estimator_fn(verl_sampler.SAMPLED)


def test_validation_is_left_as_it_is(queue):
    queue.add("u1", ["7"] * 4, partition="val")
    batch, found = sampler(train=2, filter=True, train_batch_size=1).sample(1, "val", 1)
    assert len(batch.keys) == 4
    assert found == {}


def test_asynchronous_modes_have_a_sampler_of_their_own(queue):
    for uid, texts in GROUPS.items():
        queue.add(uid, texts)
    one = sampler(cls=verl_sampler.AsyncSampler, filter=True, train_batch_size=2)
    assert isinstance(one, replay_buffer.ReplayBufferAsync)
    batch, found = one.sample(1, "train", 2)
    assert {key.split("_")[0] for key in batch.keys} == {"u1", "u5"}
    assert found["polyest/no_signal"] == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"filtr": True}, "unknown sampler_kwargs filtr"),
        ({"estimator": "grpo"}, "estimator is 'grpo': expected the name of one"),
        ({"train": -1}, "train is -1: expected an integer"),
        ({"polyest": {"betta": 1}}, "unknown option betta of log_probability"),
        ({"filter": True}, "train_batch_size is None with filter"),
        ({"train": 2, "polyest": {"orbits": "score"}}, "filter or train over orbits"),
    ],
)
def test_bad_settings_have_a_name(queue, given, said):
    with pytest.raises(InvalidReward, match=said):
        sampler(**given)


def test_hydra_composes_the_lines_of_the_page(queue):
    from hydra import compose, initialize_config_module

    page = (ROOT / "docs" / "verl.md").read_text().split("## Metrics and dynamic sampling")[1]
    first, second = (block.split("```")[0].split("\n")[:-1] for block in page.split("```sh\n")[1:3])
    for lines, train in ((first, 0), ([*first, *second], 16)):
        given = [line.strip("'") for line in lines]
        own = ["algorithm.adv_estimator=polyest_diversity", "+algorithm.polyest.noise=8"]
        own += ["data.train_batch_size=6", "actor_rollout_ref.rollout.n=64"]
        with initialize_config_module("verl.trainer.config", version_base=None):
            config = compose("ppo_trainer", overrides=[*own, *given])
        kwargs = config.trainer.v1.sampler.sampler_kwargs
        settings = verl_sampler.Settings(kwargs)
        assert settings.name == "diversity"
        assert settings.options == {"noise": 8}
        assert settings.train == train
        assert settings.filter is config.algorithm.filter_groups.enable is True
        assert settings.batch["train_batch_size"] == 6
        where = config.trainer.v1.sampler.custom_sampler
        assert sampler(**kwargs, path=where.path, cls=getattr(verl_sampler, where.name))
    assert config.algorithm.adv_estimator == verl_sampler.SAMPLED
