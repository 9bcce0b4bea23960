"""The timers of a loop under virtual time: a heap that keeps ties in the order they were set.

A timer that is due becomes a `call_soon()` of the loop, so contexts, debug mode and the
exception handler are the loop's own. A cancelled timer stays in the heap until it is due, or
until more than half of the heap is cancelled: then the heap is swept.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from collections.abc import Callable
from itertools import count
from math import inf
from typing import Any

_SWEEP_FROM = 100  # fewer cancelled timers than these are not worth a sweep


class Timer(asyncio.TimerHandle):
    """A `call_at()`: it can be cancelled until its callback has begun."""

    __slots__ = ("_call", "_due", "_forget")

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context | None,
        forget: Callable[[], object],
    ) -> None:
        context = contextvars.copy_context() if context is None else context
        super().__init__(when, callback, args, loop, context)
        self._call: tuple[Any, ...] | None = (callback, args, context)
        self._due: asyncio.Handle | None = None
        self._forget = forget

    def cancel(self) -> None:
        """Cancel the call; do nothing if it has been made already."""
        if self.cancelled():
            return
        # TimerHandle.cancel() would call a private method of asyncio's own loops.
        asyncio.Handle.cancel(self)
        if self._due is not None:
            self._due.cancel()
        elif self._call is not None:
            self._forget()
        self._call = None

    def release(self, call_soon: Callable[..., asyncio.Handle]) -> None:
        """Hand the call to the loop, as it is due."""
        if self._call is not None:
            callback, args, context = self._call
            self._call = None
            self._due = call_soon(callback, *args, context=context)


class TimerQueue:
    """The timers that are set, earliest first."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._cancelled = 0

    def __len__(self) -> int:
        return len(self._heap)

    def add(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context | None,
    ) -> Timer:
        """Set a timer; one at infinity never comes, but it keeps the task that waits for it."""
        timer = Timer(when, callback, args, loop, context, self._forget)
        heapq.heappush(self._heap, (when, next(self._order), timer))
        return timer

    def earliest(self) -> float:
        """Return when the next timer is due, or infinity."""
        heap = self._heap
        while heap and heap[0][2].cancelled():
            heapq.heappop(heap)
            self._cancelled -= 1
        return heap[0][0] if heap else inf

    def release(self, now: float, call_soon: Callable[..., asyncio.Handle]) -> bool:
        """Hand every timer that is due to the loop; say whether there was one."""
        released = False
        while self.earliest() <= now:
            heapq.heappop(self._heap)[2].release(call_soon)
            released = True
        return released

    def clear(self) -> None:
        """Forget them all; their calls are never made."""
        self._heap.clear()
        self._cancelled = 0

    def _forget(self) -> None:
        self._cancelled += 1
        if self._cancelled > max(_SWEEP_FROM, len(self._heap) / 2):
            # In place: `earliest()` may be iterating over this very list.
            self._heap[:] = [entry for entry in self._heap if not entry[2].cancelled()]
            heapq.heapify(self._heap)
            self._cancelled = 0
