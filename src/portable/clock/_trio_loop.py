"""asyncio's loop in a run of trio's under virtual time: what the clock has to know of it.

The loop may come up at any time, by itself and of any class, so nothing of it is replaced by
inheritance. The clock sees it as soon as it is there, and before it has run anything: its first
callback needs a task of trio's, and trio tells its instruments of each that is made. Then
methods of that one loop are wrapped: those that have a thread work for a task; those by which a
loop whose guest trio is stops and goes on; and under a schedule `call_soon`, to see by which
future a callback is called.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

from portable.asyncio_on_trio import EventLoop, current_loop

from ._schedule import CALLBACK, Link, Schedule, cause_of


class LoopWatch:
    """The loop of one run of trio's, once it is up.

    Attributes:
        loop: the loop.
        jobs: calls that run in its executors.
        halted: whether it has been stopped, and may go on later: trio is its guest then.
    """

    def __init__(self, seed: int | None) -> None:
        self.loop: EventLoop | None = None
        self.jobs = 0
        self.halted = False
        self._seed = seed

    def look(self) -> None:
        """Look whether there is a new one."""
        loop = current_loop()
        if loop is None:
            running = asyncio._get_running_loop()
            loop = running if isinstance(running, EventLoop) else None
        if loop is not self.loop and loop is not None:
            self.loop = loop
            self._count_jobs(loop)
            if current_loop() is None:
                self._follow_halts(loop)
            if self._seed is not None:
                _put_in_order(loop, Schedule(self._seed))

    def _count_jobs(self, loop: EventLoop) -> None:
        run_in_executor = loop.run_in_executor
        shut_down = loop.shutdown_default_executor

        def counted(*args: Any) -> asyncio.Future[Any]:
            future = run_in_executor(*args)
            self.jobs += 1
            future.add_done_callback(job_done)
            return future

        def job_done(_: object) -> None:
            self.jobs -= 1

        async def counted_shutdown(*args: Any, **kwargs: Any) -> None:
            self.jobs += 1  # it waits for a thread of the loop's own
            try:
                await shut_down(*args, **kwargs)
            finally:
                self.jobs -= 1

        replaced: Any = loop
        replaced.run_in_executor = counted
        replaced.shutdown_default_executor = counted_shutdown

    def _follow_halts(self, loop: EventLoop) -> None:
        attach, go_on = loop.attach, loop.go_on

        def attach_noting(halt: Callable[[], bool]) -> None:
            def noting() -> bool:
                self.halted = halt()
                return self.halted

            attach(noting)

        def go_on_noting() -> None:
            self.halted = False
            go_on()

        replaced: Any = loop
        replaced.attach = attach_noting
        replaced.go_on = go_on_noting

    def is_awaited(self) -> bool:
        """Say whether someone waits for the program on the loop to end."""
        if self.loop is None or self.loop.is_closed():
            return False
        return self.takes_errors() or any(self.finalizing())

    def takes_errors(self) -> bool:
        """Say whether someone would raise what ends the loop."""
        loop = self.loop
        return loop is not None and (loop.on_stop is not None or current_loop() is not loop)

    def finalizing(self) -> Iterator[asyncio.Task[Any]]:
        """Yield the tasks of the loop's own by which it ends what is left."""
        loop = self.loop
        if loop is not None:
            code = loop.finalize.__func__.__code__  # type: ignore[attr-defined]
            for task in asyncio.all_tasks(loop):
                if getattr(task.get_coro(), "cr_code", None) is code:
                    yield task

    def tasks(self) -> set[asyncio.Task[Any]]:
        """Return the tasks of asyncio's that have not ended, but for the loop's own."""
        if self.loop is None:
            return set()
        return asyncio.all_tasks(self.loop) - set(self.finalizing())

    def current_task(self) -> asyncio.Task[Any] | None:
        """Return the task of asyncio's that calls this, if it is one."""
        return None if self.loop is None else asyncio.current_task(self.loop)


def _put_in_order(loop: EventLoop, schedule: Schedule) -> None:
    causes: WeakKeyDictionary[asyncio.Handle, int] = WeakKeyDictionary()
    call_soon: Callable[..., Any] = loop.call_soon

    def noting(callback: Callable[..., object], *args: Any, context: Any = None) -> Any:
        handle = call_soon(callback, *args, context=context)
        cause = cause_of(args)
        if cause is not None and isinstance(handle, asyncio.Handle):
            causes[handle] = cause
        return handle

    def link(entry: Any) -> Link:
        if isinstance(entry, asyncio.Handle):
            return Link(CALLBACK, causes.get(entry))
        task, _, args, _ = entry
        return schedule.link(task, args)

    def order(entries: list[Any]) -> Iterable[Any]:
        return [entries[place] for place in schedule.order([link(entry) for entry in entries])]

    replaced: Any = loop
    replaced.call_soon = noting
    replaced.order = order
