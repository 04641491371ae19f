"""This module runs functions that `alone` marks in a helper process, apart from the caller's threads.

It is started when it is first needed, and ends a minute after its last use.  It also ends when the process
that started it ends, for whatever reason, because its input is then closed.  It is a plain Python process
that is given the module search path.  So a script needs no `if __name__ == "__main__"` guard, and a daemonic
process may start one too.  A forked child does not use the helper of its parent.  Requests and answers are
pickles, each sent after its length.
"""

import atexit
import os
import pickle
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from operator import attrgetter
from queue import Empty, SimpleQueue
from typing import IO, Any, NoReturn, TypeVar

from polyest.errors import WorkerLost
from polyest.precision import LOCK, trusted

IDLE = 60.0  # seconds without a request after which the process ends
LENGTH = 8  # bytes that hold the length of a message
START = "import sys; sys.path[:] = {path!r}; from polyest.precision.helper_process import serve; serve()"

Result = TypeVar("Result")

_process: subprocess.Popen[bytes] | None = None


class CannotSend(Exception):
    """Raised when work cannot be done in the helper process; the caller then does it in its own."""


def call(
    function: Callable[..., Result], args: Sequence[object], kwargs: Mapping[str, object]
) -> Result:
    """Call the marked function in the helper process and return its result.

    Its warnings and its error are raised here.  Raises CannotSend if the arguments or the result cannot be
    sent or no process can be started, and WorkerLost if the process ended twice during this call.
    """
    try:
        name = (function.__module__, function.__qualname__)
        request = pickle.dumps((name, tuple(args), dict(kwargs)))
    except Exception as error:  # a caller's object may raise anything when it is pickled
        raise CannotSend(f"{function.__qualname__} is not sent to a process: {error}") from None
    with LOCK:
        reply = _exchanged(request) or _exchanged(request)
    if reply is None:
        raise WorkerLost(
            f"the process that runs {function.__qualname__} ended twice without a result (too little "
            "memory?): ask for less, or find out what ends it"
        )
    result: Any
    status, result, remarks = pickle.loads(reply)
    for remark in remarks:
        warnings.warn(remark, stacklevel=3)
    if status == "unreadable":
        raise CannotSend(result)
    if status == "error":
        raise result
    value: Result = result
    return value


def _exchanged(request: bytes) -> bytes | None:
    """Send a request and return its answer, or None if the process ended before it gave one."""
    process = _running()
    assert process.stdin is not None
    assert process.stdout is not None
    answered = False
    try:
        _send(process.stdin, request)
        reply = _receive(process.stdout)
        answered = reply is not None
    except OSError:
        reply = None
    finally:
        if not answered:  # also after Ctrl-C: the next request would read a late answer as its own
            _end()
    return reply


def _running() -> subprocess.Popen[bytes]:
    """Return the helper process, and start it if there is none; raise CannotSend if that fails."""
    global _process
    if _process is not None and _process.poll() is not None:
        _end()
    if _process is None:
        code = START.format(path=sys.path)
        try:
            _process = subprocess.Popen(
                [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        except (OSError, ValueError, TypeError) as error:
            raise CannotSend(f"no process could be started: {error}") from None
    return _process


def _end() -> None:
    """Kill the helper process and wait for its end."""
    global _process
    process, _process = _process, None
    if process is not None:
        process.kill()
        _close(process)
        process.wait()


def _close(process: subprocess.Popen[bytes]) -> None:
    """Close the pipes to the process."""
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        with suppress(OSError):  # closing flushes, and the process no longer reads
            stream.close()


def _forget() -> None:
    """Give up the helper process in a forked child, as it belongs to the parent.

    The child closes its copies of the pipes, so that the helper sees the end of the parent.
    """
    global _process
    process, _process = _process, None
    if process is not None:
        process.returncode = 0  # this process cannot wait for it, as it is the parent's child
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            os.close(stream.fileno())


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _send(stream: IO[bytes], content: bytes) -> None:
    """Write a message after its length."""
    stream.write(len(content).to_bytes(LENGTH, "big") + content)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes | None:
    """Read the next message, or return None at the end of the stream."""
    head = stream.read(LENGTH)
    if len(head) < LENGTH:
        return None
    length = int.from_bytes(head, "big")
    content = stream.read(length)
    return content if len(content) == length else None


def serve() -> NoReturn:
    """Answer requests in the helper process, until none come for a minute or the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    requests: SimpleQueue[bytes] = SimpleQueue()
    with os.fdopen(os.dup(1), "wb") as answers, trusted():
        os.dup2(2, 1)  # a library that prints must not write into the answers
        threading.Thread(target=_listen, args=(requests,), daemon=True).start()
        while True:
            try:
                request = requests.get(timeout=IDLE)
            except Empty:
                os._exit(0)  # an ordinary exit would wait for the thread that reads the input
            _send(answers, _answer(request))


def _listen(requests: "SimpleQueue[bytes]") -> None:
    """Read requests into the queue; end the process, even during work, when the parent ends."""
    while (request := _receive(sys.stdin.buffer)) is not None:
        requests.put(request)
    os._exit(0)


def _answer(request: bytes) -> bytes:
    """Do the work of a request; return the pickled status, result or error, and warnings."""
    try:
        (module, name), args, kwargs = pickle.loads(request)
        function = attrgetter(name)(import_module(module))
    except Exception as error:  # for example, a class of the caller's main module is not found here
        return pickle.dumps(("unreadable", f"it cannot be read there: {error}", []))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            answer: tuple[str, Any] = ("result", function(*args, **kwargs))
        except Exception as error:  # whatever the work raises is raised again by the caller
            answer = ("error", error)
    remarks = [warning.message for warning in caught]
    try:
        return pickle.dumps((*answer, remarks))
    except Exception as error:  # a result of the caller's classes may raise anything
        return pickle.dumps(("unreadable", f"its answer cannot be sent: {error}", []))
