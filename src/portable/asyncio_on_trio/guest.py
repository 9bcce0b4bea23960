"""A loop that brings its own run of trio's, for `loop_factory=` and `run_until_complete()`.

asyncio's loops start and stop many times in one life: `asyncio.run()` does it three times.
trio.run() cannot be stopped and gone on with; its guest mode can: there trio is a guest of some
host, which runs each of its steps. The host here is a queue of those steps. `run_forever()`
runs them; between two calls of it trio stands still, and another loop of the thread may run.
"""

from __future__ import annotations

import os
import queue
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import outcome
import trio

if TYPE_CHECKING:
    from .loop import EventLoop


class _RunOfThread:
    """Which run of trio's the thread is in.

    trio keeps that in a thread-local of its own, and in guest mode leaves it there as long as
    the run lasts; so a thread could not have two loops that take turns, as asyncio's loops can.
    No public name reaches it.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}

    @staticmethod
    def _of_thread() -> dict[str, Any]:
        from trio._core._run import GLOBAL_RUN_CONTEXT

        return GLOBAL_RUN_CONTEXT.__dict__

    def enter(self) -> None:
        """Let the thread be in this run."""
        self._of_thread().update(self._kept)

    def leave(self) -> None:
        """Let the thread be in no run."""
        run = self._of_thread()
        self._kept = dict(run)
        run.clear()


def _forget_run() -> None:
    """In a process that was forked in the midst of a run there is none."""
    if trio.lowlevel.in_trio_run():
        _RunOfThread().leave()
        with suppress(ValueError):  # not in the main thread
            signal.set_wakeup_fd(-1)  # it was the parent's


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_run)


class MonotonicClock(trio.abc.Clock):
    """`time.monotonic()`, as asyncio's loops have it, before their first run as well."""

    def start_clock(self) -> None:
        pass

    def current_time(self) -> float:
        return time.monotonic()

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return deadline - time.monotonic()


class Host:
    """Runs a guest run of trio's for one loop, piece by piece."""

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self._steps: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._halted = False
        self._outcome: outcome.Outcome[Any] | None = None
        self._run = _RunOfThread()
        self._later: list[Callable[[], object]] = []
        trio.lowlevel.start_guest_run(
            self._main,
            run_sync_soon_threadsafe=self._steps.put,
            done_callback=self._done,
            # A signal interrupts the wait for the next step.
            host_uses_signal_set_wakeup_fd=True,
            clock=loop.clock or MonotonicClock(),
            instruments=loop.instruments,
        )
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
        finally:
            undo_hooks()

    def _halt(self) -> bool:
        self._halted = True
        return True

    def _done(self, result: outcome.Outcome[Any]) -> None:
        self._outcome = result

    def call_when_running(self, call: Callable[[], object]) -> None:
        """Call something as soon as trio's run goes on."""
        self._later.append(call)

    def go_on(self) -> None:
        """Run until the loop is stopped; raise what ended the program, if that did."""
        self._halted = False
        self._run.enter()
        try:
            self._call_later()
            self._loop.go_on()
            while not self._halted and self._outcome is None:
                self._steps.get()()
        finally:
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

    def close(self) -> None:
        """End trio's run."""
        self._run.enter()
        try:
            self._call_later()
            self._loop.end()
            while self._outcome is None:
                self._steps.get()()
        finally:
            self._run.leave()
