"""Make the released tables of tables/v1, their checksums and the table of least biases.

    python tables/release.py          about 15 minutes on two cores, which it shares between processes

A family whose file exists is left as it is; delete it to make it again.  A sweep that was cut short
goes on where it stopped.  A release is frozen: corrections make v2.
"""

import os
from hashlib import sha256
from pathlib import Path

import click
from flint import ctx
from universal import make

from polyest.exact import balls, levelled
from polyest.make.sweep import put, sweep
from polyest.problem.problem import pose
from polyest.problem.targets import LOG
from polyest.solvers.remez import exchange
from polyest.tables.format import dumps, loads
from polyest.tables.format import dumps as dumps_universal
from polyest.tables.release import UNIVERSAL, family

FOLDER = Path(__file__).resolve().parent / "v1"
# Group sizes of every trainer up to 130, and what is counted for groups of 160, 192, 256, 512 and 1024.
KS = (*range(1, 129), *(K for G in (160, 192, 256, 512, 1024) for K in range(G - 2, G + 1)))
FAMILIES = (
    (range(1, 41), {"criterion": "minimax"}),
    *((KS, {"criterion": "gradient-variance", "noise": noise}) for noise in (1, 2, 4, 8, 16)),
    *((KS, {"criterion": "variance", "noise": noise}) for noise in (1, 8)),
    (KS, {"criterion": "squared-error"}),
    (
        range(1, 65),
        {"target": "tsallis:0.5", "criterion": "gradient-variance", "noise": 8},
    ),
)
UNIVERSAL_NOISE = (8,)
JOBS = os.cpu_count() or 1
LEAST_BIAS = (*range(1, 257), *range(510, 513), *range(1022, 1025))
DIGITS = 22


def main() -> None:
    for Ks, keywords in FAMILIES:
        path = FOLDER / f"{family(pose(1, **keywords))}.jsonl"
        if not path.exists():
            with click.progressbar(length=len(Ks), label=path.name) as bar:

                def report(done, total, table, bar=bar):
                    bar.update(done - bar.pos)

                sweep(Ks, path, report, jobs=JOBS, **keywords)
        stamp(path)
    for noise in UNIVERSAL_NOISE:
        path = FOLDER / f"{family(pose(1, noise=noise))}{UNIVERSAL}.jsonl"
        if not path.exists():
            path.write_text(f"{dumps_universal(make(noise, FOLDER.name))}\n")
    if not (FOLDER / "least-bias.csv").exists():
        write_least_biases(FOLDER / "least-bias.csv")
    write_checksums()


def stamp(path: Path) -> None:
    """Say in every line which release it belongs to."""
    tables = [
        loads(line).__replace__(release=FOLDER.name) for line in path.read_bytes().splitlines()
    ]
    put("".join(f"{dumps(table)}\n" for table in tables).encode(), path)


def write_least_biases(path: Path) -> None:
    """Brackets of E*(K) and of (K+1)^2 E*(K) for the log, proved in balls, rounded outward."""
    rows = ["K,lower,upper,scaled_lower,scaled_upper"]
    with click.progressbar(LEAST_BIAS, label=path.name) as Ks:
        for K in Ks:
            lower, upper = levelled.bracket(LOG, exchange(LOG, K))
            with ctx.workprec(200):
                scaled = lower * (K + 1) ** 2, upper * (K + 1) ** 2
                rows.append(
                    ",".join(
                        [
                            str(K),
                            *balls.decimals(lower, upper, DIGITS),
                            *balls.decimals(*scaled, DIGITS),
                        ]
                    )
                )
    path.write_text("\n".join(rows) + "\n")


def write_checksums() -> None:
    """SHA256SUMS of every file, and LINE-SHA256SUMS of every line of every one."""
    lines = []
    for path in sorted([*FOLDER.glob("*.jsonl"), *FOLDER.glob("*.csv")]):
        for number, line in enumerate(path.read_bytes().splitlines(keepends=True), 1):
            lines.append(f"{sha256(line).hexdigest()}  {path.name}:{number}")
    (FOLDER / "LINE-SHA256SUMS").write_text("\n".join(lines) + "\n")
    paths = [*FOLDER.glob("*.jsonl"), *FOLDER.glob("*.csv"), FOLDER / "LINE-SHA256SUMS"]
    sums = [f"{sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in sorted(paths)]
    (FOLDER / "SHA256SUMS").write_text("\n".join(sums) + "\n")


if __name__ == "__main__":
    main()
