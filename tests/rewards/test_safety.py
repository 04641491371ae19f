"""Safety rewards and the multiplier: by hand, to its saddle point, kept, and what is refused."""

import json

import numpy as np
import pytest
import torch

from polyest import rewards
from polyest.errors import InvalidReward
from polyest.rewards import Multiplier

nan = float("nan")


def test_one_budget_by_hand():
    price = Multiplier(0.25, rate=2.0, start=1.0)
    costs = [[1, 0, 0.5], [0, 0, 0]]
    assert rewards.safety(costs, price).tolist() == [[-1.0, 0.0, -0.5], [0.0, 0.0, 0.0]]
    assert price.value == 1.0  # a reward moves nothing
    assert price.update(costs) == 1.0  # the mean is .25
    assert price.update(np.ones((2, 2))) == 2.5
    assert price.update(np.zeros(7)) == 2.0
    for _ in range(9):
        price.update([0.0])
    assert price.value == 0.0  # never below


def test_several_budgets_by_hand():
    price = Multiplier([0.5, 0.1], rate=1.0, start=[1.0, 2.0])
    costs = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    assert rewards.safety(costs, price).tolist() == [[-1.0, -2.0]]
    assert price.update(costs) == pytest.approx([1.0, 2.4])
    assert np.array_equal(rewards.safety(torch.tensor(costs), price), rewards.safety(costs, price))
    assert rewards.safety(torch.tensor([[1, 0]]), 0.5).tolist() == [[-0.5, 0.0]]


def test_the_multiplier_finds_the_price_at_which_the_budget_is_met():
    """One prompt, pi ~ exp(-lambda c/beta) of three answers: the saddle point is known."""
    cost, beta, budget = np.array([0.0, 0.4, 1.0]), 0.5, 0.2
    price = Multiplier(budget, rate=0.5)
    for _ in range(2000):
        weights = np.exp(rewards.safety(cost, price) / beta)
        nu = weights / weights.sum()
        price.update(np.repeat(cost, np.rint(nu * 10**6).astype(int)))
    assert nu @ cost == pytest.approx(budget, abs=1e-5)
    assert price.value > 0.1
    loose = Multiplier(0.9, rate=0.5)
    loose.update(cost)
    assert loose.value == 0.0  # a budget that does not bind has no price


def test_a_state_is_plain_and_comes_back():
    price = Multiplier([0.5, 0.1], rate=0.3)
    price.update([[1.0, 1.0]])
    kept = json.loads(json.dumps(price.state_dict()))
    other = Multiplier([1.0, 1.0], rate=1.0)
    other.load_state_dict(kept)
    assert other.state_dict() == price.state_dict()
    assert other.update([[1.0, 1.0]]) == price.update([[1.0, 1.0]])
    with pytest.raises(InvalidReward, match="2 budgets: expected 1"):
        Multiplier(0.5, rate=1.0).load_state_dict(kept)
    with pytest.raises(InvalidReward, match="state without rate"):
        other.load_state_dict({"value": [0, 0], "budget": [1, 1]})


BAD = [
    (lambda p: rewards.safety([[1.0, nan]], p), "costs hold nan"),
    (lambda p: rewards.safety(torch.tensor([nan]), p), "costs hold nan"),
    (lambda p: rewards.safety([["a"]], p), "expected numbers"),
    (lambda p: rewards.safety([1.0], -1.0), "expected a number of at least 0"),
    (lambda p: rewards.safety([1.0], Multiplier([1.0, 1.0], rate=1.0)), r"\(1,\) for 2 budgets"),
    (lambda p: p.update([nan]), "costs hold nan"),
    (lambda p: p.update([]), "no process has costs"),
    (lambda p: Multiplier(0.1, rate=0.0), "positive rate"),
    (lambda p: Multiplier(0.1, rate=1.0, start=-1.0), "not negative"),
    (lambda p: Multiplier(nan, rate=1.0), "budget hold nan"),
    (lambda p: Multiplier([[0.1]], rate=1.0), "one budget or a list"),
    (lambda p: Multiplier([], rate=1.0), "one budget or a list"),
    (lambda p: Multiplier(0.1, rate=nan), "rate hold nan"),
    (lambda p: Multiplier(0.1, rate=[1, 2]), "a positive rate"),
    (lambda p: Multiplier(0.1, rate=1.0, start=[1, 2]), "or as many"),
    (lambda p: p.load_state_dict(None), "state without budget"),
    (lambda p: p.update("abc"), "expected numbers"),
    (lambda p: Multiplier([0.1, 0.2], rate=1.0).update(np.ones((4, 6))), r"\(4, 6\) for 2 budgets"),
    (lambda p: Multiplier(0.0, rate=1e308).update([1e308]), "infinity"),
    (lambda p: rewards.safety([1e300], 1e300), "beyond float64"),
    (lambda p: rewards.safety([[1.0]], [[1.0]]), "or a list"),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=[f"{i}" for i in range(len(BAD))])
def test_bad_input_is_a_named_error_and_moves_nothing(call, message):
    price = Multiplier(0.25, rate=2.0, start=1.0)
    with pytest.raises(InvalidReward, match=message):
        call(price)
    assert price.value == 1.0
