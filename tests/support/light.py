"""A program for an environment that has numpy, and polyest without its other dependencies.

    pip install numpy && pip install --no-deps . && python tests/support/light.py

Look-ups, rewards, answers and integrations work there, and what needs more ends with one line.  With
`--blocked` it runs where the dependencies are installed, and forbids them.
"""

import importlib
import sys

DEPENDENCIES = ("flint", "scipy", "highspy", "click", "rich", "threadpoolctl")
TRAINERS = ("art", "rllm", "skyrl", "slime", "tinker", "trl", "verl")
SHARED = ("estimators", "group_reward", "groups", "messages", "reader", "scores")


def message_of(call):
    """Return the message of the error or of the exit with which a call ends."""
    from polyest.errors import PolyestError

    try:
        call()
    except (PolyestError, SystemExit) as end:
        return str(end)
    raise AssertionError("expected an error")


def check_what_works():
    """Look up, count, reward and read answers, and import every integration."""
    import numpy as np

    import polyest
    from polyest import answers, counts, rewards
    from polyest.errors import NotInstalled

    table = polyest.load(14)
    group = np.array([[7, 7, 7, 7, 7, 7, 7, 7, 3, 3, 3, 5, 5, 1, 2, 7]])
    index = counts.in_group(group).index
    assert table[index].tolist() == [[table[i] for i in row] for row in index.tolist()]
    assert len(table) == 15
    assert table.bias.upper < 0.003
    assert polyest.load(5000)[7] < 0  # the universal table
    for dyadic in (False, True):
        assert np.isfinite(rewards.log_probability(group, beta=0.1, dyadic=dyadic)).all()
    for paid in (rewards.diversity(group), rewards.polynomial(group, [0, 1, -0.5])):
        assert paid.shape == group.shape
    read = answers.from_texts([["so 4", r"\boxed{4}", "it is 5", "4.0"]], kind="auto")
    assert (read == read[0, 0]).tolist() == [[True, True, False, True]]
    for name in SHARED + TRAINERS:
        try:
            importlib.import_module(f"polyest.integrations.{name}")
        except NotInstalled:
            if name in SHARED:
                raise


def check_what_is_refused():
    """Each function that needs more raises NotInstalled, with the command that installs it."""
    import polyest
    from polyest import answers, cli

    refused = {
        "solve": lambda: polyest.solve(16),
        "verify": lambda: polyest.verify(),
        "rounded": lambda: polyest.load(14).rounded("float32"),
        "math_equal": lambda: answers.math_equal("1/2", "0.5"),
        "frontier": lambda: polyest.frontier,
        "bias of a closed form": lambda: polyest.closed_forms.log_count(14).bias,
    }
    for name, call in refused.items():
        message = message_of(call)
        assert message.endswith("not installed here: pip install 'polyest[solve]'"), (name, message)
    assert callable(polyest.solve)
    assert {"solve", "frontier"} <= set(dir(polyest))
    assert not hasattr(polyest, "frontier")
    message = message_of(cli.main)
    line = "polyest: error: this needs click, rich, not installed here: pip install 'polyest[cli]'"
    assert message == line, message


if __name__ == "__main__":
    if "--blocked" in sys.argv:
        sys.modules.update(dict.fromkeys(DEPENDENCIES))  # None forbids an import
    check_what_works()
    check_what_is_refused()
    imported = {name for name in DEPENDENCIES if sys.modules.get(name)}
    assert not imported, imported
    print("look-ups, rewards, answers and integrations work; the rest says what to install")
