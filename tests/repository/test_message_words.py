"""What is raised, warned of or said in a docstring is said in the words of the documentation."""

import ast
import re
from pathlib import Path

import polyest

SOURCES = sorted(Path(polyest.__file__).parent.rglob("*.py"))
WORDS = r"\btraces?\b|\boff by\b"


def told(text):
    """The texts of each raise and each call of `warn` in a source, without their values."""
    for node in ast.walk(ast.parse(text)):
        warns = isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "warn"
        if isinstance(node, ast.Raise) or warns:
            parts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
            yield "_".join(part for part in parts if isinstance(part, str))


def test_a_message_calls_a_completion_a_completion():
    said = [(path.name, text) for path in SOURCES for text in told(path.read_text())]
    assert len(said) > 400
    assert [(name, text) for name, text in said if re.search(WORDS, text)] == []


def test_a_message_in_other_words_is_found():
    for call in ("raise InvalidGame", "warnings.warn"):
        (text,) = told(f'{call}(f"{{n}} traces: expected 2")')
        assert re.search(WORDS, text)
        (text,) = told(f'{call}(f"{{traces}} completions: expected a table of K = {{K}}")')
        assert not re.search(WORDS, text)


# Of docstrings; `traces` is a parameter of the reference loop there, and torch.compile traces.
ODD = (
    r"\boff by\b|\bwhence\b|"
    r"\b(one|distribution|constant|record|right answer) an? (prompt|answer|completion|orbit|step)\b"
)


def documented(text):
    """The docstrings of a source."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, kinds) and (said := ast.get_docstring(node)):
            yield said


def test_docstrings_are_in_standard_words():
    said = [(path.name, text) for path in SOURCES for text in documented(path.read_text())]
    assert len(said) > 1500
    assert [(name, words[0]) for name, text in said if (words := re.search(ODD, text))] == []
    assert re.search(ODD, "The target q, a distribution a prompt.")
    assert not re.search(ODD, "The target q, one distribution per prompt.")
