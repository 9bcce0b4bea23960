"""Sleeping, the clock, and time limits.

A `Timeout` is an AnyIO cancel scope with asyncio's face. The scope knows whether a
cancellation was its own, so `TimeoutError` is raised for that one alone.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable
from types import CoroutineType, TracebackType
from typing import Any, Final, Self, TypeVar, overload

import anyio
import anyio.lowlevel

from ._arguments import Deferred, check_one, close_all
from ._backends import on_tick, running_loop, running_time
from ._cancellation import holds_cancellation
from ._checks import seconds, time_limit
from ._errors import TaskCancelled
from ._tasks import Task

T = TypeVar("T")

_CREATED: Final = "created"
_ACTIVE: Final = "active"
_EXPIRED: Final = "expired"
_FINISHED: Final = "finished"


@overload
async def sleep(delay: float) -> None: ...
@overload
async def sleep(delay: float, result: T) -> T: ...
async def sleep(delay: float, result: Any = None) -> Any:
    """Let others run until some time has passed.

    Stands for `asyncio.sleep()`.

    Args:
        delay: how long, in seconds; zero or less lets others run once.
        result: what to return.

    Returns:
        `result`.

    Raises:
        TypeError: `delay` is not a number.
        ValueError: `delay` is NaN.
        RuntimeError: no event loop runs in this thread.

    Differences from asyncio: D1, D3, D7.

    Example:
        >>> import portable
        >>> portable.run(portable.sleep, 3600, "done", virtual_time=True)
        'done'
    """
    time = max(seconds("sleep", "delay", delay), 0)
    try:
        await anyio.sleep(time)
    except RuntimeError:
        running_loop("sleep")
        raise
    return result


def current_time() -> float:
    """Return the event loop's clock, in seconds.

    Stands for `asyncio.get_running_loop().time()`. Only differences between two readings
    mean anything.

    Returns:
        Seconds since a moment that each event loop chooses.

    Raises:
        RuntimeError: no event loop runs in this thread.

    Example:
        >>> import portable
        >>> async def main():
        ...     start = portable.current_time()
        ...     await portable.sleep(60)
        ...     return portable.current_time() - start
        >>> portable.run(main, virtual_time=True)
        60.0
    """
    return running_time("current_time")


class Timeout:
    """A time limit around a block of code; made by `timeout()` and `timeout_at()`.

    Stands for `asyncio.Timeout`. `async with` and plain `with` do the same.

    Differences from asyncio: D1 (code in the block that catches the cancellation is
    cancelled again at its next `await`), D8 (code that blocks past the deadline and ends
    without an `await`).

    Example:
        >>> import portable
        >>> async def main():
        ...     async with portable.timeout(None) as limit:
        ...         limit.reschedule(portable.current_time() + 5)
        ...         await portable.sleep(1)
        ...     return limit.when(), limit.expired()
        >>> portable.run(main, virtual_time=True)
        (5.0, False)
    """

    __slots__ = ("_scope", "_state", "_when")

    _scope: anyio.CancelScope

    def __init__(self, when: float | None) -> None:
        self._when = when
        self._state = _CREATED

    def when(self) -> float | None:
        """Return the deadline on the clock of `current_time()`; `None` where there is none."""
        return self._when

    def reschedule(self, when: float | None) -> None:
        """Move the deadline.

        Args:
            when: the new one, in seconds on the clock of `current_time()`; `None` for none.

        Raises:
            RuntimeError: the block has not begun, has expired, or has ended.
            TypeError: `when` is neither a number nor `None`.
            ValueError: `when` is NaN.
        """
        if self._state is _CREATED:
            raise RuntimeError("Timeout has not been entered")
        if self._state is not _ACTIVE or self._scope.cancel_called:
            state = "expiring" if self._state is _ACTIVE else self._state
            raise RuntimeError(f"Cannot change state of {state} Timeout")
        self._when = time_limit("reschedule", "when", when)
        self._scope.deadline = math.inf if self._when is None else on_tick(self._when)

    def expired(self) -> bool:
        """Return whether the deadline has passed and the block was cancelled for it."""
        if self._state is _ACTIVE:
            return self._scope.cancel_called
        return self._state is _EXPIRED

    def __enter__(self) -> Self:
        if self._state is not _CREATED:
            raise RuntimeError("Timeout has already been entered")
        try:
            # Not CancelScope(), whose scopes are initialized twice.
            scope = anyio.move_on_at(None if self._when is None else on_tick(self._when))
            scope.__enter__()
        except RuntimeError:
            running_loop("timeout")
            raise
        self._scope = scope
        self._state = _ACTIVE
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        scope = self._scope
        if exc is not None and scope.cancel_called and not holds_cancellation(exc):
            _explain(exc)  # here, as trio's scope may raise a copy of a group
        swallowed = scope.__exit__(exc_type, exc, traceback)
        self._state = _EXPIRED if scope.cancel_called else _FINISHED
        if swallowed and exc is not None:  # trio's scope says True where there was nothing
            raise TimeoutError from exc

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(exc_type, exc, traceback)

    def __repr__(self) -> str:
        limit = f" when={self._when}" if self._state is _ACTIVE else ""
        return f"<Timeout [{self._state}]{limit}>"


def _explain(error: BaseException) -> None:
    """Put a `TimeoutError` into the history of what code raised while it was cancelled.

    As asyncio does since Python 3.13: the traceback then tells why the clean-up ran.
    """
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            _explain(inner)
    cancelled = anyio.get_cancelled_exc_class()
    later: BaseException = error
    while (earlier := later.__context__) is not None:
        if isinstance(earlier, cancelled):
            reason = TimeoutError()
            reason.__cause__ = earlier
            reason.__context__ = earlier
            later.__context__ = reason
            return
        later = earlier


def timeout(delay: float | None) -> Timeout:
    """Limit the time a block of code may take.

    Stands for `asyncio.timeout()`.

    Args:
        delay: seconds from now; `None` for no limit (one may be set by `reschedule()`).

    Returns:
        A `Timeout`, for `async with` or `with`. The block is cancelled at the deadline, and
        `TimeoutError` raised once it has ended. A timeout or cancellation from elsewhere
        passes through unchanged.

    Raises:
        TypeError: `delay` is neither a number nor `None`.
        ValueError: `delay` is NaN.
        RuntimeError: no event loop runs in this thread.

    Differences from asyncio: D1, D8, as `Timeout` tells.

    Example:
        >>> import portable
        >>> async def main():
        ...     try:
        ...         async with portable.timeout(3):
        ...             await portable.sleep(30)
        ...     except TimeoutError:
        ...         return "took too long"
        >>> portable.run(main, virtual_time=True)
        'took too long'
    """
    limit = time_limit("timeout", "delay", delay)
    return Timeout(None if limit is None else running_time("timeout") + limit)


def timeout_at(when: float | None) -> Timeout:
    """Limit a block of code by a point in time.

    Stands for `asyncio.timeout_at()`.

    Args:
        when: the deadline, in seconds on the clock of `current_time()`; `None` for none.

    Returns:
        A `Timeout`, as `timeout()` does.

    Raises:
        TypeError: `when` is neither a number nor `None`.
        ValueError: `when` is NaN.
        RuntimeError: (when the block is entered) no event loop runs in this thread.

    Differences from asyncio: D1, D8, as `Timeout` tells.

    Example:
        >>> import portable
        >>> async def main():
        ...     async with portable.timeout_at(portable.current_time() + 3) as limit:
        ...         await portable.sleep(1)
        ...     return limit.expired()
        >>> portable.run(main, virtual_time=True)
        False
    """
    return Timeout(time_limit("timeout_at", "when", when))


async def wait_for(aw: Awaitable[T], timeout: float | None) -> T:
    """Await something, for a limited time.

    Stands for `asyncio.wait_for()`. A coroutine runs in the calling task; a task that is not
    done by the deadline is cancelled, and its end awaited. If it ends with a result or an
    error of its own all the same, that is what one gets.

    Args:
        aw: a coroutine, a task, or anything else that can be awaited.
        timeout: seconds from now; `None` for no limit. With zero or less a coroutine never
            starts, and a task that is done gives its result.

    Returns:
        What `aw` returns.

    Raises:
        TimeoutError: it took too long.
        BaseException: what `aw` raises, the very object.
        TaskCancelled: `aw` is a task that somebody else has cancelled (D4).
        TypeError: `aw` cannot be awaited, or `timeout` is neither a number nor `None`.
        ValueError: `timeout` is NaN, or `aw` is a task of another run.
        RuntimeError: `aw` is a coroutine that has been used before, or no event loop runs.

    Differences from asyncio: D1, D3, D4, D8, D10.

    Example:
        >>> import portable
        >>> async def main():
        ...     try:
        ...         await portable.wait_for(portable.sleep(30), timeout=3)
        ...     except TimeoutError:
        ...         return portable.current_time()
        >>> portable.run(main, virtual_time=True)
        3.0
    """
    try:
        check_one("wait_for", "aw", aw)
        limit = time_limit("wait_for", "timeout", timeout)
        now = running_time("wait_for")
    except BaseException:
        close_all([aw])
        raise
    if limit is None:
        return await aw
    if limit > 0:
        with Timeout(now + limit):
            return await aw
    if isinstance(aw, Task):
        return await _expired_task(aw)
    if isinstance(aw, (CoroutineType, Deferred)):
        aw.close()
        # An `await` all the same: others get their turn, and a cancelled caller learns of it.
        await anyio.lowlevel.checkpoint()
        raise TimeoutError
    with Timeout(-math.inf):
        return await aw


async def _expired_task(task: Task[T]) -> T:
    # Not by a scope, which would let a task that has not begun take its first step.
    if not task.cancel():
        return await task  # it has ended: what it came to is not for the limit to say
    try:
        return await task
    except TaskCancelled as error:
        raise TimeoutError from error
