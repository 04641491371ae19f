"""This module writes reports and tables as JSON objects for other programs, one per line.

Real numbers are JSON numbers, each the shortest decimal that reads back to the same double, so that nothing
is lost; null stands for one that is not finite, which JSON does not have.  A table has the keys of the table
format except `schema`, because it is not a line of that format, whose numbers are decimal strings.
"""

import json
from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Literal

from polyest.tables.format import dumps

if TYPE_CHECKING:
    from polyest.frontier import Frontier, Point
    from polyest.tables.table import Table
    from polyest.tables.universal import UniversalTable

Form = Literal["json", "lines"]
# The keys of the table format whose values are words; every other string is a number.
WORDS = ("release", "target", "criterion", "shape", "kind", "grid", "polyest", "method")


def table_line(table: "Table | UniversalTable", form: Form) -> str:
    """Return a table as one line: an object of JSON numbers, or the line of the table format."""
    return dumps(table) if form == "lines" else object_line(_record(table))


def point_line(point: "Point", curve: "Frontier") -> str:
    """Return a point on the axes of a curve as one line: where it lies, then its table.

    Before the keys of the table stand `series` and `label`, the name of the curve or of an estimator;
    `noise`, which is the criterion `noise_of` in units of that of the plug-in table; and `least`, the
    bracket of E*(K).
    """
    place = {
        "series": point.series,
        "label": point.label,
        "noise": point.noise,
        "noise_of": curve.criterion,
        "least": {"lower": curve.least.lower, "upper": curve.least.upper},
    }
    return object_line(place | _record(point.table))


def object_line(record: Mapping[str, object]) -> str:
    """Return a report as one line of JSON.

    >>> object_line({"bias": 0.1, "limits": [1e300 * 1e10]})
    '{"bias": 0.1, "limits": [null]}'
    """
    return json.dumps({key: _finite(value) for key, value in record.items()}, allow_nan=False)


def _record(table: "Table | UniversalTable") -> dict[str, object]:
    """Return the keys of a table with its numbers as doubles."""
    record: dict[str, object] = json.loads(dumps(table))
    del record["schema"]
    return {key: _numbered(value, key) for key, value in record.items()}


def _numbered(value: object, key: str) -> object:
    """Return a value of the table format with its decimal strings as doubles."""
    if isinstance(value, dict):
        return {inner: _numbered(each, inner) for inner, each in value.items()}
    if isinstance(value, list):
        return [_numbered(each, key) for each in value]
    return float(value) if isinstance(value, str) and key not in WORDS else value


def _finite(value: object) -> object:
    """Return a value with None in place of the numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value
