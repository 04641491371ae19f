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

`polyest` and `python -m polyest` are the same command. Data goes to stdout and words to stderr. It exits with
0; with 1 and one line `polyest: error: ...` for what goes wrong; with 2 for a wrong usage; and with 130 for
Ctrl-C. Missing folders of a file that it writes are made.

**JSON.** `--json` prints one JSON object per line and nothing else, with numbers that are JSON numbers:
`polyest show -K 14 --json | jq '.bias.upper > 0.01'` prints `false`. Each is the shortest decimal that reads
back to the same double, so that no digit is lost; a bound that is infinite is `null`. A table has the keys of
the [table format](format.md) without `schema`, because it is not a line of that format, in which real numbers
are decimal strings. `polyest frontier --json` puts before them where the table lies in the figure: `series`,
`label`, `noise`, the criterion `noise_of` that it is of, and `least`, the bracket of E*(K). `--lines` prints
lines of that format, and `-o FILE` writes them: `polyest.loads` and `polyest verify` read both.

**Completion.** The shell completes commands, options, closed choices and files after

```text
eval "$(_POLYEST_COMPLETE=bash_source polyest)"     # bash 4.4 or later, in ~/.bashrc
eval "$(_POLYEST_COMPLETE=zsh_source polyest)"      # zsh, in ~/.zshrc
_POLYEST_COMPLETE=fish_source polyest | source      # fish, in ~/.config/fish/completions/polyest.fish
```
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
