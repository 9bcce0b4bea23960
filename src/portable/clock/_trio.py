"""Virtual time on trio: a clock and an instrument, both parts of trio's public interface.

trio's MockClock jumps by differences, whose rounding the other backends do not share, and
only where it is sure that I/O takes no time. This clock jumps to the deadline itself. When
no task is ready trio asks it how long to sleep; it says "for ever" and, as an instrument,
sees how long trio will really wait: less, if a task waits for all others to be blocked.
Otherwise it wakes the loop by a callback from "outside", and if nothing but that callback
became ready meanwhile, it moves the time before trio looks at its deadlines.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from math import inf
from typing import Any, TypeVar
from weakref import WeakSet

import trio
import trio.testing

from portable._errors import DeadlockError

from ._deadlock import MAX_ROUNDS, Guard, Waiting, deadlock
from ._schedule import seed_trio
from ._stacks import await_frames, module
from ._stillness import Stillness
from ._timeline import Timeline
from ._trio_loop import LoopWatch
from ._trio_tasks import Breaker, TrioTask, all_plain, below, below_all, scopes_of

T = TypeVar("T")

# No task that waits for all others to be blocked asks for as many seconds of silence.
_FOREVER = 3600.0

# The loop itself waits for its own wake-up socket; the names are those of each platform.
_OWN_IO = 1
_IO_COUNTS = (
    "tasks_waiting",
    "tasks_waiting_read",
    "tasks_waiting_write",
    "tasks_waiting_overlapped",
    "monitors",
    "completion_key_monitors",
)

# Whose handlers of SIGINT come and go with each run.
_CTRL_C = ("_signal", "asyncio.runners", "portable.asyncio_on_trio.running", "trio._core._ki")


class _TrioGuard(Guard):
    def __init__(self, main: Callable[..., Awaitable[Any]], watch: LoopWatch) -> None:
        self._scope = trio.CancelScope()
        super().__init__(main, self._scope)
        self.native = trio.lowlevel.current_task()
        self.task = watch.current_task()
        self.handlers = _signal_handlers()
        self._watch = watch
        self._spared = WeakSet(watch.tasks() - {self.task})
        self._spared_plain = WeakSet(below_all(watch.tasks()))
        self._spared_nurseries = self.native.child_nurseries
        self._cancels = 0

    def asyncios(self) -> set[asyncio.Task[Any]]:
        """Return the tasks of asyncio's that were made since it began, and its own."""
        return self._watch.tasks() - set(self._spared)

    def plain(self) -> Iterator[TrioTask]:
        """Yield the tasks of trio's that were started since it began, but not its own."""
        yield from below(self.native, self._spared_nurseries)
        if self._watch.loop is not None:
            elsewhere = self._watch.tasks() - {self.task}
            yield from set(below_all(elsewhere)) - set(self._spared_plain)

    def waiting(self) -> Iterator[Waiting]:
        """Yield the name and the coroutine of each of its tasks."""
        yield self.name, self.native.coro if self.task is None else self.task.get_coro()
        for one in self.plain():
            yield one.name, one.coro
        for task in self.asyncios() - {self.task}:
            yield task.get_name(), task.get_coro()

    def break_off(self) -> None:
        """End what its tasks wait for although its scope is cancelled."""
        assert self.error is not None
        plain = [*self.plain()] + ([self.native] if self.task is None else [])
        spared = {self._scope, *scopes_of(self._watch.tasks())}
        Breaker(self.asyncios(), plain, spared, self.error).break_off()
        self._cancels += 1

    def uncancel(self) -> None:
        """Take back what it was cancelled by natively."""
        if self.task is not None:
            for _ in range(self._cancels):
                self.task.uncancel()


class VirtualTrioClock(trio.abc.Clock, trio.abc.Instrument):
    """trio's clock under virtual time; to be given to trio as an instrument, too."""

    def __init__(self, timeline: Timeline, seed: int | None = None) -> None:
        self._timeline = timeline
        self._seed = seed
        self._unseed: Callable[[], None] | None = None
        self._stillness: Stillness | None = None
        self._watch = LoopWatch(seed)
        self._handlers: dict[int, Any] = {}
        self._guards: list[_TrioGuard] = []
        self._raised: DeadlockError | None = None
        self._rounds = 0
        self._deadline = inf
        self._go = False  # nothing is left to wait for, as far as the clock can tell
        self._woken = False
        self._deadlocked = False

    # The clock -------------------------------------------------------------------------

    def start_clock(self) -> None:
        if self._stillness is not None:
            raise RuntimeError("a VirtualClock serves one run; make a new one for each")
        self._stillness = Stillness(self._timeline, _io, self._threads)
        self._handlers = _signal_handlers()
        if self._seed is not None:
            self._unseed = seed_trio(self._seed)

    def current_time(self) -> float:
        return self._timeline.now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        if deadline <= self._timeline.now:
            return 0.0
        if self._watch.halted:
            return inf
        assert self._stillness is not None
        self._deadline = deadline
        seconds = self._stillness.wait(deadline, self._deadlock_counts)
        if seconds == 0.0 and deadline == inf and self._door_open():
            return inf
        self._go = seconds == 0.0
        return seconds or inf

    # The instrument --------------------------------------------------------------------

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        self._watch.look()

    def after_run(self) -> None:
        if self._unseed is not None:
            self._unseed()

    def before_io_wait(self, timeout: float) -> None:
        if timeout == 0.0 and self._stillness is not None:
            self._stillness.busy()
        go, self._go = self._go, False
        if go and timeout >= _FOREVER:
            self._woken = True
            trio.lowlevel.current_trio_token().run_sync_soon(self._after_wake)

    def after_io_wait(self, timeout: float) -> None:
        woken, self._woken = self._woken, False
        if not woken:
            return
        now = trio.lowlevel.current_statistics()
        if now.tasks_runnable > 1 or now.run_sync_soon_queue_size > 1:
            return  # something came in after all
        if self._deadline < inf:
            self._timeline.move_to(self._deadline)
        else:
            self._deadlocked = True

    def _after_wake(self) -> None:
        deadlocked, self._deadlocked = self._deadlocked, False
        if deadlocked:
            self._break_deadlock()

    # Deadlocks -------------------------------------------------------------------------

    def inside(self) -> bool:
        """Say whether the caller runs in a task of the run this clock steers."""
        return trio.lowlevel.in_trio_task() and self._stillness is not None

    async def guard(self, main: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> T:
        """Run `await main(*args)`; a deadlock ends it with DeadlockError."""
        guard = _TrioGuard(main, self._watch)
        self._guards.append(guard)
        try:
            return await guard.run(main, args)
        finally:
            self._guards.remove(guard)
            guard.uncancel()

    def _threads(self) -> bool:
        return self._watch.jobs > 0 or trio.testing.active_thread_count() > 0

    def _deadlock_counts(self) -> bool:
        return bool(self._guards) or self._watch.is_awaited()

    def _door_open(self) -> bool:
        """Say whether a signal's handler or another thread's call may end the waiting."""
        handlers = _signal_handlers()
        known = [guard.handlers for guard in self._guards] or [self._handlers]
        return handlers not in known or any(
            module(frame) == "anyio.from_thread"
            for coro in self._coroutines()
            for frame in await_frames(coro)
        )

    def _coroutines(self) -> Iterator[object]:
        for guard in self._guards:
            for _, coro in guard.waiting():
                yield coro
        for task in self._watch.tasks():
            yield task.get_coro()
        for native in all_plain():
            yield native.coro

    def _break_deadlock(self) -> None:
        new = [guard for guard in self._guards if guard.error is None]
        for guard in new:
            guard.error = deadlock(guard.waiting())
            guard.scope.cancel()
        if new:
            return
        for guard in self._guards:
            if guard.rounds < MAX_ROUNDS:
                guard.rounds += 1
                guard.break_off()
                return
        self._end_program()

    def _end_program(self) -> None:
        """End the program on asyncio's loop with the error; then help it to its end."""
        loop = self._watch.loop
        if loop is None or not self._watch.is_awaited():
            return
        tasks = self._watch.tasks()
        closing = any(self._watch.finalizing())
        exhausted = self._rounds >= MAX_ROUNDS
        anew = not closing and (exhausted or not _all_cancelled(tasks))
        if self._raised is None or anew:
            waiting = [(task.get_name(), task.get_coro()) for task in tasks]
            waiting += [(native.name, native.coro) for native in all_plain()]
            self._raised = deadlock(waiting)
            loop.stop_with(self._raised)
        elif not exhausted:
            self._rounds += 1
            spared = scopes_of(tasks)
            # In a group that a nursery raises it still counts as a cancellation of the task.
            cancelled = asyncio.CancelledError()
            Breaker(tasks, below_all(tasks), spared, cancelled).break_off()
        else:
            loop.end()


def _io() -> bool:
    statistics = trio.lowlevel.current_statistics().io_statistics
    return sum(getattr(statistics, name, 0) for name in _IO_COUNTS) > _OWN_IO


def _all_cancelled(tasks: set[asyncio.Task[Any]]) -> bool:
    return bool(tasks) and all(task.cancelling() for task in tasks)


def _signal_handlers() -> dict[int, Any]:
    """Return the handlers of signals, without those that are there for Ctrl-C in every run."""
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    return {
        number: handler
        for number, handler in handlers.items()
        if getattr(getattr(handler, "func", handler), "__module__", None) not in _CTRL_C
    }
