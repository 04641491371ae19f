import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner

import polyest
from polyest import making, pages, reading
from polyest.certificate import Bracket
from polyest.cli import CLOSED_FORMS, main
from polyest.errors import NotConverged
from polyest.problem import Alternation
from polyest.table import dumps, loads

MINIMAX = ("--criterion", "minimax")
E16 = 1.123936070428911e-3


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def refused(*words):
    """The one line on stderr of a command that must fail with exit 1 and nothing on stdout."""
    result = run(*words)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("polyest: error: ")
    return lines[0].removeprefix("polyest: error: ")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def minimax8():
    return polyest.solve(8, criterion="minimax")


@pytest.fixture(scope="module")
def noise8():
    return polyest.solve(7, noise=8)


# solve


def test_the_page_of_16_shows_what_the_issue_asks_for():
    page = run("solve", "--K", 16)
    assert (page.exit_code, page.stderr) == (0, "")
    text = page.stdout
    low, high = re.search(r"^E\*\(16\) +(\S+) \.\. (\S+), proved$", text, re.M).groups()
    assert float(low) <= E16 <= float(high)
    assert float(high) - float(low) < 1e-14
    table = polyest.solve(16)
    least = polyest.solve(16, criterion="minimax").optimum
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line}
    for name, found in (
        ("this", rows["this"][1:]),
        ("log_count", rows["log_count"]),
        ("schuermann", rows["schuermann"]),
    ):
        proved = table if name == "this" else getattr(polyest.closed_forms, name)(16)
        claims = (
            proved.bias.upper,
            proved.bias.upper / least.lower,
            proved.gradient_variance,
            proved.variance,
            proved.second_moment,
            proved.squared_error,
        )
        for i, (printed, claim) in enumerate(zip(map(float, found), claims, strict=True)):
            assert printed == pytest.approx(claim, rel=1.001e-3)
            assert i == 1 or printed >= claim  # still proved
    coefficients = text[text.index("coefficients c_0 .. c_16") :].splitlines()[1:]
    entries = re.findall(r"(\d+) +(-?[\d.]+(?:e-?\d+)?)", "\n".join(coefficients))
    assert sorted((int(k), float(c)) for k, c in entries) == list(enumerate(table.coefficients))
    for part in (
        "noise 8",
        "groups    G = 18 traces where the trainer subtracts the group mean, K = G - 2",
        "G = 17 traces where it does not, K = G - 1",
        "relative width",
        "used: all but",
        "schuermann: the least sup|bias| among the closed forms",
    ):
        assert part in text


KEYWORDS = [
    (),
    MINIMAX,
    ("--bias-ratio", 2),
    ("--bias", 0.01),
    ("--noise", 1),
    ("--criterion", "variance", "--bias-ratio", 3),
    ("--criterion", "second-moment", "--noise", 2),
    ("--criterion", "squared-error"),
    ("--target", "power:0.5", "--bias-ratio", 2),
    ("--target", "tsallis:2", *MINIMAX),
    ("--target", "polynomial:0,0,1", *MINIMAX),
]


@pytest.mark.parametrize("K", [5, 8])
@pytest.mark.parametrize(
    "words", KEYWORDS, ids=lambda words: " ".join(map(str, words)) or "default"
)
def test_a_page_is_plain_ascii_of_80_columns_and_its_code_gives_its_table(K, words):
    page = run("solve", "--K", K, *words)
    assert (page.exit_code, page.stderr) == (0, "")
    assert page.stdout.isascii()
    assert "\x1b" not in page.stdout
    assert max(map(len, page.stdout.splitlines())) <= 80
    assert not any(line.endswith(" ") for line in page.stdout.splitlines())
    code = re.search(r"^code +t = (.*)$", page.stdout, re.M)[1]
    table = eval(code, {"polyest": polyest})
    shown = page.stdout[page.stdout.index("coefficients") :]
    assert all(f" {float(c)}" in shown for c in table.coefficients)


@pytest.mark.parametrize(
    "words",
    [
        ("--K", 300, *MINIMAX),
        ("--K", 4, "--target", "polynomial:0.1,0.25,-0.33333333333,1,-7.125", *MINIMAX),
    ],
    ids=["large numbers", "a long target"],
)
def test_a_page_keeps_to_80_columns_with_what_is_long(words):
    page = run("solve", *words)
    assert page.exit_code == 0
    assert max(map(len, page.stdout.splitlines())) <= 80


def test_a_range_is_a_row_per_K_and_one_object_per_table():
    page = run("solve", "--K", "1:3", *MINIMAX)
    assert [line[:6] for line in page.stdout.splitlines() if line.startswith("K =")] == [
        "K = 1 ",
        "K = 2 ",
        "K = 3 ",
    ]
    lines = run("solve", "--K", "1:3", *MINIMAX, "--json")
    assert lines.stderr == ""
    assert [json.loads(line)["K"] for line in lines.stdout.splitlines()] == [1, 2, 3]


@pytest.mark.parametrize("words", KEYWORDS[:3])
def test_json_reads_back_to_the_same_table(words):
    result = run("solve", "--K", 6, *words, "--json")
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    table = loads(result.stdout)
    assert dumps(table) + "\n" == result.stdout
    making.verify(table)


def test_out_writes_the_json_and_prints_the_page_with_the_line_that_reads_it(tmp_path):
    path = tmp_path / "t.json"
    page = run("solve", "--K", 4, *MINIMAX, "--out", path)
    assert page.stderr == f"polyest: wrote {path}\n"
    assert path.read_text() == run("solve", "--K", 4, *MINIMAX, "--json").stdout
    code = re.search(r"^code +t = (.*)$", page.stdout, re.M)[1]
    assert code == f"polyest.loads(open({str(path)!r}).read())"
    with_json = run("solve", "--K", 4, *MINIMAX, "--json", "--out", path)
    assert with_json.stdout == path.read_text()


def test_a_range_goes_to_the_file_and_with_json_to_stdout_too(tmp_path):
    path = tmp_path / "t.jsonl"
    quiet = run("solve", "--K", "2:4", *MINIMAX, "--out", path)
    assert (quiet.stdout, quiet.stderr) == ("", f"polyest: wrote {path}\n")
    loud = run("solve", "--K", "2:4", *MINIMAX, "--json", "--out", path)
    assert loud.stdout == path.read_text()
    assert [loads(line).K for line in loud.stdout.splitlines()] == [2, 3, 4]
    assert names(tmp_path) == ["t.jsonl"]


def test_a_large_minimax_table_is_shown_with_a_warning_and_not_stored(tmp_path):
    page = run("solve", "--K", 64, *MINIMAX)
    assert page.exit_code == 0
    assert page.stderr.count("\n") == 1
    assert page.stderr.startswith("polyest: warning: K = 64 is too large for a minimax table")
    assert "143 times the least" in page.stderr
    assert "coefficients c_0 .. c_64" in page.stdout
    for K in ("41", "64", "1:41"):
        message = refused("solve", "--K", K, *MINIMAX, "--out", tmp_path / "t.json")
        assert "too large for a stored minimax table" in message
        assert "2^K" in message
        assert "gradient-variance" in message
    assert names(tmp_path) == []


BAD_INPUT = {
    "K 0": (("--K", "0"), "K is 0: it counts draws and must be an integer of at least 1"),
    "K negative": (("--K", "-3"), "K is -3: it counts draws"),
    "K a fraction": (("--K", "2.5"), "K is '2.5': expected an integer of at least 1"),
    "K a word": (("--K", "x"), "K is 'x': expected an integer of at least 1"),
    "K nothing": (("--K", ""), "K is '': expected an integer"),
    "range upside down": (("--K", "5:2"), "an empty range: expected 2:5"),
    "range with a step": (("--K", "1:256:3"), "K is '256:3': expected an integer"),
    "range from 0": (("--K", "0:4"), "K is 0: it counts draws"),
    "range without an end": (("--K", "3:"), "K is '': expected an integer"),
    "K beyond what is solved": (("--K", "1000000000"), "tables are solved up to K = 1024"),
    "range beyond": (("--K", "1:1000000000"), "tables are solved up to K = 1024"),
    "K of 5000 digits": (("--K", "9" * 5000), "expected an integer of at least 1"),
    "two budgets": (
        ("--K", "8", "--bias", "0.1", "--noise", "2"),
        "two budgets, bias 0.1 and noise 2: give exactly one of bias, bias-ratio, noise",
    ),
    "a budget for minimax": (("--K", "8", *MINIMAX, "--noise", "2"), "takes no budget"),
    "a bias below the least": (
        ("--K", "8", "--bias", "0.004"),
        "bias 0.004 is below what any table of K = 8 draws attains, 0.00400158",
    ),
    "a ratio below 1": (("--K", "8", "--bias-ratio", "0.9"), "bias-ratio 0.9 is below 1"),
    "a negative budget": (("--K", "8", "--noise", "-1"), "a budget is a finite number above 0"),
    "a budget of nan": (("--K", "8", "--bias", "nan"), "a budget is a finite number above 0"),
    "an unknown target": (("--K", "8", "--target", "sin"), "target 'sin' is unknown: use log"),
    "a target out of range": (("--K", "8", "--target", "power:-1"), "exponent above -1"),
    "a target without number": (("--K", "8", "--target", "tsallis:"), "needs finite numbers"),
    "an unknown criterion": (
        ("--K", "8", "--criterion", "best"),
        "criterion 'best' is unknown: use one of minimax, gradient-variance",
    ),
    "degree above K": (
        ("--K", "2", "--target", "polynomial:0,0,0,1", *MINIMAX),
        "has degree 3, above K = 2",
    ),
    "an unknown method": (("--K", "8", "--method", "magic"), "method 'magic' is unknown: use"),
    "an unfit method": (("--K", "8", "--method", "remez"), "method remez does not solve"),
}


@pytest.mark.parametrize(("words", "said"), BAD_INPUT.values(), ids=BAD_INPUT.keys())
@pytest.mark.parametrize("out", [False, True], ids=["", "out"])
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, words, said, out):
    message = refused("solve", *words, *(["--out", tmp_path / "t.json"] if out else []))
    assert said in message
    assert names(tmp_path) == []


@pytest.mark.parametrize("K", ["4", "4:6"])
@pytest.mark.parametrize("place", ["missing/t.json", ".", "/dev/full"])
def test_an_unwritable_out_is_refused_before_solving(tmp_path, monkeypatch, K, place):
    monkeypatch.setattr(making, "_run", None)  # whoever solves fails otherwise than refused
    message = refused("solve", "--K", K, *MINIMAX, "--out", tmp_path / place)
    assert "expected a file in a folder that can be written; name another" in message
    assert names(tmp_path) == []


def test_an_error_in_a_range_prints_what_was_solved(monkeypatch):
    real = making.solve

    def failing(K, *rest, **keywords):
        if K == 3:
            raise NotConverged("reached nothing")
        return real(K, *rest, **keywords)

    monkeypatch.setattr(making, "solve", failing)
    result = run("solve", "--K", "1:4", *MINIMAX)
    assert result.exit_code == 1
    assert result.stderr == "polyest: error: reached nothing\n"
    assert "K = 2 " in result.stdout
    assert "K = 3 " not in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("solve",),
        ("solve", "--K"),
        ("solve", "--K", "8", "--bias", "x"),
        ("solve", "--K", "8", "--wrong"),
        ("show",),
        ("compare", "--K", "8", "--noise", "2"),
        ("verify", "--jobs", "0"),
        ("unknown",),
    ],
    ids=" ".join,
)
def test_usage_is_click_s_and_exit_2(words):
    result = run(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error: " in result.stderr


@pytest.mark.parametrize("words", [(), ("solve",), ("show",), ("compare",), ("verify",)])
def test_help_explains_every_option(words):
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert result.stdout.isascii()
    assert max(map(len, result.stdout.splitlines())) <= 80


# compare


def test_compare_sets_all_tables_side_by_side():
    page = run("compare", "--K", 5)
    assert (page.exit_code, page.stderr) == (0, "")
    assert page.stdout.isascii()
    assert max(map(len, page.stdout.splitlines())) <= 80
    rows = [*CLOSED_FORMS, "minimax", "noise 1", "noise 2", "noise 4", "noise 8"]
    lines = page.stdout.splitlines()
    assert [row for row in rows if any(line.startswith(f"{row} ") for line in lines)] == rows
    assert "not proved" in page.stdout  # the place of the supremum

    lines = run("compare", "--K", 5, "--json").stdout.splitlines()
    tables = [loads(line) for line in lines]
    assert len(lines) == len(rows)
    assert [table.criterion for table in tables[:8]] == [*CLOSED_FORMS, "minimax"]
    assert [table.budget.value for table in tables[8:]] == [1, 2, 4, 8]
    for table in tables:
        assert table.K == 5
        making.verify(table)


def test_compare_leaves_out_what_is_not_solved_and_says_so():
    page = run("compare", "--K", 100)
    assert page.exit_code == 0
    assert page.stderr.count("polyest: warning: noise") == 4
    assert "schuermann" in page.stdout
    assert "\nnoise 8 " not in page.stdout


@pytest.mark.parametrize("K", ["0", "2.5", "x", "1:4", "2000"])
@pytest.mark.parametrize("command", ["compare", "show"])
def test_compare_and_show_take_one_K(released, command, K):
    refused(command, "--K", K)


@pytest.mark.parametrize("name", ["log_count", "harmonic", "schuermann"])
@pytest.mark.parametrize("K", [1, 8, 60])
def test_the_place_of_the_supremum_is_where_the_bias_is_greatest(name, K):
    table = getattr(polyest.closed_forms, name)(K)
    p = pages.place(table)
    P = polyest.bernstein.expectation([float(c) for c in table.coefficients], p)
    e = abs(p * P - float(table.problem.target.weighted(p)))
    assert e == pytest.approx(table.bias.upper, rel=2e-6)


def test_of_equal_extrema_the_place_is_the_least(minimax8):
    first = minimax8.witness.points[0]
    assert pages.place(minimax8) == pytest.approx(first, rel=1e-3)


def test_a_bound_is_printed_rounded_up_and_a_lower_one_down():
    assert pages.number(1.0001, digits=4) == "1.001"
    assert pages.number(0.1, digits=4) == "0.1000"
    assert pages.number(1.0009, "ROUND_FLOOR", 4) == "1.000"
    assert pages.number(9999.1) == "1.000e4"
    assert pages.number(0.0) == "0"
    assert pages.number(5e-324) == "5.000e-324"
    assert pages.number(float("inf")) == "inf"


# show and the release


def _release(folder, families):
    folder.mkdir()
    digests, rows = [], []
    for name, tables in families.items():
        lines = [dumps(replace(table, release="v1")).encode() + b"\n" for table in tables]
        (folder / name).write_bytes(b"".join(lines))
        digests.append(f"{sha256(b''.join(lines)).hexdigest()}  {name}")
        rows += [f"{sha256(line).hexdigest()}  {name}:{i}" for i, line in enumerate(lines, 1)]
    (folder / "SHA256SUMS").write_text("\n".join(digests) + "\n")
    (folder / "LINE-SHA256SUMS").write_text("\n".join(rows) + "\n")


@pytest.fixture
def released(tmp_path, monkeypatch):
    """A release of a few tables in place of the real one."""
    folder = tmp_path / "v1"
    minimax = [polyest.solve(K, criterion="minimax") for K in range(1, 5)]
    noise = [polyest.solve(K) for K in range(1, 6)]
    _release(
        folder,
        {"log-minimax.jsonl": minimax, "log-gradient-variance-noise8.jsonl": noise},
    )
    monkeypatch.setattr(reading, "tables", lambda: folder)
    return folder


def test_show_prints_the_page_of_a_released_table_without_solving(released, monkeypatch):
    solved = run("solve", "--K", 4)
    monkeypatch.setattr(making, "_run", None)
    shown = run("show", "--K", 4)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert shown.stdout == solved.stdout.replace("noise 8\n", "noise 8 (release v1)\n", 1)
    assert "code      t = polyest.load(4)\n" in shown.stdout
    without = run("show", "--K", 5)  # no minimax table of 5 draws is released here
    assert "E*(5)" not in without.stdout
    assert max(map(len, without.stdout.splitlines())) <= 80
    minimax = run("show", "--K", 3, *MINIMAX)
    assert 'code      t = polyest.load(3, criterion="minimax")\n' in minimax.stdout
    assert run("show", "--K", 5, "--json").stdout.encode() in (
        (released / "log-gradient-variance-noise8.jsonl").read_bytes()
    )


def test_show_takes_the_least_bias_from_the_list_where_no_minimax_table_is_stored(
    released, monkeypatch
):
    path = released / "least-bias.csv"
    path.write_text("K,lower,upper\n4,0.01,0.02\n5,0.0089710194321968,0.0089710194321969\n")
    digest = sha256(path.read_bytes()).hexdigest()
    with (released / "SHA256SUMS").open("a") as sums:
        sums.write(f"{digest}  least-bias.csv\n")
    shown = run("show", "--K", 5).stdout
    assert "\nE*(5)     0.00897101943219679 .. 0.00897101943219691, proved\n" in shown
    assert "\nE*(4)     0.0128820684152951 .. 0.0128820684152952, proved\n" in (
        run("show", "--K", 4).stdout
    )
    path.write_text(path.read_text().replace("0.00897", "0.00797"))
    assert "least-bias.csv: not what was released" in refused("show", "--K", 5)


def test_show_says_what_is_released(released):
    assert "K = 1..5" in refused("show", "--K", 6)
    assert "log-gradient-variance-noise8, log-minimax" in refused("show", "--K", 4, "--noise", 3)
    assert "too large for a stored minimax table" in refused("show", "--K", 64, *MINIMAX)


def test_show_refuses_an_altered_release(released):
    path = released / "log-minimax.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"K": 3', b'"K": 7'))
    assert "log-minimax.jsonl, line 3" in refused("show", "--K", 1, *MINIMAX)


# verify


def test_verify_proves_the_release_file_by_file(released):
    result = run("verify")
    assert (result.exit_code, result.stderr) == (0, "")
    first, second = result.stdout.splitlines()
    assert re.fullmatch(r".*/log-gradient-variance-noise8\.jsonl: 5 tables proved in .* s", first)
    assert re.fullmatch(r".*/log-minimax\.jsonl: 4 tables proved in .* s", second)


def test_verify_in_two_processes_finds_the_same(tmp_path, minimax8):
    path = tmp_path / "t.jsonl"
    path.write_text(f"{dumps(minimax8)}\n" * 3)
    assert run("verify", path, "--jobs", 2).stdout.startswith(f"{path}: 3 tables proved")
    bias = minimax8.bias
    worse = replace(minimax8.certificate, bias=Bracket(bias.lower, bias.upper * (1 - 1e-6)))
    path.write_text(f"{dumps(minimax8)}\n{dumps(replace(minimax8, certificate=worse))}\n")
    message = refused("verify", path, "--jobs", 2)
    assert message.startswith(f"{path}, line 2: K = 8: bias.upper is claimed to be ")


def test_verify_compares_the_release_with_its_digests(released):
    path = released / "log-minimax.jsonl"
    content = path.read_bytes()
    for altered in (
        content.replace(b'"K": 2', b'"K":  2'),  # the same table
        content[: content.rindex(b"\n", 0, -1) + 1],  # a line is missing
        content + content.splitlines(keepends=True)[0],
        content[:-100],
    ):
        path.write_bytes(altered)
        assert "log-minimax.jsonl, line " in refused("verify", path)
    path.write_bytes(content)
    assert run("verify", path).exit_code == 0


def test_verify_of_an_empty_release_is_no_success(tmp_path, monkeypatch):
    (tmp_path / "v1").mkdir()
    monkeypatch.setattr(reading, "tables", lambda: tmp_path / "v1")
    assert "holds no released tables" in refused("verify")


BROKEN = {
    "missing": None,
    "empty": lambda line: b"",
    "a blank line": lambda line: b"\n\n",
    "cut": lambda line: line[:-200],
    "not json": lambda line: b"K,c0,c1\n1,2,3\n",
    "another schema": lambda line: line.replace(b'"schema": 1', b'"schema": 2'),
    "nan": lambda line: re.sub(rb'"upper": "[^"]*"', b'"upper": "nan"', line, count=1),
    "a coefficient missing": lambda line: re.sub(rb'(ts": \[)"[^"]*", ', rb"\1", line),
    "not utf-8": lambda line: line.replace(b"log", b"l\xffg"),
    "an unknown budget": lambda line: line.replace(
        b'"budget": null', b'"budget": {"kind": "luck", "value": "1.0"}'
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_verify_of_a_broken_file_is_one_line_with_its_place(tmp_path, minimax8, broken):
    path = tmp_path / "t.jsonl"
    if broken is None:
        assert refused("verify", path) == f"{path}: no such file or directory"
        return
    path.write_bytes(broken(f"{dumps(minimax8)}\n".encode()))
    assert refused("verify", path).startswith(str(path))


def test_verify_of_a_folder_is_one_line(tmp_path):
    assert refused("verify", tmp_path) == f"{tmp_path}: is a directory"


def _lowered_bias(table):
    bias = Bracket(table.bias.lower, table.bias.upper * (1 - 1e-6))
    return replace(table, certificate=replace(table.certificate, bias=bias))


def _raised_optimum(table, upper):
    raised = Bracket(upper, upper)
    return replace(table, certificate=replace(table.certificate, optimum=raised))


def _nudged(table, k, factor=1 + 1e-3):
    coefficients = table.coefficients.copy()
    coefficients[k] *= factor
    return replace(table, coefficients=coefficients)


def _moved_point(table, i, factor=1 - 1e-6):
    points = list(table.witness.points)
    points[i] *= factor
    return replace(table, witness=Alternation(tuple(points)))


def _spoiled(table):
    """Every way that the issue names to spoil a table, and some more: name, table, claim."""
    yield "bias", _lowered_bias(table), "bias.upper is claimed to be"
    upper = table.optimum.upper
    yield "optimum", _raised_optimum(table, upper * (1 + 1e-6)), "optimum.lower is claimed to be"
    yield "optimum a little", _raised_optimum(table, upper * (1 + 1e-12)), "optimum.lower"
    yield "no witness", replace(table, witness=None), "no witness"
    for k in range(table.K + 1):
        yield f"c_{k} up", _nudged(table, k), ""
        yield f"c_{k} down", _nudged(table, k, 1 - 1e-3), ""
    for name in ("second_moment", "variance", "gradient_variance", "squared_error"):
        less = getattr(table, name) * (1 - 1e-6)
        claims = replace(table.certificate, **{name: less})
        yield name, replace(table, certificate=claims), f"{name} is claimed to be"


def _assert_rejected(folder, spoiled):
    path = folder / "t.jsonl"
    for name, table, claim in spoiled:
        path.write_text(dumps(table) + "\n")
        message = refused("verify", path)
        assert message.startswith(f"{path}, line 1: "), name
        assert claim in message, name


def test_verify_rejects_every_spoiled_minimax_table(tmp_path, minimax8):
    (tmp_path / "good").write_text(dumps(minimax8))
    assert run("verify", tmp_path / "good").exit_code == 0
    _assert_rejected(tmp_path, _spoiled(minimax8))
    points = range(len(minimax8.witness.points))
    moved = [(f"point {i}", _moved_point(minimax8, i), "") for i in points]
    _assert_rejected(tmp_path, moved)
    fewer = Alternation(minimax8.witness.points[1:])
    _assert_rejected(tmp_path, [("a point less", replace(minimax8, witness=fewer), "10 of them")])


def test_verify_rejects_every_spoiled_variance_optimal_table(tmp_path, noise8):
    (tmp_path / "good").write_text(dumps(noise8))
    assert run("verify", tmp_path / "good").exit_code == 0
    _assert_rejected(tmp_path, _spoiled(noise8))
    dual = noise8.witness
    heaviest = max(range(len(dual.noise_weights)), key=dual.noise_weights.__getitem__)
    for factor in (0.0, 1.01, -1.0):
        weights = list(dual.noise_weights)
        weights[heaviest] *= factor
        witness = replace(dual, noise_weights=tuple(weights))
        _assert_rejected(tmp_path, [(f"x {factor}", replace(noise8, witness=witness), "")])
    witness = replace(dual, selection=dual.selection * (1 + 1e-9))
    _assert_rejected(tmp_path, [("selection", replace(noise8, witness=witness), "selection")])
    budget = replace(noise8.problem.budget, value=7.9)
    tighter = replace(noise8, problem=replace(noise8.problem, budget=budget))
    _assert_rejected(tmp_path, [("a tighter budget", tighter, "of a noise budget of")])


def test_verify_rejects_a_spoiled_table_whose_checksums_were_made_to_fit(tmp_path, monkeypatch):
    good = [polyest.solve(K, criterion="minimax") for K in (1, 2, 3)]
    spoiled = [_lowered_bias(good[1]), _nudged(good[1], 1), _moved_point(good[1], 0)]
    for number, table in enumerate(spoiled):
        folder = tmp_path / str(number)
        _release(folder, {"log-minimax.jsonl": [good[0], table, good[2]]})
        monkeypatch.setattr(reading, "tables", lambda folder=folder: folder)
        assert reading.load(2, criterion="minimax").K == 2  # the digests are right
        message = refused("verify")
        assert message.startswith(f"{folder}/log-minimax.jsonl, line 2: K = 2: ")


# The real command.


def _command(*words, **keywords):
    root = Path(polyest.__file__).parents[1]
    return subprocess.run(
        [sys.executable, "-m", "polyest.cli", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        **keywords,
    )


@pytest.mark.parametrize(
    ("words", "code", "start"),
    [
        (("solve", "--K", "2", *MINIMAX, "--json"), 0, ""),
        (("solve", "--K", "0"), 1, "polyest: error: K is 0: "),
        (("solve",), 2, "Usage: polyest solve"),
    ],
)
def test_exit_codes_of_the_real_command(words, code, start):
    result = _command(*words)
    assert result.returncode == code
    assert result.stderr.startswith(start)
    assert "Traceback" not in result.stderr
    assert bool(result.stdout) == (code == 0)


def test_a_reader_who_leaves_early_sees_no_traceback():
    root = Path(polyest.__file__).parents[1]
    words = f"{sys.executable} -m polyest.cli solve --K 3:6 --criterion minimax --json | true"
    environment = {**os.environ, "PYTHONPATH": str(root)}
    result = subprocess.run(words, shell=True, capture_output=True, text=True, env=environment)
    assert "Traceback" not in result.stderr
    assert "error" not in result.stderr


def test_ctrl_c_ends_in_130_and_one_line(monkeypatch):
    def interrupted(*words, **keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr(making, "solve", interrupted)
    result = run("solve", "--K", 4)
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "polyest: interrupted\n"
