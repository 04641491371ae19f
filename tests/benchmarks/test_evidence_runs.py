"""benchmarks/runs.py and tuning.py: what was killed goes on, and what is chosen is chosen on other seeds."""

import csv
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from runs import NotRun, Runs, mean_and_half_width, write_table
from tuning import summary, tuned

COLUMNS = ("arm", "rate", "seed")


def key(arm="log", rate=0.1, seed=0):
    return {"arm": arm, "rate": rate, "seed": seed}


class Measured:
    """A loss with its least at a rate, and every key that was measured; it may be killed."""

    def __init__(self, least=0.1, most=None):
        self.least, self.most, self.keys, self.sizes = least, most, [], []

    def __call__(self, keys):
        if self.most is not None and len(self.keys) + len(keys) > self.most:
            raise KeyboardInterrupt
        self.keys += keys
        self.sizes.append(len(keys))
        return [{**k, "loss": abs(np.log(k["rate"] / self.least)) + k["seed"] / 1000} for k in keys]


def test_what_was_killed_goes_on_where_it_was(tmp_path):
    file, wanted = tmp_path / "runs.csv", [key(seed=s, rate=1 / 3) for s in range(7)]
    killed = Measured(most=4)
    with pytest.raises(KeyboardInterrupt):
        Runs(file, COLUMNS, killed, ("numpy",), at_once=2).finished(wanted)
    with file.open() as stream:
        assert len(list(csv.DictReader(stream))) == 4
    again = Measured()
    rows = Runs(file, COLUMNS, again, ("numpy",), at_once=2).finished(wanted)
    assert [k["seed"] for k in again.keys] == [4, 5, 6]
    assert again.sizes == [2, 1]
    assert [int(row["seed"]) for row in rows] == [*range(7)]
    third = Measured()
    assert Runs(file, COLUMNS, third, ("numpy",)).finished(wanted) == [
        {k: str(v) for k, v in row.items()}
        for row in Runs(file, COLUMNS, third, ("numpy",)).rows.values()
    ]
    assert third.keys == []
    with file.open() as stream:
        written = list(csv.DictReader(stream))
    assert [row["rate"] for row in written] == ["0.333333"] * 7
    assert all("numpy" in row["versions"] and row["machine"] for row in written)


def test_a_run_is_measured_once_and_rows_come_in_the_order_asked():
    measure = Measured()
    runs = Runs(None, COLUMNS, measure, ())
    rows = runs.finished([key(seed=2), key(seed=1), key(seed=2)])
    assert [row["seed"] for row in rows] == ["2", "1"]
    assert runs.finished([key(seed=1)])[0]["loss"] == rows[1]["loss"]
    assert len(measure.keys) == 2


def test_what_cannot_be_measured_is_said_and_what_is_there_is_given(tmp_path):
    file = tmp_path / "runs.csv"
    rows = Runs(file, COLUMNS, Measured(), ("numpy",)).finished([key(seed=1)])
    before = file.read_bytes()
    kept = Runs(file, COLUMNS, None, ("numpy",))
    (row,) = kept.finished([key(seed=1)])
    assert {name: row[name] for name in rows[0]} == rows[0]
    with pytest.raises(NotRun, match=r"of the log: 2 runs are not in .*runs\.csv"):
        kept.finished([key(seed=s) for s in range(3)], "of the log")
    assert file.read_bytes() == before


def test_a_log_has_lines_in_place_of_a_bar(capsys):
    runs = Runs(None, COLUMNS, Measured(), (), at_once=2)
    runs.finished([key(seed=s) for s in range(3)], "rates of the log")
    assert capsys.readouterr().err == "rates of the log: 2 of 3\nrates of the log: 3 of 3\n"


def test_a_table_of_nothing_is_not_written(tmp_path):
    with pytest.raises(SystemExit, match=r"table\.csv: nothing that it shows was run whole"):
        write_table([], ("numpy",), tmp_path / "table.csv")
    assert [*tmp_path.iterdir()] == []


def test_parts_are_measured_by_a_pool_and_rows_keep_their_order():
    with ThreadPoolExecutor(3) as pool:
        measure = Measured()
        runs = Runs(None, COLUMNS, measure, (), at_once=2, pool=pool)
        rows = runs.finished([key(seed=s) for s in range(9)])
    assert [row["seed"] for row in rows] == [*map(str, range(9))]
    assert sorted(measure.sizes) == [1, 2, 2, 2, 2]


def test_the_grid_is_extended_once_and_an_edge_is_reported():
    for least, rate, edge in (
        (1.0, 1.0, ""), (3.0, 3.0, ""), (27.0, 9.0, "rate"), (0.01, 1 / 9, "rate"),
    ):  # fmt: skip
        measure = Measured(least)
        grid = (1 / 3, 1.0, 3.0)
        choice = tuned(
            Runs(None, COLUMNS, measure, ()), {"arm": "log"}, {"rate": grid}, (8, 9), "loss"
        )
        assert choice.values["rate"] == pytest.approx(rate, rel=2e-3)
        assert choice.edge == edge
        assert {k["seed"] for k in measure.keys} == {8, 9}
        inner = least == 1.0
        assert len(measure.keys) == 2 * (3 if inner else 4)


def test_two_grids_are_tuned_together():
    def measure(keys):
        return [{**k, "gain": -((k["rate"] - 2) ** 2) - (k["multiplier"] - 3) ** 2} for k in keys]

    runs = Runs(None, ("arm", "rate", "multiplier", "seed"), measure, ())
    grids = {"rate": (1.0, 2.0, 4.0), "multiplier": (1.0, 1.5, 3.0)}
    choice = tuned(runs, {"arm": "log"}, grids, (8, 9), "gain", max)
    assert choice.values == {"rate": 2.0, "multiplier": 3.0}
    assert choice.edge == ""  # 6 was tried too
    assert len(runs.rows) == 2 * 3 * 4


def test_of_equally_good_rates_that_in_the_middle_is_taken():
    runs = Runs(None, COLUMNS, lambda keys: [{**k, "greedy": 1.0} for k in keys], ())
    grid = {"rate": (1.0, 2.0, 4.0)}
    choice = tuned(runs, {"arm": "log"}, grid, (8, 9), "greedy", max)
    assert choice.values == {"rate": 2.0}


def test_summaries_have_means_and_intervals():
    rows = [{"kl": str(x), "seconds": "2"} for x in (1.0, 2.0, 3.0, 6.0)]
    line = summary(rows, ("kl", "seconds"), ("kl",))
    assert {*line} == {"seeds", "kl", "kl_pm", "seconds"}
    assert line["kl"] == 3.0
    assert line["kl_pm"] == pytest.approx(3.1824 * np.std([1, 2, 3, 6], ddof=1) / 2, rel=1e-4)
    assert mean_and_half_width([5.0, 5.0])[1] == 0.0
