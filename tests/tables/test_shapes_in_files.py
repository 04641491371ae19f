"""Lines of tables with a shape: schema 2, short witnesses, unknown keys, and every claim spoiled."""

import json
from copy import deepcopy

import pytest
from commands import refused, run
from copies import replace
from test_foreign_files import ODD, places, read_and_proved, spoiled

import polyest
from polyest.errors import CorruptTable, NotProved
from polyest.problem.claims import Bracket
from polyest.problem.problem import Alternation
from polyest.tables.format import may_begin

MADE = {
    "minimax": {"criterion": "minimax", "shape": "monotone"},
    "concave": {"criterion": "minimax", "shape": "concave"},
    "noise": {"noise": 2, "shape": "monotone"},
    "slack": {"noise": 8, "shape": "concave"},
    "exact": {"target": "polynomial:0,1", "criterion": "minimax", "shape": "monotone"},
    "rounded": {"criterion": "minimax", "shape": "concave", "grid": "float32"},
}


@pytest.fixture(scope="module", params=MADE)
def table(request):
    return polyest.solve(6, **MADE[request.param])


def changed(line, change):
    record = json.loads(line)
    change(record)
    return json.dumps(record)


def test_a_line_reads_back_to_the_same_table(table):
    line = polyest.dumps(table)
    assert line.startswith('{"schema": 2, "release": null, "target": "')
    assert may_begin(line.encode()[:50])
    again = polyest.loads(line)
    assert again == table
    assert (again.shape, again.witness, again.grid) == (table.shape, table.witness, table.grid)
    assert polyest.dumps(again) == line
    polyest.verify(again)


def test_a_line_without_a_shape_stays_schema_1():
    line = polyest.dumps(polyest.solve(6, noise=2))
    assert line.startswith('{"schema": 1, ')
    assert "shape" not in line
    assert "step_weights" not in line


def test_witnesses_are_short():
    """The multipliers of the steps of a minimax table follow, and are not written."""
    witness = {
        name: json.loads(polyest.dumps(polyest.solve(6, **MADE[name])))["witness"] for name in MADE
    }
    short = ["bias_points", "bias_weights", "selection"]
    assert list(witness["minimax"]) == list(witness["concave"]) == list(witness["slack"]) == short
    assert list(witness["noise"]) == [
        "bias_points", "bias_weights", "noise_points", "noise_weights", "step_weights", "selection",
    ]  # fmt: skip
    assert witness["exact"] == {"alternation": []}


@pytest.mark.parametrize("schema", [1, 3, 0, "2", True, 2.0, None])
def test_another_schema_is_refused(table, schema):
    line = changed(polyest.dumps(table), lambda record: record.update(schema=schema))
    with pytest.raises(CorruptTable, match=r"schema .* reads schema 1 and 2|expected schema 2"):
        polyest.loads(line)


def test_a_line_of_schema_2_without_a_shape_is_refused(table):
    for change in (lambda record: record.pop("shape"), lambda record: record.update(shape=None)):
        with pytest.raises(CorruptTable, match=r"schema 2 of a line with no shape|shape is None"):
            polyest.loads(changed(polyest.dumps(table), change))
    line = changed(polyest.dumps(polyest.load(6)), lambda record: record.update(schema=2))
    with pytest.raises(CorruptTable, match="schema 2 of a line with no shape: expected schema 1"):
        polyest.loads(line)


def test_a_universal_table_with_a_shape_has_levels_and_no_departures():
    line = changed(
        polyest.dumps(polyest.load(2000)),
        lambda record: record.update(schema=2, shape="monotone"),
    )
    with pytest.raises(
        CorruptTable, match="unknown key 'departures': expected above, levels_in_limit"
    ):
        polyest.loads(line)


OBJECTS = {
    "free": lambda: polyest.dumps(polyest.load(3)),
    "alternation": lambda: polyest.dumps(polyest.load(3, criterion="minimax")),
    "universal": lambda: polyest.dumps(polyest.load(2000)),
    "closed form": lambda: polyest.dumps(polyest.closed_forms.harmonic(3)),
    **{name: lambda name=name: polyest.dumps(polyest.solve(6, **MADE[name])) for name in MADE},
}


@pytest.mark.parametrize("name", OBJECTS)
def test_an_unknown_key_anywhere_is_an_error(name):
    record = json.loads(OBJECTS[name]())
    inside = [path for path in places(record) if isinstance(at(record, path), dict)]
    assert len(inside) >= 2
    for path in [(), *inside]:
        altered = deepcopy(record)
        at(altered, path)["colour"] = "1"
        with pytest.raises(CorruptTable, match="has an unknown key 'colour': expected"):
            polyest.loads(json.dumps(altered))


def at(record, path):
    for key in path:
        record = record[key]
    return record


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r["witness"]["step_weights"].pop(), "5 weights of steps: expected K = 6"),
        (lambda r: r["witness"].pop("step_weights"), "'step_weights' is missing"),
        (
            lambda r: r["witness"].pop("noise_points"),
            "unknown key 'noise_weights'|unknown key 'step_weights'",
        ),
        (lambda r: r["witness"]["bias_points"].pop(), "bias points with"),
        (lambda r: r["witness"]["bias_points"].__setitem__(0, "1.5"), "outside"),
        (lambda r: r.update(shape="convex"), "shape 'convex' is unknown"),
        (lambda r: r.update(shape=["monotone"]), "shape is .* expected a text"),
    ],
)
def test_a_line_that_is_not_whole_is_refused(change, said):
    line = changed(polyest.dumps(polyest.solve(6, noise=2, shape="monotone")), change)
    with pytest.raises(CorruptTable, match=said):
        polyest.loads(line)


# Every claim, spoiled

LIGHT = 1e-6  # of a weight: a change of it may show in no double of the bound, which then stands as proved


def spoiled_claims(table):
    lower, upper = table.bias.lower, table.bias.upper
    yield replace(table.certificate, bias=Bracket(lower, upper * (1 - 1e-9)))
    yield replace(table.certificate, bias=Bracket(lower * (1 + 1e-9) + 1e-300, upper))
    best = table.optimum
    yield replace(table.certificate, optimum=Bracket(best.lower * (1 + 1e-12) + 1e-300, best.upper))
    yield replace(table.certificate, optimum=Bracket(best.lower, best.upper * (1 - 1e-12)))
    yield replace(table.certificate, optimum=None)
    for name in ("second_moment", "variance", "gradient_variance", "squared_error"):
        yield replace(table.certificate, **{name: getattr(table, name) * (1 - 1e-12)})


def test_claims_that_are_spoiled_one_by_one_are_refused(table):
    for claims in spoiled_claims(table):
        with pytest.raises(NotProved, match="is claimed to be"):
            polyest.verify(replace(table, claims=claims))


def test_another_shape_another_target_and_no_witness_are_refused(table):
    other = "monotone" if table.shape == "concave" else "concave"
    for altered in (
        replace(table, problem=replace(table.problem, shape=None)),
        replace(table, problem=replace(table.problem, shape=other)),
        replace(table, witness=None),
    ):
        if altered.shape == "monotone" and table.grid is None and not table.witness.bounds_noise:
            continue  # a concave table is monotone: its claims are looked at below
        with pytest.raises(NotProved):
            polyest.verify(polyest.loads(polyest.dumps(altered)))


def test_a_concave_table_does_not_pass_for_the_best_monotone_one():
    table = polyest.solve(6, criterion="minimax", shape="concave")
    with pytest.raises(NotProved, match=r"optimum\.lower is claimed to be"):
        polyest.verify(replace(table, problem=replace(table.problem, shape="monotone")))


@pytest.mark.parametrize("name", ["minimax", "concave", "noise"])
def test_every_entry_weight_and_point_that_is_spoiled_is_refused(name, tmp_path):
    table = polyest.solve(6, **MADE[name])
    record = json.loads(polyest.dumps(table))
    lists = [
        ("coefficients",),
        *(("witness", key) for key in record["witness"] if key != "selection"),
    ]
    for path in lists:
        values = at(record, path)
        for i in range(0, len(values), 1 if path == ("coefficients",) else 3):
            weights = at(record, (*path[:-1], path[-1].replace("points", "weights")))
            light = path != ("coefficients",) and abs(float(weights[i])) < LIGHT
            if light or (path[-1].endswith("points") and float(values[i]) == 1):
                continue
            altered = deepcopy(record)
            at(altered, path)[i] = repr(float(values[i]) * (1 - 1e-3))
            with pytest.raises(NotProved):
                polyest.verify(polyest.loads(json.dumps(altered)))
    file = tmp_path / "t.jsonl"
    file.write_text(polyest.dumps(table) + "\n")
    assert run("verify", file).exit_code == 0
    file.write_text(spoiled(polyest.dumps(table), ("coefficients", 2), "-1.0") + "\n")
    assert refused("verify", file).startswith(f"{file}, line 1: K = 6: ")


def test_a_witness_of_alternation_points_is_refused():
    table = polyest.solve(6, criterion="minimax", shape="monotone")
    for points in ((0.5, 1.0), ()):
        altered = replace(table, witness=Alternation(points))
        with pytest.raises(NotProved):
            polyest.verify(altered)


@pytest.mark.parametrize("name", ["minimax", "noise", "exact"])
def test_a_value_in_any_place_of_a_line_is_a_table_or_a_named_error(name):
    line = polyest.dumps(polyest.solve(4, **MADE[name]))
    for place in places(json.loads(line)):
        for value in ODD[:: 1 if len(place) < 3 else 7]:
            wrong = read_and_proved(spoiled(line, place, value))
            assert wrong is None, (place, repr(value)[:60], wrong)
