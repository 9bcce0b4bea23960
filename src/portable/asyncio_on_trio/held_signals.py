"""`HeldSignals`: holds Python's signal handlers back while trio's own code runs.

Python calls the handler of a signal wherever the main thread is. A handler may raise: Python's
own for Ctrl-C does, and so do those of time limits. In the middle of trio's code, or while trio
waits, that would break its run down. So while a run lasts, another handler stands in the place
of each. In the program's code it calls the program's handler at once. In trio's it hands that
call over to the run, which makes it later and stops the loop with the error.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Container
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any, ClassVar

import trio


class HeldSignals:
    """Stands in for the handlers that are set when it starts.

    Args:
        hold: takes the call of a handler that must not be made now.
        but: the numbers of signals to leave alone.

    Attributes:
        active: the innermost one that is started; `None`: none is.
    """

    active: ClassVar[HeldSignals | None] = None

    def __init__(
        self, hold: Callable[[Callable[[], object]], object], but: Container[int] = ()
    ) -> None:
        self._hold = hold
        self._but = but
        self._before: dict[int, Callable[[int, FrameType | None], Any]] = {}
        self._outer: HeldSignals | None = None

    def start(self) -> None:
        """Take the place of each handler in Python; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in signal.valid_signals():
            before = signal.getsignal(number)
            if callable(before) and number not in self._but:
                with suppress(ValueError):  # an interpreter that allows no handlers
                    signal.signal(number, self._handle)
                    self._before[number] = before
        self._outer, HeldSignals.active = HeldSignals.active, self

    def stop(self) -> None:
        """Put the handlers back, but for those in whose place the program has set others."""
        if HeldSignals.active is self:
            HeldSignals.active, self._outer = self._outer, None
        before, self._before = self._before, {}
        for number, handler in before.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        call = partial(self._before[number], number, frame)
        # In a process that was forked meanwhile the run is over.
        if trio.lowlevel.in_trio_run() and trio.lowlevel.currently_ki_protected():
            self._hold(call)
        else:
            call()
