"""The compiled look-up equals table[counts] to the bit, and finds every count out of range."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import polyest
from polyest.compiled import look_up
from polyest.errors import CountOutOfRange
from polyest.tables import release

TABLE = polyest.load(14)


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_it_is_the_look_up(kind, real):
    counts = np.random.default_rng(0).integers(0, 15, (50, 7)).astype(kind)
    out = np.empty(counts.shape, real)
    assert look_up(TABLE, counts, out) is out
    assert np.array_equal(out, TABLE[counts].astype(real))
    assert np.array_equal(look_up(TABLE, counts), TABLE[counts])
    assert look_up(TABLE, counts[:0]).shape == (0, 7)


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize("wrong", [-1, 15, -(2**31), 2**31 - 1])
@pytest.mark.parametrize("place", [0, 499])
def test_a_count_out_of_range_is_found_wherever_it_is(kind, wrong, place):
    counts = np.zeros(500, kind)
    counts[place] = wrong
    with pytest.raises(CountOutOfRange, match=f"count {wrong} is outside 0..14"):
        look_up(TABLE, counts)


@pytest.mark.parametrize(
    ("counts", "out", "message"),
    [
        (np.zeros(3), None, "counts of type float64"),
        (np.zeros(3, np.uint8), None, "counts of type uint8"),
        (np.zeros(3, int), np.zeros(3, int), "out of type int64"),
        (np.zeros(3, int), np.zeros(4), r"out of shape \(4,\)"),
        (np.zeros((4, 4), int)[:, ::2], None, "contiguous"),
    ],
)
def test_other_arrays_are_refused(counts, out, message):
    with pytest.raises(CountOutOfRange, match=message):
        look_up(TABLE, counts, out)


def test_without_numba_it_says_what_to_install():
    program = (
        "import sys; sys.modules['numba'] = None\n"
        "from polyest.errors import NotInstalled\n"
        "try:\n    import polyest.compiled\n"
        "except NotInstalled as error:\n    print(error)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install 'polyest[fast]'" in said.stdout


# Where numba keeps what it compiled


LOOK_UP = """
import numpy as np, polyest
from polyest.compiled import look_up
table = polyest.load(14)
for kind in (np.int32, np.int64):
    counts = np.arange(15, dtype=kind)
    assert np.array_equal(look_up(table, counts), table[counts])
print(polyest.__file__)
"""


@pytest.fixture
def installed(tmp_path):
    """A copy of the package, in a folder of its own."""
    package = tmp_path / "site" / "polyest"
    source = Path(polyest.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in map(Path, release.folders()):
        shutil.copytree(folder, package / "tables" / folder.name, dirs_exist_ok=True)
    return package


def looked_up(package, home):
    """Run the copy; a home that is no folder is one that cannot be written, also by root."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("NUMBA")},
        "PYTHONPATH": str(package.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
    }
    ran = subprocess.run(
        [sys.executable, "-c", LOOK_UP],
        cwd=package.parent,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == str(package / "__init__.py")
    assert ran.stderr == ""


def kept(folder):
    return sorted(path.suffix for path in folder.rglob("loops.*.nb*"))


def test_a_read_only_installation_without_a_home_compiles_anew(installed):
    (installed / "__pycache__").touch()  # hence no folder: nothing can be written into it
    looked_up(installed, Path("/dev/null"))
    assert kept(installed.parent) == []


def test_what_is_compiled_is_kept_beside_the_file_or_at_home(installed, tmp_path):
    looked_up(installed, Path("/dev/null"))
    assert kept(installed / "__pycache__") == [".nbc", ".nbc", ".nbi"]
    shutil.rmtree(installed / "__pycache__")
    (installed / "__pycache__").touch()
    (tmp_path / "home").mkdir()
    looked_up(installed, tmp_path / "home")
    assert kept(tmp_path / "home") == [".nbc", ".nbc", ".nbi"]


@pytest.mark.parametrize(
    ("spoiled", "content"), [("*.nbi", b""), ("*.nbi", b"no pickle"), ("*.nbc", "half")]
)
def test_a_spoiled_file_of_what_was_compiled_is_no_hindrance(installed, spoiled, content):
    looked_up(installed, Path("/dev/null"))
    paths = list((installed / "__pycache__").glob(spoiled))
    assert paths
    for path in paths:
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    looked_up(installed, Path("/dev/null"))


def test_a_disk_that_takes_nothing_any_more_is_no_hindrance(monkeypatch):
    """numba raises what the system says when it stores, after it has compiled."""

    def full(*arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("polyest.loops.gather.stored", full)
    counts = np.arange(15)
    assert np.array_equal(look_up(TABLE, counts), TABLE[counts])
    with pytest.raises(CountOutOfRange, match=r"count 15 is outside 0..14"):
        look_up(TABLE, counts + 1)


@pytest.mark.parametrize("module", ["numba", "numba.core"])
def test_a_numba_that_is_there_and_cannot_be_loaded_is_not_called_missing(module):
    """Loading may fail where memory runs out, or where numpy is too new for numba."""
    program = (
        "import sys\n"
        "class Broken:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            raise ImportError('libllvmlite.so: failed to map segment from shared object')\n"
        "sys.meta_path.insert(0, Broken())\n"
        "try:\n    import polyest.compiled\n"
        "except ImportError as error:\n    print(type(error).__name__, error)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == (
        "ImportError libllvmlite.so: failed to map segment from shared object"
    )
