"""Targets of every kind, drawn by hypothesis, and what they are by definition."""

import mpmath
from hypothesis import strategies as st

POLYNOMIALS = st.lists(st.integers(-9, 9), min_size=2, max_size=9).map(
    lambda a: "polynomial:" + ",".join(map(str, a))
)
POWERS = st.floats(-0.95, 40).map(lambda a: f"power:{a!r}")
TSALLIS = st.floats(0.05, 40).filter(lambda q: abs(q - 1) > 1e-3).map(lambda q: f"tsallis:{q!r}")
TARGETS = st.one_of(st.just("log"), POLYNOMIALS, POWERS, TSALLIS)

# phi(p) of each word of the registry, from the numbers after the colon, in the precision of mpmath.
DEFINED = {
    "log": lambda p: mpmath.log(p),
    "power": lambda p, a: p**a,
    "tsallis": lambda p, q: (p ** (q - 1) - 1) / (q - 1),
    "polynomial": lambda p, *a: mpmath.fsum(x * p**m for m, x in enumerate(a)),
}


def mp_phi(name, p):
    """phi(p) of a target by its name, from the formulas above and not by the code under test."""
    word, _, tail = name.partition(":")
    numbers = [mpmath.mpf(float(number)) for number in tail.split(",") if number]
    return DEFINED[word](p, *numbers)
