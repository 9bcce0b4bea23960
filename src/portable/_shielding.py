"""`shield()`: wait for a task without pulling it along when the waiter is cancelled.

A shielded cancel scope would keep the waiter waiting; asyncio's `shield` lets it go at
once. So the shielded job is a task of its own, and the waiter merely waits for its end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from typing import Generic, TypeVar

import anyio

from ._ambient import ambient
from ._arguments import check_awaitables, close_all, coroutine_of
from ._children import failure_of
from ._tasks import Task

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Shield(Generic[T_co]):
    """What `shield()` returns: to be awaited, as often as one likes."""

    __slots__ = ("_task",)

    def __init__(self, task: Task[T_co]) -> None:
        self._task = task

    def __await__(self) -> Generator[object, None, T_co]:
        task = self._task
        try:
            if not task.done():
                yield from _wait(task).__await__()
            return task.result()
        finally:
            del self, task  # see `Task._retrieve`

    def __repr__(self) -> str:
        return f"<shield of {self._task!r}>"


async def _wait(task: Task[object]) -> None:
    try:
        await task._handle.wait()
    except anyio.get_cancelled_exc_class():
        if not task.done() or task.cancelled() or failure_of(task) is not None:
            raise
        # It was ready when the cancellation came, and is delivered (D10).


def shield(aw: Awaitable[T]) -> Shield[T]:
    """Protect a task from the cancellation of whoever awaits it.

    Stands for `asyncio.shield()`: `await shield(task)` is `await task`, but when the one who
    awaits is cancelled it leaves at once, and the task goes on. A coroutine, or anything
    else that can be awaited, becomes a task of `run()`, as by `create_task()`, and begins
    although nobody awaits the shield. What the task raises when its waiter has left is
    raised by the block it belongs to (D6).

    Args:
        aw: a task, a coroutine, anything that can be awaited.

    Returns:
        What to await for the result. Keep a reference to a task to await it again later.

    Raises:
        BaseException: (when awaited) what the task raised, the very object.
        TaskCancelled: (when awaited) the task itself was cancelled (D4).
        TypeError: `aw` cannot be awaited.
        ValueError: `aw` is a task of another run.
        RuntimeError: there is no `run()` under way to own the task of a coroutine, which is
            closed then; or the coroutine has been used before.

    Differences from asyncio: D3, D4, D6, D10.

    Example:
        >>> import portable
        >>> async def save():
        ...     await portable.sleep(3)
        ...     print("saved after", portable.current_time())
        >>> async def main():
        ...     try:
        ...         await portable.wait_for(portable.shield(save()), timeout=1)
        ...     except TimeoutError:
        ...         print("gave up after", portable.current_time())
        ...     await portable.sleep(5)
        >>> portable.run(main, virtual_time=True)
        gave up after 1.0
        saved after 3.0
    """
    check_awaitables("shield", "aw", [aw])
    if isinstance(aw, Task):
        return Shield(aw)
    supervisor = ambient.supervisor
    if supervisor is None:
        close_all([aw])
        raise RuntimeError(
            "shield(): aw: there is no portable.run() under way in this thread to own the task "
            "of a coroutine; start the program with portable.run(main), or shield a task of a "
            "block: `async with portable.Supervisor() as tasks: await "
            "shield(tasks.create_task(...))`"
        )
    return Shield(supervisor.create_task(coroutine_of(aw)))
