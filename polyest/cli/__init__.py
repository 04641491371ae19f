"""The command `polyest`: data on stdout, words on stderr, one line and exit 1 for what goes wrong.

Exit 0, 1 for a PolyestError, an OSError or too little memory, 2 for usage (click's), 130 for Ctrl-C.
A command is a file here: it computes a report, of which a page (pages/) or JSON is made.  Whatever takes
long to import is imported inside functions.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module

import click

from polyest.cli.terminal import Commands

NAMES = ("compare", "figures", "frontier", "recommend", "show", "solve", "verify")


class Files(Mapping[str, click.Command]):
    """The `command` of each file of NAMES, imported when it is asked for."""

    def __getitem__(self, name: str) -> click.Command:
        if name not in NAMES:
            raise KeyError(name)
        found: click.Command = import_module(f"polyest.cli.{name}").command
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


@click.group(
    cls=Commands, commands=Files(), context_settings={"help_option_names": ["-h", "--help"]}
)
def main() -> None:
    """Tables that turn the counts of sampled answers into rewards, with proved bias and noise."""
