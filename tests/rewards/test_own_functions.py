"""Rewards that are the caller's own function of counts: of one count, or of all of the group."""

from functools import partial

import array_api_strict as strict
import numpy as np
import pytest
import torch

import polyest
from polyest import rewards
from polyest.errors import CountOutOfRange, InvalidReward, Mismatch, UnknownOption
from polyest.rewards import notices

ANSWERS = np.random.default_rng(5).integers(-1, 4, (30, 6))


@pytest.fixture(autouse=True)
def nothing_said_yet(monkeypatch):
    monkeypatch.setattr(notices, "_GIVEN", {})


def share(X, K):
    return X / K


# Of the own count.


def test_entries_and_a_function_and_a_polynomial_pay_alike():
    wanted = rewards.polynomial(ANSWERS, (0, 1), beta=0.5)
    for entries in (share, [k / 4 for k in range(5)], np.arange(5) / 4, torch.arange(5) / 4):
        paid = rewards.of_counts(ANSWERS, entries, beta=0.5)
        assert np.array_equal(paid, wanted, equal_nan=True)
    for options in ({"unanswered": "lowest"}, {"baseline": "none"}, {"dyadic": True}):
        paid = rewards.of_counts(ANSWERS, share, **options)
        assert np.array_equal(paid, rewards.polynomial(ANSWERS, (0, 1), **options), equal_nan=True)
    independent = {"counting": "independent", "reference": ANSWERS}
    assert np.array_equal(
        rewards.of_counts(ANSWERS, share, **independent),
        rewards.polynomial(ANSWERS, (0, 1), **independent),
        equal_nan=True,
    )


@pytest.mark.parametrize("form", [torch.tensor, strict.asarray])
def test_every_library_pays_alike(form):
    paid = rewards.of_counts(form(ANSWERS), share)
    assert type(paid) is type(form(ANSWERS))
    assert np.array_equal(np.asarray(paid), rewards.of_counts(ANSWERS, share), equal_nan=True)
    of_group = partial(rewards.of_group, f=lambda times: times / times.sum())
    paid = of_group(form(ANSWERS))
    assert type(paid) is type(form(ANSWERS))
    assert np.array_equal(np.asarray(paid), of_group(ANSWERS), equal_nan=True)


def test_a_function_knows_the_sample_size_of_each_group_and_of_each_history():
    asked = set()

    def f(X, K):
        asked.add((type(X), type(K), K))
        return 10 * K + X

    groups = np.repeat([3, 1], [3, 5])
    paid = rewards.of_counts([7, 7, 5, 2, 2, 2, 2, 4], f, groups=groups)
    assert paid.tolist() == [11, 11, 10, 33, 33, 33, 33, 30]
    assert asked == {(int, int, 1), (int, int, 3)}
    past = polyest.History(stable_ids=True)
    past.record([[7, 7, 5]], prompts=["p"])
    seen = {"history": past, "prompts": ["p"]}
    assert rewards.of_counts([[7, 5, 5]], f, **seen).tolist() == [[42, 42, 42]]
    with pytest.raises(Mismatch, match=r"entries are 3 numbers, but the counts have K = 4 draws"):
        rewards.of_counts([[7, 5, 5]], (1, 2, 3), **seen)


def test_a_function_that_changes_is_asked_again():
    price = [1.0]
    call = partial(rewards.of_counts, [[7, 7, 3]], lambda X, K: price[0] * X)
    assert call().tolist() == [[1, 1, 0]]
    price[0] = 2.0
    assert call().tolist() == [[2, 2, 0]]


def test_own_entries_are_part_of_one_graph():
    torch._dynamo.reset()
    answers = torch.tensor(ANSWERS)
    for entries in (share, (1.0, 0.5, 0.25, 0.0, -1.0)):
        call = partial(rewards.of_counts, entries=entries, unanswered="lowest")
        compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
        assert torch.equal(compiled(answers), call(answers))


@pytest.mark.parametrize(
    ("entries", "error", "message"),
    [
        ((1, 2, 3), Mismatch, r"entries are 3 numbers, .* K = 4 draws: expected K \+ 1 = 5"),
        ((), InvalidReward, "expected finite numbers c_0..c_K"),
        ([[1, 2, 3, 4, 5]], InvalidReward, "expected finite numbers c_0..c_K"),
        ((1, 2, 3, 4, np.nan), InvalidReward, "expected finite numbers c_0..c_K"),
        ((1, 2, 3, 4, None), InvalidReward, "expected finite numbers c_0..c_K"),
        ((1, 2, 3, 4, np.inf), InvalidReward, "expected finite numbers c_0..c_K"),
        ("1, 2, 3", InvalidReward, "expected finite numbers c_0"),
        ({1: 2}, InvalidReward, "expected finite numbers"),
        (None, InvalidReward, "expected"),
        (lambda X, K: np.nan, InvalidReward, r"f\(0, 4\) is nan: expected a finite number"),
        (lambda X, K: "1", InvalidReward, r"f\(0, 4\) is '1'"),
        (lambda X, K: 1 / X, InvalidReward, r"f\(0, 4\) raised ZeroDivisionError"),
        (lambda X: 1.0, InvalidReward, r"f\(0, 4\) raised TypeError .*a function of two integers"),
        (lambda X, K: 1e308, InvalidReward, "beyond float64"),
    ],
)
def test_what_are_no_entries(entries, error, message):
    with pytest.raises(error, match=message):
        rewards.of_counts(ANSWERS, entries, beta=10)


@pytest.mark.parametrize("option", ["criterion", "noise", "bias", "bias_ratio", "table"])
def test_there_is_no_table_to_choose(option):
    for call in (rewards.of_counts, rewards.of_group):
        with pytest.raises(UnknownOption, match=f"unknown keyword {option}"):
            call(ANSWERS, share, **{option: 1})


# Of the group.


def test_f_sees_all_counts_of_its_group_alone():
    groups = []
    answers = [[7, 7, 3, -1], [5, 5, 5, 5]]
    rewards.of_group(answers, lambda times: groups.append(times.tolist()) or times)
    assert groups == [[2, 2, 1, 0], [4, 4, 4, 4]]
    flat, ids = np.array([7, 5, 7, 5, 3, 5, -1, 5]), [9, 2, 9, 2, 9, 2, 9, 2]
    paid = rewards.of_group(flat, lambda times: times, groups=ids, unanswered="lowest")
    assert paid.tolist() == [2, 4, 2, 4, 1, 4, 0, 4]
    assert groups == [[2, 2, 1, 0], [4, 4, 4, 4]]


def test_no_answer_earns_nan_or_the_least_of_its_group():
    answers = [[7, 7, 3, -1], [-1, -1, -1, -1]]
    f = lambda times: -1.0 - times  # noqa: E731
    paid = rewards.of_group(answers, f)
    assert np.array_equal(paid, [[-3, -3, -2, np.nan], [np.nan] * 4], equal_nan=True)
    least = rewards.of_group(answers, f, unanswered="lowest")
    assert least.tolist() == [[-3, -3, -2, -3], [-1] * 4]
    agreed = rewards.of_group([[7, 7, 7, -1]], lambda times: times / 4, unanswered="lowest")
    assert agreed.tolist() == [[0.75, 0.75, 0.75, 0]]
    other = [[7, 7, 3, 9]]
    assert np.isnan(rewards.of_group(other, f, no_answer=9)[0, 3])


def test_f_sees_which_are_right_where_there_is_a_gate():
    answers, right = [[7, 7, 3, -1]], [[True, True, False, True]]

    def f(times, good):
        assert good.tolist() == [True, True, False, False]  # without an answer none is right
        good[:] = True  # its own copy
        return times

    assert rewards.of_group(answers, f, where=right, bonus=0.5).tolist() == [[2.5, 2.5, 0, 0]]


def test_the_majority_is_that_of_coherence():
    majority = rewards.of_group(ANSWERS, lambda times: times == times.max())
    alike = (ANSWERS >= 0).any(1)
    wanted = rewards.coherence(ANSWERS[:, None])[:, 0]
    assert np.array_equal(majority[alike], wanted[alike], equal_nan=True)


def test_sums_are_exact_in_float32():
    paid = rewards.of_group(ANSWERS, lambda times: np.sqrt(times), dyadic=True, unanswered="lowest")
    assert (paid * 2**16 % 1 == 0).all()


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda times: times[:-1], r"for a group of 6 completions: expected a finite number"),
        (lambda times: 1.0, r"f gave 1.0 for a group of 6"),
        (lambda times: times * np.nan, "expected a finite number for each"),
        (lambda times: [None] * 6, "expected a finite number for each"),
        (lambda times: ["a"] * 6, "what f gave"),
        (lambda times, right: times, "f raised TypeError"),
        (lambda times: np.where(times > 0, 1.0, np.nan), "one without an answer, whose count is 0"),
        (lambda times: times / 0, "f raised RuntimeWarning|expected a finite number"),
        ("majority", "f is 'majority': expected a function"),
        (lambda times: 0 * times + 1e308, "beyond float64"),
    ],
)
def test_what_is_no_function_of_a_group(f, message):
    with pytest.raises(InvalidReward, match=message):
        rewards.of_group(ANSWERS, f, beta=100)


def test_what_is_no_batch_of_groups():
    f = lambda times: times  # noqa: E731
    with pytest.raises(CountOutOfRange, match=r"expected \(prompts, G\)"):
        rewards.of_group([7, 7], f)
    with pytest.raises(CountOutOfRange, match="one group id per completion"):
        rewards.of_group([7, 7], f, groups=[1])
    with pytest.raises(CountOutOfRange, match="at least one completion"):
        rewards.of_group(np.zeros((0, 4), int), f)
    with pytest.raises(InvalidReward, match="answers in a graph, or without values"):
        rewards.of_group(torch.tensor(ANSWERS).to("meta"), f)
