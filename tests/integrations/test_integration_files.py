"""A file or a folder a trainer: the public paths are what they are, whatever is imported first."""

import os
import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from polyest import rewards
from polyest.integrations import groups, trl

ROOT = Path(__file__).resolve().parents[2]
# The file of a hook has the name of its function.
HOOKS = tuple(
    name for name in groups.__all__ if (ROOT / "polyest" / "integrations" / f"{name}.py").is_file()
)
PARTS = sorted(path.stem for path in Path(trl.__file__).parent.glob("[!_]*.py"))
TEXTS = ["7", "so 7", "3", None, "7.0", "5"]
ROWS = {"prompts": ["?"] * 6, "completions": TEXTS, "group_id": [0] * 6}


def printed(program, *words):
    """What a fresh Python prints, which has imported nothing yet."""
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    ).stdout


def test_no_file_has_the_name_of_what_its_package_makes_public():
    assert "setup" in PARTS
    assert not {*PARTS} & {*trl.__all__}


@pytest.mark.parametrize("first", PARTS)
def test_a_public_name_of_trl_is_no_module_whatever_is_imported_first(first):
    program = f"""
from importlib import import_module
from types import ModuleType
import_module("polyest.integrations.trl.{first}")
from polyest.integrations import trl
for _ in range(2):  # before and after every file of the folder was imported
    for name in trl.__all__:
        assert callable(getattr(trl, name)), name
    for part in {PARTS}:
        assert isinstance(import_module("polyest.integrations.trl." + part), ModuleType)
print(len(trl.__all__))
"""
    assert printed(program) == f"{len(trl.__all__)}\n"


@pytest.mark.parametrize("order", [1, -1])
def test_a_hook_is_a_function_of_groups_and_of_the_file_of_its_trainer(order):
    ways = [
        "from polyest.integrations import groups",
        f"from polyest.integrations import {', '.join(HOOKS)}",
    ]
    program = "\n".join(ways[::order]) + f"\nfor name in {HOOKS}:"
    program += (
        "\n    assert getattr(globals()[name], name) is getattr(groups, name)\n    print(name)"
    )
    assert printed(program).split() == [*HOOKS]
    assert {*HOOKS} == {*groups.__all__} - {"GroupReward", "final", "has_signal"}


@pytest.mark.parametrize(
    ("reward", "given"),
    [
        (trl.log_probability(beta=0.5, num_generations=6), ROWS),
        (trl.coherence(orbit_size=1, kind="fraction"), ROWS),
        (trl.safety(len, rewards.Multiplier(1.0, rate=0.1, start=0.5)), ROWS),
        (groups.GroupReward("log_probability", beta=0.5), {"texts": TEXTS}),
    ],
    ids=["looked up", "counted", "safety", "group"],
)
def test_a_reward_pays_the_same_in_a_process_that_knows_nothing_of_it(tmp_path, reward, given):
    kind = type(reward)
    assert getattr(import_module(kind.__module__), kind.__name__) is kind
    path = tmp_path / "reward.pickle"
    path.write_bytes(pickle.dumps((reward, given)))
    program = (
        "import pickle, sys; f, given = pickle.load(open(sys.argv[1], 'rb')); print(f(**given))"
    )
    assert printed(program, str(path)).strip() == repr(reward(**given))
