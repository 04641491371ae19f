"""torch.compile takes every reward from counts as one graph, and nothing is read from the device."""

import shutil

import numpy as np
import pytest
import torch

from polyest import advantages, counts, rewards

pytestmark = pytest.mark.filterwarnings("ignore::polyest.errors.RightPaidLess")
ANSWERS = torch.tensor(np.random.default_rng(0).integers(-1, 5, (6, 8)))
IDS = torch.arange(6).repeat_interleave(8)
ORBITS = torch.tensor(np.random.default_rng(1).integers(-1, 4, (3, 2, 6)))
CALLS = {
    "log": lambda a: rewards.log_probability(a),
    "dyadic": lambda a: rewards.log_probability(a, beta=0.1, dyadic=True),
    "lowest": lambda a: rewards.log_probability(a, unanswered="lowest"),
    "independent": lambda a: rewards.log_probability(
        a, counting="independent", reference=a.flip(0)
    ),
    "polynomial": lambda a: rewards.polynomial(a, (1, -1, 0.5)),
    "entropy": lambda a: rewards.diversity(a),
    "gated": lambda a: rewards.diversity(a, where=a > 1, bonus=1, dyadic=True),
    "conditional": lambda a: rewards.diversity(a, measure="conditional", where=a > 1, noise=8),
    "ragged, conditional": lambda a: rewards.diversity(
        a.reshape(-1), measure="conditional", where=a.reshape(-1) > 1, groups=IDS, sizes=(3, 10)
    ),
    "own entries": lambda a: rewards.of_counts(a, (3, 2, 1, 0, 0, -1, 4)),
    "truth": lambda a: rewards.ground_truth(a, a[:, 0], objective="log"),
    "advantage": lambda a: advantages.group_mean(rewards.log_probability(a)),
    "standardised": lambda a: advantages.standardised(rewards.log_probability(a).bfloat16()),
    "leave one out": lambda a: advantages.leave_one_out(rewards.log_probability(a)),
    "ragged advantage": lambda a: advantages.group_mean(
        rewards.log_probability(a).reshape(-1).half(), groups=IDS.to(a.device)
    ),
    "ragged": lambda a: rewards.log_probability(a.reshape(-1), groups=IDS, sizes=(3, 10)),
    "counts": lambda a: counts.in_group(a).index,
    "wide": lambda a: rewards.log_probability(a.repeat(1, 9)),  # too wide to compare all pairs
}
OVER_ORBITS = {
    "coherence": rewards.coherence,
    "pairwise": rewards.pairwise,
    "geometric": lambda a: rewards.soft_consistency(a, mean="geometric"),
    "arithmetic": rewards.soft_consistency,
}


@pytest.mark.parametrize("name", [*CALLS, *OVER_ORBITS])
def test_one_graph_equals_the_eager_result(name):
    call, answers = (CALLS[name], ANSWERS) if name in CALLS else (OVER_ORBITS[name], ORBITS)
    torch._dynamo.reset()
    compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(answers).nan_to_num(99.0), call(answers).nan_to_num(99.0))
    other = answers.flip(-1) % 3
    assert torch.equal(compiled(other).nan_to_num(99.0), call(other).nan_to_num(99.0))


def test_another_group_size_is_another_graph():
    torch._dynamo.reset()
    compiled = torch.compile(CALLS["log"], fullgraph=True, backend="aot_eager")
    over = torch.compile(OVER_ORBITS["arithmetic"], fullgraph=True, backend="aot_eager")
    for G in (5, 6, 7, 6):
        answers = ANSWERS[:, :1].repeat(1, G).cumsum(1) % 3
        assert torch.equal(compiled(answers), CALLS["log"](answers))
        assert torch.equal(over(answers[None]), OVER_ORBITS["arithmetic"](answers[None]))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="the default backend needs a C++ compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, when it loads that backend
def test_the_default_backend_too():
    torch._dynamo.reset()
    compiled = torch.compile(CALLS["log"], fullgraph=True)
    assert torch.equal(compiled(ANSWERS).nan_to_num(99.0), CALLS["log"](ANSWERS).nan_to_num(99.0))


@pytest.mark.parametrize("name", [*CALLS, *OVER_ORBITS])
def test_nothing_is_read_back(name):
    """Tensors of the meta device have no values: reading one raises."""
    call, answers = (CALLS[name], ANSWERS) if name in CALLS else (OVER_ORBITS[name], ORBITS)
    if name == "ragged":
        ids = IDS.to("meta")
        paid = rewards.log_probability(answers.reshape(-1).to("meta"), groups=ids, sizes=(3, 10))
    else:
        paid = call(answers.to("meta"))
    assert paid.device.type == "meta"
    assert paid.shape == call(answers).shape


def test_ids_on_a_device_without_a_promise_are_read():
    with pytest.raises((NotImplementedError, RuntimeError)):
        rewards.log_probability(ANSWERS.reshape(-1).to("meta"), groups=IDS.to("meta"))
    paid = rewards.log_probability(ANSWERS.reshape(-1).to("meta"), groups=IDS.tolist())
    assert paid.shape == (48,)
