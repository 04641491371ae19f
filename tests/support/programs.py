"""Solved programs with their last states, exact binomials and random tables that tests share."""

from dataclasses import dataclass
from fractions import Fraction
from math import comb

import numpy as np
from copies import replace

from polyest.make.pipeline import MARGIN, resolve
from polyest.problem.problem import Problem, Solution, pose
from polyest.proof.certify import measure
from polyest.solvers import socp
from polyest.solvers.socp.constraints import Program
from polyest.solvers.socp.interior import State

EVERY = ("gradient-variance", "variance", "second-moment", "squared-error")


@dataclass(frozen=True)
class Solved:
    """A problem with its solution, and the program and state that the solution is made of."""

    problem: Problem
    program: Program
    state: State
    solution: Solution

    @property
    def reached(self) -> float:
        """What the stored table reaches of what is made least, proved."""
        measured = measure(self.problem.target, self.solution.coefficients)
        if self.problem.minimises_bias:
            return measured.bias.upper
        return measured.criterion(self.problem.criterion)


def resolved(K, criterion, **budget):
    """The problem with the limit that the first solution is asked for."""
    problem = resolve(pose(K, criterion=criterion, **budget))
    return replace(problem, limit=problem.limit and problem.limit * (1 - MARGIN))


def solved(problem) -> Solved:
    """What socp makes of a problem; it hands its last state to `witness` and keeps nothing."""
    seen, real = [], socp.witness

    def witness(*arguments):
        seen.append(arguments)
        return real(*arguments)

    socp.witness = witness
    try:
        solution = socp.solve(problem)
    finally:
        socp.witness = real
    _, program, state, _ = seen[-1]
    return Solved(problem, program, state, solution)


def exact_pmf(K, p: Fraction) -> list[Fraction]:
    """Probabilities of 0..K in rationals."""
    return [comb(K, k) * p**k * (1 - p) ** (K - k) for k in range(K + 1)]


def dense(count, ends=(0.0, np.pi / 2)):
    """Angles in order, of a grid so fine that no curve of a small K hides between."""
    return np.linspace(*ends, count)
