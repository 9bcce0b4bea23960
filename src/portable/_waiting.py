"""`wait()`: until some of several tasks have ended, or for a limited time.

It listens to the tasks by their done callbacks and cancels nothing. (`as_completed()`, in
a module of its own, gives them one by one.)
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Any, Final, TypeVar

import anyio
import anyio.lowlevel

from ._arguments import check_task, close_all, state_of
from ._backends import running_loop
from ._checks import name_of, time_limit
from ._children import failure_of
from ._tasks import Task

T = TypeVar("T")

# asyncio's own values, so that its constants can be given too.
FIRST_COMPLETED: Final = "FIRST_COMPLETED"
"""`wait()` until one task has ended. Stands for `asyncio.FIRST_COMPLETED`."""
FIRST_EXCEPTION: Final = "FIRST_EXCEPTION"
"""`wait()` until one has failed, or all have ended. Stands for `asyncio.FIRST_EXCEPTION`."""
ALL_COMPLETED: Final = "ALL_COMPLETED"
"""`wait()` until all tasks have ended. Stands for `asyncio.ALL_COMPLETED`."""

_CHOICES: Final = (FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED)


async def wait(
    tasks: Iterable[Task[T]],
    *,
    timeout: float | None = None,
    return_when: str = ALL_COMPLETED,
) -> tuple[set[Task[T]], set[Task[T]]]:
    """Wait until tasks have ended; tell which have and which have not.

    Stands for `asyncio.wait()`. It cancels nothing: not at the time limit, nor when its
    caller is cancelled, nor when a task fails. A failed task that it returns as done counts
    as seen, so its block does not raise the failure again.

    Args:
        tasks: the tasks to wait for; one at least.
        timeout: seconds to wait at most; `None` for no limit.
        return_when: `FIRST_COMPLETED`, `FIRST_EXCEPTION` (which is `ALL_COMPLETED` where
            none fails; being cancelled is no failure) or `ALL_COMPLETED`.

    Returns:
        Two sets: the tasks that have ended, and those that have not.

    Raises:
        TypeError: `tasks` is not a collection of tasks; coroutines in it are closed.
        ValueError: there are none, one is of another run, `return_when` is none of the
            three, or `timeout` is NaN.
        RuntimeError: no event loop runs in this thread.

    Differences from asyncio: D7.

    Example:
        >>> import portable
        >>> async def main():
        ...     slow, fast = (portable.create_task(portable.sleep(n, n)) for n in (9, 2))
        ...     done, pending = await portable.wait(
        ...         {slow, fast}, return_when=portable.FIRST_COMPLETED
        ...     )
        ...     return done == {fast}, pending == {slow}
        >>> portable.run(main, virtual_time=True)
        (True, True)
    """
    chosen = _tasks_in(tasks, return_when)
    limit = time_limit("wait", "timeout", timeout)
    enough = anyio.Event()
    pending = {task for task in chosen if not task.done()}

    def ended(task: Task[T]) -> None:
        pending.discard(task)
        if not pending or _suffices(task, return_when):
            enough.set()

    for task in chosen:
        if task in pending:
            task.add_done_callback(ended)
        else:
            ended(task)
    try:
        with anyio.move_on_after(None if limit is None else max(limit, 0)):
            await enough.wait()
        if pending:
            # What ends at this very instant has ended too, whichever ran first.
            await anyio.lowlevel.cancel_shielded_checkpoint()
    finally:
        for task in pending:
            task.remove_done_callback(ended)
    done = chosen - pending
    for task in done:
        task._owner.failure_retrieved(task)
    return done, pending


def _suffices(task: Task[Any], return_when: str) -> bool:
    """Whether the end of this one is all that was waited for."""
    if return_when == FIRST_EXCEPTION:
        return failure_of(task) is not None
    return return_when == FIRST_COMPLETED


def _tasks_in(tasks: object, return_when: str) -> set[Task[Any]]:
    """Return the tasks, or raise an error that shows the right call."""
    loop = running_loop("wait")
    # A future of asyncio's is iterable too: that is how it is awaited.
    if isinstance(tasks, Awaitable) or not isinstance(tasks, Iterable):
        close_all([tasks])
        raise TypeError(
            f"wait(): tasks must be a collection of tasks, got {tasks!r}; "
            "write wait({task, other}), with tasks made by create_task()"
        )
    chosen = list(tasks)
    try:
        if not chosen:
            raise ValueError("wait(): tasks is empty; there is nothing to wait for")
        if return_when not in _CHOICES:
            raise ValueError(
                f"wait(): return_when must be one of {', '.join(_CHOICES)}, got {return_when!r}"
            )
        for task in chosen:
            if isinstance(task, Task):
                check_task("wait", "tasks", task, loop)
            elif state_of(task) is not None:
                raise TypeError(
                    "wait(): tasks: coroutines are not accepted, as in asyncio; make it a "
                    f"task: wait({{create_task({name_of(task)}(...))}})"
                )
            else:
                raise TypeError(
                    f"wait(): tasks must hold tasks alone, got {task!r}; "
                    "write wait({task, other}), with tasks made by create_task()"
                )
    except BaseException:
        close_all(chosen)
        raise
    return set(chosen)
