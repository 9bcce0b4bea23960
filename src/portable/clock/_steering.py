"""What steers a virtual loop: timers, threads, guards and the end of a deadlock.

asyncio's loop and uvloop differ in how they notice that nothing is ready. Each then asks
`wait()` how long to wait in real time, looks at its I/O, and if there still is nothing
calls `go()`: time moves to the next timer, or the deadlock is broken.

A deadlock ends like this. Under a guard its scope is cancelled, as on trio. If everything
waits again, behind a shield or in a task that is not AnyIO's, all tasks that the guard's
program started are cancelled natively, as often as it takes: no shield stops that. Without
a guard `run_until_complete` raises the error and leaves the tasks to whoever closes the
loop, as it does for KeyboardInterrupt; if those wait again, they are cancelled again.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from contextvars import Context
from math import inf, isnan
from types import FrameType
from typing import Any, TypeVar
from weakref import WeakSet

import anyio

from portable._errors import DeadlockError

from ._deadlock import MAX_ROUNDS, Guard, deadlock
from ._stacks import await_frames, module
from ._stillness import Stillness
from ._threads import anyio_threads_awaited
from ._timeline import Timeline
from ._timers import Timer, TimerQueue

T = TypeVar("T")


class _LoopGuard(Guard):
    def __init__(self, main: Callable[..., Awaitable[Any]], task: asyncio.Task[Any]) -> None:
        super().__init__(main, anyio.CancelScope())
        self.task = task
        self._spared = WeakSet(asyncio.all_tasks() - {task})
        self._cancels = 0

    def tasks(self) -> set[asyncio.Task[Any]]:
        """Return the guard's task and those that were started since it began."""
        return asyncio.all_tasks(self.task.get_loop()) - set(self._spared)

    def cancel_natively(self) -> None:
        for task in self.tasks():
            task.cancel()
        self._cancels += 1

    def uncancel(self) -> None:
        for _ in range(self._cancels):
            self.task.uncancel()


class Steering:
    """Steers one loop through virtual time.

    Attributes:
        timeline: the time.
        stillness: decides when it may jump.
        jobs: calls that run in executors.
        awaited: calls of `run_until_complete` under way.
        signals: those that have a handler of the loop.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, timeline: Timeline, io: Callable[[], bool]
    ) -> None:
        self.timeline = timeline
        self.stillness = Stillness(timeline, io, self._threads)
        self.jobs = 0
        self.awaited = 0
        self.signals: set[int] = set()
        self._loop = loop
        self._timers = TimerQueue()
        self._stillness_polls: list[Timer] = []
        self._guards: list[_LoopGuard] = []
        self._raised = False
        self._rounds = 0
        self._thread: int | None = None

    # Timers ----------------------------------------------------------------------------

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: Context | None,
        caller: FrameType | None = None,
    ) -> Timer:
        """Set a timer, with asyncio's own checks and messages."""
        if self._loop.is_closed():
            raise RuntimeError("Event loop is closed")
        if isnan(when):
            raise ValueError("a timer cannot be set at NaN")
        if self._loop.get_debug():
            self._check(callback)
        if _is_stillness_poll(caller):
            timer = self._timers.add(inf, callback, args, self._loop, context)
            self._stillness_polls.append(timer)
            return timer
        return self._timers.add(when, callback, args, self._loop, context)

    def _check(self, callback: object) -> None:
        if self._thread not in (None, threading.get_ident()):
            raise RuntimeError(
                "Non-thread-safe operation invoked on an event loop other than the current one"
            )
        if inspect.iscoroutine(callback) or inspect.iscoroutinefunction(callback):
            raise TypeError("coroutines cannot be used with call_at()")
        if not callable(callback):
            raise TypeError(f"a callable object was expected by call_at(), got {callback!r}")

    def release(self) -> bool:
        """Hand the timers that are due over to the loop; say whether there was one."""
        return self._timers.release(self.timeline.now, self._loop.call_soon)

    def running(self, thread: int | None) -> None:
        """Take note of the thread that the loop runs in, or of its stop."""
        self._thread = thread

    def close(self) -> None:
        """Forget the timers of a loop that was closed."""
        self._timers.clear()
        self._stillness_polls.clear()

    # Idle ------------------------------------------------------------------------------

    def wait(self) -> float:
        """Return the real seconds to wait for I/O; 0.0: look once and then `go()`."""
        when = self._timers.earliest()
        if self._stillness_polls or when <= self.timeline.now:
            return 0.0
        seconds = self.stillness.wait(when, self._deadlock_counts)
        if seconds == 0.0 and when == inf and self._portal_open():
            return inf
        return seconds

    def go(self) -> DeadlockError | None:
        """Move on to the next timer; return the error to stop with, if there must be one."""
        when = self._timers.earliest()
        if self._stillness_polls and when > self.timeline.now:
            polls, self._stillness_polls = self._stillness_polls, []
            for timer in polls:
                timer.release(self._loop.call_soon)
            return None
        if when == inf:
            return self._break_deadlock()
        if when > self.timeline.now:
            self.timeline.move_to(when)
        self.release()
        return None

    def _threads(self) -> bool:
        return self.jobs > 0 or anyio_threads_awaited(self._loop)

    def _deadlock_counts(self) -> bool:
        return self.awaited > 0 and not self.signals

    def _portal_open(self) -> bool:
        """Say whether a task waits for calls from other threads, in a BlockingPortal."""
        return any(
            module(frame) == "anyio.from_thread"
            for task in asyncio.all_tasks(self._loop)
            for frame in await_frames(task.get_coro())
        )

    # Deadlocks -------------------------------------------------------------------------

    async def guard(self, main: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> T:
        """Run `await main(*args)`; a deadlock ends it with DeadlockError."""
        task = asyncio.current_task()
        assert task is not None
        guard = _LoopGuard(main, task)
        self._guards.append(guard)
        try:
            return await guard.run(main, args)
        finally:
            self._guards.remove(guard)
            guard.uncancel()

    def _break_deadlock(self) -> DeadlockError | None:
        new = [guard for guard in self._guards if guard.error is None]
        for guard in new:
            names = {guard.task: guard.name}
            guard.error = deadlock(
                (names.get(task, task.get_name()), task.get_coro()) for task in guard.tasks()
            )
            guard.scope.cancel()
        if new:
            return None
        for guard in self._guards:
            if guard.rounds < MAX_ROUNDS:
                guard.rounds += 1
                guard.cancel_natively()
                return None
        tasks = asyncio.all_tasks(self._loop)
        if self._raised and self._rounds < MAX_ROUNDS and _all_cancelled(tasks):
            self._rounds += 1
            for task in tasks:
                task.cancel()
            return None
        self._raised = True
        return deadlock((task.get_name(), task.get_coro()) for task in tasks)


def _all_cancelled(tasks: set[asyncio.Task[Any]]) -> bool:
    return bool(tasks) and all(task.cancelling() for task in tasks)


def _is_stillness_poll(frame: FrameType | None) -> bool:
    """Say whether a timer is set by `anyio.wait_all_tasks_blocked()`.

    On asyncio it looks every 0.1 s whether all tasks wait. That they do is known as soon
    as the loop is idle, so the next look comes then and costs no time, as on trio.
    """
    code = anyio.wait_all_tasks_blocked.__code__
    for _ in range(3):  # asyncio.sleep, the backend's own function, AnyIO's
        if frame is None:
            return False
        if frame.f_code is code:
            return True
        frame = frame.f_back
    return False
