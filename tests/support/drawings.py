"""What is drawn: lines of a figure, as numbers that are compared with the rows of its file."""

import csv
from functools import cache

import numpy as np
from measured import drawn


def table(folder, stem):
    with (folder / f"{stem}.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


figure = cache(drawn)


def spots(axes):
    """What is drawn on axes: (label, x, y) of every line, rounded as a print would."""
    return [
        (line.get_label(), *(tuple(np.round(np.asarray(v, float), 9)) for v in line.get_data()))
        for line in axes.get_lines()
    ]


def places(axes):
    return {(x, y) for _, x, y in spots(axes)}


def pair(x, y):
    return (tuple(np.round(np.asarray(v, float), 9)) for v in (x, y))


def numbers(rows, column):
    return [float(row[column]) for row in rows]
