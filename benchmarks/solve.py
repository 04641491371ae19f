"""Time and certified error of polyest's solvers, in one run beside their peers.

    python benchmarks/solve.py              # all sizes, about ten minutes; results/solve.csv
    python benchmarks/solve.py --quick      # the smallest, to standard output

Two problems: `minimax`, least sup|p (P(p) - log p)| over polynomials P of degree K, and
`gradient-variance`, the same under p Var c_X <= 8 times that of log_count.  Columns:

    seconds        median wall time of `runs` runs, the certificate included where there is one
    claimed        the least sup|e| that the method reports
    width          relative width of the bracket it proves; empty where it proves none
    returned       sup|e| of the table that it returned, proved by polyest; of Sollya's polynomial the
                   greatest |e| at the alternation points, as its supnorm proves the rest
    optimum        the least sup|e| there is, proved by polyest
    claimed_error  claimed / optimum - 1; returned_error likewise
    noise_error    p Var of the table that it returned against the budget, proved by polyest

Every failure is a row whose status says what happened, and so is a peer that is not installed.
"""

import argparse
import csv
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cache, partial
from io import StringIO
from math import ceil, log, log2
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import origin
from flint import arb, arb_poly, ctx

import polyest
from polyest.bernstein import pmf
from polyest.certificate import Bracket, least_bias, measure
from polyest.errors import InvalidProblem
from polyest.making import resolve
from polyest.problem import Alternation, pose
from polyest.solvers import remez
from polyest.targets import LOG

FILE = Path(__file__).parent / "results" / "solve.csv"
MINIMAX, AQP, NOISE = "minimax", "gradient-variance", 8.0
ENOUGH = 2.0  # seconds of runs beyond which there are no more of them
PACKAGES = ("polyest", "numpy", "scipy", "python-flint", "highspy", "clarabel", "cvxpy")
COLD = "import sys; from polyest.cli import main; sys.argv[1:] = ['solve', '--K', '16']; main()"

SOLLYA = """
verbosity = 0!;
prec = {bits}!;
display = dyadic!;
p = remez(x*log(x), {K}, [2^(-{m});1], x);
top = 0;
for j from 1 to {m} do {{
  s = supnorm(x*p, x*log(x), [2^(-j);2^(-j+1)], absolute, 2^(-20));
  top = max(top, sup(s));
}};
r = evaluate(p, [0;2^(-{m})]);
print("RESULT", top, max(abs(inf(r)), abs(sup(r))));
for k from 0 to {K} do print("RESULT", coeff(p, k));
quit;
"""


@dataclass(frozen=True)
class Scale:
    """Sizes; seconds a peer has for one solve; points of the plain formulations; most runs."""

    draws: dict[str, tuple[int, ...]]
    timeout: float
    grid: int
    runs: int


SIZES = {MINIMAX: (8, 16, 32, 64, 128, 256, 512, 1024), AQP: (8, 16, 32, 64)}
FULL = Scale(SIZES, 120.0, 2000, 5)
QUICK = Scale({MINIMAX: (4, 8), AQP: (8,)}, 20.0, 200, 1)
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
    noise_error: float | None = None
    note: str = ""
    machine: str = ""
    versions: str = ""


@dataclass
class Found:
    """What a method found: its claim, the table or polynomial, what it proved, a note."""

    claimed: float
    entries: Any = None
    proved: Bracket | None = None
    returned: float | None = None
    note: str = ""


class AbsentError(Exception):
    """A peer that is not installed."""


class FailedError(Exception):
    """A peer that ran and gave no answer."""


def by_polyest(problem: str, K: int, method: str | None = None) -> Found:
    """The stored table, certified; the claim is E*(K), whatever rounding leaves of it."""
    keywords = {"noise": NOISE} if problem == AQP else {}
    table = polyest.solve(K, criterion=problem, method=method, **keywords)
    assert table.optimum is not None
    note = "the table of float64 entries" if problem == MINIMAX else ""
    return Found(table.optimum.upper, table.coefficients, table.optimum, note=note)


def by_alternation(problem: str, K: int) -> Found:
    """E*(K) and the polynomial in balls, nothing rounded."""
    found = least_bias(LOG, K, Alternation(remez.exchange(LOG, K)))
    return Found(found.upper, None, found, found.upper, "the polynomial in balls, not stored")


def by_sollya(problem: str, K: int) -> Found:
    """Sollya: remez on [2^-m, 1] with weight x, supnorm on each binade, an analytic tail below.

    On [0, 1] itself its remez fails.  The tail is |p P| + |p log p| <= 2^-m (sup|P| + m log 2).
    """
    program = shutil.which("sollya")
    if program is None:
        raise AbsentError("sollya is not on the path")
    # The tail must stay below E*, about 1/(3 K^2); less precision than this and supnorm hangs.
    m = 2 * ceil(log2(K + 1)) + 7
    bits = 3 * K + 150
    script = SOLLYA.format(K=K, m=m, bits=bits)
    options: dict[str, Any] = {"capture_output": True, "text": True, "check": False}
    try:
        done = subprocess.run([program], input=script, timeout=SCALE.timeout, **options)
    except subprocess.TimeoutExpired:
        raise FailedError(f"no answer in {SCALE.timeout:g} s") from None
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("RESULT")]
    try:
        (top, size), *rest = [[_dyadic(word) for word in line] for line in lines]
        powers = [word for (word,) in rest]
    except (ValueError, IndexError):
        raise FailedError(f"Sollya says {(done.stdout + done.stderr).strip()[-80:]!r}") from None
    tail = float(size + Fraction(m * log(2) * (1 + 1e-12))) / 2.0**m
    return Found(
        max(float(top), tail),
        powers,
        note=f"remez on [2^-{m}, 1] at {bits} bits, to 1e-5; supnorm proves an upper bound",
    )


def by_highs(problem: str, K: int) -> Found:
    """The linear program as it is written down: Bernstein basis, a Chebyshev grid, cvxpy, HiGHS."""
    cp, p = _cvxpy(), _grid()
    c, bound = cp.Variable(K + 1), cp.Variable()
    error = cp.multiply(p, pmf(K, p) @ c) - LOG.weighted(p)
    program = cp.Problem(cp.Minimize(bound), [error <= bound, -error <= bound])
    return _solved(program, bound, c, solver=cp.HIGHS, highs_options={"time_limit": SCALE.timeout})


def by_clarabel(problem: str, K: int) -> Found:
    """The variance-optimal program as it is written down: a Chebyshev grid, cvxpy, Clarabel."""
    cp, p = _cvxpy(), _grid()
    rows = pmf(K, p)
    c, means, bound = cp.Variable(K + 1), cp.Variable(p.size), cp.Variable()
    error = cp.multiply(p, rows @ c) - LOG.weighted(p)
    spread = cp.outer(np.ones(p.size), c) - cp.outer(means, np.ones(K + 1))
    noise = cp.norm(cp.multiply(np.sqrt(p[:, None] * rows), spread), 2, axis=1)
    constraints = [error <= bound, -error <= bound, noise <= np.sqrt(_limit(K))]
    program = cp.Problem(cp.Minimize(bound), constraints)
    return _solved(program, bound, c, solver=cp.CLARABEL, time_limit=SCALE.timeout)


Method = Callable[[str, int], Found]
METHODS: dict[str, dict[str, Method]] = {
    MINIMAX: {
        "polyest": by_polyest,
        "polyest, E* alone": by_alternation,
        "polyest, method lp": partial(by_polyest, method="lp"),
        "Sollya": by_sollya,
        "HiGHS": by_highs,
    },
    AQP: {
        "polyest": by_polyest,
        "polyest, method cvx": partial(by_polyest, method="cvx"),
        "Clarabel": by_clarabel,
    },
}


def rows() -> Iterator[Row]:
    """A row for every problem, method and K, in the order in which they are run."""
    for problem, methods in METHODS.items():
        for name, method in methods.items():
            with suppress(Exception):  # its first row will say so
                method(problem, 3)  # imports what it needs before it is timed
            stopped = ""
            for K in SCALE.draws[problem]:
                row = Row(problem, K, name)
                if stopped:
                    row.status, row.note = "not run", stopped
                else:
                    _fill(row, method)
                if row.status == "failed" and (row.seconds or 0) >= SCALE.timeout:
                    stopped = f"out of time at K = {K}"
                yield row
    yield _cold()


def _fill(row: Row, method: Method) -> None:
    """Run the method and write what it took, found and got wrong into the row."""
    seconds: list[float] = []
    try:
        while not seconds or (len(seconds) < SCALE.runs and sum(seconds) < ENOUGH):
            begun = perf_counter()
            try:
                found = method(row.problem, row.K)
            finally:
                seconds.append(perf_counter() - begun)
    except AbsentError as error:
        row.status, row.note = "absent", str(error)
        return
    except Exception as error:  # whatever it is, it is what this method does on this problem
        row.status = "refused" if isinstance(error, InvalidProblem) else "failed"
        row.note = f"{type(error).__name__}: {error}"
        row.seconds, row.runs = seconds[-1], 1
        return
    row.seconds, row.runs = median(seconds), len(seconds)
    row.claimed, row.note, row.returned = found.claimed, found.note, found.returned
    row.width = found.proved.width if found.proved else None
    row.optimum = _optimum(row.problem, row.K)
    row.claimed_error = found.claimed / row.optimum - 1
    if isinstance(found.entries, np.ndarray):
        measured = measure(LOG, found.entries)
        row.returned = measured.bias.upper
        if row.problem == AQP:
            row.noise_error = measured.gradient_variance / _limit(row.K) - 1
    elif found.entries is not None:
        row.returned = _reached(found.entries, row.K)
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


@cache
def _optimum(problem: str, K: int) -> float:
    """Proved least sup|e|: what every method is measured against."""
    return (by_alternation if problem == MINIMAX else by_polyest)(problem, K).claimed


@cache
def _limit(K: int) -> float:
    """The absolute noise budget."""
    limit = resolve(pose(K, criterion=AQP, noise=NOISE)).limit
    assert limit is not None
    return limit


def _cvxpy() -> Any:
    try:
        import cvxpy
    except ImportError:
        raise AbsentError("cvxpy is not installed") from None
    return cvxpy


def _grid() -> Any:
    return np.sin(0.5 * np.pi * np.arange(1, SCALE.grid + 1) / SCALE.grid) ** 2


def _solved(program: Any, bound: Any, c: Any, **options: Any) -> Found:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of inaccuracy: it is measured
        program.solve(**options)
    if program.status not in ("optimal", "optimal_inaccurate"):
        raise FailedError(f"status {program.status}")
    note = f"cvxpy, {SCALE.grid} points, {program.status}"
    return Found(float(bound.value), np.asarray(c.value), note=note)


def _dyadic(word: str) -> Fraction:
    """A number as Sollya displays it: mantissa b exponent."""
    mantissa, _, exponent = word.partition("b")
    return Fraction(mantissa) * Fraction(2) ** int(exponent or 0)


def _reached(powers: list[Fraction], K: int) -> float:
    """Greatest |e| of a polynomial in powers of p at the alternation points: sup|e| to second order.

    Entries as large as those of a minimax table leave nothing of it to an enclosure over cells.
    """
    with ctx.workprec(16 * K + 400):
        P = arb_poly([arb(a.numerator) / a.denominator for a in powers])
        points = [arb(x) for x in remez.exchange(LOG, K)]
        return max(float(abs(x * (P(x) - x.log()))) for x in points)


def written(found: list[Row]) -> str:
    """The file: sorted by problem, K and method, versions and machine in every line."""
    versions = "; ".join(_versions())
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(Row))
    for row in sorted(found, key=lambda row: (row.problem, row.K, row.method)):
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
    parser.add_argument("--out", type=Path, help=f"file to write, by default {FILE.name}")
    given = parser.parse_args()
    SCALE = QUICK if given.quick else FULL
    found = []
    for row in rows():
        took = "" if row.seconds is None else f", {row.seconds:.3g} s"
        print(f"{row.problem}, K = {row.K}, {row.method}: {row.status}{took}", file=sys.stderr)
        found.append(row)
    if given.quick and given.out is None:
        print(written(found), end="")
    else:
        (given.out or FILE).write_text(written(found))


if __name__ == "__main__":
    main()
