"""The host of a trio run in guest mode, for `loop_factory=` and `run_until_complete()`.

asyncio starts and stops a loop many times; `asyncio.run()` does it three times. A `trio.run()`
cannot be stopped and continued, but trio's guest mode can: there a host runs each of trio's
steps. The host here is the loop itself, by a queue of those steps. `run_forever()` runs them.
Between two calls of it trio stands still, and another loop of the same thread may run.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar

import outcome
import trio
from trio.lowlevel import enable_ki_protection

if TYPE_CHECKING:
    from .loop import EventLoop


class _RunOfThread:
    """Takes the current thread into a trio run, and out of it.

    trio keeps the run in a private thread-local. In guest mode it stays there as long as the
    run lasts, so a thread could not have two loops that take turns, as it can in asyncio. The
    hooks for async generators stay in the same way.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}
        self._hooks = self._others_hooks = sys.get_asyncgen_hooks()

    @staticmethod
    def _of_thread() -> dict[str, Any]:
        from trio._core._run import GLOBAL_RUN_CONTEXT

        return GLOBAL_RUN_CONTEXT.__dict__

    def enter(self) -> None:
        """Take the thread into this run."""
        self._of_thread().update(self._kept)
        self._others_hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(*self._hooks)

    def leave(self) -> None:
        """Take the thread out of its run, and keep that for `enter()`."""
        run = self._of_thread()
        self._kept = dict(run)
        run.clear()
        self._hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(*self._others_hooks)


class _Interrupts:
    """Holds SIGINT's handler back while trio's own code runs, where it must raise nothing.

    asyncio's runner has a handler that raises `KeyboardInterrupt`, and so has Python. The one
    that trio sets in their place would tell its run of Ctrl-C even while that stands still.

    Args:
        loop: the loop, which is stopped with what the handler raises.
        wake: called if a signal is held back, by the handler.

    Attributes:
        active: the one that has SIGINT now; `None`: none has.
    """

    active: ClassVar[_Interrupts | None] = None

    def __init__(self, loop: EventLoop, wake: Callable[[], object]) -> None:
        self._loop = loop
        self._wake = wake
        self._before: Any = None
        self._held: list[tuple[int, FrameType | None]] = []

    def start(self) -> None:
        """Take the place of SIGINT's handler, if it has one in Python."""
        if threading.current_thread() is not threading.main_thread():
            return
        before = signal.getsignal(signal.SIGINT)
        if callable(before):
            with suppress(ValueError):  # an interpreter that allows no handlers
                signal.signal(signal.SIGINT, self._handle)
                self._before = before
                _Interrupts.active = self

    def stop(self) -> None:
        """Put the handler back, unless the program has set another one."""
        before, self._before = self._before, None
        if _Interrupts.active is self:
            _Interrupts.active = None
        if before is not None and signal.getsignal(signal.SIGINT) == self._handle:
            signal.signal(signal.SIGINT, before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        # In a process that was forked meanwhile the run is over.
        if trio.lowlevel.in_trio_run() and trio.lowlevel.currently_ki_protected():
            self._held.append((number, frame))
            self._wake()
        else:
            self._before(number, frame)

    def deliver(self) -> None:
        """Call the handler for a signal that was held back."""
        if self._held and self._before is not None:
            try:
                self.deliver_now()
            except BaseException as error:
                self._loop.stop_with(error)

    def deliver_now(self, at_least: int = 1) -> None:
        """Call it if so many signals were held back; it may raise."""
        if len(self._held) >= at_least and self._before is not None:
            held = self._held[0]
            self._held.clear()
            self._before(*held)


def forget_run() -> None:
    """Leave the trio run in which this process was forked: it belongs to the parent."""
    if _Interrupts.active is not None:
        _Interrupts.active.stop()
    if trio.lowlevel.in_trio_run():
        _RunOfThread().leave()
        with suppress(ValueError):  # not in the main thread
            signal.set_wakeup_fd(-1)  # it is the parent's


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_run)


class MonotonicClock(trio.abc.Clock):
    """A clock that shows `time.monotonic()`, as asyncio's loops do, even before the run."""

    def start_clock(self) -> None:
        pass

    def current_time(self) -> float:
        return time.monotonic()

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return deadline - time.monotonic()


class Host:
    """Runs the steps of a trio run in guest mode, for one loop."""

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self._steps: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._halted = False
        self._outcome: outcome.Outcome[Any] | None = None
        self._run = _RunOfThread()
        self._later: list[Callable[[], object]] = []
        self._interrupts = _Interrupts(loop, lambda: self._steps.put(_nothing))
        self._interrupts.start()  # so trio sets no handler of its own
        try:
            trio.lowlevel.start_guest_run(
                self._main,
                run_sync_soon_threadsafe=self._steps.put,
                done_callback=self._done,
                # A signal interrupts the wait for the next step.
                host_uses_signal_set_wakeup_fd=True,
                clock=loop.clock or MonotonicClock(),
                instruments=loop.instruments,
            )
        finally:
            self._interrupts.stop()
        self._run.leave()

    async def _main(self) -> None:
        self._loop.attach(self._halt)
        undo_hooks = self._loop.install_hooks()
        try:
            while not self._loop.ending:
                try:
                    await self._loop.pump()
                except KeyboardInterrupt as error:
                    self._loop.fail(error)
                except BaseException:  # trio's run breaks down, or the loop itself
                    self._loop.end()
                    raise
        finally:
            undo_hooks()

    def _halt(self) -> bool:
        self._halted = True
        return True

    def _done(self, result: outcome.Outcome[Any]) -> None:
        self._outcome = result

    def call_when_running(self, call: Callable[[], object]) -> None:
        """Call something as soon as trio's run is continued."""
        self._later.append(call)

    @enable_ki_protection
    def go_on(self) -> None:
        """Run until the loop is stopped; raise the error that stopped it, if one did."""
        self._halted = False
        self._run.enter()
        self._interrupts.start()
        try:
            if self._outcome is None:  # else trio's run broke down before
                self._call_later()
                self._loop.go_on()
            while not self._halted and self._outcome is None:
                self._steps.get()()
                self._interrupts.deliver()
        finally:
            self._interrupts.stop()
            self._run.leave()
        self._loop.clear_stop()
        failure = self._loop.take_failure()
        if failure is None and isinstance(self._outcome, outcome.Error):
            failure = self._outcome.error
        if failure is not None:
            try:
                raise failure
            finally:
                del failure

    def _call_later(self) -> None:
        calls, self._later = self._later, []
        for call in calls:
            call()

    @enable_ki_protection
    def close(self) -> None:
        """End trio's run; log the error if it breaks down meanwhile."""
        has_ended = self._outcome is not None
        if has_ended:
            return  # `go_on()` has raised its error
        self._run.enter()
        self._interrupts.start()
        try:
            self._loop.end()
            while self._outcome is None:
                self._steps.get()()
                self._interrupts.deliver_now(at_least=2)
            self._interrupts.deliver_now()
        finally:
            self._interrupts.stop()
            self._run.leave()
        if isinstance(self._outcome, outcome.Error):
            self._loop.call_exception_handler(
                {
                    "message": "trio's run broke down while the loop was being closed",
                    "exception": self._outcome.error,
                }
            )


def _nothing() -> None:
    """Do nothing: a step that only wakes the host."""
