"""Whatever a line of a file says, reading and proving it end soon, in a table or a named error."""

import json
import resource
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from random import Random

import pytest
from commands import refused

import polyest
from polyest.errors import CorruptTable, InvalidProblem, PolyestError
from polyest.problem.targets import HIGHEST, parse
from polyest.tables import release

LINES = {
    "noise": lambda: polyest.dumps(polyest.load(3)),
    "minimax": lambda: polyest.dumps(polyest.load(4, criterion="minimax")),
    "universal": lambda: polyest.dumps(polyest.load(2000)),
    "closed form": lambda: polyest.dumps(polyest.closed_forms.polynomial(3, [0, 1, -1])),
}
ODD = (
    None, True, -1, 0, 1.5, 10**18, 10**400, 1e308, float("inf"), float("nan"), "", "x" * 5000, "1e400",
    "nan", "-1", "0", "1e-320", "inf", "power:1e9", "tsallis:1e7", "power:1e6", "power:1e100",
    "polynomial:1e-300",
    "polynomial:" + "1," * 10**5 + "1", [], {}, [[]], ["1"] * 10**5, ["1e308"] * 5, ["x"], [None], "123",
    {"lower": "1", "upper": "0"}, {"kind": "bias", "value": "5e-324"}, {"alternation": ["0.5", "0.5"]},
    {"kind": [], "value": "1"}, ["-1", "2"],
)  # fmt: skip


def places(value, path=()):
    """Every place in a record."""
    inside = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, one in inside:
        yield (*path, key)
        yield from places(one, (*path, key))


def spoiled(line, place, value):
    """The line with another value in one place."""
    record = deepcopy(json.loads(line))
    at = record
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    return json.dumps(record)


def read_and_proved(line):
    """None where that ends in a table or a named error that can be read; else what it ended in."""
    try:
        polyest.verify(polyest.loads(line))
    except PolyestError as error:
        return None if len(str(error)) < 1000 else f"{len(str(error))} characters"
    except Exception as error:
        return repr(error)[:200]
    return None


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("seed", [20261129, None])
def test_a_value_in_any_place_of_a_line_is_a_table_or_a_named_error(name, seed):
    seed = Random().randrange(10**9) if seed is None else seed
    random, line = Random(seed), LINES[name]()
    whole = list(places(json.loads(line)))
    for _ in range(60):
        place, value = random.choice(whole), random.choice(ODD)
        wrong = read_and_proved(spoiled(line, place, value))
        assert wrong is None, (seed, place, repr(value)[:60], wrong)


@pytest.mark.parametrize(
    ("line", "said"),
    {
        "deep": ("[" * 10**5, "recursion"),
        "a long integer": ('{"schema": 1, "K": ' + "9" * 5000 + "}", "digits"),
        "no line": (None, "cut or altered"),
        "a long line": (" " * 10**7, "10000000 bytes: expected a table, at most"),
    }.values(),
)
def test_lines_that_are_no_record_are_named(line, said):
    with pytest.raises(CorruptTable, match=said) as caught:
        polyest.loads(line, "there")
    assert str(caught.value).startswith("there: ")
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    "target", ["power:1e9", "tsallis:1e7", "power:1e6", "power:1024.5", "tsallis:1025.5"]
)
def test_an_exponent_beyond_the_proofs_is_refused_in_an_argument_and_in_a_file(target, tmp_path):
    said = f"target '{target}' has powers of p up to .* proved up to {HIGHEST}"
    with pytest.raises(InvalidProblem, match=said):
        polyest.solve(3, target)
    line = spoiled(LINES["noise"](), ("target",), target)
    with pytest.raises(CorruptTable, match=said):
        polyest.loads(line)
    path = tmp_path / "edited.jsonl"
    path.write_text(line + "\n")
    assert f"proved up to {HIGHEST}" in refused("verify", path)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("polynomial:" + "1," * 10**5 + "1", "powers of p up to 100000"),
        ("polynomial:" + "1," * HIGHEST + "1,1", f"proved up to {HIGHEST}"),
        ("polynomial:1e-300", "no number of at least 1e-100"),
        ("polynomial:" + "9" * 10**6, "finite numbers"),
    ],
)
def test_polynomials_beyond_the_proofs_are_refused(target, said):
    with pytest.raises(InvalidProblem, match=said) as caught:
        parse(target)
    assert len(str(caught.value)) < 300


def test_draws_of_a_listed_table_are_bounded():
    line = spoiled(LINES["noise"](), ("K",), 10**6)
    with pytest.raises(CorruptTable, match="K up to 1024"):
        polyest.loads(line)
    with pytest.raises(
        InvalidProblem, match="closed forms are written out and proved up to K = 1024"
    ):
        polyest.closed_forms.harmonic(1025)


AT_THE_LIMIT = """
import sys, polyest
from polyest.proof.certify import measure
from polyest.errors import PolyestError
from polyest.problem.targets import parse
import numpy as np
target = sys.argv[1]
for K in (1, 16, 64):
    measure(parse(target), np.linspace(-1.0, 1.0, K + 1))
    try:
        polyest.verify(polyest.solve(K, target))
    except PolyestError:
        pass
"""


@pytest.mark.parametrize("target", [f"power:{HIGHEST}", f"tsallis:{HIGHEST + 0.9}"])
def test_an_exponent_at_the_limit_takes_seconds_and_little_memory(target):
    def bounded():
        resource.setrlimit(resource.RLIMIT_CPU, (240, 240))  # many times what it takes
        resource.setrlimit(resource.RLIMIT_DATA, (3 * 2**29, 3 * 2**29))

    subprocess.run([sys.executable, "-c", AT_THE_LIMIT, target], preexec_fn=bounded, check=True)


def test_every_released_target_is_within_the_limits():
    for path in (path for folder in release.folders() for path in Path(folder).glob("*.jsonl")):
        with path.open() as stream:
            for line in stream:
                polyest.loads(line)
