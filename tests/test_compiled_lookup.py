"""The compiled look-up equals table[counts] to the bit, and finds every count out of range."""

import subprocess
import sys

import numpy as np
import pytest

import polyest
from polyest.compiled import look_up
from polyest.errors import CountOutOfRange

TABLE = polyest.load(14)


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_it_is_the_look_up(kind, real):
    counts = np.random.default_rng(0).integers(0, 15, (50, 7)).astype(kind)
    out = np.empty(counts.shape, real)
    assert look_up(TABLE, counts, out) is out
    assert np.array_equal(out, TABLE[counts].astype(real))
    assert np.array_equal(look_up(TABLE, counts), TABLE[counts])
    assert look_up(TABLE, counts[:0]).shape == (0, 7)


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize("wrong", [-1, 15, -(2**31), 2**31 - 1])
@pytest.mark.parametrize("place", [0, 499])
def test_a_count_out_of_range_is_found_wherever_it_is(kind, wrong, place):
    counts = np.zeros(500, kind)
    counts[place] = wrong
    with pytest.raises(CountOutOfRange, match=f"count {wrong} is outside 0..14"):
        look_up(TABLE, counts)


@pytest.mark.parametrize(
    ("counts", "out", "message"),
    [
        (np.zeros(3), None, "counts of type float64"),
        (np.zeros(3, np.uint8), None, "counts of type uint8"),
        (np.zeros(3, int), np.zeros(3, int), "out of type int64"),
        (np.zeros(3, int), np.zeros(4), r"out of shape \(4,\)"),
        (np.zeros((4, 4), int)[:, ::2], None, "contiguous"),
    ],
)
def test_other_arrays_are_refused(counts, out, message):
    with pytest.raises(CountOutOfRange, match=message):
        look_up(TABLE, counts, out)


def test_without_numba_it_says_what_to_install():
    program = (
        "import sys; sys.modules['numba'] = None\n"
        "from polyest.errors import NotInstalled\n"
        "try:\n    import polyest.compiled\n"
        "except NotInstalled as error:\n    print(error)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install 'polyest[fast]'" in said.stdout
