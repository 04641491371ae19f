"""The command `polyest`: `main` starts it, or says what to install where click or rich is missing."""

import sys

from polyest.dependencies import require
from polyest.errors import NotInstalled


def main() -> None:
    """Run the command `polyest` with the arguments of this process, and exit with its status."""
    try:
        require("click", "rich")
    except NotInstalled as error:
        sys.exit(f"polyest: error: {error}")
    from polyest.cli.commands import main as command

    command(prog_name="polyest")
