"""The reference loop: each update against the formula, a known optimum, and what it refuses."""

import inspect
import json
import re
from math import inf

import numpy as np
import pytest
import torch
from torch import nn

from polyest import History, advantages, games, grpo, rewards
from polyest.errors import InvalidHistory, InvalidReward
from polyest.grpo import Config, Traces


class Softmax(nn.Module):
    def __init__(self, logits):
        super().__init__()
        self.logits = nn.Parameter(torch.as_tensor(logits, dtype=torch.float64))

    def forward(self, drawn):
        return self.logits.log_softmax(0)[drawn.reshape(-1, 1)]


class Words(nn.Module):
    """Two tokens a completion, each from its own softmax."""

    def __init__(self):
        super().__init__()
        self.logits = nn.Parameter(torch.randn(2, 3, generator=torch.Generator().manual_seed(0)))

    def forward(self, drawn):
        scores = self.logits.log_softmax(1)
        return torch.stack([scores[t][drawn[:, t]] for t in range(2)], 1)


def fixed(drawn, **keywords):
    return lambda step: Traces(drawn, drawn, **keywords)


def sgd(policy, rate):
    return torch.optim.SGD(policy.parameters(), lr=rate)


DRAWN = torch.tensor([[0, 0, 1, 2], [2, 2, 2, 0]])


def test_one_step_is_the_policy_gradient_of_centred_rewards():
    policy = Softmax([0.3, -0.2, 0.1])
    paid = torch.tensor([[1.0, 0.0, 2.0, 1.0], [0.0, 4.0, 0.0, 0.0]], dtype=torch.float64)
    config = Config(1, 0.5, norm=inf)
    mean = advantages.group_mean
    optimizer = sgd(policy, 9.0)
    (step,) = grpo.train(
        policy, fixed(DRAWN), lambda t: paid, config, advantage=mean, optimizer=optimizer
    )
    A = (paid - paid.mean(1, keepdim=True)).reshape(-1).numpy()
    pi = np.exp([0.3, -0.2, 0.1]) / np.exp([0.3, -0.2, 0.1]).sum()
    scores = np.eye(3)[DRAWN.reshape(-1)] - pi
    expected = np.array([0.3, -0.2, 0.1]) + 0.5 * (A[:, None] * scores).mean(0)
    assert policy.logits.detach().numpy() == pytest.approx(expected, abs=1e-15)
    assert step.reward == pytest.approx(float(paid.mean()))
    assert step.norm == pytest.approx(np.linalg.norm((A[:, None] * scores).mean(0)))
    assert (step.kl, step.clipped) == (0.0, 0.0)


def loss_of(now, before, anchor, A, mask, config):
    """-L of the header, completion by completion."""
    total = 0.0
    for i in range(len(A)):
        row = away = 0.0
        for t in range(len(now[i])):
            if mask[i][t]:
                ratio = np.exp(now[i][t] - before[i][t])
                row += min(ratio * A[i], min(max(ratio, 1 - config.clip), 1 + config.clip) * A[i])
                away += now[i][t] - anchor[i][t]
        row -= config.kl * away**2 / 2
        total -= row / (sum(mask[i]) if config.per_length else len(mask[i]))
    return total / len(A)


@pytest.mark.parametrize("per_length", [False, True])
def test_the_loss_is_that_of_the_header_with_clipping_kl_and_a_mask(per_length):
    policy, reference = Words(), Words()
    with torch.no_grad():
        reference.logits.mul_(0.5)
    drawn = torch.tensor([[0, 1], [2, 2], [1, 0], [0, 0]])
    mask = torch.tensor([[1, 1], [1, 0], [1, 1], [1, 0]])
    paid = torch.tensor([[1.0, 3.0, 0.0, 0.0]])
    config = Config(1, 3.0, epochs=3, clip=0.05, kl=0.3, norm=inf, per_length=per_length)
    losses = []
    forward = policy.forward
    scored = []
    policy.forward = lambda d: scored.append(forward(d)) or scored[-1]
    (step,) = grpo.train(
        policy,
        lambda s: Traces(drawn, torch.tensor([[0, 1, 2, 3]]), mask),
        lambda t: paid,
        config,
        advantage=advantages.group_mean,
        reference=reference,
        optimizer=sgd(policy, 3.0),
    )
    before, *ascents = [x.detach().numpy() for x in scored]
    assert len(ascents) == 3
    anchor = reference(drawn).detach().numpy()
    A = np.array([0.0, 2.0, -1.0, -1.0])
    for now in ascents:
        losses.append(loss_of(now, before, anchor, A, mask.tolist(), config))
    assert step.loss == pytest.approx(losses[-1], rel=1e-5)
    ratio = np.exp(ascents[-1] - before)
    past = np.where(A[:, None] > 0, ratio > 1.05, (ratio < 0.95) & (A[:, None] < 0))
    assert step.clipped == pytest.approx((past & (mask.numpy() == 1)).sum() / 6)
    assert step.clipped > 0
    away = ((ascents[-1] - anchor) * mask.numpy()).sum(1)
    assert step.kl == pytest.approx(away.mean(), rel=1e-4)


def test_clipping_stops_what_has_moved_far_enough():
    paid = torch.tensor([[1.0, 1.0, 0.0, 0.0]], dtype=torch.float64)
    drawn = torch.tensor([[0, 0, 1, 2]])

    def after(clip):
        policy = Softmax([0.0, 0.0, 0.0])
        list(
            grpo.train(
                policy, fixed(drawn), lambda t: paid, Config(1, 1.0, 50, clip, norm=inf),
                optimizer=sgd(policy, 1.0),
            )
        )  # fmt: skip
        return float(policy.logits.softmax(0)[0].detach())

    assert after(0.2) < 0.5 < 0.8 < after(inf)


def test_a_trace_without_reward_does_not_move_the_policy():
    policy = Softmax([0.0, 0.0, 0.0])
    paid = torch.tensor([[1.0, 0.0, np.nan, 1.0]], dtype=torch.float64)
    drawn = torch.tensor([[0, 1, 2, 0]])
    config, optimizer = Config(1, 1.0, norm=inf), sgd(policy, 1.0)
    (step,) = grpo.train(policy, fixed(drawn), lambda t: paid, config, optimizer=optimizer)
    A = np.array([1, -2, 0, 1]) / 3
    scores = np.eye(3)[[0, 1, 2, 0]] - 1 / 3
    assert policy.logits.detach().numpy() == pytest.approx((A[:, None] * scores).mean(0), abs=1e-12)
    assert step.reward == pytest.approx(2 / 3)
    nobody = torch.full((1, 4), np.nan, dtype=torch.float64)
    kept = policy.logits.detach().clone()
    (step,) = grpo.train(
        policy, fixed(drawn), lambda t: nobody, Config(1, 1.0), optimizer=sgd(policy, 1.0)
    )
    assert torch.equal(policy.logits.detach(), kept)
    assert step.reward == 0.0


def test_half_the_square_of_the_log_ratio_has_the_gradient_of_kl_and_the_k3_estimate_has_not():
    policy, reference = Softmax([0.5, -1.0, 0.2]), Softmax([0.0, 0.3, -0.4])
    outcomes = torch.arange(3).reshape(1, 3)
    log, anchor = policy(outcomes)[:, 0], reference(outcomes)[:, 0].detach()
    pi = log.exp().detach()

    def grad(value):
        return torch.autograd.grad(value, policy.logits, retain_graph=True)[0]

    kl = grad((log.exp() * (log - anchor)).sum())
    reverse = grad((anchor.exp() * (anchor - log)).sum())
    half_square = grad((pi * (log - anchor).square() / 2).sum())
    k3 = grad((pi * ((anchor - log).exp() - 1 - (anchor - log))).sum())
    assert torch.allclose(half_square, kl, atol=1e-14)
    assert torch.allclose(k3, reverse, atol=1e-14)
    assert (kl - reverse).abs().max() > 0.05


def test_it_finds_the_equilibrium_of_the_game_it_plays():
    """Euclidean diversity, whose rewards are unbiased, from a skewed reference: the optimum is known."""
    reference, beta = np.array([0.7, 0.2, 0.07, 0.03]), 0.25
    goal = games.Diversity(games.euclidean())
    problem = games.pose([reference], [0, 1, 2, 3], goal, beta=beta)
    best = games.equilibrium(games.Game(problem)).policy[0]
    policy, anchor = (Softmax(np.log(reference)) for _ in range(2))
    chance = torch.Generator().manual_seed(0)

    def sampler(step):
        with torch.no_grad():
            drawn = torch.multinomial(policy.logits.softmax(0), 64 * 16, True, generator=chance)
        return Traces(drawn.reshape(64, 16), drawn.reshape(64, 16))

    def reward(traces):
        return rewards.diversity(traces.answers, measure="gini")

    config = Config(150, 0.05, kl=beta, decay=True, norm=inf)
    assert np.abs(reference - best).max() > 0.2
    centred = advantages.leave_one_out
    steps = [*grpo.train(policy, sampler, reward, config, advantage=centred, reference=anchor)]
    learned = policy.logits.softmax(0).detach().numpy()
    assert learned == pytest.approx(best, abs=0.008)
    assert steps[-1].kl == pytest.approx((best * np.log(best / reference)).sum(), abs=0.05)


def test_under_a_group_mean_it_is_the_game_of_a_larger_beta():
    """In the mean over all groups: (G-1)/G of the gradient of leave-one-out."""
    paid = torch.randn(50, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(advantages.group_mean(paid), 3 / 4 * advantages.leave_one_out(paid))
    assert inspect.signature(grpo.train).parameters["advantage"].default is advantages.leave_one_out


def test_pads_parameters_without_optimizer_and_references_do_not_disturb():
    class Padded(Softmax):
        def forward(self, drawn):
            scores = super().forward(drawn)
            return torch.cat([scores, scores - torch.inf], 1)  # a pad that has a gradient

    paid = torch.tensor([[1.0, 0.0, 2.0, 1.0], [0.0, 4.0, 0.0, 0.0]], dtype=torch.float64)
    mask = torch.tensor([[1, 0]] * 8)
    plain, padded = Softmax([0.1, 0.2, 0.3]), Padded([0.1, 0.2, 0.3])
    (one,) = grpo.train(
        plain, fixed(DRAWN), lambda t: paid, Config(1, 1.0), reference=Softmax([0.0] * 3)
    )
    (two,) = grpo.train(padded, fixed(DRAWN, mask=mask), lambda t: paid, Config(1, 1.0))
    assert torch.equal(plain.logits, padded.logits)
    assert (one.loss, one.norm) == (two.loss, two.norm)
    assert one.kl != 0.0  # measured, though it weighs nothing
    assert two.kl == 0.0

    policy = Softmax([0.1, 0.2, 0.3])
    policy.other = nn.Parameter(torch.ones(3, dtype=torch.float64))
    policy.forward = lambda drawn: Softmax.forward(policy, drawn) * policy.other.mean()
    optimizer = torch.optim.SGD([policy.logits], lr=1e-9)
    config = Config(4, 1e-9, norm=inf)
    norms = [
        s.norm
        for s in grpo.train(policy, fixed(DRAWN), lambda t: paid, config, optimizer=optimizer)
    ]
    assert norms == pytest.approx([norms[0]] * 4, rel=1e-6)


def test_the_rate_falls_to_0_and_records_are_counted():
    policy = Softmax([0.0, 0.0, 0.0])
    optimizer = sgd(policy, 1.0)
    seen = []
    for step in grpo.train(
        policy,
        fixed(DRAWN),
        lambda t: t.answers.double(),
        Config(4, 2.0, decay=True),
        optimizer=optimizer,
    ):
        seen.append((step.step, optimizer.param_groups[0]["lr"]))
    assert seen == [(0, 2.0), (1, 1.5), (2, 1.0), (3, 0.5)]
    assert list(grpo.train(policy, fixed(DRAWN), lambda t: t.answers, Config(0, 1.0))) == []


@pytest.mark.parametrize(
    ("reward", "keywords", "message"),
    [
        (lambda t: t.answers[:, :2].double(), {}, r"rewards \(2, 2\).*the shape \(2, 4\)"),
        (lambda t: t.answers.double() * inf, {}, "rewards hold an infinity: expected finite"),
        (
            lambda t: t.answers.double(),
            {"advantage": lambda r: r * inf},
            "an advantage is nan or infinite",
        ),
        (lambda t: t.answers.double(), {"advantage": lambda r: r[0]}, r"advantages \(4,\)"),
        (lambda t: t.answers.double(), {"config": Config(1, 1.0, kl=0.1)}, "without reference="),
        (
            lambda t: t.answers,
            {"mask": torch.ones(8, 5)},
            r"mask of shape \(8, 5\) for 8 completions",
        ),
        (
            lambda t: t.answers,
            {"mask": torch.ones(1, 1)},
            r"mask of shape \(1, 1\) for 8 completions",
        ),
        (lambda t: t.answers, {"drawn": DRAWN[0]}, r"log-probabilities of shape \(4, 1\)"),
    ],
)
def test_a_bad_batch_is_refused_before_anything_changes(reward, keywords, message):
    policy = Softmax([0.1, 0.0, 0.0])
    kept = policy.logits.detach().clone()
    config = keywords.pop("config", Config(1, 1.0))
    traces = Traces(keywords.pop("drawn", DRAWN), DRAWN, keywords.pop("mask", None))
    steps = grpo.train(policy, lambda step: traces, reward, config, **keywords)
    with pytest.raises(InvalidReward, match=message):
        list(steps)
    assert torch.equal(policy.logits.detach(), kept)


@pytest.mark.parametrize(
    "numbers",
    [
        {"steps": -1}, {"steps": 1.0}, {"steps": True}, {"epochs": 0}, {"rate": 0.0}, {"rate": inf},
        {"rate": float("nan")}, {"clip": 0.0}, {"norm": -1.0}, {"kl": -0.1}, {"kl": inf},
    ],
)  # fmt: skip
def test_a_bad_config_is_refused(numbers):
    with pytest.raises(InvalidReward, match=f"{next(iter(numbers))}"):
        Config(**{"steps": 1, "rate": 1.0, **numbers})


def test_it_can_be_read_in_one_sitting_and_prints_nothing(capsys):
    code = re.sub(r'""".*?"""', "", inspect.getsource(grpo), flags=re.DOTALL)  # not the reference
    assert len(code.splitlines()) <= 180
    policy = Softmax([0.0, 0.0, 0.0])
    list(grpo.train(policy, fixed(DRAWN), lambda t: t.answers.double(), Config(2, 1.0)))
    assert capsys.readouterr() == ("", "")


# A history.


class Visited:
    """A softmax for each of two prompts, its groups, and a reward that looks at the history before it."""

    def __init__(self, past):
        self.past, self.chance = past, torch.Generator().manual_seed(0)
        self.policy = Softmax([0.4, 0.0, -0.4])
        self.optimizer = sgd(self.policy, 0.5)
        self.seen = []

    def sampler(self, step):
        p = self.policy.logits.detach().softmax(0)
        drawn = torch.multinomial(p, 12, True, generator=self.chance).reshape(2, 6)
        return Traces(drawn, drawn, prompts=["a", "b"])

    def reward(self, traces):
        given = {"history": self.past, "prompts": traces.prompts, "table": "harmonic"}
        self.seen.append(self.past.counted(traces.answers, traces.prompts)[1])
        return rewards.diversity(traces.answers, **given)

    def train(self, steps, first=0):
        return [
            *grpo.train(
                self.policy,
                self.sampler,
                self.reward,
                Config(steps, 0.5, epochs=2, first=first),
                optimizer=self.optimizer,
                history=self.past,
            )
        ]


def test_the_loop_records_a_step_after_its_rewards_and_once_for_all_epochs():
    run = Visited(History(stable_ids=True))
    steps = run.train(4)
    assert run.seen == [0, 6, 6, 6]
    assert run.past.step == 3
    by_hand = History(stable_ids=True)
    for step in steps:
        traces = step.traces
        given = {"history": by_hand, "prompts": ["a", "b"], "table": "harmonic"}
        assert torch.equal(step.rewards, rewards.diversity(traces.answers, **given))
        by_hand.record(traces.answers, prompts=["a", "b"], step=step.step)
    assert run.past.state_dict() == by_hand.state_dict()


def test_a_loop_that_was_killed_goes_on_as_if_nothing_had_been():
    whole = Visited(History(stable_ids=True))
    steps = whole.train(5)
    begun = Visited(History(stable_ids=True))
    begun.train(3)
    state = json.loads(json.dumps(begun.past.state_dict()))
    begun.past = History(stable_ids=True)
    begun.past.load_state_dict(state)
    rest = begun.train(5, first=3)
    assert [step.step for step in rest] == [3, 4]
    for one, other in zip(steps[3:], rest, strict=True):
        assert torch.equal(one.rewards, other.rewards)
        assert one.loss == other.loss
    assert begun.past.state_dict() == whole.past.state_dict()


def test_prompts_of_orbits_are_recorded_each():
    past = History(stable_ids=True)
    drawn = torch.tensor([[[0, 0, 1], [2, 2, 2]]])
    given = lambda step: Traces(drawn.reshape(2, 3), drawn, prompts=["a", "b"])  # noqa: E731
    paid = lambda traces: torch.zeros(traces.answers.shape)  # noqa: E731
    policy = Softmax([0.0, 0.0, 0.0])
    mean = advantages.orbit_mean
    list(grpo.train(policy, given, paid, Config(1, 0.1), advantage=mean, history=past))
    assert past.counted([[0, 2]] * 2, ["a", "b"])[0].tolist() == [[2, 0], [0, 3]]


def test_what_a_history_refuses_leaves_the_policy_as_it_was():
    policy = Softmax([0.1, 0.2, 0.3])
    before = policy.logits.detach().clone()
    paid = lambda traces: torch.rand(traces.answers.shape)  # noqa: E731
    for past, message in ((History(), "prompts are missing"), (History(), "numbered anew")):
        sampler = fixed(DRAWN, prompts=None if "missing" in message else ["a", "b"])
        with pytest.raises(InvalidHistory, match=message):
            list(grpo.train(policy, sampler, paid, Config(1, 0.5), history=past))
        assert torch.equal(policy.logits, before)
    with pytest.raises(InvalidReward, match="first is -1"):
        Config(1, 0.5, first=-1)
