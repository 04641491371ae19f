"""The peers of `solve.py`: Sollya, scipy's linprog, and HiGHS, Clarabel, ECOS and SCS through cvxpy.

Sollya has `remez` on [2^-m, 1] and a proved supremum on each binade.  The others solve a program as
it is stated, over Bernstein rows B_k(p_m) on a Chebyshev grid p_m = sin^2(pi m / 2M), with
e_m = p_m (P(p_m) - log p_m):

    minimax            min E  s.t. |e_m| <= E                                     a linear program
    monotone           min E  s.t. |e_m| <= E, c_0 <= c_1 <= ... <= c_K           a linear program
    gradient-variance  min E  s.t. |e_m| <= E,
                              |sqrt(p_m B_k(p_m)) (c_k - t_m)|_2 <= sqrt(limit)   t_m free, a cone each
    second-moment      min v  s.t. |e_m| <= limit, sum_k c_k^2 B_k(p_m) <= v      the AQP; p_0 = 0 too

Each peer has its solver's default settings, and the solver's time limit where there is one.  A separate
process runs them, and is ended if an answer takes half as long again as it may, because ECOS has no time
limit.

A missing answer is an error: `AbsentError` if a peer is not installed, `TooLargeError` if the program would
not fit into memory, and `FailedError` if the peer ran and gave no answer.
"""

import shutil
import subprocess
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from math import ceil, log, log2
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from polyest.problem.bernstein import pmf
from polyest.problem.claims import Bracket
from polyest.problem.targets import LOG

MINIMAX, VARIANCE, MOMENT = "minimax", "gradient-variance", "second-moment"
MONOTONE = "monotone"
PACKAGES = {"HiGHS": "highspy", "Clarabel": "clarabel", "ECOS": "ecos", "SCS": "scs"}
NAMES = ("Sollya", "linprog", *PACKAGES)
LONGER = 1.5  # a process is ended after this multiple of its time
BYTES = 8e9  # most memory that a program may need
PER_ENTRY = {
    MINIMAX: 600,
    MONOTONE: 600,
    VARIANCE: 2000,
    MOMENT: 600,
}  # measured bytes per point of the grid and entry

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
class Question:
    """A problem, its sample size, its budget in absolute numbers, seconds to answer, points of the grid."""

    problem: str
    K: int
    limit: float | None
    timeout: float
    grid: int


@dataclass
class Answer:
    """What a method answers: its claim, the table or polynomial, the bracket that it proved, a note."""

    claimed: float
    entries: Any = None
    proved: Bracket | None = None
    returned: float | None = None
    note: str = ""
    accurate: bool = True


class AbsentError(Exception):
    """A peer that is not installed."""


class FailedError(Exception):
    """A peer that ran and gave no answer."""


class TooLargeError(Exception):
    """A program that needs more memory than there is for it."""


def sollya(question: Question) -> Answer:
    """Sollya: remez on [2^-m, 1] with weight x, supnorm on each binade, an analytic tail below.

    On [0, 1] itself its remez fails.  The tail is |p P| + |p log p| <= 2^-m (sup|P| + m log 2).
    """
    program = shutil.which("sollya")
    if program is None:
        raise AbsentError("sollya is not on the path")
    # The tail must be less than E*, about 1/(3 K^2); with less precision than this supnorm hangs.
    K = question.K
    m, bits = 2 * ceil(log2(K + 1)) + 7, 3 * K + 150
    script = SOLLYA.format(K=K, m=m, bits=bits)
    options: dict[str, Any] = {"capture_output": True, "text": True, "check": False}
    try:
        done = subprocess.run([program], input=script, timeout=question.timeout, **options)
    except subprocess.TimeoutExpired:
        raise FailedError(f"no answer in {question.timeout:g} s") from None
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("RESULT")]
    try:
        (top, size), *rest = [[_dyadic(word) for word in line] for line in lines]
        powers = [word for (word,) in rest]
    except (ValueError, IndexError):
        raise FailedError(f"Sollya says {(done.stdout + done.stderr).strip()[-80:]!r}") from None
    tail = float(size + Fraction(m * log(2) * (1 + 1e-12))) / 2.0**m
    return Answer(
        max(float(top), tail),
        powers,
        note=f"remez on [2^-{m}, 1] at {bits} bits, to 1e-5; supnorm proves an upper bound",
    )


def linprog(question: Question) -> Answer:
    """scipy's linprog on a plain linear program, dense, in the other process."""
    _fits(question)
    return apart(linear, question, seconds=LONGER * question.timeout)


def linear(question: Question) -> Answer:
    """The plain linear program of `question` by scipy, solved here."""
    from scipy import optimize

    p, K = _grid(question)[1:], question.K
    rows, aims = p[:, None] * pmf(K, p), LOG.weighted(p)
    ones, steps = -np.ones((p.size, 1)), np.diff(np.eye(K + 1, K + 2), axis=0)
    order = -steps if question.problem == MONOTONE else steps[:0]
    result = optimize.linprog(
        np.append(np.zeros(K + 1), 1.0),
        np.vstack([np.hstack([rows, ones]), np.hstack([-rows, ones]), order]),
        np.concatenate([aims, -aims, np.zeros(len(order))]),
        bounds=(None, None),
        method="highs",
        options={"time_limit": question.timeout},
    )
    if result.status:
        raise FailedError(f"status {result.status}: {result.message.partition('. ')[0]}")
    return Answer(float(result.fun), result.x[:-1], note=f"scipy, {question.grid} points, optimal")


def conic(name: str, question: Question) -> Answer:
    """The plain program of `question` in cvxpy, by the solver of that name, in the other process."""
    for package in ("cvxpy", PACKAGES[name]):
        if find_spec(package) is None:
            raise AbsentError(f"{package} is not installed")
    _fits(question)
    return apart(solved, name, question, seconds=LONGER * question.timeout)


def solved(name: str, question: Question) -> Answer:
    """The plain program of `question`, solved here.  cvxpy is imported when it is first asked for."""
    import cvxpy as cp

    c, bound = cp.Variable(question.K + 1), cp.Variable()
    constraints = PROGRAMS[question.problem](cp, question, c, bound)
    program = cp.Problem(cp.Minimize(bound), constraints)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of inaccuracy, which is measured
        try:
            program.solve(solver=name.upper(), **_clock(name, question.timeout))
        except cp.SolverError as error:
            raise FailedError(str(error).partition(". ")[0]) from None
    if program.status not in ("optimal", "optimal_inaccurate"):
        raise FailedError(f"status {program.status}")
    return Answer(
        float(bound.value),
        np.asarray(c.value),
        note=f"cvxpy, {question.grid} points, {program.status}",
        accurate=program.status == "optimal",
    )


def minimax(cp: Any, question: Question, c: Any, bound: Any) -> list[Any]:
    p = _grid(question)[1:]
    error = cp.multiply(p, pmf(question.K, p) @ c) - LOG.weighted(p)
    return [error <= bound, -error <= bound]


def monotone(cp: Any, question: Question, c: Any, bound: Any) -> list[Any]:
    return [*minimax(cp, question, c, bound), cp.diff(c) >= 0]


def gradient_variance(cp: Any, question: Question, c: Any, bound: Any) -> list[Any]:
    p = _grid(question)[1:]
    rows, means = pmf(question.K, p), cp.Variable(p.size)
    spread = cp.outer(np.ones(p.size), c) - cp.outer(means, np.ones(question.K + 1))
    noise = cp.norm(cp.multiply(np.sqrt(p[:, None] * rows), spread), 2, axis=1)
    return [*minimax(cp, question, c, bound), noise <= np.sqrt(question.limit)]


def second_moment(cp: Any, question: Question, c: Any, bound: Any) -> list[Any]:
    moment = pmf(question.K, _grid(question)) @ cp.square(c)
    return [*minimax(cp, question, c, question.limit), moment <= bound]


PROGRAMS: dict[str, Callable[..., list[Any]]] = {
    MINIMAX: minimax,
    MONOTONE: monotone,
    VARIANCE: gradient_variance,
    MOMENT: second_moment,
}


def apart(function: Callable[..., Any], *arguments: Any, seconds: float) -> Any:
    """What `function` returns in the other process, or what it raises there.

    FailedError where that process dies, or says nothing for so many seconds and is ended.
    """
    global _other
    if _other is None:
        _other = _Other()
    try:
        answer = _other.ask((function, arguments), seconds)
    except FailedError:
        _other.end()
        _other = None
        raise
    if isinstance(answer, Exception):
        raise answer
    return answer


class _Other:
    """A process that answers one call after another."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def ask(self, call: Any, seconds: float) -> Any:
        try:
            self.pipe.send(call)
            if not self.pipe.poll(seconds):
                raise FailedError(f"no answer in {seconds:g} s")
            return self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            raise FailedError(f"its process ended with {self.process.exitcode}") from None

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


_other: _Other | None = None


def _serve(pipe: Connection) -> None:
    while True:
        try:
            function, arguments = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(function(*arguments))
        except Exception as error:  # any error is sent back as the answer
            pipe.send(error if type(error) is FailedError else FailedError(_said(error)))


def _fits(question: Question) -> None:
    size = PER_ENTRY[question.problem] * question.grid * (question.K + 1)
    if size > BYTES:
        raise TooLargeError(f"too large: about {size / 1e9:.0f} GB, above {BYTES / 1e9:g}")


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _clock(name: str, seconds: float) -> dict[str, Any]:
    """The option that limits a solver's time."""
    return {
        "HiGHS": {"time_limit": seconds},
        "Clarabel": {"time_limit": seconds},
        "ECOS": {},
        "SCS": {"time_limit_secs": seconds},
    }[name]


def _grid(question: Question) -> Any:
    return np.sin(0.5 * np.pi * np.arange(question.grid + 1) / question.grid) ** 2


def _dyadic(word: str) -> Fraction:
    """A number as Sollya displays it: mantissa b exponent."""
    mantissa, _, exponent = word.partition("b")
    return Fraction(mantissa) * Fraction(2) ** int(exponent or 0)
