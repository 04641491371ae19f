"""Targets of every kind, drawn by hypothesis."""

from hypothesis import strategies as st

POLYNOMIALS = st.lists(st.integers(-9, 9), min_size=2, max_size=9).map(
    lambda a: "polynomial:" + ",".join(map(str, a))
)
POWERS = st.floats(-0.95, 40).map(lambda a: f"power:{a!r}")
TSALLIS = st.floats(0.05, 40).filter(lambda q: abs(q - 1) > 1e-3).map(lambda q: f"tsallis:{q!r}")
TARGETS = st.one_of(st.just("log"), POLYNOMIALS, POWERS, TSALLIS)
