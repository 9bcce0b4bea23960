"""Futures, and what stands for those that asyncio's functions return.

asyncio's tests hold their tasks up with `loop.create_future()`. Under asyncio and uvloop
they get asyncio's own, which portable has to cope with; under trio, which has none, a small
one made of an AnyIO event.

`asyncio.gather()` and `asyncio.shield()` start at once and return a future; portable's are
awaited. A `Deferred` is awaited where the test awaits it, and becomes a portable task as
soon as the test treats it as a future.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import anyio

import portable

from . import stage


class EventFuture:
    """A future for trio: what asyncio's does, with portable's cancellation."""

    def __init__(self) -> None:
        self._ended = anyio.Event()
        self._result: Any = None
        self._error: BaseException | None = None
        self._cancelled = False
        self._callbacks: list[Callable[[Any], object]] = []

    def done(self) -> bool:
        return self._ended.is_set()

    def cancelled(self) -> bool:
        return self._cancelled

    def result(self) -> Any:
        self._check("Result is not set.")
        if self._error is not None:
            raise self._error
        return self._result

    def exception(self) -> BaseException | None:
        self._check("Exception is not set.")
        return self._error

    def _check(self, message: str) -> None:
        if not self.done():
            raise portable.InvalidStateError(message)
        if self._cancelled:
            raise portable.TaskCancelled

    def set_result(self, result: Any) -> None:
        self._result = result
        self._end()

    def set_exception(self, error: BaseException) -> None:
        self._error = error
        self._end()

    def cancel(self, msg: object = None) -> bool:
        if self.done():
            return False
        self._cancelled = True
        self._end()
        return True

    def _end(self) -> None:
        if self.done():
            raise portable.InvalidStateError("invalid state")
        self._ended.set()
        for callback in self._callbacks:
            call_soon(callback, self)

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        if self.done():
            call_soon(fn, self)
        else:
            self._callbacks.append(fn)

    def __await__(self) -> Generator[Any, Any, Any]:
        if not self.done():
            yield from self._wait().__await__()
        return self.result()

    async def _wait(self) -> None:
        try:
            await self._ended.wait()
        except anyio.get_cancelled_exc_class():
            self.cancel()  # as asyncio does: who waits for a future takes it along
            raise


class _FutureType(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, (asyncio.Future, EventFuture, Deferred, portable.Task))


class Future(metaclass=_FutureType):
    """Stands for `asyncio.Future`."""

    def __new__(cls, *, loop: object = None) -> Any:
        if cls is not Future:
            stage.refuse("a subclass of asyncio.Future")
        if portable.current_backend() == "trio":
            return EventFuture()
        return asyncio.Future()


class Deferred:
    """Stands for the future that `asyncio.gather()` or `asyncio.shield()` returns."""

    def __init__(self, api: str, start: Callable[[], Any]) -> None:
        self._api = api
        self._start = start
        self._task: portable.Task[Any] | None = None
        self._given = False
        self._over = False
        stage.judged()
        if stage.offstage():
            self.task()

    def task(self) -> portable.Task[Any]:
        """Return the task that it is, once the test has treated it as a future."""
        if self._given:
            stage.refuse(f"the future that {self._api} returns")
        if self._task is None:
            self._task = portable.create_task(as_coroutine(self._start()))
        return self._task

    def plain(self) -> Any:
        """Return what a port would write: the awaitable itself, while it is untouched."""
        if self._task is not None:
            return self._task
        self._given = True
        return self._start()

    def __await__(self) -> Generator[Any, Any, Any]:
        try:
            return (yield from self.plain().__await__())
        finally:
            self._over = True

    def cancel(self, msg: object = None) -> bool:
        return not self._over and self.task().cancel(msg)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.task(), name)

    def __eq__(self, other: object) -> bool:
        return other is self or (other is not None and other is self._task)

    __hash__ = object.__hash__


async def _awaiting(aw: Any) -> Any:
    return await aw


def plain(aw: Any) -> Any:
    """Return what portable is to be given in the place of one of the test's awaitables."""
    return aw.plain() if isinstance(aw, Deferred) else aw


def call_soon(fn: Callable[..., object], *args: object) -> None:
    """Call a function from the event loop, when the running task has next let go."""
    if portable.current_backend() == "trio":
        portable.create_task(_later(0, fn, args))  # all that is ready now runs before it
    else:
        asyncio.get_running_loop().call_soon(fn, *args)


def call_later(delay: float, fn: Callable[..., object], *args: object) -> Any:
    """Call a function after a while; what is returned has a `cancel()`."""
    if portable.current_backend() == "trio":
        return portable.create_task(_later(delay, fn, args))
    return asyncio.get_running_loop().call_later(delay, fn, *args)


async def _later(delay: float, fn: Callable[..., object], args: tuple[object, ...]) -> None:
    await portable.sleep(delay)
    fn(*args)


def as_coroutine(aw: Any) -> Coroutine[Any, Any, Any]:
    return aw if asyncio.iscoroutine(aw) else _awaiting(aw)
