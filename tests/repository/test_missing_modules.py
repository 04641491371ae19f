"""A module whose extra is missing: no attribute, with the repair; a checker knows the real names only."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Of each module: the library that it needs, and the extra that installs this.
OPTIONAL = {"grpo": ("torch", "torch"), "compiled": ("numba", "fast")}


def python(*words):
    """What a fresh Python prints on both streams, and how it ends."""
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PAGER": "cat", "COLUMNS": "200"},
    )
    return done.returncode, done.stdout + done.stderr


def without(library, program):
    """What a program prints where a library is not installed."""
    code, printed = python("-c", f"import sys; sys.modules[{library!r}] = None\n{program}")
    assert code == 0, printed
    return printed


@pytest.mark.parametrize("module", OPTIONAL)
def test_it_is_no_attribute_and_the_error_has_the_repair(module):
    library, extra = OPTIONAL[module]
    program = f"""
import polyest
from polyest.errors import MissingModule, NotInstalled
assert not hasattr(polyest, {module!r})
try:
    polyest.{module}
except AttributeError as error:
    assert isinstance(error, MissingModule)
    print(error)
try:
    from polyest import {module}
except ImportError as error:
    assert isinstance(error, NotInstalled)
    print(error)
"""
    lines = without(library, program).splitlines()
    assert len(lines) == 2
    assert all("need" in line and library in line for line in lines)
    assert all(f"pip install 'polyest[{extra}]'" in line for line in lines)


@pytest.mark.parametrize("library", [library for library, _ in OPTIONAL.values()])
@pytest.mark.parametrize(
    ("program", "said"),
    {
        "help": ("help(polyest)", "tables that turn the counts"),
        "members": ("import inspect; print(sorted(dict(inspect.getmembers(polyest))))", "'solve'"),
        "completion": (
            "import rlcompleter; c = rlcompleter.Completer({'polyest': polyest}); "
            "print([c.complete('polyest.', i) for i in range(60)])",
            "polyest.solve(",
        ),
    }.values(),
)
def test_help_completion_and_inspection_work_without_it(library, program, said):
    assert said in without(library, f"import polyest\n{program}")


@pytest.mark.parametrize("module", ["groups", "scores", "trl", "verl", "estimators"])
@pytest.mark.parametrize("library", ["torch", "transformers", "trl", "verl", "datasets"])
def test_integrations_import_or_say_what_is_not_installed(module, library):
    program = f"""
import inspect
from polyest.errors import NotInstalled
try:
    import polyest.integrations.{module} as found
except NotInstalled as error:
    assert "pip install" in str(error)
else:
    inspect.getmembers(found)
"""
    without(library, program)


def test_an_error_inside_a_module_is_not_hidden():
    program = """
import sys, polyest
sys.modules["polyest.advantages"] = None
try:
    polyest.advantages
except ModuleNotFoundError as error:
    print("seen", error)
"""
    assert "seen" in python("-c", program)[1]
