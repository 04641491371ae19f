"""This module is the command `polyest`, which prints data on stdout and messages on stderr.

It exits with 0 on success, with 1 and one line for a PolyestError, an OSError or too little memory, with 2
for wrong usage (from click), and with 130 for Ctrl-C.  Each command is a file in this package.  It computes
a report, which is printed as a page (pages/) or as JSON.  Modules that are slow to import are imported
inside functions.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module

import click

from polyest.cli.terminal import Commands
from polyest.version import __version__

COMPLETION = 'eval "$(_POLYEST_COMPLETE=bash_source polyest)"'
NAMES = ("compare", "explain", "figures", "frontier", "recommend", "show", "solve", "verify")


class Files(Mapping[str, click.Command]):
    """A mapping from each name in NAMES to the `command` of its file, which is imported on access."""

    def __getitem__(self, name: str) -> click.Command:
        if name not in NAMES:
            raise KeyError(name)
        command: click.Command = import_module(f"polyest.cli.{name}").command
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


@click.group(
    cls=Commands,
    commands=Files(),
    context_settings={"help_option_names": ["-h", "--help"]},
    examples=(
        ("the table for groups of 16 completions under a group mean", "polyest show --group 16"),
        (
            "which table to use, given the sizes of group and batch",
            "polyest recommend --group 16 --prompts 8",
        ),
        ("shell completion in bash; write zsh or fish for these shells", COMPLETION),
    ),
)
@click.version_option(__version__, prog_name="polyest", message="%(prog)s %(version)s")
def main() -> None:
    """Tables that turn the counts of sampled answers into rewards, with proved bias and variance."""
