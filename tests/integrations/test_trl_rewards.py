"""Every reward that TRL is offered: the advantage of a small batch by hand, and what is right as a gate."""

import pickle
import warnings
from fractions import Fraction
from math import log

import numpy as np
import pytest

import polyest
from polyest import advantages
from polyest.errors import (
    BrokenBatch,
    InvalidAnswer,
    InvalidReward,
    PartialCredit,
    RightPaidLess,
    UnevenGate,
    UnreadableLabel,
)
from polyest.integrations import trl
from polyest.rewards import Multiplier, notices
from polyest.rewards.registry import offered

F = Fraction
# Six completions of one prompt: two say 7, two 3, one 5, one nothing.  K = 4, X = 1, 1, 1, 1, 0.
TEXTS = ["7", "so 7", "3", "3", "5", "?"]
PRICE = Multiplier(1.0, rate=0.1, start=0.5)


@pytest.fixture(autouse=True)
def nothing_said_yet(monkeypatch):
    monkeypatch.setattr(notices, "_GIVEN", {})


def advantage(reward, texts=TEXTS, **columns):
    """What TRL makes of the rewards with scale_rewards="none": less the mean of the group."""
    G = len(texts)
    paid = reward(prompts=["p"] * G, completions=texts, group_id=[0] * G, **columns)
    return advantages.group_mean([paid])[0]


def right(completions, **_):
    """A verifier as TRL has it: 7 and 3 are right."""
    return [1.0 if text[-1] in "73" else 0.0 for text in completions]


def known(completions, **_):
    """log Q of the answers, which knows nothing of a completion without one."""
    return [{"7": log(0.5), "3": log(0.25), "5": log(0.25)}.get(text[-1]) for text in completions]


def one_over(times):
    with np.errstate(divide="ignore"):
        return 1 / times


def length(text):
    return len(text)


C = polyest.load(4).coefficients
h = [F(-25, 12), F(-13, 12), F(-7, 12), F(-1, 4), F(0)]  # harmonic, K = 4
HARMONIC = {"table": "harmonic", "dyadic": False}
ANSWER = {"answer": ["7"] * 6}
ONE = {"orbit_size": 1}
L = F(5, 2)  # (K+1)/(X+1)

# The reward, the columns that it reads, and what the six completions earn.
BY_HAND = {
    "log_probability": (
        trl.log_probability(**HARMONIC),
        {},
        [h[1]] * 4 + [h[0], h[0]],
    ),
    "log_probability, right": (
        trl.log_probability(**HARMONIC, where="answer", bonus=3),
        ANSWER,
        [3 + h[1]] * 2 + [0] * 4,
    ),
    "diversity": (trl.diversity(**HARMONIC), {}, [-h[1]] * 4 + [-h[0], -h[4]]),
    "diversity, gini": (trl.diversity(measure="gini"), {}, [F(3, 4)] * 4 + [1, 0]),
    "diversity, gini, right": (
        trl.diversity(measure="gini", where=right, bonus=1, beta=2),
        {},
        [F(5, 2)] * 4 + [0, 0],
    ),
    "diversity, conditional": (
        trl.diversity(measure="conditional", where=right, bonus=1, **HARMONIC),
        {},
        [1 + h[3] - h[1]] * 4 + [0, 0],
    ),
    "diversity, exploration": (
        trl.diversity(measure="exploration", prior=known, **HARMONIC),
        {},
        [log(0.5) - h[1]] * 2 + [log(0.25) - h[1]] * 2 + [log(0.25) - h[0], log(0.25) - h[4]],
    ),
    "tsallis": (trl.tsallis(3), {}, [-F(1, 2)] * 6),
    "tsallis, right": (
        trl.tsallis(2, where="answer", bonus=1),
        ANSWER,
        [F(1, 4)] * 2 + [0] * 4,
    ),
    "polynomial": (trl.polynomial((1, 2)), {}, [F(3, 2)] * 4 + [1, 1]),
    "pass_at": (trl.pass_at(2), {}, [F(1, 2)] * 4 + [0, 0]),
    "of_counts": (trl.of_counts(lambda X, K: 1 / (X + 1), dyadic=False), {}, [F(1, 2)] * 4 + [1, F(1, 5)]),
    "of_counts, entries": (
        trl.of_counts((4, 2, 1, 0, 0), where=right),
        {},
        [2] * 4 + [0, 0],
    ),
    "of_group": (trl.of_group(lambda X: X / X.sum(), dyadic=False), {}, [F(2, 9)] * 4 + [F(1, 9), 0]),
    "of_group, right": (
        trl.of_group(lambda X, good: X * good.mean(), where="answer", dyadic=False),
        ANSWER,
        [F(2, 3)] * 2 + [0] * 4,
    ),
    "ground_truth": (trl.ground_truth(), ANSWER, [1, 1, 0, 0, 0, 0]),
    "ground_truth, log": (trl.ground_truth(objective="log"), ANSWER, [L, L, 0, 0, 0, 0]),
    "ground_truth, pass@k": (
        trl.ground_truth(objective="pass@k", k=3),
        ANSWER,
        [F(3, 2)] * 2 + [0] * 4,  # 3 C(3, 2)/C(4, 2)
    ),
    "coherence": (trl.coherence(**ONE), {}, [1] * 4 + [0, 0]),
    "soft_consistency": (
        trl.soft_consistency(**ONE, mean="geometric", **HARMONIC),
        {},
        [h[1]] * 4 + [h[0], h[0]],
    ),
    "pairwise": (trl.pairwise(**ONE, dyadic=False), {}, [F(1, 3)] * 4 + [F(1, 6), 0]),
    "safety": (trl.safety(length, PRICE), {}, [F(-1, 2), -2] + [F(-1, 2)] * 4),
}  # fmt: skip


@pytest.mark.parametrize("case", BY_HAND)
def test_the_advantage_of_a_small_batch_by_hand(case):
    reward, columns, paid = BY_HAND[case]
    mean = sum(paid) / 6
    wanted = [float(r - mean) for r in paid]
    assert advantage(reward, **columns) == pytest.approx(
        wanted, abs=2**-16 if "exp" in case else 1e-12
    )


def test_every_reward_and_measure_that_trl_is_offered_is_there():
    assert {case.partition(",")[0] for case in BY_HAND} == {*offered("trl")}
    for measure in ("gini", "exploration", "conditional"):
        assert f"diversity, {measure}" in BY_HAND


def test_rewards_with_a_gate_can_be_pickled():
    for reward in (trl.diversity(where=right), trl.diversity(measure="exploration", prior=known)):
        assert advantage(pickle.loads(pickle.dumps(reward))).tolist() == advantage(reward).tolist()


@pytest.mark.parametrize("G", [4, 6, 8, 16])
def test_maxrl_is_the_share_right_that_divides(G):
    """(r - mean)/mean times (G-1)/G, r = 1 where right: MaxRL, arXiv 2602.02710."""
    reward = trl.ground_truth(objective="log", dyadic=False)
    rounded = trl.ground_truth(objective="log")
    for number in range(1, G):
        texts = ["7"] * number + ["3"] * (G - number)
        r = np.array([1.0] * number + [0.0] * (G - number))
        wanted = (r - r.mean()) / r.mean() * (G - 1) / G
        assert advantage(reward, texts, answer=["7"] * G) == pytest.approx(wanted, abs=1e-14)
        assert advantage(rounded, texts, answer=["7"] * G) == pytest.approx(wanted, abs=2**-15)


# What is right.


def test_a_column_and_a_reward_function_are_one_gate():
    def is_seven(prompts, completions, answer, **_):
        return [text.endswith(truth) for text, truth in zip(completions, answer, strict=True)]

    by_column = trl.diversity(where="answer", bonus=1)
    by_function = trl.diversity(where=is_seven, bonus=1)
    paid = advantage(by_column, answer=["7"] * 6)
    assert paid.tolist() == advantage(by_function, answer=["7"] * 6).tolist()
    by_reward = trl.diversity(where=trl.ground_truth(), bonus=1)
    assert paid.tolist() == advantage(by_reward, answer=["7"] * 6).tolist()
    assert by_column.__name__ == "diversity-bonus1-whereanswer"
    assert by_function.__name__ == "diversity-bonus1-whereis_seven"


def test_no_answer_is_wrong_whatever_is_said_of_it():
    def all_right(completions, **_):
        return [1.0] * len(completions)

    for unanswered in ("lowest", "exclude"):
        reward = trl.diversity(measure="gini", where=all_right, bonus=1, unanswered=unanswered)
        paid = reward(["p"] * 6, TEXTS, group_id=[0] * 6)
        assert paid == [1.75] * 4 + [2, 0]


def test_what_a_verifier_cannot_judge_is_not_right():
    def unsure(completions, **_):
        return [None, 1.0, float("nan"), 0.5, -1.0, 1.0]

    with pytest.warns(UnevenGate), pytest.warns(PartialCredit, match=r"where gave 0\.5"):
        paid = trl.diversity(measure="gini", where=unsure)(["p"] * 6, TEXTS, group_id=[0] * 6)
    assert paid == [0, 0.75, 0, 0, 0, 0]


@pytest.mark.parametrize("make", [trl.diversity, trl.ground_truth])
def test_labels_that_cannot_be_read_are_counted_and_warned_of_once(make):
    columns = {"truth": "answer"} if make is trl.ground_truth else {"where": "answer", "bonus": 1}
    reward = make(kind="number", num_generations=6, **columns)
    both = {"prompts": ["p"] * 6 + ["q"] * 6, "completions": TEXTS * 2}
    logged = []
    labels = ["7"] * 6 + ["many"] * 6
    with pytest.warns(UnreadableLabel, match="column 'answer' holds 'many'"):
        paid = reward(**both, answer=labels, log_metric=lambda *a: logged.append(a))
    assert paid[:6] == make(kind="number", num_generations=6, **columns)(
        ["p"] * 6, TEXTS, answer=["7"] * 6
    )
    assert paid[6:] == [0.0] * 6
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reward(**both, answer=labels)
    assert reward.unread == 12
    assert [one for one in logged if one[0].endswith("unread")] == [
        (f"{reward.__name__}/unread", 0.5)
    ]
    with pytest.raises(InvalidAnswer, match="nor in any other row so far"):
        make(kind="number", num_generations=6, **columns)(**both, answer=["many"] * 12)


def test_a_bonus_that_is_too_small_is_warned_of_when_the_size_of_the_group_is_known():
    with pytest.warns(RightPaidLess, match="give bonus="):
        trl.diversity(where="answer", noise=8, num_generations=18)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reward = trl.diversity(where="answer", noise=8, beta=2)
    with pytest.warns(RightPaidLess, match="give bonus="):
        advantage(reward, TEXTS[:4] * 9, answer=["7"] * 36)  # 36 = the size that is tried, and 2


@pytest.mark.parametrize("G", [8, 34])
def test_a_trial_that_nobody_hears_leaves_the_warning_for_the_first_batch(G):
    reward = trl.diversity(where="answer", noise=8, beta=3)
    with pytest.warns(RightPaidLess):
        advantage(reward, ["7"] * G, answer=["7"] * G)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: trl.log_probability(where="answer"), InvalidReward, "use diversity, or bonus=1"),
        (lambda: trl.tsallis(2, where="answer"), InvalidReward, "use diversity, or bonus=1"),
        (lambda: trl.diversity(bonus=1), InvalidReward, "bonus is 1 without where"),
        (lambda: trl.diversity(where=5), InvalidReward, "where is 5: expected a function"),
        (
            lambda: trl.diversity(where="right"),
            InvalidReward,
            "where is 'right': .*column with right",
        ),
        (lambda: trl.diversity(where="all"), InvalidReward, "where is 'all': .*such as \"answer\""),
        (lambda: trl.diversity(where=np.ones(4)), InvalidReward, r"or the name of the column"),
        (lambda: trl.diversity(measure="conditional"), InvalidReward, "needs where="),
        (lambda: trl.diversity(prior=known), InvalidReward, "takes no prior="),
        (lambda: trl.ground_truth(where="answer"), TypeError, "unknown keyword where"),
        (lambda: trl.coherence(orbit_size=1, bonus=1), TypeError, "unknown keyword bonus"),
        (lambda: trl.of_counts((1, 2)), None, ""),  # K is not known yet
        (lambda: trl.of_counts((1, 2), num_generations=5), polyest.errors.Mismatch, r"K = 3"),
        (lambda: trl.of_counts(lambda X: X), InvalidReward, "f.0, 32. raised TypeError"),
        (lambda: trl.of_group(lambda X: X[1:]), InvalidReward, "f gave"),
        (lambda: trl.of_group(one_over), InvalidReward, "one without an answer, whose count is 0"),
        (lambda: trl.pass_at(0), polyest.errors.InvalidProblem, "k is 0"),
        (lambda: trl.tsallis(-1), InvalidReward, "q is -1"),
    ],
)
def test_what_a_reward_does_not_take_is_known_before_training(make, error, words):
    if error is None:
        make()
        return
    with pytest.raises(error, match=words):
        make()


def test_a_coroutine_is_no_gate():
    async def later(**_):
        return [1.0]

    with pytest.raises(InvalidReward, match="no coroutine"):
        trl.diversity(where=later)


@pytest.mark.parametrize(
    ("gives", "error", "words"),
    [
        ([1.0], BrokenBatch, "where gave values of shape .1,. for 6 completions"),
        ([[1.0]] * 6, BrokenBatch, "where gave values of shape .6, 1."),
        (["yes"] * 6, InvalidReward, "what where gave"),
        (None, BrokenBatch, "where gave values of shape"),
    ],
)
def test_what_is_no_verdict(gives, error, words):
    with pytest.raises(error, match=words):
        advantage(trl.diversity(where=lambda **_: gives, bonus=1))


def test_a_history_goes_with_a_gate():
    past = polyest.History()
    reward = trl.diversity(where="answer", bonus=2, history=past, **HARMONIC)
    first = advantage(reward, **ANSWER)
    assert (
        first.tolist()
        == advantage(trl.diversity(where="answer", bonus=2, **HARMONIC), **ANSWER).tolist()
    )
