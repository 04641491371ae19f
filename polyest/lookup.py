"""The public path of the classes of tables, which are defined in polyest.tables."""

from polyest.tables.lookup import Lookup

__all__ = ["Lookup"]
