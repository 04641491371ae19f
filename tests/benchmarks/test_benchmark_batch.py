"""benchmarks/batch_cost.py: its peer counts right, what it gets wrong, and what the page says of its file."""

import sys

import batch_cost
import numpy as np
import origin
import pytest

import polyest
from polyest import rewards
from polyest.closed_forms import log_count

SMALL = np.array([[4, 4, -1, 7, 4], [1, 2, 2, 9, 9]])


def test_the_peers_count_as_the_rewards_do():
    G = SMALL.shape[1]
    flat = batch_cost.plain_flat(SMALL.reshape(-1), np.repeat([0, 1], G)).reshape(SMALL.shape)
    paid = batch_cost.plain(SMALL)
    times = (SMALL[:, :, None] == SMALL[:, None]).sum(2)
    assert paid == pytest.approx(np.log(times / G), abs=1e-15)
    assert flat == pytest.approx(paid, abs=1e-15)


@pytest.mark.parametrize("flat", [False, True])
def test_the_history_of_a_way_holds_an_earlier_visit_of_each_prompt(flat):
    calls = batch_cost.ways((4, 8), flat)
    earlier = np.ravel(calls[batch_cost.EARLIER]()).reshape(4, 8)
    drawn = batch_cost.batch((4, 8))
    alike = drawn[:, :, None] == np.concatenate([drawn[::-1], drawn], 1)[:, None]
    assert earlier == pytest.approx(np.asarray(polyest.load(14))[alike.sum(2) - 1], abs=1e-12)


def test_what_the_peer_gets_wrong():
    assert np.isfinite(batch_cost.plain(SMALL)[0, 2])  # -1 is no answer
    assert np.isnan(rewards.log_probability(SMALL)[0, 2])
    for _, G in batch_cost.SHAPES:
        assert log_count(G - 1).bias.lower > 8 * polyest.load(G - 2).bias.upper


def test_every_way_is_timed_in_turns_and_numba_where_it_is_asked_for(monkeypatch):
    import polyest.compiled  # noqa: F401

    seen = []
    ways = {
        name: lambda name=name: seen.append((name, "polyest.loops" in sys.modules))
        for name in (batch_cost.PEER, batch_cost.NUMPY, batch_cost.NUMBA)
    }
    taken, _ = batch_cost.timed(ways, 4)
    assert {len(values) for values in taken.values()} == {4}
    turn = [(batch_cost.PEER, False), (batch_cost.NUMPY, False), (batch_cost.NUMBA, True)]
    assert seen == turn * (len(seen) // 3)
    assert "polyest.loops" in sys.modules


def test_what_the_page_says_of_a_batch():
    row_of = {(r["batch"], r["way"]): r for r in origin.read(batch_cost.FILE)}
    assert all(f"polyest {polyest.__version__}" in r["versions"] for r in row_of.values())

    def cell(batch, way, column):
        return float(row_of[batch, way][column])

    first, second = "1024 x 16", "64 x 64"
    numba, compiled = batch_cost.NUMBA, batch_cost.COMPILED
    text = (batch_cost.FILE.parents[2] / "docs" / "experiments.md").read_text()
    saved = cell(first, "numpy", "median_ms") - cell(first, numba, "median_ms")
    once = cell(first, numba, "once_ms")

    def both(way, column, flat=""):
        return f"{cell(first + flat, way, column):.1f} and {cell(second + flat, way, column):.1f}"

    for words in [
        f"{both('numpy', 'times_peer')} times as fast",
        f"{both('numpy', 'times_peer', ', flat')} where they are flat",
        f"torch on the CPU takes {both('torch', 'times_numpy')} times as long as numpy",
        f"its graph {both(compiled, 'times_numpy')}, {both(compiled, 'times_numpy', ', flat')} where flat",
        f"counted too it takes {both(batch_cost.EARLIER, 'times_numpy')} times as long, "
        f"{both(batch_cost.EARLIER, 'times_numpy', ', flat')} where flat",
        f"with numba it is {both(numba, 'times_peer')} times",
        f"{saved:.2f} ms of a batch of 16,384 and costs {once / 1e3:.1f} s once",
        f"about {once / saved / 1e3:.0f},000 batches",
    ]:
        assert words in text, words
    assert cell(first, "numpy", "times_peer") >= 1
    assert cell(second, "numpy", "times_peer") >= 0.95  # as fast, which the page rounds to
    assert cell(first, numba, "times_peer") >= 2
    assert cell(first, batch_cost.EARLIER, "times_numpy") <= 2
