"""Signal handlers of a loop, which work as asyncio's: by the pipe of `signal.set_wakeup_fd()`.

A process has one such pipe. Python writes the number of each signal to it at once, whatever
handler the signal has, and in whatever thread it arrives. So the loop learns of a signal even
if somebody has replaced its handler. In a trio run the pipe is trio's, which only wakes trio
and does not look at the numbers. While the loop has a handler, it puts a pipe of its own in
place of trio's. The loop waits for that pipe in trio, so a signal wakes trio as before.

Handlers of Python's may raise. While trio's own code runs they wait: `in_trios_code()`.
"""

from __future__ import annotations

import asyncio
import inspect
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import trio


class SignalHandlers:
    """The handlers of one loop.

    Args:
        loop: the loop.
        deliver: puts a handle into the loop's queue; called in the loop's thread.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, deliver: Callable[[asyncio.Handle], object]
    ) -> None:
        self._loop = loop
        self._deliver = deliver
        self._handles: dict[int, asyncio.Handle] = {}
        self._ours: socket.socket | None = None
        self._pythons: socket.socket | None = None
        self._before = -1

    def fileno(self) -> int:
        """Return the descriptor of the loop's end of its pipe; -1: it has no handler."""
        return -1 if self._ours is None else self._ours.fileno()

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
        try:
            self._listen()
        except (ValueError, OSError) as error:  # not the main thread
            raise RuntimeError(str(error)) from None
        handle = asyncio.Handle(callback, args, self._loop)
        try:
            signal.signal(sig, _nothing)  # without a handler Python would not write
            signal.siginterrupt(sig, False)
        except OSError:
            if not self._handles:
                self._stop_listening()
            raise RuntimeError(f"sig {sig} cannot be caught") from None
        self._handles[sig] = handle

    def remove(self, sig: int) -> bool:
        """Remove the handler of a signal; say whether there was one."""
        _check(sig)
        handle = self._handles.pop(sig, None)
        if handle is None:
            return False
        default = signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL
        try:
            signal.signal(sig, default)
        finally:
            if not self._handles:
                self._stop_listening()
        return True

    def remove_all(self) -> None:
        """Remove those that are left."""
        for sig in list(self._handles):
            self.remove(sig)

    def _listen(self) -> None:
        """Have Python write to the loop's pipe, even if somebody has replaced it since."""
        if self._pythons is not None:
            before = signal.set_wakeup_fd(self._pythons.fileno())
            if before != self._pythons.fileno():
                self._before = before
            return
        ours, pythons = socket.socketpair()
        ours.setblocking(False)
        pythons.setblocking(False)
        try:
            self._loop.add_reader(ours, self._read)
            self._before = signal.set_wakeup_fd(pythons.fileno())
        except BaseException:
            self._loop.remove_reader(ours)
            ours.close()
            pythons.close()
            raise
        self._ours, self._pythons = ours, pythons

    def _stop_listening(self) -> None:
        """Put back the pipe that was there before the loop's."""
        ours, pythons = self._ours, self._pythons
        assert ours is not None
        assert pythons is not None
        self._ours = self._pythons = None
        last = signal.set_wakeup_fd(-1)
        back = self._before if last == pythons.fileno() else last
        with suppress(ValueError, OSError):  # it was closed meanwhile
            signal.set_wakeup_fd(back)
        self._loop.remove_reader(ours)
        ours.close()
        pythons.close()

    def _read(self) -> None:
        """Call the handlers of the signals that have arrived."""
        ours = self._ours
        assert ours is not None
        while True:
            try:
                numbers = ours.recv(4096)
            except BlockingIOError:
                return
            for sig in numbers:
                handle = self._handles.get(sig)
                if handle is not None and not handle.cancelled():
                    self._deliver(handle)


def in_trios_code() -> bool:
    """Say whether trio's own code runs, or waits: an error there would break its run down."""
    # In a process that was forked in a run there is no run any more.
    return trio.lowlevel.in_trio_run() and trio.lowlevel.currently_ki_protected()


def _nothing(_: int, __: object) -> None:
    """Do nothing, as Python has already written the signal to the pipe."""


def _check(sig: Any) -> None:
    if not isinstance(sig, int):
        raise TypeError(f"sig must be an int, not {sig!r}")
    if sig not in signal.valid_signals():
        raise ValueError(f"invalid signal number {sig}")
