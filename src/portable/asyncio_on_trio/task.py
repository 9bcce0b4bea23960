"""`Task`: an asyncio task that runs inside a trio task.

It is a subclass of asyncio's own `Task`. Results, callbacks, cancellation and its count, names,
contexts, `all_tasks()`, `current_task()` and logs of unretrieved errors are CPython's code. Two
things differ: it steps a driver in place of the coroutine, and plain trio tasks can await it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from .driver import UNCANCEL_TAKES_BACK, Driver
from .futures import in_plain_task, raise_for_scope, wait_in_trio

if TYPE_CHECKING:
    from .loop import EventLoop
    from .worker import Worker

T = TypeVar("T")


class Task(asyncio.Task[T]):
    """asyncio's task, whose coroutine may also await trio's and AnyIO's functions.

    Attributes:
        by_scope: whether a trio scope around a wait for this task has cancelled it.
    """

    by_scope = False
    _driver: Driver
    _worker: Worker | None = None

    def get_coro(self) -> Any:
        return self._driver.coro

    #: By this name asyncio's reprs and stacks read it.
    _coro = property(get_coro)

    def cancel(self, msg: object = None) -> bool:
        self._driver.asked = self._driver.disturbed = True
        return super().cancel(msg)

    def uncancel(self) -> int:
        left = super().uncancel()
        if left == 0 and UNCANCEL_TAKES_BACK:
            self._driver.take_back()
        return left

    def __await__(self) -> Generator[Any, None, T]:
        if in_plain_task(self.get_loop()):
            return wait_in_trio(self)
        if self.by_scope and self.cancelled():
            return raise_for_scope(self)
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
    """Make a task on an `EventLoop`."""
    given: Any = coro
    if not asyncio.iscoroutine(given):
        return asyncio.Task(given, loop=loop)  # which raises the right error
    driver = Driver(coro, loop)
    made: Task[T] = Task.__new__(Task)
    made._driver = driver
    if eager_start:
        try:
            start_eagerly(made, loop, name, context)
            if loop.get_debug():
                forget_frames(made, 3)
            return made
        finally:
            del made  # an error of its first step has this frame in its traceback
    Task.__init__(made, driver, loop=loop, name=name, context=context)  # type: ignore[arg-type]
    if loop.get_debug():
        forget_frames(made, 2)
    return made


def forget_frames(made: asyncio.Handle | asyncio.Future[Any], count: int) -> None:
    """Remove portable's own frames from the stack that asyncio's debug mode keeps."""
    source = getattr(made, "_source_traceback", None)
    if source:
        del source[-count:]


def starts_eagerly() -> bool:
    """Say whether the current asyncio task is in its eager first step."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return False
    if task is None or not hasattr(task.get_loop(), "natives"):  # it is on no `EventLoop`
        return False
    # A task that `asyncio.Task()` made has its driver from the end of that step on.
    driver: Driver | None = getattr(task, "_driver", None)
    return driver is None or driver.worker is None


def start_eagerly(task: Any, loop: EventLoop, name: object, context: Context | None) -> None:
    """Initialise a task that starts eagerly: its first step runs now, in this trio task."""
    options: dict[str, Any] = {"name": name, "context": context, "eager_start": True}
    loop.starts_eagerly = True
    try:
        if not trio.lowlevel.in_trio_task():
            Task.__init__(task, task._driver, loop=loop, **options)
            return
        # Closing this scope raises an error if the step has left a trio scope open.
        with trio.CancelScope():  # noqa: ASYNC100 - the step may wait, in the driver
            Task.__init__(task, task._driver, loop=loop, **options)
    finally:
        del task  # an error of its first step has this frame in its traceback
