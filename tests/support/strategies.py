"""Targets of every kind, drawn by hypothesis, and what they are by definition."""

import re

import mpmath
from hypothesis import strategies as st

POLYNOMIALS = st.lists(st.integers(-9, 9), min_size=2, max_size=9).map(
    lambda a: "polynomial:" + ",".join(map(str, a))
)
POWERS = st.floats(-0.95, 40).map(lambda a: f"power:{a!r}")
TSALLIS = st.floats(0.05, 40).filter(lambda q: abs(q - 1) > 1e-3).map(lambda q: f"tsallis:{q!r}")
# Formulas of every function, finite and smooth on (0, 1], for which p phi^2 vanishes at 0.
SHIFTS = st.sampled_from(["0.01", "0.3", "1", "2.5"])
EXPONENTS = st.sampled_from(["0.5", "-0.5", "2", "-1", "3", "1/3", "-2.5", "7"])
POSITIVE = st.recursive(
    st.one_of(
        st.builds("(p+{})".format, SHIFTS),
        st.builds("exp(-{}*p)".format, SHIFTS),
        st.builds("(expm1(p)/p+{})".format, SHIFTS),
        st.builds("(log1p(p)/p*{})".format, SHIFTS),
        st.builds("(sqrt(p)+{})".format, SHIFTS),
    ),
    lambda inner: st.one_of(
        st.builds("({}+{})".format, inner, inner),
        st.builds("({}*{})".format, inner, inner),
        st.builds("({}/{})".format, inner, inner),
        st.builds("({})**({})".format, inner, EXPONENTS),
        st.builds("pow({}, {})".format, inner, EXPONENTS),
        st.builds("log1p({})".format, inner),
    ),
    max_leaves=3,
)
FORMULAS = st.one_of(
    POSITIVE,
    st.builds("exp(-{}*p)-{}".format, SHIFTS, POSITIVE),  # of which at most 1 is lost
    st.builds("log(p)*{}".format, POSITIVE),
    st.builds("-p**0.25/{}+log(p)".format, POSITIVE),
)
CUSTOM = FORMULAS.map("custom:{}".format)
TARGETS = st.one_of(st.just("log"), POLYNOMIALS, POWERS, TSALLIS)
EVERY = st.one_of(TARGETS, CUSTOM)

# phi(p) of each word of the registry, from the numbers after the colon, in the precision of mpmath.
DEFINED = {
    "log": lambda p: mpmath.log(p),
    "power": lambda p, a: p**a,
    "tsallis": lambda p, q: (p ** (q - 1) - 1) / (q - 1),
    "polynomial": lambda p, *a: mpmath.fsum(x * p**m for m, x in enumerate(a)),
    "custom": lambda p, text: formula(text, p=p),
}
FUNCTIONS = {name: getattr(mpmath, name) for name in ("sqrt", "log", "log1p", "exp", "expm1")}


def formula(text, **values):
    """The value of an expression, by Python's own grammar over mpmath; numbers are exact doubles."""
    numbers = re.sub(r"(?<![\w.])(\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)", r"mpf(float('\1'))", text)
    names = {**FUNCTIONS, "pow": lambda x, y: x**y, "mpf": mpmath.mpf, "float": float, **values}
    return eval(numbers, {"__builtins__": {}}, names)


def mp_phi(name, p):
    """phi(p) of a target by its name, from the formulas above and not by the code under test."""
    word, _, tail = name.partition(":")
    if word == "custom":
        return DEFINED[word](p, tail)
    numbers = [mpmath.mpf(float(number)) for number in tail.split(",") if number]
    return DEFINED[word](p, *numbers)
