"""The estimators that people use beside polyest's tables: certified, and as estimators of the entropy.

    python benchmarks/peers.py              # results/peers.csv, results/entropy.csv, two minutes
    python benchmarks/peers.py --summary    # what follows from those files, at once
    python benchmarks/peers.py --quick      # K = 4 and 16 draws, to standard output

peers.csv has a row for each table and K = 8, 16, 32, 64.  The peers are those of estimators.py, BUB also for
ten times as many answers as draws.  The tables of polyest are "minimax" up to K = 16, "noise 1, 2, 4, 8" and
"squared-error":

    kind          polyest or peer
    bias_*        proved bracket, as stored, of the worst-case weighted bias, which is
                  sup|e| = sup_p |p (E c_X - log p)|; the four criteria: proved upper bounds
    noise         gradient_variance, sup p Var c_X, in units of that of log_count
    least_*       bracket of the least sup|e| of any table at exactly that p Var (`frontier.against`); the
                  table's own bracket where it is the optimum itself
    ratio_*       bracket of the table's sup|e| over that least value
    note          why the last four are missing

entropy.csv has the error in nats of each as an estimator of the entropy of p from n = K+1 draws, where p is
a distribution over S answers: uniform; Zipf, p_i ~ 1/i; geometric, p_i ~ (1 - 4/S)^i.

    kind          polyest, peer, or sample: no function of the count alone (chao_shen, jvhw_of, and what
                  the package infomeasure adds, which is skipped with a line where it is not installed)
    entropy       the entropy of p
    bias, std, rmse   exact where `samples` is 0: a table's mean is a sum over binomials, its variance
                  comes from a power series; else from that many samples, with standard errors in *_pm

Only "bub, m = S" and "wu_yang, k = S" receive the number of answers.
"""

import argparse
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import product
from math import exp, lgamma, log, sqrt
from pathlib import Path

import estimators
import numpy as np
import origin

import polyest
from polyest.arrays import Floats
from polyest.errors import NotConverged, NotProved
from polyest.frontier import against
from polyest.gradients import Answers
from polyest.problem.bernstein import pmf
from polyest.problem.claims import STATED
from polyest.problem.criteria import CRITERIA
from polyest.problem.problem import pose
from polyest.proof.certify import noise_unit
from polyest.tables.table import Table

FOLDER = Path(__file__).parent / "results"
PEERS, ENTROPY = FOLDER / "peers.csv", FOLDER / "entropy.csv"
DRAWS = (8, 16, 32, 64)
LARGEST_MINIMAX = 16
NOISES = (1, 2, 4, 8)
ANSWERS = (10, 100, 1000)
SIZES = (16, 64, 256)
SAMPLES = 4000
SHAPES: dict[str, Callable[[Floats], Floats]] = {
    "uniform": lambda i: i**0,
    "Zipf": lambda i: 1 / i,
    "geometric": lambda i: (1 - 4 / i.size) ** i,
}
OF_PACKAGE = ("chao_wang_jost", "shrink", "bonachela")  # approaches of infomeasure
PACKAGES = ("polyest", "numpy", "scipy", "python-flint", "infomeasure")

Row = dict[str, str | float | int]
Sampled = Callable[[Floats], float]


def ours(K: int) -> dict[str, Table]:
    """polyest's tables of sample size K by name."""
    tables = {f"noise {noise}": polyest.load(K, noise=noise) for noise in NOISES}
    tables["squared-error"] = polyest.load(K, criterion="squared-error")
    if K <= LARGEST_MINIMAX:
        tables["minimax"] = polyest.load(K, criterion="minimax")
    return tables


def certified(Ks: Iterable[int]) -> Iterator[Row]:
    """A row per table and K: what is proved of it, and of the best table at its noise."""
    for K in Ks:
        peers = {name: make(K) for name, make in estimators.TABLES.items()}
        peers["bub, m = 10 N"] = estimators.bub(K, 10 * (K + 1))
        unit = noise_unit(pose(K, noise=1))
        for kind, tables in (("polyest", ours(K)), ("peer", peers)):
            for name, table in sorted(tables.items()):
                row: Row = {"K": K, "table": name, "kind": kind}
                row |= {"bias_lower": table.bias.lower, "bias_upper": table.bias.upper}
                row |= {CRITERIA[of].attribute: table.certificate.criterion(of) for of in STATED}
                row["noise"] = table.gradient_variance / unit
                yield {k: _exactly(v) for k, v in {**row, **_beside(table)}.items()}
                _say(f"K = {K}, {name}")


def _beside(table: Table) -> Row:
    """The least bias at the noise of a table, and the bias of the table in units of that."""
    blank: Row = dict.fromkeys(("least_lower", "least_upper", "ratio_lower", "ratio_upper"), "")
    if table.problem.minimises_bias:
        assert table.optimum is not None
        low, high = table.optimum.lower, table.bias.upper
        least = {"least_lower": low, "least_upper": high}
        return {**least, "ratio_lower": 1.0, "ratio_upper": high / low, "note": ""}
    try:
        comparison = against(table)
    except (NotConverged, NotProved) as error:
        return {**blank, "note": str(error)}
    assert comparison.best.optimum is not None
    least = {
        "least_lower": comparison.best.optimum.lower,
        "least_upper": comparison.best.bias.upper,
    }
    ratio = {"ratio_lower": comparison.ratio.lower, "ratio_upper": comparison.ratio.upper}
    return {**least, **ratio, "note": ""}


def estimated(sizes: Iterable[int], answers: Iterable[int], samples: int) -> Iterator[Row]:
    """A row per estimator, shape, number of answers and of draws: its error in nats."""
    only_samples = sampled()
    for n, S in product(sizes, answers):
        peers = {name: make(n - 1) for name, make in estimators.TABLES.items()}
        peers["bub, m = S"] = estimators.bub(n - 1, S)
        peers["wu_yang, k = S"] = estimators.wu_yang(n - 1, S)
        for shape in SHAPES:
            of = distribution(shape, S)
            truth = -sum(p * log(p) * t for p, t in zip(of.p, of.times, strict=True))
            where: Row = {"answers": shape, "S": S, "n": n}
            for kind, tables in (("polyest", ours(n - 1)), ("peer", peers)):
                for name, table in tables.items():
                    yield {**where, "estimator": name, "kind": kind, **exact(table, of, truth)}
            for name, errors in drawn(only_samples, of, n, truth, samples).items():
                yield {**where, "estimator": name, "kind": "sample", **measured(errors, truth)}
            _say(f"{n} draws, {shape} over {S}")


def distribution(shape: str, S: int) -> Answers:
    """Probabilities of S answers; equal ones are stated once, with their number.

    >>> distribution("uniform", 10)
    Answers(p=(0.1,), times=(10,))
    """
    weights = SHAPES[shape](np.arange(1.0, S + 1))
    p, times = np.unique(weights / weights.sum(), return_counts=True)
    return Answers(tuple(p.tolist()), tuple(times.tolist()))


def exact(table: Table, answers: Answers, truth: float) -> Row:
    """Error of sum_z a_{n_z}, a_j = -(j/N) c_{j-1}, with n ~ Multinomial(N, p), up to rounding.

    With v_j = a_j - (j/N) mean, the estimate minus its mean is sum_z v_{n_z}, and E (sum v)^2 is N! N^-N e^N
    times twice the coefficient at x^N sigma^2 of prod_z sum_j Poisson(j; N p_z) exp(sigma v_j) x^j.
    """
    N = table.K + 1
    j = np.arange(N + 1)
    a = np.append(0.0, -j[1:] / N * table.coefficients)
    p, times = np.array(answers.p), np.array(answers.times)
    mean = float(times @ (pmf(N, p) @ a))
    v = a - j / N * mean
    factorials = np.array([lgamma(i + 1) for i in j])
    whole = np.zeros((3, N + 1))
    whole[0, 0] = 1.0
    for q, number in zip(answers.p, answers.times, strict=True):
        weight = np.exp(j * log(N * q) - N * q - factorials)
        whole = _times(whole, np.stack([weight, weight * v, weight * v * v / 2]), number)
    square = 2 * whole[2, N] * exp(N + factorials[N] - N * log(N))
    bias, std = mean - truth, sqrt(max(0.0, square))
    sure: Row = {"bias_pm": 0.0, "std": std, "std_pm": 0.0, "rmse": sqrt(bias**2 + std**2)}
    return {"entropy": truth, "bias": bias, **sure, "rmse_pm": 0.0, "samples": 0}


def _times(x: Floats, y: Floats, number: int) -> Floats:
    """x y^number by squaring, up to sigma^2 and x^N."""
    while number:
        if number % 2:
            x = _product(x, y)
        y, number = _product(y, y), number // 2
    return x


def _product(x: Floats, y: Floats) -> Floats:
    size = x.shape[1]
    return np.stack(
        [sum(np.convolve(x[i], y[k - i])[:size] for i in range(k + 1)) for k in range(3)]
    )


def sampled() -> dict[str, Sampled]:
    """Estimators that need all counts at once, by name."""
    functions: dict[str, Sampled] = {
        "chao_shen": estimators.chao_shen,
        "jvhw_of": estimators.jvhw_of,
    }
    try:
        import infomeasure
    except ImportError:
        _say(f"skipped: {', '.join(OF_PACKAGE)}, as infomeasure is not installed")
        return functions

    # infomeasure warns of samples without singletons.
    logging.getLogger("infomeasure").setLevel(logging.ERROR)

    def of_package(counts: Floats, approach: str) -> float:
        draws = np.repeat(np.arange(counts.size), counts)
        return float(infomeasure.entropy(draws, approach=approach, base="e"))

    return functions | {name: partial(of_package, approach=name) for name in OF_PACKAGE}


def drawn(
    functions: dict[str, Sampled], answers: Answers, n: int, truth: float, samples: int
) -> dict[str, Floats]:
    """Errors of each function on the same samples."""
    rng = np.random.default_rng(0)
    counts = rng.multinomial(n, np.repeat(answers.p, answers.times), samples)
    seen = [row[row > 0] for row in counts]
    return {
        name: np.array([function(row) for row in seen]) - truth
        for name, function in functions.items()
    }


def measured(errors: Floats, truth: float) -> Row:
    """Bias, standard deviation and root mean square of errors, with their standard errors."""
    root = sqrt(errors.size)
    bias, std, rmse = float(errors.mean()), float(errors.std()), sqrt(float((errors**2).mean()))

    def of_root(squares: Floats, value: float) -> float:
        return float(squares.std()) / root / (2 * value) if value else 0.0

    spread: Row = {"bias_pm": std / root, "std": std, "std_pm": of_root((errors - bias) ** 2, std)}
    square: Row = {"rmse": rmse, "rmse_pm": of_root(errors**2, rmse), "samples": errors.size}
    return {"entropy": truth, "bias": bias, **spread, **square}


def summary() -> list[str]:
    """Lines that say where polyest's tables lose.

    They have the ratio to the least bias at equal noise, and the estimators in the order of their error.
    """
    lines = ["times the least bias of any table at the estimator's own p Var, by K"]
    ratios: dict[str, list[str]] = {}
    for row in origin.read(PEERS):
        if row["kind"] == "peer":
            ratios.setdefault(row["table"], []).append(row["ratio_lower"][:5] or "-")
    lines += [
        f"  {name:18} {'  '.join(f'{r:>5}' for r in ratios[name])}" for name in sorted(ratios)
    ]
    for n, ranked in standing(origin.read(ENTROPY)).items():
        lines.append(
            f"{n} draws: rmse over the least of the cell, geometric mean over "
            f"{len(SHAPES) * len(ANSWERS)} cells"
        )
        lines += [f"  {name:18} {times:6.3f}" for name, times in ranked]
    return lines


def standing(rows: list[dict[str, str]]) -> dict[int, list[tuple[str, float]]]:
    """By number of draws, estimators in the order of their rmse over the least of a cell.

    The ratio is a geometric mean over the cells.
    """
    cells: dict[tuple[int, str, str], dict[str, float]] = {}
    for row in rows:
        place = int(row["n"]), row["answers"], row["S"]
        cells.setdefault(place, {})[row["estimator"]] = float(row["rmse"])
    logs: dict[int, dict[str, list[float]]] = {}
    for (n, _, _), by in cells.items():
        for name, rmse in by.items():
            logs.setdefault(n, {}).setdefault(name, []).append(log(rmse / min(by.values())))
    return {
        n: sorted(((name, exp(float(np.mean(x)))) for name, x in by.items()), key=lambda x: x[1])
        for n, by in logs.items()
    }


def _exactly(value: str | float | int) -> str | float | int:
    return repr(value) if isinstance(value, float) else value


def _say(words: str) -> None:
    print(words, file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small part, to standard output")
    parser.add_argument("--summary", action="store_true", help="what follows from the files")
    given = parser.parse_args()
    if given.quick:
        tables, errors = list(certified((4,))), estimated((16,), (10,), 200)
        parts = (tables, sorted(errors, key=_place))
        print(*(origin.written(part, PACKAGES) for part in parts), sep="\n", end="")
        return
    if not given.summary:
        origin.write(list(certified(DRAWS)), PACKAGES, PEERS)
        errors = sorted(estimated(SIZES, ANSWERS, SAMPLES), key=_place)
        origin.write(errors, PACKAGES, ENTROPY)
    print("\n".join(summary()))


def _place(row: Row) -> tuple[str, int, int, str, str]:
    return (
        str(row["answers"]),
        int(row["S"]),
        int(row["n"]),
        str(row["kind"]),
        str(row["estimator"]),
    )


if __name__ == "__main__":
    main()
