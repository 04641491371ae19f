"""This module rewrites Python calls and keywords in the library's messages as commands and options."""

import ast
import re
from shlex import quote

COMMANDS = {"solve": "solve", "load": "show", "explain": "explain"}  # the command of a function
PLACES = {"solve": ("K", "target"), "load": ("K", "target"), "explain": ("expression", "group")}
KEYWORDS = (
    "K", "target", "criterion", "bias", "bias_ratio", "noise", "shape", "method", "grid", "group",
    "baseline", "beta", "jobs",
)  # fmt: skip
CALL = re.compile(rf"polyest\.({'|'.join(COMMANDS)})\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
KEYWORD = re.compile(
    rf"(?<![\w.])({'|'.join(KEYWORDS)})=(\"[^\"]*\"|'[^']*'|-?\d[\d.e+-]*)(?![\w./])"
)
MISSING = re.compile(rf"^({'|'.join(KEYWORDS)}) is None")


def spoken(message: str) -> str:
    """Return a message with its Python calls and keywords as commands and options.

    >>> spoken("solve it with polyest.solve(130, noise=3.0)")
    'solve it with polyest solve --K 130 --noise 3'
    >>> spoken("group is None: give it, or bias_ratio=2")
    '--group is missing: give it, or --bias-ratio 2'
    """
    message = CALL.sub(lambda call: _command(call[0], call[1], call[2]), message)
    message = KEYWORD.sub(lambda word: f"{_option(word[1])} {_value(word[2])}", message)
    return MISSING.sub(lambda word: f"{_option(word[1])} is missing", message)


def _command(text: str, function: str, arguments: str) -> str:
    """Return a call as a command, or as it is where it is no call of plain values."""
    try:
        call = ast.parse(f"f({arguments})", mode="eval").body
        assert isinstance(call, ast.Call)
        places = zip(PLACES[function], call.args, strict=False)
        words = [f"polyest {COMMANDS[function]}"]
        for name, value in (*places, *((word.arg, word.value) for word in call.keywords)):
            given = ast.literal_eval(value)
            if given is not ...:
                words.append(f"{_option(str(name))} {_value(ast.unparse(value))}")
    except (SyntaxError, ValueError):
        return text
    return " ".join(words)


def _option(keyword: str) -> str:
    return f"--{keyword.replace('_', '-')}"


def _value(text: str) -> str:
    """Return a literal as one word of a shell, a whole number without its point."""
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)
    return quote(str(value))
