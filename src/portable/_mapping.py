"""`amap()` and `amap_unordered()`: a coroutine function over many items.

Both are a pool of workers that share one iterator over the items, and a place for the results:
a list, or a buffer that holds the workers up while nobody takes from it. With a limit a worker
runs one job after the other, so a job costs no task; and an item is taken when a worker is free
for it, so that the items may come from a generator of any length.

A worker keeps its jobs apart. Each begins with the caller's context variables: where a job has
changed one, or has swallowed a cancellation, a new worker goes on. And after a millisecond of
jobs that never wait the event loop gets a turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
)
from contextvars import copy_context
from inspect import isawaitable, iscoroutine
from itertools import chain, islice
from time import perf_counter
from types import CoroutineType, TracebackType
from typing import Any, Final, Generic, Self, TypeVar

import anyio

from ._ending import abandon, close_all, end_all, keep, running_loop

T = TypeVar("T")
R = TypeVar("R")

_MISSING: Final[Any] = object()
#: Seconds of jobs that never wait, after which the event loop gets a turn.
_SLICE = 0.001
#: Short jobs between two looks at the clock.
_LOOK = 8


async def amap(
    func: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: int | None = None,
) -> list[R]:
    """Run a coroutine function on each item, and collect the results in order.

    asyncio has no such function; `gather(*map(func, items))` is used in its place, with a
    semaphore to bound it. With a limit `amap` takes items as jobs end, so that they may come
    from a generator of any length, and memory grows with the limit and the results only.

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

    def store(number: int, result: R) -> None:
        if number == len(results):
            results.append(result)
            return
        while len(results) <= number:
            results.append(_MISSING)
        results[number] = result

    await _Pool("amap", func, items, limit, store, in_order=results).run()
    return results


def amap_unordered(
    func: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: int | None = None,
) -> Unordered[R]:
    """Run a coroutine function on each item, and get the results as they come.

    asyncio has no such function; `as_completed(map(func, items))` is used in its place.

    - `async for result in amap_unordered(...)`: the jobs begin with the first step of the
      loop. Leaving the loop early cancels them; `aclose()` awaits their end.
    - `async with amap_unordered(...) as results: async for result in results` is the form in
      which nothing outlives the block: leaving it cancels the jobs and awaits their end.
    - With a limit, as many results may wait to be taken; then the jobs wait too. So memory
      does not grow with the number of items.
    - When a job fails, the others are cancelled, their end is awaited, and the first failure
      is raised in the loop, as it is, after the results that came before. A job's
      `StopAsyncIteration` would only end the loop; it comes as a `RuntimeError`.
    - What jobs raise when they are cancelled by leaving is raised as a group by the block and
      by `aclose()`; after a loop that was left without them, asyncio logs it.

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


class _Pool(Generic[T, R]):
    """Runs `func` on each item, at most `limit` at once.

    Args:
        caller: the function's name, for error messages.
        func: the coroutine function.
        items: the items, an iterable or an async iterable.
        limit: how many jobs at once, or `None` for all of them.
        deliver: called with the number of an item and its result; it may return a future,
            for the worker to wait for before it takes the next item.
        in_order: a list for the results, which makes do without `deliver` as long as jobs end
            in order.
        detached: whether nobody sees how the pool is cancelled: then it raises the errors of
            jobs in place of that.
    """

    def __init__(
        self,
        caller: str,
        func: Callable[[T], Awaitable[R]],
        items: Iterable[T] | AsyncIterable[T],
        limit: int | None,
        deliver: Callable[[int, R], asyncio.Future[None] | None],
        *,
        in_order: list[R] | None = None,
        detached: bool = False,
    ) -> None:
        _check(caller, func, items, limit)
        self._caller = caller
        self._func = func
        self._items = items
        self._limit = limit
        self._deliver = deliver
        self._in_order = in_order
        self._until = perf_counter() + _SLICE
        self._detached = detached
        self._workers: dict[asyncio.Future[Any], None] = {}  # a set that keeps the order
        self._errors: list[BaseException] = []

    async def run(self) -> None:
        """Run all jobs; raise the first failure as it is, when the others have ended."""
        self._loop = running_loop(self._caller)
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._context = copy_context()
        try:
            if isinstance(self._items, AsyncIterable):
                self._start(self._hire_for_stream(aiter(self._items)))
            else:
                self._hire(enumerate(self._items))
            if self._workers:
                await self._over
        except GeneratorExit:
            abandon(self._workers)
            raise
        except BaseException as error:
            await self._end()
            others = [other for other in self._errors if other is not error]
            try:
                if others and self._detached and isinstance(error, asyncio.CancelledError):
                    raise BaseExceptionGroup(self._others, others) from None
                keep(others, error, self._others)
                raise
            finally:
                del others
        else:
            await self._end()
            if self._errors:
                first, *others = self._errors
                keep(others, first, self._others)
                del others
                try:
                    raise first
                finally:
                    del first
        finally:
            self._errors.clear()

    @property
    def _others(self) -> str:
        return f"other errors in {self._caller}()"

    async def _end(self) -> None:
        await end_all(self._workers)
        if isinstance(self._items, AsyncGenerator):
            # Whoever wrote `amap(func, generator())` has no name to close it by.
            with anyio.CancelScope(shield=True):
                await self._items.aclose()

    def _start(self, coro: Coroutine[Any, Any, object]) -> None:
        worker = self._context.run(self._loop.create_task, coro)
        if not worker.done():
            self._workers[worker] = None
            worker.add_done_callback(self._ended)
        else:
            self._ended(worker)

    def _ended(self, worker: asyncio.Future[Any]) -> None:
        self._workers.pop(worker, None)
        if not worker.cancelled():
            error = worker.exception()
        elif self._over.done():
            error = None  # by the pool itself
        else:
            try:
                worker.result()
            except asyncio.CancelledError as cancelled:
                error = cancelled
        if error is not None:
            self._errors.append(error)
        if (error is not None or not self._workers) and not self._over.done():
            self._over.set_result(None)

    # An iterable -------------------------------------------------------------------------

    def _hire(self, jobs: Iterator[tuple[int, T]]) -> None:
        if self._limit is None:
            for job in jobs:
                self._start(self._work([job]))
        else:
            for job in islice(jobs, self._limit):
                self._start(self._take(chain((job,), jobs), jobs))

    async def _take(self, mine: Iterator[tuple[int, T]], rest: Iterator[tuple[int, T]]) -> None:
        if not await self._work(mine):
            self._start(self._take(rest, rest))

    # An async iterable -------------------------------------------------------------------

    async def _hire_for_stream(self, items: AsyncIterator[T]) -> None:
        self._pulled = 0
        self._exhausted = False
        self._pulling = asyncio.Lock()  # an async generator serves one at a time
        hired = 0
        while self._limit is None or hired < self._limit:
            job = await self._pull(items)
            if job is None:
                return
            hired += 1
            self._start(
                self._work([job])
                if self._limit is None
                else self._take_from_stream([job], items)
            )

    async def _take_from_stream(
        self, jobs: list[tuple[int, T]], items: AsyncIterator[T]
    ) -> None:
        while await self._work(jobs):
            job = await self._pull(items)
            if job is None:
                return
            jobs = [job]
        self._start(self._take_from_stream([], items))

    async def _pull(self, items: AsyncIterator[T]) -> tuple[int, T] | None:
        """Return the next item with its number, or `None` when there are no more."""
        async with self._pulling:
            if self._exhausted:
                return None
            try:
                item = await anext(items)
            except StopAsyncIteration:
                self._exhausted = True
                return None
            self._pulled += 1
            return self._pulled - 1, item

    # Both --------------------------------------------------------------------------------

    async def _work(self, jobs: Iterable[tuple[int, T]]) -> bool:
        """Run jobs one after the other; say whether this worker is fit for more."""
        func, deliver, context = self._func, self._deliver, self._context
        in_order, before_a_look = self._in_order, 1
        me = asyncio.current_task()
        assert me is not None
        looked = perf_counter()
        try:
            for number, item in jobs:
                aw = func(item)
                if type(aw) is not CoroutineType and not isawaitable(aw):
                    raise TypeError(self._not_awaitable(aw))
                result = await aw
                if in_order is not None and number == len(in_order):
                    in_order.append(result)
                else:
                    full = deliver(number, result)
                    if full is not None:
                        await full
                if me.cancelling() or copy_context() != context:
                    return False
                # Looking at the clock costs as much as a short job.
                before_a_look -= 1
                if not before_a_look:
                    now = perf_counter()
                    before_a_look = _LOOK if now - looked < _SLICE / _LOOK else 1
                    if now > self._until:
                        await asyncio.sleep(0)
                        now = perf_counter()
                        # One slice for all workers: the first one back begins the next.
                        if now > self._until:
                            self._until = now + _SLICE
                    looked = now
            return True
        finally:
            del me  # an error would keep this frame, and the task keeps the error

    def _not_awaitable(self, value: object) -> str:
        name = getattr(self._func, "__name__", "func")
        return (
            f"{self._caller}(): func must be a coroutine function; {name}() returned "
            f"{value!r}. Write `async def {name}(item)`, or for a function that blocks "
            f"`async def call(item): return await asyncio.to_thread({name}, item)`"
        )


class _Buffer(Generic[R]):
    """Results between a pool, which waits where it is full, and whoever takes them."""

    def __init__(
        self,
        func: Callable[[Any], Awaitable[R]],
        items: Iterable[Any] | AsyncIterable[Any],
        limit: int | None,
    ) -> None:
        self._pool = _Pool("amap_unordered", func, items, limit, self._put, detached=True)
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

    def _put(self, number: int, result: R) -> asyncio.Future[None] | None:
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
        """Wait until there is a result to take; `False` if there will be none."""
        while not self._results and not self._ended:
            if self._filled is None or self._filled.done():
                self._filled = loop.create_future()
            await asyncio.wait([self._filled])
        return bool(self._results)

    def take(self) -> R:
        result = self._results.popleft()
        # Not with each one taken: a worker that waits costs more than one that runs on.
        if self._space and self._limit is not None and 2 * len(self._results) <= self._limit:
            for space in self._space:
                if not space.done():
                    space.set_result(None)
            self._space.clear()
        return result


class Unordered(Generic[R]):
    """What `amap_unordered()` returns: to be iterated over, or opened as a block first."""

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
                    # That results are ready is no reason to keep everybody else waiting.
                    await anyio.lowlevel.cancel_shielded_checkpoint()
                self._until = perf_counter() + _SLICE
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
                self._task = None  # an error would keep this object, and the task the error
            del task

    def __del__(self) -> None:
        # A loop that is left by `break` tells nobody but the garbage collector, which comes at
        # once as a rule, and in this thread. Where it comes too late the jobs end with run().
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


def _check(caller: str, func: object, items: object, limit: object) -> None:
    """Raise an error that shows the right call for what cannot be mapped."""
    right = f"write {caller}(func, items, limit=10), with `async def func(item)`"
    if iscoroutine(func):
        close_all([func])
        raise TypeError(f"{caller}(): func must be a function, not a coroutine; {right}")
    if not callable(func):
        raise TypeError(f"{caller}(): func must be a coroutine function, got {func!r}; {right}")
    if not isinstance(items, (Iterable, AsyncIterable)):
        close_all([items])
        name = getattr(items, "__name__", "items")
        right = f"call it: {caller}(func, {name}(...))" if callable(items) else right
        raise TypeError(
            f"{caller}(): items must be an iterable or an async iterable, got {items!r}; "
            f"{right}"
        )
    if limit is None:
        return
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise TypeError(
            f"{caller}(): limit must be a whole number of jobs, or None for no limit, "
            f"got {limit!r}"
        )
    if limit < 1:
        raise ValueError(
            f"{caller}(): limit must be 1 or more, or None for no limit, got {limit!r}"
        )
