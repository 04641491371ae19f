"""benchmarks/smollm.py, adapters.py, closed_prompts.py, with a small model of the same kind."""

from dataclasses import replace

import closed_prompts
import numpy as np
import pytest
import smollm
import torch
from adapters import MASKED, Settings, Stack, divergence, drawn, train
from smollm import Prompt, Sizes, arranged, read

from polyest import advantages

SIZES = Sizes(width=24, layers=3, heads=6, pairs=2, base=10000.0, epsilon=1e-5)
TOKENS, INNER = 13, 20
ONE = Prompt([1, 2, 3], [[4], [5], [6]])
TREE = Prompt([7, 8, 9, 10, 11], [[4], [1, 2], [1, 3], [12, 0, 5], [12, 0, 6]])


def weights(seed=0):
    chance = torch.Generator().manual_seed(seed)

    def random(*shape):
        return torch.randn(*shape, generator=chance) / shape[-1] ** 0.5

    size = SIZES.width // SIZES.heads
    made = {"model.embed_tokens.weight": random(TOKENS, SIZES.width)}
    made["model.norm.weight"] = 1 + 0.1 * random(SIZES.width)
    for i in range(SIZES.layers):
        shapes = {
            "self_attn.q_proj": (SIZES.heads * size, SIZES.width),
            "self_attn.k_proj": (SIZES.pairs * size, SIZES.width),
            "self_attn.v_proj": (SIZES.pairs * size, SIZES.width),
            "self_attn.o_proj": (SIZES.width, SIZES.width),
            "mlp.gate_proj": (INNER, SIZES.width),
            "mlp.up_proj": (INNER, SIZES.width),
            "mlp.down_proj": (SIZES.width, INNER),
        }
        for name, shape in shapes.items():
            made[f"model.layers.{i}.{name}.weight"] = random(*shape)
        for name in ("input_layernorm", "post_attention_layernorm"):
            made[f"model.layers.{i}.{name}.weight"] = 1 + 0.1 * random(SIZES.width)
    return made


@pytest.fixture(scope="module")
def model():
    return arranged(SIZES, weights(), "cpu", torch.float32)


def base_of(model, prompts, upper=2):
    with torch.no_grad():
        return Stack(model, upper, [0])(read(model, prompts, upper))[0]


def test_a_tree_is_its_answers_token_by_token(model):
    """Every beginning of an answer as the end of a prompt that is read anew."""
    logs = base_of(model, [TREE])[0]
    assert logs.exp().sum() == pytest.approx(1, abs=1e-6)
    for value, answer in zip(logs, TREE.answers, strict=True):
        total = 0.0
        for i, token in enumerate(answer):
            start = answer[:i]
            nexts = sorted({a[i] for a in TREE.answers if a[:i] == start and len(a) > i})
            alone = base_of(model, [Prompt([*TREE.tokens, *start], [[t] for t in nexts])])[0]
            total += float(alone[nexts.index(token)])
        assert float(value) == pytest.approx(total, abs=1e-4)


def test_pads_change_nothing(model):
    both = base_of(model, [ONE, TREE])
    assert torch.equal(both[0, 3:], torch.full((2,), MASKED))
    torch.testing.assert_close(both[0, :3], base_of(model, [ONE])[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(both[1], base_of(model, [TREE])[0], atol=1e-5, rtol=0)
    whole = read(model, [ONE, TREE], 2)
    some = whole.of(torch.tensor([1]))
    torch.testing.assert_close(Stack(model, 2, [0])(some)[0, 0], both[1], atol=1e-5, rtol=0)


def test_it_is_the_llama_of_hugging_face(model):
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        vocab_size=TOKENS, hidden_size=SIZES.width, intermediate_size=INNER,
        num_hidden_layers=SIZES.layers, num_attention_heads=SIZES.heads,
        num_key_value_heads=SIZES.pairs, rms_norm_eps=SIZES.epsilon, tie_word_embeddings=True,
    )  # fmt: skip
    theirs = transformers.LlamaForCausalLM(config).eval()
    theirs.load_state_dict(weights() | {"lm_head.weight": weights()["model.embed_tokens.weight"]})
    with torch.no_grad():
        logits = theirs(torch.tensor([ONE.tokens])).logits[0, -1]
    wanted = logits[[a[0] for a in ONE.answers]].log_softmax(0)
    torch.testing.assert_close(base_of(model, [ONE])[0], wanted, atol=1e-4, rtol=0)


def test_answers_that_no_tree_holds():
    for answers in ([[4], [4]], [[4], [4, 5]]):
        with pytest.raises(ValueError, match="none the start of another"):
            smollm.tree(answers)


SETTINGS = Settings(steps=60, rate=0.01, group=8, groups=8, kl=0.01)


def trained(model, seeds, multipliers, steps=SETTINGS.steps):
    """A stack that is paid log Q - m log nu for a uniform Q."""
    seen = read(model, [ONE, TREE], 2)
    stack = Stack(model, 2, seeds)
    base = base_of(model, [ONE, TREE])
    there = base > MASKED
    target = (there / there.sum(1, keepdim=True)).log().masked_fill(~there, MASKED)
    times = torch.tensor(multipliers)[:, None, None, None]

    def paid(answers, logs, prompts, step):
        at = answers.flatten(2)
        each = (
            target.expand(*logs.shape).gather(-1, at)
            - (times * logs.gather(-1, at)[..., None])[..., 0]
        )
        return each.reshape(answers.shape).double()

    settings = replace(SETTINGS, steps=steps)
    train(stack, seen, base, paid, advantages.group_mean, settings, seeds)
    with torch.no_grad():
        return divergence(stack(seen), target), divergence(base[None], target)


def test_training_on_the_true_log_reaches_the_target(model):
    after, before = trained(model, [0, 1], [1.0, 1.0])
    assert (after < before / 20).all(), (after, before)


def test_members_of_a_stack_do_not_touch_each_other(model):
    """Each alone is what it is beside others, up to what the products round."""
    together, _ = trained(model, [0, 1, 2], [1.0, 2.0, 0.5], steps=5)
    for i, (seed, m) in enumerate(((0, 1.0), (1, 2.0), (2, 0.5))):
        alone, before = trained(model, [seed], [m], steps=5)
        torch.testing.assert_close(together[i], alone[0], atol=1e-4, rtol=0)
        assert not torch.allclose(alone, before, atol=1e-3)


def test_answers_are_drawn_by_their_probabilities():
    nu = torch.tensor([[0.5, 0.25, 0.25, 0.0], [0.0, 0.9, 0.1, 0.0]])
    logs = nu.log().clip(min=MASKED)
    one, two = (torch.Generator().manual_seed(seed) for seed in (0, 1))
    answers = drawn(logs.expand(2, 2, 4), [one, two], 500, 8)
    assert answers.shape == (2, 2, 500, 8)
    for member in answers:
        for row, wanted in zip(member, nu, strict=True):
            shares = torch.bincount(row.flatten(), minlength=4) / row.numel()
            assert (shares - wanted).abs().max() < 0.03
            assert not shares[wanted == 0].any()
    assert not torch.equal(answers[0], answers[1])
    again = drawn(logs.expand(1, 2, 4), [torch.Generator().manual_seed(1)], 500, 8)
    assert torch.equal(again[0], answers[1])


def test_prompts_and_laws():
    for families, each, held in (
        (closed_prompts.FAMILIES, 4, 8),
        (closed_prompts.FAMILIES, 24, 16),
    ):
        trained, kept = closed_prompts.split(families, each, held)
        texts = [one.text for one in (*trained, *kept)]
        assert len(set(texts)) == len(texts) == each * len(families)
        assert len(kept) == held
        for one in trained:
            law = closed_prompts.law(one)
            wanted = 1 / np.arange(1, len(one.answers) + 1)
            assert sorted(law, reverse=True) == pytest.approx(wanted / wanted.sum())
        # Every law of a prompt that is held out is trained on in other words.
        assert {one.thing for one in kept} <= {one.thing for one in trained}
    for name, (_, answers, right) in closed_prompts.TOPICS.items():
        assert set(right) < set(answers.split()), name
        assert len(set(answers.split())) == len(answers.split())
