"""Which callbacks of a loop are steps of asyncio's tasks.

asyncio's `Task` runs its coroutine by callbacks that it gives its loop: one type for a first
or a bare step, one for a wake-up by a future. Neither has a public name. What they look like
is learned here from a task that is made on a loop that only writes down what it is given, in a
thread of its own, as the importing one may be in the midst of a task.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any, TypeAlias

#: A step in a loop's queue: the task, the callback, its arguments, its context.
Step: TypeAlias = "tuple[asyncio.Task[Any], Callable[..., object], tuple[Any, ...], Context]"


class _Recorder:
    """A loop that only writes down the callbacks it is given, and a future that does."""

    _asyncio_future_blocking = True

    def __init__(self) -> None:
        self.callbacks: list[Callable[..., object]] = []

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        self.callbacks.append(callback)

    def get_debug(self) -> bool:
        return False

    def call_exception_handler(self, context: Any) -> None:
        raise RuntimeError(context)

    def get_loop(self) -> _Recorder:
        return self

    def add_done_callback(self, callback: Any, *, context: Any = None) -> None:
        self.callbacks.append(callback)

    def result(self) -> None:
        return None

    def __await__(self) -> Generator[Any, Any, None]:
        yield self


def _learn() -> tuple[type, type, str]:
    loop: Any = _Recorder()

    async def wait_once() -> None:
        await loop

    def run() -> None:
        asyncio._set_running_loop(loop)
        task: asyncio.Task[None] = asyncio.Task(wait_once(), loop=loop)
        steps.append(loop.callbacks.pop())
        steps[0]()
        steps.append(loop.callbacks.pop())
        steps[1](loop)
        task.result()

    steps: list[Any] = []
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return type(steps[0]), type(steps[1]), steps[1].__name__


_STEP, _WAKEUP, _WAKEUP_NAME = _learn()


def is_step(callback: Any) -> bool:
    """Say whether a callback is a step of a task; the task is its `__self__`."""
    kind = type(callback)
    return kind is _STEP or (kind is _WAKEUP and callback.__name__ == _WAKEUP_NAME)
