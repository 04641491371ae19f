"""verl itself: its registry, its compute_advantage, its configuration, its GRPO on constant groups.

Skipped where verl is not installed; what needs no verl is in test_estimators.py.
"""

import importlib
import os
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from samples import required
from verl_imports import (
    AlgoConfig,
    DataProto,
    OmegaConf,
    core_algos,
    get_custom_reward_fn,
    open_dict,
    ray_trainer,
)

from polyest import closed_forms, errors
from polyest.integrations import verl as integration
from polyest.integrations.scores import answer_class
from polyest.integrations.verl import plugin
from polyest.problem.grids import Rounding, nearest
from polyest.rewards.estimates import rewarded
from polyest.rewards.options import Estimator
from polyest.rewards.registry import offered
from polyest.rewards.renamed import NAMES as OLD_NAMES
from polyest.tables import release
from polyest.tables.release import load

ROOT = Path(__file__).resolve().parents[2]
REWARDS = offered("estimators")
NAMES = [f"polyest_{name}" for name in REWARDS]
OPTIONS = {
    name: required(name) | ({"orbits": "none"} if row.orbits else {})
    for name, row in REWARDS.items()
}
OPTIONS["of_counts"] = {"entries": [0.0, 1.0, 2.0, 3.0]}  # no function fits into a configuration


def batch(texts, uids, length=6, right=None):
    """A batch as verl makes one: the score of a completion on its last token, uids as objects."""
    mask, scores = torch.zeros(len(texts), length), torch.zeros(len(texts), length)
    for i, text in enumerate(texts):
        mask[i, : 1 + i % length] = 1
        scores[i, i % length] = answer_class(text, right=None if right is None else text in right)
    return DataProto.from_dict(
        tensors={"token_level_rewards": scores, "response_mask": mask},
        non_tensors={"uid": np.array(uids, dtype=object)},
    )


def of_algorithm(**given):
    """algorithm of verl's own configuration, in hydra's struct mode, with options added as by +."""
    base = OmegaConf.create({"algorithm": {"use_kl_in_reward": False, "gamma": 1.0}, "n": 4})
    OmegaConf.set_struct(base, True)
    with open_dict(base):
        base.algorithm.polyest = given
    return base.algorithm


def test_every_estimator_is_registered_once():
    assert integration.register() == tuple(NAMES)
    for name in NAMES:
        assert callable(core_algos.get_adv_estimator_fn(name))
    before = {name: core_algos.ADV_ESTIMATOR_REGISTRY[name] for name in NAMES}
    integration.register()
    importlib.reload(integration)
    assert {name: core_algos.ADV_ESTIMATOR_REGISTRY[name] for name in NAMES} == before


@pytest.mark.parametrize("old", OLD_NAMES)
def test_an_old_name_is_registered_too_and_warns_when_it_is_used(old):
    new = OLD_NAMES[old]
    config = of_algorithm(**OPTIONS[new])
    data = batch(["7", "7", "3", "7"], ["a"] * 4)
    wanted = ray_trainer.compute_advantage(data, f"polyest_{new}", config=config).batch
    with pytest.warns(DeprecationWarning, match=f"polyest_{old} is called polyest_{new} now"):
        computed = ray_trainer.compute_advantage(data, f"polyest_{old}", config=config).batch
    assert torch.equal(computed["advantages"], wanted["advantages"])


@pytest.mark.parametrize("name", REWARDS)
def test_the_trainer_of_verl_computes_our_advantages(name):
    texts = ["7", "so 7", "3", "?", "7", "1", "1", "2", "2", "3"]
    right = ("7", "so 7", "1") if REWARDS[name].labelled else None
    data = batch(texts, ["u-1"] * 5 + ["u-2"] * 5, right=right)
    config = of_algorithm(beta=0.5, unanswered="exclude", **OPTIONS[name])
    computed = ray_trainer.compute_advantage(
        data, adv_estimator=f"polyest_{name}", num_repeat=5, config=config
    )
    got, mask = computed.batch["advantages"], computed.batch["response_mask"]
    assert torch.equal(got, computed.batch["returns"])
    assert got.shape == mask.shape
    assert got.dtype == torch.float32
    assert (got[mask == 0] == 0).all()
    assert (got[3] == 0).all()  # no answer
    each = got.sum(-1) / mask.sum(-1)
    assert torch.allclose(got, each[:, None] * mask)
    assert each[0] == each[1] == each[4]
    assert each[0] != each[2]
    sign = -1 if name == "diversity" else 1
    assert sign * (each[0] - each[2]) > 0


def test_options_reach_the_estimator_from_every_kind_of_configuration():
    plain = {"polyest": {"beta": 0.5, "table": "harmonic"}}
    own = AlgoConfig()
    own.polyest = plain["polyest"]
    data = batch(["7", "7", "7", "3"], ["a"] * 4)

    def first(config):
        computed = ray_trainer.compute_advantage(data, "polyest_log_probability", config=config)
        return float(computed.batch["advantages"][0, 0])

    for config in (plain, of_algorithm(**plain["polyest"]), own):
        assert first(config) == 0.1875
    for config in (None, {}, of_algorithm(), AlgoConfig()):
        assert first(config) == first(None) != 0.1875
    with pytest.raises(errors.InvalidReward, match="option betta of log_probability"):
        first(of_algorithm(betta=1))
    doubled = OmegaConf.create({"n": 3, "algorithm": {"polyest": {"group": "${n}"}}})
    with pytest.raises(errors.BrokenBatch, match="4 completions, more than the 3 sampled"):
        first(doubled.algorithm)
    with pytest.raises(errors.InvalidReward, match="use_kl_in_reward"):
        first(AlgoConfig(use_kl_in_reward=True))


def test_hydra_composes_the_command_line_of_the_page():
    from hydra import compose, initialize_config_module

    page = (ROOT / "docs" / "verl.md").read_text()
    command = page.split("```sh\n")[2].split("```")[0].replace("\\\n", " ")
    given = [word.strip("'\"") for word in command.split()[3:]]
    assert any("adv_estimator=polyest_log_probability" in word for word in given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with initialize_config_module("verl.trainer.config", version_base=None):
            config = compose("ppo_trainer", overrides=given)
        assert config.algorithm.polyest.group == config.actor_rollout_ref.rollout.n == 16
        reward = get_custom_reward_fn(config)
    result = reward(data_source="x", solution_str=r"\boxed{7}", ground_truth="7", extra_info={})
    assert result == {"score": answer_class("7", right=True), "acc": 1.0}
    data = batch(["7"] * 8 + ["3"] * 8, ["a"] * 16)
    got = ray_trainer.compute_advantage(
        data, config.algorithm.adv_estimator, config=config.algorithm
    ).batch["advantages"]
    assert (got == 0).all()


def test_padding_as_verl_makes_it_changes_nothing():
    from verl.trainer.ppo.padding_utils import construct_minimal_padding_template

    ones = torch.ones(3)
    source = {
        "prompts": ones,
        "responses": ones,
        "uid": "a",
        "rm_scores": torch.tensor([0, 0, 7.0]),
    }
    padding, tag = construct_minimal_padding_template(source, {}, eos_token_id=2)
    assert tag["is_padding"]
    assert padding["response_mask"].sum() == padding["rm_scores"].sum() == 0
    whole = batch(["7", "7", "3", "7"], ["a"] * 4)
    padded = DataProto.concat([whole, batch(["0"], ["pad1"])])
    padded.batch["response_mask"][4] = 0
    padded.batch["token_level_rewards"][4] = 0
    wanted = ray_trainer.compute_advantage(whole, "polyest_log_probability").batch["advantages"]
    advantage = ray_trainer.compute_advantage(padded, "polyest_log_probability").batch["advantages"]
    assert torch.equal(advantage[:4], wanted)
    assert (advantage[4] == 0).all()


def test_verl_finds_the_estimators_by_the_entry_point_alone(tmp_path):
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    place = tmp_path / "plugin-1.dist-info"
    place.mkdir()
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1\n")
    lines = "".join(f"{name} = {module}\n" for name, module in points["verl.plugins"].items())
    (place / "entry_points.txt").write_text("[verl.plugins]\n" + lines)
    asked = "import verl, sys; from verl.trainer.ppo.core_algos import get_adv_estimator_fn as f; "
    asked += f"assert 'polyest.integrations.verl' in sys.modules; [f(n) for n in {NAMES}]"
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", asked],
        env={**os.environ, "PYTHONPATH": path, "VERL_USE_EXTERNAL_PLUGINS": "polyest"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr[-2000:]


@pytest.mark.parametrize("version", ["0.4.1", "0.8.0", "unknown"])
def test_an_old_verl_is_refused_by_name_and_seen(monkeypatch, version):
    import verl

    monkeypatch.setattr(verl, "__version__", version)
    with pytest.raises(errors.UnsupportedVersion, match=f"verl {version}: expected 0.9 or later"):
        integration.register()
    with (
        pytest.warns(errors.NotRegistered, match=f"not registered with verl: verl {version}"),
        pytest.raises(errors.UnsupportedVersion),
    ):
        importlib.reload(integration)
    monkeypatch.undo()
    importlib.reload(integration)


def test_without_verl_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(plugin, "find_spec", lambda name: None)
    with pytest.raises(errors.NotInstalled, match=r"pip install 'polyest\[verl\]'"):
        integration.register()


# Constant groups: every released table on its dyadic grid, with K = G - 2 and K = G - 1.

FAMILIES = {
    "minimax": {"criterion": "minimax"},
    **{f"noise {r}": {"noise": r} for r in (1, 2, 4, 8, 16)},
    **{f"variance, noise {r}": {"criterion": "variance", "noise": r} for r in (1, 8)},
    "squared-error": {"criterion": "squared-error"},
}
TABLES = {
    **FAMILIES,
    "tsallis": {"target": "tsallis:0.5", "noise": 8},
    **{shape: {"criterion": "minimax", "shape": shape} for shape in ("monotone", "concave")},
    "monotone, noise 2": {"shape": "monotone", "noise": 2},
}
GRPO = (
    core_algos.compute_grpo_outcome_advantage,
    core_algos.compute_grpo_vectorized_outcome_advantage,
)
BETAS = (0.01, 0.1, 0.3, 1.0, 7.0)


def constants(family, betas, sizes):
    """Groups of equal rewards: for each size, count and beta the reward G times, and ids of groups."""
    paid, index, start = [], [], 0
    for G, K in ((K + d, K) for K in range(1, max(sizes)) for d in (1, 2) if K + d in sizes):
        try:
            table = load(K, **TABLES[family])
        except errors.TableNotFound:
            continue
        for beta in betas:
            try:
                grid = Rounding("dyadic", G, beta).grid(table.coefficients)
            except errors.InvalidProblem:  # so large that nothing so coarse is left of it
                continue
            entries = beta * nearest(table.coefficients, grid)
            paid.append(np.repeat(entries, G))
            index.append(np.repeat(np.arange(start, start + len(entries)), G))
            start += len(entries)
    return torch.tensor(np.concatenate(paid), dtype=torch.float32)[:, None], np.concatenate(index)


def test_the_families_are_those_that_are_released():
    named = {release.family(load(4, **given).problem) for given in TABLES.values()}
    assert {name for name in release.all_families() if "universal" not in name} == named


@pytest.mark.parametrize("family", TABLES)
def test_constant_groups_have_advantage_0_in_verls_vectorised_grpo(family):
    rewards, index = constants(family, BETAS, range(2, 65))
    assert len(np.unique(index)) > 1000
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        advantage, _ = core_algos.compute_grpo_vectorized_outcome_advantage(
            rewards, torch.ones_like(rewards), index
        )
    assert (advantage == 0).all()


@pytest.mark.parametrize("family", TABLES)
def test_constant_groups_have_advantage_0_in_verls_grpo(family):
    for i, beta in enumerate(BETAS):  # a loop over rows: each size with one of the five
        rewards, index = constants(family, (beta,), range(2 + i, 65, len(BETAS)))
        advantage, _ = core_algos.compute_grpo_outcome_advantage(
            rewards, torch.ones_like(rewards), index
        )
        assert (advantage == 0).all()


def test_constant_groups_of_the_log_itself_are_not_0_there():
    sizes = range(3, 65)
    paid = [np.repeat(closed_forms.log_count(G - 1).coefficients, G) for G in sizes]
    groups = np.cumsum([0] + [G for G in sizes for _ in range(G)])
    index = np.repeat(range(len(groups) - 1), np.diff(groups))
    rewards = torch.tensor(np.concatenate(paid), dtype=torch.float32)[:, None]
    for function in GRPO:
        advantage, _ = function(rewards, torch.ones_like(rewards), index)
        worst = np.maximum.reduceat(advantage[:, 0].abs().numpy(), groups[:-1])
        assert (worst > 0.01).sum() > 900, function  # of 2077


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_reward_pays_is_on_that_grid(family):
    for G, beta in ((3, 0.1), (8, 1.0), (16, 0.3), (33, 7.0)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", errors.RuinedByRounding)
                paid = rewarded(Estimator("log", beta, **FAMILIES[family]), G - 2, G)
        except errors.InvalidProblem:
            continue
        steps = paid * 2**16
        assert (steps == np.rint(steps)).all()
        rewards = torch.tensor(np.repeat(paid, G), dtype=torch.float32)[:, None]
        for function in GRPO:
            advantage, _ = function(rewards, torch.ones_like(rewards), np.repeat(range(G - 1), G))
            assert (advantage == 0).all()


@pytest.mark.filterwarnings("ignore::polyest.errors.RuinedByRounding")  # minimax from K = 12 on
@pytest.mark.parametrize("family", FAMILIES)
def test_constant_groups_have_advantage_0_in_our_estimators(family):
    estimate = core_algos.get_adv_estimator_fn("polyest_log_probability")
    scores, index, start = [], [], 0
    # The entries of minimax tables grow like 2^K, so that theirs stop at 16.
    for G in range(3, 17) if family == "minimax" else (*range(3, 17), 24, 64):
        for X in (x for x in range(1, G + 1) if G % x == 0):
            scores.append(2 + np.arange(G) // X)
            index.append(np.full(G, start))
            start += 1
    rewards = torch.tensor(np.concatenate(scores), dtype=torch.float32)[:, None]
    for beta in (0.1, 1.0):
        config = {"polyest": {"beta": beta, **FAMILIES[family]}}
        advantage, _ = estimate(
            token_level_rewards=rewards,
            response_mask=torch.ones_like(rewards),
            config=config,
            index=np.concatenate(index),
        )
        assert (advantage == 0).all()
