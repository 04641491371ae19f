"""Trainers that are installed: the lines of their pages, through the trainers' own functions.

The jobs swift-4.6, tunix-0.1 and trinity-0.6 of .ci/full install one each; where a trainer is missing, its
test is skipped, and stand-ins are run in its place (test_trainer_pages.py, test_trl_shaped.py).
"""

import dataclasses
import re
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pages
import pytest
import torch
from pages import blocks

from polyest import advantages
from polyest.integrations import trl
from polyest.integrations.groups import GroupReward

pytestmark = pytest.mark.filterwarnings("ignore")  # those of other people's modules
DOCS = pages.DOCS
BOXED = [r"\boxed{7}", r"so \boxed{7}", r"\boxed{3}", "no idea"]


def installed(name):
    return pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed")


def page(name):
    return (DOCS / f"{name}.md").read_text()


def run(name):
    """The namespace after all Python of a page."""
    return pages.run([one for one in blocks(page(name)) if one[0] == "python"], f"{name}.md")


def paid(texts, **options):
    return GroupReward("log_probability", kind="boxed", beta=0.1, **options)(texts)


@installed("swift")
def test_ms_swift_pays_every_block_of_rows_whose_mean_it_subtracts():
    from swift.arguments import RLHFArguments
    from swift.rl_core.advantage import compute_advantages
    from swift.rl_core.data import OnPolicySample
    from swift.rl_core.grpo_algorithm import compute_rewards_per_func
    from swift.rlhf_trainers.utils import resolve_reward_funcs

    run("ms-swift")
    args = SimpleNamespace(num_generations=4, scale_rewards="none")
    (made,), names = resolve_reward_funcs(["counted"], args)
    assert names[0].startswith("log_probability")
    texts = [*BOXED, *[r"\boxed{1}"] * 3, r"\boxed{2}", *BOXED[::-1]]
    samples = [
        OnPolicySample(
            messages=[{"role": "user", "content": "q"}, {"role": "assistant", "content": text}],
            prompt_id="prompt_0",  # a prompt that is drawn three times
            request_id=f"chatcmpl-{i}",
            finish_reason="stop",
        )
        for i, text in enumerate(texts)
    ]
    found = compute_rewards_per_func(samples, [made], [None], torch.device("cpu"))
    by_hand = [paid(texts[at : at + 4], noise=8) for at in (0, 4, 8)]
    assert found[:, 0].tolist() == pytest.approx(np.concatenate(by_hand).tolist())
    centred, _ = compute_advantages(found, torch.ones(1), 4, scale_rewards="none")
    expected = advantages.group_mean(np.array(by_hand)).reshape(-1)
    assert centred.tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    samples[0].finish_reason = "length"
    cut = compute_rewards_per_func(samples, [made], [None], torch.device("cpu"))
    assert cut[:4, 0].tolist() == pytest.approx(paid([None, *BOXED[1:]], noise=8))
    known = {field.name for field in dataclasses.fields(RLHFArguments)}
    options = re.findall(r"--(\w+)", page("ms-swift").split("```sh")[1].split("```")[0])
    assert {*options} <= known


@installed("tunix")
def test_tunix_pays_and_centres():
    from tunix.rl.algo_core import compute_drgrpo_advantages
    from tunix.rl.reward_manager import SequenceRewardManager

    reward = run("tunix")["reward"]
    lines = next(body for kind, body, _ in blocks(page("tunix")) if kind == "py")
    namespace = {}
    exec("\n".join(lines.splitlines()[:3]), namespace)  # the learner needs a cluster
    assert "DrGRPOLearner" in namespace
    config = namespace["config"]
    assert config.advantage_estimator == "drgrpo"
    found = SequenceRewardManager([reward], config)(["q"] * 8, BOXED * 2, answer=["7"] * 8)
    assert found["rewards"].tolist() == paid(BOXED * 2)
    centred = compute_drgrpo_advantages(found["rewards"], config.num_generations)
    assert np.asarray(centred).tolist() == pytest.approx(paid(BOXED * 2, centred=True), abs=1e-6)
    correct = trl.ground_truth(
        truth="answer", objective="log", num_generations=8, kind="boxed", gather=False
    )
    right = SequenceRewardManager([correct], config)(["q"] * 8, BOXED * 2, answer=["7"] * 8)
    assert right["rewards"].tolist() == [7 / 4, 7 / 4, 0, 0] * 2  # (K + 1)/(X + 1), K = 6, X = 3


@installed("trinity")
def test_trinity_finds_the_class_and_averages_its_metrics():
    from trinity.algorithm.advantage_fn import ADVANTAGE_FN
    from trinity.common.experience import EID, Experience

    config = page("trinity").split("```yaml\n")[1].split("```")[0]
    given = dict(re.findall(r"^    (\w+): (\S+)$", config, re.MULTILINE))
    given |= {option: float(given[option]) for option in ("beta", "noise")}
    made = ADVANTAGE_FN.get(re.search(r"advantage_fn: (\S+)", config)[1])(**given)
    exps = [
        Experience(
            eid=EID(batch=0, task=task, run=i),
            tokens=torch.arange(5),
            prompt_length=2,
            logprobs=torch.zeros(3),
            response_text=text,
            reward=float("7" in text),
        )
        for task in (0, 1)
        for i, text in enumerate(BOXED)
    ]
    found, metrics = made(exps)
    expected = paid(BOXED, noise=8, centred=True) * 2
    assert [float(one.advantages[0]) for one in found] == pytest.approx(expected)
    assert metrics["group_advantages/majority_share/mean"] == 0.5
    gated = ADVANTAGE_FN.get("polyest.integrations.trinity.CountedAdvantage")(
        reward="diversity", kind="boxed", where="right", bonus=1
    )
    right, _ = gated(exps)
    assert [float(one.advantages[0]) > 0 for one in right] == [True, True, False, False] * 2
