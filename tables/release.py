"""Make the released tables of tables/v1 and tables/v2, their checksums and the table of least biases.

    python tables/release.py v1       about 15 minutes on two cores, which it shares between processes
    python tables/release.py v2       three minutes on one

A family whose file exists is left as it is; delete it to make it again.  A sweep that was cut short
goes on where it stopped.  A release is frozen: corrections make another one.
"""

import os
from functools import partial
from hashlib import sha256
from pathlib import Path

import click
from flint import ctx
from universal import make
from universal_shape import make as make_shaped

from polyest.exact import balls, levelled
from polyest.make.sweep import put, sweep
from polyest.problem.problem import pose
from polyest.problem.shapes import SHAPES
from polyest.problem.targets import LOG
from polyest.solvers.remez import exchange
from polyest.tables.format import dumps, loads
from polyest.tables.format import dumps as dumps_universal
from polyest.tables.release import UNIVERSAL, family

HERE = Path(__file__).resolve().parent
# Group sizes of every trainer up to 130, and what is counted for groups of 160, 192, 256, 512 and 1024.
KS = (*range(1, 129), *(K for G in (160, 192, 256, 512, 1024) for K in range(G - 2, G + 1)))
FAMILIES = {
    "v1": (
        (range(1, 41), {"criterion": "minimax"}),
        *((KS, {"criterion": "gradient-variance", "noise": noise}) for noise in (1, 2, 4, 8, 16)),
        *((KS, {"criterion": "variance", "noise": noise}) for noise in (1, 8)),
        (KS, {"criterion": "squared-error"}),
        (
            range(1, 65),
            {"target": "tsallis:0.5", "criterion": "gradient-variance", "noise": 8},
        ),
    ),
    "v2": (
        *((KS, {"criterion": "minimax", "shape": shape}) for shape in SHAPES),
        (range(1, 129), {"criterion": "gradient-variance", "shape": "monotone", "noise": 2}),
    ),
}
# A problem of the family of each universal table, and what makes it for a release.
UNIVERSALS = {
    "v1": [(pose(1, noise=8), partial(make, 8))],
    "v2": [
        (pose(1, criterion="minimax", shape=shape), partial(make_shaped, shape)) for shape in SHAPES
    ],
}
JOBS = os.cpu_count() or 1
LEAST_BIAS = (*range(1, 257), *range(510, 513), *range(1022, 1025))
DIGITS = 22


@click.command()
@click.argument("release", type=click.Choice([*FAMILIES]))
def main(release: str) -> None:
    folder = HERE / release
    for Ks, keywords in FAMILIES[release]:
        path = folder / f"{family(pose(1, **keywords))}.jsonl"
        if not path.exists():
            with click.progressbar(length=len(Ks), label=path.name) as bar:

                def report(done, total, table, bar=bar):
                    bar.update(done - bar.pos)

                sweep(Ks, path, report, jobs=JOBS, **keywords)
        stamp(path)
    for problem, made in UNIVERSALS[release]:
        path = folder / f"{family(problem)}{UNIVERSAL}.jsonl"
        if not path.exists():
            path.write_text(f"{dumps_universal(made(release))}\n")
    if release == "v1" and not (folder / "least-bias.csv").exists():
        write_least_biases(folder / "least-bias.csv")
    write_checksums(folder)


def stamp(path: Path) -> None:
    """Say in every line which release it belongs to."""
    tables = [
        loads(line).__replace__(release=path.parent.name) for line in path.read_bytes().splitlines()
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


def write_checksums(folder: Path) -> None:
    """SHA256SUMS of every file, and LINE-SHA256SUMS of every line of every one."""
    lines = []
    for path in sorted([*folder.glob("*.jsonl"), *folder.glob("*.csv")]):
        for number, line in enumerate(path.read_bytes().splitlines(keepends=True), 1):
            lines.append(f"{sha256(line).hexdigest()}  {path.name}:{number}")
    (folder / "LINE-SHA256SUMS").write_text("\n".join(lines) + "\n")
    paths = [*folder.glob("*.jsonl"), *folder.glob("*.csv"), folder / "LINE-SHA256SUMS"]
    sums = [f"{sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in sorted(paths)]
    (folder / "SHA256SUMS").write_text("\n".join(sums) + "\n")


if __name__ == "__main__":
    main()
