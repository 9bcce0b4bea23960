"""Virtual time on asyncio: a loop whose selector moves the time instead of waiting.

`call_at()` is replaced, so the loop's own heap of timers stays empty. Then asyncio asks its
selector to wait without limit exactly when no callback is ready, and that is the moment to move
virtual time. A selector can be given to the loop in public.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
from collections.abc import Iterable
from math import inf
from typing import Any

from ._loop import VirtualLoop
from ._outside import from_outside
from ._schedule import Schedule
from ._scheduled_loop import ScheduledLoop
from ._steering import Steering
from ._timeline import Timeline
from ._work import starts_pool_process


class _JumpingSelector(selectors.DefaultSelector):
    steering: Steering

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        __tracebackhide__ = True
        steering = self.steering
        if timeout is not None:  # a callback is ready
            error = steering.busy()
            if error is not None:
                raise error
            events = super().select(timeout)
            steering.release()
            return events
        # First the threads, then the I/O: a thread that ends in between has written to the
        # loop's own pipe, so its end is seen as I/O.
        seconds = steering.wait()
        events = super().select(None if seconds == inf else seconds)
        if events:
            steering.stillness.busy()
        elif seconds == 0.0:
            error = steering.go()
            if error is not None:
                raise error
        return events


class VirtualAsyncioLoop(VirtualLoop, asyncio.SelectorEventLoop):
    """asyncio's selector loop under virtual time."""

    def __init__(self, timeline: Timeline) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._own = set(self._jumping.get_map())
        # The descriptors of processes in AnyIO's pool, which wait for work.
        self._pooled: dict[int, selectors.SelectorKey] = {}
        self._jumping.steering = self.steering = Steering(
            self, timeline, self._awaits_io, self._outside
        )

    def _awaits_io(self) -> bool:
        return len(self._jumping.get_map()) > len(self._own)

    def _outside(self, shared: bool) -> Iterable[str]:
        watched = [
            key.fd
            for key in self._jumping.get_map().values()
            if key.fd not in self._own and self._pooled.get(key.fd) != key
        ]
        return from_outside(watched, shared=shared)

    async def subprocess_exec(self, *args: Any, **kwargs: Any) -> Any:
        before = set(self._jumping.get_map())
        child = await super().subprocess_exec(*args, **kwargs)
        # sys._getframe() is the documented way to find the caller.
        if starts_pool_process(sys._getframe(1)):
            now = self._jumping.get_map().values()
            self._pooled |= {key.fd: key for key in now if key.fd not in before}
        return child


class ScheduledAsyncioLoop(ScheduledLoop, VirtualAsyncioLoop):
    """asyncio's loop under virtual time, with the order of ready tasks from a schedule."""

    def __init__(self, timeline: Timeline, schedule: Schedule) -> None:
        self.set_schedule(schedule)
        super().__init__(timeline)
