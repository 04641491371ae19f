"""Rewards in trainers of TRL's shape: which groups, what a missing reward would be, what is divided."""

import warnings
from importlib import metadata
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from trl_shaped import (
    TunixConfig,
    UnslothTrainer,
    axolotl_async_advantages,
    swift_advantages,
    swift_instance,
    swift_rewards,
    swift_samples,
    tunix_drgrpo,
    tunix_rewards,
)

from polyest import History, advantages, rewards
from polyest.errors import BrokenBatch, InvalidReward, ScaleLost
from polyest.integrations import trl
from polyest.integrations.reader import Reader
from polyest.integrations.swift import OFFERED, swift

TEXTS = ["7", "so 7", "3", "who knows", "1", "1", "1.0", "2"]
PROMPTS = ["a"] * 4 + ["b"] * 4
ARGS = SimpleNamespace(scale_rewards="none", num_generations=4)
IDS = Reader().ids(TEXTS[:4]).tolist(), Reader().ids(TEXTS[4:]).tolist()


def by_hand(name="log_probability", **keywords):
    paid = getattr(rewards, name)(list(IDS), unanswered="lowest", dyadic=True, **keywords)
    return paid.reshape(-1), advantages.group_mean(paid).reshape(-1)


# ms-swift.


@pytest.mark.parametrize("name", ["log_probability", "diversity"])
@pytest.mark.parametrize("noise", [2, 8])
def test_ms_swift_pays_and_centres(name, noise):
    made, logged = swift_instance({"x": swift(name, noise=noise)}, "x", ARGS)
    paid = swift_rewards(swift_samples(PROMPTS, TEXTS), [made])
    expected, centred = by_hand(name, noise=noise)
    assert paid[:, 0].tolist() == pytest.approx(expected.tolist())
    assert swift_advantages(paid, 4, "none").tolist() == pytest.approx(centred.tolist(), abs=1e-6)
    assert logged.startswith(name)


def test_ms_swift_hands_over_columns_and_what_was_cut():
    right = swift("ground_truth", truth="solution", objective="log")()
    samples = swift_samples(PROMPTS, TEXTS, solution=["7"] * 4 + ["1"] * 4)
    assert swift_rewards(samples, [right])[:, 0].tolist() == [1.5, 1.5, 0, 0, 1, 1, 1, 0]
    samples[1]["is_truncated"] = True
    assert swift_rewards(samples, [right])[:, 0].tolist() == [3, 0, 0, 0, 1, 1, 1, 0]


def test_ms_swift_takes_none_for_the_best_so_it_is_refused():
    silent = trl.log_probability(unanswered="exclude", num_generations=4)(PROMPTS, TEXTS)
    table = torch.tensor([[torch.nan if r is None else r] for r in silent])
    assert swift_advantages(table, 4, "none")[:4].argmax() == 3  # who knows
    for keywords in ({"unanswered": "exclude"}, {"broken": "exclude", "orbit_size": 2}):
        name = "coherence" if "orbit_size" in keywords else "log_probability"
        with pytest.raises(InvalidReward, match="ms-swift adds None as 0"):
            swift(name, **keywords)


def test_a_history_that_nothing_would_record_is_refused():
    with pytest.raises(
        InvalidReward, match="history= is given: ms-swift calls nothing after a step"
    ):
        swift("log_probability", history=History())


def test_ms_swift_is_told_of_its_standard_deviation():
    made = swift("log_probability")
    with pytest.warns(ScaleLost, match="scale_rewards='group' divides"):
        made(args=SimpleNamespace(scale_rewards="group"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made(args=ARGS)


def test_ms_swift_has_every_reward_of_a_text_but_safety():
    agreement = {"coherence", "pairwise", "soft_consistency"}
    of_counts = {"diversity", "log_probability", "of_counts", "pass_at", "polynomial", "tsallis"}
    assert {*OFFERED} == {*of_counts, "of_group", "ground_truth", *agreement}
    assert swift("polynomial", (0, 1))()(TEXTS[:4], prompt_id=["p"] * 4) == [0.5, 0.5, 0.0, 0.0]
    for name in ("safety", "check", "Reward", "logits"):
        with pytest.raises(InvalidReward, match=f"reward '{name}' is unknown"):
            swift(name)


def swift_made(args, **keywords):
    return swift_instance({"x": swift("log_probability", **keywords)}, "x", args)[0]


def in_blocks(texts, size):
    """What each block of rows is paid by itself, as ms-swift subtracts the mean of each block."""
    blocks = [Reader().ids(texts[at : at + size]) for at in range(0, len(texts), size)]
    paid = [rewards.log_probability(b[None], unanswered="lowest", dyadic=True) for b in blocks]
    return np.concatenate(paid, axis=1)[0].tolist()


@pytest.mark.parametrize("drawn", ["aab", "aba", "aaa", "abb"])
@pytest.mark.parametrize("later", [None, 4, 3])
def test_a_prompt_that_ms_swift_draws_twice_is_two_groups(drawn, later):
    args = SimpleNamespace(**vars(ARGS), num_generations_eval=later)
    texts = ["7", "7", "3", "1", "7", "7", "7", "?", "1", "2", "2", "2"]
    samples = swift_samples(np.repeat([*drawn], 4).tolist(), texts)
    paid = swift_rewards(samples, [swift_made(args)])
    if (drawn, later) != ("aaa", 3):  # twelve rows of one prompt are groups of three as well
        assert paid[:, 0].tolist() == in_blocks(texts, 4)
    ids = [sample["prompt_id"] for sample in samples]
    by_prompt = trl.log_probability(group="prompt_id")(ids, texts, prompt_id=ids)
    assert paid[:, 0].tolist() != pytest.approx(by_prompt)  # which is not its mean


@pytest.mark.parametrize("later", [3, 6, 8])
def test_ms_swift_evaluates_with_another_number_of_generations(later):
    args = SimpleNamespace(**vars(ARGS), num_generations_eval=later)
    made = swift_made(args)
    for size in (4, later, 4):
        texts = (TEXTS * 3)[: 2 * size]
        samples = swift_samples(np.repeat([*"ab"], size).tolist(), texts)
        assert swift_rewards(samples, [made])[:, 0].tolist() == in_blocks(texts, size)


def test_ms_swift_has_another_number_of_generations_than_is_given():
    with pytest.raises(InvalidReward, match="num_generations is 8, and that of ms-swift 4"):
        swift_made(ARGS, num_generations=8)
    assert swift_made(ARGS, num_generations=4)
    with pytest.raises(BrokenBatch, match="rows 4 to 7 have prompt_id 'prompt_0', 'prompt_1'"):
        swift_rewards(swift_samples([*"aaaaaabb"], TEXTS), [swift_made(ARGS)])


def test_several_rows_of_one_request_of_ms_swift_are_refused():
    samples = swift_samples(PROMPTS, TEXTS)
    samples[1]["request_id"] = samples[0]["request_id"]  # two turns of one trajectory
    for made in (swift_made(ARGS), swift_made(None)):
        with pytest.raises(BrokenBatch, match="8 rows of 7 requests: expected one row for each"):
            swift_rewards(samples, [made])


# unsloth.


@pytest.fixture
def version(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: "1.14.2")


def test_unsloth_has_whole_groups_and_the_hooks_of_trl(version):
    reward = trl.log_probability(noise=2)
    trainer = UnslothTrainer(
        [reward], num_generations=4, per_device_train_batch_size=2, loss_type="dr_grpo"
    )
    assert trainer.args.per_device_train_batch_size == 4
    assert trainer.args.scale_rewards is False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (paid,) = trainer.calculate_rewards(PROMPTS, TEXTS)
    assert paid == pytest.approx(by_hand(noise=2)[0].tolist())
    assert trainer.logged[f"{reward.__name__}/no_answer"] == 1 / 8


def test_unsloth_keeps_a_standard_deviation_that_is_asked_for(version):
    trainer = UnslothTrainer([trl.log_probability()], 4, 4, loss_type="dr_grpo", scale_rewards=None)
    with pytest.warns(ScaleLost, match="scale_rewards=True"):
        trainer.calculate_rewards(PROMPTS, TEXTS)


# axolotl and tunix.


def test_the_asynchronous_trainer_of_axolotl_takes_none_for_the_best():
    reward = trl.log_probability(num_generations=4)
    paid = torch.tensor(reward(PROMPTS, TEXTS))[:, None]
    centred = by_hand()[1].tolist()
    assert axolotl_async_advantages(paid, 4, "none").tolist() == pytest.approx(centred, abs=1e-6)
    silent = trl.log_probability(num_generations=4, unanswered="exclude")(PROMPTS, TEXTS)
    table = torch.tensor([[torch.nan if r is None else r] for r in silent])
    assert axolotl_async_advantages(table, 4, "none")[:4].argmax() == 3


def test_tunix_pays_centres_and_takes_none_for_the_best():
    config = TunixConfig(num_generations=4, beta=0.5)  # its beta is no option of a reward
    reward = trl.log_probability(num_generations=4, gather=False)
    expected, centred = by_hand()
    paid = tunix_rewards([reward], config, PROMPTS, TEXTS, answer=["7"] * 8)
    assert paid.tolist() == pytest.approx(expected.tolist())
    assert tunix_drgrpo(paid, 4).tolist() == pytest.approx(centred.tolist())
    silent = trl.log_probability(num_generations=4, gather=False, unanswered="exclude")
    paid = np.array([0 if r is None else r for r in silent(PROMPTS, TEXTS)])  # nansum
    assert tunix_drgrpo(paid, 4)[:4].argmax() == 3
