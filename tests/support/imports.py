"""What a fresh Python imports for a statement."""

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
