"""This module computes the weighted bias e(p) = p (P(p) - phi(p)) in float64, for display and without
proof."""

from math import ceil

import numpy as np

from polyest.arrays import Floats
from polyest.problem.bernstein import pmf
from polyest.problem.targets import Target

SAME = 1e-6  # relative difference below which two extrema of |e| count as equally high


def place(coefficients: Floats, target: Target) -> float:
    """Return the least p at which |e| is within 1e-6, relative, of its greatest value.

    e is evaluated at points equally spaced in theta, p = sin^2(theta), 64 of them per draw.  The
    height of a local maximum between them is that of a parabola.

    coefficients: entries c_0..c_K, float64 (K+1,).

    >>> from polyest.problem.targets import parse
    >>> round(place(np.array([-2.0, 0.0]), parse("log")), 2)  # e(p) = -2 p (1-p) - p log p
    0.64
    """
    K = len(coefficients) - 1
    theta = np.linspace(0, np.pi / 2, 64 * (K + 2))
    p = np.sin(theta) ** 2
    parts = np.array_split(p, ceil(p.size / 4096))
    mean = np.concatenate([pmf(K, part) @ coefficients for part in parts])
    height = np.abs(p * mean - target.weighted(p))
    left, mid, right = height[:-2], height[1:-1], height[2:]
    bend = np.minimum(left - 2 * mid + right, 0)
    step = np.divide(left - right, 2 * bend, out=np.zeros_like(mid), where=bend < 0)
    top = mid - (left - right) * step / 4
    peak = (mid >= left) & (mid >= right)
    places = np.append(np.sin(theta[1:-1] + step * theta[1])[peak] ** 2, 1.0)
    tops = np.append(top[peak], height[-1])
    return float(places[np.argmax(tops >= tops.max() * (1 - SAME))])
