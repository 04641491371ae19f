"""Voting among all completions of a group and training on some of them, in TRL's own trainers."""

from importlib import metadata
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest

if find_spec("trl") is None:
    pytest.skip("TRL is not installed: pip install 'polyest[trl]'", allow_module_level=True)
if metadata.version("trl").startswith("1.15."):
    pytest.skip("TRL 1.15 does not train without triton", allow_module_level=True)

import torch
from trl_training import STEPS, Recorded, advantages, dataset, trainer

from polyest.errors import BrokenBatch, UnsupportedVersion
from polyest.integrations import trl

pytestmark = pytest.mark.filterwarnings("ignore")  # those of other people's modules
N = 8


@pytest.mark.parametrize("kind", ["GRPO", "RLOO"])
@pytest.mark.parametrize("number", [3, N])
def test_a_part_of_each_group_is_trained_on_with_advantages_from_all_of_it(tmp_path, kind, number):
    reward, seen = Recorded(trl.log_probability(noise=2)), []
    loop = trainer(tmp_path, [reward], kind, evaluated=dataset(2), num_generations=N)
    trl.train_on(loop, number)
    inner = loop._generate_and_score_completions

    def watched(inputs):
        batch = inner(inputs)
        seen.append((loop.model.training, {k: v for k, v in batch.items() if v is not None}))
        return batch

    loop._generate_and_score_completions = watched
    loop.train()
    assert loop.state.global_step == STEPS
    assert len(seen) == len(reward.calls) == STEPS
    for (training, batch), call in zip(seen, reward.calls, strict=True):
        assert training
        whole = advantages(call["paid"], N, kind).reshape(-1, N)
        assert len(batch["completion_ids"]) == 3 * number
        assert torch.equal(batch["advantages"].reshape(-1, number), whole[:, :number])
        sizes = {len(v) for v in batch.values() if getattr(v, "ndim", 0)}
        assert sizes == {3 * number}
        if "num_items_in_batch" in batch:
            assert int(batch["num_items_in_batch"]) == int(batch["completion_mask"].sum())
    losses = [entry["loss"] for entry in loop.state.log_history if "loss" in entry]
    assert np.isfinite(losses).all()
    loop.evaluate()
    assert len(seen[-1][1]["completion_ids"]) % N == 0
    assert not seen[-1][0]


def gradient(folder, number, loss_type):
    """The gradient of the first batch, the same completions whatever is trained on."""
    torch.manual_seed(0)
    given = {"num_generations": N, "max_steps": 1, "learning_rate": 0.0, "loss_type": loss_type}
    loop = trainer(folder, [trl.log_probability(noise=2)], max_grad_norm=1e9, **given)
    trl.train_on(loop, number)
    kept = []
    loop.optimizer = torch.optim.SGD(loop.model.parameters(), lr=0.0)
    loop.optimizer.register_step_pre_hook(
        lambda *_: kept.append(torch.cat([p.grad.flatten() for p in loop.model.parameters()]))
    )
    loop.train()
    return kept[0]


@pytest.mark.parametrize("loss_type", ["dr_grpo", "dapo"])
def test_the_loss_is_the_mean_over_what_is_trained_on(tmp_path, loss_type):
    """Gradients of a part have the size of those of the whole, and not n/N of it."""
    whole = gradient(tmp_path, N, loss_type).norm()
    part = gradient(tmp_path, N // 2, loss_type).norm()
    assert 0.7 * whole < part < 3 * whole


def stub(rows=8, steps=1, method=lambda rows: {"pixel_values": 1}, G=8):
    args = SimpleNamespace(per_device_train_batch_size=rows, steps_per_generation=steps)
    made = SimpleNamespace(args=args, num_generations=G, model=SimpleNamespace(training=True))
    if method is not None:
        made._generate_and_score_completions = method
    return made


@pytest.mark.parametrize(
    ("made", "number", "error", "said"),
    [
        (stub(), 0, BrokenBatch, "number is 0: expected an integer from 1 to num_generations, 8"),
        (stub(), 9, BrokenBatch, "number is 9"),
        (stub(), 2.5, BrokenBatch, "number is 2.5"),
        (stub(rows=4), 2, BrokenBatch, "4 rows a process .* groups would be cut"),
        (stub(rows=4, steps=2), 3, BrokenBatch, "1 groups of 3 in 2 steps_per_generation"),
        (stub(method=None), 2, UnsupportedVersion, "SimpleNamespace has no _generate_and_score"),
    ],
)
def test_what_cannot_be_cut_is_refused(made, number, error, said):
    with pytest.raises(error, match=said):
        trl.train_on(made, number)


def test_batches_with_images_are_refused():
    made = stub()
    trl.train_on(made, 2)
    with pytest.raises(BrokenBatch, match="pixel_values in a batch"):
        made._generate_and_score_completions([])
