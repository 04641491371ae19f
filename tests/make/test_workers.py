"""Shared work: every item once, whoever dies, and nobody left behind."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from polyest.errors import InvalidProblem, NotInstalled, PolyestError, WorkerLost, WorkerReplaced
from polyest.make.workers import completed, processes

ITEMS = list(range(12))


def square(x):
    return x * x


def refusing(x, at):
    if x == at:
        raise InvalidProblem(f"no {at}")
    if x > at:
        time.sleep(0.2)
    return x * x


def dying(x, at, folder, times):
    """Square, but the process dies the first times that it meets `at`."""
    if x == at:
        deaths = len(list(Path(folder).iterdir()))
        if deaths < times:
            (Path(folder) / str(deaths)).touch()
            os._exit(9)
    return x * x


def failing(x):
    raise ZeroDivisionError(f"of {x}")


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_every_item_is_worked_on_once(jobs):
    results = list(completed(square, ITEMS, jobs))
    assert sorted(results) == [(x, x * x) for x in ITEMS]
    if jobs == 1:
        assert results == sorted(results)
    assert list(completed(square, [], jobs)) == []


def test_any_executor_will_do_and_is_left_open():
    with ThreadPoolExecutor(2) as executor:
        assert sorted(completed(square, ITEMS, executor=executor)) == [(x, x * x) for x in ITEMS]
        assert executor.submit(square, 3).result() == 9


@pytest.mark.parametrize("deaths", [1, 2])
def test_an_item_whose_process_dies_is_tried_again(tmp_path, deaths):
    work = partial(dying, at=5, folder=tmp_path, times=deaths)
    with pytest.warns(WorkerReplaced, match="a process died, and its work is started again"):
        results = list(completed(work, ITEMS, 2))
    assert sorted(results) == [(x, x * x) for x in ITEMS]
    assert len(list(tmp_path.iterdir())) == deaths


def test_an_item_that_always_kills_its_process_is_given_up_after_the_others(tmp_path):
    work = partial(dying, at=5, folder=tmp_path, times=1000)
    results = []
    with (
        pytest.warns(WorkerReplaced),
        pytest.raises(WorkerLost, match=r"died, 3 times in a row, with K = 5 .*run again"),
    ):
        results.extend(completed(work, [5], 2))
    assert results == []
    with pytest.warns(WorkerReplaced), pytest.raises(WorkerLost, match="K = 5 left to do"):
        results.extend(completed(work, ITEMS, 2))
    assert sorted(x for x, _ in results) == [x for x in ITEMS if x != 5]
    assert issubclass(WorkerLost, PolyestError)


@pytest.mark.parametrize("place", ["here", "processes", "executor"])
def test_an_error_of_ours_is_raised_as_it_is(place):
    work, results = partial(refusing, at=5), []
    with ThreadPoolExecutor(1) as executor:
        arguments = {"here": {}, "processes": {"jobs": 2}, "executor": {"executor": executor}}
        with pytest.raises(InvalidProblem, match="no 5"):
            results.extend(completed(work, ITEMS, **arguments[place]))
    assert {x for x, _ in results} >= set(range(5))
    assert 11 not in {x for x, _ in results}


def test_what_a_foreign_worker_raises_is_named_with_its_item():
    with ThreadPoolExecutor(1) as executor, pytest.raises(WorkerLost) as caught:
        list(completed(failing, [7], executor=executor))
    message = (
        "the worker at K = 7 ended with ZeroDivisionError of 7: remove the cause, and run again to "
        "continue"
    )
    assert str(caught.value) == message
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_an_executor_that_was_shut_down_meanwhile_is_an_error():
    with ThreadPoolExecutor(1) as executor:
        results = completed(partial(_slowly, executor=executor), ITEMS, executor=executor)
        with pytest.raises(
            WorkerLost, match="was cancelled, because its scheduler or executor is gone"
        ):
            list(results)


def _slowly(x, executor):
    time.sleep(0.2)
    executor.shutdown(wait=False, cancel_futures=True)
    return x


def test_who_stops_listening_stops_the_work():
    started = time.monotonic()
    for x, _ in completed(time.sleep, [0, 60, 60], 2):
        assert x == 0
        break
    assert time.monotonic() - started < 30


PARENT = """
import time
from polyest.make.workers import processes
if __name__ == "__main__":
    with processes(2) as pool:
        futures = [pool.submit(time.sleep, seconds) for seconds in (0, 0, 100, 100)]
        futures[0].result(), futures[1].result()
        print(*pool._processes, flush=True)
        time.sleep(100)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_processes_end_with_their_parent_even_if_that_is_killed(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    root = str(Path(__file__).parents[2])
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "parent.py"],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
    )
    children = [int(word) for word in parent.stdout.readline().split()]
    assert len(children) == 2
    assert all(alive(pid) for pid in children)
    parent.send_signal(signal.SIGKILL)
    parent.communicate(timeout=30)
    for _ in range(1000):
        if not any(alive(pid) for pid in children):
            break
        time.sleep(0.01)
    assert not any(alive(pid) for pid in children)


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def test_a_block_that_fails_does_not_wait_for_its_processes():
    def interrupted():
        with processes(1) as pool:
            pool.submit(abs, 1).result()
            pool.submit(time.sleep, 60)
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - started < 30


def test_without_dask_the_error_has_the_command(monkeypatch):
    from polyest.make.workers import cluster

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(NotInstalled, match=r"pip install 'polyest\[dask\]'"), cluster("tcp://x:1"):
        pass
