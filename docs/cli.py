"""Write docs/cli.md, the command line's reference, from what `polyest --help` says.

python docs/cli.py
"""

from pathlib import Path

import click

from polyest.cli.commands import main

FILE = Path(__file__).with_suffix(".md")
WIDTH = 80
HEAD = """\
# Command line

Made by `python docs/cli.py` from `polyest COMMAND --help`; a test compares.

Data on stdout, words on stderr. Exit 0; 1 with one line `polyest: error: ...` for what goes wrong; 2 for a
wrong usage; 130 for Ctrl-C. `--json` prints one JSON object per line and nothing else, tables in the
[format](format.md) of the files.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD, _section("polyest", main)]
    parts += [_section(f"polyest {name}", main.commands[name]) for name in sorted(main.commands)]
    return "\n".join(parts)


def _section(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=path, max_content_width=WIDTH, terminal_width=WIDTH)
    context.help_option_names = ["-h", "--help"]
    return f"## {path}\n\n```text\n{command.get_help(context)}\n```\n"


if __name__ == "__main__":
    FILE.write_text(page())
