"""The methods of an event loop that virtual time replaces, whichever loop lies below them."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import Context
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple, cast

from ._steering import Steering

T = TypeVar("T")
Args = TypeVarTuple("Args")


if TYPE_CHECKING:
    _LoopBelow = asyncio.BaseEventLoop  # a loop whose methods are there to be called
else:
    _LoopBelow = asyncio.AbstractEventLoop


class VirtualLoop(_LoopBelow):
    """The methods of a loop that virtual time replaces, for any loop below it.

    Attributes:
        steering: set by the loop's class as the last step of its construction.
        due_is_ready: whether a timer of no delay is a `call_soon` (uvloop's way) and not
            a timer that comes behind what is ready already (asyncio's).
    """

    steering: Steering
    due_is_ready = False

    def touched(self) -> None:
        """Take note that the program set a timer."""

    def time(self) -> float:
        return self.steering.timeline.now

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Args], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        if delay is None:
            raise TypeError("delay must not be None")
        self.touched()
        when = self.steering.timeline.now + delay
        if self.due_is_ready and when <= self.steering.timeline.now:
            return cast("asyncio.TimerHandle", self.call_soon(callback, *args, context=context))
        # The documented way to learn who calls.
        caller = sys._getframe(1)
        return self.steering.call_at(when, callback, args, context, caller)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Args], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        if when is None:
            raise TypeError("when cannot be None")
        self.touched()
        if self.due_is_ready and when <= self.steering.timeline.now:
            return cast("asyncio.TimerHandle", self.call_soon(callback, *args, context=context))
        return self.steering.call_at(when, callback, args, context)

    def run_forever(self) -> None:
        self.steering.running(threading.get_ident())
        try:
            super().run_forever()
        finally:
            self.steering.running(None)

    def run_until_complete(self, future: Any) -> Any:
        self.steering.awaited += 1
        try:
            return super().run_until_complete(future)
        finally:
            self.steering.awaited -= 1

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Args], T], *args: *Args
    ) -> asyncio.Future[T]:
        future = super().run_in_executor(executor, func, *args)
        self.steering.jobs += 1
        future.add_done_callback(self._job_done)
        return future

    def _job_done(self, _: object) -> None:
        self.steering.jobs -= 1

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        self.steering.jobs += 1  # it waits for a thread of the loop's own
        try:
            await super().shutdown_default_executor(*args, **kwargs)
        finally:
            self.steering.jobs -= 1

    def add_signal_handler(
        self, sig: int, callback: Callable[[*Args], object], *args: *Args
    ) -> None:
        super().add_signal_handler(sig, callback, *args)
        self.steering.signals.add(sig)

    def remove_signal_handler(self, sig: int) -> bool:
        self.steering.signals.discard(sig)
        return super().remove_signal_handler(sig)

    def close(self) -> None:
        super().close()
        self.steering.close()
