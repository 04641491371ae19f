"""What `import polyest`, a look-up and the command line import: nothing heavy."""

from imports import HEAVY, imported, roots


def test_import_polyest_loads_nothing_heavy():
    modules = imported("import polyest")
    assert "polyest" in modules
    assert not roots(modules) & {*HEAVY, "numpy", "click", "rich"}


def test_load_and_look_up_need_neither_solver_nor_balls():
    modules = imported("import polyest; polyest.load(15)[[0, 3, 15]]")
    assert "polyest.tables.table" in modules
    assert not roots(modules) & HEAVY
    solving = (
        "polyest.solvers",
        "polyest.make.pipeline",
        "polyest.exact.levelled",
        "polyest.proof.dual_bound",
    )
    assert not [name for name in modules if name.startswith(solving)]


def test_the_command_line_loads_nothing_heavy_before_it_is_told_what_to_do():
    modules = imported("import polyest.cli.commands")
    assert "click" in modules
    assert not roots(modules) & {*HEAVY, "numpy", "rich"}


def test_rewards_for_a_trainer_load_no_trainer():
    modules = imported("from polyest.integrations import trl")
    assert "polyest.integrations.trl" in modules
    assert not roots(modules) & {*HEAVY, "transformers", "trl", "datasets", "accelerate"}


def test_the_look_sees_what_is_imported():
    # the same look at something that does import: else the tests above would pass on nothing
    assert {"numpy", "flint"} <= roots(imported("import polyest.exact.balls, numpy"))
