"""Frozen data with named fields, as a frozen dataclass has them, but quick to import.

A dataclass compiles six functions when it is defined, a named tuple one; a trainer waits for the dozen
that lie between a file and its first look-up (benchmarks/load.py).
"""

from inspect import get_annotations
from typing import Any, ClassVar, Self, dataclass_transform


@dataclass_transform(frozen_default=True)
class Record:
    """Base of classes whose annotations are their fields; values in the class body are defaults."""

    _fields: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls) -> None:
        above = getattr(super(cls, cls), "_fields", ())
        cls._fields = (*above, *get_annotations(cls))

    def __init__(self, *values: Any, **named: Any) -> None:
        """The record of these, in the order of its fields or by name."""
        own, fields = type(self), self._fields
        given = dict(zip(fields, values, strict=False)) | named
        if len(given) < len(fields):
            defaults = {name: getattr(own, name) for name in fields if hasattr(own, name)}
            given = defaults | given
        odd = given.keys() != set(fields)
        if odd or len(values) > len(fields) or not named.keys().isdisjoint(fields[: len(values)]):
            raise TypeError(
                f"{own.__name__} takes {', '.join(fields)}: got {len(values)} in order, "
                f"{', '.join(named) or 'none'} by name"
            )
        vars(self).update(given)
        self.__post_init__()

    def __post_init__(self) -> None:
        """What a kind of record checks of itself."""

    def __replace__(self, **changes: Any) -> Self:
        """The record with some of it changed; copy.replace calls it (Python 3.13)."""
        return type(self)(**{**self._values(), **changes})

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self._values().values())  # checked again

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(tuple(self._values().values()))

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self._values().items())
        return f"{type(self).__name__}({', '.join(shown)})"

    def _values(self) -> dict[str, Any]:
        """Fields by name, without what was computed from them and kept."""
        return {name: getattr(self, name) for name in self._fields}

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: make another by copy.replace")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be deleted")
