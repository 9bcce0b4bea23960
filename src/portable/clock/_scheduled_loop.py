"""`ScheduledLoop`: a schedule on asyncio's loop and uvloop.

It holds back what `call_soon()` gets, asks the schedule once in an iteration for the order, and
hands the calls to the loop in that order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import Context
from typing import TypeVar, TypeVarTuple

from ._loop import VirtualLoop
from ._schedule import Link, Schedule
from ._timers import Timer

T = TypeVar("T")
Args = TypeVarTuple("Args")


class _Held(Timer):
    """A `call_soon()` that is held back: it can be cancelled until its callback has begun."""

    __slots__ = ("link",)

    link: Link


class ScheduledLoop(VirtualLoop):
    """A mix-in with the methods that a schedule replaces; goes before the loop's class."""

    def set_schedule(self, schedule: Schedule) -> None:
        """Set the schedule; to be called before anything is scheduled."""
        self._schedule = schedule
        self._held: list[_Held] = []
        self._asked = False

    def call_soon(
        self, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.Handle:
        if self.is_closed() or not callable(callback):
            # Raises the right error.
            return super().call_soon(callback, *args, context=context)
        self._ask()
        held = _Held(self.time(), callback, args, self, context, _nothing)
        held.link = self._schedule.link(getattr(callback, "__self__", None), args)
        self._held.append(held)
        return held

    def _ask(self) -> None:
        if not self._asked:
            self._asked = True
            super().call_soon(self._hand_over)

    def _hand_over(self) -> None:
        self._asked = False
        held, self._held = self._held, []
        with self._schedule.taking_time():
            chosen = self._schedule.order([one.link for one in held])
        for place in chosen:
            held[place].release(super().call_soon)
        left = set(range(len(held))) - set(chosen)
        if left:
            self._held = [held[place] for place in sorted(left)]
            # Behind the calls handed over, so that the loop looks at timers and I/O in between.
            super().call_soon(self._ask)

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Args], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        if delay and delay > 0:  # the loop refuses `None`
            delay += self._schedule.longer(asyncio.current_task(self))
        return super().call_later(delay, callback, *args, context=context)

    def run_forever(self) -> None:
        self.steering.on_threads = self._note_threads
        super().run_forever()

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Args], T], *args: *Args
    ) -> asyncio.Future[T]:
        self._note_threads()
        return super().run_in_executor(executor, func, *args)

    def _note_threads(self) -> None:
        self._schedule.threads = True


def _nothing() -> None:
    return None
