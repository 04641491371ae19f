"""The README: every Python block runs, in order, and prints what it says; its commands exist."""

import re
import tomllib
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from click.testing import CliRunner

from polyest.cli import main

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_python_blocks_run_and_print_what_they_say(monkeypatch):
    monkeypatch.chdir(ROOT)
    namespace = {}
    promised = [None] * len(BLOCKS)
    for i, (kind, body) in enumerate(BLOCKS):
        if kind == "text":
            promised[i - 1] = body
    ran = 0
    for (kind, body), text in zip(BLOCKS, promised, strict=True):
        if kind != "python":
            continue
        printed = StringIO()
        with redirect_stdout(printed):
            exec(compile(body, "README.md", "exec"), namespace)
        said = text or "".join(
            line[2:] + "\n" for line in body.splitlines() if line.startswith("# ")
        )
        assert printed.getvalue() == said
        ran += 1
    assert ran == 5


def test_commands_in_sh_blocks_run_in_their_order(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    shell = "".join(body for kind, body in BLOCKS if kind == "sh")
    lines = re.findall(r"^polyest (.*)$", shell, re.MULTILINE)
    assert {line.split()[0] for line in lines} >= {
        "solve",
        "compare",
        "recommend",
        "frontier",
        "verify",
    }
    for line in lines:
        assert CliRunner().invoke(main, line.split()).exit_code == 0, line


def test_torch_is_pinned_exactly_where_tests_get_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "torch==2.13.0" in project["optional-dependencies"]["test"]
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text().splitlines()
    assert not any("torch" in need for need in project["dependencies"])


def test_two_commands_set_up_and_test():
    commands = re.findall(r"^pip install .*$", TEXT, re.MULTILINE)
    assert len(commands) == 2
    assert commands[0].endswith("&& polyest solve --K 16")
    assert commands[1].endswith("&& pytest")


def test_every_test_that_the_readme_names_is_there():
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    written = "".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))
    assert len(named) >= 20
    assert {name for name in named if f"def {name}(" not in written} == set()
