"""A task of asyncio's that runs in a task of trio's.

It is asyncio's own `Task`: results, callbacks, cancellation and its count, names, contexts,
`all_tasks()`, `current_task()`, logs of what was never retrieved are CPython's code. Ours is
that it steps a driver in the coroutine's place, and that plain trio tasks can await it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import Context
from inspect import CORO_CREATED, getcoroutinestate
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from .driver import UNCANCEL_TAKES_BACK, Driver
from .futures import in_plain_task, wait_in_trio

if TYPE_CHECKING:
    from .loop import EventLoop
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
    loop: EventLoop,
    coro: Coroutine[Any, Any, T],
    *,
    name: object = None,
    context: Context | None = None,
    eager_start: bool | None = None,
) -> asyncio.Task[T]:
    """Make a task on a loop of ours."""
    given: Any = coro
    if not asyncio.iscoroutine(given):
        return asyncio.Task(given, loop=loop)  # asyncio says what is wrong
    driver = Driver(coro, loop)
    if eager_start:
        task = _started(loop, driver, name, context)
        if loop.get_debug():
            forget_frames(task, 3)
        try:
            return task
        finally:
            del task  # an error of its first step would keep this frame
    made: Task[T] = Task.__new__(Task)
    made._driver = driver
    Task.__init__(made, driver, loop=loop, name=name, context=context)  # type: ignore[arg-type]
    if loop.get_debug():
        forget_frames(made, 2)
    return made


def forget_frames(made: asyncio.Handle | asyncio.Future[Any], count: int) -> None:
    """Take our own frames out of what asyncio's debug mode keeps of where a thing was made."""
    source = getattr(made, "_source_traceback", None)
    if source:
        del source[-count:]


def starts_eagerly() -> bool:
    """Say whether the current task of asyncio's is in an eager first step."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return False
    return isinstance(task, Task) and task._driver.worker is None


def _started(
    loop: EventLoop, driver: Driver, name: object, context: Context | None
) -> asyncio.Task[Any]:
    """Make a task whose first step is taken here and now, in the caller's trio task."""
    task: Task[Any] = Task.__new__(Task)
    task._driver = driver
    start: dict[str, Any] = {"eager_start": True, "name": name, "context": context}
    if not trio.lowlevel.in_trio_task():
        Task.__init__(task, driver, loop=loop, **start)
        return task
    try:
        with trio.CancelScope():  # closing it tells if the step left a scope of trio's open
            Task.__init__(task, driver, loop=loop, **start)
        return task
    finally:
        del task


def adopt(loop: EventLoop, task: asyncio.Task[Any], context: Context | None) -> bool:
    """Let a task that somebody made by `asyncio.Task(...)` itself run in a worker.

    Called with its very first step, which comes while it is being made. If nothing of its
    coroutine has run yet, it is initialised once more, with a driver in the coroutine's place:
    then it can await what is trio's, too. Where that cannot be (it has started eagerly, or
    Python is 3.15) it can await what is asyncio's.

    Returns:
        Whether it was, and has scheduled its first step anew.
    """
    coro = task.get_coro()
    driver = Driver(coro, loop)  # type: ignore[arg-type]
    stranger: Any = task
    stranger._driver, stranger._worker = driver, None
    if getattr(coro, "cr_frame", None) is None or getcoroutinestate(coro) != CORO_CREATED:  # type: ignore[arg-type]
        return False
    name = task.get_name()
    try:
        asyncio.Task.__init__(task, driver, loop=loop, name=name, context=context)
    except RuntimeError:  # Python 3.15 refuses: "already initialized"
        return False
    if loop.get_debug():
        forget_frames(task, 2)
    return True
