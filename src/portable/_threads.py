"""`to_thread()`: run a blocking function in a thread.

A thread cannot be cancelled. So the call is a task of `run()`, which waits for the thread
whatever happens, and the caller waits for the task behind a shield: when it is cancelled it
leaves at once, and thread and error still belong to somebody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from inspect import iscoroutinefunction
from typing import Generic, ParamSpec, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

from ._ambient import ambient
from ._arguments import close_all, state_of
from ._backends import running_loop
from ._checks import name_of
from ._shielding import Shield

P = ParamSpec("P")
T = TypeVar("T")


async def to_thread(func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking function in a thread and give what it returns.

    Stands for `asyncio.to_thread()`. The function runs in a copy of the caller's context.
    When the caller is cancelled it leaves at once and the thread goes on; `run()` waits for
    it before it ends, as `asyncio.run()` does. What such a thread raises is raised by
    `run()` (D6). In a program that was not started by `run()` nobody waits for it, and
    `threading.excepthook` reports it, as for any other thread.

    Args:
        func: a function that may block; not a coroutine function.
        args: what to call it with.
        kwargs: what to call it with.

    Returns:
        What the function returns.

    Raises:
        BaseException: what the function raises, the very object.
        TypeError: `func` cannot be called, or is a coroutine function.
        RuntimeError: no event loop runs in this thread.

    Differences from asyncio: D3, D6, D10.

    Example:
        >>> import portable
        >>> async def main():
        ...     return await portable.to_thread(sorted, [3, 1, 2], reverse=True)
        >>> portable.run(main)
        [3, 2, 1]
    """
    _check(func)
    call = partial(func, *args, **kwargs)
    supervisor = ambient.supervisor
    if supervisor is None:
        return await _Unowned(call).run()
    if supervisor.cancelled:
        # The run is about to end and would begin no task; it waits for this caller though.
        return await anyio.to_thread.run_sync(call)
    await anyio.lowlevel.checkpoint_if_cancelled()
    task = supervisor.create_task(_in_thread(call), name=f"to_thread({name_of(func)})")
    try:
        return await Shield(task)
    except anyio.get_cancelled_exc_class():
        task.cancel()  # a call that waits for a free thread never begins
        raise


async def _in_thread(call: Callable[[], T]) -> T:
    return await anyio.to_thread.run_sync(call)


class _Unowned(Generic[T]):
    """A call in a thread for which nobody waits once its caller has left."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._lock = threading.Lock()
        self._left = False
        self._error: BaseException | None = None

    async def run(self) -> T:
        try:
            return await anyio.to_thread.run_sync(self._in_thread, abandon_on_cancel=True)
        except anyio.get_cancelled_exc_class():
            with self._lock:
                self._left = True
                error = self._error  # it came in the very moment in which the caller left
            if error is not None:
                _report(error)
            raise
        finally:
            self._error = None

    def _in_thread(self) -> T:
        try:
            return self._call()
        except BaseException as error:
            with self._lock:
                if not self._left:
                    self._error = error
                    raise
            _report(error)
            raise


def _report(error: BaseException) -> None:
    threading.excepthook(
        threading.ExceptHookArgs(
            (type(error), error, error.__traceback__, threading.current_thread())
        )
    )


def _check(func: object) -> None:
    running_loop("to_thread")
    name = name_of(func)
    if state_of(func) is not None:
        close_all([func])
        raise TypeError(
            f"to_thread(): func must be a function, not a coroutine; await it: `await {name}"
            f"(...)`, or for a function that blocks write to_thread({name}, ...)"
        )
    if not callable(func):
        raise TypeError(
            f"to_thread(): func must be a function, got {func!r}; "
            "write to_thread(function, ...)"
        )
    if iscoroutinefunction(func):
        raise TypeError(
            f"to_thread(): func must be a function that blocks, not the coroutine function "
            f"{name!r}; await it: `await {name}(...)`"
        )
