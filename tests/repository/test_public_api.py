"""The public names and signatures are those of the listing, and the reference has every one of them."""

import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import public_api
import pytest

import polyest

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


def pages():
    return "".join(path.read_text() for path in sorted(REFERENCE.glob("*.md")))


def test_names_and_signatures_are_the_listed_ones():
    assert public_api.listing() == public_api.FILE.read_text(), (
        "the public interface is another than tests/data/public_api.txt says: where that is meant, "
        "python tests/support/public_api.py, and say so in CHANGELOG.md"
    )


def test_every_public_module_and_name_of_the_package_has_its_place_in_the_reference():
    shown = re.findall(r"^::: (polyest[\w.]*)$", pages(), re.MULTILINE)
    own = {name for name in polyest.__all__ if not isinstance(getattr(polyest, name), ModuleType)}
    assert {f"polyest.{name}" for name in {*polyest.__all__} - own} <= {*public_api.MODULES}
    names = {*public_api.MODULES, *(f"polyest.{name}" for name in own)}
    assert sorted(shown) == sorted(names - {"polyest", "polyest.__version__"})


def test_constants_are_named_on_the_pages():
    constants = [
        line.partition(":")[0]
        for line in public_api.FILE.read_text().splitlines()
        if re.fullmatch(r"polyest[\w.]*: (?!module)\w+", line)
    ]
    assert len(constants) >= 5
    assert [name for name in constants if f"`{name}`" not in pages()] == []


# What the look at it would see.


def module(source, name="polyest.made"):
    made = ModuleType(name)
    made.__file__ = ""
    exec(source, vars(made))
    return made


def test_without_an_all_the_names_written_in_a_module_are_public():
    made = module(
        "from pathlib import Path\ndef seen(): pass\ndef _hidden(): pass\nclass Kind: pass\n"
    )
    assert public_api.names(made) == ["Kind", "seen"]
    made.__all__ = ["seen"]
    assert public_api.names(made) == ["seen"]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        (
            "polyest.counts",
            "draws(group: SupportsIndex, baseline: Baseline='group-mean', counting: Counting='in-group')",
        ),
        ("polyest.grpo", "    clip: float = 0.2"),
        (
            "polyest.rewards",
            "    update(self, costs: Array, process_group: 'ProcessGroup | None'=None) -> float",
        ),
        ("polyest.errors", "class polyest.errors.Unattainable(InvalidProblem)"),
        ("polyest", "    bias: Bracket"),
    ],
)
def test_a_line_has_what_a_caller_needs(name, part):
    assert any(part in line for line in public_api.of_module(import_module(name)))
