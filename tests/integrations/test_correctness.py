"""Accuracy beside counts in estimators: what is paid, which labels are known, and scorers of one's own.

The harmonic table is c_k = H_k - H_K, so that everything here can be computed by hand.
"""

import warnings
from itertools import product
from math import prod

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import required

from polyest import errors
from polyest.integrations.correctness import Labels
from polyest.integrations.estimators import advantages_of, parse_options
from polyest.integrations.judge import above_half, each_number, right_texts
from polyest.integrations.scores import answer_class, classes
from polyest.integrations.verl import compute_score, estimate
from polyest.rewards import notices
from polyest.rewards.registry import offered

HARMONIC = {"table": "harmonic", "beta": 0.5}
LABELS = (True, False, None)
TEXTS = ["7", "so 7", "3", "?"]
# K = 2: beta times minus c at 1, 1 and 0, and the least for no answer, is 1/4, 1/4, 3/4 and 0.
PAID = {
    "gate": ({"where": "right"}, [0.25, 0.25, 0.0, 0.0]),
    "gate and bonus": ({"where": "right", "bonus": 1}, [1.25, 1.25, 0.0, 0.0]),
    "sum": ({"bonus": 1}, [1.25, 1.25, 0.75, 0.0]),
    "half": ({"bonus": 0.5}, [0.75, 0.75, 0.75, 0.0]),
    "nothing": ({}, [0.25, 0.25, 0.75, 0.0]),
}


@pytest.fixture(autouse=True)
def nothing_said_before(monkeypatch):
    monkeypatch.setattr(notices, "_GIVEN", {})


def paid(texts, label="7", name="diversity", index=None, **options):
    scores = torch.tensor([[0.0, compute_score("", text, label)["score"]] for text in texts])
    index = np.array(index or ["a"] * len(texts), object)
    config = {"polyest": {**HARMONIC, **options}}
    return estimate(name, scores, torch.ones_like(scores), config, index)[0][:, 0].numpy()


@pytest.mark.parametrize("case", PAID)
def test_what_is_paid_for_accuracy_and_count_by_hand(case):
    options, rewards = PAID[case]
    assert paid(TEXTS, **options).tolist() == [r - sum(rewards) / 4 for r in rewards]


def test_a_completion_without_answer_is_wrong_where_right_and_left_out_of_a_sum():
    gated, rewards = PAID["gate"]
    advantage = paid(TEXTS, **gated, unanswered="exclude")
    assert advantage.tolist() == [r - sum(rewards) / 4 for r in rewards]
    summed = paid(TEXTS, bonus=1, unanswered="exclude")
    # the mean of three is 13/12, and advantages are times 3/4, as of four drawn three are answered
    assert summed == pytest.approx([1 / 8, 1 / 8, -1 / 4, 0])


def test_without_these_options_a_label_changes_nothing():
    advantages = [paid(TEXTS, label) for label in ("7", "3", "11", None)]
    assert all((one == advantages[0]).all() for one in advantages)


def test_a_group_without_a_label_has_no_advantage_and_is_warned_of():
    texts, index = [*TEXTS, *TEXTS], [*"aaaabbbb"]
    scores = torch.tensor(
        [
            compute_score("", text, "7" if i < 4 else "see the picture", kind="number")["score"]
            for i, text in enumerate(texts)
        ]
    )[:, None]
    config = {"polyest": {**HARMONIC, "bonus": 1}}
    given_ = (scores, torch.ones_like(scores), config, np.array(index, object))
    with pytest.warns(errors.UnreadableLabel, match="a prompt has no label"):
        advantage = estimate("diversity", *given_)[0][:, 0].numpy()
    rewards = PAID["sum"][1]
    assert advantage[:4].tolist() == [r - sum(rewards) / 4 for r in rewards]
    assert (advantage[4:] == 0).all()


def test_a_failure_of_the_manager_is_wrong_in_a_group_with_a_label():
    scores = [compute_score("", text, "7")["score"] for text in TEXTS[:3]]
    scores = torch.tensor([*scores, 0.0])[:, None]
    config = {"polyest": {**HARMONIC, "where": "right", "failed": "no-answer"}}
    index = np.array([*"aaaa"], object)
    advantage = estimate("diversity", scores, torch.ones_like(scores), config, index)[0][:, 0]
    assert advantage.tolist() == paid(TEXTS, where="right").tolist()


def test_equal_answers_that_are_right_and_wrong_are_warned_of():
    scores = [answer_class(text, right=i != 1) for i, text in enumerate(TEXTS)]
    scores = torch.tensor(scores)[:, None]
    index = np.array([*"aaaa"], object)
    given_ = (scores, torch.ones_like(scores), {"polyest": {**HARMONIC, "where": "right"}}, index)
    with pytest.warns(errors.UnevenGate, match="one is right, the other wrong"):
        estimate("diversity", *given_)
    with warnings.catch_warnings():  # in two groups a label may say otherwise
        warnings.simplefilter("error")
        how = parse_options("diversity", {**HARMONIC, "bonus": 1}, scored=True)
        right = np.array([True] * 4 + [False] * 4)
        labels = Labels(right, np.ones(8, bool))
        advantages_of(how, np.array([7, 7, 3, 5] * 2), [*"aaaabbbb"], labels=labels)


@pytest.mark.parametrize(
    "options", [{"where": "right"}, {"where": "right", "bonus": 2}, {"bonus": 2}]
)
def test_the_mean_is_that_of_independent_counts_of_two_draws_less(options):
    """Enumerated: E[A | answer z] = (G-1)/G (Q_z - sum p Q), Q_z the mean of what is paid at K = G - 2."""
    p, G, is_right = [0.5, 0.3, 0.2], 4, [True, False, True]
    how = parse_options("diversity", {"table": "harmonic", **options}, scored=True)
    mean = np.zeros(3)
    for rest in product(range(3), repeat=G - 1):
        weight = prod(p[z] for z in rest)
        for z in range(3):
            ids = np.array([z, *rest])
            labels = Labels(np.array(is_right)[ids], np.ones(G, bool))
            mean[z] += weight * advantages_of(how, ids + 2, [0] * G, labels=labels)[0]
    c = [1.5, 0.5, 0.0]  # minus the harmonic table of K = 2
    Q = [
        sum(w * x for w, x in zip(((1 - q) ** 2, 2 * q * (1 - q), q * q), c, strict=True))
        for q in p
    ]
    gate = is_right if options.get("where") else [True] * 3
    Q = np.array(
        [q * g + options.get("bonus", 0) * r for q, g, r in zip(Q, gate, is_right, strict=True)]
    )
    assert mean == pytest.approx(3 / 4 * (Q - np.dot(p, Q)), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([*offered("estimators")]),
    st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 3), st.sampled_from(LABELS)), min_size=1),
    st.sampled_from(["all", "right"]),
    st.sampled_from([0.1, 1, 2**20]),
    st.sampled_from(["exclude", "lowest"]),
)  # fmt: skip
def test_no_labels_give_nan_or_an_infinity(name, rows, where, bonus, unanswered):
    own = required(name) | ({"orbits": "none"} if offered("estimators")[name].orbits else {})
    options = {
        "where": where,
        "bonus": bonus,
        "unanswered": unanswered,
        "incomplete": "zero",
        **own,
    }
    how = parse_options(name, options, scored=True)
    groups, ids, right = (np.array(column) for column in zip(*rows, strict=True))
    labels = Labels((right == True) & (ids >= 0), right != None)  # noqa: E711, E712
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        advantage = advantages_of(how, ids, groups.tolist(), labels=labels)
    assert np.isfinite(advantage).all()
    for group in set(groups.tolist()):
        rows_of = groups == group
        if (
            not labels.labelled[rows_of].any()
            or len({*ids[rows_of].tolist()}) == 1 == rows_of.sum()
        ):
            assert (advantage[rows_of] == 0).all()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("diversity", {"bonus": -1}, "bonus is -1"),
        ("diversity", {"bonus": float("inf")}, "bonus is inf"),
        ("diversity", {"bonus": float("nan")}, "bonus is nan"),
        ("diversity", {"bonus": "1"}, "bonus is '1'"),
        ("diversity", {"bonus": True}, "bonus is True"),
        ("diversity", {"bonus": 2**21}, "bonus is 2097152"),
        ("diversity", {"where": "wrong"}, "where is 'wrong': expected one of all, right"),
        ("diversity", {"beta": -1, "bonus": 1}, "beta is -1"),
        ("diversity", {"beta": float("inf"), "bonus": 1}, "beta is inf"),
        ("log_probability", {"where": "right"}, "use diversity, or bonus=1"),
        (
            "soft_consistency",
            {"where": "right", "orbits": "none"},
            "use diversity, or bonus=1",
        ),
    ],
)
def test_bad_options_are_named_errors(name, options, message):
    with pytest.raises(errors.InvalidReward, match=message):
        paid(TEXTS, name=name, **options)


def test_what_asks_for_labels_has_no_advantages_without_them():
    for name, given_ in (
        ("diversity", {"where": "right"}),
        ("diversity", {"bonus": 1}),
        ("ground_truth", {}),
    ):
        with pytest.raises(errors.InvalidReward, match="expected labels"):
            advantages_of(parse_options(name, given_), np.array([7, 7, 3, 5]), [*"aaaa"])


def test_the_mean_score_of_labelled_completions_is_a_weighted_accuracy():
    texts = [str(n) for n in range(200)]
    right = np.array([compute_score("", text, text)["score"] for text in texts])
    wrong = [compute_score("", text, "no number, 201")["score"] for text in [*texts, "?"]]
    assert ((right > 0) & (right < 1)).all()
    assert abs(right.mean() - 1 / 2) < 0.1
    assert np.abs(wrong).max() < 1e-7
    assert classes(np.array(wrong)).labelled.all()


# Scorers of one's own.


def scored(said, text="so 7", **more):
    return compute_score("gsm8k", text, "label", {"index": 3}, scorer=lambda *_: said, **more)


@pytest.mark.parametrize(
    ("said", "right"),
    [
        *((1, True), (1.0, True), (2.5, True), (True, True), (np.float32(1), True)),
        *((0, False), (-0.5, False), (-1.0, False), (False, False), (np.bool_(False), False)),
        *(({"score": 1.0}, True), ({"score": -1.0, "acc": True}, True)),
        ({"score": 1.0, "acc": 0.0}, False),
    ],
)
def test_a_scorer_says_what_is_right(said, right):
    assert scored(said) == {"score": answer_class("7", right=right), "acc": float(right)}


@pytest.mark.parametrize("said", [0.3, {"acc": 0.3, "format": 1.0}, 0.5, np.float32(0.51), 0.999])
def test_partial_credit_is_rounded_and_warned_of_once(said):
    right = (said if np.ndim(said) == 0 and not isinstance(said, dict) else said["acc"]) > 0.5
    with pytest.warns(errors.PartialCredit, match=r"scorer gave 0\.\d+, which is neither 0 nor 1"):
        result = scored(said)
    assert result["score"] == answer_class("7", right=right)
    assert result["acc"] == right
    assert result.get("format", 1.0) == 1.0  # what else it says reaches verl's validation
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scored(said) == result


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(-3, 3), st.just(float("nan"))), min_size=1))
def test_one_rule_says_in_every_interface_what_a_number_means(numbers):
    """Above 1/2 is right, in a scorer of verl, a gate of TRL and of a group, a workflow of Trinity-RFT."""
    expected = [number is not None and number > 0.5 for number in numbers]
    partial = any(number is not None and 0 < number < 1 for number in numbers)
    notices._GIVEN.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        given_ = each_number("where", numbers, len(numbers))
        assert above_half("where", given_).tolist() == expected
        assert right_texts(lambda texts: numbers, ["7"] * len(numbers)).tolist() == expected
    assert [w.category for w in caught] == [errors.PartialCredit] * partial
    for number, right in zip(numbers, expected, strict=True):
        if number is not None and not np.isnan(number):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert scored(number)["acc"] == right


def test_a_scorer_sees_what_verl_passes_and_what_else_it_says_is_passed_on():
    seen = []

    def scorer(*given_):
        seen.append(given_)
        return {"score": 1.0, "pred": "7", "format": 0.5}

    result = compute_score("gsm8k", "so 7", "label", {"index": 3}, scorer=scorer, num_turns=2)
    assert seen == [("gsm8k", "so 7", "label", {"index": 3})]
    assert result == {
        "score": answer_class("7", right=True),
        "acc": 1.0,
        "pred": "7",
        "format": 0.5,
    }


def test_a_scorer_may_be_named():
    with pytest.raises(errors.InvalidReward, match="scorer eq raised TypeError"):
        compute_score("", "7", "7", scorer="operator.eq")
    for path in ("operator.unheard", "unheard.of", "unheard", ""):
        with pytest.raises(errors.InvalidReward, match="which can be imported"):
            compute_score("", "7", "7", scorer=path)


async def coroutine(*_):
    return 1.0


@pytest.mark.parametrize(
    "said", [None, "right", float("nan"), float("inf"), [1.0], {}, {"acc": None}]
)
def test_what_is_no_score_is_refused(said):
    with pytest.raises(errors.InvalidReward, match="expected a finite number"):
        scored(said)


def test_a_scorer_that_is_none_or_raises_or_waits_is_refused():
    def failing(*_):
        raise ValueError("no judge " * 50)

    with pytest.raises(
        errors.InvalidReward, match="scorer failing raised ValueError: 'no judge"
    ) as raised:
        compute_score("", "7", "7", scorer=failing)
    assert len(str(raised.value)) < 250
    assert isinstance(raised.value.__cause__, ValueError)
    with pytest.raises(errors.InvalidReward, match="scorer is 7: expected a callable"):
        compute_score("", "7", "7", scorer=7)
    with pytest.raises(errors.InvalidReward, match=r"scorer coroutine gave .*no coroutine"):
        compute_score("", "7", "7", scorer=coroutine)


def test_an_answer_that_cannot_be_read_is_none_whatever_the_scorer_says():
    result = scored(1.0, "who knows")
    assert result["acc"] == 1.0
    assert classes(np.array([result["score"]])).ids.tolist() == [-1]
    assert not classes(np.array([result["score"]])).right.any()
