"""`VirtualLoop`: the methods that virtual time replaces in asyncio's loop and in uvloop."""

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
    """A mix-in with the methods that virtual time replaces; goes before the loop's class.

    Attributes:
        steering: set by the loop's class as the last step of its construction.
        due_is_ready: whether a timer without delay becomes a `call_soon()`, as on uvloop. On
            asyncio it is a timer, which comes behind everything that is ready.
    """

    steering: Steering
    due_is_ready = False

    def touched(self) -> None:
        """Note that the program set a timer."""

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
        # sys._getframe() is the documented way to find the caller.
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
        __tracebackhide__ = True
        self.steering.running(threading.get_ident())
        try:
            super().run_forever()
        finally:
            self.steering.running(None)

    def run_until_complete(self, future: Any) -> Any:
        __tracebackhide__ = True
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
        self.steering.jobs += 1  # asyncio waits for a thread that it starts for this
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

    def create_future(self) -> asyncio.Future[Any]:
        # sys._getframe() is the documented way to find the caller.
        self.steering.futures.look(sys._getframe(1))
        return super().create_future()

    def close(self) -> None:
        super().close()
        self.steering.close()
