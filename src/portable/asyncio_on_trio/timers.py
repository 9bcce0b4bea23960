"""The timers of the loop: a heap that keeps ties in the order in which they were set.

A cancelled timer stays in the heap until it is due, or until more than half of the heap is
cancelled: then the heap is swept.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Iterator
from math import inf

#: With fewer cancelled timers the heap is not swept.
_SWEEP_FROM = 100


class Timers:
    """The timers that are set, earliest first; false if there are none."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = itertools.count()
        self._cancelled = 0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, when: float, handle: asyncio.TimerHandle) -> bool:
        """Set a timer; say whether it is the next one now."""
        heapq.heappush(self._heap, (when, next(self._numbers), handle))
        return self._heap[0][2] is handle

    def earliest(self) -> float:
        """Return when the next timer is due, or infinity."""
        heap = self._heap
        while heap and heap[0][2].cancelled():
            heapq.heappop(heap)
            self._cancelled = max(0, self._cancelled - 1)
        return heap[0][0] if heap else inf

    def take_due(self, now: float) -> Iterator[asyncio.TimerHandle]:
        """Remove the timers that are due, and yield them in order."""
        while self.earliest() <= now:
            yield heapq.heappop(self._heap)[2]

    def note_cancelled(self) -> None:
        """Count a cancelled timer; sweep the heap if there are too many."""
        self._cancelled += 1
        if self._cancelled > max(_SWEEP_FROM, len(self._heap) / 2):
            self._heap[:] = [entry for entry in self._heap if not entry[2].cancelled()]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def clear(self) -> None:
        """Remove all timers."""
        self._heap.clear()
        self._cancelled = 0
