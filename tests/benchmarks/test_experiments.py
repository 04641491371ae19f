"""docs/experiments.md beside the files of benchmarks/results: what no test of a benchmark compares."""

import csv
from decimal import Decimal
from pathlib import Path
from statistics import fmean

import peers
import pytest

ROOT = Path(__file__).resolve().parents[2]
WORDS = " ".join((ROOT / "docs" / "experiments.md").read_text().split())


def rows(name):
    with (ROOT / "benchmarks" / "results" / f"{name}.csv").open() as stream:
        return list(csv.DictReader(stream))


def bare(value, digits):
    """A number below 1 as the page writes it, without its 0."""
    return f"{value:.{digits}f}".removeprefix("0")


def test_what_the_page_says_of_the_budget():
    by_method = {
        row["method"]: {k: v for k, v in row.items() if k != "machine"} for row in rows("safety")
    }
    met, base, scaled = (by_method[name] for name in ("primal-dual", "base", "primal-dual, std"))
    for words in (
        f"{float(met['cost']):.3%} +- {bare(100 * float(met['cost_pm']), 3)}".replace("%", " %"),
        f"from {100 * float(base['cost']):.1f} %",
        f"stays at {100 * float(met['benign_answer']):.1f} %",
        f"the KL from the base there is {bare(float(met['benign_kl']), 3)}",
        f"overshoots to {bare(100 * float(scaled['cost']), 2)} %",
    ):
        assert words in WORDS


@pytest.fixture(scope="module")
def solved():
    return {(row["problem"], int(row["K"]), row["method"]): row for row in rows("solve")}


def test_what_the_page_says_of_times(solved):
    def seconds(K, method, digits, problem="gradient-variance"):
        return bare(float(solved[problem, K, method]["seconds"]), digits)

    ours = [seconds(K, "polyest", d) for K, d in ((16, 2), (64, 2), (128, 2), (256, 1), (1024, 0))]
    said = "the default table takes {} s at K = 16, {} s at 64, {} s at 128, {} s at 256 and {} s at 1024"
    assert said.format(*ours) in WORDS
    exact = [
        seconds(K, "polyest", d, "minimax") for K, d in ((64, 3), (128, 3), (256, 2), (1024, 1))
    ]
    words = "Exact minimax tables take {} s at K = 64, {} s at 128, {} s at 256 and {} s at 1024"
    assert words.format(*exact) in WORDS
    peers = [seconds(64, name, 0) for name in ("Clarabel", "ECOS")]
    assert "takes Clarabel {} s and ECOS {} s at K = 64".format(*peers) in WORDS
    how_to = (ROOT / "docs" / "howto" / "bulk.md").read_text()
    assert said.format(*ours).removeprefix("the default table takes") in how_to


def test_what_the_page_says_of_failures(solved):
    for name in ("Clarabel", "ECOS"):
        row = solved["gradient-variance", 64, name]
        assert 1e-4 < abs(float(row["claimed_error"])) < 2e-4
        assert solved["gradient-variance", 256, name]["status"] == "failed"
        assert solved["second-moment", 64, name]["status"] == "failed"
    assert "infeasible" in solved["second-moment", 64, "ECOS"]["note"]
    scs = {
        K: row["status"] for (problem, K, name), row in solved.items() if name == "SCS" and K >= 32
    }
    assert set(scs.values()) <= {"inaccurate", "not run"}
    assert float(solved["second-moment", 64, "polyest"]["width"]) < 2e-7


def test_what_the_page_says_of_the_linear_program_and_of_sollya(solved):
    def above(K, method):
        return float(solved["minimax", K, method]["returned_error"])

    said = f"{above(32, 'HiGHS'):.0%} above E*(K) at K = 32 and {above(64, 'HiGHS'):.0%} at K = 64"
    assert said.replace("%", " %") in WORDS
    theory = (ROOT / "docs" / "theory.md").read_text()
    ends = f"{above(32, 'HiGHS'):.0%} above E* at K = 32 and {above(64, 'HiGHS'):.0%} at K = 64"
    assert ends.replace("%", " %") in theory
    for K in (8, 16, 32, 64, 128):
        row = solved["minimax", K, "Sollya"]
        assert max(abs(above(K, "Sollya")), abs(float(row["claimed_error"]))) < 1e-5
    assert {solved["minimax", 256, name]["status"] for name in ("Sollya", "HiGHS")} == {"failed"}


def test_what_the_page_says_of_an_hour_of_runs():
    hours = sum(float(row["seconds"]) for row in rows("self_improvement_runs")) / 3600
    assert 0.8 < hours < 1.2


def table(heading):
    """Rows of the tables below a heading, cells as written."""
    text = (ROOT / "docs" / "experiments.md").read_text().split(f"\n## {heading}\n")[1]
    lines = [line for line in text.split("\n## ")[0].splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_what_the_page_says_of_slopes():
    names = {
        "minimax, E*(K)": "minimax",
        "log of the count (plug-in)": "log_count",
        "Miller-Madow": "miller_madow",
        "JVHW-style": "jvhw",
    }
    by_series = {(row["series"], row["from"]): row for row in rows("bias_slopes")}
    written = table("Rates")[1:]
    assert len(written) == 9
    for name, *cells in written:
        for cell, start in zip(cells, ("8", "128"), strict=True):
            row = by_series[names.get(name, name), start]
            digits = 4 if name.startswith("minimax") else 3
            slope = f"{float(row['slope']):.{digits}f}".replace("-0.", "-.")
            assert cell == f"{slope} +- {bare(float(row['slope_pm']), digits)}", name


def test_what_the_page_says_of_the_wrong_count():
    bias = {
        (row["count"], row["series"]): float(row["bias_upper"])
        for row in rows("bias_rates")
        if row["group"] == "8"
    }
    for baseline, words in (
        ("no baseline", "has {:.0f} times the bias of the right one"),
        ("group mean", "under a group mean {:.1f} times"),
    ):
        name = f"noise 8, {baseline}"
        assert words.format(bias["misused", name] / bias["in-group", name]) in WORDS


def test_what_the_page_says_of_other_estimators():
    by_table = {(row["table"], row["K"]): row for row in rows("peers")}
    written = [row for row in table("Estimators of others") if len(row) == 9][1:]
    assert len(written) == 9
    for name, *cells in written:
        for i, K in enumerate(("8", "16", "32", "64")):
            row = by_table[name, K]
            assert cells[2 * i] == f"{float(row['noise']):.2f}", (name, K)
            assert cells[2 * i + 1] == f"{float(row['ratio_lower']):.2f}", (name, K)


def test_what_the_page_says_of_entropies():
    errors = rows("entropy")
    ours = {row["estimator"] for row in errors if row["kind"] == "polyest"}
    written = [row for row in table("Estimators of others") if len(row) == 3 and "noise" in row[1]]
    for n, best, better in written:
        ranked = peers.standing(errors)[int(n)]
        first = next(i for i, (name, _) in enumerate(ranked) if name in ours)
        assert best == "{}: {:.2f}".format(*ranked[first])
        assert better == "; ".join("{} {:.2f}".format(*one) for one in ranked[:first])
    squares = {}
    for row in errors:
        squares.setdefault((row["n"], row["estimator"]), []).append(float(row["bias"]) ** 2)
    bias = {key: fmean(values) ** 0.5 for key, values in squares.items()}
    tables = {row["estimator"] for row in errors if row["samples"] == "0"} - {"minimax"}
    for n in ("16", "64", "256"):
        assert min(tables, key=lambda name: bias[n, name]) == "noise 8"
    said = "is {}, {} and {} nats at 16, 64 and 256 draws"
    assert (
        said.format(*(bare(bias[n, "noise 8"], d) for n, d in (("16", 2), ("64", 2), ("256", 3))))
        in WORDS
    )


def test_what_the_page_says_of_trl():
    written = table("TRL's own trainer")[1:]
    lines = rows("trl_run")
    assert len(written) == len(lines) == 10

    def small(value):
        return bare(float(value), 3)

    for cells, row in zip(written, lines, strict=True):
        apart = "-"
        if row["less loop"]:
            sign = "-" if float(row["less loop"]) < 0 else ""
            apart = sign + small(abs(float(row["less loop"]))) + f" +- {small(row['less loop pm'])}"
        assert cells == [
            f"{row['way']}: {row['reward']}",
            f"{float(row['rate']):g}",
            *(small(row[f"after {n}"]) for n in (0, 10, 25, 50)),
            f"{small(row['after 100'])} +- {small(row['after 100 pm'])}",
            apart,
            f"{100 * float(row['paying']):.2f} %",
        ]


def test_what_the_page_says_of_the_time_of_a_reward_in_trl():
    by_way = {row["way"]: row for row in rows("trl_run") if row["reward"] == "geometric, table"}

    def said(way):
        step = float(by_way[way]["step"])
        return f"{1000 * step * float(by_way[way]['paying']):.1f} ms of a step of {step:.2f} s"

    most = max(float(row["paying"]) for row in rows("trl_run_runs") if row["way"] == "trl, 2")
    assert most < 0.01
    assert f"takes {said('trl')} on one process, and {said('trl, 2')} on two, at most" in WORDS
    assert f"on two, at most {100 * most:.2f} % in any of ten runs" in WORDS


def test_what_the_page_says_of_the_limit():
    lines = rows("limit")
    constant = lines[-1]
    assert constant["kind"] == "constant"
    assert f"A = {constant['value'][:34]} +- {float(constant['error']):.0e} by" in WORDS.replace(
        ",", ""
    )
    other = [row for row in lines if row["sequence"] == "2^j, all powers"][-1]
    apart = abs(Decimal(other["value"]) - Decimal(constant["value"]))
    assert apart < Decimal(other["error"])
    assert f"within its error of {float(other['error']):.1e}".replace("e-0", "e-") in WORDS
