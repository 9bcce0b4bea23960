"""The blocks that own tasks: `Supervisor` and `TaskGroup`.

A block is an AnyIO task group whose children never raise (see `_tasks`), so AnyIO ends it
early for two reasons alone: its body raised, or somebody cancelled it. What a failing task
means is decided here: to a `TaskGroup` it ends the block; a `Supervisor` lets the others go
on and raises at the end what nobody has seen by then.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from contextvars import Context
from types import CoroutineType, TracebackType
from typing import Any, Self, TypeVar

import anyio
import anyio.abc
import anyio.lowlevel

from ._arguments import close_all
from ._backends import native_task_getter, running_loop
from ._cancellation import holds_cancellation
from ._checks import check_context, check_coroutine
from ._tasks import Task

T = TypeVar("T")


class _Block(ABC):
    """What `Supervisor` and `TaskGroup` have in common."""

    loop: object
    _group: anyio.abc.TaskGroup

    def __init__(self) -> None:
        self.pending: set[Task[Any]] = set()
        self._entered = False
        self._finished = False
        self.cancelled = False
        self.message: object = None
        self._callback_errors: list[BaseException] = []

    def create_task(
        self,
        coro: Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> Task[T]:
        """Start a coroutine as a task of this block.

        Args:
            coro: a coroutine object, as `fetch(url)` makes.
            name: a name for it; `Task-1`, `Task-2`, … by default.
            context: the context to run it in; a copy of the current one by default.

        Returns:
            The task, which has not begun to run.

        Raises:
            TypeError: `coro` is not a coroutine, or `context` is no context.
            RuntimeError: the block has not begun, or has ended; the coroutine is closed.
                (When the task is awaited: the coroutine has been used before.)
        """
        try:
            if type(coro) is not CoroutineType or context is not None:  # else all is well
                caller = f"{type(self).__name__}.create_task"
                check_coroutine(coro, caller)
                check_context(context, caller)
            problem = self._refusal()
            if problem is not None:
                raise RuntimeError(problem)
        except BaseException:
            close_all([coro])
            raise
        task = Task(coro, self, name=name, context=context)
        task._handle = self._group.create_task(task._run(), name=task._name)
        self.pending.add(task)
        return task

    def _refusal(self) -> str | None:
        """Say why no task can be created now, or `None`."""
        kind = type(self).__name__
        if not self._entered:
            return (
                f"create_task(): this {kind} has not been entered; "
                f"write `async with {kind}() as tasks:` and create the task inside"
            )
        if self._finished:
            return f"create_task(): this {kind} is finished; create the task inside its block"
        return None

    # -- what its tasks tell it (see `_tasks.Owner`) -----------------------------------

    @abstractmethod
    def task_failed(self, task: Task[Any]) -> None:
        """Take note: the task ended with an exception."""

    @abstractmethod
    def failure_retrieved(self, task: Task[Any]) -> None:
        """Take note: somebody has seen the exception of that task."""

    def callback_failed(self, error: BaseException) -> None:
        """Keep what a done callback raised, for the end of the block."""
        self._callback_errors.append(error)

    def call_soon(self, function: Callable[[], object]) -> None:
        """Call the function before the block ends; at once where it has ended already."""
        if self._finished:
            function()
        else:
            self._group.create_task(_call(function), name="done callback")

    # -- the block --------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._entered:
            kind = type(self).__name__
            raise RuntimeError(
                f"this {kind} has already been entered; it serves one `async with` block: "
                f"make a new {kind}()"
            )
        self.loop = running_loop(f"async with {type(self).__name__}")
        self.native_task: Callable[[], object] = native_task_getter()
        group = anyio.create_task_group()
        await group.__aenter__()
        self._group = group
        self._entered = True
        return self

    async def _leave(self, body: BaseException | None) -> list[BaseException]:
        """Wait for the tasks; return what is to be raised beside their failures.

        That is the body's exception, a cancellation of the block from further out, and the
        `KeyboardInterrupt` or `SystemExit` of a task.
        """
        raised: list[BaseException] = []
        given = body
        if body is not None:
            self.cancelled = True
            if not holds_cancellation(body):
                # It is the body's own and stays as it is; AnyIO's group would wrap it.
                self._group.cancel_scope.cancel()
                raised.append(body)
                given = None
        try:
            swallowed = await self._group.__aexit__(
                type(given) if given else None, given, given.__traceback__ if given else None
            )
            if body is None:
                # trio learns from the children of a group that it was cancelled while it
                # waited, and ours do not tell.
                await anyio.lowlevel.checkpoint_if_cancelled()
            elif given is not None and not swallowed:
                raised.append(given)
        except BaseExceptionGroup as group:
            raised += group.exceptions
        except BaseException as error:
            raised.append(error)
        finally:
            self._finished = True
            for task in list(self.pending):
                task._abandon()
        return raised


class Supervisor(_Block):
    """A block of tasks that keep their failures to themselves.

    `async with Supervisor() as tasks:` waits at its end for the tasks it started. One that
    fails disturbs neither the others nor the body. When all have ended, failures that nobody
    has retrieved (by `await`, `result()` or `exception()`) are raised together as one
    `ExceptionGroup` (D6). When the body raises, the tasks are cancelled, and their end
    awaited, first; the body's own exception is raised as it is where it is the only one.

    asyncio has no such class; its `create_task()` and `gather(return_exceptions=True)` are
    used in its place. It is Kotlin's `supervisorScope` and aiotools' `Supervisor`.

    Differences from asyncio: D6, D9, and those of a `Task`.

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
        super().__init__()
        # A dict for its order: failures are raised in the order in which they happened.
        self._unretrieved: dict[Task[Any], BaseException] = {}

    def task_failed(self, task: Task[Any]) -> None:
        """Keep a failure until somebody retrieves it."""
        self._unretrieved[task] = task._exception

    def failure_retrieved(self, task: Task[Any]) -> None:
        """Let go of a failure that somebody has seen."""
        self._unretrieved.pop(task, None)

    def cancel(self, msg: object = None) -> None:
        """Cancel every task of this block that has not ended; the body goes on.

        Args:
            msg: told to whoever awaits one of them.
        """
        for task in list(self.pending):
            task.cancel(msg)

    def _shut_down(self) -> None:
        """Cancel the block as a whole, tasks still to come included."""
        self.cancelled = True
        self._group.cancel_scope.cancel()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        raised = await self._leave(exc)
        failures = [*self._unretrieved.values(), *self._callback_errors]
        self._unretrieved.clear()
        return _settle("unretrieved failures in a Supervisor", raised, failures, exc)


class TaskGroup(_Block):
    """A block of tasks that stand and fall together.

    Stands for `asyncio.TaskGroup`: the first task that fails cancels the body and the other
    tasks; when all have ended, the failures are raised as one `ExceptionGroup`. A task that
    is cancelled is no failure.

    Differences from asyncio: D1, D3, D7, D9, those of a `Task`, and D6 (what a done callback
    raises is raised with the failures).

    Example:
        >>> import portable
        >>> async def square(number):
        ...     return number * number
        >>> async def main():
        ...     async with portable.TaskGroup() as group:
        ...         tasks = [group.create_task(square(n)) for n in range(3)]
        ...     return [task.result() for task in tasks]
        >>> portable.run(main)
        [0, 1, 4]
    """

    def __init__(self) -> None:
        super().__init__()
        self._errors: list[BaseException] = []

    def _refusal(self) -> str | None:
        problem = super()._refusal()
        if problem is None and self.cancelled:
            return "create_task(): this TaskGroup is shutting down; no task can be added"
        return problem

    def task_failed(self, task: Task[Any]) -> None:
        """Keep the failure, and end the block."""
        self._errors.append(task._exception)
        self._cancel(None)

    def failure_retrieved(self, task: Task[Any]) -> None:
        """A group raises its failures whether somebody has seen them or not."""

    def cancel(self, msg: object = None) -> None:
        """End the block: cancel the body and all tasks; none of this is a failure.

        Stands for `asyncio.TaskGroup.cancel()`, which came in Python 3.15.

        Args:
            msg: told to whoever awaits one of the tasks.
        """
        if self._entered and not self._finished:
            self._cancel(msg)

    def _cancel(self, msg: object) -> None:
        if not self.cancelled:
            self.cancelled = True
            self.message = msg
            self._group.cancel_scope.cancel()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        raised = await self._leave(exc)
        failures = [*self._errors, *self._callback_errors]
        alone = (anyio.get_cancelled_exc_class(), KeyboardInterrupt, SystemExit)
        if exc in raised and not isinstance(exc, alone):
            failures.append(exc)  # the body counts as one of the tasks
            raised.remove(exc)
        return _settle("unhandled errors in a TaskGroup", raised, failures, exc)


def _settle(
    message: str,
    raised: list[BaseException],
    failures: list[BaseException],
    body: BaseException | None,
) -> bool:
    """End an `__aexit__`: raise what is to be raised, in a group where it is a failure."""
    for error in raised:
        # As in asyncio these go alone, not in a group (D9).
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            others = [failure for failure in failures if failure is not error]
            if others and error.__cause__ is None:
                error.__cause__ = BaseExceptionGroup(message, others)
            raise error
    if failures:
        # A cancellation from further out gives way, as in asyncio's TaskGroup: who sent it
        # gets the failures in its place. What the body raised does not.
        cancelled = anyio.get_cancelled_exc_class()
        errors = [error for error in raised if not isinstance(error, cancelled)]
        raise BaseExceptionGroup(message, [*errors, *failures])
    if not raised:
        return True  # whatever the body raised was the block's own cancellation
    if len(raised) > 1:
        raise BaseExceptionGroup(message, raised)
    if raised[0] is body:
        return False
    raise raised[0]


async def _call(function: Callable[[], object]) -> None:
    function()
