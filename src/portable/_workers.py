"""Children that begin in one task, for as long as none of them has to wait.

A task costs many times what a coroutine does that ends without waiting for anything. So the
children of a call begin one after the other in a task that they share: each is driven to
its first wait by hand. One that ends before it has waited has cost no task. The first one
that does wait keeps the task, and those that are left get one each, at once, before
anything else can run: they begin in the order, and at the moment, they would have.

To the code in them nothing is shared that portable knows of: each child is a `Task` of its
own, with a context of its own. What is shared is the event loop's own task, by which AnyIO
tells who holds a lock: a child that ends without having waited, and leaves a lock held that
it took by `acquire_nowait()`, leaves it to the next one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import copy_context
from time import perf_counter
from types import CoroutineType, FrameType
from typing import Any, Final

import anyio.lowlevel

from ._tasks import Task

SLICE: Final = 0.001
"""How long, in seconds, children may keep the event loop to themselves."""


async def begin_together(
    children: deque[Task[Any]], start: Callable[[deque[Task[Any]], bool], object]
) -> None:
    """Run children one after the other until one waits; run that one to its end.

    Args:
        children: those that have not begun; each is taken out as it begins.
        start: called with those that are left when they cannot go on here, and whether each
            needs a task of its own.
    """
    began = perf_counter()
    while children:
        child = children.popleft()
        child._context = copy_context()
        running = child._run()
        try:
            awaited = running.send(None)
        except StopIteration:
            spoilt = child._cancel_requested
        else:
            start(children, True)
            resuming = resumed(running, awaited)
            del child, running, awaited  # see below
            await resuming
            return
        # The traceback of what a child raised leads to this frame: were the child still in
        # it, the exception would keep itself alive.
        del child, running
        if spoilt:
            # It cancelled itself, and took no notice. The next one would be hit (D1).
            start(children, False)
            return
        if perf_counter() - began > SLICE:
            await anyio.lowlevel.checkpoint()
            began = perf_counter()


class resumed(Generator[Any, Any, None]):  # noqa: N801 - reads as a verb: await resumed(...)
    """Await this to go on with a coroutine that has been driven to its first wait by hand.

    Like `in_context` it shows the coroutine's frames as its own.
    """

    __slots__ = ("_awaited", "_coro", "_waits")

    def __init__(self, coro: Coroutine[Any, Any, None], awaited: object) -> None:
        self._coro: CoroutineType[Any, Any, None] = coro  # type: ignore[assignment]
        self._awaited = awaited
        self._waits = False

    def __await__(self) -> Generator[Any, Any, None]:
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def send(self, value: Any, /) -> Any:
        if self._waits:
            return self._coro.send(value)
        self._waits = True
        awaited, self._awaited = self._awaited, None
        return awaited

    def throw(self, *error: Any) -> Any:
        return self._coro.throw(*error)

    def close(self) -> None:
        self._coro.close()

    @property
    def cr_frame(self) -> FrameType | None:
        frame: FrameType | None = self._coro.cr_frame
        return frame

    @property
    def cr_await(self) -> Any:
        return self._coro.cr_await
