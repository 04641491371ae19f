"""This package handles expressions: functions of p or of a count that are given as a formula.

expression.py holds them in a canonical form, grammar.py reads them, symbol.py takes them from a Python
function, fields.py evaluates them over floats, balls, series, discs and polynomials, and zero.py bounds
them near p = 0.
"""
