"""This package solves, certifies, rounds and stores tables; only it imports both solvers and proof."""
