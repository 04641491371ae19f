"""What a reward costs online: a look-up against the plug-in log, and the path from answers to rewards.

    python benchmarks/online_cost.py             # results/online_cost.csv, two minutes
    python benchmarks/online_cost.py --quick     # a hundredth of the counts, to standard output

The stage "look-up" reads 10^7 counts X for sample size K = 14, range check included.  It is compared with
np.log(X/K) and with a copy of as many bytes in and out, which is the limit that memory sets.  Each uses one
thread.
`reused` means that the result is written to an existing array: new memory takes longer than the look-up.

The stage "integers" turns 16,384 completions, as integer answers (prompts, G), into rewards, G = 8..1024.  It
is compared with a loop of Counters with math.log, as trainers' reward functions are written.  The stage
"strings" does the same from texts that end in numbers, no two of them equal: canonical key, identity and
reward, compared with Counters of the texts themselves.  Each row of the file names the machine on which it
was measured.

The slides say "3.5x faster" without a reference.  `ratio` is the time of the row's peer over its own: above
1 the row is faster than the peer.  Times are the least of ROUNDS rounds in which all ways of a stage take
turns; `median` is the median of the rounds.
"""

import argparse
import math
import re
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import origin
import torch

import polyest
from polyest import answers, rewards

try:
    from polyest.compiled import look_up
except polyest.errors.NotInstalled:
    look_up = None

FILE = Path(__file__).parent / "results" / "online_cost.csv"
PACKAGES = ("polyest", "numpy", "numba", "torch")
COUNTS, TRACES, K, ROUNDS = 10**7, 2**14, 14, 25
GROUPS = (8, 16, 32, 64, 128, 256, 1024)

NUMBER = re.compile(r"-?\d+")

Row = dict[str, str | float | int]
Ways = dict[str, Callable[[], object]]


def timed(ways: Ways, rounds: int = ROUNDS) -> dict[str, tuple[float, float]]:
    """Least and median milliseconds of each way, which take turns."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for call in ways.values():
        call()
    for _ in range(rounds):
        for name, call in ways.items():
            start = perf_counter()
            call()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            taken[name].append(1e3 * (perf_counter() - start))
    return {name: (min(values), median(values)) for name, values in taken.items()}


def rows_of(
    stage: str, group: int, kind: str, ways: Ways, peers: dict[str, str], rounds: int = ROUNDS
) -> list[Row]:
    """A row for each way; peers: way -> the way that it is compared with, the first by default."""
    times = timed(ways, rounds)
    first = next(iter(ways))
    return [
        {
            "stage": stage,
            "group": group,
            "kind": kind,
            "way": name,
            "milliseconds": least,
            "median": middle,
            "peer": peers.get(name, first),
            "ratio": times[peers.get(name, first)][0] / least,
        }
        for name, (least, middle) in times.items()
    ]


def look_ups(size: int) -> list[Row]:
    table = polyest.load(K)
    drawn = np.random.default_rng(0).integers(1, K + 1, size)  # without 0, whose log would be -inf
    lines: list[Row] = []
    for integer, real in ((np.int64, np.float64), (np.int64, np.float32), (np.int32, np.float32)):
        X = drawn.astype(integer)
        out = np.empty(size, real)
        K_of = real(K)

        def log(X: np.ndarray = X, real: type = real, K_of: float = K_of) -> np.ndarray:
            return np.log(np.true_divide(X, K_of, dtype=real))

        def log_reused(X: np.ndarray = X, out: np.ndarray = out, K_of: float = K_of) -> None:
            np.log(np.true_divide(X, K_of, out=out), out=out)

        same = X.view(np.int8)[: size * real().itemsize]
        target = np.empty_like(same)
        ways: Ways = {
            "np.log(X/K)": log,
            "np.log(X/K), reused": log_reused,
            "copy": same.copy,
            "copy, reused": lambda a=target, b=same: np.copyto(a, b),
        }
        if real is np.float64:
            ways["table[X]"] = lambda X=X: table[X]
        peers = {"np.log(X/K), reused": "np.log(X/K), reused"}
        if look_up is not None:
            ways["compiled"] = lambda X=X, real=real: look_up(table, X, np.empty(X.shape, real))
            ways["compiled, reused"] = lambda X=X, out=out: look_up(table, X, out)
            peers |= {way: "np.log(X/K), reused" for way in ways if way.endswith(", reused")}
        peers["copy, reused"] = "np.log(X/K), reused"
        kind = f"{np.dtype(integer)} to {np.dtype(real)}"
        lines += rows_of("look-up", 0, kind, ways, peers)
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        X = torch.tensor(drawn, device=device)
        entries = torch.tensor(table.coefficients, device=device)
        ways = {
            "torch.log(X/K)": lambda X=X: torch.log(X.double() / K),
            "entries[X]": lambda X=X, c=entries: c[X],
            "table[X]": lambda X=X: table[X],
            "clone": X.clone,
        }
        lines += rows_of("look-up", 0, f"torch {device} int64 to float64", ways, {})
    return lines


def counters(groups: list[list[object]]) -> list[list[float]]:
    """log(X/G) of every completion, in plain Python."""
    logs = []
    for group in groups:
        times = Counter(group)
        logs.append([math.log(times[answer] / len(group)) for answer in group])
    return logs


def paths(completions: int) -> list[Row]:
    lines: list[Row] = []
    rng = np.random.default_rng(1)
    for group in GROUPS:
        drawn = rng.zipf(1.7, (max(1, completions // group), group)).clip(max=1000)
        listed = drawn.tolist()
        # Equal texts would be read only once; the number of the completion makes all texts different.
        number = count()
        texts = [[f"{next(number)}) so the answer is {one}." for one in row] for row in listed]
        tensor = torch.tensor(drawn)
        ways: Ways = {
            "Counter and log": lambda listed=listed: counters(listed),
            "log_probability": lambda drawn=drawn: rewards.log_probability(drawn),
            "log_probability, torch cpu": lambda t=tensor: rewards.log_probability(t),
        }
        if torch.cuda.is_available():
            moved = tensor.cuda()
            ways["log_probability, torch cuda"] = lambda t=moved: rewards.log_probability(t)
        lines += rows_of("integers", group, "int64", ways, {})
        ways = {
            "Counter and log": lambda texts=texts: counters(texts),
            "last number, Counter and log": lambda texts=texts: counters(
                [[NUMBER.findall(text)[-1] for text in row] for row in texts]
            ),
            "from_texts, log_probability": lambda texts=texts: rewards.log_probability(
                answers.from_texts(texts, kind="number")
            ),
        }
        lines += rows_of("strings", group, "str", ways, {}, rounds=3)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a hundredth, to standard output")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    lines = look_ups(COUNTS // 100 if quick else COUNTS) + paths(TRACES // 8 if quick else TRACES)
    origin.write(lines, PACKAGES, None if quick else FILE)


if __name__ == "__main__":
    main()
