"""This module runs the command `polyest` for `python -m polyest.cli`."""

from polyest.cli import main

if __name__ == "__main__":
    main()
