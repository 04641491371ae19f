"""Whatever is passed for an argument, a public function returns something valid or a named error."""

import re
import signal
import warnings
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import public_api
import pytest
import torch
from calls import Call, calls
from hypothesis import example, given
from hypothesis import strategies as st

import polyest
from polyest import advantages, answers, counts, games, pairing, recommendation, rewards
from polyest.errors import InvalidProblem, PolyestError
from polyest.values import real, shown

SECONDS = 120  # of one call, many times what any takes
LONGEST = 1000  # characters of a message

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 2**31, 2**53, 2**63, 2**64, 99999999999999999999, 10**400, -(10**400),
    10**5000, 0.0, -0.0, 0.5, 5e-324, 1e-320, 1e-300, 1e308, -1e308, float("inf"), float("-inf"),
    float("nan"), np.float64("nan"), np.float64(1e308), np.float32("inf"), np.int64(-3), np.bool_(True), 1j,
    Fraction(10**400, 3), Fraction(1, 10**400), Decimal("NaN"), Decimal("1e999999"), "", b"", "x" * 10_000,
    "1e400", "nan", "\n" * 100, "log", "\ud800", [], (), {}, set(), [[]], [None], ["log"], [1, [2, 3]],
    [[1], [1, 2]], [10**400], [10**5000], [float("nan")], [float("inf")], [[float("nan"), 1.0]],
    [[float("inf"), 1.0]], [[1e308, 1e308]], [[0.5, 0.5]], [[10**400, 1]],
    [object()], ["x" * 10_000], [5] * 5000, {"a": 1}, {1: [2]}, range(3), object(), object, len,
    lambda *_: 10**400, lambda *_: None, iter(()), np.array([1, 2]), np.array([1.0, np.nan]),
    np.array([["a"]]), np.array(1), np.zeros((0, 3)), np.zeros((2, 0), int), np.array([object()]),
    np.zeros((1, 2), np.complex128), np.array([2**63], np.uint64), np.ma.masked_array([1, 2], [0, 1]),
    torch.tensor([1, 2]), torch.tensor([1.0, float("nan")]), torch.tensor(1), torch.tensor(1.5),
    torch.zeros((1, 5)), torch.zeros((0,)), torch.tensor([True]), torch.zeros((1, 2), dtype=torch.complex64),
    torch.zeros((1, 3), dtype=torch.bfloat16),
)  # fmt: skip

# Functions of these take a network, a trainer's own objects, or any number and raise what numpy raises.
ELSEWHERE = ("polyest.grpo.", "polyest.integrations.", "polyest.functions.")
SAMPLE = 8  # values that each argument is tried with; of a costly call 2


class TooSlow(Exception):
    """A call that did not end in time."""


def invalid(result: Any, call: Call) -> str | None:
    """What is wrong with a result: an infinity or a nan where none may be."""
    if isinstance(result, torch.Tensor) and not result.is_complex():
        result = result.double().numpy()
    if isinstance(result, list | tuple):
        return next((wrong for one in result if (wrong := invalid(one, call))), None)
    if isinstance(result, float | np.ndarray) and np.asarray(result).dtype.kind == "f":
        if not call.infinite and np.isinf(result).any():
            return f"an infinity in {result!r:.200}"
        if not call.nan and np.isnan(result).any():
            return f"nan in {result!r:.200}"
    return None


def fault(call: Call, name: str, value: Any) -> str | None:
    """What is wrong with what a call makes of a value: None where it is valid or a named error."""

    def late(*_: Any) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = call.function(**{**call.arguments, name: value})
    except PolyestError as error:
        text = str(error)
        return (
            None
            if 0 < len(text) < LONGEST
            else f"a message of {len(text)} characters: {text[:300]}"
        )
    except TypeError as error:
        asked = re.search(r"missing \d+ required|unexpected keyword|multiple values", str(error))
        return None if asked or callable(value) else f"TypeError: {error}"[:300]
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"{type(error).__name__}: {error}"[:300]
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return invalid(result, call)


def told(value: Any) -> str:
    try:
        return f"{type(value).__name__} {value!r:.60}"
    except ValueError:
        return "an integer too long to print"


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    return calls(tmp_path_factory.mktemp("swept") / "swept.jsonl")


def faults(public, seed):
    """What is wrong with a sample of all calls with one odd argument."""
    random = Random(seed)
    messages = []
    for function, call in public.items():
        for name in [*call.arguments, *sorted(call.tried - call.arguments.keys())]:
            for value in random.sample(ODD, 2 if call.costly else SAMPLE):
                if wrong := fault(call, name, value):
                    messages.append(f"{function}({name}={told(value)}): {wrong}")
    return messages


def test_every_public_function_is_called(public):
    listed = re.findall(r"^(polyest[\w.]*)\(", public_api.FILE.read_text(), re.MULTILINE)
    called = {f"polyest.{name.partition(',')[0]}" for name in public}
    assert {name for name in listed if not name.startswith(ELSEWHERE)} <= called


def test_every_call_is_valid_as_it_is(public):
    for function, call in public.items():
        if function != "UniversalTable.rounded":  # which refuses every grid
            assert invalid(call.function(**call.arguments), call) is None, function


def test_odd_arguments_are_named_errors(public):
    assert faults(public, 20261129) == []


def test_other_odd_arguments_are_named_errors(public):
    seed = Random().randrange(10**9)
    assert faults(public, seed) == [], f"seed {seed}"


def test_the_look_sees_what_is_wrong():
    def broken(kind):
        return {
            "raw": lambda: [][0],
            "nan": lambda: float("nan"),
            "long": lambda: refuse("x" * 1000),
        }[kind]()

    def refuse(text):
        raise InvalidProblem(text)

    call = Call(broken, {"kind": "raw"})
    seen = [fault(call, "kind", kind) for kind in ("raw", "nan", "long")]
    assert [wrong.partition(":")[0] for wrong in seen] == [
        "IndexError",
        "nan in nan",
        "a message of 1000 characters",
    ]


# The arguments that this began with, each with what the message says.
LARGE, LONG = 10**400, 10**5000
ARRAY = np.array([1, 2])
FIRST = {
    "a group beyond what len counts": (
        lambda: recommendation.recommend(99999999999999999999, 4), "group is 99999999999999999999: expected",
    ),
    "a budget among the least doubles": (
        lambda: polyest.solve(17, "polynomial:1e-300", bias=5e-324), "scale the rewards",
    ),
    "a least budget": (lambda: polyest.solve(4, noise=5e-324), "noise is 5e-324: expected a budget"),
    "a noise beyond the doubles": (lambda: polyest.solve(4, noise=LARGE), "noise is an integer of 1329 bits"),
    "draws too long to print": (lambda: polyest.solve(LONG), "K is an integer of 16610 bits"),
    "a factor beyond the doubles": (
        lambda: rewards.log_probability([[1, 1, 2]], beta=LARGE), "beta is an integer of 1329 bits",
    ),
    "an order beyond the doubles": (lambda: games.tsallis(LARGE), "order is an integer of 1329 bits"),
    "a cost beyond the doubles": (lambda: rewards.safety([[LARGE]], 1.0), "costs are .*: expected numbers"),
    "a reward beyond the doubles": (lambda: advantages.group_mean([[LARGE, 1]]), "rewards are "),
    "lists for exact": (
        lambda: advantages.exact([[0.0]], [0.0], [[1]], [[True]]), r"others \(1,\).*expected others \(G",
    ),
    "no epsilon": (
        lambda: advantages.standardised([[1.0, 0.0]], epsilon=None), "epsilon is None: expected",
    ),
    "one size": (lambda: counts.in_group([1, 1, 1], groups=[0, 0, 0], sizes=3), "sizes is 3: expected"),
    "a list for a baseline": (lambda: counts.in_group([[1, 1, 1]], baseline=[]), r"baseline \[\] is unknown"),
    "an array for a baseline": (lambda: pairing.pair(16, ARRAY), "baseline array.* is unknown"),
    "a list for a target": (lambda: pairing.pair(16, target=["log"]), "target is .*: expected its name"),
    "an array for a kind": (lambda: answers.canonical(["1"], ARRAY), "kind array.* is unknown"),
    "an array for a word": (
        lambda: rewards.log_probability([[1, 1, 1]], unanswered=ARRAY), "unanswered is array",
    ),
    "an array for a grid": (lambda: polyest.load(3).rounded(ARRAY), "grid array.* is unknown"),
    "a generator of many powers": (lambda: games.polynomial([5] * 5000), "degree 4999: expected at most 256"),
    "a long text": (lambda: polyest.solve(3, "x" * 10**6), r"target 'x{50,56}\.\.\. is unknown"),
}  # fmt: skip


@pytest.mark.parametrize("name", FIRST)
def test_what_this_began_with(name):
    call, message = FIRST[name]
    with pytest.raises(PolyestError, match=message) as caught:
        call()
    assert len(str(caught.value)) < 400


@given(
    value=st.recursive(
        st.none() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
@example(value="\n" * 500)
def test_a_value_is_shown_in_one_short_line(value):
    text = shown(value)
    assert 0 < len(text) <= 60
    assert "\n" not in text


def test_and_one_that_python_does_not_print():
    assert shown(10**5000) == "an integer of 16610 bits"
    assert shown([10**5000]) == "an object of type list"


@given(
    value=st.floats()
    | st.integers()
    | st.fractions()
    | st.integers(1000, 2000).map(lambda e: 10**e)
)
def test_a_number_is_the_double_nearest_to_it(value):
    double = real(value)
    assert isinstance(double, float)
    if isinstance(value, float):
        assert double == value or (double != double and value != value)
    else:
        exact = Fraction(value)
        assert (double > 0) == (exact > 0)
        if abs(double) != float("inf"):
            assert abs(Fraction(double) - exact) <= max(abs(exact) / 2**53, Fraction(5e-324))
