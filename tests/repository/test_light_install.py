"""Numpy alone serves look-ups, rewards, answers and integrations; what needs more says what to install."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from polyest.dependencies import DEPENDENCIES, require
from polyest.errors import NotInstalled

ROOT = Path(__file__).resolve().parents[2]
# The rooms that say so when they are imported, and two files behind a function that says so.
HEAVY = ("exact", "proof", "solvers", "cli", "answers/equality.py", "answers/points.py")
LAZY = ("problem", "precision", "games", "make/workers.py")  # import them inside functions


def python(*words):
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def without(names, program):
    blocked = f"import sys; sys.modules.update(dict.fromkeys({names!r})); "
    return python("-c", blocked + program)


def test_the_program_of_a_light_installation_runs():
    ended = python(str(ROOT / "tests" / "support" / "light.py"), "--blocked")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("look-ups")


def test_the_program_fails_where_a_dependency_is_imported(tmp_path):
    text = (ROOT / "tests" / "support" / "light.py").read_text()
    (tmp_path / "spoiled.py").write_text(
        text.replace("    import numpy as np\n", "    import scipy\n")
    )
    assert "scipy" in python(str(tmp_path / "spoiled.py"), "--blocked").stderr


@pytest.mark.parametrize("words", [["solve", "--K", "6"], ["show", "--K", "6"], ["verify"]])
def test_a_command_ends_with_one_line(words):
    program = f"from polyest.cli import main; sys.argv = ['polyest', *{words!r}]; main()"
    ended = without(["flint", "scipy", "highspy", "threadpoolctl"], program)
    assert ended.returncode == 1
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith("polyest: error: this needs python-flint, ")
    assert line.endswith("not installed here: pip install 'polyest[solve]'")


@pytest.mark.parametrize("name", DEPENDENCIES)
def test_a_dependency_is_named_as_pip_knows_it(name, monkeypatch):
    require(*DEPENDENCIES)
    monkeypatch.setitem(sys.modules, name, None)
    package, extra = DEPENDENCIES[name]
    with pytest.raises(NotInstalled, match=rf"needs {package}, not .*polyest\[{extra}\]'$"):
        require(*DEPENDENCIES)


def test_extras_and_dependencies_are_one_list():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    named = {(package, extra) for package, extra in DEPENDENCIES.values()}
    assert named == {(package, extra) for extra in ("solve", "cli") for package in extras[extra]}
    needed = {line.split(">")[0] for line in project["dependencies"]}
    assert needed == {"numpy", *(package for package, _ in named)}


def module_level(path):
    """The dependencies that a file imports when it is imported."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names & set(DEPENDENCIES)


def test_only_rooms_that_say_so_import_them():
    package = ROOT / "polyest"
    for path in package.rglob("*.py"):
        place = path.relative_to(package).as_posix()
        assert place.startswith(HEAVY) or not module_level(path), place
        anywhere = any(f"from {name}" in path.read_text() for name in DEPENDENCIES)
        assert place.startswith(HEAVY + LAZY) or not anywhere, place
