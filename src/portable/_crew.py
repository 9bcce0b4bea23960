"""A crew: at most so many workers that run one job after the other, each on the next item.

What `amap()` and `amap_unordered()` stand on. The workers are children of the call (see
`_children`). They share one iterator over the items, so nothing has to be handed over: a
worker that is free takes the next item itself, and none is taken before there is a worker
free for it. A task for every item would cost a hundred times as much.

A task that runs one job after the other has to keep them apart:

- each job begins in the caller's context variables: a worker whose job has changed one
  gives way to a new worker;
- so does a worker whose job was cancelled and went on all the same: it would be cancelled
  again in its next job (D1);
- jobs that never wait would keep everybody else waiting: after a millisecond of such jobs
  the event loop gets a turn.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
)
from contextvars import copy_context
from itertools import chain, count, islice
from time import perf_counter
from types import CoroutineType
from typing import Generic, TypeVar, cast

import anyio
import anyio.lowlevel

from ._arguments import close_all, state_of
from ._backends import running_loop
from ._checks import name_of
from ._children import Children, spoils
from ._tasks import Task, current_task
from ._workers import SLICE

T = TypeVar("T")
R = TypeVar("R")


class Crew(Generic[T, R]):
    """Runs `func` on each item, by at most `limit` workers.

    Args:
        caller: the helper's name, for error messages.
        func: the coroutine function.
        items: the items, an iterable or an async iterable.
        limit: how many jobs at once, or `None` for all of them.
        deliver: called with the number of an item and its result; it may return an event,
            for the worker to wait for before it takes the next item.
        in_order: a list for the results, which makes do without `deliver` as long as jobs
            end in order.
    """

    def __init__(
        self,
        caller: str,
        func: Callable[[T], Awaitable[R]],
        items: Iterable[T] | AsyncIterable[T],
        limit: int | None,
        deliver: Callable[[int, R], anyio.Event | None],
        in_order: list[R] | None = None,
    ) -> None:
        _check(caller, func, items, limit)
        self._caller = caller
        self._func = func
        self._items = items
        self._limit = limit
        self._deliver = deliver
        self._in_order = in_order
        self._exhausted = False
        self._pulled = 0
        self._latest = 0.0
        self._tired = False

    async def run(self) -> None:
        """Run all jobs; raise the first failure as it is, when the others have ended."""
        running_loop(self._caller)
        await anyio.lowlevel.checkpoint_if_cancelled()
        children = self._children = Children(spoils)
        if isinstance(self._items, AsyncIterable):
            hiring = self._hire_for_stream(aiter(self._items))
        else:
            hiring = self._hire(enumerate(self._items))
        try:
            await children.run([hiring])
            children.settle(self._caller, cancelled=children.gave_way or not self._exhausted)
        finally:
            if isinstance(self._items, AsyncGenerator):
                # Whoever wrote `amap(func, generator())` has no name to close it by.
                await self._items.aclose()

    # -- an iterable --------------------------------------------------------------------

    async def _hire(self, jobs: Iterator[tuple[int, T]]) -> None:
        """Start workers, twice as many each time that those at work leave a turn to others.

        If no job ever waits, one worker does them all, and starting more would be in vain.
        """
        self._context = copy_context()
        hired = 0
        while self._limit is None or hired < self._limit:
            wanted = max(1, hired)
            if self._limit is not None:
                wanted = min(wanted, self._limit - hired)
            for job in islice(jobs, wanted):
                self._children.start(self._take(chain((job,), jobs), jobs))
                wanted -= 1
                hired += 1
            if wanted:
                self._exhausted = True
                return
            await anyio.lowlevel.checkpoint()

    async def _take(self, mine: Iterator[tuple[int, T]], rest: Iterator[tuple[int, T]]) -> None:
        if await self._work(mine):
            self._exhausted = True
        else:
            self._context.run(self._children.start, self._take(rest, rest))

    # -- an async iterable --------------------------------------------------------------

    async def _hire_for_stream(self, items: AsyncIterator[T]) -> None:
        self._context = copy_context()
        self._pulling = anyio.Lock(fast_acquire=True)
        for _ in count() if self._limit is None else range(self._limit):
            job = await self._pull(items)
            if job is None:
                return
            self._children.start(self._take_from_stream([job], items))

    async def _take_from_stream(
        self, jobs: list[tuple[int, T]], items: AsyncIterator[T]
    ) -> None:
        while await self._work(jobs):
            job = await self._pull(items)
            if job is None:
                return
            jobs = [job]
        self._context.run(self._children.start, self._take_from_stream([], items))

    async def _pull(self, items: AsyncIterator[T]) -> tuple[int, T] | None:
        """Return the next item with its number, or `None` when there are no more."""
        async with self._pulling:  # an async generator serves one at a time
            if self._exhausted:
                return None
            try:
                item = await anext(items)
            except StopAsyncIteration:
                self._exhausted = True
                return None
            self._pulled += 1
            return self._pulled - 1, item

    # -- both ---------------------------------------------------------------------------

    async def _work(self, jobs: Iterable[tuple[int, T]]) -> bool:
        """Run jobs one after the other; say whether this worker is fit for more."""
        func, deliver = self._func, self._deliver
        worker = cast("Task[None]", current_task())
        context = copy_context()
        in_order = self._in_order
        began = before = self._latest = perf_counter()
        next_look = 0
        for number, item in jobs:
            aw = func(item)
            if type(aw) is not CoroutineType and not isinstance(aw, Awaitable):
                raise TypeError(self._not_awaitable(aw))
            result = await aw
            if in_order is not None and number == len(in_order):
                in_order.append(result)
            else:
                full = deliver(number, result)
                if full is not None and not worker._cancel_requested:
                    await full.wait()
            if worker._cancel_requested or copy_context() != context:
                return False
            if number < next_look:
                continue
            now = perf_counter()
            # Short jobs are the ones for which looking at the clock is dear.
            next_look = number + (8 if now - before < SLICE / 50 else 0)
            if self._latest is not before:
                began = now  # others have worked meanwhile
            elif now - began > SLICE or self._tired:
                self._tired = True
                await anyio.lowlevel.checkpoint()
                self._tired = False
                began = now = perf_counter()
            self._latest = before = now
        return True

    def _not_awaitable(self, value: object) -> str:
        name = name_of(self._func)
        return (
            f"{self._caller}(): func must be a coroutine function; {name}() returned "
            f"{value!r}. Write `async def {name}(item)`, or for a function that blocks "
            f"`async def call(item): return await to_thread({name}, item)`"
        )


def _check(caller: str, func: object, items: object, limit: object) -> None:
    """Raise an error that shows the right call for what cannot be mapped."""
    right = f"write {caller}(func, items, limit=10), with `async def func(item)`"
    if state_of(func) is not None:
        close_all([func])
        raise TypeError(f"{caller}(): func must be a function, not a coroutine; {right}")
    if not callable(func):
        raise TypeError(f"{caller}(): func must be a coroutine function, got {func!r}; {right}")
    if not isinstance(items, (Iterable, AsyncIterable)):
        close_all([items])
        name = name_of(items)
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
