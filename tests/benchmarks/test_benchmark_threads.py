"""benchmarks/threads.py: what it counts, and that the page says what its file says."""

import csv
import time

import flint
import pytest
import threads

from polyest import precision
from polyest.errors import NotProved, PrecisionChanged
from polyest.precision import helper_process


@pytest.fixture(autouse=True)
def untrusted(monkeypatch):
    monkeypatch.setattr(precision, "_trusted", 0)
    yield
    helper_process._end()


def committed():
    with threads.FILE.open() as stream:
        return list(csv.DictReader(stream))


def test_each_end_of_a_call_is_counted_as_what_it_is():
    def raising(error):
        def work():
            raise error("no")

        return work

    assert threads.ended(lambda: "line", "line") == ("same", "line")
    assert threads.ended(lambda: "other", "line") == ("other_bytes", "other")
    assert threads.ended(raising(PrecisionChanged), "line") == ("named", "")
    assert threads.ended(raising(NotProved), "line") == ("not_proved", "")


def test_the_thread_does_switch():
    seen, over = set(), time.monotonic() + 60
    with threads.switching(1e-4):
        while len(seen) < 2 and time.monotonic() < over:
            seen.add(flint.ctx.prec)
    assert seen == set(threads.LEVELS)


def test_the_committed_file_has_every_row_and_no_proof_that_failed():
    rows = committed()
    assert len(rows) == 2 * 2 * len(threads.PAUSES)
    for row in rows:
        assert sum(int(row[end]) for end in threads.ENDS) == int(row["calls"]) == threads.CALLS
        assert row["not_proved"] == "0"
        if row["where"] == "a process of its own":
            assert int(row["same"]) == threads.CALLS


def test_the_page_says_what_the_file_says():
    page = (threads.FILE.parents[2] / "docs" / "howto" / "callers.md").read_text()
    for row in committed():
        ends = [row[end] for end in threads.ENDS]
        line = f"| {row['work']} | {row['where']} | {row['pause']} | {' | '.join(ends)} |"
        assert line in page
