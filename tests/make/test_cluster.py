"""A sweep on a Dask cluster of two real worker processes: the same bytes, also when one is killed."""

import os
import signal
import socket
import threading
import time

import pytest
from commands import refused, run

from polyest.errors import Unreachable, WorkerLost
from polyest.make import workers
from polyest.make.sweep import sweep
from polyest.tables.format import loads

distributed = pytest.importorskip("distributed", reason="needs the extra dask")

pytestmark = pytest.mark.filterwarnings("ignore")  # of another project's threads and sockets
MINIMAX = {"criterion": "minimax"}
LAST = 40


@pytest.fixture
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as running:
        yield running


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("here") / "t.jsonl"
    sweep(range(1, LAST + 1), path, **MINIMAX)
    return path.read_bytes()


def pids(cluster):
    with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
        return list(client.run(os.getpid).values())


def test_the_command_gives_the_bytes_of_a_sweep_here(tmp_path, cluster, whole):
    words = ("--criterion", "minimax", "--scheduler", cluster.scheduler_address)
    result = run("solve", "--K", f"1:{LAST}", *words, "--out", tmp_path / "t.jsonl")
    assert result.exit_code == 0
    assert (tmp_path / "t.jsonl").read_bytes() == whole
    assert len(pids(cluster)) == 2
    shown = run("solve", "--K", "5:7", *words, "--lines")
    assert [loads(line).K for line in shown.stdout.splitlines()] == [5, 6, 7]


def test_both_workers_take_part(cluster):
    with workers.cluster(cluster.scheduler_address) as executor:
        by_item = dict(workers.completed(_where, range(20), executor=executor))
    assert set(by_item.values()) == set(pids(cluster))


def _where(_):
    time.sleep(0.05)
    return os.getpid()


def test_the_K_of_a_killed_worker_is_tried_again(tmp_path, cluster, whole):
    killed = []

    def report(done, total, table):
        if done == 5 and not killed:
            killed.append(pids(cluster)[0])
            os.kill(killed[0], signal.SIGKILL)

    with workers.cluster(cluster.scheduler_address) as executor:
        sweep(range(1, LAST + 1), tmp_path / "t.jsonl", report, executor=executor, **MINIMAX)
    assert (tmp_path / "t.jsonl").read_bytes() == whole
    assert len(killed) == 1
    assert killed[0] not in pids(cluster)


def test_a_scheduler_that_ends_meanwhile_loses_no_finished_line(tmp_path, whole):
    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
    )

    def report(done, total, table):
        if done == 5:
            cluster.close()

    def swept():
        with workers.cluster(cluster.scheduler_address) as executor:
            sweep(range(1, LAST + 1), tmp_path / "t.jsonl", report, executor=executor, **MINIMAX)

    with pytest.raises(WorkerLost, match="run again to continue"):
        swept()
    kept = (tmp_path / "t.jsonl.part").read_bytes()
    assert kept.count(b"\n") >= 5
    solved = []

    def count(done, total, table):
        solved.append(table)

    sweep(range(1, LAST + 1), tmp_path / "t.jsonl", count, **MINIMAX)
    assert (tmp_path / "t.jsonl").read_bytes() == whole
    assert len(solved) - 1 == LAST - kept.count(b"\n")


@pytest.fixture
def silent():
    """The port of somebody who listens and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_hold, args=(server,), daemon=True).start()
        yield server.getsockname()[1]


def _hold(server):
    held = []
    while True:
        try:
            held.append(server.accept())
        except OSError:
            return


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:1", "nonsense", "", "tls://127.0.0.1:1", None]
)
def test_an_unreachable_scheduler_is_one_line_and_touches_no_file(
    tmp_path, monkeypatch, silent, address
):
    monkeypatch.setattr(workers, "ANSWERS", 0.5)
    address = f"tcp://127.0.0.1:{silent}" if address is None else address
    words = ("--scheduler", address, "--out", tmp_path / "t.jsonl")
    message = refused("solve", "--K", "1:3", *words)
    assert message.startswith(f"{address}: no Dask scheduler answers")
    assert message.endswith("or use --jobs")
    assert list(tmp_path.iterdir()) == []
    assert issubclass(Unreachable, ConnectionError)


def test_jobs_and_scheduler_do_not_go_together():
    assert (
        run("solve", "--K", "1:3", "--jobs", 2, "--scheduler", "tcp://127.0.0.1:1").exit_code == 2
    )
    assert run("solve", "--K", "3", "--scheduler", "tcp://127.0.0.1:1").exit_code == 2
    assert run("solve", "--K", "3", "--jobs", 2).exit_code == 2
    assert run("solve", "--K", "1:3", "--jobs", 0).exit_code == 2
