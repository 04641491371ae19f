"""The example of verl: its configuration is put together by hydra, and its reward loaded, as verl does."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from verl_imports import DataProto, OmegaConf, get_custom_reward_fn, ray_trainer

import polyest

hydra = pytest.importorskip("hydra")  # verl brings it

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "verl"


def composed(name, *overrides):
    with hydra.initialize_config_dir(str(FOLDER), version_base=None):
        return hydra.compose(name, overrides=[*overrides])


@pytest.fixture(scope="module")
def config():
    return composed("diversity")


def leaves(tree, above=""):
    """The names of all options, with dots."""
    for key, value in tree.items():
        name = f"{above}.{key}".lstrip(".")
        yield from leaves(value, name) if isinstance(value, dict) else [name]


def test_every_option_is_one_of_verl_or_of_polyest(config, tmp_path):
    bare = "hydra:\n  searchpath: [pkg://verl.trainer.config]\ndefaults: [ppo_trainer, _self_]\n"
    (tmp_path / "bare.yaml").write_text(bare)
    with hydra.initialize_config_dir(str(tmp_path), version_base=None):
        verl = {*leaves(OmegaConf.to_container(hydra.compose("bare"), resolve=False))}
    ours = yaml.safe_load((FOLDER / "diversity.yaml").read_text())
    named = {*leaves({key: ours[key] for key in ours if key not in ("defaults", "hydra")})}
    added = {f"algorithm.polyest.{key}" for key in ours["algorithm"]["polyest"]}
    assert len(named) > 25
    assert named - verl == added
    assert config.algorithm.polyest.group == config.actor_rollout_ref.rollout.n == 16


def test_an_option_may_be_given_behind_it():
    changed = composed("diversity", "algorithm.polyest.beta=0.5", "actor_rollout_ref.rollout.n=8")
    assert (changed.algorithm.polyest.beta, changed.algorithm.polyest.group) == (0.5, 8)


def test_verl_loads_the_reward_and_computes_the_advantages(config, monkeypatch):
    """By hand: 1 - beta c[X - 1] for a right answer, 0 for a wrong one, less the mean of the group."""
    monkeypatch.chdir(ROOT)  # as the page says, and as the paths of the configuration are
    reward = get_custom_reward_fn(config)
    group = ["14"] * 9 + ["so 21"] * 4 + ["7", "15", "none"]
    scores = torch.zeros(16, 3)
    for row, text in enumerate(group):
        given = {"solution_str": text, "ground_truth": "7", "extra_info": {"index": 0}}
        scores[row, 2] = reward(data_source="multiples", **given)["score"]
    data = DataProto.from_dict(
        tensors={"token_level_rewards": scores, "response_mask": torch.ones(16, 3)},
        non_tensors={"uid": np.array(["a"] * 16, dtype=object)},
    )
    computed = ray_trainer.compute_advantage(
        data, config.algorithm.adv_estimator, config=config.algorithm
    ).batch["advantages"]
    own = config.algorithm.polyest
    table = polyest.load(14, noise=own.noise)
    others = np.array([8] * 9 + [3] * 4 + [0])
    paid = np.array([*(own.bonus - own.beta * table[others]), 0, 0])
    assert np.allclose(computed[:, 0].numpy(), paid - paid.mean(), atol=1e-5)
