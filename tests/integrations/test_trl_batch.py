"""Rewards of the TRL integration without TRL: rows to groups and orbits, names, bad input, set-up."""

import pickle
import sys

import numpy as np
import pytest

import polyest
from polyest import rewards
from polyest.errors import (
    BrokenBatch,
    BrokenOrbit,
    CountOutOfRange,
    InvalidAnswer,
    InvalidReward,
    MissingColumn,
    NotInstalled,
    TableNotFound,
)
from polyest.integrations import trl
from polyest.integrations.trl import rows

TEXTS = ["4", "so 4", "5", "?", "1", "1", "1", "2"]
IDS = [0] * 4 + [1] * 4
PROMPTS = ["a"] * 4 + ["b"] * 4


def number(text):
    return int(text) if text.isdigit() else None


def size(text):
    return len(text)


def sizes(text):
    return [len(text), text.count("5")]


def equal(texts):
    return [[float(a != b) for b in texts] for a in texts]


def alike(left, right):
    return left[:1] == right[:1]


MADE = {
    "log": lambda **k: trl.log_probability(**k),
    "polynomial": lambda **k: trl.polynomial((0, 1), **k),
    "diversity": lambda **k: trl.diversity(**k),
    "ground truth": lambda **k: trl.ground_truth(**k),
    "coherence": lambda **k: trl.coherence(orbit_size=2, **k),
    "soft": lambda **k: trl.soft_consistency(orbit_size=2, **k),
    "pairwise": lambda **k: trl.pairwise(orbit_size=2, **k),
    "texts": lambda **k: trl.pairwise(orbit_size=2, distance=equal, **k),
}
each_reward = pytest.mark.parametrize("name", MADE)


def paid(reward, texts=TEXTS, **changes):
    given = {"group_id": IDS, "orbit_id": ["o"] * 8, "answer": ["4"] * 8, "prompts": PROMPTS}
    return reward(
        **{**given, "completions": texts, "completion_ids": [], "trainer_state": None, **changes}
    )


# What is paid.


def test_a_group_is_a_table_of_two_draws_less():
    c = rewards.log_probability([[4, 4, 5, -1]], dyadic=True)[0]
    assert paid(trl.log_probability(unanswered="exclude"))[:4] == [c[0], c[1], c[2], None]
    assert paid(trl.log_probability())[:4] == [c[0], c[1], c[2], c[2]]
    exact = paid(trl.log_probability(dyadic=False))[:3]
    assert exact == [polyest.load(2).coefficients[i] for i in (1, 1, 0)]


@each_reward
def test_a_chat_is_read_as_its_text(name):
    chat = [
        [{"role": "assistant", "content": "9"}, {"role": "tool", "content": "7"}, said]
        for said in ({"role": "assistant", "content": text} for text in TEXTS)
    ]
    parts = [
        [{"role": "assistant", "content": [{"type": "image"}, {"type": "text", "text": text}]}]
        for text in TEXTS
    ]
    prompts = [[{"role": "user", "content": prompt}] for prompt in PROMPTS]
    plain = paid(MADE[name]())
    assert paid(MADE[name](), chat, prompts=prompts) == plain
    assert paid(MADE[name](), parts, prompts=prompts) == plain
    assert {type(r) for r in plain} <= {float, type(None)}


@each_reward
def test_the_order_of_groups_and_ids_of_text_change_nothing(name):
    plain = paid(MADE[name](), group_id=["x"] * 4 + ["y"] * 4)
    assert paid(MADE[name]()) == plain
    turned = [
        paid(
            MADE[name](),
            TEXTS[4:] + TEXTS[:4],
            prompts=PROMPTS[4:] + PROMPTS[:4],
            group_id=IDS[4:] + IDS[:4],
        )
    ]
    assert turned[0][4:] + turned[0][:4] == plain


@each_reward
def test_no_completion_is_no_answer(name):
    silent = [None, [], [{"role": "user", "content": "4"}], "4", *TEXTS[4:]]
    assert paid(MADE[name](unanswered="exclude"), [None] * 8) == [None] * 8
    left = paid(MADE[name](unanswered="exclude"), silent)
    assert left[:3] == [None] * 3
    assert left[3] is not None
    assert len(set(paid(MADE[name](), [None] * 8))) == 1
    lowest = paid(MADE[name](), silent)
    assert lowest[0] == lowest[1] == lowest[2] <= min(lowest)
    assert lowest == paid(MADE[name](unanswered="lowest"), silent)


def test_answers_are_read_by_kind():
    assert paid(trl.log_probability(kind=number)) == paid(
        trl.log_probability(), ["4", None, "5", None, *TEXTS[4:]]
    )
    boxed = [rf"so \boxed{{{text}}}, not 3" for text in TEXTS]
    assert paid(trl.log_probability(kind="boxed"), boxed) == paid(trl.log_probability(kind=str))
    with pytest.raises(InvalidAnswer, match=r"kind gave \[\]: expected a callable"):
        paid(trl.log_probability(kind=lambda text: []))
    with pytest.raises(InvalidAnswer, match="kind 'roman' is unknown"):
        trl.log_probability(kind="roman")


def test_a_callable_reads_each_text_once():
    asked = []
    earned = paid(trl.log_probability(kind=lambda text: (asked.append(text), number(text))[1]))
    assert asked == [*dict.fromkeys(TEXTS)]
    assert earned == paid(trl.log_probability(kind=number))


def test_completions_may_be_bare_messages_and_come_one_by_one():
    plain = paid(trl.log_probability())
    bare = [{"role": "assistant", "content": text} for text in TEXTS]
    assert paid(trl.log_probability(), bare) == paid(trl.log_probability(), iter(TEXTS)) == plain


def test_groups_of_different_sizes_have_a_table_each():
    ids = [0] * 3 + [1] * 5
    earned = paid(
        trl.log_probability(dyadic=False),
        ["7"] * 3 + ["1"] * 4 + ["2"],
        group_id=ids,
        prompts=["p"] * 3 + ["q"] * 5,
    )
    entries = [polyest.load(K).coefficients for K in (1, 3)]
    assert earned == [entries[0][1]] * 3 + [entries[1][3]] * 4 + [entries[1][0]]


def test_an_id_drawn_twice_is_two_groups_with_num_generations():
    twice = {"group_id": [0] * 8, "prompts": ["a"] * 8}
    assert paid(trl.log_probability(num_generations=4), **twice) == paid(trl.log_probability())
    assert paid(trl.log_probability(), **twice) != paid(trl.log_probability())


@pytest.mark.parametrize("order", ["abab", "aabb", "abba"])
def test_an_orbit_drawn_twice_is_two_orbits(order):
    texts = {"a": iter((["7"] * 3, ["2"] * 3)), "b": iter((["7", "7", "1"], ["1"] * 3))}
    said = [text for letter in order for text in next(texts[letter])]
    rows = {"group_id": list(np.repeat(list(order), 3)), "orbit_id": [5] * 12}
    rows = {"prompts": rows["group_id"], **{k: [str(v) for v in r] for k, r in rows.items()}}
    earned = trl.coherence(orbit_size=2, num_generations=3)(completions=said, **rows)
    first = {"a": 0, "b": 0}
    for at, letter in enumerate(order):
        second, first[letter] = first[letter], 1
        wanted = {"a0": [1, 1, 1], "b0": [1, 1, 0], "a1": [1, 1, 1], "b1": [1, 1, 1]}[
            f"{letter}{second}"
        ]
        assert earned[3 * at : 3 * at + 3] == wanted
    with pytest.raises(BrokenOrbit):
        trl.coherence(orbit_size=4, num_generations=3)(completions=said, **rows)


def test_broken_orbits_may_be_left_out():
    orbits = {"orbit_id": ["o"] * 4 + ["other"] * 4}
    with pytest.raises(
        BrokenOrbit, match=r"orbit_id 'o' arrived with 1 of 2 prompts.*order_by_orbit"
    ):
        paid(trl.coherence(orbit_size=2), **orbits)
    for G in (None, 4):
        reward = trl.coherence(orbit_size=2, broken="exclude", num_generations=G)
        assert paid(reward, **orbits) == [None] * 8
        whole = {
            "group_id": [*IDS, *[2] * 4],
            "prompts": [*PROMPTS, *"cccc"],
            "orbit_id": [*"oooooooopppp"],
        }
        one = [1.0] * 3
        assert paid(reward, ["7"] * 3 + ["1"] + ["7"] * 8, **whole) == [
            *one,
            0.0,
            *one,
            1.0,
            *[None] * 4,
        ]


@pytest.mark.parametrize(
    ("orbits", "words"),
    [
        ([5, 5, 5, 5, 6, 6], "orbit_id 6 arrived with 1 of 2"),
        ([5, 5, 5, 5, 5, 5, 6, 6], "orbit_id 5 arrived with 3 of 2"),
        (["a", "a", "b", "b", "a", "a", "a", "a"], "orbit_id 'a' arrived with 3 of 2"),
        ([5, 5, 5, 5, 6, 7], "orbit_id 6 and 7 share a prompt"),
    ],
)
def test_the_orbit_that_is_broken_is_named(orbits, words):
    ids = [i // 2 for i in range(len(orbits))]
    rows = {"prompts": [str(i) for i in ids], "group_id": ids, "orbit_id": orbits}
    with pytest.raises(BrokenOrbit, match=words):
        paid(trl.coherence(orbit_size=2, num_generations=2), ["7"] * len(orbits), **rows)


def test_right_answers_are_those_of_the_rows():
    answer = ["4", "5", "5", "4", "1", "2", "1", "2"]
    earned = paid(trl.ground_truth(num_generations=4), answer=answer)
    assert earned == paid(trl.ground_truth(), answer=answer) == [1.0, 0, 1.0, 0, 1.0, 0, 1.0, 1.0]


def test_safety_costs_a_multiplier_of_several_budgets():
    price = rewards.Multiplier([1.0, 0.5], rate=1.0, start=[0.5, 2.0])
    reward, heard, logged = trl.safety(sizes, price), [], []
    reward.listener = lambda who, costs: heard.append((who, costs.tolist()))
    log = lambda name, value: logged.append((name, value))  # noqa: E731
    assert reward(["p"] * 3, ["ab", "5", None], log_metric=log) == [-1.0, -2.5, None]
    assert heard == [(reward, [[2.0, 0.0], [1.0, 1.0]])]
    assert logged == [("safety-sizes/multiplier0", 0.5), ("safety-sizes/multiplier1", 2.0)]
    assert price.value.tolist() == [0.5, 2.0]
    with pytest.raises(InvalidReward, match=r"sizes gave no 1 number\(s\) a text"):
        trl.safety(sizes, rewards.Multiplier(1.0, rate=1.0))(["p"], ["ab"])
    with pytest.raises(InvalidReward, match="nan or an infinity"):
        trl.safety(lambda text: np.nan, price.__class__(1.0, rate=1.0))(["p"], ["ab"])
    with pytest.raises(InvalidReward, match="whose lambda can move"):
        trl.safety(size, 0.5)


# Names and pickles.


@each_reward
def test_a_pickle_pays_the_same(name):
    reward = MADE[name](kind=number)
    again = pickle.loads(pickle.dumps(reward))
    assert again.__name__ == reward.__name__
    assert paid(again) == paid(reward)


def test_a_pickled_safety_reward_has_no_listener():
    reward = trl.safety(size, rewards.Multiplier(1.0, rate=1.0))
    reward.listener = print
    again = pickle.loads(pickle.dumps(reward))
    assert (again.listener, again.__name__) == (None, "safety-size")


def test_each_setting_has_a_name_of_its_own():
    ways = [
        {"beta": 0.5}, {"noise": 1}, {"criterion": "minimax"}, {"dyadic": False}, {"unanswered": "exclude"},
        {"kind": "boxed"}, {"kind": number}, {"group": "uid"}, {"gather": False}, {"gather": True},
        {"kind": "choice", "choices": "ABCD"}, {"equivalence": alike}, {"end_token": 2}, {"end_token": ()},
        {"num_generations": 4}, {"table": "harmonic"}, {"table": polyest.load(32)}, {},
    ]  # fmt: skip
    made = [trl.log_probability(**way) for way in ways]
    made += [make() for make in MADE.values() if make is not MADE["log"]]
    made += [trl.coherence(orbit_size=1), trl.coherence(orbit_size=2, orbit="o", broken="exclude")]
    made += [trl.pairwise(orbit_size=2, include_self=False), trl.polynomial((0, 1, 1))]
    made += [
        trl.diversity(measure="gini"),
        trl.ground_truth(truth="label", objective="pass@k", k=2),
    ]
    names = [reward.__name__ for reward in made]
    assert len(set(names)) == len(names)
    assert trl.log_probability().__name__ == "log_probability"
    assert trl.log_probability(name="mine").__name__ == "mine"
    assert not any("object at" in name for name in names)


# Bad input.


@each_reward
def test_a_missing_column_is_named_with_those_there_are(name):
    with pytest.raises(
        MissingColumn, match="no column 'uid' in the dataset: it has answer, group_id, orbit"
    ):
        paid(MADE[name](group="uid"))


def test_an_id_of_two_prompts():
    with pytest.raises(BrokenBatch, match="group_id 0 belongs to different prompts"):
        paid(trl.log_probability(), group_id=[0] * 8)
    with pytest.raises(BrokenBatch, match="group_id 0 belongs to different prompts"):
        paid(trl.log_probability(num_generations=4), group_id=[0] * 8)
    chats = [[{"role": "user", "content": text}] for text in PROMPTS]
    with pytest.raises(BrokenBatch, match="group_id 'x' belongs to different prompts"):
        paid(trl.log_probability(), prompts=chats, group_id=["x"] * 8)


@pytest.mark.parametrize(
    ("G", "ids", "words"),
    [
        (3, IDS, "8 rows with num_generations=3"),
        (8, IDS, "rows 0 to 7 have group_id 0, 1 with num_generations=8: expected one id"),
        (4, [0] * 3 + [1] * 5, "rows 0 to 3 have group_id 0, 1"),
    ],
)  # fmt: skip
def test_rows_that_are_no_blocks(G, ids, words):
    prompts = [str(i) for i in ids]
    with pytest.raises(BrokenBatch, match=words) as refused:
        paid(trl.log_probability(num_generations=G), group_id=ids, prompts=prompts)
    assert "gather" not in str(refused.value)
    with pytest.raises(BrokenBatch, match='count cut groups whole with gather="auto"'):
        paid(trl.log_probability(num_generations=G, gather=False), group_id=ids, prompts=prompts)


def test_an_id_is_the_same_whatever_else_is_in_its_column():
    assert paid(trl.log_probability(), group_id=[0] * 4 + ["a"] * 4) == paid(trl.log_probability())
    mixed = rows.numbers("id", [5, "a", "5"])
    assert mixed[:1].tolist() == rows.numbers("id", [5]).tolist() == [5]
    assert mixed[1:].tolist() == rows.numbers("id", ["a", "5"]).tolist()
    with pytest.raises(BrokenBatch, match="holds 18446744073709551616"):
        paid(trl.log_probability(), group_id=[2**64] * 4 + ["b"] * 4)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"group_id": [0.5] * 8}, BrokenBatch, "'group_id' holds 0.5"),
        ({"group_id": [None] * 8}, BrokenBatch, "holds None"),
        ({"group_id": [True] * 8}, BrokenBatch, "'group_id' holds True"),
        ({"group_id": [-(2**64)] * 8}, BrokenBatch, "holds -18446744073709551616.* as text"),
        ({"group_id": [0] * 7}, BrokenBatch, "7 values for 8 completions"),
        ({"prompts": ["a"] * 7}, BrokenBatch, "7 prompts for 8 completions"),
        ({"texts": [3] * 8}, InvalidAnswer, "completion is 3"),
        ({"group_id": [0] * 2 + [1] * 6, "prompts": list("aabbbbbb")}, CountOutOfRange, "at least 3"),
        ({"orbit_id": [0] * 3 + [1] * 5}, BrokenOrbit, "orbit_id 0 and 1 share a prompt"),
    ],
)  # fmt: skip
def test_bad_rows(changes, error, words):
    name = "soft" if "orbit_id" in changes else "log"
    with pytest.raises(error, match=words):
        paid(MADE[name](), **changes)


def test_a_truth_that_cannot_be_read():
    with pytest.raises(InvalidAnswer, match="column 'answer' holds 'four', where kind 'number'"):
        paid(trl.ground_truth(kind="number"), answer=["four"] * 8)
    assert paid(trl.ground_truth(), answer=[4] * 8)[:4] == [1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: trl.log_probability(baseline="none"), TypeError, "keyword baseline: expected some of"),
        (lambda: trl.log_probability(orbit="o"), TypeError, "keyword orbit"),
        (lambda: trl.coherence(orbit_size=2, noise=1), TypeError, "keyword noise"),
        (lambda: trl.log_probability(beta=-1), InvalidReward, "beta is -1"),
        (lambda: trl.diversity(measure="exploration"), InvalidReward, "'exploration' needs prior="),
        (lambda: trl.diversity(measure="rare"), InvalidReward, "measure is 'rare': expected entropy, gini"),
        (lambda: trl.coherence(orbit_size=0), InvalidReward, "orbit_size is 0"),
        (lambda: trl.log_probability(num_generations=0.5), InvalidReward, "num_generations is 0.5"),
        (lambda: trl.log_probability(num_generations=2), CountOutOfRange, "expected at least 3"),
        (lambda: trl.log_probability(criterion="minimax", num_generations=64), TableNotFound, "K = 62"),
        (lambda: trl.log_probability(gather="yes"), InvalidReward, "gather is 'yes'"),
        (lambda: trl.coherence(orbit_size=2, broken="yes"), InvalidReward, "broken is 'yes'"),
        (lambda: trl.polynomial((0, np.nan)), InvalidReward, "finite numbers"),
        (lambda: trl.unknown, AttributeError, "no attribute 'unknown'"),
    ],
)  # fmt: skip
def test_bad_keywords_are_known_before_training(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize("G", [None, 4])
def test_what_is_not_installed_is_known_before_training(G, monkeypatch):
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    with pytest.raises(NotInstalled, match=r"pip install 'polyest\[text\]'"):
        trl.pairwise(orbit_size=1, fuzzy=True, num_generations=G)


def test_gather_true_needs_processes():
    with pytest.raises(
        BrokenBatch, match="gather=True without a process group: start with torchrun"
    ):
        paid(trl.log_probability(gather=True))
