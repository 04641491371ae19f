"""Every reward that looks a count up pays the entry M + X - 1, in every layout, or says why not."""

import sys
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import polyest
from polyest import History, answers, closed_forms, counts, rewards, tallies
from polyest.errors import (
    DelayedFeedback,
    InvalidHistory,
    InvalidReward,
    Mismatch,
    TableNotFound,
    UnknownOption,
)
from polyest.integrations import trl
from polyest.integrations.group_reward import GroupReward

BASELINES = {"group-mean": 2, "none": 1}


def batch(seed, rows=4, G=6, kinds=4):
    """Answers (rows, G), some of them missing, whose ids are digests."""
    rng = np.random.default_rng(seed)
    ids = answers.identify([str(i) for i in range(kinds)] + [None])
    return ids[rng.integers(0, kinds + 1, (rows, G))]


def plainly(said, past, baseline):
    """log_count by the plainest loop; past: the earlier answers of each row."""
    paid = np.full(said.shape, np.nan)
    for row, (group, earlier) in enumerate(zip(said, past, strict=True)):
        K = len(earlier) + len(group) - BASELINES[baseline]
        for i, z in enumerate(group):
            if z != -1:
                index = min(list(earlier).count(z) + list(group).count(z) - 1, K)
                paid[row, i] = closed_forms.log_count(K)[index]
    return paid


@settings(deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([*BASELINES]), st.integers(1, 3))
def test_rewards_are_the_entries_of_both_counts(seed, baseline, visits):
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DelayedFeedback)
        past = History(visits)
    earlier = {name: [] for name in "abcd"}
    for step in range(4):
        names = rng.permutation([*"abcd"])[: rng.integers(1, 5)].tolist()
        said = batch(seed + step, len(names), int(rng.integers(3, 7)))
        past.record(said, prompts=names, step=step)
        for name, group in zip(names, said.tolist(), strict=True):
            earlier[name].append(group)
    said = batch(seed + 9)
    window = [[z for group in earlier[n][-visits:] for z in group] for n in "abcd"]
    wanted = plainly(said, window, baseline)
    given = {"history": past, "table": "log_count", "baseline": baseline}
    paid = rewards.log_probability(said, prompts=[*"abcd"], **given)
    np.testing.assert_array_equal(paid, wanted)
    on_torch = rewards.log_probability(torch.tensor(said), prompts=[*"abcd"], **given)
    np.testing.assert_array_equal(on_torch.numpy(), wanted)
    flat = {"groups": np.repeat(np.arange(4), 6), "prompts": np.repeat([*"abcd"], 6)}
    order = rng.permutation(24)
    flat = {name: values[order] for name, values in flat.items()}
    paid = rewards.log_probability(said.reshape(-1)[order], **flat, **given)
    np.testing.assert_array_equal(paid, wanted.reshape(-1)[order])


@settings(deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([1, 3, 8, "auto"]),
    st.sampled_from([2, 6, 16, 17, 40]),
    st.booleans(),
)
def test_one_pass_counts_what_two_do(seed, visits, G, small):
    """Group and earlier completions in one pass, as rewards do, beside M and W that are counted apart."""
    rng, rows = np.random.default_rng(seed), 12
    ids = np.arange(1, 6) if small else answers.identify([*"abcde"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DelayedFeedback)
        past = History(visits, stable_ids=True)
    for _ in range(rng.integers(0, 12)):
        names = rng.permutation(rows)[: rng.integers(1, rows + 1)]
        past.record(rng.choice([*ids, -1], (len(names), rng.integers(1, 20))), prompts=names)
    said = rng.choice([*ids, -1], (rows, G))
    apart = counts.in_group(said, earlier=past.counted(said, range(rows)), baseline="none")
    for values in (said, torch.tensor(said), said.tolist()):
        pool = past.earlier(values, range(rows))
        seen = counts.in_group(values, earlier=pool, baseline="none")
        np.testing.assert_array_equal(seen.index, apart.index)
        np.testing.assert_array_equal(np.asarray(seen.draws), apart.draws)
        np.testing.assert_array_equal(seen.answered, apart.answered)
        assert seen.distinct == apart.distinct


@pytest.mark.parametrize("way", [np.array, torch.tensor, np.ndarray.tolist])
def test_a_reward_with_a_history_counts_in_one_pass(way, monkeypatch):
    past, passes, counted = History(), [], tallies.matches
    past.record(batch(0, G=16), prompts=range(4))

    def told(xp, wanted, *pools):
        passes.append((xp.__name__, len(pools)))
        return counted(xp, wanted, *pools)

    monkeypatch.delitem(sys.modules, "polyest.loops", raising=False)
    monkeypatch.setattr(tallies, "matches", told)
    rewards.log_probability(way(batch(1, G=16)), history=past, prompts=range(4))
    assert passes == [("numpy", 2)]


def test_a_mixed_batch_pays_what_its_rows_are_paid_alone():
    past, said, new = History(), batch(0, rows=2), batch(1)
    past.record(said, prompts=["a", "c"])
    together = rewards.diversity(new, noise=4, history=past, prompts=[*"abcd"])
    for i, name in enumerate("abcd"):
        alone = rewards.diversity(new[i : i + 1], noise=4, history=past, prompts=[name])
        np.testing.assert_array_equal(together[i : i + 1], alone)
    without = rewards.diversity(new, noise=4)
    np.testing.assert_array_equal(together[[1, 3]], without[[1, 3]])
    assert not np.array_equal(together[0], without[0], equal_nan=True)


@pytest.mark.parametrize("baseline", BASELINES)
def test_every_reward_that_counts_takes_it(baseline):
    past, said, new = History(), batch(2), batch(3)
    past.record(said, prompts=range(4))
    both = {"history": past, "prompts": range(4), "baseline": baseline}
    K = 6 + 6 - BASELINES[baseline]
    M, _ = past.counted(new, range(4))
    X = np.array([[[*row].count(z) for z in row] for row in new.tolist()])
    index, answered = np.minimum(M + X - 1, K), new != -1
    cases = [
        (rewards.polynomial(new, (0, 1, -0.5), **both), closed_forms.polynomial(K, (0, 1, -0.5))),
        (rewards.pass_at(new, 3, **both), closed_forms.pass_at(K, 3)),
        (rewards.tsallis(new, 0.5, **both), polyest.load(K, "tsallis:0.5")),
        (rewards.log_probability(new, noise=2, **both), polyest.load(K, noise=2)),
    ]
    for paid, table in cases:
        np.testing.assert_allclose(paid[answered], table[index][answered], rtol=1e-14)
    right = rewards.ground_truth(new, new[:, 0], objective="log", **both)
    here = (new == new[:, :1]) & answered
    np.testing.assert_allclose(right[here], ((K + 1) / (index + 1))[here], rtol=1e-14)


def test_dyadic_rewards_are_on_the_grid_of_the_group_and_not_of_the_draws():
    past, said = History(), batch(4, G=34)
    past.record(said, prompts=range(4))
    paid = rewards.log_probability(batch(5, G=34), history=past, prompts=range(4), dyadic=True)
    steps = paid[~np.isnan(paid)] * 2.0**16
    assert (np.abs(paid[~np.isnan(paid)]).max() * 34 * 2**16 <= 2**24) == (steps % 1 == 0).all()
    flat = {"groups": np.repeat(range(4), 34), "prompts": np.repeat(range(4), 34)}
    same = rewards.log_probability(batch(5, G=34).reshape(-1), history=past, dyadic=True, **flat)
    np.testing.assert_array_equal(same.reshape(4, 34), paid)


def test_other_libraries_are_paid_the_same():
    strict = pytest.importorskip("array_api_strict")
    past, new = History(), batch(1)
    past.record(batch(0, rows=2), prompts=["a", "c"])
    for names in ([*"abcd"], [*"aaaa"]):
        for unanswered in ("exclude", "lowest"):
            given = {"history": past, "prompts": names, "noise": 4, "unanswered": unanswered}
            wanted = rewards.log_probability(new, **given)
            found = rewards.log_probability(strict.asarray(new), **given)
            np.testing.assert_array_equal(np.asarray(found), wanted)


def test_a_table_that_is_not_released_names_the_earlier_completions():
    past = History()
    past.record(batch(0, rows=1, G=256), prompts=["a"])
    with pytest.raises(
        TableNotFound, match=r"W = 256 earlier completions beside a group of 128 need K = 382"
    ):
        rewards.log_probability(batch(1, rows=1, G=128), history=past, prompts=["a"])
    fits = rewards.log_probability(
        batch(1, rows=1, G=128), history=past, prompts=["a"], table="harmonic"
    )
    assert np.isfinite(fits[~np.isnan(fits)]).all()


@pytest.mark.parametrize("flat", [False, True])
def test_auto_looks_back_at_what_has_a_table(flat):
    # G = 16 and 8 visits are K = 142, which is not released at noise 4; 7 are K = 126
    past, rng = History("auto"), np.random.default_rng(0)
    for _ in range(9):
        said = answers.identify(rng.choice([*"abc"], (64, 16)).tolist())
        past.record(said, prompts=range(64))
    assert np.max(past.counted(said, range(64))[1]) == 128
    with pytest.raises(TableNotFound):
        polyest.load(142, noise=4)
    given = {"prompts": range(64), "noise": 4}
    if flat:
        given = {
            "prompts": np.repeat(range(64), 16),
            "groups": np.repeat(range(64), 16),
            "noise": 4,
        }
        said = said.reshape(-1)
    paid = rewards.log_probability(said, history=past, **given)
    assert np.isfinite(paid).all()
    closed = {**given, "table": "harmonic"}
    del closed["noise"]
    assert not np.array_equal(paid, rewards.log_probability(said, history=past, **closed))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"history": "past"}, InvalidReward, "expected a polyest.History"),
        ({"prompts": [1]}, InvalidReward, "prompts given without history"),
        ({"history": History()}, InvalidHistory, "prompts are missing"),
        ({"history": History(), "prompts": [1, 2]}, InvalidHistory, "2 ids: expected 1 ids"),
        ({"history": History(), "prompts": "a"}, InvalidHistory, "expected 1 ids"),
        ({"history": History(), "prompts": [["a"]]}, InvalidHistory, "id of a prompt is"),
        ({"history": History(), "prompts": [None]}, InvalidHistory, "id of a prompt is None"),
        ({"history": History(), "prompts": [1.5]}, InvalidHistory, "id of a prompt is 1.5"),
        ({"history": History(), "prompts": [True]}, InvalidHistory, "id of a prompt is True"),
        (
            {"history": History(), "prompts": [1], "baseline": "exact"},
            InvalidReward,
            "exact count baseline",
        ),
    ],
)
def test_what_does_not_fit_is_one_clear_error(options, error, message):
    with pytest.raises(error, match=message) as caught:
        rewards.log_probability(batch(0, rows=1), **options)
    assert "\n" not in str(caught.value)


ORBITS = (rewards.coherence, rewards.pairwise, rewards.soft_consistency)


@pytest.mark.parametrize("reward", ORBITS)
def test_rewards_over_orbits_take_no_history(reward):
    for more in ({"prompts": range(4)}, {}):
        with pytest.raises(UnknownOption, match="counts no earlier completions") as caught:
            reward(batch(0)[None], history=History(), **more)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["coherence", "pairwise", "soft_consistency", "of_group"])
def test_trainers_are_told_that_orbits_take_no_history(name):
    sized = {"orbit_size": 2} if name != "of_group" else {}
    arguments = (np.ones_like,) if name == "of_group" else ()
    with pytest.raises(UnknownOption, match="counts no earlier completions"):
        getattr(trl, name)(*arguments, num_generations=4, history=History(), **sized)
    with pytest.raises(InvalidReward, match=r"history|not offered here"):
        GroupReward(name, history=History())


def test_a_table_of_one_sample_size_does_not_fit_visits_of_two():
    past = History()
    past.record(batch(0, rows=1), prompts=["a"])
    with pytest.raises(Mismatch):
        rewards.log_probability(
            batch(1, rows=2), history=past, prompts=["a", "b"], table=polyest.load(4)
        )


def test_a_graph_has_no_history():
    past = History()

    def reward(said):
        return rewards.log_probability(said, history=past, prompts=[1])

    with pytest.raises(Exception, match="history in a graph"):
        torch.compile(reward, backend="eager", fullgraph=True)(torch.tensor(batch(0, rows=1)))
