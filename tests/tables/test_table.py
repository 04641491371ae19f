"""Tables: looking up, writing and reading, and refusing what is not a table."""

import json

import numpy as np
import pytest
import torch

import polyest
from polyest.errors import CorruptTable, CountOutOfRange


@pytest.fixture(scope="module")
def table():
    return polyest.solve(5, noise=2)


def test_the_same_kind_comes_out_as_went_in(table):
    c = table.coefficients
    assert table[3] == c[3]
    assert type(table[3]) is float
    assert table[np.int64(3)] == c[3]
    counts = np.array([[0, 5], [2, 2]], dtype=np.int32)
    assert table[counts].tolist() == c[counts].tolist()
    assert table[[1, 4]].tolist() == [c[1], c[4]]
    for dtype in (torch.int64, torch.int32, torch.uint8):
        entries = table[torch.tensor([[0, 5], [2, 2]], dtype=dtype)]
        assert entries.dtype == torch.float64
        assert entries.tolist() == table[counts].tolist()
    assert table[np.zeros((2, 0), dtype=int)].shape == (2, 0)
    assert table[torch.zeros((2, 0), dtype=torch.int64)].shape == (2, 0)


@pytest.mark.parametrize("wrong", [-1, 6, 10**30])
def test_a_count_outside_raises_and_never_wraps(table, wrong):
    with pytest.raises(CountOutOfRange, match=f"count {wrong} is outside 0..5"):
        table[wrong]
    if abs(wrong) < 100:
        with pytest.raises(IndexError, match="outside"):
            table[np.array([0, wrong])]
        with pytest.raises(ValueError, match="outside"):
            table[torch.tensor([0, wrong])]


@pytest.mark.parametrize(
    "wrong",
    [1.0, np.nan, True, np.array([1.0]), np.array([np.nan]), np.array([True]), "1", None,
     torch.tensor([1.0]), torch.tensor([True])],
)  # fmt: skip
def test_what_is_no_integer_is_no_count(table, wrong):
    with pytest.raises(CountOutOfRange, match=r"integer in 0\.\.5"):
        table[wrong]


def test_entries_cannot_be_changed(table):
    with pytest.raises(ValueError, match="read-only"):
        table.coefficients[0] = 1.0


def test_a_line_reads_back_to_the_same_table_and_the_same_line(table):
    line = polyest.dumps(table)
    back = polyest.loads(line)
    assert polyest.dumps(back) == line
    assert back.coefficients.tolist() == table.coefficients.tolist()
    assert (back.bias, back.optimum, back.witness) == (table.bias, table.optimum, table.witness)
    assert "\n" not in line


def test_schema_1_has_the_documented_keys_and_strings_for_reals(table):
    record = json.loads(polyest.dumps(table))
    assert list(record) == [
        "schema", "release", "target", "criterion", "K", "budget", "grid", "coefficients", "bias",
        "optimum", "second_moment", "variance", "gradient_variance", "squared_error", "witness",
        "generator",
    ]  # fmt: skip
    assert record["schema"] == 1
    assert record["K"] == 5
    assert all(isinstance(c, str) for c in record["coefficients"])
    assert record["budget"] == {"kind": "noise", "value": "2.0"}
    assert set(record["bias"]) == set(record["optimum"]) == {"lower", "upper"}
    assert set(record["generator"]) == {"polyest", "method"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: r | {"schema": 2},
        lambda r: r | {"schema": 3},
        lambda r: r | {"target": "custom:log(p)"},
        lambda r: r | {"schema": True},
        lambda r: r | {"K": 0},
        lambda r: r | {"K": 5.0},
        lambda r: r | {"K": 6},
        lambda r: r | {"coefficients": r["coefficients"][:-1]},
        lambda r: r | {"coefficients": ["nan", *r["coefficients"][1:]]},
        lambda r: r | {"coefficients": ["inf", *r["coefficients"][1:]]},
        lambda r: r | {"coefficients": [1.0, *r["coefficients"][1:]]},
        lambda r: r | {"bias": {"lower": "0.1"}},
        lambda r: r | {"variance": "nan"},
        lambda r: r | {"target": "sine"},
        lambda r: r | {"witness": {"bias_points": []}},
        lambda r: r | {"budget": {"kind": "noise"}},
        lambda r: {k: v for k, v in r.items() if k != "generator"},
        lambda r: [r],
        lambda r: None,
    ],
)
def test_a_record_that_is_not_a_table_is_refused_with_its_place(table, spoil):
    line = json.dumps(spoil(json.loads(polyest.dumps(table))))
    with pytest.raises(CorruptTable, match="some file, line 3: "):
        polyest.loads(line, "some file, line 3")


def test_every_cut_of_a_line_is_refused(table):
    line = polyest.dumps(table)
    for end in range(0, len(line), 37):
        with pytest.raises(CorruptTable):
            polyest.loads(line[:end])
    with pytest.raises(CorruptTable):
        polyest.loads(b"\xff\xfe{")


def test_a_table_says_what_it_is(table):
    assert repr(table).startswith(
        "<polyest table K=5, log, gradient-variance, noise=2, sup|bias| <= "
    )
