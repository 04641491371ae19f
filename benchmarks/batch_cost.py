"""What a trainer's batch costs: integer answers to rewards, beside the plainest numpy that does as much.

    python benchmarks/batch_cost.py             # results/batch_cost.csv, two minutes
    python benchmarks/batch_cost.py --quick     # few rounds, to standard output

Answers are the 63-bit ids that `answers.identify` gives, of 1000 answers by Zipf's law, in four batches:
(1024, 16), (64, 64), and the same completions flat, with the ids of their groups.  All ways take turns in
one process, on one thread; times are the least and the median of the rounds.

    way             sort each row, run lengths, np.log: no checks (the peer; flat: np.lexsort)
                    log_probability of numpy, of torch on the CPU, of torch.compile's graph of it, of numpy
                    in a process that has imported `polyest.compiled` (numba), and of numpy with a history
                    of one earlier visit of each prompt
    times_peer      the peer's least time over the row's
    times_numpy     the row's least time over that of log_probability of numpy
    once_ms         what the first call of a process costs beyond the others, import included: of numba where
                    it has kept its loops, and of torch.compile, which keeps nothing here

What the peer gets wrong: log(X/G) counts the completion itself, so that its worst weighted bias is eight
times that of the table or more; a completion without an answer is paid as if that were one; integers of any
shape and type are taken.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import origin
import torch

from polyest import History, rewards

FILE = Path(__file__).parent / "results" / "batch_cost.csv"
PACKAGES = ("polyest", "numpy", "numba", "torch")
SHAPES = ((1024, 16), (64, 64))
ROUNDS = 1000
PEER, NUMPY, NUMBA, COMPILED = "plain numpy", "numpy", "numpy, numba", "torch, compiled"
EARLIER = "numpy, history"
FIRST = (
    "import time, numpy as np; from polyest import rewards; a = np.arange(48).reshape(3, 16)\n"
    "rewards.log_probability(a); start = time.perf_counter(); import polyest.compiled\n"
    "rewards.log_probability(a); print(time.perf_counter() - start)"
)

Row = dict[str, str | float | int]
Ways = dict[str, Callable[[], object]]


def batch(shape: tuple[int, int]) -> np.ndarray:
    """Answers as ids of 63 bits, (prompts, G)."""
    rng = np.random.default_rng(1)
    ids = rng.integers(0, 2**63 - 1, 1000)
    return ids[rng.zipf(1.7, shape).clip(max=1000) - 1]


def plain(answers: np.ndarray) -> np.ndarray:
    """log(X/G) of each completion of (prompts, G)."""
    order = answers.argsort(1)
    ordered = np.take_along_axis(answers, order, 1)
    first = np.ones(answers.shape, bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    length = np.diff(np.append(np.flatnonzero(first), answers.size))
    values = np.empty(answers.shape)
    logs = np.repeat(np.log(length / answers.shape[1]), length).reshape(answers.shape)
    np.put_along_axis(values, order, logs, 1)
    return values


def plain_flat(answers: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """log(X/G) of each completion of a flat batch; groups are numbered from 0."""
    order = np.lexsort((answers, groups))
    group, ordered = groups[order], answers[order]
    first = np.ones(answers.shape, bool)
    first[1:] = (ordered[1:] != ordered[:-1]) | (group[1:] != group[:-1])
    length = np.diff(np.append(np.flatnonzero(first), answers.size))
    values = np.empty(answers.shape)
    values[order] = np.log(np.repeat(length, length) / np.bincount(groups)[group])
    return values


@contextmanager
def without_numba() -> Iterator[None]:
    """Rewards as in a process that has not imported `polyest.compiled`."""
    loops = sys.modules.pop("polyest.loops", None)
    try:
        yield
    finally:
        if loops is not None:
            sys.modules["polyest.loops"] = loops


def ways(shape: tuple[int, int], flat: bool) -> Ways:
    drawn = batch(shape)
    ids = np.repeat(np.arange(shape[0]), shape[1])
    options: dict[str, object] = {"groups": ids} if flat else {}
    answers = drawn.reshape(-1) if flat else drawn
    tensor = torch.tensor(answers)
    past = History()
    past.record(drawn[::-1], prompts=range(shape[0]))
    prompts = ids.tolist() if flat else [*range(shape[0])]
    # Ways of numpy follow one of numpy: after one of torch its memory would be cold.
    calls: Ways = {
        PEER: (lambda: plain_flat(answers, ids)) if flat else (lambda: plain(answers)),
        NUMPY: lambda: rewards.log_probability(answers, **options),
        EARLIER: lambda: rewards.log_probability(answers, history=past, prompts=prompts, **options),
        **({} if flat else {NUMBA: lambda: rewards.log_probability(answers)}),
        "torch": lambda: rewards.log_probability(tensor, **options),
    }
    G = shape[1]
    promised: dict[str, object] = {"groups": torch.tensor(ids), "sizes": (G, G)} if flat else {}
    torch.compiler.reset()
    graph = torch.compile(lambda t: rewards.log_probability(t, **promised), fullgraph=True)
    calls[COMPILED] = lambda: graph(tensor)
    return calls


def timed(taking: Ways, rounds: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Milliseconds of each in turns, and of the first call beyond the median."""
    taken: dict[str, list[float]] = {name: [] for name in taking}
    first: dict[str, float] = {}
    for step in range(rounds + 3):
        for name, call in taking.items():
            if name == NUMBA:
                spent = _once(call)
            else:
                with without_numba():
                    spent = _once(call)
            if not step:
                first[name] = spent
            elif step > 2:
                taken[name].append(spent)
    return taken, {name: first[name] - median(taken[name]) for name in taking}


def rows(rounds: int) -> list[Row]:
    import polyest.compiled  # noqa: F401  rewards then use its loops, outside of `without_numba`

    table: list[Row] = []
    for flat in (False, True):
        for shape in SHAPES:
            taken, first = timed(ways(shape, flat), rounds)
            first[NUMBA] = 1e3 * min(_first_of_numba() for _ in range(2 if rounds < 99 else 5))
            least = {name: min(values) for name, values in taken.items()}
            for name, values in taken.items():
                table.append(
                    {
                        "batch": f"{shape[0]} x {shape[1]}" + (", flat" if flat else ""),
                        "way": name,
                        "least_ms": least[name],
                        "median_ms": median(values),
                        "times_peer": least[PEER] / least[name],
                        "times_numpy": least[name] / least[NUMPY],
                        "once_ms": first[name] if name in (NUMBA, COMPILED) else "",
                    }
                )
    return table


def _once(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return 1e3 * (perf_counter() - start)


def _first_of_numba() -> float:
    """Seconds of the first rewards of a process that asks for numba."""
    done = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rounds, to standard output")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    origin.write(rows(20 if quick else ROUNDS), PACKAGES, None if quick else FILE)


if __name__ == "__main__":
    main()
