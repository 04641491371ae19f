"""The plan of imports, compared with the real ones: a new edge is a decision, made here."""

import ast
from pathlib import Path

import polyest

PACKAGE = Path(polyest.__file__).parent

PLAN = {
    "errors": set(),
    "version": set(),
    "values": set(),
    "bernstein": set(),
    "record": set(),
    "decimals": set(),
    "precision": {"errors"},
    "helper_process": {"errors", "precision"},
    "entrance": {"errors", "helper_process", "precision"},
    "targets": {"bernstein", "errors", "record", "values"},
    "problem": {"bernstein", "errors", "record", "targets", "values"},
    "balls": {"decimals"},
    "selection": {"bernstein", "precision", "targets"},
    "alternation": {"balls", "bernstein", "errors", "precision", "targets"},
    "supremum": {"balls", "errors", "precision", "targets"},
    "duality": {"bernstein", "errors", "precision", "problem"},
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
    "solvers.constant": {"bernstein", "targets"},
    "solvers.remez": {"alternation", "bernstein", "entrance", "errors", "problem", "targets"},
    "solvers.lp": {"alternation", "bernstein", "entrance", "errors", "problem", "targets"},
    "solvers.socp": {
        "bernstein", "entrance", "errors", "problem", "selection", "solvers.constraints", "solvers.curves",
        "solvers.interior", "solvers.multipliers",
    },
    "solvers.cvx": {"bernstein", "entrance", "errors", "problem", "selection"},
    "certificate": {
        "alternation", "balls", "bernstein", "duality", "entrance", "errors", "precision", "problem",
        "record", "selection", "supremum", "targets",
    },
    "rounding": {"bernstein", "errors", "values"},
    "tightening": {
        "bernstein", "certificate", "entrance", "errors", "problem", "rounding", "targets",
    },
    "lookup": {"certificate", "errors", "problem", "values"},
    "table": {
        "bernstein", "certificate", "errors", "lookup", "problem", "record", "rounding", "targets",
        "tightening", "values", "version",
    },
    "universal": {
        "bernstein", "certificate", "decimals", "errors", "lookup", "problem", "table", "values", "version",
    },
    "poisson": set(),
    "uniform": {
        "balls", "bernstein", "certificate", "entrance", "errors", "poisson", "precision", "supremum",
        "universal",
    },
    "reading": {"certificate", "errors", "lookup", "problem", "table", "universal"},
    "closed_forms": {
        "bernstein", "certificate", "entrance", "errors", "lookup", "precision", "problem", "table",
        "targets", "values",
    },
    "making": {
        "bernstein", "certificate", "entrance", "errors", "problem", "rounding", "solvers",
        "solvers.constant", "solvers.remez", "table", "targets", "tightening", "uniform", "universal",
        "values",
    },
    "workers": {"errors", "precision"},
    "storage": {"errors"},
    "growing": {"errors", "storage"},
    "sweeping": {
        "errors", "growing", "making", "precision", "problem", "reading", "rounding", "storage", "table",
        "values", "version", "workers",
    },
    "proving": {"errors", "making", "reading", "universal", "workers"},
    # Counts to rewards to advantages; no solver, and a trainer's library only in the loop.
    "counts": {"errors", "values"},
    "reals": {"bernstein", "counts", "errors", "values"},
    "answers.characters": set(),
    "answers.tex": {"answers.characters"},
    "answers.numerals": {"answers.characters", "answers.tex"},
    "answers.formulas": {"answers.characters", "answers.numerals", "answers.tex"},
    "answers.boxes": set(),
    "answers.marks": {"answers.characters", "answers.formulas", "answers.numerals"},
    "answers.choices": {"answers.boxes", "answers.characters", "errors", "values"},
    "answers.reasoning": {"errors", "values"},
    "answers.tokens": set(),
    "answers.trees": set(),
    "answers.notation": {"answers.tokens", "answers.trees"},
    "answers.points": {"answers.trees"},
    "answers.equality": {
        "answers.notation", "answers.points", "answers.trees", "entrance", "precision",
    },
    "answers.keys": {
        "answers.boxes", "answers.characters", "answers.choices", "answers.formulas", "answers.marks",
        "answers.numerals", "answers.reasoning", "errors", "values",
    },
    "answers.identity": {
        "answers.choices", "answers.equality", "answers.keys", "answers.notation", "answers.reasoning",
        "answers.tokens", "errors", "values",
    },
    "answers": {
        "answers.choices", "answers.identity", "answers.keys", "answers.numerals", "answers.reasoning",
    },
    "advantages": {"counts", "errors", "reals", "values"},
    "gathering": {"bernstein", "counts", "errors"},
    "orbits": {"counts", "errors", "record"},
    "stratified": {"bernstein", "counts", "errors", "record"},
    "rewards.estimation": {
        "bernstein", "closed_forms", "counts", "errors", "lookup", "reading", "rounding", "table", "values",
    },
    "rewards.probability": {"counts", "errors", "reals", "rewards.estimation", "values"},
    "rewards.verifiable": {"counts", "errors", "reals", "rewards.estimation", "values"},
    "rewards.consensus": {
        "counts", "errors", "orbits", "rewards.estimation", "stratified", "values",
    },
    "rewards.agreement": {
        "bernstein", "counts", "errors", "orbits", "reals", "rewards.estimation", "values",
    },
    "rewards.safety": {"bernstein", "counts", "errors", "gathering", "reals", "values"},
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
    "integrations.scores": {"answers", "errors", "values"},
    "integrations.crediting": {
        "advantages", "bernstein", "errors", "integrations.scores", "rewards", "rewards.estimation",
        "values",
    },
    "integrations.tokens": {"errors", "integrations.crediting", "integrations.scores"},
    "integrations.messages": {"errors", "values"},
    "integrations.reader": {"answers", "errors", "values"},
    "integrations.labels": {"errors", "integrations.reader", "values"},
    "integrations.groups": {
        "advantages", "bernstein", "errors", "integrations.crediting", "integrations.messages",
        "integrations.reader", "integrations.tokens", "values",
    },
    "integrations.verl": {
        "answers", "errors", "integrations.crediting", "integrations.scores", "integrations.tokens",
        "values",
    },
    "integrations.trl_rows": {
        "errors", "integrations.messages", "integrations.reader", "record", "values",
    },
    "integrations.trl_batch": {
        "errors", "gathering", "integrations.reader", "integrations.trl_rows", "record", "values",
    },
    "integrations.trl_trainer": {"integrations.trl_rows"},
    "integrations.naming": {"integrations.reader", "integrations.trl_rows"},
    "integrations.trl_safety": {
        "errors", "integrations.messages", "integrations.naming", "rewards", "values",
    },
    "integrations.trl_setup": {"counts", "errors"},
    "integrations.trl_callback": {"errors"},
    "integrations.trl_check": {
        "errors", "integrations.trl_callback", "integrations.trl_setup", "values",
    },
    "integrations.trl_multiplier": {
        "errors", "integrations.trl_callback", "integrations.trl_safety",
    },
    "integrations.trl": {
        "errors", "integrations.crediting", "integrations.labels", "integrations.naming",
        "integrations.reader", "integrations.trl_batch", "integrations.trl_check",
        "integrations.trl_multiplier", "integrations.trl_rows", "integrations.trl_safety",
        "integrations.trl_setup", "integrations.trl_trainer", "rewards", "values",
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
        "bernstein", "closed_forms", "counts", "errors", "games.geometry", "games.goals", "lookup",
        "making", "reading", "values",
    },
    "games": {
        "games.alft", "games.coherence", "games.safety", "games.descent", "games.dynamics", "games.game",
        "games.geometry", "games.goals", "games.payoff", "games.referee", "games.solution",
    },
    "layout": {"bernstein", "certificate", "decimals"},
    "pages": {
        "bernstein", "certificate", "counts", "errors", "frontier", "layout", "lookup", "problem",
        "reading", "rounding", "table", "tightening", "universal",
    },
    "advice": {"layout", "problem", "recommendation"},
    "showing": {
        "certificate", "closed_forms", "errors", "making", "pages", "reading", "table", "terminal",
    },
    "solving": {
        "certificate", "making", "pages", "problem", "showing", "storage", "sweeping", "table", "terminal",
        "workers",
    },
    "cli": {
        "advice", "closed_forms", "drawing", "errors", "explorer", "frontier", "gradients", "making",
        "pages", "problem", "proving", "reading", "recommendation", "redrawing", "showing", "solvers.remez",
        "solving", "storage", "table", "terminal", "universal",
    },
    "terminal": {"errors", "precision"},
    "frontier": {
        "certificate", "closed_forms", "errors", "lookup", "making", "problem", "reading", "table",
        "targets", "values",
    },
    "drawing": {"errors"},
    "explorer": {
        "certificate", "closed_forms", "counts", "errors", "frontier", "layout", "pages", "problem", "table",
        "version",
    },
    "redrawing": {"drawing", "errors", "storage"},
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
