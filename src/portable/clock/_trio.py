"""Virtual time on trio: a clock that is an instrument, too. Both are public interfaces of trio.

When no task is ready, trio asks the clock how long to sleep. The clock answers "for ever". As
an instrument it then sees how long trio will really sleep: less, if a task is inside
`wait_all_tasks_blocked()`. If it is for ever, the clock wakes trio by `run_sync_soon()`. If
nothing but that call has become ready meanwhile, the clock moves the time, before trio looks at
its deadlines.

trio's own MockClock does not serve here. It moves the time by differences, whose rounding other
backends do not share; this clock moves it to the deadline itself. And it jumps although real
I/O may be under way.
"""

from __future__ import annotations

import asyncio
import functools
import signal
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from math import inf
from typing import Any, TypeVar
from weakref import WeakSet

import trio
import trio.testing

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
from ._outside import from_outside, number_of
from ._schedule import Schedule
from ._stacks import await_frames
from ._stillness import Awaited, Stillness
from ._timeline import CurrentRun, Timeline
from ._trio_loop import LoopWatch
from ._trio_order import TrioOrder, asked_by_sleep
from ._trio_tasks import Breaker, TrioTask, all_plain, below, below_all, scopes_of
from ._work import await_calls, await_child_process

T = TypeVar("T")

# No `wait_all_tasks_blocked()` asks for so many seconds of silence.
_FOREVER = 3600.0

# trio itself waits for its own wake-up socket. The attributes differ between platforms.
_OWN_IO = 1
_IO_COUNTS = (
    "tasks_waiting",
    "tasks_waiting_read",
    "tasks_waiting_write",
    "tasks_waiting_overlapped",
    "monitors",
    "completion_key_monitors",
)

# The signals that programs wait for: to ask for all at each jump takes longer than the jump.
_AWAITED = [
    getattr(signal, f"SIG{name}")
    for name in ("HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "TERM", "CHLD", "WINCH", "CONT")
    if hasattr(signal, f"SIG{name}")
]

# Modules whose handlers of SIGINT come and go with each run.
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
        """Return the asyncio tasks made since the guard began, and the guard's own."""
        return self._watch.tasks() - set(self._spared)

    def plain(self) -> Iterator[TrioTask]:
        """Yield the plain trio tasks that were started since the guard began."""
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
        """End the waits that go on although the guard's scope is cancelled."""
        assert self.error is not None
        plain = [*self.plain()] + ([self.native] if self.task is None else [])
        spared = {self._scope, *scopes_of(self._watch.tasks())}
        Breaker(self.asyncios(), plain, spared, self.error).break_off()
        self._cancels += 1

    def uncancel(self) -> None:
        """Take back the cancellations by `Task.cancel()`."""
        if self.task is not None:
            for _ in range(self._cancels):
                self.task.uncancel()


class VirtualTrioClock(trio.abc.Clock, trio.abc.Instrument):
    """trio's clock under virtual time; trio needs it as an instrument, too."""

    def __init__(self, timeline: Timeline, schedule: Schedule | None = None) -> None:
        self._timeline = timeline
        self._schedule = schedule
        self._stillness: Stillness | None = None
        self._watch = LoopWatch(schedule)
        self._order = None if schedule is None else TrioOrder(schedule, self._watch)
        self._handlers: dict[int, Any] = {}
        self._guards: list[_TrioGuard] = []
        self._raised: DeadlockError | None = None
        self._rounds = 0
        self._deadline = inf
        self._go = False  # nothing is left to wait for, as far as the clock can tell
        self._woken = False
        self._deadlocked = False
        self._awaited_handlers: list[Any] = []
        self._awaited_signals: list[str] = []
        self._livelock = Livelock(self._tasks)
        self._error: DeadlockError | None = None

    # The clock -------------------------------------------------------------------------

    def start_clock(self) -> None:
        if self._stillness is not None:
            raise RuntimeError("a VirtualClock serves one run; make a new one for each")
        awaited = Awaited(
            threads=self._threads,
            elsewhere=lambda: bool(self._watch.futures),
            children=lambda: self._io() and await_child_process(self._coroutines()),
            io=self._io,
            outside=self._outside,
            home=self._home,
            portal=lambda: await_calls(self._coroutines()),
        )
        self._stillness = Stillness(self._timeline, awaited)
        self._handlers = _signal_handlers()
        if self._order is not None:
            self._order.begin()

    def current_time(self) -> float:
        now = self._timeline.now
        if self._order is not None and asked_by_sleep():
            return now + self._order.longer()
        return now

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

    def before_run(self) -> None:
        token = trio.lowlevel.current_trio_token()

        def set_alarm(when: float, call: Callable[[], object]) -> None:
            try:
                trio.lowlevel.spawn_system_task(_alarm, when, call)
            except RuntimeError:  # the run ends
                call()

        def call_at(when: float, call: Callable[[], object]) -> None:
            loop = self._watch.loop
            if loop is None or loop.is_closed():
                token.run_sync_soon(set_alarm, when, call)
            else:  # in the order of its other timers
                loop.call_soon_threadsafe(loop.call_at, when, call)

        def threads_at_work() -> bool:  # the clock starts after this
            return self._stillness is not None and self._stillness.threads_at_work()

        run = CurrentRun(threading.get_ident(), call_at, lambda: None, threads_at_work)
        self._timeline.set_run(run)

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        self._watch.look()

    def after_run(self) -> None:
        self._timeline.set_run(None)
        if self._order is not None:
            self._order.end()

    def before_io_wait(self, timeout: float) -> None:
        if timeout == 0.0 and self._stillness is not None:
            self._stillness.busy()
            if self._stillness.spins(self._next_deadline):
                self._break_livelock()
        go, self._go = self._go, False
        if go and timeout >= _FOREVER:
            self._woken = True
            trio.lowlevel.current_trio_token().run_sync_soon(self._after_wake)

    def after_io_wait(self, timeout: float) -> None:
        woken, self._woken = self._woken, False
        if not woken or self._stillness is None:
            return
        now = trio.lowlevel.current_statistics()
        if now.tasks_runnable > 1 or now.run_sync_soon_queue_size > 1:
            self._stillness.busy()
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
        __tracebackhide__ = True
        guard = _TrioGuard(main, self._watch)
        self._guards.append(guard)
        try:
            return await guard.run(main, args)
        finally:
            self._guards.remove(guard)
            guard.uncancel()

    def _threads(self) -> int:
        threads = self._watch.jobs + trio.testing.active_thread_count()
        if threads and self._schedule is not None:
            self._schedule.threads = True
        return threads

    def _deadlock_counts(self) -> bool:
        return bool(self._guards) or self._watch.is_awaited()

    def _door_open(self) -> bool:
        """Say whether a signal handler or another thread's call may end the waiting."""
        return bool(self._signals()) or await_calls(self._coroutines())

    def _signals(self) -> list[str]:
        """Name the signals that got handlers while the program ran."""
        handlers = _signal_handlers()
        known = [guard.handlers for guard in self._guards] or [self._handlers]
        new = [set(handlers.items()) - set(before.items()) for before in known]
        return [] if not all(new) else [f"signal {number}" for number, _ in sorted(new[0])]

    def _home(self) -> object:
        return trio.lowlevel.current_trio_token()

    def _outside(self, shared: bool) -> list[str]:
        """Name the I/O and the signals that may come from outside of the run."""
        handlers = [*map(signal.getsignal, _AWAITED), *self._guards]
        if handlers != self._awaited_handlers:
            self._awaited_handlers, self._awaited_signals = handlers, self._signals()
        found = list(self._awaited_signals)
        if not self._io():
            return found
        waits = list(_waits_for_descriptors(self._coroutines()))
        found += from_outside([*waits, *self._watched()], shared=shared)
        if self._waits_in_trio() > len(waits):
            found.append("I/O of trio's")
        return found

    def _io(self) -> bool:
        return self._waits_in_trio() > 0 or bool(self._watched())

    def _watched(self) -> list[int]:
        return [] if self._watch.loop is None else self._watch.loop.watched()

    def _waits_in_trio(self) -> int:
        """Return how many tasks wait for I/O in trio; the loop's own wait is none of them."""
        loop = self._watch.loop
        return _io_count() - (loop is not None and loop.waits_for_sockets())

    def _coroutines(self) -> Iterator[object]:
        for guard in self._guards:
            for _, coro in guard.waiting():
                yield coro
        for task in self._watch.tasks():
            yield task.get_coro()
        for native in all_plain():
            yield native.coro

    # Livelocks -------------------------------------------------------------------------

    def _next_deadline(self) -> float:
        native = trio.lowlevel.current_statistics().seconds_to_next_deadline
        loop = self._watch.loop
        asyncios = inf if loop is None else loop.next_timer()
        return min(native + self._timeline.now, asyncios)

    def _tasks(self) -> list[Waiting]:
        named = {id(coro): name for guard in self._guards for name, coro in guard.waiting()}
        tasks = [(task.get_name(), task.get_coro()) for task in self._watch.tasks()]
        tasks += [(native.name, native.coro) for native in all_plain()]
        return [(named.get(id(coro), name), coro) for name, coro in tasks]

    def _break_livelock(self) -> None:
        spinning = self._livelock.look()
        if spinning is None:
            return
        assert self._stillness is not None
        self._stillness.waited()
        self._error = livelock(spinning)
        trio.lowlevel.current_trio_token().run_sync_soon(self._break_deadlock)

    def _break_deadlock(self) -> None:
        error, self._error = self._error, None
        if not break_guards(self._guards, lambda waiting: error or deadlock(waiting)):
            self._end_program(error)

    def _end_program(self, error: DeadlockError | None) -> None:
        """Stop asyncio's loop with the error; if its tasks still wait, end those waits."""
        loop = self._watch.loop
        if loop is None or not self._watch.is_awaited():
            return
        tasks = self._watch.tasks()
        closing = self._watch.is_closing()
        exhausted = self._rounds >= MAX_ROUNDS
        anew = not closing and (exhausted or not all_cancelled(tasks))
        if self._raised is None or anew:
            waiting = [(task.get_name(), task.get_coro()) for task in tasks]
            waiting += [(native.name, native.coro) for native in all_plain()]
            self._raised = error or deadlock(waiting)
            loop.stop_with(self._raised)
        elif not exhausted:
            self._rounds += 1
            spared = scopes_of(tasks)
            # CancelledError: even in a nursery's group it counts as the task's cancellation.
            cancelled = asyncio.CancelledError()
            Breaker(tasks, below_all(tasks), spared, cancelled).break_off()
        else:
            loop.end()


async def _alarm(when: float, call: Callable[[], object]) -> None:
    try:
        await trio.sleep_until(when)
    finally:
        call()  # earlier, if the run ends


def _io_count() -> int:
    statistics = trio.lowlevel.current_statistics().io_statistics
    return sum(getattr(statistics, name, 0) for name in _IO_COUNTS) - _OWN_IO


def _waits_for_descriptors(coros: Iterable[object]) -> Iterator[int]:
    """Yield the file descriptors that suspended coroutines wait for in trio."""
    functions = (trio.lowlevel.wait_readable, trio.lowlevel.wait_writable)
    parameters = {one.__code__: one.__code__.co_varnames[0] for one in functions}
    for coro in coros:
        for frame in await_frames(coro):
            if frame.f_code in parameters:
                with suppress(OSError, ValueError):  # it was closed
                    yield number_of(frame.f_locals[parameters[frame.f_code]])


@functools.cache
def _numbers() -> tuple[int, ...]:
    return tuple(map(int, signal.valid_signals()))


def _signal_handlers() -> dict[int, Any]:
    """Return the handlers of signals, without those that are there for Ctrl-C in every run."""
    handlers = {number: signal.getsignal(number) for number in _numbers()}
    return {
        number: handler
        for number, handler in handlers.items()
        if getattr(getattr(handler, "func", handler), "__module__", None) not in _CTRL_C
    }
