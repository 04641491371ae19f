"""What the tests of verl take from it, imported without its warnings; skipped where it is not installed."""

import warnings
from importlib.util import find_spec

import pytest

if find_spec("verl") is None:
    pytest.skip(
        "verl is not installed: pip install -c constraints-verl.txt -e '.[verl]'",
        allow_module_level=True,
    )

with warnings.catch_warnings():  # of verl and what it imports
    warnings.simplefilter("ignore")
    import verl as verl
    from omegaconf import OmegaConf as OmegaConf
    from omegaconf import open_dict as open_dict
    from verl import DataProto as DataProto
    from verl.experimental.reward_loop.reward_manager.limited import (
        RateLimitedRewardManager as RateLimitedRewardManager,
    )
    from verl.trainer.config import AlgoConfig as AlgoConfig
    from verl.trainer.ppo import core_algos as core_algos
    from verl.trainer.ppo import ray_trainer as ray_trainer
    from verl.trainer.ppo.reward import get_custom_reward_fn as get_custom_reward_fn
