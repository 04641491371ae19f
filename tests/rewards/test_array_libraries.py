"""Arrays of any library of the standard come back as they came: array-api-strict, JAX, and graphs of JAX.

array-api-strict has nothing that the standard has not.  JAX is not among the requirements of the tests:
without it those that need it are skipped.
"""

import re
import warnings
from pathlib import Path

import array_api_strict as strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyest
from polyest import advantages, counts, pairing, rewards
from polyest.errors import CountOutOfRange, InvalidReward, PolyestError

TABLE = polyest.load(14)
PRICE = rewards.Multiplier([0.1, 0.2], rate=1.0, start=0.3)


def drawn(seed, *shape, most=5):
    return np.random.default_rng(seed).integers(-1, most, shape)


def batch(seed, G=8):
    return drawn(seed, 6, G)


def orbits(seed):
    return drawn(seed, 3, 2, 6, most=3)


def reals(seed, *shape):
    return -np.random.default_rng(seed).random(shape)


# Each call: the function, and how its arguments are made from a seed.
CALLS = {
    "table": (lambda x: TABLE[x], lambda seed: (drawn(seed, 3, 4) + 1,)),
    "log": (rewards.log_probability, lambda seed: (batch(seed),)),
    "wide": (rewards.log_probability, lambda seed: (drawn(seed, 3, 100, most=40),)),
    "dyadic": (
        lambda a: rewards.log_probability(a, beta=0.1, dyadic=True, unanswered="lowest"),
        lambda seed: (batch(seed),),
    ),
    "independent": (
        lambda a, drawn: rewards.log_probability(a, counting="independent", reference=drawn),
        lambda seed: (batch(seed), drawn(seed + 1, 6, 30)),
    ),
    "many drawn": (
        lambda a, drawn: rewards.log_probability(a, counting="independent", reference=drawn),
        lambda seed: (batch(seed), drawn(seed + 1, 6, 100)),
    ),
    "polynomial": (lambda a: rewards.polynomial(a, (1, -1, 0.5)), lambda seed: (batch(seed),)),
    "tsallis": (lambda a: rewards.tsallis(a, 0.5), lambda seed: (batch(seed),)),
    "pass": (lambda a: rewards.pass_at(a, 2), lambda seed: (batch(seed),)),
    "entropy": (rewards.diversity, lambda seed: (batch(seed),)),
    "gini": (lambda a: rewards.diversity(a, measure="gini"), lambda seed: (batch(seed),)),
    "exploration": (
        lambda a, q: rewards.diversity(a, measure="exploration", prior=q),
        lambda seed: (batch(seed), reals(seed, 6, 8)),
    ),
    "gated": (
        lambda a, w: rewards.diversity(a, where=w, bonus=1, measure="gini"),
        lambda seed: (batch(seed), batch(seed) > 1),
    ),
    "conditional": (
        lambda a, w: rewards.diversity(a, where=w, bonus=1, measure="conditional", dyadic=True),
        lambda seed: (batch(seed), batch(seed) > 1),
    ),
    "gated exploration": (
        lambda a, w, q: rewards.diversity(
            a, where=w, bonus=9, measure="exploration", prior=q, noise=2
        ),
        lambda seed: (batch(seed), batch(seed) > 1, reals(seed, 6, 8)),
    ),
    "own entries": (
        lambda a: rewards.of_counts(a, lambda X, K: X - K),
        lambda seed: (batch(seed),),
    ),
    "truth": (
        lambda a, t: rewards.ground_truth(a, t, objective="log"),
        lambda seed: (batch(seed), batch(seed)[:, 0]),
    ),
    "truth, pass": (
        lambda a, t: rewards.ground_truth(a, t, objective="pass@k", k=2, dyadic=True),
        lambda seed: (batch(seed), batch(seed)[:, 0]),
    ),
    "standard": (rewards.standard, lambda seed: (reals(seed, 4, 5),)),
    "coherence": (rewards.coherence, lambda seed: (orbits(seed),)),
    "coherence, least": (
        lambda a: rewards.coherence(a, ties="least", unanswered="lowest"),
        lambda seed: (orbits(seed),),
    ),
    "coherence, ids": (
        lambda a: rewards.coherence(a, orbits=[0, 1, 0, 1, 0, 1]),
        lambda seed: (batch(seed),),
    ),
    "soft": (rewards.soft_consistency, lambda seed: (orbits(seed),)),
    "soft, geometric": (
        lambda a: rewards.soft_consistency(a, mean="geometric"),
        lambda seed: (orbits(seed),),
    ),
    "soft, large": (rewards.soft_consistency, lambda seed: (drawn(seed, 2, 4, 12),)),
    "pairwise": (
        lambda a: rewards.pairwise(a, include_self=False),
        lambda seed: (orbits(seed),),
    ),
    "safety": (lambda c: rewards.safety(c, 0.5), lambda seed: (reals(seed, 4, 5),)),
    "safety, budgets": (
        lambda c: rewards.safety(c, PRICE),
        lambda seed: (reals(seed, 4, 5, 2),),
    ),
    "group mean": (
        lambda a: advantages.group_mean(rewards.log_probability(a)),
        lambda seed: (batch(seed),),
    ),
    "standardised": (
        lambda a: advantages.standardised(rewards.log_probability(a, dyadic=True)),
        lambda seed: (batch(seed),),
    ),
    "leave one out": (
        lambda a: advantages.leave_one_out(rewards.log_probability(a)),
        lambda seed: (batch(seed),),
    ),
    "orbit mean": (
        lambda a: advantages.orbit_mean(rewards.coherence(a)),
        lambda seed: (orbits(seed),),
    ),
    "exact": (lambda a: pairing.pair(8, "exact").advantages(a), lambda seed: (batch(seed),)),
}
pytestmark = pytest.mark.filterwarnings("ignore::polyest.errors.RightPaidLess")
each_call = pytest.mark.parametrize("name", CALLS)


@pytest.fixture(scope="module")
def jax():
    return pytest.importorskip("jax")


def same(array, expected, like):
    """Whether an array is of a library, on its device, and has the numbers as its type holds them."""
    assert type(array).__module__.split(".")[0] == type(like).__module__.split(".")[0]
    assert array.device == like.device
    numbers = np.asarray(array)
    assert numbers.shape == expected.shape
    step = np.finfo(numbers.dtype).eps
    return np.allclose(numbers, expected, rtol=32 * step, atol=32 * step, equal_nan=True)


@each_call
@given(seed=st.integers(0, 2**20))
@settings(max_examples=15, deadline=None)
def test_the_strict_library_gets_the_numbers_of_numpy(name, seed):
    call, made = CALLS[name]
    arguments = [strict.asarray(x) for x in made(seed)]
    numbers = call(*arguments)
    assert numbers.dtype == strict.float64
    assert same(numbers, call(*made(seed)), arguments[0])


@each_call
def test_jax_gets_them_too_eager_and_in_one_graph(name, jax):
    call, made = CALLS[name]
    traces = []

    def traced(*arguments):
        traces.append(len(arguments))
        return call(*arguments)

    graph = jax.jit(traced)
    for seed in range(5):
        arguments = [jax.numpy.asarray(x) for x in made(seed)]
        expected = call(*made(seed))
        for run in (call, graph):
            numbers = run(*arguments)
            assert numbers.dtype == "float32"
            assert same(numbers, expected, arguments[0])
    assert len(traces) == 1
    steps = str(jax.make_jaxpr(call)(*arguments))
    assert "callback" not in steps


@each_call
def test_jax_with_64_bits_has_doubles(name, jax):
    call, made = CALLS[name]
    with jax.enable_x64(True):
        arguments = [jax.numpy.asarray(x) for x in made(0)]
        for run in (call, jax.jit(call)):
            numbers = run(*arguments)
            assert numbers.dtype == "float64"
            assert same(numbers, call(*made(0)), arguments[0])


def test_the_block_of_the_page_prints_what_it_says(jax, capsys):
    page = (Path(__file__).parents[2] / "docs" / "howto" / "trainer.md").read_text()
    program, printed = re.search(r"```py\n(.*?)```\n\n```text\n(.*?)```", page, re.DOTALL).groups()
    exec(program, {})
    assert capsys.readouterr().out == printed


# Invalid input is one error, or NaN in a graph, and never an array of another library.


def test_a_count_out_of_range_is_an_error_where_it_can_be_seen():
    for wrong in (-1, 15):
        with pytest.raises(CountOutOfRange, match=f"count {wrong} is outside 0..14"):
            TABLE[strict.asarray([0, wrong])]
    with pytest.raises(CountOutOfRange, match="float64: a count is an integer"):
        TABLE[strict.asarray([0.0])]
    assert TABLE[strict.asarray([], dtype=strict.int32)].dtype == strict.float64
    assert float(TABLE[strict.asarray(3)]) == TABLE[3]


def test_a_count_out_of_range_is_nan_in_a_graph(jax):
    for mapped in (jax.jit(lambda x: TABLE[x]), jax.vmap(lambda x: TABLE[x])):
        entries = np.asarray(mapped(jax.numpy.asarray([0, 14, 15, -1, 2**31 - 1])))
        assert np.isnan(entries).tolist() == [False, False, True, True, True]
        assert entries[:2].tolist() == TABLE[[0, 14]].astype(np.float32).tolist()
    with pytest.raises(CountOutOfRange, match="count 15 is outside"):
        TABLE[jax.numpy.asarray([15])]


def test_numbers_that_may_not_be_are_nan_in_a_graph(jax):
    odd = jax.numpy.asarray([[1.0, jax.numpy.inf, jax.numpy.nan, 2.0]])
    assert np.isnan(np.asarray(jax.jit(rewards.standard)(odd))).tolist() == [
        [False, True, True, False]
    ]
    with pytest.raises(InvalidReward, match="hold nan or an infinity"):
        rewards.standard(odd)
    d, X = jax.numpy.asarray([0.0, 0.0, 1.0, 0.0]), jax.numpy.asarray([[2, 4, 1]])
    given = jax.numpy.zeros((1, 3)), d, X, jax.numpy.ones((1, 3), bool)
    assert np.isnan(np.asarray(jax.jit(advantages.exact)(*given))).tolist() == [
        [False, True, False]
    ]
    with pytest.raises(CountOutOfRange, match="from 1 to 4 in groups of 3"):
        advantages.exact(*given)


def test_shapes_types_and_options_are_checked_while_a_graph_is_traced(jax):
    answers = jax.numpy.asarray(batch(0))
    for call, error, said in [
        (lambda a: rewards.log_probability(a.reshape(-1)), CountOutOfRange, r"expected \(prompts"),
        (lambda a: rewards.log_probability(a[:, :2]), CountOutOfRange, "a group of 2"),
        (lambda a: rewards.log_probability(a * 1.0), CountOutOfRange, "type float32"),
        (lambda a: rewards.log_probability(a.astype("uint32")), CountOutOfRange, "may hold"),
        (lambda a: rewards.log_probability(a, beta=-1), InvalidReward, "beta is -1"),
        (lambda a: TABLE[a * 1.0], CountOutOfRange, "type float32"),
        (lambda a: polyest.load(2000)[a], CountOutOfRange, "computed by the host"),
        (lambda a: rewards.coherence(a, orbits=a[:, 0]), CountOutOfRange, "the host can read"),
        (lambda a: rewards.safety(a, a[0]), InvalidReward, "multiplier: .* no values yet"),
        (PRICE.update, InvalidReward, "costs: .* no values yet"),
        (
            lambda a: rewards.diversity(a, measure="exploration", prior=-1.0 * a, dyadic=True),
            InvalidReward,
            "its step depends on the prior",
        ),
    ]:
        with pytest.raises(error, match=said):
            jax.jit(call)(answers)


FLAT = strict.asarray(np.arange(6))
MIXED = [
    lambda: rewards.log_probability(
        np.zeros((2, 4), int),
        counting="independent",
        reference=strict.zeros((2, 4), dtype=strict.int64),
    ),
    lambda: counts.in_group(np.arange(6), groups=FLAT),
    lambda: rewards.ground_truth(np.zeros((2, 4), int), strict.zeros(2, dtype=strict.int64)),
    lambda: rewards.diversity(
        np.zeros((2, 4), int), measure="exploration", prior=strict.zeros((2, 4))
    ),
    lambda: advantages.group_mean(np.zeros(6), groups=FLAT),
    lambda: advantages.exact(
        np.zeros((1, 3)), np.zeros(4), np.ones((1, 3), int), strict.ones((1, 3), dtype=strict.bool)
    ),
]


@pytest.mark.parametrize("call", MIXED)
def test_two_libraries_in_a_call_are_one_error(call):
    with pytest.raises(PolyestError, match="array_api_strict beside one of numpy: expected one"):
        call()


def test_lists_and_numpy_go_with_every_library():
    answers = strict.asarray(batch(0))
    expected = rewards.log_probability(batch(0), counting="independent", reference=batch(1))
    for reference in (batch(1), batch(1).tolist()):
        paid = rewards.log_probability(answers, counting="independent", reference=reference)
        assert same(paid, expected, answers)


def test_a_flat_batch_stays_with_numpy_and_torch():
    for call in (
        lambda: rewards.log_probability(FLAT, groups=[0] * 6),
        lambda: advantages.group_mean(strict.zeros(6), groups=[0] * 6),
    ):
        with pytest.raises(PolyestError, match=r"array_api_strict: a flat batch is .* only; give"):
            call()


def test_a_marker_that_short_integers_do_not_hold_marks_nothing():
    short = strict.asarray(batch(0), dtype=strict.int32)
    paid = rewards.log_probability(short, no_answer=2**40)
    assert not np.isnan(np.asarray(paid)).any()
    numbers = strict.asarray([[2**64 - 1, 0, 0]], dtype=strict.uint64)
    with pytest.raises(CountOutOfRange, match=r"uint64 hold a number above 2\^63 - 1"):
        rewards.log_probability(numbers)


def test_ids_are_cut_to_32_bits_by_jax_with_its_warning(jax):
    """As the page says, the library does not see that the answers were cut."""
    ids = np.array([[2**40, 0, 0]])
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        cut = jax.numpy.asarray(ids)
    assert cut.tolist() == [[0, 0, 0]]
