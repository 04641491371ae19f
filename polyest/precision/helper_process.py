"""A process of our own in which an entrance of precision.py works undisturbed by a caller's threads.

It is started when it is first needed, kept for a minute after it was last used, and ends with the process
that started it, however that ends: its input is then at an end.  It is a plain Python, told where
modules are found, so that a script needs no guard and a daemonic process may have one too; a forked child
does not use the one of its parent.  A request and its answer are pickles between the two, each after
its length.
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
from typing import IO, Any, NoReturn

from polyest.errors import WorkerLost
from polyest.precision import LOCK, trusted

IDLE = 60.0  # seconds without a request after which it ends
LENGTH = 8  # bytes before a message, of its length
START = "import sys; sys.path[:] = {path!r}; from polyest.precision.helper_process import serve; serve()"

_process: subprocess.Popen[bytes] | None = None


class CannotSend(Exception):
    """Work that cannot be done in another process; the caller does it in its own."""


def call(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What the entrance `function` returns there; its warnings and its error are those of this call.

    Raises CannotSend where it is not to be done there: the arguments cannot be sent, or no process be
    started.  Raises WorkerLost where the process ended twice over this.
    """
    try:
        name = (function.__module__, function.__qualname__)
        request = pickle.dumps((name, tuple(args), dict(kwargs)))
    except Exception as error:  # whatever a caller's object does to be pickled
        raise CannotSend(f"{function.__qualname__} is not sent to a process: {error}") from None
    with LOCK:
        reply = _exchanged(request) or _exchanged(request)
    if reply is None:
        raise WorkerLost(
            f"the process that does {function.__qualname__} ended twice without an answer (memory?): ask "
            "for less, or see what ends it"
        )
    what, result, remarks = pickle.loads(reply)
    for remark in remarks:
        warnings.warn(remark, stacklevel=3)
    if what == "unreadable":
        raise CannotSend(result)
    if what == "error":
        raise result
    return result


def _exchanged(request: bytes) -> bytes | None:
    """The answer to a request; None where the process ended before it gave one."""
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
        if not answered:  # Ctrl-C too: an answer that nobody waits for would be taken for the next
            _end()
    return reply


def _running() -> subprocess.Popen[bytes]:
    """The process, started if there is none; CannotSend where that fails."""
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
    """Let go of the process and see it end."""
    global _process
    process, _process = _process, None
    if process is not None:
        process.kill()
        _close(process)
        process.wait()


def _close(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        with suppress(OSError):  # what was not written is of no use any more
            stream.close()


def _forget() -> None:
    """In a forked child: the process is the parent's, and is to see the end of the parent alone."""
    global _process
    process, _process = _process, None
    if process is not None:
        process.returncode = 0  # it is no child of ours to wait for
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            os.close(stream.fileno())


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _send(stream: IO[bytes], content: bytes) -> None:
    stream.write(len(content).to_bytes(LENGTH, "big") + content)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes | None:
    """The next message, None at the end of the stream."""
    head = stream.read(LENGTH)
    if len(head) < LENGTH:
        return None
    length = int.from_bytes(head, "big")
    content = stream.read(length)
    return content if len(content) == length else None


def serve() -> NoReturn:
    """What the process does: answer requests, until there are none for a minute or its parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    requests: SimpleQueue[bytes] = SimpleQueue()
    with os.fdopen(os.dup(1), "wb") as answers, trusted():
        os.dup2(2, 1)  # what a library prints is no answer
        threading.Thread(target=_listen, args=(requests,), daemon=True).start()
        while True:
            try:
                request = requests.get(timeout=IDLE)
            except Empty:
                os._exit(0)  # the thread that listens would hold up an ordinary end
            _send(answers, _answer(request))


def _listen(requests: "SimpleQueue[bytes]") -> None:
    while (request := _receive(sys.stdin.buffer)) is not None:
        requests.put(request)
    os._exit(0)  # in the middle of what nobody waits for


def _answer(request: bytes) -> bytes:
    try:
        (module, name), args, kwargs = pickle.loads(request)
        function = attrgetter(name)(import_module(module))
    except Exception as error:  # such as a class of the caller's main module
        return pickle.dumps(("unreadable", f"it cannot be read there: {error}", []))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            answer: tuple[str, Any] = ("result", function(*args, **kwargs))
        except Exception as error:
            answer = ("error", error)
    remarks = [warning.message for warning in caught]
    try:
        return pickle.dumps((*answer, remarks))
    except Exception as error:
        return pickle.dumps(("unreadable", f"its answer cannot be sent: {error}", []))
