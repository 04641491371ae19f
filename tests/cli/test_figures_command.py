"""polyest figures: what it writes, what it refuses, and files of measurements that are spoiled."""

import csv
import re
import sys
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from commands import full_disk, names, refused, run
from measured import FIGURES, FILES, drawn, gathered

from polyest.cli import figures
from polyest.errors import CorruptRows, FigureNotFound

ROOT = Path(__file__).parents[2]


@pytest.fixture
def spoiled(tmp_path, monkeypatch):
    """The files of measurements, free to be spoiled."""
    monkeypatch.setattr(figures, "RESULTS", gathered(tmp_path))
    return tmp_path


@pytest.fixture
def quick(monkeypatch):
    """Figures that take no time to draw, as what is tested is the command."""
    monkeypatch.setattr(
        figures, "contents", lambda name: [f"{name} {form}".encode() for form in figures.FORMS]
    )


# Files that are not what they should be


SPOILED = {
    "missing": (lambda lines, at: None, "there is no such file"),
    "empty": (lambda lines, at: [], "has no column"),
    "header alone": (lambda lines, at: lines[:1], "has no rows"),
    "a column less": (
        lambda lines, at: [line[:at] + line[at + 1 :] for line in lines],
        "has no column",
    ),
    "nan": (lambda lines, at: [*lines[:-1], put(lines[-1], at, "nan")], "is 'nan': expected"),
    "a word": (lambda lines, at: [*lines[:-1], put(lines[-1], at, "much")], "is 'much': expected"),
    "cut short": (lambda lines, at: [*lines[:-1], lines[-1][:at]], "is None: expected"),
}


def put(line, at, cell):
    return [*line[:at], cell, *line[at + 1 :]]


@pytest.mark.parametrize("fault", SPOILED)
@pytest.mark.parametrize(
    ("name", "stem"), [(name, stem) for name, files in FILES.items() for stem in files]
)
def test_a_spoiled_file_is_one_line_and_nothing_is_drawn(
    spoiled, tmp_path_factory, name, stem, fault
):
    change, said = SPOILED[fault]
    path = spoiled / f"{stem}.csv"
    with path.open(newline="") as stream:
        lines = list(csv.reader(stream))
    left = change(lines, lines[0].index(FILES[name][stem]))
    if left is None:
        path.unlink()
    else:
        with path.open("w", newline="") as stream:
            csv.writer(stream).writerows(left)
    out = tmp_path_factory.mktemp("out")
    message = refused("figures", name, "--out", out)
    assert message.startswith(str(path))
    assert said in message
    assert "python benchmarks/" in message
    assert names(out) == []
    script = message.partition("python benchmarks/")[2]
    assert (ROOT / "benchmarks" / script).is_file()


def test_a_spoiled_file_of_one_figure_keeps_the_others_from_being_written(
    spoiled, tmp_path_factory
):
    (spoiled / "trl_run_runs.csv").write_text("way\n")
    out = tmp_path_factory.mktemp("out")
    assert "has no column" in refused("figures", "variance_reduction", "trl_run", "--out", out)
    assert names(out) == []


def test_a_series_without_a_look_and_a_file_of_no_text_are_refused(spoiled):
    path = spoiled / "coefficients.csv"
    whole = path.read_text()
    path.write_text(whole.replace("minimax", "maximin"))
    assert "series 'maximin' has no look: expected one of log_count" in refused(
        "figures", "coefficients"
    )
    path.write_bytes(b"\xff\xfe" + whole.encode())
    assert "is no CSV file" in refused("figures", "coefficients")
    path.write_text("\n".join(line for line in whole.splitlines() if ",minimax," not in line))
    assert "holds no row of series minimax" in refused("figures", "coefficients")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("name", "stem"), [(name, stem) for name, files in FILES.items() for stem in files]
)
def test_rows_lost_doubled_or_blank_are_drawn_or_named(spoiled, name, stem, seed):
    path = spoiled / f"{stem}.csv"
    with path.open(newline="") as stream:
        head, *lines = csv.reader(stream)
    rng = np.random.default_rng(seed)
    lost = {*rng.choice(len(lines), len(lines) // 5).tolist()}
    lines = [line for i, line in enumerate(lines) if i not in lost]
    lines += [lines[i] for i in rng.choice(len(lines), len(lines) // 5)][: seed * len(lines)]
    for i in rng.choice(len(lines), seed):
        lines[i] = put(lines[i], rng.integers(len(head)), "")
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([head, *lines])
    said = ""
    try:
        drawn(spoiled, name)
    except CorruptRows as error:  # and nothing else
        said = str(error)
    assert said.startswith(str(path)) or not said


ALONE = {
    "a constant less": (
        "limit",
        "limit.csv",
        lambda r: r["kind"] != "constant",
        "holds no row of kind constant",
    ),
    "a curve less": (
        "pareto",
        "pareto.csv",
        lambda r: (r["criterion"], r["K"], r["series"]) != ("gradient-variance", "16", "optimal"),
        "holds no row of K 16, series optimal",
    ),
    "a mark less": (
        "pareto",
        "pareto.csv",
        lambda r: (r["criterion"], r["K"], r["series"]) != ("gradient-variance", "64", "harmonic"),
        "holds no row of K 64, series harmonic",
    ),
    "a curve of the grid less": (
        "pareto_grid",
        "pareto.csv",
        lambda r: (r["criterion"], r["K"], r["series"]) != ("variance", "16", "optimal"),
        "holds no row of K 16, series optimal",
    ),
    "a unit less": (
        "convergence",
        "convergence.csv",
        lambda r: (r["arm"], r["group"], r["game"]) != ("log", "8", "coherence"),
        "holds no row of game coherence",
    ),
}


@pytest.mark.parametrize("lacking", ALONE)
def test_a_row_that_others_need_is_missed(spoiled, lacking):
    name, file, kept, said = ALONE[lacking]
    with (spoiled / file).open(newline="") as stream:
        reader = csv.DictReader(stream)
        rows = [row for row in reader if kept(row)]
    with (spoiled / file).open("w", newline="") as stream:
        writer = csv.DictWriter(stream, reader.fieldnames)
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(CorruptRows, match=re.escape(said)):
        drawn(spoiled, name)


def test_a_blank_that_is_needed_is_missed(spoiled):
    path = spoiled / "limit.csv"
    *lines, last = path.read_text().splitlines()
    cells = last.split(",")
    assert cells[0] == "constant"
    at = lines[0].split(",").index("error")
    # The sequence, a cell before this one, holds a comma.
    path.write_text("\n".join([*lines, ",".join(put(cells, at + 1, ""))]))
    with pytest.raises(CorruptRows, match="error is '': expected a finite number"):
        drawn(spoiled, "limit")


# The command


def test_the_command_writes_both_forms_and_prints_their_paths(quick, tmp_path):
    done = run("figures", "limit", "pareto", "limit", "--out", tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")
    paths = [tmp_path / f"{name}.{form}" for name in ("limit", "pareto") for form in ("pdf", "png")]
    assert done.stdout.splitlines() == [str(path) for path in paths]
    assert [path.read_text() for path in paths] == [
        "limit pdf",
        "limit png",
        "pareto pdf",
        "pareto png",
    ]
    assert len(run("figures", "--out", tmp_path).stdout.splitlines()) == 2 * len(FIGURES)
    assert names(tmp_path) == sorted(
        f"{name}.{form}" for name in FIGURES for form in ("pdf", "png")
    )


def test_a_figure_that_is_not_there_is_said_with_those_that_are(tmp_path):
    message = refused("figures", "limit", "parreto", "--out", tmp_path)
    assert message == f"figure 'parreto' is unknown: expected some of {', '.join(FIGURES)}"
    assert names(tmp_path) == []


def test_outside_of_a_checkout_the_repair_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    message = refused("figures")
    assert message.startswith(f"{tmp_path}: not inside a checkout of the repository")
    assert "pip install -e '.[plot]'" in message
    assert issubclass(FigureNotFound, LookupError)
    assert issubclass(CorruptRows, ValueError)


def test_a_plain_installation_draws_in_the_checkout_it_stands_in(tmp_path, monkeypatch, quick):
    """Its own files are in site-packages, where no figures are; another project's figures are not ours."""
    project, deep = tmp_path / "checkout", tmp_path / "checkout" / "docs" / "reference"
    deep.mkdir(parents=True)
    (project / "pyproject.toml").write_text('[project]\nname = "polyest"\n')
    copytree(ROOT / "paper_figures", project / "paper_figures")
    monkeypatch.setattr(figures, "ROOT", tmp_path / "site-packages")
    monkeypatch.chdir(deep)
    assert figures.checkout() == project
    done = run("figures", "limit")
    assert (done.exit_code, done.stderr) == (0, "")
    assert (project / "paper_figures" / "limit.pdf").read_text() == "limit pdf"
    (project / "pyproject.toml").write_text('[project]\nname = "another"\n')
    assert "not inside a checkout" in refused("figures", "limit")


def test_a_missing_folder_is_made(quick, tmp_path):
    assert run("figures", "limit", "-o", tmp_path / "some" / "where").exit_code == 0
    assert names(tmp_path / "some" / "where") == ["limit.pdf", "limit.png"]


def test_without_matplotlib_the_command_that_installs_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "pip install 'polyest[plot]'" in refused("figures", "limit", "--out", tmp_path)
    assert names(tmp_path) == []


def test_where_a_figure_cannot_be_drawn_or_written_nothing_has_changed(
    quick, tmp_path, monkeypatch
):
    (tmp_path / "file").touch()
    assert "name another" in refused("figures", "limit", "--out", tmp_path / "file" / "folder")
    (tmp_path / "file").unlink()
    (tmp_path / "limit.png").write_text("what was there")
    (tmp_path / "pareto.png").mkdir()
    assert "this is a folder" in refused("figures", "limit", "pareto", "--out", tmp_path)
    assert (tmp_path / "limit.png").read_text() == "what was there"

    full_disk(monkeypatch)
    assert "no space left on device" in refused("figures", "limit", "--out", tmp_path)
    assert (tmp_path / "limit.png").read_text() == "what was there"
    assert names(tmp_path) == ["limit.png", "pareto.png"]
