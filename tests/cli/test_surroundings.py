"""Commands in bad surroundings: a standard output that takes nothing, and too little memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from commands import refused

import polyest
from polyest.cli.commands import main
from polyest.cli.terminal import short_of_memory
from polyest.tables.format import dumps

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a shell and /dev/full")

PRINTING = {
    "help": "--help",
    "help of a command": "show --help",
    "show": "show --K 16",
    "show json": "show --K 1022 --json",
    "solve": "solve --K 2",
    "solve json": "solve --K 2 --json",
    "solve a range": "solve --K 2:3",
    "solve a range to json": "solve --K 2:3 --json",
    "solve to a file and json": "solve --K 2:3 --json --out t.jsonl",
    "compare": "compare --K 1",
    "compare json": "compare --K 1 --json",
    "frontier": "frontier --K 1",
    "recommend": "recommend --group 8 --prompts 8",
    "recommend json": "recommend --group 8 --prompts 8 --json",
    "verify": "verify tables.jsonl",
}


def shell(line, folder, **environment):
    return subprocess.run(
        ["sh", "-c", line],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(polyest.__file__).parents[1]), **environment},
        timeout=300,
    )


def command(words):
    return f"{sys.executable} -m polyest.cli {words}"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tables.jsonl").write_text(dumps(polyest.load(2)) + "\n")
    return tmp_path


@pytest.mark.parametrize("words", PRINTING.values(), ids=PRINTING.keys())
@pytest.mark.parametrize(
    ("where", "said"),
    [
        (">&-", "standard output is closed: expected a place to print on, such as >/dev/null"),
        (
            ">/dev/full",
            "standard output: no space left on device: expected a place that takes what is printed",
        ),
        (
            "1</dev/null",
            "standard output: bad file descriptor: expected a place that takes what is printed",
        ),
    ],
)
def test_what_cannot_be_printed_is_an_error_and_one_line(folder, words, where, said):
    result = shell(f"{command(words)} {where}", folder)
    assert result.returncode == 1
    lines = [line for line in result.stderr.splitlines() if not line.startswith("polyest: K =")]
    assert lines == [f"polyest: error: {said}"]
    if where == ">&-":
        assert not (folder / "t.jsonl").exists()  # nothing was begun


def test_what_is_printed_on_devices_that_take_it_is_not_an_error(folder):
    assert shell(f"{command('show --K 16')} >/dev/null", folder).returncode == 0


# Too little memory


LIMITS = (30_000, 60_000, 100_000, 150_000, 200_000, 250_000, 300_000)  # KiB of addresses


@pytest.mark.skipif(sys.platform != "linux", reason="ulimit -v bounds nothing elsewhere")
@pytest.mark.parametrize("words", ["show --K 16", "solve --K 8"])
def test_too_little_memory_is_one_line_that_names_it(folder, words):
    """At a library, an array or a thread; OpenBLAS ends a process itself, with lines of its own."""
    codes = []
    for limit in LIMITS:
        result = shell(f"ulimit -v {limit}; {command(words)}", folder, OPENBLAS_NUM_THREADS="2")
        codes.append(result.returncode)
        if result.returncode:
            first, *more = result.stderr.splitlines()
            assert result.returncode == 1
            assert first.startswith(("polyest: error: memory ran out: ", "OpenBLAS"))
            assert all(line.startswith("OpenBLAS") for line in more)
            assert result.stdout == ""
    assert codes[0] == 1
    assert codes == sorted(codes, reverse=True)  # what fits into less fits into more


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("Unable to allocate 8.00 EiB for an array"),
        ImportError("libflint.so: failed to map segment from shared object"),
        ImportError("libopenblas.so: Cannot allocate memory"),
        caused(ImportError("numpy cannot be imported"), MemoryError()),
        ImportError("DLL load failed: The paging file is too small for this operation"),
        RuntimeError("can't start new thread"),
    ],
)
def test_what_comes_of_too_little_memory_is_known_by_its_type_or_words(monkeypatch, error):
    def wanting(*given, **named):
        raise error

    monkeypatch.setattr("polyest.tables.release.load", wanting)
    assert refused("show", "--K", 16) == (
        "memory ran out: allow more of it (ulimit -v says how much), or ask for less, a smaller K or "
        "fewer processes"
    )


@pytest.mark.parametrize(
    "error",
    [
        ImportError("libgomp.so.1: cannot allocate memory in static TLS block"),
        ImportError("No module named 'numpy'"),
        RuntimeError("dictionary changed size during iteration"),
    ],
)
def test_other_faults_are_not_taken_for_a_lack_of_memory(monkeypatch, error):
    def wanting(*given, **named):
        raise error

    monkeypatch.setattr("polyest.tables.release.load", wanting)
    assert not short_of_memory(error)
    result = CliRunner().invoke(main, ["show", "--K", "16"])
    assert result.exception is error
