"""Pages in Markdown: their blocks, run in their order, and what they print held against what they say."""

import re
import shlex
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from click.testing import CliRunner

from polyest.cli.commands import main

ROOT = Path(__file__).resolve().parents[2]
DOCS, SITE = ROOT / "docs", (ROOT / "mkdocs.yml").read_text()
# Pages of the site on trainers; that of TRL is run by a test of its own.
TRAINERS = tuple(
    name
    for name in re.findall(
        r"(\S+)\.md$", re.search(r"- Trainers:\n((?: {6}.*\n)+)", SITE)[1], re.MULTILINE
    )
    if name != "trl"
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text):
    """Kind and body of each block, and what it says it prints: the block of text behind it, or None."""
    fenced = BLOCK.findall(text)
    after = [*fenced, ("", "")][1:]
    return [
        (kind, body, then if following == "text" else None)
        for (kind, body), (following, then) in zip(fenced, after, strict=True)
    ]


def commented(examples):
    """The same blocks, where one in Python may say it in comments that begin its lines."""
    return [
        (kind, body, said or "".join(re.findall(r"^# (.*\n)", body, re.MULTILINE)))
        if kind == "python"
        else (kind, body, said)
        for kind, body, said in examples
    ]


def run(examples, page, *, compared=True, **given):
    """The namespace after all Python, and all lines of sh that are commands of polyest, in their order.

    given: what the page leaves to its reader.  What a command prints is compared where the page says it, and
    nothing is where compared is False: a trainer prints what it likes.
    """
    namespace = {"__name__": "page", **given}
    for kind, body, said in examples:
        printed = StringIO()
        if kind == "python":
            with redirect_stdout(printed):
                exec(compile(body, page, "exec"), namespace)
        elif kind == "sh":
            for line in re.findall(r"^polyest (.*)$", body, re.MULTILINE):
                result = CliRunner().invoke(main, shlex.split(line))
                assert result.exit_code == 0, (line, result.output)
                printed.write(result.stdout)
            if said is None:
                continue  # what it prints is for the reader's own screen
        else:
            continue
        assert not compared or printed.getvalue() == (said or ""), body
    return namespace
