"""Right answers in whole groups: labels, what is paid for them in every hook, pass@k and MaxRL by hand.

The harmonic table is c_k = H_k - H_K, so that everything here can be computed by hand.
"""

import asyncio
import importlib
import pickle
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import standins
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import required

from polyest import History, advantages, errors, rewards
from polyest.integrations import groups, trinity
from polyest.integrations.groups import GroupReward
from polyest.integrations.swift import swift
from polyest.integrations.verl import compute_score, estimate
from polyest.rewards import notices
from polyest.rewards.registry import offered

HARMONIC = {"table": "harmonic", "beta": 0.5}
TEXTS = ["7", "so 7", "3", "?"]
IDS = np.array([[1, 1, 2, -1]])
# K = 2: beta times minus c at 1, 1 and 0, and the least for no answer, is 1/4, 1/4, 3/4 and 0.
PAID = {
    "gate": ("diversity", {**HARMONIC, "where": "right"}, [0.25, 0.25, 0.0, 0.0]),
    "gate and bonus": (
        "diversity",
        {**HARMONIC, "where": "right", "bonus": 1},
        [1.25, 1.25, 0.0, 0.0],
    ),
    "sum": ("diversity", {**HARMONIC, "bonus": 1}, [1.25, 1.25, 0.75, 0.0]),
    "majority": ("coherence", {"where": "right", "bonus": 1}, [2.0, 2.0, 0.0, 0.0]),
    "accuracy": ("ground_truth", {}, [1.0, 1.0, 0.0, 0.0]),
    "MaxRL": ("ground_truth", {"objective": "log"}, [1.5, 1.5, 0.0, 0.0]),  # (K + 1)/(X + 1)
    "pass@2": ("ground_truth", {"objective": "pass@k", "k": 2}, [1.0, 1.0, 0.0, 0.0]),  # 2 (1 - 1/2)
    "MaxRL and a bonus": ("ground_truth", {"objective": "log", "bonus": 1}, [2.5, 2.5, 0.0, 0.0]),
}  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_said_before(monkeypatch):
    monkeypatch.setattr(notices, "_GIVEN", {})


def centred(paid):
    return [one - sum(paid) / len(paid) for one in paid]


@pytest.mark.parametrize("case", PAID)
def test_what_a_group_is_paid_for_right_answers_by_hand(case):
    name, options, paid = PAID[case]
    reward = pickle.loads(pickle.dumps(GroupReward(name, **options)))
    assert reward(TEXTS, truth="7") == reward(TEXTS, truth=7.0) == paid
    assert reward(TEXTS, right=[True, True, False, True]) == paid  # without answer it is wrong
    assert reward(TEXTS, right=np.array([1.0, 1.0, 0.0, 0.0])) == paid
    less = GroupReward(name, centred=True, **options)
    assert less(TEXTS, truth="7") == centred(paid)


@pytest.mark.parametrize("case", PAID)
def test_verl_and_skyrl_have_the_same_advantages_by_hand(case):
    name, options, paid = PAID[case]
    orbits = {"orbits": "none"} if name == "coherence" else {}
    scores = torch.tensor([[0.0, compute_score("", text, "7")["score"]] for text in TEXTS])
    mask, index = torch.ones_like(scores), np.array([*"aaaa"], object)
    config = {"polyest": {**options, **orbits}}
    for advantage, _ in (
        estimate(name, scores, mask, config, index),
        groups.skyrl(name, **options, **orbits)(scores, mask, index),
    ):
        assert advantage[:, 0].tolist() == centred(paid)


def test_pass_at_is_paid_by_hand_in_groups_and_estimators():
    """1 - C(K-X, k)/C(K, k), K = 2: 1 - 0/1 at X = 1, and 0 at X = 0 for k = 1."""
    for k, paid in ((1, [0.5, 0.5, 0.0, 0.0]), (2, [1.0, 1.0, 0.0, 0.0])):
        wanted = rewards.pass_at(IDS, k, dyadic=True, unanswered="lowest")
        assert wanted[0].tolist() == paid
        assert GroupReward("pass_at", k=k)(TEXTS) == paid
        scores = torch.tensor([[compute_score("", text, None)["score"]] for text in TEXTS])
        config = {"polyest": {"k": k}}
        index = np.array([*"aaaa"], object)
        got = estimate("pass_at", scores, torch.ones_like(scores), config, index)[0][:, 0]
        assert got.tolist() == advantages.group_mean(wanted)[0].tolist() == centred(paid)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(-1, 3), min_size=4, max_size=9),
    st.integers(0, 4),
    st.sampled_from([{}, {"objective": "log"}, {"objective": "pass@k", "k": 3}]),
)
def test_ground_truth_pays_a_group_what_the_reward_pays(ids, truth, options):
    texts = [None if z < 0 else f"so {z}" for z in ids]
    wanted = rewards.ground_truth([ids], [truth], dyadic=True, **options)
    assert GroupReward("ground_truth", **options)(texts, truth=truth) == wanted[0].tolist()


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([*offered("groups")]),
    st.lists(st.integers(-1, 3), min_size=4, max_size=8),
    st.one_of(st.none(), st.booleans(), st.text(), st.floats(), st.integers(), st.lists(st.none())),
    st.sampled_from([{"where": "right", "bonus": 1}, {"bonus": 0.5}]),
    st.booleans(),
)
def test_no_label_gives_nan_or_an_error(name, ids, truth, asked, mean):
    own = {"f": lambda X, *right: X} if name == "of_group" else required(name)
    reward = GroupReward(name, centred=mean, **own, **asked)
    texts = [None if z < 0 else f"so {z}" for z in ids]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        paid = reward(texts, truth=truth)
    assert np.isfinite(paid).all()
    if reward.reader.labels([truth]) == [None]:
        assert paid == [0.0] * len(ids)


def test_a_label_that_cannot_be_read_pays_nothing_and_is_warned_of_once():
    reward = GroupReward("diversity", kind="number", bonus=1, **HARMONIC)
    labels = ("see the picture", None, "", True, ["7"])
    with pytest.warns(errors.UnreadableLabel, match="no label that can be read") as said:
        paid = [reward(TEXTS, truth=label) for label in labels]
    assert paid == [[0.0] * 4] * 5
    assert len(said) == 1
    assert reward(TEXTS, truth="7") == [1.25, 1.25, 0.75, 0.0]


def test_a_label_is_joined_by_the_equivalence_that_joins_the_answers():
    same = {"kind": "string", "equivalence": lambda a, b: a[0] == b[0]}
    reward = GroupReward("ground_truth", objective="log", **same)
    assert reward(["seven", "six", "nine", "ten"], truth="sept") == [1.5, 1.5, 0.0, 0.0]


def test_texts_that_are_compared_are_paid_a_bonus_where_they_are_right():
    apart = GroupReward(
        "pairwise", distance=lambda t: np.ones((len(t), len(t))) - np.eye(len(t)), bonus=1
    )
    texts = ["so 7", None, "3", "7"]
    assert apart(texts, truth="7") == [1.25, 0.0, 0.25, 1.25]
    assert apart(texts, right=[True, True, False, True]) == [1.25, 0.0, 0.25, 1.25]


def test_a_gate_that_is_no_function_of_the_answer_is_warned_of():
    uneven = [True, False, False, False]
    for reward in (
        GroupReward("diversity", where="right", **HARMONIC),
        GroupReward("ground_truth", objective="log"),
    ):
        with pytest.warns(errors.UnevenGate, match="one is right, the other wrong"):
            reward(TEXTS, right=uneven)
    with warnings.catch_warnings():  # an accuracy counts nothing
        warnings.simplefilter("error")
        assert GroupReward("ground_truth")(TEXTS, right=uneven) == [1.0, 0.0, 0.0, 0.0]


def test_a_right_answer_that_is_paid_less_is_warned_of():
    with pytest.warns(errors.RightPaidLess, match=r"give bonus=0\.3041"):
        GroupReward("diversity", where="right", noise=8)(["7"] * 9 + ["3"] * 9, truth="7")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GroupReward("diversity", where="right")(TEXTS), "truth and right are missing"),
        (lambda: GroupReward("diversity", bonus=1)(TEXTS), "truth and right are missing"),
        (lambda: GroupReward("ground_truth")(TEXTS), "truth and right are missing"),
        (lambda: GroupReward()(TEXTS, truth="7"), "truth given to a reward that does not ask"),
        (lambda: GroupReward()(TEXTS, right=[True] * 4), "right given to a reward that does not ask"),
        (lambda: GroupReward(bonus=1)(TEXTS, truth="7", right=[True] * 4), "are both given"),
        (lambda: GroupReward(bonus=1)(TEXTS, right=[True] * 3), "expected True or False for each of 4"),
        (lambda: GroupReward(bonus=1)(TEXTS, right=[0.5] * 4), "expected True or False for each of 4"),
        (lambda: GroupReward(bonus=1)(TEXTS, right=["7"] * 4), "expected True or False for each of 4"),
        (lambda: GroupReward(bonus=1)(TEXTS, right=[[True], 1]), "expected True or False for each of 4"),
        (lambda: GroupReward(bonus=1)(TEXTS, right=True), "right is True: expected True or False"),
        (lambda: GroupReward(where="right"), "use diversity, or bonus=1"),
        (lambda: GroupReward("diversity", where="answer"), "expected one of all, right"),
        (lambda: GroupReward("diversity", bonus=-1), "bonus is -1"),
        (lambda: GroupReward("ground_truth", objective="log", k=2)(TEXTS, truth=7), "k is 2"),
        (lambda: GroupReward("pass_at"), "pass_at without k"),
        (lambda: groups.art(GroupReward(bonus=1)), "one of truth and a reward"),
        (lambda: groups.art(GroupReward(), truth=str), "one of truth and a reward"),
        (lambda: groups.tinker(GroupReward("ground_truth"), str), "one of truth and a reward"),
        (lambda: groups.rllm("ground_truth", text=str), "one of truth and a reward"),
        (lambda: groups.rllm(text=str, truth=str), "one of truth and a reward"),
    ],
)  # fmt: skip
def test_bad_input_is_an_error_that_says_what_to_change(call, message):
    with pytest.raises(errors.InvalidReward, match=message):
        call()


def test_a_group_too_small_for_k_is_an_error_or_worth_nothing():
    asked = {"objective": "pass@k", "k": 4}
    for name, given_, least in (("ground_truth", asked, 5), ("pass_at", {"k": 4}, 6)):
        known = {"truth": "7"} if name == "ground_truth" else {}
        with pytest.raises(errors.BrokenBatch, match=f"expected at least {least}"):
            GroupReward(name, **given_)(["7"] * (least - 1), **known)
        none = GroupReward(name, incomplete="zero", **given_)
        assert none(["7"] * (least - 1), **known) == [0.0] * (least - 1)
        assert np.isfinite(none(["7"] * least, **known)).all()


# Hooks: where each trainer has the right answer.

GATED = {**HARMONIC, "where": "right", "bonus": 1}
WANTED = [1.25, 1.25, 0.0, 0.0]


def test_slime_takes_the_label_of_the_sample():
    reward = GroupReward("diversity", **GATED)
    samples = [SimpleNamespace(response=text, label="7") for text in TEXTS]
    assert asyncio.run(groups.slime(reward)(None, samples)) == WANTED
    samples = [SimpleNamespace(response=text, metadata={"answer": 7}) for text in TEXTS]
    rm = groups.slime(reward, truth=lambda sample: sample.metadata["answer"])
    assert asyncio.run(rm(None, samples)) == WANTED
    with pytest.warns(errors.UnreadableLabel):  # no label at all
        assert asyncio.run(groups.slime(reward)(None, samples)) == [0.0] * 4


def test_a_group_without_label_is_a_visit_all_the_same():
    past = History()
    reward = GroupReward("diversity", history=past, **GATED)
    rm = groups.slime(reward, prompt=lambda sample: 1)
    samples = [SimpleNamespace(response=text, label=None) for text in TEXTS]
    with pytest.warns(errors.UnreadableLabel):
        assert asyncio.run(rm(None, samples)) == [0.0] * 4
    assert past.step == 0


def test_art_takes_the_label_of_the_group():
    group = SimpleNamespace(
        trajectories=[SimpleNamespace(said=text) for text in TEXTS], metadata={"answer": "7"}
    )
    reward = GroupReward("diversity", **GATED)
    after = groups.art(reward, lambda one: one.said, truth=lambda one: one.metadata["answer"])
    asyncio.run(after(group))
    assert [one.reward for one in group.trajectories] == WANTED


def test_tinker_takes_the_label_of_the_builder():
    class Builder:
        answer = "7"
        compute_group_rewards = groups.tinker(
            GroupReward("diversity", **GATED), str, truth=lambda builder: builder.answer
        )

    assert asyncio.run(Builder().compute_group_rewards(TEXTS, None)) == [(r, {}) for r in WANTED]


@pytest.mark.parametrize("case", [name for name in PAID if name != "majority"])
def test_rllm_takes_the_label_of_each_group(case):
    name, options, paid = PAID[case]
    estimator = groups.rllm(name, text=str, truth=lambda group: group.answer, **options)
    other = ["5", "5", "5", "7"]  # a row without a label
    batch = [
        SimpleNamespace(trajectories=texts, answer=answer)
        for texts, answer in ((TEXTS, "7"), (other, None), (TEXTS, 7))
    ]
    with pytest.warns(errors.UnreadableLabel):
        got, _ = estimator([[0.0] * 4] * 3, traj_groups=batch)
    assert [one.tolist() for one in got] == [centred(paid), [0.0] * 4, centred(paid)]


def test_rllm_takes_labels_in_an_orbit_that_an_equivalence_joins():
    estimator = groups.rllm(
        "coherence", text=str, orbit=lambda group: "o", orbit_size=2, bonus=1, kind="string",
        truth=lambda group: group.answer, equivalence=lambda a, b: a[0] == b[0],
    )  # fmt: skip
    batch = [
        SimpleNamespace(trajectories=["seven", "six"], answer="sept"),
        SimpleNamespace(trajectories=["nine", "six"], answer="neuf"),
    ]
    got, _ = estimator([[0.0] * 2] * 2, traj_groups=batch)
    # s is the majority of the orbit: 1 + 1, 1 + 1, 0 + 1, 1 + 0
    assert np.concatenate(got).tolist() == centred([2.0, 2.0, 1.0, 1.0])


def test_ms_swift_takes_a_column():
    made = swift("diversity", where="solution", bonus=1, dyadic=False, **HARMONIC)()
    assert made(TEXTS, prompt_id=["p"] * 4, solution=["7"] * 4) == WANTED


def test_trinity_takes_the_reward_of_the_workflow_or_an_entry_of_info(monkeypatch):
    standins.trinity(monkeypatch)
    importlib.reload(trinity)
    try:
        exps = [standins.experience(text, run=i) for i, text in enumerate(TEXTS)]
        for one, score in zip(exps, (1.0, 1.1, 0.0, 1.0), strict=True):
            one.reward, one.info = score, {"answer": "7"}
        for more in ({}, {"truth": "answer"}):
            advantage = trinity.CountedAdvantage("diversity", **GATED, **more)
            got, _ = advantage(exps)
            assert [float(one.advantages[0]) for one in got] == centred(WANTED)
        for more in ({}, {"truth": "label"}):
            exps[0].reward = None
            with pytest.warns(errors.UnreadableLabel):
                got, _ = trinity.CountedAdvantage("diversity", **GATED, **more)(exps)
            assert all(float(one.advantages[0]) == 0 for one in got)
            notices._GIVEN.clear()
        with pytest.raises(errors.InvalidReward, match="one of truth and a reward"):
            trinity.CountedAdvantage("diversity", truth="answer")
    finally:
        monkeypatch.undo()
        importlib.reload(trinity)
