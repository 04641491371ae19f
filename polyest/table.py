"""A table: K+1 numbers to look counts up in, with the problem they answer and what is proved of them.

    t[X] = c_X,   E[c_X] = P(p) for X ~ Binomial(K, p)

`dumps` and `loads` are the file format (schema 1, one JSON object per line, every real number a
decimal string that reads back to the same double); `reading.py` finds released files.  What only
rounding needs is imported there, as loading a table is to be quick.
"""

import json
import sys
import warnings
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, TypeVar

import numpy as np

from polyest.bernstein import Floats
from polyest.certificate import Bracket, Certificate, reselected
from polyest.errors import CorruptTable, InvalidProblem, RuinedByRounding
from polyest.lookup import Lookup
from polyest.problem import BUDGET_KINDS, Alternation, Budget, Dual, Problem
from polyest.record import Record
from polyest.targets import parse
from polyest.version import __version__

SCHEMA = 1
CRITERIA = ("second_moment", "variance", "gradient_variance", "squared_error")

Read = TypeVar("Read")


class Table(Record, Lookup):
    """Entries c_0..c_K with their problem, certificate and origin; `t[counts]` looks up.

    >>> import polyest
    >>> polyest.load(15)[[0, 3, 15]].shape
    (3,)
    """

    problem: Problem
    coefficients: Floats
    certificate: Certificate
    witness: Alternation | Dual | None
    method: str
    release: str | None = None
    grid: str | None = None
    version: str = __version__

    __eq__ = object.__eq__  # of arrays there is no one answer
    __hash__ = object.__hash__

    def __post_init__(self) -> None:
        entries = np.array(self.coefficients, dtype=np.float64)
        if entries.shape != (self.problem.K + 1,) or not np.isfinite(entries).all():
            raise CorruptTable(
                f"a table of K = {self.problem.K} needs {self.problem.K + 1} finite coefficients, "
                f"got shape {entries.shape} with {np.count_nonzero(~np.isfinite(entries))} not finite"
            )
        entries.setflags(write=False)
        vars(self)["coefficients"] = entries

    def rounded(self, grid: str, *, group: int | None = None, beta: float = 1.0) -> "Table":
        """The table with entries rounded to a grid, and a certificate of those entries.

        grid: "float32", "bfloat16" or "dyadic", on which beta c_X is a whole multiple of the finest
        2^-B, B <= 16, that sums `group` rewards beta c_X exactly in float32 (rounding.py); group:
        traces, for dyadic only; beta: the factor between entry and reward.

        The budget is kept: where rounding would spend more noise, entries are drawn together by as
        much (tightening.py).  Warns RuinedByRounding where sup|bias| more than doubles.  Raises
        InvalidProblem for a bad grid, group or beta, entries that no such grid holds, and a table on
        another grid already; NotProved where a bias budget is missed: polyest.solve with that grid
        tightens it.

        >>> import polyest
        >>> polyest.load(14).rounded("dyadic", group=16).grid
        'dyadic:16'
        """
        from polyest.rounding import Rounding
        from polyest.tightening import tightened

        rounding = Rounding(grid, group, beta)
        if self.grid is not None:
            if rounding.made(self.coefficients, self.grid):
                return self
            raise InvalidProblem(
                f"the table is on grid {self.grid}: rounding it to {grid} would round twice; round the "
                "table that it was made from"
            )
        found = placed(
            self, *tightened(self.problem, self.certificate, self.coefficients, rounding)
        )
        warn_if_ruined(self.bias.upper, found)
        return found

    def _entry(self, count: int) -> float:
        return float(self.coefficients[count])

    def _entries(self, counts: Any) -> Any:
        if isinstance(counts, np.ndarray):
            return self.coefficients[counts]
        torch = sys.modules["torch"]
        entries = torch.tensor(self.coefficients, dtype=torch.float64, device=counts.device)
        return entries[counts]

    def __repr__(self) -> str:
        budget = f", {self.budget.kind}={self.budget.value:g}" if self.budget else ""
        grid = f", {self.grid}" if self.grid else ""
        return (
            f"<polyest table K={self.K}, {self.target}, {self.criterion}{budget}{grid}, "
            f"sup|bias| <= {self.bias.upper:.4g}>"
        )


def placed(table: Table, grid: str, coefficients: Floats, certificate: Certificate) -> Table:
    """The table of other entries, on a grid, for the same problem."""
    witness = reselected(table.problem.target, coefficients, table.witness)
    return Table(table.problem, coefficients, certificate, witness, table.method, grid=grid)


def warn_if_ruined(before: float, table: Table) -> None:
    """Warn RuinedByRounding if a table on a grid has much more than the sup|bias| of before."""
    from polyest.tightening import ruined

    assert table.grid is not None
    if ruined(table.problem.target, table.K, table.grid, before, table.bias.upper):
        warnings.warn(
            f"K = {table.K}, {table.criterion}: rounding to {table.grid} ruins the table, its sup|bias| "
            f"goes from {before:.4g} to {table.bias.upper:.4g}: use a finer grid, or a table of "
            "smaller entries, such as one of less noise",
            RuinedByRounding,
            stacklevel=3,
        )


def dumps(table: Table) -> str:
    """One line of JSON, schema 1, without a line end."""
    entries = {"grid": table.grid, "coefficients": [text(c) for c in table.coefficients]}
    witness = {"witness": _witness_out(table.witness), "generator": table.generator}
    return json.dumps({**heading(table), **entries, **claims(table.certificate), **witness})


def heading(table: Lookup) -> dict[str, Any]:
    """Keys of a record that say which problem a table of any kind answers."""
    return {
        "schema": SCHEMA,
        "release": table.release,
        "target": table.target,
        "criterion": table.criterion,
        "K": table.K,
        "budget": _budget_out(table.budget),
    }


def claims(certificate: Certificate) -> dict[str, Any]:
    """Keys of a record that say what is proved."""
    optimum = certificate.optimum
    return {
        "bias": bracket_out(certificate.bias),
        "optimum": None if optimum is None else bracket_out(optimum),
        **{name: text(getattr(certificate, name)) for name in CRITERIA},
    }


def loads(line: str | bytes, where: str = "table") -> Table:
    """The table written in one line; `where` names file and line in errors.

    Nothing is believed but the syntax: prove the claims again with `polyest.verify`.  Raises
    CorruptTable for anything that is not a table of schema 1.
    """
    return parsed(line, where, listed)


def parsed(line: str | bytes, where: str, kind: Callable[[Any], Read]) -> Read:
    """What `kind` makes of the record in a line; CorruptTable with file and line where it cannot."""
    try:
        return kind(json.loads(line))
    except CorruptTable as error:
        raise CorruptTable(f"{where}: {error}") from None
    except KeyError as error:
        raise CorruptTable(
            f"{where}: key {error} is missing: the line is not a whole table"
        ) from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptTable(
            f"{where}: {error}: the line is cut or altered; restore the file"
        ) from None


def listed(record: Any) -> Table:
    """The table of a record that lists its coefficients."""
    problem = posed(record)
    if not isinstance(record["grid"], str | None):
        raise CorruptTable(f"grid is {record['grid']!r}: expected a text or null")
    if record["grid"] is not None:
        from polyest.rounding import parse_grid

        parse_grid(record["grid"])
    return Table(
        problem,
        np.array(numbers(record["coefficients"])),
        claimed(record),
        _witness_in(record["witness"]),
        str(record["generator"]["method"]),
        record["release"],
        record["grid"],
        str(record["generator"]["polyest"]),
    )


def posed(record: Any) -> Problem:
    """The problem of a record, its heading checked."""
    if not isinstance(record, dict):
        raise CorruptTable("not a JSON object: expected one table per line")
    if record["schema"] != SCHEMA or isinstance(record["schema"], bool):
        raise CorruptTable(f"schema {record['schema']!r}: this polyest reads schema {SCHEMA}")
    K = record["K"]
    if isinstance(K, bool) or not isinstance(K, int) or K < 1:
        raise CorruptTable(f"K is {K!r}: expected an integer of at least 1")
    budget = record["budget"]
    allowed = None if budget is None else Budget(budget["kind"], number(budget["value"]))
    if allowed is not None and allowed.kind not in BUDGET_KINDS:
        raise CorruptTable(f"budget {allowed.kind!r}: expected one of {', '.join(BUDGET_KINDS)}")
    for name in ("target", "criterion"):
        if not isinstance(record[name], str):
            raise CorruptTable(f"{name} is {record[name]!r}: expected a text")
    if not isinstance(record["release"], str | None):
        raise CorruptTable(f"release is {record['release']!r}: expected a text or null")
    limit = allowed.value if allowed is not None and allowed.kind == "bias" else None
    return Problem(K, parse(record["target"]), record["criterion"], allowed, limit)


def claimed(record: Mapping[str, Any]) -> Certificate:
    """What a record says is proved."""
    return Certificate(
        bracket_in(record["bias"]),
        None if record["optimum"] is None else bracket_in(record["optimum"]),
        **{name: number(record[name], finite=False) for name in CRITERIA},
    )


def text(value: float) -> str:
    """Shortest decimal that reads back to the same double."""
    return repr(float(value))


def number(text: Any, finite: bool = True) -> float:
    """The double that a decimal string is."""
    if not isinstance(text, str):
        raise CorruptTable(f"{text!r} is not a decimal string")
    value = float(text)
    if value != value or (finite and not isfinite(value)):
        raise CorruptTable(f"{text!r} is not a finite number")
    return value


def numbers(texts: Any) -> list[float]:
    """The finite doubles that a list of decimal strings is."""
    if set(map(type, texts)) <= {str} and all(map(isfinite, values := [*map(float, texts)])):
        return values
    return [number(text) for text in texts]  # says which it is


def bracket_out(bracket: Bracket) -> dict[str, str]:
    """A bracket as an object of two strings."""
    return {"lower": text(bracket.lower), "upper": text(bracket.upper)}


def bracket_in(record: Mapping[str, Any]) -> Bracket:
    """The bracket that such an object is."""
    return Bracket(number(record["lower"]), number(record["upper"], finite=False))


def _budget_out(budget: Budget | None) -> dict[str, str] | None:
    return None if budget is None else {"kind": budget.kind, "value": text(budget.value)}


DUAL_KEYS = ("bias_points", "bias_weights", "noise_points", "noise_weights")


def _witness_out(witness: Alternation | Dual | None) -> dict[str, Any] | None:
    if witness is None:
        return None
    if isinstance(witness, Alternation):
        return {"alternation": [text(p) for p in witness.points]}
    lists = {key: [text(x) for x in getattr(witness, key)] for key in DUAL_KEYS}
    return {**lists, "selection": text(witness.selection)}


def _witness_in(record: Mapping[str, Any] | None) -> Alternation | Dual | None:
    if record is None:
        return None
    if "alternation" in record:
        return Alternation(tuple(numbers(record["alternation"])))
    lists = {key: tuple(numbers(record[key])) for key in DUAL_KEYS}
    return Dual(**lists, selection=number(record["selection"]))
