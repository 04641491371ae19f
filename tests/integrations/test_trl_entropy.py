"""The entropy that TRL logs, held against the exact one of the policy that was sampled as it collapses."""

from importlib import metadata
from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("trl") is None:
    pytest.skip("TRL is not installed: pip install 'polyest[trl]'", allow_module_level=True)
if metadata.version("trl").startswith("1.15."):
    pytest.skip("TRL 1.15 does not train without triton", allow_module_level=True)

import torch
from trl_training import WORDS, dataset, trainer

from polyest.integrations import trl

pytestmark = pytest.mark.filterwarnings("ignore")  # those of other people's modules
G, PROMPTS, STEPS = 16, 18, 10
SPECIAL = 3  # <pad>, <bos> and <eos>, whose text is empty: no answer


def word(text):
    return text.strip() or None


def entropy_of(loop, prompts):
    """The mean over prompts of the entropy of the next word, where special ones are one outcome."""
    tokens = loop.processing_class(prompts, return_tensors="pt", padding=True)
    with torch.no_grad():
        logits = loop.model(**tokens).logits[:, -1].double()
    p = (logits / loop.args.temperature).softmax(1)
    p = torch.cat([p[:, :SPECIAL].sum(1, keepdim=True), p[:, SPECIAL:]], 1)
    return float(-(p * p.log()).sum(1).mean())


def test_the_logged_entropy_is_the_exact_one_within_its_errors(tmp_path):
    reward, exact = trl.log_probability(kind=word, noise=8, name="log"), []

    def watched(prompts, completions, **columns):
        exact.append(entropy_of(loop, prompts[::G]))
        return reward(prompts=prompts, completions=completions, **columns)

    loop = trainer(
        tmp_path,
        [watched],
        data=dataset(PROMPTS).remove_columns(["group_id", "orbit_id"]),
        max_steps=STEPS,
        max_completion_length=1,
        num_generations=G,
        per_device_train_batch_size=G * PROMPTS,
        gradient_accumulation_steps=1,
        learning_rate=0.02,
    )
    with torch.no_grad():
        loop.model.model.embed_tokens.weight.mul_(10)
    loop.train()
    entries = [entry for entry in loop.state.log_history if "log/answer_entropy" in entry]
    assert len(entries) == len(exact) == STEPS
    logged = np.array([entry["log/answer_entropy"] for entry in entries])
    errors = np.array([entry["log/answer_entropy_error"] for entry in entries])
    bias = (len(WORDS) - SPECIAL + 1) * entries[0]["log/answer_entropy_bias"]
    assert (np.abs(logged - exact) <= 4 * errors + bias).all()
    assert abs(np.mean(logged - exact)) <= 4 * np.sqrt((errors**2).mean() / STEPS) + bias
    assert exact[0] > 1.5 > exact[-1] + 0.5  # it collapses, and what is logged says so
    assert logged[-1] < logged[0] / 2
    assert entries[-1]["log/majority_share"] > entries[0]["log/majority_share"]
    assert entries[-1]["log/no_signal"] > entries[0]["log/no_signal"]
