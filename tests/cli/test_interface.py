"""What every command has: help with examples that run, whole short help, closed choices, numbers in JSON."""

import json
import os
import re
import shlex
import subprocess
import sys
from itertools import chain
from pathlib import Path

import click
import pytest
from commands import MINIMAX, refused, run
from hypothesis import given
from hypothesis import strategies as st

import polyest
from polyest.cli import solve
from polyest.cli.commands import main
from polyest.cli.language import KEYWORDS, spoken
from polyest.cli.objects import WORDS, object_line
from polyest.errors import CorruptTable
from polyest.problem.grids import KINDS
from polyest.solvers import METHODS
from polyest.tables.format import dumps

ROOT = Path(polyest.__file__).parents[1]
COMMANDS = {name: main.commands[name] for name in main.commands}
EXAMPLES = [
    line
    for _, line in chain.from_iterable(each.examples for each in (main, *COMMANDS.values()))
    if line.startswith("polyest ")
]


def words_of(line):
    """The words of a command line after `polyest`, without what a pipe does to its output."""
    first, *rest = shlex.split(line.partition(" | ")[0])
    assert first == "polyest"
    return rest


def parses(line):
    name, *words = words_of(line)
    return COMMANDS[name].make_context(name, words)


# Help


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_a_terminal_and_ends_with_examples(name):
    result = run(*filter(None, [name]), "--help")
    assert result.exit_code == 0
    assert result.stdout.isascii()
    assert max(map(len, result.stdout.splitlines())) <= 80
    examples = result.stdout.partition("\nExamples:\n")[2]
    assert f"\n  polyest {name}".rstrip() in examples


def test_every_example_is_taken_by_its_command():
    assert len(EXAMPLES) > 2 * len(COMMANDS)
    assert all(parses(line) for line in EXAMPLES)
    with pytest.raises(click.UsageError):
        parses("polyest show --groups 16")


@pytest.mark.parametrize(
    "line", [line for line in EXAMPLES if not re.search("verify|figures", line)]
)
def test_every_example_runs(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*words_of(line))
    assert result.exit_code == 0, result.output
    assert result.stdout or "-o " in line


@pytest.mark.parametrize("width", [30, 50, 80])
def test_the_list_of_commands_is_whole_at_every_width(width):
    help_ = main.get_help(
        click.Context(main, info_name="polyest", terminal_width=width, max_content_width=width)
    )
    listed = " ".join(help_.split())
    for command in COMMANDS.values():
        assert command.help.partition("\n\n")[0] in listed


def test_the_version_is_printed():
    assert run("--version").stdout == f"polyest {polyest.__version__}\n"


def test_python_m_polyest_is_the_command():
    words = [sys.executable, "-m", "polyest", "show", "-K", "4"]
    said = subprocess.run(
        words, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert (said.returncode, said.stdout) == (0, run("show", "--K", 4).stdout)


# Choices


def test_methods_and_grids_are_those_of_the_library():
    assert solve.METHODS == METHODS
    assert solve.GRIDS == KINDS


def completed(*words):
    """What the shell is told to offer for the last word."""
    asked = {
        "_POLYEST_COMPLETE": "bash_complete",
        "COMP_WORDS": shlex.join(["polyest", *words]),
        "COMP_CWORD": str(len(words)),
    }
    said = subprocess.run(
        [sys.executable, "-m", "polyest"],
        capture_output=True,
        text=True,
        env={**os.environ, **asked, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    return [line.partition(",")[2] for line in said.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("so",), {"solve"}),
        (("solve", "--criterion", "m"), {"minimax"}),
        (("show", "--shape", ""), {"monotone", "concave"}),
        (("solve", "--grid", "d"), {"dyadic"}),
        (("compare", "--baseline", "g"), {"group-mean"}),
        (("solve", "--target", "t"), {"tsallis:"}),
        (("figures", "par"), {"pareto", "pareto_grid"}),
    ],
)
def test_a_shell_completes_commands_and_choices(words, offered):
    assert set(completed(*words)) == offered


# JSON


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each, path)
    else:
        yield path, value


PRINTING = {
    "show": ("show", "-K", 4),
    "a universal table": ("show", "-K", 2000),
    "solve": ("solve", "-K", 3, *MINIMAX),
    "solve a range": ("solve", "-K", "2:3", "--bias-ratio", 2),
    "solve on a grid": ("solve", "-K", 3, "--grid", "dyadic", "--group", 8),
    "a shape": ("show", "-K", 4, "--noise", 2, "--shape", "monotone"),
    "compare": ("compare", "-K", 2),
    "frontier": ("frontier", "-K", 1),
    "explain": ("explain", "--entries", "1,0.5,0.25,0", "--group", 4, "--baseline", "none"),
    "recommend": ("recommend", "--group", 8, "--prompts", 8),
}


# What an object of a frontier says before its table.
PLACE = ("series", "label", "noise", "noise_of", "least")


@pytest.mark.parametrize("words", PRINTING.values(), ids=PRINTING.keys())
def test_numbers_of_json_are_numbers(words):
    lines = run(*words, "--json").stdout.splitlines()
    assert lines
    for line in lines:
        for path, value in leaves(json.loads(line, parse_constant=pytest.fail)):
            if isinstance(value, str):
                known = {*WORDS, *PLACE, "baseline", "reason", "table", "runner_up"}
                assert path[-1] in known, (path, value)
                version = path[-1] == "polyest"
                assert version or not re.fullmatch(r"-?(\d[\d.e+-]*|inf|nan)", value)


@pytest.mark.parametrize("words", [PRINTING[name] for name in list(PRINTING)[:8]])
def test_json_and_lines_have_the_same_numbers_to_the_last_bit(words):
    json_lines, lines = (run(*words, form).stdout.splitlines() for form in ("--json", "--lines"))
    objects = [json.loads(line) for line in json_lines]
    if (
        words[0] == "frontier"
    ):  # whose objects say where a table lies, and have marks beside the curve
        curve = [item for item in objects if item["series"] == "optimal"]
        objects = [{key: item[key] for key in item if key not in PLACE} for item in curve]
    for printed, right in zip(objects, lines, strict=True):
        exact = json.loads(right)
        assert exact.pop("schema") in (1, 2)
        pairs = zip(leaves(printed), leaves(exact), strict=True)
        for (path, number), (same, text) in pairs:
            assert path == same
            assert (
                number == text
                or (number is None and float(text) == float("inf"))
                or number == float(text)
            )
        assert printed["K"] == polyest.loads(right).K


def test_an_object_of_json_is_no_line_of_a_file_and_says_so():
    with pytest.raises(CorruptTable, match="--lines"):
        polyest.loads(run("show", "-K", 4, "--json").stdout)


@given(
    st.recursive(
        st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_a_report_holds_is_json(value):
    line = object_line({"value": value})
    assert "\n" not in line
    read = json.loads(line, parse_constant=pytest.fail)["value"]
    kept = [
        x if x == x and abs(x) != float("inf") else None
        for _, x in leaves(value)
        if isinstance(x, float)
    ]
    assert [x for _, x in leaves(read) if not isinstance(x, str)] == kept


def test_show_writes_the_line_that_was_released(tmp_path):
    path = tmp_path / "new" / "t.jsonl"
    result = run("show", "-K", 4, "-o", path)
    assert result.stderr == f"polyest: wrote {path}\n"
    assert path.read_text() == dumps(polyest.load(4)) + "\n"


# Repairs


WRONG = [
    ("show", "-K", 130),
    ("show", "-K", 16, "--noise", 3),
    ("show", "-K", 16, "--target", "power:0.5"),
    ("show", "-K", 16, "--target", "custom:1/sqrt(p+0.01)"),
    ("show", "-K", 200, "--shape", "monotone", "--noise", 2),
    ("show", "-K", 16, "--criterion", "variance", "--bias-ratio", 3),
    ("show", "-K", 16, "--shape", "monotone"),
]


@pytest.mark.parametrize("words", WRONG, ids=lambda words: " ".join(map(str, words)))
def test_what_is_not_released_has_a_command_that_solves_it(words):
    message = refused(*words)
    line = re.search(r"solve it with (polyest solve .*)", message)[1]
    context = parses(line)
    asked = COMMANDS["show"].make_context("show", [str(word) for word in words[1:]])
    names = ("draws", "target", "criterion", "bias", "bias_ratio", "noise", "shape")
    defaults = (
        {"noise": 8.0} if not any(asked.params[n] for n in ("bias", "bias_ratio", "noise")) else {}
    )
    for name in names:
        wanted, got = asked.params[name], context.params[name]
        assert wanted == got or {wanted, got} == {None, defaults.get(name)}


def test_the_noises_of_that_K_are_named_and_no_files():
    assert refused("show", "-K", 16, "--noise", 3) == (
        "no released table for K = 16 of log, gradient-variance, noise 3: this K has noise 1, 2, 4, 8, 16; "
        "solve it with polyest solve --K 16 --noise 3"
    )


@pytest.mark.parametrize(
    "words",
    [
        *WRONG,
        ("solve", "-K", 8, "--grid", "dyadic"),
        ("solve", "-K", 8, "--beta", 2),
        ("solve", "-K", 8, "--shape", "monotone", "--bias", 0.1),
        ("solve", "-K", 8, "--noise", -1),
        ("solve", "-K", 41, *MINIMAX, "-o", "t"),
        ("show", "-K", 64, *MINIMAX),
        ("show", "--group", 2),
    ],
    ids=lambda words: " ".join(map(str, words)),
)
def test_no_message_is_in_python(words):
    message = refused(*words)
    assert not re.search(rf"polyest\.\w+\(|\bNone\b|\b({'|'.join(KEYWORDS)})=", message), message


@pytest.mark.parametrize(
    "kept", ["t/noise=8.jsonl: no such file", "bias 0.1", "a == b", "polyest.solve(a(b"]
)
def test_what_is_no_call_or_keyword_stays(kept):
    assert spoken(kept) == kept


@given(st.text())
def test_any_message_is_spoken(text):
    assert isinstance(spoken(text), str)
    assert isinstance(spoken(f"polyest.solve({text})"), str)


def test_infinite_claims_are_null():
    record = json.loads(object_line({"second_moment": float("inf"), "K": 3}))
    assert record == {"second_moment": None, "K": 3}
