"""A loop that brings its own run of trio's, for `loop_factory=` and `run_until_complete()`.

asyncio's loops start and stop many times in one life: `asyncio.run()` does it three times.
trio.run() cannot be stopped and gone on with; its guest mode can: there trio is a guest of some
host, which runs each of its steps. The host here is a queue of those steps. `run_forever()`
runs them; between two calls of it trio stands still.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import outcome
import trio

if TYPE_CHECKING:
    from .loop import EventLoop


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
        trio.lowlevel.start_guest_run(
            self._main,
            run_sync_soon_threadsafe=self._steps.put,
            done_callback=self._done,
            clock=loop.clock or MonotonicClock(),
            instruments=loop.instruments,
        )

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

    def go_on(self) -> None:
        """Run until the loop is stopped; raise what ended the program, if that did."""
        self._halted = False
        self._steps.put(self._loop.go_on)
        while not self._halted and self._outcome is None:
            self._steps.get()()
        self._loop.clear_stop()
        failure = self._loop.take_failure()
        if failure is not None:
            try:
                raise failure
            finally:
                del failure

    def close(self) -> None:
        """End trio's run."""
        self._steps.put(self._loop.end)
        while self._outcome is None:
            self._steps.get()()
