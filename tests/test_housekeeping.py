"""What people and machines run beside the tests: nothing is ignored without a reason, or downloaded."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PROJECT = (ROOT / "pyproject.toml").read_text()
RECIPES = ("setup", "test", "lint", "docs", "figures", "tables", "verify")


def unexplained(text):
    """Lines of [tool.*] tables that take something out of a check and say no reason."""
    tools = text[text.index("[tool.ruff]") :]
    takes = r'"[A-Z]+\d*",?|"[\w/*]+" = \[.*|(?:ignore\w*|follow\w*|disable\w*|exclude|module|files) = .*'
    lines = [line.strip() for line in tools.splitlines()]
    found = [line for line in lines if re.match(takes, line) and line != "ignore = ["]
    return [line for line in found if not re.search(r"# .{8,}", line)]


def test_nothing_is_ignored_without_a_reason():
    assert unexplained(PROJECT) == []
    found = tomllib.loads(PROJECT)["tool"]
    assert found["mypy"]["strict"]
    assert found["pytest"]["ini_options"]["filterwarnings"] == ["error"]


def test_what_is_ignored_without_a_reason_is_found_out():
    spoiled = PROJECT.replace('    "N803", #', '    "E501",\n    "N803", #')
    assert unexplained(spoiled) == ['"E501",']
    assert unexplained(PROJECT + "\nignore_errors = true\n") == ["ignore_errors = true"]


def test_hooks_are_local_and_download_nothing():
    found = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repo["repo"] for repo in found["repos"]] == ["local"]
    hooks = {hook["id"]: hook for repo in found["repos"] for hook in repo["hooks"]}
    assert {"ruff", "ruff-format", "mypy"} <= set(hooks)
    assert all(hook["language"] == "system" for hook in hooks.values())
    assert not any("additional_dependencies" in hook for hook in hooks.values())


def test_recipes_are_there_and_the_files_they_run():
    text = (ROOT / "justfile").read_text()
    assert set(RECIPES) <= set(re.findall(r"^(\w+)[\w *]*:$", text, re.MULTILINE))
    for path in re.findall(r"python ([\w/]+\.py)", text):
        assert (ROOT / path).is_file()


@pytest.mark.skipif(shutil.which("just") is None, reason="just is not installed")
def test_just_reads_them():
    shown = ["just", "--justfile", ROOT / "justfile", "--summary"]
    said = subprocess.run(shown, capture_output=True, text=True, check=True).stdout
    assert set(RECIPES) <= set(said.split())


def test_the_packages_of_the_docs_are_pinned():
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0].lower() for line in constraints}
    extras = tomllib.loads(PROJECT)["project"]["optional-dependencies"]
    needed = {re.match(r"[\w-]+", need)[0] for need in extras["docs"]}
    assert needed | {"mkdocstrings-python", "griffelib", "markdown"} <= pinned
    assert any(re.match(r"polyest\[.*\bdocs\b", need) for need in extras["test"])
