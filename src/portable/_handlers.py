"""`HandlerStandIns`: other functions in the place of Python's signal handlers, for a while.

Python calls the handler of a signal wherever the main thread is, and a handler may raise: its
own for Ctrl-C does, and so do those of time limits. Whoever cannot have that happen anywhere
sets a stand-in, which decides when to call the program's handler.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Container
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any, ClassVar


class HandlerStandIns:
    """Takes the place of the handlers that are set when it starts.

    Args:
        meet: called when a signal comes, with the call of its handler.
        but: the numbers of signals to leave alone.

    Attributes:
        active: the innermost one that is started; `None`: none is.
    """

    active: ClassVar[HandlerStandIns | None] = None

    def __init__(
        self, meet: Callable[[Callable[[], object]], object], but: Container[int] = ()
    ) -> None:
        self._meet = meet
        self._but = but
        self._before: dict[int, Callable[[int, FrameType | None], Any]] = {}
        self._outer: HandlerStandIns | None = None

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
        self._outer, HandlerStandIns.active = HandlerStandIns.active, self

    def stop(self) -> None:
        """Put the handlers back, but for those in whose place the program has set others."""
        if HandlerStandIns.active is self:
            HandlerStandIns.active, self._outer = self._outer, None
        before, self._before = self._before, {}
        for number, handler in before.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._meet(partial(self._before[number], number, frame))
