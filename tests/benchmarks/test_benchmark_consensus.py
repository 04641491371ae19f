"""benchmarks/consensus.py: its rewards by hand, its questions, a small run, its files."""

import csv
from math import log
from pathlib import Path

import consensus
import numpy as np
import pytest
import torch
from arms import ADVANTAGES
from consensus import ARMS, CARRIED, FLOORS, SEEDS, TUNING, Scale, measure, paid, questions
from runs import Runs

from polyest import rewards

ANSWERS = torch.tensor([[[4, 4, 6, 6], [4, 6, 6, 6]], [[1, 1, 2, 3], [5, 5, 5, 6]]])
NU = torch.full((2, 2, 8), 1 / 8)
SMALL = Scale(width=8, layers=1, teaching=3, steps=2, orbits=2)


def key(**changed):
    cell = {"share": 0.18, "group": 8, "arm": "log", "advantage": "mean", "scale": str(SMALL)}
    return cell | {"rate": 1e-3, "seed": 0} | changed


def test_floors_are_paid_where_nothing_was_seen():
    for name, floor in FLOORS.items():
        given = paid(name, ANSWERS, NU)
        four = (log(2 / 4) + log(1 / 4)) / 2
        six = (log(2 / 4) + log(3 / 4)) / 2
        assert given[0, 0].tolist() == pytest.approx([four, four, six, six])
        unseen = log(floor / 4)
        one, two = (log(2 / 4) + unseen) / 2, (log(1 / 4) + unseen) / 2
        assert given[1, 0].tolist() == pytest.approx([one, one, two, two])


def test_tables_are_those_of_the_library():
    answers = torch.from_numpy(np.random.default_rng(0).integers(0, 4, (20, 2, 8)))
    for name, words in (
        ("schuermann", {"table": "schuermann"}),
        ("noise 8", {}),
        ("noise 2", {"noise": 2}),
    ):
        wanted = rewards.soft_consistency(answers, mean="geometric", **words)
        assert torch.allclose(paid(name, answers, NU), wanted, atol=1e-12), name


def test_controls_by_hand():
    assert paid("mode", ANSWERS, NU)[0].tolist() == [[0, 0, 1, 1], [0, 1, 1, 1]]
    assert paid("pairwise", ANSWERS, NU)[0, 0].tolist() == [3 / 8, 3 / 8, 5 / 8, 5 / 8]
    arithmetic = paid("arithmetic, log", ANSWERS, NU)[0, 0]
    assert arithmetic.tolist() == pytest.approx([log(3 / 8)] * 2 + [log(5 / 8)] * 2)
    nu = torch.softmax(torch.randn(2, 2, 8, generator=torch.Generator().manual_seed(0)), -1)
    true = paid("true log", ANSWERS, nu)
    assert true[1, 0, 0] == pytest.approx(float((nu[1, 0, 1].log() + nu[1, 1, 1].log()) / 2))


def test_advantages_are_centred_over_text_or_orbit():
    for arm in ARMS:
        for advantage in ("mean", "std"):
            made = consensus.centred(arm, advantage, paid(arm, ANSWERS, NU))
            over = (1, 2) if arm in consensus.OVER_ORBIT else 2
            assert made.sum(over).abs().max() < 1e-6
            each = made.sum(2).abs().max()
            assert (each > 0.1) == (arm in consensus.OVER_ORBIT)


@pytest.mark.parametrize("share", [consensus.SHARE, *consensus.SHARES])
def test_the_geometric_mean_is_right_and_the_arithmetic_one_is_not(share):
    for seed in (*SEEDS, *TUNING):
        asked = questions(seed)
        assert sorted(asked.truth.tolist()) == [*range(consensus.NUMBERS)]
        assert not (asked.truth == asked.habits).any()
        nu = consensus.habitual(asked, share)
        assert torch.allclose(nu.sum(-1), torch.ones(nu.shape[:-1]))
        assert torch.equal(nu.log().mean(1).argmax(-1), asked.truth)
        assert not (nu.mean(1).argmax(-1) == asked.truth).any()
        right = torch.nn.functional.one_hot(asked.truth, consensus.NUMBERS)[:, None].expand(
            -1, 2, -1
        )
        assert consensus.measures(asked, right.float()) == {"greedy": 1, "habit": 0, "truth": 1}
        wrong = consensus.measures(asked, nu)
        assert (wrong["greedy"], wrong["habit"]) == (0, 1)
        assert wrong["truth"] == pytest.approx(share)


def test_a_run_repeats_and_trains_what_it_measures():
    for arm in ("noise 8", "mode", "true log"):
        row, again = (measure([key(arm=arm, rate=1e-2)], SMALL)[0] for _ in range(2))
        assert {**row, "seconds": 0} == {**again, "seconds": 0}
        still = measure([key(arm=arm, rate=1e-9)], SMALL)[0]
        assert still["truth"] != row["truth"]


def test_every_setting_runs_what_it_says():
    def made_up(keys):
        return [
            {**k, "greedy": -abs(log(k["rate"] / 3e-4)), "habit": 0.0, "truth": 0.0, "seconds": 1.0}
            for k in keys
        ]

    runs = Runs(None, consensus.COLUMNS, made_up, ())
    lines = consensus.results(runs, Scale())
    assert len(lines) == 2 * 2 * (len(ARMS) + len(consensus.SHARES) * len(CARRIED))
    assert {line["rate"] for line in lines} == {3e-4}
    assert {line["chosen"] for line in lines if line["share"] == consensus.SHARE} == {"here"}
    assert {line["arm"] for line in lines if line["chosen"] == "core"} == set(CARRIED)
    assert {int(line["seeds"]) for line in lines} == {6}


PAGE = Path(consensus.__file__).parents[1] / "docs" / "experiments.md"


def committed():
    with consensus.FILE.open() as stream:
        return list(csv.DictReader(stream))


def core():
    """The rows of the core by arm, group and advantage."""
    rows = [row for row in committed() if float(row["share"]) == consensus.SHARE]
    return {(row["arm"], row["group"], row["advantage"]): row for row in rows}


def bare(value):
    return f"{float(value):.2f}".removeprefix("0")


def page_rows():
    """The table of the page as the file has it."""
    rows = core()
    for arm in ARMS:
        each = [rows[arm, group, how] for group in ("8", "16") for how in ("mean", "std")]
        ends = [" *" * bool(r["edge"]) for r in each]
        shown = [f"{bare(r['greedy'])} +- {bare(r['greedy_pm'])}" for r in each]
        yield [arm, *(value + end for value, end in zip(shown, ends, strict=True))]


def test_the_table_of_the_page_is_the_file():
    section = PAGE.read_text().split("\n## A consensus of two habits\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    written = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert written == [*page_rows()]


def test_what_the_page_says_of_it():
    words, rows = " ".join(PAGE.read_text().split()), core()

    def greedy(arm, group="8", advantage="mean"):
        return bare(rows[arm, group, advantage]["greedy"])

    likely = {
        (row["arm"], row["group"]): bare(row["greedy"])
        for row in committed()
        if (row["share"], row["advantage"]) == ("0.25", "mean")
    }
    for said in (
        f"the log has {greedy('log')} in groups of 8 and Schuermann's estimator {greedy('schuermann')}.",
        f"Noise 4 has {greedy('noise 4')}, the monotone table {greedy('monotone')}, noise 8 "
        f"{greedy('noise 8')} and noise 16 {greedy('noise 16')}, of {greedy('true log')} for the true log",
        f"in place of the 1/2 has {greedy('floor .1')}, one of .02 {greedy('floor .02')} and one of 1e-6 "
        f"{greedy('floor 1e-6')}",
        f"noise 4 and the monotone table fall to {greedy('noise 4', advantage='std')} and "
        f"{greedy('monotone', advantage='std')} in groups of 8",
        f"the log has {likely['log', '8']} in groups of 8 and {likely['log', '16']} in groups of 16, noise 8 "
        f"{likely['noise 8', '8']} and {likely['noise 8', '16']}",
        f"at most {max(greedy(arm, G, a) for arm in ARMS[-4:] for G in ('8', '16') for a in ADVANTAGES)} is",
    ):
        assert said in words, said

    def apart(low, high, group, advantage):
        """Whether intervals do not touch."""
        low, high = rows[low, group, advantage], rows[high, group, advantage]
        ends = (
            float(low["greedy"]) + float(low["greedy_pm"]),
            float(high["greedy"]) - float(high["greedy_pm"]),
        )
        return ends[0] < ends[1]

    assert apart("noise 8", "floor .1", "16", "std")
    assert all(apart("log", name, "8", "mean") for name in ("noise 4", "noise 8", "monotone"))
    assert all(apart("noise 4", name, "8", "std") for name in ("noise 8", "noise 16", "floor .1"))
    minutes = (
        sum(
            float(row["seconds"])
            for row in Runs(consensus.RUNS, consensus.COLUMNS, measure, ()).rows.values()
        )
        / 60
    )
    assert 10 < minutes < 20
    assert "a quarter of an hour" in words


def test_the_file_has_the_runs_of_every_row():
    lines = committed()
    kept = Runs(consensus.RUNS, consensus.COLUMNS, measure, ()).rows
    assert len(lines) == 2 * 2 * (len(ARMS) + len(consensus.SHARES) * len(CARRIED))
    for line in lines:
        values = []
        for seed in SEEDS:
            name = tuple(str({**line, "seed": seed}[column]) for column in consensus.COLUMNS)
            values.append(float(kept[name]["greedy"]))
        assert float(line["greedy"]) == pytest.approx(sum(values) / len(values), rel=1e-4, abs=1e-9)
