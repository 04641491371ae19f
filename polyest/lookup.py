"""Tables of every kind: the public path of polyest.tables.lookup."""

from polyest.tables.lookup import Lookup

__all__ = ["Lookup"]
