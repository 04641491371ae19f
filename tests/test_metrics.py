"""What is looked at while training: by hand, over every group, and what is left out."""

from math import log

import numpy as np
import pytest
import torch
from enumeration import groups, mean
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import polyest
from polyest import History, advantages, closed_forms, errors, grpo, metrics, rewards
from polyest.rewards.options import CLOSED_FORMS

ANSWERS = [[7, 7, 3, -1], [5, 5, 5, 5], [-1, -1, 2, 9]]
WITHOUT = {"no_answer", "distinct_answers", "majority_share"}
ENTROPY = {"answer_entropy", "answer_entropy_error", "answer_entropy_bias"}
batches = arrays(np.int64, (4, 6), elements=st.integers(-1, 3))


def test_the_numbers_of_a_batch_by_hand():
    paid = [[1.0, 1.0, 0.0, np.nan], [0.5] * 4, [np.nan, np.nan, 2.0, np.nan]]
    found = metrics.of_batch(ANSWERS, rewards=paid, truth=[7, 4, -1], table="harmonic")
    assert found["no_answer"] == 3 / 12
    assert found["distinct_answers"] == (2 + 1 + 2) / 3
    assert found["majority_share"] == pytest.approx(
        (2 / 4 + 4 / 4 + 1 / 4) / 3
    )  # none is no answer
    assert found["no_signal"] == 2 / 3  # equal rewards, and a single one
    assert found["accuracy"] == 2 / 8  # the third prompt has no label
    # harmonic, K = 2: -3/2, -1/2, 0; of three draws -3/2, (-3/2 - 2/2)/3, -1/3, 0
    each = [(2 * 5 / 6 + 2 * 3 / 2) / 4, 0.0, (2 * 5 / 6 + 2 * 3 / 2) / 4]
    assert found["answer_entropy"] == pytest.approx(np.mean(each))
    assert found["answer_entropy_error"] == pytest.approx(np.std(each, ddof=1) / 3**0.5)


def test_what_cannot_be_known_is_left_out():
    assert {*metrics.of_batch(ANSWERS)} == WITHOUT | ENTROPY
    assert {*metrics.of_batch(ANSWERS, truth=[-1] * 3)} == WITHOUT | ENTROPY
    assert {*metrics.of_batch(ANSWERS[:1])} == WITHOUT | ENTROPY - {"answer_entropy_error"}
    assert {*metrics.of_batch([[7, 3]])} == WITHOUT  # K = 0
    unreleased = np.arange(2 * 150).reshape(2, 150)  # K = 148
    assert {*metrics.of_batch(unreleased)} == WITHOUT
    both = metrics.of_batch([*range(150), 7, 7, 3], groups=[0] * 150 + [1] * 3)
    assert both["answer_entropy"] == metrics.of_batch([[7, 7, 3]])["answer_entropy"]
    proved_when_asked = metrics.of_batch(ANSWERS, table="harmonic")
    assert {*proved_when_asked} == WITHOUT | ENTROPY - {"answer_entropy_bias"}
    past = History(stable_ids=True)
    past.record(ANSWERS, prompts=[0, 1, 2])
    assert "drift" not in metrics.of_batch(ANSWERS, history=past)
    past.record(np.roll(ANSWERS, 1, 0), prompts=[0, 1, 2])
    assert metrics.of_batch(ANSWERS, history=past)["drift"] == past.drift() > 0


NU = {
    "skewed": [0.5, 0.3, 0.15, 0.05],
    "certain": [0.97, 0.01, 0.01, 0.01],
    "silent": [0.1, 0.2, 0.7],
}


@pytest.mark.parametrize("nu", NU.values(), ids=NU)
@pytest.mark.parametrize("G", [3, 5, 6])
def test_the_entropy_has_the_bias_of_the_table_in_use_and_no_more_than_its_bound(nu, G):
    """Over every group: its mean is -sum p P(p), and no answer, the last of nu, is an outcome."""
    rows, chance = groups(nu, G)
    options = [{}, {"noise": 2}, {"criterion": "minimax"}, {"table": closed_forms.harmonic(G - 2)}]
    for which in options:
        table = which.get("table") or polyest.load(G - 2, **which)
        each = [metrics.of_batch(row[None], **which) for row in rows]
        estimated = float(np.dot(chance, [one["answer_entropy"] for one in each]))
        assert estimated == pytest.approx(-sum(p * mean(table, p) for p in nu), abs=1e-12)
        truth = -sum(p * log(p) for p in nu)
        if "answer_entropy_bias" in each[0]:
            bound = each[0]["answer_entropy_bias"]
            assert bound == table.bias.upper
            assert abs(estimated - truth) <= len(nu) * bound + 1e-12


def test_the_table_of_the_group_alone_would_have_another_mean():
    """Read as a table of K = G - 2, the counts of G - 1 others are biased by more than is claimed."""
    nu, G = [0.5, 0.3, 0.2], 4
    table = polyest.load(G - 2, criterion="minimax")
    truth = -sum(p * log(p) for p in nu)
    rows, chance = groups(nu, G)
    times = (rows[:, :, None] == rows[:, None]).sum(2) - 1
    naive = -(chance[:, None] * table.coefficients[np.minimum(times, G - 2)]).sum() / G
    assert abs(naive - truth) > len(nu) * table.bias.upper


@given(batches, st.permutations(range(24)))
def test_order_names_and_libraries_do_not_matter(answers, order):
    paid = rewards.log_probability(answers, unanswered="lowest")
    truth = answers[:, 0]
    found = metrics.of_batch(answers, rewards=paid, truth=truth)
    assert all(np.isfinite(value) for value in found.values())
    order = np.array(order)
    groups = np.repeat([9, 2, 5, 7], 6)[order]
    flat = {
        "rewards": paid.reshape(-1)[order],
        "truth": np.repeat(truth, 6)[order],
        "groups": groups,
    }
    renamed = np.array([30, 20, 10, 40, -1])  # -1 is the last
    flat["truth"] = renamed[flat["truth"]]
    assert metrics.of_batch(renamed[answers.reshape(-1)[order]], **flat) == pytest.approx(found)
    tensors = {"rewards": torch.tensor(paid), "truth": torch.tensor(truth)}
    assert metrics.of_batch(torch.tensor(answers), **tensors) == found


@given(batches)
def test_no_signal_is_what_has_advantage_0(answers):
    paid = rewards.diversity(answers, dyadic=True)
    silent = (advantages.group_mean(paid) == 0).all(1)
    assert metrics.of_batch(answers, rewards=paid)["no_signal"] == silent.mean()


def test_groups_of_several_sizes():
    answers, groups = [7, 7, 3, 5, 5, 1, 1], [0, 0, 0, 1, 1, 2, 2]  # the last two have no table
    found = metrics.of_batch(answers, groups=groups)
    alone = metrics.of_batch([[7, 7, 3]])
    assert found["answer_entropy"] == alone["answer_entropy"]
    assert "answer_entropy_error" not in found
    assert found["majority_share"] == pytest.approx((2 / 3 + 1 + 1) / 3)


@pytest.mark.parametrize(
    ("keywords", "error"),
    [
        ({"answers": [[0.5, 1.0]]}, errors.CountOutOfRange),
        ({"answers": [1, 2, 3]}, errors.CountOutOfRange),
        ({"groups": [1]}, errors.CountOutOfRange),
        ({"rewards": [1.0]}, errors.InvalidReward),
        ({"truth": [1]}, errors.CountOutOfRange),
        ({"noise": 2, "table": "harmonic"}, errors.InvalidReward),
        ({"beta": 2}, errors.UnknownOption),
        ({"table": polyest.load(5)}, errors.Mismatch),
    ],
)
def test_bad_input_has_a_name(keywords, error):
    with pytest.raises(error):
        metrics.of_batch(**{"answers": ANSWERS, **keywords})


@pytest.mark.parametrize("form", CLOSED_FORMS)
def test_every_closed_form_estimates_an_entropy(form):
    assert np.isfinite(metrics.of_batch(ANSWERS, table=form)["answer_entropy"])


def test_a_record_of_the_loop_gives_them():
    drawn = torch.tensor([[0, 0, 1, -1], [2, 2, 2, 2]])
    policy = torch.nn.Linear(1, 1)

    def score(traces):
        return rewards.log_probability(traces.answers, unanswered="lowest")

    loop = grpo.train(
        torch.nn.Sequential(policy),
        lambda step: grpo.Traces(torch.ones(8, 1), drawn),
        score,
        grpo.Config(1, 0.1),
    )
    (step,) = loop
    assert step.metrics(noise=2) == metrics.of_batch(drawn, rewards=step.rewards, noise=2)
    orbits = torch.stack([drawn, drawn])
    over = grpo.Step(0, grpo.Traces(orbits, orbits), score(step.traces), *[0.0] * 5)
    assert "no_signal" in grpo.Step(0, step.traces, step.rewards, *[0.0] * 5).metrics()
    with pytest.raises(errors.InvalidReward, match="one for each of 16"):
        over.metrics()
