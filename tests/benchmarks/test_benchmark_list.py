"""benchmarks/README.md lists every program, file of results and figure, and its links lead somewhere."""

import re
from pathlib import Path

from arms import ARMS

from polyest.cli import figures

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "benchmarks"
TEXT = (FOLDER / "README.md").read_text()
ROWS = [line for line in TEXT.splitlines() if line.startswith("| `python ")]


def programs():
    return {path.name for path in FOLDER.glob("*.py") if "\ndef main(" in path.read_text()}


def anchors(page):
    """The anchors of a page's headings, as sites make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_program_has_a_row_and_every_module_a_mention():
    listed = [re.match(r"\| `python benchmarks/(\w+\.py)", row)[1] for row in ROWS]
    assert sorted([*listed, "sample_answers.py", "smollm.py"]) == sorted(programs())
    there = {path.name for path in FOLDER.glob("*.py")}
    assert set(re.findall(r"\w+\.py", TEXT)) == there


def test_a_row_says_command_minutes_and_files_that_there_are():
    for row in ROWS:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == 5
        assert re.search("second|minute|hour", cells[2])
        program = FOLDER / re.search(r"benchmarks/(\w+\.py)", row)[1]
        stems = re.findall(r"`(\w+)\.csv`", cells[3])
        assert stems
        for stem in stems:
            end = stem.removeprefix(program.stem)  # where several are named by their ends
            text = program.read_text()
            assert f'"{stem}.csv"' in text or f'"{end}"' in text.partition("{end}.csv")[2], row


def test_every_file_of_results_and_every_figure_is_in_a_row():
    named = set(re.findall(r"`(\w+)\.csv`", "".join(ROWS)))
    there = {path.stem for path in (FOLDER / "results").glob("*.csv")}
    assert there <= named
    drawn = set(re.findall(r"figure `(\w+)`", "".join(ROWS)))
    assert drawn == set(figures.known())


def test_the_rules_name_every_arm_and_no_other():
    table = TEXT.split("| arm |")[1].split("\n\n")[0]
    assert set(re.findall(r"`([^`]+)`", table)) == set(ARMS)


def test_links_lead_to_headings():
    links = re.findall(r"\]\(([^)#]+)(?:#([^)]+))?\)", TEXT)
    assert len(links) >= len(ROWS)
    for path, anchor in links:
        page = (FOLDER / path).resolve()
        assert page.is_file(), path
        assert not anchor or anchor in anchors(page), anchor
