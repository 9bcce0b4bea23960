"""`create_task()`, and the ambient supervisor that owns what it makes.

`run()` opens one supervisor for the whole program and leaves it here, where code anywhere
below finds it without being handed it.
"""

from __future__ import annotations

import threading
from collections.abc import Coroutine
from contextvars import Context
from typing import Any, TypeVar

from ._arguments import close_all
from ._checks import check_context, check_coroutine
from ._groups import Supervisor
from ._tasks import Task

T = TypeVar("T")


class _Ambient(threading.local):
    """The supervisor that `create_task()` uses; an event loop never leaves its thread."""

    supervisor: Supervisor | None = None


ambient = _Ambient()


def create_task(
    coro: Coroutine[Any, Any, T],
    *,
    name: object = None,
    context: Context | None = None,
) -> Task[T]:
    """Start a coroutine as a task, anywhere under `portable.run()`.

    Stands for `asyncio.create_task()`. Tasks left over when the main coroutine ends are
    cancelled and awaited, as by `asyncio.run()`. A failure that nobody retrieved is raised
    by `run()` (D6).

    Args:
        coro: a coroutine object, as `fetch(url)` makes.
        name: a name for it; `Task-1`, `Task-2`, … by default.
        context: the context to run it in; a copy of the current one by default.

    Returns:
        The task, which has not begun to run.

    Raises:
        TypeError: `coro` is not a coroutine, or `context` is no context.
        RuntimeError: no `portable.run()` is under way here; the coroutine is closed. (When
            the task is awaited: the coroutine has been used before.)

    Differences from asyncio: D6, and those of a `Task`: D1, D2, D3, D4, D7, D10.

    Example:
        >>> import portable
        >>> async def fetch(number):
        ...     await portable.sleep(3)
        ...     return number
        >>> async def main():
        ...     task = portable.create_task(fetch(1))
        ...     return await task
        >>> portable.run(main, virtual_time=True)
        1
    """
    supervisor = ambient.supervisor
    try:
        check_coroutine(coro, "create_task")
        check_context(context, "create_task")
        if supervisor is None:
            raise RuntimeError(
                "create_task(): there is no portable.run() under way in this thread to own "
                "the task; start the program with portable.run(main), or open a block: "
                "`async with portable.Supervisor() as tasks: tasks.create_task(...)`"
            )
    except BaseException:
        close_all([coro])
        raise
    return supervisor.create_task(coro, name=name, context=context)
