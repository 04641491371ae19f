"""This module shares work between processes or machines and yields results as they are completed.

`completed` runs a function on many items: in this process, in processes that it starts and replaces when
they die, or on any concurrent.futures.Executor.  `cluster` connects to a Dask scheduler as an executor.
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

GUARD = "a script that starts processes must start them under `if __name__ == '__main__':`"
DEATHS = 3  # breakdowns in a row, without a completed item between them, after which the work ends
ANSWERS = 10.0  # seconds to wait for a scheduler's answer

Item = TypeVar("Item")
Result = TypeVar("Result")


def completed(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    jobs: int = 1,
    executor: Executor | None = None,
) -> Generator[tuple[Item, Result], None, None]:
    """Yield each item with work(item), in the order in which they are completed.

    jobs: number of processes to start, or 1 to work in this process and in the given order; executor: an
    executor to use instead, which is not shut down.  If an item fails, the items already begun are
    completed before its error is raised.  If a process dies, its item is tried again with a warning
    WorkerReplaced; WorkerLost is raised if that does not help.
    """
    if executor is not None:
        try:
            with closing(_gathered(executor, work, items)) as results:
                yield from results
        except BrokenExecutor as error:
            raise WorkerLost(
                f"the executor broke ({error}): give one that works, and run again to continue"
            ) from None
    elif jobs == 1:
        yield from ((item, work(item)) for item in items)
    else:
        with closing(_replaced(work, list(items), jobs)) as results:
            yield from results


def _replaced(
    work: Callable[[Item], Result], left: list[Item], jobs: int
) -> Generator[tuple[Item, Result], None, None]:
    """Yield items with their results from a pool of processes; start a new pool after a breakdown."""
    deaths = 0
    while left:
        # After a breakdown one item runs alone: if its process dies, that item is the cause.
        begun = left[:1] if deaths else left[:jobs]
        batch = begun if deaths else left
        try:
            with processes(len(begun)) as pool, closing(_gathered(pool, work, batch)) as results:
                for item, result in results:
                    deaths = 0
                    left = [other for other in left if other is not item]
                    yield item, result
        except BrokenExecutor:
            deaths += 1
            if deaths == DEATHS:
                raise WorkerLost(
                    f"one of {jobs} processes died, {DEATHS} times in a row, with {_named(left)} left to "
                    "do: use fewer processes, or find out what ends them (too little memory?); "
                    f"{GUARD}; run again to continue"
                ) from None
            left = left[len(begun) :] + left[: len(begun)]  # try the other items first
            warnings.warn(
                f"a process died, and its work is started again in another: {_named(left)} left to do",
                WorkerReplaced,
                stacklevel=2,
            )


def _gathered(
    executor: Executor, work: Callable[[Item], Result], items: Iterable[Item]
) -> Generator[tuple[Item, Result], None, None]:
    """Yield items with their results from an executor; raise an error after all begun items are done."""
    try:
        futures = {executor.submit(work, item): item for item in items}
    except RuntimeError as error:
        if isinstance(error, BrokenExecutor):
            raise
        raise WorkerLost(
            f"the executor takes no work ({error}): give one that is not shut down"
        ) from None
    # concurrent.futures.as_completed does not report items that are cancelled before they begin.
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
                    f"{_named([futures[future]])} was cancelled, because its scheduler or executor is "
                    "gone: start another, and run again to continue"
                )
            except (BrokenExecutor, PolyestError) as error:
                failed = failed or error
            except Exception as error:  # the worker of a foreign executor may raise anything
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
    """Return the WorkerLost for an item that ended with another library's error."""
    reason = " ".join(f"{type(error).__name__} {error}".split())
    lost = WorkerLost(
        f"the worker at {_named([item])} ended with {reason}: remove the cause, and run again to continue"
    )
    lost.__cause__ = error
    return lost


def _named(items: Sequence[object]) -> str:
    """Name the first of the items and the number of the others."""
    more = f" and {len(items) - 1} more" if len(items) > 1 else ""
    return f"K = {items[0]}{more}"


def refuse_unguarded() -> None:
    """Raise WorkerLost in a process that is still starting, which happens in a script without a guard."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise WorkerLost(GUARD)


@contextmanager
def processes(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of processes, which end when this process ends, and at once if the block fails."""
    context = multiprocessing.get_context("spawn")
    alive, hold = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(jobs, context, _begin, (alive,))
    succeeded = False
    try:
        with _deaf():  # else a process that has not reached _begin answers Ctrl-C with a traceback
            for _ in range(jobs):
                pool.submit(_begun)  # each call starts a process, as none is idle yet
        yield pool
        succeeded = True
    finally:
        if not succeeded:
            hold.close()  # the processes take this for the end of this one, and stop at once
        pool.shutdown(cancel_futures=True)
        hold.close()
        alive.close()


def _begun() -> None:
    """Do nothing; a pool starts a process for this call."""


@contextmanager
def _deaf() -> Iterator[None]:
    """Block SIGINT during the block; processes that are started in it never receive SIGINT."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(alive: Connection) -> None:
    """Prepare a process of the pool: ignore Ctrl-C, and end when the parent process ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    trust()  # the only other thread, _watch, never sets the precision
    threading.Thread(target=partial(_watch, alive), daemon=True).start()


def _watch(alive: Connection) -> None:
    """End this process when the parent closes its end of the pipe, or dies."""
    try:
        alive.recv()  # nothing is ever sent
    except (EOFError, OSError):
        os._exit(1)


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """Yield an executor that runs on the workers of a Dask scheduler, such as tcp://host:8786.

    If a worker dies, Dask itself tries its item again.  Raises NotInstalled without the extra `dask`, and
    Unreachable if no scheduler answers within 10 s.  If the scheduler is lost later, `completed` raises
    WorkerLost.
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
    except (OSError, ValueError, TypeError) as error:  # TypeError for TLS without certificates
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Unreachable(
            f"{address}: no Dask scheduler answers ({reason}): start one with `dask scheduler` and give "
            "the address that it prints, or use --jobs"
        ) from None
    with _silent("distributed"), client:
        yield client.get_executor(pure=False)


@contextmanager
def _silent(package: str) -> Iterator[None]:
    """Silence a package that logs the tracebacks of errors which it also raises."""
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
    """Connect once, because a Client that cannot connect keeps trying in the background."""
    from distributed import Security
    from distributed.comm import connect

    arguments = Security().get_connection_args("client")
    comm = await connect(address, timeout=ANSWERS, **arguments)
    await comm.close()
