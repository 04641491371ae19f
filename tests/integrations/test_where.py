"""`where=` in every interface: which kinds of value it takes, and that they all pay the same.

The page docs/howto/correct.md has the table of kinds; one that an interface does not take is InvalidReward.
"""

import asyncio
import pickle
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from polyest import errors, rewards
from polyest.integrations import groups, trl
from polyest.integrations.groups import GroupReward
from polyest.integrations.scores import answer_class
from polyest.integrations.swift import swift
from polyest.integrations.verl import estimate
from polyest.rewards import notices

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "correct.md").read_text()
PAY = {"table": "harmonic", "beta": 0.5, "bonus": 1}
TEXTS = ["7", "so 7", "3", "?"]
RIGHT = np.array([True, True, False, False])
ROW = ["p"] * 4
# K = 2: 1 + beta (c_2 - c_1) at two right answers.
PAID = [1.25, 1.25, 0.0, 0.0]
CENTRED = [one - sum(PAID) / 4 for one in PAID]


def sevens(texts):
    return [float("7" in text) for text in texts]


def as_trl_calls(completions, **_):
    return sevens(completions)


async def later(*_, **__):
    return [1.0] * 4


KINDS = {
    "array": RIGHT,
    "column": "answer",
    "function": sevens,
    "right": "right",
    "None": None,
    "list of numbers": [1, 1, 0, 0],
    "number": 5,
    "yes": True,
    "coroutine": later,
    "tensor": torch.from_numpy(RIGHT),
}


@pytest.fixture(autouse=True)
def nothing_said_before(monkeypatch):
    monkeypatch.setattr(notices, "_GIVEN", {})


def by_numpy(where, **options):
    shaped = where[None] if isinstance(where, np.ndarray | torch.Tensor) else where
    shaped = [shaped] if isinstance(shaped, list) else shaped
    ids = np.array([[1, 1, 2, -1]])
    if isinstance(where, torch.Tensor):
        ids = torch.from_numpy(ids)
    return rewards.diversity(ids, where=shaped, **options)[0].tolist()


def by_trl(where, **options):
    where = as_trl_calls if where is sevens else where
    made = trl.diversity(where=where, num_generations=4, **options)
    return made(ROW, TEXTS, answer=["7"] * 4)


def by_swift(where, **options):
    where = as_trl_calls if where is sevens else where
    made = swift("diversity", where=where, **options)(SimpleNamespace(num_generations=4))
    return made(TEXTS, prompt_id=ROW, answer=["7"] * 4)


def by_group(where, **options):
    told = {} if where is sevens or (where is None and not options.get("bonus")) else {"truth": "7"}
    return GroupReward("diversity", where=where, **options)(TEXTS, **told)


def by_rllm(where, **options):
    asks = where is not sevens and (where is not None or options.get("bonus"))
    told = {"truth": lambda group: "7"} if asks else {}
    estimator = groups.rllm("diversity", text=str, where=where, **told, **options)
    advantage, _ = estimator([[0.0] * 4], traj_groups=[SimpleNamespace(trajectories=TEXTS)])
    return advantage[0].tolist()


def scores():
    said = [answer_class(text, right=bool(good)) for text, good in zip(TEXTS, RIGHT, strict=True)]
    scored = torch.tensor(said)[:, None]
    return scored, torch.ones_like(scored), np.array([*"aaaa"], object)


def by_verl(where, **options):
    scored, mask, index = scores()
    config = {"polyest": {"where": where, **options}}
    return estimate("diversity", scored, mask, config, index)[0][:, 0].tolist()


def by_skyrl(where, **options):
    scored, mask, index = scores()
    return groups.skyrl("diversity", where=where, **options)(scored, mask, index)[0][:, 0].tolist()


ARRAYS = {"array", "list of numbers", "tensor"}
# What an interface takes, beside None, and its words for what it does not.
TAKES = {
    by_numpy: (ARRAYS, "expected True or False for each completion"),
    by_trl: ({"column", "function"}, "the name of the column with right answers"),
    by_swift: ({"column", "function"}, "the name of the column with right answers"),
    by_group: ({"right", "function"}, "or a function of the texts of a group"),
    by_rllm: ({"right", "function"}, "or a function of the texts of a group"),
    by_verl: ({"right"}, "which answers are right is said by the scores"),
    by_skyrl: ({"right"}, "which answers are right is said by the scores"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("interface", TAKES)
def test_a_kind_that_an_interface_takes_pays_the_same_and_no_other_is_taken(interface, kind):
    takes, words = TAKES[interface]
    if kind in takes:
        wanted = CENTRED if interface in (by_rllm, by_verl, by_skyrl) else PAID
        assert interface(KINDS[kind], **PAY) == wanted
    elif kind != "None":
        with pytest.raises(errors.InvalidReward, match=f"where.*{words}"):
            interface(KINDS[kind], **PAY)


@pytest.mark.parametrize("interface", TAKES)
def test_none_is_no_gate(interface):
    plain = {**PAY, "bonus": 0.0, "unanswered": "lowest"}
    wanted = [0.25, 0.25, 0.75, 0.0]
    if interface in (by_rllm, by_verl, by_skyrl):
        wanted = [one - sum(wanted) / 4 for one in wanted]
    assert interface(None, **plain) == wanted


def test_the_page_says_which_kinds_there_are():
    table = PAGE.split("## What `where` takes")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|", table, re.MULTILINE)[1:])
    assert {name for names in rows for name in re.findall(r"[\w.-]+", names)} >= {
        "polyest.rewards", "TRL", "unsloth", "axolotl", "ms-swift", "tunix", "GroupReward", "slime",
        "ART", "tinker-cookbook", "Trinity-RFT", "rLLM", "verl", "SkyRL", "prime-rl", "OpenRLHF",
    }  # fmt: skip
    said = {
        "array": "an array",
        "column": "the name of a column",
        "function": "a function",
        "right": '`"right"`',
    }
    of = {by_numpy: "polyest.rewards", by_trl: "TRL", by_group: "GroupReward", by_verl: "verl"}
    for interface, name in of.items():
        kinds = next(kinds for names, kinds in rows.items() if name in names)
        takes = TAKES[interface][0]
        assert {kind for kind, words in said.items() if words in kinds} == takes & said.keys()


# A function of the texts of a group.


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("diversity", PAY),
        ("diversity", {**PAY, "measure": "conditional"}),
        ("coherence", {"bonus": 1}),
        ("ground_truth", {"objective": "log"}),
        ("of_group", {"f": lambda X, good: X * good.mean()}),
    ],
)
def test_a_function_says_of_a_group_what_the_caller_would(name, options):
    by_function = GroupReward(name, where=sevens, **options)
    told = GroupReward(name, where="right", **options)
    assert by_function(TEXTS) == told(TEXTS, right=RIGHT.tolist())
    assert by_function([*TEXTS, None]) == told([*TEXTS, None], right=[*RIGHT.tolist(), False])


def test_a_reward_with_a_function_asks_for_nothing_and_can_be_pickled():
    reward = pickle.loads(pickle.dumps(GroupReward("diversity", where=sevens, **PAY)))
    assert reward(TEXTS) == PAID
    for told in ({"truth": "7"}, {"right": RIGHT.tolist()}):
        with pytest.raises(errors.InvalidReward, match="does not ask what is right"):
            reward(TEXTS, **told)
    samples = [SimpleNamespace(response=text, status="completed") for text in TEXTS]  # no label
    assert asyncio.run(groups.slime(reward)(None, samples)) == PAID
    spoken = SimpleNamespace(trajectories=[SimpleNamespace(said=text) for text in TEXTS])
    group = asyncio.run(groups.art(reward, lambda one: one.said)(spoken))
    assert [one.reward for one in group.trajectories] == PAID
    with pytest.raises(errors.InvalidReward, match="one of truth and a reward"):
        groups.art(reward, truth=lambda group: "7")


@pytest.mark.parametrize(
    ("gives", "error", "words"),
    [
        (lambda texts: [1.0], errors.BrokenBatch, r"where gave values of shape \(1,\) for 4"),
        (lambda texts: ["yes"] * 4, errors.InvalidReward, "what where gave"),
        (lambda texts: None, errors.BrokenBatch, "where gave values of shape"),
        (lambda texts: 1 / 0, errors.InvalidReward, "where <lambda> raised ZeroDivisionError"),
    ],
)
def test_a_function_that_gives_no_verdict_or_raises_is_named(gives, error, words):
    with pytest.raises(error, match=words):
        GroupReward("diversity", where=gives, **PAY)(TEXTS)
    with pytest.raises(error, match=words):
        trl.diversity(where=lambda completions, **_: gives(completions), **PAY)(
            ROW, TEXTS, group_id=[0] * 4
        )


def test_an_error_of_polyest_inside_a_function_stays_what_it_is():
    inner = trl.ground_truth(truth="missing", num_generations=4)
    with pytest.raises(errors.MissingColumn, match="'missing'"):
        trl.diversity(where=inner, num_generations=4)(ROW, TEXTS, answer=["7"] * 4)
