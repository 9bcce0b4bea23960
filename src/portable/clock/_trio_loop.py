"""`LoopWatch`: what trio's virtual clock has to know of asyncio's loop in the same run.

The loop may come up at any time and be of any class, so a subclass cannot watch it. trio tells
its instruments of each new task, and the loop's first callback needs a new trio task. So the
clock sees the loop before it has run anything. Then `LoopWatch` wraps methods of that one loop:

- `run_in_executor()` and `shutdown_default_executor()`, to count calls in threads,
- `create_future()`, to see the awaited futures of other threads,
- `attach()` and `go_on()`, if trio is the loop's guest, to see when the loop is stopped,
- under a schedule `call_soon()`, to see which future calls a callback, and `call_later()`, to
  stretch sleeps.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

import trio

from portable.asyncio_on_trio import EventLoop, current_loop
from portable.asyncio_on_trio.opening import finalize

from ._schedule import Link, Schedule
from ._work import ForeignFutures


class LoopWatch:
    """Watches asyncio's loop in one trio run, once it is up.

    Attributes:
        loop: the loop; `None` before it is up.
        jobs: how many calls run in its executors.
        futures: the futures of other threads that its tasks await.
        halted: whether the loop was stopped and may go on later; only if trio is its guest.
    """

    def __init__(self, schedule: Schedule | None) -> None:
        self.loop: EventLoop | None = None
        self.jobs = 0
        self.futures = ForeignFutures()
        self.halted = False
        self._schedule = schedule

    def look(self) -> None:
        """Begin to watch the loop if a new one is up."""
        loop = current_loop()
        if loop is None:
            running = asyncio._get_running_loop()
            loop = running if isinstance(running, EventLoop) else None
        if loop is not self.loop and loop is not None:
            self.loop = loop
            self._count_jobs(loop)
            self._note_futures(loop)
            if current_loop() is None:
                self._follow_halts(loop)
            if self._schedule is not None:
                _put_in_order(loop, self._schedule)

    def _count_jobs(self, loop: EventLoop) -> None:
        run_in_executor = loop.run_in_executor
        shut_down = loop.shutdown_default_executor

        def counted(*args: Any, **kwargs: Any) -> asyncio.Future[Any]:
            future = run_in_executor(*args, **kwargs)
            self.jobs += 1
            if self._schedule is not None:
                self._schedule.threads = True
            future.add_done_callback(job_done)
            return future

        def job_done(_: object) -> None:
            self.jobs -= 1

        async def counted_shutdown(*args: Any, **kwargs: Any) -> None:
            self.jobs += 1  # asyncio waits for a thread that it starts for this
            try:
                await shut_down(*args, **kwargs)
            finally:
                self.jobs -= 1

        replaced: Any = loop
        replaced.run_in_executor = counted
        replaced.shutdown_default_executor = counted_shutdown

    def _note_futures(self, loop: EventLoop) -> None:
        create_future = loop.create_future

        def noting() -> asyncio.Future[Any]:
            # sys._getframe() is the documented way to find the caller.
            self.futures.look(sys._getframe(1))
            return create_future()

        replaced: Any = loop
        replaced.create_future = noting

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
        return self.takes_errors() or self.is_closing()

    def takes_errors(self) -> bool:
        """Say whether an error that stops the loop would be raised by whoever runs it."""
        loop = self.loop
        if loop is None:
            return False
        return loop.on_stop is not None or (loop.awaited > 0 and current_loop() is not loop)

    def is_closing(self) -> bool:
        """Say whether the loop inside trio's run ends what is left."""
        return self.loop is not None and self.loop.is_finalizing and not self.loop.ending

    def _finalizing(self) -> Iterator[asyncio.Task[Any]]:
        """Yield the loop's own tasks that end what is left."""
        if self.loop is not None:
            for task in asyncio.all_tasks(self.loop):
                if getattr(task.get_coro(), "cr_code", None) is finalize.__code__:
                    yield task

    def tasks(self) -> set[asyncio.Task[Any]]:
        """Return the asyncio tasks that have not ended, without the loop's own."""
        if self.loop is None:
            return set()
        return asyncio.all_tasks(self.loop) - set(self._finalizing())

    def resumed_in(self, native: trio.lowlevel.Task) -> asyncio.Task[Any] | None:
        """Return the asyncio task in a trio task whose wait in trio is over; or `None`."""
        worker = None if self.loop is None else self.loop.pool.workers.get(native)
        if worker is None or worker.step is not None or worker.sleeping:
            return None
        return worker.waiting_task

    def current_task(self) -> asyncio.Task[Any] | None:
        """Return the asyncio task that calls this; `None`: no asyncio task does."""
        return None if self.loop is None else asyncio.current_task(self.loop)


def _put_in_order(loop: EventLoop, schedule: Schedule) -> None:
    links: WeakKeyDictionary[asyncio.Handle, Link] = WeakKeyDictionary()
    call_soon: Callable[..., Any] = loop.call_soon
    call_later: Callable[..., Any] = loop.call_later
    call_at: Callable[..., asyncio.TimerHandle] = loop.call_at

    def noting(callback: Callable[..., object], *args: Any, context: Any = None) -> Any:
        handle = call_soon(callback, *args, context=context)
        if isinstance(handle, asyncio.Handle):
            links[handle] = schedule.link(None, args)
        return handle

    def sleeping(delay: float, *args: Any, **kwargs: Any) -> Any:
        if delay and delay > 0:  # the loop refuses `None`
            delay += schedule.longer(asyncio.current_task(loop))
        return call_later(delay, *args, **kwargs)

    def timing(when: float, callback: Any, *args: Any, context: Any = None) -> Any:
        timer = call_at(when, callback, *args, context=context)
        links[timer] = schedule.link(None, args)
        return timer

    def link(entry: Any) -> Link:
        if isinstance(entry, asyncio.Handle):
            return links.get(entry) or schedule.link(None, ())
        task, _, args, _ = entry
        return schedule.link(task, args)

    def order(entries: list[Any]) -> tuple[list[Any], list[Any]]:
        with schedule.taking_time():
            places = schedule.order([link(entry) for entry in entries])
            later = sorted(set(range(len(entries))) - set(places))
        return [entries[place] for place in places], [entries[place] for place in later]

    replaced: Any = loop
    replaced.call_soon = noting
    replaced.call_later = sleeping
    replaced.call_at = timing
    replaced.order = order
