"""Beside threads of a caller the work is done in a process of its own: same bytes, and nothing is left."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import flint
import pytest

import polyest
from polyest import closed_forms, precision
from polyest.errors import (
    InvalidProblem,
    NotProved,
    PrecisionChanged,
    RuinedByRounding,
    WorkerLost,
)
from polyest.precision import helper_process
from polyest.precision.entrance import alone
from polyest.precision.helper_process import CannotSend
from polyest.problem.targets.log import Log
from polyest.tables.format import dumps

SOLVED = dumps(polyest.solve(12))


@pytest.fixture(autouse=True)
def untrusted(monkeypatch):
    """As in a program of the caller's: a thread beside ours may do anything."""
    monkeypatch.setattr(precision, "_trusted", 0)
    yield
    helper_process._end()


@contextmanager
def thread(pause, levels=(53, 200)):
    """A thread that sets one precision after the other, and what it has set last."""
    over = threading.Event()

    def switch():
        while not over.is_set():
            for bits in levels:
                flint.ctx.prec = bits
                over.wait(pause)

    other = threading.Thread(target=switch)
    before = flint.ctx.prec
    other.start()
    try:
        yield other
    finally:
        over.set()
        other.join()
        flint.ctx.prec = before


@pytest.mark.parametrize("pause", [1e-5, 1e-3, 1e-1])
def test_bytes_and_proofs_are_the_same_beside_a_thread_that_switches(pause):
    with thread(pause):
        for _ in range(5):
            assert dumps(polyest.solve(12)) == SOLVED
            polyest.verify(polyest.load(14))


def test_the_precision_of_this_process_is_neither_set_nor_read():
    flint.ctx.prec = 200
    with thread(10, levels=(200,)):
        time.sleep(0.05)
        for _ in range(3):
            assert dumps(polyest.solve(12)) == SOLVED
            assert flint.ctx.prec == 200
            assert not precision._steps


@pytest.mark.parametrize(
    "work",
    [
        lambda: closed_forms.schuermann(5),
        lambda: closed_forms.polynomial(5, (a for a in (1, -1, 2))),
        lambda: polyest.load(14).rounded("dyadic", group=16),
        lambda: polyest.solve(5, criterion="minimax", method="lp"),
    ],
)
def test_entrances_of_every_kind_are_sent(work):
    expected = dumps(work())
    seen = []
    real = helper_process._exchanged
    helper_process._exchanged = lambda request: seen.append(request) or real(request)
    try:
        with thread(1e-3):
            assert dumps(work()) == expected
    finally:
        helper_process._exchanged = real
    assert seen


def test_errors_and_warnings_are_those_of_the_call():
    with thread(1e-3):
        with pytest.raises(InvalidProblem, match="K is 0"):
            polyest.solve(0)
        table = polyest.load(14)
        spoiled = table.__replace__(coefficients=table.coefficients * (1 + 1e-9))
        with pytest.raises(NotProved, match="is altered"):
            polyest.verify(spoiled)
        with pytest.warns(RuinedByRounding, match="ruins the table"):
            polyest.solve(12, criterion="minimax", grid="bfloat16")


class Local(Log):
    """A target of a test, which no other process can import."""

    def most_bends(self, K):
        return K


Local.__module__ = "__main__"


def test_what_cannot_be_sent_is_proved_here_and_disturbance_is_named():
    with thread(1000):  # there, and quiet
        local = Local()
        proved, wanted = (polyest.solve(3, phi, criterion="minimax") for phi in (local, "log"))
        assert proved.bias == wanted.bias

    @alone
    def disturbed():
        flint.ctx.prec = 300  # as a thread would
        return 1

    with thread(1000), pytest.raises(PrecisionChanged, match="all threads of a process share"):
        disturbed()  # a function of a test: not to be sent either


@pytest.mark.parametrize("program", ["", "/nowhere/python"])
def test_where_no_process_can_be_started_the_work_is_done_here(monkeypatch, program):
    monkeypatch.setattr(sys, "executable", program)
    with thread(1000):
        assert dumps(polyest.solve(12)) == SOLVED
    assert helper_process._process is None
    with pytest.raises(CannotSend):
        helper_process.call(closed_forms.harmonic, (3,), {})


@pytest.mark.parametrize("pause", [1e-5, 1e-3, 1e-1])
def test_here_there_is_no_false_claim_and_nobody_is_called_altered(monkeypatch, pause):
    """A switch between two looks is not seen: then the last digits may be others, and verify says so."""
    monkeypatch.setattr(sys, "executable", "")
    with thread(pause):
        for _ in range(4):
            try:
                table = polyest.solve(8)
            except PrecisionChanged:
                continue
            assert table.bias.lower <= table.bias.upper < 0.006
            assert table.optimum.upper >= polyest.load(8).optimum.lower


def test_what_is_done_beside_a_thread_is_done_again_until_it_comes_out_alike():
    said = iter(["1 is claimed", "2 is claimed", "2 is claimed"])

    @alone
    def failing():  # of a test: not to be sent
        raise NotProved(next(said))

    with thread(1000), pytest.raises(NotProved, match="2 is claimed"):
        failing()
    counts = iter(range(99))

    @alone
    def always_otherwise():
        raise NotProved(f"{next(counts)} is claimed")

    with thread(1000), pytest.raises(PrecisionChanged, match="tries gave different results"):
        always_otherwise()
    assert next(counts) == precision.TRIES

    results = iter(["it is altered", 1, 2, 2, 3])

    @alone
    def once():
        result = next(results)
        if isinstance(result, str):
            raise NotProved(result)
        return result

    with thread(1000):
        assert once() == 2
    assert next(results) == 3


def test_a_process_that_ends_is_replaced_and_one_that_always_ends_is_named():
    with thread(1000):
        assert dumps(polyest.solve(12)) == SOLVED
        first = helper_process._process
        first.kill()
        first.wait()
        assert dumps(polyest.solve(12)) == SOLVED
        assert helper_process._process.pid != first.pid
        with pytest.raises(WorkerLost, match="ended twice without a result"):
            helper_process.call(os._exit, (3,), {})
        assert dumps(polyest.solve(12)) == SOLVED


def test_it_ends_when_it_is_idle():
    code = "import polyest.precision.helper_process as h; h.IDLE = .2; h.serve()"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
    )
    assert process.wait(timeout=60) == 0
    process.stdin.close()
    process.stdout.close()


PARENT = """
import os, sys, threading, time
import polyest
from polyest.precision import helper_process
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
polyest.solve(3)
print(helper_process._process.pid, flush=True)
{then}
"""


def environment():
    return {**os.environ, "PYTHONPATH": str(Path(polyest.__file__).parents[1])}


def ended(pid):
    """Whether a process is gone, or only its entry is left, within a minute."""
    for _ in range(600):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False


pytest_linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")


@pytest_linux
@pytest.mark.parametrize(
    "then", ["time.sleep(600)", "helper_process.call(time.sleep, (600,), {})", "os._exit(0)", ""]
)
def test_no_process_outlives_the_one_that_started_it(then):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(then=then)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    with parent:
        pid = int(parent.stdout.readline())
        time.sleep(0.3)
        parent.send_signal(signal.SIGKILL)
    assert ended(pid)


FORKED = """
pid = os.fork()
if pid == 0:
    assert helper_process._process is None
    polyest.solve(3)          # one thread: done in the child itself
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    polyest.solve(3)          # and by a process of the child's own
    print(helper_process._process.pid, flush=True)
    time.sleep(600)
print(pid, flush=True)
time.sleep(600)
"""


@pytest_linux
def test_a_forked_child_has_one_of_its_own_and_keeps_none_of_its_parent_alive():
    parent = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PARENT.format(then=FORKED)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    with parent:
        first = int(parent.stdout.readline())
        child, second = sorted(int(parent.stdout.readline()) for _ in range(2))
        assert len({first, child, second}) == 3
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert ended(first)  # though the child lives
        os.kill(child, signal.SIGKILL)
        assert ended(second)


UNGUARDED = """
import threading, time
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
import polyest
print(polyest.solve(3).K)
"""


def test_a_script_needs_no_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env=environment(), timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")


INTERRUPTED = """
import signal, threading, time, flint, polyest
from polyest.precision import helper_process
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a job in the background ignores
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
flint.ctx.prec = 71
polyest.solve(3)
print("ready", flush=True)
try:
    helper_process.call(time.sleep, (600,), {})
except KeyboardInterrupt:
    print(flint.ctx.prec, helper_process._process, polyest.solve(3).K, flush=True)
    import os; os._exit(0)
"""


def test_ctrl_c_ends_the_work_and_the_next_call_is_answered():
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    with process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole group
        assert process.stdout.readline() == "71 None 3\n"


def test_a_level_below_what_is_needed_changes_nothing_either():
    with thread(1e-3, levels=(10, 53)):
        assert dumps(polyest.solve(12)) == SOLVED
