"""Bad input to rewards: one named error, with value, expectation and repair."""

import numpy as np
import pytest

import polyest
from polyest import rewards
from polyest.errors import (
    CountOutOfRange,
    InvalidProblem,
    InvalidReward,
    Mismatch,
    TableNotFound,
    UnknownOption,
)

nan = float("nan")
ANSWERS = np.random.default_rng(0).integers(-1, 5, (12, 8))

BAD = [
    (lambda: rewards.log_probability([[1]]), CountOutOfRange, "a group of 1 under"),
    (lambda: rewards.log_probability([[]]), CountOutOfRange, "at least one completion"),
    (lambda: rewards.log_probability([[1.5, 2, 2]]), CountOutOfRange, "type float64"),
    (lambda: rewards.log_probability(np.zeros((1, 151), int)), TableNotFound, "K = 149"),
    (lambda: rewards.log_probability(ANSWERS, beta=0), InvalidReward, "beta is 0"),
    (lambda: rewards.log_probability(ANSWERS, beta=nan), InvalidReward, "beta is nan"),
    (
        lambda: rewards.log_probability(ANSWERS, noize=8),
        UnknownOption,
        "keyword noize: expected some of groups",
    ),
    (
        lambda: rewards.log_probability(ANSWERS, unanswered="zero"),
        InvalidReward,
        "unanswered is 'zero'",
    ),
    (
        lambda: rewards.log_probability(ANSWERS, table="plugin"),
        InvalidReward,
        "table is 'plugin' for target log: expected",
    ),
    (
        lambda: rewards.log_probability(ANSWERS, table="harmonic", noise=8),
        InvalidReward,
        "noise, table are given together",
    ),
    (
        lambda: rewards.polynomial(ANSWERS, (0, 1), noise=8),
        InvalidReward,
        "noise given for a polynomial",
    ),
    (lambda: rewards.log_probability(ANSWERS, table=5), InvalidReward, "table is 5"),
    (lambda: rewards.log_probability(ANSWERS, table=np.zeros(7)), InvalidReward, "table is array"),
    (
        lambda: rewards.log_probability(ANSWERS, noise=[8]),
        InvalidReward,
        "noise is .8.: expected a number",
    ),
    (lambda: rewards.log_probability(np.ma.masked_array(ANSWERS)), CountOutOfRange, "masked array"),
    (lambda: rewards.log_probability(ANSWERS, no_answer=2**70), CountOutOfRange, "no_answer is"),
    (
        lambda: rewards.log_probability(np.array([[2**64 - 1, 5, 6]], np.uint64)),
        CountOutOfRange,
        "above 2.63 - 1",
    ),
    (
        lambda: rewards.ground_truth(ANSWERS, ANSWERS, baseline="bogus"),
        InvalidProblem,
        "'bogus' is unknown",
    ),
    (
        lambda: rewards.log_probability(
            ANSWERS, counting="independent", reference=ANSWERS, sizes=(3, 9)
        ),
        InvalidReward,
        "groups or sizes given",
    ),
    (lambda: rewards.standard([["a"]]), InvalidReward, "expected numbers"),
    (
        lambda: rewards.diversity(ANSWERS, measure="exploration", prior=[["a"]]),
        InvalidReward,
        "expected log Q",
    ),
    (
        lambda: rewards.polynomial(ANSWERS, (0, 1), table="harmonic"),
        InvalidReward,
        "table given for a poly",
    ),
    (
        lambda: rewards.tsallis(ANSWERS, 0.5, table="harmonic"),
        InvalidReward,
        "for target tsallis:0.5",
    ),
    (
        lambda: rewards.tsallis(ANSWERS, 0.5, table=polyest.load(6)),
        Mismatch,
        "for a reward that estimates tsallis:0.5",
    ),
    (lambda: rewards.polynomial(ANSWERS, ("a",)), InvalidReward, "expected numbers a_0"),
    (lambda: rewards.polynomial(ANSWERS, (0, nan)), InvalidProblem, "finite"),
    (
        lambda: rewards.log_probability(ANSWERS, counting="independent"),
        InvalidReward,
        "reference is missing",
    ),
    (
        lambda: rewards.log_probability(ANSWERS, reference=ANSWERS),
        InvalidReward,
        "reference is given",
    ),
    (
        lambda: rewards.log_probability(
            ANSWERS, counting="independent", reference=ANSWERS, groups=[0, 0]
        ),
        InvalidReward,
        "groups or sizes given with reference",
    ),
    (
        lambda: rewards.log_probability(ANSWERS, baseline="median"),
        InvalidProblem,
        "'median' is unknown",
    ),
    (
        lambda: rewards.log_probability(ANSWERS, counting="pooled"),
        InvalidProblem,
        "'pooled' is unknown",
    ),
    (lambda: rewards.diversity(ANSWERS, measure="shannon"), InvalidReward, "measure is 'shannon'"),
    (lambda: rewards.diversity(ANSWERS, measure="exploration"), InvalidReward, "needs prior="),
    (lambda: rewards.diversity(ANSWERS, prior=ANSWERS), InvalidReward, "takes no prior="),
    (
        lambda: rewards.diversity(ANSWERS, measure="exploration", prior=np.log(ANSWERS * 0.0 + 0)),
        InvalidReward,
        "finite log Q",
    ),
    (
        lambda: rewards.diversity(ANSWERS, measure="exploration", prior=np.zeros(3)),
        InvalidReward,
        r"prior of shape \(3,\)",
    ),
    (lambda: rewards.tsallis(ANSWERS, 0), InvalidReward, "q is 0"),
    (lambda: rewards.pass_at(ANSWERS, 0), InvalidProblem, "k is 0"),
    (lambda: rewards.ground_truth(ANSWERS, [1, 2]), InvalidReward, r"truth of shape \(2,\)"),
    (
        lambda: rewards.ground_truth(ANSWERS, ANSWERS, objective="f1"),
        InvalidReward,
        "objective is 'f1'",
    ),
    (
        lambda: rewards.ground_truth(ANSWERS, ANSWERS, k=3),
        InvalidReward,
        "expected k with objective pass@k only",
    ),
    (
        lambda: rewards.ground_truth(ANSWERS, ANSWERS, objective="pass@k", k=0),
        InvalidReward,
        "k is 0: expected an integer",
    ),
    (lambda: rewards.standard([[1.0, nan]]), InvalidReward, "nan or an infinity"),
]


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[f"{i}" for i in range(len(BAD))])
def test_bad_input_is_a_named_error(call, error, message):
    with pytest.raises(error, match=message):
        call()
