"""copy.replace of Python 3.13, for older ones."""

import dataclasses


def replace(thing, **changes):
    """A copy of a table, a named tuple or a dataclass with some of it changed."""
    if hasattr(thing, "_replace"):
        return thing._replace(**changes)
    if hasattr(type(thing), "__replace__"):
        return thing.__replace__(**changes)
    return dataclasses.replace(thing, **changes)
