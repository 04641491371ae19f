"""Time and certified error of polyest's solvers, in one run beside their peers.

    python benchmarks/solve.py                      # all sizes, about 25 minutes; results/solve.csv
    python benchmarks/solve.py --only monotone      # the rows of one problem anew, about ten minutes
    python benchmarks/solve.py --quick              # the smallest, to standard output

There are four problems: `minimax`, whose value E*(K) is the least sup|e|, e(p) = p (P(p) - log p), over
polynomials P of degree K; `monotone`, the same over tables with c_0 <= c_1 <= ... <= c_K;
`gradient-variance`, the first under sup p Var c_X <= 8 times that of log_count;
`second-moment`, the augmented quadratic program (AQP): least sup E c_X^2 under sup|e| <= 2 E*(K).  Columns:

    status         solved; inaccurate: solved, but by its own report less accurately than it aims at;
                   failed: ran and gave no answer; refused: polyest refuses it; absent: not
                   installed; not run: too large, or already out of time at a smaller K
    seconds        median wall time of `runs` runs, the certificate included where there is one
    claimed        the least value that the method reports
    width          relative width of the bracket it proves; empty where it proves none
    returned       the value of the table that it returned, proved by polyest; for Sollya's polynomial
                   the greatest |e| at the alternation points, as its supnorm proves the rest
    optimum        the least possible value: the upper end of the bracket that polyest proves
    claimed_error  claimed / optimum - 1
    returned_error returned / optimum - 1; it is below 0 by more than a width only if the budget is overspent
    budget_error   spent / budget - 1, of noise or of bias, for the table that it returned, proved by
                   polyest; above 0 the table is not feasible

A peer (solver_peers.py) has a minute for a solve.  Every failure of a peer is a row that states the cause.
"""

import argparse
import csv
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cache, partial
from io import StringIO
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import origin
import solver_peers
from flint import arb, arb_poly, ctx
from solver_peers import (
    MINIMAX,
    MOMENT,
    MONOTONE,
    VARIANCE,
    AbsentError,
    Answer,
    Question,
    TooLargeError,
)

import polyest
from polyest.errors import InvalidProblem
from polyest.make.pipeline import resolve
from polyest.problem.problem import Alternation, Problem, pose
from polyest.problem.targets import LOG
from polyest.proof.certify import least_bias, measure, reached, spent
from polyest.solvers import remez

FILE = Path(__file__).parent / "results" / "solve.csv"
# The keywords of `solve` that pose each problem.
POSED = {
    MINIMAX: {"criterion": "minimax"},
    MONOTONE: {"criterion": "minimax", "shape": "monotone"},
    VARIANCE: {"criterion": "gradient-variance", "noise": 8.0},
    MOMENT: {"criterion": "second-moment", "bias_ratio": 2.0},
}
ENOUGH = 2.0  # total seconds after which a method is not run again
SOLVERS = ("highspy", "clarabel", "ecos", "scs", "cvxpy")
PACKAGES = ("polyest", "numpy", "scipy", "python-flint", *SOLVERS)
COLD = "import sys; from polyest.cli.commands import main; sys.argv[1:] = ['solve', '--K', '16']; main()"


@dataclass(frozen=True)
class Scale:
    """Sample sizes, seconds that a peer has for one solve, points of the plain formulations, most runs."""

    draws: dict[str, tuple[int, ...]]
    timeout: float
    grid: int
    runs: int


ALL = (8, 16, 32, 64, 128, 256, 512, 1024)
FULL = Scale({MINIMAX: ALL, MONOTONE: ALL, VARIANCE: ALL, MOMENT: (8, 16, 32, 64)}, 60.0, 2000, 5)
QUICK = Scale({MINIMAX: (4, 8), MONOTONE: (8,), VARIANCE: (8,), MOMENT: (4,)}, 20.0, 100, 1)
SCALE = FULL


@dataclass
class Row:
    """One line of the file; None is an empty field."""

    problem: str
    K: int
    method: str
    status: str = "solved"
    seconds: float | None = None
    runs: int | None = None
    claimed: float | None = None
    width: float | None = None
    returned: float | None = None
    optimum: float | None = None
    claimed_error: float | None = None
    returned_error: float | None = None
    budget_error: float | None = None
    note: str = ""
    machine: str = ""
    versions: str = ""


def by_polyest(problem: str, K: int, method: str | None = None) -> Answer:
    """The certified table of `solve`; it claims the proved optimum, which rounding may miss."""
    table = polyest.solve(K, method=method, **POSED[problem])
    assert table.optimum is not None
    note = "the table of float64 entries" if problem == MINIMAX else ""
    return Answer(table.optimum.upper, table.coefficients, table.optimum, note=note)


def by_alternation(problem: str, K: int) -> Answer:
    """E*(K), proved of the polynomial in balls, of which nothing is rounded."""
    bracket = least_bias(LOG, K, Alternation(remez.exchange(LOG, K)))
    return Answer(
        bracket.upper, None, bracket, bracket.upper, "the polynomial in balls, not stored"
    )


def by_sollya(problem: str, K: int) -> Answer:
    return solver_peers.sollya(_question(problem, K))


def by_linprog(problem: str, K: int) -> Answer:
    return solver_peers.linprog(_question(problem, K))


def by_cvxpy(problem: str, K: int, name: str) -> Answer:
    """The program as it is written down, by the solver of that name."""
    return solver_peers.conic(name, _question(problem, K))


def _question(problem: str, K: int) -> Question:
    return Question(problem, K, _posed(problem, K).limit, SCALE.timeout, SCALE.grid)


Method = Callable[[str, int], Answer]
HIGHS, *CONES = ((name, partial(by_cvxpy, name=name)) for name in solver_peers.PACKAGES)
# polyest is first, because the others are compared with its result.
METHODS: dict[str, dict[str, Method]] = {
    MINIMAX: {
        "polyest": by_polyest,
        "polyest, E* alone": by_alternation,
        "polyest, method lp": partial(by_polyest, method="lp"),
        "Sollya": by_sollya,
        "linprog": by_linprog,
        **dict([HIGHS]),
    },
    MONOTONE: {"polyest": by_polyest, "linprog": by_linprog, **dict([HIGHS])},
    **{
        problem: {
            "polyest": by_polyest,
            "polyest, method cvx": partial(by_polyest, method="cvx"),
            **dict(CONES),
        }
        for problem in (VARIANCE, MOMENT)
    },
}


def rows(only: str | None = None) -> Iterator[Row]:
    """A row for every problem, or one of them, method and K, in the order in which they are run."""
    for problem, methods in METHODS.items() if only is None else [(only, METHODS[only])]:
        for name, method in methods.items():
            with suppress(Exception):  # the first row of the method will report the error
                method(problem, 3)  # this imports its libraries before it is timed
            stopped = ""
            for K in SCALE.draws[problem]:
                row = Row(problem, K, name)
                if stopped:
                    row.status, row.note = "not run", stopped
                else:
                    _fill(row, method)
                ended = row.status == "failed" or name in solver_peers.NAMES
                if ended and (row.seconds or 0) >= SCALE.timeout:
                    stopped = f"out of time at K = {K}"
                yield row
    if only is None:
        yield _cold()


def _fill(row: Row, method: Method) -> None:
    """Run the method and write its time, its answer and the errors of the answer into the row."""
    seconds: list[float] = []
    try:
        while not seconds or (len(seconds) < SCALE.runs and sum(seconds) < ENOUGH):
            begun = perf_counter()
            try:
                answer = method(row.problem, row.K)
            finally:
                seconds.append(perf_counter() - begun)
        _measure(row, answer)
    except (AbsentError, TooLargeError) as error:
        row.status = "absent" if isinstance(error, AbsentError) else "not run"
        row.note = str(error)
        return
    except Exception as error:  # any error is the result of this method on this problem
        row.status = "refused" if isinstance(error, InvalidProblem) else "failed"
        row.note = f"{type(error).__name__}: {error}"
        row.seconds, row.runs = seconds[-1], 1
        return
    row.seconds, row.runs = median(seconds), len(seconds)


def _measure(row: Row, answer: Answer) -> None:
    """Write the answer and its errors into the row."""
    problem = _posed(row.problem, row.K)
    if row.method == "polyest" and row.problem != MINIMAX:
        _optima[row.problem, row.K] = answer.claimed
    row.status = "solved" if answer.accurate else "inaccurate"
    row.claimed, row.note, row.returned = answer.claimed, answer.note, answer.returned
    row.width = answer.proved.width if answer.proved else None
    row.optimum = _optimum(row.problem, row.K)
    row.claimed_error = answer.claimed / row.optimum - 1
    if isinstance(answer.entries, list):
        row.returned = _reached(answer.entries, row.K)
    elif answer.entries is not None:
        measured = measure(LOG, answer.entries)
        against = -float(np.diff(answer.entries).min())
        if problem.shape is not None and against > 0:
            row.note += f", not {problem.shape}: a step of {against:.0e} against the order"
        row.returned = reached(problem, measured)
        if problem.limit is not None:
            row.budget_error = spent(problem, measured) / problem.limit - 1
    if row.returned is not None:
        row.returned_error = row.returned / row.optimum - 1


def _cold() -> Row:
    """Wall time of `polyest solve --K 16` as a process of its own."""
    row = Row("cold process", 16, "polyest solve --K 16")
    seconds = []
    for _ in range(SCALE.runs):
        begun = perf_counter()
        done = subprocess.run([sys.executable, "-c", COLD], capture_output=True, check=False)
        seconds.append(perf_counter() - begun)
        if done.returncode:
            row.status, row.note = "failed", done.stderr.decode()[-100:].strip()
            return row
    row.seconds, row.runs = median(seconds), len(seconds)
    return row


_optima: dict[tuple[str, int], float] = {}


def _optimum(problem: str, K: int) -> float:
    """The proved least value, with which every method is compared."""
    if (problem, K) not in _optima:
        method = by_alternation if problem == MINIMAX else by_polyest
        _optima[problem, K] = method(problem, K).claimed
    return _optima[problem, K]


@cache
def _posed(problem: str, K: int) -> Problem:
    """The problem with its budget in absolute numbers."""
    return resolve(pose(K, **POSED[problem]))


def _reached(powers: list[Fraction], K: int) -> float:
    """Greatest |e| of a polynomial in powers of p at the alternation points: sup|e| to second order.

    With entries as large as those of a minimax table, an enclosure over cells would be too wide.
    """
    with ctx.workprec(16 * K + 400):
        P = arb_poly([arb(a.numerator) / a.denominator for a in powers])
        points = [arb(x) for x in remez.exchange(LOG, K)]
        return max(float(abs(x * (P(x) - x.log()))) for x in points)


def beside(lines: list[Row], old: str) -> str:
    """The text of the file in which these lines replace those of their problems."""
    new = list(csv.DictReader(StringIO(written(lines))))
    kept = [
        row
        for row in csv.DictReader(StringIO(old))
        if row["problem"] not in {r.problem for r in lines}
    ]
    text = StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(new + kept, key=lambda r: (r["problem"], int(r["K"]), r["method"])))
    return text.getvalue()


def written(lines: list[Row]) -> str:
    """The text of the file, sorted by problem, K and method, with machine and versions in every line."""
    versions = "; ".join(_versions())
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(Row))
    for row in sorted(lines, key=lambda row: (row.problem, row.K, row.method)):
        row.machine, row.versions = origin.machine(), versions
        writer.writerow(_shown(field.name, getattr(row, field.name)) for field in fields(Row))
    return text.getvalue()


def _shown(name: str, value: Any) -> str:
    if not isinstance(value, float):
        return "" if value is None else str(value)
    if name == "seconds":
        return f"{value:.4g}"
    return f"{value:.2e}" if name == "width" or name.endswith("error") else f"{value:.15g}"


def _versions() -> Iterator[str]:
    yield from origin.versions(PACKAGES)
    program = shutil.which("sollya")
    if program is not None:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        yield f"sollya {said.stdout.split()[3]}"


def main() -> None:
    global SCALE
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smallest sizes, to standard output")
    parser.add_argument("--only", choices=METHODS, help="one problem; other rows of the file stay")
    parser.add_argument("--out", type=Path, help=f"file to write, by default {FILE.name}")
    given = parser.parse_args()
    SCALE = QUICK if given.quick else FULL
    lines = []
    for row in rows(given.only):
        took = "" if row.seconds is None else f", {row.seconds:.3g} s"
        print(f"{row.problem}, K = {row.K}, {row.method}: {row.status}{took}", file=sys.stderr)
        lines.append(row)
    if given.quick and given.out is None:
        print(written(lines), end="")
    else:
        out = given.out or FILE
        out.write_text(beside(lines, out.read_text()) if given.only else written(lines))


if __name__ == "__main__":
    main()
