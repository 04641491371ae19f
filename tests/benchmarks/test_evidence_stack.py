"""benchmarks/stack.py and laws.py: copies are strangers to each other, and all completions are enumerated."""

import pytest
import torch
from laws import HELD_OUT, Laws, taught
from stack import Adam, Stack, chosen, drawn, seeded, supervised
from torch.nn import functional

NUMBER, PRODUCT = Laws(False, (3, 7)), Laws(True, (3, 7, 37))


def logs(stack, laws, copies):
    rows = (x.expand(copies, -1, -1) for x in (laws.prompts, laws.allowed))
    return stack.log_probabilities(*rows)


@pytest.mark.parametrize("laws", [NUMBER, PRODUCT])
def test_every_completion_has_its_probability_and_others_none(laws):
    stack = seeded((0, 1), 25, laws.letters, width=8, layers=2)
    pi = logs(stack, laws, 2).exp()
    assert torch.allclose(pi.sum(-1), torch.ones(pi.shape[:-1]))
    assert torch.equal(pi > 0, laws.allowed.expand(2, -1, -1))
    nu = laws.summed(pi)
    assert torch.allclose(nu.sum(-1), torch.ones(nu.shape[:-1]))
    assert torch.equal(nu > 0, (laws.Q > 0).expand(2, -1, -1))


def test_a_branch_sees_the_prompt_and_its_own_digit_alone():
    """The ten branches give what ten prompts, each with one first digit, give."""
    stack = seeded((3,), 25, 0, width=8, layers=2)
    prompts, free = PRODUCT.prompts[None], torch.ones(1, len(PRODUCT.names), 100, dtype=torch.bool)
    whole = stack.log_probabilities(prompts, free).view(-1, 10, 10)
    causal = torch.ones(4, 4, dtype=torch.bool)
    causal[:3, 3] = False
    for digit in (0, 4, 9):
        letter = torch.full((1, len(PRODUCT.names), 1), 25 + digit)
        logits = stack._logits(torch.cat([prompts, letter], 2), causal)[0]
        first = logits[:, 2, :10].log_softmax(-1)[:, digit, None]
        second = logits[:, 3, 10:].log_softmax(-1)
        assert torch.allclose(whole[:, digit], first + second, atol=1e-5)


def test_a_copy_does_not_depend_on_those_beside_it():
    alone, both = (supervision(seeds) for seeds in ((5,), (4, 5)))
    assert torch.allclose(alone[0], both[1], atol=1e-5)
    assert not torch.allclose(both[0], both[1], atol=1e-2)


def supervision(seeds):
    return logs(taught(NUMBER, seeds, 20, width=8, layers=1), NUMBER, len(seeds)).exp()


def test_copies_are_chosen_by_place_and_train_apart():
    base = seeded((0, 1, 2), 25, 7, width=8, layers=1)
    before = logs(base, NUMBER, 3)
    new = chosen(base, torch.tensor([2, 0, 2]))
    assert torch.allclose(logs(new, NUMBER, 3), before[[2, 0, 2]])
    aims = NUMBER.taught.expand(3, -1, -1)
    rows = (x.expand(3, -1, -1) for x in (NUMBER.prompts, NUMBER.allowed))
    supervised(new, *rows, aims, 3)
    assert torch.equal(logs(base, NUMBER, 3), before)


def test_adam_is_that_of_torch_at_the_pace_of_each_copy():
    torch.manual_seed(0)
    start, aim = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    ours = torch.nn.Parameter(start.clone())
    optimizer = Adam([ours], torch.tensor([1.0, 0.1]))
    singles = [torch.nn.Parameter(start[i].clone()) for i in range(2)]
    theirs = [
        torch.optim.Adam([x], lr=0.02 * pace, betas=(0.9, 0.99))
        for x, pace in zip(singles, (1.0, 0.1), strict=True)
    ]
    optimizer.param_groups[0]["lr"] = 0.02
    for _ in range(5):
        ours.grad = None
        ((ours - aim) ** 4).sum().backward()
        optimizer.step()
        for x, other, target in zip(singles, theirs, aim, strict=True):
            other.zero_grad()
            ((x - target) ** 4).sum().backward()
            other.step()
    assert torch.allclose(ours.data, torch.stack([x.data for x in singles]), atol=1e-6)


def test_draws_have_the_frequencies_of_their_distribution():
    p = torch.tensor([[0.2, 0.0, 0.5, 0.3], [0.0, 0.0, 1.0, 0.0]])
    uniforms = ((torch.arange(1000) + 0.5) / 1000).double().expand(2, -1)
    draws = drawn(p, uniforms)
    shares = functional.one_hot(draws, 4).double().mean(1)
    assert torch.allclose(shares, p.double(), atol=2e-3)
    ends = drawn(p, torch.tensor([[0.0, 1 - 2.0**-53]] * 2, dtype=torch.float64))
    assert ends.tolist() == [[0, 3], [2, 2]]


def test_laws_are_what_they_say():
    assert len(NUMBER.names) == 3 + 7
    n, c = NUMBER.names[5]
    assert (n, c) == (7, 2)
    wanted = torch.tensor([1 / 3, 1 / 2, 1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])
    assert torch.allclose(NUMBER.Q[5], wanted / wanted.sum())
    assert len({tuple(row) for row in PRODUCT.prompts.tolist()}) == len(PRODUCT.names)
    assert int(PRODUCT.answers.max()) == 36
    assert PRODUCT.answers[34] == PRODUCT.answers[43] == PRODUCT.answers[26]  # 12
    assert torch.allclose(PRODUCT.summed(PRODUCT.taught).sum(1), torch.ones(47))
    collapsed = PRODUCT.Q**1.5
    collapsed = collapsed / collapsed.sum(1, keepdim=True)
    assert torch.allclose(PRODUCT.summed(PRODUCT.taught), collapsed, atol=1e-6)


def test_a_share_of_the_laws_is_held_out_by_the_seed():
    laws = Laws(False, (3, 7, 17, 31, 61))
    kept = [set(laws.trained(seed).tolist()) for seed in range(2)]
    assert {len(one) for one in kept} == {119 - round(HELD_OUT * 119)}
    assert kept[0] != kept[1]
    assert torch.equal(laws.trained(1), laws.trained(1))


def test_what_was_taught_is_learnt():
    stack = taught(NUMBER, (0,), 400, width=16, layers=1)
    assert (logs(stack, NUMBER, 1).exp()[0] - NUMBER.taught).abs().max() < 0.05
    assert isinstance(stack, Stack)
