"""A referee that shares no code with polyest: claims of a line of a file, in 60 digits at dense points."""

import os
from math import ceil, comb

import mpmath
import numpy as np

DIGITS = 60
SHARP = 1e-8  # relative: how near to a supremum the highest of the points has to be
POINTS, PEAKS = 4000, 8  # at least; at most
CRITERIA = ("second_moment", "variance", "gradient_variance", "squared_error")


def share(records):
    """All records where POLYEST_REFEREE is `all` (.ci/full release), else every third one.

    The files are frozen, and `polyest verify` proves a sample of them beside it.
    """
    return records if os.environ.get("POLYEST_REFEREE") == "all" else records[::3]


def phi(target, p):
    return mpmath.log(p) if target == "log" else (p ** mpmath.mpf(-0.5) - 1) / mpmath.mpf(-0.5)


def float_phi(target, p):
    return np.log(p) if target == "log" else (p**-0.5 - 1) / -0.5


def probabilities(K, p):
    """C(K,k) p^k (1-p)^(K-k), k = 0..K, as mpmath numbers."""
    q = 1 - p
    if not q:
        return [mpmath.mpf(0)] * K + [mpmath.mpf(1)]
    row = [q**K]
    for k in range(K):
        row.append(row[-1] * (K - k) / (k + 1) * p / q)
    return row


def values(target, c, p):
    """|e| and the four criteria of a table at p."""
    row = probabilities(len(c) - 1, p)
    mean = mpmath.fdot(row, c)
    moment = mpmath.fdot(row, [x * x for x in c])
    if not p:  # p phi^2 tends to 0 for the log and to 4 for this Tsallis
        limits = {"second_moment": moment, "squared_error": mpmath.mpf(0 if target == "log" else 4)}
        return dict.fromkeys(("bias", "variance", "gradient_variance"), mpmath.mpf(0)) | limits
    f, variance = phi(target, p), moment - mean * mean
    return {
        "bias": abs(p * (mean - f)),
        "second_moment": moment,
        "variance": variance,
        "gradient_variance": p * variance,
        "squared_error": p * (variance + (mean - f) ** 2),
    }


def curves(target, entries, theta):
    """|e| and the criteria at p = sin^2(theta) > 0, in float64."""
    K, p = entries.size - 1, np.sin(theta) ** 2
    k = np.arange(K + 1)
    choose = np.array([float(mpmath.log(comb(K, int(j)))) for j in k])
    heights = {name: [] for name in ("bias", *CRITERIA)}
    for part in np.array_split(p, ceil(p.size * (K + 1) / 4e6)):
        with np.errstate(divide="ignore", invalid="ignore"):
            rest = np.where(k < K, (K - k) * np.log1p(-part)[:, None], 0.0)
        rows = np.exp(choose + k * np.log(part)[:, None] + rest)
        f = float_phi(target, part)
        mean, moment = rows @ entries, rows @ entries**2
        spread = np.square(entries - mean[:, None])
        variance = np.einsum("mk,mk->m", rows, spread)
        heights["bias"].append(abs(part * (mean - f)))
        heights["second_moment"].append(moment)
        heights["variance"].append(variance)
        heights["gradient_variance"].append(part * variance)
        heights["squared_error"].append(part * (variance + (mean - f) ** 2))
    return {name: np.concatenate(v) for name, v in heights.items()}


def highest(target, c):
    """Angles at which |e| and the criteria are highest: among dense points, then closer twice."""
    entries = np.array([float(x) for x in c])
    count = max(POINTS, 40 * (entries.size + 1))
    theta = np.linspace(0, np.pi / 2, count + 1)[1:]
    tops = set()
    for name, v in curves(target, entries, theta).items():
        for start in theta[peaks(v)]:
            top, width = start, theta[0]
            for _ in range(2):
                near = np.linspace(max(top - width, 1e-9), min(top + width, np.pi / 2), 201)
                top, width = near[np.argmax(curves(target, entries, near)[name])], width / 50
            tops.add(float(top))
    return tops


def peaks(v):
    """The highest local maxima, by the parabola through each: many are all but equally high."""
    left, mid, right = v[:-2], v[1:-1], v[2:]
    bend = np.minimum(left - 2 * mid + right, -1e-300)
    top = np.where((mid >= left) & (mid >= right), mid - (left - right) ** 2 / (8 * bend), 0.0)
    top = np.concatenate([v[:1], top, v[-1:]])
    return [i for i in np.argsort(top)[-PEAKS:] if top[i] > top.max() * (1 - 1e-6)]


def suprema(record):
    """What the table reaches, by claim: at its peaks and at the ends, in 60 digits."""
    c = [mpmath.mpf(float(x)) for x in record["coefficients"]]
    tops = highest(record["target"], c)
    places = {
        mpmath.mpf(0),
        mpmath.mpf(1),
        *(mpmath.sin(mpmath.mpf(t)) ** 2 for t in tops),
    }
    at = [values(record["target"], c, p) for p in places]
    return {name: max(v[name] for v in at) for name in ("bias", *CRITERIA)}


def check_claims(record):
    reached = suprema(record)
    claims = {name: float(record[name]) for name in CRITERIA} | {
        "bias": float(record["bias"]["upper"])
    }
    for name, top in reached.items():
        assert top <= claims[name], (record["K"], name)
        assert top >= claims[name] * (1 - SHARP), (record["K"], name, float(top), claims[name])
    assert float(record["bias"]["lower"]) <= claims["bias"]
    assert reached["bias"] >= float(record["bias"]["lower"]) * (1 - SHARP)
