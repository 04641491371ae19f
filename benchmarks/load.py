"""A cold start to the first table: what `polyest.load` adds to `import numpy`, import included.

    python benchmarks/load.py               # results/load.csv, a minute
    python benchmarks/load.py --quick       # three starts of each, to standard output

Each start is a process of its own that times everything after `import numpy`; the tables take turns.
"hashlib and json" is the cost for any program that checks a digest and reads JSON.  Bytecode is cached, as
it is where pip has installed the package.
"""

import argparse
import csv
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from statistics import median

import origin

from polyest.make.storage import put

FILE = Path(__file__).parent / "results" / "load.csv"
STARTS = 40
TIMED = "import time, numpy\nstart = time.perf_counter()\n{}\nprint(time.perf_counter() - start)"
STATEMENTS = {
    "K = 14, noise 8": "import polyest; polyest.load(14)",
    "K = 128, noise 8": "import polyest; polyest.load(128)",
    "K = 1024, noise 8": "import polyest; polyest.load(1024)",
    "K = 14, minimax": 'import polyest; polyest.load(14, criterion="minimax")',
    "K = 4096, universal": "import polyest; polyest.load(4096)",
    "hashlib and json": "import hashlib, json",
}


def seconds(statement: str) -> float:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", TIMED.format(statement)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout)


def rows(starts: int) -> list[dict[str, str]]:
    for statement in STATEMENTS.values():
        seconds(statement)  # this start writes the bytecode
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(starts):
        for name, statement in STATEMENTS.items():
            times[name].append(seconds(statement) * 1e3)
    return [
        {
            "what": name,
            "starts": str(starts),
            "least_ms": f"{min(taken):.2f}",
            "median_ms": f"{median(taken):.2f}",
            "machine": origin.machine(),
            "versions": "; ".join(origin.versions(("polyest", "numpy"))),
        }
        for name, taken in times.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="three starts, to standard output")
    given = parser.parse_args()
    lines = rows(3 if given.quick else STARTS)
    text = StringIO()
    writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    if given.quick:
        print(text.getvalue(), end="")
    else:
        put(text.getvalue().encode(), FILE)


if __name__ == "__main__":
    main()
