"""The plan of imports, compared with the real ones: a new edge is a decision, made here."""

import ast
from pathlib import Path

import polyest

PACKAGE = Path(polyest.__file__).parent

PLAN = {
    "errors": set(),
    "version": set(),
    "bernstein": set(),
    "values": set(),
    "record": set(),
    "targets": {"bernstein", "errors", "record", "values"},
    "problem": {"bernstein", "errors", "record", "targets", "values"},
    "balls": set(),
    "selection": {"bernstein", "targets"},
    "alternation": {"balls", "bernstein", "errors", "targets"},
    "supremum": {"balls", "errors", "targets"},
    "duality": {"bernstein", "errors", "problem"},
    # Solvers and certifier are blind to each other.
    "solvers": set(),
    "solvers.hahn": {"bernstein"},
    "solvers.curves": {"bernstein", "problem", "solvers.hahn"},
    "solvers.constraints": {"bernstein", "solvers.curves"},
    "solvers.interior": {"bernstein", "errors", "solvers.constraints"},
    "solvers.multipliers": {
        "bernstein", "errors", "problem", "selection", "solvers.constraints", "solvers.curves",
        "solvers.interior",
    },
    "solvers.remez": {"alternation", "bernstein", "errors", "problem", "targets"},
    "solvers.lp": {"alternation", "bernstein", "errors", "problem", "targets"},
    "solvers.socp": {
        "bernstein", "errors", "problem", "selection", "solvers.constraints", "solvers.curves",
        "solvers.interior", "solvers.multipliers",
    },
    "solvers.cvx": {"bernstein", "errors", "problem", "selection"},
    "certificate": {
        "alternation", "balls", "bernstein", "duality", "errors", "problem", "record", "selection",
        "supremum", "targets",
    },
    "rounding": {"bernstein", "errors", "values"},
    "tightening": {"bernstein", "certificate", "errors", "problem", "rounding", "targets"},
    "lookup": {"certificate", "errors", "problem", "values"},
    "table": {
        "balls", "bernstein", "certificate", "errors", "lookup", "problem", "record", "rounding",
        "targets", "tightening", "values", "version",
    },
    "universal": {
        "bernstein", "certificate", "errors", "lookup", "problem", "table", "values", "version",
    },
    "poisson": set(),
    "uniform": {
        "balls", "bernstein", "certificate", "errors", "poisson", "supremum", "universal",
    },
    "reading": {"certificate", "errors", "lookup", "problem", "table", "universal"},
    "closed_forms": {
        "balls", "bernstein", "certificate", "errors", "lookup", "problem", "table", "targets", "values",
    },
    "making": {
        "balls", "bernstein", "certificate", "errors", "problem", "rounding", "solvers", "solvers.remez",
        "table", "targets", "tightening", "uniform", "universal", "values",
    },
    "workers": {"errors"},
    "sweeping": {
        "balls", "errors", "making", "problem", "reading", "rounding", "table", "values", "version",
        "workers",
    },
    "proving": {"errors", "making", "reading", "universal", "workers"},
    # Counts to rewards to advantages; no solver, and a trainer's library only in the loop.
    "counts": {"errors", "values"},
    "answers.keys": {"errors", "values"},
    "answers.identity": {"answers.keys", "errors", "values"},
    "answers": {"answers.identity", "answers.keys"},
    "advantages": {"errors", "values"},
    "gathering": {"bernstein", "counts", "errors"},
    "orbits": {"counts", "errors", "record"},
    "stratified": {"bernstein", "counts", "errors", "record"},
    "rewards.estimation": {
        "bernstein", "closed_forms", "counts", "errors", "lookup", "reading", "rounding", "table",
        "values",
    },
    "rewards.probability": {"counts", "errors", "rewards.estimation", "values"},
    "rewards.verifiable": {"counts", "errors", "rewards.estimation", "values"},
    "rewards.consensus": {
        "counts", "errors", "orbits", "rewards.estimation", "stratified", "values",
    },
    "rewards.agreement": {
        "bernstein", "counts", "errors", "orbits", "rewards.estimation", "values",
    },
    "rewards.safety": {"bernstein", "counts", "errors", "gathering", "values"},
    "rewards": {
        "rewards.agreement", "rewards.consensus", "rewards.estimation", "rewards.probability",
        "rewards.safety", "rewards.verifiable",
    },
    "pairing": {
        "advantages", "counts", "errors", "lookup", "record", "rewards.estimation", "values",
    },
    "grpo": {"advantages", "errors", "values"},
    # Trainers know everything above; nothing above knows them.
    "integrations": set(),
    "integrations.scores": {"answers", "errors"},
    "integrations.crediting": {"advantages", "bernstein", "errors", "rewards", "rewards.estimation"},
    "integrations.tokens": {"errors", "integrations.crediting", "integrations.scores"},
    "integrations.groups": {
        "advantages", "answers", "bernstein", "errors", "integrations.crediting", "integrations.tokens",
    },
    "integrations.verl": {
        "answers", "errors", "integrations.crediting", "integrations.scores", "integrations.tokens",
    },
    "integrations.trl_batch": {"answers", "errors", "gathering", "record"},
    "integrations.trl_safety": {"errors", "integrations.trl_batch", "rewards"},
    "integrations.trl_setup": {"counts", "errors"},
    "integrations.trl_multiplier": {"errors", "integrations.trl_safety"},
    "integrations.trl": {
        "errors", "integrations.trl_batch", "integrations.trl_multiplier", "integrations.trl_safety",
        "integrations.trl_setup", "rewards",
    },
    "compiled": {"errors", "table", "values"},
    "gradients": {"bernstein", "errors", "values"},
    "recommendation": {
        "bernstein", "closed_forms", "counts", "errors", "gradients", "lookup", "reading", "table",
        "values",
    },
    # Games know tables where rewards are estimated; nothing below knows games.
    "games.geometry": {"bernstein", "errors", "record", "targets", "values"},
    "games.goals": {"bernstein", "errors", "games.geometry", "record", "values"},
    "games.coherence": {"bernstein", "errors", "games.goals", "values"},
    "games.safety": {"bernstein", "errors", "games.geometry", "games.goals", "values"},
    "games.alft": {
        "bernstein", "errors", "games.geometry", "games.goals", "games.safety", "record", "values",
    },
    "games.game": {
        "bernstein", "errors", "games.alft", "games.geometry", "games.goals", "record", "values",
    },
    "games.solution": {
        "bernstein", "errors", "games.alft", "games.game", "games.goals", "games.safety", "record",
        "values",
    },
    "games.dynamics": {"bernstein", "errors", "games.game", "games.goals", "record", "values"},
    "games.referee": {
        "bernstein", "errors", "games.alft", "games.coherence", "games.safety", "games.geometry",
        "games.goals",
    },
    "games.descent": {
        "bernstein", "counts", "errors", "games.alft", "games.dynamics", "games.game", "games.geometry",
        "games.goals", "lookup", "record", "table", "targets", "values",
    },
    "games.payoff": {
        "bernstein", "closed_forms", "counts", "errors", "games.geometry", "games.goals", "lookup", "making",
        "reading", "values",
    },
    "games": {
        "games.alft", "games.coherence", "games.safety", "games.descent", "games.dynamics", "games.game",
        "games.geometry", "games.goals", "games.payoff", "games.referee", "games.solution",
    },
    "layout": {"bernstein", "certificate"},
    "pages": {
        "bernstein", "certificate", "counts", "errors", "frontier", "layout", "lookup", "problem",
        "reading", "rounding", "table", "tightening", "universal",
    },
    "advice": {"layout", "problem", "recommendation"},
    "showing": {
        "certificate", "closed_forms", "errors", "making", "pages", "reading", "table", "terminal",
    },
    "solving": {
        "making", "pages", "problem", "showing", "sweeping", "table", "terminal", "workers",
    },
    "cli": {
        "advice", "closed_forms", "drawing", "errors", "explorer", "frontier", "gradients", "making", "pages",
        "problem", "proving", "reading", "recommendation", "redrawing", "showing", "solvers.remez", "solving",
        "sweeping", "table", "terminal", "universal",
    },
    "terminal": {"errors"},
    "frontier": {
        "certificate", "closed_forms", "errors", "lookup", "making", "problem", "reading", "table",
        "targets", "values",
    },
    "drawing": {"errors"},
    "explorer": {
        "certificate", "closed_forms", "counts", "errors", "frontier", "layout", "pages", "problem", "table",
        "version",
    },
    "redrawing": {"drawing", "errors", "sweeping"},
    "": {
        "advantages", "answers", "closed_forms", "compiled", "counts", "errors", "frontier", "games",
        "gathering", "grpo", "making", "pairing", "reading", "rewards", "table", "universal", "version",
    },
}  # fmt: skip


def imported(path):
    """Modules of this package that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("polyest"):
            inner = node.module.removeprefix("polyest").removeprefix(".")
            names = {f"{inner}.{alias.name}".removeprefix(".") for alias in node.names}
            modules = {name for name in names if exists(name)}
            found |= modules if modules else {inner}
        elif isinstance(node, ast.Import):
            found |= {
                a.name.removeprefix("polyest.") for a in node.names if a.name.startswith("polyest.")
            }
    return found


def exists(name):
    place = PACKAGE.joinpath(*name.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def named(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def test_imports_are_the_plan():
    real = {named(path): imported(path) for path in PACKAGE.rglob("*.py")}
    assert real == PLAN


def test_nothing_imports_in_a_circle():
    remaining = {name: set(needs) for name, needs in PLAN.items()}
    while remaining:
        free = [name for name, needs in remaining.items() if not needs & remaining.keys()]
        assert free, f"a circle among {sorted(remaining)}"
        for name in free:
            del remaining[name]


def test_solver_and_certifier_do_not_meet_below_making():
    def below(name):
        return {name}.union(*(below(need) for need in PLAN[name]))

    for solver in ("remez", "lp", "socp", "cvx"):
        assert "certificate" not in below(f"solvers.{solver}")
        assert "supremum" not in below(f"solvers.{solver}")
    assert not any(name.startswith("solvers") for name in below("certificate") | below("table"))


def test_no_module_is_longer_than_one_noun_needs():
    long = {named(p): len(p.read_text().splitlines()) for p in PACKAGE.rglob("*.py")}
    assert {name: n for name, n in long.items() if n > 400} == {}


def test_no_test_or_benchmark_is_longer_either():
    root = Path(__file__).parents[1]
    paths = [path for folder in ("tests", "benchmarks") for path in (root / folder).glob("*.py")]
    assert Path(__file__) in paths
    long = {path.name: len(path.read_text().splitlines()) for path in paths}
    assert {name: n for name, n in long.items() if n > 400} == {}
