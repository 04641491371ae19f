"""A history in verl's own trainer: its advantages, its checkpoints, its configuration.

Skipped where verl is not installed; what needs no verl is in test_estimator_history.py.  TransferQueue, which
the extra does not install, is a stand-in; the methods that are called are those of verl's PPOTrainer.
"""

import sys
import warnings
from importlib import import_module
from types import SimpleNamespace

import pytest
import torch
from verl_imports import OmegaConf, verl
from verl_queue import Queue, row

from polyest.errors import StartedAgain
from polyest.integrations.scores import answer_class
from polyest.integrations.verl import HistoryCallback
from polyest.integrations.verl import settings as verl_settings
from polyest.integrations.verl.callback import FILE

MONDAY, FRIDAY = ["7", "so 7", "7.0", "3"], ["7", "7", "5", "3"]
# The table of K = 6 at 4, 4, 0 and 1, and that of K = 2 at 1, 1, 0 and 0, less their means.
LATER = [0.791667, 0.791667, -1.291667, -0.291667]
ALONE = [0.5, 0.5, -0.5, -0.5]
HAS_CALLBACK = tuple(map(int, verl.__version__.split(".")[:3])) >= (0, 9, 1)


@pytest.fixture
def trainer(monkeypatch):
    """verl's trainer_base beside a stand-in of TransferQueue, and no history of this process yet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        queue = Queue(import_module("verl.utils.tensordict_utils").list_of_dict_to_tensordict)
        monkeypatch.setitem(sys.modules, "transfer_queue", queue)
        module = import_module("verl.trainer.ppo.v1.trainer_base")
    monkeypatch.setattr(module, "tq", queue)
    monkeypatch.setattr(verl_settings, "PASTS", {})
    yield SimpleNamespace(queue=queue, module=module)
    for name in [name for name in sys.modules if name.startswith("verl.trainer.ppo.v1")]:
        monkeypatch.delitem(sys.modules, name)  # they hold the stand-in


def configured(folder="", **trainer):
    return OmegaConf.create(
        {
            "algorithm": {
                "adv_estimator": "polyest_log_probability",
                "use_kl_in_reward": False,
                "gamma": 1.0,
                "lam": 1.0,
                "polyest": {"history": {"visits": 1}, "table": "harmonic"},
                "filter_groups": {"enable": False},
            },
            "actor_rollout_ref": {"rollout": {"n": 4}, "actor": {"checkpoint": {}}},
            "trainer": {
                "default_local_dir": str(folder),
                "default_hdfs_dir": None,
                "resume_mode": "auto",
                **trainer,
            },
        }
    )


def advantages(trainer, texts, index, step, config=None):
    """What PPOTrainer._compute_advantage puts back into the queue for one group, one each completion."""
    fields = []
    for i, text in enumerate(texts):
        scores = torch.zeros(1 + i)
        scores[-1] = answer_class(text)
        tokens = {"rm_scores": scores, "response_mask": torch.ones(1 + i, dtype=torch.int64)}
        fields.append({**row(index), **tokens})
    trainer.queue.partitions.clear()
    trainer.queue.drawn(step, {f"uid-{step}": fields})
    keys = [key for key in trainer.queue.partitions["train"] if "_" in key]
    batch = type(
        "Batch", (), {"keys": keys, "partition_id": "train", "__len__": lambda _: len(keys)}
    )()
    own = SimpleNamespace(config=config or configured())
    trainer.module.PPOTrainer._compute_advantage(own, batch, {})
    kept = trainer.queue.partitions["train"]
    return [float(kept[key][0]["advantages"][0]) for key in keys]


def test_verls_trainer_counts_the_last_visit_of_a_row(trainer):
    advantages(trainer, MONDAY, 4, 1)
    assert advantages(trainer, FRIDAY, 4, 2) == pytest.approx(LATER, abs=2**-13)
    assert advantages(trainer, FRIDAY, 5, 3) == pytest.approx(ALONE)
    (past,) = verl_settings.PASTS.values()
    assert past.step == 3


def saves(trainer, config, step):
    """A checkpoint, written by PPOTrainer._save_checkpoint with the callback that verl builds."""
    build = import_module("verl.trainer.ppo.checkpoint_callback").build_checkpoint_callback
    own = SimpleNamespace(
        config=config,
        global_steps=step,
        use_critic=False,
        trainer_mode="sync",
        actor_rollout_wg=SimpleNamespace(save_checkpoint=lambda *_, **__: None),
        train_dataloader=SimpleNamespace(state_dict=dict),
        checkpoint_callback=build(config),
    )
    trainer.module.PPOTrainer._save_checkpoint(own)
    return own.checkpoint_callback


@pytest.mark.skipif(not HAS_CALLBACK, reason="verl 0.9.0 has no callback of checkpoints")
def test_a_checkpoint_of_verls_trainer_keeps_the_history_and_a_new_process_takes_it_up(
    trainer, tmp_path, capsys
):
    name = "polyest.integrations.verl.HistoryCallback"
    config = configured(tmp_path, checkpoint_callback_class=name)
    advantages(trainer, MONDAY, 4, 1, config)
    assert type(saves(trainer, config, 1)) is HistoryCallback
    assert (tmp_path / "global_step_1" / FILE).is_file()
    verl_settings.PASTS.clear()  # as after a kill
    build = import_module("verl.trainer.ppo.checkpoint_callback").build_checkpoint_callback
    build(config)
    assert "Found checkpoint" in capsys.readouterr().out
    later = advantages(trainer, FRIDAY, 4, 2, config)
    assert later == pytest.approx(LATER, abs=2**-13)
    (tmp_path / "global_step_1" / FILE).unlink()
    with pytest.warns(StartedAgain, match="the history starts empty"):
        build(config)
    capsys.readouterr()


def test_hydra_composes_the_options_of_a_history(monkeypatch):
    from hydra import compose, initialize_config_module

    monkeypatch.setattr(verl_settings, "PASTS", {})
    given = ["+algorithm.polyest.history=1", "+algorithm.polyest.prompt=prompt_id"]
    if HAS_CALLBACK:
        given.append("trainer.checkpoint_callback_class=polyest.integrations.verl.HistoryCallback")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with initialize_config_module("verl.trainer.config", version_base=None):
            config = compose("ppo_trainer", overrides=given)
    verl_settings.check_filter(config.algorithm)
    options = verl_settings.options_in(config.algorithm)
    assert options == {"history": 1, "prompt": "prompt_id"}
    assert verl_settings.past_of(options["history"]).visits == 1
    if HAS_CALLBACK:
        config.trainer.resume_mode = "disable"
        build = import_module("verl.trainer.ppo.checkpoint_callback").build_checkpoint_callback
        assert build(config).past is verl_settings.past_of(1)
