"""Whole steps of verl's own trainer: what its sampler, balance, padding and advantages make of the counts.

Skipped where verl is not installed.
"""

import numpy as np
import pytest
import torch
import verl_step
from verl_imports import core_algos, verl
from verl_step import ANSWERS, PROMPTS, N, trained

from polyest import selection
from polyest.integrations.verl import compute_score

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # those of other people's modules
    pytest.mark.skipif(
        tuple(map(int, verl.__version__.split(".")[:3])) < (0, 9, 1), reason="written for 0.9.1"
    ),
]
SAMPLER = [
    "trainer.v1.sampler.custom_sampler.path=pkg://polyest.integrations.verl_sampler",
    "trainer.v1.sampler.custom_sampler.name=Sampler",
    "+trainer.v1.sampler.sampler_kwargs.polyest=${algorithm.polyest}",
]
FILTER = [
    "+trainer.v1.sampler.sampler_kwargs.filter=${algorithm.filter_groups.enable}",
    "+trainer.v1.sampler.sampler_kwargs.train_batch_size=${data.train_batch_size}",
    "algorithm.filter_groups.enable=true",
    "data.gen_batch_size=1",
]


def asked(name, adv_estimator=None, **options):
    """The lines of docs/verl.md for a reward, whose advantages the estimator of another name may pass on."""
    given = [f"+algorithm.polyest.{option}={value}" for option, value in options.items()]
    return [
        f"algorithm.adv_estimator={adv_estimator or f'polyest_{name}'}",
        f"+trainer.v1.sampler.sampler_kwargs.estimator=polyest_{name}",
        *SAMPLER,
        *given,
    ]


def by_itself(name, texts, truth="7", **options):
    """Advantages of a whole group, by the estimator on its scores alone."""
    scores = torch.tensor([[compute_score("", text, truth)["score"]] for text in texts])
    estimate = core_algos.get_adv_estimator_fn(f"polyest_{name}")
    config = {"polyest": options}
    index = np.array(["a"] * len(texts), dtype=object)
    found, _ = estimate(
        token_level_rewards=scores,
        response_mask=torch.ones_like(scores),
        config=config,
        index=index,
    )
    return found[:, 0].tolist()


def groups_of(step):
    """The rows of a step by their prompt: session -> answer and advantage."""
    groups = {}
    for key, row in step.items():
        uid, session, _ = key.split("_")
        groups.setdefault(uid, {})[int(session)] = row
    return groups


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("log_probability", {"noise": 2, "beta": 0.5}),
        ("diversity", {"noise": 2, "where": "right", "bonus": 1}),
        ("ground_truth", {"objective": "log"}),
    ],
)
@pytest.mark.parametrize("train", [0, 3])
def test_the_actor_gets_the_advantages_of_whole_groups(monkeypatch, name, options, train):
    part = [f"+trainer.v1.sampler.sampler_kwargs.train={train}"] if train else []
    lines = [*asked(name, "polyest_sampled" if train else None, **options), *part]
    run = trained(monkeypatch, lines, 3)
    assert len(run.actor.steps) == 3
    for (step, rows), logged in zip(run.actor.steps, run.logged, strict=True):
        groups = groups_of(step)
        assert len(groups) == PROMPTS
        assert rows % N == 0  # verl pads to whole minibatches
        for uid, group in groups.items():
            whole = run.rollout.said[uid]
            paid = by_itself(name, whole, **options)
            mask = selection.blind([uid] * N, train) if train else np.ones(N, bool)
            assert sorted(group) == np.flatnonzero(mask).tolist()
            for session, (answer, advantage) in group.items():
                assert answer == whole[session]
                assert advantage == pytest.approx(paid[session], abs=1e-6)
        said = [text for uid in groups for text in run.rollout.said[uid]]
        assert logged["polyest/no_answer"] == pytest.approx(said.count(ANSWERS[3]) / len(said))
        assert logged["polyest/accuracy"] == pytest.approx(said.count("7") / len(said))
        trained_on = [advantage for _, advantage in step.values()]
        assert logged["critic/advantages/max"] == pytest.approx(max(trained_on), abs=1e-6)


@pytest.mark.parametrize("train", [0, 4])
def test_groups_without_a_signal_are_drawn_again_and_no_row_is_trained_on_for_nothing(
    monkeypatch, train
):
    part = [f"+trainer.v1.sampler.sampler_kwargs.train={train}"] if train else []
    lines = asked("log_probability", "polyest_sampled" if train else None, noise=2)
    run = trained(monkeypatch, [*lines, *FILTER, *part], 3, logits=(4.0, 0.0, 0.0, 0.0), rate=0.0)
    drawn = len(run.rollout.said)
    signal = {uid for uid, said in run.rollout.said.items() if len({*said}) > 1}
    assert len(signal) < drawn  # some had none
    for (step, _), logged in zip(run.actor.steps, run.logged, strict=True):
        uids = {*groups_of(step)}
        assert len(uids) == PROMPTS
        assert uids <= signal
        assert logged["polyest/no_signal"] == 0
        assert 0 < logged["polyest/kept_share"] <= 1
        assert len(step) == PROMPTS * (train or N)
    kept = [logged["polyest/kept_share"] for logged in run.logged]
    assert min(kept) < 1


def test_training_moves_the_answers_and_the_logged_entropy_is_the_exact_one(monkeypatch):
    policies = []
    draw = verl_step.Rollout.generate_sequences

    def watched(self, batch):
        policies.append(self.policy.entropy())
        draw(self, batch)

    monkeypatch.setattr(verl_step.Rollout, "generate_sequences", watched)
    run = trained(monkeypatch, asked("log_probability", noise=2), 25, rate=0.5)
    assert policies[-1] < policies[0] / 2  # agreement
    logged, errors, bias = (
        np.array([entry[f"polyest/answer_entropy{what}"] for entry in run.logged])
        for what in ("", "_error", "_bias")
    )
    assert logged[-1] < logged[0] / 2
    bound = len(ANSWERS) * bias[0] + 4 * np.sqrt((errors**2).mean() / len(errors))
    assert abs((logged - policies).mean()) <= bound
