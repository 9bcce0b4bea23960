"""`amap()` and `amap_unordered()`: call a coroutine function for many items.

Both are a worker pool (`_pool.py`) and a place for the results: a list, or a buffer that makes
the workers wait while it is full.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
)
from time import perf_counter
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import anyio

from ._ending import abandon, end_all, running_loop
from ._pool import SLICE, Pool

T = TypeVar("T")
R = TypeVar("R")


async def amap(
    func: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: int | None = None,
) -> list[R]:
    """Call a coroutine function for each item, and collect the results in order.

    asyncio has no such function; `gather(*map(func, items))` is used in its place, with a
    semaphore to bound it. With a limit `amap` takes an item when a job has ended. So the items
    may come from a generator of any length, and memory grows only with the limit and the
    results.

    - If a job fails, the others are cancelled, their end is awaited, and the first failure is
      raised as it is, as by `gather()`. The same holds for an error that `items` raises.
    - An async generator is closed if the call ends before the generator does.
    - With a limit, jobs share tasks, in which they run one after the other. Each job still
      begins with the caller's context variables; only `current_task()` is the same for several.

    Args:
        func: a coroutine function of one item.
        items: an iterable, or an async iterable.
        limit: how many jobs may run at once; `None` for all of them.

    Returns:
        The results, in the order of the items.

    Raises:
        BaseException: the first failure, the very object.
        asyncio.CancelledError: a job was cancelled.
        TypeError: `func` is no coroutine function, `items` cannot be iterated over, or
            `limit` is not a whole number.
        ValueError: `limit` is less than 1.
        RuntimeError: no event loop runs in this thread.

    Differences from asyncio: on trio those of its tasks, T1 to T4.

    Example:
        >>> import asyncio, portable
        >>> async def fetch(number):
        ...     await asyncio.sleep(1)
        ...     return 10 * number
        >>> async def main():
        ...     results = await portable.amap(fetch, range(6), limit=3)
        ...     return results, portable.current_time()
        >>> portable.run(main, virtual_time=True)
        ([0, 10, 20, 30, 40, 50], 2.0)
    """
    results: list[R] = []
    await Pool("amap", func, items, limit, results).run()
    return results


def amap_unordered(
    func: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: int | None = None,
) -> Unordered[R]:
    """Call a coroutine function for each item, and get the results as they come.

    asyncio has no such function; `as_completed(map(func, items))` is used in its place.

    - `async for result in amap_unordered(...)`: the jobs begin with the first step of the
      loop. Leaving the loop early cancels them; `aclose()` awaits their end.
    - `async with amap_unordered(...) as results: async for result in results` is the form in
      which nothing outlives the block: leaving it cancels the jobs and awaits their end.
    - With a limit, at most so many results wait to be taken; then the jobs wait, too. So memory
      does not grow with the number of items.
    - If a job fails, the others are cancelled, their end is awaited, and the first failure is
      raised in the loop, as it is, after the results that came before. A job's
      `StopAsyncIteration` would only end the loop; it is raised as a `RuntimeError`.
    - If you leave the loop, and jobs raise errors as they are cancelled, the block or
      `aclose()` raises these as a group. If you use neither, asyncio logs them.

    Args:
        func: a coroutine function of one item.
        items: an iterable, or an async iterable.
        limit: how many jobs may run at once; `None` for all of them.

    Returns:
        What to iterate over, or to open as a block; it has `aclose()` too.

    Raises:
        BaseException: (in the loop) the first failure, the very object.
        asyncio.CancelledError: (in the loop) a job was cancelled.
        TypeError: `func` is no coroutine function, `items` cannot be iterated over, or
            `limit` is not a whole number.
        ValueError: `limit` is less than 1.
        RuntimeError: (in the loop) no event loop runs in this thread.

    Differences from asyncio: on trio those of its tasks, T1 to T4.

    Example:
        >>> import asyncio, portable
        >>> async def fetch(number):
        ...     await asyncio.sleep(number)
        ...     return number
        >>> async def main():
        ...     async with portable.amap_unordered(fetch, [3, 1, 2], limit=2) as results:
        ...         return [result async for result in results]
        >>> portable.run(main, virtual_time=True)
        [1, 3, 2]
    """
    return Unordered(_Buffer(func, items, limit))


class _Buffer(Generic[R]):
    """The results that wait to be taken; while it is full, the pool's workers wait."""

    def __init__(
        self,
        func: Callable[[Any], Awaitable[R]],
        items: Iterable[Any] | AsyncIterable[Any],
        limit: int | None,
    ) -> None:
        self._pool = Pool("amap_unordered", func, items, limit, self._put, detached=True)
        self._limit = limit
        self._results: deque[R] = deque()
        self._filled: asyncio.Future[None] | None = None
        self._space: list[asyncio.Future[None]] = []
        self._ended = False

    async def fill(self) -> None:
        """Run the pool."""
        self._loop = asyncio.get_running_loop()
        try:
            await self._pool.run()
        except StopAsyncIteration as error:
            raise RuntimeError("amap_unordered(): a job raised StopAsyncIteration") from error
        finally:
            self._ended = True
            self._wake_taker()

    def _put(self, result: R) -> asyncio.Future[None] | None:
        """Keep a result; if the buffer is full then, return what the worker has to wait for."""
        self._results.append(result)
        self._wake_taker()
        if self._limit is None or len(self._results) < self._limit:
            return None
        space: asyncio.Future[None] = self._loop.create_future()
        self._space.append(space)
        return space

    def _wake_taker(self) -> None:
        if self._filled is not None and not self._filled.done():
            self._filled.set_result(None)

    async def ready(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Wait until there is a result to take; `False`: there will be none."""
        while not self._results and not self._ended:
            if self._filled is None or self._filled.done():
                self._filled = loop.create_future()
            await asyncio.wait([self._filled])
        return bool(self._results)

    def take(self) -> R:
        """Return the next result; let the workers go on if the buffer is half empty."""
        result = self._results.popleft()
        # Not after each result: it is dearer to wake a worker often than to let it run on.
        if self._space and self._limit is not None and 2 * len(self._results) <= self._limit:
            for space in self._space:
                if not space.done():
                    space.set_result(None)
            self._space.clear()
        return result


class Unordered(Generic[R]):
    """The async iterator that `amap_unordered()` returns; it may be opened as a block first."""

    def __init__(self, buffer: _Buffer[R]) -> None:
        self._buffer = buffer
        self._task: asyncio.Task[None] | None = None
        self._over = False
        self._until = 0.0

    def _begin(self) -> asyncio.Task[None]:
        # The task must not know of this object: see `__del__`.
        loop = running_loop("amap_unordered")
        self._task = loop.create_task(self._buffer.fill(), name="amap_unordered")
        return self._task

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> R:
        if self._over:
            raise StopAsyncIteration
        task = self._task or self._begin()
        try:
            now = perf_counter()
            if now > self._until:
                if self._until:
                    # Results are ready, but the other tasks need a turn now and then, too.
                    await anyio.lowlevel.cancel_shielded_checkpoint()
                self._until = perf_counter() + SLICE
            if await self._buffer.ready(task.get_loop()):
                return self._buffer.take()
            self._over = True
            await task  # raises what a job has failed with
            raise StopAsyncIteration
        except StopAsyncIteration:
            raise
        except GeneratorExit:
            self._over = True
            abandon([task])
            raise
        except BaseException:
            await self.aclose()
            raise
        finally:
            del task

    async def aclose(self) -> None:
        """Cancel the jobs and await their end; a failure that nobody took is raised."""
        over, self._over = self._over, True
        task = self._task
        if task is None:
            return
        try:
            await end_all([task])
            if not over and not task.cancelled():
                task.result()
        finally:
            if task.done():
                self._task = None  # the task keeps its error, whose traceback keeps this object
            del task

    def __del__(self) -> None:
        # Only the garbage collector notices that a loop was left by `break`. Usually that is at
        # once and in this thread. If it is too late, the jobs end with `run()`.
        task = self._task
        if task is not None and not task.done():
            loop = task.get_loop()
            if asyncio._get_running_loop() is loop:
                task.cancel()
            elif not loop.is_closed():
                loop.call_soon_threadsafe(task.cancel)

    async def __aenter__(self) -> Self:
        if self._task is not None or self._over:
            raise RuntimeError(
                "amap_unordered(): it has begun already; open the block first: `async with "
                "amap_unordered(...) as results:`, then iterate over `results`"
            )
        self._begin()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(exc, GeneratorExit):
            self._over = True
            abandon([] if self._task is None else [self._task])
        else:
            await self.aclose()
