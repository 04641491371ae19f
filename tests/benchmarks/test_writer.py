"""The writer on few weights, mostly untrained; no test needs reasoning-gym."""

import random

import pytest
import torch
from word_problems import END, Question, study
from writer import ALPHABET, CODE, PAD, Traces, Writer, accuracy, answered, decode, encode, pretrain

TEXTS = ["+9-5+2=", "add 1 sub 2 add 3=", "gain 7,lose 0,lose 9=", "3 more,3 less,5 more="]
QUESTIONS = [Question((a, b, 9)) for a in range(-2, 3) for b in range(3, 6)]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def writer():
    torch.manual_seed(0)
    writer = Writer(width=32, layers=2)
    with torch.no_grad():  # so that it often ends, and not always
        writer.read.bias[CODE[END]] += 2
    return writer


def drawn(seed):
    return torch.Generator().manual_seed(seed)


def afresh(writer, prompt, trace, temperature=1.0):
    """log p of a completion, from a forward pass over prompt and completion without any pad."""
    codes = [x for x in trace.tolist() if x != PAD]
    start = encode([prompt])[0].tolist()
    logits = writer(torch.tensor([start + codes]))[0, len(start) - 1 : -1] / temperature
    return logits.log_softmax(-1)[range(len(codes)), codes]


def test_forward_is_causal_and_ignores_pads(writer):
    whole = encode(["add 7 sub 3=4;"])
    logits = writer(whole)
    assert logits.shape == (1, 14, len(ALPHABET))
    changed = whole.clone()
    changed[0, 9] = CODE["5"]
    assert torch.equal(writer(changed)[0, :9], logits[0, :9])
    assert not torch.allclose(writer(changed)[0, 9:], logits[0, 9:])
    pads = torch.full((1, 7), PAD)
    for padded, place in [
        (torch.cat([pads, whole], 1), slice(7, None)),
        (torch.cat([whole, pads], 1), slice(0, -7)),
    ]:
        out = writer(padded)
        assert out.isfinite().all()
        torch.testing.assert_close(out[:, place], logits)


def test_places_matter():
    one_layer = Writer(width=16, layers=1)  # without places, a sum over those before
    last = [one_layer(encode([text]))[0, -1] for text in ("12=", "21=")]
    assert not torch.allclose(*last)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_scores_are_those_of_a_full_forward_pass(writer, temperature):
    prompts = encode(TEXTS)
    traces = writer.sample(prompts, 5, temperature, drawn(0))
    scores = writer.log_probabilities(prompts, traces.written, temperature)
    assert scores.shape == traces.written.shape == traces.mask.shape
    for i, (trace, score) in enumerate(zip(traces.written, scores, strict=True)):
        expected = afresh(writer, TEXTS[i // 5], trace, temperature)
        torch.testing.assert_close(score[: len(expected)], expected)
        assert (score[: len(expected)] < 0).all()
        assert (score[len(expected) :] == 0).all()


def test_masks_end_with_the_answer(writer):
    traces = writer.sample(encode(TEXTS), 50, generator=drawn(1))
    lengths = set()
    for row, mask, text in zip(traces.written, traces.mask, decode(traces.written), strict=True):
        length = int(mask.sum())
        lengths.add((length, END in text))
        assert mask[:length].all()
        assert (row[length:] == PAD).all()
        assert len(text) == length
        assert END not in text[:-1]
        assert text.endswith(END) or length == 8
    assert {(1, True), (3, True), (8, False)} <= lengths


def test_limit(writer):
    assert writer.sample(encode(TEXTS), 9, generator=drawn(0), limit=2).written.shape == (36, 2)


def test_traces_follow_the_distribution(writer):
    """First two characters against their exact probabilities, prompt by prompt."""
    n = 4000
    for temperature in (1.0, 0.6):
        for prompt in TEXTS[:2]:
            first = writer.sample(encode([prompt]), n, temperature, drawn(2), limit=2).written
            exact = (writer(encode([prompt]))[0, -1] / temperature).softmax(-1)
            seen = torch.bincount(first[:, 0], minlength=len(ALPHABET)) / n
            noise = (exact * (1 - exact) / n).sqrt()
            assert ((seen - exact).abs() < 5 * noise + 1e-3).all()
            opening = int(exact[1:10].argmax()) + 1  # a digit
            then = (writer(encode([prompt + ALPHABET[opening]]))[0, -1] / temperature).softmax(-1)
            after = first[first[:, 0] == opening, 1]
            seen = torch.bincount(after, minlength=len(ALPHABET)) / len(after)
            assert ((seen - then).abs() < 5 * (then * (1 - then) / len(after)).sqrt() + 1e-2).all()


def test_greedy_takes_the_likeliest(writer):
    greedy = writer.sample(encode(TEXTS), 2, temperature=0).written
    for i, trace in enumerate(greedy):
        codes = [x for x in trace.tolist() if x != PAD]
        start = encode([TEXTS[i // 2]])[0].tolist()
        logits = writer(torch.tensor([start + codes]))[0, len(start) - 1 : -1]
        assert logits.argmax(-1).tolist() == codes
    assert torch.equal(greedy[::2], greedy[1::2])


def test_a_prompt_writes_the_same_whatever_is_beside_it(writer):
    group = 8
    alone = writer.sample(encode(TEXTS[:1]), group, generator=drawn(5))
    beside = writer.sample(encode(TEXTS), group, generator=drawn(5))
    length = alone.written.shape[1]
    assert torch.equal(beside.written[:group, :length], alone.written)
    assert (beside.written[:group, length:] == PAD).all()


def test_a_generator_fixes_the_traces(writer):
    prompts = encode(TEXTS)
    first, again, other = (
        writer.sample(prompts, 16, generator=drawn(i)).written for i in (7, 7, 8)
    )
    assert torch.equal(first, again)
    assert first.shape != other.shape or not torch.equal(first, other)
    assert len(set(decode(first[:16]))) > 1


def test_gradients_are_those_of_separate_forward_passes(writer):
    prompts = encode(TEXTS)
    written = writer.sample(prompts, 3, generator=drawn(3)).written
    advantages = torch.randn(len(written), generator=drawn(4))

    def gradients(loss):
        return torch.autograd.grad(loss, list(writer.parameters()))

    shared = gradients((writer.log_probabilities(prompts, written).sum(1) * advantages).sum())
    apart = [afresh(writer, TEXTS[i // 3], trace).sum() for i, trace in enumerate(written)]
    torch.testing.assert_close(
        shared, gradients((torch.stack(apart) * advantages).sum()), rtol=1e-4, atol=1e-5
    )


def test_encoding():
    texts = ["9-5=", "add 7 sub 10="]
    left, right = encode(texts), encode(texts, left=False)
    assert left[0].tolist() == [PAD] * 9 + [CODE[x] for x in "9-5="]
    assert right[0].tolist() == [CODE[x] for x in "9-5="] + [PAD] * 9
    assert decode(left) == decode(right) == texts
    assert len(set(ALPHABET)) == len(ALPHABET) == PAD


def test_pretraining_learns_and_its_seed_fixes_the_weights():
    def trained(seed, steps):
        torch.rand(seed)  # whatever was drawn elsewhere
        return pretrain(QUESTIONS, seed, steps=steps, batch=16, width=16)

    first, again, other = (
        torch.cat([p.flatten() for p in trained(i, 4).parameters()]) for i in (1, 1, 2)
    )
    before = torch.random.get_rng_state()
    pretrain(QUESTIONS, 1, steps=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    few = QUESTIONS[:2]
    writer = pretrain(few, 0, steps=100, batch=16, width=32)
    assert accuracy(answered(writer, few), few)[0] == 1.0
    assert accuracy(answered(trained(0, 1), few), few) == [0.0] * 4


def test_a_seed_fixes_what_is_studied(monkeypatch):
    def studied(seed):
        seen = []

        def kept(*arguments):
            seen.append(study(*arguments))
            return seen[-1]

        monkeypatch.setattr("writer.study", kept)
        pretrain(QUESTIONS, seed, steps=2, batch=8, width=8)
        return seen

    assert studied(1) == studied(1) != studied(2)


def test_accuracy_counts_right_answers():
    """A writer that always answers 14, to questions of which two thirds are answered by 14."""

    class Constant(Writer):
        def sample(self, prompts, group, temperature=1, generator=None, limit=8):
            assert (group, temperature) == (1, 0)
            written = encode(["14;"] * len(prompts))
            return Traces(written, written != PAD)

    questions = [Question((2, 3, 9)), Question((1, 4, 9)), Question((0, 3, 9))] * 2
    random.Random(0).shuffle(questions)
    assert accuracy(answered(Constant(width=8), questions), questions) == pytest.approx([2 / 3] * 4)
