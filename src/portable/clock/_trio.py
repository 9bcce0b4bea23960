"""Virtual time on trio: a clock and an instrument, both parts of trio's public interface.

trio's MockClock jumps by differences, whose rounding the other backends do not share, and
only where it is sure that I/O takes no time. This clock jumps to the deadline itself. When
no task is ready trio asks it how long to sleep; it says "for ever" and, as an instrument,
sees how long trio will really wait: less, if a task waits for all others to be blocked.
Otherwise it wakes the loop by a callback from "outside", and if nothing but that callback
became ready meanwhile, it moves the time before trio looks at its deadlines.
"""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Iterator
from math import inf
from typing import Any, TypeVar

import outcome
import trio
import trio.testing

from ._deadlock import MAX_ROUNDS, Guard, Scope, deadlock
from ._schedule import seed_trio
from ._stacks import await_frames, module
from ._stillness import Stillness
from ._timeline import Timeline

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


class _TrioGuard(Guard):
    def __init__(self, main: Callable[..., Awaitable[Any]], task: trio.lowlevel.Task) -> None:
        super().__init__(main, trio.CancelScope())
        self.task = task
        self.handlers = _signal_handlers()
        self._spared = task.child_nurseries

    def tasks(self) -> Iterator[trio.lowlevel.Task]:
        """Yield the guard's task and those in the nurseries opened since it began."""
        pending = [self.task]
        while pending:
            task = pending.pop()
            yield task
            for nursery in task.child_nurseries:
                if nursery not in self._spared:
                    pending.extend(nursery.child_tasks)


class VirtualTrioClock(trio.abc.Clock, trio.abc.Instrument):
    """trio's clock under virtual time; to be given to trio as an instrument, too."""

    def __init__(self, timeline: Timeline, seed: int | None = None) -> None:
        self._timeline = timeline
        self._seed = seed
        self._unseed: Callable[[], None] | None = None
        self._stillness: Stillness | None = None
        self._guards: list[_TrioGuard] = []
        self._token: trio.lowlevel.TrioToken | None = None
        self._deadline = inf
        self._go = False  # nothing is left to wait for, as far as the clock can tell
        self._woken = False
        self._deadlocked = False

    # The clock -------------------------------------------------------------------------

    def start_clock(self) -> None:
        if self._stillness is not None:
            raise RuntimeError("a VirtualClock serves one run; make a new one for each")
        self._stillness = Stillness(
            self._timeline, _io, lambda: trio.testing.active_thread_count() > 0
        )
        if self._seed is not None:
            self._unseed = seed_trio(self._seed)

    def current_time(self) -> float:
        return self._timeline.now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        if deadline <= self._timeline.now:
            return 0.0
        assert self._stillness is not None
        self._deadline = deadline
        seconds = self._stillness.wait(deadline, self._deadlock_counts)
        if seconds == 0.0 and deadline == inf and self._door_open():
            return inf
        self._go = seconds == 0.0
        return seconds or inf

    # The instrument --------------------------------------------------------------------

    def before_run(self) -> None:
        self._token = None

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
        guard = _TrioGuard(main, trio.lowlevel.current_task())
        self._guards.append(guard)
        try:
            return await guard.run(main, args)
        finally:
            self._guards.remove(guard)

    def _deadlock_counts(self) -> bool:
        return bool(self._guards)

    def _door_open(self) -> bool:
        """Say whether a signal's handler or another thread's call may end the waiting."""
        return any(
            _signal_handlers() != guard.handlers
            or any(
                module(frame) == "anyio.from_thread"
                for task in guard.tasks()
                for frame in await_frames(task.coro)
            )
            for guard in self._guards
        )

    def _break_deadlock(self) -> None:
        new = [guard for guard in self._guards if guard.error is None]
        for guard in new:
            guard.error = deadlock(
                (guard.name if task is guard.task else task.name, task.coro)
                for task in guard.tasks()
            )
            guard.scope.cancel()
        if new:
            return
        for guard in self._guards:
            if guard.rounds < MAX_ROUNDS:
                guard.rounds += 1
                _break_waiting(guard)
                return


def _break_waiting(guard: _TrioGuard) -> None:
    """End what a guard's tasks wait for although its scope is cancelled."""
    tasks = list(guard.tasks())
    shielded = False
    for task in tasks:
        shielded |= _unshield(task, guard.scope)
    if shielded:
        return
    # They wait for what cannot be cancelled. Nothing will ever come, so it is safe to end
    # that wait by hand; those that wait for their children end with them.
    for task in tasks:
        if not any(nursery.child_tasks for nursery in task.child_nurseries):
            assert guard.error is not None
            trio.lowlevel.reschedule(task, outcome.Error(guard.error))


# trio has no public way from a task to the scopes it is in. A deadlock behind a shield
# cannot be ended without it: the shield is on a scope that nobody will leave.
def _unshield(task: trio.lowlevel.Task, outermost: Scope) -> bool:
    """Lift the shields between a task and a scope; say whether there were any."""
    found = False
    status: Any = task._cancel_status
    while status is not None and status._scope is not outermost:
        if status._scope.shield:
            status._scope.shield = False
            found = True
        status = status._parent
    return found


def _io() -> bool:
    statistics = trio.lowlevel.current_statistics().io_statistics
    return sum(getattr(statistics, name, 0) for name in _IO_COUNTS) > _OWN_IO


def _signal_handlers() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in signal.valid_signals()}
