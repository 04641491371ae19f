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
from contextlib import suppress
from math import isfinite
from typing import Any, TypeVar

import numpy as np

from polyest.errors import CorruptTable, InvalidProblem, RuinedByRounding
from polyest.problem.bernstein import Floats
from polyest.problem.problem import BUDGET_KINDS, Alternation, Budget, Dual, Problem
from polyest.problem.targets import parse
from polyest.proof.certify import Bracket, Certificate, reselected
from polyest.record import Record
from polyest.tables.lookup import LARGEST_LISTED, Lookup
from polyest.values import LONGEST, among, clipped, shown, whole
from polyest.version import __version__

SCHEMA = 1
MOST_POINTS = 4  # of a witness, for each draw and 16 more: solvers find 2 where K is large
LONGEST_LINE = 2**22  # bytes: the longest that a table of 1024 draws needs is a tenth of it
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
        from polyest.make.rounding import tightened
        from polyest.problem.grids import Rounding

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
            f"<polyest table K={self.K}, {clipped(self.target)}, {self.criterion}{budget}{grid}, "
            f"sup|bias| <= {self.bias.upper:.4g}>"
        )


def placed(table: Table, grid: str, coefficients: Floats, certificate: Certificate) -> Table:
    """The table of other entries, on a grid, for the same problem."""
    witness = reselected(table.problem.target, coefficients, table.witness)
    return Table(table.problem, coefficients, certificate, witness, table.method, grid=grid)


def warn_if_ruined(before: float, table: Table) -> None:
    """Warn RuinedByRounding if a table on a grid has much more than the sup|bias| of before."""
    from polyest.make.rounding import ruined

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
    where = where[-300:] if isinstance(where, str) else shown(where)
    try:
        if len(line) > LONGEST_LINE:
            raise CorruptTable(f"{len(line)} bytes: expected a table, at most {LONGEST_LINE} bytes")
        return kind(json.loads(line))
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


def listed(record: Any) -> Table:
    """The table of a record that lists its coefficients."""
    problem = posed(record)
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
        claimed(record),
        _witness_in(record["witness"], problem.K),
        word("method", record["generator"]["method"]),
        record["release"],
        record["grid"],
        word("version", record["generator"]["polyest"]),
    )


def posed(record: Any) -> Problem:
    """The problem of a record, its heading checked."""
    if not isinstance(record, dict):
        raise CorruptTable("not a JSON object: expected one table per line")
    if record["schema"] != SCHEMA or isinstance(record["schema"], bool):
        raise CorruptTable(f"schema {shown(record['schema'])}: this polyest reads schema {SCHEMA}")
    K = record["K"]
    if not whole(K, 1):
        raise CorruptTable(f"K is {shown(K)}: expected an integer of at least 1, up to 2^53")
    budget = record["budget"]
    allowed = None if budget is None else Budget(budget["kind"], number(budget["value"]))
    if allowed is not None and not among(allowed.kind, BUDGET_KINDS):
        raise CorruptTable(
            f"budget {shown(allowed.kind)}: expected one of {', '.join(BUDGET_KINDS)}"
        )
    if not isinstance(record["target"], str):
        raise CorruptTable(f"target is {shown(record['target'])}: expected a text")
    if record["release"] is not None:
        word("release", record["release"])
    target, criterion = parse(record["target"]), word("criterion", record["criterion"])
    if target.kind == "polynomial" and target.degree is not None and target.degree > K:
        raise CorruptTable(
            f"target of degree {target.degree}: expected K of at least that, got {K}"
        )
    limit = allowed.value if allowed is not None and allowed.kind == "bias" else None
    return Problem(K, target, criterion, allowed, limit)


def word(name: str, value: Any) -> str:
    """The value, a text of at most 60 characters; raises CorruptTable for any other."""
    if isinstance(value, str) and len(value) <= LONGEST:
        return value
    raise CorruptTable(f"{name} is {shown(value)}: expected a text of at most {LONGEST} characters")


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
    try:
        value = float(text) if isinstance(text, str) else None
    except ValueError:
        value = None
    if value is None:
        raise CorruptTable(f"{shown(text)} is not a decimal string")
    if value != value or (finite and not isfinite(value)):
        raise CorruptTable(f"{shown(text)} is not a finite number")
    return value


def numbers(texts: Any) -> list[float]:
    """The finite doubles that a list of decimal strings is."""
    if not isinstance(texts, list):
        raise CorruptTable(f"{shown(texts)} is not a list of decimal strings")
    with suppress(TypeError, ValueError):
        if all(map(isfinite, values := [*map(float, texts)])) and set(map(type, texts)) <= {str}:
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


def _witness_in(record: Mapping[str, Any] | None, K: int) -> Alternation | Dual | None:
    if record is None:
        return None
    if "alternation" in record:
        return Alternation(tuple(numbers(record["alternation"])))
    lists = {key: tuple(numbers(record[key])) for key in DUAL_KEYS}
    for kind in ("bias", "noise"):
        points, weights = lists[f"{kind}_points"], lists[f"{kind}_weights"]
        if len(points) != len(weights) or len(points) > MOST_POINTS * (K + 16):
            raise CorruptTable(
                f"{len(points)} {kind} points with {len(weights)} weights: expected as many, at most "
                f"{MOST_POINTS * (K + 16)}"
            )
        if not all(0 <= p <= 1 for p in points):
            raise CorruptTable(f"{kind} points outside [0, 1]: expected probabilities")
    return Dual(**lists, selection=number(record["selection"]))
