"""The example of JAX: its look-up is that of the library, and of no other table."""

from pathlib import Path

import pytest

jax = pytest.importorskip("jax")

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    import jax_lookup

    return jax_lookup


def test_it_is_what_the_library_pays(example, capsys):
    example.main()
    assert "16384 advantages, at most " in capsys.readouterr().out
    agreed = example.advantages(jax.numpy.full((1, example.GROUP), 3))
    assert (agreed == 0).all()


def test_another_table_is_found_out(example, monkeypatch):
    jax.clear_caches()  # of the function that has the right table compiled in
    monkeypatch.setattr(example, "TABLE", 1.01 * example.TABLE)
    try:
        with pytest.raises(AssertionError, match="more than float32 explains"):
            example.main()
    finally:
        jax.clear_caches()
