"""copy.replace of Python 3.13, for older ones."""

import dataclasses


def replace(thing, **changes):
    """A copy of a record or a dataclass with some of it changed."""
    if hasattr(type(thing), "__replace__"):
        return thing.__replace__(**changes)
    return dataclasses.replace(thing, **changes)
