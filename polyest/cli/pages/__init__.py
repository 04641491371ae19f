"""This package formats reports as pages: ASCII lines of at most 80 columns.

The command has computed the report: nothing in this package solves, proves or loads.  A certified bound is
rounded outward, so that the printed number is still proved; a ratio is rounded to nearest.
"""
