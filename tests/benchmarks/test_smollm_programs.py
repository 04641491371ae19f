"""The commands of the benchmarks on SmolLM2, with a small model: files, on a GPU and without a model."""

import csv
from dataclasses import replace

import calibration_smollm
import coverage_smollm
import pytest
import self_improvement_smollm
import smollm
import test_calibration_smollm as calibration
import test_coverage_smollm as coverage
import test_self_improvement_smollm as self_improvement
from test_smollm import model as model

calibration_asking, coverage_asking = calibration.asking, coverage.asking
self_improvement_asking = self_improvement.asking
PROGRAMS = {
    "calibration_smollm": (
        calibration_smollm,
        ["--only", "core", "--arms", "log", "--divided", "0"],
    ),
    "coverage_smollm": (coverage_smollm, []),
    "self_improvement_smollm": (self_improvement_smollm, []),
}


@pytest.fixture(params=PROGRAMS)
def program(request, model, monkeypatch, tmp_path):
    """The main function of a benchmark, given arguments, with files in an empty folder."""
    name, (module, arguments) = request.param, PROGRAMS[request.param]
    asking = request.getfixturevalue(f"{name.removesuffix('_smollm')}_asking")
    devices = []

    def load(folder, device="cpu"):
        devices.append(device)
        return model

    monkeypatch.setattr(smollm, "load", load)
    monkeypatch.setattr(module, "pose", lambda *_: asking)
    for file in ("RUNS", "FILE", "ANSWERS"):
        if hasattr(module, file):
            monkeypatch.setattr(module, file, tmp_path / getattr(module, file).name)
    if module is calibration_smollm:
        monkeypatch.setattr(module, "SETTINGS", {"core": calibration.SMALL})
        monkeypatch.setattr(module, "larger", lambda setting: replace(setting, steps=2))
    else:
        small = {"group": 8, "steps": 2}
        small |= {"upper": 2} if module is coverage_smollm else {}
        monkeypatch.setattr(module, "LARGE", replace(module.LARGE, **small))
        for of_cpu in {"SETTING", "SETTINGS"} & {*vars(module)}:
            monkeypatch.setattr(module, of_cpu, replace(module.LARGE, steps=1))
    method = "geometric, table"
    monkeypatch.setattr(self_improvement_smollm, "TRAINED", 1)
    monkeypatch.setattr(
        self_improvement_smollm, "METHODS", {method: self_improvement.METHODS[method]}
    )

    def main(*given):
        monkeypatch.setattr("sys.argv", [f"{name}.py", *given])
        module.main()

    return name, main, arguments, devices


def test_a_gpu_runs_it_larger_into_files_of_its_own(program, tmp_path):
    name, main, arguments, devices = program
    main("--model", str(tmp_path), "--device", "cuda", *arguments)
    assert devices == ["cuda"]
    files = {path.name for path in tmp_path.iterdir()}
    assert {f"{name}_large.csv", f"{name}_runs_large.csv"} <= files
    assert all("_large." in file for file in files)
    table = (tmp_path / f"{name}_large.csv").read_bytes()
    with (tmp_path / f"{name}_runs_large.csv").open() as stream:
        assert {row.get("steps", "2") for row in csv.DictReader(stream)} == {"2"}
    (tmp_path / f"{name}_large.csv").unlink()
    main("--device", "cuda")  # from the file of the runs
    assert (tmp_path / f"{name}_large.csv").read_bytes() == table
    assert devices == ["cuda"]
    with pytest.raises(SystemExit, match="nothing that it shows was run whole"):
        main()  # the files of the CPU are others


def test_a_quick_run_writes_no_file(program, tmp_path, capsys):
    _, main, _, devices = program
    main("--model", str(tmp_path), "--quick")
    assert [*tmp_path.iterdir()] == []
    rows = [*csv.DictReader(capsys.readouterr().out.splitlines())]
    assert rows
    assert all(row["machine"] and row["seconds"] for row in rows)
    assert devices == ["cpu"]
