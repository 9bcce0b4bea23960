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
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import outcome
import trio
from trio.lowlevel import enable_ki_protection

from portable._handlers import HandlerStandIns

from .signals import in_trios_code

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


def forget_run() -> None:
    """Leave the trio run in which this process was forked: it belongs to the parent."""
    if HandlerStandIns.active is not None:
        HandlerStandIns.active.stop()
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
        self._held: list[Callable[[], object]] = []
        self._signals = HandlerStandIns(self._meet)
        self._signals.start()  # so trio sets no handler of its own
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
            self._signals.stop()
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
        self._signals.start()
        try:
            if self._outcome is None:  # else trio's run broke down before
                self._call_later()
                self._loop.go_on()
            while not self._halted and self._outcome is None:
                self._steps.get()()
                self._deliver()
        finally:
            self._signals.stop()
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

    def _meet(self, call: Callable[[], object]) -> None:
        """Call a signal's handler, which may raise; but not in the middle of trio's code."""
        if in_trios_code():
            self._held.append(call)
            self._steps.put(_nothing)
        else:
            call()

    def _deliver(self) -> None:
        """Make the calls that were held; an error ends `go_on()`."""
        try:
            self._call_held()
        except BaseException as error:
            self._loop.stop_with(error)

    def _call_held(self) -> None:
        while self._held:
            self._held.pop(0)()

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
        self._signals.start()
        try:
            self._loop.end()
            while self._outcome is None:
                self._steps.get()()
                if len(self._held) > 1:  # again, as the first one does not end it
                    self._call_held()
            self._call_held()
        finally:
            self._signals.stop()
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
