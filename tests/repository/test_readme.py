"""The README: every Python block runs, in order, and prints what it says; its commands exist."""

import csv
import re
import tomllib
from math import comb
from math import log as log_of
from pathlib import Path

from click.testing import CliRunner
from pages import blocks, commented, run

import polyest
from polyest.cli.commands import main

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text()
WORDS = " ".join(TEXT.split())
BLOCKS = blocks(TEXT)


def test_python_blocks_run_and_print_what_they_say(monkeypatch):
    monkeypatch.chdir(ROOT)
    python = [block for block in commented(BLOCKS) if block[0] == "python"]
    run(python, "README.md")
    assert len(python) == 2
    assert all(said for *_, said in python)


def test_commands_in_sh_blocks_run_in_their_order(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    shell = "".join(body for kind, body, _ in BLOCKS if kind == "sh")
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
    assert commands[0].endswith("&& polyest solve --group 16")
    assert commands[1].endswith('&& pytest -n 2 --dist loadfile -m "not release and not slow"')


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert len(links) >= 25
    assert [link for link in links if not (ROOT / link.partition("#")[0]).is_file()] == []
    for page, _, anchor in (link.partition("#") for link in links if "#" in link):
        heading = anchor.replace("-", "[- ]")
        assert re.search(
            rf"^#+ {heading}$", (ROOT / page).read_text(), re.MULTILINE | re.IGNORECASE
        )


def test_the_table_of_prices_is_that_of_the_tables():
    """Worst-case bias and variance of the first screen, in units of the log's, K = 14."""
    log = polyest.closed_forms.log_count(14)
    rows = re.findall(r"^\| (`.*?)(?:, the default)? \| (.*?) \| (.*?) \|", TEXT, re.MULTILINE)
    assert [row[0] for row in rows[:5]] == [
        "`log(count / G)`",
        "`noise=1`",
        "`noise=2`",
        '`criterion="minimax", shape="monotone"`',
        "`noise=8`",
    ]
    keywords = [{"noise": 1}, {"noise": 2}, {"criterion": "minimax", "shape": "monotone"}, {}]
    for (_, less, times), asked in zip(rows[1:5], keywords, strict=True):
        table = polyest.load(14, **asked)
        assert less == f"{log.bias.lower / table.bias.upper:.1f} times less"
        variance = table.certificate.gradient_variance / log.certificate.gradient_variance
        assert times == ("the same" if round(variance, 2) == 1 else f"{variance:.2g} times")
    p = 0.02
    shares = [log_of((k + 1) / 16) for k in range(15)]
    mean = sum(u * comb(14, k) * p**k * (1 - p) ** (14 - k) for k, u in enumerate(shares))
    said = (
        f"probability 2 % gets a bonus of {-mean:.1f} on average where -log p is {-log_of(p):.1f}"
    )
    assert said in WORDS
    assert f"log 16 = {log_of(16):.1f}" in WORDS


def test_how_much_less_bias_the_default_has():
    ratios = [
        polyest.closed_forms.log_count(K).bias.lower / polyest.load(K).bias.upper
        for K in range(14, 127)
    ]
    assert [round(min(ratios)), round(max(ratios))] == [13, 16]
    assert "13 to 16 times less bias than the log for groups of 16 and more" in WORDS


def test_numbers_of_peers_are_those_of_the_file():
    with (ROOT / "benchmarks" / "results" / "peers.csv").open() as stream:
        lines = list(csv.DictReader(stream))

    def ends(name, column, digits):
        values = [float(row[column]) for row in lines if row["table"] == name]
        return [f"{end:.{digits}f}" for end in (min(values), max(values))]

    def more(name):
        """Per cent more bias than the best table of the same noise."""
        return [round(100 * (float(x) - 1)) for x in ends(name, "ratio_lower", 4)]

    assert "noise {} to {}) has".format(*ends("bub, m = 10 N", "noise", 1)) in WORDS
    said = "has {} to {} % more bias than the best table, Schuermann's estimator {} to {} %, "
    said += "the log {} to {} %"
    assert said.format(*more("bub, m = 10 N"), *more("schuermann"), *more("log_count")) in WORDS
    said = "noise {} to {}, {} to {} % more bias than the best table there"
    assert said.format(*ends("schuermann", "noise", 1), *more("schuermann")) in WORDS


def test_numbers_of_experiments_are_those_of_their_page():
    """Which is compared with the files (test_experiments.py, test_benchmark_*.py)."""
    page = (ROOT / "docs" / "experiments.md").read_text()
    rows = WORDS.split("| question | answer |")[1].split("## More")[0]
    numbers = {
        number
        for row in rows.split(" | | ")
        if "peers" not in row
        for number in re.findall(r"(?<![\w.])\d*\.?\d+(?!\w)", row)
    }
    assert len(numbers) >= 10
    assert {number for number in numbers if number not in page} == set()
