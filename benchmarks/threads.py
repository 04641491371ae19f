"""What threads of a caller do to bytes and proofs: they may set the precision of balls at any moment.

    python benchmarks/threads.py            # results/threads.csv, some ten minutes
    python benchmarks/threads.py --quick    # three calls of each, to standard output

A thread sets flint.ctx.prec to 53 and to 200 in turn, with a pause of 10 us, 1 ms or 100 ms.  Meanwhile
`solve(12)` and the proof of a released table are called repeatedly: as usual, which is in a process of
their own, and in the process of the thread, as where no other process can be started.  A call can end in
four ways: with the bytes, or the proof, that it has without such a thread; with other bytes (of a table
whose claims are true: they are proved again afterwards); with PrecisionChanged, which names the cause; or,
should that ever happen, with a proof that fails.
"""

import argparse
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import flint
import origin

import polyest
from polyest.errors import NotProved, PrecisionChanged
from polyest.precision import helper_process
from polyest.proof.certify import measure
from polyest.tables.format import dumps

FILE = Path(__file__).parent / "results" / "threads.csv"
CALLS = 200
PAUSES = {"10 us": 1e-5, "1 ms": 1e-3, "100 ms": 1e-1}
LEVELS = (53, 200)
PACKAGES = ("polyest", "numpy", "python-flint")
ENDS = ("same", "other_bytes", "named", "not_proved")


@contextmanager
def switching(pause: float) -> Iterator[None]:
    """A thread that sets one precision after the other."""
    over = threading.Event()

    def switch() -> None:
        while not over.is_set():
            for bits in LEVELS:
                flint.ctx.prec = bits
                over.wait(pause)

    thread = threading.Thread(target=switch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        flint.ctx.prec = LEVELS[0]


@contextmanager
def apart(own_process: bool) -> Iterator[None]:
    """Proofs run in a new helper process, or else as where no other process can be started."""
    program = sys.executable
    helper_process._end()
    if not own_process:
        sys.executable = ""
    try:
        yield
    finally:
        sys.executable = program
        helper_process._end()


def solved() -> str:
    return dumps(polyest.solve(12))


def proved() -> str:
    polyest.verify(polyest.load(14))
    return "proved"


def ended(work: Callable[[], str], expected: str) -> tuple[str, str]:
    """How a call ended, and what it returned."""
    try:
        returned = work()
    except PrecisionChanged:
        return "named", ""
    except NotProved:
        return "not_proved", ""
    return ("same" if returned == expected else "other_bytes"), returned


def rows(calls: int) -> Iterator[dict[str, str | float | int]]:
    for work in (solved, proved):
        expected = work()
        for own_process in (True, False):
            for name, pause in PAUSES.items():
                with apart(own_process), switching(pause):
                    ends = [ended(work, expected) for _ in range(calls)]
                # The thread has ended: check that the claims made beside it are true.
                assert work is proved or all(holds(polyest.loads(line)) for _, line in ends if line)
                counts = Counter(end for end, _ in ends)
                yield {
                    "work": work.__name__,
                    "where": "a process of its own" if own_process else "the process of the thread",
                    "pause": name,
                    "calls": calls,
                    **{end: counts[end] for end in ENDS},
                }


def holds(table: polyest.Table) -> bool:
    """Whether the claims of a table bound what is proved of its entries, with no thread beside."""
    measured = measure(table.problem.target, table.coefficients)
    claimed = table.certificate
    return (
        claimed.bias.lower <= measured.bias.upper
        and claimed.bias.upper >= measured.bias.lower
        and claimed.gradient_variance >= measured.gradient_variance * (1 - 1e-12)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="three calls, to standard output")
    quick = parser.parse_args().quick
    lines = []
    for row in rows(3 if quick else CALLS):
        print(row["work"], row["where"], row["pause"], *(row[end] for end in ENDS), file=sys.stderr)
        lines.append(row)
    origin.write(lines, PACKAGES, None if quick else FILE)


if __name__ == "__main__":
    main()
