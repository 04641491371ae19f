"""Rewards behind a gate: right completions earn a bonus and their reward, all others 0."""

import warnings
from functools import partial
from itertools import product

import array_api_strict as strict
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from samples import data, required

import polyest
from polyest import advantages, counts, rewards
from polyest.errors import InvalidReward, RightPaidLess, UnevenGate, UnknownOption
from polyest.rewards import notices
from polyest.rewards.gate import rounded_up
from polyest.rewards.registry import REWARDS

pytestmark = pytest.mark.filterwarnings("ignore::polyest.errors.RightPaidLess")
GATED = [name for name, row in REWARDS.items() if row.gated]
MEASURES = ("entropy", "gini", "conditional")
SHAPES = {"noise 8": {"noise": 8}, "monotone": "monotone", "plug-in": {"table": "log_count"}}


@pytest.fixture(autouse=True)
def nothing_said_yet(monkeypatch):
    monkeypatch.setattr(notices, "_GIVEN", {})


def table(shape, G):
    """Options that choose the table of a group of G."""
    chosen = SHAPES[shape]
    if chosen != "monotone":
        return chosen
    return {"table": polyest.load(G - 2, noise=2, shape="monotone")}


def every_group(G):
    """Groups of G completions with three answers and with none, up to the order of the completions."""
    groups = np.array(list({tuple(sorted(group)) for group in product((-1, 1, 2, 3), repeat=G)}))
    return groups[np.lexsort(groups.T)]


RIGHT = ([1], [1, 2], [2, 3], [1, 2, 3], [])


def named(call):
    """What a call pays, and the bonus that it warns of, 0 without a warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        paid = call()
    said = [str(w.message) for w in caught if w.category is RightPaidLess]
    assert len(said) <= 1
    return paid, float(said[0].split("bonus=")[1].split(",")[0]) if said else 0.0


# What is paid.


@pytest.mark.parametrize("name", GATED)
def test_right_ones_earn_the_bonus_and_their_reward_and_all_others_nothing(name):
    row, given_ = REWARDS[name], {**data(name), **required(name)}
    where = np.array([[True, True, False, True, False]])  # the fourth has no answer
    own = row.function(**given_) if name != "of_group" else np.sqrt([[2, 2, 1, 0, 1]])
    f = {"f": lambda times, right: np.sqrt(times)} if name == "of_group" else {}
    for silent in ("exclude", "lowest"):
        paid = row.function(**{**given_, **f}, where=where, bonus=9, unanswered=silent)
        assert paid.tolist() == [[9 + own[0, 0], 9 + own[0, 1], 0, 0, 0]]


@pytest.mark.parametrize("name", [n for n, row in REWARDS.items() if row.unanswered])
def test_a_row_knows_whether_there_is_a_gate(name):
    row = REWARDS[name]
    given_ = {**data(name), **required(name)}
    given_ |= {"f": lambda times, right: times} if name == "of_group" else {}
    where = np.ones(np.shape(given_["answers"]), bool)
    if row.gated:
        row.function(**given_, where=where, bonus=9)
    else:
        for option in ({"where": where}, {"bonus": 1.0}):
            with pytest.raises(UnknownOption, match=f"unknown keyword {next(iter(option))}"):
                row.function(**given_, **option)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("dyadic", [True, False])
def test_rows_a_flat_batch_and_every_library_pay_alike(measure, dyadic):
    answers = np.random.default_rng(1).integers(-1, 4, (40, 7))
    where = np.isin(answers, [1, 3])
    call = partial(rewards.diversity, measure=measure, bonus=2.0, beta=0.3, dyadic=dyadic)
    paid = call(answers, where=where)
    order = np.random.default_rng(2).permutation(answers.size)
    ids = np.repeat(np.arange(40), 7)[order]
    flat = call(answers.reshape(-1)[order], where=where.reshape(-1)[order], groups=ids)
    assert flat.tolist() == paid.reshape(-1)[order].tolist()
    assert call(answers, where=where.astype(float)).tolist() == paid.tolist()
    assert call(answers.tolist(), where=where.tolist()).tolist() == paid.tolist()
    assert torch.equal(call(torch.tensor(answers), where=torch.tensor(where)), torch.tensor(paid))
    assert torch.equal(call(torch.tensor(answers), where=where), torch.tensor(paid))
    other = call(strict.asarray(answers), where=strict.asarray(where))
    assert np.asarray(other).tolist() == paid.tolist()


@pytest.mark.parametrize("measure", MEASURES)
def test_groups_of_several_sizes_have_the_tables_of_their_own(measure):
    sizes = (3, 5, 4, 5)
    groups = np.repeat(np.arange(4), sizes)
    answers = np.random.default_rng(3).integers(0, 3, groups.size)
    where = answers > 0
    call = partial(rewards.diversity, measure=measure, bonus=3.0)
    paid = call(answers, where=where, groups=groups)
    promised = call(answers, where=where, groups=groups, sizes=(3, 6))
    for group in range(4):
        own = groups == group
        alone = call(answers[own][None], where=where[own][None])[0]
        assert paid[own].tolist() == promised[own].tolist() == alone.tolist()


def test_a_history_counts_behind_a_gate_too():
    past = polyest.History(stable_ids=True)
    past.record([[7, 7, 3, 7]], prompts=["p"])
    answers, where = [[7, 3, 3, 5]], [[True, True, True, False]]
    asked = {"history": past, "prompts": ["p"]}
    paid = rewards.diversity(answers, where=where, bonus=1, **asked)
    bare = rewards.diversity(answers, **asked)
    assert paid.tolist() == [[1 + bare[0, 0], 1 + bare[0, 1], 1 + bare[0, 2], 0]]


def test_among_right_answers_two_look_ups_of_one_table():
    answers = np.array([[7, 7, 3, 5, 5, -1], [7, 7, 7, 7, 7, 3]])
    where = np.isin(answers, [7, 3])
    c = polyest.load(4).coefficients
    paid = rewards.diversity(answers, measure="conditional", where=where, beta=0.5, bonus=1)
    first = [c[2] - c[1], c[2] - c[1], c[2] - c[0], None, None, None]
    second = [0.0] * 5 + [c[4] - c[0]]  # six are right: the index 5 is cut to K = 4
    wanted = [[0.0 if d is None else 1 + 0.5 * d for d in row] for row in (first, second)]
    assert paid == pytest.approx(np.array(wanted), abs=1e-15)
    free = rewards.diversity(
        answers, measure="conditional", where=where, baseline="none", beta=0.5, bonus=1
    )
    c = polyest.load(5).coefficients
    assert free[1] == pytest.approx(1 + 0.5 * np.array([c[5] - c[4]] * 5 + [c[5] - c[0]]))


@given(st.data())
def test_sums_over_a_group_are_exact_in_float32(draw):
    G = draw.draw(st.integers(3, 12))
    measure = draw.draw(st.sampled_from(MEASURES))
    answers = np.array([draw.draw(st.lists(st.integers(-1, 3), min_size=G, max_size=G))])
    beta, bonus = draw.draw(st.floats(0.1, 50)), draw.draw(st.floats(0, 100))
    paid = rewards.diversity(
        answers, measure=measure, where=answers > 0, beta=beta, bonus=bonus, dyadic=True
    ).astype(np.float32)
    total = np.float32(0)
    for value in paid[0]:
        total = np.float32(total + value)
    assert float(total) == paid.astype(float).sum()


# The bonus that is named.


@pytest.mark.parametrize("G", [3, 4, 5, 6, 7])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("measure", MEASURES)
def test_with_the_bonus_that_is_named_no_wrong_answer_is_paid_more(G, shape, measure):
    options = {} if measure == "gini" else table(shape, G)
    answers = every_group(G)
    call = partial(rewards.diversity, answers, measure=measure, beta=2.5, **options)
    lowest = np.inf
    needed = 0.0
    for right in RIGHT:
        where = np.isin(answers, right)
        for dyadic in (False, True):
            paid, bonus = named(partial(call, where=where, dyadic=dyadic))
            needed = max(needed, bonus)
            lowest = min(lowest, paid[where].min(initial=0.0))
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                lifted = call(where=where, bonus=needed, dyadic=dyadic)
            assert lifted[where].min(initial=0.0) >= 0
            assert not lifted[~where].any()
    if measure == "entropy":  # every entry of the table is met by some group
        assert needed == rounded_up(-lowest)
    assert needed >= -lowest
    if shape != "noise 8":
        assert needed < 0.05 * 2.5


def test_tables_that_rise_and_fall_are_warned_of_once_and_again_for_more():
    answers, right = [[7] * 9 + [3] * 9], [[True] * 9 + [False] * 9]
    call = partial(rewards.diversity, answers, where=right, noise=8)
    worst = max(polyest.load(16, noise=8).coefficients)
    paid, bonus = named(call)
    assert paid[0, 0] == -polyest.load(16, noise=8)[8] < 0
    assert worst <= bonus <= worst * 1.001
    assert named(call)[1] == 0
    assert named(partial(call, bonus=bonus / 2))[1] == bonus
    assert named(partial(call, bonus=bonus))[1] == 0
    assert named(partial(call, beta=2.0))[1] == pytest.approx(2 * bonus, rel=1e-3)
    smaller = partial(
        rewards.diversity, [[7] * 8], where=[[True] * 8], noise=8
    )  # needs less than what was named
    assert named(smaller)[1] == 0


def test_a_warning_points_at_the_line_that_asked():
    with pytest.warns(RightPaidLess, match="monotone") as caught:
        rewards.diversity([[7] * 8], where=[[True] * 8], noise=8)
    assert caught[0].filename == __file__


def test_a_prior_counts_in_the_bonus_that_is_named():
    answers = np.array([[1, 1, 2, 3]])
    where, prior = answers < 3, np.log([[0.5, 0.5, 0.01, 1e-9]])
    call = partial(
        rewards.diversity,
        answers,
        measure="exploration",
        prior=prior,
        where=where,
        table="harmonic",
    )
    _, bonus = named(call)
    assert bonus == rounded_up(-np.log(1e-9))
    assert (call(bonus=bonus)[where] >= 0).all()


def test_what_f_gives_counts_in_the_bonus_that_is_named():
    call = partial(
        rewards.of_group, [[7, 7, 3]], lambda times, right: -times, where=[[1, 1, 0]], beta=2
    )
    paid, bonus = named(call)
    assert paid.tolist() == [[-4, -4, 0]]
    assert bonus == 4


@pytest.mark.parametrize(
    "call",
    [
        rewards.log_probability,
        partial(rewards.tsallis, q=0.5),
        partial(rewards.tsallis, q=1),
        partial(rewards.tsallis, q=3),
        partial(rewards.polynomial, coefficients=(-1, 0.5)),
        partial(rewards.of_counts, entries=lambda X, K: -1 / (X + 1)),
    ],
)
def test_rewards_that_are_all_negative_are_refused_without_a_bonus(call):
    answers, where = [[7, 7, 3, 5, 5]], [[True, True, True, False, False]]
    with pytest.raises(InvalidReward, match="use diversity, or bonus=1"):
        call(answers, where=where)
    paid, bonus = named(partial(call, answers, where=where, bonus=0.01))
    assert (paid[0, :3] < 0).any()
    assert (call(answers, where=where, bonus=bonus)[0, :3] >= 0).all()


# The gate.


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("form", [np.array, torch.tensor])
def test_a_gate_that_is_no_function_of_the_answer_is_warned_of_once(dense, form):
    answers = np.array([[7, 7, 3, 3], [7, 3, -1, -1]])
    uneven = np.array([[True, False, False, False], [True, False, True, False]])
    even = np.array([[True, True, False, False], [False, True, True, False]])
    ids = {} if dense else {"groups": np.repeat([5, 2], 4)}
    shape = (2, 4) if dense else -1

    def call(where):
        return rewards.diversity(
            form(answers.reshape(shape)), where=form(where.reshape(shape)), measure="gini", **ids
        )

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(even)  # two groups may judge an answer otherwise, and no answer is none
    with pytest.warns(UnevenGate, match="two completions of one group have the same answer"):
        call(uneven)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(uneven)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ([[True] * 3], r"where of shape \(1, 3\) for answers of shape \(1, 4\)"),
        ([True] * 4, r"where of shape \(4,\)"),
        (True, r"where of shape \(\)"),
        ([[1, 1, 0, 2]], "a number other than 0 and 1"),
        ([[1, 1, 0, np.nan]], "a number other than 0 and 1"),
        ([["yes"] * 4], "expected True or False"),
        ([[None] * 4], "expected True or False"),
        ([[1], [1, 2]], "expected True or False"),
        (np.ma.masked_array([[1, 1, 0, 0]], [[0, 0, 1, 0]]), "masked array"),
        ("right", "expected True or False"),
    ],
)
@pytest.mark.parametrize("measure", MEASURES)
def test_a_gate_that_is_none(where, message, measure):
    with pytest.raises(InvalidReward, match=message):
        rewards.diversity([[7, 7, 3, 5]], measure=measure, where=where, bonus=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bonus": 1}, "without where"),
        ({"where": [[True] * 4], "bonus": -1}, "expected a number from 0"),
        ({"where": [[True] * 4], "bonus": np.nan}, "expected a number from 0"),
        ({"where": [[True] * 4], "bonus": np.inf}, "expected a number from 0"),
        ({"where": [[True] * 4], "bonus": "1"}, "expected a number from 0"),
        ({"where": [[True] * 4], "baseline": "exact"}, "takes no gate"),
        ({"measure": "conditional"}, "needs where="),
        (
            {
                "measure": "conditional",
                "where": [[True] * 4],
                "counting": "independent",
                "reference": [[7, 3]],
            },
            "nothing says how many of those",
        ),
        (
            {
                "measure": "conditional",
                "where": [[True] * 4],
                "history": polyest.History(),
                "prompts": [1],
            },
            "nothing says how many of those",
        ),
    ],
)
def test_what_does_not_go_with_a_gate(options, message):
    with pytest.raises(InvalidReward, match=message):
        rewards.diversity([[7, 7, 3, 5]], **options)


def test_numbers_of_a_gate_cannot_be_looked_at_in_a_graph():
    answers = torch.tensor([[7, 7, 3, 5]])
    with pytest.raises(InvalidReward, match="expected bool in a graph"):
        rewards.diversity(answers.to("meta"), where=(answers == 7).float().to("meta"))
    paid = rewards.diversity(answers.to("meta"), where=(answers == 7).to("meta"))
    assert paid.device.type == "meta"


def test_any_reward_of_the_completion_may_be_added_to_a_gated_one():
    answers = np.array([[7, 7, 3, -1]])
    gated = rewards.diversity(answers, where=answers > 3, bonus=1)
    advantage = advantages.group_mean(gated - 0.1 * np.array([[3, 1, 2, 2]]))
    assert np.isfinite(advantage).all()
    assert counts.draws(4) == 2
