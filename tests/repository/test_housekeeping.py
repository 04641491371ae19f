"""What people and machines run beside the tests: nothing is ignored without a reason, or downloaded."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from types import SimpleNamespace

import conftest
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
PROJECT = (ROOT / "pyproject.toml").read_text()
RECIPES = ("setup", "test", "test-rest", "full", "lint", "docs", "figures", "tables", "verify")


def unexplained(text):
    """Lines of [tool.*] tables that take something out of a check and say no reason."""
    tools = text[text.index("[tool.ruff]") :]
    takes = r'"[A-Z]+\d*",?|"[\w/*]+" = \[.*|(?:ignore\w*|follow\w*|disable\w*|exclude|module|files) = .*'
    lines = [line.strip() for line in tools.splitlines()]
    entries = [line for line in lines if re.match(takes, line) and line != "ignore = ["]
    return [line for line in entries if not re.search(r"# .{8,}", line)]


def test_nothing_is_ignored_without_a_reason():
    assert unexplained(PROJECT) == []
    tools = tomllib.loads(PROJECT)["tool"]
    assert tools["mypy"]["strict"]
    assert tools["pytest"]["ini_options"]["filterwarnings"] == ["error"]


def test_what_is_ignored_without_a_reason_is_found_out():
    spoiled = PROJECT.replace('    "N803", #', '    "E501",\n    "N803", #')
    assert unexplained(spoiled) == ['"E501",']
    assert unexplained(PROJECT + "\nignore_errors = true\n") == ["ignore_errors = true"]


def test_hooks_are_local_and_download_nothing():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    hooks = {hook["id"]: hook for repo in config["repos"] for hook in repo["hooks"]}
    assert {"ruff", "ruff-format", "mypy"} <= set(hooks)
    assert all(hook["language"] == "system" for hook in hooks.values())
    assert not any("additional_dependencies" in hook for hook in hooks.values())


def test_recipes_are_there_and_the_files_they_run():
    text = (ROOT / "justfile").read_text()
    assert set(RECIPES) <= set(re.findall(r"^([\w-]+)(?: \*.*)?:$", text, re.MULTILINE))
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


# What is run where: nothing is left out of every run.

CI = (ROOT / ".ci" / "run").read_text()


def jobs(*names):
    done = subprocess.run([ROOT / ".ci" / "full", *names], capture_output=True, text=True)
    return done.returncode, [line.split()[0] for line in done.stdout.splitlines()]


def test_what_the_readme_leaves_out_is_run_by_ci_and_is_a_job():
    markers = tomllib.loads(PROJECT)["tool"]["pytest"]["ini_options"]["markers"]
    names = [marker.partition(":")[0] for marker in markers]
    readme = (ROOT / "README.md").read_text()
    pytest_ = "pytest -n 2 --dist loadfile -m "
    assert pytest_ + f'"not {" and not ".join(names)}"\n' in readme
    assert pytest_ + f'"{" or ".join(names)}"' in CI
    assert set(names) <= set(jobs()[1])


def test_every_python_that_is_declared_has_a_job_for_its_lowest_and_its_latest_versions():
    pythons = re.findall(r"Python :: (3\.\d+)", PROJECT)
    assert pythons[0] == "3.11"  # the one without a number
    wanted = {
        f"{end}-{python}".removesuffix("-3.11")
        for end in ("oldest", "newest")
        for python in pythons
    }
    assert len(wanted) >= 6
    assert wanted <= set(jobs()[1])


@pytest.mark.parametrize(("trainer", "digits"), [("trl", 2), ("verl", 3)])
def test_ci_takes_the_pinned_trainer_and_the_lowest_that_is_declared_is_a_job(trainer, digits):
    pins = (ROOT / f"constraints-{trainer}.txt").read_text()
    pinned = re.search(rf"^{trainer}==(.*)$", pins, re.MULTILINE)[1].split(".")
    newest = f"{trainer}-{'.'.join(pinned[:digits])}"
    (command,) = re.findall(r"^bash .ci/full (.*) >", CI, re.MULTILINE)
    assert newest in command.split()
    there = [name for name in jobs()[1] if name.startswith(f"{trainer}-")]
    assert newest in there
    lowest = re.search(rf'"{trainer}>=([\d.]+)', PROJECT)[1]
    assert any(name.startswith(f"{trainer}-{lowest}") for name in there)


def test_a_job_that_is_not_there_is_no_success():
    assert jobs()[0] == 0
    assert jobs("trl-0.1")[0] == 2
    code, said = jobs("oldst", "trl-0.1")
    assert code == 1
    assert said[-1] == "2"


def test_full_fuzzing_tries_more_of_every_property(monkeypatch):
    seen = []

    @given(number=st.integers())
    @settings(max_examples=3, database=None, derandomize=True)
    def prop(number):
        seen.append(number)

    prop()
    assert 0 < len(seen) <= 3
    monkeypatch.setenv("HYPOTHESIS_PROFILE", "full")
    items = [SimpleNamespace(obj=prop), SimpleNamespace(obj=prop), SimpleNamespace(obj=None)]
    conftest.pytest_collection_modifyitems(items)
    seen.clear()
    prop()
    assert len(set(seen)) > 30
    assert len(seen) <= 3 * conftest.TIMES
