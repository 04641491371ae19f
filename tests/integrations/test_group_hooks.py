"""Whole groups: what each trainer's hook pays, in the trainer where it is installed, else in a stand-in."""

import asyncio
import pickle
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import standins
import torch
from samples import required, truth

from polyest import advantages, answers, errors, rewards
from polyest.integrations import groups, trl
from polyest.integrations.groups import GroupReward
from polyest.integrations.scores import answer_class
from polyest.rewards.registry import offered

TEXTS = ["7", "so 7", "3", "7.0", "no idea", "5"]
IDS = np.array([[1, 1, 2, 1, -1, 3]])
REWARDS = offered("groups")


def paid_by(name, ids, **options):
    """What a reward pays groups (prompts, G), each an orbit of its own."""
    row = REWARDS[name]
    options |= {"truth": [1]} if row.labelled else {}
    return (
        row.function(ids[:, None], **options)[:, 0] if row.orbits else row.function(ids, **options)
    )


@pytest.mark.parametrize("name", REWARDS)
def test_a_group_is_paid_as_the_reward_pays_it(name):
    reward = GroupReward(name, beta=0.3, **required(name))
    options = {"beta": 0.3, "dyadic": True, **required(name)}
    wanted = paid_by(name, IDS, unanswered="lowest", **options)
    said = truth(name)
    assert reward(TEXTS, **said) == wanted[0].tolist()
    centred = GroupReward(name, beta=0.3, centred=True, **required(name))
    assert centred(TEXTS, **said) == advantages.group_mean(wanted)[0].tolist()
    assert reward.__name__ == f"polyest_{name}"
    assert pickle.loads(pickle.dumps(reward))(TEXTS, **said) == reward(TEXTS, **said)
    left = GroupReward(name, beta=0.3, centred=True, unanswered="exclude", **required(name))
    out = {"unanswered": "exclude"} if REWARDS[name].unanswered else {}
    paid = advantages.group_mean(paid_by(name, IDS, **out, **options))[0].tolist()
    assert left(TEXTS, **said) == paid
    assert paid[4] == 0


@pytest.mark.parametrize("name", REWARDS)
@pytest.mark.parametrize("centred", [False, True])
def test_nothing_that_is_said_gives_nan_or_an_infinity(name, centred):
    reward = GroupReward(name, centred=centred, **required(name))
    silent, alike = [None] * 6, ["7"] * 6
    for texts in (TEXTS, silent, alike, [str(i) for i in range(6)], [*silent[:5], "7"]):
        assert np.isfinite(reward(texts, **truth(name))).all()
    for texts in (silent, alike):
        assert len(set(reward(texts, **truth(name)))) == 1


def test_pairwise_compares_texts_where_it_is_told_how():
    apart = GroupReward("pairwise", distance=lambda t: np.ones((len(t), len(t))) - np.eye(len(t)))
    assert apart(["a", None, "b", "c"]) == [0.25, 0.0, 0.25, 0.25]
    assert apart([None] * 3) == [0.0, 0.0, 0.0]


def test_an_equivalence_joins_the_answers_of_a_group():
    reward = GroupReward("coherence", kind="string", equivalence=lambda a, b: a[0] == b[0])
    assert reward(["seven", "six", "nine"]) == [1.0, 1.0, 0.0]


@pytest.mark.parametrize("beta", [0.1, 0.3, 1.0])
@pytest.mark.parametrize("G", [3, 6, 7, 16, 33])
def test_a_group_that_agrees_has_advantage_0_in_every_trainer(G, beta):
    for name in ("log_probability", "diversity"):
        reward = GroupReward(name, beta=beta)
        for texts in (["7"] * G, [str(i) for i in range(G)]):
            paid = reward(texts)
            assert set(standins.art_advantages(paid, scale=True)) == {0.0}
            samples = [standins.Sample(reward=value) for value in paid]
            assert (standins.slime_post_process(samples, G, std=True) == 0).all()
            assert (standins.tinker_advantages(paid) == 0).all()


def test_slime_pays_groups(monkeypatch):
    reward = GroupReward("log_probability", beta=0.3)
    rm = groups.slime(reward)
    group = [standins.Sample(text) for text in TEXTS]
    asyncio.run(standins.generate_and_rm_group(rm, None, group))
    assert [sample.reward for sample in group] == reward(TEXTS)
    with pytest.raises(errors.BrokenBatch, match="start slime with --group-rm"):
        asyncio.run(rm(None, group[0]))
    with pytest.raises(errors.BrokenBatch, match="a completion in several samples"):
        asyncio.run(rm(None, [group[:2], group[2:]]))


@pytest.mark.parametrize("status", ["truncated", "aborted", "failed", "pending"])
def test_an_unfinished_sample_of_slime_is_no_answer_but_a_draw(status):
    reward = GroupReward("log_probability", beta=0.3)
    cut = standins.Sample("I will add 3", status=standins.Status(status))
    group = [standins.Sample(text) for text in ["7", "7", "3"]]
    paid = asyncio.run(groups.slime(reward)(None, [*group, cut]))
    assert paid == reward(["7", "7", "3", None]) != reward(["7", "7", "3", "3"])
    plain = SimpleNamespace(response="3", status=status.upper())
    assert asyncio.run(groups.slime(reward)(None, [*group, plain])) == paid


def test_a_trajectory_of_art_that_was_cut_or_calls_tools_is_no_answer(monkeypatch):
    art = standins.art(monkeypatch)
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "17"}}

    def choice(text, finish="stop", **more):
        message = {"role": "assistant", "content": text, **more}
        return standins.choice(art, message, finish)

    said = [
        [{"role": "user", "content": "what?"}, choice("7")],
        [{"role": "assistant", "content": "so 7"}],
        [choice("It is 7, no, it", "length")],
        [choice("I call f(7)", "tool_calls", tool_calls=[call])],
        [choice("3", "length"), {"role": "user", "content": "and?"}, choice("so 7")],
    ]
    group = art.TrajectoryGroup([art.Trajectory(messages_and_choices=one) for one in said])
    reward = GroupReward("coherence")
    asyncio.run(groups.art(reward)(group))
    assert [one.reward for one in group.trajectories] == [1.0, 1.0, 0.0, 0.0, 1.0]


def test_a_trajectory_of_tinker_that_ran_out_is_no_answer(monkeypatch):
    standins.tinker(monkeypatch)
    hook = groups.tinker(GroupReward("coherence"), lambda one: one.text)

    def trajectory(text, last="stop", stopped=None):
        turns = [SimpleNamespace(ac=SimpleNamespace(stop_reason=last))]
        return SimpleNamespace(text=text, transitions=turns, stop_reason=stopped)

    said = [
        trajectory("7"), trajectory("7", stopped="completed"), trajectory("7", "length"),
        trajectory("7", stopped="max_tokens"), trajectory("7", stopped="max_turns"),
    ]  # fmt: skip
    paid = asyncio.run(hook(None, said, []))
    assert [value for value, _ in paid] == [1.0, 1.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    "beta", [1e308, 1e31, 10**400, float("inf"), float("nan"), 1e-320, 0, True]
)
@pytest.mark.parametrize("name", REWARDS)
def test_a_beta_beyond_all_bounds_is_a_named_error(name, beta):
    for paid in (
        lambda: GroupReward(name, beta=beta, **required(name))(TEXTS, **truth(name)),
        lambda: paid_by(name, IDS, beta=beta, **required(name)),
    ):
        with pytest.raises(errors.InvalidReward, match="beta is"):
            paid()


def test_rewards_that_float32_does_not_hold_are_a_named_error():
    """Trainers keep them in float32."""
    with pytest.raises(errors.InvalidReward, match="infinite in float32"):
        trl.polynomial((0, 1e30), beta=1e9, dyadic=False, num_generations=6)
    with pytest.raises(errors.InvalidReward, match="infinite in float32"):
        GroupReward("polynomial", coefficients=(0, 1e39), beta=1e30)(TEXTS)


def test_art_pays_groups(monkeypatch):
    art = standins.art(monkeypatch)
    after_each = groups.art(
        GroupReward("log_probability", incomplete="zero"),
        lambda trajectory: trajectory.messages()[-1]["content"],
    )

    async def group(texts):
        said = [[{"role": "assistant", "content": text}] for text in texts]
        return art.TrajectoryGroup([art.Trajectory(messages_and_choices=one) for one in said])

    whole, small = asyncio.run(
        art.gather_trajectory_groups([group(TEXTS), group(TEXTS[:4])], after_each=after_each)
    )
    assert [one.reward for one in whole.trajectories] == GroupReward("log_probability")(TEXTS)
    assert [one.reward for one in small.trajectories] == GroupReward("log_probability")(TEXTS[:4])
    kept = art.gather_trajectory_groups([group(TEXTS[:2])], after_each=after_each)
    assert asyncio.run(kept) == []


def test_tinker_pays_groups(monkeypatch):
    builder = standins.tinker(monkeypatch)
    reward = GroupReward("log_probability")

    class Counted(builder):
        async def make_envs(self):
            return []

        compute_group_rewards = groups.tinker(reward, lambda trajectory: trajectory)

    paid = asyncio.run(Counted().compute_group_rewards(TEXTS, [None] * 6))
    assert paid == [(value, {}) for value in reward(TEXTS)]


def attempts(texts, **more):
    return standins.Attempts([standins.Attempt([standins.Turn(text)]) for text in texts], **more)


def advantages_of(group):
    return [one.steps[-1].advantage for one in group.trajectories]


def test_rllm_centres_groups_and_orbits(monkeypatch):
    registry = standins.rllm(monkeypatch)
    from rllm.trainer.algorithms.advantage import register_rllm_adv_estimator

    def text(one):
        return one.steps[-1].model_response

    register_rllm_adv_estimator("log")(groups.rllm("log_probability", text=text, beta=0.3))
    batch = [attempts(TEXTS), attempts(["1", "2", "1"])]
    standins.rllm_collect(registry, batch, "solver", by_role={"solver": "log"})
    for group, texts in zip(batch, (TEXTS, ["1", "2", "1"]), strict=True):
        assert advantages_of(group) == GroupReward("log_probability", beta=0.3, centred=True)(texts)

    over = groups.rllm("coherence", text=text, orbit=lambda g: g.metadata[0]["orbit"], orbit_size=2)
    registry["over"], by_role = over, {"solver": "over"}
    said = [["7", "7", "3"], ["1", "1", "1"], ["7", "3", "?"], ["2", "2", "1"]]
    batch = [attempts(t, metadata=[{"orbit": i % 2}]) for i, t in enumerate(said)]
    standins.rllm_collect(registry, batch, "solver", by_role=by_role)
    ids = answers.from_texts([[*said[0], *said[2]], [*said[1], *said[3]]]).reshape(2, 2, 3)
    wanted = advantages.orbit_mean(rewards.coherence(ids, dyadic=True, unanswered="lowest"))
    advantage = np.array([advantages_of(group) for group in batch]).reshape(2, 2, 3)
    assert advantage == pytest.approx(wanted.swapaxes(0, 1), abs=1e-14)
    with pytest.raises(errors.BrokenOrbit, match="2 of 2 orbits are not whole"):
        standins.rllm_collect(registry, batch[:2], "solver", by_role=by_role)
    with pytest.raises(errors.BrokenBatch, match="traj_groups missing"):
        over([np.zeros(3)])


def test_skyrl_counts_the_classes_of_answers(monkeypatch):
    registry = standins.skyrl(monkeypatch)
    estimator = pickle.loads(pickle.dumps(groups.skyrl("log_probability", beta=0.3, group=6)))
    registry.register("polyest_log_probability", estimator)
    scores, mask = torch.zeros(6, 4), torch.ones(6, 4)
    scores[:, 3] = torch.tensor([answer_class(text) for text in TEXTS])
    for pad in (0, 2):
        advantage, returns = standins.skyrl_compute(
            registry, "polyest_log_probability", scores, mask, ["u"] * 6, pad
        )
        assert torch.equal(advantage, returns)
        wanted = GroupReward("log_probability", beta=0.3, centred=True)(TEXTS)
        assert advantage[:6, 0].tolist() == pytest.approx(wanted, rel=1e-6)
        assert (advantage[6:] == 0).all()
    with pytest.raises(errors.BrokenBatch, match="group 'u' has 6 completions, more than the 5"):
        groups.skyrl("log_probability", group=5)(scores, mask, ["u"] * 6)
    with pytest.raises(errors.BrokenBatch, match="group ids missing for 6 completions"):
        estimator(scores, mask)


def test_prime_rl_assigns_centred_rewards(monkeypatch):
    standins.prime_rl(monkeypatch)
    reward = GroupReward("log_probability", centred=True)
    episodes = [standins.Episode([standins.Trace(text)]) for text in TEXTS]
    traces = [trace for _, trace in standins.iter_trainable_traces(episodes)]
    for trace, paid in zip(traces, reward([t.last_reply for t in traces]), strict=True):
        standins.assign_advantages(trace, paid)
    assert [trace.advantages for trace in traces] == reward(TEXTS)


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        (lambda: GroupReward("soft_consistency"), "InvalidReward", "needs an orbit, and a group is"),
        (lambda: GroupReward("safety"), "InvalidReward", "'safety' is not offered here .not implemented"),
        (lambda: GroupReward("logg"), "InvalidReward", "reward 'logg' is unknown"),
        (lambda: GroupReward(betta=1), "InvalidReward", "option betta of log_probability"),
        (lambda: GroupReward(kind="numbr"), "InvalidAnswer", "kind 'numbr' is unknown"),
        (lambda: GroupReward(fuzzy=True), "InvalidReward", "option fuzzy of log_probability"),
        (lambda: GroupReward(unanswered="exclude"), "InvalidReward", "knows no missing reward"),
        (lambda: GroupReward("coherence", orbits="uid"), "InvalidReward", "option orbits of coherence"),
        (lambda: GroupReward(beta=-1)(TEXTS), "InvalidReward", "beta is -1"),
        (lambda: GroupReward()([]), "BrokenBatch", "expected str or None"),
        (lambda: GroupReward()(["7", 7, "3"]), "BrokenBatch", "expected str or None"),
        (lambda: GroupReward()(["7", "3"]), "BrokenBatch", "a group has 2 completions: expected at least 3"),
        (lambda: GroupReward(group=4)(TEXTS), "BrokenBatch", "a group of 6 completions, more than the 4"),
        (lambda: GroupReward(noise=3)(TEXTS), "TableNotFound", "noise"),
        (lambda: groups.skyrl("coherence"), "BrokenOrbit", "coherence without the options orbits"),
        (lambda: groups.rllm("soft_consistency", text=str), "BrokenOrbit", "without the options orbits"),
    ],
)  # fmt: skip
def test_bad_input_is_an_error_that_says_what_to_change(made, error, message):
    with pytest.raises(getattr(errors, error), match=message):
        made()


def test_a_small_group_can_be_worth_nothing():
    reward = GroupReward("log_probability", incomplete="zero")
    assert reward(["7"]) == [0.0]
    assert reward(["7", "3"]) == [0.0, 0.0]
    assert GroupReward("tsallis", q=4, incomplete="zero")(TEXTS[:4]) == [0.0] * 4
    assert any(reward(TEXTS))


def test_the_measure_of_diversity_is_apart_from_the_kind_of_answers():
    gini = GroupReward("diversity", measure="gini", kind="choice")
    assert gini(["(A)", "(A)", "(B)", "(C)"]) == [0.5, 0.5, 1.0, 1.0]


def test_no_trainer_is_imported():
    asked = "import sys, polyest.integrations.groups, polyest.integrations.estimators; "
    asked += "names = {'slime', 'art', 'tinker', 'tinker_cookbook', 'rllm', 'skyrl', 'prime_rl', 'verl', "
    asked += "'torch', 'ray'}; assert not names & set(sys.modules), names & set(sys.modules)"
    subprocess.run([sys.executable, "-c", asked], check=True)


def test_a_sample_may_be_any_object():
    rm = groups.slime(GroupReward("log_probability"))
    samples = [SimpleNamespace(response=text, label="7") for text in TEXTS]
    assert asyncio.run(rm(None, samples, evaluation=False)) == GroupReward("log_probability")(TEXTS)


@pytest.mark.parametrize("beta", [1.0, 1e-4])
@pytest.mark.filterwarnings("ignore::polyest.errors.RuinedByRounding")
def test_slime_keeps_the_groups_whose_advantages_are_not_all_0(beta):
    """And so does its own filter, as rewards differ by a multiple of 2^-16 if at all."""
    for texts, kept in (
        (["7"] * 4, False),
        (["7", "7", "3", "3"], False),
        (["7"] * 191 + ["3"], True),
    ):
        rm = groups.slime(GroupReward("log_probability", noise=2, beta=beta))
        samples = [standins.Sample(text) for text in texts]
        asyncio.run(standins.generate_and_rm_group(rm, None, samples))
        assert groups.has_signal(None, samples, rollout_id=3) is kept
        advantages = standins.slime_post_process(samples, len(texts), std=False)
        assert bool((advantages != 0).any()) is kept
        theirs = torch.tensor([one.reward for one in samples], dtype=torch.float64).std() > 1e-6
        assert bool(theirs) is kept
    close = [standins.Sample(reward=1.0), standins.Sample(reward=1.0 - 1e-7)]
    assert groups.has_signal(None, close)


def test_slimes_filter_refuses_what_it_cannot_judge():
    with pytest.raises(errors.BrokenBatch, match="in several samples"):
        groups.has_signal(None, [[standins.Sample("7")], standins.Sample("7")])
    for odd in ([standins.Sample("7")], []):
        with pytest.raises(errors.BrokenBatch, match=r"expected a number for each sample"):
            groups.has_signal(None, odd)
