"""Virtual time on asyncio: a loop whose selector jumps where another would wait.

asyncio asks its selector to wait without limit exactly when no callback is ready: the
loop's own heap of timers stays empty, since `call_at` is replaced. That is the moment to
move virtual time. The selector belongs to the loop's public construction.
"""

from __future__ import annotations

import asyncio
import selectors
from math import inf

from ._loop import VirtualLoop
from ._schedule import ShuffledLoop
from ._steering import Steering
from ._timeline import Timeline


class _JumpingSelector(selectors.DefaultSelector):
    steering: Steering

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        steering = self.steering
        if timeout is not None:  # a callback is ready
            steering.stillness.busy()
            events = super().select(timeout)
            steering.release()
            return events
        # Threads are looked at before the I/O is: one that ends in between has told so by
        # way of the loop's own pipe, and is seen.
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
        own = len(self._jumping.get_map())
        self.steering = Steering(self, timeline, io=lambda: len(self._jumping.get_map()) > own)
        self._jumping.steering = self.steering


class ShuffledAsyncioLoop(ShuffledLoop, VirtualAsyncioLoop):
    """The same, with the turns of tasks in an order that a seed decides."""

    def __init__(self, timeline: Timeline, seed: int) -> None:
        self.set_schedule(seed)
        super().__init__(timeline)
