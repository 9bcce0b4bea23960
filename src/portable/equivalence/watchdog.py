"""The watchdog: ends a run that takes too long, and writes down where it stood.

It is a thread, which runs as long as Python lets one run. It writes which tasks wait, where
they wait, and what was seen last. If the interpreter itself is stuck, `faulthandler` ends the
process a little later, and writes the stacks alone.
"""

from __future__ import annotations

import _thread
import faulthandler
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic

from portable.clock._stacks import place

from .recording import Recording

TIMEOUT = "Timeout ("
"""The beginning of the line before the stacks of a run that took too long."""
WAITING, SEEN = "waits: ", "seen: "
"""The beginnings of the lines before that one."""

_GRACE = 2.0
_PATIENCE = 100.0
_LAST_SEEN = 5


class Watchdog:
    """Ends the process if a run takes too long.

    Args:
        limit: real seconds.
        descriptor: the file that its last words go to.
    """

    def __init__(self, limit: float, descriptor: int) -> None:
        self._limit = limit
        self._descriptor = descriptor
        self._stopped = threading.Lock()
        self._stopped.acquire()
        self._ends = 0.0
        self._exit_now = os._exit  # the program's `os._exit` is another one later

    def start(self, recording: Recording) -> None:
        """Begin to watch."""
        self._set(monotonic() + self._limit)
        # No threading.Thread: the program would see one more than it has.
        _thread.start_new_thread(self._watch, (recording,))

    def stop(self) -> None:
        """Watch no more."""
        faulthandler.cancel_dump_traceback_later()
        if self._stopped.locked():
            self._stopped.release()

    @contextmanager
    def waiting_for_others(self) -> Iterator[None]:
        """Do not count the time for which the block waits for other runs; they have limits."""
        began = monotonic()
        self._set(self._ends + _PATIENCE)
        try:
            yield
        finally:
            self._set(self._ends - _PATIENCE + monotonic() - began)

    def _set(self, ends: float) -> None:
        self._ends = ends
        left = max(0.1, ends + _GRACE - monotonic())
        faulthandler.dump_traceback_later(left, exit=True, file=self._descriptor)

    def _watch(self, recording: Recording) -> None:
        while (left := self._ends - monotonic()) > 0:
            # It looks again in time: the end may have become an earlier one.
            if self._stopped.acquire(timeout=min(left, _GRACE / 2)):
                return
        lines = []
        with suppress(Exception):  # the run goes on meanwhile
            lines += [
                f"{WAITING}{name} at {where}"
                for name, coro in recording.waiting()
                if (where := place(coro)) is not None
            ]
        with suppress(Exception):
            lines += [f"{SEEN}{one}" for one in recording.last_seen(_LAST_SEEN)]
        text = "\n".join([*lines, f"{TIMEOUT}{self._limit:g} s)!", ""])
        os.write(self._descriptor, text.encode("utf-8", "replace"))
        faulthandler.dump_traceback(file=self._descriptor)
        os.write(self._descriptor, b"\n")
        self._exit_now(1)
