"""The release: found by keywords, checked on load, proved again, and refused where it is altered."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from copies import replace

import polyest
from polyest import reading
from polyest.errors import CorruptTable, PolyestError, TableNotFound

FAMILIES = {"log-minimax": 40, "log-gradient-variance-noise8": 64}


@pytest.mark.parametrize(("name", "last"), FAMILIES.items())
def test_every_line_of_a_family_is_the_table_it_should_be(name, last):
    lines = (Path(reading.tables()) / f"{name}.jsonl").read_text().splitlines()
    assert [json.loads(line)["K"] for line in lines] == list(range(1, last + 1))
    keywords = {"criterion": "minimax"} if "minimax" in name else {}
    for K in (1, last // 2, last):
        table = polyest.load(K, **keywords)
        assert polyest.dumps(table) == lines[K - 1]
        assert reading.family(table.problem) == name


def test_defaults_are_log_gradient_variance_noise_8():
    table = polyest.load(15)
    assert (table.target, table.criterion, table.budget.kind, table.budget.value) == (
        "log", "gradient-variance", "noise", 8.0,
    )  # fmt: skip
    assert polyest.load(15, noise=8.0).coefficients.tolist() == table.coefficients.tolist()


@pytest.mark.parametrize("K", range(1, 65, 9))
def test_released_optima_are_proved_to_1e_6(K):
    assert polyest.load(K).optimum.width <= 1e-6
    polyest.verify(polyest.load(K))


@pytest.mark.parametrize("K", [*range(1, 41, 5), 40])
def test_released_minimax_tables_are_proved_to_1e_12(K):
    table = polyest.load(K, criterion="minimax")
    assert table.optimum.width <= 1e-12
    assert table.bias.width <= 1e-9
    polyest.verify(table)
    again = polyest.solve(K, criterion="minimax")
    again = replace(again, release="v1", version=table.version)
    assert polyest.dumps(again) == polyest.dumps(table)


def test_least_biases_are_those_of_the_tables():
    rows = (Path(reading.tables()) / "least-bias.csv").read_text().splitlines()
    assert rows[0] == "K,lower,upper,scaled_lower,scaled_upper"
    found = {int(row.split(",")[0]): [float(x) for x in row.split(",")[1:]] for row in rows[1:]}
    assert sorted(found) == [*range(1, 257), 511, 512, 1023, 1024]
    for K in range(1, 41):
        optimum = polyest.load(K, criterion="minimax").optimum
        assert optimum.lower <= found[K][1]
        assert found[K][0] <= optimum.upper
    assert all(lower <= upper <= lower * (1 + 1e-12) for lower, upper, *_ in found.values())
    scaled = np.array([row[2] for _, row in sorted(found.items())])
    assert (np.diff(scaled) > 0).all()
    assert scaled[-1] < 0.325089273454175 < scaled[-1] + 1e-7


@pytest.mark.parametrize(
    ("K", "keywords", "said"),
    [
        (65, {}, "released in log-gradient-variance-noise8.jsonl: K = 1..64; solve it with"),
        (41, {"criterion": "minimax"}, "K = 41 is too large for a stored minimax table"),
        (5, {"noise": 3}, "no released family log-gradient-variance-noise3.jsonl: released are"),
        (5, {"target": "tsallis:0.5"}, "no released family tsallis0.5-gradient"),
    ],
)
def test_what_is_not_released_is_said_with_what_is(K, keywords, said):
    with pytest.raises(TableNotFound, match=said) as caught:
        polyest.load(K, **keywords)
    assert isinstance(caught.value, LookupError)


@pytest.mark.parametrize("seed", range(60))
def test_an_altered_byte_is_refused_with_file_and_line(release, seed):
    rng = np.random.default_rng(seed)
    path = release / ("log-minimax.jsonl" if seed % 2 else "log-gradient-variance-noise8.jsonl")
    content = bytearray(path.read_bytes())
    place = int(rng.integers(len(content)))
    content[place] ^= 1 << int(rng.integers(8))
    line = bytes(content[:place]).count(b"\n") + 1
    path.write_bytes(content)
    reading._checked.cache_clear()
    keywords = {"criterion": "minimax"} if seed % 2 else {}
    with pytest.raises(CorruptTable, match=f"{path.name}, line {line}:"):
        polyest.load(7, **keywords)


@pytest.mark.parametrize("spoil", [
    lambda lines: lines[:-1],
    lambda lines: [*lines[:10], *lines[11:]],
    lambda lines: [*lines, lines[0]],
    lambda lines: [lines[1], lines[0], *lines[2:]],
    lambda lines: [],
])  # fmt: skip
def test_missing_doubled_and_exchanged_lines_are_refused(release, spoil):
    path = release / "log-minimax.jsonl"
    path.write_bytes(b"".join(spoil(path.read_bytes().splitlines(keepends=True))))
    reading._checked.cache_clear()
    with pytest.raises(CorruptTable, match=r"log-minimax.jsonl, line \d+"):
        polyest.load(20, criterion="minimax")


def test_a_family_under_another_name_is_refused(release):
    """Checksums made to fit do not help: the table says what it is."""
    path = release / "log-minimax.jsonl"
    path.write_bytes((release / "log-gradient-variance-noise8.jsonl").read_bytes())
    sums = (release / "SHA256SUMS").read_text().splitlines()
    kept = [row for row in sums if not row.endswith(path.name)]
    kept.append(f"{sha256(path.read_bytes()).hexdigest()}  {path.name}")
    (release / "SHA256SUMS").write_text("\n".join(kept) + "\n")
    reading._checked.cache_clear()
    with pytest.raises(CorruptTable, match="which is not of this family"):
        polyest.load(7, criterion="minimax")


def test_a_release_without_checksums_is_incomplete(release):
    (release / "SHA256SUMS").unlink()
    reading._checked.cache_clear()
    with pytest.raises(CorruptTable, match=r"SHA256SUMS: .* reinstall polyest"):
        polyest.load(7)


def test_every_file_has_its_digest():
    folder = Path(reading.tables())
    sums = dict(row.split("  ")[::-1] for row in (folder / "SHA256SUMS").read_text().splitlines())
    assert sorted(sums) == sorted(
        p.name for p in folder.iterdir() if p.name not in ("SHA256SUMS", "README.md")
    )
    for name, digest in sums.items():
        assert sha256((folder / name).read_bytes()).hexdigest() == digest


def test_every_error_here_is_one_of_ours_and_a_builtin():
    assert issubclass(TableNotFound, PolyestError)
    assert issubclass(CorruptTable, ValueError)
