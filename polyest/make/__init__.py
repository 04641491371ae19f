"""Solve, certify, round and store tables; only this package imports both solvers and proof."""
