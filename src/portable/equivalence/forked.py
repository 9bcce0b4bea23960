"""A run in a fork of this process: whatever it leaves behind is gone with it.

What a program keeps in modules, classes, closures and the environment is for each run as it was
when the proof began. `isolated` does the same for programs in files, from a process that has
loaded nothing; functions of a test are where they are.
"""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import threading
import warnings
from collections.abc import Callable
from typing import IO, NoReturn

from portable.clock._threads import is_spare_of_trio

from .run import Failure
from .trace import Trace


def can_fork() -> bool:
    """Whether a run may have a fork of its own: where the system can, and no thread is at work.

    In a fork there is one thread, and what others held at that moment stays locked for ever.
    The spare threads that trio keeps for ten seconds hold nothing, and trio forgets them there.
    """
    others = [
        one.ident for one in threading.enumerate() if one is not threading.current_thread()
    ]
    return hasattr(os, "fork") and all(
        one is not None and is_spare_of_trio(one) for one in others
    )


def forked(make: Callable[[], Trace]) -> Trace | Failure:
    """Make a trace in a fork of this process.

    Args:
        make: makes it.

    Returns:
        The trace; or how the process died.

    Raises:
        BaseException: what `make` raised.
    """
    reading, writing = os.pipe()
    child = 0
    with open(reading, "rb") as pipe:
        try:
            with open(writing, "wb") as answer, warnings.catch_warnings():
                # Python warns of threads that run no Python code, too, such as numpy's.
                warnings.simplefilter("ignore", DeprecationWarning)
                child = os.fork() or _make(make, pipe, answer)
            _await(pipe)
            data = pipe.read()
        except BaseException:  # Ctrl-C
            if child:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            raise
    _, status = os.waitpid(child, 0)
    if not data:
        code = os.waitstatus_to_exitcode(status)
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        return Failure("crash", f"the process ended {how}, before the program did")
    found = pickle.loads(data)
    if isinstance(found, BaseException):
        raise found
    assert isinstance(found, Trace)
    return found


def _await(pipe: IO[bytes]) -> None:
    """Wait for the answer, again and again: Ctrl-C just before a wait would not end it."""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while not selector.select(1.0):
            pass


def _make(make: Callable[[], Trace], pipe: IO[bytes], answer: IO[bytes]) -> NoReturn:
    """Write a trace, or what was raised instead, and end the process."""
    exit_now = os._exit  # the program may replace it
    try:
        pipe.close()  # so that writing fails if the parent is gone
        found: Trace | BaseException
        try:
            found = make()
        except BaseException as error:
            found = error
        try:
            data = pickle.dumps(found)
        except Exception:
            data = pickle.dumps(RuntimeError(f"{type(found).__name__}: {found}"))
        answer.write(data)
        answer.flush()
    finally:  # also after Ctrl-C: the fork must not go on as its parent
        exit_now(0)
