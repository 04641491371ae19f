"""Tables with a shape as users make them: known figures, brackets, rounding, files, equality."""

import pickle
from math import inf, nextafter

import numpy as np
import pytest
from cases import SHAPED
from copies import replace

import polyest
from polyest import counts
from polyest.errors import CannotStore, NotConverged
from polyest.make import pipeline, rounding
from polyest.make.sweep import sweep, write
from polyest.problem.problem import pose, too_large
from polyest.problem.shapes import SHAPES, has_shape
from polyest.proof.certify import measure, plug_in
from polyest.tables.release import is_released

MINIMAX = {"criterion": "minimax"}


@pytest.fixture(scope="module", params=SHAPES)
def shape(request):
    return request.param


# Known figures

# K: times less bias than log((X+1)/(K+1)), and gradient-variance in units of its own.
AGAINST_LOG = {
    6: {"monotone": ("7.01", "4.94"), "concave": ("6.00", "4.22")},
    14: {"monotone": ("8.31", "3.93"), "concave": ("7.09", "3.39")},
    30: {"monotone": ("8.99", "3.40"), "concave": ("7.65", "2.95")},
    62: {"monotone": ("9.31", "3.10"), "concave": ("7.94", "2.71")},
    126: {"monotone": ("9.47", "2.93"), "concave": ("8.08", "2.56")},
}
# K: times less bias at noise 4 and 8 of any table.
FREE = {6: ("5.83", "9.53"), 14: ("8.52", "12.66"), 30: ("10.43", "14.35"), 62: ("11.59", "15.28")}


@pytest.mark.parametrize("K", SHAPED)
def test_optimum_is_the_known_one_to_every_digit(K, shape):
    known = SHAPED[K][shape]
    optimum = polyest.solve(K, **MINIMAX, shape=shape).optimum
    assert optimum.width <= 1e-10
    assert f"{optimum.upper:.{len(known) - 1}f}" == f"0{known}"


@pytest.mark.parametrize("K", AGAINST_LOG)
def test_tables_against_the_log_are_those_of_the_table(K, shape):
    known = measure(pose(K).target, plug_in(pose(K).target, K))
    table = polyest.solve(K, **MINIMAX, shape=shape)
    times, noise = AGAINST_LOG[K][shape]
    assert f"{known.bias.upper / table.bias.upper:.2f}" == times
    assert f"{table.gradient_variance / known.gradient_variance:.2f}" == noise


@pytest.mark.parametrize("K", FREE)
def test_free_tables_beside_them(K):
    known = measure(pose(K).target, plug_in(pose(K).target, K)).bias.upper
    times = tuple(f"{known / polyest.solve(K, noise=noise).bias.upper:.2f}" for noise in (4, 8))
    assert times == FREE[K]


def test_K_sup_e_of_the_released_tables_falls_to_its_limit(shape):
    """It falls by about half as much from K to 2K as before; benchmarks/limit.py proves the limit."""
    limit = {"monotone": 0.0601728794, "concave": 0.0705384616}[shape]
    Ks = (128, 256, 512, 1024)
    scaled = [K * polyest.load(K, **MINIMAX, shape=shape).bias.upper for K in Ks]
    assert scaled == sorted(scaled, reverse=True)
    assert 2 * scaled[3] - scaled[2] == pytest.approx(limit, abs=5e-6)


# What is proved


@pytest.mark.parametrize("target", ["log", "power:0.5", "power:-0.5", "tsallis:0.5", "tsallis:3.3"])
def test_brackets_are_narrow_and_proved_again(target, shape):
    for K in (1, 2, 9, 33):
        table = polyest.solve(K, target, **MINIMAX, shape=shape)
        assert table.method == "shaped"
        gap = table.optimum.upper - table.optimum.lower
        assert table.optimum.width <= 1e-9 or gap <= 1e-15 * np.abs(table.coefficients).max()
        assert has_shape(table.coefficients, shape, -1 if target == "power:-0.5" else 1)
        polyest.verify(table)


def test_a_bracket_that_is_too_wide_is_not_shipped(monkeypatch, shape):
    monkeypatch.setattr(pipeline, "NARROW", 1e-18)
    monkeypatch.setattr(pipeline, "ROUNDING", 0.0)
    with pytest.raises(NotConverged, match=r"shaped encloses the optimum .* width 1e-18 or less"):
        polyest.solve(9, **MINIMAX, shape=shape)


def test_a_group_has_its_table_and_its_grid(shape):
    table = polyest.solve(group=18, **MINIMAX, shape=shape)
    assert (table.K, table.grid) == (counts.draws(18, "group-mean"), "dyadic:16")
    assert polyest.load(group=18, **MINIMAX, shape=shape).K == 16
    polyest.verify(table)


# Rounding


@pytest.mark.parametrize("grid", ["float32", "bfloat16", "dyadic"])
@pytest.mark.parametrize("keywords", [MINIMAX, {"noise": 2}, {"noise": 8}])
def test_rounded_tables_are_monotone_exactly_and_proved(grid, keywords, shape):
    group = 16 if grid == "dyadic" else None
    table = polyest.solve(14, **keywords, shape=shape)
    for rounded in (
        table.rounded(grid, group=group),
        polyest.solve(14, **keywords, shape=shape, grid=grid, group=group),
    ):
        assert has_shape(rounded.coefficients, "monotone", 1)
        assert rounded.shape == shape
        assert rounded.optimum.lower == table.optimum.lower
        assert rounded.optimum.upper == rounded.bias.upper
        again = polyest.loads(polyest.dumps(rounded))
        assert again == rounded
        polyest.verify(again)


def test_entries_that_are_drawn_together_stay_in_order(monkeypatch):
    """Two roundings on the way to a share could exchange neighbours, which the grid may tell apart."""
    table, drawn = polyest.solve(9, noise=2, shape="monotone"), rounding._contracted

    def exchanged(criterion, c, share):
        c = drawn(criterion, c, share).copy()
        c[k + 1] = np.nextafter(np.float32(c[k]), np.float32(-inf))
        return c

    k = int(np.diff(table.coefficients).argmin())
    monkeypatch.setattr(rounding, "_contracted", exchanged)
    rounded = table.rounded("float32")
    assert rounded.coefficients[k + 1] == rounded.coefficients[k]
    assert has_shape(rounded.coefficients, "monotone", 1)


def test_a_falling_table_is_put_in_its_own_order():
    problem = pose(3, "power:-0.5", criterion="minimax", shape="monotone")
    odd = np.array([3.0, 2.0, nextafter(2.0, inf), 1.0])
    assert rounding.in_order(problem, odd).tolist() == [3.0, 2.0, 2.0, 1.0]
    free = replace(problem, shape=None)
    assert rounding.in_order(free, odd).tolist() == odd.tolist()


# Files and equality


def test_a_shape_is_part_of_what_a_table_is(shape):
    table = polyest.solve(5, **MINIMAX, shape=shape)
    assert f", minimax, {shape}, sup|bias|" in repr(table)
    assert pickle.loads(pickle.dumps(table)) == table
    same = polyest.solve(5, **MINIMAX, shape=shape)
    assert (same, hash(same)) == (table, hash(table))
    other = replace(table, problem=replace(table.problem, shape=None))
    assert other != table
    assert hash(other) != hash(table)


def test_where_the_minimax_table_has_the_shape_they_are_two_tables_of_one_bias():
    free, table = polyest.solve(2, **MINIMAX), polyest.solve(2, **MINIMAX, shape="monotone")
    assert table != free
    assert table.bias.upper == pytest.approx(free.bias.upper, rel=1e-13)


def test_is_released_sees_the_shape(shape):
    released = polyest.load(14, **MINIMAX, shape=shape)
    assert is_released(released)
    assert is_released(polyest.solve(14, **MINIMAX, shape=shape))
    assert not is_released(polyest.solve(14, noise=2.5, shape=shape))
    assert not is_released(replace(released, problem=replace(released.problem, shape=None)))


def test_a_minimax_table_with_a_shape_is_stored_at_any_K(tmp_path, shape):
    assert too_large(pose(1024, **MINIMAX, shape=shape)) is None
    assert "or shape monotone" in too_large(pose(1024, **MINIMAX))
    table = polyest.solve(64, **MINIMAX, shape=shape)
    write(table, tmp_path / "t.jsonl")
    assert polyest.loads((tmp_path / "t.jsonl").read_text()) == table


def test_a_sweep_with_a_shape_is_taken_up_again(tmp_path, monkeypatch, shape):
    path = tmp_path / "t.jsonl"
    sweep(range(1, 6), path, **MINIMAX, shape=shape)
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    assert [polyest.loads(line).shape for line in lines] == [shape] * 5
    for left in (b"".join(lines[:3]), b"".join(lines[:2]) + lines[2][:40]):
        path.unlink()
        path.with_name("t.jsonl.part").write_bytes(left)
        sweep(range(1, 6), path, **MINIMAX, shape=shape)
        assert path.read_bytes() == content


@pytest.mark.parametrize("keywords", [{"noise": 2}, {"noise": 8}])
def test_a_sweep_of_budgets_with_a_shape_is_taken_up_again(tmp_path, keywords):
    """Where the budget is slack the line is by the method of the minimax table."""
    path = tmp_path / "t.jsonl"
    sweep(range(4, 7), path, **keywords, shape="monotone")
    content = path.read_bytes()
    path.unlink()
    path.with_name("t.jsonl.part").write_bytes(content[: content.index(b"\n") + 1])
    sweep(range(4, 7), path, **keywords, shape="monotone")
    assert path.read_bytes() == content


def test_a_sweep_with_another_shape_is_another_sweep(tmp_path):
    path = tmp_path / "t.jsonl"
    part = path.with_name("t.jsonl.part")
    line = polyest.dumps(polyest.solve(2, **MINIMAX, shape="monotone")) + "\n"
    for shape in ("concave", None):
        part.write_text(line)
        with pytest.raises(CannotStore, match="expected one of this sweep, K=2, log, minimax"):
            sweep(range(1, 4), path, **MINIMAX, shape=shape)
        assert part.read_text() == line
