"""A task of asyncio's that runs in a task of trio's.

It is asyncio's own `Task`: results, callbacks, cancellation and its count, names, contexts,
`all_tasks()`, `current_task()`, logs of what was never retrieved are CPython's code. Ours is
that it steps a driver in the coroutine's place, and that plain trio tasks can await it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from .driver import UNCANCEL_TAKES_BACK, Driver
from .futures import in_plain_task, wait_in_trio

if TYPE_CHECKING:
    from .worker import Worker

T = TypeVar("T")


class Task(asyncio.Task[T]):
    """asyncio's task, whose coroutine may also await what is trio's and AnyIO's."""

    _driver: Driver
    _worker: Worker | None = None

    def get_coro(self) -> Any:
        return self._driver.coro

    def cancel(self, msg: object = None) -> bool:
        self._driver.asked = True
        return super().cancel(msg)

    def uncancel(self) -> int:
        left = super().uncancel()
        if left == 0 and UNCANCEL_TAKES_BACK:
            self._driver.take_back()
        return left

    def __await__(self) -> Generator[Any, None, T]:
        if in_plain_task(self.get_loop()):
            return wait_in_trio(self)
        return super().__await__()

    __iter__ = __await__


def make_task(
    loop: asyncio.AbstractEventLoop,
    coro: Coroutine[Any, Any, T],
    *,
    name: object = None,
    context: Context | None = None,
    eager_start: bool | None = None,
) -> asyncio.Task[T]:
    """Make a task on a loop of ours."""
    if not asyncio.iscoroutine(coro):
        return asyncio.Task(coro, loop=loop)  # asyncio says what is wrong
    driver = Driver(coro, loop)
    if eager_start:
        return _started(loop, driver, name, context)
    task = Task[T].__new__(Task)
    task._driver = driver
    driver.task = task
    Task.__init__(task, driver, loop=loop, name=name, context=context)  # type: ignore[arg-type]
    return task


def _started(
    loop: asyncio.AbstractEventLoop, driver: Driver, name: object, context: Context | None
) -> asyncio.Task[Any]:
    """Make a task whose first step is taken here and now, in the caller's trio task."""
    task: Task[Any] = Task.__new__(Task)
    task._driver = driver
    driver.task = task
    start: dict[str, Any] = {"eager_start": True, "name": name, "context": context}
    if not trio.lowlevel.in_trio_task():
        Task.__init__(task, driver, loop=loop, **start)
        return task
    with trio.CancelScope():  # closing it tells if the step left a scope of trio's open
        Task.__init__(task, driver, loop=loop, **start)
    return task
