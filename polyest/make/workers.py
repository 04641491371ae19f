"""Work shared between processes or machines: results as they are completed, dead workers replaced.

`completed` is what a sweep runs on: here, in processes of its own, or on any
concurrent.futures.Executor; `cluster` makes one of a Dask scheduler's address.
"""

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from concurrent.futures.process import ProcessPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import TypeVar

from polyest.errors import NotInstalled, PolyestError, Unreachable, WorkerLost, WorkerReplaced
from polyest.precision import trust

GUARD = "a script that starts processes needs them under `if __name__ == '__main__':`"
DEATHS = 3  # breakdowns in a row, with nothing completed in between, that end the work
ANSWERS = 10.0  # seconds in which a scheduler has to answer

Item = TypeVar("Item")
Result = TypeVar("Result")


def completed(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    jobs: int = 1,
    executor: Executor | None = None,
) -> Generator[tuple[Item, Result], None, None]:
    """Each item with work(item), as they are completed; in their order where that is done here.

    jobs: processes, 1 for this one; executor: does the work instead, and is not shut down.  What was
    begun when an item fails is completed before its error is raised.  An item whose process died
    is tried again, with a warning WorkerReplaced; WorkerLost is raised where that does not help.
    """
    if executor is not None:
        try:
            with closing(_gathered(executor, work, items)) as found:
                yield from found
        except BrokenExecutor as error:
            raise WorkerLost(f"the executor broke: {error}; run again to go on") from None
    elif jobs == 1:
        yield from ((item, work(item)) for item in items)
    else:
        with closing(_replaced(work, list(items), jobs)) as found:
            yield from found


def _replaced(
    work: Callable[[Item], Result], left: list[Item], jobs: int
) -> Generator[tuple[Item, Result], None, None]:
    """What `_gathered` yields in processes of its own, new ones after a breakdown."""
    deaths = 0
    while left:
        begun = (
            left[:1] if deaths else left[:jobs]
        )  # one alone, to tell who kills from who is killed
        batch = begun if deaths else left
        try:
            with processes(len(begun)) as pool, closing(_gathered(pool, work, batch)) as found:
                for item, result in found:
                    deaths = 0
                    left = [other for other in left if other is not item]
                    yield item, result
        except BrokenExecutor:
            deaths += 1
            if deaths == DEATHS:
                raise WorkerLost(
                    f"of {jobs} processes one died {DEATHS} times, with {_named(left)} left to do: use "
                    f"fewer of them, or see what ends them (memory?); {GUARD}; run again to go on"
                ) from None
            left = left[len(begun) :] + left[: len(begun)]  # the others are done first
            warnings.warn(
                f"a process died: what it was at is begun again, {_named(left)} left to do",
                WorkerReplaced,
                stacklevel=2,
            )


def _gathered(
    executor: Executor, work: Callable[[Item], Result], items: Iterable[Item]
) -> Generator[tuple[Item, Result], None, None]:
    """Results of an executor; an error is raised after what was begun is completed."""
    try:
        futures = {executor.submit(work, item): item for item in items}
    except RuntimeError as error:
        if isinstance(error, BrokenExecutor):
            raise
        raise WorkerLost(f"the executor takes no work: {error}; give one that is open") from None
    # as_completed does not hear of what is cancelled before it is begun.
    done: SimpleQueue[Future[Result]] = SimpleQueue()
    for future in futures:
        future.add_done_callback(done.put)
    failed: BaseException | None = None
    try:
        for future in (done.get() for _ in range(len(futures))):
            try:
                result = future.result()
            except CancelledError:
                failed = failed or WorkerLost(
                    f"{_named([futures[future]])} was cancelled: its scheduler or executor is gone; run "
                    "again to go on"
                )
            except (BrokenExecutor, PolyestError) as error:
                failed = failed or error
            except Exception as error:  # of a kind that a foreign worker may think of
                failed = failed or _lost(futures[future], error)
            else:
                yield futures[future], result
                continue
            for other in futures:
                other.cancel()
    finally:
        for future in futures:
            future.cancel()
    if failed is not None:
        raise failed


def _lost(item: object, error: BaseException) -> WorkerLost:
    reason = " ".join(f"{type(error).__name__} {error}".split())
    lost = WorkerLost(
        f"the worker at {_named([item])} ended with {reason}: see to it, and run again to go on"
    )
    lost.__cause__ = error
    return lost


def _named(items: Sequence[object]) -> str:
    """The first of some items, and how many more."""
    more = f" and {len(items) - 1} more" if len(items) > 1 else ""
    return f"K = {items[0]}{more}"


def refuse_unguarded() -> None:
    """Raise WorkerLost in a process that is only being started, as by a script without a guard."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise WorkerLost(GUARD)


@contextmanager
def processes(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes that end with this one, however it ends, and at once where the block fails."""
    context = multiprocessing.get_context("spawn")
    alive, hold = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(jobs, context, _begin, (alive,))
    over = False
    try:
        with _deaf():  # or a process that has not come to _begin answers Ctrl-C with a traceback
            for _ in range(jobs):
                pool.submit(_begun)  # each starts a process, as none is idle yet
        yield pool
        over = True
    finally:
        if not over:
            hold.close()  # the processes take this for our end, and do not finish what they are at
        pool.shutdown(cancel_futures=True)
        hold.close()
        alive.close()


def _begun() -> None:
    """The first work of a pool."""


@contextmanager
def _deaf() -> Iterator[None]:
    """Without SIGINT, here until the end of the block and for good in what it starts."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(alive: Connection) -> None:
    """What a process does first: leave Ctrl-C to the parent, and watch for its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    trust()  # its one other thread is ours
    threading.Thread(target=partial(_watch, alive), daemon=True).start()


def _watch(alive: Connection) -> None:
    try:
        alive.recv()  # nothing is ever sent
    except (EOFError, OSError):
        os._exit(1)


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """The workers of a Dask scheduler, such as tcp://host:8786, as an executor.

    Dask itself tries an item again whose worker died.  Raises NotInstalled without the extra `dask`,
    Unreachable where no scheduler answers in 10 s, WorkerLost where it no longer does later.
    """
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise NotInstalled(
            "a scheduler needs Dask, which is not installed: pip install 'polyest[dask]'"
        ) from None
    try:
        asyncio.run(asyncio.wait_for(_reach(address), ANSWERS))
        client = Client(address, timeout=ANSWERS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:  # the last for TLS without certificates
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Unreachable(
            f"{address}: no Dask scheduler answers ({reason}): start one with `dask scheduler` and give "
            "the address that it prints, or use --jobs"
        ) from None
    with _silent("distributed"), client:
        yield client.get_executor(pure=False)


@contextmanager
def _silent(package: str) -> Iterator[None]:
    """Without the log of a package that writes tracebacks of what it raises anyway."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == package]
    levels = {log: log.level for log in map(logging.getLogger, names)}
    for log in levels:
        log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for log, level in levels.items():
            log.setLevel(level)


async def _reach(address: str) -> None:
    """Connect once: a Client that cannot goes on trying while it is thrown away."""
    from distributed import Security
    from distributed.comm import connect

    arguments = Security().get_connection_args("client")
    comm = await connect(address, timeout=ANSWERS, **arguments)
    await comm.close()
