"""What a reward optimises: gradients by enumeration, fits against a general minimiser, bad input."""

import re
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

import polyest
from polyest.errors import CountOutOfRange, InvalidProblem, NotProved, PolyestError
from polyest.make.explanation import explain
from polyest.problem.targets import parse
from polyest.proof.certify import measure
from polyest.solvers.affine import least_affine

REWARDS = ("1/X", "1/sqrt(X)", "X >= 4", "-log(X/G)", "1 - X/G")


def gradient(f, group, p, baseline):
    """d/dp of the expected reward gradient of a policy (p, 1-p), by enumeration of all groups."""
    total = 0.0
    for answers in product((0, 1), repeat=group):
        chance = np.prod([p if a == 0 else 1 - p for a in answers])
        counts = [answers.count(a) for a in answers]
        rewards = np.array([f(X) for X in counts])
        if baseline == "group-mean":
            rewards = (rewards - rewards.mean()) * group / (group - 1)
        # d log pi/dp of an answer is 1/p or -1/(1-p)
        scores = np.array([1 / p if a == 0 else -1 / (1 - p) for a in answers])
        total += chance * float(rewards @ scores) / group
    return total


@pytest.mark.parametrize("baseline", ["group-mean", "none"])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("f", [lambda X: 1 / X, lambda X: float(X >= 2), lambda X: X * X - 1.5 * X])
def test_the_functional_has_the_gradient_of_the_reward(f, p, baseline):
    explanation, step = explain(f, 5, baseline=baseline), 1e-5
    seen = gradient(f, 5, p, baseline)
    assert seen == pytest.approx(explanation.mean(p) - explanation.mean(1 - p), abs=1e-12)

    def total(q):
        return explanation.functional(q) + explanation.functional(1 - q)

    assert seen == pytest.approx((total(p + step) - total(p - step)) / (2 * step), abs=1e-8)


def test_the_mean_is_that_of_the_count():
    explanation = explain("1/X", 16)
    for p in (0.0, 0.03, 0.5, 1.0):
        right = sum(comb(14, k) * p**k * (1 - p) ** (14 - k) / (1 + k) for k in range(15))
        assert explanation.mean(p) == pytest.approx(right, rel=1e-13)
    assert explanation.functional(0.0) == 0


def test_expressions_functions_and_entries_are_the_same_reward():
    same = [
        explain("1/X", 6),
        explain(lambda X: 1 / X, 6),
        explain([1 / X for X in range(1, 7)], 6),
        explain(
            np.array([1 / X for X in range(1, 6)]), 6
        ),  # the last has no effect under a group mean
    ]
    assert len({(one.K, one.best.target, one.best.scale, one.best.bias.upper) for one in same}) == 1
    steps = explain("X >= 4", 6), explain(lambda X: X >= 4, 6), explain("G - 2 <= X", 6)
    assert [one.coefficients.tolist() for one in steps] == [[0.0, 0.0, 0.0, 1.0, 1.0]] * 3


@pytest.mark.parametrize("reward", REWARDS)
@pytest.mark.parametrize("baseline", ["group-mean", "none", "exact"])
def test_what_is_said_of_the_fit_is_proved_of_the_entries(reward, baseline):
    explanation = explain(reward, 8, baseline=baseline)
    assert len(explanation.coefficients) == (7 if baseline == "group-mean" else 8)
    for fit in explanation.fits:
        entries = (explanation.coefficients - fit.offset) / fit.scale
        assert fit.certificate == measure(parse(fit.target), entries)
        assert baseline != "none" or fit.offset == 0
        p = np.linspace(1e-6, 1, 2001)
        mean = np.array([explanation.mean(x) for x in p])
        error = np.abs(p * ((mean - fit.offset) / fit.scale - parse(fit.target).phi(p)))
        assert error.max() <= fit.bias.upper * (1 + 1e-9) + 1e-15
    assert explanation.best.share == min(fit.share for fit in explanation.fits)


@pytest.mark.parametrize("reward", REWARDS[:4])
def test_the_better_table_is_better_at_no_more_variance(reward):
    explanation = explain(reward, 8)
    better, best = explanation.better, explanation.best
    assert better.target == best.target
    assert better.bias.upper < best.bias.lower
    assert better.gradient_variance <= best.certificate.gradient_variance
    polyest.verify(better)


def test_a_linear_reward_is_exact_and_nothing_is_better():
    explanation = explain("1 - X/G", 16)
    assert (explanation.best.target, explanation.better) == ("polynomial:0,1", None)
    assert explanation.best.scale == pytest.approx(-14 / 16)
    assert explanation.best.bias.upper < 1e-15
    assert explanation.reason == "it is unbiased, up to rounding"


def test_a_table_for_a_target_is_found_to_estimate_it():
    for name, target in (("log", "log"), ("power:-0.3", "power:-0.3"), ("power:0.5", "power:0.5")):
        table = polyest.solve(14, name, noise=4)
        explanation = explain(table.coefficients * 3 + 1, 16)
        fit = next(fit for fit in explanation.fits if fit.target == target)
        assert fit.scale == pytest.approx(3, rel=0.02)
        assert fit.bias.upper <= table.bias.upper * (1 + 1e-4)
        assert (
            explanation.better is None
            or explanation.better.bias.upper < explanation.best.bias.lower
        )


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(-3, 3), min_size=3, max_size=8).filter(lambda c: np.ptp(c) > 0.1),
    st.sampled_from(["log", "power:0.5", "power:-0.5", "tsallis:3"]),
)
def test_no_scale_and_offset_are_better(entries, name):
    """The linear program against a nested scalar search on points of its own."""
    entries, target = np.array(entries), parse(name)
    fit = least_affine(entries, target, True)
    p = np.sin(np.linspace(0, np.pi / 2, 801)[1:]) ** 2
    K = len(entries) - 1
    mean = sum(c * comb(K, k) * p**k * (1 - p) ** (K - k) for k, c in enumerate(entries))

    def constant(f):
        def height(v):
            return np.abs(p * v - f).max()

        return minimize_scalar(
            height, bounds=(-99, 99), method="bounded", options={"xatol": 1e-9}
        ).fun

    alone = constant(target.weighted(p))
    best = minimize_scalar(
        lambda u: constant(target.weighted(p) - u * p * mean), bounds=(-40, 40), method="bounded"
    ).fun
    if abs(fit.scale) > 1 / 35:
        assert fit.share <= best / alone * 1.01 + 1e-6


def test_where_a_proof_fails_the_word_is_not_proved(monkeypatch):
    def fails(*words):
        raise NotProved("no")

    monkeypatch.setattr("polyest.make.explanation.measure", fails)
    explanation = explain("1/X", 5)
    assert (explanation.best.bias, explanation.better, explanation.reason) == (
        None,
        None,
        "not proved",
    )


def test_and_so_where_no_table_is_solved(monkeypatch):
    def fails(*words, **keywords):
        raise PolyestError("no")

    monkeypatch.setattr("polyest.make.explanation.solve", fails)
    explanation = explain("1/X", 5)
    assert explanation.best.bias is not None
    assert (explanation.better, explanation.reason) == (None, "not proved: no")


@pytest.mark.parametrize(
    ("reward", "group", "said"),
    [
        ([1, 2], 16, "2 entries for a group of 16: expected 16, .* or 15"),
        ([1] * 17, 16, "17 entries"),
        ([], 4, "0 entries"),
        ([1, float("nan"), 2, 3], 4, "reward of count 2 is nan"),
        ([1, float("inf"), 2, 3], 4, "reward of count 2 is inf"),
        ([1, "x", 2, 3], 4, "reward of count 2 is nan"),
        ([1, 1, 1, 1], 4, "are all 1.0: expected at least two different values"),
        ([1, 1, 1, 5], 4, "are all 1.0"),  # the last count has no effect
        (3, 4, "expected an expression of X and G, a function of X"),
        (None, 4, "expected an expression"),
        ("1/(X-2)", 4, "not finite at X = 2"),
        ("log(X-1)", 4, "not finite at X = 1"),
        ("p", 4, "'p' is unknown: expected X or G"),
        ("", 4, "expected a number"),
        ("1 < X < 3", 4, "at most one comparison"),
        ("X >=", 4, "expected a number"),
        ("1e99**2*X", 4, "up to 1e\\+100|more than|not finite"),
        (lambda X: 1 / (X - 2), 4, "raises ZeroDivisionError .* for the count 2"),
        (lambda X: None, 4, "reward of count 1 is nan"),
        (lambda: 1, 4, "raises TypeError"),
        ("X", 2000, "expected K up to 1024"),
    ],
)
def test_a_reward_that_is_no_function_of_the_count_is_refused(reward, group, said):
    with pytest.raises(InvalidProblem, match=said) as caught:
        explain(reward, group)
    assert not re.search(r"\n", str(caught.value))


@pytest.mark.parametrize("group", [2, 1, 0, None, 1.5])
def test_a_group_without_a_draw_is_refused(group):
    with pytest.raises(CountOutOfRange):
        explain("X", group)


@pytest.mark.parametrize("group", [3, 129])
def test_small_and_large_groups_are_explained(group):
    explanation = explain("1/X", group)
    assert len(explanation.coefficients) == group - 1
    assert explanation.best.bias.upper < 1
