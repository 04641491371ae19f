"""Two type checkers agree on the public interface: what is right passes, and each mistake is an error."""

import ast
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import polyest
from polyest import answers, counts
from polyest.problem import criteria, keywords, shapes
from polyest.problem.problem import pose
from polyest.tables import line

ROOT = Path(__file__).resolve().parents[2]
# Each line that ends in a mark is a mistake, the others are right.
SNIPPET = """
import numpy as np
import polyest
from polyest import answers, closed_forms, counts, errors, frontier, grpo, rewards
t = polyest.load(14)
polyest.solve(3), polyest.errors.PolyestError, polyest.rewards.standard, grpo.train
polyest.solve(np.int64(4), criterion="minimax"), polyest.load(group=16, baseline="none")
frontier.sweep(3, "log", criterion="variance"), closed_forms.harmonic(4).coefficients.mean()
answers.from_texts([["so 4", None]], kind="auto").tolist()
counts.draws(16, baseline="exact"), rewards.log_probability([[1, 1, 2]], noise=4, dyadic=True)
polyest.laod(14)  # wrong
polyest.nothing  # wrong
polyest.load(14, criterion="gradient_variance")  # wrong
polyest.solve(4, criterion="mini-max")  # wrong
polyest.load(group=16, baseline="mean")  # wrong
polyest.load(14, nosie=4)  # wrong
frontier.sweep(3, criterion="minimax")  # wrong
counts.draws(16, counting="ingroup")  # wrong
rewards.diversity([[1, 1, 2]], measure="entropie")  # wrong
rewards.log_probability([[1, 1, 2]], dyadik=True)  # wrong
answers.canonical(["7"], kind="numbers")  # wrong
"""
WRONG = [n for n, line in enumerate(SNIPPET.splitlines(), 1) if line.endswith("# wrong")]
CHECKERS = {
    "mypy": ("-m", "mypy", "--strict", "--follow-imports=silent"),
    "pyright": ("-m", "basedpyright", "--level", "error"),
}


@pytest.mark.parametrize("name", CHECKERS)
def test_each_mistake_is_an_error_and_nothing_else_is(name, tmp_path):
    path = tmp_path / "snippet.py"
    path.write_text(SNIPPET)
    words = [f"--cache-dir={tmp_path / 'cache'}"] if name == "mypy" else []
    done = subprocess.run(
        [sys.executable, *CHECKERS[name], *words, str(path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    said = [line for line in done.stdout.splitlines() if re.search(r"\berror\b", line)]
    lines = [int(match[1]) for line in said if (match := re.search(r"snippet\.py:(\d+)", line))]
    assert sorted(set(lines)) == WRONG, done.stdout


def test_closed_choices_are_those_that_there_are():
    assert get_args(criteria.Name) == tuple(criteria.CRITERIA)
    assert get_args(criteria.Budgeted) == criteria.BUDGETED
    assert get_args(shapes.Shape) == shapes.SHAPES
    assert get_args(counts.Baseline) == tuple(counts.SPENT)
    assert get_args(counts.Counting) == counts.COUNTINGS
    assert get_args(answers.Kind) == answers.KINDS


def test_keywords_have_the_names_and_types_that_functions_take():
    asked = keywords.Posed.__annotations__
    assert {"target", "shape", *keywords.Bounded.__annotations__} == {*asked}
    assert {"K", *asked} == {*inspect.signature(pose).parameters}
    taken = inspect.signature(polyest.solve).parameters
    solved = keywords.Solved.__annotations__
    assert {"K", "baseline", *solved} == {*taken}
    assert all(taken[name].annotation == kind for name, kind in solved.items())


@pytest.mark.parametrize(
    ("K", "keywords", "kind"),
    [
        (14, {}, line.Listed),
        (2000, {}, line.Universal),
        (14, {"noise": 2, "shape": "monotone"}, line.Shaped),
    ],
)
def test_a_line_has_the_keys_that_its_type_says(K, keywords, kind):
    table = polyest.load(K, **keywords)
    written = json.loads(polyest.dumps(table))
    bounds = {row.attribute for row in criteria.CRITERIA.values()}
    assert written.keys() - bounds == kind.__annotations__.keys()
    for name, part in (
        ("bias", line.Enclosed),
        ("budget", line.Bound),
        ("generator", line.Generator),
    ):
        assert written[name].keys() == part.__annotations__.keys()
    if kind is line.Universal:
        assert written["witness"].keys() == line.Peak.__annotations__.keys()
        assert line.Departing.__annotations__.keys() <= written["universal"].keys()
    else:
        of_shape = {"step_weights"} if kind is not line.Shaped else set()
        keys = {"alternation", *of_shape, *written["witness"]}
        assert keys == line.Witness.__annotations__.keys()
        assert {*get_args(line.DualKey), "alternation", "selection"} == keys


def signatures(text):
    """The annotations of each function of a source, as one text a function."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = node.args
            every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            kinds = [argument.annotation for argument in every if argument and argument.annotation]
            yield " ".join(map(ast.unparse, [*kinds, *([node.returns] if node.returns else [])]))


def test_a_signature_says_what_is_known():
    package = Path(polyest.__file__).parent
    every = [kinds for path in package.rglob("*.py") for kinds in signatures(path.read_text())]
    unknown = [kinds for kinds in every if re.search(r"\bAny\b", kinds)]
    assert len(every) > 1000
    assert len(unknown) < 0.03 * len(every), unknown  # comparable libraries have 0 to 15 %
    assert list(signatures("def f(a, *b: int, c: 'Any' = 1) -> str: ...")) == ["'Any' int str"]
