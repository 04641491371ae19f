"""This module reads and writes the file format of tables: one JSON object per line (schemas 1 and 2).

    dumps(table) -> line        loads(line) -> table        K_of(line) -> K, without parsing the line

A line of a table with a shape, or whose target is an expression, `custom:...`, is of schema 2, so that
polyest 0.1.0 refuses it; every other line is of schema 1.  Every real number is a decimal string, the
shortest that reads back to the same double.  Lines are read and written only here and in values.py and
witness.py; release.py finds the released lines.  Only the syntax of a line is validated: it has to be
complete and must have no other keys.  `polyest.verify` proves its claims again.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import CorruptTable, InvalidProblem
from polyest.problem.claims import Certificate, Limits, claimed, stated
from polyest.problem.criteria import CRITERIA, MINIMAX
from polyest.problem.problem import (
    BUDGET_KINDS,
    LARGEST_LISTED,
    Budget,
    Problem,
)
from polyest.problem.shapes import check_shape
from polyest.problem.targets import parse
from polyest.tables.lookup import Lookup
from polyest.tables.table import Table
from polyest.tables.values import bracket_in, bracket_out, number, numbers, only, text, word
from polyest.tables.witness import read, written
from polyest.values import among, shown, whole

if TYPE_CHECKING:
    from polyest.tables.line import Line, Listed, Universal
    from polyest.tables.universal import UniversalTable

SCHEMA, FURTHER = 1, 2  # of a line, and of one with a shape or an expression
EXPRESSION = "custom:"  # how a target that is an expression begins
LONGEST_LINE = 2**22  # bytes: ten times the longest line that a table of K = 1024 needs
LIMITS = tuple(name for name in Limits._fields if name != "bias")
HEADING = ("schema", "release", "target", "criterion", "K", "budget")
CLAIMED = ("bias", "optimum", "witness", "generator")
KEY_OF_K = b'"K": '
MOST_DIGITS = 16  # digits of a K, which is at most 2^53
# The starts of a line of an unreleased table.
OPENINGS = tuple(
    f'{{"schema": {schema}, "release": null, "target": "'.encode() for schema in (SCHEMA, FURTHER)
)


def dumps(table: "Table | UniversalTable") -> str:
    """Write a table as one line of JSON, without a line end.

    The line is of schema 2 if the table has a shape or its target is an expression, and else of schema 1.

    Parameters
    ----------
    table : Table or UniversalTable
        The table.

    Returns
    -------
    str
        The line; every real number in it is the shortest decimal string that reads back to the same
        double.

    Raises
    ------
    InvalidProblem
        If `table` is not a table, or its target is a Python function or a class that you defined.

    Examples
    --------
    >>> import polyest
    >>> dumps(polyest.load(2))[:46]
    '{"schema": 1, "release": "v1", "target": "log"'
    """
    entries: dict[str, object]
    if isinstance(table, Table):
        entries = {"grid": table.grid, "coefficients": [text(c) for c in table.coefficients]}
        witness = written(table.witness, table.shape)
    else:
        from polyest.tables.universal import UniversalTable

        if not isinstance(table, UniversalTable):
            raise InvalidProblem(
                f"table is {shown(table)}: expected a table of polyest, as load and solve give it"
            )
        entries = {"universal": _universal_out(table)}
        witness = {"peak": text(table.peak)}
    record = {**_heading(table), **entries, **_claims_out(table)}
    return json.dumps({**record, "witness": witness, "generator": table.generator})


def loads(line: str | bytes, where: str = "table") -> "Table | UniversalTable":
    """Read a table from one line of JSON.

    Only the syntax is validated, and that the line is complete.  `polyest.verify` proves the claims again.

    Parameters
    ----------
    line : str or bytes
        One line of a table file, of schema 1 or 2.
    where : str
        The name of the file and line, for error messages.

    Returns
    -------
    Table or UniversalTable
        The table.

    Raises
    ------
    CorruptTable
        If the line is not a table of schema 1 or 2.

    Examples
    --------
    >>> import polyest
    >>> table = polyest.load(2)
    >>> loads(dumps(table)) == table
    True
    """
    where = where[-300:] if isinstance(where, str) else shown(where)
    try:
        if len(line) > LONGEST_LINE:
            raise CorruptTable(f"{len(line)} bytes: expected a table, at most {LONGEST_LINE} bytes")
        return _read(json.loads(line))
    except CorruptTable as error:
        raise CorruptTable(f"{where}: {error}") from None
    except KeyError as error:
        raise CorruptTable(f"{where}: key {error} is missing: the line is incomplete") from None
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise CorruptTable(
            f"{where}: {str(error)[:400]}: the line is cut or altered; restore the file"
        ) from None


def loads_listed(line: str | bytes, where: str = "table") -> Table:
    """Return the table of a line that lists its coefficients.

    Raise as `loads` does, and for a universal table.
    """
    table = loads(line, where)
    if not isinstance(table, Table):
        raise CorruptTable(
            f"{where}: holds {table!r}: expected a table that lists its coefficients"
        )
    return table


def K_of(line: bytes) -> int | None:
    """Return K of a line, or of its beginning, from its key alone; None where there is no such key.

    >>> K_of(b'{"schema": 1, "K": 14, "budget": null'), K_of(b"?")
    (14, None)
    """
    start = line.find(KEY_OF_K)
    digits = line[start + len(KEY_OF_K) :].split(b",", 1)[0]
    if start < 0 or not digits.isdigit() or len(digits) > MOST_DIGITS:
        return None
    return int(digits)


def may_begin(cut: bytes) -> bool:
    """Return whether a line of an unreleased table may begin with these bytes.

    >>> may_begin(b'{"sch'), may_begin(b"K,bias")
    (True, False)
    """
    return any(cut.startswith(opening) or opening.startswith(cut) for opening in OPENINGS)


def _schema(problem: Problem) -> int:
    """Return the schema of the line of a table for this problem."""
    further = problem.shape is not None or problem.target.name.startswith(EXPRESSION)
    return FURTHER if further else SCHEMA


def _heading(table: Lookup) -> dict[str, object]:
    """Return the keys of a record that state the problem of a table of any kind."""
    formula = f"{EXPRESSION}{getattr(table.problem.target, 'expression', '')}"
    if formula not in (EXPRESSION, table.target):
        raise InvalidProblem(
            f"target {shown(table.target)} is a Python function, which cannot be written to a "
            f"file: solve for the target {formula!r} instead"
        )
    if parse(table.target) != table.problem.target:  # a subclass, whose code a file does not hold
        raise InvalidProblem(
            f"target {shown(table.problem.target)} is not the target that a file names "
            f"{table.target}: expected a target by its name, such as log; a class that you "
            "defined cannot be written to a file"
        )
    return {
        "schema": _schema(table.problem),
        "release": table.release,
        "target": table.target,
        "criterion": table.criterion,
        **({} if table.shape is None else {"shape": table.shape}),
        "K": table.K,
        "budget": _budget_out(table.budget),
    }


def _claims_out(table: Lookup) -> dict[str, object]:
    """Return the keys of a record that state the proved claims."""
    certificate, optimum = table.certificate, table.optimum
    return {
        "bias": bracket_out(certificate.bias),
        "optimum": None if optimum is None else bracket_out(optimum),
        **{CRITERIA[n].attribute: text(certificate.criterion(n)) for n in stated(table.criterion)},
    }


def _universal_out(table: "UniversalTable") -> dict[str, object]:
    rows = np.atleast_2d(table.departures)
    return {
        "above": LARGEST_LISTED,
        **{key: [*map(text, row)] for key, row in zip(_heads(table.shape), rows, strict=True)},
        "bias": bracket_out(table.limits.bias),
        **{name: text(getattr(table.limits, name)) for name in LIMITS},
    }


def _read(record: Any) -> "Table | UniversalTable":
    universal = isinstance(record, dict) and "universal" in record
    return _universal(record) if universal else _listed(record)


def _listed(record: "Listed") -> Table:
    """Return the table of a record that lists its coefficients."""
    problem = _posed(record, ("grid", "coefficients"))
    if problem.K > LARGEST_LISTED:
        raise CorruptTable(
            f"K is {problem.K}: a table that lists its coefficients has K up to {LARGEST_LISTED}"
        )
    if not isinstance(record["grid"], str | None):
        raise CorruptTable(f"grid is {shown(record['grid'])}: expected a text or null")
    if record["grid"] is not None:
        from polyest.problem.grids import parse_grid

        parse_grid(record["grid"])
    return Table(
        problem,
        np.array(numbers(record["coefficients"])),
        _claims_in(record),
        read(record["witness"], problem),
        word("method", record["generator"]["method"]),
        record["release"],
        record["grid"],
        word("version", record["generator"]["polyest"]),
    )


def _universal(record: "Universal") -> "UniversalTable":
    """Return the universal table of a record, whose claims follow from its limits."""
    from polyest.tables.universal import UniversalTable

    problem, universal = _posed(record, ("universal",)), record["universal"]
    limits: Mapping[str, object] = universal
    keys = _heads(problem.shape)
    only("universal", universal, ("above", *keys, "bias", *LIMITS))
    only("witness", record["witness"], ("peak",))
    posed = problem.direction == "noise" if problem.shape is None else problem.is_minimax
    if universal["above"] != LARGEST_LISTED or not posed:
        raise CorruptTable(
            f"a universal table above {shown(universal['above'])} with budget {problem.budget} and shape "
            f"{problem.shape}: expected {LARGEST_LISTED} and a noise, or {MINIMAX} and a shape"
        )
    rows = [numbers(limits[key]) for key in keys]
    if len({*map(len, rows)}) > 1:
        raise CorruptTable(
            f"{' and '.join(keys)} of lengths {[*map(len, rows)]}: expected one length"
        )
    table = UniversalTable(
        problem,
        np.array(rows[0] if problem.shape is None else rows),
        Limits(bracket_in(universal["bias"]), **{name: number(limits[name]) for name in LIMITS}),
        number(record["witness"]["peak"]),
        word("method", record["generator"]["method"]),
        record["release"],
        word("version", record["generator"]["polyest"]),
    )
    if _claims_in(record) != table.certificate:
        raise CorruptTable(
            f"K = {table.K}: claims {_claims_in(record)}, where its limits say {table.certificate}"
        )
    return table


def _heads(shape: str | None) -> tuple[str, ...]:
    """Return the keys of the lists of a universal table: of the departures, or of both lists of levels."""
    return ("departures",) if shape is None else ("levels_in_limit", f"levels_at_{LARGEST_LISTED}")


def _posed(record: "Line", further: tuple[str, ...]) -> Problem:
    """Return the problem of a record after checking the record's heading and its keys.

    further: keys that lines of its kind have beside those of every line.
    """
    if not isinstance(record, dict):
        raise CorruptTable("not a JSON object: expected one table per line")
    if "schema" not in record and "coefficients" in record:
        raise CorruptTable(
            "key 'schema' is missing: the line is incomplete, or an object of polyest --json, "
            "which is for other programs; print the table with --lines, or write it with -o"
        )
    schema = record["schema"]
    if not whole(schema, SCHEMA, FURTHER):
        raise CorruptTable(
            f"schema {shown(schema)}: this polyest reads schema {SCHEMA} and {FURTHER}"
        )
    values: Mapping[str, object] = record
    own = ("shape",) if "shape" in values else ()
    shape = word("shape", values["shape"]) if own else None
    if shape is not None:
        check_shape(shape)
    bounds = (CRITERIA[name].attribute for name in stated(word("criterion", record["criterion"])))
    only("line", record, (*HEADING, *own, *further, *bounds, *CLAIMED))
    K = record["K"]
    if not whole(K, 1):
        raise CorruptTable(f"K is {shown(K)}: expected an integer of at least 1, up to 2^53")
    budget = record["budget"]
    if budget is not None:
        only("budget", budget, ("kind", "value"))
    allowed = None if budget is None else Budget(budget["kind"], number(budget["value"]))
    if allowed is not None and not among(allowed.kind, BUDGET_KINDS):
        raise CorruptTable(
            f"budget {shown(allowed.kind)}: expected one of {', '.join(BUDGET_KINDS)}"
        )
    if not isinstance(record["target"], str):
        raise CorruptTable(f"target is {shown(record['target'])}: expected a text")
    if record["release"] is not None:
        word("release", record["release"])
    only("generator", record["generator"], ("polyest", "method"))
    target = parse(record["target"])
    if target.name.startswith(EXPRESSION) and record["target"] != target.name:
        raise CorruptTable(
            f"target {shown(record['target'])}: expected it as it is written, {shown(target.name)}"
        )
    if target.least_draws > K:
        raise CorruptTable(
            f"target of degree {target.least_draws}: expected K of at least that, got {K}"
        )
    limit = allowed.value if allowed is not None and allowed.kind == "bias" else None
    problem = Problem(K, target, record["criterion"], allowed, limit, shape)
    if schema != _schema(problem):
        plain = _schema(problem) == SCHEMA
        has = "no shape" if plain else f"shape {shape}" if shape else f"target {shown(target.name)}"
        raise CorruptTable(
            f"schema {schema} of a line with {has}: expected schema {_schema(problem)}"
        )
    return problem


def _claims_in(record: "Line") -> Certificate:
    """Return the claims of a record as a certificate."""
    claims: Mapping[str, object] = record
    names = stated(record["criterion"])
    bounds = {n: number(claims[CRITERIA[n].attribute], finite=False) for n in names}
    optimum = None if record["optimum"] is None else bracket_in(record["optimum"])
    return claimed(bracket_in(record["bias"]), optimum, bounds)


def _budget_out(budget: Budget | None) -> dict[str, str] | None:
    return None if budget is None else {"kind": budget.kind, "value": text(budget.value)}
