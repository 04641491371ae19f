"""What is published: links of the description, files of the sdist, and how pages say to install."""

import re
import runpy
import subprocess
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

hatchling = pytest.importorskip("hatchling")

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
README = (ROOT / "README.md").read_text()
REPOSITORY = "https://code.example/polyest"
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINKS = re.compile(r"\]\(([^)\s]+)\)")


HOOK = runpy.run_path(str(ROOT / "hatch_build.py"))


def links(text):
    return LINKS.findall(FENCE.sub("", text))


# The description


def test_every_link_of_the_description_is_absolute_and_names_the_version():
    text = HOOK["long_description"](README, REPOSITORY, "9.8.7")
    assert len(links(README)) == len(links(text)) > 25
    for before, after in zip(links(README), links(text), strict=True):
        relative = not re.match(r"\w+:|#", before)
        assert after == (
            f"{REPOSITORY}/{'raw' if before.endswith('.png') else 'blob'}/v9.8.7/{before}"
            if relative
            else before
        )
    assert FENCE.findall(text) == FENCE.findall(README)


def test_without_an_address_the_description_has_no_link_that_leads_nowhere():
    text = HOOK["long_description"](README, "", "9.8.7")
    assert all(re.match(r"\w+:|#", link) for link in links(text))
    assert "TRL" in text
    assert FENCE.findall(text) == FENCE.findall(README)


@given(st.text(alphabet="a![](): #/.`\n"))
def test_any_text_keeps_its_words(text):
    change = HOOK["long_description"]
    written = change(f"[w](x.md)\n{text}", REPOSITORY, "1")
    assert written.startswith(f"[w]({REPOSITORY}/blob/v1/x.md)\n")
    assert change("```\n[w](x.md)\n```", REPOSITORY, "1") == "```\n[w](x.md)\n```"


def test_the_package_says_the_same_of_itself():
    from hatchling.metadata.core import ProjectMetadata
    from hatchling.plugin.manager import PluginManager

    metadata = ProjectMetadata(str(ROOT), PluginManager())
    core = metadata.core
    assert (
        metadata.version
        == re.search('"(.*)"', (ROOT / "polyest" / "version.py").read_text().splitlines()[-1])[1]
    )
    assert core.readme_content_type == "text/markdown"
    assert core.readme.startswith(README[:20])
    assert "Paper" in core.urls
    repository = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"]
    assert ("Repository" in core.urls) == bool(repository)
    assert not repository.endswith("/")


def test_classifiers_are_known():
    classifiers = pytest.importorskip("trove_classifiers").classifiers
    assert set(PROJECT["project"]["classifiers"]) <= classifiers


def test_every_address_is_filled_in_from_one_place():
    named = HOOK["addresses"](REPOSITORY, "1.2.3")
    assert {"Repository", "Documentation", "Changelog", "Issues", "Paper"} == set(named)
    assert all(url.startswith("https://") for url in named.values())
    assert "/v1.2.3/" in named["Changelog"]


# The sdist


def left_out(tracked, include):
    """Names at the top of the repository that no pattern of the sdist takes."""
    tops = {name.partition("/")[0] for name in tracked}
    return {top for top in tops if not any(Path(f"/{top}").match(pattern) for pattern in include)}


def test_the_sdist_has_all_that_is_tracked():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode or not done.stdout:
        pytest.skip("no checkout of git")
    include = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    always = {".gitignore", "pyproject.toml"}  # hatchling adds them
    assert left_out(done.stdout.split("\n")[:-1], include) <= always
    assert left_out(["unheard.txt", "docs/a.md"], include) == {"unheard.txt"}


def test_a_build_of_another_tag_is_refused():
    if subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True).returncode:
        pytest.skip("no checkout of git")
    done = subprocess.run([ROOT / ".ci" / "build", "HEAD"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "HEAD: polyest/version.py says " in done.stderr


# How pages say to install

TORCH = {"trl", "verl", "torch", "test", "bench"}  # extras that bring it
PINS = {
    name: (ROOT / name).read_text().splitlines()
    for name in ("constraints.txt", "constraints-trl.txt", "constraints-verl.txt")
}


def faults(command):
    """What a command that installs this package from a checkout lacks."""
    named = re.findall(r"-c (\S+)", command)
    extras = set(re.findall(r"[\w]+", (re.findall(r"\[([\w,]+)\]", command) or [""])[0]))
    pins = [line for name in named for line in PINS.get(name, [])]
    if TORCH & extras and not any(line.startswith("torch==") for line in pins):
        yield "torch is not pinned"
    versions = dict[str, set[str]]()
    for pin in pins:
        versions.setdefault(pin.partition("==")[0].lower(), set()).add(pin)
    yield from (
        f"constraints that exclude each other: {both}"
        for both in versions.values()
        if len(both) > 1
    )
    if re.search(r"\bpolyest\b", command.partition("&&")[0]):
        yield "no index has a package of this name yet"


def test_what_pages_say_to_install_is_there_and_brings_the_pinned_torch():
    pages = [
        *(ROOT / "docs").glob("*.md"),
        ROOT / "CONTRIBUTING.md",
        ROOT / "examples" / "README.md",
    ]
    commands = [
        (page.name, line)
        for page in pages
        for line in re.findall(r"pip install [^\n`]*", page.read_text())
    ]
    assert len(commands) > 10
    assert [(name, line, *faults(line)) for name, line in commands if [*faults(line)]] == []


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("pip install 'polyest[trl]'", "torch is not pinned"),
        ("pip install -c constraints-trl.txt '.[trl]'", "torch is not pinned"),
        (
            "pip install -c constraints.txt -c constraints-verl.txt '.[verl]'",
            "constraints that exclude",
        ),
        ("pip install --no-deps polyest", "no index has"),
    ],
)
def test_a_command_that_does_not_do_is_found_out(command, said):
    assert any(fault.startswith(said) for fault in faults(command))
