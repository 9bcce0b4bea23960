"""Signal handlers of a loop: asyncio's, without the pipe that asyncio wakes its selector by.

Python calls a handler between two of the program's own steps, wherever that is. It only puts
the callback into the loop's queue; trio's way to be woken from a signal handler does the rest.
"""

from __future__ import annotations

import asyncio
import inspect
import signal
from collections.abc import Callable
from typing import Any


class SignalHandlers:
    """The handlers of one loop.

    Args:
        loop: the loop.
        deliver: puts a handle into the loop's queue; may be called at any time.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, deliver: Callable[[asyncio.Handle], object]
    ) -> None:
        self._loop = loop
        self._deliver = deliver
        self._handles: dict[int, asyncio.Handle] = {}

    def add(self, sig: int, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        """Set the handler of a signal.

        Raises:
            TypeError: the callback is a coroutine, or the signal is no number.
            ValueError: there is no such signal.
            RuntimeError: it cannot be caught, or this is not the main thread.
        """
        call: Any = callback
        if asyncio.iscoroutine(call) or inspect.iscoroutinefunction(call):
            raise TypeError("coroutines cannot be used with add_signal_handler()")
        _check(sig)
        if self._loop.is_closed():
            raise RuntimeError("Event loop is closed")
        handle = asyncio.Handle(callback, args, self._loop)
        try:
            # Not siginterrupt(False), as asyncio has it: a loop may wait for a lock, and wake
            # by the signal alone.
            signal.signal(sig, self._received)
        except ValueError as error:  # not the main thread
            raise RuntimeError(str(error)) from None
        except OSError:
            raise RuntimeError(f"sig {sig} cannot be caught") from None
        self._handles[sig] = handle

    def _received(self, sig: int, _: object) -> None:
        handle = self._handles.get(sig)
        if handle is not None and not handle.cancelled():
            self._deliver(handle)

    def remove(self, sig: int) -> bool:
        """Remove the handler of a signal; say whether there was one."""
        _check(sig)
        handle = self._handles.pop(sig, None)
        if handle is None:
            return False
        handle.cancel()
        default = signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL
        try:
            signal.signal(sig, default)
        except OSError:
            raise RuntimeError(f"sig {sig} cannot be caught") from None
        return True

    def remove_all(self) -> None:
        """Remove those that are left."""
        for sig in list(self._handles):
            self.remove(sig)


def _check(sig: Any) -> None:
    if not isinstance(sig, int):
        raise TypeError(f"sig must be an int, not {sig!r}")
    if sig not in signal.valid_signals():
        raise ValueError(f"invalid signal number {sig}")
