"""docs/trl.md: every Python block runs, in order, on a small model, and trains."""

import re
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("trl") is None:
    pytest.skip("TRL is not installed: pip install 'polyest[trl]'", allow_module_level=True)
if metadata.version("trl").startswith("1.15."):
    pytest.skip("TRL 1.15 does not train without triton", allow_module_level=True)

from pages import blocks, run
from trl_training import config, dataset, model, tokenizer

from polyest.integrations import trl

# Those of other people's modules do not matter; the page sets no switch that `check` warns of.
pytestmark = pytest.mark.filterwarnings(
    "ignore", "error::polyest.errors.ScaleLost", "error::polyest.errors.AnotherObjective"
)
TEXT = (Path(__file__).parents[2] / "docs" / "trl.md").read_text()
BLOCKS = [block for block in blocks(TEXT) if block[0] == "python"]


def test_every_block_runs_and_trains(tmp_path):
    usual = {"max_steps": 2, "max_completion_length": 4, "report_to": [], "logging_steps": 1}
    usual |= {"per_device_train_batch_size": 8, "use_cpu": True, "bf16": False}
    rows = dataset().remove_columns(["group_id", "orbit_id"])
    names = {
        "model": model(),
        "tokenizer": tokenizer(),
        "dataset": rows,
        "orbits": dataset().remove_columns("group_id"),
        "settings": {**usual, "output_dir": str(tmp_path), "save_strategy": "no"},
    }
    trained, logged = [], set()
    for block in BLOCKS:
        names = run([block], "docs/trl.md", compared=False, **names)
        trained.append(names["trainer"].state.global_step)
        logged.update(names["trainer"].state.log_history[0])
    assert trained == [2] * len(BLOCKS) == [2] * 7
    assert "safety-refuses/multiplier" in logged
    assert len(BLOCKS[0][1].splitlines()) <= 12


def test_the_page_names_what_there_is():
    named = set(re.findall(r"`rewards\.(\w+)`|`(\w+)\(orbit_size=m\)`", TEXT))
    assert {name for pair in named for name in pair if name} <= set(dir(trl))
    settings = config("nowhere")
    settings_of_page = TEXT[TEXT.index("## Required settings") : TEXT.index("## Common errors")]
    for switch in re.findall(r"^\| `(\w+)`", settings_of_page, re.MULTILINE):
        assert hasattr(settings, switch) or switch in ("normalize_advantages", "reward_clip_range")
