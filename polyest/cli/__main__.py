"""The command, as `python -m polyest.cli`."""

from polyest.cli import main

if __name__ == "__main__":
    main(prog_name="polyest")
