"""The plan of the house, which room may import which, is what is imported: a new edge is a decision.

A room is a package, or a file beside them.  `python tests/repository/test_layers.py` prints the real plan.
"""

import ast
from pathlib import Path

import polyest

PACKAGE = Path(polyest.__file__).parent

PLAN = {
    # Leaves: words for errors, numbers, arrays.
    "errors": set(),
    "version": set(),
    "values": set(),
    "arrays": set(),
    "decimals": set(),
    "record": set(),
    "dependencies": {"errors"},
    "deprecation": set(),
    "reals": {"arrays", "errors", "values"},
    # What is asked, and the mathematics of it.
    "problem": {"arrays", "errors", "precision", "record", "values"},
    "precision": {"dependencies", "errors"},
    "exact": {"arrays", "decimals", "dependencies", "errors", "precision", "problem"},
    # Solvers and proof are siblings, blind to each other; only `make` sees both.
    "solvers": {"arrays", "dependencies", "errors", "exact", "precision", "problem", "record"},
    "proof": {"arrays", "dependencies", "errors", "exact", "precision", "problem"},
    "make": {
        "arrays", "counts", "deprecation", "errors", "exact", "precision", "problem", "proof",
        "sizes", "solvers", "tables", "values", "version",
    },
    # The waist: what a trainer looks up, and the file where the two halves meet.
    "tables": {
        "arrays", "counts", "decimals", "deprecation", "errors", "problem", "record", "sizes",
        "values", "version",
    },
    "closed_forms": {"arrays", "decimals", "errors", "problem", "tables", "values"},
    "loops": {"arrays", "errors"},
    "compiled": {"errors", "loops", "tables", "values"},
    # Online: from answers to rewards.
    "standard": {"arrays"},
    "tallies": {"arrays", "errors", "standard", "values"},
    "counts": {"arrays", "errors", "tallies", "values"},
    "sizes": {"counts", "errors", "values"},
    "answers": {"arrays", "dependencies", "errors", "precision", "values"},
    "history": {"arrays", "errors", "reals", "tallies", "values"},
    "gathering": {"arrays", "errors"},
    "advantages": {"arrays", "counts", "errors", "reals", "values"},
    "rewards": {
        "arrays", "closed_forms", "counts", "errors", "gathering", "history", "problem", "reals",
        "tables", "values",
    },
    "pairing": {"advantages", "arrays", "counts", "errors", "rewards", "tables", "values"},
    "selection": {"arrays", "errors", "reals", "tallies", "values"},
    "metrics": {
        "arrays", "counts", "errors", "history", "problem", "reals", "rewards", "selection", "tables",
        "tallies", "values",
    },
    "grpo": {"advantages", "errors", "history", "metrics", "rewards", "values"},
    "integrations": {
        "advantages", "answers", "arrays", "counts", "errors", "gathering", "history", "metrics",
        "problem", "reals", "rewards", "selection", "tables", "values",
    },
    # Studies, games and the command line.
    "gradients": {"arrays", "counts", "errors", "problem", "values"},
    "recommendation": {
        "arrays", "closed_forms", "counts", "errors", "gradients", "history", "problem", "tables", "values",
    },
    "functions": set(),
    "curves": {"problem", "tables"},
    "rivals": {"closed_forms", "make", "problem", "proof", "tables"},
    "frontier": {
        "counts", "curves", "deprecation", "errors", "make", "problem", "proof", "rivals", "sizes",
        "tables", "values",
    },
    "games": {
        "arrays", "closed_forms", "counts", "dependencies", "errors", "make", "problem", "tables",
        "values",
    },
    "__main__": {"cli"},
    "cli": {
        "arrays", "closed_forms", "counts", "decimals", "dependencies", "errors", "explanation",
        "frontier", "gradients", "make", "precision", "problem", "proof", "recommendation", "sizes",
        "solvers", "tables", "values", "version",
    },
    # Public paths.
    "lookup": {"tables"},
    "explanation": {"make"},
    "sweeping": {"make"},
    "": {
        "advantages", "answers", "closed_forms", "compiled", "counts", "errors", "frontier",
        "functions", "games", "gathering", "grpo", "history", "make", "metrics", "pairing", "problem",
        "rewards", "selection", "tables", "version",
    },
}  # fmt: skip
# Calls up, inside functions: `Table.rounded`, and the certificate of a closed form, when it is asked for.
UP = {"tables": {"make", "proof"}}
OFFLINE = {"make", "proof", "exact", "solvers"}
ONLINE = (
    "tables",
    "closed_forms",
    "counts",
    "answers",
    "advantages",
    "rewards",
    "pairing",
    "integrations",
)


def imported(path):
    """Modules of this package that a file imports, anywhere in it."""
    paths = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("polyest"):
            inner = node.module.removeprefix("polyest").removeprefix(".")
            names = {f"{inner}.{alias.name}".removeprefix(".") for alias in node.names}
            modules = {name for name in names if exists(name)}
            paths |= modules if modules else {inner}
        elif isinstance(node, ast.Import):
            paths |= {
                a.name.removeprefix("polyest.") for a in node.names if a.name.startswith("polyest.")
            }
    return paths


def exists(name):
    place = PACKAGE.joinpath(*name.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def named(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {named(path): imported(path) for path in PACKAGE.rglob("*.py")}


def room(module):
    return module.partition(".")[0]


def rooms():
    """What the modules of each room import from others."""
    needed = {room(module): set() for module in MODULES}
    for module, needs in MODULES.items():
        needed[room(module)] |= {room(need) for need in needs} - {room(module)}
    return needed


def below(name, plan):
    return {name}.union(*(below(need, plan) for need in plan[name]))


def circle(needs):
    """What is left of a plan when whatever needs nothing of the rest is taken away, again and again."""
    remaining = {name: set(below) for name, below in needs.items()}
    while free := [name for name, below in remaining.items() if not below & remaining.keys()]:
        for name in free:
            del remaining[name]
    return remaining


def test_rooms_import_what_the_plan_says():
    planned = {name: needs | UP.get(name, set()) for name, needs in PLAN.items()}
    assert rooms() == planned


def test_no_rooms_import_in_a_circle():
    assert circle(PLAN) == {}
    assert circle({"a": {"b"}, "b": {"a"}, "c": set()}) == {"a": {"b"}, "b": {"a"}}


def test_no_modules_of_a_room_import_in_a_circle():
    for name in PLAN:
        inside = {module for module in MODULES if room(module) == name}
        assert circle({module: MODULES[module] & inside for module in inside}) == {}, name


def test_calls_up_are_made_inside_functions_only():
    for name, needs in UP.items():
        for path in (PACKAGE / name).rglob("*.py"):
            tree = ast.parse(path.read_text())
            top = ast.Module([node for node in tree.body if isinstance(node, ast.ImportFrom)], [])
            assert not {room(str(node.module)[8:]) for node in top.body} & needs, path


def test_solvers_and_proof_do_not_know_each_other():
    assert "proof" not in below("solvers", PLAN)
    assert "solvers" not in below("proof", PLAN)
    assert {name for name in PLAN if {"solvers", "proof"} <= PLAN[name]} == {"make", "cli"}


def test_nothing_online_stands_on_a_room_offline():
    for name in ONLINE:
        assert not below(name, PLAN) & OFFLINE, name
    assert below("frontier", PLAN) & OFFLINE


def test_no_module_is_longer_than_one_noun_needs():
    long = {named(p): len(p.read_text().splitlines()) for p in PACKAGE.rglob("*.py")}
    assert {name: n for name, n in long.items() if n > 400} == {}


def test_no_test_or_benchmark_is_longer_either():
    root = Path(__file__).parents[2]
    paths = [path for folder in ("tests", "benchmarks") for path in (root / folder).rglob("*.py")]
    assert Path(__file__) in paths
    long = {path.name: len(path.read_text().splitlines()) for path in paths}
    assert {name: n for name, n in long.items() if n > 400} == {}


def test_every_test_lies_in_the_folder_of_a_room_or_stands_for_a_file():
    root = Path(__file__).parents[1]
    folders = {path.name for path in root.iterdir() if path.is_dir()} - {"__pycache__", "data"}
    # of several rooms, or of none
    others = {"support", "benchmarks", "examples", "repository", "operations"}
    assert folders - others <= {name for name in PLAN if (PACKAGE / name).is_dir()}
    assert not list((root / "support").glob("test_*.py"))


if __name__ == "__main__":
    for name, needs in sorted(rooms().items()):
        print(f"{name!r}: {sorted(needs)}")
