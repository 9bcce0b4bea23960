"""The worker pool of `amap()` and `amap_unordered()`: tasks that share an iterator over items.

With a limit each worker runs one job after the other, so a job needs no task of its own. A
worker takes an item when it is free, so the items may come from a generator of any length.

Jobs of one worker do not affect each other. Each begins with the caller's context variables: if
a job has changed one, or has swallowed a cancellation, a new worker takes over. And after a
millisecond of jobs that never wait, the event loop gets a turn.
"""

from __future__ import annotations

import asyncio
from bisect import bisect
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
from itertools import chain, islice, repeat
from time import perf_counter
from typing import Any, Final, Generic, TypeVar

import anyio

from ._ending import abandon, attach_errors, close_all, end_all, running_loop

T = TypeVar("T")
R = TypeVar("R")

#: The seconds of jobs that never wait after which the event loop gets a turn.
SLICE: float = 0.001
#: The number of short jobs between two looks at the clock.
_LOOK = 16
#: The number of workers that a slice begins with.
_WOKEN = 10
#: What stands in a list of results where none is yet, and how much room it has at least.
_NOT_YET: Final[Any] = object()
_ROOM = 16


class Pool(Generic[T, R]):
    """Runs `func` on each item, at most `limit` at once.

    Args:
        caller: the name of the public function, for error messages.
        func: the coroutine function.
        items: the items, an iterable or an async iterable.
        limit: how many jobs may run at once; `None`: all.
        into: where the results go: a list, which has them in order in the end; or a function
            that is called with each. It may return a future, for which the worker waits before
            it takes the next item.
        detached: whether nobody awaits a cancelled pool. Then it raises the errors of its jobs
            in place of its cancellation.
    """

    def __init__(
        self,
        caller: str,
        func: Callable[[T], Awaitable[R]],
        items: Iterable[T] | AsyncIterable[T],
        limit: int | None,
        into: list[R] | Callable[[R], asyncio.Future[None] | None],
        *,
        detached: bool = False,
    ) -> None:
        _check(caller, func, items, limit)
        self._caller = caller
        self._func = func
        self._items = items
        self._limit = limit
        self._results: list[R] = into if isinstance(into, list) else []
        self._put = None if isinstance(into, list) else into
        self._until = perf_counter() + SLICE
        self._parked: deque[asyncio.Future[bool]] = deque()  # workers that wait for a slice
        self._turning = False
        self._detached = detached
        self._workers: dict[asyncio.Future[Any], None] = {}  # a set that keeps the order
        self._errors: list[BaseException] = []

    async def run(self) -> None:
        """Run all jobs. When all have ended, raise the first failure as it is."""
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
                    raise BaseExceptionGroup(self._message, others) from None
                attach_errors(others, error, self._message)
                raise
            finally:
                del others
        else:
            await self._end()
            if self._errors:
                first, *others = self._errors
                attach_errors(others, first, self._message)
                del others
                try:
                    raise first
                finally:
                    del first
            self._trim()
        finally:
            self._errors.clear()

    @property
    def _message(self) -> str:
        return f"other errors in {self._caller}()"

    async def _end(self) -> None:
        """End the workers that are left, and the items."""
        await end_all(self._workers)
        if isinstance(self._items, AsyncGenerator):
            # The caller of `amap(func, generator())` has no name for it and cannot close it.
            with anyio.CancelScope(shield=True):
                await self._items.aclose()

    def _start(self, coro: Coroutine[Any, Any, object]) -> None:
        """Start a worker, with the caller's context."""
        worker = self._context.run(self._loop.create_task, coro)
        if not worker.done():
            self._workers[worker] = None
            worker.add_done_callback(self._ended)
        else:
            self._ended(worker)

    def _ended(self, worker: asyncio.Future[Any]) -> None:
        """Note that a worker has ended; its error, or the end of the last one, ends the run."""
        self._workers.pop(worker, None)
        if not worker.cancelled():
            error = worker.exception()
        elif self._over.done():
            error = None  # the pool itself has cancelled it
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
        """Start as many workers as there are jobs, or as the limit allows."""
        if self._limit is None:
            for job in jobs:
                self._start(self._work([job]))
        else:
            for job in islice(jobs, self._limit):
                # An iterator lets go of the job, so that `enumerate` makes its tuple once.
                self._start(self._work(chain(iter([job]), jobs), jobs))

    # An async iterable -------------------------------------------------------------------

    async def _hire_for_stream(self, items: AsyncIterator[T]) -> None:
        """Do the same for an async iterable: a worker starts when its first item is there."""
        self._pulled = 0
        self._exhausted = False
        self._pulling = asyncio.Lock()  # an async generator allows one `anext()` at a time
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
        """Work on jobs, then on items; if one has left traces, let a new worker go on."""
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

    async def _work(
        self, jobs: Iterable[tuple[int, T]], rest: Iterator[tuple[int, T]] | None = None
    ) -> bool:
        """Run jobs one after the other; say whether the worker may go on with more.

        If one has left traces in this worker, a new one does the rest.
        """
        func, results, put, context = self._func, self._results, self._put, self._context
        before_a_look = 1 if self._limit is not None else 0  # of one job: it needs no look
        me = asyncio.current_task()
        assert me is not None
        mine, cancelling = getattr(me, "get_context", _Current)(), me.cancelling
        looked = perf_counter()
        aw: Awaitable[R] | None = None
        try:
            for number, item in jobs:
                aw = func(item)
                try:
                    result = await aw
                except TypeError:
                    if isawaitable(aw):
                        raise
                    raise TypeError(self._not_awaitable(aw)) from None
                if put is None:
                    try:
                        results[number] = result
                    except IndexError:
                        self._make_room(number)
                        results[number] = result
                elif (full := put(result)) is not None:
                    await full
                if mine != context or cancelling():
                    if rest is not None:
                        self._start(self._work(rest, rest))
                    return False
                # A look at the clock takes as long as a short job.
                before_a_look -= 1
                if not before_a_look:
                    now = perf_counter()
                    before_a_look = _LOOK if now - looked < SLICE / _LOOK else 1
                    looked = await self._next_slice() if now > self._until else now
            return True
        finally:
            del me, cancelling, aw  # the task keeps its error, whose traceback keeps this frame

    def _make_room(self, number: int) -> None:
        """Make room for the result of that number, and an eighth more, as a list does."""
        more = number + number // 8 + _ROOM - len(self._results)
        self._results.extend(repeat(_NOT_YET, more))

    def _trim(self) -> None:
        """Remove the room that is left: behind the results, as each job has ended."""
        del self._results[bisect(self._results, False, key=_is_room) :]

    async def _next_slice(self) -> float:
        """Wait until the event loop has had a turn; return the time.

        All workers share a slice. Had each one of its own, a hundred of them would keep the
        loop to themselves for a hundred slices.
        """
        while True:
            parked = self._loop.create_future()
            self._parked.append(parked)
            if not self._turning:
                self._turning = True
                self._loop.call_soon(self._begin_slice)
            goes_on = await parked
            now = perf_counter()
            if goes_on or now <= self._until:
                return now

    def _begin_slice(self) -> None:
        """Begin a slice, with a few workers: a job that really waits leaves its rest to others.

        The first one goes on in any case, however late the loop comes to it.
        """
        self._until = perf_counter() + SLICE
        goes_on = True
        for _ in range(min(len(self._parked), _WOKEN)):
            parked = self._parked.popleft()
            if not parked.done():
                parked.set_result(goes_on)
                goes_on = False
        self._turning = bool(self._parked)
        if self._turning:
            self._loop.call_soon(self._begin_slice)

    def _not_awaitable(self, value: object) -> str:
        name = getattr(self._func, "__name__", "func")
        return (
            f"{self._caller}(): func must be a coroutine function; {name}() returned "
            f"{value!r}. Write `async def {name}(item)`, or for a function that blocks "
            f"`async def call(item): return await asyncio.to_thread({name}, item)`"
        )


def _is_room(result: object) -> bool:
    return result is _NOT_YET


class _Current:
    """Stands for the context of a task that does not tell it: those of Python 3.11."""

    def __ne__(self, context: object) -> bool:
        return copy_context() != context


def _check(caller: str, func: object, items: object, limit: object) -> None:
    """Check the arguments; raise an error that shows the right call if one is wrong."""
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
