"""`verify`: what is released is proved again, and every way to spoil a table is found out."""

import re

import pytest
from commands import refused, release, run
from copies import replace

import polyest
from polyest.make import verify
from polyest.problem.claims import Bracket
from polyest.problem.problem import Alternation
from polyest.tables import release as releases
from polyest.tables.format import dumps


def test_verify_proves_the_release_file_by_file(released):
    result = run("verify")
    assert (result.exit_code, result.stderr) == (0, "")
    first, second = result.stdout.splitlines()
    assert re.fullmatch(r".*/log-gradient-variance-noise8\.jsonl: 5 tables proved in .* s", first)
    assert re.fullmatch(r".*/log-minimax\.jsonl: 4 tables proved in .* s", second)


def test_verify_in_two_processes_finds_the_same(tmp_path, minimax8):
    path = tmp_path / "t.jsonl"
    path.write_text(f"{dumps(minimax8)}\n" * 3)
    assert run("verify", path, "--jobs", 2).stdout.startswith(f"{path}: 3 tables proved")
    bias = minimax8.bias
    worse = replace(minimax8.certificate, bias=Bracket(bias.lower, bias.upper * (1 - 1e-6)))
    path.write_text(f"{dumps(minimax8)}\n{dumps(replace(minimax8, claims=worse))}\n")
    message = refused("verify", path, "--jobs", 2)
    assert message.startswith(f"{path}, line 2: K = 8: bias.upper is claimed to be ")


def test_verify_compares_the_release_with_its_digests(released):
    path = released / "log-minimax.jsonl"
    content = path.read_bytes()
    for altered in (
        content.replace(b'"K": 2', b'"K":  2'),  # the same table
        content[: content.rindex(b"\n", 0, -1) + 1],  # a line is missing
        content + content.splitlines(keepends=True)[0],
        content[:-100],
    ):
        path.write_bytes(altered)
        assert "log-minimax.jsonl, line " in refused("verify", path)
    path.write_bytes(content)
    assert run("verify", path).exit_code == 0


def test_verify_of_an_empty_release_is_no_success(tmp_path, monkeypatch):
    (tmp_path / "v1").mkdir()
    monkeypatch.setattr(releases, "folders", lambda: [str(tmp_path / "v1")])
    assert "holds no released tables" in refused("verify")


def test_a_sample_has_every_small_K_and_seeded_others(tmp_path, monkeypatch):
    path, seen = tmp_path / "t.jsonl", []
    lines = [dumps(polyest.load(K)) for K in range(25, 45)]
    path.write_text("".join(f"{line}\n" for line in lines))
    monkeypatch.setattr(verify, "verify", lambda table: seen.append(table.K))

    def proved(*words):
        seen.clear()
        result = run("verify", path, *words)
        assert result.exit_code == 0
        assert f"{len(seen)} tables proved" in result.stdout
        return list(seen)

    assert proved() == list(range(25, 45))
    first = proved("--sample", 3, "--seed", 1)
    assert first[:8] == list(range(25, 33))
    assert len(first) == 11
    assert first == sorted(first)
    assert proved("--sample", 3, "--seed", 1) == first
    assert len({tuple(proved("--sample", 3, "--seed", seed)) for seed in range(5)}) > 1
    assert proved("--sample", 0) == list(range(25, 33))
    assert proved("--sample", 100) == list(range(25, 45))
    path.write_text("".join(f"{line}\n" for line in lines) + "no table\n")
    assert refused("verify", path, "--sample", 0).startswith(f"{path}, line 21: ")


def test_verify_of_the_release_looks_at_all_of_its_files(released):
    (released / "SHA256SUMS").write_text(f"{'0' * 64}  least-bias.csv\n")
    (released / "least-bias.csv").write_text("K\n")
    assert "least-bias.csv, line 1: not what was released" in refused("verify")


BROKEN = {
    "missing": None,
    "empty": lambda line: b"",
    "a blank line": lambda line: b"\n\n",
    "cut": lambda line: line[:-200],
    "not json": lambda line: b"K,c0,c1\n1,2,3\n",
    "another schema": lambda line: line.replace(b'"schema": 1', b'"schema": 2'),
    "nan": lambda line: re.sub(rb'"upper": "[^"]*"', b'"upper": "nan"', line, count=1),
    "a coefficient missing": lambda line: re.sub(rb'(ts": \[)"[^"]*", ', rb"\1", line),
    "not utf-8": lambda line: line.replace(b"log", b"l\xffg"),
    "an unknown budget": lambda line: line.replace(
        b'"budget": null', b'"budget": {"kind": "luck", "value": "1.0"}'
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_verify_of_a_broken_file_is_one_line_with_its_place(tmp_path, minimax8, broken):
    path = tmp_path / "t.jsonl"
    if broken is None:
        assert (
            refused("verify", path)
            == f"{path}: no such file or directory: expected a file of tables"
        )
        return
    path.write_bytes(broken(f"{dumps(minimax8)}\n".encode()))
    assert refused("verify", path).startswith(str(path))


def test_verify_of_a_folder_is_one_line(tmp_path):
    assert refused("verify", tmp_path) == f"{tmp_path}: is a directory: expected a file of tables"


def _lowered_bias(table):
    bias = Bracket(table.bias.lower, table.bias.upper * (1 - 1e-6))
    return replace(table, claims=replace(table.certificate, bias=bias))


def _raised_optimum(table, upper):
    raised = Bracket(upper, upper)
    return replace(table, claims=replace(table.certificate, optimum=raised))


def _nudged(table, k, factor=1 + 1e-3):
    coefficients = table.coefficients.copy()
    coefficients[k] *= factor
    return replace(table, coefficients=coefficients)


def _moved_point(table, i, factor=1 - 1e-6):
    points = list(table.witness.points)
    points[i] *= factor
    return replace(table, witness=Alternation(tuple(points)))


def _spoiled(table):
    """Tables that are spoiled in one way each: the name of the way, the table, words of its refusal."""
    yield "bias", _lowered_bias(table), "bias.upper is claimed to be"
    upper = table.optimum.upper
    yield "optimum", _raised_optimum(table, upper * (1 + 1e-6)), "optimum.lower is claimed to be"
    yield "optimum a little", _raised_optimum(table, upper * (1 + 1e-12)), "optimum.lower"
    yield "no witness", replace(table, witness=None), "no witness"
    for k in range(table.K + 1):
        yield f"c_{k} up", _nudged(table, k), ""
        yield f"c_{k} down", _nudged(table, k, 1 - 1e-3), ""
    for name in ("second_moment", "variance", "gradient_variance", "squared_error"):
        less = getattr(table, name) * (1 - 1e-6)
        claims = replace(table.certificate, **{name: less})
        yield name, replace(table, claims=claims), f"{name} is claimed to be"


def _assert_rejected(folder, spoiled):
    path = folder / "t.jsonl"
    for name, table, claim in spoiled:
        path.write_text(dumps(table) + "\n")
        message = refused("verify", path)
        assert message.startswith(f"{path}, line 1: "), name
        assert claim in message, name


def test_verify_rejects_every_spoiled_minimax_table(tmp_path, minimax8):
    (tmp_path / "good").write_text(dumps(minimax8))
    assert run("verify", tmp_path / "good").exit_code == 0
    _assert_rejected(tmp_path, _spoiled(minimax8))
    points = range(len(minimax8.witness.points))
    moved = [(f"point {i}", _moved_point(minimax8, i), "") for i in points]
    _assert_rejected(tmp_path, moved)
    fewer = Alternation(minimax8.witness.points[1:])
    _assert_rejected(tmp_path, [("a point less", replace(minimax8, witness=fewer), "10 of them")])


def test_verify_rejects_every_spoiled_variance_optimal_table(tmp_path, noise8):
    (tmp_path / "good").write_text(dumps(noise8))
    assert run("verify", tmp_path / "good").exit_code == 0
    _assert_rejected(tmp_path, _spoiled(noise8))
    dual = noise8.witness
    heaviest = max(range(len(dual.noise_weights)), key=dual.noise_weights.__getitem__)
    for factor in (0.0, 1.01, -1.0):
        weights = list(dual.noise_weights)
        weights[heaviest] *= factor
        witness = replace(dual, noise_weights=tuple(weights))
        _assert_rejected(tmp_path, [(f"x {factor}", replace(noise8, witness=witness), "")])
    witness = replace(dual, selection=dual.selection * (1 + 1e-9))
    _assert_rejected(tmp_path, [("selection", replace(noise8, witness=witness), "tie-break value")])
    budget = replace(noise8.problem.budget, value=7.9)
    tighter = replace(noise8, problem=replace(noise8.problem, budget=budget))
    _assert_rejected(tmp_path, [("a tighter budget", tighter, "of the stored table is")])


def test_verify_rejects_a_spoiled_table_whose_checksums_were_made_to_fit(tmp_path, monkeypatch):
    good = [polyest.solve(K, criterion="minimax") for K in (1, 2, 3)]
    spoiled = [_lowered_bias(good[1]), _nudged(good[1], 1), _moved_point(good[1], 0)]
    for number, table in enumerate(spoiled):
        folder = tmp_path / str(number)
        release(folder, {"log-minimax.jsonl": [good[0], table, good[2]]})
        monkeypatch.setattr(releases, "folders", lambda folder=folder: [str(folder)])
        assert releases.load(2, criterion="minimax").K == 2  # the digests are right
        message = refused("verify")
        assert message.startswith(f"{folder}/log-minimax.jsonl, line 2: K = 2: ")
