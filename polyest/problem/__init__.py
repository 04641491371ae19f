"""This package states the question: a problem, its target and criterion, and what may be claimed of a
table."""
