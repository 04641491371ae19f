"""The file format, schemas 1 and 2: one JSON object per line, with every real number as a decimal string.

    dumps(table) -> line        loads(line) -> table        K_of(line) -> K, without parsing the line

A line whose target is an expression, `custom:...`, has schema 2, so that versions that do not know
expressions refuse it; every other line has schema 1.

A decimal string is the shortest that reads back to the same double.  All reading and writing of lines is
here; release.py finds the released lines.  Only the syntax of a line is checked, and that it is complete.
`polyest.verify` proves its claims again.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from polyest.errors import CorruptTable, InvalidProblem
from polyest.problem.claims import Bracket, Certificate, Limits, claimed, stated
from polyest.problem.criteria import CRITERIA
from polyest.problem.problem import (
    BUDGET_KINDS,
    LARGEST_LISTED,
    Alternation,
    Budget,
    Dual,
    Problem,
)
from polyest.problem.targets import parse
from polyest.tables.lookup import Lookup
from polyest.tables.table import Table
from polyest.values import LONGEST, among, shown, whole

if TYPE_CHECKING:
    from polyest.tables.line import DualKey, Enclosed, Line, Listed, Universal, Witness
    from polyest.tables.universal import UniversalTable

SCHEMAS = 1, 2
MOST_POINTS = (
    8  # a witness has at most MOST_POINTS (K + 16) points; solvers give about 2 K for large K
)
LONGEST_LINE = 2**22  # bytes: ten times the longest line that a table of K = 1024 needs
LIMITS = tuple(name for name in Limits._fields if name != "bias")
DUAL_KEYS: "tuple[DualKey, ...]" = ("bias_points", "bias_weights", "noise_points", "noise_weights")
KEY_OF_K = b'"K": '
MOST_DIGITS = 16  # digits of a K, which is at most 2^53
OPENINGS = (  # the starts of a line of an unreleased table
    b'{"schema": 1, "release": null, "target": "',
    b'{"schema": 2, "release": null, "target": "custom:',
)


def dumps(table: "Table | UniversalTable") -> str:
    """Write a table as one line of JSON, without a line end.

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
        If `table` is no table, or its target is a Python function or a class of one's own.

    Examples
    --------
    >>> import polyest
    >>> dumps(polyest.load(2))[:46]
    '{"schema": 1, "release": "v1", "target": "log"'
    """
    entries: dict[str, object]
    if isinstance(table, Table):
        entries = {"grid": table.grid, "coefficients": [text(c) for c in table.coefficients]}
        witness = _witness_out(table.witness)
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

    Only the syntax is checked, and that the line is whole: prove the claims again with `polyest.verify`.

    Parameters
    ----------
    line : str or bytes
        One line of a table file, of schema 1 or 2.
    where : str
        The file and line that errors name.

    Returns
    -------
    Table or UniversalTable
        The table.

    Raises
    ------
    CorruptTable
        If the line is no table of schema 1 or 2.

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
        raise CorruptTable(
            f"{where}: key {error} is missing: the line is not a whole table"
        ) from None
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


def _heading(table: Lookup) -> dict[str, object]:
    """Return the keys of a record that state the problem of a table of any kind."""
    formula = f"custom:{getattr(table.problem.target, 'expression', '')}"
    if formula not in ("custom:", table.target):
        raise InvalidProblem(
            f"target {shown(table.target)} is a Python function, which is not written to a file: expected "
            f"its expression; solve for the target {formula!r} instead"
        )
    if parse(table.target) != table.problem.target:  # a subclass, whose code a file does not hold
        raise InvalidProblem(
            f"target {shown(table.problem.target)} is not what a file calls {table.target}: expected a "
            "target by its name, such as log; a class of your own is not written to a file"
        )
    return {
        "schema": _schema(table.target),
        "release": table.release,
        "target": table.target,
        "criterion": table.criterion,
        "K": table.K,
        "budget": _budget_out(table.budget),
    }


def _schema(target: str) -> int:
    """Return the schema of a line for this target."""
    return SCHEMAS[target.startswith("custom:")]


def _claims_out(table: Lookup) -> dict[str, object]:
    """Return the keys of a record that state the proved claims."""
    certificate, optimum = table.certificate, table.optimum
    return {
        "bias": _bracket_out(certificate.bias),
        "optimum": None if optimum is None else _bracket_out(optimum),
        **{CRITERIA[n].attribute: text(certificate.criterion(n)) for n in stated(table.criterion)},
    }


def _universal_out(table: "UniversalTable") -> dict[str, object]:
    return {
        "above": LARGEST_LISTED,
        "departures": [text(u) for u in table.departures],
        "bias": _bracket_out(table.limits.bias),
        **{name: text(getattr(table.limits, name)) for name in LIMITS},
    }


def _read(record: Any) -> "Table | UniversalTable":
    universal = isinstance(record, dict) and "universal" in record
    return _universal(record) if universal else _listed(record)


def _listed(record: "Listed") -> Table:
    """Return the table of a record that lists its coefficients."""
    problem = _posed(record)
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
        np.array(_numbers(record["coefficients"])),
        _claims_in(record),
        _witness_in(record["witness"], problem.K),
        _word("method", record["generator"]["method"]),
        record["release"],
        record["grid"],
        _word("version", record["generator"]["polyest"]),
    )


def _universal(record: "Universal") -> "UniversalTable":
    """Return the universal table of a record, whose claims follow from its limits."""
    from polyest.tables.universal import UniversalTable

    problem, universal = _posed(record), record["universal"]
    numbers: Mapping[str, object] = universal
    if universal["above"] != LARGEST_LISTED or problem.direction != "noise":
        raise CorruptTable(
            f"a universal table above {shown(universal['above'])} with budget {problem.budget}: expected "
            f"{LARGEST_LISTED} and a noise"
        )
    table = UniversalTable(
        problem,
        np.array(_numbers(universal["departures"])),
        Limits(_bracket_in(universal["bias"]), **{name: _number(numbers[name]) for name in LIMITS}),
        _number(record["witness"]["peak"]),
        _word("method", record["generator"]["method"]),
        record["release"],
        _word("version", record["generator"]["polyest"]),
    )
    if _claims_in(record) != table.certificate:
        raise CorruptTable(
            f"K = {table.K}: claims {_claims_in(record)}, where its limits say {table.certificate}"
        )
    return table


def _posed(record: "Line") -> Problem:
    """Return the problem of a record after checking the record's heading."""
    if not isinstance(record, dict):
        raise CorruptTable("not a JSON object: expected one table per line")
    schema = record["schema"]
    if schema not in SCHEMAS or isinstance(schema, bool):
        raise CorruptTable(f"schema {shown(schema)}: this polyest reads schemas 1 and 2")
    K = record["K"]
    if not whole(K, 1):
        raise CorruptTable(f"K is {shown(K)}: expected an integer of at least 1, up to 2^53")
    budget = record["budget"]
    allowed = None if budget is None else Budget(budget["kind"], _number(budget["value"]))
    if allowed is not None and not among(allowed.kind, BUDGET_KINDS):
        raise CorruptTable(
            f"budget {shown(allowed.kind)}: expected one of {', '.join(BUDGET_KINDS)}"
        )
    if not isinstance(record["target"], str):
        raise CorruptTable(f"target is {shown(record['target'])}: expected a text")
    if record["release"] is not None:
        _word("release", record["release"])
    target, criterion = parse(record["target"]), _word("criterion", record["criterion"])
    right = schema, record["target"] if schema == 1 else target.name
    if (_schema(target.name), record["target"]) != right:
        raise CorruptTable(
            f"target {shown(record['target'])} in a line of schema {schema}: expected "
            f"{shown(target.name)}, of schema {_schema(target.name)}"
        )
    if target.least_draws > K:
        raise CorruptTable(
            f"target of degree {target.least_draws}: expected K of at least that, got {K}"
        )
    limit = allowed.value if allowed is not None and allowed.kind == "bias" else None
    return Problem(K, target, criterion, allowed, limit)


def _word(name: str, value: object) -> str:
    """Return the value, a text of at most 60 characters; raise CorruptTable for any other."""
    if isinstance(value, str) and len(value) <= LONGEST:
        return value
    raise CorruptTable(f"{name} is {shown(value)}: expected a text of at most {LONGEST} characters")


def _claims_in(record: "Line") -> Certificate:
    """Return the claims of a record as a certificate."""
    claims: Mapping[str, object] = record
    names = stated(record["criterion"])
    bounds = {n: _number(claims[CRITERIA[n].attribute], finite=False) for n in names}
    optimum = None if record["optimum"] is None else _bracket_in(record["optimum"])
    return claimed(_bracket_in(record["bias"]), optimum, bounds)


def text(value: float) -> str:
    """Return the shortest decimal that reads back to the same double."""
    return repr(float(value))


def _number(text: object, finite: bool = True) -> float:
    """Return the double that a decimal string denotes."""
    try:
        value = float(text) if isinstance(text, str) else None
    except ValueError:
        value = None
    if value is None:
        raise CorruptTable(f"{shown(text)} is not a decimal string")
    if value != value or (finite and not isfinite(value)):
        raise CorruptTable(f"{shown(text)} is not a finite number")
    return value


def _numbers(texts: object) -> list[float]:
    """Return the finite doubles that a list of decimal strings denotes."""
    if not isinstance(texts, list):
        raise CorruptTable(f"{shown(texts)} is not a list of decimal strings")
    with suppress(TypeError, ValueError):
        if all(map(isfinite, values := [*map(float, texts)])) and set(map(type, texts)) <= {str}:
            return values
    return [_number(text) for text in texts]  # raises an error that names the bad text


def _bracket_out(bracket: Bracket) -> dict[str, str]:
    """Return a bracket as an object of two strings."""
    return {"lower": text(bracket.lower), "upper": text(bracket.upper)}


def _bracket_in(record: "Enclosed") -> Bracket:
    """Return the bracket of an object that `_bracket_out` made."""
    return Bracket(_number(record["lower"]), _number(record["upper"], finite=False))


def _budget_out(budget: Budget | None) -> dict[str, str] | None:
    return None if budget is None else {"kind": budget.kind, "value": text(budget.value)}


def _witness_out(witness: Alternation | Dual | None) -> dict[str, object] | None:
    if witness is None:
        return None
    if isinstance(witness, Alternation):
        return {"alternation": [text(p) for p in witness.points]}
    lists: dict[str, object] = {key: [text(x) for x in getattr(witness, key)] for key in DUAL_KEYS}
    return {**lists, "selection": text(witness.selection)}


def _witness_in(record: "Witness | None", K: int) -> Alternation | Dual | None:
    if record is None:
        return None
    if "alternation" in record:
        return Alternation(tuple(_numbers(record["alternation"])))
    lists: dict[str, tuple[float, ...]] = {key: tuple(_numbers(record[key])) for key in DUAL_KEYS}
    for kind in ("bias", "noise"):
        points, weights = lists[f"{kind}_points"], lists[f"{kind}_weights"]
        if len(points) != len(weights) or len(points) > MOST_POINTS * (K + 16):
            raise CorruptTable(
                f"{len(points)} {kind} points with {len(weights)} weights: expected as many, at most "
                f"{MOST_POINTS * (K + 16)}"
            )
        if not all(0 <= p <= 1 for p in points):
            raise CorruptTable(f"{kind} points outside [0, 1]: expected probabilities")
    return Dual(**lists, selection=_number(record["selection"]))
