"""Every group of a small problem in exact rationals, and the mean of what a trainer makes of it.

Arrays hold Fractions (dtype object), or what else is exact: polynomials, balls.  `nu` gives each outcome
of one draw, an answer or a completion, its probability; outcomes are integers.
"""

from fractions import Fraction
from itertools import product
from math import prod
from random import Random

import numpy as np
from flint import arb

F = Fraction


def every(nu, G):
    """Every group of G completions, (groups, G), and its probability."""
    groups = list(product(nu, repeat=G))
    return np.array(groups), objects(prod(map(nu.get, group)) for group in groups)


def objects(values):
    """Array of numbers of any kind; numpy would take a polynomial for a list."""
    return np.fromiter(values, dtype=object)


def tables(size, number=2):
    """Tables of random rational entries, the same in every run."""
    random = Random(size)
    return [
        [F(random.randint(-60, 60), random.randint(1, 12)) for _ in range(size)]
        for _ in range(number)
    ]


def centred(given):
    """Minus the mean of each group, times G/(G-1)."""
    G = given.shape[1]
    return (given * G - given.sum(1, keepdims=True)) / (G - 1)


def paid(nu, answers, weights, given):
    """E (1/G) sum_i R_i 1{z_i = z} for every answer z."""
    shares = weights[:, None] * given
    return [shares[answers == z].sum() / answers.shape[1] for z in nu]


def gradient(nu, answers, weights, given):
    """E (1/G) sum_i R_i d log nu(z_i) / d l_w for every answer w."""
    masses = paid(nu, answers, weights, given)
    return [mass - p * sum(masses) for mass, p in zip(masses, nu.values(), strict=True)]


def gradient_of(nu, means):
    """sum_z means_z d nu_z / d l_w for every answer w."""
    mean = sum(p * value for p, value in zip(nu.values(), means, strict=True))
    return [p * (value - mean) for p, value in zip(nu.values(), means, strict=True)]


def standardised(given):
    """Centred and divided by the standard deviation of each group, 0 where all are equal; balls."""
    left = centred(given)
    sizes = [ball(sum(x * x for x in row) / len(row)).sqrt() if any(row) else 1 for row in left]
    rows = [[ball(x) / size for x in row] for row, size in zip(left, sizes, strict=True)]
    return np.array(rows, dtype=object)


def ball(x):
    return arb(x.numerator) / x.denominator
