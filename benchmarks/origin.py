"""The origin of a measurement, machine and versions, and its files, in which every row states the origin."""

import csv
import os
import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from io import StringIO
from pathlib import Path

from polyest.make.storage import put


def machine() -> str:
    """Processor, cores and system of this machine."""
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()}"


def versions(packages: Iterable[str]) -> Iterator[str]:
    """Python and each package with its version; "absent" where it is not installed."""
    yield f"python {platform.python_version()}"
    for name in packages:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} {'from source' if name == 'polyest' else 'absent'}"


def shown(value: str | float | int) -> str | int:
    """A value as a file has it: floats to six digits."""
    return f"{value:.6g}" if isinstance(value, float) else value


def written(rows: list[dict[str, str | float | int]], packages: Iterable[str]) -> str:
    """Rows as CSV, machine and versions in each that has none yet; floats to six digits."""
    text = StringIO()
    source = {"machine": machine(), "versions": "; ".join(versions(packages))}
    writer = csv.DictWriter(text, [*{**rows[0], **source}], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({**source, **{k: shown(v) for k, v in row.items()}})
    return text.getvalue()


def write(
    rows: list[dict[str, str | float | int]], packages: Iterable[str], file: Path | None
) -> None:
    """Rows as CSV to a file, which is whole or as it was; None is standard output."""
    text = written(rows, packages)
    if file is None:
        print(text, end="")
    else:
        put(text.encode(), file)


def read(file: Path) -> list[dict[str, str]]:
    """Rows of a CSV file."""
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
