"""Done callbacks: who wants to be told that a task has ended, and the telling."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, copy_context
from inspect import iscoroutine
from typing import TYPE_CHECKING, Any, TypeVar

from ._checks import check_context
from ._outcome import PENDING, Outcome

if TYPE_CHECKING:
    from ._tasks import Task

T_co = TypeVar("T_co", covariant=True)


class Announcing(Outcome[T_co]):
    """The part of a task that calls whoever wants to know of its end."""

    __slots__ = ("_callbacks",)

    _callbacks: list[tuple[Callable[[Task[Any]], object], Context]] | None

    def add_done_callback(
        self, fn: Callable[[Task[Any]], object], *, context: Context | None = None
    ) -> None:
        """Have `fn(task)` called when the task has ended.

        Stands for `asyncio.Task.add_done_callback()`. On a task that has ended already it
        is called soon, before the block the task belongs to ends. An exception that it
        raises is raised at the end of that block (D6).

        Args:
            fn: called with the task; what it returns is ignored. Not a coroutine function.
            context: where to run it; a copy of the current context by default.

        Raises:
            TypeError: `fn` cannot be called, or `context` is no context.
        """
        if not callable(fn):
            raise TypeError(
                f"add_done_callback(): fn must be a function of the task, got {fn!r}; "
                "write task.add_done_callback(print)"
            )
        check_context(context, "add_done_callback")
        if context is None:
            context = copy_context()
        if self._state is not PENDING:
            self._owner.call_soon(lambda: self._call(fn, context))
        elif self._callbacks is None:
            self._callbacks = [(fn, context)]
        else:
            self._callbacks.append((fn, context))

    def remove_done_callback(self, fn: Callable[[Task[Any]], object]) -> int:
        """Forget a callback. Stands for `asyncio.Task.remove_done_callback()`.

        Args:
            fn: the function that was given to `add_done_callback()`.

        Returns:
            How many times it had been added.
        """
        before = self._callbacks or []
        self._callbacks = [entry for entry in before if entry[0] != fn]
        return len(before) - len(self._callbacks)

    def _call_back(self) -> None:
        while self._callbacks:
            self._call(*self._callbacks.pop(0))

    def _call(self, fn: Callable[[Task[Any]], object], context: Context) -> None:
        try:
            returned = context.run(fn, self._task)
            if iscoroutine(returned):
                name = returned.__name__
                returned.close()
                raise TypeError(
                    f"add_done_callback(): fn must be a function, not the coroutine function "
                    f"{name!r}, which nobody would await; write "
                    f"task.add_done_callback(lambda task: create_task({name}(...)))"
                )
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            self._owner.callback_failed(error)
