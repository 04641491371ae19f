"""The command line as tests call it, and releases made for it."""

import signal
from hashlib import sha256
from inspect import signature

from click.testing import CliRunner
from copies import replace

from polyest.cli.commands import main
from polyest.make import storage
from polyest.tables.format import dumps

# click before 8.2 mixes stderr into stdout unless it is told not to; later ones do not know the word.
APART = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}
MINIMAX = ("--criterion", "minimax")
KEYWORDS = [
    (),
    MINIMAX,
    ("--bias-ratio", 2),
    ("--bias", 0.01),
    ("--noise", 1),
    ("--criterion", "variance", "--bias-ratio", 3),
    ("--criterion", "second-moment", "--noise", 2),
    ("--criterion", "squared-error"),
    ("--target", "power:0.5", "--bias-ratio", 2),
    ("--target", "tsallis:2", *MINIMAX),
    ("--target", "polynomial:0,0,1", *MINIMAX),
]


def hearing():
    """In a child: Ctrl-C is for it too, also where a shell started the tests in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(*words):
    return CliRunner(**APART).invoke(main, [str(word) for word in words])


def refused(*words):
    """The one line on stderr of a command that must fail with exit 1 and nothing on stdout."""
    result = run(*words)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("polyest: error: ")
    return lines[0].removeprefix("polyest: error: ")


def full_disk(monkeypatch):
    """Whatever is written from here on fails after a few bytes."""

    def failing(stream, content):
        stream.write(content[:3])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "append", failing)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def release(folder, families):
    """A folder of families as `load` and `verify` find them: name, tables."""
    folder.mkdir()
    digests, rows = [], []
    for name, tables in families.items():
        lines = [dumps(replace(table, release="v1")).encode() + b"\n" for table in tables]
        (folder / name).write_bytes(b"".join(lines))
        digests.append(f"{sha256(b''.join(lines)).hexdigest()}  {name}")
        rows += [f"{sha256(line).hexdigest()}  {name}:{i}" for i, line in enumerate(lines, 1)]
    (folder / "SHA256SUMS").write_text("\n".join(digests) + "\n")
    (folder / "LINE-SHA256SUMS").write_text("\n".join(rows) + "\n")
