"""Names of tasks that begin anew with each loop."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any


def number_tasks_anew(
    loop: asyncio.AbstractEventLoop, made: Callable[[object], object] = lambda _: None
) -> None:
    """Let the names that asyncio gives to tasks begin with Task-1 on this loop.

    asyncio counts the tasks of a process, not of a run: a program that prints the name of
    a task would print another one each time it is recorded. A task factory is no way to do
    it, as Python 3.13.0 renames what a factory made to "None".

    Args:
        loop: the loop.
        made: called with each task that is made on it.
    """
    create, numbers = loop.create_task, itertools.count(1)

    def create_task(
        coro: Coroutine[Any, Any, Any], *, name: object = None, **options: Any
    ) -> asyncio.Task[Any]:
        label = f"Task-{next(numbers)}" if name is None else str(name)
        task = create(coro, name=label, **options)
        made(task)
        return task

    loop.create_task = create_task  # type: ignore[assignment,method-assign]
