"""Steps: the callbacks by which asyncio's `Task` runs its coroutine.

A `Task` gives its loop callbacks of two types: one for its first step and after a bare `yield`,
one for its wake-up by a future. Neither type has a public name. So this module makes a task on
a recording loop, once, and learns the types from its callbacks. It does so in a thread of its
own, because the importing thread may be inside a task.
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
    """A loop and a future in one, which only records the callbacks that it is given."""

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
    """Say whether a callback is a step of a task; its `__self__` is the task then."""
    kind = type(callback)
    return kind is _STEP or (kind is _WAKEUP and callback.__name__ == _WAKEUP_NAME)
