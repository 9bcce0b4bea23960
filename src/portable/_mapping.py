"""`amap()` and `amap_unordered()`: a coroutine function over many items.

Both are a crew of workers (see `_crew`) and a place for the results: a list, or a buffer
that holds the workers up while nobody takes from it. `amap_unordered()` cannot be an async
generator: one that is left in the middle would leave its workers behind, and trio forbids
to keep their group open across a `yield`. So its crew is one task, of `run()` or of a block
of its own, and the iterator only takes from the buffer.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from time import perf_counter
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar, cast

import anyio
import anyio.lowlevel

from ._ambient import ambient
from ._backends import running_loop
from ._children import caller_message
from ._crew import Crew
from ._groups import Supervisor
from ._tasks import Task
from ._workers import SLICE

T = TypeVar("T")
R = TypeVar("R")

_MISSING: Final[Any] = object()


async def amap(
    func: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: int | None = None,
) -> list[R]:
    """Run a coroutine function on each item, and collect the results in order.

    asyncio has no such function; `gather(*map(func, items))` is used in its place, with a
    semaphore to bound it. `amap` makes neither a coroutine nor a task for an item before its
    turn: with a limit, items are taken as jobs end, so that they may come from a generator
    of any length, and memory grows with the limit and the results only.

    - When a job fails, the others are cancelled, their end is awaited, and the first
      failure is raised as it is, as by `gather()`. So it is with what `items` raises.
    - An async generator is closed when the call ends before it does.
    - With a limit, jobs run one after the other in tasks that they share. They begin with
      the caller's context variables all the same; what must differ between them is
      `current_task()`.

    Args:
        func: a coroutine function of one item.
        items: an iterable, or an async iterable.
        limit: how many jobs may run at once; `None` for all of them.

    Returns:
        The results, in the order of the items.

    Raises:
        BaseException: the first failure, the very object.
        TaskCancelled: a job was cancelled (D4).
        TypeError: `func` is no coroutine function, `items` cannot be iterated over, or
            `limit` is not a whole number.
        ValueError: `limit` is less than 1.
        RuntimeError: no event loop runs in this thread.

    Differences from asyncio: D1, D3, D4, D5, D7.

    Example:
        >>> import portable
        >>> async def fetch(number):
        ...     await portable.sleep(1)
        ...     return 10 * number
        >>> async def main():
        ...     results = await portable.amap(fetch, range(6), limit=3)
        ...     return results, portable.current_time()
        >>> portable.run(main, virtual_time=True)
        ([0, 10, 20, 30, 40, 50], 2.0)
    """
    results: list[R] = []

    def store(number: int, result: R) -> None:
        while len(results) <= number:
            results.append(_MISSING)
        results[number] = result

    await Crew("amap", func, items, limit, store, results).run()
    return results


def amap_unordered(
    func: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: int | None = None,
) -> Unordered[R]:
    """Run a coroutine function on each item, and get the results as they come.

    asyncio has no such function; `as_completed(map(func, items))` is used in its place.

    - `async for result in amap_unordered(...)` runs the jobs under `run()`. They begin with
      the first step of the loop. Leaving the loop early cancels them; `run()`, and `aclose()`,
      await their end.
    - `async with amap_unordered(...) as results: async for result in results` is the form in
      which nothing outlives the block (D5): leaving it cancels the jobs and awaits their end.
      It needs no `run()`.
    - With a limit, as many results may wait to be taken; then the jobs wait too. So memory
      does not grow with the number of items.
    - When a job fails, the others are cancelled, their end is awaited, and the first failure
      is raised in the loop, as it is, after the results that came before. If the loop has
      been left, `run()` or the block raises it (D6).

    Args:
        func: a coroutine function of one item.
        items: an iterable, or an async iterable.
        limit: how many jobs may run at once; `None` for all of them.

    Returns:
        What to iterate over, or to open as a block; it has `aclose()` too.

    Raises:
        BaseException: (in the loop) the first failure, the very object.
        TaskCancelled: (in the loop) a job was cancelled (D4).
        TypeError: `func` is no coroutine function, `items` cannot be iterated over, or
            `limit` is not a whole number.
        ValueError: `limit` is less than 1.
        RuntimeError: (in the loop) there is neither a `run()` under way nor a block.

    Differences from asyncio: D1, D3, D4, D5, D6, D7.

    Example:
        >>> import portable
        >>> async def fetch(number):
        ...     await portable.sleep(number)
        ...     return number
        >>> async def main():
        ...     async with portable.amap_unordered(fetch, [3, 1, 2], limit=2) as results:
        ...         return [result async for result in results]
        >>> portable.run(main, virtual_time=True)
        [1, 3, 2]
    """
    return Unordered(_Buffer(func, items, limit))


class _Buffer(Generic[R]):
    """Results between a crew, which waits where it is full, and whoever takes them."""

    def __init__(
        self,
        func: Callable[[Any], Awaitable[R]],
        items: Iterable[Any] | AsyncIterable[Any],
        limit: int | None,
    ) -> None:
        self._crew = Crew("amap_unordered", func, items, limit, self._put)
        self._limit = limit
        self._results: deque[R] = deque()
        self._filled: anyio.Event | None = None
        self._emptied: anyio.Event | None = None
        self._ended = False

    async def fill(self) -> None:
        """Run the crew."""
        try:
            await self._crew.run()
        finally:
            self._ended = True
            self._wake_takers()

    def _put(self, number: int, result: R) -> anyio.Event | None:
        self._results.append(result)
        self._wake_takers()
        if self._limit is None or len(self._results) < self._limit:
            return None
        if self._emptied is None:
            self._emptied = anyio.Event()
        return self._emptied

    def _wake_takers(self) -> None:
        if self._filled is not None:
            self._filled.set()
            self._filled = None

    async def ready(self) -> bool:
        """Wait until there is a result to take; `False` if there will be none."""
        while not self._results and not self._ended:
            if self._filled is None:
                self._filled = anyio.Event()
            await self._filled.wait()
        return bool(self._results)

    def take(self) -> R:
        result = self._results.popleft()
        # Not with each one taken: a worker that waits costs more than one that runs on.
        if self._emptied is not None and 2 * len(self._results) <= cast("int", self._limit):
            self._emptied.set()
            self._emptied = None
        return result


class Unordered(Generic[R]):
    """What `amap_unordered()` returns: to be iterated over, or opened as a block first."""

    def __init__(self, buffer: _Buffer[R]) -> None:
        self._buffer = buffer
        self._block: Supervisor | None = None
        self._task: Task[None] | None = None
        self._over = False
        self._turn = 0.0

    def _begin(self, supervisor: Supervisor | None) -> Task[None]:
        running_loop("amap_unordered")
        if supervisor is None:
            raise RuntimeError(
                "amap_unordered(): there is no portable.run() under way in this thread to own "
                "the jobs; start the program with portable.run(main), or write `async with "
                "amap_unordered(...) as results: async for result in results`, which owns them"
            )
        self._thread = threading.get_ident()
        # The task must not know of this object: see `__del__`.
        self._task = supervisor.create_task(self._buffer.fill(), name="amap_unordered")
        return self._task

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> R:
        if self._over:
            raise StopAsyncIteration
        task = self._task or self._begin(ambient.supervisor)
        try:
            if perf_counter() - self._turn > SLICE:
                # That results are ready is no reason to keep everybody else waiting.
                await anyio.lowlevel.checkpoint()
                self._turn = perf_counter()
            if await self._buffer.ready():
                return self._buffer.take()
            self._over = True
            await task  # raises what the jobs have failed with
            raise StopAsyncIteration
        except anyio.get_cancelled_exc_class():
            if self._block is None:
                await self.aclose()
            raise

    async def aclose(self) -> None:
        """Cancel the jobs and await their end; what they raise then is raised by `run()`."""
        self._over = True
        if self._task is not None and not self._task.done():
            self._task.cancel(caller_message())
            with anyio.CancelScope(shield=True):
                while not self._task.done():
                    await self._task._handle.wait()

    def __del__(self) -> None:
        # A loop that is left by `break` or an exception tells nobody but the garbage
        # collector, which as a rule comes at once, and in this thread. Should it come in
        # another, or too late, the jobs end with `run()`.
        task = self._task
        if task is not None and not task.done() and threading.get_ident() == self._thread:
            task.cancel()

    async def __aenter__(self) -> Self:
        if self._task is not None or self._over:
            raise RuntimeError(
                "amap_unordered(): it has begun already; open the block first: `async with "
                "amap_unordered(...) as results:`, then iterate over `results`"
            )
        block = Supervisor()
        await block.__aenter__()
        self._block = block
        self._begin(block)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        assert self._block is not None
        self._over = True
        self._block.message = caller_message()
        self._block._shut_down()
        return await self._block.__aexit__(exc_type, exc, traceback)
