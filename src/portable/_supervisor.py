"""`Supervisor`: a block of tasks that fail alone.

It is `asyncio.TaskGroup` without the rule that one failure cancels all. The loop makes the
tasks, and the block waits for them at its end. It needs no current asyncio task, so it can be
used in tasks of AnyIO and trio, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from types import TracebackType
from typing import Any, Self, TypeVar

from ._ending import abandon, close_all, end_all, failed_unseen, running_loop

T = TypeVar("T")


class Supervisor:
    """A block of tasks that keep their failures to themselves.

    `async with Supervisor() as tasks:` waits at its end for the tasks it started. One that
    fails disturbs neither the others nor the body.

    - When all tasks have ended, failures that nobody has retrieved (by `await`, `result()` or
      `exception()`) are raised together as one `ExceptionGroup`, in the order in which they
      happened.
    - If the body raises or is cancelled, the tasks are cancelled first, and their end is
      awaited. Then the body's error is raised: as it is, or in one group with unretrieved
      failures. If there are such failures, their group also replaces a cancellation.
    - A cancelled task is no failure.

    asyncio has no such class; its `create_task()` and `gather(return_exceptions=True)` are
    used in its place. It is Kotlin's `supervisorScope` and aiotools' `Supervisor`.

    Differences from asyncio: on trio those of its tasks, T1 to T4.

    Example:
        >>> import portable
        >>> async def divide(a, b):
        ...     return a / b
        >>> async def main():
        ...     async with portable.Supervisor() as tasks:
        ...         good, bad = (tasks.create_task(divide(1, n)) for n in (2, 0))
        ...         print(await good)
        ...         try:
        ...             await bad
        ...         except ZeroDivisionError as error:
        ...             print(error)
        >>> portable.run(main)
        0.5
        division by zero
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: dict[asyncio.Task[Any], None] = {}  # a set that keeps the order
        self._failed: list[asyncio.Task[Any]] = []
        self._closing = False
        self._all_ended: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        if self._loop is not None:
            raise RuntimeError("Supervisor: it has been entered before; make a new one")
        self._loop = running_loop("Supervisor")
        return self

    def create_task(
        self,
        coro: Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: Context | None = None,
        **options: Any,
    ) -> asyncio.Task[T]:
        """Start a coroutine as a task of this block.

        Stands for `asyncio.TaskGroup.create_task()`.

        Args:
            coro: a coroutine object, as `fetch(url)` makes.
            name: a name for it; `Task-1`, `Task-2`, … by default.
            context: the context to run it in; a copy of the current one by default.
            options: what else the loop's `create_task()` takes (`eager_start`).

        Raises:
            RuntimeError: the block is not open; the coroutine is closed.
            TypeError: `coro` is not a coroutine.
        """
        if self._loop is None or self._closing:
            close_all([coro])
            state = "is shutting down" if self._closing else "has not been entered"
            raise RuntimeError(
                f"create_task(): this Supervisor {state}; write `async with Supervisor() as "
                "tasks:` and start tasks inside the block"
            )
        if context is None and not options:  # the call without `**` is the cheaper one
            task = self._loop.create_task(coro, name=name)
        else:
            task = self._loop.create_task(coro, name=name, context=context, **options)
        if not task.done():
            self._tasks[task] = None
            task.add_done_callback(self._ended)
        else:
            self._ended(task)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if not self._tasks and self._all_ended is not None and not self._all_ended.done():
            self._all_ended.set_result(None)
        # Not task.exception(), after which the failure would count as seen.
        if failed_unseen(task):
            self._failed.append(task)

    def cancel(self, msg: object = None) -> None:
        """Cancel every task of this block that has not ended; the body goes on.

        Args:
            msg: the message of the `CancelledError` that whoever awaits a task gets.
        """
        for task in list(self._tasks):
            task.cancel(msg)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        cancellation: BaseException | None = None
        assert self._loop is not None
        try:
            if isinstance(exc, GeneratorExit):
                self._closing = True
                abandon(self._tasks)
                return
            if exc is None:
                try:
                    while self._tasks:
                        # Not asyncio.wait(), which adds a callback to each task and removes it.
                        self._all_ended = self._loop.create_future()
                        await self._all_ended
                except GeneratorExit:
                    abandon(self._tasks)
                    raise
                except BaseException as error:  # cancelled, by asyncio, AnyIO or trio
                    cancellation = error
            if self._tasks:
                self._closing = True
                await end_all(self._tasks)
            self._closing = True
            errors = [
                failure
                for task in self._failed
                if failed_unseen(task) and (failure := task.exception()) is not None
            ]
            if errors:
                _raise(errors, exc)
            if cancellation is not None:
                raise cancellation
        finally:
            self._failed.clear()
            errors = []
            del exc, cancellation


def _raise(errors: list[BaseException], body: BaseException | None) -> None:
    message = "unretrieved failures in a Supervisor"
    if isinstance(body, (KeyboardInterrupt, SystemExit)):
        if body.__cause__ is None:
            body.__cause__ = BaseExceptionGroup(message, errors)
        return
    if isinstance(body, Exception) and body not in errors:
        errors = [body, *errors]
    raise BaseExceptionGroup(message, errors)
