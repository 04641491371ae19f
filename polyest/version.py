"""This module has the version of polyest, for the package and for the tables that it makes."""

__version__ = "0.1.0"
