"""A history in hooks that have texts, of a group or a batch: by prompt, recorded after the rewards."""

import asyncio
from types import SimpleNamespace

import pytest
import standins
import torch
from two_visits import ALONE, CLOSE, EARNED, FIRST, FRIDAY, HARMONIC, MONDAY

from polyest import History, answers, errors
from polyest.integrations import groups
from polyest.integrations.groups import GroupReward
from polyest.integrations.scores import answer_class


def test_a_group_reward_counts_what_was_recorded():
    past = History()
    reward = GroupReward("log_probability", history=past, **HARMONIC)
    assert reward(MONDAY, prompt=1) == reward(MONDAY, prompt=1) == [0, 0, 0, -1.5]
    for _ in range(2):
        reward.record(MONDAY, prompt=1, step=5)
    assert reward(FRIDAY, prompt=1) == pytest.approx(EARNED, **CLOSE)
    assert reward(FRIDAY, prompt=2) == pytest.approx(ALONE)
    assert past.step == 5
    ids = answers.from_texts([MONDAY])
    once = History()
    once.record(ids, prompts=[1], step=5)
    assert past.state_dict()["arrays"] == once.state_dict()["arrays"]
    with pytest.raises(errors.InvalidHistory, match="other answers at step 5"):
        reward.record(FRIDAY, prompt=1, step=5)


def test_a_group_reward_with_a_history_refuses_what_does_not_fit():
    past = History()
    reward, without = GroupReward(history=past), GroupReward()
    for call, error, message in (
        (lambda: reward(MONDAY), "InvalidHistory", "prompt is missing"),
        (lambda: reward(MONDAY, prompt=0.5), "InvalidHistory", "id of a prompt is 0.5"),
        (lambda: reward.record([], prompt=1), "BrokenBatch", "texts are"),
        (lambda: without(MONDAY, prompt=1), "InvalidReward", "prompt given without history"),
        (lambda: without.record(MONDAY, prompt=1), "InvalidReward", "record without a history"),
        (lambda: GroupReward(history=1), "InvalidReward", "history is 1: expected a polyest.History"),
        (lambda: GroupReward("coherence", history=past), "InvalidReward", "unknown option history"),
        (lambda: GroupReward(history=past, equivalence=str.__eq__), "InvalidReward", "equivalence with"),
        (lambda: groups.slime(reward), "InvalidReward", "one of history and prompt is given"),
        (lambda: groups.art(without, prompt=str), "InvalidReward", "one of history and prompt"),
        (lambda: groups.tinker(reward, str), "InvalidReward", "one of history and prompt"),
        (lambda: groups.rllm(text=str, history=past), "InvalidReward", "one of history and prompt"),
        (lambda: groups.rllm(text=str, prompt=str), "InvalidReward", "one of history and prompt"),
    ):  # fmt: skip
        with pytest.raises(getattr(errors, error), match=message):
            call()
    assert past.step == -1


def test_slime_counts_earlier_visits():
    reward = GroupReward("log_probability", history=History(), **HARMONIC)
    rm = groups.slime(reward, prompt=lambda sample: sample.metadata["index"])

    def samples(texts):
        return [standins.Sample(text, metadata={"index": 4}) for text in texts]

    assert asyncio.run(rm(None, samples(MONDAY))) == [0, 0, 0, -1.5]
    assert asyncio.run(rm(None, samples(FRIDAY))) == pytest.approx(EARNED, **CLOSE)
    with pytest.raises(errors.BrokenBatch):
        asyncio.run(rm(None, []))


def test_art_counts_earlier_visits(monkeypatch):
    art = standins.art(monkeypatch)
    reward = GroupReward("log_probability", history=History(), **HARMONIC)
    hook = groups.art(reward, prompt=lambda group: len(group.trajectories))

    def group(texts):
        said = [[{"role": "assistant", "content": text}] for text in texts]
        return art.TrajectoryGroup([art.Trajectory(messages_and_choices=one) for one in said])

    first, second = (asyncio.run(hook(group(texts))) for texts in (MONDAY, FRIDAY))
    assert [one.reward for one in first.trajectories] == [0, 0, 0, -1.5]
    assert [one.reward for one in second.trajectories] == pytest.approx(EARNED, **CLOSE)


def test_tinker_counts_earlier_visits(monkeypatch):
    builder = standins.tinker(monkeypatch)
    reward = GroupReward("log_probability", history=History(), **HARMONIC)

    class Counted(builder):
        problem = SimpleNamespace(name="3+4")

        async def make_envs(self):
            return []

        compute_group_rewards = groups.tinker(reward, str, prompt=lambda one: one.problem.name)

    first, second = (
        asyncio.run(Counted().compute_group_rewards(texts, [])) for texts in (MONDAY, FRIDAY)
    )
    assert [value for value, _ in first] == [0, 0, 0, -1.5]
    assert [value for value, _ in second] == pytest.approx(EARNED, **CLOSE)


def test_rllm_counts_earlier_visits():
    estimator = groups.rllm(
        text=str, prompt=lambda group: group.group_id, history=History(), **HARMONIC
    )

    def paid_by(step):
        batch = [SimpleNamespace(trajectories=texts, group_id=name) for name, texts in step.items()]
        return estimator([[0.0]] * len(batch), traj_groups=batch)[0]

    first = paid_by({"a": MONDAY, "b": MONDAY})
    assert [*first[0]] == [*first[1]] == [*FIRST]
    second = paid_by({"c": FRIDAY, "a": FRIDAY})
    assert second[0] == pytest.approx(ALONE - ALONE.mean())
    assert second[1] == pytest.approx(EARNED - EARNED.mean(), **CLOSE)


def test_skyrl_counts_earlier_visits_of_a_row_of_its_dataset(monkeypatch):
    registry = standins.skyrl(monkeypatch)
    registry.register("past", groups.skyrl(history=History(), **HARMONIC))

    def paid_by(texts, uid):
        scores = torch.tensor([[0.0, answer_class(text)] for text in texts])
        uids = [uid] * len(texts)
        return standins.skyrl_compute(registry, "past", scores, torch.ones_like(scores), uids, 2)[0]

    assert paid_by(MONDAY, "17")[:, 0].numpy() == pytest.approx([*FIRST, 0, 0])
    wanted = [*(EARNED - EARNED.mean()), 0, 0]
    assert paid_by(FRIDAY, "17")[:, 0].numpy() == pytest.approx(wanted, **CLOSE)
