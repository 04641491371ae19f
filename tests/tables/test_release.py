"""The release: found by keywords, checked on load, proved again, and refused where it is altered."""

import json
import re
import zlib
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from commands import release as release_of
from copies import replace

import polyest
from polyest.errors import CorruptTable, PolyestError, TableNotFound
from polyest.problem.shapes import SHAPES, has_shape
from polyest.proof.certify import noise_unit
from polyest.tables import release as releases

SMALL = range(1, 129)
LARGE = [K for G in (160, 192, 256, 512, 1024) for K in range(G - 2, G + 1)]
ALL = [*SMALL, *LARGE]
FAMILIES = {
    "log-minimax": (list(range(1, 41)), {"criterion": "minimax"}),
    **{f"log-gradient-variance-noise{r}": (ALL, {"noise": r}) for r in (1, 2, 4, 8, 16)},
    **{f"log-variance-noise{r}": (ALL, {"criterion": "variance", "noise": r}) for r in (1, 8)},
    "log-squared-error": (ALL, {"criterion": "squared-error"}),
    "tsallis0.5-gradient-variance-noise8": (list(range(1, 65)), {"target": "tsallis:0.5"}),
}
SHAPED = {
    **{f"log-minimax-{s}": (ALL, {"criterion": "minimax", "shape": s}) for s in SHAPES},
    "log-gradient-variance-monotone-noise2": ([*SMALL], {"shape": "monotone", "noise": 2}),
}
BOTH = {**FAMILIES, **SHAPED}
NEWEST, FIRST = map(Path, releases.folders())
PATHS = {path.stem: path for folder in (NEWEST, FIRST) for path in folder.glob("*.jsonl")}


def test_the_releases_have_these_families_and_no_others():
    universal = "log-gradient-variance-noise8-universal"
    assert (NEWEST.name, FIRST.name) == ("v2", "v1")
    assert releases.families(FIRST) == sorted([*FAMILIES, universal])
    shaped = [f"log-minimax-{shape}-universal" for shape in SHAPES]
    assert releases.families(NEWEST) == sorted([*SHAPED, *shaped])
    assert releases.all_families() == sorted([*BOTH, universal, *shaped])


@pytest.mark.parametrize("name", BOTH)
def test_every_line_of_a_family_is_the_table_it_should_be(name):
    Ks, keywords = BOTH[name]
    lines = PATHS[name].read_text().splitlines()
    assert [json.loads(line)["K"] for line in lines] == Ks
    for i in (0, 1, len(Ks) // 2, -3, -2, -1):
        table = polyest.load(Ks[i], **keywords)
        assert table.release == PATHS[name].parent.name
        assert polyest.dumps(table) == lines[i]
        assert releases.family(table.problem) == name


@pytest.mark.parametrize("name", BOTH)
def test_released_brackets_are_narrow_and_budgets_are_met(name):
    """1e-6 up to K = 128, 1e-4 above, for vertices a thousandth; what is spent up to K = 64 was allowed."""
    vertex = "minimax-" in name
    for line in PATHS[name].read_text().splitlines():
        table = polyest.loads(line)
        assert table.optimum.width <= (1e-6 if table.K <= 128 else 1e-4) * (1e-3 if vertex else 1)
        if table.budget is not None and table.K <= 64:
            unit = noise_unit(table.problem)
            spent = table.certificate.criterion(table.criterion)
            assert spent <= table.budget.value * unit


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
    # Points of alternation prove the optimum, wherever they are; another BLAS has other last digits.
    assert again.witness.points == pytest.approx(table.witness.points, abs=1e-12)
    again = replace(again, release="v1", version=table.version, witness=table.witness)
    assert polyest.dumps(again) == polyest.dumps(table)


def test_least_biases_are_those_of_the_tables():
    rows = (FIRST / "least-bias.csv").read_text().splitlines()
    assert rows[0] == "K,lower,upper,scaled_lower,scaled_upper"
    by_K = {int(row.split(",")[0]): [float(x) for x in row.split(",")[1:]] for row in rows[1:]}
    assert sorted(by_K) == [*range(1, 257), *range(510, 513), *range(1022, 1025)]
    for K in range(1, 41):
        optimum = polyest.load(K, criterion="minimax").optimum
        assert optimum.lower <= by_K[K][1]
        assert by_K[K][0] <= optimum.upper
    assert all(lower <= upper <= lower * (1 + 1e-12) for lower, upper, *_ in by_K.values())
    scaled = np.array([row[2] for _, row in sorted(by_K.items())])
    assert (np.diff(scaled) > 0).all()
    assert scaled[-1] < 0.325089273454175 < scaled[-1] + 1e-7


@pytest.mark.parametrize(
    ("K", "keywords", "said"),
    [
        (
            129,
            {},
            "released are K = 1..128, 158..160, 190..192, 254..256, 510..512, 1022..1024, and every K ab",
        ),
        (
            65,
            {"target": "tsallis:0.5"},
            'K = 1..64; solve it with polyest.solve(65, target="tsallis:0.5")',
        ),
        (41, {"criterion": "minimax"}, "K = 41 is too large for a stored minimax table"),
        (
            5,
            {"noise": 3},
            "this K has noise 1, 2, 4, 8, 16; solve it with polyest.solve(5, noise=3.0)",
        ),
        (
            5,
            {"shape": "concave"},
            "this K has log, gradient-variance, monotone, noise 2; log, gradient-variance, noise 1;",
        ),
        (
            129,
            {"noise": 2, "shape": "monotone"},
            'released are K = 1..128; solve it with polyest.solve(129, shape="monotone", noise=2.0)',
        ),
        (
            129,
            {"criterion": "minimax", "shape": "monotone"},
            "K above 1024",
        ),
        (5, {"target": "tsallis:0.7"}, "released are tables of log and tsallis:0.5; solve it with"),
        (
            1025,
            {"noise": 4},
            "no released table for K = 1025 of log, gradient-variance, noise 4: above K = 1024 ",
        ),
    ],
)
def test_what_is_not_released_is_said_with_what_is(K, keywords, said):
    with pytest.raises(TableNotFound, match=re.escape(said)) as caught:
        polyest.load(K, **keywords)
    assert isinstance(caught.value, LookupError)


def spoiled(path, place, bit):
    """The line in which a bit of a file was turned, and the file with it."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)
    releases._checked.cache_clear()
    return content[:place].count(b"\n") + 1


def restored(path):
    path.write_bytes((Path(__file__).parents[2] / "tables" / "v1" / path.name).read_bytes())


def test_a_thousand_altered_bytes_anywhere_are_refused_with_file_and_line(release):
    """Each in a file drawn by its size, and found whichever of its tables is asked for."""
    rng = np.random.default_rng(0)
    paths = [release / f"{name}.jsonl" for name in FAMILIES]
    sizes = np.array([path.stat().st_size for path in paths])
    for _ in range(1000):
        path = paths[rng.choice(len(paths), p=sizes / sizes.sum())]
        line = spoiled(path, int(rng.integers(path.stat().st_size)), int(rng.integers(8)))
        Ks, keywords = FAMILIES[path.stem]
        with pytest.raises(CorruptTable, match=f"{path.name}, line {line}: not what was released"):
            polyest.load(int(rng.choice(Ks)), **keywords)
        restored(path)


@pytest.mark.parametrize("name", ["log-gradient-variance-noise8", "log-minimax"])
def test_a_byte_altered_in_any_line_is_refused_by_the_table_of_that_line(release, name):
    path, rng = release / f"{name}.jsonl", np.random.default_rng(1)
    starts = np.cumsum([0, *(len(line) for line in path.read_bytes().splitlines(keepends=True))])
    Ks, keywords = FAMILIES[name]
    for number, K in enumerate(Ks, 1):
        place = int(rng.integers(starts[number - 1], starts[number]))
        assert spoiled(path, place, 0) == number
        with pytest.raises(
            CorruptTable, match=f"{path.name}, line {number}: not what was released"
        ):
            polyest.load(K, **keywords)
        restored(path)
    releases._checked.cache_clear()
    assert Ks[-1] == polyest.load(Ks[-1], **keywords).K


@pytest.mark.parametrize("name", ["least-bias.csv", "SHA256SUMS", "LINE-SHA256SUMS"])
def test_what_lies_beside_the_tables_is_checked_with_all_of_it(release, name):
    releases.check_sums(release)
    content = (release / name).read_bytes()
    for place in range(0, len(content), len(content) // 20):
        spoiled(release / name, place, 0)
        with pytest.raises((CorruptTable, FileNotFoundError)):
            releases.check_sums(release)
        (release / name).write_bytes(content)
    releases._checked.cache_clear()
    releases.check_sums(release)


def test_an_altered_digest_is_not_blamed_on_a_line(release):
    sums = release / "SHA256SUMS"
    row = next(r for r in sums.read_text().splitlines() if r.endswith("log-minimax.jsonl"))
    sums.write_text(sums.read_text().replace(row, f"{'0' * 64}{row[64:]}"))
    releases._checked.cache_clear()
    with pytest.raises(CorruptTable, match="SHA256SUMS: not what was released"):
        polyest.load(7, criterion="minimax")
    assert polyest.load(7).K == 7


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
    releases._checked.cache_clear()
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
    releases._checked.cache_clear()
    with pytest.raises(CorruptTable, match="which is not of this family"):
        polyest.load(7, criterion="minimax")


def test_a_release_without_checksums_is_incomplete(release):
    (release / "SHA256SUMS").unlink()
    releases._checked.cache_clear()
    with pytest.raises(CorruptTable, match=r"SHA256SUMS: .* reinstall polyest"):
        polyest.load(7)


@pytest.mark.parametrize("folder", [NEWEST, FIRST])
def test_every_file_has_its_digest(folder):
    sums = dict(row.split("  ")[::-1] for row in (folder / "SHA256SUMS").read_text().splitlines())
    assert sorted(sums) == sorted(
        p.name for p in folder.iterdir() if p.name not in ("SHA256SUMS", "README.md")
    )
    for name, digest in sums.items():
        assert sha256((folder / name).read_bytes()).hexdigest() == digest


def test_every_error_here_is_one_of_ours_and_a_builtin():
    assert issubclass(TableNotFound, PolyestError)
    assert issubclass(CorruptTable, ValueError)


@pytest.mark.parametrize("name", SHAPED)
def test_every_released_table_with_a_shape_has_it_exactly_and_is_of_schema_2(name):
    shape = SHAPED[name][1]["shape"]
    for line in PATHS[name].read_text().splitlines():
        assert line.startswith('{"schema": 2, "release": "v2", ')
        table = polyest.loads(line)
        assert table.shape == shape
        assert has_shape(table.coefficients, shape, 1)


def test_a_family_with_a_shape_is_small():
    """What a wheel holds: at most half a megabyte of each, compressed."""
    for name in SHAPED:
        assert len(zlib.compress(PATHS[name].read_bytes(), 9)) < 500_000


@pytest.mark.parametrize("name", SHAPED)
def test_a_sample_of_the_tables_with_a_shape_is_proved_again(name):
    Ks, keywords = SHAPED[name]
    for K in (*range(1, 65, 9), Ks[-1]):
        polyest.verify(polyest.load(K, **keywords))


@pytest.mark.parametrize("shape", SHAPES)
def test_minimax_tables_with_a_shape_are_solved_to_the_released_bytes(shape):
    """The doubles are those nearest to a vertex, wherever its points are placed in the last digits."""
    for K in (1, 6, 14, 40, 126):
        released = polyest.load(K, criterion="minimax", shape=shape)
        again = polyest.solve(K, criterion="minimax", shape=shape)
        assert again.coefficients.tolist() == released.coefficients.tolist()
        assert again.bias == released.bias
        assert again.witness.bias_points == pytest.approx(released.witness.bias_points, abs=1e-12)


def test_the_newest_release_is_looked_in_first(tmp_path, monkeypatch):
    older, newer = tmp_path / "old", tmp_path / "new"
    tables = [polyest.solve(K, criterion="minimax") for K in (1, 2)]
    release_of(older, {"log-minimax.jsonl": tables})
    release_of(newer, {"log-minimax.jsonl": tables[:1]})
    monkeypatch.setattr(releases, "folders", lambda: [str(newer), str(older)])
    assert polyest.load(1, criterion="minimax").K == 1
    with pytest.raises(TableNotFound, match="K = 1; solve it"):
        polyest.load(2, criterion="minimax")
    monkeypatch.setattr(releases, "folders", lambda: [str(older), str(newer)])
    assert polyest.load(2, criterion="minimax").K == 2
