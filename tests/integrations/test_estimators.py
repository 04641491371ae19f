"""Advantages from the classes of answers, without any trainer."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import required

from polyest import advantages, answers, errors, rewards
from polyest.integrations.correctness import Labels
from polyest.integrations.estimators import advantages_of, parse_options
from polyest.integrations.scores import answer_class
from polyest.integrations.tokens import token_advantages
from polyest.integrations.verl import estimate
from polyest.rewards.registry import offered

REWARDS = offered("estimators")
LOOKED_UP = [name for name, row in REWARDS.items() if row.table]
COMPARED = [name for name, row in REWARDS.items() if not row.table]
LOWEST = {"unanswered": "lowest"}  # the default of every integration


def options(name, **more):
    whose = {"orbits": "none"} if REWARDS[name].orbits else {}
    return {**whose, **required(name), **more}


def tokens(scores, length=4):
    """Scores as trainers carry them: on the last token of each response, of ragged lengths."""
    placed, mask = torch.zeros(len(scores), length), torch.zeros(len(scores), length)
    for i, score in enumerate(scores):
        mask[i, : 1 + i % length] = 1
        placed[i, i % length] = score
    return placed, mask


def test_a_score_that_says_right_or_wrong_is_counted_as_the_same_answer():
    scores, mask = tokens([7.0 / 2**24, -(7.0 + 256) / 2**48, 3.0, -1.0])
    plain, _ = tokens([7.0, 7.0, 3.0, -1.0])
    index = np.array(list("aaaa"), object)
    advantage, wanted = (
        estimate("log_probability", each, mask, None, index)[0] for each in (scores, plain)
    )
    assert torch.equal(advantage, wanted)
    assert wanted.any()


@pytest.mark.parametrize("name", LOOKED_UP)
@pytest.mark.parametrize("baseline", ["group-mean", "leave-one-out"])
@pytest.mark.parametrize("silence", [{}, {"unanswered": "exclude"}], ids=["default", "exclude"])
def test_advantages_are_those_of_the_reward_with_its_baseline(name, baseline, silence):
    ids = np.array([[7, 7, 3, 5, -1], [1, 1, 1, 1, 2]])
    row = REWARDS[name]
    own = required(name) | ({"truth": [7, 1]} if row.labelled else {})
    given = ids[:, None] if row.orbits else ids
    changes = {"dyadic": True, "beta": 0.5, **LOWEST, **silence}
    paid = row.function(given, **changes, **own).reshape(2, 5)
    wanted = {"group-mean": advantages.group_mean, "leave-one-out": advantages.leave_one_out}
    parsed = parse_options(name, options(name, beta=0.5, baseline=baseline, **silence))
    shuffled = np.random.default_rng(1).permutation(10)
    groups = np.array(["a"] * 5 + ["b"] * 5)[shuffled]
    advantage = np.zeros(10)
    flat = ids.reshape(-1)[shuffled]
    labels = Labels(np.isin(flat, [7, 1]), np.ones(10, bool)) if row.labelled else None
    advantage[shuffled] = advantages_of(parsed, flat, groups, labels=labels)
    assert advantage.reshape(2, 5) == pytest.approx(wanted[baseline](paid), abs=1e-14)
    assert advantage[4] == (0 if silence else advantage[:5].min())


@pytest.mark.parametrize("name", COMPARED)
@pytest.mark.parametrize("orbits", [["x", "y"] * 2, ["x", "x", "y", "y"]])
def test_a_reward_without_a_table_is_centred_over_its_orbit(name, orbits):
    ids = np.array([[7, 7, 3], [7, 5, -1], [2, 2, 2], [1, 2, 3]])
    groups, whose = np.repeat(range(4), 3), np.repeat(orbits, 3)
    parsed = parse_options(name, {"orbits": "uid", "orbit_size": 2})
    advantage = advantages_of(parsed, ids.reshape(-1), groups, whose).reshape(4, 3)
    for orbit in ("x", "y"):
        rows = np.array(orbits) == orbit
        paid = getattr(rewards, name)(ids[rows][None], dyadic=True, **LOWEST)
        assert advantage[rows] == pytest.approx(advantages.orbit_mean(paid)[0], abs=1e-14)


def test_soft_consistency_over_orbits_in_any_order():
    ids = np.array([[7, 7, 3, 5], [7, 5, -1, 7], [2, 2, 2, 1], [1, 2, 3, 3]])
    parsed = parse_options(
        "soft_consistency", {"orbits": "uid", "orbit_size": 2, "mean": "geometric"}
    )
    orbits = {"orbits": [0, 1, 0, 1]}
    paid = rewards.soft_consistency(ids, mean="geometric", dyadic=True, **orbits, **LOWEST)
    whose = np.repeat(["x", "y", "x", "y"], 4)
    advantage = advantages_of(parsed, ids.reshape(-1), np.repeat(range(4), 4), whose)
    assert advantage.reshape(4, 4) == pytest.approx(advantages.group_mean(paid), abs=1e-14)


def test_groups_of_different_sizes_each_have_their_own_table():
    ids, groups = np.array([7, 7, 3, 5, 5, 5, 5, 2]), [0] * 3 + [1] * 5
    advantage = advantages_of(parse_options("log_probability", {}), ids, groups)
    for rows in (slice(0, 3), slice(3, 8)):
        assert (
            advantage[rows]
            == advantages_of(parse_options("log_probability", {}), ids[rows], groups[rows])
        ).all()


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(list(REWARDS)),
    st.lists(st.lists(st.integers(-1, 3), min_size=1, max_size=9), min_size=1, max_size=6),
    st.sampled_from([0.01, 0.1, 1.0, 3.0]),
)
def test_advantages_are_finite_and_0_where_rewards_are_equal(name, groups, beta):
    ids = np.array([z for row in groups for z in row])
    which = np.array([i for i, row in enumerate(groups) for _ in row])
    labels = Labels(ids >= 2, ids == ids)
    parsed = parse_options(name, options(name, beta=beta, incomplete="zero"))
    assert np.isfinite(advantages_of(parsed, ids, which, labels=labels)).all()
    parsed = parse_options(name, options(name, beta=beta, incomplete="zero", unanswered="exclude"))
    advantage = advantages_of(parsed, ids, which, labels=labels)
    assert np.isfinite(advantage).all()
    assert (advantage[ids == -1] == 0).all()
    for i, row in enumerate(groups):
        said = np.array([z for z in row if z >= 0])
        _, times = np.unique(said, return_counts=True)
        alike = not REWARDS[name].labelled or len({z >= 2 for z in said}) <= 1
        if alike and len(set(times.tolist())) <= 1:  # every answer as often as any other
            assert (advantage[which == i] == 0).all()


def test_failures_of_a_reward_manager_are_no_answers_where_that_is_asked_for():
    """Five time-outs beside 7, 7, 3: they were one class, with the best advantage of all."""
    scores, index = [7.0, 7.0, 3.0, *[0.0] * 5], np.array(["a"] * 8, object)
    with pytest.raises(errors.BrokenBatch, match="5 of 8 scores are 0 or 1"):
        estimate("log_probability", *tokens(scores), None, index)
    config = {"polyest": {"failed": "no-answer", "unanswered": "exclude"}}
    advantage = estimate("log_probability", *tokens(scores), config, index)[0]
    wanted = estimate("log_probability", *tokens([7.0, 7.0, 3.0, *[-1.0] * 5]), config, index)[0]
    assert torch.equal(advantage, wanted)
    assert (advantage[3:] == 0).all()
    assert advantage[0, 0] == advantage[1, 0] > 0 > advantage[2, 0]


def test_rows_without_tokens_are_padding_and_not_counted():
    rewards_, mask = tokens([7.0, 7.0, 3.0, 7.0])
    wanted, _ = estimate("log_probability", rewards_, mask, None, np.array(list("aaaa"), object))
    padded = torch.cat([rewards_, torch.zeros(3, 4)])
    masks = torch.cat([mask, torch.zeros(3, 4)])
    index = np.array([*"aaaa", "pad", "pad", "pad"], object)
    advantage, _ = estimate("log_probability", padded, masks, None, index)
    assert torch.equal(advantage[:4], wanted)
    assert (advantage[4:] == 0).all()
    nothing, index = torch.zeros(2, 4), np.array(["p", "p"], object)
    only = estimate("log_probability", nothing, nothing, None, index)
    assert (only[0] == 0).all()


def test_a_trace_whose_loss_is_masked_is_still_a_draw():
    scores, mask = tokens([7.0, 7.0, 3.0, 7.0])
    index = np.array(list("aaaa"), object)
    wanted, _ = estimate("log_probability", scores, mask, None, index)
    masked = mask.clone()
    masked[1] = 0
    advantage, _ = estimate("log_probability", scores, masked, None, index)
    assert (advantage[1] == 0).all()
    assert torch.equal(advantage[[0, 2, 3]], wanted[[0, 2, 3]])


@pytest.mark.filterwarnings("ignore::polyest.errors.UnreadableLabel")
def test_no_input_gives_nan_or_an_infinity():
    provoking = [[-1] * 8, [4] * 8, list(range(2, 10)), [-1] * 7 + [3], [5, 5, 4, -1, -1, 2, 2, 2]]
    rewards_, mask = tokens([float(z) for row in provoking for z in row])
    index = np.repeat(range(len(provoking)), 8).astype(object)
    for name in REWARDS:
        for unanswered in ("exclude", "lowest"):
            config = {"polyest": options(name, unanswered=unanswered)}
            advantage, returns = estimate(name, rewards_, mask, config, index)
            assert advantage.dtype == torch.float32
            assert torch.isfinite(advantage).all()
            assert torch.equal(advantage, returns)
            assert (advantage[mask == 0] == 0).all()


@pytest.mark.parametrize(
    "index",
    [torch.tensor([5, 5, 5, 8, 8, 8]), [*torch.tensor([5, 5, 5, 8, 8, 8])]],
    ids=["tensor", "list"],
)
def test_ids_of_groups_may_be_tensors(index):
    scores, mask = tokens([7.0, 7.0, 3.0, 7.0, 9.0, 9.0])
    named = np.array(list("aaabbb"), object)
    wanted, _ = estimate("log_probability", scores, mask, None, named)
    advantage, _ = estimate("log_probability", scores, mask, None, index)
    assert torch.equal(advantage, wanted)
    ids = np.array([7, 7, 3, 7, 9, 9])
    plain = advantages_of(parse_options("log_probability", {}), ids, named)
    assert (advantages_of(parse_options("log_probability", {}), ids, index) == plain).all()


U = list("aaaa")
FOUR = [7.0, 7.0, 3.0, 3.0]
REFUSED = {
    "failure": ([*FOUR[:3], 0.0], U, {}, "BrokenBatch", "1 of 4 scores are 0 or 1, .*failed=.no-answer"),
    "accuracy": ([1.0, 0.0, 0.0, 1.0], U, {}, "BrokenBatch", "4 of 4 scores are 0 or 1, .*an accuracy"),
    "failed": (FOUR, U, {"failed": "zero"}, "InvalidReward", "failed is 'zero': expected one of raise"),
    "fraction": ([*FOUR[:3], 0.5], U, {}, "BrokenBatch", r"a score is 0.5: .*answer_class\(text\)"),
    "too large": ([*FOUR[:3], 2.0 ** 24], U, {}, "BrokenBatch", "a score is 16777216"),
    "nan": ([*FOUR[:3], np.nan], U, {}, "BrokenBatch", "a score is nan"),
    "infinite": ([*FOUR[:3], -np.inf], U, {}, "BrokenBatch", "a score is -inf"),
    "orbit unsaid": ([*FOUR[:3], -7.0], U, {}, "BrokenBatch", 'a score is -7: .*orbits="score"'),
    "too few ids": (FOUR, U[:3], {}, "BrokenBatch", r"group ids of shape \(3,\) for 4 completions"),
    "no ids": (FOUR, None, {}, "BrokenBatch", "group ids missing for 4 completions"),
    "group of 1": (FOUR, list("aaab"), {}, "BrokenBatch", "group 'b' has 1 completions: expected at least 3"),
    "group of 2": (FOUR[:2], U[:2], {}, "BrokenBatch", "group 'a' has 2 completions"),
    "repeating": (FOUR, U, {"group": 3}, "BrokenBatch", "group 'a' has 4 completions, more than the 3"),
    "unknown option": (FOUR, U, {"betta": 1}, "InvalidReward", "option betta of log_probability: .* of beta"),
    "baseline": (FOUR, U, {"baseline": "std"}, "InvalidReward", "baseline is 'std': expected one of group"),
    "incomplete": (FOUR, U, {"incomplete": 0}, "InvalidReward", "incomplete is 0"),
    "group": (FOUR, U, {"group": -1}, "InvalidReward", "group is -1"),
    "beta": (FOUR, U, {"beta": 0}, "InvalidReward", "beta is 0"),
    "no table": (FOUR, U, {"noise": 3}, "TableNotFound", "noise"),
    "not options": (FOUR, U, 7, "BrokenBatch", "polyest is 7 in the configuration"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_an_error_that_says_what_to_change(case):
    scores, uids, given, error, message = REFUSED[case]
    index = None if uids is None else np.array(uids, object)
    with pytest.raises(getattr(errors, error), match=message):
        estimate("log_probability", *tokens(scores), {"polyest": given}, index)


ORBITS_REFUSED = {
    "unsaid": ({}, "coherence without the options orbits"),
    "size missing": ({"orbits": "uid"}, "orbit_size is 1 with orbits"),
    "size beside none": ({"orbits": "none", "orbit_size": 2}, "orbit_size is 2 with orbits"),
    "uid of verl": (
        {"orbits": "uid", "orbit_size": 2},
        "uid 'c' has no orbit: expected \"orbit:prompt\"",
    ),
}


@pytest.mark.parametrize("case", ORBITS_REFUSED)
def test_orbits_that_are_not_said_are_an_error(case):
    given, message = ORBITS_REFUSED[case]
    index = np.array(["o:a", "o:a", "c", "c"], object)
    with pytest.raises(errors.BrokenOrbit, match=message):
        estimate("coherence", *tokens(FOUR), {"polyest": given}, index)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (["o:a", "o:a", "p:b", "p:b"], "2 of 2 orbits are not whole, one has 1 prompts of 2 to 2"),
        (["o:a", "o:b", "o:b", "o:b"], "1 of 1 orbits are not whole, one has 2 prompts of 1 to 3"),
        (["o:a", "o:b", "o:c", "o:d"], "one has 4 prompts of 1 to 1 completions"),
    ],
)
def test_orbits_that_arrive_broken_are_an_error_or_advantages_0(index, message):
    given = {"orbits": "uid", "orbit_size": 2}
    index = np.array(index, object)
    with pytest.raises(errors.BrokenOrbit, match=message):
        estimate("coherence", *tokens(FOUR), {"polyest": given}, index)
    config = {"polyest": {**given, "incomplete": "zero"}}
    assert (estimate("coherence", *tokens(FOUR), config, index)[0] == 0).all()


def test_a_broken_orbit_leaves_the_whole_ones_as_they_are():
    given = {"orbits": "uid", "orbit_size": 2, "incomplete": "zero"}
    index = np.array([*["o:a"] * 3, *["o:b"] * 3, *["p:c"] * 3, "q:d", "q:d", "q:e"], object)
    scores = [7.0, 7.0, 3.0, 7.0, 5.0, 5.0, 4.0, 2.0, 3.0, 4.0, 4.0, 2.0]
    advantage = estimate("soft_consistency", *tokens(scores), {"polyest": given}, index)[0].sum(-1)
    alone = estimate("soft_consistency", *tokens(scores[:6]), {"polyest": given}, index[:6])[0].sum(
        -1
    )
    assert torch.equal(advantage[:6], alone)
    assert (alone != 0).any()
    assert (advantage[6:] == 0).all()


def test_orbits_in_the_scores_are_those_of_the_dataset():
    texts = ["7", "7", "3", "7", "5", "?", "2", "2", "2", "1", "2", "3"]
    orbits, index = np.repeat([300, 301], 6), np.repeat(list("abcd"), 3).astype(object)
    scores = [answer_class(t, orbit=int(o)) for t, o in zip(texts, orbits, strict=True)]
    config = {"polyest": {"orbits": "score", "orbit_size": 2}}
    advantage = estimate("coherence", *tokens(scores), config, index)[0].sum(-1)
    ids = answers.from_texts([texts[:6], texts[6:]]).reshape(2, 2, 3)
    wanted = advantages.orbit_mean(rewards.coherence(ids, dyadic=True, **LOWEST)).reshape(-1)
    lengths = 1 + np.arange(12) % 4
    assert advantage.numpy() == pytest.approx(wanted * lengths, abs=1e-6)
    failed = {"polyest": {**config["polyest"], "failed": "no-answer"}}
    assert torch.equal(
        estimate("coherence", *tokens([*scores[:5], 0.0, *scores[6:]]), failed, index)[0].sum(-1),
        advantage,
    )
    with pytest.raises(errors.BrokenOrbit, match="2 of 3 orbits are not whole"):
        estimate("coherence", *tokens([*scores[:9], 0.0, 0.0, 0.0]), failed, index)
    split = [answer_class("7", orbit=1), answer_class("7", orbit=2), *scores[2:]]
    with pytest.raises(errors.BrokenOrbit, match="completions of one group name different orbits"):
        estimate("coherence", *tokens(split), config, index)


def test_a_group_of_one_class_may_have_an_advantage_in_its_orbit():
    """Filters that drop groups of one class, as verl has, are therefore not to be used with orbits."""
    index = np.array([*["o:a"] * 3, *["o:b"] * 3], object)
    config = {"polyest": {"orbits": "uid", "orbit_size": 2}}
    scores = tokens([7.0] * 3 + [7.0, 3.0, 3.0])
    advantage = estimate("coherence", *scores, config, index)[0].sum(-1)
    assert (advantage[:3] > 0).all()


def test_scores_of_fewer_bits_than_float32_are_refused():
    rewards_, mask = tokens(FOUR)
    for kind in (torch.bfloat16, torch.float16, torch.int64):
        with pytest.raises(errors.BrokenBatch, match=r"rewards of type .*: expected float32"):
            token_advantages(
                parse_options("log_probability", {}), rewards_.to(kind), mask, np.array(U)
            )
    with pytest.raises(errors.BrokenBatch, match=r"mask of shape \(4, 3\)"):
        token_advantages(parse_options("log_probability", {}), rewards_, mask[:, :3], np.array(U))


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("logg", {}, "reward 'logg' is unknown: use one of log_probability, diversity"),
        ("tsallis", {}, "tsallis without q: add the option"),
        ("polynomial", {}, "polynomial without coefficients"),
        ("polynomial", {"coefficients": [1], "noise": 2}, "option noise of polynomial"),
        ("log_probability", {"orbits": "uid"}, "option orbits of log_probability"),
        ("coherence", {"orbits": "batch"}, "orbits is 'batch'"),
    ],
)
def test_names_and_options_that_are_none_are_refused(name, given, message):
    with pytest.raises(errors.InvalidReward, match=message):
        parse_options(name, given)


@pytest.mark.parametrize(
    ("name", "given", "least"),
    [
        ("log_probability", {}, 3),
        ("tsallis", {"q": 4}, 5),
        ("tsallis", {"q": 0.5}, 3),
        ("polynomial", {"coefficients": [0, 0, 0, 1]}, 5),
        ("polynomial", {"coefficients": [1]}, 3),
        ("soft_consistency", {"orbits": "none"}, 3),
        ("coherence", {"orbits": "none"}, 1),
    ],
)
def test_the_smallest_group_is_the_smallest_that_has_a_table(name, given, least):
    parsed = parse_options(name, given)
    ids = np.arange(least)
    assert (advantages_of(parsed, ids, ids * 0) == 0).all()
    if least > 1:
        with pytest.raises(errors.BrokenBatch, match=f"completions: expected at least {least}"):
            advantages_of(parsed, ids[1:], ids[1:] * 0)
        with pytest.raises(errors.PolyestError):
            advantages_of(parsed._replace(least=1), ids[1:], ids[1:] * 0)
        parsed = parse_options(name, {**given, "incomplete": "zero"})
        assert (advantages_of(parsed, ids[1:], ids[1:] * 0) == 0).all()


def test_a_penalty_in_the_reward_is_refused_before_anything_is_counted():
    class Config(dict):
        use_kl_in_reward = True

    with pytest.raises(errors.InvalidReward, match="use_kl_in_reward is on"):
        estimate("log_probability", *tokens(FOUR), Config(), np.array(U))


def test_dyadic_rewards_are_on_their_grid_in_float64_too():
    for beta in (0.01, 0.1, 0.3, 0.7, 1.0):
        for G in (5, 12, 19, 21, 33):
            ids = np.concatenate([np.full(X, X) for X in range(1, G + 1)])  # X of class X
            ids = np.array([np.resize(ids[ids <= X], G) for X in range(1, G + 1)])
            paid = np.unique(rewards.log_probability(ids, beta=beta, dyadic=True))
            assert (paid * 2**16 == np.rint(paid * 2**16)).all()
            for value in paid:  # in Python's floats, as ART sums them
                assert sum([float(value)] * G) / G == value


def test_a_group_of_many_sizes_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        groups = np.repeat(range(3, 40), range(3, 40))
        advantages_of(
            parse_options("log_probability", {"noise": 1}), np.arange(len(groups)) % 5, groups
        )
