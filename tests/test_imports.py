import os
import subprocess
import sys
from pathlib import Path

import polyest

HEAVY = {"scipy", "cvxpy", "torch", "matplotlib", "flint", "highspy", "clarabel", "numba"}


def imported(statement):
    """Names of the modules that a fresh Python imports for `statement`."""
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", statement],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(polyest.__file__).parents[1])},
        check=True,
    )
    rows = [line for line in result.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in rows}


def roots(modules):
    return {name.partition(".")[0] for name in modules}


def test_import_polyest_loads_nothing_heavy():
    modules = imported("import polyest")
    assert "polyest" in modules
    assert not roots(modules) & {*HEAVY, "numpy", "click", "rich"}


def test_load_and_look_up_need_neither_solver_nor_balls():
    modules = imported("import polyest; polyest.load(15)[[0, 3, 15]]")
    assert "polyest.tables.table" in modules
    assert not roots(modules) & HEAVY
    solving = (
        "polyest.solvers",
        "polyest.make.pipeline",
        "polyest.exact.levelled",
        "polyest.proof.dual_bound",
    )
    assert not [name for name in modules if name.startswith(solving)]


def test_the_command_line_loads_nothing_heavy_before_it_is_told_what_to_do():
    modules = imported("import polyest.cli")
    assert "click" in modules
    assert not roots(modules) & {*HEAVY, "numpy", "rich"}


def test_rewards_for_a_trainer_load_no_trainer():
    modules = imported("from polyest.integrations import trl")
    assert "polyest.integrations.trl" in modules
    assert not roots(modules) & {*HEAVY, "transformers", "trl", "datasets", "accelerate"}


def test_the_look_sees_what_is_imported():
    # the same look at something that does import: else the tests above would pass on nothing
    assert {"numpy", "flint"} <= roots(imported("import polyest.exact.balls, numpy"))
