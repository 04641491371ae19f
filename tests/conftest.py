"""Tables and releases that tests share, and how many examples are tried."""

import os
from importlib.util import find_spec
from shutil import copytree

# Before numpy is imported: a worker of pytest-xdist has one core, where threads of BLAS wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")

import pytest
from commands import release
from hypothesis import settings

import polyest
from polyest import precision
from polyest.tables import release as releases

# What runs the tests may have threads of its own, which leave the precision of balls alone.  Without this
# call every proof would be made in another process, which does not see what a test has monkeypatched.
precision.trust()

# Where HYPOTHESIS_PROFILE is `full` (.ci/full fuzz), each property has this many times as many examples.
TIMES = 20


def pytest_collection_modifyitems(items):
    """Tests say how many examples they need, which a profile alone does not change."""
    if os.environ.get("HYPOTHESIS_PROFILE") != "full":
        return
    for test in {item.obj for item in items if getattr(item, "obj", None) is not None}:
        if getattr(test, "is_hypothesis_test", False):
            said = test._hypothesis_internal_use_settings or settings.default
            test._hypothesis_internal_use_settings = settings(
                said, max_examples=TIMES * said.max_examples, derandomize=False, print_blob=True
            )


@pytest.fixture(scope="module")
def minimax8():
    return polyest.solve(8, criterion="minimax")


@pytest.fixture(scope="module")
def noise8():
    return polyest.solve(7, noise=8)


@pytest.fixture
def released(tmp_path, monkeypatch):
    """A release of a few tables in place of the real one."""
    folder = tmp_path / "v1"
    minimax = [polyest.solve(K, criterion="minimax") for K in range(1, 5)]
    noise = [polyest.solve(K) for K in range(1, 6)]
    release(
        folder,
        {"log-minimax.jsonl": minimax, "log-gradient-variance-noise8.jsonl": noise},
    )
    monkeypatch.setattr(releases, "folders", lambda: [str(folder)])
    return folder


@pytest.fixture(name="release")
def copied_release(tmp_path, monkeypatch):
    """A copy of the release v1 that may be spoiled."""
    folder = tmp_path / "v1"
    copytree(releases.folders()[-1], folder)
    monkeypatch.setattr(releases, "folders", lambda: [str(folder)])
    releases._checked.cache_clear()
    return folder


# These files import a trainer, and the collection of doctests would import them where it is not installed.
collect_ignore = (
    []
    if find_spec("trl")
    else [
        f"support/{name}.py"
        for name in ("light_trl", "trl_history", "trl_processes", "trl_training")
    ]
)
collect_ignore += [] if find_spec("verl") else ["support/verl_imports.py"]
