"""What every table does: the public path of polyest.tables.lookup."""

from polyest.tables.lookup import Lookup

__all__ = ["Lookup"]
