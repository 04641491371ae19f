"""Rows of a file of measurements, checked as they are read, so that no figure shows half a file or a NaN."""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import isfinite
from pathlib import Path
from typing import Any

from polyest.errors import CorruptRows

Kind = Callable[[str], Any]


@dataclass(frozen=True)
class Rows:
    """Rows of one file: `made_by` is the benchmark that writes it."""

    path: Path
    made_by: str
    rows: tuple[Mapping[str, Any], ...]

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.rows)

    def __getitem__(self, column: str) -> list[Any]:
        return [row[column] for row in self.rows]

    def values(self, column: str) -> list[Any]:
        """What stands in a column, each once, in the order of the file."""
        return list(dict.fromkeys(self[column]))

    def where(self, **wanted: Any) -> "Rows":
        """The rows that have these values in these columns, at least one of them."""
        kept = tuple(row for row in self.rows if all(row[k] == v for k, v in wanted.items()))
        if not kept:
            said = ", ".join(f"{column} {value}" for column, value in wanted.items())
            raise CorruptRows(f"{self.path}: holds no row of {said}: {_repair(self.made_by)}")
        return Rows(self.path, self.made_by, kept)

    def having(self, column: str) -> "Rows":
        """The rows whose cell in a column is not blank."""
        kept = tuple(row for row in self.rows if row[column] is not None)
        return Rows(self.path, self.made_by, kept)

    def one(self, **wanted: Any) -> Mapping[str, Any]:
        """The only row that has these values in these columns."""
        kept = self.where(**wanted).rows
        if len(kept) > 1:
            said = ", ".join(f"{column} {value}" for column, value in wanted.items())
            raise CorruptRows(
                f"{self.path}: holds {len(kept)} rows of {said}, expected one: {_repair(self.made_by)}"
            )
        return kept[0]

    def only(self, column: str) -> Any:
        """The value that all rows have in a column."""
        held = self.values(column)
        if len(held) > 1:
            raise CorruptRows(
                f"{self.path}: column {column!r} holds {len(held)} values where one belongs: "
                f"{_repair(self.made_by)}"
            )
        return held[0]

    def checked(self, **kinds: Kind) -> "Rows":
        """The rows themselves, after a check that these columns hold only these narrower kinds."""
        for row in self.rows:
            cells = {name: "" if row[name] is None else str(row[name]) for name in kinds}
            _row(cells, kinds, str(self.path), self.made_by)
        return self

    def known(self, column: str, names: Mapping[Any, Any]) -> "Rows":
        """The rows themselves, after a check that every value of this column is among the names."""
        strange = [value for value in self.values(column) if value not in names]
        if strange:
            raise CorruptRows(
                f"{self.path}: {column} {strange[0]!r} has no look: expected one of "
                f"{', '.join(map(str, names))}; {_repair(self.made_by)}"
            )
        return self


def read(folder: Path, stem: str, columns: Mapping[str, Kind], made_by: str = "") -> Rows:
    """The rows of folder/stem.csv, each of `columns` read by its kind; other columns are left out.

    made_by: the benchmark that writes the file, by default the one of its name.  Raises CorruptRows
    where the file is missing, has no row, lacks a column, or has a cell that is not of its kind.
    """
    path, maker = folder / f"{stem}.csv", made_by or stem
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            reader = csv.DictReader(lines)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise CorruptRows(f"{path}: has no column {missing[0]!r}: {_repair(maker)}")
            parsed = tuple(
                _row(row, columns, f"{path}, line {reader.line_num}", maker) for row in reader
            )
    except FileNotFoundError:
        raise CorruptRows(f"{path}: there is no such file: {_repair(maker)}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorruptRows(f"{path}: is no CSV file, {error}: {_repair(maker)}") from None
    if not parsed:
        raise CorruptRows(f"{path}: has no rows: {_repair(maker)}")
    return Rows(path, maker, parsed)


def whole(text: str) -> int:
    """A whole number."""
    return int(text)


def number(text: str) -> float:
    """A finite number."""
    value = float(text)
    if not isfinite(value):
        raise ValueError
    return value


def positive(text: str) -> float:
    """A finite number above 0, for a logarithmic axis."""
    value = number(text)
    if value <= 0:
        raise ValueError
    return value


def exact(text: str) -> Decimal:
    """A finite number with all its digits."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError from None
    if not value.is_finite():
        raise ValueError
    return value


def word(text: str) -> str:
    """A text that is not empty."""
    if not text:
        raise ValueError
    return text


def blank(kind: Kind) -> Kind:
    """A cell of a kind, or an empty one, read as None."""

    def read(text: str) -> Any:
        return kind(text) if text else None

    read.__doc__ = f"{kind.__doc__} Or nothing."
    return read


def _row(
    row: Mapping[str, Any], columns: Mapping[str, Kind], where: str, maker: str
) -> dict[str, Any]:
    values = {}
    for name, kind in columns.items():
        try:
            if row[name] is None:  # the line ends before this column
                raise ValueError
            values[name] = kind(row[name])
        except ValueError:
            wanted = (kind.__doc__ or kind.__name__).split(".")[0].lower()
            raise CorruptRows(
                f"{where}: {name} is {row[name]!r}: expected {wanted}; {_repair(maker)}"
            ) from None
    return values


def _repair(maker: str) -> str:
    return f"git restore it, or write it with python benchmarks/{maker}.py"
