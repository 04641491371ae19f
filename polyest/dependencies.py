"""This module checks for the packages that polyest needs beside numpy, and says how to install them.

After `pip install numpy` and `pip install --no-deps polyest`, look-ups, rewards and integrations work.  A
function that needs more calls `require` before it imports it.
"""

import sys

from polyest.errors import NotInstalled

# module: (what it is called in the package registry, the extra of polyest that has it)
DEPENDENCIES = {
    "click": ("click", "cli"),
    "rich": ("rich", "cli"),
    "flint": ("python-flint", "solve"),
    "highspy": ("highspy", "solve"),
    "scipy": ("scipy", "solve"),
    "threadpoolctl": ("threadpoolctl", "solve"),
}


def require(*modules: str) -> None:
    """Raise NotInstalled unless the named modules of DEPENDENCIES are installed; import none of them."""
    missing = [name for name in modules if not _is_installed(name)]
    if missing:
        names = ", ".join(DEPENDENCIES[name][0] for name in missing)
        extra = DEPENDENCIES[missing[0]][1]
        raise NotInstalled(
            f"this needs {names}, not installed here: pip install 'polyest[{extra}]'"
        )


def _is_installed(module: str) -> bool:
    if module in sys.modules:
        return sys.modules[module] is not None  # None forbids an import
    from importlib.util import find_spec  # imported here: a look-up does without

    return find_spec(module) is not None
