"""This module has `Record`, a base class like a frozen dataclass whose subclasses import much faster.

Python compiles six functions to define a dataclass, and one to define a named tuple.  Loading a table
defines a dozen classes, so that the time would delay the first look-up (benchmarks/load.py).
"""

from inspect import get_annotations
from typing import ClassVar, Self, dataclass_transform


@dataclass_transform(frozen_default=True)
class Record:
    """Base class of frozen records: annotations are fields, and values in the class body are defaults."""

    _fields: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls) -> None:
        above = getattr(super(cls, cls), "_fields", ())
        cls._fields = (*above, *get_annotations(cls))

    def __init__(self, *values: object, **named: object) -> None:
        """Set the fields from positional values, in the order of the fields, and by name.

        Raises TypeError for an unknown, repeated or missing field.
        """
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
        vars(self).update(given)  # past __setattr__, which refuses
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the fields; a subclass overrides this to raise an error for invalid ones."""

    def __replace__(self, **changes: object) -> Self:
        """Return a copy with some fields changed; copy.replace calls this from Python 3.13 on."""
        return type(self)(**{**self._values(), **changes})

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), tuple(self._values().values())  # unpickling checks the fields again

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(tuple(self._values().values()))

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self._values().items())
        return f"{type(self).__name__}({', '.join(shown)})"

    def _values(self) -> dict[str, object]:
        """Return the fields by name, without cached properties, which share the same dictionary."""
        return {name: getattr(self, name) for name in self._fields}

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: make another by copy.replace")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be deleted")
