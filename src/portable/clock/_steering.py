"""The steering of asyncio's loop and uvloop: it moves virtual time and breaks deadlocks.

The two loops differ in how they notice that nothing is ready. Then each asks `wait()` how many
real seconds to wait, looks at its I/O, and calls `go()` if there still is nothing. `go()` moves
the time to the next timer or breaks the deadlock.

Breaking a deadlock goes in steps, each taken if everything waits again after the last one:

1. Under a guard, the guard's cancel scope is cancelled.
2. All tasks that the guard's program started are cancelled by `Task.cancel()`, as often as it
   takes. A shield of AnyIO's does not stop that.
3. Without a guard `run_until_complete()` raises the error, and leaves the tasks to whoever
   closes the loop, as for KeyboardInterrupt. If those wait again, they are cancelled again.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
from math import inf, isnan
from types import FrameType
from typing import Any, TypeVar
from weakref import WeakSet

import anyio

from portable._errors import DeadlockError

from ._deadlock import (
    MAX_ROUNDS,
    Guard,
    Waiting,
    all_cancelled,
    break_guards,
    deadlock,
    livelock,
)
from ._livelock import Livelock
from ._stillness import Awaited, Stillness
from ._threads import anyio_threads_awaited
from ._timeline import CurrentRun, Timeline
from ._timers import Timer, TimerQueue
from ._work import ForeignFutures, await_calls, await_child_process

T = TypeVar("T")


class _LoopGuard(Guard):
    def __init__(self, main: Callable[..., Awaitable[Any]], task: asyncio.Task[Any]) -> None:
        super().__init__(main, anyio.CancelScope())
        self.task = task
        self._spared = WeakSet(asyncio.all_tasks() - {task})
        self._cancels = 0

    def tasks(self) -> set[asyncio.Task[Any]]:
        """Return the guard's task and the tasks that were started since the guard began."""
        return asyncio.all_tasks(self.task.get_loop()) - set(self._spared)

    def waiting(self) -> Iterable[Waiting]:
        names = {self.task: self.name}
        return [(names.get(task, task.get_name()), task.get_coro()) for task in self.tasks()]

    def break_off(self) -> None:
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
        stillness: decides when the time may jump.
        jobs: how many calls run in executors.
        awaited: how many calls of `run_until_complete()` are under way.
        signals: the signals with a handler of the loop's.
        futures: the awaited futures of other threads.
        on_threads: called each time that threads are seen at work.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        timeline: Timeline,
        io: Callable[[], bool],
        outside: Callable[[bool], Iterable[str]],
    ) -> None:
        self.timeline = timeline
        self.futures = ForeignFutures()
        awaited = Awaited(
            threads=self._threads,
            elsewhere=lambda: bool(self.futures),
            children=lambda: io() and await_child_process(self._coroutines()),
            io=io,
            outside=lambda shared: [*self._signals(), *outside(shared)],
            home=lambda: loop,
            portal=self._portal_open,
        )
        self.stillness = Stillness(timeline, awaited)
        self._livelock = Livelock(self._tasks)
        self.jobs = 0
        self.awaited = 0
        self.signals: set[int] = set()
        self.on_threads: Callable[[], object] = bool
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
        """Set a timer, with the checks and messages of asyncio's own loop."""
        if self._loop.is_closed():
            raise RuntimeError("Event loop is closed")
        if isnan(when):
            raise ValueError("a timer cannot be set at NaN")
        if self._loop.get_debug():
            self._check(callback)
        if _is_stillness_poll(caller):
            timer = Timer(inf, callback, args, self._loop, context, _in_no_queue)
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
        """Hand the timers that are due to the loop; say whether there was one."""
        return self._timers.release(self.timeline.now, self._loop.call_soon)

    def running(self, thread: int | None) -> None:
        """Note the thread that the loop runs in; `None`: the loop has stopped."""
        self._thread = thread
        self.stillness.waited()
        run = None
        if thread is not None:
            at_work = self.stillness.threads_at_work
            run = CurrentRun(thread, self._call_at, self._release_due, at_work)
        self.timeline.set_run(run)

    def _call_at(self, when: float, call: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(self.call_at, when, call, (), None)

    def _release_due(self) -> None:
        if getattr(self._loop, "due_is_ready", False):
            self.release()

    def close(self) -> None:
        """Forget the timers, as the loop was closed."""
        self._timers.clear()
        self._stillness_polls.clear()

    # Busy ------------------------------------------------------------------------------

    def busy(self) -> DeadlockError | None:
        """Note that something is ready; in a livelock return the error to stop with."""
        self.stillness.busy()
        if self.stillness.spins(self._timers.earliest):
            spinning = self._livelock.look()
            if spinning is not None:
                self.stillness.waited()
                return self._break(lambda _: livelock(spinning))
        return None

    # Idle ------------------------------------------------------------------------------

    def wait(self) -> float:
        """Return the real seconds to wait for I/O; 0.0: look at the I/O once, then `go()`."""
        when = self._timers.earliest()
        if self._stillness_polls or when <= self.timeline.now:
            return 0.0
        seconds = self.stillness.wait(when, self._deadlock_counts)
        if seconds == 0.0 and when == inf and self._portal_open():
            return inf
        return seconds

    def go(self) -> DeadlockError | None:
        """Move the time to the next timer; return the error to stop with, or `None`."""
        when = self._timers.earliest()
        if self._stillness_polls and when > self.timeline.now:
            polls, self._stillness_polls = self._stillness_polls, []
            for timer in polls:
                timer.release(self._loop.call_soon)
            return None
        if when == inf:
            return self._break(deadlock)
        if when > self.timeline.now:
            self.timeline.move_to(when)
        self.release()
        return None

    def _threads(self) -> int:
        at_work = self.jobs + anyio_threads_awaited(self._loop)
        if at_work:
            self.on_threads()
        return at_work

    def _deadlock_counts(self) -> bool:
        return self.awaited > 0 and not self.signals

    def _portal_open(self) -> bool:
        """Say whether a task waits for calls from other threads, in a BlockingPortal."""
        return await_calls(self._coroutines())

    def _signals(self) -> list[str]:
        return [f"signal {number}" for number in sorted(self.signals)]

    def _coroutines(self) -> list[object]:
        return [task.get_coro() for task in asyncio.all_tasks(self._loop)]

    def _tasks(self) -> list[Waiting]:
        names = {guard.task: guard.name for guard in self._guards}
        return [
            (names.get(task, task.get_name()), task.get_coro())
            for task in asyncio.all_tasks(self._loop)
        ]

    # Deadlocks -------------------------------------------------------------------------

    async def guard(self, main: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> T:
        """Run `await main(*args)`; a deadlock ends it with DeadlockError."""
        __tracebackhide__ = True
        task = asyncio.current_task()
        assert task is not None
        guard = _LoopGuard(main, task)
        self._guards.append(guard)
        try:
            return await guard.run(main, args)
        finally:
            self._guards.remove(guard)
            guard.uncancel()

    def _break(
        self, error: Callable[[Iterable[Waiting]], DeadlockError]
    ) -> DeadlockError | None:
        if break_guards(self._guards, error):
            return None
        tasks = asyncio.all_tasks(self._loop)
        if self._raised and self._rounds < MAX_ROUNDS and all_cancelled(tasks):
            self._rounds += 1
            for task in tasks:
                task.cancel()
            return None
        self._raised = True
        return error((task.get_name(), task.get_coro()) for task in tasks)


def _in_no_queue() -> None:
    """Stands in for what a queue does when a timer of its is cancelled."""


def _is_stillness_poll(frame: FrameType | None) -> bool:
    """Say whether `anyio.wait_all_tasks_blocked()` sets this timer.

    On asyncio that function checks every 0.1 s whether all tasks wait. They do as soon as the
    loop is idle; so its timer is released then, and no virtual time passes, as on trio.
    """
    code = anyio.wait_all_tasks_blocked.__code__
    # The frames between: a schedule's call_later, asyncio.sleep, the backend's, AnyIO's.
    for _ in range(4):
        if frame is None:
            return False
        if frame.f_code is code:
            return True
        frame = frame.f_back
    return False
