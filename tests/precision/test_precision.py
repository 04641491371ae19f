"""Claims and bytes do not depend on the precision that a caller has set, and it stays the caller's."""

import os
import select
import signal
import subprocess
import sys
import time
import warnings
from decimal import Decimal
from pathlib import Path

import flint
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyest
from polyest import closed_forms, frontier, precision
from polyest.errors import NotProved, PrecisionChanged
from polyest.make.rounding import reselected
from polyest.precision import USUAL, working
from polyest.precision.entrance import alone
from polyest.problem.problem import Alternation, pose
from polyest.problem.targets import LOG, parse
from polyest.proof.certify import certify, least_bias, measure, noise_floor, noise_unit, plug_in
from polyest.solvers.remez import exchange
from polyest.tables.format import dumps

LEVELS = (2, 10, 20, 40, 52, 53, 64, 113, 300, 5000)
POINTS = exchange(LOG, 3)
ENTRIES = polyest.load(5).coefficients


def posed():
    return pose(4, "log", "variance", noise=2)


def raised(function):
    with pytest.raises(NotProved) as caught:
        function()
    return str(caught.value)


def altered():
    table = polyest.load(6)
    return table.__replace__(coefficients=table.coefficients * (1 + 1e-9))


ENTRANCES = {
    "solve": lambda: dumps(polyest.solve(6)),
    "solve minimax": lambda: dumps(polyest.solve(5, "tsallis:0.5", criterion="minimax")),
    "solve lp": lambda: dumps(polyest.solve(5, criterion="minimax", method="lp")),
    "solve bias": lambda: dumps(polyest.solve(4, criterion="variance", bias_ratio=2)),
    "solve squared error": lambda: dumps(polyest.solve(4, criterion="squared-error")),
    "solve on a grid": lambda: dumps(polyest.solve(6, grid="float32")),
    "verify": lambda: polyest.verify(polyest.load(14)),
    "verify a closed form": lambda: polyest.verify(closed_forms.schuermann(5)),
    "verify what is altered": lambda: raised(lambda: polyest.verify(altered())),
    "rounded": lambda: dumps(polyest.load(14).rounded("dyadic", group=16)),
    "measure": lambda: measure(LOG, ENTRIES),
    "certify": lambda: certify(pose(3, "log", "minimax"), ENTRIES[:4], Alternation(POINTS)),
    "least bias": lambda: least_bias(parse("power:0.3"), 2, Alternation(exchange(parse("power:0.3"), 2))),
    "noise floor": lambda: noise_floor(LOG, ENTRIES, "variance"),
    "noise unit": lambda: noise_unit(posed()),
    "plug-in": lambda: plug_in(parse("tsallis:1.5"), 7).tolist(),
    "selection": lambda: reselected(LOG, ENTRIES, polyest.load(5).witness),
    "frontier": lambda: frontier.records(frontier.sweep(3, budgets=(1, 4)), ()),
    "against": lambda: str(frontier.against(closed_forms.harmonic(3)).ratio),
    **{
        form.__name__: lambda form=form: dumps(form(5))
        for form in closed_forms.LOGS
    },
    "polynomial": lambda: dumps(closed_forms.polynomial(4, [0.1, 0.3, -1])),
    "split": lambda: dumps(closed_forms.split(closed_forms.log_count(2), 3)),
}  # fmt: skip
USUALLY = {name: entrance() for name, entrance in ENTRANCES.items()}


@pytest.fixture(autouse=True)
def restored():
    before = flint.ctx.prec
    yield
    flint.ctx.prec = before


@pytest.mark.parametrize("bits", LEVELS)
@pytest.mark.parametrize("name", ENTRANCES)
def test_the_result_is_the_same_and_the_precision_the_callers(name, bits):
    flint.ctx.prec = bits
    assert ENTRANCES[name]() == USUALLY[name]
    assert flint.ctx.prec == bits


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(ENTRANCES)), st.integers(2, 20_000))
def test_and_at_a_precision_drawn_anew(name, bits):
    flint.ctx.prec = bits
    assert ENTRANCES[name]() == USUALLY[name]
    assert flint.ctx.prec == bits
    flint.ctx.prec = USUAL


def test_the_universal_table_is_proved_at_any_precision():
    flint.ctx.prec = 20
    polyest.verify(polyest.load(5000))
    assert flint.ctx.prec == 20


def test_a_step_without_ours_does_depend_on_it():
    """The look above sees what it is to see: without an entrance the last digits do move."""
    curve = polyest.proof.certify._curve(ENTRIES)
    ends = set()
    for bits in (10, 53, 300):
        flint.ctx.prec = bits
        ends.add(polyest.exact.balls.at_most(sum(curve.entries, flint.arb(0)) / 3))
    assert len(ends) > 1


@pytest.mark.parametrize("bits", [10, 300])
def test_it_is_the_callers_again_after_an_error(bits):
    flint.ctx.prec = bits
    for wrong in (
        lambda: polyest.solve(4, bias=1e-9),
        lambda: polyest.solve(4, bias=10),
        lambda: polyest.verify(altered()),
        lambda: closed_forms.schuermann(600, xi=1e-3),
    ):
        with pytest.raises(polyest.errors.PolyestError):
            wrong()
        assert flint.ctx.prec == bits


def test_steps_are_nested_and_see_what_somebody_else_sets():
    flint.ctx.prec = 77
    with working(100):
        with working(200):
            assert flint.ctx.prec == 200
        assert flint.ctx.prec == 100
        with pytest.raises(PrecisionChanged, match=r"is 300, expected 160"), working(160):
            flint.ctx.prec = 300
        assert flint.ctx.prec == 100
        flint.ctx.prec = 10
        with pytest.raises(PrecisionChanged, match="is 10, expected 100"), working(50):
            pass
        flint.ctx.prec = 100
    assert flint.ctx.prec == 77


def test_what_fails_at_another_precision_says_only_that():
    def failing(bits):
        with working(90):
            flint.ctx.prec = bits
            raise NotProved("K = 3: a coefficient is altered")

    with pytest.raises(PrecisionChanged) as caught:
        failing(12)
    assert "altered" not in str(caught.value)
    with pytest.raises(NotProved):
        failing(90)


def test_a_disturbed_step_is_repeated_and_given_up_in_the_end():
    calls = []

    @alone
    def disturbed(times):
        calls.append(flint.ctx.prec)
        if len(calls) <= times:
            flint.ctx.prec = 200
        return "done"

    flint.ctx.prec = 31
    assert disturbed(2) == "done"
    assert calls == [USUAL] * 3
    calls.clear()
    with pytest.raises(PrecisionChanged, match="another thread uses python-flint"):
        disturbed(99)
    assert calls == [USUAL] * precision.TRIES
    assert flint.ctx.prec == 31


INTERRUPTED = """
import signal, sys, flint, polyest
polyest.solve(9, criterion="variance", bias_ratio=3)  # imports what it needs, which is not interrupted
flint.ctx.prec = 71
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("ready", flush=True)
for _ in range(12):
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        while True:
            polyest.solve(9, criterion="variance", bias_ratio=3)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # until this one is told
        print(flint.ctx.prec, flush=True)
"""


def test_it_is_the_callers_again_after_ctrl_c():
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    with process:
        assert process.stdout.readline() == b"ready\n"
        told = b""
        for i in range(12):
            time.sleep(0.05 + 0.013 * i)
            while told.count(b"\n") <= i:
                process.send_signal(signal.SIGINT)
                # One that comes in a callback of a C library is lost there: it is sent again.
                if select.select([process.stdout], [], [], 5)[0]:
                    told += os.read(process.stdout.fileno(), 1000)
    assert told == b"71\n" * 12


SPOILED = """
import decimal
def spoil():
    decimal.DefaultContext.prec = 3
    decimal.DefaultContext.Emax = 5
    decimal.DefaultContext.Emin = -5
    decimal.DefaultContext.capitals = 0
    decimal.DefaultContext.clamp = 1
    decimal.DefaultContext.rounding = decimal.ROUND_UP
    for trap in decimal.DefaultContext.traps:
        decimal.DefaultContext.traps[trap] = True
    decimal.setcontext(decimal.Context())
{before}
import polyest
from polyest.tables.format import dumps
from polyest.exact.balls import decimals
from polyest.cli.pages.table import universal_page
from flint import arb
{after}
print(dumps(polyest.solve(5, "tsallis:0.5")))
print(dumps(polyest.load(10**9)), polyest.load(5000)[77])
polyest.verify(polyest.load(14))
print(decimals(arb(1) / 3, arb(2) ** 100, 20))
print(*universal_page(polyest.load(5000)))
"""


def environment():
    return {**os.environ, "PYTHONPATH": str(Path(polyest.__file__).parents[1])}


def printed(before="", after=""):
    code = SPOILED.format(before=before, after=after)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment()
    ).stdout


def test_the_callers_decimal_context_changes_nothing():
    plain = printed()
    assert len(plain) > 1000
    assert printed(before="spoil()") == plain
    assert printed(after="spoil()") == plain


def test_decimals_of_our_own_do_not_ask_the_default():
    from polyest.decimals import context

    assert str(context(3).divide(Decimal(1), Decimal(3))) == "0.333"


def test_a_pickled_table_is_the_table_and_frozen():
    import pickle

    table = polyest.load(14)
    again = pickle.loads(pickle.dumps(table))
    assert dumps(again) == dumps(table)
    with pytest.raises(ValueError, match="read-only"):
        again.coefficients[0] = 1.0
    assert np.array_equal(again.coefficients, table.coefficients)


def test_warnings_of_an_entrance_are_the_callers():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(polyest.errors.RuinedByRounding):
            polyest.solve(12, criterion="minimax", grid="bfloat16")
