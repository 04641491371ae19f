"""Old names do what new ones do, and warn; CHANGELOG.md has them all, and nothing else uses them."""

import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import renamed
import torch
from renamed import RENAMED

from polyest import rewards
from polyest.errors import InvalidReward
from polyest.integrations import verl
from polyest.integrations.groups import GroupReward

ROOT = Path(__file__).resolve().parents[2]
OLD = (
    r"polyest_(log|soft)\b", r"\b(estimate|rllm|skyrl|GroupReward)\(\s*[\"'](log|soft)[\"']",
    r"kind=[\"'](entropy|gini|exploration)", r"\bdiversity=", r"polyest\.kind",
)  # fmt: skip
SETTINGS = [old for old in RENAMED if old.startswith("algorithm.")]


def rows(text):
    """Old -> new, of the table under its heading, up to the next one."""
    part = re.split(r"^### Renamed$", text, flags=re.MULTILINE)[1]
    part = re.split(r"^#+ ", part, maxsplit=1, flags=re.MULTILINE)[0]
    return dict(re.findall(r"^\| `(.+?)` \| `(.+?)` \|$", part, re.MULTILINE))


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_name_does_what_the_new_one_does_and_warns_of_it(old):
    new, by_old_name, by_new_name = RENAMED[old]
    with pytest.warns(
        DeprecationWarning, match="is called .* now; the old name works until polyest 1.0"
    ) as seen:
        result = by_old_name()
    (warned,) = seen
    was, now = re.search(r"(\S+) is called (\S+) now", str(warned.message)).groups()
    assert was in old
    assert now in new
    setting = re.sub(r"=.*|\.kind$", "", old)
    assert warned.filename == (setting if old in SETTINGS else renamed.__file__)
    assert result == by_new_name()


def test_the_list_of_changes_has_every_old_name():
    listed = rows((ROOT / "CHANGELOG.md").read_text())
    assert listed == {old: new for old, (new, *_) in RENAMED.items()}


def test_no_page_benchmark_or_test_uses_an_old_name():
    here = {Path(__file__), Path(renamed.__file__)}
    files = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for folder, kind in (
        ("docs", "md"),
        ("benchmarks", "py"),
        ("paper_figures", "py"),
        ("tests", "py"),
    ):
        files += [path for path in (ROOT / folder).rglob(f"*.{kind}") if path not in here]
    assert len(files) > 100
    files.remove(ROOT / "docs" / "release-notes.md")  # says what replaces them
    used = [(p.name, m[0]) for p in files for old in OLD for m in re.finditer(old, p.read_text())]
    assert used == []
    source = Path(renamed.__file__).read_text()
    assert all(re.search(old, source) for old in OLD)


@pytest.mark.parametrize(
    "both",
    [
        lambda: rewards.diversity(renamed.IDS, kind="gini", measure="exploration"),
        lambda: GroupReward("diversity", diversity="gini", measure="entropy"),
        lambda: renamed.by_skyrl("diversity", kind="gini", measure="entropy"),
        lambda: renamed.by_verl("polyest_diversity", kind="gini", measure="entropy"),
    ],
)
def test_an_option_by_both_names_is_refused(both):
    with pytest.raises(InvalidReward, match="beside measure, which is its name now: leave"):
        both()


def test_a_setting_is_warned_of_once_where_warnings_are_shown_as_python_shows_them():
    """And a call in Python is not shown where a library makes it, as with any other library."""
    program = """
import sys
sys.path.insert(0, sys.argv[1])
import renamed
for _ in range(3):
    renamed.by_verl("polyest_log"), renamed.by_verl("polyest_diversity", kind="gini")
    renamed.of_texts("log")
"""
    run = subprocess.run(
        [sys.executable, "-c", program, str(ROOT / "tests" / "support")],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    assert run.stderr.count("DeprecationWarning") == 2
    assert "polyest_log is called polyest_log_probability now" in run.stderr
    assert "kind is called measure now" in run.stderr


def test_a_compiled_graph_takes_the_old_keyword():
    answers = torch.tensor([[7, 7, 3, 7, 5]])
    torch.compiler.reset()
    compiled = torch.compile(
        lambda a: rewards.diversity(a, kind="gini"), fullgraph=True, backend="eager"
    )
    with pytest.warns(DeprecationWarning, match="kind= is called measure="):
        result = compiled(answers)
    assert torch.equal(result, rewards.diversity(answers, measure="gini"))


def test_verl_has_estimators_by_new_and_old_names():
    assert {*verl.estimators()} > {"polyest_log", "polyest_log_probability", "polyest_soft"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        renamed.by_verl("polyest_soft_consistency")
