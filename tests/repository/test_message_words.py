"""What is raised or warned of is said in the words of the documentation."""

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
