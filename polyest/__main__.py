"""`python -m polyest` runs the command."""

from polyest.cli import main

if __name__ == "__main__":
    main()
